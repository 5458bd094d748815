//! Rare events: seconds to a precision of 1%, ours beside loops written by hand.
//!
//! W2 is all of four machines down, 1e-8 of the time. By hand it is a chain of five
//! states, of which the loops below know everything in advance; ours is given the
//! scenario file. For W2g (Weibull lives, lognormal repairs) nobody has written a loop.

use quorate::runner::rare::{self, Method};
use quorate::runner::{Effort, Watcher};
use quorate::scenario::NoFiles;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

const EXACT: f64 = 1e-8;
/// The relative half width of a 95% interval.
const PRECISION: f64 = 0.01;
const Z: f64 = 1.959_964;

struct Alone(AtomicBool);

impl Watcher for Alone {
    fn progress(&self, _done: u64, _of: u64) {}
    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

/// Prints the table.
pub fn print(rounds: usize) {
    println!(
        "{:34} {:>14} {:>14} {:>7}",
        "rare event, to 1%", "ours s", "baseline s", "ratio"
    );
    let best = |run: &dyn Fn() -> f64| (0..rounds).map(|_| run()).fold(f64::INFINITY, f64::min);
    let row = |name: &str, ours: f64, baseline: f64| {
        println!(
            "{name:34} {ours:>14.4} {baseline:>14.4} {:>7.1}",
            ours / baseline
        );
    };
    let biased = best(&|| ours("benchmarks/w2", Method::Biasing));
    row("W2, failure biasing", biased, best(&biased_by_hand));
    let split = best(&|| ours("benchmarks/w2", Method::Splitting));
    row("W2, splitting", split, best(&split_by_hand));
    let general = best(&|| ours("benchmarks/w2g", Method::Splitting));
    println!("{:34} {general:>14.4}", "W2g, splitting");
}

fn ours(name: &str, method: Method) -> f64 {
    let scenario = super::scenario(name);
    let run = &scenario.run;
    let effort = Effort {
        replications: 32,
        relative_error: Some(PRECISION),
        limit: 1_000_000,
        horizon: run.horizon,
        warm_up: run.warm_up,
        seed: run.seed,
        confidence: run.confidence,
        max_events: run.max_events,
    };
    let alone = Alone(AtomicBool::new(false));
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    one.expect("a thread").install(|| {
        let begin = Instant::now();
        let outcome = rare::run(&scenario, &NoFiles, &effort, method, &alone).expect("it runs");
        let seconds = begin.elapsed().as_secs_f64();
        let found = outcome.services[0].1.unavailability;
        assert!(
            (found.estimate / EXACT - 1.0).abs() < 4.0 * PRECISION,
            "{found:?}"
        );
        seconds
    })
}

fn uniform(generator: &mut Xoshiro256PlusPlus) -> f64 {
    (generator.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The probability that the next event with so many down is one more down, and the
/// mean hours until then.
fn step(down: usize) -> (f64, f64) {
    let (fail, repair) = ((4 - down) as f64 / 990.0, down as f64 / 10.0);
    (fail / (fail + repair), 1.0 / (fail + repair))
}

/// Balanced failure biasing on the five states, until the interval is narrow enough.
fn biased_by_hand() -> f64 {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(1);
    let steps: [(f64, f64); 5] = std::array::from_fn(step);
    let begin = Instant::now();
    let (mut n, mut sum, mut squares) = (0.0f64, 0.0f64, 0.0f64);
    let (mut hours, mut lengths) = (0.0, 0.0);
    loop {
        for _ in 0..1024 {
            let (mut down, mut weight, mut biased, mut in_all) = (1, 1.0, true, 0.0);
            while down > 0 {
                let (up, sojourn) = steps[down];
                if down == 4 {
                    in_all += weight * sojourn;
                    biased = false;
                }
                let likely = if biased { 0.5 } else { up };
                if uniform(&mut generator) < likely {
                    weight *= up / likely;
                    down += 1;
                } else {
                    weight *= (1.0 - up) / (1.0 - likely);
                    down -= 1;
                }
            }
            n += 1.0;
            sum += in_all;
            squares += in_all * in_all;
        }
        for _ in 0..128 {
            let mut down = 1;
            hours += steps[0].1;
            while down > 0 {
                let (up, sojourn) = steps[down];
                hours += sojourn;
                down = if uniform(&mut generator) < up {
                    down + 1
                } else {
                    down - 1
                };
            }
            lengths += 1.0;
        }
        let mean = sum / n;
        let error = Z * ((squares / n - mean * mean) / n).sqrt() / mean;
        if error <= PRECISION {
            let found = mean / (hours / lengths);
            assert!((found / EXACT - 1.0).abs() < 4.0 * PRECISION, "{found}");
            return begin.elapsed().as_secs_f64();
        }
    }
}

/// Fixed-effort splitting on the five states: for each level as many trials as give
/// the precision with the least work.
fn split_by_hand() -> f64 {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(1);
    let begin = Instant::now();
    // From one more down: does it come to one more before it goes back to none?
    let chances: [f64; 3] = [1, 2, 3].map(|down| step(down).0);
    let root: f64 = chances.iter().map(|p| 1.0 / p.sqrt()).sum();
    let variance = (PRECISION / Z).powi(2);
    let mut product = 1.0;
    for p in chances {
        let trials = (root / p.sqrt() / variance) as u64;
        let hits = (0..trials).filter(|_| uniform(&mut generator) < p).count();
        product *= hits as f64 / trials as f64;
    }
    // Departures from none down per hour, and mean hours with all four down.
    let departures = 0.960_596_01 / step(0).1;
    let found = departures * product * step(4).1;
    let seconds = begin.elapsed().as_secs_f64();
    // Ways that go back a level and forth again are left out, as such loops do; they
    // are a few hundredths of all.
    assert!((found / EXACT - 1.0).abs() < 0.1, "{found}");
    seconds
}
