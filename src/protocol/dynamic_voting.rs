//! Dynamic voting and its relatives: a quorum that follows the failures.
//!
//! # Specification
//!
//! Sources: (JM) Jajodia and Mutchler, "Dynamic voting algorithms for maintaining the
//! consistency of a replicated database", ACM TODS 15(2), 1990; (BGS) Bernstein and
//! Goodman 1984 and (LP) Long and Paris 1988 for available copies.
//!
//! The *electorate* is the group of copies that served last. A group of copies that
//! are alive and reach each other may serve, and becomes the electorate, if it has a
//! quorum of the electorate. Views change at the instant of a failure, a repair or a
//! partition; a repaired copy is up to date at once when it joins. `rule` says what a
//! quorum is:
//!
//! * `dynamic` (JM): more than half of the electorate;
//! * `dynamic_linear` (JM): or exactly half, with the electorate's first copy in the
//!   order of `on`;
//! * `hybrid` (JM): dynamic-linear, but the electorate never falls below three: two
//!   of its last three copies serve without becoming the electorate themselves;
//! * `available_copy` (LP): any of the electorate: after a total failure the copy that
//!   failed last is waited for (or any of those that failed last together). Presumes a
//!   network that never splits, and pays no heed to it;
//! * `naive_available_copy` (LP): the same without a record of who failed last: after a
//!   total failure all copies are waited for;
//! * `primary_component`: more than half of the electorate as long as somebody serves;
//!   once nobody does, all of the electorate must be there.
//!
//! **A person**: `bootstrap` makes the largest group that is alive the electorate
//! (of equal ones the one with the first copy), where nobody serves.
//!
//! Signals: `NAME.primary` (the copies that serve, all up to date), `NAME.electorate`.
//!
//! NOT modelled: time to agree on a view or to copy data, witnesses, votes of
//! different weight (static ones: `majority(votes(...))`), data lost by a bootstrap.

use super::{Protocol, Resolver, Site};
use crate::automaton::evaluate::Set;
use crate::automaton::{Automaton, Blueprint, Command, Mark, Node, NodeSet, SetId, Sets, Step, Timer};
use crate::scenario::error::Result;
use crate::scenario::parameters::LocatedSet;

/// The smallest electorate of the hybrid rule.
const HYBRID_LEAST: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Dynamic,
    DynamicLinear,
    Hybrid,
    AvailableCopy,
    NaiveAvailableCopy,
    PrimaryComponent,
}

const RULES: [(&str, Rule); 6] = [
    ("dynamic", Rule::Dynamic),
    ("dynamic_linear", Rule::DynamicLinear),
    ("hybrid", Rule::Hybrid),
    ("available_copy", Rule::AvailableCopy),
    ("naive_available_copy", Rule::NaiveAvailableCopy),
    ("primary_component", Rule::PrimaryComponent),
];

/// Copies that vote on who may serve.
pub struct DynamicVoting<const W: usize> {
    name: String,
    rule: Rule,
    members: NodeSet<W>,
    /// The members in the order of `on`: earlier ones decide ties.
    order: Vec<Node>,
    alive_text: Option<LocatedSet>,
    alive: Set<W>,
    reach: Sets,
    primary: SetId,
    electorate: SetId,
}

impl<const W: usize> DynamicVoting<W> {
    /// Reads the parameters and registers what the instance needs.
    pub fn new(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let name = site.name;
        let members = site.members();
        let Some(alive_text) = p.set("alive")? else {
            return Err(p
                .error("alive", "copies that are never alive serve nobody")
                .help("name those that can take part, e.g. alive = \"node.running\""));
        };
        Ok(DynamicVoting {
            name: name.to_owned(),
            rule: p.word("rule", &RULES)?,
            members,
            order: site.nodes.clone(),
            alive_text: Some(alive_text),
            alive: Set::Fixed(members),
            reach: site.signals.reach,
            primary: blueprint.signal(&format!("{name}.primary"), members),
            electorate: blueprint.signal(&format!("{name}.electorate"), members),
        })
    }

    fn alive(&self, step: &Step<'_, W>) -> NodeSet<W> {
        self.alive.value(step.state()) & self.members
    }

    /// Does this rule presume that the network never splits?
    fn is_blind(&self) -> bool {
        matches!(self.rule, Rule::AvailableCopy | Rule::NaiveAvailableCopy)
    }

    /// The copies that are alive, in groups that reach each other.
    fn groups(&self, step: &Step<'_, W>) -> Vec<NodeSet<W>> {
        let mut rest = self.alive(step);
        let mut groups = Vec::new();
        while let Some(first) = rest.first() {
            let group = if self.is_blind() {
                rest
            } else {
                self.group_of(first, rest, step)
            };
            rest -= group;
            groups.push(group);
        }
        groups
    }

    fn group_of(&self, first: Node, among: NodeSet<W>, step: &Step<'_, W>) -> NodeSet<W> {
        let mut group = NodeSet::single(first);
        loop {
            let reached = group
                .iter()
                .fold(group, |all, node| all | step.get(self.reach.at(node)));
            let grown = reached & among;
            if grown == group {
                return group;
            }
            group = grown;
        }
    }

    fn has_quorum(&self, group: NodeSet<W>, step: &Step<'_, W>) -> bool {
        let electorate = step.get(self.electorate);
        let serving = !step.get(self.primary).is_empty();
        let here = group & electorate;
        let most = 2 * here.len() > electorate.len();
        match self.rule {
            Rule::Dynamic => most,
            Rule::DynamicLinear | Rule::Hybrid => {
                let half = 2 * here.len() == electorate.len();
                let first = self.order.iter().find(|node| electorate.contains(**node));
                most || half && first.is_some_and(|node| here.contains(*node))
            }
            Rule::AvailableCopy => !here.is_empty(),
            Rule::NaiveAvailableCopy if serving => !here.is_empty(),
            Rule::NaiveAvailableCopy => group == self.members,
            Rule::PrimaryComponent if serving => most,
            Rule::PrimaryComponent => electorate.is_subset(group),
        }
    }

    fn serve(&self, group: NodeSet<W>, step: &mut Step<'_, W>) {
        let before = step.get(self.electorate);
        let kept = self.rule == Rule::Hybrid
            && before.len() == HYBRID_LEAST
            && group.len() < HYBRID_LEAST;
        if !kept {
            step.put(self.electorate, group);
        }
        step.put(self.primary, group);
    }

    fn vote(&self, step: &mut Step<'_, W>) {
        let groups = self.groups(step);
        match groups.iter().find(|group| self.has_quorum(**group, step)) {
            Some(group) => self.serve(*group, step),
            None => {
                step.put(self.primary, NodeSet::EMPTY);
                if self.rule == Rule::NaiveAvailableCopy {
                    // Nobody knows any more; one meaning has one value.
                    step.put(self.electorate, self.members);
                }
            }
        }
    }

    fn lay_out(&self, step: &mut Step<'_, W>) {
        step.put(self.electorate, self.members);
        step.put(self.primary, self.alive(step));
    }

    fn bootstrap(&self, step: &mut Step<'_, W>) {
        if !step.get(self.primary).is_empty() {
            return;
        }
        let groups = self.groups(step);
        // The first of the largest.
        let largest = groups.iter().rev().max_by_key(|group| group.len());
        if let Some(group) = largest {
            step.put(self.electorate, *group);
            step.put(self.primary, *group);
            step.mark(Mark::Restore);
        }
    }
}

impl<const W: usize> Protocol<W> for DynamicVoting<W> {
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

impl<const W: usize> Automaton<W> for DynamicVoting<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads = Vec::new();
        self.alive.signals(&mut reads);
        if !self.is_blind() {
            reads.extend(self.members.iter().map(|node| self.reach.at(node)));
        }
        reads
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begin_again(&self, step: &mut Step<'_, W>) {
        self.lay_out(step);
    }

    fn begun(&self, step: &mut Step<'_, W>) {
        self.vote(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.vote(step);
    }

    fn fire(&self, _timer: Timer, step: &mut Step<'_, W>) {
        self.vote(step);
    }

    fn obey(&self, command: &Command<W>, step: &mut Step<'_, W>) {
        if let Some(("bootstrap", _)) = command.action_for(&self.name) {
            self.bootstrap(step);
        }
    }

    fn actions(&self) -> &[&'static str] {
        &["bootstrap"]
    }
}
