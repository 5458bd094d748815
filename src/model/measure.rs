//! What is measured: the state of each service, and tallies.

use crate::automaton::evaluate::{Count, Set, Share, Test};
use crate::automaton::{Blueprint, NodeSet, SetId, State};
use serde::Serialize;

/// How a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Works for everybody.
    Up,
    /// Works, but some requests fail (the `success` share is below 1).
    Degraded,
    /// Only the `read_only` expression holds.
    ReadOnly,
    /// Does not work.
    Down,
}

impl Condition {
    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Condition::Up => "up",
            Condition::Degraded => "degraded",
            Condition::ReadOnly => "read_only",
            Condition::Down => "down",
        }
    }
}

/// A service of the scenario.
#[derive(Clone, Debug)]
pub struct Service<const W: usize> {
    /// Its name in the scenario.
    pub name: String,
    /// When it counts as available by time.
    pub up: Test<W>,
    /// When it can still be read.
    pub read_only: Option<Test<W>>,
    /// The share of requests that succeed while it is up.
    pub success: Option<Share<W>>,
    /// What can be blamed for an outage, see [`Blame`].
    pub blame: Blame<W>,
}

/// What a service looks like at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// How it is doing.
    pub condition: Condition,
    /// The share of requests that succeed, 0 to 1.
    pub success: f64,
}

impl<const W: usize> Service<W> {
    /// Evaluates the service.
    pub fn read(&self, state: &State<W>) -> Reading {
        if self.up.holds(state) {
            let success = self
                .success
                .as_ref()
                .map_or(1.0, |share| share.value(state));
            let condition = if success < 1.0 {
                Condition::Degraded
            } else {
                Condition::Up
            };
            return Reading { condition, success };
        }
        let readable = self
            .read_only
            .as_ref()
            .is_some_and(|test| test.holds(state));
        Reading {
            condition: if readable {
                Condition::ReadOnly
            } else {
                Condition::Down
            },
            success: 0.0,
        }
    }

    /// Adds the signals that its reading depends on.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        self.up.signals(found);
        if let Some(test) = &self.read_only {
            test.signals(found);
        }
        if let Some(share) = &self.success {
            share.signals(found);
        }
    }
}

/// The time that a count spends at each of its values.
#[derive(Clone, Debug)]
pub struct Tally<const W: usize> {
    /// Its name in the scenario.
    pub name: String,
    /// What is counted.
    pub of: Count<W>,
    /// The largest value it can have.
    pub limit: u64,
}

/// Finds the part of a service's expression to which an outage belongs.
///
/// A conjunction is down because of its first part that is false. A set that
/// should have a member and has none, `vip & web & galera.primary`, is down
/// because of the operand that took the last candidate away, read from the
/// left: no holder at all is the VIP's fault, a holder without web is web's.
/// Where every node of the service is down, that is the cause, whatever the
/// expression says.
#[derive(Clone, Debug)]
pub struct Blame<const W: usize> {
    causes: Vec<String>,
    alive: SetId,
    members: NodeSet<W>,
    rule: Rule<W>,
}

#[derive(Clone, Debug)]
enum Rule<const W: usize> {
    /// A chain of operands whose intersection should not be empty (or reach a
    /// size), each with the number of its cause.
    Chain(Vec<(Set<W>, usize)>, usize),
    /// Any other condition: one cause.
    Whole(Test<W>, usize),
    And(Vec<(Rule<W>, Test<W>)>),
}

/// The cause of an outage in which every node of the service was down.
pub const EVERY_NODE_DOWN: &str = "every node down";

impl<const W: usize> Blame<W> {
    /// Prepares the blame of a condition; `texts` names a compiled part.
    pub fn new(test: &Test<W>, blueprint: &Blueprint<W>, alive: SetId) -> Blame<W> {
        let mut causes = vec![EVERY_NODE_DOWN.to_owned()];
        let rule = Rule::new(test, blueprint, &mut causes);
        let mut signals = Vec::new();
        test.signals(&mut signals);
        let members = signals
            .iter()
            .map(|id| blueprint.set_info(*id).domain)
            .fold(NodeSet::EMPTY, |all, domain| all | domain);
        Blame {
            causes,
            alive,
            members,
            rule,
        }
    }

    /// The names of all causes, by their number.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// The number of the cause, in a state in which the service is down.
    pub fn cause(&self, state: &State<W>) -> usize {
        // What is no set of nodes, such as a level, has none that could be down.
        let has_nodes = !self.members.is_empty();
        if has_nodes && !state.set(self.alive).intersects(self.members) {
            return 0;
        }
        self.rule.cause(state)
    }

    /// The nodes that are up. With the signals of the service this is all that the
    /// cause depends on.
    pub fn alive(&self) -> SetId {
        self.alive
    }
}

impl<const W: usize> Rule<W> {
    fn new(test: &Test<W>, blueprint: &Blueprint<W>, causes: &mut Vec<String>) -> Rule<W> {
        match test {
            Test::Any(set) => Rule::Chain(chain(set, blueprint, causes), 1),
            Test::AtLeast(set, needed) => Rule::Chain(chain(set, blueprint, causes), *needed),
            Test::And(parts) => Rule::And(
                parts
                    .iter()
                    .map(|part| (Rule::new(part, blueprint, causes), part.clone()))
                    .collect(),
            ),
            other => {
                let text = describe_test(other, blueprint);
                Rule::Whole(other.clone(), cause_number(text, causes))
            }
        }
    }

    fn cause(&self, state: &State<W>) -> usize {
        match self {
            Rule::Chain(operands, needed) => {
                let mut rest: Option<NodeSet<W>> = None;
                for (set, cause) in operands {
                    let value = set.value(state);
                    let now = rest.map_or(value, |before| before & value);
                    if now.len() < *needed {
                        return *cause;
                    }
                    rest = Some(now);
                }
                operands.last().map_or(0, |(_, cause)| *cause)
            }
            Rule::Whole(_, cause) => *cause,
            Rule::And(parts) => parts
                .iter()
                .find(|(_, test)| !test.holds(state))
                .map_or(0, |(rule, _)| rule.cause(state)),
        }
    }
}

fn chain<const W: usize>(
    set: &Set<W>,
    blueprint: &Blueprint<W>,
    causes: &mut Vec<String>,
) -> Vec<(Set<W>, usize)> {
    match set {
        Set::Meet(parts) => parts
            .iter()
            .flat_map(|part| chain(part, blueprint, causes))
            .collect(),
        other => {
            let text = describe(other, blueprint);
            vec![(other.clone(), cause_number(text, causes))]
        }
    }
}

fn cause_number(text: String, causes: &mut Vec<String>) -> usize {
    match causes.iter().position(|cause| *cause == text) {
        Some(number) => number,
        None => {
            causes.push(text);
            causes.len() - 1
        }
    }
}

/// The text of a compiled set.
pub fn describe<const W: usize>(set: &Set<W>, blueprint: &Blueprint<W>) -> String {
    match set {
        Set::Signal(id) => blueprint.set_info(*id).name.clone(),
        Set::Fixed(nodes) => {
            let names: Vec<_> = nodes.iter().map(|n| blueprint.node_name(n)).collect();
            format!("{{{}}}", names.join(", "))
        }
        Set::Meet(parts) => describe_all(parts, " & ", blueprint),
        Set::Join(parts) => describe_all(parts, " | ", blueprint),
        Set::Without(a, b) => format!("({} - {})", describe(a, blueprint), describe(b, blueprint)),
    }
}

fn describe_all<const W: usize>(parts: &[Set<W>], sign: &str, blueprint: &Blueprint<W>) -> String {
    let texts: Vec<_> = parts.iter().map(|part| describe(part, blueprint)).collect();
    format!("({})", texts.join(sign))
}

fn describe_test<const W: usize>(test: &Test<W>, blueprint: &Blueprint<W>) -> String {
    match test {
        Test::Holds(set, _) => format!("all({})", describe(set, blueprint)),
        Test::Any(set) => format!("any({})", describe(set, blueprint)),
        Test::AtLeast(set, needed) => format!("count({}) >= {needed}", describe(set, blueprint)),
        Test::Or(parts) => {
            let texts: Vec<_> = parts
                .iter()
                .map(|part| describe_test(part, blueprint))
                .collect();
            texts.join(" or ")
        }
        Test::And(parts) => {
            let texts: Vec<_> = parts
                .iter()
                .map(|part| describe_test(part, blueprint))
                .collect();
            format!("({})", texts.join(" and "))
        }
        Test::Not(part) => format!("not {}", describe_test(part, blueprint)),
        Test::Compare(left, comparison, right) => format!(
            "{} {} {}",
            describe_count(left, blueprint),
            comparison.sign(),
            describe_count(right, blueprint)
        ),
        Test::Constant(_) => "never up".to_owned(),
    }
}

fn describe_count<const W: usize>(count: &Count<W>, blueprint: &Blueprint<W>) -> String {
    match count {
        Count::Of(set) => format!("count({})", describe(set, blueprint)),
        Count::Level(level, _) => {
            format!("level({})", blueprint.set_info(level.changed).name)
        }
        Count::If(test) => format!("if({})", describe_test(test, blueprint)),
        Count::Sum(parts) => {
            let texts: Vec<_> = parts
                .iter()
                .map(|part| describe_count(part, blueprint))
                .collect();
            texts.join(" + ")
        }
        Count::Product(a, b) => format!(
            "{} * {}",
            describe_count(a, blueprint),
            describe_count(b, blueprint)
        ),
        Count::Difference(a, b) => format!(
            "{} - {}",
            describe_count(a, blueprint),
            describe_count(b, blueprint)
        ),
        Count::Greatest(a, b) => format!(
            "max({}, {})",
            describe_count(a, blueprint),
            describe_count(b, blueprint)
        ),
        Count::Least(a, b) => format!(
            "min({}, {})",
            describe_count(a, blueprint),
            describe_count(b, blueprint)
        ),
        Count::Number(value) => value.to_string(),
    }
}
