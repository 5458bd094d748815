//! Quantiles of the normal, Student and gamma distributions, right over the whole range in use.
//!
//! The distribution functions come from `statrs`, their inverses do not (0.19.1):
//!
//! - `inv_beta_reg`, on which `StudentsT::inverse_cdf` stands, is inexact or does not return for
//!   large parameters (statrs issues 434 and 435).
//! - `Gamma::inverse_cdf` stops at an absolute error near 1e-9, so that a quantile of 1e-186
//!   (shape 0.017, p = 0.0005) comes out as 9e-10.
//!
//! Here every inverse is a bisection to relative precision with a bounded number of steps.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;
use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};

/// Probability in each tail of a two-sided interval.
///
/// # Panics
/// If `confidence` is not strictly between 0 and 1.
pub(super) fn tail_of(confidence: f64) -> f64 {
    assert!(
        confidence > 0.0 && confidence < 1.0,
        "a confidence level lies strictly between 0 and 1, not at {confidence}"
    );
    (1.0 - confidence) / 2.0
}

/// The `z` that a standard normal variable exceeds with probability `tail`, 0 < tail < 1.
pub(super) fn normal_upper(tail: f64) -> f64 {
    -Normal::standard().inverse_cdf(tail)
}

/// From here on the expansion in 1/freedom is exact to rounding.
const LARGE_FREEDOM: f64 = 1000.0;

/// The `t` that a Student variable with `freedom` >= 1 degrees of freedom exceeds with
/// probability `tail`, 0 < tail < 0.5.
pub(super) fn student_upper(freedom: f64, tail: f64) -> f64 {
    if freedom >= LARGE_FREEDOM {
        return student_expansion(freedom, normal_upper(tail));
    }
    // P(T > t) = I_x(freedom/2, 1/2) / 2 with x = freedom / (freedom + t^2).
    let beyond = |t: f64| 0.5 * beta_reg(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    // Starts from the normal quantile, which is always the smaller one.
    let mut low = normal_upper(tail);
    while beyond(2.0 * low) > tail && low < f64::MAX / 4.0 {
        low *= 2.0;
    }
    bisect(low, 2.0 * low, |t| beyond(t) <= tail)
}

/// Student quantile from the normal one: Abramowitz & Stegun (1964), formula 26.7.5.
fn student_expansion(v: f64, z: f64) -> f64 {
    let s = z * z;
    let g1 = z * (s + 1.0) / 4.0;
    let g2 = z * ((5.0 * s + 16.0) * s + 3.0) / 96.0;
    let g3 = z * (((3.0 * s + 19.0) * s + 17.0) * s - 15.0) / 384.0;
    let g4 = z * ((((79.0 * s + 776.0) * s + 1482.0) * s - 1920.0) * s - 945.0) / 92160.0;
    z + (g1 + (g2 + (g3 + g4 / v) / v) / v) / v
}

/// Beyond this shape the incomplete gamma function loses digits and time, and the expansion
/// below has a relative error under 1e-10.
const LARGE_SHAPE: f64 = 1e4;

/// The `p`-quantile, 0 < p < 1, of a gamma variable with this `shape` > 0 and scale 1; half the
/// chi-square quantile with `2 shape` degrees of freedom. 0 where it is too small for an `f64`.
pub(super) fn gamma_quantile(shape: f64, p: f64) -> f64 {
    if shape > LARGE_SHAPE {
        return gamma_expansion(shape, -normal_upper(p));
    }
    // The smaller tail is the one that keeps its digits.
    let reached = |x: f64| {
        if p < 0.5 {
            gamma_lr(shape, x) >= p
        } else {
            gamma_ur(shape, x) <= 1.0 - p
        }
    };
    // P(shape, x) <= x^shape / gamma(shape + 1) bounds the quantile from below.
    let low = ((p.ln() + ln_gamma(shape + 1.0)) / shape).exp() * 0.999;
    if low < f64::MIN_POSITIVE {
        return 0.0;
    }
    let mut high = 2.0 * low;
    while !reached(high) && high < f64::MAX / 2.0 {
        high *= 2.0;
    }
    bisect(
        if high > 2.0 * low { high / 2.0 } else { low },
        high,
        reached,
    )
}

/// The end of `low..high`, both positive and a factor of two apart, at which `reached` becomes
/// true, to rounding.
fn bisect(mut low: f64, mut high: f64, reached: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = low + (high - low) / 2.0;
        if reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
        if high - low <= f64::EPSILON * high {
            break;
        }
    }
    high
}

/// Gamma quantile from the normal one: the Cornish-Fisher expansion of chi-square (Goldberg &
/// Levine 1946; Abramowitz & Stegun 26.4.16 and 26.2.49), halved.
fn gamma_expansion(a: f64, z: f64) -> f64 {
    let (s, root) = (z * z, a.sqrt());
    a + z * root + (s - 1.0) / 3.0 + z * (s - 7.0) / (36.0 * root)
        - ((3.0 * s + 7.0) * s - 16.0) / (810.0 * a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: f64, want: f64, relative: f64) {
        assert!(
            ((got - want) / want).abs() <= relative,
            "got {got:.17e}, want {want:.17e}"
        );
    }

    // Reference values: mpmath 1.3, 30 digits.

    #[test]
    fn normal_quantiles() {
        close(normal_upper(0.025), 1.959963984540054, 1e-14);
        close(normal_upper(0.0005), 3.290526731491895, 1e-13);
    }

    #[test]
    fn student_quantiles() {
        for (freedom, at_95, at_999) in [
            (1.0, 12.706204736174705, 636.6192487687196),
            (2.0, 4.302652729749464, 31.59905457644362),
            (3.0, 3.1824463052837095, 12.923978636687483),
            (9.0, 2.2621571627982053, 4.780912585931139),
            (30.0, 2.042272456301238, 3.645958635042022),
            (120.0, 1.979930405082441, 3.3734537685625003),
            (999.0, 1.96234146113345, 3.3002924403987355),
            (1000.0, 1.9623390808264085, 3.300282648423913),
        ] {
            close(student_upper(freedom, 0.025), at_95, 1e-11);
            close(student_upper(freedom, 0.0005), at_999, 1e-11);
        }
        close(student_upper(1e12, 0.025), 1.959963984540054, 1e-11);
    }

    #[test]
    fn gamma_quantiles() {
        for (shape, p, want) in [
            (1.0, 0.025, 0.025317807984289876),
            (1.0, 0.975, 3.6888794541139363),
            (0.5, 0.025, 0.000491034558587628),
            (0.02, 0.975, 0.1927564005682633),
            (3.0, 0.025, 0.6186721228956013),
            (4.0, 0.975, 8.767273069742325),
            (10.0, 0.5, 9.668714614714132),
            (10.0, 1e-10, 0.4727220926063523),
            (1000.0, 0.025, 938.9730184076952),
            (1000.0, 0.975, 1062.9211512248878),
        ] {
            close(gamma_quantile(shape, p), want, 1e-9);
        }
    }

    #[test]
    fn the_gamma_branches_meet() {
        for p in [1e-6, 0.005, 0.025, 0.5, 0.975, 0.9995] {
            let exact = gamma_quantile(LARGE_SHAPE, p);
            close(gamma_expansion(LARGE_SHAPE, -normal_upper(p)), exact, 1e-9);
        }
    }

    proptest! {
        #[test]
        fn gamma_quantile_inverts_the_distribution(log_shape in -3.0..4.5f64, p in 0.0005..0.9995f64) {
            let shape = log_shape.exp2().powi(3);
            let x = gamma_quantile(shape, p);
            prop_assert!(x >= 0.0 && x.is_finite());
            if x > 0.0 {
                prop_assert!((gamma_lr(shape, x) - p).abs() < 1e-10, "{shape} {p} {x}");
            }
        }

        #[test]
        fn student_is_wider_than_normal_and_falls_with_freedom(freedom in 1.0..1e5f64, tail in 1e-6..0.4f64) {
            let t = student_upper(freedom, tail);
            prop_assert!(t >= normal_upper(tail) * (1.0 - 1e-9));
            prop_assert!(student_upper(freedom * 1.1, tail) <= t * (1.0 + 1e-9));
        }
    }
}
