//! Several designs side by side, and what differs between them.
//!
//! The designs ran on the same random numbers, replication by replication, so
//! the difference of each pair is estimated from the differences within the
//! replications: luck that both had cancels.

use crate::estimate::{Estimate, Moments, difference};
use crate::runner::RunOutcome;
use serde::Serialize;

/// A comparison under the names of DESIGN 6.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Version of this format.
    pub schema: u32,
    /// The designs, as they were given.
    pub designs: Vec<RunOutcome>,
    /// `a` minus `b` for each pair and each service that both have.
    pub differences: Vec<Difference>,
}

/// What one design has more of than another.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The first design.
    pub a: String,
    /// The second design.
    pub b: String,
    /// The service.
    pub service: String,
    /// Unavailability of `a` minus unavailability of `b`.
    pub unavailability: Estimate,
}

impl Comparison {
    /// Compares every design with every later one.
    pub fn new(designs: Vec<RunOutcome>) -> Comparison {
        let mut differences = Vec::new();
        for (i, a) in designs.iter().enumerate() {
            for b in &designs[i + 1..] {
                differences.extend(compare(a, b));
            }
        }
        Comparison {
            schema: crate::runner::outcome::SCHEMA,
            designs,
            differences,
        }
    }
}

fn compare(a: &RunOutcome, b: &RunOutcome) -> Vec<Difference> {
    let horizon_s = a.horizon_years * crate::automaton::Nanos::SECONDS_PER_YEAR;
    let mut found = Vec::new();
    for (at_a, (service, _)) in a.services.iter().enumerate() {
        let Some(at_b) = b.services.iter().position(|(name, _)| name == service) else {
            continue;
        };
        let paired: Moments = a
            .per_replication
            .iter()
            .zip(&b.per_replication)
            .map(|(x, y)| (x.services[at_a].0 - y.services[at_b].0) / horizon_s)
            .collect();
        found.push(Difference {
            a: a.scenario.clone(),
            b: b.scenario.clone(),
            service: service.clone(),
            unavailability: difference(&paired, a.confidence),
        });
    }
    found
}
