//! Probability distributions of times, in seconds.
//!
//! Every draw is by inversion: one uniform number gives one variate, and a
//! larger uniform a larger variate. That keeps two designs on the same random
//! numbers comparable, which rejection methods would not.

use super::logarithm::ln;
use statrs::distribution::{ContinuousCDF, Gamma, Normal};
use statrs::function::gamma::gamma;
use std::sync::Arc;

/// A distribution of a time in seconds. All parameters have been checked
/// (positive, finite) by the scenario reader.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Never happens.
    Never,
    /// Always the same.
    Deterministic { value: f64 },
    /// Uniform between `low` and `high`.
    Uniform { low: f64, high: f64 },
    /// Exponential with this mean.
    Exponential { mean: f64 },
    /// Weibull: survival `exp(-(t/scale)^shape)`.
    Weibull { shape: f64, scale: f64 },
    /// Lognormal: `ln t` is normal around `ln median` with deviation `sigma`.
    Lognormal { median: f64, sigma: f64 },
    /// Gamma with `shape` and `mean`.
    Gamma { shape: f64, mean: f64 },
    /// One of the recorded values (sorted), each as likely. Shared, because a
    /// thousand nodes may draw from the same long list.
    Empirical { sorted: Arc<[f64]> },
    /// One of several distributions; the weights sum to one.
    Mixture { parts: Vec<(f64, Distribution)> },
    /// Another distribution, stretched by a factor.
    Scaled {
        factor: f64,
        base: Box<Distribution>,
    },
}

impl Distribution {
    /// A Weibull distribution with a given mean.
    pub fn weibull_with_mean(shape: f64, mean: f64) -> Distribution {
        Distribution::Weibull {
            shape,
            scale: mean / gamma(1.0 + 1.0 / shape),
        }
    }

    /// A lognormal distribution with a given mean.
    pub fn lognormal_with_mean(mean: f64, sigma: f64) -> Distribution {
        Distribution::Lognormal {
            median: mean * (-0.5 * sigma * sigma).exp(),
            sigma,
        }
    }

    /// The value below which the share `u` (0 <= u < 1) of all draws lies;
    /// infinite for [`Distribution::Never`].
    #[inline]
    pub fn quantile(&self, u: f64) -> f64 {
        match self {
            Distribution::Exponential { mean } => -mean * ln(1.0 - u),
            Distribution::Weibull { shape, scale } => scale * (-ln(1.0 - u)).powf(1.0 / shape),
            other => other.slow_quantile(u),
        }
    }

    fn slow_quantile(&self, u: f64) -> f64 {
        match self {
            Distribution::Never => f64::INFINITY,
            Distribution::Deterministic { value } => *value,
            Distribution::Uniform { low, high } => low + (high - low) * u,
            Distribution::Lognormal { median, sigma } => {
                median * (sigma * standard_normal_quantile(u)).exp()
            }
            Distribution::Gamma { shape, mean } => Gamma::new(*shape, shape / mean)
                .map_or(*mean, |distribution| distribution.inverse_cdf(u)),
            Distribution::Empirical { sorted } => {
                let place = (u * sorted.len() as f64) as usize;
                sorted[place.min(sorted.len() - 1)]
            }
            Distribution::Mixture { parts } => mixture_quantile(parts, u),
            Distribution::Scaled { factor, base } => factor * base.quantile(u),
            Distribution::Exponential { .. } | Distribution::Weibull { .. } => self.quantile(u),
        }
    }

    /// This distribution stretched by a factor, in its simplest form.
    pub fn scaled(self, factor: f64) -> Distribution {
        match self {
            Distribution::Exponential { mean } => Distribution::Exponential {
                mean: mean * factor,
            },
            Distribution::Weibull { shape, scale } => Distribution::Weibull {
                shape,
                scale: scale * factor,
            },
            other => Distribution::Scaled {
                factor,
                base: Box::new(other),
            },
        }
    }

    /// The distribution in a few words, for people; times are in seconds.
    pub fn describe(&self) -> String {
        let mean = self.mean();
        match self {
            Distribution::Never => "never".to_owned(),
            Distribution::Deterministic { value } => format!("a fixed time of {value} s"),
            Distribution::Uniform { low, high } => format!("uniform times of {low} to {high} s"),
            Distribution::Exponential { .. } => format!("exponential times (mean {mean} s)"),
            Distribution::Weibull { shape, .. } => {
                format!("Weibull times (shape {shape}, mean {mean:.6} s)")
            }
            Distribution::Lognormal { sigma, .. } => {
                format!("lognormal times (sigma {sigma}, mean {mean:.6} s)")
            }
            Distribution::Gamma { shape, .. } => {
                format!("gamma times (shape {shape}, mean {mean} s)")
            }
            Distribution::Empirical { sorted } => {
                format!("{} recorded times (mean {mean:.6} s)", sorted.len())
            }
            Distribution::Mixture { parts } => {
                format!(
                    "a mixture of {} kinds of times (mean {mean:.6} s)",
                    parts.len()
                )
            }
            Distribution::Scaled { factor, base } => format!("{factor} times {}", base.describe()),
        }
    }

    /// The mean in seconds.
    pub fn mean(&self) -> f64 {
        match self {
            Distribution::Never => f64::INFINITY,
            Distribution::Deterministic { value } => *value,
            Distribution::Uniform { low, high } => 0.5 * (low + high),
            Distribution::Exponential { mean } | Distribution::Gamma { mean, .. } => *mean,
            Distribution::Weibull { shape, scale } => scale * gamma(1.0 + 1.0 / shape),
            Distribution::Lognormal { median, sigma } => median * (0.5 * sigma * sigma).exp(),
            Distribution::Empirical { sorted } => sorted.iter().sum::<f64>() / sorted.len() as f64,
            Distribution::Mixture { parts } => parts
                .iter()
                .map(|(weight, part)| weight * part.mean())
                .sum(),
            Distribution::Scaled { factor, base } => factor * base.mean(),
        }
    }

    /// The mean of the `order`-th power, in seconds to that power; infinite where it
    /// is too large for a number.
    pub fn raw_moment(&self, order: u8) -> f64 {
        let k = f64::from(order);
        let power = i32::from(order);
        match self {
            Distribution::Never => f64::INFINITY,
            Distribution::Deterministic { value } => value.powi(power),
            Distribution::Uniform { low, high } if low == high => low.powi(power),
            Distribution::Uniform { low, high } => {
                (high.powi(power + 1) - low.powi(power + 1)) / ((k + 1.0) * (high - low))
            }
            Distribution::Exponential { mean } => mean.powi(power) * gamma(k + 1.0),
            Distribution::Weibull { shape, scale } => scale.powi(power) * gamma(1.0 + k / shape),
            Distribution::Lognormal { median, sigma } => {
                median.powi(power) * (0.5 * k * k * sigma * sigma).exp()
            }
            Distribution::Gamma { shape, mean } => (0..order)
                .map(|i| mean * (shape + f64::from(i)) / shape)
                .product(),
            Distribution::Empirical { sorted } => {
                sorted.iter().map(|value| value.powi(power)).sum::<f64>() / sorted.len() as f64
            }
            Distribution::Mixture { parts } => parts
                .iter()
                .map(|(weight, part)| weight * part.raw_moment(order))
                .sum(),
            Distribution::Scaled { factor, base } => factor.powi(power) * base.raw_moment(order),
        }
    }
}

/// Takes the part that `u` falls into and stretches the rest of `u` over it,
/// so that one uniform number is still enough.
fn mixture_quantile(parts: &[(f64, Distribution)], u: f64) -> f64 {
    let mut below = 0.0;
    for (index, (weight, part)) in parts.iter().enumerate() {
        if u < below + weight || index + 1 == parts.len() {
            let inner = ((u - below) / weight).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON);
            return part.quantile(inner);
        }
        below += weight;
    }
    f64::INFINITY
}

/// Quantile of the standard normal distribution.
fn standard_normal_quantile(u: f64) -> f64 {
    Normal::standard().inverse_cdf(u)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, relative: f64) {
        assert!((a - b).abs() <= relative * b.abs(), "{a} is not {b}");
    }

    fn sample_mean(distribution: &Distribution) -> f64 {
        let n = 200_000;
        (0..n)
            .map(|i| distribution.quantile((f64::from(i) + 0.5) / f64::from(n)))
            .sum::<f64>()
            / f64::from(n)
    }

    #[test]
    fn quantiles_average_to_the_mean() {
        for distribution in [
            Distribution::Exponential { mean: 990.0 },
            Distribution::weibull_with_mean(0.7, 3140.0),
            Distribution::lognormal_with_mean(10.0, 1.0),
            Distribution::Uniform {
                low: 2.0,
                high: 3.0,
            },
            Distribution::Deterministic { value: 7.0 },
            Distribution::Empirical {
                sorted: vec![1.0, 2.0, 6.0].into(),
            },
            Distribution::Mixture {
                parts: vec![
                    (0.75, Distribution::Exponential { mean: 1.0 }),
                    (0.25, Distribution::Deterministic { value: 8.0 }),
                ],
            },
            Distribution::Scaled {
                factor: 3.0,
                base: Box::new(Distribution::Exponential { mean: 2.0 }),
            },
        ] {
            close(sample_mean(&distribution), distribution.mean(), 3e-3);
        }
    }

    #[test]
    fn moments_are_those_of_the_quantiles() {
        for distribution in [
            Distribution::Exponential { mean: 3.0 },
            Distribution::weibull_with_mean(1.4, 5.0),
            Distribution::lognormal_with_mean(10.0, 0.3),
            Distribution::Gamma {
                shape: 2.5,
                mean: 4.0,
            },
            Distribution::Uniform {
                low: 2.0,
                high: 3.0,
            },
            Distribution::Mixture {
                parts: vec![
                    (0.75, Distribution::Exponential { mean: 1.0 }),
                    (0.25, Distribution::Deterministic { value: 8.0 }),
                ],
            },
        ] {
            for order in 1..=3 {
                let n = 20_000;
                let sampled = (0..n)
                    .map(|i| (f64::from(i) + 0.5) / f64::from(n))
                    .map(|u| distribution.quantile(u).powi(order))
                    .sum::<f64>()
                    / f64::from(n);
                close(sampled, distribution.raw_moment(order as u8), 1e-2);
            }
        }
    }

    #[test]
    fn gamma_quantiles_agree_with_tables() {
        // chi-square with 4 degrees of freedom is gamma with shape 2 and mean 4.
        let gamma = Distribution::Gamma {
            shape: 2.0,
            mean: 4.0,
        };
        close(gamma.quantile(0.95), 9.487_729_036_781_154, 1e-9);
    }

    #[test]
    fn lognormal_quantiles_agree_with_tables() {
        let lognormal = Distribution::Lognormal {
            median: 1.0,
            sigma: 1.0,
        };
        close(
            lognormal.quantile(0.975),
            1.959_963_984_540_054_f64.exp(),
            1e-9,
        );
        close(lognormal.quantile(0.5), 1.0, 1e-12);
    }
}
