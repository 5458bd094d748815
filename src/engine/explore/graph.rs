//! All situations between an event and rest.

use crate::automaton::{Disturbance, Nanos};
use crate::engine::branch::hash::BuildWordHasher;
use crate::engine::branch::{Brancher, Overflow, Situation};
use crate::engine::solve::stationary::Components;
use std::collections::HashMap;
use std::sync::Arc;

/// The situations that follow each other by themselves, and where that ends.
pub(super) struct Graph<const W: usize> {
    situations: Vec<Arc<Situation<W>>>,
    /// The longest time since the event after which each was found.
    after: Vec<Nanos>,
    rows: Vec<Vec<(u32, f64)>>,
    start: Vec<(u32, f64)>,
    /// Was the list cut off at its limit?
    pub cut_off: bool,
    pub marks: Marks,
}

/// What an event and its consequences were like, over all alternatives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    pub fault: bool,
    pub planned: bool,
    /// Something came back before anything had broken.
    pub restored_first: bool,
}

impl Marks {
    pub fn add(&mut self, disturbance: &Disturbance) {
        self.restored_first |=
            disturbance.restorations() > 0 && !self.fault && !disturbance.fault();
        self.fault |= disturbance.fault();
        self.planned |= disturbance.planned();
    }

    pub fn join(&mut self, other: Marks) {
        self.fault |= other.fault;
        self.planned |= other.planned;
        self.restored_first |= other.restored_first;
    }
}

/// Where a cluster ends: one situation, or several between which it goes round.
pub(super) struct End<'g, const W: usize> {
    pub probability: f64,
    pub situations: Vec<&'g Situation<W>>,
    pub after: Nanos,
}

impl<const W: usize> Graph<W> {
    /// Lists what follows these situations until each has come to rest, or there are
    /// `limit` of them.
    pub fn list(
        brancher: &mut Brancher<'_, W>,
        (start, marks): (Vec<(f64, Situation<W>)>, Marks),
        limit: usize,
    ) -> Result<Graph<W>, Overflow> {
        let mut graph = Graph {
            situations: Vec::new(),
            after: Vec::new(),
            rows: Vec::new(),
            start: Vec::new(),
            cut_off: false,
            marks,
        };
        let mut numbers = HashMap::default();
        for (probability, situation) in start {
            let state = graph.number(&mut numbers, situation, Nanos::ZERO);
            graph.start.push((state, probability));
        }
        let mut next = 0;
        while next < graph.situations.len() {
            if graph.situations.len() > limit {
                graph.cut_off = true;
                break;
            }
            let situation = graph.situations[next].clone();
            let mut row: Vec<(u32, f64)> = Vec::new();
            if let Some((left, _)) = situation.next_clock() {
                let after = graph.after[next] + left;
                for follower in brancher.run_clock(&situation)? {
                    graph.marks.add(&follower.disturbance);
                    let state = graph.number(&mut numbers, follower.situation, after);
                    match row.iter_mut().find(|(known, _)| *known == state) {
                        Some((_, sum)) => *sum += follower.probability,
                        None => row.push((state, follower.probability)),
                    }
                }
            }
            graph.rows.push(row);
            next += 1;
        }
        graph.rows.resize(graph.situations.len(), Vec::new());
        Ok(graph)
    }

    fn number(
        &mut self,
        numbers: &mut HashMap<Arc<Situation<W>>, u32, BuildWordHasher>,
        situation: Situation<W>,
        after: Nanos,
    ) -> u32 {
        if let Some(&state) = numbers.get(&situation) {
            let known = &mut self.after[state as usize];
            *known = (*known).max(after);
            return state;
        }
        let state = self.situations.len() as u32;
        let situation = Arc::new(situation);
        numbers.insert(situation.clone(), state);
        self.situations.push(situation);
        self.after.push(after);
        state
    }

    /// Where it ends, and how likely that is.
    pub fn ends(&self) -> Vec<End<'_, W>> {
        let parts = Components::of(&self.rows);
        let total = self.total();
        let start: Vec<(u32, f64)> = self.start.iter().map(|(s, p)| (*s, p / total)).collect();
        let weights = parts.absorption(&self.rows, &start);
        parts
            .closed
            .iter()
            .zip(weights)
            .map(|(part, probability)| End {
                probability: probability * total,
                situations: part
                    .iter()
                    .map(|state| self.situations[*state as usize].as_ref())
                    .collect(),
                after: part
                    .iter()
                    .map(|state| self.after[*state as usize])
                    .fold(Nanos::ZERO, Nanos::max),
            })
            .collect()
    }

    fn total(&self) -> f64 {
        self.start.iter().map(|(_, p)| p).sum()
    }

    /// The later half of the list, for a cluster that has not come to rest: it goes on
    /// like that.
    pub fn tail(&self) -> End<'_, W> {
        let later = &self.situations[self.situations.len() / 2..];
        End {
            probability: self.total(),
            // The last one first: from there it goes on.
            situations: later.iter().rev().map(Arc::as_ref).collect(),
            after: self.after.last().copied().unwrap_or(Nanos::ZERO),
        }
    }
}
