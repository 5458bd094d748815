//! Runs the reader `solve`: for each service the chain of what it depends on.

use super::outcome::{
    CauseShare, RunOutcome, SCHEMA, ServiceOutcome, TallyLevel, TallyMean, YearOutcome,
};
use super::{Effort, RunError, Watcher, year};
use crate::automaton::Nanos;
use crate::engine::solve::measures::{self, ServiceAnswer, Shares, TallyAnswer};
use crate::engine::solve::merge::merged;
use crate::engine::solve::transient::{self, Span};
use crate::engine::solve::{Chain, GenerateError, Limits, generate, stationary};
use crate::estimate::Estimate;
use crate::model::{Model, build};
use crate::scenario::{Files, Scenario, ServiceSpec};
use std::collections::BTreeMap;

/// Where mean over the horizon and long run differ by more than this part, the start
/// matters, and the mean over the horizon is what is asked for.
const START_MATTERS: f64 = 0.01;
/// Chains that are approximate are solved a second time, coarser, up to this size:
/// the difference tells how much the approximation matters.
const SECOND_LOOK_STATES: usize = 100_000;
/// An answer whose bounds are further apart than this part is none.
const USELESS: f64 = 0.5;

/// Solves a scenario. Every number is exact, or its interval tells how far the
/// approximations that the notes name can be off.
pub fn run(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    limits: &Limits,
    watcher: &dyn Watcher,
) -> Result<RunOutcome, RunError> {
    match build::words(scenario) {
        1 => Solver::<1>::new(scenario, files, effort, limits, watcher)?.run(),
        _ => Solver::<16>::new(scenario, files, effort, limits, watcher)?.run(),
    }
}

/// What a simulation of this scenario would tell and its chain does not, if there is
/// anything.
pub fn leaves_out(scenario: &Scenario) -> Option<&'static str> {
    let demands = scenario.services.iter().any(|s| s.demand.is_some());
    match () {
        () if demands => Some("how busy nodes are"),
        () if !scenario.maintenances.is_empty() => Some("planned and unplanned downtime apart"),
        () => None,
    }
}

struct Solver<'a, const W: usize> {
    scenario: &'a Scenario,
    files: &'a dyn Files,
    effort: &'a Effort,
    limits: &'a Limits,
    watcher: &'a dyn Watcher,
    whole: Model<W>,
}

/// By how much, relatively, an answer changes with a coarser chain: the time down, and
/// the number of outages, which depends more on the order of small things.
#[derive(Clone, Copy, Debug, Default)]
struct Doubt {
    down: f64,
    outages: f64,
}

/// What one chain has to say, and how it was made.
struct Solved {
    services: Vec<(usize, ServiceAnswer)>,
    /// Single years of each service, by its number.
    years: BTreeMap<usize, YearOutcome>,
    tallies: Vec<(usize, TallyAnswer)>,
    /// States that were listed.
    states: usize,
    /// What was left of them when equal ones were one.
    merged: usize,
    approximations: Vec<String>,
    /// Relative error of the arithmetic, and of tallies what approximations leave open.
    error: f64,
    /// What approximations leave open of each service, by its number.
    doubts: BTreeMap<usize, Doubt>,
    method: &'static str,
    beyond: bool,
}

impl<'a, const W: usize> Solver<'a, W> {
    fn new(
        scenario: &'a Scenario,
        files: &'a dyn Files,
        effort: &'a Effort,
        limits: &'a Limits,
        watcher: &'a dyn Watcher,
    ) -> Result<Self, RunError> {
        Ok(Solver {
            scenario,
            files,
            effort,
            limits,
            watcher,
            whole: build::model(scenario, files).map_err(RunError::Scenario)?,
        })
    }

    fn run(&self) -> Result<RunOutcome, RunError> {
        let groups = self.groups();
        let mut solved = Vec::new();
        let mut refused = Vec::new();
        for (index, (needed, measures)) in groups.iter().enumerate() {
            self.watcher.progress(index as u64, groups.len() as u64);
            match self.solve(*needed, measures) {
                Ok(part) => solved.push(part),
                // Beside other engines, what can be solved is worth having.
                Err(RunError::Solve(reason)) if self.limits.compared => {
                    refused.push(self.refusal(measures, &reason));
                }
                Err(error) => return Err(error),
            }
        }
        self.watcher
            .progress(groups.len() as u64, groups.len() as u64);
        if solved.is_empty() && !refused.is_empty() {
            return Err(RunError::Solve(refused.join("; ")));
        }
        let mut outcome = self.outcome(&solved);
        outcome.notes.splice(0..0, refused);
        Ok(outcome)
    }

    /// Why there is no answer for some measures, in a sentence.
    fn refusal(&self, measures: &[usize], reason: &str) -> String {
        let services = self.whole.services();
        let names: Vec<&str> = measures
            .iter()
            .map(|measure| match measure.checked_sub(services.len()) {
                None => services[*measure].name.as_str(),
                Some(tally) => self.whole.tallies()[tally].name.as_str(),
            })
            .collect();
        let first = reason.lines().next().unwrap_or_default();
        format!(
            "no answer for {}: {}",
            names.join(", "),
            first.trim_end_matches('.')
        )
    }

    /// Measures that depend on the same automata share a chain.
    fn groups(&self) -> Vec<(u128, Vec<usize>)> {
        let count = self.whole.services().len() + self.whole.tallies().len();
        let mut groups: Vec<(u128, Vec<usize>)> = Vec::new();
        for measure in 0..count {
            let needed = self.whole.needed_by(measure);
            match groups.iter_mut().find(|(known, _)| *known == needed) {
                Some((_, measures)) => measures.push(measure),
                None => groups.push((needed, vec![measure])),
            }
        }
        groups
    }

    fn solve(&self, needed: u128, measures: &[usize]) -> Result<Solved, RunError> {
        let mut solved = self.solve_once(needed, measures)?;
        let look_again = solved.states <= SECOND_LOOK_STATES || self.limits.compared;
        if solved.approximations.is_empty() || !look_again {
            return Ok(solved);
        }
        let coarser = Limits {
            points: (self.limits.points - 1).max(1),
            stages: (self.limits.stages / 2).max(1),
            patience: 10.0 * self.limits.patience,
            ..*self.limits
        };
        self.doubt(needed, &coarser, &mut solved)?;
        Ok(solved)
    }

    /// Compares answers in the long run with those of a coarser chain.
    fn doubt(&self, needed: u128, coarser: &Limits, solved: &mut Solved) -> Result<(), RunError> {
        let (model, chain) = self.chain(needed, coarser)?;
        let chain = merged(chain);
        let run = stationary::long_run(&chain);
        for (service, fine) in &solved.services {
            let causes = model.services()[*service].blame.causes().len();
            let coarse = measures::steady(&chain, &run, *service, causes);
            let outages = [fine.steady.outages_per_s, coarse.outages_per_s];
            let doubt = Doubt {
                down: relative_difference(fine.steady.down, coarse.down),
                outages: relative_difference(outages[0], outages[1]),
            };
            solved.doubts.insert(*service, doubt);
        }
        for (tally, fine) in &solved.tallies {
            let limit = model.tallies()[*tally].limit;
            let coarse = measures::tally(&chain, &run, None, *tally, limit);
            for (a, b) in fine.steady.iter().zip(&coarse.steady) {
                solved.error = solved.error.max(relative_difference(*a, *b));
            }
        }
        Ok(())
    }

    /// The chain of what some measures need, within limits.
    fn chain(&self, needed: u128, limits: &Limits) -> Result<(Model<W>, Chain), RunError> {
        let model: Model<W> = build::model(self.scenario, self.files)
            .map_err(RunError::Scenario)?
            .restricted_to(needed);
        let chain = generate(&model, limits, self.watcher.stop()).map_err(|error| match error {
            GenerateError::Interrupted => RunError::Solve(
                "stopped before the list of states was complete: there is no partial answer"
                    .to_owned(),
            ),
            GenerateError::Overflow(overflow) => RunError::Solve(overflow.to_string()),
            GenerateError::Inexact(reason) => RunError::Solve(reason),
        })?;
        if limits.exact && chain.beyond.is_some() {
            return Err(RunError::Solve(format!(
                "there are more than {} states",
                limits.states
            )));
        }
        Ok((model, chain))
    }

    /// The chain of what some measures need, and its answers: in the long run, and from
    /// the start to the horizon.
    fn solve_once(&self, needed: u128, measures: &[usize]) -> Result<Solved, RunError> {
        let (model, chain) = self.chain(needed, self.limits)?;
        let listed = chain.len();
        let chain = merged(chain);
        let run = stationary::long_run(&chain);
        let (warm_up, horizon) = (self.effort.warm_up, self.effort.horizon);
        let span = transient::span(&chain, &run, warm_up.seconds(), horizon.seconds());
        let mut solved = Solved {
            services: Vec::new(),
            years: BTreeMap::new(),
            tallies: Vec::new(),
            states: listed,
            merged: chain.len(),
            approximations: chain.approximations.clone(),
            error: run.error,
            doubts: BTreeMap::new(),
            method: run.method,
            beyond: chain.beyond.is_some(),
        };
        for measure in measures {
            self.read(&model, &chain, &run, span.as_ref(), *measure, &mut solved);
        }
        self.check_bounds(&model, needed, &solved)?;
        Ok(solved)
    }

    fn read(
        &self,
        model: &Model<W>,
        chain: &Chain,
        run: &stationary::LongRun,
        span: Option<&Span>,
        measure: usize,
        solved: &mut Solved,
    ) {
        match measure.checked_sub(model.services().len()) {
            None => {
                let causes = model.services()[measure].blame.causes().len();
                let total = self.effort.warm_up + self.effort.horizon;
                let answer = measures::service(chain, run, span, measure, causes, total.seconds());
                solved.services.push((measure, answer));
                let asked = self.limits.years.then_some(());
                let year = asked.and_then(|()| year::solved(chain, run, self.effort, measure));
                solved.years.extend(year.map(|year| (measure, year)));
            }
            Some(tally) => {
                let limit = model.tallies()[tally].limit;
                let answer = measures::tally(chain, run, span, tally, limit);
                solved.tallies.push((tally, answer));
            }
        }
    }

    /// Refuses an answer that was cut off too early to mean anything.
    fn check_bounds(
        &self,
        model: &Model<W>,
        needed: u128,
        solved: &Solved,
    ) -> Result<(), RunError> {
        let useless = solved
            .services
            .iter()
            .find(|(_, answer)| answer.beyond > USELESS * answer.steady.down);
        let Some((service, answer)) = useless.filter(|_| solved.beyond) else {
            return Ok(());
        };
        let parts: Vec<&str> = self
            .whole
            .automata()
            .enumerate()
            .filter(|(index, _)| needed >> index & 1 == 1)
            .map(|(_, automaton)| automaton.name())
            .collect();
        Err(RunError::Solve(format!(
            "`{}` has more than {} states: what lies beyond them takes up to {:.1e} of the time, \
             beside {:.1e} that it is known to be down.\n  \
             It depends on {} nodes and {} parts: {}.\n  \
             help: take nodes or parts out of the scenario, make distributions exponential, or \
             use --engine simulate or rare, which need no list of states",
            model.services()[*service].name,
            self.limits.states,
            answer.beyond,
            answer.steady.down,
            self.scenario.nodes.len(),
            parts.len(),
            parts.join(", "),
        )))
    }

    fn outcome(&self, solved: &[Solved]) -> RunOutcome {
        let scenario = self.scenario;
        let mut services = Vec::new();
        let mut notes = Vec::new();
        for (index, spec) in scenario.services.iter().enumerate() {
            let Some((part, answer)) = find(solved, |part| &part.services, index) else {
                continue;
            };
            let causes = self.whole.services()[index].blame.causes();
            services.push((
                spec.name.clone(),
                self.service((index, spec), answer, part, causes, &mut notes),
            ));
        }
        let mut tallies = BTreeMap::new();
        let mut tally_means = BTreeMap::new();
        for (index, spec) in scenario.tallies.iter().enumerate() {
            let Some((part, answer)) = find(solved, |part| &part.tallies, index) else {
                continue;
            };
            let (levels, mean) = self.tally(answer, part, spec.flow_per_s);
            tallies.insert(spec.name.clone(), levels);
            tally_means.insert(spec.name.clone(), mean);
        }
        for part in solved {
            for reason in &part.approximations {
                let note = format!("approximate: {reason}");
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
        RunOutcome {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            scenario: scenario.name.clone(),
            nodes: scenario.nodes.len(),
            profile: scenario.profile.clone(),
            fingerprint: format!("{:016x}", scenario.fingerprint),
            engine: "solve",
            method: Some(method(solved)),
            generator: "none",
            seed: self.effort.seed,
            replications: 0,
            horizon_years: self.effort.horizon.years(),
            simulated_years: 0.0,
            events: 0,
            confidence: self.effort.confidence,
            interrupted: false,
            services,
            load: None,
            maintenance: Vec::new(),
            tallies,
            tally_means,
            notes,
            warnings: Vec::new(),
            per_replication: Vec::new(),
        }
    }

    /// A share of time with the interval that approximations and bounds leave.
    fn estimate(&self, value: f64, error: f64, beyond: f64) -> Estimate {
        Estimate {
            estimate: value,
            low: value * (1.0 - error).max(0.0),
            high: value * (1.0 + error) + beyond,
            confidence: self.effort.confidence,
        }
    }

    fn service(
        &self,
        (index, spec): (usize, &ServiceSpec),
        answer: &ServiceAnswer,
        part: &Solved,
        causes: &[String],
        notes: &mut Vec<String>,
    ) -> ServiceOutcome {
        let span = answer
            .span
            .as_ref()
            .filter(|span| self.limits.compared || start_matters(span.down, answer.steady.down));
        if span.is_some_and(|span| start_matters(span.down, answer.steady.down)) {
            notes.push(format!(
                "{}: the mean over the horizon, which the start influences; in the long run the \
                 unavailability is {:e}",
                spec.name, answer.steady.down
            ));
        }
        let shares: &Shares = span.unwrap_or(&answer.steady);
        let doubt = part.doubts.get(&index).copied().unwrap_or_default();
        let error = part.error + self.start_share(span.is_some());
        let share = |value: f64| {
            self.estimate(value, error + doubt.down, answer.beyond)
                .clamped(0.0, 1.0)
        };
        let plain = |value: f64| self.estimate(value, error + doubt.outages, 0.0);
        // Outages that nobody has looked at are as long as the others.
        let unseen = shares.outages_per_s * answer.beyond / shares.down.max(f64::MIN_POSITIVE);
        let outages_per_s = self.estimate(shares.outages_per_s, error + doubt.outages, unseen);
        let unavailability = share(shares.down);
        let failed = share(shares.failed);
        let mut attribution: Vec<CauseShare> = causes
            .iter()
            .zip(&shares.causes)
            .filter(|(_, time)| **time > 0.0)
            .map(|(cause, time)| CauseShare {
                cause: cause.clone(),
                share: time / shares.down,
            })
            .collect();
        attribution.sort_by(|a, b| b.share.total_cmp(&a.share));
        let mean = |time: f64| {
            let error = error + doubt.down + doubt.outages;
            let mean_s = time / shares.outages_per_s;
            (shares.outages_per_s > 0.0).then(|| self.estimate(mean_s, error, 0.0))
        };
        ServiceOutcome {
            availability: unavailability.complement(),
            unavailability,
            request_availability: failed.complement(),
            read_only: spec.read_only.is_some().then(|| share(shares.read_only)),
            downtime_s_per_year: unavailability.scaled(Nanos::SECONDS_PER_YEAR),
            outages_per_year: outages_per_s.scaled(Nanos::SECONDS_PER_YEAR),
            up_at_end: share(answer.up_at_end.map_or(answer.steady.down, |up| 1.0 - up))
                .complement(),
            mttf_s: plain(answer.mttf_s),
            mttf_assumes_constant_rate: false,
            no_outage: answer
                .no_outage
                .map_or(self.unknown_share(), |value| plain(value).clamped(0.0, 1.0)),
            mean_outage_s: mean(shares.down),
            mean_time_between_outages_s: mean(1.0 - shares.down),
            outage_s: None,
            failover_s: None,
            attribution,
            nodes_down: Vec::new(),
            planned: None,
            load: None,
            claimed: spec.claimed,
            failover_steps: Vec::new(),
            outage_steps: Vec::new(),
            year: part.years.get(&index).copied(),
            yearly_downtime_s: Vec::new(),
            months: crate::runner::slo::Months::default(),
        }
    }

    /// The part of the horizon in which the start is not forgotten, where a long-run mean
    /// stands beside means over the horizon.
    fn start_share(&self, has_span: bool) -> f64 {
        let repair = self.whole.slowest_repair().seconds();
        match self.limits.compared && !has_span {
            true => (repair / self.effort.horizon.seconds()).min(1.0),
            false => 0.0,
        }
    }

    /// A probability that could not be computed: anything is possible.
    fn unknown_share(&self) -> Estimate {
        Estimate {
            estimate: f64::NAN,
            low: 0.0,
            high: 1.0,
            confidence: self.effort.confidence,
        }
    }

    fn tally(
        &self,
        answer: &TallyAnswer,
        part: &Solved,
        flow_per_s: Option<f64>,
    ) -> (Vec<TallyLevel>, TallyMean) {
        let mean_of = |levels: &[f64]| -> f64 {
            levels
                .iter()
                .enumerate()
                .map(|(value, share)| value as f64 * share)
                .sum()
        };
        let span = answer.span.as_ref().filter(|span| {
            self.limits.compared || start_matters(mean_of(span), mean_of(&answer.steady))
        });
        let levels = span.unwrap_or(&answer.steady);
        let error = part.error + self.start_share(span.is_some());
        let mean = self.estimate(mean_of(levels), error, 0.0);
        let shares = levels
            .iter()
            .enumerate()
            .map(|(value, share)| TallyLevel {
                value: value as u64,
                share: self.estimate(*share, error, 0.0).clamped(0.0, 1.0),
            })
            .collect();
        let mean_time_s = flow_per_s.map(|flow| mean.scaled(1.0 / flow));
        (shares, TallyMean { mean, mean_time_s })
    }
}

fn relative_difference(fine: f64, coarse: f64) -> f64 {
    match fine > 0.0 {
        true => (fine - coarse).abs() / fine,
        false => 0.0,
    }
}

fn start_matters(span: f64, steady: f64) -> bool {
    (span - steady).abs() > START_MATTERS * span.max(steady)
}

fn find<'s, A>(
    solved: &'s [Solved],
    of: impl Fn(&'s Solved) -> &'s Vec<(usize, A)>,
    index: usize,
) -> Option<(&'s Solved, &'s A)> {
    solved
        .iter()
        .flat_map(|part| {
            of(part)
                .iter()
                .map(move |(known, answer)| (known, part, answer))
        })
        .find(|(known, ..)| **known == index)
        .map(|(_, part, answer)| (part, answer))
}

fn method(solved: &[Solved]) -> String {
    let largest = solved.iter().max_by_key(|part| part.states);
    let states = largest.map_or_else(String::new, |part| match part.merged < part.states {
        true => format!("{} states merged to {}, ", part.states, part.merged),
        false => format!("{} states, ", part.states),
    });
    let method = largest.map_or("", |part| part.method);
    let exact = solved
        .iter()
        .all(|part| part.approximations.is_empty() && !part.beyond && part.error == 0.0);
    format!(
        "{}, {states}{method}",
        if exact { "exact" } else { "approximate" }
    )
}
