//! What a run has found, under the names that scripts rely on (DESIGN 6).

use super::slo::Months;
use crate::estimate::{Estimate, Quantiles};
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the JSON format.
pub const SCHEMA: u32 = 1;

/// The result of one run.
#[derive(Clone, Debug, Serialize)]
pub struct RunOutcome {
    /// Version of this format.
    pub schema: u32,
    /// Version of the program.
    pub version: &'static str,
    /// The name of the scenario.
    pub scenario: String,
    /// Number of nodes.
    pub nodes: usize,
    /// The failure profile, if one was used.
    pub profile: Option<String>,
    /// Hash of everything that the result depends on besides the seed.
    pub fingerprint: String,
    /// The engine that made the numbers.
    pub engine: &'static str,
    /// How it made them, where there is more than one way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The random number generator.
    pub generator: &'static str,
    /// The seed of all streams.
    pub seed: u64,
    /// Replications that count.
    pub replications: u64,
    /// Simulated time of one replication in years.
    pub horizon_years: f64,
    /// Simulated time of all replications in years.
    pub simulated_years: f64,
    /// Events of all replications.
    pub events: u64,
    /// Confidence level of all intervals.
    pub confidence: f64,
    /// Was the run stopped before it was complete?
    pub interrupted: bool,
    /// The services by name, in the order of the scenario.
    #[serde(serialize_with = "in_order")]
    pub services: Vec<(String, ServiceOutcome)>,
    /// The rounds of each maintenance by its name.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub maintenance: Vec<(String, RoundsOutcome)>,
    /// How busy nodes are; where there are demands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<NodesOutcome>,
    /// The tallies by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tallies: BTreeMap<String, Vec<TallyLevel>>,
    /// The means of the tallies by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tally_means: BTreeMap<String, TallyMean>,
    /// What exactly was computed, where it is not plain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What a reader should know before trusting the numbers.
    pub warnings: Vec<String>,
    /// Downtime and the like of every replication, for comparisons and CSV.
    #[serde(skip)]
    pub per_replication: Vec<ReplicationRow>,
}

impl RunOutcome {
    /// The largest relative half width of all that was asked for: infinite where
    /// a service was never seen down. Levels of a tally that never occurred do
    /// not count, because most of them cannot occur in any time.
    pub fn worst_relative_error(&self) -> f64 {
        let services = self.services.iter().map(|(_, s)| s.unavailability);
        let levels = self.tallies.values().flatten().map(|level| level.share);
        worst_relative_error(services, levels)
    }
}

/// The rule behind [`RunOutcome::worst_relative_error`], which the runner also needs
/// before there is an outcome.
pub(super) fn worst_relative_error(
    services: impl Iterator<Item = Estimate>,
    levels: impl Iterator<Item = Estimate>,
) -> f64 {
    services
        .chain(levels.filter(|share| share.estimate > 0.0))
        .map(|estimate| estimate.relative_half_width())
        .fold(0.0, f64::max)
}

/// Writes named results as a table, in their order.
pub fn in_order<S: serde::Serializer, T: Serialize>(
    named: &[(String, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(named.iter().map(|(name, one)| (name, one)))
}

/// What became of the rounds of a maintenance, each per year of 8766 h.
#[derive(Clone, Debug, Serialize)]
pub struct RoundsOutcome {
    /// Rounds that began.
    pub begun_per_year: Estimate,
    /// Rounds that came to their end.
    pub completed_per_year: Estimate,
    /// Rounds that were broken off.
    pub abandoned_per_year: Estimate,
    /// Times that a round was put off.
    pub postponed_per_year: Estimate,
}

/// Downtime and outages that were planned, and those that were not; together they
/// are all.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedOutcome {
    /// Seconds of planned downtime per year.
    pub planned_downtime_s_per_year: Estimate,
    /// Seconds of all other downtime per year.
    pub unplanned_downtime_s_per_year: Estimate,
    /// Outages per year all of which was planned.
    pub planned_outages_per_year: Estimate,
    /// All other outages per year.
    pub unplanned_outages_per_year: Estimate,
}

/// What was found about one service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceOutcome {
    /// Share of time in which the service is up.
    pub availability: Estimate,
    /// Share of time in which it is not, summed as such.
    pub unavailability: Estimate,
    /// Share of requests that succeed, where requests come evenly.
    pub request_availability: Estimate,
    /// Share of time in which it is not up but can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<Estimate>,
    /// Seconds of downtime per year of 8766 h.
    pub downtime_s_per_year: Estimate,
    /// Outages per year.
    pub outages_per_year: Estimate,
    /// The same apart, planned and unplanned, where there is maintenance.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub planned: Option<PlannedOutcome>,
    /// Probability that it is up at the horizon.
    pub up_at_end: Estimate,
    /// Mean time in seconds from the start to the first outage. Where some
    /// replications saw none it is the time without one over the number of first
    /// outages, which is right where they come at a constant rate.
    pub mttf_s: Estimate,
    /// Was `mttf_s` found in that way?
    pub mttf_assumes_constant_rate: bool,
    /// Probability that there is no outage from the start to the end of the horizon.
    pub no_outage: Estimate,
    /// Mean length of an outage in seconds, where it was computed and not observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_outage_s: Option<Estimate>,
    /// Mean time in seconds from the end of an outage to the next one, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_time_between_outages_s: Option<Estimate>,
    /// Lengths of the outages; none if there were none.
    pub outage_s: Option<Quantiles>,
    /// Fault to service restored, where nothing had to come back for it.
    pub failover_s: Option<Quantiles>,
    /// How good and how bad a year can be, where the horizon has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<YearOutcome>,
    /// Downtime by cause, largest share first.
    pub attribution: Vec<CauseShare>,
    /// Downtime by the number of nodes that were down when its outage began.
    pub nodes_down: Vec<NodesDown>,
    /// Requests, where the scenario says how many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<DemandOutcome>,
    /// The availability that somebody claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<f64>,
    /// Steps of the distribution of failover times, for plots.
    #[serde(skip)]
    pub failover_steps: Vec<(f64, f64)>,
    /// Steps of the distribution of outage lengths, for plots.
    #[serde(skip)]
    pub outage_steps: Vec<(f64, f64)>,
    /// Downtime in seconds of each simulated year, for plots.
    #[serde(skip)]
    pub yearly_downtime_s: Vec<f64>,
    /// Downtime and outages of each simulated month, for service level objectives.
    #[serde(skip)]
    pub months: Months,
}

/// The downtime of a single year, taken at random from the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct YearOutcome {
    /// `exact`, `approximate` or `simulated`.
    pub how: &'static str,
    /// Probability of a year without downtime.
    pub no_downtime: f64,
    /// Probability of a year with some, which keeps its digits where that is rare.
    pub any_downtime: f64,
    /// Seconds that half of the years do not exceed.
    pub p50_s: f64,
    /// Seconds that nine years of ten do not exceed.
    pub p90_s: f64,
    /// Seconds that 99 years of a hundred do not exceed.
    pub p99_s: f64,
}

/// A cause and its share of the downtime.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CauseShare {
    /// The part of the service's expression that was false.
    pub cause: String,
    /// Its share of the downtime, 0 to 1.
    pub share: f64,
}

/// The share of the downtime that lies in outages which began with so many nodes down.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NodesDown {
    /// Nodes down when the outage began; 3 stands for three or more.
    pub nodes: usize,
    /// The share of the downtime, 0 to 1.
    pub share: f64,
}

/// What happens to the requests of a service.
#[derive(Clone, Debug, Serialize)]
pub struct DemandOutcome {
    /// Requests per second that come, the mean of a day.
    pub requests_per_s: f64,
    /// Requests per year that fail: refused, timed out, or unlucky (the `success` share).
    pub failed_requests_per_year: Estimate,
    /// Requests per year that are served after a long wait.
    pub delayed_requests_per_year: Estimate,
    /// The same as a share of all requests.
    pub failed_share: Estimate,
    /// The same as a share of all requests.
    pub delayed_share: Estimate,
    /// Mean wait in seconds of a request that is served.
    pub mean_wait_s: Option<Estimate>,
    /// Requests that failed in one stretch of trouble: from when the service is not fully up,
    /// or a node that serves it is overloaded, until all is well and the backlog is gone.
    pub failed_per_outage: Option<Quantiles>,
    /// Requests that were served late because of one.
    pub delayed_per_outage: Option<Quantiles>,
    /// The largest backlog of one.
    pub queued_per_outage: Option<Quantiles>,
}

/// How busy the nodes are.
#[derive(Clone, Debug, Serialize)]
pub struct NodesOutcome {
    /// The utilisation that should not be exceeded.
    pub limit: f64,
    /// Share of time in which a node is above that.
    pub above_limit: Estimate,
    /// Share of time in which a node has more work than it can do.
    pub overload: Estimate,
    /// The nodes that can bear work, in the order of the scenario.
    #[serde(serialize_with = "in_order")]
    pub nodes: Vec<(String, NodeLoad)>,
}

/// Utilisation of one node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeLoad {
    /// Processors.
    pub cpu: Utilisation,
    /// Memory.
    pub memory: Utilisation,
}

/// Mean over time, and largest value. 1 is all that the node has; work that comes to a node
/// may be more.
#[derive(Clone, Debug, Serialize)]
pub struct Utilisation {
    /// Mean over all time, down or not.
    pub mean: Estimate,
    /// The largest that was seen.
    pub peak: f64,
}

/// The share of time at one value of a tally.
#[derive(Clone, Debug, Serialize)]
pub struct TallyLevel {
    /// The value of the count.
    pub value: u64,
    /// Share of time.
    pub share: Estimate,
}

/// The mean of a tally over time.
#[derive(Clone, Debug, Serialize)]
pub struct TallyMean {
    /// The mean value.
    pub mean: Estimate,
    /// The mean time in seconds that each of those counted stays, where the
    /// scenario says how many come per second (Little's law).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_time_s: Option<Estimate>,
}

/// One replication in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicationRow {
    /// For each service: seconds down, seconds of failed requests, outages (weighted
    /// where copies were made).
    pub services: Vec<(f64, f64, f64)>,
    /// Events.
    pub events: u64,
}
