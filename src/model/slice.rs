//! The part of a model that a measure depends on.
//!
//! A reader that lists states should not list those of things that nobody asks
//! about. What a service needs is found from its signals backwards: who writes
//! them, what those read, who gives them orders. Everything else can be taken out
//! without changing the service, because automata speak to each other in no other way.

use super::Model;
use crate::automaton::{Automaton, SetId, Step, Timer};

/// Stands in the place of an automaton that has been taken out.
struct Absent;

impl<const W: usize> Automaton<W> for Absent {
    fn name(&self) -> &str {
        "absent"
    }
    fn reads(&self) -> Vec<SetId> {
        Vec::new()
    }
    fn begin(&self, _: &mut Step<'_, W>) {}
    fn react(&self, _: &mut Step<'_, W>) {}
    fn fire(&self, _: Timer, _: &mut Step<'_, W>) {}
}

impl<const W: usize> Model<W> {
    /// The automata that a measure depends on, one bit each; services first, then
    /// tallies.
    pub fn needed_by(&self, measure: usize) -> u128 {
        let mut signals = Vec::new();
        match measure.checked_sub(self.services.len()) {
            None => self.services[measure].signals(&mut signals),
            Some(tally) => self.tallies[tally].of.signals(&mut signals),
        }
        let writers = self.writers();
        let write = |ids: &[SetId]| {
            ids.iter()
                .map(|id| writers[id.0 as usize])
                .fold(0, |all, mask| all | mask)
        };
        let mut needed: u128 = 0;
        let mut wanted = write(&signals);
        while wanted != 0 {
            let index = wanted.trailing_zeros() as usize;
            needed |= 1 << index;
            let (automaton, _) = &self.automata[index];
            wanted |= write(&automaton.reads()) | self.commanders_of(automaton.name());
            wanted &= !needed;
        }
        needed
    }

    /// The automata that write each set.
    fn writers(&self) -> Vec<u128> {
        let count = self.blueprint.set_count();
        let mut writers: Vec<u128> = (0..count)
            .map(|i| 1 << self.blueprint.set_info(SetId(i as u32)).owner.0)
            .collect();
        for (index, (automaton, _)) in self.automata.iter().enumerate() {
            for id in automaton.writes() {
                writers[id.0 as usize] |= 1 << index;
            }
        }
        writers
    }

    fn commanders_of(&self, name: &str) -> u128 {
        self.automata
            .iter()
            .enumerate()
            .filter(|(_, (automaton, _))| automaton.commands().contains(&name))
            .fold(0, |all, (index, _)| all | 1 << index)
    }

    /// This model without the automata that are not in `needed`. Measures that
    /// depend on those no longer mean anything.
    pub fn restricted_to(mut self, needed: u128) -> Model<W> {
        for (index, (automaton, _)) in self.automata.iter_mut().enumerate() {
            if needed >> index & 1 == 0 {
                *automaton = Box::new(Absent);
            }
        }
        for interest in &mut self.interest {
            interest.automata &= needed;
        }
        self
    }
}
