//! Failure biasing: cycles of a memoryless model in which failures are made likely.
//!
//! Where every time is exponential or zero, the model is a Markov chain, and between
//! two visits of the state in which it begins it forgets everything. The long-run
//! share of downtime is the mean downtime of such a cycle over its mean length
//! (renewal theory). Downtime is summed over cycles in which, in every state, one
//! of two steps is a failure and all failures are as likely as each other (balanced
//! failure biasing, Shahabuddin 1994), each cycle with its likelihood ratio; once the
//! service is down, nothing is biased any more. The length is summed over other
//! cycles, which are not biased at all (Goyal et al. 1992). In place of the random
//! time in a state stands its mean.
//!
//! A failure is what can happen in the state in which the model begins; all else is
//! a repair. States and their steps are listed as they are met, so that a step is a
//! look into a table.

use super::chance::Chance;
use crate::automaton::{Nanos, Timer};
use crate::engine::branch::{Brancher, Overflow, Situation, Wait, Waiting};
use crate::model::Model;
use crate::model::measure::{Condition, Reading};
use std::collections::HashMap;
use std::sync::Arc;

/// The part of all steps that are failures, where repairs are possible too.
const FAILURES: f64 = 0.5;
/// States that are listed at most.
const MAX_STATES: usize = 1_000_000;
/// Steps of a cycle at most.
const MAX_STEPS: u64 = 10_000_000;
/// Things that may happen at one instant, one after the other.
const MAX_AT_ONCE: usize = 10_000;

/// Why failure biasing does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBiased {
    /// Not a Markov chain.
    #[error(
        "failure biasing needs times that are exponential or zero, and {0} is not. \
         Use --method splitting, which takes any distribution"
    )]
    NotMarkov(String),
    /// Chance decides how it begins.
    #[error(
        "failure biasing needs one state to which everything returns, but this scenario begins in \
         several. Use --method splitting"
    )]
    NoRegeneration,
    /// A cycle does not end.
    #[error(
        "failure biasing needs a state to which everything returns, but after {MAX_STEPS} steps \
         the scenario is not back in the state in which it began. Use --method splitting, or give \
         every failure a repair"
    )]
    NoReturn,
    /// Down from the start.
    #[error("the service is down in the state in which the scenario begins; use --engine simulate")]
    DownAtStart,
    /// Nothing can happen.
    #[error("nothing can fail in the state in which the scenario begins")]
    NothingFails,
    /// Too large.
    #[error(
        "failure biasing came through more than {MAX_STATES} states. Use --method splitting, \
         which lists none"
    )]
    TooManyStates,
    /// A step cannot be listed.
    #[error("{0}")]
    Overflow(#[from] Overflow),
}

/// One step that may come next.
#[derive(Clone, Copy)]
struct Way {
    to: u32,
    probability: f64,
    /// Under failure biasing.
    biased: f64,
}

/// What is known of a state.
struct Row {
    /// Mean seconds in it.
    sojourn_s: f64,
    ways: Vec<Way>,
    reading: Reading,
    cause: usize,
}

/// One cycle, or the sum of several: everything about one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cycles {
    /// Biased cycles.
    pub cycles: u64,
    /// Seconds down, weighted with likelihood ratios; likewise the next four.
    pub down_s: f64,
    /// Seconds in which it could only be read.
    pub read_only_s: f64,
    /// Seconds of failed requests, where they come evenly.
    pub failed_s: f64,
    /// Outages.
    pub outages: f64,
    /// Cycles with an outage.
    pub with_outage: f64,
    /// Seconds down by cause.
    pub cause_s: Vec<f64>,
}

/// Lengths of cycles that were not biased, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lengths {
    /// The whole.
    pub length_s: f64,
    /// Up to the first outage, or to the end.
    pub up_to_outage_s: f64,
    /// Steps of the cycles.
    pub steps: u64,
}

/// Plays cycles of one model and one service.
pub struct Biaser<'m, const W: usize> {
    brancher: Brancher<'m, W>,
    service: usize,
    chance: Chance,
    seed: u64,
    numbers: HashMap<Arc<Situation<W>>, u32>,
    situations: Vec<Arc<Situation<W>>>,
    rows: Vec<Option<Row>>,
    /// What can happen in the first state: timers and the numbers of their fits.
    failures: Vec<(Timer, u32)>,
    fits_checked: usize,
}

impl<'m, const W: usize> Biaser<'m, W> {
    /// Prepares a service of a model, or says why it cannot be biased.
    pub fn new(model: &'m Model<W>, service: usize, seed: u64) -> Result<Self, NotBiased> {
        let distributions = model.blueprint().distributions();
        let waiting = Waiting::timed(distributions, Nanos::ZERO, 1, 1);
        let mut biaser = Biaser {
            brancher: Brancher::new(model, waiting, 0),
            service,
            chance: Chance::new(&[]),
            seed,
            numbers: HashMap::new(),
            situations: Vec::new(),
            rows: Vec::new(),
            failures: Vec::new(),
            fits_checked: 0,
        };
        let mut first: Vec<(Situation<W>, f64)> = Vec::new();
        for successor in biaser.brancher.begin()? {
            biaser.pass_instants(successor.situation, successor.probability, &mut first)?;
        }
        let [(start, _)] = &first[..] else {
            return Err(NotBiased::NoRegeneration);
        };
        biaser.failures = stages(start).map(|(timer, fit, _)| (timer, fit)).collect();
        biaser.number(start.clone())?;
        biaser.expand(0)?;
        let row = biaser.row(0);
        if row.reading.condition >= Condition::ReadOnly {
            return Err(NotBiased::DownAtStart);
        }
        if row.ways.is_empty() {
            return Err(NotBiased::NothingFails);
        }
        Ok(biaser)
    }

    /// States that have been listed so far.
    pub fn states(&self) -> usize {
        self.situations.len()
    }

    /// Plays so many cycles of each kind; the same number gives the same result.
    pub fn play(
        &mut self,
        batch: u64,
        biased: u64,
        unbiased: u64,
    ) -> Result<(Cycles, Lengths), NotBiased> {
        self.chance.seed(self.seed, batch);
        let causes = self.brancher.model().services()[self.service]
            .blame
            .causes();
        let mut cycles = Cycles {
            cycles: biased,
            cause_s: vec![0.0; causes.len()],
            ..Cycles::default()
        };
        let mut lengths = Lengths::default();
        for _ in 0..biased {
            lengths.steps += self.biased_cycle(&mut cycles)?;
        }
        for _ in 0..unbiased {
            self.unbiased_cycle(&mut lengths)?;
        }
        Ok((cycles, lengths))
    }

    fn biased_cycle(&mut self, sums: &mut Cycles) -> Result<u64, NotBiased> {
        let mut at = 0;
        let mut weight = 1.0;
        let (mut biased, mut was_down) = (true, false);
        for step in 0..MAX_STEPS {
            let u = self.chance.uniform();
            let row = self.row(at);
            let down = row.reading.condition >= Condition::ReadOnly;
            if row.reading.condition != Condition::Up {
                let seconds = weight * row.sojourn_s;
                sums.failed_s += (1.0 - row.reading.success) * seconds;
                if down {
                    sums.down_s += seconds;
                    sums.cause_s[row.cause] += seconds;
                    if row.reading.condition == Condition::ReadOnly {
                        sums.read_only_s += seconds;
                    }
                }
            }
            if down && !was_down {
                sums.outages += weight;
                if biased {
                    sums.with_outage += weight;
                }
                biased = false;
            }
            was_down = down;
            let way = if biased {
                let way = pick(&row.ways, u, |way| way.biased);
                weight *= way.probability / way.biased;
                way
            } else {
                pick(&row.ways, u, |way| way.probability)
            };
            at = way.to;
            self.expand(at)?;
            if at == 0 {
                return Ok(step + 1);
            }
        }
        Err(NotBiased::NoReturn)
    }

    fn unbiased_cycle(&mut self, sums: &mut Lengths) -> Result<(), NotBiased> {
        let mut at = 0;
        let mut up = true;
        for _ in 0..MAX_STEPS {
            let u = self.chance.uniform();
            let row = self.row(at);
            up &= row.reading.condition < Condition::ReadOnly;
            sums.length_s += row.sojourn_s;
            if up {
                sums.up_to_outage_s += row.sojourn_s;
            }
            sums.steps += 1;
            at = pick(&row.ways, u, |way| way.probability).to;
            self.expand(at)?;
            if at == 0 {
                return Ok(());
            }
        }
        Err(NotBiased::NoReturn)
    }

    fn row(&self, state: u32) -> &Row {
        (self.rows[state as usize].as_ref()).expect("a state is expanded before it is read")
    }

    fn number(&mut self, situation: Situation<W>) -> Result<u32, NotBiased> {
        if let Some(number) = self.numbers.get(&situation) {
            return Ok(*number);
        }
        if self.situations.len() >= MAX_STATES {
            return Err(NotBiased::TooManyStates);
        }
        let number = self.situations.len() as u32;
        let situation = Arc::new(situation);
        self.numbers.insert(situation.clone(), number);
        self.situations.push(situation);
        self.rows.push(None);
        Ok(number)
    }

    /// Finds the steps out of a state, where that has not been done.
    #[inline]
    fn expand(&mut self, state: u32) -> Result<(), NotBiased> {
        match self.rows[state as usize] {
            Some(_) => Ok(()),
            None => self.expand_now(state),
        }
    }

    #[cold]
    fn expand_now(&mut self, state: u32) -> Result<(), NotBiased> {
        let situation = self.situations[state as usize].clone();
        let mut total = 0.0;
        let mut ways: Vec<(u32, bool, f64)> = Vec::new();
        let running: Vec<(Timer, u32, f64)> = stages(&situation)
            .map(|(timer, fit, stage)| {
                let stages = &self.brancher.waiting().fit(fit).phases.stages;
                (timer, fit, stages[usize::from(stage)].rate_per_s)
            })
            .collect();
        for (timer, fit, rate_per_s) in running {
            let pending = situation.pending.iter().find(|p| p.timer == timer);
            let rate = rate_per_s * pending.map_or(1.0, |pending| pending.pace());
            if rate == 0.0 {
                continue;
            }
            total += rate;
            let failure = self.failures.contains(&(timer, fit));
            let mut next = Vec::new();
            for successor in (self.brancher).end_stage(&situation, timer, Nanos::ZERO)? {
                self.pass_instants(successor.situation, successor.probability, &mut next)?;
            }
            for (situation, probability) in next {
                let to = self.number(situation)?;
                let known = (ways.iter_mut()).find(|(t, f, _)| (*t, *f) == (to, failure));
                match known {
                    Some((_, _, sum)) => *sum += rate * probability,
                    None => ways.push((to, failure, rate * probability)),
                }
            }
        }
        let model = self.brancher.model();
        let service = &model.services()[self.service];
        let reading = service.read(&situation.state);
        let down = reading.condition >= Condition::ReadOnly;
        self.rows[state as usize] = Some(Row {
            sojourn_s: 1.0 / total,
            ways: bias(&ways, total),
            reading,
            cause: if down {
                service.blame.cause(&situation.state)
            } else {
                0
            },
        });
        if total == 0.0 {
            return Err(NotBiased::NoReturn);
        }
        Ok(())
    }

    /// Follows what happens at the same instant, and adds the states in which time
    /// passes.
    fn pass_instants(
        &mut self,
        from: Situation<W>,
        probability: f64,
        found: &mut Vec<(Situation<W>, f64)>,
    ) -> Result<(), NotBiased> {
        let mut open = vec![(from, probability)];
        for _ in 0..MAX_AT_ONCE {
            let Some((situation, probability)) = open.pop() else {
                return self.check_fits();
            };
            match situation.next_clock() {
                None => match found.iter_mut().find(|(known, _)| *known == situation) {
                    Some((_, sum)) => *sum += probability,
                    None => found.push((situation, probability)),
                },
                Some((Nanos::ZERO, _)) => {
                    for next in self.brancher.run_clock(&situation)? {
                        open.push((next.situation, probability * next.probability));
                    }
                }
                Some((left, pending)) => {
                    let name = self.timer_name(pending.timer);
                    return Err(NotBiased::NotMarkov(format!("`{name}` ({left})")));
                }
            }
        }
        Err(NotBiased::NoReturn)
    }

    fn timer_name(&self, timer: Timer) -> &str {
        &self.brancher.model().blueprint().timer_info(timer).name
    }

    /// Refuses times that only other distributions stand for.
    fn check_fits(&mut self) -> Result<(), NotBiased> {
        let fits = self.brancher.waiting().fits();
        if let Some(fit) = fits[self.fits_checked..].iter().find(|fit| !fit.exact) {
            return Err(NotBiased::NotMarkov(fit.of.clone()));
        }
        self.fits_checked = fits.len();
        Ok(())
    }
}

/// The stages that run in a situation: timer, fit, stage.
fn stages<const W: usize>(situation: &Situation<W>) -> impl Iterator<Item = (Timer, u32, u16)> {
    (situation.pending.iter()).filter_map(|pending| match pending.wait {
        Wait::Stage(fit, stage) => Some((pending.timer, fit, stage)),
        _ => None,
    })
}

/// The steps with the probabilities that they have, and those that they get.
fn bias(ways: &[(u32, bool, f64)], total: f64) -> Vec<Way> {
    let failures = ways.iter().filter(|(_, failure, _)| *failure).count() as f64;
    let repairs: f64 = (ways.iter().filter(|(_, failure, _)| !failure))
        .map(|(_, _, rate)| rate)
        .sum();
    let for_failures = match (failures > 0.0, repairs > 0.0) {
        (true, true) => FAILURES,
        (true, false) => 1.0,
        (false, _) => 0.0,
    };
    (ways.iter())
        .map(|&(to, failure, rate)| Way {
            to,
            probability: rate / total,
            biased: if failure {
                for_failures / failures
            } else {
                (1.0 - for_failures) * rate / repairs
            },
        })
        .collect()
}

/// The step that a uniform number falls on.
#[inline]
fn pick(ways: &[Way], u: f64, share: impl Fn(&Way) -> f64) -> Way {
    let mut left = u;
    for way in ways {
        left -= share(way);
        if left < 0.0 {
            return *way;
        }
    }
    *ways.last().expect("a state with a way out")
}
