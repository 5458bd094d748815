//! Replicated data that has to be copied anew after a failure: two-phase repair and
//! the loss of data.
//!
//! # Specification
//!
//! Sources: (PGK) Patterson, Gibson and Katz 1988, mean time to data loss; (GP) Greenan,
//! Plank and Wylie 2010 for what it leaves out; (T) Trivedi 2002, two-phase repair.
//!
//! A copy is *current* as long as its node is alive. A node that comes back holds an old
//! copy, or an empty disk, and waits until the data have been copied from a current one:
//! `at_a_time` copies go on together, in the order of `on`, for a time of `copy` each.
//! Copying begins anew if the node goes down, or if no current copy is left to copy from.
//!
//! When the last current copy goes down, either nothing is lost, and those that went down
//! last are current again when they are back (`after_total_loss = "last"`), or it is the end
//! (`"lost"`), until somebody acts.
//!
//! With `damaged`, a copy that ends while a single other copy is current may have met a
//! damaged part of it (a latent sector error); then the data are lost as well.
//!
//! **A person**: `restore` brings the data back from a backup: all that are alive are current.
//!
//! Signals: `NAME.current`, `NAME.copying`, `NAME.donating` (as many current copies, the
//! first ones, as are being copied), `NAME.lost` (all members once the data are lost).
//!
//! NOT modelled: copies that slow each other down, donors that are chosen, errors that are
//! found before they matter (scrubbing; lower `damaged` by it).

use super::{Protocol, Resolver, Site};
use crate::automaton::evaluate::Set;
use crate::automaton::{Automaton, Blueprint, Command, Delay, Mark, Node, NodeSet, SetId, Step, Timer, TimerClass, Timers};
use crate::scenario::error::Result;
use crate::scenario::parameters::LocatedSet;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Total {
    Last,
    Lost,
}

const TOTAL: [(&str, Total); 2] = [("last", Total::Last), ("lost", Total::Lost)];

/// Copies of the same data.
pub struct Resync<const W: usize> {
    name: String,
    members: NodeSet<W>,
    order: Vec<Node>,
    alive_text: Option<LocatedSet>,
    alive: Set<W>,
    copy: Delay,
    at_a_time: usize,
    total: Total,
    damaged: f64,
    current: SetId,
    copying: SetId,
    donating: SetId,
    lost: SetId,
    /// Those that were current when none was left.
    last: SetId,
    copied: Timers,
}

impl<const W: usize> Resync<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let name = site.name;
        let members = site.members();
        let Some(alive_text) = p.set("alive")? else {
            return Err(p
                .error("alive", "nodes that are never alive hold no copy")
                .help("name those that can hold one, e.g. alive = \"node.up\""));
        };
        let mut signal = |suffix: &str| blueprint.signal(&format!("{name}.{suffix}"), members);
        let [current, copying] = ["current", "copying"].map(&mut signal);
        let [donating, lost] = ["donating", "lost"].map(&mut signal);
        Ok(Resync {
            name: name.to_owned(),
            members,
            order: site.nodes.clone(),
            alive_text: Some(alive_text),
            alive: Set::Fixed(members),
            copy: blueprint.delay(&p.distribution("copy", site.files)?),
            at_a_time: p.integer("at_a_time", 1, 1024)? as usize,
            total: p.word("after_total_loss", &TOTAL)?,
            damaged: p.share("damaged")?,
            current,
            copying,
            donating,
            lost,
            last: blueprint.private_set(&format!("{name}.last")),
            copied: blueprint.timers_per_node(&format!("{name}.copy"), TimerClass::Reaction),
        })
    }

    fn alive(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.alive.value(step.state()) & self.members
    }

    fn first(&self, among: NodeSet<W>, count: usize) -> NodeSet<W> {
        let inside = self.order.iter().copied().filter(|node| among.contains(*node));
        inside.take(count).collect()
    }

    fn lay_out(&self, step: &mut Step<'_, W>) {
        step.put(self.current, self.alive(step));
    }

    /// Who is current now: those that went down are not, and those that went down last
    /// are again.
    fn follow_alive(&self, step: &mut Step<'_, W>) {
        let alive = self.alive(step);
        let before = step.get(self.current);
        let mut current = before & alive;
        if current.is_empty() && !before.is_empty() {
            match self.total {
                Total::Last => step.put_private(self.last, before),
                Total::Lost => step.put(self.lost, self.members),
            }
        }
        let back = step.get(self.last) & alive;
        if current.is_empty() && !back.is_empty() {
            current = back;
            step.put_private(self.last, NodeSet::EMPTY);
        }
        step.put(self.current, current);
    }

    fn follow_copies(&self, step: &mut Step<'_, W>) {
        let current = step.get(self.current);
        let stale = if current.is_empty() {
            NodeSet::EMPTY
        } else {
            self.alive(step) - current
        };
        let before = step.get(self.copying);
        for node in before - stale {
            step.cancel(self.copied.at(node));
        }
        let kept = before & stale;
        let more = self.first(stale - kept, self.at_a_time.saturating_sub(kept.len()));
        for node in more {
            step.arm(self.copied.at(node), self.copy);
        }
        step.put(self.copying, kept | more);
        step.put(self.donating, self.first(current, (kept | more).len()));
    }

    fn follow(&self, step: &mut Step<'_, W>) {
        self.follow_alive(step);
        self.follow_copies(step);
    }

    /// A copy has ended, and nothing contradicts the donor but a second current copy.
    fn has_copied(&self, node: Node, step: &mut Step<'_, W>) {
        step.remove(self.copying, node);
        let single = step.get(self.current).len() == 1;
        if single && self.damaged > 0.0 && step.chance(self.damaged) {
            step.put(self.current, NodeSet::EMPTY);
            step.put(self.lost, self.members);
            step.mark(Mark::Fault);
        } else {
            step.insert(self.current, node);
            step.mark(Mark::Restore);
        }
    }

    fn restore(&self, step: &mut Step<'_, W>) {
        if step.get(self.current).is_empty() {
            step.put(self.lost, NodeSet::EMPTY);
            step.put_private(self.last, NodeSet::EMPTY);
            step.put(self.current, self.alive(step));
            step.mark(Mark::Restore);
            self.follow(step);
        }
    }
}

impl<const W: usize> Protocol<W> for Resync<W> {
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

impl<const W: usize> Automaton<W> for Resync<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = Vec::new();
        self.alive.signals(&mut reads);
        reads
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
        if let Some(node) = self.copied.node(timer) {
            self.has_copied(node, step);
        }
        self.follow(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        if let Some(("restore", _)) = command.action_for(&self.name) {
            self.restore(step);
        }
    }

    fn actions(&self) -> &[&'static str] {
        &["restore"]
    }
}
