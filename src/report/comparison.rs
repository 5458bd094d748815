//! Several designs side by side, and what differs between them.
//!
//! The designs ran on the same random numbers, see [`crate::runner::paired`].

use crate::estimate::Estimate;
use crate::runner::RunOutcome;
use crate::runner::paired::unavailability;
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
    let mut found = Vec::new();
    for (service, _) in &a.services {
        if let Some(unavailability) = unavailability(a, b, service) {
            found.push(Difference {
                a: a.scenario.clone(),
                b: b.scenario.clone(),
                service: service.clone(),
                unavailability,
            });
        }
    }
    found
}
