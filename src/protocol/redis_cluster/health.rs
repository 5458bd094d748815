//! cluster_state of each instance, and what the world outside sees.

use super::{Instance, RedisCluster};
use crate::automaton::{Node, NodeSet, Step};

impl<const W: usize> RedisCluster<W> {
    /// `clusterUpdateState`.
    pub(super) fn judge_state(&self, i: Instance, step: &mut Step<'_, W>) {
        let (k, t) = (&self.known, &self.timers);
        let owners = self.owners(i, step);
        let (pfail, fail) = (step.get(k.pfail.at(i)), step.get(k.fail.at(i)));
        let is_master = owners.contains(i);
        let minority = (owners - pfail - fail).len() <= owners.len() / 2;
        let was_minority = step.has(k.minority, i);
        if minority {
            step.insert(k.minority, i);
            step.cancel(t.rejoin.at(i));
        } else if was_minority {
            step.remove(k.minority, i);
            step.arm(t.rejoin.at(i), self.settings.rejoin);
        }
        let uncovered = self.settings.full_coverage && owners.intersects(fail);
        let waits = step.is_armed(t.rejoin.at(i)) || step.is_armed(t.writable.at(i));
        let refuses = minority || uncovered || (is_master && waits);
        step.assign(k.ok, i, !refuses);
    }

    /// Does `i` take requests for this shard?
    fn accepts(&self, i: Instance, shard: usize, step: &Step<'_, W>) -> bool {
        self.serves(i, shard, step) && step.has(self.known.ok, i)
    }

    /// Does `i` run and believe that the shard is its own?
    fn serves(&self, i: Instance, shard: usize, step: &Step<'_, W>) -> bool {
        step.has(self.known.alive, i) && self.view(i, shard, step).owner() == i
    }

    pub(super) fn publish(&self, step: &mut Step<'_, W>) {
        let (k, s) = (&self.known, &self.signals);
        let alive = step.get(k.alive);
        self.publish_owners(step);
        let bad = self.nodes_of(alive - step.get(k.ok));
        step.put(s.ok, self.nodes_of(alive) - bad);
        let (mut masters, mut stale) = (NodeSet::EMPTY, NodeSet::EMPTY);
        let (mut suspected, mut failed) = (NodeSet::EMPTY, NodeSet::EMPTY);
        let (mut whole, mut readable) = (NodeSet::EMPTY, NodeSet::EMPTY);
        for i in alive {
            let node = self.node(i);
            suspected |= step.get(k.pfail.at(i));
            failed |= step.get(k.fail.at(i));
            if self.is_owner(i, step) {
                masters.insert(node);
                if self.takes_doomed_writes(i, step) {
                    stale.insert(node);
                }
            }
            if self.reaches_every_key(i, false, step) {
                whole.insert(node);
                readable.insert(node);
            } else if self.settings.reads_when_down && self.reaches_every_key(i, true, step) {
                readable.insert(node);
            }
        }
        step.put(s.masters, masters);
        step.put(s.replicas, self.nodes_of(step.get(k.synced) & alive));
        step.put(s.accepting_stale, stale);
        step.put(s.suspected, self.nodes_of(suspected));
        step.put(s.failed, self.nodes_of(failed));
        step.put(s.whole, whole);
        step.put(s.readable, readable);
    }

    fn publish_owners(&self, step: &mut Step<'_, W>) {
        let (mut owners, mut refusing) = (NodeSet::EMPTY, NodeSet::EMPTY);
        for shard in 0..self.layout.shards {
            let newest = self.all.iter().map(|i| self.view(i, shard, step)).max();
            let Some(owner) = newest.map(|view| view.owner()) else {
                continue;
            };
            owners.insert(self.node(owner));
            if !self.accepts(owner, shard, step) {
                refusing.insert(self.node(owner));
            }
        }
        step.put(self.signals.owners, owners);
        step.put(self.signals.serving, owners - refusing);
    }

    /// From the node of `i`, as `i` sees the owners, is every key within reach?
    fn reaches_every_key(&self, i: Instance, reads: bool, step: &Step<'_, W>) -> bool {
        let reach = step.get(self.reach.at(self.node(i)));
        if !reads && !step.has(self.known.ok, i) {
            return false;
        }
        (0..self.layout.shards).all(|shard| {
            let owner = self.view(i, shard, step).owner();
            let answers = if reads {
                self.serves(owner, shard, step)
            } else {
                self.accepts(owner, shard, step)
            };
            answers && reach.contains(self.node(owner))
        })
    }

    /// An owner whose writes will be lost: beyond its reach runs a replica that has
    /// its slots, or can get them while `i` itself sees no majority.
    fn takes_doomed_writes(&self, i: Instance, step: &Step<'_, W>) -> bool {
        if !step.has(self.known.ok, i) {
            return false;
        }
        let linked = step.get(self.known.linked.at(i)).with(i);
        let owners = self.owners(i, step);
        let alone = (owners & linked).len() <= owners.len() / 2;
        let beyond = step.get(self.known.alive) - linked;
        (0..self.layout.shards)
            .filter(|shard| self.view(i, *shard, step).owner() == i)
            .any(|shard| {
                let superseded = self.all.iter().any(|x| {
                    let view = self.view(x, shard, step);
                    view.owner() != i && view > self.view(i, shard, step)
                });
                let rival =
                    |x: Node| step.count(self.shard.at(x)) as usize == shard && !owners.contains(x);
                superseded || (alone && beyond.iter().any(rival))
            })
    }
}
