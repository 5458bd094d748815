//! Lists the situations of a model, and makes a chain of them.

use super::chain::{Chain, Look};
use crate::automaton::{Nanos, Timer};
use crate::engine::branch::hash::BuildWordHasher;
use crate::engine::branch::{Brancher, Overflow, Situation, Wait, Waiting};
use crate::engine::solve::stationary;
use crate::model::Model;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Situations of the pilot that finds out how fast things come by chance.
const PILOT_STATES: usize = 500;
/// What the list may cost, and how fine it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Situations at most.
    pub states: usize,
    /// A reaction is a clock if its mean is at most this part of the shortest mean of
    /// anything that comes by chance.
    pub short: f64,
    /// Points that stand for a uniform phase.
    pub points: usize,
    /// Stages at most that stand for one delay.
    pub stages: usize,
    /// A stage that would interrupt a clock with less than this probability, seen from
    /// the start along the likeliest way to it or to its like with other nodes, waits
    /// for the clock instead.
    pub patience: f64,
    /// Give up as soon as the chain is no longer the model itself.
    pub exact: bool,
    /// The answer will stand beside those of other engines: it is the mean over the
    /// asked horizon wherever that can be computed, even where the long run is nearly
    /// the same, and approximations are always looked at twice.
    pub compared: bool,
    /// Tell how the downtime of single years is spread, which takes a hundred times as
    /// long as the means of a small chain.
    pub years: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            states: 1_000_000,
            short: 0.02,
            points: 2,
            stages: 16,
            patience: 1e-9,
            exact: false,
            compared: false,
            years: false,
        }
    }
}

/// Why there is no chain.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A step cannot be listed.
    #[error("{0}")]
    Overflow(#[from] Overflow),
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
    /// An exact chain was asked for, and there is none.
    #[error("{0}")]
    Inexact(String),
}

/// Lists situations, the likely ones first, and stops at the limit: what lies beyond
/// it becomes one state, which [`Chain::beyond`] names.
pub fn generate<const W: usize>(
    model: &Model<W>,
    limits: &Limits,
    stop: &AtomicBool,
) -> Result<Chain, GenerateError> {
    let distributions = model.blueprint().distributions();
    let pilot = Waiting::timed(distributions, Nanos::ZERO, 1, 1);
    let mut pilot = Generator::new(Brancher::new(model, pilot, 0), 0.0, stop);
    pilot.list(PILOT_STATES)?;
    let short = Nanos::from_seconds(limits.short * pilot.brancher.shortest_chance_s());
    let waiting = Waiting::timed(distributions, short, limits.points, limits.stages);
    let mut generator = Generator::new(Brancher::new(model, waiting, 1), limits.patience, stop);
    generator.exact = limits.exact;
    generator.list(limits.states)?;
    Ok(generator.finish())
}

/// A state that waits to be looked at, by how likely the way to it is.
#[derive(PartialEq)]
struct Waits {
    weight: f64,
    state: u32,
}

impl Eq for Waits {}

impl PartialOrd for Waits {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waits {
    /// The likelier one first; of equal ones the one that was found first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.weight
            .total_cmp(&other.weight)
            .then(other.state.cmp(&self.state))
    }
}

/// The steps that leave a state and the mean time in it.
struct Row {
    sojourn_s: f64,
    /// Is it a clock that mostly ends the stay?
    is_clock: bool,
    next: Vec<(u32, f64)>,
}

struct Generator<'m, 's, const W: usize> {
    brancher: Brancher<'m, W>,
    numbers: HashMap<Arc<Situation<W>>, u32, BuildWordHasher>,
    situations: Vec<Arc<Situation<W>>>,
    /// The probability of the likeliest way to each state.
    weights: Vec<f64>,
    /// The kind of each state: states that differ only in who is who are of one kind.
    kinds: Vec<u32>,
    kind_numbers: HashMap<u64, u32, BuildWordHasher>,
    /// The largest weight of each kind. States are looked at in the order of their
    /// weights, so it is settled before the first one of a kind is.
    kind_weights: Vec<f64>,
    rows: Vec<Option<Row>>,
    open: BinaryHeap<Waits>,
    start: Vec<(u32, f64)>,
    interrupted_clocks: bool,
    patience: f64,
    /// Refuse whatever is an approximation.
    exact: bool,
    /// States whose stages wait for a clock.
    patient: Vec<bool>,
    stop: &'s AtomicBool,
}

impl<'m, 's, const W: usize> Generator<'m, 's, W> {
    fn new(brancher: Brancher<'m, W>, patience: f64, stop: &'s AtomicBool) -> Self {
        Generator {
            brancher,
            numbers: HashMap::default(),
            situations: Vec::new(),
            weights: Vec::new(),
            kinds: Vec::new(),
            kind_numbers: HashMap::default(),
            kind_weights: Vec::new(),
            rows: Vec::new(),
            open: BinaryHeap::new(),
            start: Vec::new(),
            interrupted_clocks: false,
            patience,
            exact: false,
            patient: Vec::new(),
            stop,
        }
    }

    fn list(&mut self, limit: usize) -> Result<(), GenerateError> {
        for successor in self.brancher.begin()? {
            let state = self.number(successor.situation, successor.probability);
            self.start.push((state, successor.probability));
        }
        loop {
            self.list_open(limit)?;
            if self.situations.len() >= limit || !self.end_endless_patience() {
                return Ok(());
            }
        }
    }

    fn list_open(&mut self, limit: usize) -> Result<(), GenerateError> {
        while let Some(Waits { state, weight }) = self.open.pop() {
            let done = self.rows[state as usize].is_some();
            // A likelier way was found after this note was written; its own note came first.
            if done || weight < self.weights[state as usize] {
                continue;
            }
            if self.situations.len() >= limit {
                return Ok(());
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(GenerateError::Interrupted);
            }
            let row = self.expand(state)?;
            self.rows[state as usize] = Some(row);
            if self.exact
                && let Some(reason) = self.reasons().into_iter().next()
            {
                return Err(GenerateError::Inexact(reason));
            }
        }
        Ok(())
    }

    /// Clocks that go round for ever would keep a stage waiting for ever: such states
    /// are looked at again, without patience. Were there any?
    fn end_endless_patience(&mut self) -> bool {
        let rows: Vec<Vec<(u32, f64)>> = self
            .rows
            .iter()
            .zip(&self.patient)
            .map(|(row, patient)| match row {
                Some(row) if *patient => row.next.clone(),
                _ => Vec::new(),
            })
            .collect();
        let mut any = false;
        for state in stationary::states_on_cycles(&rows) {
            self.patient[state as usize] = false;
            self.weigh(state, 1.0);
            self.rows[state as usize] = None;
            self.open.push(Waits { weight: 1.0, state });
            any = true;
        }
        any
    }

    fn number(&mut self, situation: Situation<W>, weight: f64) -> u32 {
        if let Some(&state) = self.numbers.get(&situation) {
            if weight > self.weights[state as usize] {
                self.weigh(state, weight);
                if self.rows[state as usize].is_none() {
                    self.open.push(Waits { weight, state });
                }
            }
            return state;
        }
        let state = self.situations.len() as u32;
        let next_kind = self.kind_weights.len() as u32;
        let kind = *(self.kind_numbers.entry(situation.kind())).or_insert(next_kind);
        if kind == next_kind {
            self.kind_weights.push(0.0);
        }
        let situation = Arc::new(situation);
        self.numbers.insert(situation.clone(), state);
        self.situations.push(situation);
        self.weights.push(weight);
        self.kinds.push(kind);
        self.weigh(state, weight);
        self.rows.push(None);
        self.patient.push(false);
        self.open.push(Waits { weight, state });
        state
    }

    /// A likelier way to a state.
    fn weigh(&mut self, state: u32, weight: f64) {
        self.weights[state as usize] = weight;
        let of_kind = &mut self.kind_weights[self.kinds[state as usize] as usize];
        *of_kind = of_kind.max(weight);
    }

    fn weight_of_kind(&self, state: u32) -> f64 {
        self.kind_weights[self.kinds[state as usize] as usize]
    }

    /// The stages that can end, with their rates per second.
    fn rates(&self, situation: &Situation<W>) -> Vec<(Timer, f64)> {
        let fits = self.brancher.waiting();
        situation
            .pending
            .iter()
            .filter_map(|pending| match pending.wait {
                Wait::Stage(fit, stage) => {
                    let stage = fits.fit(fit).phases.stages[usize::from(stage)];
                    Some((pending.timer, stage.rate_per_s * pending.pace()))
                }
                _ => None,
            })
            .filter(|(_, rate)| *rate > 0.0)
            .collect()
    }

    fn expand(&mut self, state: u32) -> Result<Row, GenerateError> {
        let situation = self.situations[state as usize].clone();
        let clock = situation.next_clock().map(|(left, _)| left);
        let mut rates = if clock == Some(Nanos::ZERO) {
            Vec::new()
        } else {
            self.rates(&situation)
        };
        let mut total: f64 = rates.iter().map(|(_, rate)| rate).sum();
        if let Some(left) = clock
            && self.weight_of_kind(state) * total * left.seconds() < self.patience
        {
            self.patient[state as usize] = !rates.is_empty();
            rates.clear();
            total = 0.0;
        }
        let race = Race::new(total, clock.map(Nanos::seconds));
        let mut next: Vec<(u32, f64)> = Vec::new();
        if clock.is_some() {
            for successor in self.brancher.run_clock(&situation)? {
                let probability = race.clock_first * successor.probability;
                self.step_to(successor.situation, probability, state, &mut next);
            }
            self.interrupted_clocks |= !rates.is_empty();
        }
        for (timer, rate) in rates {
            let share = race.stage_first * rate / total;
            for successor in self.brancher.end_stage(&situation, timer, race.passed)? {
                let probability = share * successor.probability;
                self.step_to(successor.situation, probability, state, &mut next);
            }
        }
        let mut row = Row::leaving(state, race.sojourn_s, next);
        row.is_clock = race.clock_first > 0.5;
        Ok(row)
    }

    fn step_to(
        &mut self,
        situation: Situation<W>,
        probability: f64,
        from: u32,
        next: &mut Vec<(u32, f64)>,
    ) {
        if probability == 0.0 {
            return;
        }
        let weight = self.weights[from as usize] * probability;
        let to = self.number(situation, weight);
        match next.iter_mut().find(|(known, _)| *known == to) {
            Some((_, sum)) => *sum += probability,
            None => next.push((to, probability)),
        }
    }

    /// Why the chain is not the model itself, as far as it has been listed.
    fn reasons(&self) -> Vec<String> {
        reasons(self.brancher.waiting(), self.interrupted_clocks)
    }

    /// The chain of what has been listed.
    fn finish(self) -> Chain {
        let model = self.brancher.model();
        let approximations = self.reasons();
        let open = self.rows.iter().any(Option::is_none);
        let mut chain = Chain {
            start: self.start,
            services: model.services().len(),
            tallies: model.tallies().len(),
            beyond: open.then_some(self.situations.len() as u32),
            ..Chain::default()
        };
        let home = chain.start.clone();
        for (row, situation) in self.rows.into_iter().zip(&self.situations) {
            for service in model.services() {
                let reading = service.read(&situation.state);
                let mut look = Look {
                    condition: reading.condition,
                    success: reading.success,
                    cause: 0,
                };
                if look.is_down() {
                    look.cause = service.blame.cause(&situation.state) as u16;
                }
                chain.looks.push(look);
            }
            let tallies = model.tallies().iter();
            chain
                .levels
                .extend(tallies.map(|tally| tally.of.value(&situation.state) as u32));
            match row {
                Some(row) => {
                    chain.push_row(row.sojourn_s, row.next);
                    chain.clocks[chain.sojourn_s.len() - 1] = row.is_clock;
                }
                // Not looked at: at once into what lies beyond.
                None => chain.push_row(0.0, chain.beyond.map(|beyond| (beyond, 1.0))),
            }
        }
        if chain.beyond.is_some() {
            // What lies beyond lasts as long as the slowest repair, and ends at the start.
            let first = chain.looks[..chain.services].to_vec();
            chain.looks.extend(first);
            let first = chain.levels[..chain.tallies].to_vec();
            chain.levels.extend(first);
            chain.push_row(model.slowest_repair().seconds().max(1.0), home);
        }
        chain.approximations = approximations;
        chain
    }
}

impl Row {
    /// A row without the step of a state to itself: what would be repeated is waited for.
    fn leaving(state: u32, sojourn_s: f64, mut next: Vec<(u32, f64)>) -> Row {
        let stays = next.iter().position(|(to, _)| *to == state);
        let Some(place) = stays else {
            return Row {
                sojourn_s,
                is_clock: false,
                next,
            };
        };
        next.remove(place);
        let leaves: f64 = next.iter().map(|(_, p)| p).sum();
        for (_, probability) in &mut next {
            *probability /= leaves;
        }
        let sojourn_s = if next.is_empty() {
            f64::INFINITY
        } else {
            sojourn_s / leaves
        };
        Row {
            sojourn_s,
            is_clock: false,
            next,
        }
    }
}

/// Who comes first: the clock, or one of the stages?
struct Race {
    clock_first: f64,
    stage_first: f64,
    /// Mean time in the state.
    sojourn_s: f64,
    /// Mean time that has passed where a stage comes first.
    passed: Nanos,
}

impl Race {
    fn new(total_rate: f64, clock_s: Option<f64>) -> Race {
        let Some(clock_s) = clock_s else {
            return Race {
                clock_first: 0.0,
                stage_first: 1.0,
                sojourn_s: 1.0 / total_rate,
                passed: Nanos::ZERO,
            };
        };
        if total_rate == 0.0 {
            return Race {
                clock_first: 1.0,
                stage_first: 0.0,
                sojourn_s: clock_s,
                passed: Nanos::ZERO,
            };
        }
        let x = total_rate * clock_s;
        let stage_first = -(-x).exp_m1();
        let (sojourn_s, passed_s) = if x < 1e-4 {
            // The first terms of the series: the quotients below would cancel.
            (
                clock_s * (1.0 - x / 2.0 + x * x / 6.0),
                clock_s * (0.5 - x / 12.0),
            )
        } else {
            (
                stage_first / total_rate,
                1.0 / total_rate - clock_s * (1.0 - stage_first) / stage_first,
            )
        };
        Race {
            clock_first: (-x).exp(),
            stage_first,
            sojourn_s,
            passed: Nanos::from_seconds(passed_s),
        }
    }
}

/// Why the chain is not the model itself.
fn reasons(waiting: &Waiting, interrupted_clocks: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    if interrupted_clocks {
        reasons.push(
            "a time-out that something interrupts keeps only the mean of what it had left, and a \
             uniform phase is a few points"
                .to_owned(),
        );
    }
    for fit in waiting.fits().iter().filter(|fit| !fit.exact) {
        reasons.push(format!(
            "{} is taken as {} exponential stages with the same first moments",
            fit.of,
            fit.phases.stages.len()
        ));
    }
    reasons
}
