//! Who hears whom: links, PFAIL, gossip, FAIL, and the way back.

use super::layout::MOST;
use super::{Instance, RedisCluster};
use crate::automaton::{Delay, Node, NodeSet, Step};

/// The masters with slots in the view of an instance, and the peers with PFAIL about
/// which it has heard enough: the next message makes them FAIL.
#[derive(Clone, Copy, Default)]
struct Listener<const W: usize> {
    owners: NodeSet<W>,
    proven: NodeSet<W>,
}

impl<const W: usize> RedisCluster<W> {
    /// The instances that execute, and those whose process exists.
    pub(super) fn processes(&self, step: &Step<'_, W>) -> (NodeSet<W>, NodeSet<W>) {
        let (mut alive, mut present) = (NodeSet::EMPTY, NodeSet::EMPTY);
        for i in self.all {
            let instance = &self.layout.instances[i.index()];
            if step.has(instance.process.works, instance.node) {
                alive.insert(i);
                present.insert(i);
            } else if step.has(self.up, instance.node)
                && step.has(instance.process.present, instance.node)
                && (step.has(instance.process.frozen, instance.node)
                    || step.has(self.frozen, instance.node))
            {
                present.insert(i);
            }
        }
        (alive, present)
    }

    /// The other living instances with which `i` can exchange packets.
    pub(super) fn links_of(
        &self,
        i: Instance,
        alive: NodeSet<W>,
        step: &Step<'_, W>,
    ) -> NodeSet<W> {
        let reach = step.get(self.reach.at(self.node(i)));
        alive
            .without(i)
            .iter()
            .filter(|x| reach.contains(self.node(*x)))
            .collect()
    }

    /// Compares the world with what was known of it. True if something changed.
    pub(super) fn observe(&self, step: &mut Step<'_, W>) -> bool {
        let k = &self.known;
        let (alive, present) = self.processes(step);
        let (was_alive, was_present) = (step.get(k.alive), step.get(k.present));
        step.put(k.alive, alive);
        step.put(k.present, present);
        let ended = was_present - present;
        for i in ended {
            self.forget(i, step);
        }
        for i in (was_alive - alive) & present {
            self.stand_still(i, step);
        }
        let fresh = alive - was_present;
        let thawed = (alive - was_alive) - fresh;
        for i in fresh {
            step.arm(self.timers.writable.at(i), self.settings.writable);
            let failed = step.get(k.fail.at(i));
            step.put(k.held.at(i), failed);
        }
        for i in fresh | thawed {
            self.hold_again(i, step);
        }
        let mut changed = alive != was_alive || present != was_present;
        for i in alive {
            changed |= self.observe_links(i, alive, fresh, thawed, step);
        }
        changed
    }

    fn observe_links(
        &self,
        i: Instance,
        alive: NodeSet<W>,
        fresh: NodeSet<W>,
        thawed: NodeSet<W>,
        step: &mut Step<'_, W>,
    ) -> bool {
        let k = &self.known;
        let linked = self.links_of(i, alive, step);
        // A peer may have been replaced by its own restart within one instant.
        let before = step.get(k.linked.at(i)) - fresh;
        if linked == before && !fresh.contains(i) && !thawed.contains(i) {
            return false;
        }
        step.put(k.linked.at(i), linked);
        step.put(k.contact.at(i), step.get(k.contact.at(i)) & linked & before);
        for x in before - linked {
            step.cancel(self.timers.contact.nth(self.pair(i, x)));
        }
        let s = &self.settings;
        for x in linked - before {
            let delay = if fresh.contains(i) {
                s.contact_fresh
            } else if fresh.contains(x) {
                s.contact_start
            } else if thawed.contains(i) || thawed.contains(x) {
                s.contact_thaw
            } else {
                s.contact_heal
            };
            step.arm(self.timers.contact.nth(self.pair(i, x)), delay);
        }
        let delay = if fresh.contains(i) {
            s.detect_fresh
        } else {
            s.detect
        };
        self.start_watches(i, delay, step);
        true
    }

    /// Pings of `i` begin to wait for every peer that is silent.
    pub(super) fn start_watches(&self, i: Instance, delay: Delay, step: &mut Step<'_, W>) {
        let k = &self.known;
        let noticed = step.get(k.pfail.at(i)) | step.get(k.fail.at(i));
        let silent = self.all.without(i) - step.get(k.linked.at(i)) - noticed;
        for x in silent {
            let watch = self.timers.watch.nth(self.pair(i, x));
            if !step.is_armed(watch) {
                step.arm(watch, delay);
            }
        }
    }

    /// A process has ended: what it had in memory is gone.
    fn forget(&self, i: Instance, step: &mut Step<'_, W>) {
        let k = &self.known;
        self.stand_still(i, step);
        for id in [k.ok, k.minority, k.synced, k.resting, k.forced] {
            step.remove(id, i);
        }
        step.put(k.pfail.at(i), NodeSet::EMPTY);
        for x in self.all {
            step.put(self.reports(i, x), NodeSet::EMPTY);
        }
        for timers in [self.timers.writable, self.timers.rejoin, self.timers.sync] {
            step.cancel(timers.at(i));
        }
        step.cancel(self.timers.age.at(i));
        // Its data are as old as time until it has synchronised again.
        step.insert(k.expired, i);
    }

    /// A process has ended or stands still: it neither sends nor counts.
    fn stand_still(&self, i: Instance, step: &mut Step<'_, W>) {
        let k = &self.known;
        step.put(k.linked.at(i), NodeSet::EMPTY);
        step.put(k.contact.at(i), NodeSet::EMPTY);
        for x in self.all {
            step.cancel(self.timers.watch.nth(self.pair(i, x)));
            step.cancel(self.timers.contact.nth(self.pair(i, x)));
        }
        for timers in [self.timers.election, self.timers.vote, self.timers.manual] {
            step.cancel(timers.at(i));
        }
        step.remove(k.requesting, i);
    }

    /// Opinions of FAIL, in memory or in nodes.conf, begin anew.
    fn hold_again(&self, i: Instance, step: &mut Step<'_, W>) {
        for x in step.get(self.known.held.at(i)) {
            let watch = self.timers.watch.nth(self.pair(i, x));
            step.arm(watch, self.settings.hold);
        }
    }

    /// `i` no longer says that `x` fails.
    fn withdraw(&self, i: Instance, x: Instance, step: &mut Step<'_, W>) {
        for other in self.all {
            let id = self.reports(other, x);
            step.put(id, step.get(id).without(i));
        }
    }

    /// A ping has waited for too long, or a FAIL is old enough or has got its pong.
    pub(super) fn watch_ends(&self, i: Instance, x: Instance, step: &mut Step<'_, W>) {
        let k = &self.known;
        let contact = step.has(k.contact.at(i), x);
        if step.has(k.held.at(i), x) {
            step.remove(k.held.at(i), x);
            if contact {
                let watch = self.timers.watch.nth(self.pair(i, x));
                step.arm(watch, self.settings.pong);
            }
        } else if step.has(k.fail.at(i), x) {
            if contact {
                self.clear_fail(i, x, step);
            }
        } else if !contact {
            step.insert(k.pfail.at(i), x);
            // Reports of a peer that is silent itself are not renewed.
            for other in self.all {
                let id = self.reports(i, other);
                step.put(id, step.get(id).without(x));
            }
        }
    }

    /// `i` gets a pong of `x`, for the first time since they lost each other.
    pub(super) fn meet(&self, i: Instance, x: Instance, step: &mut Step<'_, W>) {
        let k = &self.known;
        step.insert(k.contact.at(i), x);
        if !step.has(k.fail.at(i), x) {
            step.cancel(self.timers.watch.nth(self.pair(i, x)));
        }
        if step.has(k.pfail.at(i), x) {
            step.remove(k.pfail.at(i), x);
            self.withdraw(i, x, step);
            step.put(self.reports(i, x), NodeSet::EMPTY);
        }
        // Whom a restarted peer accused before, it accuses no more.
        for other in self.all - self.accused(x, step) {
            let id = self.reports(i, other);
            step.put(id, step.get(id).without(x));
        }
        self.merge_views(i, x, step);
        if step.has(k.fail.at(i), x)
            && (!step.has(k.held.at(i), x) || !self.sees_owner(i, x, step))
        {
            self.clear_fail(i, x, step);
        }
    }

    pub(super) fn clear_fail(&self, i: Instance, x: Instance, step: &mut Step<'_, W>) {
        let k = &self.known;
        step.cancel(self.timers.watch.nth(self.pair(i, x)));
        step.remove(k.fail.at(i), x);
        step.remove(k.held.at(i), x);
        self.withdraw(i, x, step);
        step.put(self.reports(i, x), NodeSet::EMPTY);
    }

    /// Whom `i` calls failing, one way or the other.
    fn accused(&self, i: Instance, step: &Step<'_, W>) -> NodeSet<W> {
        step.get(self.known.pfail.at(i)) | step.get(self.known.fail.at(i))
    }

    /// Would a message of `from` tell `to` something, or make it mark FAIL?
    fn has_news(
        &self,
        from: Instance,
        to: Instance,
        listener: &Listener<W>,
        step: &Step<'_, W>,
    ) -> bool {
        if !listener.owners.contains(from) {
            return false;
        }
        let news = (self.accused(from, step) - step.get(self.known.fail.at(to))).without(to);
        news.iter()
            .any(|x| listener.proven.contains(x) || !step.has(self.reports(to, x), from))
    }

    /// What `i` goes by when it hears others.
    fn listener(&self, i: Instance, step: &Step<'_, W>) -> Listener<W> {
        let pfail = step.get(self.known.pfail.at(i));
        Listener {
            owners: self.owners(i, step),
            proven: pfail
                .iter()
                .filter(|x| self.is_proven(i, *x, step))
                .collect(),
        }
    }

    /// Does `i` hold reports about `x` from a majority, itself included?
    fn is_proven(&self, i: Instance, x: Instance, step: &Step<'_, W>) -> bool {
        let owners = self.owners(i, step);
        let mut reports = step.get(self.reports(i, x));
        reports.insert(i);
        (reports & owners).len() > owners.len() / 2
    }

    /// Keeps an exchange on its way between every pair that has news.
    pub(super) fn tend_gossip(&self, step: &mut Step<'_, W>) {
        let k = &self.known;
        let alive = step.get(k.alive);
        let mut listeners = [Listener::default(); MOST];
        for i in alive {
            listeners[i.index()] = self.listener(i, step);
        }
        for i in self.all {
            let contact = step.get(k.contact.at(i));
            for x in self.all.iter().skip(i.index() + 1) {
                let timer = self.timers.gossip.nth(self.pair(i, x));
                let hear = contact.contains(x) && alive.contains(i) && step.has(k.contact.at(x), i);
                let (at_i, at_x) = (&listeners[i.index()], &listeners[x.index()]);
                let news = hear
                    && (self.has_news(i, x, at_x, step) || self.has_news(x, i, at_i, step));
                if !news {
                    step.cancel(timer);
                } else if !step.is_armed(timer) {
                    step.arm(timer, self.settings.gossip(contact.len()));
                }
            }
        }
    }

    /// A ping and its pong carry what both know.
    pub(super) fn exchange(&self, i: Instance, x: Instance, step: &mut Step<'_, W>) {
        self.deliver(i, x, step);
        self.deliver(x, i, step);
    }

    fn deliver(&self, from: Instance, to: Instance, step: &mut Step<'_, W>) {
        if !self.sees_owner(to, from, step) {
            return;
        }
        let news = (self.accused(from, step) - step.get(self.known.fail.at(to))).without(to);
        for x in news {
            step.insert(self.reports(to, x), from);
            if step.has(self.known.pfail.at(to), x) && self.is_proven(to, x, step) {
                self.announce_fail(to, x, step);
            }
        }
    }

    /// FAIL is told to everybody at once.
    fn announce_fail(&self, i: Instance, x: Instance, step: &mut Step<'_, W>) {
        let told = step.get(self.known.contact.at(i)).with(i).without(x);
        for other in told {
            self.set_fail(other, x, step);
        }
    }

    fn set_fail(&self, i: Instance, x: Instance, step: &mut Step<'_, W>) {
        let k = &self.known;
        if step.has(k.fail.at(i), x) {
            return;
        }
        step.remove(k.pfail.at(i), x);
        step.insert(k.fail.at(i), x);
        let watch = self.timers.watch.nth(self.pair(i, x));
        if self.sees_owner(i, x, step) {
            step.insert(k.held.at(i), x);
            step.arm(watch, self.settings.hold);
        } else if step.has(k.contact.at(i), x) {
            step.arm(watch, self.settings.pong);
        } else {
            step.cancel(watch);
        }
    }

    /// The instances on these nodes.
    pub(super) fn on(&self, nodes: NodeSet<W>) -> NodeSet<W> {
        self.all
            .iter()
            .filter(|i: &Node| nodes.contains(self.node(*i)))
            .collect()
    }
}
