//! What a partition does: starts, stops, promotions, and what becomes of failures.

use super::resource::Operation;
use super::schedule::{Known, Place, Sequence};
use super::settings::NoQuorum;
use super::Pacemaker;
use crate::automaton::{Delay, Mark, Node, NodeSet, Step, Timer};

/// What has to end before anything can begin.
struct Ends<const W: usize> {
    stop: Vec<NodeSet<W>>,
    demote: Vec<NodeSet<W>>,
}

impl<const W: usize> Pacemaker<W> {
    /// Where the controller of a partition wants everything.
    pub(super) fn places(&self, controller: Node, step: &Step<'_, W>) -> Vec<Place<W>> {
        let nowhere = || vec![Place::default(); self.resources.len()];
        if self.settings.stonith && self.fencing.has_no_device() {
            return nowhere();
        }
        let partition = self.partition(controller, step);
        let barred = step.get(self.own.standby)
            | step.get(self.own.leaving)
            | step.get(self.own.shot)
            | step.get(self.own.unclean.at(controller));
        let frozen = !self.is_quorate(controller, step);
        if frozen && self.settings.no_quorum != NoQuorum::Freeze {
            return nowhere();
        }
        let known: Vec<Known<W>> = self
            .resources
            .iter()
            .map(|resource| {
                let cells = &resource.cells;
                Known {
                    located: step.get(cells.located) & partition,
                    promoted: step.get(cells.promoted) & partition,
                    banned: step.get(cells.banned),
                    promotable: resource.promotable.value(step),
                    blocked: step.get(cells.blocked) & partition,
                    goal: step.get(cells.goal),
                }
            })
            .collect();
        self.policy.places(partition - barred, &known, frozen)
    }

    /// Begins everything that can begin now.
    pub(super) fn act(&self, controller: Node, step: &mut Step<'_, W>) {
        let partition = self.partition(controller, step);
        self.fence(controller, step);
        // One that was shot is still in the ring: the transition waits for Corosync.
        if step.get(self.own.shot).intersects(partition) {
            return;
        }
        let places = self.places(controller, step);
        self.resolve_doubles(partition, &places, step);
        let ends = self.what_ends(partition, &places, step);
        for index in 0..self.resources.len() {
            self.stop_some(index, partition, &ends, step);
        }
        for index in 0..self.resources.len() {
            self.start_some(index, controller, &places, &ends, step);
        }
        for node in step.get(self.own.leaving) & partition {
            if !self.holds_anything(node, step) {
                self.goes_away(node, step);
            }
        }
    }

    /// What runs twice is stopped everywhere and started where the scheduler has decided
    /// at the beginning, whatever stops first.
    fn resolve_doubles(&self, partition: NodeSet<W>, places: &[Place<W>], step: &mut Step<'_, W>) {
        for (resource, place) in self.resources.iter().zip(places) {
            let cells = &resource.cells;
            let located = step.get(cells.located) & partition;
            if !resource.is_clone && located.len() > 1 && step.get(cells.goal).is_empty() {
                step.put_private(cells.goal, place.nodes);
                for node in located {
                    step.insert(cells.failed, node);
                }
            }
        }
    }

    fn holds_anything(&self, node: Node, step: &Step<'_, W>) -> bool {
        self.resources.iter().any(|resource| {
            let cells = &resource.cells;
            [cells.located, cells.starting, cells.stopping]
                .iter()
                .any(|cell| step.has(*cell, node))
        })
    }

    /// What runs where it should not, has failed, or comes after something like that.
    fn what_ends(
        &self,
        partition: NodeSet<W>,
        places: &[Place<W>],
        step: &Step<'_, W>,
    ) -> Ends<W> {
        let count = self.resources.len();
        let mut ends = Ends {
            stop: vec![NodeSet::EMPTY; count],
            demote: vec![NodeSet::EMPTY; count],
        };
        for (index, (resource, place)) in self.resources.iter().zip(places).enumerate() {
            let cells = &resource.cells;
            let located = step.get(cells.located) & partition;
            let wrong = located - place.nodes;
            ends.stop[index] = wrong | (step.get(cells.failed) & located);
            let promoted = step.get(cells.promoted) & partition;
            ends.demote[index] = promoted & ((promoted - place.promoted) | ends.stop[index]);
        }
        self.spread_ends(partition, &mut ends, step);
        ends
    }

    /// What was started after something that ends has to end before it.
    fn spread_ends(&self, partition: NodeSet<W>, ends: &mut Ends<W>, step: &Step<'_, W>) {
        loop {
            let mut changed = false;
            for sequence in &self.policy.sequences {
                if self.runs(sequence.first, sequence.first_promoted, partition, ends, step) {
                    continue;
                }
                let cells = &self.resources[sequence.then].cells;
                let located = step.get(cells.located) & partition;
                let promoted = step.get(cells.promoted) & partition;
                let (stop, demote) = (ends.stop[sequence.then], ends.demote[sequence.then]);
                ends.demote[sequence.then] |= promoted;
                if !sequence.then_promoted {
                    ends.stop[sequence.then] |= located;
                }
                changed |= stop != ends.stop[sequence.then] || demote != ends.demote[sequence.then];
            }
            if !changed {
                return;
            }
        }
    }

    /// Does a resource run, or is it promoted, and stays so?
    fn runs(
        &self,
        index: usize,
        promoted: bool,
        partition: NodeSet<W>,
        ends: &Ends<W>,
        step: &Step<'_, W>,
    ) -> bool {
        let cells = &self.resources[index].cells;
        let (active, ending) = if promoted {
            (step.get(cells.promoted), ends.demote[index])
        } else {
            (step.get(cells.located), ends.stop[index])
        };
        let active = active & partition;
        !active.is_empty() && !active.intersects(ending)
    }

    fn is_busy(&self, index: usize, node: Node, step: &Step<'_, W>) -> bool {
        step.is_armed(self.resources[index].operation.at(node))
    }

    /// Does anything that was started after it still run?
    fn is_held(&self, sequences: impl Iterator<Item = Sequence>, partition: NodeSet<W>, step: &Step<'_, W>) -> bool {
        let mut sequences = sequences;
        sequences.any(|sequence| {
            let cells = &self.resources[sequence.then].cells;
            let active = if sequence.then_promoted {
                step.get(cells.promoted) | step.get(cells.promoting) | step.get(cells.demoting)
            } else {
                step.get(cells.located) | step.get(cells.starting) | step.get(cells.stopping)
            };
            active.intersects(partition)
        })
    }

    /// Ends what has to end and is not held by anything that came after it.
    fn stop_some(&self, index: usize, partition: NodeSet<W>, ends: &Ends<W>, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        let cells = &resource.cells;
        let after = |promoted: bool| {
            let own = move |s: &&Sequence| s.first == index && s.first_promoted == promoted;
            self.policy.sequences.iter().filter(own).copied()
        };
        let demote_held = self.is_held(after(true), partition, step);
        let stop_held = self.is_held(after(false), partition, step);
        for node in ends.demote[index] - step.get(cells.demoting) {
            if !demote_held && !self.is_busy(index, node, step) {
                step.insert_private(cells.demoting, node);
                step.arm(resource.operation.at(node), resource.demote);
            }
        }
        let promoted = step.get(cells.promoted);
        let blocked = step.get(cells.blocked);
        for node in ends.stop[index] - promoted - blocked - step.get(cells.stopping) {
            if !stop_held && !self.is_busy(index, node, step) {
                step.insert_private(cells.stopping, node);
                self.operate(index, node, resource.stop, step);
            }
        }
    }

    fn operate(&self, index: usize, node: Node, operation: Operation, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        step.arm(resource.operation.at(node), operation.takes);
        if operation.may_hang() {
            step.arm(resource.limit.at(node), Delay::Fixed(operation.timeout));
        }
    }

    /// Does all that comes before it run and stay?
    fn is_due(
        &self,
        index: usize,
        promoted: bool,
        partition: NodeSet<W>,
        ends: &Ends<W>,
        step: &Step<'_, W>,
    ) -> bool {
        let before = |s: &&Sequence| s.then == index && s.then_promoted == promoted;
        self.policy.sequences.iter().filter(before).all(|sequence| {
            self.runs(sequence.first, sequence.first_promoted, partition, ends, step)
        })
    }

    /// Begins what should run, as soon as all that comes before it does.
    fn start_some(
        &self,
        index: usize,
        controller: Node,
        places: &[Place<W>],
        ends: &Ends<W>,
        step: &mut Step<'_, W>,
    ) {
        let resource = &self.resources[index];
        let cells = &resource.cells;
        let partition = self.partition(controller, step);
        let place = places[index];
        let active = (step.get(cells.located) | step.get(cells.starting) | step.get(cells.stopping))
            & partition;
        let free = resource.is_clone || active.is_empty();
        let elsewhere = step.has(cells.elsewhere, controller);
        if free
            && (resource.is_clone || !elsewhere)
            && self.is_due(index, false, partition, ends, step)
        {
            for node in place.nodes - active {
                step.insert_private(cells.starting, node);
                self.operate(index, node, resource.start, step);
            }
        }
        let rises = step.get(cells.promoted) | step.get(cells.promoting) | step.get(cells.demoting);
        let room = (rises & partition) - place.promoted;
        if !room.is_empty() || elsewhere || !self.is_due(index, true, partition, ends, step) {
            return;
        }
        let ready = (step.get(cells.located) & place.promoted) - ends.stop[index];
        for node in ready - rises {
            if !self.is_busy(index, node, step) {
                step.insert_private(cells.promoting, node);
                step.arm(resource.operation.at(node), resource.promote);
            }
        }
    }

    /// A timer of a resource has run out.
    pub(super) fn resource_timer(&self, timer: Timer, step: &mut Step<'_, W>) {
        for (index, resource) in self.resources.iter().enumerate() {
            if let Some(node) = resource.operation.node(timer) {
                step.cancel(resource.limit.at(node));
                return self.done(index, node, false, step);
            }
            if let Some(node) = resource.limit.node(timer) {
                step.cancel(resource.operation.at(node));
                return self.done(index, node, true, step);
            }
            if let Some(node) = resource.detect.node(timer) {
                return self.detected(index, node, step);
            }
            if let Some(node) = resource.forgive.node(timer) {
                return self.forgiven(index, NodeSet::single(node), step);
            }
            if let Some(node) = resource.life.as_ref().and_then(|(timers, _)| timers.node(timer)) {
                step.mark(Mark::Fault);
                return self.dies(index, node, step);
            }
        }
    }

    /// An operation is over; with `late` because its time-out was.
    fn done(&self, index: usize, node: Node, late: bool, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        let cells = &resource.cells;
        if step.has(cells.starting, node) {
            step.remove_private(cells.starting, node);
            let able = resource.needs.value(step).contains(node);
            let fails = late || !able || step.chance(resource.start.failure);
            step.insert_private(cells.located, node);
            step.put_private(cells.goal, NodeSet::EMPTY);
            self.started(index, node, !fails, step);
        } else if step.has(cells.stopping, node) {
            step.remove_private(cells.stopping, node);
            let fails = late || step.chance(resource.stop.failure);
            self.stopped(index, node, !fails, step);
        } else if step.has(cells.promoting, node) {
            step.remove_private(cells.promoting, node);
            if resource.promotable.value(step).contains(node) {
                step.insert(cells.promoted, node);
                step.mark(Mark::Restore);
            } else {
                step.insert(cells.failed, node);
            }
        } else if step.has(cells.demoting, node) {
            step.remove_private(cells.demoting, node);
            step.remove(cells.promoted, node);
        }
    }

    fn started(&self, index: usize, node: Node, well: bool, step: &mut Step<'_, W>) {
        let cells = &self.resources[index].cells;
        if well {
            step.insert(cells.works, node);
            step.mark(Mark::Restore);
            return self.lives(index, node, step);
        }
        step.insert(cells.failed, node);
        if self.settings.fatal_start {
            self.ban(index, node, step);
        } else {
            self.count_failure(index, node, step);
        }
    }

    fn stopped(&self, index: usize, node: Node, well: bool, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        let cells = &resource.cells;
        if well {
            self.is_not_there(index, node, step);
        } else if self.settings.stonith {
            for other in self.partition(node, step) {
                let unclean = step.get(self.own.unclean.at(other)).with(node);
                self.regard(other, unclean, step);
                step.insert_private(cells.elsewhere, other);
            }
        } else {
            step.insert(cells.blocked, node);
        }
    }

    /// A resource is known not to be active on a node.
    pub(super) fn is_not_there(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        let cells = &resource.cells;
        for cell in [cells.works, cells.promoted, cells.failed, cells.blocked] {
            step.remove(cell, node);
        }
        step.remove_private(cells.located, node);
        step.cancel(resource.detect.at(node));
        if let Some((life, _)) = &resource.life {
            step.cancel(life.at(node));
        }
    }

    /// A resource works: its next failure may come.
    pub(super) fn lives(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        if let Some((life, delay)) = &self.resources[index].life {
            step.arm(life.at(node), *delay);
        }
    }

    /// A resource works no more; nobody knows until its monitor has looked.
    pub(super) fn dies(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        step.remove(resource.cells.works, node);
        if let Some((life, _)) = &resource.life {
            step.cancel(life.at(node));
        }
        let watched = !self.ring(node, step).is_empty() && resource.monitor.0 > 0;
        if watched && step.has(resource.cells.located, node) {
            step.arm(resource.detect.at(node), Delay::phase(resource.monitor));
        }
    }

    fn detected(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let cells = &self.resources[index].cells;
        if !step.has(cells.located, node) || step.has(cells.works, node) {
            return;
        }
        step.insert(cells.failed, node);
        self.count_failure(index, node, step);
        self.call(node, self.settings.failure, step);
    }

    /// Counts failures only where their number matters: states should not differ otherwise.
    fn count_failure(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        if resource.threshold == 0 {
            return;
        }
        let fails = (step.count(resource.fails.at(node)) + 1).min(resource.threshold);
        step.set_count(resource.fails.at(node), fails);
        if fails == resource.threshold {
            self.ban(index, node, step);
        } else if resource.failure_timeout.0 > 0 {
            step.arm(resource.forgive.at(node), Delay::Fixed(resource.failure_timeout));
        }
    }

    fn ban(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        let banned = step.get(resource.cells.banned).with(node);
        step.put_private(resource.cells.banned, banned);
        if resource.failure_timeout.0 > 0 {
            step.arm(resource.forgive.at(node), Delay::Fixed(resource.failure_timeout));
        }
    }

    fn forgiven(&self, index: usize, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        let banned = step.get(resource.cells.banned) - nodes;
        step.put_private(resource.cells.banned, banned);
        for node in nodes {
            step.set_count(resource.fails.at(node), 0);
            step.cancel(resource.forgive.at(node));
        }
    }

    /// crm_resource --cleanup: failures are forgotten and everything is looked at again.
    pub(super) fn clean_up(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        for index in 0..self.resources.len() {
            self.forgiven(index, nodes & self.members, step);
            for node in nodes & step.get(self.resources[index].cells.blocked) {
                step.remove(self.resources[index].cells.blocked, node);
            }
        }
        for controller in self.controllers(step) {
            self.call(controller, self.settings.failure, step);
        }
    }

    /// What a controller learns of a node that joins.
    pub(super) fn probe(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let cells = &self.resources[index].cells;
        if step.has(cells.works, node) {
            step.insert_private(cells.located, node);
        } else {
            self.is_not_there(index, node, step);
        }
        self.forgiven(index, NodeSet::single(node), step);
    }

    /// A node has gone down; its peers do not know yet, so `located` stays.
    pub(super) fn ends_with_node(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        let cells = &resource.cells;
        step.remove(cells.works, node);
        step.remove(cells.promoted, node);
        if let Some((life, _)) = &resource.life {
            step.cancel(life.at(node));
        }
        self.left_alone(index, node, step);
    }

    /// Nobody starts, stops or watches a resource on this node any more. What was being
    /// started may be active.
    pub(super) fn left_alone(&self, index: usize, node: Node, step: &mut Step<'_, W>) {
        let resource = &self.resources[index];
        let cells = &resource.cells;
        if step.has(cells.starting, node) {
            step.insert_private(cells.located, node);
        }
        for cell in [cells.starting, cells.stopping, cells.promoting, cells.demoting] {
            step.remove_private(cell, node);
        }
        for timers in [resource.operation, resource.limit, resource.detect] {
            step.cancel(timers.at(node));
        }
    }

    /// What no longer has what it needs stops working.
    pub(super) fn follow_needs(&self, step: &mut Step<'_, W>) {
        for (index, resource) in self.resources.iter().enumerate() {
            let needs = resource.needs.value(step);
            for node in step.get(resource.cells.works) - needs {
                self.dies(index, node, step);
            }
        }
    }
}
