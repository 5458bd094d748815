//! Human error during repair: somebody who comes to mend one machine takes another
//! one down (the wrong plug, the wrong host name), or leaves the same one broken.
//!
//! Each failure of a node is followed by such an error with a probability. An error
//! that hits another node comes a while after the failure, if the repair has not
//! ended by then; one that hits the same node comes when it has been repaired, and
//! then the repair was for nothing.

use crate::automaton::{
    Automaton, Blueprint, Command, Delay, Node, NodeCommand, NodeSet, SetId, Step, Timer,
    TimerClass, Timers,
};
use crate::scenario::human_error::{HumanErrorSpec, Victim};

/// One kind of error.
pub struct HumanError<const W: usize> {
    name: String,
    nodes: NodeSet<W>,
    probability: f64,
    hits: Victim,
    after: Delay,
    /// How long the victim is off; without it, it has to be repaired.
    lasts: Option<Delay>,
    healthy: SetId,
    up: SetId,
    /// Healthy nodes when it was looked last.
    seen: SetId,
    /// Broken nodes whose repair will have been for nothing.
    botched: SetId,
    /// By broken node: until the error.
    slip: Timers,
    /// By victim: until it is switched on again.
    back: Timers,
}

impl<const W: usize> HumanError<W> {
    /// A kind of error; `healthy` and `up` are the sets of the nodes.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        spec: &HumanErrorSpec,
        (healthy, up): (SetId, SetId),
    ) -> Self {
        let name = format!("human_error.{}", spec.name);
        let mut timers =
            |what: &str| blueprint.timers_per_node(&format!("{name}.{what}"), TimerClass::Chance);
        let (slip, back) = (timers("slip"), timers("back"));
        HumanError {
            nodes: spec.nodes.iter().map(|&i| Node(i as u16)).collect(),
            probability: spec.probability,
            hits: spec.hits,
            after: blueprint.delay(&spec.after),
            lasts: spec.lasts.as_ref().map(|lasts| blueprint.delay(lasts)),
            healthy,
            up,
            seen: blueprint.private_set(&format!("{name}.seen")),
            botched: blueprint.private_set(&format!("{name}.botched")),
            slip,
            back,
            name,
        }
    }

    /// A node has broken: will somebody make things worse? Under a fault script
    /// nobody does: a spontaneous timer does not even start there.
    fn broken(&self, node: Node, step: &mut Step<'_, W>) {
        step.arm(self.slip.at(node), self.after);
        if !step.is_armed(self.slip.at(node)) {
            return;
        }
        let errs = step.chance(self.probability);
        if !errs || self.hits == Victim::Same {
            step.cancel(self.slip.at(node));
        }
        if errs && self.hits == Victim::Same {
            step.put_private(self.botched, step.get(self.botched).with(node));
        }
    }

    fn repaired(&self, node: Node, step: &mut Step<'_, W>) {
        step.cancel(self.slip.at(node));
        if step.has(self.botched, node) {
            step.put_private(self.botched, step.get(self.botched).without(node));
            let order = Command::Nodes(NodeCommand::Crash, NodeSet::single(node));
            step.order(order);
        }
    }

    fn slip(&self, step: &mut Step<'_, W>) {
        let others: Vec<Node> = (self.nodes & step.get(self.up)).iter().collect();
        if others.is_empty() {
            return;
        }
        let victim = others[step.choose(&vec![1.0; others.len()])];
        let command = match self.lasts {
            None => NodeCommand::Crash,
            Some(lasts) => {
                step.arm(self.back.at(victim), lasts);
                NodeCommand::Hold
            }
        };
        step.order(Command::Nodes(command, NodeSet::single(victim)));
    }
}

impl<const W: usize> Automaton<W> for HumanError<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        vec![self.up, self.healthy]
    }

    fn commands(&self) -> Vec<&str> {
        vec!["node"]
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        step.put_private(self.seen, step.get(self.healthy));
    }

    fn react(&self, step: &mut Step<'_, W>) {
        let (now, seen) = (step.get(self.healthy), step.get(self.seen));
        if now == seen {
            return;
        }
        step.put_private(self.seen, now);
        for node in (seen - now) & self.nodes {
            self.broken(node, step);
        }
        for node in (now - seen) & self.nodes {
            self.repaired(node, step);
        }
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        if self.slip.node(timer).is_some() {
            self.slip(step);
        } else if let Some(victim) = self.back.node(timer) {
            step.order(Command::Nodes(
                NodeCommand::Release,
                NodeSet::single(victim),
            ));
        }
    }
}
