//! Why a service is down: causes, components, and the times that its downtime follows.

use super::numbers;
use super::table::{folded, plain_table};
use crate::estimate::Estimate;
use crate::runner::RunOutcome;
use crate::runner::importance::{Cut, Found, Importance, Waited};
use crate::runner::outcome::{CauseShare, SCHEMA};
use crate::runner::sensitivity::{self, Flip, Sensitivity};
use serde::Serialize;
use std::fmt::Write;

/// Rows of each table for people.
const SHOWN: usize = 12;

/// The reasons under the names that scripts rely on.
#[derive(Clone, Debug, Serialize)]
pub struct Reasons {
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
    /// The service.
    pub service: String,
    /// Seconds not up in a year.
    pub downtime_s_per_year: Option<Estimate>,
    /// Downtime by the part of the service's rule that was false, largest share first.
    pub attribution: Vec<CauseShare>,
    /// Downtime by what the service waited for, largest share first.
    pub waited_for: Vec<Waited>,
    /// Components that were ever down, the most important first.
    pub importance: Vec<Importance>,
    /// The shortest sequences of faults that stop the service, by how much of the downtime
    /// has all of it.
    pub cut_sequences: Vec<Cut>,
    /// Times that the downtime follows, the strongest first.
    pub sensitivity: Vec<Sensitivity>,
    /// Options that matter the other way, the largest difference first.
    pub flips: Vec<Flip>,
    /// Times and options without an effect that could be told from chance.
    pub without_effect: usize,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

impl Reasons {
    /// The reasons of one service.
    pub fn new(
        run: &RunOutcome,
        service: &str,
        importance: Found,
        turned: sensitivity::Found,
        interrupted: bool,
    ) -> Reasons {
        let found = run.services.iter().find(|(name, _)| name == service);
        let found = found.map(|(_, service)| service);
        Reasons {
            schema: SCHEMA,
            version: run.version,
            scenario: run.scenario.clone(),
            engine: run.engine,
            seed: run.seed,
            replications: run.replications,
            simulated_years: run.simulated_years,
            confidence: run.confidence,
            interrupted,
            service: service.to_owned(),
            downtime_s_per_year: found.map(|service| service.downtime_s_per_year),
            attribution: found.map_or(Vec::new(), |service| service.attribution.clone()),
            waited_for: importance.waited,
            importance: importance.components,
            cut_sequences: importance.cuts,
            sensitivity: turned.sensitivity,
            flips: turned.flips,
            without_effect: turned.without_effect,
            notes: turned.notes,
        }
    }
}

/// Three tables for people.
pub fn human(found: &Reasons) -> String {
    let mut text = format!("{}: why {} is down", found.scenario, found.service);
    if let Some(down) = &found.downtime_s_per_year {
        let (value, interval) = numbers::duration(down);
        let _ = write!(text, " {value} a year ({interval})");
    }
    text.push('\n');
    let down = found.downtime_s_per_year.map_or(0.0, |down| down.estimate);
    let causes = found.attribution.iter().filter(|cause| cause.share > 0.0);
    let causes = causes.take(SHOWN).map(|cause| {
        let time = numbers::length(cause.share * down);
        vec![cause.cause.clone(), numbers::percent(cause.share), time]
    });
    text.push_str(&table(&["what is missing", "share", "a year"], causes));
    let waited = found.waited_for.iter().take(SHOWN).map(|one| {
        let time = numbers::length(one.share.estimate * down);
        vec![waited_for(one), share(&one.share), time]
    });
    text.push_str(&table(
        &["while it is down it waits for", "share", "a year"],
        waited,
    ));
    let importance = found.importance.iter().take(SHOWN).map(|one| {
        let name = format!("{} ({})", one.component, one.kind);
        vec![name, share(&one.fussell_vesely), share(&one.birnbaum)]
    });
    let header = [
        "component",
        "down with it (Fussell-Vesely)",
        "makes it likelier by (Birnbaum)",
    ];
    text.push_str(&table(&header, importance));
    let cuts = found
        .cut_sequences
        .iter()
        .filter(|cut| cut.share.estimate > 0.0);
    let cuts = cuts.take(SHOWN).map(|cut| {
        let stages: Vec<String> = cut.stages.iter().map(|stage| stage.join(" + ")).collect();
        vec![stages.join(", then "), share(&cut.share)]
    });
    let header = [
        "shortest sequence of faults that stops it",
        "downtime with all of it",
    ];
    text.push_str(&table(&header, cuts));
    let sensitivity = found.sensitivity.iter().take(SHOWN).map(|one| {
        let e = &one.elasticity;
        let two = |value: f64| format!("{value:+.2}");
        let interval = format!("{} ({}..{})", two(e.estimate), two(e.low), two(e.high));
        vec![one.parameter.clone(), short(&one.value), interval]
    });
    text.push_str(&table(
        &["time or quantity", "now", "elasticity of the downtime"],
        sensitivity,
    ));
    let flips = found.flips.iter().take(SHOWN).map(|one| {
        let (value, interval) = numbers::signed_duration(&one.minutes_per_year.scaled(60.0));
        let change = format!("{} -> {}", one.value, one.to);
        vec![
            one.parameter.clone(),
            change,
            format!("{value} ({interval})"),
        ]
    });
    text.push_str(&table(
        &["option or count", "another way", "downtime a year"],
        flips,
    ));
    let mut remarks = format!(
        "{} other settings have no effect that could be told from chance.\n(Elasticity: +1 \
         means that 1% more of the time is 1% more downtime. {} replications on the same random \
         numbers. A component that is down for the same reason as the service counts as well. An \
         option that saves downtime may cost safety, which is not in these numbers.)\n",
        found.without_effect,
        numbers::grouped(found.replications)
    );
    for note in &found.notes {
        let _ = writeln!(remarks, "note: {note}");
    }
    if found.interrupted {
        remarks.push_str("stopped: not every time was changed\n");
    }
    text.push_str(&folded(&remarks));
    text
}

/// The rule with the part that it belongs to.
fn waited_for(one: &Waited) -> String {
    match &one.rule {
        Some(rule) => rule.to_string(),
        None => "(not over at the end of the replication)".to_owned(),
    }
}

/// A value that fits a cell; JSON has all of it.
fn short(value: &str) -> String {
    const LONGEST: usize = 48;
    match value.chars().count() {
        long if long > LONGEST => value.chars().take(LONGEST - 3).collect::<String>() + "...",
        _ => value.to_owned(),
    }
}

fn share(estimate: &Estimate) -> String {
    let one = |value: f64| numbers::percent(value.max(0.0));
    format!(
        "{} ({}..{})",
        one(estimate.estimate),
        one(estimate.low),
        one(estimate.high)
    )
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = plain_table();
    table.set_header(header);
    let mut any = false;
    for row in rows {
        table.add_row(row);
        any = true;
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_width(100);
    if any {
        format!("{table}\n")
    } else {
        String::new()
    }
}

/// A row for each component and time.
pub fn csv(found: &Reasons) -> String {
    let mut text = String::from("kind,name,estimate,low,high\n");
    let mut row = |kind: &str, name: &str, e: &Estimate| {
        let _ = writeln!(text, "{kind},{name},{},{},{}", e.estimate, e.low, e.high);
    };
    for one in &found.importance {
        row("fussell_vesely", &one.component, &one.fussell_vesely);
        row("birnbaum", &one.component, &one.birnbaum);
    }
    for one in &found.sensitivity {
        row("elasticity", &one.parameter, &one.elasticity);
    }
    for one in &found.flips {
        row(
            "flip_minutes_per_year",
            &one.parameter,
            &one.minutes_per_year,
        );
    }
    text
}

/// The times that matter, for documents.
pub fn markdown(found: &Reasons) -> String {
    let mut text =
        String::from("| time | now | elasticity | low | high |\n| --- | --- | --- | --- | --- |\n");
    for one in &found.sensitivity {
        let e = &one.elasticity;
        let _ = writeln!(
            text,
            "| {} | {} | {:+.2} | {:+.2} | {:+.2} |",
            one.parameter, one.value, e.estimate, e.low, e.high
        );
    }
    text
}
