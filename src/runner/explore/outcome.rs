//! What a search has found, under the names that scripts rely on.

use crate::model::measure::Condition;
use crate::runner::outcome::in_order;
use serde::Serialize;

/// The result of one search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exploration {
    /// Version of this format.
    pub schema: u32,
    /// Version of the program.
    pub version: &'static str,
    /// The name of the scenario.
    pub scenario: String,
    /// The nodes.
    pub nodes: Vec<String>,
    /// Always `explore`.
    pub engine: &'static str,
    /// The seed of the phases that were drawn.
    pub seed: u64,
    /// Sets of up to so many lost nodes.
    pub lost: usize,
    /// The services before anything is lost.
    #[serde(serialize_with = "in_order")]
    pub start: Vec<(String, Condition)>,
    /// What is left after each loss.
    pub survivability: Vec<Survival>,
    /// Pairs of nodes that stop a service at once and not one after the other.
    pub windows: Vec<Window>,
    /// The fewest faults that stop each service; `null` where none were found.
    #[serde(serialize_with = "in_order")]
    pub distance: Vec<(String, Option<usize>)>,
    /// The shortest sequences of faults that stop a service, none of which is part of
    /// another one: service by service, the shortest first.
    pub minimal_cut_sequences: Vec<CutSequence>,
    /// What is to be kept in mind.
    pub notes: Vec<String>,
}

/// What is left of the services after one loss, once the cluster has come to rest.
/// Nobody repairs anything and no person acts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Survival {
    /// The lost nodes.
    pub lost: Vec<String>,
    /// How they are lost.
    pub how: &'static str,
    /// The worst that each service can come to.
    #[serde(serialize_with = "in_order")]
    pub services: Vec<(String, Condition)>,
    /// Services that can come to different ends, and those ends.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub alternatives: Vec<(String, Vec<Possible>)>,
    /// Services that are not up after all of it has been repaired, as long as nobody
    /// does more: the worst that they can come to.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub stays_after_repair: Vec<(String, Condition)>,
    /// The longest time from the last loss to rest, in seconds.
    pub rests_within_s: f64,
    /// Were all combinations of phases tried? Otherwise many were drawn.
    pub exhaustive: bool,
}

/// One of several ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Possible {
    /// The condition; several where it comes and goes without end.
    pub states: Vec<Condition>,
    /// How likely it is where phases come as they may, and every order is as likely.
    pub probability: f64,
    /// The orders of loss that can lead to it, where others cannot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<Vec<String>>,
}

/// What "at once" means for a pair of nodes: a second loss within this time of the first
/// still stops the service. Phases move it between the two times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Window {
    /// The service.
    pub service: String,
    /// The two nodes.
    pub lost: Vec<String>,
    /// The shortest that was seen, in seconds.
    pub shortest_s: f64,
    /// The longest that was seen, in seconds.
    pub longest_s: f64,
}

/// Faults, with time to rest between the stages, after which a service does not work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CutSequence {
    /// The service.
    pub service: String,
    /// How many faults.
    pub order: usize,
    /// What fails: stages after one another, in each what fails at one instant.
    pub stages: Vec<Vec<String>>,
    /// The worst that the service comes to.
    pub ends: Condition,
    /// How likely it does not work then, with phases and chance as they may come.
    pub probability: f64,
    /// The same in words.
    pub timeline: Vec<String>,
    /// A fault script for `replay`.
    pub script: String,
}

impl Survival {
    /// The worst condition of a service.
    pub fn worst(&self, service: &str) -> Option<Condition> {
        let found = self.services.iter().find(|(name, _)| name == service);
        found.map(|(_, condition)| *condition)
    }

    /// Everything that a service can come to.
    pub fn possible(&self, service: &str) -> Vec<Condition> {
        let several = self.alternatives.iter().find(|(name, _)| name == service);
        match several {
            Some((_, ends)) => ends.iter().flat_map(|end| end.states.clone()).collect(),
            None => self.worst(service).into_iter().collect(),
        }
    }
}
