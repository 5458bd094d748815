//! The numbers of a cluster, checked, as delays.

use super::layout::Layout;
use crate::automaton::{Blueprint, Delay, Distribution, DistributionId, Nanos};
use crate::protocol::Site;
use crate::scenario::error::Result;

/// Everything that the automaton does not change.
pub struct Settings {
    pub full_coverage: bool,
    pub reads_when_down: bool,
    /// Can replicas log in to their master at all?
    pub masterauth: bool,
    /// No limit where `cluster-replica-validity-factor` is 0.
    pub data_age: Option<Delay>,
    /// From the silence of a peer to PFAIL.
    pub detect: Delay,
    /// The same where the observer has just started.
    pub detect_fresh: Delay,
    /// To the next exchange of a pair, by the number of peers in contact.
    gossip: Vec<Delay>,
    /// How long FAIL stays at least.
    pub hold: Delay,
    pub pong: Delay,
    pub writable: Delay,
    pub rejoin: Delay,
    pub election_fixed: Nanos,
    election_rank: Nanos,
    election_drawn: DistributionId,
    pub vote: Delay,
    pub vote_bar: Delay,
    pub retry: Delay,
    pub retry_phase: Delay,
    pub contact_fresh: Delay,
    pub contact_start: Delay,
    pub contact_heal: Delay,
    pub contact_thaw: Delay,
    pub sync_full: Delay,
    pub sync_partial: Delay,
    pub manual: Delay,
    pub fix: Delay,
}

impl Settings {
    /// Reads and checks the parameters.
    pub fn read<const W: usize>(
        site: &Site<'_>,
        blueprint: &mut Blueprint<W>,
        layout: &Layout,
    ) -> Result<Settings> {
        let p = site.parameters;
        let timeout = p.positive_duration("cluster_node_timeout")?;
        let cron = p.positive_duration("cron.period")?.seconds();
        let ping = p.positive_duration("cron.random_ping")?.seconds();
        let peers = layout.instances.len() - 1;
        let phase = |peers: usize| (timeout.seconds() / 2.0).min(ping * peers.max(1) as f64);
        let drawn = |widths: &[f64], blueprint: &mut Blueprint<W>| {
            blueprint.distribution(sum_of_uniforms(widths))
        };
        let detect = drawn(&[phase(peers), cron], blueprint);
        let fresh = first_ping(timeout.seconds() / 2.0, ping, cron, layout.instances.len());
        let fresh = blueprint.distribution(fresh);
        let gossip = (0..=peers)
            .map(|peers| blueprint.delay(&smaller_of_two(phase(peers))))
            .collect();
        let jitter = p.positive_duration("election.jitter")?.seconds();
        let election_drawn = drawn(&[jitter, cron, cron], blueprint);
        let rejoin = timeout
            .max(p.duration("rejoin.least")?)
            .min(p.duration("rejoin.most")?);
        let vote_timeout = timeout.times(2).max(p.duration("election.least_timeout")?);
        let retry = vote_timeout.times(2);
        let up_to_cron = |low: Nanos| Delay::Uniform {
            low,
            high: low + Nanos::from_seconds(cron),
        };
        let factor = p.integer("cluster_replica_validity_factor", 0, 1_000_000)? as u64;
        let period = p.duration("repl_ping_replica_period")?;
        let mut delay = |path: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        Ok(Settings {
            full_coverage: p.flag("cluster_require_full_coverage")?,
            reads_when_down: p.flag("cluster_allow_reads_when_down")?,
            masterauth: p.flag("masterauth")?,
            data_age: (factor > 0)
                .then(|| Delay::Fixed(timeout.times(factor) + timeout + period)),
            detect: Delay::FixedThenDrawn(timeout, detect),
            detect_fresh: Delay::FixedThenDrawn(timeout, fresh),
            gossip,
            hold: Delay::Fixed(timeout.times(2)),
            pong: delay("pong")?,
            writable: up_to_cron(p.duration("writable_delay")?),
            rejoin: up_to_cron(rejoin),
            election_fixed: p.duration("election.delay")?,
            election_rank: p.duration("election.rank_delay")?,
            election_drawn,
            vote: delay("vote.round")?,
            vote_bar: Delay::Fixed(timeout.times(2)),
            retry: up_to_cron(retry),
            retry_phase: Delay::phase(retry),
            contact_fresh: delay("contact.fresh")?,
            contact_start: delay("contact.start")?,
            contact_heal: delay("contact.heal")?,
            contact_thaw: delay("contact.thaw")?,
            sync_full: delay("sync.full")?,
            sync_partial: delay("sync.partial")?,
            manual: delay("manual_failover.time")?,
            fix: delay("fix.time")?,
        })
    }

    /// To the next exchange of two nodes, one of which has so many peers.
    #[inline]
    pub fn gossip(&self, peers: usize) -> Delay {
        self.gossip[peers.min(self.gossip.len() - 1)]
    }

    /// From FAIL to the request for votes of a replica of this rank.
    pub fn election(&self, rank: u64) -> Delay {
        let fixed = self.election_fixed + self.election_rank.times(rank);
        Delay::FixedThenDrawn(fixed, self.election_drawn)
    }
}

/// The sum of independent uniform times from zero to these widths, as 1,000 or
/// so equally likely values.
fn sum_of_uniforms(widths: &[f64]) -> Distribution {
    let points = if widths.len() > 2 { 10 } else { 32 };
    let mut sums = vec![0.0];
    for width in widths {
        sums = sums
            .iter()
            .flat_map(|sum| {
                (0..points).map(move |i| sum + width * (f64::from(i) + 0.5) / f64::from(points))
            })
            .collect();
    }
    sums.sort_by(f64::total_cmp);
    Distribution::Empirical {
        sorted: sums.into(),
    }
}

/// The smaller of two independent uniform phases: F(x) = 1 - (1 - x/a)^2.
fn smaller_of_two(width: f64) -> Distribution {
    const POINTS: u32 = 256;
    let sorted = (0..POINTS)
        .map(|i| 1.0 - (1.0 - (f64::from(i) + 0.5) / f64::from(POINTS)).sqrt())
        .map(|share| share * width)
        .collect();
    Distribution::Empirical { sorted }
}

/// When a node that has just started pings a peer that does not answer: each
/// random ping finds it among five draws from the table of all nodes (its pong is
/// the oldest), and after half the time-out it is pinged in any case.
fn first_ping(limit: f64, every: f64, cron: f64, nodes: usize) -> Distribution {
    const DRAWS: i32 = 5;
    let missed = (1.0 - 1.0 / nodes as f64).powi(DRAWS);
    let mut left = 1.0;
    let mut parts = Vec::new();
    let window = |at: f64| Distribution::Uniform {
        low: at,
        high: at + cron,
    };
    let mut at = every;
    while at < limit && left > 1e-3 {
        parts.push((left * (1.0 - missed), window(at)));
        left *= missed;
        at += every;
    }
    parts.push((left, window(limit)));
    Distribution::Mixture { parts }
}
