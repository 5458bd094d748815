//! The agenda: which timer runs out next.
//!
//! Every named timer has one slot, so the agenda is a tournament over a fixed
//! number of slots rather than a heap of loose entries: arming, arming again
//! and cancelling all replay one path from a leaf to the root, and nothing is
//! ever left behind to be skipped later. Four meet in each match: half as many
//! rounds as with two, and the best of the three others is known before the
//! newcomer is. `cargo bench` shows it beside a binary
//! heap with lazy cancellation (docs/performance.md has the figures).
//!
//! A key holds the time, then the order of insertion, then the slot; comparing
//! two keys therefore breaks ties by insertion order.
//!
//! A timer at another pace than the normal one has a note beside its slot: how
//! long it would still run at normal pace. The note names the arming that it
//! belongs to, so arming a timer again outdates it without looking for it, and
//! timers whose pace never changes pay nothing. A timer that stands still keeps
//! its place at the end of all time.

use crate::automaton::{Nanos, Timer};
use crate::model::MAX_TIMERS;

/// The slot of a timer takes the last 24 bits of a key.
const _: () = assert!(MAX_TIMERS == 1 << 24);
/// No more timers than this can be armed in one replication.
pub const MAX_ARMINGS: u64 = 1 << 40;

/// A timer that does not run has a time from here on, each its own: two equal times cost
/// a detour.
const IDLE: u64 = Nanos::NEVER.0 + 1;
/// No timer has this number.
const NOBODY: Timer = Timer(u32::MAX);

/// When a timer runs out; of those that run out together the one that was armed first
/// comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// In nanoseconds, or from [`IDLE`] on.
    time: u64,
    /// The number of the arming, then the timer in the last 24 bits.
    arming: u64,
}

impl Key {
    fn idle(place: usize) -> Key {
        Key {
            time: IDLE + place as u64,
            arming: 0,
        }
    }

    #[inline]
    fn is_idle(self) -> bool {
        self.time >= IDLE
    }

    #[inline]
    fn timer(self) -> Timer {
        Timer(self.arming as u32 & 0xff_ffff)
    }

    /// The number of the arming.
    #[inline]
    fn number(self) -> u64 {
        self.arming >> 24
    }
}

/// What is kept of a timer whose pace was changed.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// The arming that this belongs to; another one has made it void.
    arming: u64,
    /// How many times as fast as normal it runs.
    factor: f64,
    /// How long it had to run at normal pace when `since` was now.
    rest: Nanos,
    since: Nanos,
}

/// The pending timers of one replication.
#[derive(Clone, Debug)]
pub struct Agenda {
    /// The matches of the tournament, the last one first. The winner of match `m > 0`
    /// has the place `m - 1`; the timers have the places from `leaves` on. Place `p`
    /// is slot `p % 4` of match `p / 4`.
    matches: Vec<[Key; 4]>,
    leaves: usize,
    /// The winner of the last match.
    next: Key,
    /// The timer whose event is at hand: it does not run, but its slot still holds it.
    firing: Timer,
    armings: u64,
    now: Nanos,
    /// The pace of each timer for which it was changed.
    paces: Vec<Pace>,
}

impl Agenda {
    /// An agenda for so many timers, none of them armed, at time zero.
    pub fn new(timers: usize) -> Agenda {
        // Each match takes four places and gives one back.
        let matches = timers.saturating_sub(1).div_ceil(3).max(1);
        let mut agenda = Agenda {
            matches: vec![[Key::idle(0); 4]; matches],
            leaves: matches - 1,
            next: Key::idle(0),
            firing: NOBODY,
            armings: 0,
            now: Nanos::ZERO,
            paces: vec![Pace::default(); timers],
        };
        agenda.clear();
        agenda
    }

    /// Becomes equal to another agenda for as many timers, in the memory that it has.
    pub fn copy_from(&mut self, other: &Agenda) {
        self.matches.clone_from(&other.matches);
        self.paces.clone_from(&other.paces);
        self.leaves = other.leaves;
        self.next = other.next;
        self.firing = other.firing;
        self.armings = other.armings;
        self.now = other.now;
    }

    /// When a pending timer runs out.
    #[inline]
    pub fn time_of(&self, timer: Timer) -> Option<Nanos> {
        let key = self.key(timer);
        (!key.is_idle()).then_some(Nanos(key.time))
    }

    /// Forgets everything and goes back to time zero.
    pub fn clear(&mut self) {
        for (place, key) in self.matches.as_flattened_mut().iter_mut().enumerate() {
            *key = Key::idle(place);
        }
        for number in (1..self.matches.len()).rev() {
            let winner = least_of(&self.matches[number], 0);
            let place = number - 1;
            self.matches[place / 4][place % 4] = winner;
        }
        self.next = least_of(&self.matches[0], 0);
        self.firing = NOBODY;
        self.paces.fill(Pace::default());
        self.armings = 0;
        self.now = Nanos::ZERO;
    }

    /// The time of the event at hand.
    #[inline]
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// Moves the clock without an event, e.g. to an entry of a fault script.
    pub fn advance_to(&mut self, time: Nanos) {
        self.now = self.now.max(time);
    }

    /// Lets a timer run out after `delay`; a delay of never leaves it silent.
    // Inlined by force into the few places that arm timers: a call would save all registers.
    #[inline(always)]
    pub fn arm(&mut self, timer: Timer, delay: Nanos) {
        if self.firing == timer {
            self.firing = NOBODY;
        }
        self.armings += 1;
        // No sum of two times is too large for the word.
        let time = self.now.0 + delay.0;
        if time >= Nanos::NEVER.0 {
            self.silence(timer);
            return;
        }
        let key = Key {
            time,
            arming: self.armings << 24 | u64::from(timer.0),
        };
        self.place(timer, key);
    }

    /// Silences a timer, if it runs.
    #[inline]
    pub fn cancel(&mut self, timer: Timer) {
        if self.is_armed(timer) {
            self.silence(timer);
        }
    }

    // Never inlined: nearly all timers that a protocol cancels do not run.
    #[inline(never)]
    fn silence(&mut self, timer: Timer) {
        let place = self.leaves + timer.0 as usize;
        self.place(timer, Key::idle(place));
    }

    /// Does the timer run? One whose event is at hand does not.
    #[inline]
    pub fn is_armed(&self, timer: Timer) -> bool {
        self.firing != timer && !self.key(timer).is_idle()
    }

    /// Lets a timer, if it runs, run `factor` times as fast as normal from now on (0:
    /// it stands still); what it still has to run is stretched or shrunk with it. A
    /// timer that is armed (again) runs at normal pace.
    pub fn pace(&mut self, timer: Timer, factor: f64) {
        debug_assert!(factor >= 0.0 && factor.is_finite());
        if !self.is_armed(timer) {
            return;
        }
        let key = self.key(timer);
        let Some((rest, before)) = self.rest(timer) else {
            return;
        };
        if factor == before {
            return;
        }
        let time = if factor == 1.0 {
            self.now + rest
        } else {
            // A quotient beyond all bounds (0/0 among them) is never.
            let stretched = (rest.0 as f64 / factor + 0.5).min(Nanos::NEVER.0 as f64);
            self.now + Nanos(stretched as u64)
        };
        self.paces[timer.0 as usize] = Pace {
            arming: key.number(),
            factor,
            rest,
            since: self.now,
        };
        let key = Key {
            time: time.0,
            ..key
        };
        self.place(timer, key);
    }

    /// How long a pending timer would still run at normal pace, and its pace.
    pub fn rest(&self, timer: Timer) -> Option<(Nanos, f64)> {
        let key = self.key(timer);
        if key.is_idle() {
            return None;
        }
        let pace = self.paces[timer.0 as usize];
        if pace.arming != key.number() {
            return Some((Nanos(key.time).since(self.now), 1.0));
        }
        let passed = self.now.since(pace.since);
        let used = if pace.factor == 1.0 {
            passed.0
        } else {
            (passed.0 as f64 * pace.factor + 0.5) as u64
        };
        Some((pace.rest.since(Nanos(used)), pace.factor))
    }

    /// When the next timer runs out, and which.
    #[inline]
    pub fn peek(&self) -> Option<(Nanos, Timer)> {
        self.peek_before(Nanos::NEVER)
    }

    /// The number of the arming that runs out next.
    pub fn next_arming(&self) -> u64 {
        self.next.number()
    }

    /// Armings so far; each has a number, from 1 on.
    pub fn armings(&self) -> u64 {
        self.armings
    }

    /// The next timer, if it runs out before `end` (which is no later than never).
    #[inline]
    pub fn peek_before(&self, end: Nanos) -> Option<(Nanos, Timer)> {
        debug_assert!(end <= Nanos::NEVER);
        let time = Nanos(self.next.time);
        (time < end).then_some((time, self.next.timer()))
    }

    /// Moves the clock to the event of [`Agenda::peek`]. The timer keeps its
    /// slot until it is armed again or [`Agenda::end_event`], because most events
    /// arm the timer that has just fired, and one replay is cheaper than two.
    #[inline]
    pub fn begin_event(&mut self, time: Nanos, timer: Timer) {
        self.now = time;
        self.firing = timer;
    }

    /// Takes out the timer that has just fired, unless the event armed it again.
    #[inline]
    pub fn end_event(&mut self) {
        if self.firing != NOBODY {
            let timer = std::mem::replace(&mut self.firing, NOBODY);
            self.silence(timer);
        }
    }

    /// The key in the slot of a timer.
    #[inline]
    fn key(&self, timer: Timer) -> Key {
        let place = self.leaves + timer.0 as usize;
        self.matches[place / 4][place % 4]
    }

    /// Writes the slot of a timer and replays its path to the last match.
    #[inline(always)]
    fn place(&mut self, timer: Timer, key: Key) {
        let mut place = self.leaves + timer.0 as usize;
        let mut winner = key;
        loop {
            let (number, slot) = (place / 4, place % 4);
            let four = &mut self.matches[number];
            four[slot] = winner;
            winner = least_of(four, slot);
            if number == 0 {
                break;
            }
            place = number - 1;
            if self.matches[place / 4][place % 4] == winner {
                // Nobody further up can tell the difference.
                return;
            }
        }
        self.next = winner;
    }
}

/// The least key of a match in which one slot is new: the best of the others is known
/// before the newcomer is.
#[inline]
fn least_of(four: &[Key; 4], slot: usize) -> Key {
    let others = least(four[slot ^ 2], four[slot ^ 3]);
    least(least(four[slot], four[slot ^ 1]), others)
}

/// The smaller key, without a branch: who wins is a coin toss that no branch
/// predictor can learn, and a wrong guess costs more than the whole comparison
/// (a quarter of the time of W1, docs/performance.md).
// Of a selection between keys of 128 bits the compiler makes a branch after all.
#[inline]
fn least(a: Key, b: Key) -> Key {
    use std::hint::select_unpredictable;
    if a.time == b.time {
        return least_arming(a, b);
    }
    let second = b.time < a.time;
    Key {
        time: select_unpredictable(second, b.time, a.time),
        arming: select_unpredictable(second, b.arming, a.arming),
    }
}

/// Of two timers that run out together.
#[cold]
#[inline(never)]
fn least_arming(a: Key, b: Key) -> Key {
    a.min(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(agenda: &mut Agenda) -> Vec<(u64, u32)> {
        let mut seen = Vec::new();
        while let Some((time, timer)) = agenda.peek() {
            agenda.begin_event(time, timer);
            agenda.end_event();
            seen.push((time.0, timer.0));
        }
        seen
    }

    #[test]
    fn ties_are_broken_by_insertion_order() {
        let mut agenda = Agenda::new(5);
        for timer in [3, 1, 4, 0] {
            agenda.arm(Timer(timer), Nanos(10));
        }
        agenda.arm(Timer(2), Nanos(5));
        assert_eq!(
            drain(&mut agenda),
            vec![(5, 2), (10, 3), (10, 1), (10, 4), (10, 0)]
        );
    }

    #[test]
    fn a_timer_that_has_just_fired_runs_only_if_it_is_armed_again() {
        let mut agenda = Agenda::new(6);
        agenda.arm(Timer(0), Nanos(1));
        agenda.arm(Timer(5), Nanos(9));
        agenda.begin_event(Nanos(1), Timer(0));
        assert!(!agenda.is_armed(Timer(0)));
        agenda.cancel(Timer(0));
        agenda.pace(Timer(0), 2.0);
        agenda.end_event();
        assert_eq!(agenda.peek(), Some((Nanos(9), Timer(5))));
        agenda.begin_event(Nanos(9), Timer(5));
        agenda.arm(Timer(5), Nanos(2));
        assert!(agenda.is_armed(Timer(5)));
        agenda.end_event();
        assert_eq!(agenda.peek(), Some((Nanos(11), Timer(5))));
    }

    #[test]
    fn a_timer_that_stands_still_keeps_its_age() {
        let mut agenda = Agenda::new(2);
        agenda.arm(Timer(0), Nanos(10));
        agenda.advance_to(Nanos(4));
        agenda.pace(Timer(0), 0.0);
        assert_eq!(agenda.peek(), None);
        assert!(agenda.is_armed(Timer(0)));
        agenda.advance_to(Nanos(100));
        assert_eq!(agenda.rest(Timer(0)), Some((Nanos(6), 0.0)));
        agenda.pace(Timer(0), 1.0);
        assert_eq!(agenda.peek(), Some((Nanos(106), Timer(0))));
    }

    #[test]
    fn a_paced_timer_stretches_what_it_still_has_to_run() {
        let mut agenda = Agenda::new(1);
        agenda.arm(Timer(0), Nanos(100));
        agenda.advance_to(Nanos(40));
        agenda.pace(Timer(0), 2.0);
        assert_eq!(agenda.peek(), Some((Nanos(70), Timer(0))));
        agenda.advance_to(Nanos(60));
        agenda.pace(Timer(0), 0.1);
        assert_eq!(agenda.peek(), Some((Nanos(260), Timer(0))));
        agenda.advance_to(Nanos(110));
        agenda.pace(Timer(0), 1.0);
        assert_eq!(agenda.peek(), Some((Nanos(125), Timer(0))));
        // A pace so slow that it never ends is no overflow.
        agenda.pace(Timer(0), 1e-300);
        assert_eq!(agenda.peek(), None);
        agenda.pace(Timer(0), 1.0);
        assert_eq!(agenda.peek(), Some((Nanos(125), Timer(0))));
    }

    #[test]
    fn a_pace_ends_with_the_run_that_it_was_given_to() {
        let mut agenda = Agenda::new(2);
        agenda.pace(Timer(0), 3.0);
        agenda.arm(Timer(0), Nanos(9));
        assert_eq!(agenda.peek(), Some((Nanos(9), Timer(0))));
        agenda.pace(Timer(0), 3.0);
        assert_eq!(agenda.peek(), Some((Nanos(3), Timer(0))));
        agenda.arm(Timer(0), Nanos(9));
        assert_eq!(agenda.peek(), Some((Nanos(9), Timer(0))));
        agenda.pace(Timer(0), 0.0);
        agenda.cancel(Timer(0));
        assert!(!agenda.is_armed(Timer(0)));
        agenda.pace(Timer(0), 1.0);
        assert_eq!(agenda.peek(), None);
        // One that would never run out has nothing to stretch.
        agenda.arm(Timer(1), Nanos::NEVER);
        agenda.pace(Timer(1), 5.0);
        assert_eq!(agenda.peek(), None);
    }

    proptest! {
        /// Time at each pace, weighted with the pace, adds up to the delay.
        #[test]
        fn paced_time_adds_up(
            delay in 1u64..10_000_000,
            steps in proptest::collection::vec((1u64..1_000_000, 0usize..6), 0..12),
        ) {
            const FACTORS: [f64; 6] = [0.0, 0.25, 0.5, 1.0, 2.0, 3.7];
            let mut agenda = Agenda::new(1);
            agenda.arm(Timer(0), Nanos(delay));
            let (mut age, mut factor) = (0.0, 1.0);
            for (pause, next) in &steps {
                let end = Nanos(agenda.now().0 + pause);
                if agenda.peek_before(end).is_some() {
                    break;
                }
                agenda.advance_to(end);
                age += *pause as f64 * factor;
                factor = FACTORS[*next];
                agenda.pace(Timer(0), factor);
            }
            if let Some((time, _)) = agenda.peek() {
                age += time.since(agenda.now()).0 as f64 * factor;
                // Each change of pace rounds once.
                let rounding = 4.0 * (steps.len() as f64 + 1.0);
                prop_assert!((age - delay as f64).abs() <= rounding, "{age}");
            } else {
                prop_assert!(factor == 0.0 && age < delay as f64 + 1.0);
            }
        }

        #[test]
        fn events_come_in_the_order_of_a_sorted_list(
            delays in proptest::collection::vec(0u64..50, 1..40),
            cancelled in proptest::collection::vec(any::<bool>(), 40),
        ) {
            let mut agenda = Agenda::new(delays.len());
            let mut expected = Vec::new();
            for (timer, delay) in delays.iter().enumerate() {
                agenda.arm(Timer(timer as u32), Nanos(*delay));
            }
            for (timer, delay) in delays.iter().enumerate() {
                if cancelled[timer] {
                    agenda.cancel(Timer(timer as u32));
                } else {
                    expected.push((*delay, timer as u32));
                }
            }
            expected.sort();
            prop_assert_eq!(drain(&mut agenda), expected);
        }
    }
}
