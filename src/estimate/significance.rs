//! Kolmogorov-Smirnov tests: do durations of the model and of the real system agree?

use std::f64::consts::PI;

/// Result of a Kolmogorov-Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KolmogorovSmirnov {
    /// Largest vertical distance of the two distribution functions, 0..=1.
    pub statistic: f64,
    /// Asymptotic probability of such a distance or more when both are the same, 0..=1. Good from
    /// about 8 observations on; conservative where the distributions have ties.
    pub p_value: f64,
}

/// Do two samples come from one distribution? `None` when a sample is empty or holds a NaN.
///
/// Tied values, within a sample and across both, are handled as one step.
#[must_use]
pub fn kolmogorov_smirnov_two_sample(a: &[f64], b: &[f64]) -> Option<KolmogorovSmirnov> {
    let (a, b) = (ascending(a)?, ascending(b)?);
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut i, mut j) = (0, 0);
    let mut statistic = 0.0f64;
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        i += a[i..].iter().take_while(|&&x| x == value).count();
        j += b[j..].iter().take_while(|&&x| x == value).count();
        statistic = statistic.max((i as f64 / n - j as f64 / m).abs());
    }
    Some(judged(statistic, n * m / (n + m)))
}

/// Does a sample come from the continuous distribution with the distribution function `cdf`?
/// `None` when the sample is empty or holds a NaN.
///
/// `cdf` must not have been fitted to the sample: the p-value would be far too large.
#[must_use]
pub fn kolmogorov_smirnov_one_sample(
    sample: &[f64],
    cdf: impl Fn(f64) -> f64,
) -> Option<KolmogorovSmirnov> {
    let sample = ascending(sample)?;
    let n = sample.len() as f64;
    let distance = |(i, &x): (usize, &f64)| {
        let expected = cdf(x);
        (expected - i as f64 / n).max((i + 1) as f64 / n - expected)
    };
    let statistic = sample.iter().enumerate().map(distance).fold(0.0, f64::max);
    Some(judged(statistic, n))
}

/// Stephens' (1970) correction makes the asymptotic distribution fit small samples.
fn judged(statistic: f64, effective_size: f64) -> KolmogorovSmirnov {
    let root = effective_size.sqrt();
    KolmogorovSmirnov {
        statistic,
        p_value: kolmogorov_survival((root + 0.12 + 0.11 / root) * statistic),
    }
}

/// P(K > x) of Kolmogorov's (1933) distribution, by whichever of its two series is short.
fn kolmogorov_survival(x: f64) -> f64 {
    if x < 0.2 {
        // 1 less something below 1e-12, and the first series divides by x.
        return 1.0;
    }
    let odd_terms = || (1..=7).step_by(2).map(f64::from);
    let survival = if x < 1.0 {
        let term = |k: f64| (-(k * PI / x).powi(2) / 8.0).exp();
        1.0 - (2.0 * PI).sqrt() / x * odd_terms().map(term).sum::<f64>()
    } else {
        let term = |k: f64| (-2.0 * (k * x).powi(2)).exp();
        2.0 * odd_terms().map(|k| term(k) - term(k + 1.0)).sum::<f64>()
    };
    survival.clamp(0.0, 1.0)
}

fn ascending(sample: &[f64]) -> Option<Vec<f64>> {
    if sample.is_empty() || sample.iter().any(|x| x.is_nan()) {
        return None;
    }
    let mut sorted = sample.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn kolmogorov_distribution() {
        // mpmath 1.3, 30 digits; 1.358 and 1.63 are the familiar 5% and 1% points.
        for (x, want) in [
            (0.3, 0.999990694198665),
            (0.5, 0.963945243664875),
            (1.0, 0.269999671677355),
            (1.358, 0.050026797334447),
            (1.63, 0.00984636488848652),
            (2.0, 0.000670925255779695),
        ] {
            let got = kolmogorov_survival(x);
            assert!((got - want).abs() < 1e-12, "at {x}: {got}");
        }
        assert_eq!(
            (kolmogorov_survival(0.0), kolmogorov_survival(50.0)),
            (1.0, 0.0)
        );
    }

    #[test]
    fn two_samples_by_hand() {
        let test = |a: &[f64], b: &[f64]| kolmogorov_smirnov_two_sample(a, b).expect("valid");
        assert_eq!(test(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]).statistic, 0.0);
        assert_eq!(test(&[1.0, 2.0], &[3.0, 4.0, 5.0]).statistic, 1.0);
        // Steps at 1, 2 (tied) and 3: |1/2 - 0|, |1 - 1/2|, 0.
        assert_eq!(test(&[1.0, 2.0], &[2.0, 3.0]).statistic, 0.5);
        assert_eq!(test(&[0.0], &[-0.0]).statistic, 0.0);
    }

    #[test]
    fn one_sample_by_hand() {
        // Against the uniform distribution: 0.1, 0.4, 0.7 stray furthest at 1 - 0.7.
        let test = kolmogorov_smirnov_one_sample(&[0.7, 0.1, 0.4], |x| x).expect("valid");
        assert!((test.statistic - 0.3).abs() < 1e-15);
    }

    #[test]
    fn bad_samples_are_refused() {
        assert_eq!(kolmogorov_smirnov_two_sample(&[], &[1.0]), None);
        assert_eq!(kolmogorov_smirnov_two_sample(&[1.0], &[f64::NAN]), None);
        assert_eq!(kolmogorov_smirnov_one_sample(&[], |x| x), None);
    }

    #[test]
    fn rejects_as_often_as_it_says_and_notices_a_shift() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
        let mut sample = |n: usize, shift: f64| -> Vec<f64> {
            (0..n).map(|_| random.random::<f64>() + shift).collect()
        };
        let rejected = (0..1000)
            .filter(|_| {
                kolmogorov_smirnov_two_sample(&sample(60, 0.0), &sample(90, 0.0))
                    .is_some_and(|test| test.p_value < 0.05)
            })
            .count();
        assert!((25..=70).contains(&rejected), "{rejected} of 1000 at 5%");
        let one = kolmogorov_smirnov_one_sample(&sample(500, 0.0), |x| x).expect("valid");
        assert!(one.p_value > 0.01);
        let shifted = kolmogorov_smirnov_two_sample(&sample(500, 0.0), &sample(500, 0.2));
        assert!(shifted.expect("valid").p_value < 1e-4);
    }

    proptest! {
        #[test]
        fn symmetric_and_within_range(a in prop::collection::vec(0..20i32, 1..60), b in prop::collection::vec(0..20i32, 1..60)) {
            let wide = |v: &[i32]| v.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
            let (a, b) = (wide(&a), wide(&b));
            let (ab, ba) = (kolmogorov_smirnov_two_sample(&a, &b), kolmogorov_smirnov_two_sample(&b, &a));
            prop_assert_eq!(ab, ba);
            let test = ab.expect("valid");
            prop_assert!((0.0..=1.0).contains(&test.statistic) && (0.0..=1.0).contains(&test.p_value));
        }

        #[test]
        fn survival_falls(x in 0.0..3.0f64, step in 0.0..0.1f64) {
            prop_assert!(kolmogorov_survival(x + step) <= kolmogorov_survival(x) + 1e-13);
        }
    }
}
