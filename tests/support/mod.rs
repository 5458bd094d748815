//! A laboratory for conformance tests: a scenario, a fault script, and what
//! came of it in many replications with fresh phases.
#![allow(dead_code)]

use quorate::automaton::{Nanos, Node, NodeSet};
use quorate::engine::replay::{self, Plan, What};
use quorate::estimate::kolmogorov_smirnov_two_sample;
use quorate::model::{Model, build};
use quorate::protocol::CATALOGUE;
use quorate::scenario::error::Result;
use quorate::scenario::{NoFiles, Scenario, faults, read};

/// A scenario made ready for replays (up to 64 nodes).
pub struct Lab {
    model: Model<1>,
    scenario: Scenario,
}

/// Everything that changed in one replication.
pub struct Timeline<'a> {
    lab: &'a Lab,
    /// (seconds, signal, members)
    signals: Vec<(f64, String, Vec<String>)>,
    /// (seconds, service, condition)
    services: Vec<(f64, String, String)>,
    /// When each fault of the script happened, in seconds.
    faults: Vec<(usize, f64)>,
}

impl Lab {
    /// Reads a scenario from its text; panics with the full report if it is wrong.
    pub fn new(text: &str) -> Lab {
        Lab::with(text, &[])
    }

    /// The same with `--set` arguments.
    pub fn with(text: &str, set: &[(&str, &str)]) -> Lab {
        build(text, set).unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)))
    }

    /// Plays a fault script in so many replications.
    pub fn replay(&self, script: &str, replications: u64) -> Vec<Timeline<'_>> {
        let script = faults::script("script.toml", script)
            .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
        let plan = Plan::new(&script, &self.model, &self.scenario)
            .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
        (0..replications)
            .map(|r| {
                let changes = replay::replay(&self.model, &plan, 1, r, 10_000_000).expect("plays");
                self.timeline(changes)
            })
            .collect()
    }

    fn names(&self, set: NodeSet<1>) -> Vec<String> {
        set.iter()
            .map(|n: Node| self.model.blueprint().node_name(n).to_owned())
            .collect()
    }

    fn timeline(&self, changes: Vec<replay::Change<1>>) -> Timeline<'_> {
        let mut timeline = Timeline {
            lab: self,
            signals: Vec::new(),
            services: Vec::new(),
            faults: Vec::new(),
        };
        for change in changes {
            let at = seconds(change.at);
            match change.what {
                What::Fault(index) => timeline.faults.push((index, at)),
                What::Signal(id, value) => {
                    let name = self.model.blueprint().set_info(id).name.clone();
                    timeline.signals.push((at, name, self.names(value)));
                }
                What::Service(index, reading) => {
                    let name = self.model.services()[index].name.clone();
                    timeline
                        .services
                        .push((at, name, reading.condition.word().to_owned()));
                }
            }
        }
        timeline
    }
}

/// A scenario with `--set` arguments, or what is wrong with it.
fn build(text: &str, set: &[(&str, &str)]) -> Result<Lab> {
    let overrides: Vec<(String, String)> = set
        .iter()
        .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
        .collect();
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &overrides,
    };
    let scenario = read::scenario("lab.toml", text, &around)?;
    let model = build::model(&scenario, &NoFiles)?;
    Ok(Lab { model, scenario })
}

/// Builds a scenario with one `--set`; the message if it is refused.
pub fn refusal(text: &str, path: &str, value: &str) -> Option<String> {
    build(text, &[(path, value)])
        .err()
        .map(|error| error.to_string())
}

fn seconds(time: Nanos) -> f64 {
    time.seconds()
}

impl Timeline<'_> {
    /// The members of a signal at a time (just after the changes of that instant).
    pub fn members(&self, signal: &str, at: f64) -> Vec<String> {
        self.signals
            .iter()
            .rfind(|(t, name, _)| name == signal && *t <= at)
            .unwrap_or_else(|| panic!("no signal {signal}"))
            .2
            .clone()
    }

    /// All changes of a signal: (seconds, members).
    pub fn changes(&self, signal: &str) -> Vec<(f64, Vec<String>)> {
        self.signals
            .iter()
            .filter(|(_, name, _)| name == signal)
            .map(|(t, _, members)| (*t, members.clone()))
            .collect()
    }

    /// The first time after `from` at which the signal has exactly these members.
    pub fn first(&self, signal: &str, members: &[&str], from: f64) -> Option<f64> {
        if self.members(signal, from) == members {
            return Some(from);
        }
        self.signals
            .iter()
            .find(|(t, name, now)| name == signal && *t > from && now == members)
            .map(|(t, _, _)| *t)
    }

    /// The first time after `from` at which a predicate holds for the members of a signal.
    pub fn first_where(
        &self,
        signal: &str,
        from: f64,
        test: impl Fn(&[String]) -> bool,
    ) -> Option<f64> {
        if test(&self.members(signal, from)) {
            return Some(from);
        }
        self.signals
            .iter()
            .find(|(t, name, now)| name == signal && *t > from && test(now))
            .map(|(t, _, _)| *t)
    }

    /// The condition of a service at a time: up, degraded, read_only or down.
    pub fn service(&self, service: &str, at: f64) -> String {
        self.services
            .iter()
            .rfind(|(t, name, _)| name == service && *t <= at)
            .unwrap_or_else(|| panic!("no service {service}"))
            .2
            .clone()
    }

    /// When a service came into a condition, from a time on.
    pub fn service_changes(&self, service: &str, condition: &str, from: f64) -> Vec<f64> {
        let wanted = |(at, name, now): &&(f64, String, String)| {
            *at >= from && name == service && now == condition
        };
        self.services
            .iter()
            .filter(wanted)
            .map(|(at, ..)| *at)
            .collect()
    }

    /// When the fault with this number in the script happened.
    pub fn fault(&self, index: usize) -> f64 {
        self.faults
            .iter()
            .find(|(i, _)| *i == index)
            .unwrap_or_else(|| panic!("fault {index} did not happen"))
            .1
    }
}

/// Column `column` of the rows of a CSV text whose other cells satisfy `keep`.
pub fn measured(
    csv_text: &str,
    column: &str,
    keep: impl Fn(&dyn Fn(&str) -> String) -> bool,
) -> Vec<f64> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(csv_text.as_bytes());
    let headers = reader.headers().expect("headers").clone();
    let mut found = Vec::new();
    for row in reader.records() {
        let row = row.expect("row");
        let cell = |name: &str| {
            let place = headers.iter().position(|h| h == name).expect("column");
            row.get(place).unwrap_or_default().to_owned()
        };
        if keep(&cell)
            && let Ok(value) = cell(column).parse::<f64>()
        {
            found.push(value);
        }
    }
    found
}

/// A difference that chance shows less often than this is one of the model.
pub const SIGNIFICANT: f64 = 0.001;

/// Times measured in the lab and times of the model come from one distribution, as far
/// as a test of Kolmogorov and Smirnov can tell.
pub fn agree(what: &str, lab: &[f64], model: &[f64]) {
    assert!(!lab.is_empty(), "{what}");
    let test = kolmogorov_smirnov_two_sample(lab, model).expect("values");
    let (n, d, p) = (lab.len(), test.statistic, test.p_value);
    println!("{what}: n = {n}, D = {d:.3}, p = {p:.4}");
    assert!(
        p > SIGNIFICANT,
        "{what}: D = {d:.3}, p = {p:.5}; lab {lab:?}"
    );
}

/// All values lie in this range.
pub fn within(values: &[f64], low: f64, high: f64) {
    for value in values {
        assert!((low..=high).contains(value), "{value} in {low}..{high}");
    }
}
