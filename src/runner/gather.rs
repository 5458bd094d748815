//! Sums up the records of replications, which come in their order.

use super::Effort;
use super::load_sum::LoadSum;
use super::outcome::{
    CauseShare, NodesDown, PlannedOutcome, ReplicationRow, RoundsOutcome, RunOutcome, SCHEMA,
    ServiceOutcome, TallyLevel, TallyMean, worst_relative_error,
};
use super::slo::Months;
use super::year;
use crate::automaton::Nanos;
use crate::engine::record::{LOST_LEVELS, ReplicationRecord, ServiceRecord};
use crate::engine::streams;
use crate::estimate::{
    Concentration, Durations, Estimate, Moments, Unseen, mean, poisson_rate, proportion, rare_total,
};
use crate::model::Model;
use crate::scenario::{Scenario, ServiceSpec};
use std::collections::BTreeMap;

/// At most this many single months are kept for the distributions of monthly and yearly
/// downtime.
const MAX_MONTHS: usize = 4_000_000;
/// Steps of a distribution that is drawn.
const CURVE_POINTS: usize = 2000;

/// Collects one run.
pub struct Gatherer {
    scenario: Scenario,
    effort: Effort,
    services: Vec<ServiceSum>,
    tallies: Vec<TallySum>,
    /// For each maintenance: rounds begun, completed, abandoned, postponed.
    rounds: Vec<(String, [Moments; 4])>,
    load: Option<LoadSum>,
    rows: Vec<ReplicationRow>,
    events: u64,
    slowest_repair: Nanos,
}

struct ServiceSum {
    spec: ServiceSpec,
    causes: Vec<String>,
    down: Moments,
    failed: Moments,
    read_only: Moments,
    outages: Moments,
    planned: Moments,
    unplanned: Moments,
    planned_outages: Moments,
    unplanned_outages: Moments,
    up_at_end: u64,
    outage_lengths: Durations,
    failovers: Durations,
    cause_s: Vec<f64>,
    lost_s: [f64; LOST_LEVELS],
    months: Months,
    /// Times to the first outage in seconds, and the time in which it was waited for.
    first_outages: Moments,
    exposure_s: f64,
}

struct TallySum {
    name: String,
    flow_per_s: Option<f64>,
    levels: Vec<LevelSum>,
    mean: Moments,
}

/// The share of time at one level of a tally and at all others. Both are summed,
/// because the rare one of the two tells how well the other is known.
#[derive(Clone)]
struct LevelSum {
    here: Moments,
    elsewhere: Moments,
}

impl Gatherer {
    /// An empty sum for a scenario.
    pub fn new<const W: usize>(scenario: &Scenario, model: &Model<W>, effort: &Effort) -> Gatherer {
        let services = scenario
            .services
            .iter()
            .zip(model.services())
            .map(|(spec, service)| ServiceSum {
                spec: spec.clone(),
                causes: service.blame.causes().to_vec(),
                down: Moments::new(),
                failed: Moments::new(),
                read_only: Moments::new(),
                outages: Moments::new(),
                planned: Moments::new(),
                unplanned: Moments::new(),
                planned_outages: Moments::new(),
                unplanned_outages: Moments::new(),
                up_at_end: 0,
                outage_lengths: Durations::new(),
                failovers: Durations::new(),
                cause_s: vec![0.0; service.blame.causes().len()],
                lost_s: [0.0; LOST_LEVELS],
                months: Months::default(),
                first_outages: Moments::new(),
                exposure_s: 0.0,
            })
            .collect();
        let tallies = model
            .tallies()
            .iter()
            .zip(&scenario.tallies)
            .map(|(tally, spec)| TallySum {
                name: tally.name.clone(),
                flow_per_s: spec.flow_per_s,
                levels: vec![LevelSum::new(); tally.limit as usize + 1],
                mean: Moments::new(),
            })
            .collect();
        Gatherer {
            scenario: scenario.clone(),
            effort: *effort,
            services,
            tallies,
            rounds: (model.rounds().iter())
                .map(|(name, _)| (name.clone(), std::array::from_fn(|_| Moments::new())))
                .collect(),
            load: model.load().map(|load| {
                let name = |node| model.blueprint().node_name(node).to_owned();
                LoadSum::new(load, load.bearers().iter().map(name).collect(), effort)
            }),
            rows: Vec::new(),
            events: 0,
            slowest_repair: model.slowest_repair(),
        }
    }

    /// How many replications have been added.
    pub fn replications(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Adds the next replication.
    pub fn add(&mut self, record: ReplicationRecord) {
        self.events += record.events;
        let mut row = Vec::with_capacity(record.services.len());
        for (sum, service) in self.services.iter_mut().zip(&record.services) {
            row.push(sum.add(service, self.effort.warm_up + self.effort.horizon));
        }
        self.rows.push(ReplicationRow {
            services: row,
            events: record.events,
        });
        for ((_, sums), rounds) in self.rounds.iter_mut().zip(&record.rounds) {
            for (sum, count) in sums.iter_mut().zip(rounds) {
                sum.push(*count as f64);
            }
        }
        for (tally, times) in self.tallies.iter_mut().zip(&record.tallies) {
            tally.add(times, self.effort.horizon);
        }
        if let (Some(sum), Some(load)) = (&mut self.load, &record.load) {
            sum.add(load);
        }
    }

    /// See [`super::outcome::RunOutcome::worst_relative_error`].
    pub fn worst_relative_error(&self) -> f64 {
        let levels = self.tallies.iter().flat_map(|tally| &tally.levels);
        worst_relative_error(
            self.services.iter().map(|sum| self.unavailability(sum)),
            levels.map(|level| self.share(level)),
        )
    }

    /// How long an outage would be where none was seen, in seconds.
    fn assumed_s(&self) -> f64 {
        let horizon = self.effort.horizon.seconds();
        self.slowest_repair.seconds().min(horizon)
    }

    /// The share of time of a quantity that was summed in seconds per replication.
    fn share_of_time(&self, seconds: &Moments) -> Estimate {
        rare_total(seconds, self.assumed_s(), self.effort.confidence)
            .scaled(1.0 / self.effort.horizon.seconds())
            .clamped(0.0, 1.0)
    }

    fn unavailability(&self, sum: &ServiceSum) -> Estimate {
        self.share_of_time(&sum.down)
    }

    /// The share of time at a level of a tally. Where the level is the usual one,
    /// its complement is the rare quantity: a level that was never left is not
    /// known to be left never.
    fn share(&self, level: &LevelSum) -> Estimate {
        let assumed = self.slowest_repair.seconds() / self.effort.horizon.seconds();
        let rare = |sum: &Moments| {
            rare_total(sum, assumed.min(1.0), self.effort.confidence).clamped(0.0, 1.0)
        };
        if level.here.sum() <= level.elsewhere.sum() {
            rare(&level.here)
        } else {
            rare(&level.elsewhere).complement()
        }
    }

    /// The result.
    pub fn finish(self, interrupted: bool) -> RunOutcome {
        let replications = self.replications();
        let mut warnings = Vec::new();
        if interrupted {
            warnings.push(format!(
                "the run was interrupted: only {replications} replications count"
            ));
        }
        warnings.extend(self.concentrations());
        let services: Vec<_> = self
            .services
            .iter()
            .enumerate()
            .map(|(index, sum)| (sum.spec.name.clone(), self.service(index, sum)))
            .collect();
        let tallies = self
            .tallies
            .iter()
            .map(|tally| {
                let shares = tally
                    .levels
                    .iter()
                    .enumerate()
                    .map(|(value, level)| TallyLevel {
                        value: value as u64,
                        share: self.share(level),
                    })
                    .collect();
                (tally.name.clone(), shares)
            })
            .collect::<BTreeMap<_, Vec<TallyLevel>>>();
        let tally_means = self
            .tallies
            .iter()
            .map(|tally| (tally.name.clone(), tally.mean(self.effort.confidence)))
            .collect();
        RunOutcome {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            scenario: self.scenario.name.clone(),
            nodes: self.scenario.nodes.len(),
            profile: self.scenario.profile.clone(),
            fingerprint: format!("{:016x}", self.scenario.fingerprint),
            engine: "simulate",
            method: None,
            generator: streams::GENERATOR,
            seed: self.effort.seed,
            replications,
            horizon_years: self.effort.horizon.years(),
            simulated_years: self.effort.horizon.years() * replications as f64,
            events: self.events,
            confidence: self.effort.confidence,
            interrupted,
            services,
            maintenance: (self.rounds.iter())
                .map(|(name, sums)| (name.clone(), self.rounds_of(sums)))
                .collect(),
            load: self.load.as_ref().map(|load| load.nodes(self.assumed_s())),
            tallies,
            tally_means,
            notes: Vec::new(),
            warnings,
            per_replication: self.rows,
        }
    }

    /// Events per year that were counted in each replication.
    fn per_year(&self, counts: &Moments) -> Estimate {
        let years = self.effort.horizon.years();
        rare_total(counts, 1.0, self.effort.confidence).scaled(1.0 / years)
    }

    fn rounds_of(&self, [begun, completed, abandoned, postponed]: &[Moments; 4]) -> RoundsOutcome {
        RoundsOutcome {
            begun_per_year: self.per_year(begun),
            completed_per_year: self.per_year(completed),
            abandoned_per_year: self.per_year(abandoned),
            postponed_per_year: self.per_year(postponed),
        }
    }

    fn planned(&self, sum: &ServiceSum) -> PlannedOutcome {
        let yearly = |seconds| self.share_of_time(seconds).scaled(Nanos::SECONDS_PER_YEAR);
        PlannedOutcome {
            planned_downtime_s_per_year: yearly(&sum.planned),
            unplanned_downtime_s_per_year: yearly(&sum.unplanned),
            planned_outages_per_year: self.per_year(&sum.planned_outages),
            unplanned_outages_per_year: self.per_year(&sum.unplanned_outages),
        }
    }

    /// Where a mean hides its variance, in what was seen or in what was not; services
    /// that share a warning share a line.
    fn concentrations(&self) -> Vec<String> {
        let mut found: Vec<(String, Vec<&str>)> = Vec::new();
        for (index, sum) in self.services.iter().enumerate() {
            let totals: Vec<f64> = self.rows.iter().map(|row| row.services[index].0).collect();
            let concentrated = Concentration::of(&totals).warning();
            let Some(text) = concentrated.or_else(|| self.unseen(sum)) else {
                continue;
            };
            match found.iter_mut().find(|(other, _)| *other == text) {
                Some((_, names)) => names.push(&sum.spec.name),
                None => found.push((text, vec![&sum.spec.name])),
            }
        }
        found
            .into_iter()
            .map(|(text, names)| format!("{}: {text}", names.join(", ")))
            .collect()
    }

    /// Where outages as long as a repair may be missing from the mean.
    fn unseen(&self, sum: &ServiceSum) -> Option<String> {
        let confidence = self.effort.confidence;
        let longest_s = sum.outage_lengths.quantiles(confidence)?.max;
        let (total_s, possible_s) = (sum.down.sum(), self.assumed_s());
        let unseen = Unseen::of(
            self.replications(),
            total_s,
            longest_s,
            possible_s,
            confidence,
        )?;
        let years = self.effort.horizon.years() * self.replications() as f64;
        Some(format!(
            "no outage was longer than {longest_s:.1} s; one as long as a repair, {:.1} h, that \
             comes less often than once in {:.0} years need not show, and could add {:.1} s a year \
             to the {:.1} s: --engine solve or rare would tell",
            possible_s / 3600.0,
            unseen.once_in * self.effort.horizon.years(),
            unseen.may_add / years,
            total_s / years,
        ))
    }

    fn service(&self, index: usize, sum: &ServiceSum) -> ServiceOutcome {
        let confidence = self.effort.confidence;
        let unavailability = self.unavailability(sum);
        let failed = self.share_of_time(&sum.failed);
        let total: f64 = sum.cause_s.iter().sum();
        let mut attribution: Vec<CauseShare> = sum
            .causes
            .iter()
            .zip(&sum.cause_s)
            .filter(|(_, seconds)| **seconds > 0.0)
            .map(|(cause, seconds)| CauseShare {
                cause: cause.clone(),
                share: seconds / total,
            })
            .collect();
        attribution.sort_by(|a, b| b.share.total_cmp(&a.share));
        ServiceOutcome {
            availability: unavailability.complement(),
            unavailability,
            request_availability: failed.complement(),
            read_only: sum
                .spec
                .read_only
                .is_some()
                .then(|| self.share_of_time(&sum.read_only)),
            downtime_s_per_year: unavailability.scaled(Nanos::SECONDS_PER_YEAR),
            outages_per_year: self.per_year(&sum.outages),
            planned: (!self.rounds.is_empty()).then(|| self.planned(sum)),
            up_at_end: proportion(sum.up_at_end, self.replications(), confidence),
            mttf_s: sum.mttf_s(confidence),
            mttf_assumes_constant_rate: !sum.always_failed(),
            no_outage: proportion(
                self.replications() - sum.first_outages.count(),
                self.replications(),
                confidence,
            ),
            mean_outage_s: None,
            mean_time_between_outages_s: None,
            outage_s: sum.outage_lengths.quantiles(confidence),
            failover_s: sum.failovers.quantiles(confidence),
            attribution,
            nodes_down: sum.by_nodes_down(),
            load: self
                .load
                .as_ref()
                .and_then(|load| load.demand(index, self.assumed_s())),
            claimed: sum.spec.claimed,
            failover_steps: sum.failovers.cdf_points(CURVE_POINTS),
            outage_steps: sum.outage_lengths.cdf_points(CURVE_POINTS),
            year: year::simulated(&sum.months.yearly_downtime_s(), &self.effort),
            yearly_downtime_s: sum.months.yearly_downtime_s(),
            months: sum.months.clone(),
        }
    }
}

impl LevelSum {
    fn new() -> LevelSum {
        LevelSum {
            here: Moments::new(),
            elsewhere: Moments::new(),
        }
    }

    fn add(&mut self, time: Nanos, horizon: Nanos) {
        self.here.push(time.0 as f64 / horizon.0 as f64);
        self.elsewhere
            .push((horizon - time).0 as f64 / horizon.0 as f64);
    }
}

impl TallySum {
    fn add(&mut self, times_ns: &[u64], horizon: Nanos) {
        let mut sum = 0.0;
        for (value, (level, time)) in self.levels.iter_mut().zip(times_ns).enumerate() {
            level.add(Nanos(*time), horizon);
            sum += value as f64 * *time as f64;
        }
        self.mean.push(sum / horizon.0 as f64);
    }

    fn mean(&self, confidence: f64) -> TallyMean {
        let largest = self.levels.len() as f64 - 1.0;
        let mean = rare_total(&self.mean, largest, confidence).clamped(0.0, largest);
        TallyMean {
            mean,
            mean_time_s: self.flow_per_s.map(|flow| mean.scaled(1.0 / flow)),
        }
    }
}

impl ServiceSum {
    fn by_nodes_down(&self) -> Vec<NodesDown> {
        let total: f64 = self.lost_s.iter().sum();
        let levels = self.lost_s.iter().enumerate();
        levels
            .filter(|(_, seconds)| **seconds > 0.0)
            .map(|(nodes, seconds)| NodesDown {
                nodes,
                share: seconds / total,
            })
            .collect()
    }

    /// Did every replication see an outage?
    fn always_failed(&self) -> bool {
        self.first_outages.count() == self.outages.count()
    }

    /// Mean time to the first outage. Where some replications ended before it, the
    /// mean of the others would be too short; the time waited over the number of
    /// outages is right where the rate is constant.
    fn mttf_s(&self, confidence: f64) -> Estimate {
        if self.always_failed() {
            return mean(&self.first_outages, confidence).clamped(0.0, f64::INFINITY);
        }
        let rate = poisson_rate(self.first_outages.count(), self.exposure_s, confidence);
        Estimate {
            estimate: 1.0 / rate.estimate,
            low: 1.0 / rate.high,
            high: 1.0 / rate.low,
            confidence,
        }
    }

    fn add(&mut self, record: &ServiceRecord, end: Nanos) -> (f64, f64, f64) {
        if let Some(first) = record.first_outage_ns {
            self.first_outages.push(Nanos(first).seconds());
        }
        self.exposure_s += record.first_outage_ns.map_or(end, Nanos).seconds();
        let down = Nanos(record.down_ns).seconds();
        let outages = record.outages_ns.len() as u64;
        self.down.push(down);
        self.failed.push(record.failed_s);
        self.read_only.push(Nanos(record.read_only_ns).seconds());
        self.outages.push(outages as f64);
        self.planned.push(Nanos(record.planned_ns).seconds());
        self.unplanned
            .push(Nanos(record.down_ns - record.planned_ns).seconds());
        self.planned_outages.push(record.planned_outages as f64);
        self.unplanned_outages
            .push((outages - record.planned_outages) as f64);
        self.up_at_end += u64::from(record.up_at_end);
        for length in &record.outages_ns {
            self.outage_lengths.record(*length);
        }
        for length in &record.failovers_ns {
            self.failovers.record(*length);
        }
        for (total, part) in self.cause_s.iter_mut().zip(&record.cause_ns) {
            *total += Nanos(*part).seconds();
        }
        for (total, part) in self.lost_s.iter_mut().zip(&record.lost_ns) {
            *total += Nanos(*part).seconds();
        }
        if self.months.down_s.len() < MAX_MONTHS {
            self.months.add(record);
        }
        (down, record.failed_s, outages as f64)
    }
}
