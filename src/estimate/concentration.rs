//! Notices when a mean hides its variance: when few replications carry the whole sum.

/// Below this many effective events a mean deserves a warning: its relative half-width at 95% is
/// then above a third.
const ENOUGH_EVENTS: f64 = 30.0;

/// How unevenly a total is spread over the replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concentration {
    /// `(sum)^2 / sum of squares`: as many equally large replications would make the mean as
    /// uncertain (Kish's effective sample size). Between 1 and `replications_with_any`; 0 when
    /// nothing was seen.
    pub effective_events: f64,
    /// Share of the total, 0..1, that comes from the largest 1% of the replications (at least
    /// one replication); 0 when nothing was seen.
    pub share_of_top_percent: f64,
    /// Replications with anything above zero.
    pub replications_with_any: u64,
    /// The fewest replications that together hold half of the total; 0 when nothing was seen.
    pub replications_for_half: u64,
    /// All replications.
    pub replications: u64,
}

impl Concentration {
    /// From the total of each replication, in any unit. Values are taken as non-negative: others,
    /// and NaN, count as nothing.
    #[must_use]
    pub fn of(totals: &[f64]) -> Self {
        let mut positive: Vec<f64> = totals.iter().copied().filter(|&x| x > 0.0).collect();
        positive.sort_unstable_by(|a, b| b.total_cmp(a));
        // Shares of the largest do not overflow or underflow when squared.
        let largest = positive.first().copied().unwrap_or(1.0);
        positive.iter_mut().for_each(|x| *x /= largest);
        let sum: f64 = positive.iter().sum();
        let squares: f64 = positive.iter().map(|x| x * x).sum();
        let share = |top: usize| positive.iter().take(top).sum::<f64>() / sum;
        let seen = !positive.is_empty();
        Self {
            effective_events: if seen { sum * sum / squares } else { 0.0 },
            share_of_top_percent: if seen {
                share(totals.len().div_ceil(100))
            } else {
                0.0
            },
            replications_with_any: positive.len() as u64,
            replications_for_half: count_for_half(&positive, sum),
            replications: totals.len() as u64,
        }
    }

    /// One plain sentence about downtime when its mean should not be taken at face value: when
    /// none was seen, or when there are fewer than 30 effective events. `None` when all is well.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let all = replications(self.replications);
        if self.replications_with_any == 0 {
            return Some(format!(
                "no downtime was seen in {all}: the result is an upper bound, not a zero; \
                 more years would tell"
            ));
        }
        if self.effective_events >= ENOUGH_EVENTS {
            return None;
        }
        Some(format!(
            "half of the downtime comes from {} of {all}: the mean is as uncertain as if it \
             rested on {}; more years would tell",
            self.replications_for_half,
            equal_outages(self.effective_events)
        ))
    }
}

/// How many of the values, largest first, reach half of `sum`.
fn count_for_half(descending: &[f64], sum: f64) -> u64 {
    let mut reached = 0.0;
    let before_half = descending.iter().take_while(|&&value| {
        let short = reached < sum / 2.0;
        reached += value;
        short
    });
    before_half.count() as u64
}

fn replications(count: u64) -> String {
    match count {
        1 => "1 replication".to_owned(),
        _ => format!("{count} replications"),
    }
}

/// A number of outages in words.
fn equal_outages(number: f64) -> String {
    match number.round() as u64 {
        0 | 1 => "a single outage".to_owned(),
        more => format!("{more} equal outages"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_large_outages_among_a_thousand() {
        let mut totals = vec![0.0; 1000];
        totals[10] = 500.0;
        totals[20] = 400.0;
        totals[30] = 300.0;
        totals[40..80].fill(1.0);
        let c = Concentration::of(&totals);
        assert_eq!((c.replications_with_any, c.replications_for_half), (43, 2));
        assert!((c.effective_events - 1240.0f64.powi(2) / 500_040.0).abs() < 1e-9);
        assert!((c.share_of_top_percent - 1207.0 / 1240.0).abs() < 1e-12);
        assert_eq!(
            c.warning().as_deref(),
            Some(
                "half of the downtime comes from 2 of 1000 replications: the mean is as \
                 uncertain as if it rested on 3 equal outages; more years would tell"
            )
        );
    }

    #[test]
    fn nothing_seen_is_said_plainly() {
        let c = Concentration::of(&[0.0; 50]);
        assert_eq!((c.effective_events, c.replications_for_half), (0.0, 0));
        let warning = c.warning().expect("nothing was seen");
        assert!(warning.starts_with("no downtime was seen in 50 replications"));
        assert!(Concentration::of(&[]).warning().is_some());
    }

    #[test]
    fn an_even_spread_is_silent() {
        let c = Concentration::of(&[2.5; 40]);
        assert!((c.effective_events - 40.0).abs() < 1e-9);
        assert_eq!((c.replications_for_half, c.warning()), (20, None));
    }

    proptest! {
        #[test]
        fn stays_within_its_ranges_at_any_scale(totals in prop::collection::vec(prop_oneof![Just(0.0), 1e-3..1e3f64], 1..300), exponent in -200i32..200) {
            let c = Concentration::of(&totals);
            let any = c.replications_with_any as f64;
            prop_assert!(c.effective_events <= any * (1.0 + 1e-9));
            prop_assert!(any == 0.0 || c.effective_events >= 1.0 - 1e-9);
            prop_assert!((0.0..=1.0 + 1e-9).contains(&c.share_of_top_percent));
            prop_assert!(c.replications_for_half <= c.replications_with_any.div_ceil(2));
            let scaled: Vec<f64> = totals.iter().map(|x| x * 10f64.powi(exponent)).collect();
            let s = Concentration::of(&scaled);
            prop_assert!((s.effective_events - c.effective_events).abs() <= 1e-9 * any);
        }
    }
}
