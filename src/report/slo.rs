//! What a run says of service level objectives, as text.

use super::numbers::{self, percent, trimmed_percent};
use super::table::{folded, plain_table};
use crate::estimate::Estimate;
use crate::runner::slo::{Objective, Period, SloReport};
use std::fmt::Write;

const HEADER: [&str; 8] = [
    "service",
    "target",
    "period",
    "budget",
    "broken in",
    "used",
    "p95",
    "p99",
];

/// A table for people, and a sentence for each service.
pub fn human(report: &SloReport) -> String {
    let mut text = format!(
        "{}: months and years against their error budgets ({} replications of {})\n",
        report.scenario,
        numbers::grouped(report.replications),
        numbers::years(report.horizon_years)
    );
    let mut table = plain_table();
    table.set_header(HEADER);
    for row in rows(report) {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    let _ = writeln!(text, "{table}");
    text.push_str(
        "(broken in: of the months, of the years; used: mean downtime over the budget; p95: 95% of the\n \
         months or years have no more downtime)\n",
    );
    let mut remarks = String::new();
    for (name, objective) in &report.services {
        remarks.push_str(&sentence(name, objective));
    }
    text.push_str(&folded(&remarks));
    if report.interrupted {
        text.push_str("stopped: fewer replications than asked\n");
    }
    text
}

fn rows(report: &SloReport) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (name, objective) in &report.services {
        let month = std::iter::once(("month", &objective.month));
        let year = objective.year.iter().map(|year| ("year", year));
        for (index, (word, period)) in month.chain(year).enumerate() {
            let (name, target) = match index {
                0 => (
                    name.clone(),
                    format!("{}%", trimmed_percent(objective.target)),
                ),
                _ => (String::new(), String::new()),
            };
            let mut row = vec![name, target, word.to_owned()];
            row.extend(cells(period));
            rows.push(row);
        }
    }
    rows
}

fn cells(period: &Period) -> [String; 5] {
    let share = |estimate: &Estimate| match estimate.estimate {
        0.0 => format!("< {}", percent(estimate.high)),
        value => format!(
            "{} ({}..{})",
            percent(value),
            percent(estimate.low),
            percent(estimate.high)
        ),
    };
    [
        numbers::length(period.budget_s),
        share(&period.breach_probability),
        percent(period.budget_used.estimate),
        numbers::length(period.p95_s.estimate),
        numbers::length(period.p99_s.estimate),
    ]
}

fn sentence(name: &str, objective: &Objective) -> String {
    let mut text = String::new();
    if let Some(outages) = &objective.outages_in_year {
        let count = |estimate: &Estimate| numbers::grouped(estimate.estimate as u64);
        let _ = write!(
            text,
            "{name}: half of the years have at most {} outages, 95% at most {}, {} have none",
            count(&outages.p50),
            count(&outages.p95),
            percent(outages.none.estimate)
        );
    }
    if let Some(lengths) = &objective.outage_s {
        let lead = if text.is_empty() {
            format!("{name}: half")
        } else {
            "; half".to_owned()
        };
        let _ = write!(
            text,
            "{lead} of the outages last at most {}, 95% at most {}",
            numbers::length(lengths.p50),
            numbers::length(lengths.p95)
        );
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The table for documents.
pub fn markdown(report: &SloReport) -> String {
    let mut text = format!(
        "| {} |\n|{}\n",
        HEADER.join(" | "),
        " --- |".repeat(HEADER.len())
    );
    for row in rows(report) {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// A row for each service and period, in seconds and shares.
pub fn csv(report: &SloReport) -> String {
    let mut text = String::from(
        "service,target,period,budget_s,breach_probability,breach_low,breach_high,budget_used,\
         p50_s,p95_s,p99_s\n",
    );
    for (name, objective) in &report.services {
        let month = std::iter::once(("month", &objective.month));
        let year = objective.year.iter().map(|year| ("year", year));
        for (word, period) in month.chain(year) {
            let breach = &period.breach_probability;
            let _ = writeln!(
                text,
                "{name},{},{word},{},{},{},{},{},{},{},{}",
                objective.target,
                period.budget_s,
                breach.estimate,
                breach.low,
                breach.high,
                period.budget_used.estimate,
                period.p50_s.estimate,
                period.p95_s.estimate,
                period.p99_s.estimate
            );
        }
    }
    text
}
