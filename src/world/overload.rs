//! Which nodes have more work than a level that the scenario names: signals
//! `load.NAME` for everything that reacts to load (hardware that fails sooner, an
//! operator who is called, a service that counts as unusable).
//!
//! Utilisation depends on the hour of the day where demand does; then this
//! automaton counts the hours, beginning at midnight. It is the only one that has
//! something to do while nothing changes, and only where both a daily profile and
//! levels are asked for.

use super::load::{Load, Resource};
use crate::automaton::{
    Automaton, Blueprint, Counter, Delay, Nanos, NodeSet, SetId, Step, Timer, TimerClass,
};

/// The automaton of all `load.NAME` signals.
pub struct Overload<const W: usize> {
    load: Load<W>,
    /// Each signal with its level of utilisation.
    levels: Vec<(SetId, f64)>,
    /// The hour of the day, and the timer of the next one; where hours differ.
    hours: Option<(Counter, Timer)>,
}

impl<const W: usize> Overload<W> {
    /// Keeps these signals, each of which has the nodes above a level.
    pub fn new(blueprint: &mut Blueprint<W>, load: Load<W>, levels: Vec<(SetId, f64)>) -> Self {
        let hours = (load.settings.day.len() > 1).then(|| {
            let timer = blueprint.timer("load", "hour", TimerClass::Reaction);
            (blueprint.counter(), timer)
        });
        Overload {
            load,
            levels,
            hours,
        }
    }

    fn factor(&self, step: &Step<'_, W>) -> f64 {
        let hour = self.hours.map_or(0, |(hour, _)| step.count(hour));
        self.load.settings.day[hour as usize]
    }

    fn update(&self, step: &mut Step<'_, W>) {
        let mut places = Vec::new();
        self.load.places(step.state(), &mut places);
        let burden = self.load.burden(&places);
        let factor = self.factor(step);
        for (signal, level) in &self.levels {
            let is_above = |node: &crate::automaton::Node| {
                [Resource::Cpu, Resource::Memory]
                    .into_iter()
                    .any(|resource| {
                        // What is exactly at the level is not above it.
                        burden.utilisation(node.index(), resource, factor) > level * (1.0 + 1e-9)
                    })
            };
            let above: NodeSet<W> = self.load.bearers().iter().filter(is_above).collect();
            step.put(*signal, above);
        }
    }

    fn next_hour(&self, step: &mut Step<'_, W>) {
        if let Some((_, timer)) = self.hours {
            step.arm(timer, Delay::Fixed(Nanos::from_seconds(3600.0)));
        }
    }
}

impl<const W: usize> Automaton<W> for Overload<W> {
    fn name(&self) -> &str {
        "load"
    }

    fn reads(&self) -> Vec<SetId> {
        let mut signals = Vec::new();
        self.load.signals(&mut signals);
        signals
    }

    fn writes(&self) -> Vec<SetId> {
        self.levels.iter().map(|(signal, _)| *signal).collect()
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.next_hour(step);
        self.update(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.update(step);
    }

    fn fire(&self, _timer: Timer, step: &mut Step<'_, W>) {
        if let Some((hour, _)) = self.hours {
            let next = (step.count(hour) + 1) % self.load.settings.day.len() as u64;
            step.set_count(hour, next);
        }
        self.next_hour(step);
        self.update(step);
    }
}
