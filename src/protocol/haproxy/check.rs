//! The health checks of one balancer: when they run, what they find, and what
//! it then believes.

use super::{Haproxy, Truth};
use crate::automaton::{Delay, Nanos, Node, Step};
use crate::protocol::Site;
use crate::scenario::error::Result;

/// The kernel sends its second SYN after this time, and then doubles it.
const FIRST_RETRANSMISSION: Nanos = Nanos::SECOND;
/// The stage of a check whose connection stands: it waits for the answer.
const ANSWER: u64 = u64::MAX;

/// Numbers of the check.
pub struct Checks {
    pub inter: Nanos,
    fastinter: Nanos,
    downinter: Nanos,
    pub fall: u64,
    pub rise: u64,
    /// For the connection, and for the answer.
    connect: Nanos,
    answer: Nanos,
}

impl Checks {
    pub fn read(site: &Site<'_>) -> Result<Checks> {
        let p = site.parameters;
        let inter = p.positive_duration("check.inter")?;
        let or_inter = |path: &str| match p.text(path) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            _ => p.positive_duration(path).map(Some),
        };
        let timeout = or_inter("check.timeout")?;
        let connect = p.positive_duration("timeout.connect")?;
        Ok(Checks {
            inter,
            fastinter: or_inter("check.fastinter")?.unwrap_or(inter),
            downinter: or_inter("check.downinter")?.unwrap_or(inter),
            fall: p.integer("check.fall", 1, 1000)? as u64,
            rise: p.integer("check.rise", 1, 1000)? as u64,
            connect: timeout.map_or(inter, |_| connect.min(inter)),
            answer: timeout.unwrap_or(inter),
        })
    }

    pub fn top(&self) -> u64 {
        self.rise + self.fall - 1
    }

    fn interval(&self, health: u64) -> Nanos {
        match health {
            0 => self.downinter,
            h if h == self.top() => self.inter,
            _ => self.fastinter,
        }
    }

    /// The time since its start at which a stage of a stalled connection ends.
    fn edge(&self, stage: u64) -> Nanos {
        let factor = (1u64 << (stage + 1).min(40)) - 1;
        FIRST_RETRANSMISSION.times(factor).min(self.connect)
    }

    /// How long a stage lasts.
    fn stage_length(&self, stage: u64) -> Nanos {
        let before = stage.checked_sub(1).map_or(Nanos::ZERO, |s| self.edge(s));
        self.edge(stage) - before
    }

    fn is_last(&self, stage: u64) -> bool {
        stage == ANSWER || self.edge(stage) >= self.connect
    }
}

impl<const W: usize> Haproxy<W> {
    /// Nothing more to find out: the belief is true and the health at its end.
    fn settled(&self, view: usize, server: Node, truth: Truth<W>, step: &Step<'_, W>) -> bool {
        let health = step.count(self.health.nth(self.pair(view, server)));
        let end = if truth.answers.contains(server) {
            self.checks.top()
        } else {
            0
        };
        health == end
    }

    /// The truth about a server has changed, from the balancer's side.
    pub(super) fn watch(
        &self,
        view: usize,
        server: Node,
        before: Truth<W>,
        step: &mut Step<'_, W>,
    ) {
        let truth = self.truth(view, step);
        let v = &self.views[view];
        let pair = self.pair(view, server);
        let timer = self.timer(pair);
        if step.has(v.stalled, server) {
            let waits = step.count(self.stage.nth(pair)) == ANSWER;
            if waits && !truth.mute.contains(server) && !truth.vanished.contains(server) {
                // The answer that the check waited for comes at once.
                self.check_ends(view, server, truth.answers.contains(server), step);
            }
        } else if self.settled(view, server, truth, step) {
            step.cancel(timer);
        } else if !step.is_armed(timer) {
            self.join_the_cycle(view, server, before, step);
        }
    }

    /// Finds the unknown phase of checks that were not played. Where each stalled
    /// until its time was over, one may be under way.
    fn join_the_cycle(&self, view: usize, server: Node, before: Truth<W>, step: &mut Step<'_, W>) {
        let pair = self.pair(view, server);
        let pause = self.checks.interval(step.count(self.health.nth(pair)));
        let under_way = if before.vanished.contains(server) {
            self.checks.connect
        } else if before.mute.contains(server) {
            self.checks.answer
        } else {
            Nanos::ZERO
        };
        let all = (pause + under_way).seconds();
        if under_way == Nanos::ZERO || !step.chance(under_way.seconds() / all) {
            step.arm(self.timer(pair), Delay::phase(pause));
            return;
        }
        let mut stage = ANSWER;
        let mut length = self.checks.answer;
        if before.vanished.contains(server) {
            stage = 0;
            let mut left = self.checks.connect;
            length = self.checks.stage_length(stage);
            while !self.checks.is_last(stage) && !step.chance(length.seconds() / left.seconds()) {
                left = left - length;
                stage += 1;
                length = self.checks.stage_length(stage);
            }
        }
        step.insert(self.views[view].stalled, server);
        step.set_count(self.stage.nth(pair), stage);
        step.arm(self.timer(pair), Delay::phase(length));
        if stage == ANSWER {
            self.watch(view, server, before, step);
        }
    }

    /// A check starts, retransmits, or runs out of time.
    pub(super) fn check(&self, view: usize, server: Node, step: &mut Step<'_, W>) {
        let v = &self.views[view];
        if !self.works(view, step) {
            step.remove(v.stalled, server);
            return;
        }
        let truth = self.truth(view, step);
        let pair = self.pair(view, server);
        let stage = step
            .has(v.stalled, server)
            .then(|| step.count(self.stage.nth(pair)));
        if stage.is_some_and(|stage| self.checks.is_last(stage)) {
            self.check_ends(view, server, false, step);
            return;
        }
        let (next, length) = if truth.vanished.contains(server) {
            let next = stage.map_or(0, |stage| stage + 1);
            (next, self.checks.stage_length(next))
        } else if truth.mute.contains(server) {
            (ANSWER, self.checks.answer)
        } else {
            self.check_ends(view, server, truth.answers.contains(server), step);
            return;
        };
        step.insert(v.stalled, server);
        step.set_count(self.stage.nth(pair), next);
        step.arm(self.timer(pair), Delay::Fixed(length));
    }

    fn check_ends(&self, view: usize, server: Node, passed: bool, step: &mut Step<'_, W>) {
        let v = &self.views[view];
        let pair = self.pair(view, server);
        let counter = self.health.nth(pair);
        let (health, rise) = (step.count(counter), self.checks.rise);
        let health = match passed {
            true if health >= rise => (health + 1).min(self.checks.top()),
            true if health + 1 == rise => self.checks.top(),
            true => health + 1,
            false if health > rise => health - 1,
            false => 0,
        };
        step.set_count(counter, health);
        step.remove(v.stalled, server);
        step.assign(v.believed, server, health >= rise);
        let truth = self.truth(view, step);
        if self.settled(view, server, truth, step) {
            step.cancel(self.timer(pair));
        } else {
            step.arm(self.timer(pair), Delay::Fixed(self.checks.interval(health)));
        }
    }
}
