//! The connections of each client to the bricks: how they break, and how they
//! come back.

use super::Gluster;
use crate::automaton::{Delay, Node, NodeSet, Step, Timer};

/// How the bricks are, whoever looks.
#[derive(Clone, Copy)]
pub(super) struct Bricks<const W: usize> {
    /// On a machine that runs.
    there: NodeSet<W>,
    pub working: NodeSet<W>,
}

impl<const W: usize> Gluster<W> {
    pub(super) fn look_at_bricks(&self, step: &Step<'_, W>) -> Bricks<W> {
        Bricks {
            there: self.all_bricks & step.get(self.world.running),
            working: self.working(step),
        }
    }

    /// One timer for each client and brick: until a silent brick is given up, or
    /// until one that is not connected answers.
    pub(super) fn link_timer(&self, client: usize, brick: Node) -> Timer {
        let pair = client * self.bricks.len() + self.place[brick.index()];
        Timer(self.first_link.0 + pair as u32)
    }

    /// Follows a mount and what it can reach; true where something has changed.
    /// `ended` are bricks whose process has just ended.
    pub(super) fn follow_client(
        &self,
        client: usize,
        bricks: Bricks<W>,
        ended: NodeSet<W>,
        step: &mut Step<'_, W>,
    ) -> bool {
        let c = &self.clients[client];
        let mounted = step.has(self.known.mounted, c.node);
        if !self.is_mounted(c.node, step) {
            if mounted {
                self.unmount(client, step);
            }
            return mounted;
        }
        let awake = self.is_awake(c.node, step);
        let (path, answers) = self.truth(c.node, awake, bricks, step);
        let same = path == step.get(c.path)
            && answers == step.get(c.answers)
            && awake == step.has(self.known.awake, c.node);
        if mounted && same && ended.is_empty() {
            return false;
        }
        step.put(c.path, path);
        step.put(c.answers, answers);
        step.assign(self.known.awake, c.node, awake);
        step.put(c.stale, step.get(c.stale) | ended);
        if !mounted {
            step.insert(self.known.mounted, c.node);
            step.insert(self.known.starting, c.node);
        }
        self.tend_links(client, awake, step);
        true
    }

    /// The bricks to which there is a path, and those that answer on it. A client
    /// that stands still sees nothing.
    pub(super) fn truth(
        &self,
        client: Node,
        awake: bool,
        bricks: Bricks<W>,
        step: &Step<'_, W>,
    ) -> (NodeSet<W>, NodeSet<W>) {
        if !awake {
            return (NodeSet::EMPTY, NodeSet::EMPTY);
        }
        let path = bricks.there & step.get(self.world.reach.at(client));
        (path, path & bricks.working)
    }

    /// Breaks what is known to be broken, and keeps one timer running for each
    /// brick that is silent or could be connected.
    fn tend_links(&self, client: usize, awake: bool, step: &mut Step<'_, W>) {
        let c = &self.clients[client];
        let mount = self.timers.mount.at(c.node);
        if !awake {
            step.cancel(mount);
            for brick in self.all_bricks {
                step.cancel(self.link_timer(client, brick));
            }
            return;
        }
        if step.has(self.known.starting, c.node) {
            if !step.is_armed(mount) {
                step.arm(mount, self.settings.connect_mount);
            }
            return;
        }
        // A kernel that lives answers for a process that does not.
        let absent = step.get(c.stale) | (self.all_bricks - step.get(self.known.present));
        for brick in step.get(c.linked) & step.get(c.path) & absent {
            self.disconnect(client, brick, step);
        }
        let (linked, answers) = (step.get(c.linked), step.get(c.answers));
        step.put(c.silent, linked - answers);
        let waits = (linked - answers) | (answers - linked);
        for brick in self.all_bricks {
            let timer = self.link_timer(client, brick);
            if !waits.contains(brick) {
                step.cancel(timer);
            } else if !step.is_armed(timer) {
                let delay = self.link_delay(client, brick, step);
                step.arm(timer, delay);
            }
        }
    }

    fn link_delay(&self, client: usize, brick: Node, step: &Step<'_, W>) -> Delay {
        let (c, s) = (&self.clients[client], &self.settings);
        if step.has(c.linked, brick) {
            s.ping
        } else if !step.has(c.stale, brick) {
            s.connect_link
        } else if step.has(self.known.dark, brick) {
            s.connect_boot
        } else {
            s.connect_restart
        }
    }

    /// A connection ends; one that ended in silence leaves locks behind.
    fn disconnect(&self, client: usize, brick: Node, step: &mut Step<'_, W>) {
        let c = &self.clients[client];
        if step.has(c.silent, brick) {
            step.insert(c.quiet, brick);
        }
        step.remove(c.linked, brick);
        step.remove(c.silent, brick);
        step.cancel(self.link_timer(client, brick));
    }

    /// A brick has been silent for too long, or a lost one is connected again.
    pub(super) fn link_expires(&self, client: usize, brick: Node, step: &mut Step<'_, W>) {
        let c = &self.clients[client];
        if step.has(c.linked, brick) {
            return self.disconnect(client, brick, step);
        }
        let (stale, quiet) = (step.has(c.stale, brick), step.has(c.quiet, brick));
        step.insert(c.linked, brick);
        step.remove(c.stale, brick);
        step.remove(c.quiet, brick);
        if stale || quiet {
            step.assign(self.known.same_process, brick, !stale);
        }
        if quiet {
            let s = &self.settings;
            let stall = if stale { s.stall_boot } else { s.stall_link };
            step.insert(self.known.settling, c.node);
            step.arm(self.timers.settle.at(c.node), stall);
        }
    }

    /// A new mount waits until every brick has answered or refused, and then has
    /// all that answer.
    pub(super) fn mount(&self, client: usize, step: &mut Step<'_, W>) {
        let c = &self.clients[client];
        step.remove(self.known.starting, c.node);
        step.put(c.linked, step.get(c.answers));
        step.put(c.stale, self.all_bricks - step.get(self.known.present));
        let awake = step.has(self.known.awake, c.node);
        self.tend_links(client, awake, step);
    }

    fn unmount(&self, client: usize, step: &mut Step<'_, W>) {
        let c = &self.clients[client];
        for id in [c.path, c.answers, c.linked, c.silent, c.stale, c.quiet] {
            step.put(id, NodeSet::EMPTY);
        }
        let k = &self.known;
        for id in [k.mounted, k.awake, k.starting, k.settling] {
            step.remove(id, c.node);
        }
        step.cancel(self.timers.mount.at(c.node));
        step.cancel(self.timers.settle.at(c.node));
        for brick in self.all_bricks {
            step.cancel(self.link_timer(client, brick));
        }
    }
}
