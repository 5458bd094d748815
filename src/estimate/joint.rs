//! Several numbers per replication together, and smooth functions of their means.

use super::Estimate;
use super::distribution::{student_upper, tail_of};

/// Means and covariances of `N` numbers per replication, in constant space (Welford 1962).
#[derive(Clone, Debug)]
pub struct Joint<const N: usize> {
    count: u64,
    means: [f64; N],
    products: [[f64; N]; N],
}

impl<const N: usize> Default for Joint<N> {
    fn default() -> Self {
        Joint {
            count: 0,
            means: [0.0; N],
            products: [[0.0; N]; N],
        }
    }
}

impl<const N: usize> Joint<N> {
    /// Adds the numbers of one replication.
    pub fn push(&mut self, values: [f64; N]) {
        self.count += 1;
        let before: [f64; N] = std::array::from_fn(|i| values[i] - self.means[i]);
        for (mean, deviation) in self.means.iter_mut().zip(before) {
            *mean += deviation / self.count as f64;
        }
        for (i, row) in self.products.iter_mut().enumerate() {
            for (j, product) in row.iter_mut().enumerate() {
                *product += before[i] * (values[j] - self.means[j]);
            }
        }
    }

    /// Number of replications.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The means.
    #[must_use]
    pub fn means(&self) -> [f64; N] {
        self.means
    }

    /// A function of the means: its value and its gradient there give a Student t interval by
    /// linearisation. One replication bounds nothing.
    ///
    /// # Panics
    /// If `confidence` is not strictly between 0 and 1.
    #[must_use]
    pub fn smooth(&self, value: f64, gradient: [f64; N], confidence: f64) -> Estimate {
        let tail = tail_of(confidence);
        let half_width = if self.count < 2 {
            f64::INFINITY
        } else {
            let n = self.count as f64;
            let variance: f64 = (0..N)
                .map(|i| {
                    let row = (0..N).map(|j| self.products[i][j] * gradient[j]);
                    gradient[i] * row.sum::<f64>()
                })
                .sum::<f64>()
                / (n - 1.0);
            student_upper(n - 1.0, tail) * (variance.max(0.0) / n).sqrt()
        };
        Estimate {
            estimate: value,
            low: value - half_width,
            high: value + half_width,
            confidence,
        }
    }

    /// The first mean over the second, an estimate of a ratio; NaN without a bound where the
    /// second is 0.
    #[must_use]
    pub fn ratio(&self, above: usize, below: usize, confidence: f64) -> Estimate {
        let [over, under] = [self.means[above], self.means[below]];
        if under == 0.0 {
            return Estimate {
                estimate: f64::NAN,
                low: f64::NEG_INFINITY,
                high: f64::INFINITY,
                confidence,
            };
        }
        let value = over / under;
        let mut gradient = [0.0; N];
        gradient[above] += 1.0 / under;
        gradient[below] -= value / under;
        self.smooth(value, gradient, confidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::{Moments, mean};

    #[test]
    fn one_number_is_a_mean() {
        let mut joint = Joint::<1>::default();
        let mut moments = Moments::new();
        for value in [1.0, 4.0, 2.0, 8.0] {
            joint.push([value]);
            moments.push(value);
        }
        let found = joint.smooth(joint.means()[0], [1.0], 0.95);
        let plain = mean(&moments, 0.95);
        assert!((found.low - plain.low).abs() < 1e-12 && (found.high - plain.high).abs() < 1e-12);
    }

    /// What is in proportion in every replication is a ratio without doubt.
    #[test]
    fn a_fixed_ratio_has_no_width() {
        let mut joint = Joint::<2>::default();
        for value in [1.0, 4.0, 2.0, 8.0] {
            joint.push([3.0 * value, value]);
        }
        let found = joint.ratio(0, 1, 0.95);
        assert!((found.estimate - 3.0).abs() < 1e-12 && found.half_width() < 1e-6);
    }

    #[test]
    fn a_ratio_covers_as_often_as_it_says() {
        // A small congruential generator: this room knows no other.
        let mut state = 1u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let trials = 2000;
        let hits = (0..trials)
            .filter(|_| {
                let mut joint = Joint::<2>::default();
                for _ in 0..40 {
                    let below = 0.5 + uniform();
                    joint.push([below * (0.5 + uniform()), below]);
                }
                let found = joint.ratio(0, 1, 0.9);
                (found.low..=found.high).contains(&1.0)
            })
            .count();
        let share = hits as f64 / f64::from(trials);
        assert!((0.87..0.93).contains(&share), "{share}");
    }

    #[test]
    fn nothing_bounds_nothing() {
        let joint = Joint::<2>::default();
        assert!(joint.ratio(0, 1, 0.95).estimate.is_nan());
        let mut joint = Joint::<2>::default();
        joint.push([1.0, 2.0]);
        assert_eq!(joint.ratio(0, 1, 0.95).high, f64::INFINITY);
    }
}
