//! The story of an outage: what changed, in words, from the first trouble until the
//! service is back.

use super::numbers;
use super::timeline::{Event, Timeline};
use crate::runner::outcome::SCHEMA;
use crate::runner::waits::Rule;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The signal that says which nodes are up.
const NODE_UP: &str = "node.up";

/// One outage of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// Version of this format.
    pub schema: u32,
    /// Version of the program.
    pub version: &'static str,
    /// The name of the scenario.
    pub scenario: String,
    /// The engine that played it.
    pub engine: &'static str,
    /// The seed of all streams.
    pub seed: u64,
    /// The service.
    pub service: String,
    /// The outage.
    pub outage: OutageStory,
}

/// When it was, and what happened.
#[derive(Clone, Debug, Serialize)]
pub struct OutageStory {
    /// Its number in the run, from 1.
    pub number: u64,
    /// The replication.
    pub replication: u64,
    /// Seconds in that replication at which the story begins.
    pub from_s: f64,
    /// Seconds in that replication at which the service went down.
    pub began_s: f64,
    /// How long it was down.
    pub lasted_s: f64,
    /// Was it up again before the replication was over?
    pub is_over: bool,
    /// What the service waited for while it was down, in the order of time; empty where the
    /// outage is not over.
    pub waited_for: Vec<WaitStory>,
    /// The first changes tell how things stand at the beginning.
    pub timeline: serde_json::Value,
}

/// A part of the outage, and what the service waited for.
#[derive(Clone, Debug, Serialize)]
pub struct WaitStory {
    /// Seconds from the beginning of the story.
    pub from_s: f64,
    /// Seconds.
    pub lasted_s: f64,
    /// The node whose timer ran, where it was that of one node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
}

impl Story {
    /// A story with its timeline; of the signals only these are told.
    pub fn new(
        scenario: &str,
        seed: u64,
        service: &str,
        outage: OutageStory,
        timeline: &Timeline,
        signals: &[String],
    ) -> Story {
        let services = [service.to_owned()];
        Story {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            scenario: scenario.to_owned(),
            engine: "simulate",
            seed,
            service: service.to_owned(),
            outage: OutageStory {
                timeline: timeline.lines_as_json(&services, signals),
                ..outage
            },
        }
    }
}

/// The story for people.
pub fn human(story: &Story, timeline: &Timeline, signals: &[String]) -> String {
    let outage = &story.outage;
    let lasts = match outage.is_over {
        true => format!("lasts {}", numbers::length(outage.lasted_s)),
        false => format!(
            "is not over after {}, at the end of the replication",
            numbers::length(outage.lasted_s)
        ),
    };
    let mut text = format!(
        "{}: outage {} of {} (replication {}, after {}) {lasts}\n",
        story.scenario,
        outage.number,
        story.service,
        outage.replication,
        numbers::years(outage.began_s / crate::automaton::Nanos::SECONDS_PER_YEAR),
    );
    let mut before: BTreeMap<&str, &[String]> = BTreeMap::new();
    for (t_s, event) in timeline.events() {
        let words = match event {
            Event::Fault(fault) => Some(fault.clone()),
            Event::Signal(name, _) if !signals.contains(name) => None,
            Event::Signal(name, nodes) => {
                let known = before.insert(name, nodes);
                match known {
                    Some(known) => change(name, known, nodes),
                    None => Some(standing(name, nodes)),
                }
            }
            Event::Service(name, state, _) if *name == story.service => {
                Some(format!("=> {name} is {}", state.replace('_', " ")))
            }
            Event::Service(..) => None,
        };
        if let Some(words) = words {
            let _ = writeln!(text, "{:>15}  {words}", clock(t_s));
        }
    }
    if !outage.waited_for.is_empty() {
        text.push_str("while it was down it waited for\n");
    }
    for wait in &outage.waited_for {
        let node = wait.node.as_ref().map(|node| format!(" [{node}]"));
        let (lasted, node) = (numbers::length(wait.lasted_s), node.unwrap_or_default());
        let _ = writeln!(text, "{lasted:>15}  {}{node}", wait.rule);
    }
    text
}

/// Hours, minutes, seconds and milliseconds.
fn clock(t_s: f64) -> String {
    let ms = (t_s * 1e3).round() as u64;
    let (s, min, h) = (ms / 1000 % 60, ms / 60_000 % 60, ms / 3_600_000);
    match h {
        0 => format!("{min:02}:{s:02}.{:03}", ms % 1000),
        h => format!("{h}:{min:02}:{s:02}.{:03}", ms % 1000),
    }
}

fn standing(name: &str, nodes: &[String]) -> String {
    match nodes {
        [] => format!("   {name}: nobody"),
        nodes => format!("   {name}: {}", nodes.join(", ")),
    }
}

/// What is new about a signal.
fn change(name: &str, before: &[String], now: &[String]) -> Option<String> {
    let list = |of: &[String], without: &[String]| -> Vec<String> {
        of.iter()
            .filter(|node| !without.contains(node))
            .cloned()
            .collect()
    };
    let (come, gone) = (list(now, before), list(before, now));
    if name == NODE_UP {
        let fails = |nodes: &[String]| if nodes.len() == 1 { "fails" } else { "fail" };
        let is_back = |nodes: &[String]| {
            if nodes.len() == 1 {
                "is back"
            } else {
                "are back"
            }
        };
        let mut words = Vec::new();
        if !gone.is_empty() {
            words.push(format!("{} {}", gone.join(", "), fails(&gone)));
        }
        if !come.is_empty() {
            words.push(format!("{} {}", come.join(", "), is_back(&come)));
        }
        return (!words.is_empty()).then(|| format!("** {}", words.join("; ")));
    }
    let mut words = Vec::new();
    if !gone.is_empty() {
        words.push(format!("without {}", gone.join(", ")));
    }
    if !come.is_empty() {
        words.push(format!("with {}", come.join(", ")));
    }
    let left = if now.is_empty() {
        "nobody".to_owned()
    } else {
        now.join(", ")
    };
    (!words.is_empty()).then(|| format!("   {name} {}: {left}", words.join(", ")))
}
