//! Standby: spares that stand in for active nodes, k of n.
//!
//! # Specification
//!
//! Sources: (T) Trivedi, "Probability and statistics with reliability, queuing and
//! computer science applications", 2nd ed. 2002, chapters 3 and 8; (B) Birolini,
//! "Reliability engineering", chapter 6.
//!
//! `active` nodes work, the others that are alive are spares (T). When an active node is
//! lost, the first spare in the order of `on` is called. It works with the probability
//! `starts`, after `takes_over`; one that does not start has failed, is switched off to be
//! repaired, and the next spare is called (B: failures on demand). A node that is back is a
//! spare; with `preempt` the nodes that come first in `on` are active as soon as they can be,
//! and the node that they replace works until then.
//!
//! Whether spares are hot, warm or cold is said by the nodes: `failure_pace`. A switch
//! whose failure stops everything is a `[coverage]` of `NAME.active`.
//!
//! Signals: `NAME.active`, `NAME.starting` (called, and not yet working), `NAME.spare`.
//!
//! NOT modelled: spares that fail unseen, time to switch back.

use super::{Protocol, Resolver, Site};
use crate::automaton::evaluate::Set;
use crate::automaton::{Automaton, Blueprint, Command, Delay, Nanos, Node, NodeCommand, NodeSet, SetId, Step, Timer, TimerClass, Timers};
use crate::scenario::error::Result;
use crate::scenario::parameters::LocatedSet;

/// Active nodes and their spares.
pub struct Standby<const W: usize> {
    name: String,
    members: NodeSet<W>,
    /// The members in the order in which they are called.
    order: Vec<Node>,
    wanted: usize,
    alive_text: Option<LocatedSet>,
    alive: Set<W>,
    takes_over: Delay,
    starts: f64,
    preempt: bool,
    active: SetId,
    starting: SetId,
    spare: SetId,
    /// The end of each take-over.
    take_over: Timers,
    /// Never runs out: it tells whether chance has a say at all.
    luck: Timer,
}

impl<const W: usize> Standby<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let name = site.name;
        let members = site.members();
        let wanted = p.integer("active", 1, 1024)? as usize;
        if wanted > members.len() {
            let message = format!("{wanted} nodes cannot be active among {}", members.len());
            return Err(p.error("active", message));
        }
        let Some(alive_text) = p.set("alive")? else {
            return Err(p
                .error("alive", "nodes that are never alive cannot be active")
                .help("name those that can work, e.g. alive = \"node.up\""));
        };
        let mut signal = |suffix: &str| blueprint.signal(&format!("{name}.{suffix}"), members);
        let (active, starting, spare) = (signal("active"), signal("starting"), signal("spare"));
        Ok(Standby {
            name: name.to_owned(),
            members,
            order: site.nodes.clone(),
            wanted,
            alive_text: Some(alive_text),
            alive: Set::Fixed(members),
            takes_over: blueprint.delay(&p.distribution("takes_over", site.files)?),
            starts: p.share("starts")?,
            preempt: p.flag("preempt")?,
            active,
            starting,
            spare,
            take_over: blueprint.timers_per_node(&format!("{name}.take_over"), TimerClass::Reaction),
            luck: blueprint.timer(name, "luck", TimerClass::Chance),
        })
    }

    fn alive(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.alive.value(step.state()) & self.members
    }

    fn first(&self, among: NodeSet<W>, count: usize) -> NodeSet<W> {
        let inside = self.order.iter().copied().filter(|node| among.contains(*node));
        inside.take(count).collect()
    }

    fn has_luck(&self, step: &mut Step<'_, W>) -> bool {
        !step.chance_has_a_say(self.luck) || step.chance(self.starts)
    }

    fn lay_out(&self, step: &mut Step<'_, W>) {
        let alive = self.alive(step);
        let active = self.first(alive, self.wanted);
        step.put(self.active, active);
        step.put(self.spare, alive - active);
    }

    /// Those who are called next: the first of all that are alive, or, without
    /// preemption, as many spares as active nodes are missing.
    fn called(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let alive = self.alive(step);
        let busy = step.get(self.active) | step.get(self.starting);
        if self.preempt {
            return self.first(alive, self.wanted) - busy;
        }
        self.first(alive - busy, self.wanted.saturating_sub(busy.len()))
    }

    /// A spare is called. One that does not start is gone before anything else happens.
    fn call(&self, node: Node, step: &mut Step<'_, W>) {
        if self.starts < 1.0 && !self.has_luck(step) {
            let failed = NodeSet::single(node);
            step.order(Command::Nodes(NodeCommand::Crash, failed));
        } else if self.takes_over == Delay::Fixed(Nanos::ZERO) {
            self.works(node, step);
        } else {
            step.insert(self.starting, node);
            step.arm(self.take_over.at(node), self.takes_over);
        }
    }

    /// A node works, in place of the last one where there are too many.
    fn works(&self, node: Node, step: &mut Step<'_, W>) {
        step.remove(self.starting, node);
        step.insert(self.active, node);
        let kept = self.first(step.get(self.active), self.wanted);
        step.put(self.active, kept);
    }

    fn follow(&self, step: &mut Step<'_, W>) {
        let alive = self.alive(step);
        for node in step.get(self.starting) - alive {
            step.cancel(self.take_over.at(node));
            step.remove(self.starting, node);
        }
        let active = step.get(self.active) & alive;
        step.put(self.active, active);
        for node in self.called(step) {
            self.call(node, step);
        }
        let busy = step.get(self.active) | step.get(self.starting);
        step.put(self.spare, alive - busy);
    }
}

impl<const W: usize> Protocol<W> for Standby<W> {
    fn link(&mut self, resolve: &Resolver<'_, W>) -> Result<()> {
        if let Some(text) = &self.alive_text {
            self.alive = resolve(text)?;
        }
        Ok(())
    }

    fn into_automaton(self: Box<Self>) -> Box<dyn Automaton<W>> {
        self
    }
}

impl<const W: usize> Automaton<W> for Standby<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = Vec::new();
        self.alive.signals(&mut reads);
        reads
    }

    fn commands(&self) -> Vec<&str> {
        if self.starts < 1.0 { vec!["node"] } else { Vec::new() }
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begun(&self, step: &mut Step<'_, W>) {
        self.follow(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.follow(step);
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        if let Some(node) = self.take_over.node(timer) {
            self.works(node, step);
        }
        self.follow(step);
    }
}
