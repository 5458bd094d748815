//! Plays a replication with all its copies, one trajectory after the other.

use super::chance::Chance;
use super::forced::{self, Window};
use super::levels::{Levels, MAX_COPIES};
use super::pilot::Pilot;
use super::timers::{Hand, Timers};
use super::watch::{Ledger, Totals, Watch};
use crate::automaton::{Nanos, State, Timer, TimerClass};
use crate::engine::PlayError;
use crate::model::{Cause, Model};

/// Copies that may wait at one time.
const MAX_WAITING: usize = 100_000;
/// Events of the pilot run.
const PILOT_EVENTS: u64 = 100_000;
/// Replications of the pilot run at most.
const PILOT_REPLICATIONS: u64 = 200;

/// Why a replication cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// As in plain simulation.
    #[error("{0}")]
    Play(#[from] PlayError),
    /// Too many copies.
    #[error(
        "its copies have more than {events} events, or more than {MAX_WAITING} of them wait; the \
         levels do not suit this scenario. Use --engine simulate or solve, or raise run.max_events"
    )]
    TooLarge {
        /// The limit that was in force.
        events: u64,
    },
}

/// What ends when a trajectory is back where it was split.
#[derive(Clone, Copy)]
enum Back {
    /// It was a copy: it ends.
    Ends,
    /// It did not count since: now it has this weight again.
    CountsAgain(f64),
}

#[derive(Clone, Copy)]
struct Frame {
    distance: u32,
    back: Back,
}

/// One way in which the model may go on.
#[derive(Clone)]
struct Trajectory<const W: usize> {
    state: State<W>,
    timers: Timers,
    watch: Watch,
    frames: Vec<Frame>,
    /// 0 while copies stand for it.
    weight: f64,
    /// The events that were possible when the distance was found.
    possible: u128,
    distance: u32,
    nearer: u128,
    /// It has been split and has not come to the event that its last frame rests on.
    leaving: bool,
    /// For the pilot: with these possible events nothing is worth copying.
    idle: Option<u128>,
    /// For the pilot: since when it is at this distance; none where it was put there.
    arrived: Option<Nanos>,
    /// For the pilot: where it was copied, until it came nearer to an outage.
    copied_at: Option<u32>,
}

impl<const W: usize> Trajectory<W> {
    fn copy_from(&mut self, other: &Trajectory<W>) {
        self.state.copy_from(&other.state);
        self.timers.copy_from(&other.timers);
        self.watch.copy_from(&other.watch);
        self.frames.clear();
        self.weight = other.weight;
        self.possible = other.possible;
        self.distance = other.distance;
        self.nearer = other.nearer;
        self.idle = other.idle;
        self.leaving = true;
        self.arrived = None;
        self.copied_at = None;
    }
}

/// Does a trajectory go on?
#[derive(PartialEq)]
enum Fate {
    GoesOn,
    Ends,
}

/// Plays replications of one model with splitting.
pub struct Splitter<'m, const W: usize> {
    model: &'m Model<W>,
    levels: Levels,
    chance: Chance,
    ledger: Ledger,
    /// Timers that come by chance.
    by_chance: Vec<Timer>,
    seed: u64,
    from: Nanos,
    end: Nanos,
    max_events: u64,
    events: u64,
    waiting: Vec<Trajectory<W>>,
    spare: Vec<Trajectory<W>>,
    window: Window,
    pilot: Option<Pilot>,
    failure: Option<TreeError>,
}

impl<'m, const W: usize> Splitter<'m, W> {
    /// Replications of length `horizon`, after a `warm_up` that is not counted.
    pub fn new(
        model: &'m Model<W>,
        levels: Levels,
        seed: u64,
        (warm_up, horizon): (Nanos, Nanos),
        max_events: u64,
    ) -> Self {
        let blueprint = model.blueprint();
        let timers = (0..blueprint.timer_count() as u32).map(Timer);
        let chance = |timer: &Timer| blueprint.timer_info(*timer).class == TimerClass::Chance;
        Splitter {
            model,
            levels,
            chance: Chance::new(blueprint.distributions()),
            ledger: Ledger::new(warm_up, warm_up + horizon),
            by_chance: timers.filter(chance).collect(),
            seed,
            from: warm_up,
            end: warm_up + horizon,
            max_events,
            events: 0,
            waiting: Vec::new(),
            spare: Vec::new(),
            window: Window::default(),
            pilot: None,
            failure: None,
        }
    }

    /// Tunes the levels by a pilot run, and returns them. The pilot plays replications
    /// of its own, which count for nothing else.
    pub fn tune(mut self) -> Result<Levels, TreeError> {
        self.pilot = Some(Pilot::default());
        let mut events = 0;
        for replication in 0..PILOT_REPLICATIONS {
            if events >= PILOT_EVENTS {
                break;
            }
            self.replicate(u64::MAX - replication)?;
            events += self.events;
            if let Some(pilot) = &self.pilot {
                self.levels.tune(pilot.counts());
            }
        }
        Ok(self.levels)
    }

    /// Plays one replication with all its copies. The same number gives the same
    /// totals, whatever was played before.
    pub fn replicate(&mut self, replication: u64) -> Result<Totals, TreeError> {
        self.chance.seed(self.seed, replication);
        self.events = 0;
        self.failure = None;
        let mut trajectory = self.begin(replication);
        let mut trajectories = 0;
        loop {
            trajectories += 1;
            self.play(&mut trajectory);
            if self.failure.is_some() {
                self.spare.append(&mut self.waiting);
            }
            let Some(next) = self.waiting.pop() else {
                break;
            };
            self.spare.push(std::mem::replace(&mut trajectory, next));
        }
        self.spare.push(trajectory);
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut totals = std::mem::take(&mut self.ledger.totals);
        totals.events = self.events;
        totals.trajectories = trajectories;
        Ok(totals)
    }

    /// The model that is played.
    pub fn model(&self) -> &'m Model<W> {
        self.model
    }

    fn begin(&mut self, replication: u64) -> Trajectory<W> {
        let blueprint = self.model.blueprint();
        let mut state = blueprint.blank_state();
        let mut timers = Timers::new(blueprint.timer_count());
        timers.clear();
        let mut hand = Hand {
            timers: &mut timers,
            chance: &mut self.chance,
            levels: &self.levels,
        };
        let disturbance = self.model.step(&mut state, Cause::Begin, &mut hand);
        if let Some(automaton) = disturbance.runaway() {
            self.run_away(Nanos::ZERO, automaton);
        }
        let watch = self.ledger.begin(self.model, &state, replication);
        let possible = timers.possible;
        let (distance, nearer) = self.levels.of(possible);
        if let Some(pilot) = &mut self.pilot {
            pilot.at(distance).arrivals += 1;
        }
        Trajectory {
            state,
            timers,
            watch,
            frames: Vec::new(),
            weight: 1.0,
            possible,
            distance,
            nearer,
            leaving: false,
            idle: None,
            arrived: Some(Nanos::ZERO),
            copied_at: None,
        }
    }

    /// Plays a trajectory to its end.
    fn play(&mut self, trajectory: &mut Trajectory<W>) {
        if trajectory.timers.now() == Nanos::ZERO && trajectory.frames.is_empty() {
            self.consider(trajectory);
        }
        while self.failure.is_none() {
            let timers = &mut trajectory.timers;
            let next = timers.agenda.peek_before(self.end);
            let checkpoint = Some(timers.wait_until)
                .filter(|until| *until > timers.now() && *until < self.end)
                .filter(|until| next.is_none_or(|(time, _)| *until < time));
            if let Some(until) = checkpoint {
                timers.agenda.advance_to(until);
            } else if let Some((time, timer)) = next {
                self.step(trajectory, time, timer);
            } else {
                self.ledger.finish(&trajectory.watch, trajectory.weight);
                return;
            }
            if self.consider(trajectory) == Fate::Ends {
                return;
            }
        }
    }

    #[inline]
    fn step(&mut self, trajectory: &mut Trajectory<W>, time: Nanos, timer: Timer) {
        self.events += 1;
        if self.events > self.max_events {
            self.failure = Some(TreeError::TooLarge {
                events: self.max_events,
            });
            return;
        }
        trajectory.timers.begin_event(time, timer);
        let mut hand = Hand {
            timers: &mut trajectory.timers,
            chance: &mut self.chance,
            levels: &self.levels,
        };
        let cause = Cause::Fire(timer);
        let disturbance = self.model.step(&mut trajectory.state, cause, &mut hand);
        trajectory.timers.agenda.end_event();
        let touched = disturbance.measures | disturbance.blames & trajectory.watch.down;
        if touched != 0 {
            self.ledger.update(
                &mut trajectory.watch,
                (self.model, &trajectory.state),
                time,
                touched,
                trajectory.weight,
            );
        }
        if let Some(automaton) = disturbance.runaway() {
            self.run_away(time, automaton);
        }
    }

    #[cold]
    fn run_away(&mut self, at: Nanos, automaton: u8) {
        let runaway = self.model.runaway(automaton);
        self.failure = Some(TreeError::Play(PlayError::Runaway { at, runaway }));
    }

    /// Is the trajectory back where it was split, and is it to be split (again)?
    ///
    /// Whether it is back must be seen at the same events by a copy, which opens
    /// windows of its own, and by the original, which does not.
    #[inline]
    fn consider(&mut self, trajectory: &mut Trajectory<W>) -> Fate {
        let open = trajectory.timers.wait_until > trajectory.timers.now();
        if open && (trajectory.leaving || trajectory.frames.is_empty()) {
            return Fate::GoesOn;
        }
        trajectory.leaving = false;
        let up = trajectory.watch.down & self.levels.services == 0;
        if trajectory.timers.possible != trajectory.possible {
            self.find_distance(trajectory);
        }
        while let Some(frame) = trajectory.frames.last()
            && up
            && trajectory.distance >= frame.distance
        {
            let now = trajectory.timers.now();
            match frame.back {
                Back::Ends => {
                    (self.ledger).close(&trajectory.watch, now, trajectory.weight);
                    return Fate::Ends;
                }
                Back::CountsAgain(weight) => {
                    trajectory.weight = weight;
                    trajectory.watch.restart(now);
                    trajectory.arrived = Some(now);
                    trajectory.frames.pop();
                }
            }
        }
        if self.pilot.is_some() {
            self.note_success(trajectory, up);
        }
        if open {
            return Fate::GoesOn;
        }
        let worth_it = up
            && trajectory.weight > 0.0
            && trajectory.nearer != 0
            && !self.levels.is_likely(trajectory.distance);
        if worth_it {
            self.split(trajectory);
        } else if self.pilot.is_some() && up && trajectory.idle != Some(trajectory.possible) {
            self.count_likely(trajectory);
        }
        Fate::GoesOn
    }

    fn find_distance(&mut self, trajectory: &mut Trajectory<W>) {
        let before = trajectory.distance;
        trajectory.possible = trajectory.timers.possible;
        (trajectory.distance, trajectory.nearer) = self.levels.of(trajectory.possible);
        let counts = trajectory.distance != before && trajectory.weight > 0.0;
        let Some(pilot) = self.pilot.as_mut().filter(|_| counts) else {
            return;
        };
        let now = trajectory.timers.now();
        if let Some(arrived) = trajectory.arrived {
            let left = pilot.at(before);
            left.departures += 1;
            left.stay_s += now.since(arrived).seconds();
        }
        trajectory.arrived = Some(now);
        if trajectory.distance < before {
            pilot.at(trajectory.distance).arrivals += 1;
        }
    }

    fn note_success(&mut self, trajectory: &mut Trajectory<W>, up: bool) {
        let Some(at) = trajectory.copied_at else {
            return;
        };
        let nearer = trajectory.distance < at && trajectory.distance > 0;
        if let Some(pilot) = self.pilot.as_mut().filter(|_| nearer || !up) {
            pilot.at(at).successes += 1;
            trajectory.copied_at = None;
        }
    }

    /// Opens a window, and makes copies in which an outage comes nearer in it.
    fn split(&mut self, trajectory: &mut Trajectory<W>) {
        let now = trajectory.timers.now();
        let distance = trajectory.distance;
        // Whether to look at all must not depend on what the timers have drawn.
        let longest = now + self.levels.window(distance);
        if longest <= self.from {
            // Hardly anything of it would count.
            trajectory.timers.open_window(longest, false);
            return;
        }
        let end = self.open(trajectory);
        let probability = self.window.probability();
        if self.pilot.is_some() {
            self.note_window(distance, probability);
        }
        if probability > 0.0 {
            self.copy(trajectory, probability);
        }
        match self.window.first(&trajectory.timers, end) {
            None => trajectory.timers.open_window(end, true),
            Some(first) => {
                // The copies stand for this case.
                (self.ledger).close(&trajectory.watch, now, trajectory.weight);
                trajectory.frames.push(Frame {
                    distance,
                    back: Back::CountsAgain(trajectory.weight),
                });
                trajectory.weight = 0.0;
                trajectory.leaving = true;
                trajectory.arrived = None;
                trajectory.timers.open_window(first, true);
            }
        }
    }

    fn note_window(&mut self, distance: u32, probability: f64) {
        if let Some(pilot) = &mut self.pilot {
            pilot.at(distance).probability += probability;
            pilot.at(distance).windows += 1;
            self.levels.tune(pilot.counts());
        }
    }

    /// For the pilot: goes on counting where nothing is copied.
    fn count_likely(&mut self, trajectory: &mut Trajectory<W>) {
        trajectory.idle = Some(trajectory.possible);
        if trajectory.weight > 0.0 && trajectory.nearer != 0 {
            self.open(trajectory);
            self.note_window(trajectory.distance, self.window.probability());
        }
    }

    /// Finds the window: its end, and the timers that are awaited in it.
    fn open(&mut self, trajectory: &Trajectory<W>) -> Nanos {
        let timers = &trajectory.timers;
        let now = timers.now();
        let mut end = self.end.min(now + self.levels.window(trajectory.distance));
        self.window.clear();
        for timer in &self.by_chance {
            let awaited = timers.event(*timer) & trajectory.nearer != 0;
            if !(awaited && timers.age(*timer).is_some())
                && let Some(time) = timers.agenda.time_of(*timer)
            {
                end = end.min(time);
            }
        }
        let length_s = end.since(now).seconds();
        for timer in &self.by_chance {
            if timers.event(*timer) & trajectory.nearer != 0
                && let Some(age) = timers.age(*timer)
            {
                self.window.add(&self.chance, *timer, age, length_s);
            }
        }
        end
    }

    fn copy(&mut self, trajectory: &Trajectory<W>, probability: f64) {
        let factor = match self.levels.factor(trajectory.distance) {
            0.0 => probability,
            factor => factor.max(probability / MAX_COPIES),
        };
        let copies = (probability / factor + self.chance.uniform()) as u64;
        if let Some(pilot) = &mut self.pilot {
            pilot.at(trajectory.distance).copies += copies;
        }
        for _ in 0..copies {
            if self.waiting.len() >= MAX_WAITING {
                self.failure = Some(TreeError::TooLarge {
                    events: self.max_events,
                });
                return;
            }
            let mut copy = self.spare.pop().unwrap_or_else(|| trajectory.clone());
            copy.copy_from(trajectory);
            copy.weight = trajectory.weight * factor;
            copy.watch.restart(trajectory.timers.now());
            copy.frames.push(Frame {
                distance: trajectory.distance,
                back: Back::Ends,
            });
            copy.copied_at = Some(trajectory.distance);
            let first = self.window.force(&mut self.chance, &mut copy.timers);
            for timer in &self.by_chance {
                let awaited = copy.timers.event(*timer) & trajectory.nearer != 0;
                if !awaited && copy.timers.agenda.time_of(*timer).is_some() {
                    forced::draw_anew(&mut self.chance, &mut copy.timers, *timer, first);
                }
            }
            copy.timers.open_window(first, true);
            self.waiting.push(copy);
        }
    }
}
