//! The sentences that say what costs most, and what a larger design makes worse.

use super::comparison::{Comparison, Difference};
use super::numbers;
use crate::automaton::Nanos;
use crate::runner::RunOutcome;
use crate::runner::outcome::ServiceOutcome;

/// From this share of a downtime on, a single lost server is what takes the service away.
const MOSTLY: f64 = 0.5;

/// What costs most in a single design.
pub fn what_costs_most(outcome: &RunOutcome) -> Option<String> {
    let (name, service) = worst_service(outcome)?;
    let cause = service.attribution.first()?;
    Some(format!(
        "What costs most in {}: {name} is down {} a year, {} of it because of {}.",
        outcome.scenario,
        numbers::length(service.downtime_s_per_year.estimate),
        numbers::percent(cause.share),
        in_words(&cause.cause),
    ))
}

/// How good and how bad a year of the service that costs most can be, where that was
/// computed.
pub fn one_year(outcome: &RunOutcome) -> Option<String> {
    let (name, service) = worst_service(outcome)?;
    let year = service.year.filter(|year| year.how != "simulated")?;
    let mut text = format!(
        "One year of {name}: downtime in {} of the years",
        numbers::percent(year.any_downtime)
    );
    let quantiles = [
        (year.p50_s, "half of them"),
        (year.p90_s, "one in ten"),
        (year.p99_s, "one in a hundred"),
    ];
    let mut more = ", more than";
    for (seconds, years) in quantiles.into_iter().filter(|(seconds, _)| *seconds > 0.0) {
        text += &format!("{more} {} in {years}", numbers::length(seconds));
        more = ",";
    }
    Some(format!("{text} ({}).", year.how))
}

fn worst_service(outcome: &RunOutcome) -> Option<&(String, ServiceOutcome)> {
    outcome.services.iter().max_by(|(_, a), (_, b)| {
        a.unavailability
            .estimate
            .total_cmp(&b.unavailability.estimate)
    })
}

/// A cause as a reader would say it.
fn in_words(cause: &str) -> String {
    match cause {
        "every node down" => "all its servers being down".to_owned(),
        other => format!("`{other}`"),
    }
}

/// For each design with more servers than the one before it: which services it makes
/// worse beyond doubt, and why.
pub fn more_is_worse(comparison: &Comparison) -> Vec<String> {
    let pairs = comparison.designs.windows(2);
    pairs
        .filter(|pair| pair[1].nodes > pair[0].nodes)
        .filter_map(|pair| worse(comparison, &pair[0], &pair[1]))
        .collect()
}

/// `b`, which has more servers, beside `a`.
fn worse(comparison: &Comparison, a: &RunOutcome, b: &RunOutcome) -> Option<String> {
    let is_shown = |d: &Difference| find(b, &d.service).is_some();
    let mut found: Vec<&Difference> = comparison
        .differences
        .iter()
        .filter(|d| d.a == a.scenario && d.b == b.scenario && is_shown(d))
        .filter(|d| d.unavailability.high < 0.0)
        .collect();
    found.sort_by(|x, y| {
        x.unavailability
            .estimate
            .total_cmp(&y.unavailability.estimate)
    });
    let worst = found.first()?;
    let names: Vec<&str> = found.iter().map(|d| d.service.as_str()).collect();
    let (before, after) = (find(a, &worst.service)?, find(b, &worst.service)?);
    let more = worst.unavailability.scaled(-Nanos::SECONDS_PER_YEAR);
    let (_, interval) = numbers::signed_duration(&more);
    Some(format!(
        "{} worse: {} is down {} a year instead of {}, {} ({interval}) more, because of {}.",
        subject(a, b, &names),
        worst.service,
        numbers::length(after.downtime_s_per_year.estimate),
        numbers::length(before.downtime_s_per_year.estimate),
        numbers::length(more.estimate),
        reason(before, after, b.nodes),
    ))
}

fn find<'a>(outcome: &'a RunOutcome, service: &str) -> Option<&'a ServiceOutcome> {
    let mut services = outcome.services.iter();
    services.find(|(name, _)| name == service).map(|(_, s)| s)
}

fn subject(a: &RunOutcome, b: &RunOutcome, services: &[&str]) -> String {
    let services = list(services);
    match b.nodes - a.nodes {
        1 => format!("The {} server makes {services}", ordinal(b.nodes)),
        _ => format!(
            "{} ({} servers, {} has {}) makes {services}",
            b.scenario, b.nodes, a.scenario, a.nodes
        ),
    }
}

/// The cause that has grown most, and whether one lost server is enough for it.
fn reason(before: &ServiceOutcome, after: &ServiceOutcome, servers: usize) -> String {
    let seconds = |service: &ServiceOutcome, cause: &str| {
        let found = service.attribution.iter().find(|c| c.cause == cause);
        found.map_or(0.0, |c| c.share * service.downtime_s_per_year.estimate)
    };
    let growth = |cause: &str| seconds(after, cause) - seconds(before, cause);
    let causes = after.attribution.iter().map(|c| c.cause.as_str());
    let Some(cause) = causes.max_by(|x, y| growth(x).total_cmp(&growth(y))) else {
        return "nothing that was seen".to_owned();
    };
    let alone = after.nodes_down.iter().find(|level| level.nodes == 1);
    match alone.filter(|level| level.share >= MOSTLY) {
        Some(level) => format!(
            "{}: {} of its downtime begins with a single server down, and any of {servers} can be that one",
            in_words(cause),
            numbers::percent(level.share),
        ),
        None => in_words(cause),
    }
}

fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn ordinal(number: usize) -> String {
    const WORDS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];
    if let Some(word) = number.checked_sub(1).and_then(|at| WORDS.get(at)) {
        return (*word).to_owned();
    }
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ordinals_read_aloud() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(
            [2, 4, 12, 21, 113].map(ordinal),
            ["second", "fourth", "12th", "21st", "113th"]
        );
    }
}
