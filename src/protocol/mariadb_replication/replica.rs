//! Streams of replication: what flows, what is noticed, and who lacks what.

use super::MariadbReplication;
use crate::automaton::{Mark, Node, NodeSet, Step};

impl<const W: usize> MariadbReplication<W> {
    /// Servers that have started or ended, and streams that are cut or can flow.
    pub(super) fn follow_servers(&self, step: &mut Step<'_, W>) {
        let (before, now) = (step.get(self.own.works), self.works(step));
        for node in before - now {
            if !step.has(self.process.stopped, node) {
                self.dies(node, step);
            }
        }
        step.put_private(self.own.works, now);
        for index in 0..self.streams.len() {
            self.follow_stream(index, step);
        }
    }

    /// A server dies: what it has acknowledged last may be nowhere else.
    fn dies(&self, source: Node, step: &mut Step<'_, W>) {
        if !step.has(self.signals.written, source) {
            return;
        }
        let mut lacking = NodeSet::EMPTY;
        for (index, (from, replica)) in self.streams.iter().enumerate() {
            if *from == source && step.count(self.own.flows.nth(index)) == 1 {
                lacking.insert(*replica);
            }
        }
        if !lacking.is_empty() && step.chance(self.settings.loss) {
            // What the direct replica lacks, those behind it in the chain lack as well.
            let all = self.downstream(lacking, source);
            step.put_private(self.own.ahead.at(source), step.get(self.own.ahead.at(source)) | all);
        }
    }

    /// These and all that replicate from them.
    fn downstream(&self, from: NodeSet<W>, source: Node) -> NodeSet<W> {
        let mut found = from;
        for _ in 0..self.order.len() {
            for (origin, replica) in &self.streams {
                if found.contains(*origin) && *replica != source {
                    found.insert(*replica);
                }
            }
        }
        found
    }

    fn follow_stream(&self, index: usize, step: &mut Step<'_, W>) {
        let (source, replica) = self.streams[index];
        let t = &self.timers;
        let alive = self.works(step).contains(replica);
        let can = alive && self.can_use(replica, source, step);
        let (notice, retry) = (t.notice.nth(index), t.retry.nth(index));
        if step.count(self.own.flows.nth(index)) == 1 {
            if can {
                return;
            }
            step.set_count(self.own.flows.nth(index), 0);
            step.cancel(t.catch_up.nth(index));
            // A kernel that answers ends the connection at once.
            if alive && !self.refuses(replica, source, step) {
                step.arm(notice, self.settings.net_timeout);
            }
        }
        if !alive {
            step.cancel(notice);
            step.cancel(retry);
        } else if !step.is_armed(notice) && !step.is_armed(retry) && !step.is_armed(t.catch_up.nth(index)) {
            step.arm(retry, self.settings.retry);
        }
    }

    pub(super) fn noticed(&self, stream: usize, step: &mut Step<'_, W>) {
        step.arm(self.timers.retry.nth(stream), self.settings.retry);
    }

    pub(super) fn retried(&self, stream: usize, step: &mut Step<'_, W>) {
        let (source, replica) = self.streams[stream];
        if self.can_use(replica, source, step) {
            step.arm(self.timers.catch_up.nth(stream), self.settings.catch_up);
        }
    }

    /// A replica has all that its source had for it.
    pub(super) fn caught_up(&self, stream: usize, step: &mut Step<'_, W>) {
        let (source, replica) = self.streams[stream];
        if !self.can_use(replica, source, step) {
            return;
        }
        step.set_count(self.own.flows.nth(stream), 1);
        step.mark(Mark::Restore);
        self.pass_on(step);
    }

    /// The streams that carry changes now: source and replica.
    fn flowing(&self, step: &Step<'_, W>) -> impl Iterator<Item = (Node, Node)> {
        let numbered = self.streams.iter().enumerate();
        numbered.filter_map(|(index, (source, replica))| {
            let flows = step.count(self.own.flows.nth(index)) == 1
                && !step.has(self.signals.stopped, *replica);
            flows.then_some((*source, *replica))
        })
    }

    /// What flows reaches everybody behind it: nobody lacks what it gets from one that
    /// has it.
    fn pass_on(&self, step: &mut Step<'_, W>) {
        for origin in self.members {
            let mut lacking = step.get(self.own.ahead.at(origin));
            for _ in 0..self.order.len() {
                for (source, replica) in self.flowing(step) {
                    if !lacking.contains(source) {
                        lacking.remove(replica);
                    }
                }
            }
            step.put_private(self.own.ahead.at(origin), lacking);
        }
    }

    /// Servers that are written to get ahead of all that do not follow them.
    pub(super) fn write(&self, step: &mut Step<'_, W>) {
        for origin in step.get(self.signals.written) {
            let mut has = NodeSet::single(origin);
            for _ in 0..self.order.len() {
                for (source, replica) in self.flowing(step) {
                    if has.contains(source) {
                        has.insert(replica);
                    }
                }
            }
            let lacking = step.get(self.own.ahead.at(origin)) | (self.members - has);
            step.put_private(self.own.ahead.at(origin), lacking);
        }
        self.pass_on(step);
    }

    /// These become copies of the first server that is not among them.
    pub(super) fn rebuild(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let all_but_first = self.members.without(self.order[0]);
        let nodes = if nodes.is_empty() { all_but_first } else { nodes & self.members };
        for origin in self.members {
            let lacking = if nodes.contains(origin) {
                NodeSet::EMPTY
            } else {
                step.get(self.own.ahead.at(origin)) - nodes
            };
            step.put_private(self.own.ahead.at(origin), lacking);
        }
        let left = step.get(self.signals.diverged) - nodes;
        let diverged = if left.len() > 1 { left } else { NodeSet::EMPTY };
        step.put(self.signals.diverged, diverged);
        step.put(self.signals.stopped, step.get(self.signals.stopped) - nodes);
        for (index, (_, replica)) in self.streams.iter().enumerate() {
            if nodes.contains(*replica) && step.count(self.own.flows.nth(index)) == 0 {
                self.retried(index, step);
            }
        }
    }
}
