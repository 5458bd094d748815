//! The one sentence that says what costs most.

use super::numbers;
use crate::runner::RunOutcome;

/// What costs most in a single design.
pub fn what_costs_most(outcome: &RunOutcome) -> Option<String> {
    let (name, service) = outcome.services.iter().max_by(|(_, a), (_, b)| {
        a.unavailability
            .estimate
            .total_cmp(&b.unavailability.estimate)
    })?;
    let cause = service.attribution.first()?;
    Some(format!(
        "What costs most in {}: {name} is down {} a year, {} of it because of {}.",
        outcome.scenario,
        numbers::length(service.downtime_s_per_year.estimate),
        numbers::percent(cause.share),
        in_words(&cause.cause),
    ))
}

/// A cause as a reader would say it.
fn in_words(cause: &str) -> String {
    match cause {
        "every node down" => "all its servers being down".to_owned(),
        other => format!("`{other}`"),
    }
}
