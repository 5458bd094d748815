//! People: somebody notices that a condition holds, and after a while does
//! something about it. If the condition goes away by itself they do nothing.
//! Somebody who only looks now and then (a monthly check) gets to know at the next
//! look, whether or not the trouble is new.

use crate::automaton::evaluate::Test;
use crate::automaton::{
    Automaton, Blueprint, Command, Delay, Mark, NodeSet, ProcessCommand, SetId, Step, StreamId,
    Timer, TimerClass,
};
use crate::scenario::{Notice, OperatorSpec};

/// One operator role.
pub struct Operator<const W: usize> {
    name: String,
    when: Test<W>,
    /// Noticing, then acting.
    timer: Timer,
    notices: Delay,
    /// The next look, for somebody who does not notice by himself.
    look: Option<Timer>,
    acts: Delay,
    acts_stream: StreamId,
    /// Not empty once the trouble has been noticed.
    knows: SetId,
    task: Task<W>,
    all: NodeSet<W>,
}

/// What an operator does.
pub enum Task<const W: usize> {
    /// An action of a protocol: (instance, action).
    Protocol(String, String),
    /// A process is started where it does no work on a running node.
    Process {
        /// Its name.
        name: String,
        /// `systemctl start` or `restart`.
        command: ProcessCommand,
        /// Where it belongs.
        nodes: NodeSet<W>,
        /// Where it works.
        works: SetId,
        /// Running nodes.
        running: SetId,
    },
}

impl<const W: usize> Task<W> {
    fn order(&self, step: &Step<'_, W>) -> Command<W> {
        match self {
            Task::Protocol(protocol, action) => Command::Operator {
                protocol: protocol.clone(),
                action: action.clone(),
                nodes: NodeSet::EMPTY,
            },
            Task::Process {
                name,
                command,
                nodes,
                works,
                running,
            } => {
                let idle = *nodes & (step.get(*running) - step.get(*works));
                Command::Process(*command, name.clone(), idle)
            }
        }
    }
}

impl<const W: usize> Operator<W> {
    /// An operator; `when` is the compiled condition of the specification.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        spec: &OperatorSpec,
        when: Test<W>,
        task: Task<W>,
    ) -> Self {
        let name = format!("operator.{}", spec.name);
        Operator {
            when,
            timer: blueprint.timer(&name, "notice", TimerClass::Chance),
            notices: match &spec.notices {
                Notice::After(time) | Notice::Looking(time) => blueprint.delay(time),
            },
            look: match spec.notices {
                Notice::After(_) => None,
                Notice::Looking(_) => Some(blueprint.timer(&name, "look", TimerClass::Chance)),
            },
            acts: blueprint.delay(&spec.acts),
            acts_stream: blueprint.stream(&name, "act"),
            knows: blueprint.private_set(&format!("{name}.knows")),
            task,
            all: blueprint.all_nodes(),
            name,
        }
    }
}

impl<const W: usize> Operator<W> {
    fn know(&self, step: &mut Step<'_, W>) {
        step.put(self.knows, self.all);
        step.arm_from(self.timer, &self.acts, self.acts_stream);
    }
}

impl<const W: usize> Automaton<W> for Operator<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut signals = Vec::new();
        self.when.signals(&mut signals);
        if let Task::Process { works, running, .. } = &self.task {
            signals.extend([*works, *running]);
        }
        signals
    }

    fn commands(&self) -> Vec<&str> {
        match &self.task {
            Task::Protocol(protocol, _) => vec![protocol],
            Task::Process { .. } => vec!["proc"],
        }
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        if let Some(look) = self.look {
            step.arm(look, self.notices);
        }
    }

    fn react(&self, step: &mut Step<'_, W>) {
        let trouble = self.when.holds(step.state());
        if !trouble {
            step.cancel(self.timer);
            step.put(self.knows, NodeSet::EMPTY);
        } else if self.look.is_none() && !step.is_armed(self.timer) {
            step.arm(self.timer, self.notices);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        if self.look == Some(timer) {
            step.arm(timer, self.notices);
            if self.when.holds(step.state()) && step.get(self.knows).is_empty() {
                self.know(step);
            }
            return;
        }
        if step.get(self.knows).is_empty() {
            self.know(step);
            return;
        }
        step.put(self.knows, NodeSet::EMPTY);
        // What a person has mended is no failover.
        step.mark(Mark::Restore);
        step.order(self.task.order(step));
        if self.look.is_none() {
            // If that did not help, somebody looks again.
            step.arm(self.timer, self.notices);
        }
    }
}
