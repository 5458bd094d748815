//! Coverage: the probability that a take-over works (Bouricius, Carter and
//! Schneider 1969; Trivedi's multiprocessor with reconfiguration and reboot).
//!
//! A coverage watches a set whose members serve, `of`: the holder of an address,
//! the members of a quorum, the nodes of a pair. When a member is lost by a fault
//! and somebody well is left to go on, chance decides whether the cluster gets over
//! it. If it does, nobody serves during `switching` and then those serve whom `of`
//! names. If it does not, nobody serves until somebody intervenes, or, with
//! [`Ends::Return`], until a lost node is in `of` again. A member that leaves `of`
//! and is still well, or that maintenance has taken away, has moved on purpose:
//! that needs no luck.
//!
//! Signals: `NAME` (those who serve), `NAME.switching` and `NAME.uncovered` (the lost
//! nodes, while a take-over goes on, and after one that did not work).
//! Actions: `intervene`, and `fail_next` (the next take-over does not work), for
//! fault scripts, in which every take-over works unless the script says otherwise.

use crate::automaton::evaluate::Set;
use crate::automaton::{
    Automaton, Blueprint, Command, Delay, Mark, Nanos, NodeSet, SetId, Step, Timer, TimerClass,
};
use crate::scenario::coverage::{CoverageSpec, Ends};

/// The signals of one coverage.
#[derive(Clone, Copy, Debug)]
pub struct CoverageSignals {
    /// Those who really serve.
    pub serving: SetId,
    /// Lost nodes that are being replaced.
    pub switching: SetId,
    /// Lost nodes whose replacement did not work.
    pub uncovered: SetId,
}

impl CoverageSignals {
    /// Registers the signals of the coverage `name`.
    pub fn register<const W: usize>(blueprint: &mut Blueprint<W>, name: &str) -> Self {
        let all = blueprint.all_nodes();
        let mut signal = |suffix: &str| blueprint.signal(&format!("{name}{suffix}"), all);
        CoverageSignals {
            serving: signal(""),
            switching: signal(".switching"),
            uncovered: signal(".uncovered"),
        }
    }
}

/// One set of nodes that take over from each other.
pub struct Coverage<const W: usize> {
    name: String,
    of: Set<W>,
    healthy: Set<W>,
    /// Nodes that maintenance is working on.
    planned: Vec<SetId>,
    works: f64,
    ends: Ends,
    switching: Delay,
    intervenes: Delay,
    signals: CoverageSignals,
    /// The value of `of` when it was looked at last.
    seen: SetId,
    /// Not empty if the next take-over is to fail.
    rigged: SetId,
    switch: Timer,
    help: Timer,
    /// Never runs out: it tells whether chance has a say at all.
    luck: Timer,
    all: NodeSet<W>,
}

impl<const W: usize> Coverage<W> {
    /// A coverage with its sets looked up.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        spec: &CoverageSpec,
        (of, healthy): (Set<W>, Set<W>),
        signals: CoverageSignals,
        planned: Vec<SetId>,
    ) -> Self {
        let name = &spec.name;
        Coverage {
            of,
            healthy,
            planned,
            works: spec.works,
            ends: spec.ends,
            switching: blueprint.delay(&spec.switching),
            intervenes: blueprint.delay(&spec.intervenes),
            signals,
            seen: blueprint.private_set(&format!("{name}.seen")),
            rigged: blueprint.private_set(&format!("{name}.rigged")),
            switch: blueprint.timer(name, "switching", TimerClass::Reaction),
            help: blueprint.timer(name, "intervention", TimerClass::Chance),
            luck: blueprint.timer(name, "luck", TimerClass::Chance),
            all: blueprint.all_nodes(),
            name: name.clone(),
        }
    }

    /// Members have been lost by a fault, and somebody could go on without them.
    fn take_over(&self, lost: NodeSet<W>, step: &mut Step<'_, W>) {
        let mut fails = !step.get(self.rigged).is_empty();
        step.put_private(self.rigged, NodeSet::EMPTY);
        if self.works < 1.0 && step.chance_has_a_say(self.luck) {
            for _ in lost {
                fails |= step.chance(1.0 - self.works);
            }
        }
        if fails {
            step.cancel(self.switch);
            step.put(self.signals.switching, NodeSet::EMPTY);
            step.put(self.signals.uncovered, lost);
            step.arm(self.help, self.intervenes);
        } else if self.switching != Delay::Fixed(Nanos::ZERO) {
            let going_on = step.get(self.signals.switching) | lost;
            step.put(self.signals.switching, going_on);
            step.arm(self.switch, self.switching);
        }
    }

    fn intervene(&self, step: &mut Step<'_, W>) {
        if !step.get(self.signals.uncovered).is_empty() {
            step.cancel(self.help);
            step.put(self.signals.uncovered, NodeSet::EMPTY);
            // What a person has mended is no failover.
            step.mark(Mark::Restore);
            self.serve(step);
        }
    }

    fn serve(&self, step: &mut Step<'_, W>) {
        let trouble = step.get(self.signals.uncovered) | step.get(self.signals.switching);
        let serving = if trouble.is_empty() {
            self.of.value(step.state())
        } else {
            NodeSet::EMPTY
        };
        step.put(self.signals.serving, serving);
    }
}

impl<const W: usize> Automaton<W> for Coverage<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = Vec::new();
        self.of.signals(&mut reads);
        self.healthy.signals(&mut reads);
        reads.extend(&self.planned);
        reads
    }

    fn writes(&self) -> Vec<SetId> {
        let signals = &self.signals;
        vec![signals.serving, signals.switching, signals.uncovered]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        step.put_private(self.seen, self.of.value(step.state()));
        self.serve(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        let now = self.of.value(step.state());
        let well = self.healthy.value(step.state());
        let planned = (self.planned.iter()).fold(NodeSet::EMPTY, |all, id| all | step.get(*id));
        let lost = step.get(self.seen) - now - well - planned;
        step.put_private(self.seen, now);
        let uncovered = step.get(self.signals.uncovered);
        if uncovered.is_empty() {
            if !lost.is_empty() && !well.is_empty() {
                self.take_over(lost, step);
            }
        } else if self.ends == Ends::Return && now.intersects(uncovered) {
            step.cancel(self.help);
            step.put(self.signals.uncovered, NodeSet::EMPTY);
        }
        self.serve(step);
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        if timer == self.switch {
            step.put(self.signals.switching, NodeSet::EMPTY);
            self.serve(step);
        } else if timer == self.help {
            self.intervene(step);
        }
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        match command.action_for(&self.name) {
            Some(("intervene", _)) => self.intervene(step),
            Some(("fail_next", _)) => step.put_private(self.rigged, self.all),
            _ => {}
        }
    }

    fn actions(&self) -> &[&'static str] {
        &["intervene", "fail_next"]
    }
}
