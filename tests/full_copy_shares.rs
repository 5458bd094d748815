//! The full-copy designs as they are shipped: the shares of time that theory and the
//! daemons' rules ask for, and every design under several failure profiles.
//!
//! Seeds are fixed. Shares from theory must lie in the 99.9% interval.

#[path = "support/cases.rs"]
mod scenarios;

use quorate::report::comparison::Comparison;
use quorate::report::sentence;
use quorate::runner::RunOutcome;
use quorate::runner::outcome::ServiceOutcome;
use scenarios::{run_with, run_with_profile};

/// Share of time in which a server is down: 10 h of 1000 h.
const P: f64 = 0.01;
const DESIGNS: [&str; 8] = [
    "1-node",
    "2-node",
    "3-node",
    "3-node-with-replicas",
    "4-node",
    "4-node-repaired",
    "4-node-haproxy",
    "4-node-haproxy-pair",
];
const SERVICES: [&str; 8] = [
    "portal",
    "login",
    "database_write",
    "sessions",
    "files",
    "submit_job",
    "query_jobs",
    "everything",
];

fn path(design: &str) -> String {
    format!("scenarios/full-copy/{design}.toml")
}

fn run(design: &str, set: &[(&str, &str)], replications: u64) -> RunOutcome {
    run_with(&path(design), set, |effort| {
        effort.replications = replications;
        effort.confidence = 0.999;
    })
}

fn service<'a>(outcome: &'a RunOutcome, name: &str) -> &'a ServiceOutcome {
    let found = outcome.services.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("no service {name}")).1
}

fn unavailability(outcome: &RunOutcome, name: &str) -> f64 {
    service(outcome, name).unavailability.estimate
}

/// The interval holds a value that theory gives, and is narrow enough to mean something.
fn agrees(outcome: &RunOutcome, name: &str, theory: f64, width: f64) {
    let found = service(outcome, name).unavailability;
    assert!(
        found.low <= theory && theory <= found.high,
        "{name}: {found:?}, theory {theory:e}"
    );
    assert!(found.relative_half_width() < width, "{name}: {found:?}");
}

fn between(value: f64, low: f64, high: f64, what: &str) {
    assert!((low..=high).contains(&value), "{what}: {value:e}");
}

#[test]
fn shares_of_the_four_node_design() {
    let four = run("4-node", &[], 400);
    // Masters without replicas are a series system: any one of four stops it.
    agrees(&four, "sessions", 1.0 - (1.0 - P).powi(4), 0.03);
    // No quorum: two of four without brick 1, or one of four. On top of that clients hang
    // for 15 s on average after each of 35 failures a year.
    let two = 3.0 * P.powi(2) * (1.0 - P).powi(2);
    let one = 4.0 * P.powi(3) * (1.0 - P);
    let hangs = 35.0 * 15.0 / 31_557_600.0;
    agrees(&four, "files", two + one + hangs, 0.15);
    between(
        unavailability(&four, "database_write"),
        1e-6,
        1e-4,
        "database_write",
    );
    let jobs = service(&four, "query_jobs").failover_s.as_ref();
    let jobs = jobs.expect("controllers fail over");
    // A backup waits for SlurmctldTimeout: 90 to 162 s (facts on Slurm, section 2).
    between(jobs.p50, 100.0, 140.0, "median take-over of a controller");
    between(jobs.p99, 140.0, 162.0, "slowest take-over of a controller");
    // Whatever stops the jobs also stops everything.
    for part in ["database_write", "sessions", "submit_job"] {
        assert!(unavailability(&four, part) <= unavailability(&four, "everything"));
    }
}

#[test]
fn the_operator_decides_how_long_the_database_is_down() {
    let slow = [("operator.dba.notices", "24h")];
    let with_nobody = run("3-node", &slow, 100);
    let with_somebody = run("3-node", &[], 100);
    let ratio = unavailability(&with_nobody, "database_write")
        / unavailability(&with_somebody, "database_write");
    assert!(ratio > 3.0, "{ratio}");
}

#[test]
fn a_fourth_server_makes_it_worse_and_the_sentence_says_why() {
    let designs = ["3-node", "4-node"].map(|design| run(design, &[], 100));
    let comparison = Comparison::new(designs.into());
    let [sentence] = &sentence::more_is_worse(&comparison)[..] else {
        panic!("one pair, one sentence");
    };
    assert!(
        sentence.starts_with("The fourth server makes "),
        "{sentence}"
    );
    assert!(sentence.contains("sessions"), "{sentence}");
    assert!(sentence.contains("because of `redis.whole`"), "{sentence}");
    assert!(
        !sentence.contains("database_write"),
        "the database gains: {sentence}"
    );
    // Another order: nothing has more servers than the one before it.
    let mut designs = comparison.designs;
    designs.reverse();
    assert!(sentence::more_is_worse(&Comparison::new(designs)).is_empty());
}

/// Most of the time in which sessions are gone a single server is down.
#[test]
fn one_server_is_enough_to_lose_the_sessions() {
    let four = run("4-node", &[], 50);
    let alone = service(&four, "sessions").nodes_down.iter();
    let alone: f64 = alone.filter(|l| l.nodes == 1).map(|l| l.share).sum();
    assert!(alone > 0.9, "{alone}");
    let files = service(&four, "files").nodes_down.iter();
    let two: f64 = files.filter(|l| l.nodes == 2).map(|l| l.share).sum();
    assert!(two > 0.5, "{two}");
}

#[test]
fn the_repaired_design_is_better_in_every_service() {
    let (four, repaired) = (run("4-node", &[], 100), run("4-node-repaired", &[], 100));
    for name in SERVICES {
        let (before, after) = (unavailability(&four, name), unavailability(&repaired, name));
        assert!(after < before, "{name}: {after:e} instead of {before:e}");
    }
    assert!(unavailability(&repaired, "everything") < unavailability(&four, "everything") / 100.0);
    let replicas = run("3-node-with-replicas", &[], 100);
    let three = run("3-node", &[], 100);
    assert!(unavailability(&replicas, "sessions") < unavailability(&three, "sessions") / 20.0);
}

#[test]
fn every_design_runs_under_every_profile() {
    for profile in [
        "commodity-server",
        "small-server-room",
        "cloud-vm",
        "university-lab",
    ] {
        for design in DESIGNS {
            let outcome = run_with_profile(&path(design), profile, 2);
            assert_eq!(outcome.services.len(), SERVICES.len(), "{design}");
            assert!(outcome.events > 0, "{design} under {profile}");
            for (name, found) in &outcome.services {
                let share = found.unavailability;
                assert!(
                    (0.0..0.5).contains(&share.estimate) && share.low <= share.high,
                    "{design}, {name} under {profile}: {share:?}"
                );
            }
        }
    }
}
