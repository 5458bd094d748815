//! From observations to numbers with error bars. Pure: no files, threads, clocks or randomness.
//!
//! | question | where |
//! | --- | --- |
//! | what was seen, replication by replication | [`Moments`] |
//! | the mean of something rare and skewed, such as downtime | [`rare_total`] |
//! | the mean of something well behaved | [`mean`] |
//! | design A against design B on the same random numbers | [`difference`] |
//! | a share of trials, a rate over an exposure | [`proportion`], [`poisson_rate`] |
//! | how long outages last | [`Durations`] |
//! | a ratio, or another smooth function of several means | [`Joint`] |
//! | may this mean be believed at all | [`Concentration`] |
//! | what was not seen, and may matter | [`Unseen`] |
//! | do two samples come from one distribution | [`kolmogorov_smirnov_two_sample`] |
//! | a distribution that is known by its Laplace transform | [`laplace`] |
//! | how long requests wait at a busy server | [`queueing`] |
//!
//! Nothing seen is an upper bound, never a zero: every interval here stays honest at zero events.
//! Unavailability is estimated as unavailability, and availability is its
//! [`complement`](Estimate::complement): `1 - 0.99...` would lose what matters.
//!
//! A confidence level is a number strictly between 0 and 1 (0.95, not 95), and intervals are
//! two-sided with equal tails.

mod binomial;
mod concentration;
mod distribution;
mod durations;
mod exact_sums;
mod interval;
mod joint;
pub mod laplace;
mod moments;
pub mod phase_type;
pub mod queueing;
mod rank;
mod significance;
mod unseen;

use serde::Serialize;

pub use concentration::Concentration;
pub use durations::{Durations, QuantileIntervals, Quantiles};
pub use interval::{difference, mean, poisson_rate, proportion, rare_total};
pub use joint::Joint;
pub use moments::Moments;
pub use rank::sample_quantile;
pub use significance::{
    KolmogorovSmirnov, kolmogorov_smirnov_one_sample, kolmogorov_smirnov_two_sample,
};
pub use unseen::Unseen;

/// A number together with what is known about its error.
///
/// Serialises as `{"estimate", "low", "high", "confidence"}`; a bound that is not finite ("no
/// data, no bound") becomes `null` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The point estimate; NaN when there was nothing to estimate from.
    pub estimate: f64,
    /// Lower end of the interval, in the unit of the estimate.
    pub low: f64,
    /// Upper end of the interval, in the unit of the estimate.
    pub high: f64,
    /// Two-sided confidence level of the interval, strictly between 0 and 1.
    pub confidence: f64,
}

impl Estimate {
    /// An exactly known number, such as the result of a numerical solver: a point interval.
    #[must_use]
    pub fn exact(value: f64, confidence: f64) -> Self {
        Self {
            estimate: value,
            low: value,
            high: value,
            confidence,
        }
    }

    /// `1 - x`: unavailability to availability and back.
    #[must_use]
    pub fn complement(self) -> Self {
        Self {
            estimate: 1.0 - self.estimate,
            low: 1.0 - self.high,
            high: 1.0 - self.low,
            ..self
        }
    }

    /// The same quantity in another unit: estimate and bounds times `factor`, which may be
    /// negative.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let (a, b) = (self.low * factor, self.high * factor);
        Self {
            estimate: self.estimate * factor,
            low: a.min(b),
            high: a.max(b),
            ..self
        }
    }

    /// The same estimate where only values in `floor..=ceiling` are possible, for example 0..=1
    /// for an unavailability.
    ///
    /// # Panics
    /// If `floor > ceiling` or either is NaN.
    #[must_use]
    pub fn clamped(self, floor: f64, ceiling: f64) -> Self {
        Self {
            estimate: self.estimate.clamp(floor, ceiling),
            low: self.low.clamp(floor, ceiling),
            high: self.high.clamp(floor, ceiling),
            ..self
        }
    }

    /// Half the length of the interval.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// [`half_width`](Self::half_width) as a share of the estimate: the usual stopping criterion.
    ///
    /// Infinite when the estimate is 0, so that a run which has seen nothing is never precise
    /// enough to stop.
    #[must_use]
    pub fn relative_half_width(&self) -> f64 {
        if self.estimate == 0.0 {
            return f64::INFINITY;
        }
        self.half_width() / self.estimate.abs()
    }

    /// Whether the two intervals share a point.
    ///
    /// Two intervals that do not overlap differ; two that do may still differ, and
    /// [`difference`] is the sharper question.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOME: Estimate = Estimate {
        estimate: 0.2,
        low: 0.1,
        high: 0.4,
        confidence: 0.95,
    };

    #[test]
    fn complement_swaps_the_bounds() {
        let c = SOME.complement();
        assert_eq!((c.estimate, c.low, c.high), (0.8, 0.6, 0.9));
    }

    #[test]
    fn a_negative_factor_keeps_the_bounds_in_order() {
        let s = SOME.scaled(-10.0);
        assert_eq!((s.estimate, s.low, s.high), (-2.0, -4.0, -1.0));
    }

    #[test]
    fn nothing_seen_is_never_precise() {
        let zero = Estimate {
            estimate: 0.0,
            low: 0.0,
            high: 0.0,
            confidence: 0.95,
        };
        assert_eq!(zero.relative_half_width(), f64::INFINITY);
        assert!((SOME.relative_half_width() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn touching_intervals_overlap() {
        let above = Estimate {
            low: 0.4,
            high: 0.5,
            ..SOME
        };
        assert!(SOME.overlaps(&above) && above.overlaps(&SOME));
        let far = Estimate { low: 0.41, ..above };
        assert!(!SOME.overlaps(&far) && !far.overlaps(&SOME));
    }

    #[test]
    fn json_names_are_the_published_ones() {
        let json = serde_json::to_string(&SOME).expect("numbers serialise");
        assert_eq!(
            json,
            r#"{"estimate":0.2,"low":0.1,"high":0.4,"confidence":0.95}"#
        );
    }

    proptest! {
        #[test]
        fn operations_keep_low_below_high(low in -1e3..1e3f64, width in 0.0..1e3f64, factor in -1e3..1e3f64) {
            let e = Estimate { estimate: low + width / 3.0, low, high: low + width, confidence: 0.9 };
            for x in [e.complement(), e.scaled(factor), e.clamped(0.0, 1.0)] {
                prop_assert!(x.low <= x.high);
                prop_assert!(x.half_width() >= 0.0);
            }
        }
    }
}
