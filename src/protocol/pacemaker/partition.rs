//! Who takes part: rings that change, stacks that start and stop, the controller.

use super::Pacemaker;
use super::settings::NoQuorum;
use crate::automaton::{Delay, Mark, Nanos, Node, NodeSet, Step};

impl<const W: usize> Pacemaker<W> {
    /// The state of a cluster that has been running for a long time.
    pub(super) fn lay_out(&self, step: &mut Step<'_, W>) {
        let away = step.get(self.process.stopped) & self.members;
        step.put_private(self.own.away, away);
        let stacks = self.stacks(step);
        step.put_private(self.own.members, stacks);
        step.put_private(self.own.quorate, step.get(self.membership.quorate));
        for node in self.members {
            step.put_private(self.own.ring.at(node), self.ring(node, step));
        }
        for resource in &self.resources {
            for cell in [resource.cells.works, resource.cells.promoted] {
                step.put(cell, NodeSet::EMPTY);
            }
            step.put_private(resource.cells.located, NodeSet::EMPTY);
        }
        for controller in self.controllers(step) {
            let places = self.places(controller, step);
            for (resource, place) in self.resources.iter().zip(places) {
                let cells = &resource.cells;
                step.put_private(cells.located, step.get(cells.located) | place.nodes);
                step.put(cells.works, step.get(cells.works) | place.nodes);
                step.put(cells.promoted, step.get(cells.promoted) | place.promoted);
            }
        }
    }

    /// May a partition do what needs quorum?
    pub(super) fn is_quorate(&self, controller: Node, step: &Step<'_, W>) -> bool {
        step.has(self.membership.quorate, controller)
            || self.settings.no_quorum == NoQuorum::Ignore
    }

    /// The scheduler of a partition will act when its overhead is over.
    pub(super) fn call(&self, node: Node, overhead: Delay, step: &mut Step<'_, W>) {
        let partition = self.partition(node, step);
        let Some(controller) = partition.first() else {
            return;
        };
        for other in partition.without(controller) {
            step.cancel(self.timers.think.at(other));
        }
        step.arm(self.timers.think.at(controller), overhead);
    }

    /// The overhead after a new membership.
    fn reconsidering(&self, step: &mut Step<'_, W>) -> Delay {
        let twice = step.chance(self.settings.reask_probability);
        let fixed = if twice { self.settings.reask } else { Nanos::ZERO };
        Delay::FixedThenDrawn(fixed, self.settings.overhead)
    }

    /// What ends with its node.
    pub(super) fn follow_nodes(&self, step: &mut Step<'_, W>) {
        let down = self.members - step.get(self.world.up);
        for index in 0..self.resources.len() {
            let cells = &self.resources[index].cells;
            let active = step.get(cells.works)
                | step.get(cells.starting)
                | step.get(cells.stopping)
                | step.get(cells.promoted);
            for node in active & down {
                self.ends_with_node(index, node, step);
            }
        }
        step.put_private(self.own.leaving, step.get(self.own.leaving) - down);
        step.put_private(self.own.away, step.get(self.own.away) - down);
    }

    /// Rings that have changed, and stacks that have started or ended.
    pub(super) fn follow_rings(&self, step: &mut Step<'_, W>) {
        let mut changed = NodeSet::EMPTY;
        for node in self.members {
            let (before, now) = (step.get(self.own.ring.at(node)), self.ring(node, step));
            if before != now {
                step.put_private(self.own.ring.at(node), now);
                changed.insert(node);
                if now.is_empty() {
                    self.stack_ended(node, step);
                } else if before.is_empty() {
                    self.stack_started(node, step);
                } else if step.has(self.own.members, node) {
                    self.ring_changed(node, before, now, step);
                }
            }
        }
        let quorate = step.get(self.membership.quorate) & self.members;
        changed |= quorate ^ step.get(self.own.quorate);
        step.put_private(self.own.quorate, quorate);
        self.forget_lost(step);
        let concerned = |node: &Node| self.partition(*node, step).intersects(changed);
        let called: NodeSet<W> = self.controllers(step).iter().filter(concerned).collect();
        for controller in called {
            let overhead = self.reconsidering(step);
            self.call(controller, overhead, step);
        }
        for node in step.get(self.own.pending) {
            self.enlist(node, step);
        }
    }

    /// A node without a stack takes part no more once no ring has it.
    fn forget_lost(&self, step: &mut Step<'_, W>) {
        let mut known = NodeSet::EMPTY;
        for node in self.members {
            known |= self.ring(node, step);
        }
        step.put_private(self.own.members, step.get(self.own.members) & known);
    }

    fn stack_ended(&self, node: Node, step: &mut Step<'_, W>) {
        step.remove_private(self.own.pending, node);
        step.put_private(self.own.unclean.at(node), NodeSet::EMPTY);
        for timers in [self.timers.think, self.timers.join, self.timers.elect] {
            step.cancel(timers.at(node));
        }
        self.fencing.forget(node, step);
        for index in 0..self.resources.len() {
            self.left_alone(index, node, step);
        }
    }

    fn stack_started(&self, node: Node, step: &mut Step<'_, W>) {
        step.remove_private(self.own.shot, node);
        step.remove_private(self.own.members, node);
        if !step.has(self.own.away, node) {
            step.insert_private(self.own.pending, node);
        }
    }

    /// Nodes have left the ring of one that takes part, or have come into it.
    fn ring_changed(&self, node: Node, before: NodeSet<W>, now: NodeSet<W>, step: &mut Step<'_, W>) {
        let lost = before - now;
        let shot = step.get(self.own.shot);
        let clean = step.get(self.membership.left) | step.get(self.own.away) | shot;
        step.put_private(self.own.shot, shot - lost);
        let mut unclean = step.get(self.own.unclean.at(node)) - now;
        if self.settings.stonith {
            unclean |= lost - clean;
            for resource in &self.resources {
                let cells = &resource.cells;
                let may_run = step.get(cells.located) | step.get(cells.starting);
                if may_run.intersects(lost - clean) {
                    let known = step.get(cells.elsewhere).with(node);
                    step.put_private(cells.elsewhere, known);
                }
            }
        }
        self.regard(node, unclean, step);
    }

    /// A node regards these as unclean.
    pub(super) fn regard(&self, node: Node, unclean: NodeSet<W>, step: &mut Step<'_, W>) {
        step.put_private(self.own.unclean.at(node), unclean);
        if unclean.is_empty() {
            for resource in &self.resources {
                let cell = resource.cells.elsewhere;
                step.remove_private(cell, node);
            }
        }
    }

    /// A stack that does not take part joins a controller, or waits for one.
    fn enlist(&self, node: Node, step: &mut Step<'_, W>) {
        let (join, elect) = (self.timers.join.at(node), self.timers.elect.at(node));
        if self.controller(node, step).is_some() {
            step.cancel(elect);
            if !step.is_armed(join) {
                step.arm(join, self.settings.join);
            }
        } else {
            step.cancel(join);
            if !step.is_armed(elect) {
                let wait = self.settings.dc_deadtime;
                step.arm(elect, Delay::FixedThenDrawn(wait, self.settings.election));
            }
        }
    }

    /// A stack takes part: it knows what its controller knows, and the controller learns
    /// what runs on it.
    pub(super) fn joined(&self, node: Node, step: &mut Step<'_, W>) {
        let Some(controller) = self.controller(node, step) else {
            return self.enlist(node, step);
        };
        let unclean = step.get(self.own.unclean.at(controller));
        self.takes_part(node, step);
        self.regard(node, unclean, step);
        for resource in &self.resources {
            let cell = resource.cells.elsewhere;
            if step.has(cell, controller) {
                step.insert_private(cell, node);
            }
        }
        step.mark(Mark::Restore);
        self.call(controller, Delay::Fixed(Nanos::ZERO), step);
    }

    fn takes_part(&self, node: Node, step: &mut Step<'_, W>) {
        step.remove_private(self.own.pending, node);
        step.cancel(self.timers.join.at(node));
        step.cancel(self.timers.elect.at(node));
        step.insert_private(self.own.members, node);
        for index in 0..self.resources.len() {
            self.probe(index, node, step);
        }
    }

    /// Nobody has been found: those in the ring that wait elect a controller. What they
    /// have never seen may be running somewhere.
    pub(super) fn elected(&self, node: Node, step: &mut Step<'_, W>) {
        if self.controller(node, step).is_some() {
            return self.enlist(node, step);
        }
        let ring = self.ring(node, step);
        let fences = self.settings.stonith && self.settings.startup_fencing;
        for other in ring & step.get(self.own.pending) {
            self.takes_part(other, step);
            if fences {
                self.regard(other, self.members - ring, step);
                for resource in &self.resources {
                    let cell = resource.cells.elsewhere;
                    if self.members != ring {
                        step.insert_private(cell, other);
                    }
                }
            }
        }
        step.mark(Mark::Restore);
    }

    /// Pacemaker is being stopped in good order, or has been started again.
    pub(super) fn follow_process(&self, step: &mut Step<'_, W>) {
        let stopped = step.get(self.process.stopped) & self.members;
        let up = step.get(self.world.up);
        let (leaving, away) = (step.get(self.own.leaving), step.get(self.own.away));
        for node in (stopped & up) - leaving - away {
            if step.has(self.own.members, node) {
                step.insert_private(self.own.leaving, node);
                self.call(node, Delay::Fixed(Nanos::ZERO), step);
            } else {
                self.goes_away(node, step);
            }
        }
        for node in (step.get(self.own.leaving) | step.get(self.own.away)) - stopped {
            step.remove_private(self.own.leaving, node);
            if step.has(self.own.away, node) {
                step.remove_private(self.own.away, node);
                if !self.ring(node, step).is_empty() {
                    self.stack_started(node, step);
                    self.enlist(node, step);
                }
            }
        }
    }

    /// Nothing runs here any more: the node leaves in good order.
    pub(super) fn goes_away(&self, node: Node, step: &mut Step<'_, W>) {
        step.remove_private(self.own.leaving, node);
        step.insert_private(self.own.away, node);
        step.remove_private(self.own.pending, node);
        step.remove_private(self.own.members, node);
        for timers in [self.timers.think, self.timers.join, self.timers.elect] {
            step.cancel(timers.at(node));
        }
        self.fencing.forget(node, step);
    }

    /// What people do. False where nothing was to be done.
    pub(super) fn operator(&self, action: &str, nodes: NodeSet<W>, step: &mut Step<'_, W>) -> bool {
        match action {
            "confirm" => self.confirm(nodes - step.get(self.signals.online), step),
            "cleanup" => self.clean_up(nodes, step),
            "standby" => {
                step.put_private(self.own.standby, step.get(self.own.standby) | nodes);
                step.plan();
            }
            "unstandby" => {
                step.put_private(self.own.standby, step.get(self.own.standby) - nodes);
            }
            "power_on" => self.power_on(nodes & step.get(self.signals.off), step),
            _ => return false,
        }
        step.mark(Mark::Restore);
        true
    }
}
