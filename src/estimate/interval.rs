//! Confidence intervals: of a rare total, a mean, a difference, a proportion and a rate.

use super::binomial::{clopper_pearson_lower, clopper_pearson_upper};
use super::distribution::{gamma_quantile, normal_upper, student_upper, tail_of};
use super::{Estimate, Moments};

/// From this effective number of events on, skewness no longer matters and the Student interval
/// takes over.
const MANY_EVENTS: f64 = 1e4;

/// Interval for the mean per replication of a non-negative, skewed, possibly rare quantity, such
/// as seconds of downtime; estimate and bounds are in its unit.
///
/// A gamma interval after Fay & Feuer (1997, Statistics in Medicine 16:791), which behaves like
/// the exact Poisson interval when a few events make up the whole sum. With y the sum over n
/// replications, v = n s^2 its estimated variance and w the largest single replication:
///
/// - low = v/(2y) chi2(tail; 2 y^2/v) / n
/// - high = (v + w^2)/(2(y + w)) chi2(1 - tail; 2 (y + w)^2/(v + w^2)) / n
///
/// - Few replications do not know their own variance, so v is widened by (t/z)^2, the square of
///   the Student quantile with n - 1 degrees of freedom over the normal one, up to v = y^2, which
///   is a single event; from about a hundred replications on this changes nothing that can be
///   seen.
/// - A single replication counts as one event (v = y^2).
/// - When y^2/v exceeds 1e4 the Student interval is returned; both agree there.
/// - Nothing seen gives 0 with an upper bound of `-ln(tail) w/n` (3.69 w/n at 95%), where w is
///   `assumed_largest`: how much of the quantity a single replication with an event would bring.
///   If that is not positive, nothing bounds the mean and `high` is infinite. When anything was
///   seen `assumed_largest` is ignored.
///
/// What it cannot know is the size of events larger than any it saw. Measured coverage at 95%
/// (see the tests): events of one size 95% or more; exponentially distributed sizes 88% at 3
/// expected events, 94% at 9, 97% at 30. Below 30 effective events print the warning of
/// [`Concentration`](super::Concentration) beside it.
///
/// No replications at all give a NaN estimate in 0..infinity. Where the quantity has a ceiling,
/// as an unavailability has, follow with [`Estimate::clamped`].
///
/// # Panics
/// If `confidence` is not strictly between 0 and 1.
#[must_use]
pub fn rare_total(per_replication: &Moments, assumed_largest: f64, confidence: f64) -> Estimate {
    let tail = tail_of(confidence);
    let n = per_replication.count() as f64;
    let y = per_replication.sum();
    let within = |low: f64, high: f64| Estimate {
        estimate: y / n,
        low,
        high,
        confidence,
    };
    if n == 0.0 {
        return within(0.0, f64::INFINITY);
    }
    if y <= 0.0 {
        let known = assumed_largest > 0.0;
        let bound = if known {
            -tail.ln() * assumed_largest / n
        } else {
            f64::INFINITY
        };
        return within(0.0, bound);
    }
    let v = variance_of_sum(per_replication, tail);
    if y * y > MANY_EVENTS * v {
        let student = mean(per_replication, confidence);
        return within(student.low.max(0.0), student.high);
    }
    let (low, high) = gamma_bounds(y, v, per_replication.max(), tail);
    within(low / n, high / n)
}

/// Estimated variance of the sum, widened for the few replications it was estimated from.
fn variance_of_sum(per_replication: &Moments, tail: f64) -> f64 {
    let n = per_replication.count() as f64;
    let y = per_replication.sum();
    // One event of size y. Beyond it a gamma distribution piles up at zero, and a larger variance
    // would lower the upper bound.
    let one_event = y * y;
    if n < 2.0 {
        return one_event;
    }
    let widening = student_upper(n - 1.0, tail) / normal_upper(tail);
    (n * per_replication.variance() * widening * widening).min(one_event)
}

/// Fay & Feuer's bounds of a sum `y` with variance `v` and largest part `w`, all positive.
fn gamma_bounds(y: f64, v: f64, w: f64, tail: f64) -> (f64, f64) {
    let low = v / y * gamma_quantile(y * y / v, tail);
    let (more, spread) = (y + w, v + w * w);
    let high = spread / more * gamma_quantile(more * more / spread, 1.0 - tail);
    (low, high)
}

/// Student t interval for the mean of a well-behaved quantity, in its unit.
///
/// One value bounds nothing: the interval is the whole line. No value: the estimate is NaN too.
///
/// # Panics
/// If `confidence` is not strictly between 0 and 1.
#[must_use]
pub fn mean(values: &Moments, confidence: f64) -> Estimate {
    let tail = tail_of(confidence);
    let estimate = values.mean();
    let half_width = if values.count() < 2 {
        f64::INFINITY
    } else {
        student_upper((values.count() - 1) as f64, tail) * values.standard_error()
    };
    let centre = if estimate.is_nan() { 0.0 } else { estimate };
    Estimate {
        estimate,
        low: centre - half_width,
        high: centre + half_width,
        confidence,
    }
}

/// Student t interval for the mean difference of two designs that ran on the same random numbers.
///
/// `paired` holds one difference per replication (first design less second); bounds may be
/// negative, and an interval without 0 in it says that the designs differ.
///
/// # Panics
/// If `confidence` is not strictly between 0 and 1.
#[must_use]
pub fn difference(paired: &Moments, confidence: f64) -> Estimate {
    mean(paired, confidence)
}

/// Clopper & Pearson (1934) interval for the probability of success: exact, so conservative.
///
/// Zero successes give 0 with the closed upper bound `1 - tail^(1/trials)`, all successes the
/// mirror of it. The cost does not grow with `trials`: 1e12 trials return at once. No trials give
/// a NaN estimate in 0..1.
///
/// # Panics
/// If `successes > trials`, or `confidence` is not strictly between 0 and 1.
#[must_use]
pub fn proportion(successes: u64, trials: u64, confidence: f64) -> Estimate {
    assert!(
        successes <= trials,
        "{successes} successes in only {trials} trials"
    );
    let tail = tail_of(confidence);
    let (low, high) = if trials == 0 {
        (0.0, 1.0)
    } else {
        (
            clopper_pearson_lower(successes, trials, tail),
            clopper_pearson_upper(successes, trials, tail),
        )
    };
    Estimate {
        estimate: successes as f64 / trials as f64,
        low,
        high,
        confidence,
    }
}

/// Exact interval for the rate of a Poisson process that showed `count` events over `exposure`
/// units of time (Garwood 1936); the rate is per unit of `exposure`.
///
/// No events give 0 with the upper bound `-ln(tail)/exposure`. No exposure gives a NaN estimate
/// in 0..infinity.
///
/// # Panics
/// If `exposure` is negative or NaN, or `confidence` is not strictly between 0 and 1.
#[must_use]
pub fn poisson_rate(count: u64, exposure: f64, confidence: f64) -> Estimate {
    assert!(exposure >= 0.0, "an exposure is not negative: {exposure}");
    let tail = tail_of(confidence);
    let within = |estimate, low, high| Estimate {
        estimate,
        low,
        high,
        confidence,
    };
    if exposure == 0.0 {
        return within(f64::NAN, 0.0, f64::INFINITY);
    }
    let k = count as f64;
    if count == 0 {
        return within(0.0, 0.0, -tail.ln() / exposure);
    }
    within(
        k / exposure,
        gamma_quantile(k, tail) / exposure,
        gamma_quantile(k + 1.0, 1.0 - tail) / exposure,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn close(got: f64, want: f64, relative: f64) {
        assert!(
            ((got - want) / want).abs() <= relative,
            "got {got:.17e}, want {want:.17e}"
        );
    }

    /// `events` replications out of `n` carry `size` each, the others nothing.
    fn rare(events: usize, n: usize, size: f64) -> Moments {
        (0..n)
            .map(|i| if i < events { size } else { 0.0 })
            .collect()
    }

    #[test]
    fn nothing_seen_is_an_upper_bound() {
        let e = rare_total(&rare(0, 1000, 1.0), 50.0, 0.95);
        assert_eq!((e.estimate, e.low), (0.0, 0.0));
        close(e.high, 3.688879454113936 * 50.0 / 1000.0, 1e-12);
        let unknown = rare_total(&rare(0, 1000, 1.0), 0.0, 0.95);
        assert_eq!(unknown.high, f64::INFINITY);
        assert_eq!(unknown.clamped(0.0, 1.0).high, 1.0);
    }

    #[test]
    fn no_replications_know_nothing() {
        let e = rare_total(&Moments::new(), 1.0, 0.95);
        assert!(e.estimate.is_nan() && e.low == 0.0 && e.high == f64::INFINITY);
    }

    #[test]
    fn equal_rare_events_reproduce_the_poisson_interval() {
        for events in [1, 2, 5, 40] {
            let got = rare_total(&rare(events, 100_000, 7.0), 0.0, 0.95);
            let want = poisson_rate(events as u64, 100_000.0 / 7.0, 0.95);
            close(got.estimate, want.estimate, 1e-12);
            close(got.low, want.low, 1e-3);
            close(got.high, want.high, 1e-3);
        }
    }

    #[test]
    fn one_replication_counts_as_one_event() {
        let e = rare_total(&rare(1, 1, 10.0), 0.0, 0.95);
        close(e.low, 10.0 * 0.025317807984289876, 1e-9);
        close(e.high, 10.0 * 5.571643390938898, 1e-9);
    }

    #[test]
    fn gamma_and_student_agree_where_they_meet() {
        // Half of the replications have an event, so y^2/v is close to n, on both sides of the
        // switch at 1e4.
        for n in [9_000, 10_000, 20_000] {
            let m = rare(n / 2, n, 3.0);
            let (y, v) = (m.sum(), variance_of_sum(&m, 0.025));
            let (low, high) = gamma_bounds(y, v, m.max(), 0.025);
            let t = mean(&m, 0.95);
            close(low / n as f64, t.low, 0.01);
            close(high / n as f64, t.high, 0.01);
            close((high - low) / n as f64, t.high - t.low, 0.02);
        }
    }

    #[test]
    fn two_replications_and_much_confidence_stay_above_the_estimate() {
        let e = rare_total(&rare(1, 2, 6.9e-10), 0.0, 0.9997);
        assert!(e.low > 0.0 && e.high > 5.0 * e.estimate, "{e:?}");
    }

    #[test]
    fn identical_replications_have_no_spread() {
        let e = rare_total(&rare(10, 10, 2.0), 0.0, 0.95);
        assert_eq!((e.low, e.estimate, e.high), (2.0, 2.0, 2.0));
    }

    /// Share of `rounds` in which the 95% interval holds the true mean.
    fn coverage(rounds: u32, n: usize, truth: f64, draw: impl Fn(f64, f64) -> f64) -> f64 {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(20);
        let covered = (0..rounds)
            .filter(|_| {
                let m: Moments = (0..n)
                    .map(|_| draw(random.random(), random.random()))
                    .collect();
                let e = rare_total(&m, 1.0, 0.95);
                e.low <= truth && truth <= e.high
            })
            .count();
        covered as f64 / f64::from(rounds)
    }

    #[test]
    fn covers_the_truth_for_rare_events() {
        // On average 3, 9 or 30 of 300 replications have an event: of size 1, or exponential.
        for (rate, equal, exponential) in
            [(0.01, 0.95, 0.86), (0.03, 0.94, 0.92), (0.1, 0.94, 0.95)]
        {
            let got = coverage(2000, 300, rate, |u, _| if u < rate { 1.0 } else { 0.0 });
            assert!(got >= equal, "equal at {rate}: {got}");
            let got = coverage(2000, 300, rate, |u, x| {
                if u < rate { -(1.0 - x).ln() } else { 0.0 }
            });
            assert!(got >= exponential, "exponential at {rate}: {got}");
        }
    }

    #[test]
    fn covers_the_truth_for_few_and_for_many_skewed_replications() {
        let few = coverage(2000, 5, 1.0, |u, _| -(1.0 - u).ln());
        assert!(few >= 0.94, "few: {few}");
        let many = coverage(1000, 400, 1.0, |u, _| -(1.0 - u).ln());
        assert!((0.93..=0.985).contains(&many), "many: {many}");
    }

    #[test]
    fn student_interval_of_a_known_sample() {
        let m: Moments = (1..=10).map(f64::from).collect();
        let e = mean(&m, 0.95);
        // mean 5.5, s = sqrt(55/6), t(9) = 2.262157
        close(
            e.half_width(),
            2.2621571627982055 * (55.0f64 / 60.0).sqrt(),
            1e-10,
        );
        assert_eq!(e.estimate, 5.5);
        let one = mean(&[2.0].into_iter().collect(), 0.95);
        assert_eq!((one.low, one.high), (f64::NEG_INFINITY, f64::INFINITY));
    }

    #[test]
    fn differences_may_be_negative() {
        let e = difference(&[-1.0, -2.0, -3.0].into_iter().collect(), 0.5);
        assert!(e.high < 0.0 && e.estimate == -2.0);
    }

    #[test]
    fn zero_successes_have_a_closed_form_up_to_a_trillion() {
        for n in [1u64, 10, 1000, 1_000_000, 1_000_000_000, 1_000_000_000_000] {
            let e = proportion(0, n, 0.95);
            assert_eq!((e.estimate, e.low), (0.0, 0.0));
            close(e.high, -(0.025f64.ln() / n as f64).exp_m1(), 1e-15);
            let all = proportion(n, n, 0.95);
            assert_eq!((all.estimate, all.high), (1.0, 1.0));
            close(all.low, 1.0 - e.high, 1e-15);
        }
    }

    #[test]
    fn huge_trials_reach_the_poisson_limit_at_once() {
        let n = 1_000_000_000_000u64;
        for k in [1u64, 7, 1000, 500_000] {
            let exact = proportion(k, n, 0.99);
            let limit = poisson_rate(k, n as f64, 0.99);
            close(exact.low, limit.low, 1e-6);
            close(exact.high, limit.high, 1e-6);
        }
        let half = proportion(n / 2, n, 0.95);
        close(half.half_width(), 1.959963984540054 * 0.5e-6, 1e-5);
    }

    #[test]
    fn garwood_table() {
        // Garwood (1936) as in Ulm (1990), 95%.
        for (k, low, high) in [
            (1, 0.025318, 5.571643),
            (3, 0.618672, 8.767273),
            (10, 4.795389, 18.390356),
        ] {
            let e = poisson_rate(k, 1.0, 0.95);
            close(e.low, low, 1e-4);
            close(e.high, high, 1e-6);
        }
        close(
            poisson_rate(0, 2.0, 0.95).high,
            3.688879454113936 / 2.0,
            1e-14,
        );
        assert!(poisson_rate(0, 0.0, 0.95).estimate.is_nan());
    }

    #[test]
    #[should_panic(expected = "strictly between 0 and 1")]
    fn a_percentage_is_not_a_confidence() {
        let _ = proportion(1, 2, 95.0);
    }

    proptest! {
        #[test]
        fn a_rare_total_brackets_its_estimate(
            values in prop::collection::vec(prop_oneof![Just(0.0), 0.0..1e-9f64, 0.0..1e3f64], 1..60),
            confidence in 0.5..0.9999f64,
        ) {
            let m: Moments = values.into_iter().collect();
            let e = rare_total(&m, 1.0, confidence);
            prop_assert!(0.0 <= e.low && e.low <= e.estimate && e.estimate <= e.high);
            prop_assert!(e.high.is_finite());
        }

        #[test]
        fn a_rare_total_scales_with_its_unit(values in prop::collection::vec(0.0..1.0f64, 2..40), unit in 1e-9..1e9f64) {
            let plain = rare_total(&values.iter().copied().collect(), 1.0, 0.95).scaled(unit);
            let scaled = rare_total(&values.iter().map(|x| x * unit).collect(), unit, 0.95);
            prop_assert!((plain.low - scaled.low).abs() <= 1e-6 * scaled.high);
            prop_assert!((plain.high - scaled.high).abs() <= 1e-6 * scaled.high);
        }

        #[test]
        fn a_proportion_brackets_and_mirrors(trials in 1u64..1_000_000_000_000, share in 0.0..=1.0f64, confidence in 0.5..0.9999f64) {
            let k = (share * trials as f64) as u64;
            let e = proportion(k, trials, confidence);
            prop_assert!(0.0 <= e.low && e.low <= e.estimate && e.estimate <= e.high && e.high <= 1.0);
            let mirrored = proportion(trials - k, trials, confidence).complement();
            prop_assert!((e.low - mirrored.low).abs() < 1e-12 && (e.high - mirrored.high).abs() < 1e-12);
        }

        #[test]
        fn more_confidence_is_wider(k in 0u64..50, extra in 1u64..1000) {
            let n = k + extra;
            prop_assert!(proportion(k, n, 0.9).half_width() < proportion(k, n, 0.99).half_width());
            prop_assert!(poisson_rate(k, 1.0, 0.9).half_width() < poisson_rate(k, 1.0, 0.99).half_width());
        }
    }
}
