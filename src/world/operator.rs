//! People: somebody notices that a condition holds, and after a while does
//! something about it. If the condition goes away by itself they do nothing.

use crate::automaton::evaluate::Test;
use crate::automaton::{
    Automaton, Blueprint, Command, Delay, Mark, NodeSet, SetId, Step, StreamId, Timer, TimerClass,
};
use crate::scenario::OperatorSpec;

/// One operator role.
pub struct Operator<const W: usize> {
    name: String,
    when: Test<W>,
    /// Noticing, then acting.
    timer: Timer,
    notices: Delay,
    acts: Delay,
    acts_stream: StreamId,
    /// Not empty once the trouble has been noticed.
    knows: SetId,
    protocol: String,
    action: String,
    all: NodeSet<W>,
}

impl<const W: usize> Operator<W> {
    /// An operator; `when` is the compiled condition of the specification.
    pub fn new(blueprint: &mut Blueprint<W>, spec: &OperatorSpec, when: Test<W>) -> Self {
        let name = format!("operator.{}", spec.name);
        Operator {
            when,
            timer: blueprint.timer(&name, "notice", TimerClass::Chance),
            notices: blueprint.delay(&spec.notices),
            acts: blueprint.delay(&spec.acts),
            acts_stream: blueprint.stream(&name, "act"),
            knows: blueprint.private_set(&format!("{name}.knows")),
            protocol: spec.protocol.clone(),
            action: spec.action.clone(),
            all: blueprint.all_nodes(),
            name,
        }
    }
}

impl<const W: usize> Automaton<W> for Operator<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut signals = Vec::new();
        self.when.signals(&mut signals);
        signals
    }

    fn commands(&self) -> Vec<&str> {
        vec![&self.protocol]
    }

    fn begin(&self, _step: &mut Step<'_, W>) {}

    fn react(&self, step: &mut Step<'_, W>) {
        let trouble = self.when.holds(step.state());
        if trouble && !step.is_armed(self.timer) {
            step.arm(self.timer, self.notices);
        } else if !trouble {
            step.cancel(self.timer);
            step.put(self.knows, NodeSet::EMPTY);
        }
    }

    fn fire(&self, _timer: Timer, step: &mut Step<'_, W>) {
        if step.get(self.knows).is_empty() {
            step.put(self.knows, self.all);
            step.arm_from(self.timer, self.acts, self.acts_stream);
            return;
        }
        step.put(self.knows, NodeSet::EMPTY);
        // What a person has mended is no failover.
        step.mark(Mark::Restore);
        step.order(Command::Operator {
            protocol: self.protocol.clone(),
            action: self.action.clone(),
            nodes: NodeSet::EMPTY,
        });
        // If that did not help, somebody looks again.
        step.arm(self.timer, self.notices);
    }
}
