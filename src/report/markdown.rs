//! A Markdown table, for documents.

use super::numbers;
use crate::runner::RunOutcome;
use std::fmt::Write;

/// One row for each design and service.
pub fn designs(designs: &[RunOutcome]) -> String {
    let mut text = String::from(
        "| design | service | availability | nines | downtime per year | outages per year | failover p50, p99 |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for design in designs {
        for (name, service) in &design.services {
            let cells = [
                numbers::availability(&service.unavailability),
                numbers::nines(&service.unavailability),
                numbers::duration(&service.downtime_s_per_year),
                numbers::plain(&service.outages_per_year),
                numbers::quantiles(service.failover_s.as_ref()),
            ];
            let _ = write!(text, "| {} | {name} |", design.scenario);
            for (value, interval) in cells {
                let interval = if interval.is_empty() {
                    interval
                } else {
                    format!(" ({interval})")
                };
                let _ = write!(text, " {value}{interval} |");
            }
            text.push('\n');
        }
    }
    text
}
