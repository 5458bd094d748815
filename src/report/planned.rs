//! Planned and unplanned downtime beside each other, where there is maintenance.

use super::numbers::{self, TwoLines};
use super::table::{all_services, folded, plain_table};
use crate::runner::RunOutcome;
use crate::runner::outcome::PlannedOutcome;
use comfy_table::Cell;
use std::fmt::Write;

/// Downtime and outages apart, and what became of the rounds; nothing where no
/// design has maintenance.
pub fn tables(designs: &[RunOutcome]) -> String {
    let mut text = String::new();
    let mut table = plain_table();
    table.set_header([
        "down and outages a year",
        "planned",
        "unplanned",
        "outages planned",
        "unplanned",
    ]);
    for service in all_services(designs) {
        let found = designs.iter().filter_map(|design| {
            let (_, found) = design.services.iter().find(|(name, _)| name == service)?;
            Some((design, found.planned.as_ref()?))
        });
        let mut found = found.peekable();
        if designs.len() > 1 && found.peek().is_some() {
            table.add_row([Cell::new(service)]);
        }
        for (design, planned) in found {
            let first = match designs.len() {
                1 => service.to_owned(),
                _ => format!(" {}", design.scenario),
            };
            table.add_row(row(&first, planned));
        }
    }
    if table.row_count() > 0 {
        let _ = writeln!(text, "{table}");
    }
    for design in designs {
        text.push_str(&folded(&rounds(design)));
    }
    text
}

fn row(first: &str, planned: &PlannedOutcome) -> Vec<Cell> {
    let numbers = [
        numbers::duration(&planned.planned_downtime_s_per_year),
        numbers::duration(&planned.unplanned_downtime_s_per_year),
        numbers::plain(&planned.planned_outages_per_year),
        numbers::plain(&planned.unplanned_outages_per_year),
    ];
    let cells = numbers
        .iter()
        .map(|(value, interval): &TwoLines| Cell::new(format!("{value}\n{interval}")));
    std::iter::once(Cell::new(first)).chain(cells).collect()
}

fn rounds(design: &RunOutcome) -> String {
    let mut text = String::new();
    for (name, rounds) in &design.maintenance {
        let mean = |estimate: &crate::estimate::Estimate| numbers::plain(estimate).0;
        let _ = writeln!(
            text,
            "Rounds of {name} in {}: {} a year, of which {} completed and {} abandoned; {} times put off.",
            design.scenario,
            mean(&rounds.begun_per_year),
            mean(&rounds.completed_per_year),
            mean(&rounds.abandoned_per_year),
            mean(&rounds.postponed_per_year),
        );
    }
    text
}
