//! Human error during repair: `[human_error.NAME]`, checked.

use crate::automaton::Distribution;

/// Whom the error hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// Another node that is up, each as likely.
    Other,
    /// The node that was repaired.
    Same,
}

/// One kind of error.
#[derive(Clone, Debug)]
pub struct HumanErrorSpec {
    /// Its name.
    pub name: String,
    /// Nodes after whose failures it may come, and which it may hit, as indices.
    pub nodes: Vec<usize>,
    /// Its probability for each failure.
    pub probability: f64,
    /// Whom it hits.
    pub hits: Victim,
    /// Time from the failure to the error.
    pub after: Distribution,
    /// How long the victim is off; without it, it has to be repaired like any other.
    pub lasts: Option<Distribution>,
}
