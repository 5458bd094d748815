//! Tables for people, at most 100 columns wide.

use super::comparison::Comparison;
use super::numbers::{self, TwoLines};
use super::sentence;
use crate::runner::RunOutcome;
use crate::runner::outcome::ServiceOutcome;
use comfy_table::presets;
use comfy_table::{Cell, ContentArrangement, Table};
use std::fmt::Write;

/// The widest table that is printed.
const WIDTH: u16 = 100;

/// The result of one run.
pub fn run(outcome: &RunOutcome) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}", outcome.scenario, how(outcome));
    let mut table = new_table(&["service"]);
    for (name, service) in &outcome.services {
        table.add_row(row(&[name], service));
    }
    if !outcome.services.is_empty() {
        let _ = writeln!(text, "{table}");
    }
    text.push_str(&tallies(outcome));
    text.push_str(&claims(std::slice::from_ref(outcome)));
    if let Some(sentence) = sentence::what_costs_most(outcome) {
        let _ = writeln!(text, "{sentence}");
    }
    warnings(outcome, &mut text);
    text
}

/// Several designs, service by service.
pub fn comparison(comparison: &Comparison) -> String {
    let mut text = String::new();
    let Some(first) = comparison.designs.first() else {
        return text;
    };
    let _ = writeln!(text, "{} designs: {}", comparison.designs.len(), how(first));
    let mut table = new_table(&["service", "design"]);
    for (name, _) in all_services(&comparison.designs) {
        for design in &comparison.designs {
            if let Some((_, service)) = design.services.iter().find(|(other, _)| *other == name) {
                table.add_row(row(&[&name, &design.scenario], service));
            }
        }
    }
    let _ = writeln!(text, "{table}");
    text.push_str(&claims(&comparison.designs));
    if let Some(sentence) = comparison.designs.iter().max_by(by_downtime).and_then(sentence::what_costs_most) {
        let _ = writeln!(text, "{sentence}");
    }
    if let Some(sentence) = sentence::largest_difference(comparison) {
        let _ = writeln!(text, "{sentence}");
    }
    for design in &comparison.designs {
        warnings(design, &mut text);
    }
    text
}

fn by_downtime(a: &&RunOutcome, b: &&RunOutcome) -> std::cmp::Ordering {
    let worst = |outcome: &RunOutcome| {
        outcome.services.iter().map(|(_, s)| s.unavailability.estimate).fold(0.0, f64::max)
    };
    worst(a).total_cmp(&worst(b))
}

/// All service names in the order in which they first appear.
fn all_services(designs: &[RunOutcome]) -> Vec<(String, ())> {
    let mut names: Vec<(String, ())> = Vec::new();
    for (name, _) in designs.iter().flat_map(|design| &design.services) {
        if !names.iter().any(|(other, ())| other == name) {
            names.push((name.clone(), ()));
        }
    }
    names
}

fn how(outcome: &RunOutcome) -> String {
    format!(
        "{} x {} simulated ({} events), seed {}, {} intervals",
        numbers::grouped(outcome.replications),
        numbers::years(outcome.horizon_years),
        numbers::grouped(outcome.events),
        outcome.seed,
        numbers::percent(outcome.confidence),
    )
}

fn new_table(first: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH);
    let rest = ["availability", "nines", "downtime/year", "outages/year", "failover p50, p99"];
    table.set_header(first.iter().chain(&rest).map(|text| Cell::new(text)));
    table
}

fn row(first: &[&str], service: &ServiceOutcome) -> Vec<Cell> {
    let numbers = [
        numbers::availability(&service.unavailability),
        numbers::nines(&service.unavailability),
        numbers::duration(&service.downtime_s_per_year),
        numbers::plain(&service.outages_per_year),
        numbers::quantiles(service.failover_s.as_ref()),
    ];
    first
        .iter()
        .map(|text| Cell::new(text))
        .chain(numbers.iter().map(|(value, interval): &TwoLines| Cell::new(format!("{value}\n{interval}"))))
        .collect()
}

fn tallies(outcome: &RunOutcome) -> String {
    let mut text = String::new();
    for (name, levels) in &outcome.tallies {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([name.as_str(), "share of time", "interval"]);
        for level in levels.iter().rev().filter(|level| level.share.high > 0.0) {
            table.add_row([
                level.value.to_string(),
                numbers::significant(level.share.estimate, 6),
                format!(
                    "{} .. {}",
                    numbers::significant(level.share.low, 6),
                    numbers::significant(level.share.high, 6)
                ),
            ]);
        }
        let _ = writeln!(text, "{table}");
    }
    text
}

/// What was claimed, beside what was found.
fn claims(designs: &[RunOutcome]) -> String {
    let mut text = String::new();
    for design in designs {
        for (name, service) in &design.services {
            let Some(claimed) = service.claimed else { continue };
            let allowed = 1.0 - claimed;
            let u = &service.unavailability;
            let verdict = if u.low > allowed {
                let times = numbers::significant(u.estimate / allowed, 2);
                format!("found {} times as much downtime", times)
            } else if u.high <= allowed {
                "holds".to_owned()
            } else {
                "cannot be decided with so few replications".to_owned()
            };
            let _ = writeln!(
                text,
                "Claimed for {name} ({}): {}%, {} a year; {verdict}.",
                design.scenario,
                numbers::significant(100.0 * claimed, 15).trim_end_matches('0').trim_end_matches('.'),
                numbers::length(allowed * crate::automaton::Nanos::SECONDS_PER_YEAR),
            );
        }
    }
    text
}

fn warnings(outcome: &RunOutcome, text: &mut String) {
    for warning in &outcome.warnings {
        let _ = writeln!(text, "Note, {}: {warning}.", outcome.scenario);
    }
}
