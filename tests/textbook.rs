//! The textbook: published and closed-form cases, each an ordinary scenario file.
//!
//! `data/textbook.toml` has a row for each number: the scenario, what is asked of it, and
//! the value, which `data/textbook.py` derives without any part of this program. `solve`
//! must give it to the last digits, `simulate` must have it within its 99.9% interval.

#[path = "support/elimination.rs"]
mod elimination;
#[path = "support/cases.rs"]
mod scenarios;

use quorate::estimate::Estimate;
use quorate::runner::RunOutcome;
use quorate::runner::outcome::ServiceOutcome;
use scenarios::{load, repository, run_with, solve};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const CONFIDENCE: f64 = 0.999;
/// `solve` is exact.
const PRECISION: f64 = 1e-9;
/// An interval of `simulate` must be narrower than this part of the value to mean anything.
const WIDTH: f64 = 0.3;

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    title: String,
    source: String,
    scenario: String,
    /// A service or a tally.
    target: String,
    quantity: String,
    value: f64,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default = "both")]
    engines: Vec<String>,
    /// Relative, for `solve`.
    #[serde(default)]
    tolerance: Option<f64>,
}

fn both() -> Vec<String> {
    vec!["solve".to_owned(), "simulate".to_owned()]
}

impl Case {
    fn path(&self) -> String {
        format!("scenarios/textbook/{}.toml", self.scenario)
    }

    fn name(&self) -> String {
        let Case {
            id,
            title,
            quantity,
            ..
        } = self;
        format!("{id} ({title}), {quantity} of {}", self.target)
    }
}

fn table() -> Vec<Case> {
    let text = include_str!("data/textbook.toml");
    toml::from_str::<Table>(text).expect("the table").case
}

fn of_service(found: &ServiceOutcome, quantity: &str) -> Option<Estimate> {
    match quantity {
        "availability" => Some(found.availability),
        "unavailability" => Some(found.unavailability),
        "request_availability" => Some(found.request_availability),
        "outages_per_year" => Some(found.outages_per_year),
        "downtime_s_per_year" => Some(found.downtime_s_per_year),
        "up_at_end" => Some(found.up_at_end),
        "mttf_s" => Some(found.mttf_s),
        "no_outage" => Some(found.no_outage),
        "mean_outage_s" => found.mean_outage_s,
        "mean_time_between_outages_s" => found.mean_time_between_outages_s,
        _ => None,
    }
}

fn read(case: &Case, outcome: &RunOutcome) -> Estimate {
    let service = outcome
        .services
        .iter()
        .find(|(name, _)| *name == case.target);
    let found =
        match service {
            Some((_, service)) => of_service(service, &case.quantity),
            None => outcome.tally_means.get(&case.target).and_then(|means| {
                match case.quantity.as_str() {
                    "mean" => Some(means.mean),
                    "mean_time_s" => means.mean_time_s,
                    _ => None,
                }
            }),
        };
    found.unwrap_or_else(|| panic!("{}: no such number", case.name()))
}

/// The long run, after a warm-up: the mean over years from there on is the same, and
/// following a chain through a hundred years of hours is what costs time.
fn solve_soon(path: &str, set: &[(&str, &str)]) -> RunOutcome {
    let bound = table().iter().any(|case| {
        let same = case.path() == path && case.set.len() == set.len();
        same && ["no_outage", "up_at_end"].contains(&case.quantity.as_str())
    });
    let mut set = set.to_vec();
    let (scenario, _) = load(path, &set);
    if !bound && scenario.run.horizon.seconds() > 3600.0 {
        set.push(("run.horizon", "1h"));
    }
    solve(path, &set)
}

type Run = (String, Vec<String>);

/// Every run that the rows of an engine need, once.
fn run_all(
    engine: &str,
    play: impl Fn(&str, &[(&str, &str)]) -> RunOutcome,
) -> BTreeMap<Run, RunOutcome> {
    let rows = table();
    let runs: BTreeSet<Run> = rows
        .iter()
        .filter(|case| case.engines.iter().any(|name| name == engine))
        .map(|case| (case.path(), case.set.clone()))
        .collect();
    runs.into_iter()
        .map(|run| {
            let set: Vec<(&str, &str)> = run
                .1
                .iter()
                .map(|argument| argument.split_once('=').expect("path=value"))
                .collect();
            let outcome = play(&run.0, &set);
            (run, outcome)
        })
        .collect()
}

fn check(
    engine: &str,
    outcomes: &BTreeMap<Run, RunOutcome>,
    wrong: impl Fn(&Case, Estimate) -> bool,
) {
    let mut failures = Vec::new();
    for case in table() {
        if let Some(outcome) = outcomes.get(&(case.path(), case.set.clone()))
            && case.engines.iter().any(|name| name == engine)
        {
            let found = read(&case, outcome);
            if wrong(&case, found) {
                failures.push(format!(
                    "{}: {:e}, found {found:?}",
                    case.name(),
                    case.value
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn solve_has_every_digit() {
    let outcomes = run_all("solve", solve_soon);
    check("solve", &outcomes, |case, found| {
        let off = (found.estimate / case.value - 1.0).abs();
        off.is_nan() || off > case.tolerance.unwrap_or(PRECISION)
    });
}

#[test]
fn simulate_has_every_value_in_its_interval() {
    let outcomes = run_all("simulate", |path, set| {
        run_with(path, set, |effort| effort.confidence = CONFIDENCE)
    });
    check("simulate", &outcomes, |case, found| {
        let inside = found.low <= case.value && case.value <= found.high;
        !inside || found.half_width() > WIDTH * case.value
    });
}

#[test]
fn every_row_has_a_source_and_a_scenario() {
    let rows = table();
    for case in &rows {
        assert!(repository(&case.path()).exists(), "{}", case.path());
        assert!(case.source.len() > 5, "{}", case.name());
        assert!(case.engines.iter().all(|name| both().contains(name)));
    }
    let ids: BTreeSet<_> = rows.iter().map(|case| &case.id).collect();
    assert!(ids.len() > 15, "{}", ids.len());
}

/// W3 by its description alone: (size of the last primary component, of its members up,
/// of the others up), and `None` in place of the last two where it serves.
fn primary_component(nodes: u32, bootstrap: f64) -> f64 {
    type State = (u32, Option<(u32, u32)>);
    let (fails, mends) = (1.0 / 990.0, 1.0 / 10.0);
    let steps = |&(size, lost): &State| -> Vec<(State, f64)> {
        let Some((inside, outside)) = lost else {
            let after = if size >= 3 {
                (size - 1, None)
            } else {
                (size, Some((size - 1, 0)))
            };
            return vec![
                (after, f64::from(size) * fails),
                ((size + 1, None), f64::from(nodes - size) * mends),
            ];
        };
        let back = |inside: u32, outside: u32| match inside == size {
            true => (size + outside, None),
            false => (size, Some((inside, outside))),
        };
        let mut next = vec![
            (back(inside + 1, outside), f64::from(size - inside) * mends),
            (
                back(inside, outside + 1),
                f64::from(nodes - size - outside) * mends,
            ),
        ];
        if inside > 0 {
            next.push((back(inside - 1, outside), f64::from(inside) * fails));
        }
        if outside > 0 {
            next.push((back(inside, outside - 1), f64::from(outside) * fails));
        }
        if inside + outside > 0 {
            next.push(((inside + outside, None), bootstrap));
        }
        next
    };
    elimination::long_run((nodes, None), steps)
        .into_iter()
        .filter(|((_, lost), _)| lost.is_some())
        .map(|(_, share)| share)
        .sum()
}

#[test]
fn w3_by_hand() {
    for (nodes, with, without) in [(3, 5.514472e-5, 5.910499e-4), (4, 1.091864e-6, 1.185901e-5)] {
        for (bootstrap, printed) in [(1.0, with), (0.0, without)] {
            let found = primary_component(nodes, bootstrap);
            assert!(
                (found / printed - 1.0).abs() < 1e-6,
                "{nodes}, {bootstrap}: {found:e}"
            );
        }
    }
    for (bootstrap, notices) in [
        (1.0, "{ dist = 'exponential', mean = '1h' }"),
        (0.0, "never"),
    ] {
        let set = [("operator.admin.notices", notices)];
        for nodes in [3, 4, 5] {
            let by_hand = primary_component(nodes, bootstrap);
            let path = format!("scenarios/benchmarks/w3-n{nodes}.toml");
            let outcome = solve_soon(&path, &set);
            let found = outcome.services[0].1.unavailability.estimate;
            assert!(
                (found / by_hand - 1.0).abs() < PRECISION,
                "{nodes}: {found:e}, {by_hand:e}"
            );
        }
    }
}
