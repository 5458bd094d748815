//! Minimal cut sequences with names: in words, and as fault scripts.

use super::outcome::CutSequence;
use crate::automaton::{Nanos, Timer};
use crate::engine::explore::cuts::{Cuts, Sequence};
use crate::model::Model;
use crate::scenario::Scenario;
use std::fmt::Write;

/// A script leaves so much more time than the longest that was seen.
const SLACK: f64 = 1.25;
/// And so many seconds besides.
const SLACK_S: f64 = 60.0;

/// A fault as people and scripts call it.
struct Fault {
    /// What fails, e.g. `server1` or `mariadb on server1`.
    what: String,
    /// What happens to it.
    verb: &'static str,
    kind: Kind,
}

enum Kind {
    Node(String),
    Process { process: String, node: String },
    Event(String),
}

/// The cut sequences of one service, named.
pub fn named<const W: usize>(
    cuts: &Cuts,
    place: usize,
    service: &str,
    model: &Model<W>,
    scenario: &Scenario,
    begin: Nanos,
) -> Vec<CutSequence> {
    let faults: Vec<Fault> = cuts
        .faults
        .iter()
        .map(|fault| fault_of(fault.timer, model, scenario))
        .collect();
    cuts.sequences[place]
        .iter()
        .map(|sequence| {
            let stages: Vec<Vec<String>> = sequence
                .stages
                .iter()
                .map(|stage| {
                    stage
                        .iter()
                        .map(|fault| faults[*fault].what.clone())
                        .collect()
                })
                .collect();
            CutSequence {
                service: service.to_owned(),
                order: sequence.stages.iter().map(Vec::len).sum(),
                timeline: timeline(sequence, &faults, service),
                script: script(sequence, &faults, service, &scenario.name, begin),
                ends: sequence.worst,
                probability: sequence.probability,
                stages,
            }
        })
        .collect()
}

/// Timers are named after what they belong to.
fn fault_of<const W: usize>(timer: Timer, model: &Model<W>, scenario: &Scenario) -> Fault {
    let name = &model.blueprint().timer_info(timer).name;
    let (component, purpose) = name.split_once('.').unwrap_or((name, ""));
    let is_node = scenario.nodes.iter().any(|node| node.name == component);
    let process = purpose
        .strip_suffix(".crash")
        .filter(|process| scenario.processes.iter().any(|p| p.name == *process));
    match process {
        Some(process) if is_node => Fault {
            what: format!("{process} on {component}"),
            verb: "crashes",
            kind: Kind::Process {
                process: process.to_owned(),
                node: component.to_owned(),
            },
        },
        _ if is_node && purpose == "fate" => Fault {
            what: component.to_owned(),
            verb: "fails",
            kind: Kind::Node(component.to_owned()),
        },
        _ => Fault {
            what: name.clone(),
            verb: "happens",
            kind: Kind::Event(name.clone()),
        },
    }
}

fn timeline(sequence: &Sequence, faults: &[Fault], service: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (stage, after) in sequence.stages.iter().zip(&sequence.after) {
        let words: Vec<String> = stage
            .iter()
            .map(|fault| format!("{} {}", faults[*fault].what, faults[*fault].verb))
            .collect();
        let together = if words.len() > 1 { ", at once" } else { "" };
        lines.push(format!("{}{together}", words.join(" and ")));
        lines.push(format!("the cluster rests within {:.1} s", after.seconds()));
    }
    let end = sequence.worst.word().replace('_', " ");
    lines.push(if sequence.probability < 1.0 - 1e-9 {
        format!(
            "{service} is {end}, in {:.3}% of the ways in which chance and phases fall",
            100.0 * sequence.probability
        )
    } else {
        format!("{service} is {end}")
    });
    lines
}

fn pause_s(rest: Nanos) -> f64 {
    (rest.seconds() * SLACK + SLACK_S).ceil()
}

fn script(
    sequence: &Sequence,
    faults: &[Fault],
    service: &str,
    scenario: &str,
    begin: Nanos,
) -> String {
    let mut at = pause_s(begin);
    let mut body = String::new();
    for (stage, after) in sequence.stages.iter().zip(&sequence.after) {
        for fault in stage {
            let _ = write!(body, "\n[[fault]]\nat = \"{at}s\"\n");
            let _ = match &faults[*fault].kind {
                Kind::Node(node) => writeln!(body, "do = \"power_off\"\nnodes = [\"{node}\"]"),
                Kind::Process { process, node } => writeln!(
                    body,
                    "do = \"kill\"\nprocess = \"{process}\"\nnodes = [\"{node}\"]"
                ),
                Kind::Event(event) => writeln!(body, "do = \"happen\"\nevent = \"{event}\""),
            };
        }
        at += pause_s(*after);
    }
    let mut text = format!("# A minimal cut sequence of `{service}` in {scenario}:\n");
    for line in timeline(sequence, faults, service) {
        let _ = writeln!(text, "#   {line}");
    }
    let _ = write!(
        text,
        "schema = 1\nname = \"{service} cut by {} faults\"\nuntil = \"{at}s\"\n",
        sequence.stages.iter().map(Vec::len).sum::<usize>()
    );
    text + &body
}
