//! `[run]`: how a scenario is run, where the command line says nothing else.

use crate::automaton::Nanos;
use crate::scenario::RunSettings;
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::reader::{self, Reader};

/// The longest horizon of one replication, in years.
const MAX_HORIZON_YEARS: f64 = 200.0;
/// The clock of a replication stops at 292 years; horizon and warm-up together
/// stay well below, so that no delay armed near the end can pass it unseen.
const MAX_TOTAL_YEARS: f64 = 250.0;

/// Reads `[run]`.
pub fn settings(r: &Reader<'_>) -> Result<RunSettings> {
    let mut run = RunSettings {
        horizon: Nanos::from_seconds(10.0 * Nanos::SECONDS_PER_YEAR),
        warm_up: Nanos::ZERO,
        replications: 1000,
        seed: 1,
        confidence: 0.95,
        max_events: 1_000_000_000,
    };
    let Some(item) = r.item("run") else {
        return Ok(run);
    };
    let t = Reader::new(item, "[run]")?;
    times(&t, &mut run)?;
    if let Some(n) = t.integer_if_any("replications", 1, 1_000_000_000)? {
        run.replications = n as u64;
    }
    if let Some(seed) = t.integer_if_any("seed", 0, i64::MAX)? {
        run.seed = seed as u64;
    }
    if let Some(item) = t.item("confidence") {
        run.confidence = reader::share(item)?;
        if !(0.5..=0.9999).contains(&run.confidence) {
            return Err(ScenarioError::at(
                &item.origin,
                format!(
                    "intervals at a confidence of {} are of no use",
                    run.confidence
                ),
                "must lie between 0.5 and 0.9999",
            ));
        }
    }
    if let Some(n) = t.integer_if_any("max_events", 1, 1_000_000_000_000)? {
        run.max_events = n as u64;
    }
    t.finish()?;
    Ok(run)
}

fn times(t: &Reader<'_>, run: &mut RunSettings) -> Result<()> {
    if let Some(item) = t.item("horizon") {
        run.horizon = reader::duration(item)?;
        if run.horizon == Nanos::ZERO || run.horizon.years() > MAX_HORIZON_YEARS {
            return Err(ScenarioError::at(
                &item.origin,
                "the horizon is the simulated time of one replication: more than zero, at most 200 years",
                "out of range",
            )
            .help("for more simulated time ask for more replications"));
        }
    }
    if let Some(item) = t.item("warm_up") {
        run.warm_up = reader::duration(item)?;
        if run.warm_up.years() + run.horizon.years() > MAX_TOTAL_YEARS {
            return Err(ScenarioError::at(
                &item.origin,
                "the warm-up comes before the horizon, and both together must not exceed 250 years",
                "too long",
            )
            .help("a few times the longest repair is enough; the default is none"));
        }
    }
    Ok(())
}
