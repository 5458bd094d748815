//! How a distribution goes on from an age: its cumulative hazard, and back.
//!
//! The cumulative hazard `H(t) = -ln P(life > t)` keeps its digits in both tails, and
//! what is left of a life that has reached the age `a` is found from it: the age at
//! which it ends is where `H` reaches `H(a)` plus an exponential variate with mean 1.

use super::Distribution;
use statrs::distribution::{ContinuousCDF, Gamma, Normal};

/// Steps of halving in which an age is found where there is no formula.
const HALVINGS: usize = 200;

impl Distribution {
    /// Can it be continued from any age? Not where it has atoms or parts.
    pub fn has_hazard(&self) -> bool {
        match self {
            Distribution::Exponential { .. }
            | Distribution::Weibull { .. }
            | Distribution::Lognormal { .. }
            | Distribution::Gamma { .. } => true,
            Distribution::Uniform { low, high } => low < high,
            Distribution::Scaled { base, .. } => base.has_hazard(),
            Distribution::Never
            | Distribution::Deterministic { .. }
            | Distribution::Empirical { .. }
            | Distribution::Mixture { .. } => false,
        }
    }

    /// The cumulative hazard at an age in seconds; infinite where no life is so long.
    /// Only where it [has one](Self::has_hazard).
    #[inline]
    pub fn cumulative_hazard(&self, age_s: f64) -> f64 {
        match self {
            Distribution::Exponential { mean } => age_s.max(0.0) / mean,
            other => other.slow_hazard(age_s.max(0.0)),
        }
    }

    fn slow_hazard(&self, age_s: f64) -> f64 {
        match self {
            Distribution::Weibull { shape, scale } => (age_s / scale).powf(*shape),
            Distribution::Uniform { low, high } => {
                let share = ((age_s - low) / (high - low)).clamp(0.0, 1.0);
                -(-share).ln_1p()
            }
            Distribution::Lognormal { median, sigma } => {
                let z = (age_s / median).ln() / sigma;
                let normal = Normal::standard();
                if z < 0.0 {
                    -(-normal.cdf(z)).ln_1p()
                } else {
                    -normal.sf(z).ln()
                }
            }
            Distribution::Gamma { shape, mean } => match Gamma::new(*shape, shape / mean) {
                Ok(gamma) if age_s < *mean => -(-gamma.cdf(age_s)).ln_1p(),
                Ok(gamma) => -gamma.sf(age_s).ln(),
                Err(_) => age_s / mean,
            },
            Distribution::Scaled { factor, base } => base.cumulative_hazard(age_s / factor),
            Distribution::Exponential { mean } => age_s / mean,
            Distribution::Never
            | Distribution::Deterministic { .. }
            | Distribution::Empirical { .. }
            | Distribution::Mixture { .. } => 0.0,
        }
    }

    /// The age in seconds at which the cumulative hazard reaches `hazard`.
    #[inline]
    pub fn age_at_hazard(&self, hazard: f64) -> f64 {
        match self {
            Distribution::Exponential { mean } => mean * hazard,
            other => other.slow_age(hazard),
        }
    }

    fn slow_age(&self, hazard: f64) -> f64 {
        match self {
            Distribution::Weibull { shape, scale } => scale * hazard.powf(1.0 / shape),
            Distribution::Uniform { low, high } => low - (high - low) * (-hazard).exp_m1(),
            Distribution::Lognormal { median, sigma } => {
                let normal = Normal::standard();
                let z = if hazard < std::f64::consts::LN_2 {
                    normal.inverse_cdf(-(-hazard).exp_m1())
                } else {
                    -normal.inverse_cdf((-hazard).exp())
                };
                median * (sigma * z).exp()
            }
            Distribution::Gamma { mean, .. } => self.halve(hazard, *mean),
            Distribution::Scaled { factor, base } => factor * base.age_at_hazard(hazard),
            Distribution::Exponential { mean } => mean * hazard,
            Distribution::Never
            | Distribution::Deterministic { .. }
            | Distribution::Empirical { .. }
            | Distribution::Mixture { .. } => f64::INFINITY,
        }
    }

    /// Finds an age by halving, from an age of the right order of magnitude.
    fn halve(&self, hazard: f64, about_s: f64) -> f64 {
        let (mut low, mut high) = (0.0, about_s);
        while self.cumulative_hazard(high) < hazard && high < 1e300 {
            low = high;
            high *= 2.0;
        }
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if self.cumulative_hazard(middle) < hazard {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hazards_and_ages_are_inverse_and_agree_with_quantiles() {
        for distribution in [
            Distribution::Exponential { mean: 990.0 },
            Distribution::weibull_with_mean(0.7, 3140.0),
            Distribution::lognormal_with_mean(10.0, 1.0),
            Distribution::Gamma {
                shape: 2.5,
                mean: 4.0,
            },
            Distribution::Uniform {
                low: 2.0,
                high: 3.0,
            },
            Distribution::Scaled {
                factor: 3.0,
                base: Box::new(Distribution::lognormal_with_mean(1.0, 0.5)),
            },
        ] {
            assert!(distribution.has_hazard());
            for hazard in [1e-9, 1e-4, 0.1, 0.69, 0.7, 3.0, 20.0] {
                let age = distribution.age_at_hazard(hazard);
                let back = distribution.cumulative_hazard(age);
                assert!(
                    (back / hazard - 1.0).abs() < 1e-6,
                    "{distribution:?} {hazard}: {back}"
                );
                if hazard < 10.0 {
                    let quantile = distribution.quantile(-(-hazard).exp_m1());
                    assert!(
                        (age / quantile - 1.0).abs() < 1e-6,
                        "{distribution:?} {hazard}"
                    );
                }
            }
        }
    }
}
