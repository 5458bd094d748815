//! The figure of `quorate load`.

use super::numbers::percent;
use super::plot::{Caption, Chart, Load, LoadPanel, LoadPoint};
use crate::runner::survey::{Busy, Row, Survey};

/// Load over the number of lost nodes; none where nothing bears any work.
pub fn chart(survey: &Survey) -> Option<Chart> {
    let mut panels = vec![panel("CPU", survey, |row| &row.cpu)];
    if survey.rows.iter().any(|row| row.memory.worst > 0.0) {
        panels.push(panel("memory", survey, |row| &row.memory));
    }
    let hour = match survey.peak_factor > 1.0 {
        true => " · mean of the day, bars up to the busiest hour",
        false => "",
    };
    Load {
        caption: Caption {
            title: format!("{}: load over the number of lost nodes", survey.scenario),
            subtitle: format!(
                "nodes lost {} · {} requests/s{hour}",
                survey.how,
                super::numbers::significant(survey.requests_per_s, 3),
            ),
        },
        limit: survey.limit,
        limit_name: format!("limit {}", percent(survey.limit)),
        panels,
    }
    .chart()
}

fn panel(name: &str, survey: &Survey, of: fn(&Row) -> &Busy) -> LoadPanel {
    LoadPanel {
        name: name.to_owned(),
        points: survey
            .rows
            .iter()
            .map(|row| {
                let busy = of(row);
                LoadPoint {
                    lost: row.lost,
                    mean: busy.mean,
                    worst: busy.worst,
                    peak: [busy.peak_mean, busy.peak_worst],
                    documented: busy.documented,
                }
            })
            .collect(),
    }
}
