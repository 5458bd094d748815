//! Expressions with their names looked up, ready to be evaluated on a state.

mod number;
mod quorum;

pub use number::{Count, Share};

use super::{Blueprint, Node, NodeSet, SetId, State};
use crate::scenario::expression::{Comparison, Condition, CountExpression, Name, SetExpression};

/// A name in an expression that means nothing, or a count that cannot be reached.
#[derive(Clone, Debug, PartialEq)]
pub struct LookupError {
    /// One sentence.
    pub message: String,
    /// Bytes of the expression.
    pub span: std::ops::Range<usize>,
    /// What to do.
    pub help: Option<String>,
}

/// The names that expressions may use besides signals.
#[derive(Clone, Debug, Default)]
pub struct Groups<const W: usize> {
    /// Groups of nodes, e.g. `server`.
    pub groups: Vec<(String, NodeSet<W>)>,
    /// The votes of each node; one vote each where there are none.
    pub votes: Vec<u32>,
}

/// A compiled set expression.
#[derive(Clone, Debug)]
pub enum Set<const W: usize> {
    /// The value of a signal.
    Signal(SetId),
    /// A fixed set: nodes named in the expression.
    Fixed(NodeSet<W>),
    /// Intersection of all of these; never empty.
    Meet(Vec<Set<W>>),
    /// Union of all of these.
    Join(Vec<Set<W>>),
    /// Difference.
    Without(Box<Set<W>>, Box<Set<W>>),
}

/// A compiled condition.
#[derive(Clone, Debug)]
pub enum Test<const W: usize> {
    /// Always or never.
    Constant(bool),
    /// Has the set a member?
    Any(Set<W>),
    /// Has the set at least so many members?
    AtLeast(Set<W>, usize),
    /// Does the set hold all of these nodes?
    Holds(Set<W>, NodeSet<W>),
    /// Any other comparison.
    Compare(Count<W>, Comparison, Count<W>),
    /// All of them.
    And(Vec<Test<W>>),
    /// One of them.
    Or(Vec<Test<W>>),
    /// The opposite.
    Not(Box<Test<W>>),
}

impl<const W: usize> Set<W> {
    /// Looks the names up.
    pub fn compile(
        expression: &SetExpression,
        blueprint: &Blueprint<W>,
        groups: &Groups<W>,
    ) -> Result<Self, LookupError> {
        let compile = |part: &SetExpression| Self::compile(part, blueprint, groups).map(Box::new);
        Ok(match expression {
            SetExpression::Name(name) => look_up(name, blueprint, groups)?,
            SetExpression::Literal(names) => {
                let mut set = NodeSet::EMPTY;
                for name in names {
                    match look_up(name, blueprint, groups)? {
                        Set::Fixed(nodes) => set |= nodes,
                        _ => {
                            return Err(LookupError {
                                message: format!("`{}` is a signal, not a node", name.text),
                                span: name.span.clone(),
                                help: Some(
                                    "braces hold nodes and groups; use | for signals".into(),
                                ),
                            });
                        }
                    }
                }
                Set::Fixed(set)
            }
            SetExpression::Meet(a, b) => {
                let mut parts = Vec::new();
                for part in [*compile(a)?, *compile(b)?] {
                    match part {
                        Set::Meet(inner) => parts.extend(inner),
                        other => parts.push(other),
                    }
                }
                Set::Meet(parts)
            }
            SetExpression::Join(a, b) => {
                let mut parts = Vec::new();
                for part in [*compile(a)?, *compile(b)?] {
                    match part {
                        Set::Join(inner) => parts.extend(inner),
                        other => parts.push(other),
                    }
                }
                Set::Join(parts)
            }
            SetExpression::Without(a, b) => Set::Without(compile(a)?, compile(b)?),
        })
    }

    /// The value in this state.
    #[inline]
    pub fn value(&self, state: &State<W>) -> NodeSet<W> {
        match self {
            Set::Signal(id) => state.set(*id),
            Set::Fixed(nodes) => *nodes,
            compound => compound.compound_value(state),
        }
    }

    // Never inlined, so that the case of a single signal is inlined everywhere.
    #[inline(never)]
    fn compound_value(&self, state: &State<W>) -> NodeSet<W> {
        match self {
            Set::Meet(parts) => {
                let values = parts.iter().map(|part| part.value(state));
                values.reduce(|a, b| a & b).unwrap_or_default()
            }
            Set::Join(parts) => {
                let values = parts.iter().map(|part| part.value(state));
                values.fold(NodeSet::EMPTY, |a, b| a | b)
            }
            Set::Without(a, b) => a.value(state) - b.value(state),
            Set::Signal(_) | Set::Fixed(_) => self.value(state),
        }
    }

    /// The nodes that can ever be members.
    pub fn domain(&self, blueprint: &Blueprint<W>) -> NodeSet<W> {
        match self {
            Set::Signal(id) => blueprint.set_info(*id).domain,
            Set::Fixed(nodes) => *nodes,
            Set::Meet(parts) => {
                let domains = parts.iter().map(|part| part.domain(blueprint));
                domains.reduce(|a, b| a & b).unwrap_or_default()
            }
            Set::Join(parts) => {
                let domains = parts.iter().map(|part| part.domain(blueprint));
                domains.fold(NodeSet::EMPTY, |a, b| a | b)
            }
            Set::Without(a, _) => a.domain(blueprint),
        }
    }

    /// Adds the signals that the value depends on.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        match self {
            Set::Signal(id) => found.push(*id),
            Set::Fixed(_) => {}
            Set::Meet(parts) | Set::Join(parts) => {
                parts.iter().for_each(|part| part.signals(found));
            }
            Set::Without(a, b) => {
                a.signals(found);
                b.signals(found);
            }
        }
    }
}

impl<const W: usize> Test<W> {
    /// Looks the names up, and refuses counts that can never be reached.
    pub fn compile(
        condition: &Condition,
        blueprint: &Blueprint<W>,
        groups: &Groups<W>,
    ) -> Result<Self, LookupError> {
        let set = |part: &SetExpression| Set::compile(part, blueprint, groups);
        let all = |parts: &[Condition]| {
            parts
                .iter()
                .map(|part| Self::compile(part, blueprint, groups))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(match condition {
            Condition::Constant(value) => Test::Constant(*value),
            Condition::Any(a) => {
                possible_members(a, &set(a)?, blueprint)?;
                Test::Any(set(a)?)
            }
            Condition::All(a) => {
                let domain = possible_members(a, &set(a)?, blueprint)?;
                Test::Holds(set(a)?, domain)
            }
            Condition::Majority(a) => {
                let needed = possible_members(a, &set(a)?, blueprint)?.len() / 2 + 1;
                Test::AtLeast(set(a)?, needed)
            }
            Condition::MostVotes(a) => {
                possible_members(a, &set(a)?, blueprint)?;
                quorum::most_votes(set(a)?, blueprint, groups)
            }
            Condition::Covers(a, parts) => {
                quorum::covers(&set(a)?, &quorum::fixed(parts, blueprint, groups)?)
            }
            Condition::Grid(a, parts) => {
                quorum::grid(&set(a)?, &quorum::fixed(parts, blueprint, groups)?)
            }
            Condition::Hierarchical(a, parts) => {
                quorum::hierarchical(&set(a)?, &quorum::fixed(parts, blueprint, groups)?)
            }
            Condition::Tree(a) => {
                let domain = possible_members(a, &set(a)?, blueprint)?;
                quorum::tree(&set(a)?, domain)
            }
            Condition::Compare(left, comparison, right) => {
                compile_comparison(left, *comparison, right, blueprint, groups)?
            }
            Condition::And(parts) => Test::And(all(parts)?),
            Condition::Or(parts) => Test::Or(all(parts)?),
            Condition::Not(part) => Test::Not(Box::new(Self::compile(part, blueprint, groups)?)),
        })
    }

    /// Does it hold in this state?
    #[inline]
    pub fn holds(&self, state: &State<W>) -> bool {
        match self {
            Test::Any(set) => !set.value(state).is_empty(),
            Test::AtLeast(set, needed) => set.value(state).len() >= *needed,
            Test::And(parts) => parts.iter().all(|part| part.holds(state)),
            Test::Or(parts) => parts.iter().any(|part| part.holds(state)),
            Test::Not(part) => !part.holds(state),
            Test::Holds(set, nodes) => nodes.is_subset(set.value(state)),
            Test::Compare(left, comparison, right) => {
                let (a, b) = (left.value(state), right.value(state));
                match comparison {
                    Comparison::AtLeast => a >= b,
                    Comparison::MoreThan => a > b,
                    Comparison::AtMost => a <= b,
                    Comparison::LessThan => a < b,
                    Comparison::Equal => a == b,
                    Comparison::Different => a != b,
                }
            }
            Test::Constant(value) => *value,
        }
    }

    /// Adds the signals that the answer depends on.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        match self {
            Test::Constant(_) => {}
            Test::Any(set) | Test::AtLeast(set, _) | Test::Holds(set, _) => set.signals(found),
            Test::Compare(left, _, right) => {
                left.signals(found);
                right.signals(found);
            }
            Test::And(parts) | Test::Or(parts) => {
                for part in parts {
                    part.signals(found);
                }
            }
            Test::Not(part) => part.signals(found),
        }
    }
}

/// The nodes that a set can ever have; a set without any would make `all` hold
/// for ever and `any` never, which nobody means.
fn possible_members<const W: usize>(
    expression: &SetExpression,
    set: &Set<W>,
    blueprint: &Blueprint<W>,
) -> Result<NodeSet<W>, LookupError> {
    let domain = set.domain(blueprint);
    if !domain.is_empty() {
        return Ok(domain);
    }
    let mut names = Vec::new();
    expression.names(&mut names);
    let start = names.iter().map(|name| name.span.start).min().unwrap_or(0);
    let end = names.iter().map(|name| name.span.end).max().unwrap_or(0);
    Err(LookupError {
        message: "no node can ever be in this set".into(),
        span: start..end,
        help: Some(
            "its parts have no node in common: see where the processes and protocols run".into(),
        ),
    })
}

fn compile_comparison<const W: usize>(
    left: &CountExpression,
    comparison: Comparison,
    right: &CountExpression,
    blueprint: &Blueprint<W>,
    groups: &Groups<W>,
) -> Result<Test<W>, LookupError> {
    let a = Count::compile(left, blueprint, groups)?;
    let b = Count::compile(right, blueprint, groups)?;
    if let CountExpression::Number(wanted, span) = right {
        check_reach(&a, comparison, *wanted, span, blueprint)?;
        if let (Comparison::AtLeast, Count::Of(set)) = (comparison, &a) {
            return Ok(Test::AtLeast(set.clone(), *wanted as usize));
        }
    }
    Ok(Test::Compare(a, comparison, b))
}

/// Refuses a count that can never be reached.
fn check_reach<const W: usize>(
    count: &Count<W>,
    comparison: Comparison,
    wanted: u64,
    span: &std::ops::Range<usize>,
    blueprint: &Blueprint<W>,
) -> Result<(), LookupError> {
    let possible = count.limit(blueprint);
    let never = match comparison {
        Comparison::AtLeast | Comparison::Equal => wanted > possible,
        Comparison::MoreThan => wanted >= possible,
        _ => false,
    };
    if !never {
        return Ok(());
    }
    let why = match count {
        Count::Of(_) => format!("the set has {possible} nodes at most"),
        _ => format!("the left side is {possible} at most"),
    };
    Err(LookupError {
        message: format!("{wanted} can never be reached: {why}"),
        span: span.clone(),
        help: (possible > 0).then(|| format!("use a number from 1 to {possible}")),
    })
}

fn look_up<const W: usize>(
    name: &Name,
    blueprint: &Blueprint<W>,
    groups: &Groups<W>,
) -> Result<Set<W>, LookupError> {
    if let Some(id) = blueprint.signal_named(&name.text) {
        return Ok(Set::Signal(id));
    }
    if let Some((_, nodes)) = groups.groups.iter().find(|(group, _)| *group == name.text) {
        return Ok(Set::Fixed(*nodes));
    }
    if let Some(node) = blueprint.node_named(&name.text) {
        return Ok(Set::Fixed(NodeSet::single(node)));
    }
    let known = blueprint
        .signals()
        .map(|(signal, _)| signal.to_owned())
        .chain(groups.groups.iter().map(|(group, _)| group.clone()))
        .chain((0..blueprint.nodes()).map(|i| blueprint.node_name(Node(i as u16)).to_owned()));
    if blueprint.level_named(&name.text).is_some() {
        return Err(LookupError {
            message: format!("`{}` is a number, not a set of nodes", name.text),
            span: name.span.clone(),
            help: Some(format!("to ask how large it is write level({})", name.text)),
        });
    }
    Err(LookupError {
        message: format!("there is no signal, node or group named `{}`", name.text),
        span: name.span.clone(),
        help: crate::scenario::nearest::suggestion(&name.text, known),
    })
}
