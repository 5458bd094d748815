//! The compute nodes as the controller sees them.

use super::Slurm;
use crate::automaton::{Delay, Nanos, Node, NodeSet, Step};

impl<const W: usize> Slurm<W> {
    pub(super) fn slurmd_works(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let works = match &self.slurmd {
            Some(slurmd) => slurmd.works,
            None => self.world.running,
        };
        step.get(works) & self.compute_nodes
    }

    /// Compute nodes that some controller exchanges packets with.
    fn in_touch(&self, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.signals.controller)
            .iter()
            .fold(NodeSet::EMPTY, |all, node| {
                all | step.get(self.world.reach.at(node))
            })
    }

    /// Silence, registrations, and what follows from them.
    pub(super) fn follow_compute(&self, step: &mut Step<'_, W>) {
        let works = self.slurmd_works(step);
        let lost = self.compute_nodes - step.get(self.world.up);
        if !lost.is_empty() {
            step.put(self.own.rebooted, step.get(self.own.rebooted) | lost);
        }
        let controlled = !step.get(self.signals.controller).is_empty();
        let heard = works & self.in_touch(step);
        let down = step.get(self.signals.down);
        let rebooted = step.get(self.own.rebooted);
        for node in heard & (rebooted | down) {
            self.register(node, step);
        }
        let down = step.get(self.signals.down);
        for node in self.compute_nodes {
            let timer = self.timers.down.at(node);
            if !controlled || heard.contains(node) || down.contains(node) {
                step.cancel(timer);
            } else if !step.is_armed(timer) {
                let whole = self.settings.slurmd_timeout;
                let delay = Delay::Uniform {
                    low: Nanos(whole.0 / 3).times(2),
                    high: whole,
                };
                step.arm(timer, delay);
            }
        }
        step.put(self.signals.compute, works - down);
    }

    /// A slurmd reports to a controller after a silence.
    fn register(&self, node: Node, step: &mut Step<'_, W>) {
        let rebooted = step.has(self.own.rebooted, node);
        let was_down = step.has(self.signals.down, node);
        step.remove(self.own.rebooted, node);
        let down = match self.settings.return_to_service {
            0 => rebooted || was_down,
            // DOWN for its silence it may return; for a reboot it may not.
            1 => rebooted && !was_down || step.has(self.own.barred, node),
            _ => false,
        };
        step.assign(self.own.barred, node, down);
        step.assign(self.signals.down, node, down);
    }

    /// SlurmdTimeout is over.
    pub(super) fn set_down(&self, node: Node, step: &mut Step<'_, W>) {
        step.insert(self.signals.down, node);
    }

    /// A person puts nodes back into service; silent ones do not stay there.
    pub(super) fn resume(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let able = nodes & self.slurmd_works(step) & self.in_touch(step);
        for id in [self.signals.down, self.own.barred] {
            step.put(id, step.get(id) - able);
        }
    }
}
