//! Distributions as they are written in a scenario:
//! `{ dist = "weibull", shape = 0.7, mean = "3140h" }`, or just `"5s"`.

use super::Files;
use super::document::{Item, Value};
use super::error::{Result, ScenarioError};
use super::reader::{self, Reader};
use crate::automaton::Distribution;

const KINDS: [(&str, Kind); 10] = [
    ("exponential", Kind::Exponential),
    ("weibull", Kind::Weibull),
    ("lognormal", Kind::Lognormal),
    ("gamma", Kind::Gamma),
    ("deterministic", Kind::Deterministic),
    ("uniform", Kind::Uniform),
    ("empirical", Kind::Empirical),
    ("mixture", Kind::Mixture),
    ("scaled", Kind::Scaled),
    ("never", Kind::Never),
];

#[derive(Clone, Copy)]
enum Kind {
    Exponential,
    Weibull,
    Lognormal,
    Gamma,
    Deterministic,
    Uniform,
    Empirical,
    Mixture,
    Scaled,
    Never,
}

/// Mixtures of mixtures may go no deeper than this.
const MAX_DEPTH: usize = 8;
/// Largest number of recorded values of an empirical distribution.
const MAX_VALUES: usize = 1_000_000;
/// Factors of a scaled distribution lie between one over this and this.
const MAX_FACTOR: f64 = 1e6;
/// At most this many components of one mixture.
const MAX_PARTS: usize = 100;

/// Reads a distribution. `files` finds the CSV file of an empirical one.
pub fn distribution(item: &Item, files: &dyn Files) -> Result<Distribution> {
    at_depth(item, files, 0)
}

/// Reads the time until something happens again. Events without any time
/// between them would keep the clock from moving.
pub fn interval(item: &Item, files: &dyn Files) -> Result<Distribution> {
    let found = distribution(item, files)?;
    if found.mean() > 0.0 {
        return Ok(found);
    }
    Err(ScenarioError::at(
        &item.origin,
        "this event would happen again without any time in between",
        "always zero",
    )
    .help("for an event that never happens write \"never\""))
}

fn at_depth(item: &Item, files: &dyn Files, depth: usize) -> Result<Distribution> {
    if let Value::Text(text) = &item.value {
        if text == "never" {
            return Ok(Distribution::Never);
        }
        let value = reader::duration_s(item)?;
        return Ok(Distribution::Deterministic { value });
    }
    if depth > MAX_DEPTH {
        return Err(ScenarioError::at(
            &item.origin,
            format!("distributions are nested more than {MAX_DEPTH} deep"),
            "too deep",
        ));
    }
    if let Value::Integer(_) | Value::Float(_) = item.value {
        // A forgotten unit is likelier than a forgotten table.
        reader::duration_s(item)?;
    }
    let r = Reader::new(item, "a distribution")?;
    let kind = reader::word(r.required("dist")?, &KINDS)?;
    let result = match kind {
        Kind::Never => Distribution::Never,
        Kind::Deterministic => Distribution::Deterministic {
            value: reader::duration_s(r.required("value")?)?,
        },
        Kind::Exponential => Distribution::Exponential {
            mean: exponential_mean(&r)?,
        },
        Kind::Weibull => weibull(&r)?,
        Kind::Lognormal => lognormal(&r)?,
        Kind::Gamma => Distribution::Gamma {
            shape: gamma_shape(r.required("shape")?)?,
            mean: positive_mean(r.required("mean")?)?,
        },
        Kind::Uniform => uniform(&r)?,
        Kind::Empirical => empirical(&r, files)?,
        Kind::Mixture => mixture(&r, files, depth)?,
        Kind::Scaled => Distribution::Scaled {
            factor: factor(r.required("factor")?)?,
            base: Box::new(at_depth(r.required("of")?, files, depth + 1)?),
        },
    };
    r.finish()?;
    Ok(result)
}

fn positive_mean(item: &Item) -> Result<f64> {
    let seconds = reader::mean_s(item)?;
    if seconds > 0.0 {
        return Ok(seconds);
    }
    Err(ScenarioError::at(
        &item.origin,
        "this time must be longer than zero",
        "zero",
    ))
}

fn gamma_shape(item: &Item) -> Result<f64> {
    let shape = reader::positive(item)?;
    if (0.05..=1000.0).contains(&shape) {
        return Ok(shape);
    }
    Err(ScenarioError::at(
        &item.origin,
        format!("a gamma shape of {shape} cannot be simulated"),
        "must lie between 0.05 and 1000",
    )
    .help("a shape of 1 is exponential; from 1000 on the time is as good as constant"))
}

fn factor(item: &Item) -> Result<f64> {
    let factor = reader::positive(item)?;
    if (1.0 / MAX_FACTOR..=MAX_FACTOR).contains(&factor) {
        return Ok(factor);
    }
    Err(ScenarioError::at(
        &item.origin,
        format!("a factor of {factor} is beyond all reason"),
        "must lie between 0.000001 and 1000000",
    ))
}

fn exponential_mean(r: &Reader<'_>) -> Result<f64> {
    match (r.item("mean"), r.item("rate")) {
        (Some(mean), None) => positive_mean(mean),
        (None, Some(rate)) => {
            let per_s = reader::rate(rate)?;
            if per_s > 0.0 {
                return Ok(1.0 / per_s);
            }
            Err(
                ScenarioError::at(&rate.origin, "this rate must be greater than zero", "zero")
                    .help("for an event that never happens write \"never\""),
            )
        }
        _ => Err(one_of(r, "an exponential distribution", "mean", "rate")),
    }
}

fn one_of(r: &Reader<'_>, what: &str, a: &str, b: &str) -> Box<ScenarioError> {
    ScenarioError::at(
        r.origin(),
        format!("{what} needs either `{a}` or `{b}`, and not both"),
        "this distribution",
    )
}

fn weibull(r: &Reader<'_>) -> Result<Distribution> {
    let shape_item = r.required("shape")?;
    let shape = reader::positive(shape_item)?;
    if !(0.05..=50.0).contains(&shape) {
        return Err(ScenarioError::at(
            &shape_item.origin,
            format!("a Weibull shape of {shape} is beyond what is measured anywhere"),
            "must lie between 0.05 and 50",
        ));
    }
    match (r.item("mean"), r.item("scale")) {
        (Some(mean), None) => Ok(Distribution::weibull_with_mean(shape, positive_mean(mean)?)),
        (None, Some(scale)) => Ok(Distribution::Weibull {
            shape,
            scale: positive_mean(scale)?,
        }),
        _ => Err(one_of(r, "a Weibull distribution", "mean", "scale")),
    }
}

fn lognormal(r: &Reader<'_>) -> Result<Distribution> {
    let sigma_item = r.required("sigma")?;
    let sigma = reader::positive(sigma_item)?;
    if sigma > 10.0 {
        return Err(ScenarioError::at(
            &sigma_item.origin,
            format!("a sigma of {sigma} spreads the values over more than 60 decades"),
            "must not exceed 10",
        )
        .help("sigma is the standard deviation of the natural logarithm, 0.5 to 3 for repairs"));
    }
    match (r.item("median"), r.item("mean")) {
        (Some(median), None) => Ok(Distribution::Lognormal {
            median: positive_mean(median)?,
            sigma,
        }),
        (None, Some(mean)) => Ok(Distribution::lognormal_with_mean(
            positive_mean(mean)?,
            sigma,
        )),
        _ => Err(one_of(r, "a lognormal distribution", "median", "mean")),
    }
}

fn uniform(r: &Reader<'_>) -> Result<Distribution> {
    let low = reader::duration_s(r.required("low")?)?;
    let high_item = r.required("high")?;
    let high = reader::duration_s(high_item)?;
    if low <= high {
        return Ok(Distribution::Uniform { low, high });
    }
    Err(ScenarioError::at(
        &high_item.origin,
        "`high` is shorter than `low`",
        "must not be shorter than `low`",
    ))
}

fn mixture(r: &Reader<'_>, files: &dyn Files, depth: usize) -> Result<Distribution> {
    let components = r.required("components")?;
    let mut parts = Vec::new();
    for item in reader::list_up_to(components, MAX_PARTS)? {
        let c = Reader::new(item, "a component of a mixture")?;
        let weight = reader::share(c.required("weight")?)?;
        let of = at_depth(c.required("of")?, files, depth + 1)?;
        c.finish()?;
        if weight > 0.0 {
            parts.push((weight, of));
        }
    }
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    if (total - 1.0).abs() > 1e-6 {
        return Err(ScenarioError::at(
            &components.origin,
            format!("the weights of a mixture must sum to 1, not to {total}"),
            "these weights",
        ));
    }
    for part in &mut parts {
        part.0 /= total;
    }
    Ok(Distribution::Mixture { parts })
}

/// Column of a CSV file: `{ dist = "empirical", file = "repairs.csv", column = "hours", unit = "h" }`.
fn empirical(r: &Reader<'_>, files: &dyn Files) -> Result<Distribution> {
    let file_item = r.required("file")?;
    let path = reader::text(file_item)?;
    let column = r.text("column")?;
    let unit_item = r.required("unit")?;
    let unit = super::units::unit_s(reader::text(unit_item)?).map_err(|e| {
        ScenarioError::at(&unit_item.origin, e.message, "no unit of time").help(e.help)
    })?;
    let text = files.read(path).map_err(|why| {
        ScenarioError::at(
            &file_item.origin,
            format!("there are no recorded times in `{path}`"),
            why,
        )
    })?;
    let mut sorted = recorded_times(&text, path, column, unit).map_err(|(message, help)| {
        ScenarioError::at(&file_item.origin, message, "this file").maybe_help(help)
    })?;
    sorted.sort_by(f64::total_cmp);
    Ok(Distribution::Empirical {
        sorted: sorted.into(),
    })
}

/// The values of one column in seconds, or what is wrong and what to do.
fn recorded_times(
    text: &str,
    path: &str,
    column: &str,
    unit: f64,
) -> std::result::Result<Vec<f64>, (String, Option<String>)> {
    let mut rows = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headers = rows
        .headers()
        .map_err(|e| (format!("`{path}` is no CSV file: {e}"), None))?;
    let place = headers.iter().position(|h| h == column).ok_or_else(|| {
        let help = super::nearest::suggestion(column, headers.iter());
        (format!("`{path}` has no column `{column}`"), help)
    })?;
    let mut times = Vec::new();
    for (index, row) in rows.records().enumerate() {
        let row = row.map_err(|e| (format!("`{path}`: {e}"), None))?;
        let cell = row.get(place).unwrap_or_default();
        match cell.parse::<f64>().map(|value| value * unit) {
            Ok(value) if (0.0..=super::units::MAX_DURATION_S).contains(&value) => times.push(value),
            _ => {
                let line = index + 2;
                let wrong = "is no time from 0 to 250 years";
                return Err((
                    format!("`{path}`, line {line}: `{cell}` in column `{column}` {wrong}"),
                    None,
                ));
            }
        }
        if times.len() > MAX_VALUES {
            let help = "beyond that a sample tells nothing new: take every tenth".to_owned();
            return Err((
                format!("`{path}` has more than {MAX_VALUES} rows"),
                Some(help),
            ));
        }
    }
    match times.is_empty() {
        true => Err((format!("`{path}` has no values"), None)),
        false => Ok(times),
    }
}
