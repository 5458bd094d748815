//! GATHER: from the first join message to the installation of a view.
//!
//! Several views can be formed at once, one in each component; each formation
//! has a slot, named after some member, that keeps its timers while members die.

use super::Galera;
use super::membership::Why;
use crate::automaton::{Delay, Nanos, Node, NodeSet, Step};

impl<const W: usize> Galera<W> {
    /// The slot of the formation that a node takes part in.
    pub(super) fn slot_of(&self, node: Node, step: &Step<'_, W>) -> Option<Node> {
        let mut busy = step.get(self.slots.busy).iter();
        busy.find(|slot| step.has(self.slots.joined.at(*slot), node))
    }

    pub(super) fn is_gathering(&self, nodes: NodeSet<W>, step: &Step<'_, W>) -> bool {
        let joined = |slot: Node| step.get(self.slots.joined.at(slot));
        step.get(self.slots.busy)
            .iter()
            .any(|slot| joined(slot).intersects(nodes))
    }

    /// These members send join messages.
    pub(super) fn gather(
        &self,
        joined: NodeSet<W>,
        why: Why,
        step: &mut Step<'_, W>,
    ) -> Option<Node> {
        let s = &self.settings;
        let waits = joined.iter().any(|n| !self.lost(n, step).is_empty());
        if why == Why::Crash || waits {
            let extra = step.choose(s.after_crash.of(joined.len()));
            // The ticks of who waits for the silent keep to the whole rounds.
            let overhead = if waits && why == Why::Leave {
                Nanos::ZERO
            } else {
                s.overhead
            };
            return self.open_slot(joined, s.rounds(1, overhead), extra, step);
        }
        // Nobody is missed: with everybody's join message the view is complete.
        match step.choose(s.after_leave.of(joined.len())) {
            0 => self.open_slot(joined, s.leave, 0, step),
            extra => self.open_slot(joined, s.rounds(1, s.overhead), extra - 1, step),
        }
    }

    /// Strangers have found each other and form one view.
    pub(super) fn meet(&self, leader: Node, step: &mut Step<'_, W>) {
        let joined = self.component(leader, step);
        if joined.is_empty() || !step.has(self.known.alive, leader) {
            return;
        }
        self.give_up_stale_views(joined, step);
        let s = &self.settings;
        if joined.intersects(step.get(self.known.prim)) {
            self.open_slot(joined, s.join_stall, 0, step);
        } else {
            let extra = step.choose(s.merge.of(joined.len()));
            self.open_slot(joined, s.rounds(1, s.overhead), extra, step);
        }
    }

    fn open_slot(
        &self,
        joined: NodeSet<W>,
        first: Delay,
        extra: usize,
        step: &mut Step<'_, W>,
    ) -> Option<Node> {
        let free = self.members - step.get(self.slots.busy);
        let slot = (joined & free).first().or(free.first())?;
        step.insert(self.slots.busy, slot);
        step.remove(self.slots.broken, slot);
        step.put(self.slots.joined.at(slot), joined);
        step.put(self.slots.gone.at(slot), NodeSet::EMPTY);
        step.put(self.slots.dead.at(slot), NodeSet::EMPTY);
        step.set_count(self.slots.extra_rounds.at(slot), extra as u64);
        step.arm(self.timers.round.at(slot), first);
        step.arm(self.timers.install.at(slot), self.settings.install);
        for node in joined {
            step.cancel(self.timers.hang.at(node));
        }
        Some(slot)
    }

    pub(super) fn close_slot(&self, slot: Node, step: &mut Step<'_, W>) {
        step.remove(self.slots.busy, slot);
        step.put(self.slots.joined.at(slot), NodeSet::EMPTY);
        step.put(self.slots.gone.at(slot), NodeSet::EMPTY);
        step.put(self.slots.dead.at(slot), NodeSet::EMPTY);
        step.remove(self.slots.broken, slot);
        step.set_count(self.slots.extra_rounds.at(slot), 0);
        step.cancel(self.timers.round.at(slot));
        step.cancel(self.timers.install.at(slot));
    }

    /// Someone who says goodbye during a formation is not waited for.
    pub(super) fn leave_gathers(&self, node: Node, step: &mut Step<'_, W>) {
        for slot in step.get(self.slots.busy) {
            step.remove(self.slots.joined.at(slot), node);
        }
    }

    /// Fits the formations to who is still there: who died or was cut off after
    /// its join message is remembered, who is cut off together goes on apart.
    pub(super) fn tend_gathers(&self, step: &mut Step<'_, W>) {
        for slot in step.get(self.slots.busy) {
            let joined = step.get(self.slots.joined.at(slot));
            let mut rest = joined & step.get(self.known.alive);
            let Some(first) = rest.first() else {
                self.close_slot(slot, step);
                continue;
            };
            let component = self.component(first, step);
            let staying = rest & component;
            rest -= component;
            let others = joined - staying;
            if !others.is_empty() {
                let dead = step.get(self.slots.dead.at(slot)) | others;
                step.put(self.slots.joined.at(slot), staying);
                step.put(self.slots.dead.at(slot), dead);
            }
            self.take_back(slot, first, component, step);
            while let Some(node) = rest.first() {
                let apart = rest & self.component(node, step);
                rest -= apart;
                self.go_apart(apart, joined - apart, step);
            }
        }
    }

    /// A part of a formation that lost the others begins again by itself.
    fn go_apart(&self, apart: NodeSet<W>, others: NodeSet<W>, step: &mut Step<'_, W>) {
        let extra = step.choose(self.settings.after_crash.of(apart.len()));
        let delay = self.settings.rounds(1, self.settings.overhead);
        if let Some(slot) = self.open_slot(apart, delay, extra, step) {
            step.put(self.slots.dead.at(slot), others);
        }
    }

    /// Members of the same view that are back in reach take part (again), unless
    /// they have been declared gone or are a new incarnation.
    fn take_back(&self, slot: Node, first: Node, component: NodeSet<W>, step: &mut Step<'_, W>) {
        let joined = step.get(self.slots.joined.at(slot));
        let dead = step.get(self.slots.dead.at(slot));
        let known = (self.together(first, step) | (dead & component))
            - joined
            - step.get(self.slots.gone.at(slot));
        for node in known {
            let fresh = self.view(node, step).is_empty();
            if !fresh && self.slot_of(node, step).is_none() && step.has(self.known.alive, node) {
                step.insert(self.slots.joined.at(slot), node);
                step.remove(self.slots.dead.at(slot), node);
            }
        }
    }

    /// Is everybody accounted for?
    fn has_consensus(&self, slot: Node, step: &Step<'_, W>) -> bool {
        let gone = step.get(self.slots.gone.at(slot));
        step.get(self.slots.dead.at(slot)).is_empty()
            && step
                .get(self.slots.joined.at(slot))
                .iter()
                .all(|node| self.lost(node, step).is_subset(gone))
    }

    /// A retransmission tick.
    pub(super) fn tick(&self, slot: Node, step: &mut Step<'_, W>) {
        let again = Delay::Fixed(self.settings.round);
        if !self.has_consensus(slot, step) {
            step.arm(self.timers.round.at(slot), again);
            return;
        }
        let extra = step.count(self.slots.extra_rounds.at(slot));
        if extra > 0 {
            step.set_count(self.slots.extra_rounds.at(slot), extra - 1);
            step.arm(self.timers.round.at(slot), again);
            return;
        }
        let joined = step.get(self.slots.joined.at(slot));
        let broken = step.has(self.slots.broken, slot);
        self.close_slot(slot, step);
        self.form_view(joined, broken, step);
    }

    /// evs.install_timeout: whoever has not kept up is declared gone.
    pub(super) fn install_expired(&self, slot: Node, step: &mut Step<'_, W>) {
        let dead = step.get(self.slots.dead.at(slot));
        let joined = step.get(self.slots.joined.at(slot));
        let mut gone = step.get(self.slots.gone.at(slot)) | dead;
        for node in joined {
            gone |= self.lost(node, step);
        }
        step.put(self.slots.gone.at(slot), gone);
        step.put(self.slots.dead.at(slot), NodeSet::EMPTY);
        if !dead.is_empty() && joined.len() >= 3 && step.chance(self.settings.breakup) {
            step.insert(self.slots.broken, slot);
        }
        step.set_count(self.slots.extra_rounds.at(slot), 0);
        let rounds = step.choose(&self.settings.expired);
        step.arm(
            self.timers.round.at(slot),
            self.settings.rounds(rounds, self.settings.overhead),
        );
        step.arm(self.timers.install.at(slot), self.settings.install);
    }
}
