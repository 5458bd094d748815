//! How long things last: quantiles of outage and failover durations.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::distribution::{student_upper, tail_of};
use super::exact_sums::ExactSums;
use super::rank::enclosing_ranks;

/// So many durations are kept as they are; more go into a histogram. Most replications see few
/// outages, and a histogram over all durations from a microsecond to centuries takes 360 kB.
const KEPT_EXACTLY: usize = 1024;

/// Smallest difference that the histogram tells apart, in ns: one microsecond.
const RESOLUTION_NS: u64 = 1_000;

/// Significant decimal digits of the histogram: every value within 0.1%.
const SIGNIFICANT_DIGITS: u8 = 3;

const NS_PER_SECOND: f64 = 1e9;

/// A collection of durations in nanoseconds, 0 to `u64::MAX` (584 years).
///
/// Count, mean, minimum and maximum are exact. Other quantiles are exact up to 1024 durations,
/// and beyond that good to three significant digits (or 1 us, whichever is coarser). The result
/// depends only on which durations were recorded, never on their order or on how the collections
/// were merged.
#[derive(Clone, Debug)]
pub struct Durations {
    sums: ExactSums,
    min: u64,
    max: u64,
    store: Store,
}

#[derive(Clone, Debug)]
enum Store {
    Exact(Vec<u64>),
    Binned(Histogram<u64>),
}

/// Quantiles of a collection of durations, in seconds.
///
/// Serialises as `{"p50", "p95", "p99", "max", "mean", "count", "intervals"}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// Median, seconds.
    pub p50: f64,
    /// 95th percentile, seconds.
    pub p95: f64,
    /// 99th percentile, seconds.
    pub p99: f64,
    /// Longest, seconds, exact.
    pub max: f64,
    /// Arithmetic mean, seconds, exact.
    pub mean: f64,
    /// Number of durations, at least 1.
    pub count: u64,
    /// Confidence intervals, at the level that was asked for.
    pub intervals: QuantileIntervals,
}

/// Confidence intervals `[low, high]` of [`Quantiles`], in seconds.
///
/// Quantiles are enclosed by order statistics, whatever the distribution. Both ends stay within
/// the shortest and the longest duration seen; where the sample is too small to enclose a
/// quantile (fewer than 368 durations for p99 at 95%), the interval ends at the extreme and
/// covers less than the confidence level says. Durations are taken as independent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct QuantileIntervals {
    /// Interval of the median.
    pub p50: [f64; 2],
    /// Interval of the 95th percentile.
    pub p95: [f64; 2],
    /// Interval of the 99th percentile.
    pub p99: [f64; 2],
    /// Student t interval of the mean, no lower than 0; from a single duration, the duration.
    pub mean: [f64; 2],
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            sums: ExactSums::default(),
            min: u64::MAX,
            max: 0,
            store: Store::Exact(Vec::new()),
        }
    }
}

impl Durations {
    /// No durations yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one duration in nanoseconds.
    pub fn record(&mut self, ns: u64) {
        self.sums.add(ns);
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
        self.store.record(ns);
    }

    /// Adds all durations of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.sums.merge(&other.sums);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.store.merge(&other.store);
    }

    /// Number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.sums.count()
    }

    /// Sum of all durations in nanoseconds, exact.
    #[must_use]
    pub fn total_ns(&self) -> u128 {
        self.sums.sum()
    }

    /// Quantiles with intervals at this two-sided confidence level; `None` without durations.
    ///
    /// The `p`-quantile is the smallest duration that at least a share `p` of all do not exceed.
    ///
    /// # Panics
    /// If `confidence` is not strictly between 0 and 1.
    #[must_use]
    pub fn quantiles(&self, confidence: f64) -> Option<Quantiles> {
        let tail = tail_of(confidence);
        if self.count() == 0 {
            return None;
        }
        let steps = self.steps();
        let (p50, p50_interval) = self.quantile(&steps, 0.50, tail);
        let (p95, p95_interval) = self.quantile(&steps, 0.95, tail);
        let (p99, p99_interval) = self.quantile(&steps, 0.99, tail);
        Some(Quantiles {
            p50,
            p95,
            p99,
            max: seconds(self.max),
            mean: self.sums.mean() / NS_PER_SECOND,
            count: self.count(),
            intervals: QuantileIntervals {
                p50: p50_interval,
                p95: p95_interval,
                p99: p99_interval,
                mean: self.mean_interval(tail),
            },
        })
    }

    /// The empirical distribution function for plotting: pairs of (seconds, share of durations
    /// that do not exceed them), both ascending, at most `max_points` of them.
    ///
    /// When points must be left out, the shortest and the longest duration stay, and the others
    /// are spread evenly over the distinct values so that a long tail keeps its points.
    #[must_use]
    pub fn cdf_points(&self, max_points: usize) -> Vec<(f64, f64)> {
        let steps = self.steps();
        let total = self.count() as f64;
        let point = |&(ns, reached): &(u64, u64)| (seconds(ns), reached as f64 / total);
        if steps.len() <= max_points {
            return steps.iter().map(point).collect();
        }
        match max_points {
            0 => Vec::new(),
            1 => steps.last().map(point).into_iter().collect(),
            _ => (0..max_points)
                .map(|i| point(&steps[i * (steps.len() - 1) / (max_points - 1)]))
                .collect(),
        }
    }

    /// Distinct values in ascending order, each with the number of durations up to it.
    fn steps(&self) -> Vec<(u64, u64)> {
        let mut steps = self.store.steps();
        for step in &mut steps {
            step.0 = step.0.clamp(self.min, self.max);
        }
        // The extremes are known exactly, whatever their bin says.
        if let Some(first) = steps.first_mut() {
            first.0 = self.min;
        }
        if let Some(last) = steps.last_mut() {
            last.0 = self.max;
        }
        steps
    }

    /// A quantile and the interval around it, in seconds.
    fn quantile(&self, steps: &[(u64, u64)], share: f64, tail: f64) -> (f64, [f64; 2]) {
        let at = |rank: u64| {
            let index = steps.partition_point(|&(_, reached)| reached < rank);
            seconds(steps.get(index).map_or(self.max, |step| step.0))
        };
        let count = self.count();
        let (low, high) = enclosing_ranks(count, share, tail);
        let rank = ((share * count as f64).ceil() as u64).clamp(1, count);
        (
            at(rank),
            [
                low.map_or(seconds(self.min), at),
                high.map_or(seconds(self.max), at),
            ],
        )
    }

    fn mean_interval(&self, tail: f64) -> [f64; 2] {
        let mean = self.sums.mean() / NS_PER_SECOND;
        if self.count() < 2 {
            return [mean, mean];
        }
        let error = self.sums.standard_error() / NS_PER_SECOND;
        let half_width = student_upper((self.count() - 1) as f64, tail) * error;
        [(mean - half_width).max(0.0), mean + half_width]
    }
}

impl Store {
    fn record(&mut self, ns: u64) {
        match self {
            Self::Exact(values) if values.len() < KEPT_EXACTLY => values.push(ns),
            Self::Exact(_) => self.binned().saturating_record(ns),
            Self::Binned(histogram) => histogram.saturating_record(ns),
        }
    }

    fn merge(&mut self, other: &Self) {
        match other {
            Self::Exact(values) => values.iter().for_each(|&ns| self.record(ns)),
            Self::Binned(histogram) => self
                .binned()
                .add(histogram)
                .expect("both histograms have the same constant bounds"),
        }
    }

    /// The histogram, after moving exactly kept values into it if need be.
    fn binned(&mut self) -> &mut Histogram<u64> {
        if let Self::Exact(values) = self {
            let mut histogram = empty_histogram();
            values
                .iter()
                .for_each(|&ns| histogram.saturating_record(ns));
            *self = Self::Binned(histogram);
        }
        match self {
            Self::Binned(histogram) => histogram,
            Self::Exact(_) => unreachable!("just replaced"),
        }
    }

    fn steps(&self) -> Vec<(u64, u64)> {
        match self {
            Self::Exact(values) => exact_steps(values),
            Self::Binned(histogram) => histogram
                .iter_recorded()
                .scan(0, |reached, bin| {
                    *reached += bin.count_at_value();
                    Some((
                        histogram.median_equivalent(bin.value_iterated_to()),
                        *reached,
                    ))
                })
                .collect(),
        }
    }
}

fn exact_steps(values: &[u64]) -> Vec<(u64, u64)> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let mut reached = 0;
    sorted
        .chunk_by(|a, b| a == b)
        .map(|equal| {
            reached += equal.len() as u64;
            (equal[0], reached)
        })
        .collect()
}

fn empty_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(RESOLUTION_NS, u64::MAX, SIGNIFICANT_DIGITS)
        .expect("constant bounds that a test exercises")
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / NS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn of(values: impl IntoIterator<Item = u64>) -> Durations {
        let mut durations = Durations::new();
        values.into_iter().for_each(|ns| durations.record(ns));
        durations
    }

    #[test]
    fn nothing_recorded_has_no_quantiles() {
        assert_eq!(Durations::new().quantiles(0.95), None);
        assert!(Durations::new().cdf_points(10).is_empty());
    }

    #[test]
    fn one_hundred_seconds() {
        let d = of((1..=100).map(|s| s * SECOND));
        let q = d.quantiles(0.95).expect("not empty");
        assert_eq!((q.p50, q.p95, q.p99, q.max), (50.0, 95.0, 99.0, 100.0));
        assert_eq!((q.mean, q.count), (50.5, 100));
        // Ranks 40 and 61 enclose the median of 100 observations (Conover 1999).
        assert_eq!(q.intervals.p50, [40.0, 61.0]);
        assert_eq!(q.intervals.p99[1], 100.0);
        let half_width = 1.9842169515864 * (100.0f64 * 101.0 / 12.0 / 100.0).sqrt();
        assert!((q.intervals.mean[1] - 50.5 - half_width).abs() < 1e-9);
        assert_eq!(d.total_ns(), 5050 * u128::from(SECOND));
    }

    #[test]
    fn a_single_duration() {
        let q = of([7 * SECOND]).quantiles(0.99).expect("not empty");
        assert_eq!((q.p50, q.p99, q.mean), (7.0, 7.0, 7.0));
        assert_eq!(
            (q.intervals.p95, q.intervals.mean),
            ([7.0, 7.0], [7.0, 7.0])
        );
    }

    #[test]
    fn the_histogram_takes_the_whole_range() {
        let mut d = of((0..2000).map(|i| i * 1_000_000 + 5));
        d.record(0);
        d.record(u64::MAX);
        let q = d.quantiles(0.95).expect("not empty");
        assert_eq!(q.max, u64::MAX as f64 / 1e9);
        assert!((q.p50 - 1.0).abs() < 2e-3, "{}", q.p50);
        assert!((q.p99 - 1.98).abs() < 4e-3, "{}", q.p99);
        let points = d.cdf_points(50);
        assert_eq!((points.len(), points[0].0), (50, 0.0));
        assert_eq!(points[49], (q.max, 1.0));
    }

    #[test]
    fn few_points_are_honoured() {
        let d = of((1..=10).map(|s| s * SECOND));
        assert!(d.cdf_points(0).is_empty());
        assert_eq!(d.cdf_points(1), [(10.0, 1.0)]);
        assert_eq!(d.cdf_points(2), [(1.0, 0.1), (10.0, 1.0)]);
        assert_eq!(d.cdf_points(100).len(), 10);
    }

    proptest! {
        #[test]
        fn order_and_merging_do_not_matter(
            mut values in prop::collection::vec(0..1u64 << 50, 1..2500),
            cut in 0.0..1.0f64,
        ) {
            let whole = of(values.iter().copied());
            let at = (cut * values.len() as f64) as usize;
            let mut merged = of(values[at..].iter().copied());
            merged.merge(&of(values[..at].iter().copied()));
            values.reverse();
            let reversed = of(values);
            for other in [merged, reversed] {
                prop_assert_eq!(whole.quantiles(0.9), other.quantiles(0.9));
                prop_assert_eq!(whole.cdf_points(40), other.cdf_points(40));
            }
        }

        #[test]
        fn quantiles_are_ordered_enclosed_and_accurate(values in prop::collection::vec(1_000_000..1u64 << 62, 1..2500)) {
            let q = of(values.iter().copied()).quantiles(0.95).expect("not empty");
            prop_assert!(q.p50 <= q.p95 && q.p95 <= q.p99 && q.p99 <= q.max);
            for (value, [low, high]) in [(q.p50, q.intervals.p50), (q.p95, q.intervals.p95), (q.p99, q.intervals.p99), (q.mean, q.intervals.mean)] {
                prop_assert!(low <= value && value <= high);
            }
            let mut sorted = values;
            sorted.sort_unstable();
            let exact = seconds(sorted[(0.95 * sorted.len() as f64).ceil() as usize - 1]);
            prop_assert!((q.p95 / exact - 1.0).abs() < 1e-3);
        }

        #[test]
        fn the_distribution_function_rises_to_one(values in prop::collection::vec(any::<u64>(), 1..2000), max_points in 2usize..60) {
            let points = of(values).cdf_points(max_points);
            prop_assert!(points.len() <= max_points);
            prop_assert!(points.windows(2).all(|w| w[0].0 <= w[1].0 && w[0].1 < w[1].1));
            prop_assert_eq!(points.last().map(|p| p.1), Some(1.0));
        }
    }
}
