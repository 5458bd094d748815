//! Integer sums that do not depend on the order of their terms.

/// Two to the power 128, the weight of one carry.
const CARRY: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0;

/// Count, sum and sum of squares of `u64` values, all exact.
///
/// Floating-point sums depend on the order of merging; these do not, so a result is the same bit
/// for bit however the work was split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ExactSums {
    count: u64,
    sum: u128,
    /// Sum of squares modulo 2^128; one square alone can fill all 128 bits.
    squares: u128,
    /// How often `squares` overflowed.
    carries: u64,
}

impl ExactSums {
    pub(super) fn add(&mut self, value: u64) {
        let wide = u128::from(value);
        self.merge(&Self {
            count: 1,
            sum: wide,
            squares: wide * wide,
            carries: 0,
        });
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let (squares, overflowed) = self.squares.overflowing_add(other.squares);
        self.count += other.count;
        self.sum += other.sum;
        self.squares = squares;
        self.carries += other.carries + u64::from(overflowed);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn sum(&self) -> u128 {
        self.sum
    }

    /// NaN without values.
    pub(super) fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64
    }

    /// Standard error of the mean; NaN with fewer than two values.
    pub(super) fn standard_error(&self) -> f64 {
        if self.count < 2 {
            return f64::NAN;
        }
        let n = self.count as f64;
        (self.count_times_deviations() / (n * n * (n - 1.0))).sqrt()
    }

    /// `n * sum of squares - sum^2`: in integers while they fit, because the difference of the
    /// two rounded would be noise where all values are nearly equal.
    fn count_times_deviations(&self) -> f64 {
        let exact = (self.carries == 0)
            .then(|| u128::from(self.count).checked_mul(self.squares))
            .flatten()
            .zip(self.sum.checked_mul(self.sum))
            .and_then(|(squares, square)| squares.checked_sub(square));
        if let Some(exact) = exact {
            return exact as f64;
        }
        let squares = self.carries as f64 * CARRY + self.squares as f64;
        (self.count as f64 * squares - (self.sum as f64).powi(2)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> ExactSums {
        let mut sums = ExactSums::default();
        values.iter().for_each(|&value| sums.add(value));
        sums
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let sums = of(&[u64::MAX; 1000]);
        assert_eq!(sums.sum(), 1000 * u128::from(u64::MAX));
        assert!((sums.mean() / u64::MAX as f64 - 1.0).abs() < 1e-15);
        assert!(sums.standard_error() < 1e-6 * sums.mean());
    }

    #[test]
    fn equal_values_have_no_error_at_all() {
        assert_eq!(of(&[3_600_000_000_001; 50]).standard_error(), 0.0);
    }

    proptest! {
        #[test]
        fn merging_is_free_of_order(a in prop::collection::vec(any::<u64>(), 0..30), b in prop::collection::vec(any::<u64>(), 0..30)) {
            let (mut ab, mut ba) = (of(&a), of(&b));
            ab.merge(&of(&b));
            ba.merge(&of(&a));
            prop_assert_eq!(ab, ba);
            prop_assert_eq!(ab, of(&[a, b].concat()));
        }

        #[test]
        fn standard_error_matches_the_definition(values in prop::collection::vec(0u64..10_000_000_000_000, 2..100)) {
            let moments: super::super::Moments = values.iter().map(|&x| x as f64).collect();
            let sums = of(&values);
            prop_assert!((sums.mean() - moments.mean()).abs() <= 1e-12 * moments.mean());
            prop_assert!((sums.standard_error() - moments.standard_error()).abs() <= 1e-9 * moments.mean());
        }
    }
}
