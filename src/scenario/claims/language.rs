//! The small language in which a claim is bound to what a model can measure:
//! `survives(database_write, any 2 at once)`, `availability(login) >= 99.99%`,
//! `time_to("server1-dies", "any(vip & server2)").p99 <= 3 s`.
//!
//! ```text
//! statement  := conjunction { "or" conjunction }      conjunction := negation { "and" negation }
//! negation   := "not" negation | "(" statement ")" | test | comparison
//! test       := ("survives" | "readable" | "returns") "(" service "," loss ")" where
//!             | ("always" | "ever" | "at_end") "(" script "," condition ")" where
//! comparison := value (">=" | ">" | "<=" | "<" | "==") value [ "+-" value ]
//! value      := product { ("+" | "-") product }       product := factor { ("*" | "/") factor }
//! factor     := number [ unit ] | measure where | "(" value ")"
//! measure    := ("availability" | "unavailability" | "request_availability" | "downtime"
//!                | "planned_downtime" | "outages" | "mttf" | "failed_requests") "(" service ")"
//!             | ("failover" | "outage") "(" service ")" "." part
//!             | "mean" "(" tally ")" | ("cpu" | "memory" | "capacity") "(" number "lost" ")"
//!             | ("time_to" | "time_while") "(" script "," condition ")" [ "." part ]
//!             | ("recovery" | "interruption") "(" script "," service ")" [ "." part ]
//! loss       := ("any" number | "{" node { "," node } "}") [ how ]
//! how        := "at once" | "in sequence" | "stopped" | "cut off" | "down"
//! where      := [ "in" design ]        part := "min" | "p50" | "p95" | "p99" | "max" | "mean"
//! ```
//!
//! A script is the name of a fault script, a condition is in the language of services;
//! both stand in quotation marks.

use std::ops::Range;

/// A word of the statement with its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// As written, without quotation marks.
    pub text: String,
    /// Bytes of the statement that it covers.
    pub span: Range<usize>,
}

/// Something that is true of a design, or not.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Both, or all.
    And(Vec<Statement>),
    /// One of them at least.
    Or(Vec<Statement>),
    /// The contrary.
    Not(Box<Statement>),
    /// What is left of a service after nodes are lost.
    Loss(LossTest),
    /// Whether a condition holds while a fault script is played.
    Course(CourseTest),
    /// One value beside another.
    Compare(Box<Compared>),
}

/// One value beside another.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The value on the left.
    pub left: Value,
    /// How they are compared.
    pub relation: Relation,
    /// The value on the right.
    pub right: Value,
    /// How far they may be apart (with `==`).
    pub tolerance: Option<Value>,
    /// Where the comparison is written.
    pub span: Range<usize>,
}

/// What is left of a service after nodes are lost.
#[derive(Clone, Debug, PartialEq)]
pub struct LossTest {
    /// What is asked of the service.
    pub asked: Asked,
    /// The service.
    pub service: Word,
    /// Which nodes.
    pub who: Who,
    /// How; without it at once, in sequence, and stopped are three cases.
    pub how: Option<How>,
    /// The design, where it is not the claim's own.
    pub design: Option<Word>,
}

/// What is asked of a service after a loss, once the cluster has come to rest and
/// nobody has acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is served, perhaps with some failures.
    Survives,
    /// It can at least be read.
    Readable,
    /// It is served again after the nodes have come back.
    Returns,
}

/// Which nodes are lost.
#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// Every choice of so many.
    Any(usize),
    /// These, in this order.
    These(Vec<Word>),
}

/// How nodes are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Power gone, all at one instant.
    AtOnce,
    /// Power gone, one after the other, each after the cluster has come to rest.
    InSequence,
    /// Shut down in good order, one after the other.
    Stopped,
    /// Cut off from the others and from the users, all at one instant.
    CutOff,
}

impl How {
    /// The cases that "down" stands for.
    pub const DOWN: [How; 3] = [How::AtOnce, How::InSequence, How::Stopped];

    /// The words of the language.
    pub fn words(self) -> &'static str {
        match self {
            How::AtOnce => "at once",
            How::InSequence => "in sequence",
            How::Stopped => "stopped",
            How::CutOff => "cut off",
        }
    }
}

/// Whether a condition holds while a fault script is played.
#[derive(Clone, Debug, PartialEq)]
pub struct CourseTest {
    /// When it is to hold.
    pub when: When,
    /// The fault script.
    pub script: Word,
    /// The condition, in the language of services.
    pub condition: Word,
    /// The design, where it is not the claim's own.
    pub design: Option<Word>,
}

/// When a condition is to hold, from the first fault of a script on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All the time.
    Always,
    /// At some time.
    Ever,
    /// When the script is over.
    AtEnd,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
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
}

impl Relation {
    /// The sign that stands for it.
    pub fn sign(self) -> &'static str {
        match self {
            Relation::AtLeast => ">=",
            Relation::MoreThan => ">",
            Relation::AtMost => "<=",
            Relation::LessThan => "<",
            Relation::Equal => "==",
        }
    }
}

/// A number, measured or written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// As written.
    Number(Number),
    /// As measured.
    Measure(Measure),
    /// `a + b`.
    Sum(Box<Value>, Box<Value>),
    /// `a - b`.
    Difference(Box<Value>, Box<Value>),
    /// `a * b`.
    Product(Box<Value>, Box<Value>),
    /// `a / b`.
    Ratio(Box<Value>, Box<Value>),
}

/// A number as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// In seconds, as a share, or plain.
    pub value: f64,
    /// What it measures.
    pub dimension: Dimension,
    /// Decimal places of the value: what it leaves open when it is subtracted from 1.
    pub decimals: usize,
}

/// What a value measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// A share, a probability, a ratio or a count.
    Plain,
    /// Seconds; of downtime, in a year.
    Seconds,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What.
    pub what: Quantity,
    /// The design, where it is not the claim's own.
    pub design: Option<Word>,
    /// Where it is written.
    pub span: Range<usize>,
}

/// What can be measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// A number of a service.
    OfService(OfService, Word),
    /// A quantile of the failovers or outages of a service.
    Lengths(Lengths, Word, Part),
    /// The mean of a tally.
    Tally(Word),
    /// How busy the busiest node is after so many are lost, or how much demand survives.
    Load(LoadQuantity, usize),
    /// A time in the course of a fault script; without a part each replication counts.
    Course(CourseTime, Word, Word, Option<Part>),
}

/// Numbers of a service that a run gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfService {
    /// Share of time up.
    Availability,
    /// Share of time not up.
    Unavailability,
    /// Share of requests that succeed.
    RequestAvailability,
    /// Seconds not up in a year.
    Downtime,
    /// Part of that which was planned.
    PlannedDowntime,
    /// Outages in a year.
    Outages,
    /// Mean time to the first outage, in seconds.
    Mttf,
    /// Requests that fail in a year.
    FailedRequests,
}

/// Times of a service whose distribution a run gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// From a fault until the service is back although nothing has come back.
    Failover,
    /// Whole outages.
    Outage,
}

/// How busy nodes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadQuantity {
    /// Processors of the busiest node, 1 is all.
    Cpu,
    /// Memory of the busiest node, 1 is all.
    Memory,
    /// The same, the mean over the nodes that are left.
    MeanCpu,
    /// The same of memory.
    MeanMemory,
    /// The largest demand that survives, over the demand of the scenario.
    Capacity,
}

/// Times in the course of a fault script, from its first fault on, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CourseTime {
    /// Until the condition holds for the first time; endless where it never does.
    TimeTo,
    /// How long the condition holds in all.
    TimeWhile,
    /// Until the service has been down for the last time; 0 where it never is, endless where
    /// it is not up in the end.
    Recovery,
    /// How long the service is not up in all.
    Interruption,
}

/// A part of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The least.
    Min,
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The largest.
    Max,
    /// The arithmetic mean.
    Mean,
}

impl Part {
    /// The words of the language.
    pub const WORDS: [(&'static str, Part); 6] = [
        ("min", Part::Min),
        ("p50", Part::P50),
        ("p95", Part::P95),
        ("p99", Part::P99),
        ("max", Part::Max),
        ("mean", Part::Mean),
    ];
}
