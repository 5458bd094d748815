//! A backup that stands by: its pings, and the heartbeat that it reads.

use super::Slurm;
use super::settings::FIRST_PING;
use crate::automaton::{Delay, Nanos, Node, NodeSet, Step};

/// It tries three times to open a heartbeat, 0.1 s apart (SS get_last_heartbeat).
const UNREADABLE: Nanos = Nanos(Nanos::SECOND.0 / 5);

impl<const W: usize> Slurm<W> {
    /// Nodes that write heartbeats: what acts, and what has hung over giving back.
    fn writers(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let processes = step.get(self.own.acting) | step.get(self.signals.hung);
        processes & step.get(self.process.works) & self.state.value(step)
    }

    /// Does any earlier controller answer the pings of this backup?
    fn is_answered(&self, node: Node, step: &Step<'_, W>) -> bool {
        let earlier = self.before[self.rank(node)];
        let candidates = earlier & self.live(step) & self.reached(node, step);
        candidates.iter().any(|host| self.answers_pings(host, step))
    }

    /// The heartbeat of an earlier controller is being written.
    fn heartbeat_moves(&self, node: Node, step: &Step<'_, W>) -> bool {
        self.before[self.rank(node)].intersects(self.writers(step))
    }

    /// Does the heartbeat that this backup reads speak against a take-over?
    fn heartbeat_forbids(&self, node: Node, step: &Step<'_, W>) -> bool {
        if !self.state.value(step).contains(node) {
            return self.settings.refuse_unreadable;
        }
        if self.heartbeat_moves(node, step) {
            return true;
        }
        // The last writer was a later rank, or it is not long ago.
        self.writers(step).is_empty() && !step.has(self.own.stale, node)
    }

    /// Will it stay so until something changes?
    fn forbidden_for_good(&self, node: Node, step: &Step<'_, W>) -> bool {
        if self.state.value(step).contains(node) {
            self.heartbeat_moves(node, step)
        } else {
            self.settings.refuse_unreadable
        }
    }

    pub(super) fn stop_waiting(&self, node: Node, step: &mut Step<'_, W>) {
        let own = &self.own;
        for id in [
            own.waits,
            own.fresh,
            own.resigned,
            own.stale,
            own.nearly_stale,
            own.doubts,
        ] {
            step.remove(id, node);
        }
        self.stop_pings(node, step);
        step.cancel(self.timers.heartbeat.at(node));
    }

    fn stop_pings(&self, node: Node, step: &mut Step<'_, W>) {
        step.cancel(self.timers.ping.at(node));
        step.cancel(self.timers.verdict.at(node));
    }

    /// Plays the pings of a backup that nobody answers.
    pub(super) fn watch(&self, node: Node, step: &mut Step<'_, W>) {
        self.follow_heartbeat(node, step);
        let own = &self.own;
        if !step.has(self.process.works, node) {
            return self.stop_pings(node, step);
        }
        if self.is_answered(node, step) {
            self.stop_pings(node, step);
            for id in [own.fresh, own.resigned, own.doubts] {
                step.remove(id, node);
            }
            return;
        }
        let (ping, verdict) = (self.timers.ping.at(node), self.timers.verdict.at(node));
        if step.is_armed(ping) || step.is_armed(verdict) {
            return;
        }
        if step.has(own.resigned, node) {
            if self.forbidden_for_good(node, step) {
                return;
            }
            step.remove(own.resigned, node);
            self.ping_in(node, Delay::phase(self.settings.ping), step);
            step.set_count(self.silent.at(node), self.settings.timeout.times(2).0);
        } else if step.has(own.fresh, node) {
            step.remove(own.fresh, node);
            self.ping_in(node, Delay::Fixed(FIRST_PING), step);
            step.set_count(self.silent.at(node), FIRST_PING.0);
        } else {
            self.ping_in(node, Delay::phase(self.settings.ping), step);
            step.set_count(self.silent.at(node), self.settings.ping.0);
        }
    }

    fn ping_in(&self, node: Node, delay: Delay, step: &mut Step<'_, W>) {
        step.arm(self.timers.ping.at(node), delay);
    }

    /// The heartbeat grows old once nobody writes it.
    fn follow_heartbeat(&self, node: Node, step: &mut Step<'_, W>) {
        let timer = self.timers.heartbeat.at(node);
        if self.heartbeat_moves(node, step) {
            step.cancel(timer);
            for id in [self.own.stale, self.own.nearly_stale, self.own.doubts] {
                step.remove(id, node);
            }
        } else if !step.has(self.own.stale, node) && !step.is_armed(timer) {
            let (timeout, beat) = (self.settings.timeout, self.settings.beat);
            let delay = Delay::Uniform {
                low: timeout - beat,
                high: timeout,
            };
            step.arm(timer, delay);
        }
    }

    /// Times are compared in whole seconds, so up to one more is needed.
    pub(super) fn heartbeat_ages(&self, node: Node, step: &mut Step<'_, W>) {
        if step.has(self.own.nearly_stale, node) {
            step.remove(self.own.nearly_stale, node);
            step.insert(self.own.stale, node);
        } else {
            step.insert(self.own.nearly_stale, node);
            let timer = self.timers.heartbeat.at(node);
            step.arm(timer, Delay::phase(Nanos::SECOND));
        }
    }

    /// A ping goes out that nobody will answer; how long until that is known?
    pub(super) fn pinged(&self, node: Node, step: &mut Step<'_, W>) {
        let earlier = self.before[self.rank(node)];
        let reached = self.reached(node, step);
        let cost = if (earlier & reached).intersects(step.get(self.process.frozen)) {
            self.settings.message_timeout
        } else if (earlier - reached).is_empty() {
            Nanos::ZERO
        } else {
            self.settings.tcp_timeout
        };
        let reading = if self.state.value(step).contains(node) {
            Nanos::ZERO
        } else {
            UNREADABLE
        };
        let cost = cost + reading;
        step.set_count(self.ping_cost.at(node), cost.0);
        step.arm(self.timers.verdict.at(node), Delay::Fixed(cost));
    }

    /// The ping has failed: is it time?
    pub(super) fn judge(&self, node: Node, step: &mut Step<'_, W>) {
        let cost = Nanos(step.count(self.ping_cost.at(node)));
        let silent = Nanos(step.count(self.silent.at(node))) + cost;
        let beyond = silent.seconds() - self.settings.timeout.seconds();
        if step.chance(beyond.clamp(0.0, 1.0)) {
            if self.forbidden_for_good(node, step) {
                step.insert(self.own.resigned, node);
                return;
            }
            if !self.heartbeat_forbids(node, step) {
                if !self.settings.refuse_unreadable || step.has(self.own.doubts, node) {
                    return self.take_over(node, step);
                }
                step.insert(self.own.doubts, node);
            }
        }
        // It sleeps in steps of a second, at least one.
        let pause = (self.settings.ping - cost).max(Nanos::SECOND);
        self.ping_in(node, Delay::Fixed(pause), step);
        step.set_count(self.silent.at(node), (silent + pause).0);
    }
}
