//! Service level objectives: how likely a month or a year is to break one, what is left
//! of its error budget, and how bad a bad year is.
//!
//! Months and years are calendar pieces of the simulated time, one after the other. Those
//! of one replication are not independent, so intervals come from the differences between
//! replications.

use super::outcome::SCHEMA;
use super::{RunOutcome, outcome::in_order};
use crate::automaton::Nanos;
use crate::engine::record::{MONTHS, ServiceRecord};
use crate::estimate::{Estimate, Moments, Quantiles, mean, rare_total, sample_quantile};
use serde::Serialize;

/// Downtime and outages of each simulated month.
#[derive(Clone, Debug, Default)]
pub struct Months {
    /// Months in one replication.
    in_replication: usize,
    /// Seconds not up in each month, replication by replication.
    pub(super) down_s: Vec<f64>,
    /// Outages that began in each year, replication by replication.
    outages: Vec<u32>,
}

impl Months {
    /// Adds the months of one replication.
    pub(super) fn add(&mut self, record: &ServiceRecord) {
        self.in_replication = record.month_ns.len();
        self.down_s
            .extend(record.month_ns.iter().map(|down| Nanos(*down).seconds()));
        let first = self.outages.len();
        let years = record.month_ns.len().div_ceil(MONTHS);
        self.outages.resize(first + years, 0);
        for month in &record.outage_months {
            let year = (*month as usize / MONTHS).min(years - 1);
            self.outages[first + year] += 1;
        }
    }

    fn replications(&self) -> impl Iterator<Item = &[f64]> {
        self.down_s.chunks(self.in_replication.max(1))
    }

    /// Seconds not up in each year; the last of each replication may be shorter.
    pub(super) fn yearly_downtime_s(&self) -> Vec<f64> {
        self.replications()
            .flat_map(|months| months.chunks(MONTHS))
            .map(|year| year.iter().sum())
            .collect()
    }
}

/// What a run says of an objective.
#[derive(Clone, Debug, Serialize)]
pub struct SloReport {
    /// Version of this format.
    pub schema: u32,
    /// Version of the program.
    pub version: &'static str,
    /// The name of the scenario.
    pub scenario: String,
    /// The engine that made the numbers.
    pub engine: &'static str,
    /// The seed of all streams.
    pub seed: u64,
    /// Replications.
    pub replications: u64,
    /// Simulated time of one replication in years.
    pub horizon_years: f64,
    /// Confidence level of all intervals.
    pub confidence: f64,
    /// Was the run stopped before it was complete?
    pub interrupted: bool,
    /// The services by name.
    #[serde(serialize_with = "in_order")]
    pub services: Vec<(String, Objective)>,
}

/// One service and its objective.
#[derive(Clone, Debug, Serialize)]
pub struct Objective {
    /// The availability that is to be reached, in each month or year.
    pub target: f64,
    /// Months of 730.5 h.
    pub month: Period,
    /// Years of 8766 h; none where the horizon is shorter.
    pub year: Option<Period>,
    /// Outages in a year.
    pub outages_in_year: Option<Counts>,
    /// Lengths of outages; none if there were none.
    pub outage_s: Option<Quantiles>,
}

/// Months, or years, against the objective.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Period {
    /// Downtime that the objective allows, in seconds.
    pub budget_s: f64,
    /// Probability that it is exceeded.
    pub breach_probability: Estimate,
    /// Mean downtime over the budget: 1 uses it up.
    pub budget_used: Estimate,
    /// Downtime in seconds that half of them do not exceed.
    pub p50_s: Estimate,
    /// That 95% do not exceed: a bad one.
    pub p95_s: Estimate,
    /// That 99% do not exceed.
    pub p99_s: Estimate,
}

/// How many outages a year has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Counts {
    /// Probability of none.
    pub none: Estimate,
    /// Half of the years have no more.
    pub p50: Estimate,
    /// 95% have no more.
    pub p95: Estimate,
    /// 99% have no more.
    pub p99: Estimate,
}

/// Holds the simulated months and years against objectives: `target` of each service by
/// its name, between 0 and 1; services without one are left out.
pub fn report(outcome: &RunOutcome, target: impl Fn(&str) -> Option<f64>) -> SloReport {
    let services = outcome.services.iter().filter_map(|(name, service)| {
        let target = target(name)?;
        let months = &service.months;
        let whole_year = months.in_replication >= MONTHS;
        let years: Vec<Vec<f64>> = months
            .replications()
            .map(|months| {
                let whole = months.chunks_exact(MONTHS);
                whole.map(|year| year.iter().sum()).collect()
            })
            .collect();
        let month_s = Nanos::SECONDS_PER_YEAR / MONTHS as f64;
        let of_months = months
            .replications()
            .map(<[f64]>::to_vec)
            .collect::<Vec<_>>();
        let confidence = outcome.confidence;
        let objective = Objective {
            target,
            month: Period::of(&of_months, (1.0 - target) * month_s, confidence),
            year: whole_year
                .then(|| Period::of(&years, (1.0 - target) * Nanos::SECONDS_PER_YEAR, confidence)),
            outages_in_year: whole_year.then(|| Counts::of(months, confidence)),
            outage_s: service.outage_s,
        };
        Some((name.clone(), objective))
    });
    SloReport {
        schema: SCHEMA,
        version: outcome.version,
        scenario: outcome.scenario.clone(),
        engine: outcome.engine,
        seed: outcome.seed,
        replications: outcome.replications,
        horizon_years: outcome.horizon_years,
        confidence: outcome.confidence,
        interrupted: outcome.interrupted,
        services: services.collect(),
    }
}

impl Period {
    /// Of periods, replication by replication, with a budget in seconds.
    fn of(replications: &[Vec<f64>], budget_s: f64, confidence: f64) -> Period {
        let (mut breaches, mut used) = (Moments::new(), Moments::new());
        let mut all: Vec<f64> = Vec::new();
        let mut in_one = 1;
        for periods in replications.iter().filter(|periods| !periods.is_empty()) {
            let count = periods.len() as f64;
            let breached = periods.iter().filter(|down| **down > budget_s).count();
            breaches.push(breached as f64 / count);
            used.push(periods.iter().sum::<f64>() / count / budget_s);
            all.extend(periods);
            in_one = periods.len();
        }
        all.sort_unstable_by(f64::total_cmp);
        let quantile = |share| sample_quantile(&all, share, confidence);
        Period {
            budget_s,
            breach_probability: rare_total(&breaches, 1.0 / in_one as f64, confidence)
                .clamped(0.0, 1.0),
            budget_used: mean(&used, confidence).clamped(0.0, f64::INFINITY),
            p50_s: quantile(0.50),
            p95_s: quantile(0.95),
            p99_s: quantile(0.99),
        }
    }
}

impl Counts {
    fn of(months: &Months, confidence: f64) -> Counts {
        let years = months.in_replication / MONTHS;
        let with_rest = months.in_replication.div_ceil(MONTHS);
        let mut none = Moments::new();
        let mut all: Vec<f64> = Vec::new();
        for outages in months.outages.chunks(with_rest.max(1)) {
            // Only whole years count.
            let whole = &outages[..years.min(outages.len())];
            let without = whole.iter().filter(|count| **count == 0).count();
            none.push(without as f64 / whole.len().max(1) as f64);
            all.extend(whole.iter().map(|count| f64::from(*count)));
        }
        all.sort_unstable_by(f64::total_cmp);
        let quantile = |share| sample_quantile(&all, share, confidence);
        Counts {
            none: rare_total(&none, 1.0 / years.max(1) as f64, confidence).clamped(0.0, 1.0),
            p50: quantile(0.50),
            p95: quantile(0.95),
            p99: quantile(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_NS: u64 = 3_600_000_000_000;

    fn record(down_h: &[u64], outage_months: &[u32]) -> ServiceRecord {
        ServiceRecord {
            month_ns: down_h.iter().map(|hours| hours * HOUR_NS).collect(),
            outage_months: outage_months.to_vec(),
            ..ServiceRecord::default()
        }
    }

    #[test]
    fn months_add_up_to_years() {
        let mut months = Months::default();
        let mut two_years = vec![0; 24];
        two_years[3] = 2;
        two_years[11] = 1;
        two_years[12] = 5;
        months.add(&record(&two_years, &[3, 11, 12]));
        assert_eq!(months.yearly_downtime_s(), [10_800.0, 18_000.0]);
        assert_eq!(months.outages, [2, 1]);
        let counts = Counts::of(&months, 0.95);
        assert_eq!(counts.none.estimate, 0.0);
        assert_eq!(counts.p99.estimate, 2.0);
    }

    #[test]
    fn a_budget_is_broken_by_what_exceeds_it() {
        let periods = [vec![0.0, 10.0, 20.0, 30.0], vec![0.0, 0.0, 0.0, 30.0]];
        let found = Period::of(&periods, 15.0, 0.95);
        assert_eq!(found.breach_probability.estimate, 3.0 / 8.0);
        assert_eq!(found.budget_used.estimate, 90.0 / 8.0 / 15.0);
        assert!(found.breach_probability.low < 0.375 && found.breach_probability.high > 0.375);
        let none = Period::of(&[vec![0.0; 12], vec![0.0; 12]], 15.0, 0.95);
        assert!(
            none.breach_probability.high > 0.0,
            "nothing seen is a bound"
        );
    }
}
