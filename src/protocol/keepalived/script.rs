//! The check script that each daemon runs beside the election.
//!
//! A run starts every `interval`, counted from start to start (KS
//! vrrp_script_thread). It passes, fails, or hangs; a hanging run gets SIGTERM
//! after `timeout` (unset: `interval`) and counts as one failure, so a hang costs
//! one interval more than a failure (M 3h, 3). `fall` failures in a row make the
//! script count as failed, `rise` successes in a row as passing; at the start of
//! a daemon the first result decides either way (KS vrrp_init_script).
//!
//! With a weight the effective priority changes, between 1 and 254: by a
//! negative weight while it fails, by a positive one while it passes. The state
//! never becomes FAULT, and with `nopreempt` nothing moves at all (M 3n). Without
//! a weight a failure is FAULT, and a holder takes its leave (M 3w).
//!
//! Runs are only played while the belief differs from the truth or results in a
//! row are being counted; the phase of the first run is then unknown, U(0,
//! interval). A run that hangs when its cause goes away is read at its time-out.
//! A daemon that was frozen starts a new phase. The time that a run takes when
//! it does not hang is not modelled (some tens of ms).

use super::Keepalived;
use crate::automaton::evaluate::Set;
use crate::automaton::{
    Blueprint, Counters, Delay, Nanos, Node, NodeSet, SetId, Step, TimerClass, Timers,
};
use crate::protocol::{Resolver, Site};
use crate::scenario::error::Result;
use crate::scenario::parameters::LocatedSet;

/// The script, and what each daemon believes of it.
pub struct Script<const W: usize> {
    ok_text: LocatedSet,
    hang_text: Option<LocatedSet>,
    /// Where a run passes, unless it hangs.
    ok: Set<W>,
    hang: Set<W>,
    interval: Nanos,
    timeout: Nanos,
    fall: u64,
    rise: u64,
    pub weightless: bool,
    /// Nodes whose daemon believes that the script fails.
    pub failing: SetId,
    /// Nodes where a run hangs at this moment.
    hung: SetId,
    /// Nodes whose daemon has had no result yet.
    untried: SetId,
    /// Results in a row that contradict the belief.
    contrary: Counters,
    /// The start of the next run, or the time-out of a hung one.
    pub check: Timers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Pass,
    Fail,
    Hang,
}

impl<const W: usize> Script<W> {
    /// Registers the script, if the scenario has one. `NAME.demoted` exists either way.
    pub fn read(
        site: &Site<'_>,
        blueprint: &mut Blueprint<W>,
        members: NodeSet<W>,
    ) -> Result<Option<Self>> {
        let p = site.parameters;
        let name = site.name;
        let interval = p.positive_duration("track_script.interval")?;
        let timeout = match p.text("track_script.timeout") {
            Ok(text) if text.trim().is_empty() => interval,
            _ => p.positive_duration("track_script.timeout")?,
        };
        if timeout > interval {
            return Err(p
                .error(
                    "track_script.timeout",
                    "a time-out longer than `interval` is not modelled",
                )
                .help("leave it empty: it is then the interval"));
        }
        let (fall, rise) = (
            p.integer("track_script.fall", 1, 1000)?,
            p.integer("track_script.rise", 1, 1000)?,
        );
        let weight = p.integer("track_script.weight", -253, 253)?;
        let hang_text = p.set("track_script.hang")?;
        let failing = blueprint.signal(&format!("{name}.demoted"), members);
        let Some(ok_text) = p.set("track_script.ok")? else {
            if hang_text.is_some() {
                return Err(p
                    .error(
                        "track_script.hang",
                        "a script that can hang needs `track_script.ok`",
                    )
                    .help("name the nodes where it passes, e.g. ok = \"proc.nginx\""));
            }
            return Ok(None);
        };
        Ok(Some(Script {
            ok_text,
            hang_text,
            ok: Set::Fixed(members),
            hang: Set::Fixed(NodeSet::EMPTY),
            interval,
            timeout,
            fall: fall as u64,
            rise: rise as u64,
            weightless: weight == 0,
            failing,
            hung: blueprint.private_set(&format!("{name}.hung")),
            untried: blueprint.private_set(&format!("{name}.untried")),
            contrary: blueprint.counters(blueprint.nodes()),
            check: blueprint.timers_per_node(&format!("{name}.check"), TimerClass::Reaction),
        }))
    }

    pub fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        self.ok = resolve(&self.ok_text)?;
        if let Some(text) = &self.hang_text {
            self.hang = resolve(text)?;
        }
        Ok(())
    }

    pub fn signals(&self, found: &mut Vec<SetId>) {
        self.ok.signals(found);
        self.hang.signals(found);
    }

    pub fn hanging(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.hang.value(step.state())
    }

    pub fn passing(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.ok.value(step.state()) - self.hanging(step)
    }

    fn outcome(&self, node: Node, step: &Step<'_, W>) -> Outcome {
        if self.hanging(step).contains(node) {
            Outcome::Hang
        } else if self.ok.value(step.state()).contains(node) {
            Outcome::Pass
        } else {
            Outcome::Fail
        }
    }

    /// Does another run have to be played?
    fn undecided(&self, node: Node, step: &Step<'_, W>) -> bool {
        let passes = self.outcome(node, step) == Outcome::Pass;
        passes == step.has(self.failing, node) || step.count(self.contrary.at(node)) > 0
    }

    /// A run has ended. True if the belief has changed, or is the first one.
    fn count(&self, node: Node, passed: bool, step: &mut Step<'_, W>) -> bool {
        let contrary = self.contrary.at(node);
        let fails = step.has(self.failing, node);
        let first = step.has(self.untried, node);
        step.remove(self.untried, node);
        if passed != fails {
            step.set_count(contrary, 0);
            return first;
        }
        let in_a_row = step.count(contrary) + 1;
        let needed = if fails { self.rise } else { self.fall };
        if !first && in_a_row < needed {
            step.set_count(contrary, in_a_row);
            return false;
        }
        step.set_count(contrary, 0);
        step.assign(self.failing, node, !passed);
        true
    }

    pub fn forget(&self, node: Node, step: &mut Step<'_, W>) {
        for id in [self.failing, self.hung, self.untried] {
            step.remove(id, node);
        }
        step.set_count(self.contrary.at(node), 0);
        step.cancel(self.check.at(node));
    }
}

impl<const W: usize> Keepalived<W> {
    /// Without weight: does the script keep the node from taking part?
    pub(super) fn script_forbids(&self, node: Node, step: &Step<'_, W>) -> bool {
        self.script.as_ref().is_some_and(|script| {
            script.weightless && (step.has(script.failing, node) || step.has(script.untried, node))
        })
    }

    /// The first run of a new daemon: its result decides at once.
    pub(super) fn first_check(&self, node: Node, step: &mut Step<'_, W>) {
        let Some(script) = &self.script else { return };
        match script.outcome(node, step) {
            Outcome::Pass => {}
            Outcome::Fail => step.insert(script.failing, node),
            Outcome::Hang => {
                step.insert(script.untried, node);
                step.insert(script.hung, node);
                step.arm(script.check.at(node), Delay::Fixed(script.timeout));
            }
        }
    }

    /// Plays the runs of each node whose daemon does not believe what is true.
    pub(super) fn watch_checks(&self, step: &mut Step<'_, W>) {
        let Some(script) = &self.script else { return };
        for node in self.live(step) & (self.known(step) - step.get(self.starting)) {
            let check = script.check.at(node);
            if script.undecided(node, step) {
                if !step.is_armed(check) {
                    step.arm(check, Delay::phase(script.interval));
                }
            } else if !step.has(script.hung, node) {
                step.cancel(check);
            }
        }
    }

    /// A run starts, or a hung one has been stopped.
    pub(super) fn checked(&self, script: &Script<W>, node: Node, step: &mut Step<'_, W>) {
        let was_hung = step.has(script.hung, node);
        step.remove(script.hung, node);
        if !step.has(self.process.works, node) {
            return;
        }
        let check = script.check.at(node);
        if was_hung {
            self.count_result(script, node, step);
            let rest = script.interval - script.timeout;
            if !script.undecided(node, step) {
                return;
            }
            if rest > Nanos::ZERO {
                step.arm(check, Delay::Fixed(rest));
                return;
            }
        }
        if script.outcome(node, step) == Outcome::Hang {
            step.insert(script.hung, node);
            step.arm(check, Delay::Fixed(script.timeout));
            return;
        }
        self.count_result(script, node, step);
        if script.undecided(node, step) {
            step.arm(check, Delay::Fixed(script.interval));
        }
    }

    fn count_result(&self, script: &Script<W>, node: Node, step: &mut Step<'_, W>) {
        let passed = script.outcome(node, step) == Outcome::Pass;
        if !script.count(node, passed, step) || !script.weightless {
            return;
        }
        if step.has(script.failing, node) {
            self.enter_fault(node, step);
        } else if step.has(self.fault, node) && step.has(self.world.carrier, node) {
            step.remove(self.fault, node);
            step.insert(self.backup, node);
        }
    }
}
