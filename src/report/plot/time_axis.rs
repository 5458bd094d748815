//! Time axes with ticks at 1 s, 1 min, 1 h, 1 d rather than at powers of ten.

use super::duration;
use super::font;
use super::scene::TEXT_PX;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

/// Places where a logarithmic time axis may be labelled, in seconds, and how
/// readily: 0 is a whole unit, 1 an order of magnitude, 2 a step between.
const PLACES: [(f64, u8); 53] = [
    (1e-6, 0),
    (1e-5, 1),
    (1e-4, 1),
    (1e-3, 0),
    (2e-3, 2),
    (5e-3, 2),
    (1e-2, 1),
    (2e-2, 2),
    (5e-2, 2),
    (0.1, 1),
    (0.2, 2),
    (0.5, 2),
    (1.0, 0),
    (2.0, 2),
    (3.0, 3),
    (5.0, 2),
    (7.0, 3),
    (10.0, 1),
    (15.0, 3),
    (20.0, 2),
    (30.0, 2),
    (45.0, 3),
    (MINUTE, 0),
    (1.5 * MINUTE, 3),
    (2.0 * MINUTE, 2),
    (3.0 * MINUTE, 3),
    (5.0 * MINUTE, 2),
    (7.0 * MINUTE, 3),
    (10.0 * MINUTE, 1),
    (15.0 * MINUTE, 3),
    (20.0 * MINUTE, 2),
    (30.0 * MINUTE, 2),
    (45.0 * MINUTE, 3),
    (HOUR, 0),
    (1.5 * HOUR, 3),
    (2.0 * HOUR, 2),
    (3.0 * HOUR, 3),
    (4.0 * HOUR, 2),
    (6.0 * HOUR, 1),
    (8.0 * HOUR, 3),
    (12.0 * HOUR, 2),
    (18.0 * HOUR, 3),
    (DAY, 0),
    (1.5 * DAY, 3),
    (2.0 * DAY, 2),
    (4.0 * DAY, 2),
    (7.0 * DAY, 1),
    (14.0 * DAY, 2),
    (30.0 * DAY, 1),
    (60.0 * DAY, 2),
    (120.0 * DAY, 2),
    (365.0 * DAY, 0),
    (3_650.0 * DAY, 1),
];

/// Ratio of largest to smallest time from which on an axis is logarithmic.
const LOGARITHMIC_FROM: f64 = 100.0;

/// A labelled position on the axis.
#[derive(Clone, Debug)]
pub(super) struct TimeTick {
    pub(super) x: f64,
    pub(super) label: String,
}

/// Maps seconds to a horizontal position.
#[derive(Clone, Debug)]
pub(super) struct TimeAxis {
    low: f64,
    high: f64,
    logarithmic: bool,
    left: f64,
    right: f64,
}

impl TimeAxis {
    /// A logarithmic axis around all positive `seconds`, at most eight decades long.
    pub(super) fn logarithmic(seconds: impl Iterator<Item = f64>, left: f64, right: f64) -> Self {
        let (least, most) = positive_range(seconds).unwrap_or((1.0, DAY));
        let least = least.max(1e-8 * most);
        let (low, high) = enclosing_places(least, most, 1);
        // Where whole orders of magnitude would leave most of the axis empty, cut closer.
        let (low, high) = match high / low > 12.0 * (most / least) {
            true => enclosing_places(least, most, 3),
            false => (low, high),
        };
        TimeAxis {
            low,
            high,
            logarithmic: true,
            left,
            right,
        }
    }

    /// A linear axis from 0, or a logarithmic one if the times differ too much for that.
    pub(super) fn fitting(
        seconds: impl Iterator<Item = f64> + Clone,
        left: f64,
        right: f64,
    ) -> Self {
        let (least, most) = positive_range(seconds.clone()).unwrap_or((1.0, 1.0));
        if most / least > LOGARITHMIC_FROM {
            return Self::logarithmic(seconds, left, right);
        }
        let step = linear_step(most);
        TimeAxis {
            low: 0.0,
            high: (most / step - 1e-9).ceil() * step,
            logarithmic: false,
            left,
            right,
        }
    }

    /// Position of a time, held inside the axis.
    pub(super) fn x(&self, seconds: f64) -> f64 {
        let share = match self.logarithmic {
            true => (seconds / self.low).ln() / (self.high / self.low).ln(),
            false => (seconds - self.low) / (self.high - self.low),
        };
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Left end in pixels.
    pub(super) fn left(&self) -> f64 {
        self.left
    }

    /// Right end in pixels.
    pub(super) fn right(&self) -> f64 {
        self.right
    }

    /// As many labels as have room, whole units first.
    pub(super) fn ticks(&self) -> Vec<TimeTick> {
        let mut taken: Vec<(f64, f64)> = Vec::new();
        let mut ticks = Vec::new();
        for seconds in self.places() {
            let label = duration::text(seconds);
            let x = self.x(seconds);
            let half = font::width(&label, TEXT_PX, false) / 2.0 + 8.0;
            if taken
                .iter()
                .all(|(from, to)| x + half <= *from || x - half >= *to)
            {
                taken.push((x - half, x + half));
                ticks.push(TimeTick { x, label });
            }
        }
        ticks.sort_by(|a, b| a.x.total_cmp(&b.x));
        ticks
    }

    /// Times worth a label, the most welcome first.
    fn places(&self) -> Vec<f64> {
        if !self.logarithmic {
            let step = linear_step(self.high);
            let count = (self.high / step).round() as u32;
            return (0..=count).map(|i| f64::from(i) * step).collect();
        }
        let inside = |(at, _): &(f64, u8)| (self.low..=self.high).contains(at);
        let mut places: Vec<(f64, u8)> = PLACES.into_iter().filter(inside).collect();
        places.sort_by_key(|(_, rank)| *rank);
        // Steps between only where orders of magnitude alone would leave too few labels.
        let coarse = places.iter().filter(|(_, rank)| *rank <= 1).count();
        places.retain(|(_, rank)| *rank <= 1 || coarse < 5);
        places.into_iter().map(|(at, _)| at).collect()
    }
}

fn positive_range(seconds: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    seconds
        .filter(|s| *s > 0.0 && s.is_finite())
        .fold(None, |range, s| match range {
            None => Some((s, s)),
            Some((least, most)) => Some((s.min(least), s.max(most))),
        })
}

/// The nearest places of at most `rank` below and above, always two different ones.
fn enclosing_places(least: f64, most: f64, rank: u8) -> (f64, f64) {
    let places: Vec<f64> = PLACES
        .iter()
        .filter(|(_, r)| *r <= rank)
        .map(|(at, _)| *at)
        .collect();
    let last = places.len() - 1;
    let below = places.iter().rposition(|at| *at <= least).unwrap_or(0);
    let above = places.iter().position(|at| *at >= most).unwrap_or(last);
    match below < above {
        true => (places[below], places[above]),
        false => (
            places[below.saturating_sub(1)],
            places[(above + 1).min(last)],
        ),
    }
}

/// A round step, in a unit that suits `most`, that gives about six ticks up to it.
fn linear_step(most: f64) -> f64 {
    let unit = match most {
        m if m > 2.0 * DAY => DAY,
        m if m > 2.0 * HOUR => HOUR,
        m if m > 2.0 * MINUTE => MINUTE,
        _ => 1.0,
    };
    let rough = most / unit / 6.0;
    let power = 10_f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0];
    let mantissa = round.iter().find(|m| rough <= **m * power * (1.0 + 1e-9));
    mantissa.unwrap_or(&10.0) * power * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &TimeAxis) -> String {
        let labels: Vec<String> = axis.ticks().into_iter().map(|t| t.label).collect();
        labels.join(", ")
    }

    fn logarithmic(values: &[f64]) -> TimeAxis {
        TimeAxis::logarithmic(values.iter().copied(), 0.0, 800.0)
    }

    fn fitting(values: &[f64]) -> TimeAxis {
        TimeAxis::fitting(values.iter().copied(), 0.0, 800.0)
    }

    #[test]
    fn a_wide_logarithmic_axis_is_labelled_in_whole_units() {
        let axis = logarithmic(&[0.0, 1.5, 90_000.0]);
        assert_eq!(
            labels(&axis),
            "1 s, 10 s, 1 min, 10 min, 1 h, 6 h, 1 d, 7 d"
        );
    }

    #[test]
    fn a_narrow_logarithmic_axis_still_has_several_labels() {
        for values in [&[7.3, 7.9][..], &[7.0], &[61.0, 500.0], &[1e-9], &[1e12]] {
            let axis = logarithmic(values);
            assert!(axis.ticks().len() >= 2, "{values:?}: {}", labels(&axis));
        }
    }

    #[test]
    fn nothing_measured_gives_a_second_to_a_day() {
        let axis = logarithmic(&[0.0]);
        assert_eq!((axis.x(1.0), axis.x(DAY)), (0.0, 800.0));
    }

    #[test]
    fn a_linear_axis_starts_at_zero_and_steps_in_its_unit() {
        assert_eq!(
            labels(&fitting(&[3.1, 9.4])),
            "0 s, 2 s, 4 s, 6 s, 8 s, 10 s"
        );
        assert_eq!(
            labels(&fitting(&[0.02, 0.3])),
            "0 s, 50 ms, 100 ms, 150 ms, 200 ms, 250 ms, 300 ms"
        );
        assert!(labels(&fitting(&[400.0])).ends_with("6 min, 8 min"));
    }

    #[test]
    fn times_too_different_for_a_linear_axis_get_a_logarithmic_one() {
        assert!(!fitting(&[1.0, 100.0]).logarithmic);
        assert!(fitting(&[1.0, 101.0]).logarithmic);
    }
}
