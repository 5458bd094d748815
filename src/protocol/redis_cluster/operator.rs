//! What a person can do to a Redis Cluster.

use super::{Instance, RedisCluster};
use crate::automaton::{NodeSet, Step};

/// CLUSTER FAILOVER (back home, or away from a node with several masters), CLUSTER
/// FAILOVER FORCE, and redis-cli --cluster fix.
pub(super) const ACTIONS: [&str; 4] = ["failover", "spread", "failover_force", "fix"];

impl<const W: usize> RedisCluster<W> {
    /// `nodes` are those that the operator named; empty: the operator chooses.
    pub(super) fn operate(&self, action: &str, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let k = &self.known;
        let alive = step.get(k.alive);
        if action == "fix" {
            let on = if nodes.is_empty() {
                self.all
            } else {
                self.on(nodes)
            };
            step.put(k.fixing, on);
            step.arm(self.timers.fix, self.settings.fix);
            return;
        }
        let forced = action == "failover_force";
        let named = self.on(nodes);
        let chosen = match action {
            "spread" => self.spreading(if nodes.is_empty() { self.all } else { named }, step),
            "failover" | "failover_force" if !nodes.is_empty() => named,
            "failover_force" => self.all,
            // Back to where the shards were.
            "failover" => {
                let first = |i: &Instance| i.index() < self.layout.shards;
                self.all.iter().filter(first).collect()
            }
            _ => return,
        };
        for i in chosen & alive {
            if self.may_take_over(i, forced, step) {
                step.assign(k.forced, i, forced);
                step.arm(self.timers.manual.at(i), self.manual_delay());
            }
        }
    }

    /// Replicas on nodes without a master whose own master shares its node with another:
    /// one from each such node, and one to each free one.
    fn spreading(&self, among: NodeSet<W>, step: &Step<'_, W>) -> NodeSet<W> {
        let alive = step.get(self.known.alive);
        let mut taken = NodeSet::<W>::EMPTY;
        let mut crowded = NodeSet::<W>::EMPTY;
        for owner in alive.iter().filter(|i| self.is_owner(*i, step)) {
            let node = self.node(owner);
            if taken.contains(node) {
                crowded.insert(node);
            }
            taken.insert(node);
        }
        let mut chosen = NodeSet::<W>::EMPTY;
        for i in (among & alive).iter() {
            let (to, from) = (self.node(i), self.node(self.master(i, step)));
            let relieves = !taken.contains(to) && crowded.contains(from);
            if relieves && self.may_take_over(i, false, step) {
                taken.insert(to);
                crowded.remove(from);
                chosen.insert(i);
            }
        }
        chosen
    }

    /// A replica in sync; or, forced, one whose master does not answer.
    fn may_take_over(&self, i: Instance, forced: bool, step: &Step<'_, W>) -> bool {
        if self.is_owner(i, step) {
            return false;
        }
        let master = self.master(i, step);
        if forced {
            !step.has(self.known.contact.at(i), master)
        } else {
            step.has(self.known.synced, i) && step.has(self.known.contact.at(master), i)
        }
    }

    /// The replica takes over now, if it still can.
    pub(super) fn manual_failover(&self, i: Instance, step: &mut Step<'_, W>) {
        let forced = step.has(self.known.forced, i);
        step.remove(self.known.forced, i);
        if self.may_take_over(i, forced, step) {
            let master = self.master(i, step);
            self.elect(i, master, true, step);
        }
    }

    /// Shards whose owner is out of reach go to owners within reach, one after the other.
    pub(super) fn fix(&self, step: &mut Step<'_, W>) {
        let k = &self.known;
        let from = step.get(k.fixing) & step.get(k.alive);
        step.put(k.fixing, NodeSet::EMPTY);
        let size = |i: &Instance| step.get(k.contact.at(*i)).len();
        let Some(most) = from.iter().map(|i| size(&i)).max() else {
            return;
        };
        let Some(at) = from.iter().find(|i| size(i) == most) else {
            return;
        };
        let heard = step.get(k.contact.at(at)).with(at);
        let takers: NodeSet<W> = heard
            .iter()
            .filter(|i| self.is_owner(*i, step))
            .collect();
        let epoch = self.next_epoch(self.all, step);
        let mut turn = takers.iter();
        for shard in 0..self.layout.shards {
            let owner = self.view(at, shard, step).owner();
            if heard.contains(owner) {
                continue;
            }
            let Some(taker) = turn.next().or(takers.first()) else {
                return;
            };
            self.claim(taker, shard, epoch + shard as u64, step);
        }
    }
}
