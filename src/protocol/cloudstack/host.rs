//! What management does about a host that is silent.

use super::Cloudstack;
use crate::automaton::{Command, Mark, Node, NodeCommand, NodeSet, Step};

impl<const W: usize> Cloudstack<W> {
    /// Hosts that have become silent, or speak again.
    pub(super) fn follow_hosts(&self, step: &mut Step<'_, W>) {
        let reachable = self.reachable(step);
        for host in self.hosts - reachable {
            if step.has(self.signals.agents, host) {
                step.remove(self.signals.agents, host);
                let first = if self.settings.host_ha { self.settings.health } else { self.settings.ping };
                if !self.is_taken(host, step) {
                    step.arm(self.timers.host.at(host), first);
                }
            }
        }
        for host in reachable - step.get(self.signals.agents) {
            step.insert(self.signals.agents, host);
            self.speaks_again(host, step);
        }
        for host in step.get(self.signals.fencing) & self.answers(step) {
            if !step.is_armed(self.timers.host.at(host)) && self.is_managed(step) {
                step.arm(self.timers.host.at(host), self.settings.fence);
            }
        }
    }

    /// Is management past the point of return with a host?
    fn is_taken(&self, host: Node, step: &Step<'_, W>) -> bool {
        [self.signals.fencing, self.signals.fenced, self.signals.recovered]
            .iter()
            .any(|set| step.has(*set, host))
    }

    fn speaks_again(&self, host: Node, step: &mut Step<'_, W>) {
        step.remove(self.signals.alert, host);
        if self.is_taken(host, step) {
            return;
        }
        step.cancel(self.timers.host.at(host));
        step.remove(self.signals.suspect, host);
        for set in [self.own.checking, self.own.resetting, self.own.investigating] {
            step.remove_private(set, host);
        }
        // Its agent reports that the machines are gone.
        self.schedule(host, step);
    }

    /// The next thing that management does about a host; without management it waits.
    pub(super) fn advance(&self, host: Node, step: &mut Step<'_, W>) {
        if !self.is_managed(step) {
            return step.arm(self.timers.host.at(host), self.settings.poll);
        }
        if step.has(self.signals.fencing, host) {
            self.fence(host, step);
        } else if step.has(self.signals.recovered, host) {
            self.recovery_is_over(host, step);
        } else if self.settings.host_ha {
            self.check(host, step);
        } else {
            self.investigate(host, step);
        }
    }

    /// Behind on pings, and then: do the neighbours see its heartbeat on storage?
    fn investigate(&self, host: Node, step: &mut Step<'_, W>) {
        if !step.has(self.own.investigating, host) {
            step.insert_private(self.own.investigating, host);
            return step.arm(self.timers.host.at(host), self.settings.investigation);
        }
        if self.sound(step).contains(host) {
            step.insert(self.signals.alert, host);
        } else {
            self.schedule(host, step);
        }
    }

    /// Health check, ten activity checks, reset: one after the other.
    fn check(&self, host: Node, step: &mut Step<'_, W>) {
        let timer = self.timers.host.at(host);
        if !step.has(self.signals.suspect, host) {
            step.insert(self.signals.suspect, host);
            step.insert_private(self.own.checking, host);
            step.arm(timer, self.settings.checks);
        } else if step.has(self.own.resetting, host) {
            step.remove_private(self.own.resetting, host);
            self.reset(host, step);
        } else if !step.has(self.own.checking, host) {
            // Degraded for long enough: checked again.
            step.insert_private(self.own.checking, host);
            step.arm(timer, self.settings.checks);
        } else {
            step.remove_private(self.own.checking, host);
            if self.sound(step).contains(host) {
                step.arm(timer, self.settings.degraded);
            } else {
                step.insert_private(self.own.resetting, host);
                step.arm(timer, self.settings.reset);
            }
        }
    }

    /// The BMC has been asked to reset a host that shows no life.
    fn reset(&self, host: Node, step: &mut Step<'_, W>) {
        step.remove(self.signals.suspect, host);
        if !self.answers(step).contains(host) {
            step.insert(self.signals.fencing, host);
            return;
        }
        let one = NodeSet::single(host);
        step.insert(self.signals.recovered, host);
        step.order(Command::Nodes(NodeCommand::SwitchOff, one));
        step.order(Command::Nodes(NodeCommand::Release, one));
        self.give_away(host, step);
        step.arm(self.timers.host.at(host), self.settings.wait);
    }

    fn recovery_is_over(&self, host: Node, step: &mut Step<'_, W>) {
        step.remove(self.signals.recovered, host);
        if !self.reachable(step).contains(host) {
            // One recovery is all that is tried (recover.failure.threshold 1).
            step.insert(self.signals.fencing, host);
        }
    }

    fn fence(&self, host: Node, step: &mut Step<'_, W>) {
        if !self.answers(step).contains(host) {
            return;
        }
        step.remove(self.signals.fencing, host);
        step.insert(self.signals.fenced, host);
        step.order(Command::Nodes(NodeCommand::SwitchOff, NodeSet::single(host)));
        self.give_away(host, step);
    }

    /// Somebody switches hosts on that were fenced, and enables their HA again.
    pub(super) fn power_on(&self, hosts: NodeSet<W>, step: &mut Step<'_, W>) {
        if !hosts.is_empty() {
            step.put(self.signals.fenced, step.get(self.signals.fenced) - hosts);
            step.order(Command::Nodes(NodeCommand::Release, hosts));
            step.mark(Mark::Restore);
        }
    }
}
