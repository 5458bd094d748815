//! The figures of a sweep: lines over one swept path, heat maps over two.

use super::numbers;
use super::plot::{Caption, Chart, Found, Heat, Lines, ServiceLine, Swept};
use super::sweep::Row;
use crate::scenario::units;
use std::collections::BTreeMap;

/// The figures with the names of their files; none for more than two paths.
pub fn all(paths: &[String], values: &[Vec<String>], rows: &[&Row]) -> Vec<(String, Chart)> {
    let Some(first) = rows.first() else {
        return Vec::new();
    };
    let axes: Vec<Swept> = paths
        .iter()
        .zip(values)
        .map(|(path, values)| swept(path, values))
        .collect();
    match axes.as_slice() {
        [axis] => {
            let chart = lines(axis, first, rows).chart();
            chart
                .map(|chart| ("sweep".to_owned(), chart))
                .into_iter()
                .collect()
        }
        [down, across] => heats(down, across, first, rows),
        _ => Vec::new(),
    }
}

fn swept(path: &str, values: &[String]) -> Swept {
    let all = |read: fn(&str) -> Option<f64>| values.iter().map(|v| read(plain(v))).collect();
    let numbers: Option<Vec<f64>> = all(|text| text.parse().ok().filter(|n: &f64| n.is_finite()));
    let times: Option<Vec<f64>> = all(|text| units::mean_s(text).ok());
    let shares: Option<Vec<f64>> =
        all(|text| text.strip_suffix('%').and_then(|n| n.trim().parse().ok()));
    Swept {
        name: path.to_owned(),
        labels: values.iter().map(|v| plain(v).to_owned()).collect(),
        numbers: numbers.or(times).or(shares),
    }
}

/// A text without its quotes.
fn plain(value: &str) -> &str {
    let bare = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    bare('"').or(bare('\'')).unwrap_or(value)
}

fn caption(title: String, first: &Row) -> Caption {
    let number = |name: &str| first.made(name).parse::<u64>().unwrap_or(0);
    // With an asked precision every point has a number of its own.
    let replications = match first.made("rel_err") {
        "" => number("replications"),
        _ => 0,
    };
    let mut caption = Caption::new(
        &title,
        first.made("engine"),
        Some(number("seed")),
        replications,
    );
    let years = first.made("horizon_years").parse().unwrap_or(0.0);
    if replications > 0 {
        caption.subtitle += &format!(" of {} a point", numbers::years(years));
    }
    caption
}

/// What was found, by service in the order of their first appearance; points are
/// counted in the order of the grid.
fn by_service(axes: &[&Swept], values: &[&[String]], rows: &[&Row]) -> Vec<ServiceLine> {
    let places: Vec<BTreeMap<&str, usize>> = values
        .iter()
        .map(|values| {
            values
                .iter()
                .zip(0..)
                .map(|(v, i)| (v.as_str(), i))
                .collect()
        })
        .collect();
    let mut lines: Vec<ServiceLine> = Vec::new();
    for row in rows {
        let index =
            row.values()
                .zip(&places)
                .zip(axes)
                .try_fold(0, |index, ((value, places), axis)| {
                    Some(index * axis.labels.len() + places.get(plain(value))?)
                });
        let Some(value) = index else {
            continue;
        };
        let unavailability = row.unavailability();
        let found = Found {
            value,
            unavailability: unavailability.estimate,
            low: unavailability.low,
            high: unavailability.high,
        };
        match lines.iter_mut().find(|line| line.service == row.service()) {
            Some(line) => line.points.push(found),
            None => lines.push(ServiceLine {
                service: row.service().to_owned(),
                points: vec![found],
            }),
        }
    }
    lines
}

fn lines(axis: &Swept, first: &Row, rows: &[&Row]) -> Lines {
    let confidence: f64 = first.made("confidence").parse().unwrap_or(0.95);
    Lines {
        caption: caption(
            format!("{}: availability by {}", first.scenario(), axis.name),
            first,
        ),
        interval: format!(
            "{}% confidence interval",
            numbers::trimmed_percent(confidence)
        ),
        swept: axis.clone(),
        lines: by_service(&[axis], &[&axis.labels], rows),
    }
}

fn heats(down: &Swept, across: &Swept, first: &Row, rows: &[&Row]) -> Vec<(String, Chart)> {
    let services = by_service(&[down, across], &[&down.labels, &across.labels], rows);
    // One scale for all services, so that a colour means the same in each figure.
    let nines = services
        .iter()
        .flat_map(|line| &line.points)
        .map(|found| match found.unavailability > 0.0 {
            true => found.unavailability,
            false => found.high,
        })
        .filter(|u| *u > 0.0 && *u <= 1.0)
        .map(|u| -u.log10());
    let scale = nines.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), n| {
        (low.min(n), high.max(n))
    });
    services
        .into_iter()
        .filter_map(|line| {
            let title = format!("{}: nines of {}", first.scenario(), line.service);
            let heat = Heat {
                caption: caption(title, first),
                rows: down.clone(),
                columns: across.clone(),
                cells: line.points,
                scale,
            };
            Some((format!("sweep-{}", line.service), heat.chart()?))
        })
        .collect()
}
