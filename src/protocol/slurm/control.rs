//! How a daemon comes to control, and how it loses it.

use super::Slurm;
use crate::automaton::{
    Command, Delay, KillTarget, Nanos, Node, NodeSet, ProcessCommand, Step,
};

/// The daemon reads its configuration.
const LOADING: u64 = 1;
/// It asks the others for control and waits for their answers.
const ASKING: u64 = 2;
/// It reads the state and opens its port.
const READING: u64 = 3;

impl<const W: usize> Slurm<W> {
    /// Daemons that have ended, started or woken up since the last look.
    pub(super) fn follow_daemons(&self, step: &mut Step<'_, W>) {
        let known = self.known(step);
        // Ended, or on its way down or up again.
        let moving = step.get(self.process.works) | step.get(self.process.frozen);
        let gone = (known - step.get(self.process.present))
            | ((known & step.get(self.world.running)) - moving);
        for node in gone {
            self.forget(node, step);
        }
        let live = self.live(step);
        for node in live - self.known(step) {
            self.load(node, step);
        }
        for node in live & step.get(self.own.overdue) {
            step.remove(self.own.overdue, node);
            step.arm(self.timers.control.at(node), Delay::Fixed(Nanos::ZERO));
        }
    }

    /// A new process.
    fn load(&self, node: Node, step: &mut Step<'_, W>) {
        step.insert(self.signals.taking_over, node);
        step.set_count(self.stage.at(node), LOADING);
        step.arm(self.timers.control.at(node), self.settings.start);
    }

    /// A person restarts what hangs, or acts behind an earlier controller.
    pub(super) fn restart(&self, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        let acting = step.get(self.own.acting);
        let first = self.order.iter().find(|node| acting.contains(**node));
        let extra = first.map_or(acting, |node| acting.without(*node));
        let chosen = nodes & (step.get(self.signals.hung) | extra) & step.get(self.world.up);
        if chosen.is_empty() {
            return;
        }
        let kill = ProcessCommand::Kill(KillTarget::All);
        for order in [kill, ProcessCommand::Start] {
            step.order(Command::Process(order, self.process_name.clone(), chosen));
        }
        // If it starts at the same instant, nobody sees that it was gone.
        for node in chosen {
            self.forget(node, step);
            self.load(node, step);
        }
    }

    /// Is its port open for other controllers, or has it just asked them for control?
    pub(super) fn answers_pings(&self, node: Node, step: &Step<'_, W>) -> bool {
        step.has(self.own.acting, node)
            || step.has(self.own.waits, node)
            || step.count(self.stage.at(node)) > LOADING
    }

    /// The process is gone, and all that it knew.
    fn forget(&self, node: Node, step: &mut Step<'_, W>) {
        let (own, signals, timers) = (&self.own, &self.signals, &self.timers);
        for id in [
            own.acting,
            own.overdue,
            signals.taking_over,
            signals.hung,
            signals.forgetful,
        ] {
            step.remove(id, node);
        }
        self.stop_waiting(node, step);
        for counters in [self.gave_back, self.stage] {
            step.set_count(counters.at(node), 0);
        }
        step.cancel(timers.control.at(node));
        step.cancel(timers.purge.at(node));
    }

    /// The way to control goes on by one stage.
    pub(super) fn advance(&self, node: Node, step: &mut Step<'_, W>) {
        if !step.has(self.process.works, node) {
            step.insert(self.own.overdue, node);
            return;
        }
        match step.count(self.stage.at(node)) {
            LOADING => self.loaded(node, step),
            ASKING => self.answered_for_control(node, step),
            _ => self.controls(node, step),
        }
    }

    fn loaded(&self, node: Node, step: &mut Step<'_, W>) {
        if !self.state.value(step).contains(node) {
            self.fatal(node, step);
        } else if self.rank(node) == 0 {
            self.ask_for_control(node, step);
        } else {
            self.stand_by(node, true, step);
        }
    }

    /// slurmctld ends itself; systemd sees a failure.
    fn fatal(&self, node: Node, step: &mut Step<'_, W>) {
        self.forget(node, step);
        step.order(Command::Process(
            ProcessCommand::Kill(KillTarget::All),
            self.process_name.clone(),
            NodeSet::single(node),
        ));
    }

    fn stand_by(&self, node: Node, fresh: bool, step: &mut Step<'_, W>) {
        step.remove(self.signals.taking_over, node);
        step.insert(self.own.waits, node);
        step.assign(self.own.fresh, node, fresh);
        step.set_count(self.stage.at(node), 0);
    }

    /// A backup has decided.
    pub(super) fn take_over(&self, node: Node, step: &mut Step<'_, W>) {
        self.stop_waiting(node, step);
        step.insert(self.signals.taking_over, node);
        self.ask_for_control(node, step);
    }

    /// Every other backup is asked to give control back, in parallel.
    fn ask_for_control(&self, node: Node, step: &mut Step<'_, W>) {
        let reached = self.reached(node, step);
        let others = self.members.without(node).without(self.order[0]);
        let acting = step.get(self.own.acting) & step.get(self.process.works);
        let mut hangs = false;
        for other in others & acting & reached {
            hangs |= self.give_back(other, step);
        }
        step.set_count(self.stage.at(node), ASKING);
        let mute = others & reached & step.get(self.process.frozen);
        let delay = if hangs {
            self.settings.patience
        } else if !mute.is_empty() {
            Delay::Fixed(self.settings.control_timeout)
        } else if !(others - reached).is_empty() {
            Delay::Fixed(self.settings.tcp_timeout)
        } else {
            return self.answered_for_control(node, step);
        };
        step.arm(self.timers.control.at(node), delay);
    }

    fn answered_for_control(&self, node: Node, step: &mut Step<'_, W>) {
        step.set_count(self.stage.at(node), READING);
        let delay = if self.rank(node) == 0 {
            self.settings.control
        } else {
            self.settings.takeover
        };
        step.arm(self.timers.control.at(node), delay);
    }

    /// A backup that acts gives control back. True if it hangs over it.
    fn give_back(&self, node: Node, step: &mut Step<'_, W>) -> bool {
        step.remove(self.own.acting, node);
        step.remove(self.signals.forgetful, node);
        step.cancel(self.timers.purge.at(node));
        let before = step.count(self.gave_back.at(node));
        step.set_count(self.gave_back.at(node), before + 1);
        let chances = &self.settings.hang;
        let last = chances.len().saturating_sub(1);
        let place = usize::try_from(before).map_or(last, |place| place.min(last));
        let hangs = chances
            .get(place)
            .is_some_and(|chance| step.chance(*chance));
        if hangs {
            step.insert(self.signals.hung, node);
        } else {
            self.stand_by(node, false, step);
        }
        hangs
    }

    /// "Running as primary controller".
    fn controls(&self, node: Node, step: &mut Step<'_, W>) {
        if !self.state.value(step).contains(node) {
            let configured = self.accounting.is_given() || self.slurmdbd.is_some();
            if configured && !self.accounted(step).contains(node) {
                return self.fatal(node, step);
            }
            step.insert(self.signals.forgetful, node);
            step.arm(self.timers.purge.at(node), self.settings.purge);
        }
        step.remove(self.signals.taking_over, node);
        step.set_count(self.stage.at(node), 0);
        step.insert(self.own.acting, node);
    }
}
