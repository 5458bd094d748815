//! The one sentence that says what costs most.

use super::comparison::Comparison;
use super::numbers;
use crate::runner::RunOutcome;

/// What costs most in a single design.
pub fn what_costs_most(outcome: &RunOutcome) -> Option<String> {
    let (name, service) = outcome
        .services
        .iter()
        .max_by(|(_, a), (_, b)| a.unavailability.estimate.total_cmp(&b.unavailability.estimate))?;
    let cause = service.attribution.first()?;
    Some(format!(
        "What costs most: `{name}` is down {} a year, {} of it because of {}.",
        numbers::length(service.downtime_s_per_year.estimate),
        numbers::percent(cause.share),
        in_words(&cause.cause),
    ))
}

/// The largest difference between two designs that is certain, in words.
pub fn largest_difference(comparison: &Comparison) -> Option<String> {
    let year = crate::automaton::Nanos::SECONDS_PER_YEAR;
    let neighbours: Vec<(&str, &str)> = comparison
        .designs
        .windows(2)
        .map(|pair| (pair[0].scenario.as_str(), pair[1].scenario.as_str()))
        .collect();
    let difference = comparison
        .differences
        .iter()
        .filter(|d| neighbours.contains(&(d.a.as_str(), d.b.as_str())))
        .filter(|d| d.unavailability.low > 0.0 || d.unavailability.high < 0.0)
        .max_by(|x, y| x.unavailability.estimate.abs().total_cmp(&y.unavailability.estimate.abs()))?;
    let d = &difference.unavailability;
    let (more, less, low, high) = if d.estimate > 0.0 {
        (&difference.a, &difference.b, d.low, d.high)
    } else {
        (&difference.b, &difference.a, -d.high, -d.low)
    };
    Some(format!(
        "`{}`: {more} is down {} a year longer than {less} ({} .. {} on the same random numbers).",
        difference.service,
        numbers::length(d.estimate.abs() * year),
        numbers::length(low * year),
        numbers::length(high * year),
    ))
}

/// A cause as a reader would say it.
fn in_words(cause: &str) -> String {
    match cause {
        "every node down" => "all its servers being down".to_owned(),
        other => format!("`{other}`"),
    }
}
