//! What somebody sees who types a Slurm command on a member.

use super::Slurm;
use crate::automaton::{Delay, Nanos, Node, Step};

/// A command gives up at its first try after 1.5 time-outs.
const PATIENCE_IN_HALVES: u64 = 3;
/// After so many calls that gave up, tries are no longer played.
const CALLS_PLAYED: u64 = 2;

/// What the first controller that accepts says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reply {
    Answer(Nanos),
    /// "In standby mode": sleep and try again. With the cost of a try.
    Standby(Nanos),
    /// Nobody accepts, or who does is mute.
    Nothing,
}

impl<const W: usize> Slurm<W> {
    fn try_all(&self, node: Node, step: &Step<'_, W>) -> Reply {
        if !step.has(self.world.running, node) {
            return Reply::Nothing;
        }
        let reached = self.reached(node, step);
        let live = self.live(step);
        let mut cost = Nanos::ZERO;
        for host in &self.order {
            if !reached.contains(*host) {
                cost = cost + self.settings.tcp_timeout;
            } else if step.has(self.process.frozen, *host) {
                return Reply::Nothing;
            } else if live.contains(*host) && step.has(self.own.acting, *host) {
                return Reply::Answer(cost);
            } else if live.contains(*host) && self.answers_standby(*host, step) {
                return Reply::Standby(cost);
            }
        }
        Reply::Nothing
    }

    /// A backup keeps its port while it takes over; its queue answers a moment later.
    fn answers_standby(&self, host: Node, step: &Step<'_, W>) -> bool {
        let takes_over = self.rank(host) > 0 && step.has(self.signals.taking_over, host);
        takes_over || step.has(self.own.waits, host)
    }

    /// How a command on this node fares now.
    pub(super) fn serve(&self, node: Node, step: &mut Step<'_, W>) {
        let (responding, hanging) = (self.signals.responding, self.signals.hanging);
        let retry = self.timers.retry.at(node);
        match self.try_all(node, step) {
            Reply::Nothing => {
                step.remove(responding, node);
                step.remove(hanging, node);
                step.cancel(retry);
            }
            Reply::Answer(cost) => {
                if !step.has(hanging, node) {
                    step.insert(responding, node);
                } else if !step.is_armed(retry) {
                    step.arm(retry, Delay::phase(self.cycle(cost)));
                }
            }
            Reply::Standby(cost) => {
                step.remove(responding, node);
                if !step.has(hanging, node) {
                    step.insert(hanging, node);
                    step.set_count(self.calls.at(node), 0);
                    self.call(node, cost, step);
                }
            }
        }
    }

    fn cycle(&self, cost: Nanos) -> Nanos {
        Nanos(self.settings.timeout.0 / 2) + cost
    }

    /// A new call; its first try reaches somebody after `cost`.
    fn call(&self, node: Node, cost: Nanos, step: &mut Step<'_, W>) {
        step.set_count(self.waited.at(node), cost.0);
        step.arm(self.timers.retry.at(node), Delay::Fixed(cost));
    }

    /// A try of the oldest call.
    pub(super) fn retried(&self, node: Node, step: &mut Step<'_, W>) {
        match self.try_all(node, step) {
            Reply::Nothing => step.remove(self.signals.hanging, node),
            Reply::Answer(_) => {
                step.remove(self.signals.hanging, node);
                step.insert(self.signals.responding, node);
            }
            Reply::Standby(cost) => {
                let waited = Nanos(step.count(self.waited.at(node)));
                let patience = Nanos(self.settings.timeout.0 / 2).times(PATIENCE_IN_HALVES);
                if waited < patience {
                    let cycle = self.cycle(cost);
                    step.set_count(self.waited.at(node), (waited + cycle).0);
                    step.arm(self.timers.retry.at(node), Delay::Fixed(cycle));
                    return;
                }
                let calls = step.count(self.calls.at(node)) + 1;
                step.set_count(self.calls.at(node), calls);
                if calls < CALLS_PLAYED {
                    self.call(node, cost, step);
                }
            }
        }
    }
}
