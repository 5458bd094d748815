//! A state and the timers that run in it.

use super::hash::WordHasher;
use crate::automaton::{Nanos, State, Timer};
use std::hash::{Hash, Hasher};

/// What a running timer still waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wait {
    /// Exactly this long.
    Clock(Nanos),
    /// Exactly this long, and then a stage of a fit.
    ClockThenStage(Nanos, u32),
    /// The end of a stage: the number of the fit, and the stage in it.
    Stage(u32, u16),
}

impl Wait {
    /// The time that it has exactly, if it has one.
    pub fn clock(self) -> Option<Nanos> {
        match self {
            Wait::Clock(left) | Wait::ClockThenStage(left, _) => Some(left),
            Wait::Stage(..) => None,
        }
    }

    /// The same wait a little later; stages do not age.
    fn later(self, passed: Nanos) -> Wait {
        match self {
            Wait::Clock(left) => Wait::Clock(left - passed),
            Wait::ClockThenStage(left, fit) => Wait::ClockThenStage(left - passed, fit),
            stage => stage,
        }
    }
}

/// A timer that runs, or stands still (pace 0) with the time that it has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pending {
    /// Which.
    pub timer: Timer,
    /// What it waits for.
    pub wait: Wait,
    /// How many times as fast as normal it runs, as the bits of the number: equal
    /// paces have equal bits.
    pub(super) pace: u64,
}

impl Pending {
    /// A timer at its normal pace.
    pub(super) fn new(timer: Timer, wait: Wait) -> Pending {
        Pending {
            timer,
            wait,
            pace: 1f64.to_bits(),
        }
    }

    /// How many times as fast as normal it runs; 0 stands still.
    pub fn pace(&self) -> f64 {
        f64::from_bits(self.pace)
    }

    /// The time until it runs out, if it is a clock that runs.
    pub fn time_left(&self) -> Option<Nanos> {
        let left = self.wait.clock()?;
        match self.pace() {
            0.0 => None,
            1.0 => Some(left),
            pace => Some(Nanos::from_seconds(left.seconds() / pace)),
        }
    }
}

/// All that decides what can happen next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Situation<const W: usize> {
    /// The state of the model.
    pub state: State<W>,
    /// The timers that run: clocks first, the earliest first (and of equal ones the
    /// one that was armed first), then stages by number. One order for one meaning,
    /// so that equal situations are equal values.
    pub pending: Vec<Pending>,
    /// How often a clock that still runs has been interrupted by a stage; see
    /// [`Brancher`](super::Brancher).
    pub interruptions: u8,
}

impl<const W: usize> Situation<W> {
    /// Brings the timers into their order.
    pub(super) fn normalise(&mut self) {
        // Stable, so that clocks that run out together keep the order of arming.
        self.pending
            .sort_by_key(|pending| match pending.time_left() {
                Some(left) => (0, left.0),
                None => (1, u64::from(pending.timer.0)),
            });
        if self.next_clock().is_none() {
            self.interruptions = 0;
        }
    }

    /// A number that situations share that differ only in who is who. Others may share it
    /// by chance.
    pub fn kind(&self) -> u64 {
        let mut waits: Vec<(Wait, u64)> = self.pending.iter().map(|p| (p.wait, p.pace)).collect();
        waits.sort_unstable();
        let mut hasher = WordHasher::default();
        (self.state.without_names(), waits, self.interruptions).hash(&mut hasher);
        hasher.finish()
    }

    /// The clock that runs out first, and when.
    pub fn next_clock(&self) -> Option<(Nanos, &Pending)> {
        let first = self.pending.first()?;
        first.time_left().map(|left| (left, first))
    }

    /// Does nothing happen by itself before a stage ends?
    pub fn is_settled(&self) -> bool {
        self.next_clock().is_none()
    }

    /// Lets time pass: clocks have less left. Stages do not age.
    pub(super) fn pass(&mut self, time: Nanos) {
        for pending in &mut self.pending {
            let pace = pending.pace();
            let passed = if pace == 1.0 {
                time
            } else {
                Nanos::from_seconds(time.seconds() * pace)
            };
            pending.wait = pending.wait.later(passed);
        }
    }
}
