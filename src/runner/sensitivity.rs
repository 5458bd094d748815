//! What the downtime of a service follows: every time and every other quantity of the scenario
//! a little larger and a little smaller, every count one more and one less, every option
//! another way, all on the same random numbers.

use super::idle::Idle;
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

/// Times and quantities are made so many times larger, and so many times smaller; by the
/// second factor where the first gives nothing that fits, such as whole seconds.
const FACTORS: [f64; 2] = [1.25, 2.0];
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

/// No word of any option; its reader then says which there are.
const NO_WORD: &str = "?";

/// How much the downtime follows one time or quantity.
#[derive(Clone, Debug, Serialize)]
pub struct Sensitivity {
    /// Its path, as `--set` takes it.
    pub parameter: String,
    /// Its value.
    pub value: String,
    /// d ln(unavailability) / d ln(parameter): with 1 the downtime grows as the value does.
    pub elasticity: Estimate,
}

/// What another setting of an option or a count does.
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
    /// Times and quantities, the strongest first.
    pub sensitivity: Vec<Sensitivity>,
    /// Options and counts, the largest difference first.
    pub flips: Vec<Flip>,
    /// Settings without an effect that could be told from chance.
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
    let tried = lab.within_limit(tried);
    lab.base = downtimes(model, service, effort)?;
    for (index, one) in tried.iter().enumerate() {
        watcher.progress(index as u64, tried.len() as u64);
        if watcher.stop().load(Ordering::Relaxed) {
            break;
        }
        if one.setting.is_continuous() {
            lab.stretch::<W>(one.setting);
        }
        for to in &one.others {
            lab.flip::<W>(one.setting, to);
        }
    }
    Ok(lab.finish(&settings, &others))
}

/// A setting that is tried, and its other values if it is no continuous one.
struct Tried<'s> {
    setting: &'s Setting,
    others: Vec<String>,
}

impl Tried<'_> {
    fn runs(&self) -> usize {
        match self.setting.is_continuous() {
            true => 2,
            false => self.others.len(),
        }
    }
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
    /// The settings that are tried, and the protocols whose settings are not because the
    /// service does not depend on them.
    fn choose<'s, const W: usize>(
        &self,
        model: &Model<W>,
        settings: &'s Settings,
    ) -> (Vec<Tried<'s>>, Vec<String>) {
        let needed = model.needed_by(self.service);
        let names: Vec<&str> = (model.automata().enumerate())
            .filter(|(index, _)| needed >> index & 1 != 0)
            .map(|(_, automaton)| automaton.name())
            .collect();
        let mut others: Vec<String> = Vec::new();
        let mut tried = Vec::new();
        for setting in &settings.list {
            match &setting.protocol {
                Some(name) if !names.contains(&name.as_str()) => {
                    if !others.contains(name) {
                        others.push(name.clone());
                    }
                }
                _ => tried.push(Tried {
                    setting,
                    others: setting.others(|| self.words::<W>(setting)),
                }),
            }
        }
        (tried, others)
    }

    /// The words that would fit in place of a text; none where it is not one of a few.
    fn words<const W: usize>(&self, setting: &Setting) -> Vec<String> {
        let files = self.source.around.files;
        let read = self.source.read(&setting.path, NO_WORD);
        // Some words are read with the scenario, those of protocols with the model.
        let built = read.and_then(|scenario| build::model::<W>(&scenario, files));
        built
            .err()
            .map_or(Vec::new(), |error| error.choices().to_vec())
    }

    /// As many settings as there may be runs.
    fn within_limit<'s>(&mut self, tried: Vec<Tried<'s>>) -> Vec<Tried<'s>> {
        let mut runs = 0;
        let (within, beyond): (Vec<_>, Vec<_>) = tried.into_iter().partition(|one| {
            runs += one.runs();
            runs <= MAX_RUNS
        });
        if !beyond.is_empty() {
            self.found.notes.push(format!(
                "sensitivity: {} settings were left out after {MAX_RUNS} runs",
                beyond.len()
            ));
        }
        within
    }

    /// The downtime with another value; none where the scenario does not take it.
    fn with<const W: usize>(&self, setting: &Setting, value: &str) -> Option<Vec<f64>> {
        let read = self.source.read(&setting.path, value);
        let files = self.source.around.files;
        let model = read.and_then(|scenario| build::model::<W>(&scenario, files));
        let played = model.map(|model| downtimes(model, self.service, self.effort));
        played.ok()?.ok()
    }

    /// The downtimes with a larger and a smaller value, and how many times larger the one is
    /// than the other.
    fn around<const W: usize>(&self, setting: &Setting) -> Option<(Vec<f64>, Vec<f64>, f64)> {
        let at = |factor: f64| self.with::<W>(setting, &setting.scaled(factor)?);
        FACTORS.into_iter().find_map(|factor| {
            // A probability cannot be more than 1: then it is compared with what it is.
            match (at(factor), at(1.0 / factor)) {
                (Some(larger), Some(smaller)) => Some((larger, smaller, factor * factor)),
                (Some(larger), None) => Some((larger, self.base.clone(), factor)),
                (None, Some(smaller)) => Some((self.base.clone(), smaller, factor)),
                (None, None) => None,
            }
        })
    }

    fn stretch<const W: usize>(&mut self, setting: &Setting) {
        let Some((larger, smaller, ratio)) = self.around::<W>(setting) else {
            self.refused.push(setting.path.clone());
            return;
        };
        let mut joint = Joint::<2>::default();
        for (larger, smaller) in larger.iter().zip(&smaller) {
            joint.push([*larger, *smaller]);
        }
        let elasticity = elasticity(&joint, ratio, self.effort.confidence);
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

    fn flip<const W: usize>(&mut self, setting: &Setting, to: &str) {
        let Some(other) = self.with::<W>(setting, to) else {
            self.refused.push(format!("{}={to}", setting.path));
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
            "sensitivity: {} replications; times and quantities {} times larger and smaller, \
             counts one more and one less; lists are not turned",
            self.effort.replications, FACTORS[0]
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
    let idle = Idle::new(simulator);
    (0..effort.replications)
        .into_par_iter()
        .map(|replication| {
            let record = idle.with(|simulator| simulator.replicate(replication));
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
