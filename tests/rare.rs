//! The reader for rare events, against exact answers and against plain simulation.

#[path = "support/cases.rs"]
mod scenarios;

use quorate::engine::branch::{Brancher, CutLimits, Cuts, Waiting, cuts};
use quorate::estimate::Estimate;
use quorate::model::measure::Condition;
use quorate::model::{Model, build};
use quorate::protocol::CATALOGUE;
use quorate::report::json;
use quorate::runner::rare::{self, Method};
use quorate::runner::{self, Effort, RunOutcome};
use quorate::scenario::{NoFiles, Scenario, read};
use scenarios::alone;
use std::sync::atomic::AtomicBool;

/// Few false alarms among all the comparisons here.
const CONFIDENCE: f64 = 0.9995;

fn cuts_of(path: &str) -> Cuts {
    let (scenario, files) = scenarios::load(path, &[]);
    let model: Model<1> = build::model(&scenario, &files).expect("a sound model");
    let waiting = Waiting::untimed(model.blueprint().distributions(), 1);
    let mut brancher = Brancher::new(&model, waiting, 0);
    let service = &model.services()[0];
    let down = |state: &_| service.read(state).condition >= Condition::ReadOnly;
    let never = AtomicBool::new(false);
    cuts(&mut brancher, &down, CutLimits::default(), &never).expect("few alternatives")
}

#[test]
fn minimal_cuts_of_the_textbook() {
    let sizes = |path| -> Vec<usize> {
        let found = cuts_of(path);
        assert!(!found.down_at_start && found.complete_to >= 4, "{found:?}");
        found.cuts.iter().map(Vec::len).collect()
    };
    assert_eq!(sizes("scenarios/textbook/one-of-four.toml"), [4]);
    assert_eq!(sizes("scenarios/textbook/three-of-four.toml"), [2; 6]);
    assert_eq!(sizes("scenarios/textbook/two-of-three.toml"), [2; 3]);
}

fn scenario(text: &str) -> Scenario {
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    read::scenario("rare.toml", text, &around)
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)))
}

fn effort(scenario: &Scenario, replications: u64) -> Effort {
    Effort {
        replications,
        confidence: CONFIDENCE,
        ..scenarios::effort(scenario)
    }
}

fn of(path: &str, method: Method, replications: u64) -> RunOutcome {
    let (scenario, files) = scenarios::load(path, &[]);
    let effort = effort(&scenario, replications);
    rare::run(&scenario, &files, &effort, method, &alone())
        .unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[track_caller]
fn holds(what: &str, found: Estimate, truth: f64, half_width: f64) {
    assert!(
        found.low <= truth && truth <= found.high,
        "{what}: {found:?}, exact {truth:e}"
    );
    let relative = found.relative_half_width();
    assert!(relative <= half_width, "{what}: {found:?} is wide");
}

#[test]
fn both_methods_find_the_textbook_answers() {
    for (name, replications, width) in [
        ("one-of-four", 12, 0.5),
        ("three-of-four", 24, 0.5),
        ("two-of-three", 24, 0.5),
        ("one-crew", 12, 0.5),
    ] {
        let path = format!("scenarios/textbook/{name}.toml");
        let exact = scenarios::solve(&path, &[]);
        let split = of(&path, Method::Splitting, replications);
        let biased = of(&path, Method::Biasing, 1);
        for (index, (service, exact)) in exact.services.iter().enumerate() {
            for (outcome, width) in [(&split, width), (&biased, 0.05)] {
                let found = &outcome.services[index].1;
                let what = format!("{name}, {service}, {:?}", outcome.method);
                let truth = exact.unavailability.estimate;
                holds(&what, found.unavailability, truth, width);
                let truth = exact.outages_per_year.estimate;
                holds(&what, found.outages_per_year, truth, width);
            }
            let mttf = biased.services[index].1.mttf_s;
            holds(name, mttf, exact.mttf_s.estimate, 0.05);
        }
    }
}

/// Splitting and plain simulation must agree on what both can see.
#[track_caller]
fn agree(name: &str, scenario: &Scenario, split: u64, plain: u64) {
    let run = effort(scenario, split);
    let split = rare::run(scenario, &NoFiles, &run, Method::Splitting, &alone())
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let run = effort(scenario, plain);
    let plain =
        runner::run(scenario, &NoFiles, &run, &alone()).unwrap_or_else(|e| panic!("{name}: {e}"));
    for ((service, a), (_, b)) in split.services.iter().zip(&plain.services) {
        for (what, a, b) in [
            ("unavailability", a.unavailability, b.unavailability),
            ("outages", a.outages_per_year, b.outages_per_year),
            ("requests", a.request_availability, b.request_availability),
            ("no outage", a.no_outage, b.no_outage),
            ("up at the end", a.up_at_end, b.up_at_end),
        ] {
            let apart = (a.estimate - b.estimate).abs();
            let allowed = a.half_width().hypot(b.half_width());
            assert!(
                apart <= allowed,
                "{name}, {service}, {what}: {a:?} and {b:?}; {:?}",
                split.notes
            );
        }
        let sum: f64 = a.attribution.iter().map(|cause| cause.share).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{:?}", a.attribution);
    }
}

/// Lives and repairs of any law; few enough nodes for outages to be seen.
const ANY_LAW: &str = r#"
schema = 1
name = "any-law"
[run]
warm_up = "200h"
horizon = "2y"
[[node]]
name = "a"
count = 2
failure = { dist = "weibull", shape = 0.7, mean = "400h" }
repair = { dist = "lognormal", sigma = 1, mean = "20h" }
[[node]]
name = "b"
failure = { dist = "gamma", shape = 2, mean = "300h" }
repair = { dist = "uniform", low = "5h", high = "30h" }
[service.all_lost]
up = "any(node.up)"
[service.two_left]
up = "count(node.up) >= 2"
[tally.up]
of = "count(node.up)"
"#;

#[test]
fn splitting_agrees_with_simulation_under_any_law() {
    agree("any law", &scenario(ANY_LAW), 400, 4000);
}

#[test]
fn splitting_agrees_with_simulation_where_repairs_stand_still() {
    let hours = "repair_hours = \"Mon-Fri 08-18\"\nrepair = { dist";
    let text = ANY_LAW.replace("repair = { dist", hours);
    agree("hours", &scenario(&text), 400, 4000);
}

#[test]
fn splitting_agrees_with_simulation_where_repairs_wait() {
    let text = ANY_LAW
        .replace("repair = { dist", "crew = \"day\"\nrepair = { dist")
        .replace(
            "[service.all_lost]",
            "[[crew]]\nname = \"day\"\n[service.all_lost]",
        );
    agree("one crew", &scenario(&text), 400, 4000);
}

#[test]
fn splitting_agrees_with_simulation_of_moving_addresses() {
    let (scenario, _) = scenarios::load("scenarios/textbook/vip-moves.toml", &[]);
    agree("vip-moves", &scenario, 40, 400);
    let exact = scenarios::solve("scenarios/textbook/vip-moves.toml", &[]);
    let found = of("scenarios/textbook/vip-moves.toml", Method::Splitting, 40);
    // Moves of seconds, each of which is seen, and losses of all, none of which would be.
    let truth = exact.services[0].1.unavailability;
    let found = found.services[0].1.unavailability;
    assert!(found.overlaps(&truth), "{found:?} and {truth:?}");
    assert!(found.relative_half_width() < 0.2, "{found:?}");
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let scenario = scenario(ANY_LAW);
    let effort = Effort {
        relative_error: Some(0.2),
        limit: 1000,
        ..effort(&scenario, 16)
    };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(|| {
            let run = rare::run(&scenario, &NoFiles, &effort, Method::Splitting, &alone());
            json::pretty(&run.expect("it runs"))
        })
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let (scenario, files) = scenarios::load("scenarios/textbook/two-of-three.toml", &[]);
    let truth = 2.98e-4;
    for method in [Method::Splitting, Method::Biasing] {
        let held = (1..=40)
            .filter(|seed| {
                let mut effort = effort(&scenario, 12);
                effort.seed = *seed;
                effort.confidence = 0.9;
                effort.relative_error = (method == Method::Biasing).then_some(0.05);
                let run = rare::run(&scenario, &files, &effort, method, &alone());
                let found = run.expect("it runs").services[0].1.unavailability;
                found.low <= truth && truth <= found.high
            })
            .count();
        // 36 expected; 30 or fewer once in a hundred times by chance.
        assert!(held > 30, "{method:?}: {held} of 40");
    }
}

#[test]
fn what_cannot_be_biased_is_refused_with_the_reason() {
    let refusal = |path: &str| {
        let (scenario, files) = scenarios::load(path, &[]);
        let effort = effort(&scenario, 1);
        rare::run(&scenario, &files, &effort, Method::Biasing, &alone())
            .expect_err("a refusal")
            .to_string()
    };
    let general = refusal("scenarios/benchmarks/w2g.toml");
    assert!(
        general.contains("Weibull") && general.contains("--method splitting"),
        "{general}"
    );
    let clocks = refusal("scenarios/textbook/vip-moves.toml");
    assert!(clocks.contains("exponential or zero"), "{clocks}");
    let no_service = scenario(&ANY_LAW[..ANY_LAW.find("[service.all_lost]").expect("a service")]);
    let effort = effort(&no_service, 1);
    let refused = rare::run(&no_service, &NoFiles, &effort, Method::Splitting, &alone());
    let message = refused.expect_err("a refusal").to_string();
    assert!(message.contains("no service"), "{message}");
}

#[test]
fn nothing_seen_is_an_upper_bound() {
    let never = ANY_LAW
        .replace("\"400h\"", "\"1e9h\"")
        .replace("\"300h\"", "\"1e9h\"");
    let scenario = scenario(&never);
    let run = effort(&scenario, 20);
    let found = runner::run(&scenario, &NoFiles, &run, &alone()).expect("it runs");
    assert_eq!(found.services[0].1.unavailability.estimate, 0.0);
    let split = rare::run(&scenario, &NoFiles, &run, Method::Splitting, &alone()).expect("it runs");
    let split = split.services[0].1.unavailability;
    assert!(split.high > 0.0 && split.high <= found.services[0].1.unavailability.high);
}
