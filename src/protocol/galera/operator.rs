//! What a person can do when no rule brings the primary component back.

use super::Galera;
use crate::automaton::{Command, KillTarget, Node, NodeSet, ProcessCommand, Step};

/// `bootstrap`: the cheapest thing that works: pc.bootstrap=YES on a running
/// survivor, else as `force_bootstrap`. `new_cluster`: galera_new_cluster, refused
/// unless safe_to_bootstrap is 1. `force_bootstrap`: set it to 1 by hand first.
/// An operator who was not told where also starts what is stopped on running nodes.
pub(super) const ACTIONS: [&str; 3] = ["bootstrap", "new_cluster", "force_bootstrap"];

impl<const W: usize> Galera<W> {
    /// `nodes` are those that the operator named; empty: the operator chooses.
    pub(super) fn operate(&self, action: &str, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let chosen = if nodes.is_empty() {
            self.data
        } else {
            nodes & self.data
        };
        let primary = step.get(self.known.prim) & step.get(self.known.alive);
        let works = !(primary & self.data).is_empty();
        if nodes.is_empty() && works {
            self.start_the_others(step);
            return;
        }
        step.put(
            self.known.operator_helps,
            if nodes.is_empty() {
                self.data
            } else {
                NodeSet::EMPTY
            },
        );
        match action {
            "bootstrap" => match self.best_survivor(chosen, step) {
                Some(node) => step.arm(self.timers.bootstrap.at(node), self.settings.bootstrap),
                None => self.start_new_cluster(chosen, true, step),
            },
            "new_cluster" => self.start_new_cluster(chosen, false, step),
            "force_bootstrap" => self.start_new_cluster(chosen, true, step),
            _ => {}
        }
    }

    fn start_the_others(&self, step: &mut Step<'_, W>) {
        step.put(self.known.operator_helps, NodeSet::EMPTY);
        let stopped = (self.data & step.get(self.node_up)) - step.get(self.known.present);
        if !stopped.is_empty() {
            let order = ProcessCommand::Start;
            step.order(Command::Process(order, self.process.clone(), stopped));
        }
    }

    /// Among the running non-primary survivors the first of the largest component.
    fn best_survivor(&self, chosen: NodeSet<W>, step: &Step<'_, W>) -> Option<Node> {
        let k = &self.known;
        let survivors = (chosen & step.get(k.alive) & step.get(k.opened)) - step.get(k.prim);
        let size = |node: &Node| (self.together(*node, step) & survivors).len();
        let largest = survivors.iter().map(|node| size(&node)).max()?;
        survivors.iter().find(|node| size(node) == largest)
    }

    /// galera_new_cluster on the most advanced of the nodes that could do it.
    fn start_new_cluster(&self, chosen: NodeSet<W>, force: bool, step: &mut Step<'_, W>) {
        let k = &self.known;
        let (alive, present) = (step.get(k.alive), step.get(k.present));
        let idle = (chosen & step.get(self.node_up)) - present;
        let candidates = if force {
            idle | ((chosen & alive) - step.get(k.prim))
        } else {
            idle & step.get(k.safe)
        };
        let whole = candidates & step.get(k.complete);
        let best = self.newest(whole, step).or(self.newest(candidates, step));
        let Some(node) = best else { return };
        if alive.contains(node) {
            // It waits for a primary component and does not heed SIGTERM: killed, and
            // started as soon as it is gone (`observe`).
            step.insert(k.new_cluster, node);
            self.order_process(node, ProcessCommand::Kill(KillTarget::All), step);
            return;
        }
        step.insert(k.new_cluster, node);
        self.order_process(node, ProcessCommand::Start, step);
    }

    /// The bootstrap takes effect: the node's view, or the node alone, is primary.
    pub(super) fn bootstrap(&self, node: Node, step: &mut Step<'_, W>) {
        let k = &self.known;
        let primary = step.get(k.prim) & step.get(k.alive);
        if !step.has(k.alive, node) || self.component(node, step).intersects(primary) {
            return;
        }
        let nodes = if self.view(node, step).is_empty() {
            NodeSet::single(node)
        } else {
            self.together(node, step)
        };
        for slot in step.get(self.slots.busy) {
            if step.get(self.slots.joined.at(slot)).intersects(nodes) {
                self.close_slot(slot, step);
            }
        }
        if !(nodes & self.data).intersects(step.get(k.complete)) {
            step.insert(k.complete, node);
        }
        self.install_primary(nodes, step);
        if !step.get(k.operator_helps).is_empty() {
            self.start_the_others(step);
        }
    }
}
