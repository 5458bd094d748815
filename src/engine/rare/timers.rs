//! The running timers of one trajectory, with what is known of each.

use super::chance::Chance;
use super::levels::{Levels, NO_EVENT};
use crate::automaton::{Delay, Nanos, Reader, StreamId, Timer};
use crate::engine::agenda::Agenda;

/// What is known of a timer since it was armed.
#[derive(Clone, Copy)]
struct Run {
    delay: Delay,
    /// How long it runs in all, at normal pace.
    drawn: Nanos,
    /// It is known to reach this age, because a window is open that says so.
    floor: Nanos,
    /// The window in which that was noted.
    floor_window: u32,
    /// The step in which it was armed.
    armed: u32,
    /// The event of a cut that it stands for.
    event: u8,
    continuable: bool,
}

/// A timer with all that is needed to draw its rest anew.
#[derive(Clone, Copy)]
pub(super) struct Age {
    /// Its delay.
    pub delay: Delay,
    /// Its age in seconds at normal pace.
    pub age_s: f64,
    /// The age that it is known to reach, in seconds; no less than its age.
    pub floor_s: f64,
    /// How many times as fast as normal it runs.
    pub pace: f64,
}

/// The timers of one trajectory.
#[derive(Clone)]
pub(super) struct Timers {
    pub agenda: Agenda,
    runs: Vec<Run>,
    /// The events of cuts that still may happen, one bit each.
    pub possible: u128,
    step: u32,
    /// Until then nothing is split.
    pub wait_until: Nanos,
    /// Does the window up to then rest on which timers run out in it?
    informed: bool,
    window: u32,
    window_step: u32,
}

impl Timers {
    pub fn new(timers: usize) -> Timers {
        let idle = Run {
            delay: Delay::Fixed(Nanos::ZERO),
            drawn: Nanos::ZERO,
            floor: Nanos::ZERO,
            floor_window: 0,
            armed: 0,
            event: NO_EVENT,
            continuable: false,
        };
        Timers {
            agenda: Agenda::new(timers),
            runs: vec![idle; timers],
            possible: 0,
            step: 0,
            wait_until: Nanos::ZERO,
            informed: false,
            window: 0,
            window_step: 0,
        }
    }

    pub fn copy_from(&mut self, other: &Timers) {
        self.agenda.copy_from(&other.agenda);
        self.runs.clone_from(&other.runs);
        self.possible = other.possible;
        self.step = other.step;
        self.wait_until = other.wait_until;
        self.informed = other.informed;
        self.window = other.window;
        self.window_step = other.window_step;
    }

    pub fn clear(&mut self) {
        self.agenda.clear();
        self.possible = 0;
        self.step = 0;
        self.wait_until = Nanos::ZERO;
        self.informed = false;
        self.window = 0;
        self.window_step = 0;
    }

    #[inline]
    pub fn now(&self) -> Nanos {
        self.agenda.now()
    }

    /// Opens a window: nothing is split before its end. `informed` says that it was
    /// looked which timers run out in it.
    pub fn open_window(&mut self, until: Nanos, informed: bool) {
        self.wait_until = until;
        self.informed = informed;
        self.window += 1;
        self.window_step = self.step;
    }

    /// The event at hand is that of this timer.
    #[inline]
    pub fn begin_event(&mut self, time: Nanos, timer: Timer) {
        self.agenda.begin_event(time, timer);
        self.step += 1;
        self.forget_event(timer);
    }

    #[inline]
    fn forget_event(&mut self, timer: Timer) {
        let run = &mut self.runs[timer.0 as usize];
        if run.event != NO_EVENT {
            self.possible &= !(1 << run.event);
            run.event = NO_EVENT;
        }
    }

    /// The bit of the event that a running timer stands for, 0 without one.
    #[inline]
    pub fn event(&self, timer: Timer) -> u128 {
        match self.runs[timer.0 as usize].event {
            NO_EVENT => 0,
            event => 1 << event,
        }
    }

    /// A running timer whose rest may be drawn anew; none where its law has no
    /// hazard, or where it is known already when it runs out.
    #[inline]
    pub fn age(&self, timer: Timer) -> Option<Age> {
        let run = &self.runs[timer.0 as usize];
        if !run.continuable || run.floor >= run.drawn {
            return None;
        }
        let (rest, pace) = self.agenda.rest(timer)?;
        let age = run.drawn.since(rest);
        Some(Age {
            delay: run.delay,
            age_s: age.seconds(),
            floor_s: age.max(run.floor).seconds(),
            pace,
        })
    }

    /// Lets a running timer run out at another age than the one that was drawn.
    pub fn run_out_at(&mut self, timer: Timer, of: &Age, age_s: f64) {
        let rest = Nanos::from_seconds(age_s - of.age_s);
        let run = &mut self.runs[timer.0 as usize];
        run.drawn = Nanos::from_seconds(of.age_s) + rest;
        self.agenda.arm(timer, rest);
        if of.pace != 1.0 {
            self.agenda.pace(timer, of.pace);
        }
    }

    /// Notes what an open window says of a timer before its pace changes: it reaches
    /// the age that it would have had at the window's end.
    fn note_floor(&mut self, timer: Timer) {
        let now = self.now();
        let (window, window_step) = (self.window, self.window_step);
        let Some((rest, pace)) = self.agenda.rest(timer) else {
            return;
        };
        let run = &mut self.runs[timer.0 as usize];
        let open = self.informed && now < self.wait_until;
        if !open || run.armed > window_step || run.floor_window == window {
            return;
        }
        let left_s = self.wait_until.since(now).seconds() * pace;
        let floor = run.drawn.since(rest) + Nanos::from_seconds(left_s);
        run.floor = run.floor.max(floor);
        run.floor_window = window;
    }
}

/// What the model sees while it makes its step.
pub(super) struct Hand<'a> {
    pub timers: &'a mut Timers,
    pub chance: &'a mut Chance,
    pub levels: &'a Levels,
}

impl Reader for Hand<'_> {
    #[inline]
    fn arm(&mut self, timer: Timer, delay: Delay, _stream: StreamId) {
        let drawn = self.chance.delay(delay);
        let timers = &mut *self.timers;
        timers.forget_event(timer);
        timers.agenda.arm(timer, drawn);
        let event = if drawn < Nanos::NEVER {
            self.levels.event(timer, delay)
        } else {
            NO_EVENT
        };
        if event != NO_EVENT {
            timers.possible |= 1 << event;
        }
        timers.runs[timer.0 as usize] = Run {
            delay,
            drawn,
            floor: Nanos::ZERO,
            floor_window: 0,
            armed: timers.step,
            event,
            continuable: self.chance.is_continuable(delay),
        };
    }

    fn cancel(&mut self, timer: Timer) {
        self.timers.agenda.cancel(timer);
        self.timers.forget_event(timer);
    }

    fn pace(&mut self, timer: Timer, factor: f64) {
        if self.timers.agenda.is_armed(timer) {
            self.timers.note_floor(timer);
            self.timers.agenda.pace(timer, factor);
        }
    }

    fn is_armed(&self, timer: Timer) -> bool {
        self.timers.agenda.is_armed(timer)
    }

    fn choose(&mut self, _stream: StreamId, weights: &[f64]) -> usize {
        self.chance.choose(weights)
    }
}
