//! The small language of services: set algebra over signals, read aloud as it
//! is written: `any(vip & web & galera.primary) and count(node.up) >= 2`.
//!
//! Four kinds of value: sets of nodes, conditions, counts, and shares (0 to 1).
//! Here a text becomes a tree; the model looks the names up.
//!
//! ```text
//! condition := conjunction { "or" conjunction }
//! conjunction := negation { "and" negation }
//! negation := "not" negation | "(" condition ")" | "true" | "false" | test
//! test     := ("any" | "all" | "majority" | "tree") "(" set ")" | "majority" "(" votes ")"
//!           | ("covers" | "grid" | "hierarchical") "(" set { "," set } ")" | count compare count
//! count    := product { ("+" | "-") product }      product := number of things { "*" number of things }
//! votes    := "votes" "(" set ")"
//! number of things := "count" "(" set ")" | votes | "level" "(" name ")" | "if" "(" condition ")"
//!           | ("min" | "max") "(" count "," count ")" | "(" count ")" | number
//! share    := term { "+" term }            term := factor { "*" factor }
//! factor   := "share" "(" set "," set ")" | "ratio" "(" count "," count ")" | number
//!           | "if" "(" condition ")" | "min" "(" share "," share ")"
//! set      := meet { "|" meet }      meet := rest { "&" rest }      rest := atom { "-" atom }
//! atom     := name | "{" name { "," name } "}" | "(" set ")"
//! ```

mod parser;

pub use parser::{parse_condition, parse_count, parse_set, parse_share};

use std::fmt;
use std::ops::Range;

/// A name with its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The name as written, e.g. `galera.primary`.
    pub text: String,
    /// Bytes of the expression that it covers.
    pub span: Range<usize>,
}

/// A set of nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum SetExpression {
    /// A signal, a node or a group of nodes.
    Name(Name),
    /// `{server1, server2}`.
    Literal(Vec<Name>),
    /// `a & b`.
    Meet(Box<SetExpression>, Box<SetExpression>),
    /// `a | b`.
    Join(Box<SetExpression>, Box<SetExpression>),
    /// `a - b`.
    Without(Box<SetExpression>, Box<SetExpression>),
}

/// A comparison of two counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `>`
    MoreThan,
    /// `<=`
    AtMost,
    /// `<`
    LessThan,
    /// `==`
    Equal,
    /// `!=`
    Different,
}

impl Comparison {
    /// The sign that stands for it.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::AtLeast => ">=",
            Comparison::MoreThan => ">",
            Comparison::AtMost => "<=",
            Comparison::LessThan => "<",
            Comparison::Equal => "==",
            Comparison::Different => "!=",
        }
    }
}

/// A whole number: the size of a set, a level, a constant, or made of these.
#[derive(Clone, Debug, PartialEq)]
pub enum CountExpression {
    /// `count(set)`.
    Count(SetExpression),
    /// `votes(set)`: the sum of the votes of its nodes.
    Votes(SetExpression),
    /// `level(queue.waiting)`: a number that an automaton keeps.
    Level(Name),
    /// `if(condition)`: 1 or 0.
    If(Box<Condition>),
    /// `a + b`.
    Sum(Vec<CountExpression>),
    /// `a * b`.
    Product(Box<CountExpression>, Box<CountExpression>),
    /// `a - b`, never below 0.
    Difference(Box<CountExpression>, Box<CountExpression>),
    /// `max(a, b)`.
    Greatest(Box<CountExpression>, Box<CountExpression>),
    /// `min(a, b)`.
    Least(Box<CountExpression>, Box<CountExpression>),
    /// A constant, with its place in the text.
    Number(u64, Range<usize>),
}

/// True or false.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `true` or `false`.
    Constant(bool),
    /// `any(set)`: the set has a member.
    Any(SetExpression),
    /// `all(set)`: the set has every node that it can have.
    All(SetExpression),
    /// `majority(set)`: more than half of the nodes that it can have.
    Majority(SetExpression),
    /// `majority(votes(set))`: more than half of the votes of those.
    MostVotes(SetExpression),
    /// `covers(set, a, b)`: the set has a node of each group.
    Covers(SetExpression, Vec<SetExpression>),
    /// `grid(set, a, b)`: all nodes of one group, and one of each.
    Grid(SetExpression, Vec<SetExpression>),
    /// `hierarchical(set, a, b)`: majorities in a majority of the groups.
    Hierarchical(SetExpression, Vec<SetExpression>),
    /// `tree(set)`: a path from root to leaf, with detours around lost nodes.
    Tree(SetExpression),
    /// `count(set) >= 2`.
    Compare(CountExpression, Comparison, CountExpression),
    /// `a and b`.
    And(Vec<Condition>),
    /// `a or b`.
    Or(Vec<Condition>),
    /// `not a`.
    Not(Box<Condition>),
}

/// A number between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub enum ShareExpression {
    /// `share(a, b)`: the part of `b` that is in `a`; 0 where `b` is empty.
    Share(SetExpression, SetExpression),
    /// `ratio(a, b)`: the first count as a part of the second, at most 1; 0 where
    /// the second is 0.
    Ratio(CountExpression, CountExpression),
    /// A constant.
    Constant(f64),
    /// `a + b`, at most 1.
    Sum(Vec<ShareExpression>),
    /// `a * b`.
    Product(Box<ShareExpression>, Box<ShareExpression>),
    /// `min(a, b)`.
    Least(Box<ShareExpression>, Box<ShareExpression>),
    /// `if(condition)`: 1 or 0.
    If(Box<Condition>),
}

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxError {
    /// One sentence.
    pub message: String,
    /// Bytes of the expression.
    pub span: Range<usize>,
    /// What to do.
    pub help: Option<String>,
}

impl SetExpression {
    /// Adds all names in the order in which they are written.
    pub fn names<'a>(&'a self, found: &mut Vec<&'a Name>) {
        match self {
            SetExpression::Name(name) => found.push(name),
            SetExpression::Literal(names) => found.extend(names),
            SetExpression::Meet(a, b)
            | SetExpression::Join(a, b)
            | SetExpression::Without(a, b) => {
                a.names(found);
                b.names(found);
            }
        }
    }
}

impl Condition {
    /// Adds all names in the order in which they are written.
    pub fn names<'a>(&'a self, found: &mut Vec<&'a Name>) {
        match self {
            Condition::Constant(_) => {}
            Condition::Any(set)
            | Condition::All(set)
            | Condition::Majority(set)
            | Condition::MostVotes(set)
            | Condition::Tree(set) => set.names(found),
            Condition::Covers(set, groups)
            | Condition::Grid(set, groups)
            | Condition::Hierarchical(set, groups) => {
                set.names(found);
                groups.iter().for_each(|group| group.names(found));
            }
            Condition::Compare(a, _, b) => {
                a.names(found);
                b.names(found);
            }
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().for_each(|part| part.names(found))
            }
            Condition::Not(part) => part.names(found),
        }
    }
}

impl CountExpression {
    /// Adds all names in the order in which they are written.
    pub fn names<'a>(&'a self, found: &mut Vec<&'a Name>) {
        match self {
            CountExpression::Count(set) | CountExpression::Votes(set) => set.names(found),
            CountExpression::Level(name) => found.push(name),
            CountExpression::If(condition) => condition.names(found),
            CountExpression::Sum(parts) => parts.iter().for_each(|part| part.names(found)),
            CountExpression::Product(a, b)
            | CountExpression::Difference(a, b)
            | CountExpression::Greatest(a, b)
            | CountExpression::Least(a, b) => {
                a.names(found);
                b.names(found);
            }
            CountExpression::Number(..) => {}
        }
    }
}

/// Words that cannot name a signal, a node or a group.
pub const RESERVED: [&str; 20] = [
    "any",
    "all",
    "majority",
    "covers",
    "grid",
    "hierarchical",
    "tree",
    "count",
    "votes",
    "level",
    "share",
    "ratio",
    "min",
    "max",
    "if",
    "and",
    "or",
    "not",
    "true",
    "false",
];

impl fmt::Display for SetExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetExpression::Name(name) => f.write_str(&name.text),
            SetExpression::Literal(names) => {
                let texts: Vec<_> = names.iter().map(|n| n.text.as_str()).collect();
                write!(f, "{{{}}}", texts.join(", "))
            }
            SetExpression::Meet(a, b) => write!(f, "({a} & {b})"),
            SetExpression::Join(a, b) => write!(f, "({a} | {b})"),
            SetExpression::Without(a, b) => write!(f, "({a} - {b})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_binds_tighter_than_and_which_binds_tighter_than_or() {
        let set = parse_set("a | b & c - d").unwrap();
        assert_eq!(set.to_string(), "(a | (b & (c - d)))");
    }

    #[test]
    fn conditions_nest() {
        let text = "any(vip & web) and (count(node.up) >= 2 or not all({a, b}))";
        let Condition::And(parts) = parse_condition(text).unwrap() else {
            panic!("not a conjunction");
        };
        assert_eq!(parts.len(), 2);
        assert!(matches!(&parts[1], Condition::Or(_)));
    }

    #[test]
    fn counts_add_up_and_multiply() {
        let text = "2 * count(a) + count(b) * 3 + if(any(c) or any(d)) >= min(4, level(q.n))";
        let Condition::Compare(left, Comparison::AtLeast, right) = parse_condition(text).unwrap()
        else {
            panic!("no comparison");
        };
        let CountExpression::Sum(parts) = &left else {
            panic!("no sum");
        };
        assert_eq!(parts.len(), 3);
        assert!(matches!(right, CountExpression::Least(..)));
        let mut names = Vec::new();
        left.names(&mut names);
        let names: Vec<_> = names.iter().map(|name| name.text.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert!(parse_condition("2 * (count(a) + 1) > 3").is_ok());
        assert!(parse_share("0.5 * if(any(a)) + ratio(count(a), 4)").is_ok());
    }

    #[test]
    fn errors_point_at_the_column() {
        let error = parse_condition("any(vip & )").unwrap_err();
        assert_eq!(error.span, 10..11);
        let error = parse_condition("vip and any(web)").unwrap_err();
        assert_eq!(error.span, 0..3);
        assert!(error.help.unwrap().contains("any(vip)"));
        assert!(parse_condition("any(a) any(b)").is_err());
        assert!(parse_share("share(a, b) * 1.5").is_err());
    }

    #[test]
    fn mixed_up_words_get_advice() {
        for (text, advice) in [
            ("any(a) & any(b)", "`and`"),
            ("any(a and b)", "`&`"),
            ("any(a) AND any(b)", "small letters"),
            ("count(any(a)) > 1", "are conditions"),
            ("!any(a)", "`not`"),
            ("count(a) >= 1.5", "whole number"),
            ("any(a + b)", "`|`"),
            ("any(a) + any(b)", "`or`"),
        ] {
            let help = parse_condition(text).unwrap_err().help.unwrap_or_default();
            assert!(help.contains(advice), "{text}: {help}");
        }
        assert_eq!(
            parse_condition("count(a) > 1.2.3").unwrap_err().span,
            11..16
        );
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let text = format!("{}any(a){}", "(".repeat(5000), ")".repeat(5000));
        assert!(parse_condition(&text).is_err());
        let text = format!("any({}a{})", "(".repeat(5000), ")".repeat(5000));
        assert!(parse_condition(&text).is_err());
        let text = "not ".repeat(5000) + "any(a)";
        assert!(parse_condition(&text).is_err());
    }
}
