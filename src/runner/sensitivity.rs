//! What the downtime of a service follows: every time of the scenario a little longer and
//! a little shorter, every option the other way, all on the same random numbers.

use super::{Effort, RunError, Watcher};
use crate::automaton::Nanos;
use crate::engine::simulate::Simulator;
use crate::estimate::{Estimate, Joint, Moments, difference};
use crate::model::{Model, build};
use crate::scenario::Scenario;
use crate::scenario::error::Result as ScenarioResult;
use crate::scenario::read::settings::{Setting, Settings, settings};
use crate::scenario::read::{self, Surroundings};
use rayon::prelude::*;
use serde::Serialize;
use std::sync::atomic::Ordering;

/// Times are made so many times longer, and so many times shorter.
const FACTOR: f64 = 1.25;
/// Runs at most; what comes after them is left out.
const MAX_RUNS: usize = 600;

/// The text that the scenario was read from.
pub struct Source<'a> {
    /// The name of its file.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
    /// What surrounds it.
    pub around: Surroundings<'a>,
}

impl Source<'_> {
    /// Reads it again with another value.
    fn read(&self, path: &str, value: &str) -> ScenarioResult<Scenario> {
        let mut overrides = self.around.overrides.to_vec();
        overrides.push((path.to_owned(), value.to_owned()));
        let around = Surroundings {
            overrides: &overrides,
            ..self.around
        };
        read::scenario(self.name, self.text, &around)
    }
}

/// How much the downtime follows one time.
#[derive(Clone, Debug, Serialize)]
pub struct Sensitivity {
    /// Its path, as `--set` takes it.
    pub parameter: String,
    /// Its value.
    pub value: String,
    /// d ln(unavailability) / d ln(parameter): with 1 the downtime grows as the value does.
    pub elasticity: Estimate,
}

/// What the other setting of an option does.
#[derive(Clone, Debug, Serialize)]
pub struct Flip {
    /// Its path, as `--set` takes it.
    pub parameter: String,
    /// As it is.
    pub value: String,
    /// As it was tried.
    pub to: String,
    /// Minutes of downtime per year more (or fewer).
    pub minutes_per_year: Estimate,
}

/// What was found: only what could be told from chance.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Times, the strongest first.
    pub sensitivity: Vec<Sensitivity>,
    /// Options, the largest difference first.
    pub flips: Vec<Flip>,
    /// Times and options without an effect that could be told from chance.
    pub without_effect: usize,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// Turns every setting that a service depends on.
pub fn run(
    scenario: &Scenario,
    source: &Source<'_>,
    service: &str,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<Found, RunError> {
    let found = scenario
        .services
        .iter()
        .position(|known| known.name == service);
    let Some(service) = found else {
        return Err(RunError::Effort(format!("there is no service `{service}`")));
    };
    match build::words(scenario) {
        1 => turn::<1>(scenario, source, service, effort, watcher),
        _ => turn::<16>(scenario, source, service, effort, watcher),
    }
}

fn turn<const W: usize>(
    scenario: &Scenario,
    source: &Source<'_>,
    service: usize,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<Found, RunError> {
    let files = source.around.files;
    let settings =
        settings(source.name, source.text, &source.around, scenario).map_err(RunError::Scenario)?;
    let model = build::model::<W>(scenario, files).map_err(RunError::Scenario)?;
    let mut lab = Lab {
        source,
        service,
        effort,
        base: Vec::new(),
        refused: Vec::new(),
        found: Found::default(),
    };
    let (tried, others) = lab.choose(&model, &settings);
    lab.base = downtimes(model, service, effort)?;
    for (index, setting) in tried.iter().enumerate() {
        watcher.progress(index as u64, tried.len() as u64);
        if watcher.stop().load(Ordering::Relaxed) {
            break;
        }
        match setting.is_time() {
            true => lab.stretch::<W>(setting),
            false => lab.flip::<W>(setting),
        }
    }
    Ok(lab.finish(&settings, &others))
}

struct Lab<'a> {
    source: &'a Source<'a>,
    service: usize,
    effort: &'a Effort,
    /// Seconds of downtime of each replication as things are.
    base: Vec<f64>,
    refused: Vec<String>,
    found: Found,
}

impl Lab<'_> {
    /// The settings that are tried. What the service does not depend on is not.
    fn choose<'s, const W: usize>(
        &mut self,
        model: &Model<W>,
        settings: &'s Settings,
    ) -> (Vec<&'s Setting>, Vec<String>) {
        let needed = model.needed_by(self.service);
        let names: Vec<&str> = (model.automata().enumerate())
            .filter(|(index, _)| needed >> index & 1 != 0)
            .map(|(_, automaton)| automaton.name())
            .collect();
        let mut others: Vec<String> = Vec::new();
        let mut tried = Vec::new();
        let mut runs = 0;
        let mut beyond = 0;
        for setting in &settings.list {
            match &setting.protocol {
                Some(name) if !names.contains(&name.as_str()) => {
                    if !others.contains(name) {
                        others.push(name.clone());
                    }
                }
                _ if runs >= MAX_RUNS => beyond += 1,
                _ => {
                    runs += if setting.is_time() { 2 } else { 1 };
                    tried.push(setting);
                }
            }
        }
        if beyond > 0 {
            self.found.notes.push(format!(
                "sensitivity: {beyond} settings were left out after {MAX_RUNS} runs"
            ));
        }
        (tried, others)
    }

    /// The downtime with another value; none where the scenario does not take it.
    fn with<const W: usize>(&mut self, setting: &Setting, value: String) -> Option<Vec<f64>> {
        let read = self.source.read(&setting.path, &value);
        let files = self.source.around.files;
        let model = read.and_then(|scenario| build::model::<W>(&scenario, files));
        let played = model.map(|model| downtimes(model, self.service, self.effort));
        if let Ok(Ok(played)) = played {
            return Some(played);
        }
        self.refused.push(format!("{}={value}", setting.path));
        None
    }

    fn stretch<const W: usize>(&mut self, setting: &Setting) {
        let (Some(longer), Some(shorter)) = (setting.scaled(FACTOR), setting.scaled(1.0 / FACTOR))
        else {
            return;
        };
        let Some(longer) = self.with::<W>(setting, longer) else {
            return;
        };
        let Some(shorter) = self.with::<W>(setting, shorter) else {
            return;
        };
        let mut joint = Joint::<2>::default();
        for (longer, shorter) in longer.iter().zip(&shorter) {
            joint.push([*longer, *shorter]);
        }
        let elasticity = elasticity(&joint, FACTOR * FACTOR, self.effort.confidence);
        if !leaves_out_zero(&elasticity) {
            self.found.without_effect += 1;
            return;
        }
        self.found.sensitivity.push(Sensitivity {
            parameter: setting.path.clone(),
            value: setting.value.clone(),
            elasticity,
        });
    }

    fn flip<const W: usize>(&mut self, setting: &Setting) {
        let Some(to) = setting.flipped() else { return };
        let Some(other) = self.with::<W>(setting, to.to_owned()) else {
            return;
        };
        let mut paired = Moments::new();
        for (other, base) in other.iter().zip(&self.base) {
            paired.push(other - base);
        }
        let years = self.effort.horizon.years();
        let minutes = difference(&paired, self.effort.confidence).scaled(1.0 / 60.0 / years);
        if !leaves_out_zero(&minutes) {
            self.found.without_effect += 1;
            return;
        }
        self.found.flips.push(Flip {
            parameter: setting.path.clone(),
            value: setting.value.clone(),
            to: to.to_owned(),
            minutes_per_year: minutes,
        });
    }

    fn finish(mut self, settings: &Settings, others: &[String]) -> Found {
        let strength = |estimate: &Estimate| estimate.estimate.abs();
        self.found
            .sensitivity
            .sort_by(|a, b| strength(&b.elasticity).total_cmp(&strength(&a.elasticity)));
        self.found.flips.sort_by(|a, b| {
            strength(&b.minutes_per_year).total_cmp(&strength(&a.minutes_per_year))
        });
        let notes = &mut self.found.notes;
        if !others.is_empty() {
            notes.push(format!(
                "sensitivity: the service does not depend on {}",
                others.join(", ")
            ));
        }
        if !settings.left_out.is_empty() {
            notes.push(format!(
                "sensitivity: no --set reaches {}",
                settings.left_out.join(", ")
            ));
        }
        if !self.refused.is_empty() {
            notes.push(format!(
                "sensitivity: left out because the scenario takes no such value: {}",
                self.refused.join(", ")
            ));
        }
        notes.push(format!(
            "sensitivity: {} replications; times {FACTOR} times longer and shorter; counts, \
             probabilities and words other than on and off are not turned",
            self.effort.replications
        ));
        self.found
    }
}

/// The downtime of a service in each replication, in seconds. Only what it depends on
/// is played, on the same random numbers as ever.
fn downtimes<const W: usize>(
    model: Model<W>,
    service: usize,
    effort: &Effort,
) -> Result<Vec<f64>, RunError> {
    let needed = model.needed_by(service);
    let model = model.restricted_to(needed);
    let simulator = || {
        let (warm_up, horizon) = (effort.warm_up, effort.horizon);
        Simulator::new(&model, effort.seed, warm_up, horizon, effort.max_events)
    };
    (0..effort.replications)
        .into_par_iter()
        .map_init(simulator, |simulator, replication| {
            let record = simulator.replicate(replication);
            let record = record.map_err(|error| RunError::Play { replication, error })?;
            Ok(Nanos(record.services[service].down_ns).seconds())
        })
        .collect()
}

/// d ln(downtime) / d ln(parameter) from the mean downtimes at two values, the first of
/// which is `ratio` times the second.
fn elasticity(joint: &Joint<2>, ratio: f64, confidence: f64) -> Estimate {
    let [longer, shorter] = joint.means();
    if longer <= 0.0 || shorter <= 0.0 {
        // Never down: nothing is known of it.
        return Estimate {
            estimate: f64::NAN,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            confidence,
        };
    }
    let scale = 1.0 / ratio.ln();
    let gradient = [scale / longer, -scale / shorter];
    joint.smooth((longer / shorter).ln() * scale, gradient, confidence)
}

fn leaves_out_zero(estimate: &Estimate) -> bool {
    estimate.low > 0.0 || estimate.high < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_downtime_in_proportion_has_an_elasticity_of_one() {
        let mut joint = Joint::<2>::default();
        for downtime in [1.0, 5.0, 3.0] {
            joint.push([1.5 * downtime, downtime]);
        }
        let found = elasticity(&joint, 1.5, 0.95);
        assert!((found.estimate - 1.0).abs() < 1e-12);
        assert!(found.half_width() < 1e-6 && leaves_out_zero(&found));
    }

    #[test]
    fn what_never_fails_has_no_elasticity() {
        let mut joint = Joint::<2>::default();
        joint.push([0.0, 0.0]);
        let found = elasticity(&joint, 1.5, 0.95);
        assert!(found.estimate.is_nan() && !leaves_out_zero(&found));
    }
}
