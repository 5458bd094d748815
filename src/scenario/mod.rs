//! Scenarios: from files to checked names and numbers.
//!
//! A scenario is laid out in this order: built-in defaults, the failure profile,
//! the scenario file, the `--set` arguments of the command line; later ones win.
//! Nothing here knows how a protocol behaves.

pub mod advice;
pub mod claims;
pub mod coverage;
pub mod delay;
pub mod document;
pub mod error;
pub mod expression;
pub mod extend;
pub mod faults;
pub mod hours;
pub mod human_error;
pub mod library;
pub mod load;
pub mod maintenance;
pub mod nearest;
pub mod overrides;
pub mod pace;
pub mod parameters;
pub mod read;
pub mod reader;
pub mod transition;
pub mod units;
pub mod waits;

use crate::automaton::{Distribution, Nanos};
use coverage::CoverageSpec;
use error::Origin;
use expression::{Condition, CountExpression, SetExpression, ShareExpression};
use human_error::HumanErrorSpec;
use load::{Demand, LoadSettings};
use maintenance::MaintenanceSpec;
use pace::PaceRule;
use parameters::Parameters;
use transition::{CounterSpec, TransitionSpec};

/// The name that stands for the place of the users in fault scripts.
pub const CLIENTS: &str = "clients";

/// Where a scenario finds the files that it names (CSV columns, profiles).
pub trait Files {
    /// The text of a file, or why it cannot be read.
    fn read(&self, path: &str) -> Result<String, String>;
}

/// No files at all: for scenarios that come as texts.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _path: &str) -> Result<String, String> {
        Err("there are no files here".to_owned())
    }
}

/// A checked scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name that reports use.
    pub name: String,
    /// One or two sentences for readers.
    pub description: String,
    /// The failure profile, if one is used.
    pub profile: Option<String>,
    /// How to run it.
    pub run: RunSettings,
    /// All nodes, in order.
    pub nodes: Vec<NodeSpec>,
    /// Groups of nodes by name; each `[[node]]` table with a count makes one.
    pub groups: Vec<Group>,
    /// Crews that repair nodes.
    pub crews: Vec<Crew>,
    /// Power feeds, switches and sites that several nodes share.
    pub components: Vec<Component>,
    /// Events that hit several nodes at once.
    pub shocks: Vec<Shock>,
    /// Spontaneous partitions of the network.
    pub partitions: Vec<PartitionSpec>,
    /// Processes on nodes.
    pub processes: Vec<ProcessSpec>,
    /// Protocol instances.
    pub protocols: Vec<ProtocolSpec>,
    /// Errors of those who repair.
    pub human_errors: Vec<HumanErrorSpec>,
    /// Planned work.
    pub maintenances: Vec<MaintenanceSpec>,
    /// Take-overs that may not work.
    pub coverages: Vec<CoverageSpec>,
    /// Whole numbers that transitions change.
    pub counters: Vec<CounterSpec>,
    /// What happens to them.
    pub transitions: Vec<TransitionSpec>,
    /// Named set expressions.
    pub signals: Vec<SignalSpec>,
    /// People who notice and act.
    pub operators: Vec<OperatorSpec>,
    /// What users want.
    pub services: Vec<ServiceSpec>,
    /// Counts whose distribution is asked for.
    pub tallies: Vec<TallySpec>,
    /// What all demands have in common.
    pub load: LoadSettings,
    /// Statements about the design, in words; what is checked stands in [`claims`].
    pub claims: Vec<Claim>,
    /// A hash of everything that the result depends on, for reports.
    pub fingerprint: u64,
}

/// How a scenario is run, where the command line says nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// Simulated time of one replication.
    pub horizon: Nanos,
    /// Time at the beginning that is simulated but not counted.
    pub warm_up: Nanos,
    /// Number of replications.
    pub replications: u64,
    /// The seed of all random streams.
    pub seed: u64,
    /// Confidence level of all intervals.
    pub confidence: f64,
    /// Events of one replication after which it counts as endless.
    pub max_events: u64,
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Its name.
    pub name: String,
    /// The group it belongs to, as an index.
    pub group: usize,
    /// Time from repair to the next failure.
    pub failure: Distribution,
    /// Time from failure to repair (from the start of the work, with a crew).
    pub repair: Distribution,
    /// Time from repair, or return of power, to a running kernel.
    pub boot: Distribution,
    /// When somebody is there to repair it; at any time where nothing is said.
    pub repair_hours: Option<hours::Hours>,
    /// The crew that repairs it, as an index; without one everybody helps.
    pub crew: Option<usize>,
    /// How fast it ages, where that depends on the situation.
    pub failure_pace: Vec<PaceRule>,
    /// How fast its repair goes on.
    pub repair_pace: Vec<PaceRule>,
    /// What it counts for in `votes(...)`.
    pub votes: u32,
}

/// A named set of nodes.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its nodes, as indices.
    pub members: Vec<usize>,
}

/// A repair crew.
#[derive(Clone, Debug)]
pub struct Crew {
    /// Its name.
    pub name: String,
    /// How many repairs it does at a time.
    pub size: usize,
    /// Whose turn it is.
    pub order: CrewOrder,
}

/// In which order a crew repairs the nodes that wait. It finishes what it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrewOrder {
    /// First come, first served.
    FirstCome,
    /// Nodes that the scenario lists earlier come first.
    Listed,
}

/// What a shared component gives to its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComponentKind {
    /// Power: without it the nodes are off, and boot when it returns.
    Power,
    /// The network: without it the nodes are cut off from everybody.
    Switch,
    /// The room: without it nodes are off and cut off.
    Site,
}

/// Something that several nodes share.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// What it gives.
    pub kind: ComponentKind,
    /// The nodes that depend on it, as indices.
    pub nodes: Vec<usize>,
    /// Time from repair to the next failure.
    pub failure: Distribution,
    /// Time from failure to repair.
    pub repair: Distribution,
    /// A battery that bridges the first part of each outage.
    pub battery: Option<Battery>,
    /// Components of one kind with this word in common stand in for each other:
    /// a node is without only while all those that supply it are down.
    pub redundancy: Option<String>,
}

/// An uninterruptible power supply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Battery {
    /// How long it lasts.
    pub autonomy: Nanos,
    /// The probability that it does nothing when it is needed.
    pub fail_on_demand: f64,
}

/// Whom a shock hits.
#[derive(Clone, Debug, PartialEq)]
pub enum Hits {
    /// Each node with this probability.
    Each(f64),
    /// So many nodes at once, each number with its weight; which ones is even chance.
    Sizes(Vec<(usize, f64)>),
}

/// An event that makes several nodes fail at the same instant.
#[derive(Clone, Debug)]
pub struct Shock {
    /// Its name.
    pub name: String,
    /// Time between two shocks.
    pub every: Distribution,
    /// The nodes in its reach, as indices.
    pub nodes: Vec<usize>,
    /// Whom it hits.
    pub hits: Hits,
}

/// How a spontaneous partition splits the network.
#[derive(Clone, Debug, PartialEq)]
pub enum Split {
    /// One node, chosen by even chance, is cut off.
    OneNode,
    /// The first half from the second half; clients stay with the first.
    Halves,
    /// These groups; the clients reach the first.
    Groups(Vec<Vec<usize>>),
}

/// A network that splits now and then.
#[derive(Clone, Debug)]
pub struct PartitionSpec {
    /// Its name.
    pub name: String,
    /// Time between two partitions, from heal to the next.
    pub every: Distribution,
    /// How long one lasts.
    pub lasts: Distribution,
    /// Who is cut off from whom.
    pub split: Split,
}

/// When systemd starts a process again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartRule {
    /// `Restart=no`.
    No,
    /// `Restart=on-failure`: after a bad exit, a signal or a time-out.
    OnFailure,
    /// `Restart=on-abnormal`: after a signal or a time-out.
    OnAbnormal,
    /// `Restart=always`: also after a good exit (but never after a stop).
    Always,
}

/// A process (a systemd unit) on some nodes.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// Its name; its signals are `proc.NAME` and `proc.NAME.active`.
    pub name: String,
    /// The nodes that it runs on, as indices.
    pub nodes: Vec<usize>,
    /// Names of processes on the same node without which it does not start.
    pub requires: Vec<String>,
    /// Names of processes on the same node that start first (ordering alone).
    pub after: Vec<String>,
    /// Time from the start command until it works.
    pub start: Distribution,
    /// Time that an orderly stop takes.
    pub stop: Distribution,
    /// When it is started again.
    pub restart: RestartRule,
    /// How long systemd waits before that.
    pub restart_delay: Nanos,
    /// More than this many starts within the interval, and systemd gives up.
    pub start_limit_burst: u32,
    /// The interval of the start limit.
    pub start_limit_interval: Nanos,
    /// Is it started at boot?
    pub enabled: bool,
    /// Time between crashes of its own.
    pub failure: Distribution,
    /// How fast it comes to them, where that depends on the situation.
    pub failure_pace: Vec<PaceRule>,
    /// `TimeoutStartSec`: not ready by then, it is killed.
    pub start_timeout: Option<Nanos>,
    /// Nodes on which it may call itself ready, e.g. `galera.ready`.
    pub ready: Option<parameters::LocatedSet>,
    /// Nodes on which it obeys an orderly stop; elsewhere SIGTERM is lost on it.
    pub heeds_stop: Option<parameters::LocatedSet>,
}

/// A protocol instance.
#[derive(Clone, Debug)]
pub struct ProtocolSpec {
    /// Its name; its signals begin with it.
    pub name: String,
    /// Which protocol, e.g. `keepalived`.
    pub kind: String,
    /// Its nodes, as indices, in the order in which they are listed.
    pub nodes: Vec<usize>,
    /// Its parameters.
    pub parameters: Parameters,
}

/// A named set expression.
#[derive(Clone, Debug)]
pub struct SignalSpec {
    /// Its name.
    pub name: String,
    /// Its value.
    pub expression: SetExpression,
    /// Where it was written.
    pub origin: Origin,
}

/// How somebody gets to know of trouble.
#[derive(Clone, Debug)]
pub enum Notice {
    /// So long after it began.
    After(Distribution),
    /// At the next look; this is the time between two.
    Looking(Distribution),
}

impl Notice {
    /// An upper bound of the mean time until somebody knows, in seconds.
    pub fn mean(&self) -> f64 {
        match self {
            Notice::After(time) | Notice::Looking(time) => time.mean(),
        }
    }
}

/// Whom an operator acts upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A protocol instance or a coverage, by its name.
    Protocol(String),
    /// A process, by its name, on the nodes where it does no work.
    Process(String),
}

/// Somebody who notices a condition and does something about it.
#[derive(Clone, Debug)]
pub struct OperatorSpec {
    /// The name of the role.
    pub name: String,
    /// What is noticed.
    pub when: Condition,
    /// Where the condition was written.
    pub when_origin: Origin,
    /// How somebody gets to know.
    pub notices: Notice,
    /// Time from then until the action is done.
    pub acts: Distribution,
    /// Who or what is acted upon.
    pub target: Target,
    /// What is done, e.g. `bootstrap`.
    pub action: String,
    /// Where the action was written.
    pub action_origin: Origin,
}

/// A service that users see.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// Its name.
    pub name: String,
    /// When it is available.
    pub up: Condition,
    /// Where that was written.
    pub up_origin: Origin,
    /// When it can at least be read.
    pub read_only: Option<(Condition, Origin)>,
    /// The share of requests that succeed while it is up.
    pub success: Option<(ShareExpression, Origin)>,
    /// The requests that come, if the scenario says so.
    pub demand: Option<Demand>,
    /// The availability that somebody claimed for it, if any.
    pub claimed: Option<f64>,
}

/// A count whose distribution over time is asked for.
#[derive(Clone, Debug)]
pub struct TallySpec {
    /// Its name.
    pub name: String,
    /// What is counted.
    pub of: CountExpression,
    /// Where that was written.
    pub origin: Origin,
    /// How many of those that are counted come per second, for the mean time that
    /// each stays (Little's law).
    pub flow_per_s: Option<f64>,
}

/// A statement about the design.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Its name.
    pub id: String,
    /// The statement in words.
    pub text: String,
}
