//! Virtual machines: where they run, how they are lost, and how they come back.

use super::{Cloudstack, Storage};
use crate::automaton::{Mark, Node, Step};

impl<const W: usize> Cloudstack<W> {
    /// Machines end with their host, or with its storage.
    pub(super) fn follow_machines(&self, step: &mut Step<'_, W>) {
        let (before, now) = (step.get(self.own.sound), self.sound(step));
        step.put_private(self.own.sound, now);
        let up = step.get(self.world.running);
        for host in before - now {
            // Over NFS they only stand still while their host lives.
            if self.settings.storage != Storage::Nfs || !up.contains(host) {
                self.end(host, step);
            }
        }
        for host in (self.hosts - now) - up {
            self.end(host, step);
        }
        for host in now - before {
            let down = step.count(self.own.plain_down.at(host)) > 0;
            if down && !step.is_armed(self.timers.owner.at(host)) {
                step.arm(self.timers.owner.at(host), self.settings.owner);
            }
            if step.has(self.signals.agents, host) {
                self.schedule(host, step);
            }
        }
    }

    /// All machines of a host are gone.
    fn end(&self, host: Node, step: &mut Step<'_, W>) {
        let own = &self.own;
        for (running, down) in [(own.ha, own.ha_down), (own.plain, own.plain_down)] {
            let ended = step.count(running.at(host));
            if ended > 0 {
                step.set_count(running.at(host), 0);
                step.set_count(down.at(host), step.count(down.at(host)) + ended);
            }
        }
        step.cancel(self.timers.owner.at(host));
    }

    /// A host is off by order of management: its machines are somebody else's.
    pub(super) fn give_away(&self, host: Node, step: &mut Step<'_, W>) {
        self.end(host, step);
        self.schedule(host, step);
    }

    /// The machines of a host that have HA are given to the workers.
    pub(super) fn schedule(&self, host: Node, step: &mut Step<'_, W>) {
        if self.settings.storage == Storage::Local {
            // Only their own host can run them.
            if self.sound(step).contains(host) {
                let down = step.count(self.own.ha_down.at(host));
                step.set_count(self.own.ha_down.at(host), 0);
                step.set_count(self.own.plain_down.at(host), step.count(self.own.plain_down.at(host)) + down);
                step.arm(self.timers.owner.at(host), self.settings.owner);
            }
            return;
        }
        let down = step.count(self.own.ha_down.at(host));
        if down > 0 {
            step.set_count(self.own.ha_down.at(host), 0);
            step.set_count(self.own.queue, step.count(self.own.queue) + down);
        }
    }

    pub(super) fn follow_queue(&self, step: &mut Step<'_, W>) {
        let waits = step.count(self.own.queue) > 0;
        if waits && self.is_managed(step) && !step.is_armed(self.timers.restart) {
            step.arm(self.timers.restart, self.settings.restart);
        }
    }

    /// The workers have started what they could, on the least loaded hosts.
    pub(super) fn restart(&self, step: &mut Step<'_, W>) {
        if !self.is_managed(step) {
            return;
        }
        let targets = self.sound(step) & self.reachable(step) & self.settings.targets;
        let mut left = step.count(self.own.queue);
        while left > 0 {
            let load = |host: Node| {
                step.count(self.own.ha.at(host)) + step.count(self.own.plain.at(host))
            };
            let free = targets.iter().filter(|host| load(*host) < self.settings.capacity);
            let Some(host) = free.min_by_key(|host| load(*host)) else {
                break;
            };
            step.set_count(self.own.ha.at(host), step.count(self.own.ha.at(host)) + 1);
            left -= 1;
        }
        if left < step.count(self.own.queue) {
            step.mark(Mark::Restore);
        }
        step.set_count(self.own.queue, left);
        if left > 0 {
            step.arm(self.timers.restart, self.settings.retry);
        }
    }

    /// The owner of machines without HA has noticed that their host is back.
    pub(super) fn owner_starts(&self, host: Node, step: &mut Step<'_, W>) {
        if self.sound(step).contains(host) {
            let down = step.count(self.own.plain_down.at(host));
            step.set_count(self.own.plain_down.at(host), 0);
            step.set_count(self.own.plain.at(host), step.count(self.own.plain.at(host)) + down);
            step.mark(Mark::Restore);
        }
    }
}
