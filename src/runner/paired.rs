//! Differences between two runs on the same random numbers.
//!
//! Replication by replication both had the same luck, so the difference is estimated
//! from the differences within the replications, and the luck cancels.

use super::RunOutcome;
use crate::automaton::Nanos;
use crate::estimate::{Estimate, Moments, difference};

/// Unavailability of a service in `a` minus that in `b`; none where one of them does not
/// have the service.
pub fn unavailability(a: &RunOutcome, b: &RunOutcome, service: &str) -> Option<Estimate> {
    let place = |run: &RunOutcome| run.services.iter().position(|(name, _)| name == service);
    let (at_a, at_b) = (place(a)?, place(b)?);
    let horizon_s = a.horizon_years * Nanos::SECONDS_PER_YEAR;
    let paired: Moments = a
        .per_replication
        .iter()
        .zip(&b.per_replication)
        .map(|(x, y)| (x.services[at_a].0 - y.services[at_b].0) / horizon_s)
        .collect();
    Some(difference(&paired, a.confidence))
}
