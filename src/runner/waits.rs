//! The rules that a service waited for while it was not up: the timers of its critical
//! paths, without the nodes that they ran on.

use crate::automaton::Timer;
use crate::model::Model;
use crate::scenario::Scenario;
use crate::scenario::waits::WaitWords;
use serde::Serialize;
use std::fmt;

/// What a timer stands for, whichever node it runs on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rule {
    /// The part of the model whose timer it is, e.g. `database`.
    pub part: String,
    /// What kind of part that is, e.g. `galera` or `node`.
    pub kind: String,
    /// What it is about, where the part has several of them: a process, a resource, a
    /// switch, an operator.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// What runs, e.g. `silence`.
    pub timer: String,
    /// What is waited for, in words.
    pub words: String,
}

impl Rule {
    /// The rule of a timer.
    pub fn of<const W: usize>(
        model: &Model<W>,
        scenario: &Scenario,
        words: &WaitWords,
        timer: Timer,
    ) -> Rule {
        let blueprint = model.blueprint();
        let owner = blueprint.timer_info(timer).owner.0 as usize;
        let part = model.automata().nth(owner).map_or("", |one| one.name());
        let stream = &blueprint.timer_streams()[timer.0 as usize];
        let own = stream.purpose.strip_prefix(part);
        let own = own.and_then(|rest| rest.strip_prefix('.'));
        let purpose = own.unwrap_or(&stream.purpose);
        let (about, purpose) = match of_pair(purpose) {
            Some(purpose) => ("", purpose),
            None => purpose.rsplit_once('.').unwrap_or(("", purpose)),
        };
        let component = &stream.component;
        let is_node = blueprint.node_named(component).is_some();
        let (kind, part_about) = kind(scenario, part);
        let about = match component != part && !is_node {
            true => component,
            false if about.is_empty() => part_about,
            false => about,
        };
        let told = words.of(kind, purpose, about);
        Rule {
            part: part.to_owned(),
            kind: kind.to_owned(),
            about: about.to_owned(),
            timer: purpose.to_owned(),
            words: told.unwrap_or_else(|| blueprint.timer_info(timer).name.clone()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.part, self.words)
    }
}

/// The kind of a part, and what follows it in the name of the part.
fn kind<'a>(scenario: &'a Scenario, part: &'a str) -> (&'a str, &'a str) {
    if let Some(protocol) = scenario.protocols.iter().find(|one| one.name == part) {
        return (&protocol.kind, "");
    }
    if scenario.coverages.iter().any(|one| one.name == part) {
        return ("coverage", part);
    }
    part.split_once('.').unwrap_or((part, ""))
}

/// The purpose of a timer that a node has for each other one, or of a row of them.
fn of_pair(purpose: &str) -> Option<&str> {
    let (first, last) = purpose.split_once('.')?;
    let is_pair = first.ends_with("_by") || first.ends_with("_of");
    (is_pair || last.parse::<u32>().is_ok()).then_some(first)
}
