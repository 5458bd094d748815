//! The levels: how far a state is from an outage, and how many copies that is worth.

use super::pilot::Counts;
use crate::automaton::{Blueprint, Delay, Nanos, Timer};
use crate::engine::branch::Distance;

/// Stands for a timer that is no event of a cut.
pub(super) const NO_EVENT: u8 = u8::MAX;
/// Copies at most that are made at once.
pub(super) const MAX_COPIES: f64 = 64.0;
/// Copies for each arrival at a level at most, where most copies come to nothing.
const MOST_FOR_ONE: f64 = 20.0;
/// What is as likely as this in a window is left to come by itself.
const LIKELY: f64 = 0.5;
/// A window is so many times as long as a stay at its level.
const STAYS: f64 = 2.0;

/// Levels of one run. They steer effort; no estimate depends on them.
#[derive(Clone, Debug)]
pub struct Levels {
    distance: Distance,
    means_s: Vec<f64>,
    /// The services that are asked for, one bit each.
    pub(super) services: u64,
    /// By distance: what a copy weighs, as a part of what it was copied from.
    factors: Vec<f64>,
    /// By distance: how long a window is at most.
    windows: Vec<Nanos>,
    /// By distance: does what brings an outage nearer come soon by itself?
    likely: Vec<bool>,
}

impl Levels {
    /// Levels that no pilot has tuned yet.
    pub fn new<const W: usize>(
        blueprint: &Blueprint<W>,
        distance: Distance,
        services: u64,
    ) -> Levels {
        Levels {
            distance,
            means_s: blueprint.distributions().iter().map(|d| d.mean()).collect(),
            services,
            factors: Vec::new(),
            windows: Vec::new(),
            likely: Vec::new(),
        }
    }

    /// The bit of the event that a timer stands for when it waits so long.
    #[inline]
    pub(super) fn event(&self, timer: Timer, delay: Delay) -> u8 {
        let mean_s = match delay {
            Delay::Fixed(time) => time.seconds(),
            Delay::Uniform { low, high } => 0.5 * (low.seconds() + high.seconds()),
            Delay::Drawn(id) => self.means_s[id.0 as usize],
            Delay::FixedThenDrawn(time, id) => time.seconds() + self.means_s[id.0 as usize],
        };
        let bit = self.distance.bit(timer, mean_s);
        bit.map_or(NO_EVENT, |bit| bit as u8)
    }

    /// See [`Distance::of`].
    #[inline]
    pub(super) fn of(&self, possible: u128) -> (u32, u128) {
        self.distance.of(possible)
    }

    /// The weight of a copy that is made at a distance; 0 where no pilot came there.
    #[inline]
    pub(super) fn factor(&self, distance: u32) -> f64 {
        self.factors.get(distance as usize).map_or(0.0, |f| *f)
    }

    /// The longest window at a distance.
    #[inline]
    pub(super) fn window(&self, distance: u32) -> Nanos {
        let window = self.windows.get(distance as usize);
        window.map_or(Nanos::NEVER, |window| *window)
    }

    /// Is what would bring an outage nearer left to come by itself? This is settled
    /// for a distance as a whole: whether to copy must not depend on what the future
    /// of a single trajectory holds.
    #[inline]
    pub(super) fn is_likely(&self, distance: u32) -> bool {
        self.likely.get(distance as usize).is_some_and(|l| *l)
    }

    /// Learns from what a pilot has counted: about one copy that gets further for
    /// each arrival at a level, so that no level has much more work than another.
    pub(super) fn tune(&mut self, counts: &[Counts]) {
        self.factors.resize(counts.len(), 0.0);
        self.windows.resize(counts.len(), Nanos::NEVER);
        self.likely.resize(counts.len(), false);
        for (distance, counts) in counts.iter().enumerate() {
            if counts.arrivals > 0 && counts.probability > 0.0 {
                let failed = counts.copies as f64 / counts.successes.max(1) as f64;
                let copies = failed.clamp(1.0, MOST_FOR_ONE);
                let mean = counts.probability / counts.arrivals as f64;
                self.factors[distance] = (mean / copies).min(1.0);
                self.likely[distance] = counts.probability > LIKELY * counts.windows as f64;
            }
            if counts.departures > 0 {
                let stay_s = counts.stay_s / counts.departures as f64;
                self.windows[distance] = Nanos::from_seconds(STAYS * stay_s).max(Nanos(1));
            }
        }
    }

    /// The factors of copies by distance, the farthest first, for people.
    pub fn describe(&self) -> Vec<(usize, f64)> {
        let factors = self.factors.iter().enumerate().rev();
        let factors = factors.filter(|(d, factor)| **factor > 0.0 && !self.likely[*d]);
        factors.map(|(d, factor)| (d, 1.0 / factor)).collect()
    }

    /// Is there anything to be steered by?
    pub fn knows_anything(&self) -> bool {
        self.distance.knows_anything()
    }
}
