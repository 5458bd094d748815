//! Our engine beside hand-written loops, and our agenda beside other agendas,
//! in one run on one core.
//!
//! `cargo bench` prints events per second of ours and of the baseline and their
//! ratio, then nanoseconds per event of each agenda. What counts is the ratio:
//! machines differ and are noisy. Contestants are measured several times, one
//! after the other, and the best of each is compared.

mod agendas;
mod by_hand;
mod rare;

use quorate::engine::simulate::Simulator;
use quorate::model::{Model, build};
use quorate::protocol::CATALOGUE;
use quorate::scenario::{NoFiles, Scenario, read};
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
        || ours::<1>("benchmarks/w1", 200),
        || by_hand::w1(1_400_000),
    );
    pair(
        "W1, four events in an array",
        || ours::<1>("benchmarks/w1", 200),
        || by_hand::w1_in_an_array(1_400_000),
    );
    pair(
        "W4, 10 nodes and 1 crew",
        || ours::<1>("benchmarks/w4-10", 100),
        || by_hand::w4(10, 1, 0.9887, 1_000_000),
    );
    pair(
        "W4, 100 nodes and 2 crews",
        || ours::<16>("benchmarks/w4-100", 10),
        || by_hand::w4(100, 2, 0.9863, 1_000_000),
    );
    pair(
        "W4, 1000 nodes and 20 crews",
        || ours::<16>("benchmarks/w4-1000", 2),
        || by_hand::w4(1000, 20, 0.99, 1_000_000),
    );
    pair(
        "W5, one of its 1000 scenarios",
        || ours::<1>("benchmarks/w5", 1000),
        || by_hand::w5(1000),
    );
    alone("full-copy, 4 nodes", || ours::<1>("full-copy/4-node", 100));
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
fn ours<const W: usize>(name: &str, replications: u64) -> f64 {
    let scenario = scenario(name);
    let model: Model<W> = build::model(&scenario, &NoFiles).expect("the model is sound");
    let run = &scenario.run;
    let mut simulator = Simulator::new(&model, 1, run.warm_up, run.horizon, run.max_events);
    let begin = Instant::now();
    let events: u64 = (0..replications)
        .map(|replication| simulator.replicate(replication).expect("plays").events)
        .sum();
    events as f64 / begin.elapsed().as_secs_f64()
}
