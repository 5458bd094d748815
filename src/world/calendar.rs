//! Working hours: when somebody is there to repair.
//!
//! A replication begins on a Monday at 00:00. The time of the week is kept by one
//! timer for each calendar, which runs from one change to the next; scenarios without
//! working hours have none.

use crate::automaton::{
    Automaton, Blueprint, Counter, Delay, Nanos, Node, NodeSet, SetId, Step, Timer, TimerClass,
};
use crate::scenario::hours::{Hours, WEEK_S};

/// The automaton of all calendars. It keeps the set of nodes that somebody may
/// work on now.
pub struct Calendars<const W: usize> {
    all: NodeSet<W>,
    attended: SetId,
    calendars: Vec<Calendar<W>>,
}

struct Calendar<const W: usize> {
    nodes: NodeSet<W>,
    /// Seconds of the week at which somebody comes or goes, and which of the two.
    changes: Vec<(u64, bool)>,
    /// The next change.
    place: Counter,
    timer: Timer,
}

impl<const W: usize> Calendars<W> {
    /// The calendars of a scenario, each with its nodes.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        attended: SetId,
        calendars: &[(Hours, Vec<usize>)],
    ) -> Self {
        let calendars = calendars
            .iter()
            .enumerate()
            .map(|(index, (hours, nodes))| Calendar {
                nodes: nodes.iter().map(|&i| Node(i as u16)).collect(),
                changes: hours.changes(),
                place: blueprint.counter(),
                timer: blueprint.timer("calendar", &format!("change.{index}"), TimerClass::Chance),
            })
            .collect();
        Calendars {
            all: blueprint.all_nodes(),
            attended,
            calendars,
        }
    }

    /// Waits from one change of the week to the next.
    fn wait(&self, calendar: &Calendar<W>, now_s: u64, step: &mut Step<'_, W>) {
        let (next_s, _) = calendar.changes[step.count(calendar.place) as usize];
        let wait_s = (next_s + WEEK_S - now_s - 1) % WEEK_S + 1;
        step.arm(
            calendar.timer,
            Delay::Fixed(Nanos::from_seconds(wait_s as f64)),
        );
    }
}

impl<const W: usize> Automaton<W> for Calendars<W> {
    fn name(&self) -> &str {
        "calendar"
    }

    fn reads(&self) -> Vec<SetId> {
        Vec::new()
    }

    fn writes(&self) -> Vec<SetId> {
        vec![self.attended]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        let mut attended = self.all;
        for calendar in self.calendars.iter().filter(|c| !c.changes.is_empty()) {
            // What holds on Monday at 00:00 is what the last change has left, unless
            // one falls on that very instant.
            let first = calendar.changes[0];
            let last = calendar.changes[calendar.changes.len() - 1];
            let (open, place) = match first {
                (0, open) => (open, 1 % calendar.changes.len()),
                _ => (last.1, 0),
            };
            if !open {
                attended -= calendar.nodes;
            }
            step.set_count(calendar.place, place as u64);
            self.wait(calendar, 0, step);
        }
        step.put(self.attended, attended);
    }

    fn react(&self, _step: &mut Step<'_, W>) {}

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        for calendar in self.calendars.iter().filter(|c| c.timer == timer) {
            let place = step.count(calendar.place) as usize;
            let (now_s, open) = calendar.changes[place];
            let attended = step.get(self.attended);
            let attended = match open {
                true => attended | calendar.nodes,
                false => attended - calendar.nodes,
            };
            step.put(self.attended, attended);
            let next = (place + 1) % calendar.changes.len();
            step.set_count(calendar.place, next as u64);
            self.wait(calendar, now_s, step);
        }
    }
}
