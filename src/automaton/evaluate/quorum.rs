//! Quorum rules with names, made of the plain tests: what a rule says is decided here,
//! once, and readers meet nothing new.
//!
//! Sources: votes: Gifford 1979; grid: Cheung, Ammar and Ahamad 1990; hierarchical:
//! Kumar 1991; tree: Agrawal and El Abbadi 1991.

use super::{Count, Groups, LookupError, Set, Test};
use crate::automaton::{Blueprint, Node, NodeSet};
use crate::scenario::expression::{Comparison, SetExpression};

/// Groups as they are written in a quorum rule: nodes and groups only, because a
/// rule that changes with the state is no quorum rule.
pub(super) fn fixed<const W: usize>(
    parts: &[SetExpression],
    blueprint: &Blueprint<W>,
    groups: &Groups<W>,
) -> Result<Vec<NodeSet<W>>, LookupError> {
    parts
        .iter()
        .map(|part| {
            let set = Set::compile(part, blueprint, groups)?;
            let mut signals = Vec::new();
            set.signals(&mut signals);
            let nodes = set.value(&blueprint.blank_state());
            if signals.is_empty() && !nodes.is_empty() {
                return Ok(nodes);
            }
            let mut names = Vec::new();
            part.names(&mut names);
            let start = names.iter().map(|name| name.span.start).min().unwrap_or(0);
            let end = names.iter().map(|name| name.span.end).max().unwrap_or(0);
            Err(LookupError {
                message: "the groups of a quorum rule are nodes and groups of nodes".into(),
                span: start..end,
                help: Some("the signal comes first, e.g. grid(node.up, column1, column2)".into()),
            })
        })
        .collect()
}

fn among<const W: usize>(set: &Set<W>, nodes: NodeSet<W>) -> Set<W> {
    Set::Meet(vec![set.clone(), Set::Fixed(nodes)])
}

/// The sum of the votes of the nodes in a set.
pub(super) fn votes<const W: usize>(
    set: Set<W>,
    blueprint: &Blueprint<W>,
    groups: &Groups<W>,
) -> Count<W> {
    let mut by_weight: Vec<(u32, NodeSet<W>)> = Vec::new();
    for node in set.domain(blueprint) {
        let weight = groups.votes.get(node.index()).copied().unwrap_or(1);
        match by_weight.iter_mut().find(|(known, _)| *known == weight) {
            Some((_, nodes)) => nodes.insert(node),
            None => by_weight.push((weight, NodeSet::single(node))),
        }
    }
    if let [(1, _)] = by_weight[..] {
        return Count::Of(set);
    }
    let parts = by_weight.into_iter().map(|(weight, nodes)| {
        let count = Count::Of(among(&set, nodes));
        Count::Product(Box::new(Count::Number(u64::from(weight))), Box::new(count))
    });
    Count::Sum(parts.collect())
}

/// More than half of all the votes that the set can ever have.
pub(super) fn most_votes<const W: usize>(
    set: Set<W>,
    blueprint: &Blueprint<W>,
    groups: &Groups<W>,
) -> Test<W> {
    let votes = votes(set, blueprint, groups);
    let half = votes.limit(blueprint) / 2;
    Test::Compare(votes, Comparison::MoreThan, Count::Number(half))
}

/// A node of each group: the read quorum of a grid whose columns these are.
pub(super) fn covers<const W: usize>(set: &Set<W>, groups: &[NodeSet<W>]) -> Test<W> {
    Test::And(
        groups
            .iter()
            .map(|nodes| Test::Any(among(set, *nodes)))
            .collect(),
    )
}

/// All nodes of one group, and a node of each: the write quorum of a grid.
pub(super) fn grid<const W: usize>(set: &Set<W>, groups: &[NodeSet<W>]) -> Test<W> {
    let whole = groups
        .iter()
        .map(|nodes| Test::Holds(set.clone(), *nodes))
        .collect();
    Test::And(vec![covers(set, groups), Test::Or(whole)])
}

/// Majorities in a majority of the groups.
pub(super) fn hierarchical<const W: usize>(set: &Set<W>, groups: &[NodeSet<W>]) -> Test<W> {
    let majorities = groups
        .iter()
        .map(|nodes| Test::AtLeast(among(set, *nodes), nodes.len() / 2 + 1))
        .collect();
    at_least(groups.len() / 2 + 1, majorities)
}

fn at_least<const W: usize>(needed: usize, tests: Vec<Test<W>>) -> Test<W> {
    let counts = tests.into_iter().map(|test| Count::If(Box::new(test)));
    Test::Compare(
        Count::Sum(counts.collect()),
        Comparison::AtLeast,
        Count::Number(needed as u64),
    )
}

/// The nodes as a binary tree, row by row: a node and a quorum of one side below it,
/// or quorums of both sides, which is two of the three.
pub(super) fn tree<const W: usize>(set: &Set<W>, nodes: NodeSet<W>) -> Test<W> {
    let nodes: Vec<Node> = nodes.iter().collect();
    below(set, &nodes, 0)
}

fn below<const W: usize>(set: &Set<W>, nodes: &[Node], place: usize) -> Test<W> {
    let own = Test::Any(among(set, NodeSet::single(nodes[place])));
    let (left, right) = (2 * place + 1, 2 * place + 2);
    if left >= nodes.len() {
        return own;
    }
    if right >= nodes.len() {
        // A single side is both sides.
        return below(set, nodes, left);
    }
    let sides = [left, right].map(|side| below(set, nodes, side));
    at_least(2, std::iter::once(own).chain(sides).collect())
}
