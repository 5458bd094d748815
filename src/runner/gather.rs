//! Sums up the records of replications, which come in their order.

use super::Effort;
use super::outcome::{
    CauseShare, LoadOutcome, ReplicationRow, RunOutcome, SCHEMA, ServiceOutcome, TallyLevel,
    worst_relative_error,
};
use crate::automaton::Nanos;
use crate::engine::record::{ReplicationRecord, ServiceRecord};
use crate::engine::streams;
use crate::estimate::{Concentration, Durations, Estimate, Moments, proportion, rare_total};
use crate::model::Model;
use crate::scenario::{Scenario, ServiceSpec};
use std::collections::BTreeMap;

/// At most this many single years are kept for the distribution of yearly downtime.
const MAX_YEARS: usize = 1_000_000;
/// Steps of a distribution that is drawn.
const CURVE_POINTS: usize = 2000;

/// Collects one run.
pub struct Gatherer {
    scenario: Scenario,
    effort: Effort,
    services: Vec<ServiceSum>,
    tallies: Vec<(String, Vec<LevelSum>)>,
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
    up_at_end: u64,
    outage_lengths: Durations,
    failovers: Durations,
    cause_s: Vec<f64>,
    years: Vec<f64>,
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
                up_at_end: 0,
                outage_lengths: Durations::new(),
                failovers: Durations::new(),
                cause_s: vec![0.0; service.blame.causes().len()],
                years: Vec::new(),
            })
            .collect();
        let tallies = model
            .tallies()
            .iter()
            .map(|tally| {
                (
                    tally.name.clone(),
                    vec![LevelSum::new(); tally.limit as usize + 1],
                )
            })
            .collect();
        Gatherer {
            scenario: scenario.clone(),
            effort: *effort,
            services,
            tallies,
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
            row.push(sum.add(service));
        }
        self.rows.push(ReplicationRow {
            services: row,
            events: record.events,
        });
        for ((_, levels), times) in self.tallies.iter_mut().zip(&record.tallies) {
            for (level, time) in levels.iter_mut().zip(times) {
                level.add(Nanos(*time), self.effort.horizon);
            }
        }
    }

    /// See [`super::outcome::RunOutcome::worst_relative_error`].
    pub fn worst_relative_error(&self) -> f64 {
        let levels = self.tallies.iter().flat_map(|(_, levels)| levels);
        worst_relative_error(
            self.services.iter().map(|sum| self.unavailability(sum)),
            levels.map(|level| self.share(level)),
        )
    }

    /// The share of time of a quantity that was summed in seconds per replication.
    fn share_of_time(&self, seconds: &Moments) -> Estimate {
        let horizon = self.effort.horizon.seconds();
        let assumed = self.slowest_repair.seconds().min(horizon);
        rare_total(seconds, assumed, self.effort.confidence)
            .scaled(1.0 / horizon)
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
            .map(|sum| (sum.spec.name.clone(), self.service(sum)))
            .collect();
        let tallies = self
            .tallies
            .iter()
            .map(|(name, levels)| {
                let shares = levels
                    .iter()
                    .enumerate()
                    .map(|(value, level)| TallyLevel {
                        value: value as u64,
                        share: self.share(level),
                    })
                    .collect();
                (name.clone(), shares)
            })
            .collect::<BTreeMap<_, Vec<TallyLevel>>>();
        RunOutcome {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            scenario: self.scenario.name.clone(),
            profile: self.scenario.profile.clone(),
            fingerprint: format!("{:016x}", self.scenario.fingerprint),
            engine: "simulate",
            generator: streams::GENERATOR,
            seed: self.effort.seed,
            replications,
            horizon_years: self.effort.horizon.years(),
            simulated_years: self.effort.horizon.years() * replications as f64,
            events: self.events,
            confidence: self.effort.confidence,
            interrupted,
            services,
            tallies,
            warnings,
            per_replication: self.rows,
        }
    }

    /// Where a mean hides its variance; services that share a warning share a line.
    fn concentrations(&self) -> Vec<String> {
        let mut found: Vec<(String, Vec<&str>)> = Vec::new();
        for (index, sum) in self.services.iter().enumerate() {
            let totals: Vec<f64> = self.rows.iter().map(|row| row.services[index].0).collect();
            let Some(text) = Concentration::of(&totals).warning() else {
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

    fn service(&self, sum: &ServiceSum) -> ServiceOutcome {
        let confidence = self.effort.confidence;
        let years = self.effort.horizon.years();
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
            outages_per_year: rare_total(&sum.outages, 1.0, confidence).scaled(1.0 / years),
            up_at_end: proportion(sum.up_at_end, self.replications(), confidence),
            outage_s: sum.outage_lengths.quantiles(confidence),
            failover_s: sum.failovers.quantiles(confidence),
            attribution,
            load: (sum.spec.demand.rate_per_s > 0.0).then(|| LoadOutcome {
                requests_per_s: sum.spec.demand.rate_per_s,
                failed_requests_per_year: failed
                    .scaled(sum.spec.demand.rate_per_s * Nanos::SECONDS_PER_YEAR),
            }),
            claimed: sum.spec.claimed,
            failover_steps: sum.failovers.cdf_points(CURVE_POINTS),
            yearly_downtime_s: sum.years.clone(),
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

impl ServiceSum {
    fn add(&mut self, record: &ServiceRecord) -> (f64, f64, u64) {
        let down = Nanos(record.down_ns).seconds();
        let outages = record.outages_ns.len() as u64;
        self.down.push(down);
        self.failed.push(record.failed_s);
        self.read_only.push(Nanos(record.read_only_ns).seconds());
        self.outages.push(outages as f64);
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
        if self.years.len() < MAX_YEARS {
            self.years
                .extend(record.year_ns.iter().map(|year| Nanos(*year).seconds()));
        }
        (down, record.failed_s, outages)
    }
}
