//! Who has which data: writes that spread, resynchronisation, split brain.

use super::Drbd;
use super::settings::{NoPrimary, OnePrimary, Protocol};
use crate::automaton::{Delay, Mark, Nanos, Node, NodeSet, Step};

impl<const W: usize> Drbd<W> {
    /// What primaries write now is on them and their connected peers, and on no other disk.
    pub(super) fn write(&self, step: &mut Step<'_, W>) {
        for primary in step.get(self.signals.writable) {
            let fresh = step.get(self.own.linked.at(primary)).with(primary) & self.disks(step);
            for node in fresh {
                let missing = self.data - fresh;
                for peer in missing - step.get(self.own.behind.at(node)) {
                    self.part_ways(node, peer, step);
                }
                step.put_private(self.own.behind.at(node), step.get(self.own.behind.at(node)) | missing);
            }
            let newest = step.get(self.own.newest);
            if newest.is_empty() || newest.intersects(fresh) {
                step.put_private(self.own.newest, fresh - step.get(self.own.inconsistent));
            }
        }
    }

    /// From now on a node has changes that a peer lacks.
    fn part_ways(&self, node: Node, peer: Node, step: &mut Step<'_, W>) {
        let pair = self.pair(node, peer);
        step.set_count(self.own.apart.nth(pair), 0);
        self.wait_for_next(pair, step);
    }

    fn wait_for_next(&self, pair: usize, step: &mut Step<'_, W>) {
        let now = step.count(self.own.apart.nth(pair));
        if let Some(length) = self.settings.ladder.length(now) {
            step.arm(self.timers.apart.nth(pair), Delay::Fixed(length));
        }
    }

    /// More has changed.
    pub(super) fn drift(&self, pair: usize, step: &mut Step<'_, W>) {
        let now = step.count(self.own.apart.nth(pair)) + 1;
        step.set_count(self.own.apart.nth(pair), now);
        self.wait_for_next(pair, step);
    }

    /// A peer has all changes of a node.
    fn agree(&self, node: Node, peer: Node, step: &mut Step<'_, W>) {
        let behind = step.get(self.own.behind.at(node)).without(peer);
        step.put_private(self.own.behind.at(node), behind);
        let pair = self.pair(node, peer);
        step.cancel(self.timers.apart.nth(pair));
        step.set_count(self.own.apart.nth(pair), 0);
    }

    /// A primary has crashed: under protocol A its last writes are nowhere else.
    pub(super) fn crashed(&self, node: Node, step: &mut Step<'_, W>) {
        let newest = step.get(self.own.newest);
        if self.settings.protocol == Protocol::A && newest.contains(node) {
            step.put_private(self.own.newest, NodeSet::single(node));
        }
    }

    /// Two sides meet.
    pub(super) fn meet(&self, a: Node, b: Node, step: &mut Step<'_, W>) {
        let disks = self.disks(step);
        if disks.contains(a) && disks.contains(b) && !self.shake_hands(a, b, step) {
            for (node, peer) in [(a, b), (b, a)] {
                let refused = step.get(self.own.refused.at(node)).with(peer);
                step.put_private(self.own.refused.at(node), refused);
            }
            return;
        }
        for (node, peer) in [(a, b), (b, a)] {
            let linked = step.get(self.own.linked.at(node)).with(peer);
            step.put_private(self.own.linked.at(node), linked);
        }
        let waiting = step.get(self.own.hot);
        step.put_private(self.own.hot, waiting.without(a).without(b));
        step.mark(Mark::Restore);
    }

    /// Who copies from whom. False where neither side gives way.
    fn shake_hands(&self, a: Node, b: Node, step: &mut Step<'_, W>) -> bool {
        let inconsistent = step.get(self.own.inconsistent);
        match (inconsistent.contains(a), inconsistent.contains(b)) {
            (true, true) => return true,
            (true, false) => return self.follows(a, b, step),
            (false, true) => return self.follows(b, a, step),
            (false, false) => {}
        }
        let ahead = |node: Node, peer: Node| step.has(self.own.behind.at(node), peer);
        match (ahead(a, b), ahead(b, a)) {
            (true, true) => match self.loser(a, b, step) {
                Some(loser) if loser == a => self.gives_up(a, b, step),
                Some(_) => self.gives_up(b, a, step),
                None => false,
            },
            (true, false) => self.follows(b, a, step),
            (false, true) => self.follows(a, b, step),
            (false, false) => self.replays_log(a, b, step),
        }
    }

    /// A crashed primary has what its peer may lack: the last it wrote.
    fn replays_log(&self, a: Node, b: Node, step: &mut Step<'_, W>) -> bool {
        let hot = step.get(self.own.hot);
        match (hot.contains(a), hot.contains(b)) {
            (true, false) => self.follows(b, a, step),
            (false, true) => self.follows(a, b, step),
            _ => true,
        }
    }

    /// A node is to become a copy of another one.
    fn follows(&self, target: Node, source: Node, step: &mut Step<'_, W>) -> bool {
        let inconsistent = step.get(self.own.inconsistent).with(target);
        step.put_private(self.own.inconsistent, inconsistent);
        self.copy(target, source, step);
        true
    }

    /// A node throws its own changes away.
    fn gives_up(&self, loser: Node, winner: Node, step: &mut Step<'_, W>) -> bool {
        for peer in step.get(self.own.behind.at(loser)) {
            self.agree(loser, peer, step);
        }
        step.insert(self.signals.discarding, loser);
        step.remove_private(self.own.yielding, loser);
        step.remove_private(self.own.newest, loser);
        self.follows(loser, winner, step)
    }

    /// Whose changes are thrown away after a split brain.
    fn loser(&self, a: Node, b: Node, step: &Step<'_, W>) -> Option<Node> {
        let yields = |node: Node| step.has(self.own.yielding, node);
        match (yields(a), yields(b)) {
            (true, false) => return Some(a),
            (false, true) => return Some(b),
            _ => {}
        }
        let primary = |node: Node| step.has(self.signals.primary, node);
        match (primary(a), primary(b)) {
            (true, true) => None,
            (false, false) => self.loser_of_none(a, b, step),
            (first, _) => {
                let secondary = if first { b } else { a };
                match self.settings.one_primary {
                    OnePrimary::Disconnect => None,
                    OnePrimary::DiscardSecondary => Some(secondary),
                    OnePrimary::Consensus => {
                        self.loser_of_none(a, b, step).filter(|node| *node == secondary)
                    }
                }
            }
        }
    }

    /// The verdict of after-sb-0pri.
    fn loser_of_none(&self, a: Node, b: Node, step: &Step<'_, W>) -> Option<Node> {
        let young = |node: Node| step.has(self.own.youngest, node);
        let younger = match (young(a), young(b)) {
            (true, _) => Some(a),
            (_, true) => Some(b),
            _ => None,
        };
        let changed = |of: Node, with: Node| step.count(self.own.apart.nth(self.pair(of, with)));
        match self.settings.no_primary {
            // Both sides have changes, or there would be nothing to decide.
            NoPrimary::Disconnect | NoPrimary::DiscardZero => None,
            NoPrimary::DiscardYounger => younger,
            NoPrimary::DiscardOlder => younger.map(|node| if node == a { b } else { a }),
            NoPrimary::DiscardLeast => match changed(a, b).cmp(&changed(b, a)) {
                std::cmp::Ordering::Less => Some(a),
                std::cmp::Ordering::Greater => Some(b),
                std::cmp::Ordering::Equal => None,
            },
        }
    }

    /// Starts the copying of what the target lacks.
    fn copy(&self, target: Node, source: Node, step: &mut Step<'_, W>) {
        let lacks = step.has(self.own.behind.at(source), target);
        let steps = step.count(self.own.apart.nth(self.pair(source, target)));
        let mut time = if lacks { self.settings.ladder.resync(steps) } else { Nanos::ZERO };
        let hot = step.get(self.own.hot);
        if hot.contains(target) || hot.contains(source) {
            time = time + self.settings.activity_log;
        }
        step.set_count(self.own.source.at(target), u64::from(source.0) + 1);
        step.arm(self.timers.sync.at(target), Delay::Fixed(time));
    }

    /// Targets that have lost their source look for another one.
    pub(super) fn follow_syncs(&self, step: &mut Step<'_, W>) {
        let current = self.up_to_date(step);
        let targets = step.get(self.own.inconsistent) & self.up(step);
        for target in targets {
            let sources = step.get(self.own.linked.at(target)) & current;
            if step.count(self.own.source.at(target)) == 0
                && let Some(source) = sources.first()
            {
                self.copy(target, source, step);
            }
        }
        let copies = |node: &Node| step.count(self.own.source.at(*node)) > 0;
        step.put(self.signals.syncing, targets.iter().filter(copies).collect());
    }

    /// A target has everything that its source has.
    pub(super) fn synced(&self, target: Node, step: &mut Step<'_, W>) {
        let Some(number) = step.count(self.own.source.at(target)).checked_sub(1) else {
            return;
        };
        let source = Node(number as u16);
        step.set_count(self.own.source.at(target), 0);
        let inconsistent = step.get(self.own.inconsistent).without(target);
        step.put_private(self.own.inconsistent, inconsistent);
        step.remove(self.signals.outdated, target);
        step.remove(self.signals.discarding, target);
        for node in self.data.without(target) {
            // What the source has of others the target now has as well.
            if node == source || !step.has(self.own.behind.at(node), source) {
                self.agree(node, target, step);
            }
            if !step.has(self.own.behind.at(source), node) {
                self.agree(target, node, step);
            }
        }
        let newest = step.get(self.own.newest);
        let newest = if newest.contains(source) { newest.with(target) } else { newest.without(target) };
        step.put_private(self.own.newest, newest);
        step.mark(Mark::Restore);
    }

    /// Somebody discards one side of a split brain.
    pub(super) fn discard(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let split = step.get(self.signals.split);
        let losers = if nodes.is_empty() {
            split - step.get(self.signals.primary)
        } else {
            split & nodes
        };
        for loser in losers {
            step.insert_private(self.own.yielding, loser);
            for peer in step.get(self.own.refused.at(loser)) {
                for (node, other) in [(loser, peer), (peer, loser)] {
                    let refused = step.get(self.own.refused.at(node)).without(other);
                    step.put_private(self.own.refused.at(node), refused);
                }
            }
        }
    }

    /// Somebody declares these data current.
    pub(super) fn force(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        for node in nodes {
            step.cancel(self.timers.sync.at(node));
            step.set_count(self.own.source.at(node), 0);
            step.remove(self.signals.outdated, node);
            let inconsistent = step.get(self.own.inconsistent).without(node);
            step.put_private(self.own.inconsistent, inconsistent);
            step.remove_private(self.own.waiting, node);
        }
    }

    /// A disk fails, or a new one is there, which is filled completely.
    pub(super) fn disk_event(&self, node: Node, step: &mut Step<'_, W>) {
        let (Some(timers), Some((failure, replacement))) = (self.timers.disk, &self.settings.disk)
        else {
            return;
        };
        let failed = step.get(self.own.failed);
        if failed.contains(node) {
            step.put_private(self.own.failed, failed.without(node));
            let inconsistent = step.get(self.own.inconsistent).with(node);
            step.put_private(self.own.inconsistent, inconsistent);
            for peer in self.data.without(node) {
                let behind = step.get(self.own.behind.at(peer)).with(node);
                step.put_private(self.own.behind.at(peer), behind);
                step.cancel(self.timers.apart.nth(self.pair(peer, node)));
                step.set_count(self.own.apart.nth(self.pair(peer, node)), self.settings.ladder.last());
            }
            step.mark(Mark::Restore);
            return step.arm(timers.at(node), *failure);
        }
        step.put_private(self.own.failed, failed.with(node));
        step.remove_private(self.own.newest, node);
        step.cancel(self.timers.sync.at(node));
        step.set_count(self.own.source.at(node), 0);
        for peer in step.get(self.own.behind.at(node)) {
            self.agree(node, peer, step);
        }
        step.mark(Mark::Fault);
        step.arm(timers.at(node), *replacement);
    }
}
