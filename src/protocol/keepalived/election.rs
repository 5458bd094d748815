//! Who holds the address: silence, skew, take-over, and holders that meet.

use super::Keepalived;
use crate::automaton::{Delay, Nanos, Node, NodeSet, Step};

impl<const W: usize> Keepalived<W> {
    pub(super) fn priority(&self, node: Node, step: &Step<'_, W>) -> u16 {
        let fails = self
            .script
            .as_ref()
            .is_some_and(|script| step.has(script.failing, node));
        self.settings.priority(node, fails)
    }

    /// Of two holders the one of higher rank stays.
    pub(super) fn rank(&self, node: Node, step: &Step<'_, W>) -> (u16, u16) {
        (self.priority(node, step), self.settings.place[node.index()])
    }

    /// Brings every backup and every pair of holders in line with who hears whom.
    pub(super) fn settle(&self, step: &mut Step<'_, W>) {
        let live = self.live(step);
        let speaking = step.get(self.master) & live;
        for backup in step.get(self.backup) & live {
            match self.accepted(backup, speaking, step) {
                Some(holder) => self.hold(backup, holder, step),
                None => self.release(backup, step),
            }
        }
        for holder in speaking {
            if step.is_armed(self.beat.at(holder)) && self.timed_by(holder, step).is_empty() {
                step.cancel(self.beat.at(holder));
            }
            self.notice_rivals(holder, speaking, step);
        }
    }

    /// The best holder whose advertisements a backup hears and accepts.
    fn accepted(&self, backup: Node, speaking: NodeSet<W>, step: &mut Step<'_, W>) -> Option<Node> {
        let heard = speaking & step.get(self.world.reach.at(backup));
        let best = heard.iter().max_by_key(|node| self.rank(*node, step))?;
        let i = backup.index();
        if self.settings.nopreempt[i] {
            return Some(best);
        }
        let lower = self.priority(best, step) < self.priority(backup, step);
        if self.settings.preempt_delay[i].0 == 0 {
            return (!lower).then_some(best);
        }
        let patience = self.patience.at(backup);
        if !lower {
            step.cancel(patience);
            step.remove(self.impatient, backup);
        } else if step.has(self.impatient, backup) {
            return None;
        } else if !step.is_armed(patience) {
            step.arm(patience, Delay::Fixed(self.settings.preempt_delay[i]));
        }
        Some(best)
    }

    /// A backup hears an accepted holder: its timer starts again and again.
    fn hold(&self, backup: Node, holder: Node, step: &mut Step<'_, W>) {
        let heard = u64::from(holder.0) + 1;
        if step.has(self.held, backup) && step.count(self.heard.at(backup)) == heard {
            return;
        }
        self.stop_timers(backup, step);
        step.set_count(self.skewed_by.at(backup), 0);
        step.insert(self.held, backup);
        step.set_count(self.heard.at(backup), heard);
    }

    /// A backup hears nobody whom it accepts: its timer runs. It was set by the last
    /// advertisement of the holder, one interval before the next one is due.
    fn release(&self, backup: Node, step: &mut Step<'_, W>) {
        if step.has(self.held, backup) {
            step.remove(self.held, backup);
            step.insert(self.mourning, backup);
            let holder = Node((step.count(self.heard.at(backup)) - 1) as u16);
            let beat = self.beat.at(holder);
            if !step.is_armed(beat) {
                step.arm(beat, Delay::phase(self.settings.advert_int));
            }
            return;
        }
        let waits = step.has(self.mourning, backup)
            || step.has(self.overdue, backup)
            || step.is_armed(self.wait.at(backup))
            || step.is_armed(self.skew.at(backup));
        if !waits {
            step.set_count(self.heard.at(backup), 0);
            step.arm(self.wait.at(backup), Delay::Fixed(self.settings.down));
        }
    }

    /// Backups whose timer was set by an advertisement of this holder.
    fn timed_by(&self, holder: Node, step: &Step<'_, W>) -> NodeSet<W> {
        let mark = u64::from(holder.0) + 1;
        let runs = |b: &Node| {
            step.count(self.heard.at(*b)) == mark
                && (step.has(self.mourning, *b)
                    || step.is_armed(self.wait.at(*b))
                    || step.is_armed(self.skew.at(*b)))
        };
        step.get(self.backup).iter().filter(runs).collect()
    }

    /// An advertisement of a holder is due, whether it comes or not. The rhythm is
    /// played on while any timer depends on it: a backup that stops to accept the
    /// holder now, and one that did so a moment ago, heard the same rhythm.
    pub(super) fn beats(&self, holder: Node, step: &mut Step<'_, W>) {
        let timed = self.timed_by(holder, step);
        let mourners = timed & step.get(self.mourning);
        step.put(self.mourning, step.get(self.mourning) - mourners);
        let rest = self.settings.down - self.settings.advert_int;
        for backup in mourners {
            step.arm(self.wait.at(backup), Delay::Fixed(rest));
        }
        if !timed.is_empty() {
            let interval = Delay::Fixed(self.settings.advert_int);
            step.arm(self.beat.at(holder), interval);
        }
    }

    /// Of equal backups the highest address wins the race, by a nanosecond.
    pub(super) fn arm_skew(&self, backup: Node, step: &mut Step<'_, W>) {
        let priority = self.priority(backup, step);
        let lower_addresses = u64::from(self.settings.place[backup.index()]);
        let race = Nanos((self.members.len() as u64).saturating_sub(lower_addresses));
        step.set_count(self.skewed_by.at(backup), u64::from(priority));
        step.arm(
            self.skew.at(backup),
            Delay::Fixed(self.settings.skew(priority) + race),
        );
    }

    pub(super) fn skew_is_over(&self, backup: Node, step: &mut Step<'_, W>) {
        if !step.has(self.process.works, backup) {
            step.insert(self.overdue, backup);
            return;
        }
        let (before, now) = (
            step.count(self.skewed_by.at(backup)),
            self.priority(backup, step),
        );
        if u64::from(now) < before {
            // The priority fell meanwhile, and the running timer was shifted.
            let longer = self.settings.skew(now) - self.settings.skew(before as u16);
            step.set_count(self.skewed_by.at(backup), u64::from(now));
            step.arm(self.skew.at(backup), Delay::Fixed(longer));
            return;
        }
        self.become_master(backup, step);
    }

    /// A backup becomes holder and says so at once.
    fn become_master(&self, node: Node, step: &mut Step<'_, W>) {
        let rivals = step.get(self.master) & self.live(step) & step.get(self.world.reach.at(node));
        let own = self.rank(node, step);
        self.drop_roles_but_memory(node, step);
        if rivals.iter().any(|rival| self.rank(rival, step) > own) {
            // A better one answers at once.
            step.insert(self.backup, node);
            return;
        }
        for rival in rivals {
            self.step_down(rival, step);
        }
        step.insert(self.master, node);
        step.arm(self.take.at(node), self.settings.take);
    }

    fn step_down(&self, node: Node, step: &mut Step<'_, W>) {
        self.drop_roles(node, step);
        step.remove(self.address, node);
        step.insert(self.backup, node);
    }

    /// A holder goes and says so: the backups that hear it wait for their skew only.
    pub(super) fn leave(&self, node: Node, step: &mut Step<'_, W>) {
        if !step.has(self.master, node) {
            return;
        }
        step.remove(self.master, node);
        let hearing = step.get(self.backup) & self.live(step) & step.get(self.world.reach.at(node));
        for backup in hearing {
            self.stop_timers(backup, step);
            step.set_count(self.heard.at(backup), 0);
            self.arm_skew(backup, step);
        }
    }

    /// Two holders that can hear each other will do so at the next
    /// advertisement of either.
    fn notice_rivals(&self, holder: Node, speaking: NodeSet<W>, step: &mut Step<'_, W>) {
        let own = self.rank(holder, step);
        let heard = (speaking & step.get(self.world.reach.at(holder))).without(holder);
        let lower = heard.iter().find(|rival| self.rank(*rival, step) < own);
        let meet = self.meet.at(holder);
        match lower {
            None => step.cancel(meet),
            Some(_) if step.is_armed(meet) => {}
            Some(rival) => {
                let delay = self.next_advert(holder, rival, step);
                step.arm(meet, delay);
            }
        }
    }

    /// The time to the next advertisement of either holder. Where one took over
    /// after the silence of the other, its advertisements come its skew later,
    /// so the gaps are the skew and the rest of the interval.
    fn next_advert(&self, holder: Node, rival: Node, step: &mut Step<'_, W>) -> Delay {
        let follows =
            |later: Node, first: Node| step.count(self.heard.at(later)) == u64::from(first.0) + 1;
        let later = if follows(rival, holder) {
            rival
        } else if follows(holder, rival) {
            holder
        } else {
            return self.settings.strangers;
        };
        let interval = self.settings.advert_int;
        let priority = step.count(self.skewed_by.at(later)) as u16;
        let offset = Nanos(self.settings.skew(priority).0 % interval.0);
        let gaps = [offset, interval - offset];
        let gap = step.choose(&[gaps[0].seconds(), gaps[1].seconds()]);
        Delay::phase(gaps[gap])
    }

    /// A holder that was frozen meets the others when it has read what was queued.
    pub(super) fn meet_after(&self, node: Node, delay: Delay, step: &mut Step<'_, W>) {
        let speaking =
            step.get(self.master) & self.live(step) & step.get(self.world.reach.at(node));
        if speaking.len() > 1
            && let Some(best) = speaking.iter().max_by_key(|other| self.rank(*other, step))
        {
            step.arm(self.meet.at(best), delay);
        }
    }

    /// Holders have heard each other: the lower ones step down.
    pub(super) fn met(&self, holder: Node, step: &mut Step<'_, W>) {
        let speaking = step.get(self.master) & self.live(step);
        if !speaking.contains(holder) {
            return;
        }
        let heard = speaking & step.get(self.world.reach.at(holder));
        let own = self.rank(holder, step);
        for rival in heard {
            if self.rank(rival, step) < own {
                self.step_down(rival, step);
            }
        }
    }

    fn stop_timers(&self, backup: Node, step: &mut Step<'_, W>) {
        step.cancel(self.wait.at(backup));
        step.cancel(self.skew.at(backup));
        for id in [self.held, self.mourning, self.overdue] {
            step.remove(id, backup);
        }
    }

    fn drop_roles_but_memory(&self, node: Node, step: &mut Step<'_, W>) {
        self.stop_timers(node, step);
        for id in [self.master, self.backup, self.impatient] {
            step.remove(id, node);
        }
        for timers in [self.take, self.meet, self.patience] {
            step.cancel(timers.at(node));
        }
    }

    /// Neither holder nor backup any more, and no timer of either runs.
    pub(super) fn drop_roles(&self, node: Node, step: &mut Step<'_, W>) {
        self.drop_roles_but_memory(node, step);
        step.set_count(self.heard.at(node), 0);
        step.set_count(self.skewed_by.at(node), 0);
    }
}
