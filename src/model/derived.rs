//! Signals that a scenario defines as set expressions, e.g.
//! `web = "proc.nginx & proc.auth_portal_4430"`.

use crate::automaton::evaluate::Set;
use crate::automaton::{Automaton, SetId, Step, Timer};

/// Keeps one defined signal equal to its expression.
pub struct DerivedSignal<const W: usize> {
    name: String,
    target: SetId,
    expression: Set<W>,
}

impl<const W: usize> DerivedSignal<W> {
    /// A signal `name` with the value of `expression`.
    pub fn new(name: String, target: SetId, expression: Set<W>) -> Self {
        DerivedSignal {
            name,
            target,
            expression,
        }
    }

    fn update(&self, step: &mut Step<'_, W>) {
        let value = self.expression.value(step.state());
        step.put(self.target, value);
    }
}

impl<const W: usize> Automaton<W> for DerivedSignal<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut signals = Vec::new();
        self.expression.signals(&mut signals);
        signals
    }

    fn writes(&self) -> Vec<SetId> {
        vec![self.target]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.update(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.update(step);
    }

    fn fire(&self, _timer: Timer, _step: &mut Step<'_, W>) {}
}
