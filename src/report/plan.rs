//! Which design meets the targets for the least money: for people, as JSON, and as a figure.

use super::numbers;
use super::plot::{Caption, Chart};
use super::plot::{Found, Lines, ServiceLine, Swept};
use super::table::{folded, plain_table};
use crate::estimate::Estimate;
use crate::runner::outcome::SCHEMA;
use crate::runner::plan::{Assessed, Planned, Targets};
use serde::Serialize;
use std::fmt::Write;

/// Designs that are shown to people.
const SHOWN: usize = 12;

/// A plan under the names that scripts rely on.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport {
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
    /// Was it stopped before it was complete?
    pub interrupted: bool,
    /// The currency of costs.
    pub currency: String,
    /// What was asked for.
    pub target: TargetReport,
    /// Every design that was tried, the cheapest first.
    pub designs: Vec<DesignReport>,
    /// The place of the cheapest one that meets the targets.
    pub best: Option<usize>,
}

/// What was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct TargetReport {
    /// The service.
    pub service: String,
    /// Its availability.
    pub availability: f64,
    /// The 99th percentile of failovers, in seconds.
    pub failover_p99_s: Option<f64>,
    /// The busiest node ...
    pub utilisation: Option<f64>,
    /// ... after the loss of so many.
    pub lost: Option<usize>,
}

/// One design.
#[derive(Clone, Debug, Serialize)]
pub struct DesignReport {
    /// Nodes of the group that is resized.
    pub nodes: u64,
    /// The changes that it has, by their names in the catalogue of advice.
    pub changes: Vec<String>,
    /// What it costs in a year.
    pub cost_per_year: f64,
    /// Share of time in which the service is not up.
    pub unavailability: Option<Estimate>,
    /// The 99th percentile of failovers, in seconds.
    pub failover_p99_s: Option<f64>,
    /// The busiest node after the losses.
    pub utilisation: Option<f64>,
    /// Does it meet every target, with the safe ends of the intervals?
    pub meets: bool,
    /// The targets that it misses, or why it could not be run.
    pub why_not: Option<String>,
    /// Is no cheaper one as good?
    pub pareto: bool,
}

/// How the numbers were made.
pub struct Making<'a> {
    /// The name of the scenario.
    pub scenario: &'a str,
    /// The seed of all streams.
    pub seed: u64,
    /// Replications of each run.
    pub replications: u64,
    /// The currency of costs.
    pub currency: &'a str,
}

impl PlanReport {
    /// A report of what was tried.
    pub fn new(planned: &Planned, targets: &Targets, making: &Making<'_>) -> PlanReport {
        let mut designs: Vec<DesignReport> = planned.tried.iter().map(DesignReport::of).collect();
        designs.sort_by(|a, b| {
            let by_cost = a.cost_per_year.total_cmp(&b.cost_per_year);
            by_cost.then(a.down().total_cmp(&b.down()))
        });
        let mut least = f64::INFINITY;
        for design in &mut designs {
            design.pareto = design.down() < least;
            least = least.min(design.down());
        }
        PlanReport {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            scenario: making.scenario.to_owned(),
            engine: "simulate",
            seed: making.seed,
            replications: making.replications,
            interrupted: planned.interrupted,
            currency: making.currency.to_owned(),
            target: TargetReport {
                service: targets.service.clone(),
                availability: targets.availability,
                failover_p99_s: targets.failover_s,
                utilisation: targets.utilisation.map(|(limit, _)| limit),
                lost: targets.utilisation.map(|(_, lost)| lost),
            },
            best: designs.iter().position(|design| design.meets),
            designs,
        }
    }
}

impl DesignReport {
    fn of(assessed: &Assessed) -> DesignReport {
        let found = assessed.found.as_ref().ok();
        let misses = found
            .map(|found| found.misses.join(", "))
            .filter(|m| !m.is_empty());
        DesignReport {
            nodes: assessed.nodes,
            changes: assessed
                .changes
                .iter()
                .map(|change| change.id.clone())
                .collect(),
            cost_per_year: assessed.cost_per_year,
            unavailability: found.map(|found| found.unavailability),
            failover_p99_s: found.and_then(|found| found.failover_s).map(|(p99, _)| p99),
            utilisation: found.and_then(|found| found.utilisation),
            meets: found.is_some_and(|found| found.misses.is_empty()),
            why_not: misses.or(assessed.found.as_ref().err().cloned()),
            pareto: false,
        }
    }

    fn down(&self) -> f64 {
        self.unavailability.map_or(f64::INFINITY, |u| u.estimate)
    }

    fn name(&self) -> String {
        let mut name = format!("{} nodes", self.nodes);
        for change in &self.changes {
            let _ = write!(name, " + {change}");
        }
        name
    }
}

/// The winner, and a table, for people.
pub fn human(report: &PlanReport) -> String {
    let mut text = folded(&lead(report));
    let mut table = plain_table();
    let money = format!("{} a year", report.currency);
    table.set_header([
        "design",
        &money,
        "availability",
        "failover\np99",
        "busiest",
        "misses",
    ]);
    for design in shown(report) {
        table.add_row(row(design));
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

/// Those that no cheaper one beats, and the cheapest that meet the targets.
fn shown(report: &PlanReport) -> Vec<&DesignReport> {
    let runs = report
        .designs
        .iter()
        .filter(|design| design.unavailability.is_some());
    runs.filter(|design| design.pareto || design.meets)
        .take(SHOWN)
        .collect()
}

fn row(design: &DesignReport) -> [String; 6] {
    let availability = design.unavailability.map_or(String::new(), |u| {
        let (value, interval) = numbers::availability(&u);
        format!("{value}\n({interval})")
    });
    [
        design.name(),
        numbers::significant(design.cost_per_year, 4),
        availability,
        design
            .failover_p99_s
            .map_or("-".to_owned(), numbers::length),
        design.utilisation.map_or("-".to_owned(), numbers::percent),
        design.why_not.clone().unwrap_or_default(),
    ]
}

fn lead(report: &PlanReport) -> String {
    let target = &report.target;
    let mut asked = format!(
        "{}: {} of {}%",
        report.scenario,
        target.service,
        numbers::trimmed_percent(target.availability)
    );
    if let Some(limit) = target.failover_p99_s {
        let _ = write!(asked, ", failover within {}", numbers::length(limit));
    }
    if let (Some(limit), Some(lost)) = (target.utilisation, target.lost) {
        let _ = write!(
            asked,
            ", no node above {} with {lost} lost",
            numbers::percent(limit)
        );
    }
    match report.best.map(|best| &report.designs[best]) {
        Some(best) => format!(
            "{asked}. The cheapest design that meets it: {}, {} {} a year.\n",
            best.name(),
            numbers::significant(best.cost_per_year, 4),
            report.currency
        ),
        None => format!("{asked}. No design that was tried meets it.\n"),
    }
}

fn remarks(report: &PlanReport) -> String {
    let mut text = String::new();
    let refused = report
        .designs
        .iter()
        .filter(|design| design.unavailability.is_none());
    let reasons: Vec<String> = refused
        .map(|design| {
            format!(
                "{} ({})",
                design.name(),
                design.why_not.as_deref().unwrap_or("?")
            )
        })
        .collect();
    if !reasons.is_empty() {
        let _ = writeln!(text, "could not be run: {}", reasons.join("; "));
    }
    if report.target.utilisation.is_some() && report.designs.iter().all(|d| d.utilisation.is_none())
    {
        text.push_str("no service has a demand, so the use of nodes was not looked at\n");
    }
    let _ = writeln!(
        text,
        "({} designs: each number of nodes, each change by itself, and those that help put \
         together by what they save for their price; other combinations were not tried. {} \
         replications each, the safe end of each interval counts; costs are assumptions, see --cost)",
        report.designs.len(),
        numbers::grouped(report.replications)
    );
    if report.interrupted {
        text.push_str("stopped: not everything was tried\n");
    }
    text
}

/// A row for each design.
pub fn csv(report: &PlanReport) -> String {
    let mut text = String::from(
        "nodes,changes,cost_per_year,unavailability,low,high,failover_p99_s,utilisation,meets,pareto\n",
    );
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    for design in &report.designs {
        let u = design.unavailability;
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{}",
            design.nodes,
            design.changes.join(" "),
            design.cost_per_year,
            number(u.map(|u| u.estimate)),
            number(u.map(|u| u.low)),
            number(u.map(|u| u.high)),
            number(design.failover_p99_s),
            number(design.utilisation),
            design.meets,
            design.pareto
        );
    }
    text
}

/// The table for documents.
pub fn markdown(report: &PlanReport) -> String {
    let mut text = format!(
        "| design | {} a year | availability | failover p99 | busiest | misses |\n| --- | --- | --- | --- | --- | --- |\n",
        report.currency
    );
    for design in shown(report) {
        let cells: Vec<String> = row(design)
            .iter()
            .map(|cell| cell.replace('\n', " "))
            .collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// The Pareto front: what each cost buys at best. None where there are fewer than two
/// designs on it.
pub fn front(report: &PlanReport, confidence: f64) -> Option<Chart> {
    let front: Vec<(&DesignReport, Estimate)> = report
        .designs
        .iter()
        .filter(|design| design.pareto)
        .filter_map(|design| Some((design, design.unavailability?)))
        .collect();
    if front.len() < 2 {
        return None;
    }
    let costs: Vec<f64> = front
        .iter()
        .map(|(design, _)| design.cost_per_year)
        .collect();
    let points = front.iter().enumerate().map(|(value, (_, u))| Found {
        value,
        unavailability: u.estimate,
        low: u.low,
        high: u.high,
    });
    let title = format!("{}: the best availability for the money", report.scenario);
    Lines {
        caption: Caption::new(
            &title,
            report.engine,
            Some(report.seed),
            report.replications,
        ),
        interval: format!(
            "{}% confidence interval",
            numbers::trimmed_percent(confidence)
        ),
        swept: Swept {
            name: format!("cost in {} a year", report.currency),
            labels: costs
                .iter()
                .map(|cost| numbers::significant(*cost, 3))
                .collect(),
            numbers: Some(costs),
        },
        lines: vec![ServiceLine {
            service: report.target.service.clone(),
            points: points.collect(),
        }],
    }
    .chart()
}
