//! What changes of a design are worth: for people, as JSON, CSV and Markdown.

use super::numbers;
use super::table::{folded, plain_table};
use crate::automaton::Nanos;
use crate::estimate::Estimate;
use crate::runner::advise::{Advice, Tried, Worth};
use crate::runner::outcome::{CauseShare, SCHEMA, in_order};
use serde::Serialize;
use std::fmt::Write;

const MINUTES: f64 = Nanos::SECONDS_PER_YEAR / 60.0;
/// Causes of downtime that are named.
const CAUSES: usize = 3;

/// Advice under the names that scripts rely on.
#[derive(Clone, Debug, Serialize)]
pub struct AdviceReport {
    /// Version of this format.
    pub schema: u32,
    /// Version of the program.
    pub version: &'static str,
    /// The name of the scenario.
    pub scenario: String,
    /// The engine that made the numbers.
    pub engine: &'static str,
    /// The seed of all streams.
    pub seed: u64,
    /// Replications of each run.
    pub replications: u64,
    /// Simulated years of each run.
    pub simulated_years: f64,
    /// Confidence level of all intervals.
    pub confidence: f64,
    /// Was it stopped before it was complete?
    pub interrupted: bool,
    /// The currency of costs.
    pub currency: String,
    /// The service by which changes are ranked.
    pub service: String,
    /// The services of the design as it is.
    #[serde(serialize_with = "in_order")]
    pub baseline: Vec<(String, Now)>,
    /// The changes, the most worth first; then those that could not be tried.
    pub changes: Vec<ChangeReport>,
}

/// A service of the design as it is.
#[derive(Clone, Debug, Serialize)]
pub struct Now {
    /// Minutes down in a year.
    pub downtime_minutes_per_year: Estimate,
    /// Downtime by cause, largest share first.
    pub attribution: Vec<CauseShare>,
}

/// One change.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeReport {
    /// A short name.
    pub id: String,
    /// What is different.
    pub text: String,
    /// Could it be tried?
    pub applies: bool,
    /// Why not, where it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The service by which it is ranked.
    pub service: String,
    /// Minutes of that service down in a year, with the change.
    pub downtime_minutes_per_year: Option<Estimate>,
    /// Minutes in a year that it saves.
    pub saved_minutes_per_year: Option<Estimate>,
    /// What it costs in a year more than the design as it is.
    pub cost_per_year: Option<f64>,
    /// That over the minutes that it saves.
    pub cost_per_minute: Option<f64>,
    /// What it saves of each service.
    #[serde(serialize_with = "in_order")]
    pub services: Vec<(String, ServiceChange)>,
}

/// What a change does to one service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceChange {
    /// Minutes down in a year, with the change.
    pub downtime_minutes_per_year: Estimate,
    /// Minutes in a year that it saves.
    pub saved_minutes_per_year: Estimate,
}

impl AdviceReport {
    /// A report that ranks by one service: the one that is down for the longest time where
    /// none is asked for.
    pub fn new(advice: Advice, service: Option<&str>, currency: &str) -> AdviceReport {
        let run = &advice.baseline;
        let worst = || {
            let longest = run.services.iter().max_by(|(_, a), (_, b)| {
                a.unavailability
                    .estimate
                    .total_cmp(&b.unavailability.estimate)
            });
            longest.map_or(String::new(), |(name, _)| name.clone())
        };
        let service = service.map_or_else(worst, str::to_owned);
        let mut changes: Vec<ChangeReport> = advice
            .tried
            .iter()
            .map(|tried| ChangeReport::of(tried, &service))
            .collect();
        changes.sort_by(|a, b| b.saved().total_cmp(&a.saved()));
        AdviceReport {
            schema: SCHEMA,
            version: run.version,
            scenario: run.scenario.clone(),
            engine: run.engine,
            seed: run.seed,
            replications: run.replications,
            simulated_years: run.simulated_years,
            confidence: run.confidence,
            interrupted: advice.interrupted,
            currency: currency.to_owned(),
            service,
            baseline: run
                .services
                .iter()
                .map(|(name, service)| {
                    let now = Now {
                        downtime_minutes_per_year: service.unavailability.scaled(MINUTES),
                        attribution: service.attribution.clone(),
                    };
                    (name.clone(), now)
                })
                .collect(),
            changes,
        }
    }
}

impl ChangeReport {
    fn of(tried: &Tried, service: &str) -> ChangeReport {
        let worth: &[Worth] = tried.found.as_deref().unwrap_or_default();
        let asked = worth.iter().find(|worth| worth.service == service);
        let saved = asked.map(|worth| worth.saved_minutes);
        let per_minute = saved
            .filter(|saved| saved.low > 0.0)
            .zip(tried.cost_per_year);
        ChangeReport {
            id: tried.id.clone(),
            text: tried.text.clone(),
            applies: tried.found.is_ok(),
            because: tried.found.as_ref().err().cloned(),
            service: service.to_owned(),
            downtime_minutes_per_year: asked.map(|worth| worth.downtime_minutes),
            saved_minutes_per_year: saved,
            cost_per_year: tried.cost_per_year,
            cost_per_minute: per_minute.map(|(saved, cost)| cost / saved.estimate),
            services: worth
                .iter()
                .map(|worth| {
                    let change = ServiceChange {
                        downtime_minutes_per_year: worth.downtime_minutes,
                        saved_minutes_per_year: worth.saved_minutes,
                    };
                    (worth.service.clone(), change)
                })
                .collect(),
        }
    }

    /// Where it stands: by what it saves; what could not be tried comes last.
    fn saved(&self) -> f64 {
        self.saved_minutes_per_year
            .map_or(f64::NEG_INFINITY, |saved| saved.estimate)
    }

    fn helps(&self) -> bool {
        self.saved_minutes_per_year
            .is_some_and(|saved| saved.low > 0.0)
    }

    fn hurts(&self) -> bool {
        self.saved_minutes_per_year
            .is_some_and(|saved| saved.high < 0.0)
    }

    fn names<'c>(&'c self, what: impl Fn(&Estimate) -> bool + 'c) -> Vec<&'c str> {
        let others = self
            .services
            .iter()
            .filter(|(name, _)| *name != self.service);
        others
            .filter(|(_, change)| what(&change.saved_minutes_per_year))
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

/// Sentences and a table for people.
pub fn human(report: &AdviceReport) -> String {
    let mut text = folded(&lead(report));
    let mut table = plain_table();
    let money = format!("cost in\n{} a year", report.currency);
    let per = format!("{} for\na minute", report.currency);
    table.set_header(["change", "down", "saves in a year", &money, &per]);
    let told = |change: &&ChangeReport| change.helps() || change.hurts();
    for change in report.changes.iter().filter(told) {
        table.add_row(row(change));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_width(100);
    let _ = writeln!(text, "{table}");
    text.push_str(&folded(&remarks(report)));
    text
}

/// What costs most, and what to change first.
fn lead(report: &AdviceReport) -> String {
    let name = &report.service;
    let mut text = format!("{}: ", report.scenario);
    if let Some((_, now)) = report.baseline.iter().find(|(service, _)| service == name) {
        let causes = now.attribution.iter().take(CAUSES);
        let causes: Vec<String> = causes
            .map(|cause| format!("{} {}", numbers::percent(cause.share), cause.cause))
            .collect();
        let _ = write!(
            text,
            "{name} is down {} a year: {}.",
            minutes(now.downtime_minutes_per_year.estimate),
            causes.join(", ")
        );
    }
    match report.changes.iter().find(|change| change.helps()) {
        Some(best) => {
            let saved = best
                .saved_minutes_per_year
                .map_or(0.0, |saved| saved.estimate);
            let _ = writeln!(
                text,
                " Change first: {} ({} saved).",
                best.text,
                minutes(saved)
            );
        }
        None => text.push_str(" No single change that was tried makes it better.\n"),
    }
    text
}

fn row(change: &ChangeReport) -> Vec<String> {
    let saved = change
        .saved_minutes_per_year
        .map_or(String::new(), |saved| {
            let (value, interval) = numbers::signed_duration(&saved.scaled(60.0));
            format!("{value}\n({interval})")
        });
    let money =
        |value: Option<f64>| value.map_or("?".to_owned(), |value| numbers::significant(value, 3));
    vec![
        format!("{}: {}", change.id, change.text),
        change
            .downtime_minutes_per_year
            .map_or(String::new(), |down| minutes(down.estimate)),
        saved,
        money(change.cost_per_year),
        change
            .cost_per_minute
            .map_or(String::new(), |value| numbers::significant(value, 2)),
    ]
}

fn minutes(value: f64) -> String {
    numbers::length(60.0 * value)
}

fn remarks(report: &AdviceReport) -> String {
    let mut text = String::new();
    let none: Vec<&str> = report
        .changes
        .iter()
        .filter(|change| change.applies && !change.helps() && !change.hurts())
        .map(|change| change.id.as_str())
        .collect();
    if !none.is_empty() {
        let _ = writeln!(
            text,
            "no effect on {} that could be told from chance: {}",
            report.service,
            none.join(", ")
        );
    }
    for change in &report.changes {
        if let Some(reason) = &change.because {
            let _ = writeln!(text, "{} was not tried: {reason}", change.id);
            continue;
        }
        let worse = change.names(|saved| saved.high < 0.0);
        if !worse.is_empty() {
            let _ = writeln!(text, "{} makes worse: {}", change.id, worse.join(", "));
        }
        let better = change.names(|saved| saved.low > 0.0);
        if !better.is_empty() {
            let _ = writeln!(text, "{} helps as well: {}", change.id, better.join(", "));
        }
    }
    let _ = writeln!(
        text,
        "(each change by itself, {} replications on the same random numbers, paired; costs are \
         assumptions, see --cost)",
        numbers::grouped(report.replications)
    );
    if report.interrupted {
        text.push_str("stopped: not every change was tried\n");
    }
    text
}

/// The table for documents.
pub fn markdown(report: &AdviceReport) -> String {
    let mut text = String::from(
        "| change | down | saves in a year | cost a year | cost of a minute |\n| --- | --- | --- | --- | --- |\n",
    );
    for change in report.changes.iter().filter(|change| change.applies) {
        let cells: Vec<String> = row(change)
            .iter()
            .map(|cell| cell.replace('\n', " "))
            .collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// A row for each change and service, in minutes a year.
pub fn csv(report: &AdviceReport) -> String {
    let mut text = String::from(
        "change,service,downtime_minutes,saved_minutes,saved_low,saved_high,cost_per_year\n",
    );
    for change in &report.changes {
        for (service, worth) in &change.services {
            let saved = &worth.saved_minutes_per_year;
            let cost = change
                .cost_per_year
                .map_or(String::new(), |cost| cost.to_string());
            let _ = writeln!(
                text,
                "{},{service},{},{},{},{},{cost}",
                change.id,
                worth.downtime_minutes_per_year.estimate,
                saved.estimate,
                saved.low,
                saved.high
            );
        }
    }
    text
}
