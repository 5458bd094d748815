//! A sweep for people: one line for each point and service.

use super::numbers;
use super::sweep::{Columns, Row};
use super::table;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width};
use std::fmt::Write;

/// Longer paths are broken at their dots, longer values are cut.
const LONGEST: usize = 24;
/// Columns after the swept values.
const FOUND: [&str; 5] = ["service", "nines", "interval", "downtime/year", "interval"];
/// The widest table that is printed.
const WIDTH: u16 = 100;

/// What was computed, and how, from one of the rows.
pub fn title(row: &Row, done: usize, of: usize) -> String {
    let number = |name: &str| row.made(name).parse::<f64>().unwrap_or(f64::NAN);
    let points = match done == of {
        true => format!("{of} points"),
        false => format!("{done} of {of} points"),
    };
    format!(
        "{}: {points}, each {} x {} simulated, seed {}, {} intervals",
        row.scenario(),
        match row.made("rel_err") {
            "" => numbers::grouped(number("replications") as u64),
            _ => "as many as needed".to_owned(),
        },
        numbers::years(number("horizon_years")),
        row.made("seed"),
        numbers::percent(number("confidence")),
    )
}

/// The rows under each other.
pub fn human(title: &str, columns: &Columns, rows: &[&Row]) -> String {
    let mut table = table::plain_table();
    let paths = columns.paths().iter().map(|path| broken(path));
    table.set_header(paths.chain(FOUND.map(str::to_owned)));
    for row in rows {
        table.add_row(cells(row));
    }
    // Numbers stay whole; values share what is left.
    let swept = columns.paths().len();
    let share = (52 / swept.max(1)).clamp(6, LONGEST) as u16;
    table.set_constraints(
        std::iter::repeat_n(ColumnConstraint::UpperBoundary(Width::Fixed(share)), swept)
            .chain([ColumnConstraint::UpperBoundary(Width::Fixed(20))])
            .chain([ColumnConstraint::ContentWidth; 4]),
    );
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index != swept {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if let Some(last) = table.column_iter_mut().last() {
        last.set_padding((0, 0));
    }
    format!("{title}\n{table}\n")
}

/// The rows as a Markdown table.
pub fn markdown(columns: &Columns, rows: &[&Row]) -> String {
    let mut text = String::new();
    let header: Vec<String> = columns
        .paths()
        .iter()
        .cloned()
        .chain(FOUND.map(str::to_owned))
        .collect();
    let mut line = |cells: &[String]| {
        // Expressions have bars in them.
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(&header);
    line(&vec!["---".to_owned(); header.len()]);
    rows.iter().for_each(|row| line(&cells(row)));
    text
}

fn cells(row: &Row) -> Vec<String> {
    let (nines, nines_interval) = numbers::nines(&row.unavailability());
    let (downtime, downtime_interval) = numbers::duration(&row.downtime());
    row.values()
        .map(clipped)
        .chain([
            row.service().to_owned(),
            nines,
            nines_interval,
            downtime,
            downtime_interval,
        ])
        .collect()
}

/// A long path over several lines, each as long as it may be.
fn broken(path: &str) -> String {
    if path.chars().count() <= LONGEST / 2 {
        return path.to_owned();
    }
    let last = path.rfind('.').map_or(0, |at| at + 1);
    match last {
        0 => path.to_owned(),
        at => format!("{}\n{}", &path[..at], &path[at..]),
    }
}

fn clipped(value: &str) -> String {
    match value.chars().count() > LONGEST {
        true => value.chars().take(LONGEST - 1).chain(['…']).collect(),
        false => value.to_owned(),
    }
}
