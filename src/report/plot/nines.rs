//! The axis of nines: logarithmic in unavailability, better to the right.

use super::font;
use super::scene::TEXT_PX;

/// Number of nines of an unavailability: 2 for 0.01, 3 for 0.001.
pub(super) fn nines(unavailability: f64) -> f64 {
    -unavailability.log10()
}

/// An unavailability as an availability in percent, with two digits after the last nine.
pub(super) fn percent(unavailability: f64) -> String {
    /// f64 percentages carry no more decimals than this.
    const MOST_DECIMALS: f64 = 13.0;
    let missing = 100.0 * unavailability;
    if missing <= 0.0 {
        return "100%".to_owned();
    }
    let decimals = 1.0 - missing.log10().floor();
    if decimals > MOST_DECIMALS {
        return format!("{:.1} nines", nines(unavailability));
    }
    // Rounded down, as the tables do: 99.9899% must not be printed as 99.990%.
    let scale = 10_f64.powf(decimals.max(0.0));
    let percent = ((100.0 - missing) * scale + 1e-3).floor() / scale;
    format!("{:.*}%", decimals.max(0.0) as usize, percent)
}

/// Availability of exactly `nines` nines, as in `99.9%`.
fn percent_of_nines(nines: i32) -> String {
    let missing = 10_f64.powi(2 - nines);
    format!("{:.*}%", (nines - 2).max(0) as usize, 100.0 - missing)
}

/// Maps unavailability to a horizontal position.
#[derive(Clone, Debug)]
pub(super) struct NinesAxis {
    /// Whole nines at the left end.
    pub(super) low: i32,
    /// Whole nines at the right end, above `low`.
    pub(super) high: i32,
    /// Left end in pixels.
    pub(super) left: f64,
    /// Right end in pixels.
    pub(super) right: f64,
}

/// A labelled position on the axis.
pub(super) struct NinesTick {
    pub(super) unavailability: f64,
    pub(super) x: f64,
    /// "4 nines"; empty between whole nines or where there is no room.
    pub(super) nines: String,
    /// "99.99%"; empty where there is no room.
    pub(super) percent: String,
    /// On which of two lines the percentage has room.
    pub(super) percent_line: usize,
}

/// A labelled position on an axis that stands upright.
pub(super) struct Rung {
    pub(super) unavailability: f64,
    /// Position in pixels.
    pub(super) at: f64,
    /// "4 nines"; empty between whole nines.
    pub(super) nines: String,
    /// "99.99%".
    pub(super) percent: String,
}

impl NinesAxis {
    /// The whole nines that enclose all `unavailabilities`; only values above 0 count.
    pub(super) fn enclosing(
        unavailabilities: impl Iterator<Item = f64>,
        left: f64,
        right: f64,
    ) -> Self {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in unavailabilities.filter(|u| *u > 0.0 && u.is_finite()) {
            least = least.min(nines(value));
            most = most.max(nines(value));
        }
        if least > most {
            (least, most) = (0.0, 6.0);
        }
        // A value that is a power of ten up to rounding needs no further decade.
        let low = (least + 1e-9).floor().max(0.0) as i32;
        let high = ((most - 1e-9).ceil() as i32).max(low + 1);
        NinesAxis {
            low,
            high,
            left,
            right,
        }
    }

    /// Position of an unavailability, held inside the axis.
    pub(super) fn x(&self, unavailability: f64) -> f64 {
        let share = (nines(unavailability) - f64::from(self.low)) / self.span();
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    fn span(&self) -> f64 {
        f64::from(self.high - self.low)
    }

    /// Whole nines, and on short axes the fifths and halves between them.
    pub(super) fn ticks(&self) -> Vec<NinesTick> {
        let pitch = (self.right - self.left) / self.span();
        let every = (font::width("12 nines", TEXT_PX, false) + 8.0) / pitch;
        let every = (every.ceil() as i32).max(1);
        let mut ticks: Vec<NinesTick> = (self.low..=self.high)
            .map(|n| self.whole(n, (n - self.low) % every == 0))
            .collect();
        if self.span() <= 2.0 {
            let between = (self.low..self.high).flat_map(|n| [5.0, 2.0].map(|m| (m, n)));
            ticks.extend(between.map(|(m, n)| self.between(m, n)));
        }
        drop_crowded_percents(&mut ticks);
        ticks.sort_by(|a, b| a.x.total_cmp(&b.x));
        ticks
    }

    fn whole(&self, n: i32, labelled: bool) -> NinesTick {
        let unavailability = 10_f64.powi(-n);
        NinesTick {
            unavailability,
            x: self.x(unavailability),
            nines: match (labelled, n) {
                (false, _) => String::new(),
                (true, 1) => "1 nine".to_owned(),
                (true, n) => format!("{n} nines"),
            },
            percent: percent_of_nines(n),
            percent_line: 0,
        }
    }

    /// The tick at `mantissa` times the unavailability of `n + 1` nines.
    fn between(&self, mantissa: f64, n: i32) -> NinesTick {
        let unavailability = mantissa * 10_f64.powi(-n - 1);
        NinesTick {
            unavailability,
            x: self.x(unavailability),
            nines: String::new(),
            percent: format!(
                "{:.*}%",
                (n - 1).max(0) as usize,
                100.0 - 100.0 * unavailability
            ),
            percent_line: 0,
        }
    }

    /// Labels for an axis whose `left` is its lower end and `right` its upper one:
    /// there is room for a percentage at each.
    pub(super) fn rungs(&self) -> Vec<Rung> {
        let mut ticks: Vec<NinesTick> = (self.low..=self.high)
            .map(|n| self.whole(n, true))
            .collect();
        if self.span() <= 2.0 {
            let between = (self.low..self.high).flat_map(|n| [5.0, 2.0].map(|m| (m, n)));
            ticks.extend(between.map(|(m, n)| self.between(m, n)));
        }
        let rung = |tick: NinesTick| Rung {
            unavailability: tick.unavailability,
            at: tick.x,
            nines: tick.nines,
            percent: tick.percent,
        };
        ticks.into_iter().map(rung).collect()
    }

    /// Positions of the unlabelled grid lines at 2, 3, ... 9 times a power of ten.
    pub(super) fn minor_lines(&self) -> Vec<f64> {
        (self.low..self.high)
            .flat_map(|n| (2..10).map(move |m| f64::from(m) * 10_f64.powi(-n - 1)))
            .map(|u| self.x(u))
            .collect()
    }
}

/// Spreads percentages over two lines and empties those that would still touch one
/// placed before; whole nines come first.
fn drop_crowded_percents(ticks: &mut [NinesTick]) {
    let mut taken: [Vec<(f64, f64)>; 2] = Default::default();
    for tick in ticks {
        let half = font::width(&tick.percent, TEXT_PX, false) / 2.0 + 4.0;
        let (from, to) = (tick.x - half, tick.x + half);
        let is_free = |line: &Vec<(f64, f64)>| line.iter().all(|(a, b)| to <= *a || *b <= from);
        match taken.iter().position(is_free) {
            Some(line) => {
                taken[line].push((from, to));
                tick.percent_line = line;
            }
            None => tick.percent.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(values: &[f64]) -> NinesAxis {
        NinesAxis::enclosing(values.iter().copied(), 0.0, 800.0)
    }

    #[test]
    fn percentages_show_two_digits_after_the_nines() {
        assert_eq!(percent(0.012), "98.8%");
        assert_eq!(percent(4.7e-5), "99.9953%");
        assert_eq!(percent(1.0), "0%");
        assert_eq!(percent(0.0), "100%");
        assert_eq!(percent(1e-15), "15.0 nines");
    }

    #[test]
    fn labels_are_exact_where_plotters_own_are_not() {
        let labels: Vec<String> = (0..=9).map(percent_of_nines).collect();
        let expected = "0% 90% 99% 99.9% 99.99% 99.999% 99.9999% 99.99999% 99.999999% 99.9999999%";
        assert_eq!(labels.join(" "), expected);
    }

    #[test]
    fn the_axis_encloses_its_values_and_improves_to_the_right() {
        let axis = axis(&[3e-3, 0.0, 2e-6]);
        assert_eq!((axis.low, axis.high), (2, 6));
        assert!(axis.x(2e-6) > axis.x(3e-3));
        assert_eq!((axis.x(1.0), axis.x(1e-9)), (0.0, 800.0));
    }

    #[test]
    fn one_decade_and_no_value_still_make_an_axis() {
        let narrow = axis(&[2e-3, 3e-3]);
        assert_eq!((narrow.low, narrow.high), (2, 3));
        assert!(narrow.ticks().iter().any(|t| t.percent == "99.5%"));
        let exact = axis(&[1e-3]);
        assert_eq!((exact.low, exact.high), (3, 4));
        assert_eq!(axis(&[0.0]).low, 0);
    }
}
