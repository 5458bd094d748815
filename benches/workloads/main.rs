//! Our engine beside hand-written loops, and our agenda beside other agendas,
//! in one run on one core.
//!
//! `cargo bench` prints events per second of ours and of the baseline and their
//! ratio, then nanoseconds per event of each agenda. What counts is the ratio:
//! machines differ and are noisy. Contestants are measured several times, one
//! after the other, and the best of each is compared.

mod agendas;
mod rare;

use quorate::engine::simulate::Simulator;
use quorate::model::{Model, build};
use quorate::protocol::CATALOGUE;
use quorate::scenario::{NoFiles, Scenario, read};
use rand_distr::{Distribution, Exp1};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// How often each contestant runs.
const ROUNDS: usize = 5;

fn main() {
    // `cargo test --benches` only wants to know that this builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!(
        "{:34} {:>14} {:>14} {:>7}",
        "workload", "ours/s", "baseline/s", "ratio"
    );
    pair(
        "W1 machine repair",
        || ours("benchmarks/w1", 200),
        || hand_written_w1(1_400_000),
    );
    alone("full-copy, 4 nodes", || ours("full-copy/4-node", 100));
    println!();
    rare::print(ROUNDS);
    println!();
    agendas::print(ROUNDS);
}

/// Runs both contestants in turn and prints the best of each.
fn pair(name: &str, ours: impl Fn() -> f64, baseline: impl Fn() -> f64) {
    let (mut best_ours, mut best_baseline) = (0.0f64, 0.0f64);
    for _ in 0..ROUNDS {
        best_ours = best_ours.max(ours());
        best_baseline = best_baseline.max(baseline());
    }
    println!(
        "{name:34} {best_ours:>14.3e} {best_baseline:>14.3e} {:>7.2}",
        best_ours / best_baseline
    );
}

/// Prints the best of a workload for which nobody has written a loop by hand.
fn alone(name: &str, ours: impl Fn() -> f64) {
    let best = (0..ROUNDS).map(|_| ours()).fold(0.0, f64::max);
    println!("{name:34} {best:>14.3e}");
}

fn scenario(name: &str) -> Scenario {
    let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the benchmark scenario is there");
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    read::scenario(name, &text, &around).expect("the benchmark scenario is sound")
}

/// Events per second of our engine on a scenario.
fn ours(name: &str, replications: u64) -> f64 {
    let scenario = scenario(name);
    let model: Model<1> = build::model(&scenario, &NoFiles).expect("the model is sound");
    let run = &scenario.run;
    let mut simulator = Simulator::new(&model, 1, run.warm_up, run.horizon, run.max_events);
    let begin = Instant::now();
    let events: u64 = (0..replications)
        .map(|replication| simulator.replicate(replication).expect("plays").events)
        .sum();
    events as f64 / begin.elapsed().as_secs_f64()
}

/// W1 as one would write it for itself: a heap of four events, ziggurat
/// exponentials, the time at each number of nodes up.
fn hand_written_w1(events: u64) -> f64 {
    let (life, repair) = (990.0, 10.0);
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(1);
    let draw = |generator: &mut Xoshiro256PlusPlus, mean: f64| {
        let unit: f64 = Exp1.sample(generator);
        unit * mean
    };
    // The bits of a positive float sort like the float, so the heap can hold them.
    let key = |time: f64, node: u32| Reverse((time.to_bits(), node));
    let begin = Instant::now();
    let mut heap = BinaryHeap::with_capacity(8);
    for node in 0..4u32 {
        heap.push(key(draw(&mut generator, life), node));
    }
    let (mut up, mut now, mut hours_at) = (0b1111u32, 0.0, [0.0; 5]);
    for _ in 0..events {
        let Some(Reverse((bits, node))) = heap.pop() else {
            break;
        };
        let time = f64::from_bits(bits);
        hours_at[up.count_ones() as usize] += time - now;
        now = time;
        up ^= 1 << node;
        let mean = if up >> node & 1 == 1 { life } else { repair };
        heap.push(key(time + draw(&mut generator, mean), node));
    }
    let seconds = begin.elapsed().as_secs_f64();
    let share = hours_at[4] / now;
    assert!(
        (share - 0.960_596).abs() < 0.01,
        "the baseline computes the right thing: {share}"
    );
    events as f64 / seconds
}
