//! A new view: is it primary, and if not, does it become so?

use super::Galera;
use crate::automaton::{KillTarget, Node, NodeSet, ProcessCommand, Step};

impl<const W: usize> Galera<W> {
    /// These nodes install a view together. A `broken` one was put together from
    /// members that had dropped each other: it has lost its quorum on the way.
    pub(super) fn form_view(&self, mut nodes: NodeSet<W>, broken: bool, step: &mut Step<'_, W>) {
        let primary = nodes & step.get(self.known.prim);
        if let Some(head) = self.newest(primary, step) {
            let last = step.get(self.known.last.at(head));
            let here = self.of_same_view(primary, head, step);
            let left = self.goodbyes(here, step);
            nodes -= self.settle_conflict(primary - here, here, step);
            if !broken && self.settings.quorum(here, left, last) {
                self.install_primary(nodes, step);
                return;
            }
        }
        self.install_non_primary(nodes, step);
        if !broken && self.may_re_form(nodes, step) {
            self.install_primary(nodes, step);
        }
    }

    /// The node with the newest last primary view.
    pub(super) fn newest(&self, nodes: NodeSet<W>, step: &Step<'_, W>) -> Option<Node> {
        let age = |node: &Node| step.count(self.known.sequence.at(*node));
        // The first of the newest, so that ties go to the lowest index.
        nodes.iter().fold(None, |best, node| match best {
            Some(b) if age(&b) >= age(&node) => best,
            _ => Some(node),
        })
    }

    fn of_same_view(&self, nodes: NodeSet<W>, head: Node, step: &Step<'_, W>) -> NodeSet<W> {
        let age = |node: Node| step.count(self.known.sequence.at(node));
        let same = nodes.iter().filter(|node| age(*node) == age(head));
        same.collect()
    }

    fn goodbyes(&self, nodes: NodeSet<W>, step: &Step<'_, W>) -> NodeSet<W> {
        let left = |node| step.get(self.known.left.at(node));
        nodes
            .iter()
            .fold(NodeSet::EMPTY, |all, node| all | left(node))
    }

    /// Two primary components meet, which only an operator or pc.ignore_quorum
    /// can have made: the older one aborts ("conflicting prims") and needs a full
    /// copy. Who merely has not heard of the newer view joins it.
    fn settle_conflict(
        &self,
        others: NodeSet<W>,
        winners: NodeSet<W>,
        step: &mut Step<'_, W>,
    ) -> NodeSet<W> {
        let mut losers = NodeSet::EMPTY;
        for node in others {
            if !self.view(node, step).intersects(winners) {
                losers.insert(node);
                step.insert(self.transfers.stale, node);
                self.order_process(node, ProcessCommand::Kill(KillTarget::All), step);
            }
        }
        losers
    }

    /// Members that meet the successors of their own view are no longer primary.
    pub(super) fn give_up_stale_views(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let primary = nodes & step.get(self.known.prim);
        let Some(head) = self.newest(primary, step) else {
            return;
        };
        let current = self.of_same_view(primary, head, step);
        for node in primary - current {
            if self.view(node, step).intersects(current) {
                self.lose_primary(node, step);
            }
        }
    }

    fn lose_primary(&self, node: Node, step: &mut Step<'_, W>) {
        self.drop_transfer(node, step);
        step.remove(self.known.prim, node);
        step.remove(self.known.synced, node);
    }

    fn install_non_primary(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        for node in nodes {
            self.lose_primary(node, step);
            step.put(self.known.view.at(node), nodes);
            step.put(self.known.left.at(node), NodeSet::EMPTY);
            if nodes.len() > 1 {
                step.remove(self.known.thawed, node);
            }
        }
    }

    /// Rules 2 and 3: does this view without a primary component become one?
    fn may_re_form(&self, nodes: NodeSet<W>, step: &Step<'_, W>) -> bool {
        let running = nodes & step.get(self.known.memory);
        let restored = if self.settings.recovery {
            nodes & step.get(self.known.record)
        } else {
            NodeSet::EMPTY
        };
        let identified = running | restored;
        let Some(newest) = self.newest(identified, step) else {
            return false;
        };
        let last = step.get(self.known.last.at(newest));
        if running.is_empty() {
            nodes == last && last.is_subset(identified)
        } else {
            last.is_subset(identified)
        }
    }

    /// A primary view of these nodes. Those who are as far as the most advanced of
    /// them are Synced at once; the others need a state transfer.
    pub(super) fn install_primary(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let k = &self.known;
        let sources = nodes & self.data & step.get(k.complete);
        let head = self.newest(sources, step);
        let current = head.map_or(NodeSet::EMPTY, |head| {
            self.of_same_view(sources, head, step)
        });
        let last = head.map_or(NodeSet::EMPTY, |head| step.get(k.last.at(head)));
        for node in (last & self.data) - nodes {
            self.begins_absence(node, step);
        }
        let sequence = self.next_sequence(step);
        for node in nodes {
            step.put(k.view.at(node), nodes);
            step.put(k.last.at(node), nodes);
            step.put(k.left.at(node), NodeSet::EMPTY);
            step.set_count(k.sequence.at(node), sequence);
            step.cancel(self.timers.wait_prim.at(node));
            step.assign(k.safe, node, nodes.len() == 1);
        }
        for id in [k.prim, k.memory, k.record] {
            step.put(id, step.get(id) | nodes);
        }
        step.put(k.thawed, step.get(k.thawed) - nodes);
        // An order to start as the first node is void once there is a first node.
        step.put(k.new_cluster, NodeSet::EMPTY);
        self.rank_sequences(step);
        self.synchronise(nodes, current, step);
    }

    fn next_sequence(&self, step: &Step<'_, W>) -> u64 {
        let all = self
            .members
            .iter()
            .map(|node| step.count(self.known.sequence.at(node)));
        all.max().unwrap_or(0) + 1
    }

    /// Keeps the sequence numbers small: only their order means anything, and
    /// states that differ in nothing else should be equal.
    fn rank_sequences(&self, step: &mut Step<'_, W>) {
        let row = self.known.sequence;
        let mut rank = 1;
        let mut floor = 0;
        loop {
            let numbers = self.members.iter().map(|node| step.count(row.at(node)));
            let Some(next) = numbers.filter(|n| *n > floor).min() else {
                return;
            };
            if next != rank {
                for node in self.members {
                    if step.count(row.at(node)) == next {
                        step.set_count(row.at(node), rank);
                    }
                }
            }
            floor = rank;
            rank += 1;
        }
    }

    /// Gives an order to a member's process, e.g. to end where it cannot go on.
    pub(super) fn order_process(&self, node: Node, how: ProcessCommand, step: &mut Step<'_, W>) {
        let name = if self.data.contains(node) {
            &self.process
        } else {
            &self.garbd_process
        };
        let nodes = NodeSet::single(node);
        step.order(crate::automaton::Command::Process(how, name.clone(), nodes));
    }

    /// Exit status 1, which `Restart=on-abnormal` does not answer with a restart.
    pub(super) fn exit_with_error(&self, node: Node, step: &mut Step<'_, W>) {
        self.order_process(node, ProcessCommand::Exit, step);
    }
}
