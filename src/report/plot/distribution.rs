//! An empirical distribution of times: the data behind every step curve.

/// Times in seconds with the share of observations at or below each.
///
/// Infinite times ("never") count as observations but have no step, so the curve
/// of a distribution that contains them ends below 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Distinct finite times, ascending, with the share (0 to 1) at or below each.
    steps: Vec<(f64, f64)>,
}

impl Distribution {
    /// From single observations in seconds, each 0 or more, possibly infinite.
    ///
    /// `None` when there is no observation or one is negative or not a number.
    pub fn from_samples(seconds: impl IntoIterator<Item = f64>) -> Option<Self> {
        Self::from_counts(seconds.into_iter().map(|s| (s, 1)))
    }

    /// From (time in seconds, number of observations) pairs in any order, as a
    /// histogram gives them; times are 0 or more, possibly infinite.
    ///
    /// `None` when all counts are 0 or a time is negative or not a number.
    pub fn from_counts(counts: impl IntoIterator<Item = (f64, u64)>) -> Option<Self> {
        let mut counts: Vec<(f64, u64)> = counts.into_iter().filter(|(_, n)| *n > 0).collect();
        let total: u128 = counts.iter().map(|(_, n)| u128::from(*n)).sum();
        if total == 0 || counts.iter().any(|(s, _)| s.is_nan() || *s < 0.0) {
            return None;
        }
        counts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut steps: Vec<(f64, f64)> = Vec::new();
        let mut seen = 0_u128;
        for (seconds, count) in counts.into_iter().filter(|(s, _)| s.is_finite()) {
            seen += u128::from(count);
            let share = seen as f64 / total as f64;
            match steps.last_mut() {
                Some(last) if last.0 == seconds => last.1 = share,
                _ => steps.push((seconds, share)),
            }
        }
        Some(Distribution { steps })
    }

    /// Distinct finite times, ascending, with the share (0 to 1) at or below each.
    pub fn steps(&self) -> &[(f64, f64)] {
        &self.steps
    }

    /// Share (0 to 1) of observations of at most `seconds`.
    pub fn share_up_to(&self, seconds: f64) -> f64 {
        let after = self.steps.partition_point(|(s, _)| *s <= seconds);
        after.checked_sub(1).map_or(0.0, |last| self.steps[last].1)
    }

    /// The least time in seconds that a share `p` (0 to 1) of observations does not
    /// exceed; infinite if so many observations never end.
    pub fn quantile(&self, p: f64) -> f64 {
        // Shares are quotients: 99 of 100 must count as 0.99.
        let at = self.steps.partition_point(|(_, share)| *share < p - 1e-12);
        self.steps.get(at).map_or(f64::INFINITY, |(s, _)| *s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_make_one_step() {
        let d = Distribution::from_samples([2.0, 1.0, 2.0, 4.0]).unwrap();
        assert_eq!(d.steps(), [(1.0, 0.25), (2.0, 0.75), (4.0, 1.0)]);
        assert_eq!(d.share_up_to(0.5), 0.0);
        assert_eq!(d.share_up_to(2.0), 0.75);
        assert_eq!(
            d,
            Distribution::from_counts([(4.0, 1), (2.0, 2), (1.0, 1)]).unwrap()
        );
    }

    #[test]
    fn quantiles_are_observed_times() {
        let d = Distribution::from_samples((1..=100).map(f64::from)).unwrap();
        assert_eq!(
            (d.quantile(0.5), d.quantile(0.99), d.quantile(1.0)),
            (50.0, 99.0, 100.0)
        );
    }

    #[test]
    fn never_counts_but_has_no_step() {
        let d = Distribution::from_samples([1.0, f64::INFINITY]).unwrap();
        assert_eq!(d.steps(), [(1.0, 0.5)]);
        assert_eq!((d.quantile(0.5), d.quantile(0.99)), (1.0, f64::INFINITY));
    }

    #[test]
    fn nothing_or_nonsense_is_no_distribution() {
        assert!(Distribution::from_samples([]).is_none());
        assert!(Distribution::from_counts([(1.0, 0)]).is_none());
        assert!(Distribution::from_samples([1.0, f64::NAN]).is_none());
        assert!(Distribution::from_samples([-1.0]).is_none());
    }
}
