//! Which order statistics enclose a quantile: a distribution-free confidence interval.

use super::Estimate;
use super::binomial::{ln_at_least, ln_at_most};
use super::distribution::{normal_upper, tail_of};

/// Above this many observations the normal approximation is off by less than the resolution of
/// any histogram.
const MANY_OBSERVATIONS: u64 = 1_000_000;

/// Ranks (1 is the smallest observation) whose values enclose the `share`-quantile with
/// probability `1 - 2 tail` or more; `None` where even the extreme observation does not reach far
/// enough.
///
/// The number of observations below the quantile is binomial(count, share), whatever the
/// distribution (Hahn & Meeker 1991, section 5.2). 0 < share < 1, 0 < tail < 0.5.
pub(super) fn enclosing_ranks(count: u64, share: f64, tail: f64) -> (Option<u64>, Option<u64>) {
    if count > MANY_OBSERVATIONS {
        return normal_ranks(count, share, tail);
    }
    // The observation of rank r lies above the quantile when fewer than r observations lie below
    // it. Both conditions hold for a run of ranks from one end, so the run's end is searched.
    let below = run_length(count, |r| ln_below(r, count, share) <= tail.ln());
    let above = run_length(count, |r| ln_above(count - r, count, share) <= tail.ln());
    (
        (below > 0).then_some(below),
        (above > 0).then_some(count + 1 - above),
    )
}

/// The `share`-quantile of a sample in increasing order, with the order statistics that
/// enclose it; where the sample is too small for that the interval ends at its extremes
/// and covers less. 0 < share < 1; an empty sample gives NaN.
///
/// # Panics
/// If `confidence` is not strictly between 0 and 1.
#[must_use]
pub fn sample_quantile(sorted: &[f64], share: f64, confidence: f64) -> Estimate {
    let count = sorted.len() as u64;
    let of_rank = |rank: u64| {
        sorted
            .get(rank.clamp(1, count.max(1)) as usize - 1)
            .copied()
    };
    let (low, high) = match count {
        0 => (None, None),
        _ => enclosing_ranks(count, share, tail_of(confidence)),
    };
    let value = |rank: u64| of_rank(rank).unwrap_or(f64::NAN);
    Estimate {
        estimate: value((share * count as f64).ceil() as u64),
        low: value(low.unwrap_or(1)),
        high: value(high.unwrap_or(count)),
        confidence,
    }
}

/// ln P(rank r + 1 lies above the quantile) = ln P(X <= r).
fn ln_below(r: u64, count: u64, share: f64) -> f64 {
    if r as f64 <= share * count as f64 {
        ln_at_most(r, count, share)
    } else {
        (-ln_at_least(r + 1, count, share).exp()).ln_1p()
    }
}

/// ln P(rank r lies below the quantile) = ln P(X >= r).
fn ln_above(r: u64, count: u64, share: f64) -> f64 {
    if r as f64 >= share * count as f64 {
        ln_at_least(r, count, share)
    } else {
        (-ln_at_most(r - 1, count, share).exp()).ln_1p()
    }
}

fn normal_ranks(count: u64, share: f64, tail: f64) -> (Option<u64>, Option<u64>) {
    let n = count as f64;
    let spread = normal_upper(tail) * (n * share * (1.0 - share)).sqrt();
    let low = (n * share - spread).floor();
    let high = (n * share + spread).ceil() + 1.0;
    (
        (low >= 1.0).then_some(low as u64),
        (high <= n).then_some(high as u64),
    )
}

/// How many of 0, 1, ... `limit - 1` fulfil `holds`, which is true up to some value and false
/// after it.
fn run_length(limit: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, limit);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_ranks_of_the_median() {
        // Conover (1999), table A3: n = 10 has 2..9, n = 20 has 6..15, n = 5 has none at 95%.
        assert_eq!(enclosing_ranks(10, 0.5, 0.025), (Some(2), Some(9)));
        assert_eq!(enclosing_ranks(20, 0.5, 0.025), (Some(6), Some(15)));
        assert_eq!(enclosing_ranks(5, 0.5, 0.025), (None, None));
    }

    #[test]
    fn a_high_quantile_needs_many_observations() {
        // P(all n below the 99% quantile) = 0.99^n <= 0.025 from n = 368 on.
        assert_eq!(enclosing_ranks(367, 0.99, 0.025).1, None);
        assert_eq!(enclosing_ranks(368, 0.99, 0.025).1, Some(368));
    }

    #[test]
    fn exact_and_normal_ranks_meet() {
        let (low, high) = enclosing_ranks(MANY_OBSERVATIONS, 0.95, 0.025);
        let (near_low, near_high) = normal_ranks(MANY_OBSERVATIONS, 0.95, 0.025);
        for (exact, near) in [(low, near_low), (high, near_high)] {
            let (exact, near) = (exact.expect("inside"), near.expect("inside"));
            assert!(exact.abs_diff(near) <= 2, "{exact} {near}");
        }
    }

    proptest! {
        #[test]
        fn ranks_are_as_tight_as_the_tail_allows(count in 1u64..3000, share in 0.01..0.99f64, tail in 0.001..0.2f64) {
            let (low, high) = enclosing_ranks(count, share, tail);
            let slack = 1.0 + 1e-9;
            if let Some(l) = low {
                prop_assert!(ln_at_most(l - 1, count, share).exp() <= tail * slack);
            }
            let next = low.unwrap_or(0);
            prop_assert!(ln_at_most(next, count, share).exp() >= tail / slack);
            if let Some(h) = high {
                prop_assert!(h <= count && ln_at_least(h, count, share).exp() <= tail * slack);
                prop_assert!(low.is_none_or(|l| l < h));
            }
        }
    }
}
