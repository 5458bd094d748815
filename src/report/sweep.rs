//! Rows of a sweep: one for each point and service, each saying all that made it,
//! so that it can be computed alone and put beside rows from other machines.
//!
//! A row is kept as the text that stands in the file: what was computed yesterday
//! comes out tomorrow byte for byte.

use crate::estimate::{Estimate, Quantiles};
use crate::runner::RunOutcome;
use crate::runner::outcome::{SCHEMA, ServiceOutcome};
use serde_json::{Value, json};

/// Columns in front of the swept paths.
const FRONT: [&str; 2] = ["scenario", "profile"];
/// Columns behind them that say how the numbers were made.
const MADE: [&str; 12] = [
    "version",
    "fingerprint",
    "engine",
    "generator",
    "seed",
    "horizon_years",
    "warm_up_s",
    "rel_err",
    "replications",
    "confidence",
    "events",
    "service",
];
/// What was found; each has an estimate and the ends of its interval.
const FOUND: [&str; 6] = [
    "unavailability",
    "request_availability",
    "downtime_s_per_year",
    "outages_per_year",
    "failover_p50_s",
    "failover_p99_s",
];

/// All that a point's numbers depend on, known before it is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Making {
    /// Hash of the scenario with its overrides.
    pub fingerprint: String,
    /// The engine.
    pub engine: &'static str,
    /// The random number generator.
    pub generator: &'static str,
    /// The seed.
    pub seed: u64,
    /// Simulated time of one replication.
    pub horizon_years: f64,
    /// Time before that which is not counted.
    pub warm_up_s: f64,
    /// The precision that is asked for.
    pub rel_err: Option<f64>,
    /// Replications: exactly so many, or at least where a precision is asked for.
    pub replications: u64,
    /// Confidence level.
    pub confidence: f64,
}

/// The columns of one sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    paths: Vec<String>,
}

/// One point and service.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    record: ::csv::StringRecord,
    paths: usize,
}

impl Columns {
    /// The columns of a sweep over these paths.
    pub fn new(paths: Vec<String>) -> Columns {
        Columns { paths }
    }

    /// The swept paths.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The first line of the file.
    pub fn header(&self) -> ::csv::StringRecord {
        let ends = ["", "_low", "_high"];
        let found = FOUND
            .iter()
            .flat_map(|name| ends.map(|end| format!("{name}{end}")));
        let fixed = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        fixed(&FRONT)
            .into_iter()
            .chain(self.paths.iter().map(|path| column_name(path)))
            .chain(fixed(&MADE))
            .chain(found)
            .chain(["warnings".to_owned()])
            .collect()
    }

    /// The rows of a finished point.
    pub fn rows(&self, values: &[String], making: &Making, run: &RunOutcome) -> Vec<Row> {
        run.services
            .iter()
            .map(|(name, service)| self.row(values, making, run, name, service))
            .collect()
    }

    fn row(
        &self,
        values: &[String],
        making: &Making,
        run: &RunOutcome,
        name: &str,
        service: &ServiceOutcome,
    ) -> Row {
        let mut cells = vec![
            run.scenario.clone(),
            run.profile.clone().unwrap_or_default(),
        ];
        cells.extend_from_slice(values);
        cells.extend([
            run.version.to_owned(),
            run.fingerprint.clone(),
            run.engine.to_owned(),
            run.generator.to_owned(),
            run.seed.to_string(),
            number(run.horizon_years),
            number(making.warm_up_s),
            making.rel_err.map(number).unwrap_or_default(),
            run.replications.to_string(),
            number(run.confidence),
            run.events.to_string(),
            name.to_owned(),
        ]);
        cells.extend(found(service).into_iter().flatten().map(number));
        cells.push(run.warnings.len().to_string());
        Row {
            record: cells.into_iter().collect(),
            paths: self.paths.len(),
        }
    }

    /// The rows as a file.
    pub fn csv<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> String {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        let mut write = |record: &::csv::StringRecord| {
            writer.write_record(record).expect("memory takes every row");
        };
        write(&self.header());
        rows.for_each(|row| write(&row.record));
        let bytes = writer.into_inner().expect("memory takes every row");
        String::from_utf8(bytes).expect("records are text")
    }

    /// Reads a file of this sweep. Headers in between are skipped, so that the
    /// files of several machines can simply be put one after the other.
    pub fn read(&self, text: &str) -> Result<Vec<Row>, String> {
        let header = self.header();
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(|error| error.to_string())?;
            if index == 0 && record != header {
                return Err("it has other columns: it belongs to another sweep".to_owned());
            }
            let row = Row {
                paths: self.paths.len(),
                record,
            };
            if row.record == header {
                continue;
            }
            if !row.is_sound(header.len()) {
                return Err(format!("row {index} is no row of a sweep"));
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

/// A path that is also the name of a column in front gets a word before it.
fn column_name(path: &str) -> String {
    match FRONT.contains(&path) || MADE.contains(&path) || FOUND.contains(&path) {
        true => format!("set.{path}"),
        false => path.to_owned(),
    }
}

/// A number that reads back as the same number; what is unknown is empty.
fn number(value: f64) -> String {
    match value.is_finite() {
        true => value.to_string(),
        false => String::new(),
    }
}

/// Estimate, low and high of everything in [`FOUND`].
fn found(service: &ServiceOutcome) -> [[f64; 3]; 6] {
    let ends = |e: &Estimate| [e.estimate, e.low, e.high];
    let quantile =
        |pick: fn(&Quantiles) -> [f64; 3]| service.failover_s.as_ref().map_or([f64::NAN; 3], pick);
    [
        ends(&service.unavailability),
        ends(&service.request_availability),
        ends(&service.downtime_s_per_year),
        ends(&service.outages_per_year),
        quantile(|q| [q.p50, q.intervals.p50[0], q.intervals.p50[1]]),
        quantile(|q| [q.p99, q.intervals.p99[0], q.intervals.p99[1]]),
    ]
}

impl Row {
    fn is_sound(&self, columns: usize) -> bool {
        let numbers = ["seed", "replications", "events"];
        self.record.len() == columns
            && numbers
                .iter()
                .all(|name| self.made(name).parse::<u64>().is_ok())
            && self.made("confidence").parse::<f64>().is_ok()
            && (FRONT.len() + self.paths + MADE.len()..columns)
                .all(|at| self.record[at].is_empty() || self.record[at].parse::<f64>().is_ok())
    }

    /// The values of the swept paths.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.record.iter().skip(FRONT.len()).take(self.paths)
    }

    /// The name of the scenario.
    pub fn scenario(&self) -> &str {
        &self.record[0]
    }

    /// The service.
    pub fn service(&self) -> &str {
        self.made("service")
    }

    /// The hash of the scenario with its overrides.
    pub fn fingerprint(&self) -> &str {
        self.made("fingerprint")
    }

    /// A cell that says how the row was made.
    pub fn made(&self, name: &str) -> &str {
        let at = MADE.iter().position(|column| *column == name);
        at.and_then(|at| self.record.get(FRONT.len() + self.paths + at))
            .unwrap_or_default()
    }

    /// The share of time in which the service is down.
    pub fn unavailability(&self) -> Estimate {
        self.found("unavailability")
    }

    /// Seconds of downtime a year.
    pub fn downtime(&self) -> Estimate {
        self.found("downtime_s_per_year")
    }

    fn found(&self, name: &str) -> Estimate {
        let at = FOUND.iter().position(|column| *column == name).unwrap_or(0);
        let first = FRONT.len() + self.paths + MADE.len() + 3 * at;
        let number = |at: usize| self.record[at].parse().unwrap_or(f64::NAN);
        Estimate {
            estimate: number(first),
            low: number(first + 1),
            high: number(first + 2),
            confidence: self.made("confidence").parse().unwrap_or(f64::NAN),
        }
    }

    /// Would computing this again give the same row?
    pub fn is_made_by(&self, making: &Making) -> bool {
        let asked = making.rel_err.map(number).unwrap_or_default();
        let replications: u64 = self.made("replications").parse().unwrap_or(0);
        let enough = match making.rel_err {
            Some(_) => replications >= making.replications,
            None => replications == making.replications,
        };
        let expected = [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("fingerprint", making.fingerprint.clone()),
            ("engine", making.engine.to_owned()),
            ("generator", making.generator.to_owned()),
            ("seed", making.seed.to_string()),
            ("horizon_years", number(making.horizon_years)),
            ("warm_up_s", number(making.warm_up_s)),
            ("rel_err", asked),
            ("confidence", number(making.confidence)),
        ];
        enough && expected.iter().all(|(name, text)| self.made(name) == text)
    }
}

/// A run as its rows remember it, under the names of a whole run.
pub fn remembered(rows: &[Row]) -> Value {
    let Some(first) = rows.first() else {
        return Value::Null;
    };
    let count = |name: &str| first.made(name).parse::<u64>().ok();
    let real = |name: &str| first.made(name).parse::<f64>().ok();
    let services: serde_json::Map<String, Value> = rows
        .iter()
        .map(|row| {
            let found = FOUND[..4].iter();
            let found: serde_json::Map<String, Value> = found
                .map(|name| ((*name).to_owned(), json!(row.found(name))))
                .collect();
            (row.service().to_owned(), Value::Object(found))
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "version": first.made("version"),
        "scenario": &first.record[0],
        "profile": Some(&first.record[1]).filter(|name| !name.is_empty()),
        "fingerprint": first.fingerprint(),
        "engine": first.made("engine"),
        "generator": first.made("generator"),
        "seed": count("seed"),
        "replications": count("replications"),
        "horizon_years": real("horizon_years"),
        "events": count("events"),
        "confidence": real("confidence"),
        "services": services,
        "kept": true,
    })
}
