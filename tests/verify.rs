//! `quorate verify` as its users see it: every engine that can answers, and on sound
//! models they agree.

#[path = "support/program.rs"]
mod program;
#[path = "support/cases.rs"]
mod scenarios;

use program::{run, succeeds};
use quorate::runner::{self, Effort, Watcher};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};

fn verified(scenario: &str, more: &[&str]) -> Value {
    let fixed = ["verify", scenario, "--format", "json"];
    serde_json::from_str(&succeeds(&[&fixed, more].concat())).expect("JSON")
}

/// The engines that have numbers.
fn answering(found: &Value) -> Vec<&str> {
    let engines = found["engines"].as_array().expect("a list");
    engines
        .iter()
        .filter(|report| report["because"].is_null())
        .map(|report| report["engine"].as_str().expect("a name"))
        .collect()
}

#[test]
fn exact_and_drawn_agree_on_a_quorum() {
    let found = verified("scenarios/textbook/two-of-three.toml", &["--seed", "5"]);
    assert_eq!(found["agrees"], true);
    let all = ["simulate", "splitting", "biasing", "solve"];
    assert_eq!(answering(&found), all);
    let comparisons = found["comparisons"].as_array().expect("a list");
    let of = |quantity: &str| {
        comparisons
            .iter()
            .find(|one| one["of"] == "quorum" && one["quantity"] == quantity)
            .unwrap_or_else(|| panic!("no {quantity}: {comparisons:?}"))
    };
    for quantity in ["unavailability", "outages_per_year"] {
        let solved = of(quantity)["found"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|finding| finding["engine"] == "solve");
        assert!(solved.is_some(), "{quantity}");
    }
}

#[test]
fn a_protocol_with_its_clocks_agrees_too() {
    let found = verified(
        "scenarios/textbook/vip-moves.toml",
        &["--replications", "60"],
    );
    assert_eq!(found["agrees"], true);
    assert_eq!(answering(&found), ["simulate", "splitting", "solve"]);
}

/// Parts of the full-copy design, each small enough for its chain.
fn smaller_copy(name: &str, service: &str) {
    let scenario = format!("tests/data/smaller/{name}.toml");
    let found = verified(&scenario, &["--states", "60000", "--replications", "100"]);
    assert!(answering(&found).contains(&"solve"), "{found:#}");
    let of = |one: &Value| one["of"] == service && one["quantity"] == "unavailability";
    let comparisons = found["comparisons"].as_array().expect("a list");
    assert!(comparisons.iter().any(of), "{found:#}");
}

#[test]
fn smaller_copy_of_the_entrance() {
    smaller_copy("entrance", "portal");
}

#[test]
fn smaller_copy_of_the_database() {
    smaller_copy("database", "database_write");
}

#[test]
fn smaller_copy_of_the_sessions() {
    smaller_copy("sessions", "sessions");
}

/// Whether all clients lose a brick at once when it comes back depends on the order of
/// many small things; what a coarse chain cannot know, its interval must admit.
#[test]
fn smaller_copy_of_the_files() {
    smaller_copy("files", "files");
}

#[test]
fn an_engine_that_cannot_says_why() {
    let scenario = "scenarios/full-copy/2-node.toml";
    let small = ["--states", "100", "--replications", "20"];
    let found = verified(scenario, &small);
    let engines = found["engines"].as_array().expect("a list");
    let solve = engines.iter().find(|report| report["engine"] == "solve");
    let reason = solve.expect("solve")["because"]
        .as_str()
        .unwrap_or_default();
    assert!(reason.contains("more than 100 states"), "{reason}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let arguments = |threads| {
        let scenario = "scenarios/textbook/one-crew.toml";
        let more = ["--replications", "200", "--format", "csv"];
        [&["verify", scenario][..], &more, &["--seed", threads]].concat()
    };
    assert_eq!(succeeds(&arguments("3")), succeeds(&arguments("3")));
    assert_ne!(succeeds(&arguments("3")), succeeds(&arguments("4")));
}

#[test]
fn auto_takes_the_exact_answer_where_there_is_one() {
    let of = |arguments: &[&str]| -> Value {
        let fixed = ["run", "--format", "json"];
        serde_json::from_str(&succeeds(&[&fixed, arguments].concat())).expect("JSON")
    };
    let scenario = "scenarios/textbook/two-of-three.toml";
    let chosen = of(&[scenario]);
    assert_eq!(chosen["engine"], "solve");
    let service = &chosen["services"]["quorum"];
    let found = service["unavailability"]["estimate"].as_f64().unwrap();
    assert!((found / 2.98e-4 - 1.0).abs() < 1e-9, "{found}");
    assert!(service["outage_s"]["count"].as_u64().unwrap() > 1000);
    // With an asked precision nothing need be drawn.
    assert_eq!(of(&[scenario, "--rel-err", "1%"])["events"], 0);
    // Where chance is not exponential and outages are rare, a pilot says so.
    let rare = of(&[
        "scenarios/benchmarks/w2g.toml",
        "--rel-err",
        "30%",
        "--horizon",
        "5y",
    ]);
    assert_eq!(rare["engine"], "rare");
    assert!(rare["notes"][0].as_str().unwrap().contains("saw no outage"));
    // Who counts replications wants to see them.
    let counted = of(&[scenario, "--replications", "20"]);
    assert_eq!(counted["engine"], "simulate");
    // An address with its clocks has no exact answer.
    let clocks = of(&["scenarios/textbook/vip-moves.toml", "--horizon", "1y"]);
    assert_eq!(clocks["engine"], "simulate");
    assert!(clocks["notes"][0].as_str().unwrap().contains("time-out"));
}

#[test]
fn an_unknown_scenario_is_an_error() {
    let ran = run(&["verify", "no-such-file.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("no-such-file.toml"), "{}", ran.stderr);
}

/// Stops where a single thing is to be done: the chain, and no replications.
struct StopsTheChain(AtomicBool);

impl Watcher for StopsTheChain {
    fn progress(&self, done: u64, of: u64) {
        if (done, of) == (0, 1) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

#[test]
fn a_chain_that_was_stopped_is_an_interruption_and_no_refusal() {
    let (scenario, files) = scenarios::load("scenarios/textbook/two-of-three.toml", &[]);
    let effort = Effort {
        replications: 20,
        ..scenarios::effort(&scenario)
    };
    let watcher = StopsTheChain(AtomicBool::new(false));
    let found =
        runner::verify::verify(&scenario, &files, &effort, 1000, &watcher).expect("the others");
    assert!(found.interrupted);
    let solve = found.engines.iter().find(|report| report.engine == "solve");
    let because = solve.and_then(|report| report.because.clone());
    assert!(because.is_some_and(|text| text.contains("stopped before")));
    let simulated = found
        .engines
        .iter()
        .find(|report| report.engine == "simulate");
    assert!(simulated.is_some_and(|report| report.because.is_none()));
}
