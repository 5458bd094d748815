//! What was found about a claim: facts, each of which a reader can check, and the verdict
//! that follows from them.

use crate::estimate::Estimate;
use crate::runner::outcome::CauseShare;
use crate::scenario::claims::language::{Asked, How, When};
use serde::Serialize;

/// The verdict on a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds in every case.
    Supported,
    /// It does not hold.
    Refuted,
    /// It holds in some cases and not in others, which are told.
    Depends,
    /// The intervals leave it open.
    Undecided,
    /// It is not bound to anything that a model could measure.
    Unbound,
}

impl Verdict {
    /// All, in the order of summaries.
    pub const ALL: [Verdict; 5] = [
        Verdict::Supported,
        Verdict::Refuted,
        Verdict::Depends,
        Verdict::Undecided,
        Verdict::Unbound,
    ];

    /// The word of tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Supported => "supported",
            Verdict::Refuted => "refuted",
            Verdict::Depends => "depends",
            Verdict::Undecided => "undecided",
            Verdict::Unbound => "unbound",
        }
    }
}

/// Is a statement true?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// In every case.
    Yes,
    /// In no case that counts.
    No,
    /// In some cases.
    Depends,
    /// Nobody can tell yet.
    Unknown,
}

impl Truth {
    /// Both hold.
    pub fn and(self, other: Truth) -> Truth {
        let either = |truth| self == truth || other == truth;
        match () {
            () if either(Truth::No) => Truth::No,
            () if either(Truth::Unknown) => Truth::Unknown,
            () if either(Truth::Depends) => Truth::Depends,
            () => Truth::Yes,
        }
    }

    /// The contrary.
    pub fn contrary(self) -> Truth {
        match self {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            other => other,
        }
    }

    /// One of them holds at least.
    pub fn or(self, other: Truth) -> Truth {
        self.contrary().and(other.contrary()).contrary()
    }

    /// The same thing in several cases: where they differ it depends.
    pub fn of_cases(cases: impl IntoIterator<Item = Truth>) -> Truth {
        let mut all = cases.into_iter();
        let first = all.next().unwrap_or(Truth::Unknown);
        all.fold(first, |so_far, truth| match (so_far, truth) {
            (a, b) if a == b => a,
            (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
            _ => Truth::Depends,
        })
    }

    /// The verdict on a claim that is as true as this.
    pub fn verdict(self) -> Verdict {
        match self {
            Truth::Yes => Verdict::Supported,
            Truth::No => Verdict::Refuted,
            Truth::Depends => Verdict::Depends,
            Truth::Unknown => Verdict::Undecided,
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The case of the claim that it belongs to; empty where there is one only.
    pub case: String,
    /// The design it was found in.
    pub design: String,
    /// What was found.
    pub about: About,
    /// Is what was asked true?
    pub truth: Truth,
    /// Does the claim say the contrary of what was asked?
    pub contrary: bool,
    /// A course of events that shows it: of what is not so, if there is any.
    pub example: Option<Example>,
}

impl Fact {
    /// Does what was found speak for the claim?
    pub fn supports(&self) -> Truth {
        if self.contrary {
            self.truth.contrary()
        } else {
            self.truth
        }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub enum About {
    /// What is left of a service after nodes are lost in one way.
    Loss(LossFound),
    /// How often a condition holds while a script is played.
    Course {
        /// When it is to hold.
        when: When,
        /// The condition.
        condition: String,
        /// The fault script.
        script: String,
        /// Replications in which it does.
        held: u64,
        /// Replications.
        of: u64,
    },
    /// Two values with their intervals.
    Values(Comparison),
    /// A time in the course of a script, in every replication, against a bound.
    Times(TimesFound),
}

/// What is left of a service after nodes are lost in one way.
#[derive(Clone, Debug)]
pub struct LossFound {
    /// What was asked.
    pub asked: Asked,
    /// The service.
    pub service: String,
    /// How the nodes are lost.
    pub how: How,
    /// How many nodes at once.
    pub nodes: usize,
    /// Every choice of nodes, and the share of replications after which it is as asked.
    pub choices: Vec<(Vec<String>, f64)>,
}

/// Two values with their intervals.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The comparison as it was written.
    pub text: String,
    /// The value on the left.
    pub left: Estimate,
    /// The value on the right, with the tolerance in it.
    pub right: Estimate,
    /// Are they times?
    pub seconds: bool,
    /// Are they shares of time up, better told by what they lack?
    pub availability: bool,
    /// What was measured for it.
    pub measured: Vec<Measured>,
    /// Downtime by cause of the service that was measured, largest first.
    pub causes: Vec<CauseShare>,
    /// Where the intervals leave it open: so many times the replications would decide.
    pub more: Option<f64>,
}

/// One measured value.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was measured, as it was written.
    pub what: String,
    /// The design.
    pub design: String,
    /// The engine.
    pub engine: &'static str,
    /// The value: a share, a number, or seconds.
    pub value: Estimate,
    /// Is it a time?
    pub seconds: bool,
}

/// A time in the course of a script, in every replication, against a bound.
#[derive(Clone, Debug)]
pub struct TimesFound {
    /// The comparison as it was written.
    pub text: String,
    /// The least, the median and the greatest, in seconds; infinite where it never ends.
    pub times_s: [f64; 3],
    /// Replications in which the comparison holds.
    pub held: u64,
    /// Replications.
    pub of: u64,
}

/// A course of events that shows what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The design, as an index.
    pub design: usize,
    /// A fault script for `replay`.
    pub script: String,
    /// The replication that shows it.
    pub replication: u64,
    /// The services and conditions that it is about.
    pub services: Vec<String>,
}

/// What was found about one claim.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The cases and what became of each, where there are several.
    pub cases: Vec<(String, Truth)>,
    /// The facts behind it.
    pub facts: Vec<Fact>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_false_stays_false_whatever_is_unknown() {
        assert_eq!(Truth::No.and(Truth::Unknown), Truth::No);
        assert_eq!(Truth::Yes.or(Truth::Unknown), Truth::Yes);
        assert_eq!(Truth::Yes.and(Truth::Depends), Truth::Depends);
        assert_eq!(Truth::No.or(Truth::Depends), Truth::Depends);
    }

    #[test]
    fn cases_that_differ_depend() {
        let of = |cases: &[Truth]| Truth::of_cases(cases.iter().copied());
        assert_eq!(of(&[Truth::Yes, Truth::Yes]), Truth::Yes);
        assert_eq!(of(&[Truth::Yes, Truth::No]), Truth::Depends);
        assert_eq!(of(&[Truth::No, Truth::No]), Truth::No);
        assert_eq!(of(&[Truth::Yes, Truth::Unknown]), Truth::Unknown);
    }
}
