//! How good and how bad a year can be.

use super::Effort;
use super::outcome::YearOutcome;
use crate::automaton::Nanos;
use crate::engine::solve::stationary::LongRun;
use crate::engine::solve::year::DownTime;
use crate::engine::solve::{Chain, transient};

/// The whole years of the horizon, where there is one.
fn years(effort: &Effort) -> Option<u32> {
    let years = effort.horizon.years().floor() as u32;
    (years > 0).then_some(years)
}

/// A year of a service, taken at random from the horizon, by its chain. `None` where the
/// chain is too large or incomplete, or the horizon is no year.
pub fn solved(
    chain: &Chain,
    run: &LongRun,
    effort: &Effort,
    service: usize,
) -> Option<YearOutcome> {
    let years = years(effort)?;
    if chain.beyond.is_some() {
        return None;
    }
    let (warm_up_s, year_s) = (effort.warm_up.seconds(), Nanos::SECONDS_PER_YEAR);
    let start = transient::starts(chain, run, warm_up_s, year_s, years)?;
    let down = DownTime::of(chain, service, &start, year_s)?;
    let is_exact = chain.approximations.is_empty() && !chain.clocks.contains(&true);
    Some(YearOutcome {
        how: if is_exact { "exact" } else { "approximate" },
        no_downtime: 1.0 - down.any,
        any_downtime: down.any,
        p50_s: down.exceeded_with(0.5),
        p90_s: down.exceeded_with(0.1),
        p99_s: down.exceeded_with(0.01),
    })
}

/// The years that were simulated; the last of each replication may be shorter.
pub fn simulated(down_s: &[f64], effort: &Effort) -> Option<YearOutcome> {
    years(effort)?;
    let mut sorted = down_s.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quantile = |p: f64| {
        let rank = (p * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied()
    };
    let without = sorted.iter().take_while(|s| **s == 0.0).count();
    let share = |years: usize| years as f64 / sorted.len() as f64;
    Some(YearOutcome {
        how: "simulated",
        no_downtime: share(without),
        any_downtime: share(sorted.len() - without),
        p50_s: quantile(0.5)?,
        p90_s: quantile(0.9)?,
        p99_s: quantile(0.99)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_seen_years_are_years_that_were_seen() {
        let effort = Effort {
            replications: 10,
            relative_error: None,
            limit: 10,
            horizon: Nanos::from_seconds(10.0 * Nanos::SECONDS_PER_YEAR),
            warm_up: Nanos::ZERO,
            seed: 1,
            confidence: 0.95,
            max_events: 1,
        };
        let seen: Vec<f64> = (0..100)
            .map(|i| f64::from((i * 37) % 100 - 40).max(0.0))
            .collect();
        let year = simulated(&seen, &effort).expect("years");
        assert_eq!(year.no_downtime, 0.41);
        assert_eq!((year.p50_s, year.p90_s, year.p99_s), (9.0, 49.0, 58.0));
        assert!(simulated(&[], &effort).is_none());
        let hour = Effort {
            horizon: Nanos::from_seconds(3600.0),
            ..effort
        };
        assert!(simulated(&seen, &hour).is_none());
    }
}
