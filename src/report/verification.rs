//! What `quorate verify` found, as text.

use super::numbers::{percent, significant};
use super::table::{folded, plain_table};
use crate::runner::verify::{Comparison, EngineReport, Finding, Verification};
use std::fmt::Write;

/// A table with a column for each engine, for people.
pub fn human(found: &Verification) -> String {
    let verdict = match (found.agrees, answering(found).len()) {
        (true, 0 | 1) => "only one engine answers: nothing was verified",
        (true, _) => "the engines agree within their intervals",
        (false, _) => "the engines DISAGREE",
    };
    let mut text = format!("{}: {verdict}\n", found.scenario);
    let engines = answering(found);
    if !found.comparisons.is_empty() {
        let mut table = plain_table();
        let names = engines.iter().map(|report| report.engine.to_owned());
        let header = ["", "quantity"].map(str::to_owned).into_iter();
        table.set_header(header.chain(names).chain([String::new()]));
        for comparison in &found.comparisons {
            table.add_row(row(comparison, &engines));
        }
        let _ = writeln!(text, "{table}");
    }
    text.push_str(&folded(&remarks(found)));
    text
}

fn row(comparison: &Comparison, engines: &[&EngineReport]) -> Vec<String> {
    let mut cells = vec![
        comparison.of.clone(),
        in_words(comparison.quantity).to_owned(),
    ];
    cells.extend(engines.iter().map(|report| {
        let mut found = comparison.found.iter();
        found
            .find(|finding| finding.engine == report.engine)
            .map_or(String::new(), |finding| number(finding, is_exact(report)))
    }));
    cells.push(match comparison.disagree.is_empty() {
        true => String::new(),
        false => "DISAGREE".to_owned(),
    });
    cells
}

fn in_words(quantity: &str) -> &str {
    match quantity {
        "outages_per_year" => "outages/year",
        other => other,
    }
}

fn is_exact(report: &EngineReport) -> bool {
    let method = report.method.as_deref().unwrap_or_default();
    method.starts_with("exact")
}

/// The number, and below it how far off it may be.
fn number(finding: &Finding, is_exact: bool) -> String {
    let value = &finding.value;
    if value.estimate == 0.0 {
        return format!("none seen\nbelow {}", significant(value.high, 2));
    }
    let width = value.relative_half_width();
    let width = match width {
        w if w < 1e-9 && is_exact => "exact".to_owned(),
        w if w < 1e-9 => "± 0%".to_owned(),
        w if w < 0.01 => format!("± {}%", significant(100.0 * w, 1)),
        w => format!("± {}", percent(w)),
    };
    format!("{}\n{width}", significant(value.estimate, 4))
}

fn answering(found: &Verification) -> Vec<&EngineReport> {
    let engines = found.engines.iter();
    engines.filter(|report| report.method.is_some()).collect()
}

fn remarks(found: &Verification) -> String {
    let mut text = String::new();
    for report in &found.engines {
        match (&report.method, &report.because) {
            (Some(method), _) => {
                let _ = writeln!(text, "{}: {method}.", report.engine);
                for note in &report.notes {
                    let _ = writeln!(text, "  {note}.");
                }
            }
            (None, because) => {
                let because = because.as_deref().unwrap_or("it was not run");
                let _ = writeln!(text, "{} gives no answer: {because}", report.engine);
            }
        }
    }
    if answering(found).len() < 2 {
        let _ = writeln!(
            text,
            "A smaller copy of the scenario may be small enough for a second engine."
        );
    }
    for comparison in &found.comparisons {
        for (a, b) in &comparison.disagree {
            let _ = writeln!(
                text,
                "{} of {}: {a} and {b} differ by more than chance: a defect of an engine or of a \
                 model, please report it.",
                in_words(comparison.quantity),
                comparison.of
            );
        }
    }
    let _ = writeln!(
        text,
        "Intervals are at {}: sound engines would be said to disagree in one verification of a \
         hundred.",
        percent(found.confidence)
    );
    text
}

/// One row for each quantity and engine.
pub fn csv(found: &Verification) -> String {
    let mut text = String::from("of,quantity,engine,estimate,low,high,confidence\n");
    for comparison in &found.comparisons {
        for finding in &comparison.found {
            let value = &finding.value;
            let _ = writeln!(
                text,
                "{},{},{},{},{},{},{}",
                comparison.of,
                comparison.quantity,
                finding.engine,
                value.estimate,
                value.low,
                value.high,
                value.confidence
            );
        }
    }
    text
}

/// A Markdown table.
pub fn markdown(found: &Verification) -> String {
    let engines = answering(found);
    let mut text = String::from("| of | quantity |");
    for report in &engines {
        let _ = write!(text, " {} |", report.engine);
    }
    text.push_str(" agree |\n| --- | --- |");
    text.push_str(&" --- |".repeat(engines.len() + 1));
    text.push('\n');
    for comparison in &found.comparisons {
        let cells = row(comparison, &engines);
        let (last, cells) = cells.split_last().expect("a row has cells");
        let agree = if last.is_empty() { "yes" } else { "no" };
        let cells = cells.join(" | ").replace('\n', " ");
        let _ = writeln!(text, "| {cells} | {agree} |");
    }
    text
}
