//! Failure biasing: batches of cycles for one service after the other.

use super::super::outcome::ServiceOutcome;
use super::outcome::{blank, not_looked_at};
use super::sums;
use crate::automaton::Nanos;
use crate::engine::rare::biasing::{Biaser, Cycles, Lengths, NotBiased};
use crate::estimate::{Concentration, Estimate, Moments, mean, rare_total};
use crate::model::{Model, build};
use crate::runner::{Effort, RunError, RunOutcome, Watcher};
use crate::scenario::{Files, Scenario, ServiceSpec};
use rayon::prelude::*;
use std::sync::atomic::Ordering;

/// Biased and unbiased cycles of a batch.
const BATCH: (u64, u64) = (64, 16);
/// Batches that one thread plays in a row.
const CHUNK: u64 = 16;
/// Batches after which the stopping rule looks for the first time.
const FIRST_LOOK: u64 = 256;
/// Batches at most where a precision is asked for, and where none is.
const MAX_BATCHES: (u64, u64) = (1_000_000, 20_000);
/// The precision that is aimed at where none is asked for.
const USUAL_ERROR: f64 = 0.01;

/// What all batches of one service have to say.
struct Sum {
    down: Moments,
    read_only: Moments,
    failed: Moments,
    outages: Moments,
    with_outage: Moments,
    length: Moments,
    up_to_outage: Moments,
    totals: Vec<f64>,
    cause_s: Vec<f64>,
    cycles: u64,
    steps: u64,
    states: usize,
    interrupted: bool,
    confidence: f64,
}

/// Runs all services.
pub fn run<const W: usize>(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<RunOutcome, RunError> {
    let whole: Model<W> = build::model(scenario, files).map_err(RunError::Scenario)?;
    let mut outcome = blank(scenario, effort);
    outcome.notes = not_looked_at(scenario);
    if !scenario.tallies.is_empty() {
        let note = "tallies are not read by failure biasing; --method splitting does".to_owned();
        outcome.notes.push(note);
    }
    let (mut cycles, mut states) = (0, 0);
    for (index, spec) in scenario.services.iter().enumerate() {
        let model = build::model(scenario, files).map_err(RunError::Scenario)?;
        let model: Model<W> = model.restricted_to(whole.needed_by(index));
        let of = scenario.services.len() as u64;
        watcher.progress(index as u64, of);
        let sum = play(&model, index, effort, watcher)?;
        let causes = model.services()[index].blame.causes();
        outcome
            .services
            .push((spec.name.clone(), sum.outcome(spec, causes)));
        if let Some(warning) = Concentration::of(&sum.totals).warning() {
            let warning = warning.replace(" replications", " batches of cycles");
            outcome.warnings.push(format!("{}: {warning}", spec.name));
        }
        cycles += sum.cycles;
        states = states.max(sum.states);
        outcome.events += sum.steps;
        outcome.interrupted |= sum.interrupted;
    }
    if outcome.interrupted {
        let warning = "the run was interrupted: only the cycles up to then count".to_owned();
        outcome.warnings.insert(0, warning);
    }
    outcome
        .notes
        .push("failure biasing gives the long run, whatever the horizon is".to_owned());
    outcome.method = Some(format!("failure biasing, {cycles} cycles, {states} states"));
    Ok(outcome)
}

fn play<const W: usize>(
    model: &Model<W>,
    service: usize,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<Sum, RunError> {
    let refuse = |error: NotBiased| {
        let name = &model.services()[service].name;
        RunError::Rare(format!("`{name}`: {error}"))
    };
    let new = || Biaser::new(model, service, effort.seed);
    let mut sum = Sum::new(new().map_err(refuse)?.states(), effort.confidence);
    let (wanted, most) = match effort.relative_error {
        Some(wanted) => (wanted, MAX_BATCHES.0),
        None => (USUAL_ERROR, MAX_BATCHES.1),
    };
    let mut look = FIRST_LOOK;
    loop {
        let from = sum.totals.len() as u64;
        let chunks: Vec<u64> = (from..look).step_by(CHUNK as usize).collect();
        let stop = watcher.stop();
        let played: Vec<_> = chunks
            .into_par_iter()
            .map_init(new, |biaser, first| {
                let biaser = biaser.as_mut().map_err(|error| error.clone())?;
                let batches: Result<Vec<_>, NotBiased> = (first..look.min(first + CHUNK))
                    .take_while(|_| !stop.load(Ordering::Relaxed))
                    .map(|batch| biaser.play(batch, BATCH.0, BATCH.1))
                    .collect();
                Ok((batches?, biaser.states()))
            })
            .collect();
        for chunk in played {
            let (batches, states) = chunk.map_err(refuse)?;
            sum.states = sum.states.max(states);
            sum.interrupted |= (batches.len() as u64) < CHUNK.min(look - from);
            if !sum.interrupted {
                batches
                    .iter()
                    .for_each(|(cycles, lengths)| sum.add(cycles, lengths));
            }
        }
        let done = sum.totals.len() as u64;
        let error = sum.share(&sum.down).relative_half_width();
        if sum.interrupted || error <= wanted || done >= most {
            if done == 0 {
                let none = "stopped before there was anything to tell".to_owned();
                return Err(RunError::Rare(none));
            }
            return Ok(sum);
        }
        let needed = (done as f64 * (error / wanted).powi(2) * 1.1).min(1e18) as u64;
        look = (needed
            .clamp(done + done / 4, done * 4)
            .next_multiple_of(CHUNK))
        .min(most);
    }
}

impl Sum {
    fn new(states: usize, confidence: f64) -> Sum {
        let none = Moments::new;
        Sum {
            down: none(),
            read_only: none(),
            failed: none(),
            outages: none(),
            with_outage: none(),
            length: none(),
            up_to_outage: none(),
            totals: Vec::new(),
            cause_s: Vec::new(),
            cycles: 0,
            steps: 0,
            states,
            interrupted: false,
            confidence,
        }
    }

    fn add(&mut self, cycles: &Cycles, lengths: &Lengths) {
        let (biased, unbiased) = (BATCH.0 as f64, BATCH.1 as f64);
        self.down.push(cycles.down_s / biased);
        self.read_only.push(cycles.read_only_s / biased);
        self.failed.push(cycles.failed_s / biased);
        self.outages.push(cycles.outages / biased);
        self.with_outage.push(cycles.with_outage / biased);
        self.length.push(lengths.length_s / unbiased);
        self.up_to_outage.push(lengths.up_to_outage_s / unbiased);
        self.totals.push(cycles.down_s);
        self.cause_s.resize(cycles.cause_s.len(), 0.0);
        for (sum, part) in self.cause_s.iter_mut().zip(&cycles.cause_s) {
            *sum += part;
        }
        self.cycles += BATCH.0 + BATCH.1;
        self.steps += lengths.steps;
    }

    /// A mean per biased cycle over a mean of unbiased cycles. The two are
    /// independent, so relative errors add up by their squares.
    fn ratio(&self, above: &Moments, below: &Moments, assumed: f64) -> Estimate {
        let above = rare_total(above, assumed, self.confidence);
        let below = mean(below, self.confidence);
        let estimate = above.estimate / below.estimate;
        let spread = estimate * below.relative_half_width();
        let low = (estimate - above.low / below.estimate).hypot(spread);
        let high = (above.high / below.estimate - estimate).hypot(spread);
        Estimate {
            estimate,
            low: (estimate - low).max(0.0),
            high: estimate + high,
            confidence: self.confidence,
        }
    }

    /// The share of time of a quantity in seconds per biased cycle.
    fn share(&self, seconds: &Moments) -> Estimate {
        // Where nothing was seen, a batch would bring no more than all its time.
        let assumed = self.length.mean();
        self.ratio(seconds, &self.length, assumed).clamped(0.0, 1.0)
    }

    fn outcome(&self, spec: &ServiceSpec, causes: &[String]) -> ServiceOutcome {
        let unavailability = self.share(&self.down);
        let outages_per_s = self.ratio(&self.outages, &self.length, 1.0);
        let rate = self.ratio(&self.with_outage, &self.up_to_outage, 1.0);
        let any = outages_per_s.estimate > 0.0;
        let unknown = Estimate {
            estimate: f64::NAN,
            low: 0.0,
            high: 1.0,
            confidence: self.confidence,
        };
        // Downtime over outages of the same cycles: no interval is claimed but that of
        // both parts.
        let length = |seconds: &Estimate| Estimate {
            estimate: seconds.estimate / outages_per_s.estimate,
            low: seconds.low / outages_per_s.high,
            high: seconds.high / outages_per_s.low,
            confidence: self.confidence,
        };
        ServiceOutcome {
            availability: unavailability.complement(),
            unavailability,
            request_availability: self.share(&self.failed).complement(),
            read_only: (spec.read_only.is_some()).then(|| self.share(&self.read_only)),
            downtime_s_per_year: unavailability.scaled(Nanos::SECONDS_PER_YEAR),
            outages_per_year: outages_per_s.scaled(Nanos::SECONDS_PER_YEAR),
            planned: None,
            up_at_end: unavailability.complement(),
            mttf_s: Estimate {
                estimate: 1.0 / rate.estimate,
                low: 1.0 / rate.high,
                high: 1.0 / rate.low,
                confidence: self.confidence,
            },
            mttf_assumes_constant_rate: false,
            no_outage: unknown,
            mean_outage_s: any.then(|| length(&unavailability)),
            mean_time_between_outages_s: any.then(|| length(&unavailability.complement())),
            outage_s: None,
            failover_s: None,
            attribution: sums::attribution(causes, &self.cause_s),
            nodes_down: Vec::new(),
            load: None,
            claimed: spec.claimed,
            failover_steps: Vec::new(),
            outage_steps: Vec::new(),
            year: None,
            yearly_downtime_s: Vec::new(),
            months: crate::runner::slo::Months::default(),
        }
    }
}
