//! Connections between peers: how they are lost, noticed and made again.

use super::Drbd;
use super::settings::Fencing;
use crate::automaton::{Delay, Node, NodeSet, Step};

impl<const W: usize> Drbd<W> {
    /// Can two nodes exchange packets with each other?
    fn can_talk(&self, a: Node, b: Node, step: &Step<'_, W>) -> bool {
        let running = step.get(self.world.running);
        running.contains(a)
            && running.contains(b)
            && step.has(self.world.reach.at(a), b)
            && step.has(self.world.reach.at(b), a)
    }

    /// Nodes that have come up or gone down, and pairs that can or cannot talk.
    pub(super) fn follow_links(&self, step: &mut Step<'_, W>) {
        let (before, now) = (step.get(self.own.up), self.up(step));
        for node in before - now {
            self.goes_down(node, step);
        }
        step.put_private(self.own.up, now);
        for node in now - before {
            self.comes_up(node, step);
        }
        for (index, &a) in self.order.iter().enumerate() {
            for &b in &self.order[index + 1..] {
                self.follow_pair(a, b, now - before, step);
            }
        }
        self.follow_joining(now - before, step);
        self.follow_waiting(step);
        self.follow_unfenced(step);
    }

    fn goes_down(&self, node: Node, step: &mut Step<'_, W>) {
        let orderly = step.has(self.world.up, node) || self.stopped.value(step).contains(node);
        if step.has(self.signals.primary, node) && !orderly {
            step.insert_private(self.own.hot, node);
            self.crashed(node, step);
        }
        let peers = step.get(self.own.linked.at(node));
        step.put_private(self.own.linked.at(node), NodeSet::EMPTY);
        step.remove_private(self.own.unfenced, node);
        step.remove_private(self.own.waiting, node);
        for timers in [self.timers.sync, self.timers.fence_peer, self.timers.wait] {
            step.cancel(timers.at(node));
        }
        step.set_count(self.own.source.at(node), 0);
        for peer in self.members.without(node) {
            step.cancel(self.timers.loss.nth(self.pair(node, peer)));
        }
        if orderly {
            for peer in peers {
                self.says_goodbye(node, peer, step);
            }
        }
    }

    /// With a fencing policy a secondary that leaves a primary is outdated (DS).
    fn says_goodbye(&self, node: Node, peer: Node, step: &mut Step<'_, W>) {
        if !step.has(self.world.reach.at(node), peer) {
            return;
        }
        let leaves_primary = step.has(self.signals.primary, peer)
            && !step.has(self.signals.primary, node)
            && self.settings.fencing != Fencing::DontCare;
        if leaves_primary && self.data.contains(node) {
            step.insert(self.signals.outdated, node);
        }
        self.unlink(peer, node, step);
    }

    fn comes_up(&self, node: Node, step: &mut Step<'_, W>) {
        let Some((normal, degraded)) = self.settings.wait else {
            return;
        };
        step.insert_private(self.own.waiting, node);
        let was_alone = !step.get(self.own.behind.at(node)).is_empty();
        let limit = if was_alone { degraded } else { normal };
        if limit.0 > 0 {
            step.arm(self.timers.wait.at(node), Delay::Fixed(limit));
        }
    }

    /// A node that has just come up knows how old its data are once it has met those that
    /// answer: nobody promotes it before.
    fn follow_joining(&self, fresh: NodeSet<W>, step: &mut Step<'_, W>) {
        let joining = (step.get(self.own.joining) | fresh) & step.get(self.own.up);
        let meets = |node: Node, peer: Node, step: &Step<'_, W>| {
            let (a, b) = if self.place[node.index()] < self.place[peer.index()] {
                (node, peer)
            } else {
                (peer, node)
            };
            step.is_armed(self.timers.connect.nth(self.pair(a, b)))
        };
        let still = |node: &Node| {
            let peers = self.data.without(*node);
            peers.iter().any(|peer| meets(*node, peer, step))
        };
        let still: NodeSet<W> = joining.iter().filter(still).collect();
        step.put_private(self.own.joining, still);
    }

    /// The init script waits no longer once all peers are there.
    fn follow_waiting(&self, step: &mut Step<'_, W>) {
        for node in step.get(self.own.waiting) {
            let missing = self.members.without(node) - step.get(self.own.linked.at(node));
            if missing.is_empty() {
                step.remove_private(self.own.waiting, node);
                step.cancel(self.timers.wait.at(node));
            }
        }
    }

    fn follow_pair(&self, a: Node, b: Node, fresh: NodeSet<W>, step: &mut Step<'_, W>) {
        let up = step.get(self.own.up);
        let talk = up.contains(a) && up.contains(b) && self.can_talk(a, b, step);
        for (node, peer) in [(a, b), (b, a)] {
            let loss = self.timers.loss.nth(self.pair(node, peer));
            let linked = step.has(self.own.linked.at(node), peer);
            let gone = !step.has(self.own.linked.at(peer), node);
            if linked && (!talk || gone) {
                if !step.is_armed(loss) {
                    step.arm(loss, self.settings.loss);
                }
            } else if linked {
                step.cancel(loss);
            }
        }
        let connect = self.timers.connect.nth(self.pair(a, b));
        let apart = !step.has(self.own.linked.at(a), b) && !step.has(self.own.linked.at(b), a);
        let refused = step.has(self.own.refused.at(a), b);
        if !talk || !apart || refused {
            step.cancel(connect);
        } else if !step.is_armed(connect) {
            let new = fresh.contains(a) || fresh.contains(b);
            step.arm(connect, if new { self.settings.connect } else { self.settings.retry });
        }
    }

    /// A node has noticed that a peer is silent.
    pub(super) fn lost(&self, node: Node, peer: Node, step: &mut Step<'_, W>) {
        self.unlink(node, peer, step);
        if self.settings.fencing != Fencing::DontCare
            && step.has(self.signals.primary, node)
            && self.data.contains(peer)
        {
            step.arm(self.timers.fence_peer.at(node), self.settings.fence_peer);
        }
    }

    fn unlink(&self, node: Node, peer: Node, step: &mut Step<'_, W>) {
        let linked = step.get(self.own.linked.at(node)).without(peer);
        step.put_private(self.own.linked.at(node), linked);
        step.cancel(self.timers.loss.nth(self.pair(node, peer)));
        for (target, source) in [(node, peer), (peer, node)] {
            if step.count(self.own.source.at(target)) == u64::from(source.0) + 1 {
                step.cancel(self.timers.sync.at(target));
                step.set_count(self.own.source.at(target), 0);
            }
        }
    }

    /// The handler has done what it can: a peer that it reaches is outdated.
    pub(super) fn peers_outdated(&self, node: Node, step: &mut Step<'_, W>) {
        let lost = (self.data.without(node)) - step.get(self.own.linked.at(node));
        for peer in lost & step.get(self.world.running) {
            if self.can_talk(node, peer, step) && !step.has(self.signals.primary, peer) {
                step.insert(self.signals.outdated, peer);
            }
        }
        step.insert_private(self.own.unfenced, node);
        self.follow_unfenced(step);
    }

    /// Under resource-and-stonith writes wait until every lost peer is off or outdated.
    fn follow_unfenced(&self, step: &mut Step<'_, W>) {
        for node in step.get(self.own.unfenced) {
            let lost = self.data.without(node) - step.get(self.own.linked.at(node));
            let dangerous = lost & step.get(self.world.up);
            if (dangerous - step.get(self.signals.outdated)).is_empty() {
                step.remove_private(self.own.unfenced, node);
            }
        }
    }
}
