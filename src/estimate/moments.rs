//! Running moments of one number per replication.

/// Count, mean, variance, range and sums of a stream of numbers, in constant space.
///
/// Values are pushed in replication order, so results do not depend on threads. The sums are
/// compensated (Neumaier 1974): a 1e-12 beside a 1 survives. The variance is Welford's (1962),
/// which does not subtract two large squares. A NaN that is pushed makes every sum NaN.
#[derive(Clone, Debug)]
pub struct Moments {
    count: u64,
    sum: CompensatedSum,
    squares: CompensatedSum,
    running_mean: f64,
    squared_deviations: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0,
            sum: CompensatedSum::default(),
            squares: CompensatedSum::default(),
            running_mean: 0.0,
            squared_deviations: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Moments {
    /// No values yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the value of one replication.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        self.sum.add(value);
        self.squares.add(value * value);
        let before = value - self.running_mean;
        self.running_mean += before / self.count as f64;
        self.squared_deviations += before * (value - self.running_mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Sum of the values.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum.value()
    }

    /// Sum of the squares of the values.
    #[must_use]
    pub fn sum_of_squares(&self) -> f64 {
        self.squares.value()
    }

    /// Arithmetic mean; NaN without values.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum() / self.count as f64
    }

    /// Unbiased sample variance (divisor `count - 1`); NaN with fewer than two values.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.count < 2 {
            return f64::NAN;
        }
        self.squared_deviations / (self.count - 1) as f64
    }

    /// Sample standard deviation; NaN with fewer than two values.
    #[must_use]
    pub fn standard_deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// Estimated standard deviation of the mean; NaN with fewer than two values.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        (self.variance() / self.count as f64).sqrt()
    }

    /// Smallest value; positive infinity without values.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.min
    }

    /// Largest value; negative infinity without values.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.max
    }
}

impl Extend<f64> for Moments {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        for value in values {
            self.push(value);
        }
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::new();
        moments.extend(values);
        moments
    }
}

/// A sum that carries its own rounding error beside it (Neumaier 1974).
#[derive(Clone, Copy, Debug, Default)]
struct CompensatedSum {
    total: f64,
    lost: f64,
}

impl CompensatedSum {
    fn add(&mut self, value: f64) {
        let next = self.total + value;
        self.lost += if self.total.abs() >= value.abs() {
            (self.total - next) + value
        } else {
            (value - next) + self.total
        };
        self.total = next;
    }

    fn value(&self) -> f64 {
        // After an overflow the correction is NaN; the infinity alone is the truth.
        if self.total.is_finite() {
            self.total + self.lost
        } else {
            self.total
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_sample() {
        let m: Moments = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]
            .into_iter()
            .collect();
        assert_eq!((m.count(), m.sum(), m.mean()), (8, 40.0, 5.0));
        assert_eq!((m.min(), m.max(), m.sum_of_squares()), (2.0, 9.0, 232.0));
        assert!((m.variance() - 32.0 / 7.0).abs() < 1e-14);
    }

    #[test]
    fn a_tiny_unavailability_survives_beside_a_large_one() {
        let mut m = Moments::new();
        m.push(1.0);
        m.extend(std::iter::repeat_n(1e-17, 1000));
        m.push(-1.0);
        assert!((m.sum() / 1e-14 - 1.0).abs() < 1e-12, "{}", m.sum());
    }

    #[test]
    fn variance_survives_a_large_offset() {
        let m: Moments = (0..1000).map(|i| 1e9 + f64::from(i % 2)).collect();
        assert!((m.variance() - 0.25 * 1000.0 / 999.0).abs() < 1e-9);
    }

    #[test]
    fn empty_and_single() {
        let empty = Moments::new();
        assert!(empty.mean().is_nan() && empty.variance().is_nan());
        let one: Moments = [3.0].into_iter().collect();
        assert_eq!(one.mean(), 3.0);
        assert!(one.variance().is_nan() && one.standard_error().is_nan());
    }

    proptest! {
        #[test]
        fn agrees_with_two_passes(values in prop::collection::vec(-1e6..1e6f64, 2..200)) {
            let m: Moments = values.iter().copied().collect();
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
            prop_assert!((m.mean() - mean).abs() <= 1e-9 * (1.0 + mean.abs()));
            prop_assert!((m.variance() - variance).abs() <= 1e-9 * (1.0 + variance));
        }
    }
}
