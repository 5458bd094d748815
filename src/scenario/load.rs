//! The work that services make, where it lands, and what the nodes can bear.

use super::error::Origin;
use super::parameters::LocatedSet;
use crate::automaton::Nanos;

/// The most requests that can wait at one node.
pub const MAX_QUEUE: u32 = 10_000;

/// Work, in whole nodes: 0.25 is a quarter of what one node can do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Processors.
    pub cpu: f64,
    /// Memory.
    pub memory: f64,
}

/// Requests to a service, and the work that they make.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// Requests per second, the mean of a day.
    pub rate_per_s: f64,
    /// Work of all requests together, which the members of `on` share evenly.
    pub work: Work,
    /// Where requests are served; without it the set that `up` asks about.
    pub on: Option<LocatedSet>,
    /// Work of all requests that every member of a set bears in full.
    pub each: Option<(LocatedSet, Work)>,
    /// How long a request waits before it counts as failed; without it as long as it takes in
    /// a queue, and not at all for a service that is down.
    pub timeout: Option<Nanos>,
    /// Requests that can wait at one node; more are refused.
    pub places: Option<u32>,
}

impl Demand {
    /// So many times the requests, and the work that they make.
    #[must_use]
    pub fn scaled(mut self, scale: f64) -> Demand {
        self.rate_per_s *= scale;
        let each = self.each.iter_mut().map(|(_, work)| work);
        for work in each.chain([&mut self.work]) {
            work.cpu *= scale;
            work.memory *= scale;
        }
        self
    }
}

/// Who is served first at a busy node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// In the order of arrival.
    FirstComeFirstServed,
    /// All at a time, each more slowly.
    ProcessorSharing,
}

/// `[load]`: what all services have in common.
#[derive(Clone, Debug)]
pub struct LoadSettings {
    /// The utilisation that should not be exceeded.
    pub limit: f64,
    /// All demands are so many times what is written: requests, and the work that they make.
    pub scale: f64,
    /// A request that waits longer than this counts as delayed.
    pub slow: Nanos,
    /// Requests that one node serves at a time.
    pub cores: u32,
    /// Who is served first.
    pub discipline: Discipline,
    /// Demand in each hour of the day over its mean, 24 numbers; a single 1 where all hours
    /// are alike.
    pub day: Vec<f64>,
    /// Work that nodes have whether requests come or not: each member of the set bears it.
    pub base: Vec<(LocatedSet, Work)>,
    /// Levels of utilisation that have a signal `load.NAME`: the nodes above it.
    pub levels: Vec<Level>,
    /// Utilisations that somebody printed, by the number of lost nodes.
    pub documented: Documented,
}

/// A level of utilisation with a name.
#[derive(Clone, Debug)]
pub struct Level {
    /// Its signal is `load.NAME`.
    pub name: String,
    /// The utilisation: 1 is all that a node has.
    pub utilisation: f64,
    /// Where it was written.
    pub origin: Origin,
}

/// Utilisations that a document gives for 0, 1, 2 ... lost nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Documented {
    /// Processors.
    pub cpu: Vec<f64>,
    /// Memory.
    pub memory: Vec<f64>,
}
