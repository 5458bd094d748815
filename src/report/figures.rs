//! The figures that belong to a run or a comparison.

use super::numbers::trimmed_percent;
use super::plot::{
    Attribution, AttributionRow, Availability, AvailabilityRow, Caption, Cause, Chart, Claim,
    Distribution, Downtime, DurationsOf, Failover, FailoverLatency, Planned, PlannedRow,
    YearlyDowntime, YearlyDowntimes,
};
use crate::estimate::Estimate;
use crate::runner::RunOutcome;
use crate::runner::outcome::ServiceOutcome;

/// All figures that there is something to show in, with the names of their files.
pub fn all(designs: &[RunOutcome]) -> Vec<(&'static str, Chart)> {
    let Some(first) = designs.first() else {
        return Vec::new();
    };
    let caption =
        |title: &str| Caption::new(title, first.engine, Some(first.seed), first.replications);
    [
        (
            "availability",
            availability(designs, caption("Availability by design"), first.confidence),
        ),
        (
            "attribution",
            attribution(designs, caption("What the downtime is made of")),
        ),
        (
            "planned-unplanned",
            planned(
                designs,
                caption("Planned and unplanned downtime"),
                first.confidence,
            ),
        ),
        (
            "yearly-downtime",
            yearly(designs, caption("How bad a year can be")),
        ),
        (
            "failover",
            durations(
                designs,
                caption("From fault to service restored"),
                DurationsOf::Failovers,
                |service| &service.failover_steps,
            ),
        ),
        (
            "outage-length",
            durations(
                designs,
                caption("How long an outage lasts"),
                DurationsOf::Outages,
                |service| &service.outage_steps,
            ),
        ),
    ]
    .into_iter()
    .filter_map(|(name, chart)| Some((name, chart?)))
    .collect()
}

fn rows(designs: &[RunOutcome]) -> impl Iterator<Item = (&RunOutcome, &String, &ServiceOutcome)> {
    designs.iter().flat_map(|design| {
        design
            .services
            .iter()
            .map(move |(name, service)| (design, name, service))
    })
}

fn availability(designs: &[RunOutcome], caption: Caption, confidence: f64) -> Option<Chart> {
    // Of several claims the boldest: the lesser ones belong to lesser designs.
    let claim = rows(designs)
        .filter_map(|(_, _, service)| service.claimed)
        .max_by(f64::total_cmp)
        .map(|claimed| Claim {
            label: format!("claimed {}%", trimmed_percent(claimed)),
            unavailability: 1.0 - claimed,
        });
    Availability {
        caption,
        interval: format!("{:.0}% confidence interval", 100.0 * confidence),
        rows: rows(designs)
            .map(|(design, name, service)| AvailabilityRow {
                design: design.scenario.clone(),
                service: name.clone(),
                unavailability: service.unavailability.estimate,
                low: service.unavailability.low,
                high: service.unavailability.high,
            })
            .collect(),
        claim,
    }
    .chart()
}

fn attribution(designs: &[RunOutcome], caption: Caption) -> Option<Chart> {
    Attribution {
        caption,
        rows: rows(designs)
            .map(|(design, name, service)| AttributionRow {
                design: design.scenario.clone(),
                service: name.clone(),
                causes: service
                    .attribution
                    .iter()
                    .map(|share| Cause {
                        name: share.cause.clone(),
                        downtime: share.share * service.downtime_s_per_year.estimate,
                    })
                    .collect(),
            })
            .collect(),
    }
    .chart()
}

/// Nothing where no design has maintenance.
fn planned(designs: &[RunOutcome], caption: Caption, confidence: f64) -> Option<Chart> {
    let downtime = |estimate: &Estimate| Downtime {
        estimate: estimate.estimate,
        low: estimate.low,
        high: estimate.high,
    };
    Planned {
        caption,
        interval: format!("{:.0}% confidence interval", 100.0 * confidence),
        rows: rows(designs)
            .filter_map(|(design, name, service)| {
                let planned = service.planned.as_ref()?;
                Some(PlannedRow {
                    design: design.scenario.clone(),
                    service: name.clone(),
                    planned: downtime(&planned.planned_downtime_s_per_year),
                    unplanned: downtime(&planned.unplanned_downtime_s_per_year),
                })
            })
            .collect(),
    }
    .chart()
}

/// The service that the figure of single years shows: the one that is down most.
fn yearly(designs: &[RunOutcome], mut caption: Caption) -> Option<Chart> {
    let (_, worst, _) = rows(designs).max_by(|a, b| {
        a.2.unavailability
            .estimate
            .total_cmp(&b.2.unavailability.estimate)
    })?;
    caption.title = format!("{}: {worst}", caption.title);
    YearlyDowntimes {
        caption,
        designs: rows(designs)
            .filter(|(_, name, _)| *name == worst)
            .filter_map(|(design, _, service)| {
                Some(YearlyDowntime {
                    design: design.scenario.clone(),
                    downtime: Distribution::from_samples(
                        service.yearly_downtime_s.iter().copied(),
                    )?,
                })
            })
            .collect(),
    }
    .chart()
}

/// Failover latencies or lengths of outages, whose steps a service gives.
fn durations(
    designs: &[RunOutcome],
    caption: Caption,
    of: DurationsOf,
    steps: fn(&ServiceOutcome) -> &[(f64, f64)],
) -> Option<Chart> {
    Failover {
        caption,
        of,
        latencies: rows(designs)
            .filter_map(|(design, name, service)| {
                Some(FailoverLatency {
                    design: design.scenario.clone(),
                    service: name.clone(),
                    latency: from_steps(steps(service))?,
                })
            })
            .collect(),
    }
    .chart()
}

/// A distribution from the steps of its cumulative curve, in parts per million.
fn from_steps(steps: &[(f64, f64)]) -> Option<Distribution> {
    let mut below = 0.0;
    let counts: Vec<(f64, u64)> = steps
        .iter()
        .map(|(seconds, cumulative)| {
            let count = ((cumulative - below) * 1e6).round() as u64;
            below = *cumulative;
            (*seconds, count)
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    Distribution::from_counts(counts)
}
