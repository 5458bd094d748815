//! Tables for people, at most 100 columns wide.

use super::comparison::Comparison;
use super::load_table;
use super::numbers::{self, TwoLines};
use super::{planned, sentence};
use crate::estimate::Estimate;
use crate::runner::RunOutcome;
use crate::runner::outcome::ServiceOutcome;
use comfy_table::{
    Cell, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width,
};
use std::fmt::Write;

/// The widest table that is printed.
const WIDTH: u16 = 100;
/// The widest first column; longer names are wrapped.
const FIRST: u16 = 20;

/// The result of one run.
pub fn run(outcome: &RunOutcome) -> String {
    let mut text = String::new();
    text.push_str(&folded(&format!("{}: {}", outcome.scenario, how(outcome))));
    if !outcome.services.is_empty() {
        let mut table = new_table("service");
        for (name, service) in &outcome.services {
            table.add_row(row(name, service));
        }
        let _ = writeln!(text, "{table}");
    }
    text.push_str(&planned::tables(std::slice::from_ref(outcome)));
    text.push_str(&load_table::of_run(outcome));
    text.push_str(&tallies(outcome));
    text.push_str(&folded(&remarks(std::slice::from_ref(outcome))));
    text
}

/// Several designs, service by service.
pub fn comparison(comparison: &Comparison) -> String {
    let mut text = String::new();
    let Some(first) = comparison.designs.first() else {
        return text;
    };
    let _ = writeln!(
        text,
        "{} designs, each {}",
        comparison.designs.len(),
        how(first)
    );
    let mut table = new_table("design");
    for service in all_services(&comparison.designs) {
        table.add_row([Cell::new(service)]);
        for design in &comparison.designs {
            if let Some((_, found)) = design.services.iter().find(|(name, _)| name == service) {
                table.add_row(row(&format!(" {}", design.scenario), found));
            }
        }
    }
    let _ = writeln!(text, "{table}");
    text.push_str(&planned::tables(&comparison.designs));
    text.push_str(&differences(comparison));
    text.push_str(&folded(&remarks(&comparison.designs)));
    for sentence in sentence::more_is_worse(comparison) {
        text.push_str(&folded(&sentence));
    }
    text
}

/// What follows every table: claims, what costs most, and what to be careful about.
fn remarks(designs: &[RunOutcome]) -> String {
    let mut text = String::new();
    for design in designs {
        claims(design, &mut text);
    }
    for sentence in designs.iter().filter_map(sentence::what_costs_most) {
        let _ = writeln!(text, "{sentence}");
    }
    for sentence in designs.iter().filter_map(sentence::one_year) {
        let _ = writeln!(text, "{sentence}");
    }
    for design in designs {
        for remark in design.warnings.iter().chain(&design.notes) {
            let _ = writeln!(text, "Note, {}: {remark}.", design.scenario);
        }
    }
    text
}

/// Lines no longer than a table, broken between words; what is continued is indented.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut length = 0;
        for word in line.split(' ') {
            if length > 0 && length + 1 + word.chars().count() > usize::from(WIDTH) {
                out.push_str("\n  ");
                length = 2;
            } else if length > 0 {
                out.push(' ');
                length += 1;
            }
            out.push_str(word);
            length += word.chars().count();
        }
        out.push('\n');
    }
    out
}

/// Downtime per year that each design has more than the one before it, from the
/// differences within the replications: a row for each service, and as many tables
/// as the width asks for.
fn differences(comparison: &Comparison) -> String {
    let services = all_services(&comparison.designs);
    let first = services.iter().map(|name| name.chars().count());
    let first = first.fold(FIRST.into(), usize::max);
    let mut columns: Vec<Vec<String>> = Vec::new();
    let mut text = String::new();
    let mut used = first;
    for pair in comparison.designs.windows(2) {
        let column = difference_column(comparison, &pair[0].scenario, &pair[1].scenario, &services);
        let lines = column.iter().flat_map(|cell| cell.lines());
        let width = lines
            .map(|line| line.chars().count() + 2)
            .max()
            .unwrap_or(0);
        if used + width > WIDTH.into() && !columns.is_empty() {
            text += &difference_table(&services, &std::mem::take(&mut columns));
            used = first;
        }
        used += width;
        columns.push(column);
    }
    if !columns.is_empty() {
        text += &difference_table(&services, &columns);
    }
    text
}

/// The header of a pair of designs, and how much more the second has of each service.
fn difference_column(comparison: &Comparison, a: &str, b: &str, services: &[&str]) -> Vec<String> {
    let cell = |service: &&str| {
        let found = comparison
            .differences
            .iter()
            .find(|d| d.a == a && d.b == b && d.service == **service);
        found.map_or(String::new(), |d| {
            let more = d
                .unavailability
                .scaled(-crate::automaton::Nanos::SECONDS_PER_YEAR);
            let (value, interval) = numbers::signed_duration(&more);
            format!("{value}\n{interval}")
        })
    };
    std::iter::once(format!("{b}\nthan {a}"))
        .chain(services.iter().map(cell))
        .collect()
}

fn difference_table(services: &[&str], columns: &[Vec<String>]) -> String {
    let mut table = plain_table();
    let row = |index: usize| columns.iter().map(move |column| column[index].clone());
    table.set_header(std::iter::once("more downtime\nper year".to_owned()).chain(row(0)));
    for (index, service) in services.iter().enumerate() {
        table.add_row(std::iter::once((*service).to_owned()).chain(row(index + 1)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    format!("{table}\n")
}

/// All service names in the order in which they first appear.
pub(super) fn all_services(designs: &[RunOutcome]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in designs.iter().flat_map(|design| &design.services) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

fn how(outcome: &RunOutcome) -> String {
    let method = outcome.method.as_deref().unwrap_or_default();
    if outcome.replications == 0 {
        return format!("{}: {method}", outcome.engine);
    }
    let simulated = format!(
        "{} x {} simulated, seed {}",
        numbers::grouped(outcome.replications),
        numbers::years(outcome.horizon_years),
        outcome.seed,
    );
    if outcome.engine == "solve" {
        return format!("solve: {method}; failover times of {simulated}");
    }
    let intervals = numbers::percent(outcome.confidence);
    let engine = match outcome.engine {
        "rare" => format!("rare, {method}: "),
        _ => String::new(),
    };
    format!("{engine}{simulated}, {intervals} intervals")
}

fn new_table(first: &str) -> Table {
    let mut table = plain_table();
    table.set_header([
        first,
        "availability",
        "nines",
        "downtime/year",
        "outages/year",
        "failover p50, p99",
    ]);
    // Numbers stay whole; only long names are wrapped.
    table.set_constraints(
        std::iter::once(ColumnConstraint::UpperBoundary(Width::Fixed(FIRST)))
            .chain([ColumnConstraint::ContentWidth; 5]),
    );
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH);
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    if let Some(last) = table.column_iter_mut().last() {
        last.set_padding((0, 0));
    }
    table
}

/// A table with a line under its header and at its ends.
pub(super) fn plain_table() -> Table {
    let line = || LineStyle::none().fill('-').junction('-');
    let mut table = Table::new();
    table.load_style(
        TableStyle::new()
            .top_border(line())
            .header_separator(line())
            .bottom_border(line()),
    );
    table
}

fn row(first: &str, service: &ServiceOutcome) -> Vec<Cell> {
    let numbers = [
        numbers::availability(&service.unavailability),
        numbers::nines(&service.unavailability),
        numbers::duration(&service.downtime_s_per_year),
        numbers::plain(&service.outages_per_year),
        numbers::quantiles(service.failover_s.as_ref()),
    ];
    std::iter::once(Cell::new(first))
        .chain(
            numbers
                .iter()
                .map(|(value, interval): &TwoLines| Cell::new(format!("{value}\n{interval}"))),
        )
        .collect()
}

/// A tally with more levels than this shows only those that were seen.
const MANY_LEVELS: usize = 50;

fn tallies(outcome: &RunOutcome) -> String {
    let mut text = String::new();
    for (name, levels) in &outcome.tallies {
        let mut table = plain_table();
        table.set_header([name.as_str(), "share of time", "interval"]);
        // A queue could be of any length: what was never seen is no row of its own.
        let seen = levels.iter().filter(|level| level.share.estimate > 0.0);
        let many = levels.len() > MANY_LEVELS;
        let longest = seen.map(|level| level.value).max().unwrap_or(0);
        for level in levels
            .iter()
            .rev()
            .filter(|level| level.share.high > 0.0 && !(many && level.value > longest))
        {
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
        if let Some(found) = outcome.tally_means.get(name) {
            let mean = &found.mean;
            table.add_row([
                "mean".to_owned(),
                numbers::significant(mean.estimate, 6),
                format!(
                    "{} .. {}",
                    numbers::significant(mean.low, 6),
                    numbers::significant(mean.high, 6)
                ),
            ]);
            if let Some(time) = &found.mean_time_s {
                table.add_row([
                    "mean time".to_owned(),
                    numbers::length(time.estimate),
                    format!(
                        "{} .. {}",
                        numbers::length(time.low),
                        numbers::length(time.high)
                    ),
                ]);
            }
        }
        let _ = writeln!(text, "{table}");
    }
    text
}

/// What was claimed, beside what was found: one line for each claimed value.
fn claims(design: &RunOutcome, text: &mut String) {
    let claimed = |service: &ServiceOutcome| service.claimed.map(f64::to_bits);
    let mut done = Vec::new();
    for (_, service) in &design.services {
        let Some(claim) = service
            .claimed
            .filter(|_| !done.contains(&claimed(service)))
        else {
            continue;
        };
        done.push(claimed(service));
        let found: Vec<String> = design
            .services
            .iter()
            .filter(|(_, other)| claimed(other) == claimed(service))
            .map(|(name, other)| format!("{name} {}", verdict(&other.unavailability, 1.0 - claim)))
            .collect();
        let _ = writeln!(
            text,
            "Claimed for {}: {}%, {} down a year. Found: {}.",
            design.scenario,
            numbers::trimmed_percent(claim),
            numbers::length((1.0 - claim) * crate::automaton::Nanos::SECONDS_PER_YEAR),
            found.join(", "),
        );
    }
}

fn verdict(found: &Estimate, allowed: f64) -> String {
    if found.low > allowed {
        format!(
            "{} times as much",
            numbers::significant(found.estimate / allowed, 2)
        )
    } else if found.high <= allowed {
        "no more than that".to_owned()
    } else if found.high <= 2.0 * allowed && found.low >= allowed / 2.0 {
        "about that".to_owned()
    } else {
        // Too little was seen to say anything about the claim.
        let year = crate::automaton::Nanos::SECONDS_PER_YEAR;
        format!(
            "undecided ({} to {})",
            numbers::length(found.low * year),
            numbers::length(found.high * year)
        )
    }
}
