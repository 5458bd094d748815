//! State transfer: who is behind gets the missing write sets (IST) or a full
//! copy (SST) from a donor.

use super::Galera;
use crate::automaton::{KillTarget, Node, NodeSet, ProcessCommand, Step};

impl<const W: usize> Galera<W> {
    /// After a new primary view: `current` nodes have everything, the rest queue.
    pub(super) fn synchronise(
        &self,
        nodes: NodeSet<W>,
        current: NodeSet<W>,
        step: &mut Step<'_, W>,
    ) {
        let k = &self.known;
        let t = &self.transfers;
        for node in current {
            self.synced(node, step);
        }
        let under_way = self.in_transfer(step);
        for node in (nodes & self.data) - current {
            let donor = Node(step.count(t.donor_of.at(node)) as u16);
            if under_way.contains(node) && !nodes.contains(donor) {
                // gcs_group.cpp: the donor is no longer in the group, gu_abort().
                self.order_process(node, ProcessCommand::Kill(KillTarget::All), step);
            } else if !under_way.contains(node) {
                step.remove(k.synced, node);
                step.remove(k.complete, node);
                step.insert(t.queued, node);
            }
        }
        // Arbitrators have no data to be behind with.
        let voters = nodes - self.data;
        step.put(k.complete, step.get(k.complete) | voters);
    }

    fn synced(&self, node: Node, step: &mut Step<'_, W>) {
        let k = &self.known;
        for id in [k.synced, k.opened, k.complete] {
            step.insert(id, node);
        }
        self.ends_absence(node, step);
    }

    /// Joiners that have a donor.
    fn in_transfer(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let t = &self.transfers;
        step.get(t.preparing) | step.get(t.copying) | step.get(t.finishing)
    }

    fn donor_of(&self, joiner: Node, step: &Step<'_, W>) -> Node {
        Node(step.count(self.transfers.donor_of.at(joiner)) as u16)
    }

    /// Nodes in state Donor/Desynced.
    pub(super) fn donors(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let copying = step.get(self.transfers.copying);
        copying
            .iter()
            .map(|joiner| self.donor_of(joiner, step))
            .collect()
    }

    /// Donors whose tables are locked for a full copy.
    pub(super) fn blocked_donors(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let t = &self.transfers;
        let full = step.get(t.copying) & step.get(t.full);
        full.iter()
            .map(|joiner| self.donor_of(joiner, step))
            .collect()
    }

    /// Gives every waiting joiner a free donor of its view, if there is one.
    pub(super) fn match_donors(&self, step: &mut Step<'_, W>) {
        let t = &self.transfers;
        for joiner in step.get(t.queued) {
            let serving = step.get(t.preparing) | step.get(t.copying);
            let taken: NodeSet<W> = serving.iter().map(|j| self.donor_of(j, step)).collect();
            let able = (step.get(self.known.synced) & step.get(self.known.alive)) - taken;
            let Some(donor) = (able & self.view(joiner, step)).first() else {
                continue;
            };
            step.remove(t.queued, joiner);
            step.insert(t.preparing, joiner);
            step.assign(t.full, joiner, step.has(t.stale, joiner));
            step.set_count(t.donor_of.at(joiner), u64::from(donor.0));
            step.arm(self.timers.transfer.at(joiner), self.settings.prepare);
        }
    }

    /// The next stage of a transfer: hand-shake, copy, catching up, Synced.
    pub(super) fn transfer_goes_on(&self, joiner: Node, step: &mut Step<'_, W>) {
        let t = &self.transfers;
        let s = &self.settings;
        let full = step.has(t.full, joiner);
        let timer = self.timers.transfer.at(joiner);
        if step.has(t.preparing, joiner) {
            step.remove(t.preparing, joiner);
            step.insert(t.copying, joiner);
            if full {
                // From here on the old data is gone.
                step.insert(t.stale, joiner);
            }
            step.arm(timer, if full { s.sst_copy } else { s.ist_copy });
        } else if step.has(t.copying, joiner) {
            step.remove(t.copying, joiner);
            step.insert(t.finishing, joiner);
            let finish = match (full, step.has(self.known.opened, joiner)) {
                (true, _) => s.sst_finish,
                (false, true) => s.ist_finish_running,
                (false, false) => s.ist_finish,
            };
            step.arm(timer, finish);
        } else {
            self.clear_transfer(joiner, step);
            self.synced(joiner, step);
        }
    }

    fn clear_transfer(&self, joiner: Node, step: &mut Step<'_, W>) {
        let t = &self.transfers;
        for id in [t.queued, t.preparing, t.copying, t.finishing, t.full] {
            step.remove(id, joiner);
        }
        step.set_count(t.donor_of.at(joiner), 0);
        step.cancel(self.timers.transfer.at(joiner));
    }

    /// The joiner is gone or no longer in a primary view.
    pub(super) fn drop_transfer(&self, joiner: Node, step: &mut Step<'_, W>) {
        if (self.in_transfer(step) | step.get(self.transfers.queued)).contains(joiner) {
            self.clear_transfer(joiner, step);
        }
    }

    /// A member is missing from the new primary view: the write sets that it does
    /// not see pile up in the cache of the others.
    pub(super) fn begins_absence(&self, node: Node, step: &mut Step<'_, W>) {
        let t = &self.transfers;
        let Some(coverage) = self.settings.coverage else {
            return;
        };
        if !step.has(t.absent, node) && !step.has(t.stale, node) {
            step.insert(t.absent, node);
            step.arm(self.timers.coverage.at(node), coverage);
        }
    }

    fn ends_absence(&self, node: Node, step: &mut Step<'_, W>) {
        let t = &self.transfers;
        step.remove(t.stale, node);
        step.remove(t.absent, node);
        step.cancel(self.timers.coverage.at(node));
    }

    /// While nobody is primary nobody writes, and no absence grows longer.
    pub(super) fn rest_coverage(&self, rest: bool, step: &mut Step<'_, W>) {
        let id = self.known.coverage_rests;
        let (absent, resting) = (step.get(self.transfers.absent), step.get(id));
        if rest && resting.is_empty() {
            for node in absent {
                step.pace(self.timers.coverage.at(node), 0.0);
            }
            step.put(id, absent);
        } else if !rest && !resting.is_empty() {
            for node in resting & absent {
                step.pace(self.timers.coverage.at(node), 1.0);
            }
            step.put(id, NodeSet::EMPTY);
        }
    }
}
