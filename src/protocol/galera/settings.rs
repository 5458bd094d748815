//! The numbers of a Galera cluster, checked: what `models/galera.toml` and the
//! scenario say, as delays and weights.

use crate::automaton::{Blueprint, Delay, Nanos, Node, NodeSet};
use crate::protocol::{Site, by_node};
use crate::scenario::error::Result;

/// The largest pc.weight that the provider takes.
const MAX_WEIGHT: i64 = 255;

/// How often a view needs one, two, ... retransmission rounds more, by the
/// number of nodes that form it: `by_size[0]` for two, then three, then more.
/// Who is alone agrees with itself at once.
pub struct Rounds {
    by_size: [Vec<f64>; 3],
}

impl Rounds {
    fn new(site: &Site<'_>, path: &str) -> Result<Self> {
        let weights = |size: &str| site.parameters.weights(&format!("rounds.{path}.{size}"));
        Ok(Rounds {
            by_size: [weights("two")?, weights("three")?, weights("more")?],
        })
    }

    /// The weights of 0, 1, 2, ... extra rounds for a view of so many nodes.
    pub fn of(&self, nodes: usize) -> &[f64] {
        match nodes {
            0 | 1 => &[1.0],
            _ => &self.by_size[nodes.min(4) - 2],
        }
    }
}

/// gmcast looks this often whether its connections are alive (gmcast.cpp,
/// `check_period_`; no option).
const LIVENESS_CHECK: Nanos = Nanos(500_000_000);

/// Everything that the automaton does not change.
pub struct Settings {
    /// evs.suspect_timeout in a primary view.
    pub silence: Delay,
    /// The same where nobody writes: less the phase of the last keepalive.
    pub silence_idle: Delay,
    pub check: Delay,
    pub round: Nanos,
    pub install: Delay,
    pub peer_timeout: Delay,
    pub leave: Delay,
    pub overhead: Nanos,
    pub after_crash: Rounds,
    pub after_leave: Rounds,
    pub merge: Rounds,
    pub expired: Vec<f64>,
    pub breakup: f64,
    pub contact_start: Delay,
    pub contact_heal: Delay,
    pub contact_thaw: Delay,
    pub join_stall: Delay,
    pub hang_short: Delay,
    pub hang_long: Delay,
    pub hang_thaw: Delay,
    /// Until a cut path counts as failed and a third member relays.
    pub hang_detour: Delay,
    pub recovery: bool,
    pub ignore_quorum: bool,
    pub ignore_sb: bool,
    pub wait_prim: Delay,
    /// pc.weight by node.
    pub weights: Vec<u64>,
    /// How long an absence the write-set cache bridges; `None`: any.
    pub coverage: Option<Delay>,
    pub prepare: Delay,
    pub ist_copy: Delay,
    pub ist_finish: Delay,
    pub ist_finish_running: Delay,
    pub sst_copy: Delay,
    pub sst_finish: Delay,
    pub sst_blocks_donor: bool,
    pub bootstrap: Delay,
    pub new_cluster: Delay,
}

impl Settings {
    /// Reads and checks the parameters; `members` in the order of a weight list.
    pub fn new<const W: usize>(
        site: &Site<'_>,
        blueprint: &mut Blueprint<W>,
        members: &[Node],
    ) -> Result<Self> {
        let p = site.parameters;
        let delay = |path: &str, blueprint: &mut Blueprint<W>| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        let (silence, silence_idle) = silence(site)?;
        let peer_timeout = p.positive_duration("gmcast.peer_timeout")?;
        Ok(Settings {
            silence,
            silence_idle,
            check: Delay::phase(p.positive_duration("evs.inactive_check_period")?),
            round: p.positive_duration("evs.join_retrans_period")?,
            install: Delay::Fixed(p.positive_duration("evs.install_timeout")?),
            peer_timeout: Delay::Fixed(peer_timeout),
            hang_detour: Delay::Uniform {
                low: peer_timeout,
                high: peer_timeout + LIVENESS_CHECK,
            },
            leave: delay("leave.time", blueprint)?,
            overhead: p.duration("rounds.overhead")?,
            after_crash: Rounds::new(site, "crash")?,
            after_leave: Rounds::new(site, "leave")?,
            merge: Rounds::new(site, "merge")?,
            expired: p.weights("rounds.expired")?,
            breakup: p.share("install.breakup")?,
            contact_start: delay("contact.start", blueprint)?,
            contact_heal: delay("contact.heal", blueprint)?,
            contact_thaw: delay("contact.thaw", blueprint)?,
            join_stall: delay("join.stall", blueprint)?,
            hang_short: delay("hang.short_cut", blueprint)?,
            hang_long: delay("hang.long_cut", blueprint)?,
            hang_thaw: delay("hang.thaw", blueprint)?,
            recovery: p.flag("pc.recovery")?,
            ignore_quorum: p.flag("pc.ignore_quorum")?,
            ignore_sb: p.flag("pc.ignore_sb")?,
            wait_prim: Delay::Fixed(p.positive_duration("pc.wait_prim_timeout")?),
            weights: weights(site, blueprint, members)?,
            coverage: coverage(site)?,
            prepare: delay("transfer.prepare", blueprint)?,
            ist_copy: delay("ist.copy", blueprint)?,
            ist_finish: delay("ist.finish", blueprint)?,
            ist_finish_running: delay("ist.finish_running", blueprint)?,
            sst_copy: Delay::Fixed(sst_copy(site)?),
            sst_finish: delay("sst.fixed", blueprint)?,
            sst_blocks_donor: p.flag("sst.blocks_donor")?,
            bootstrap: delay("bootstrap.time", blueprint)?,
            new_cluster: delay("bootstrap.new_cluster", blueprint)?,
        })
    }

    /// So many whole rounds, and the time to compute.
    pub fn rounds(&self, count: usize, overhead: Nanos) -> Delay {
        let low = self.round.times(count as u64);
        Delay::Uniform {
            low,
            high: low + overhead,
        }
    }

    /// The votes of a set of nodes.
    pub fn votes<const W: usize>(&self, nodes: NodeSet<W>) -> u64 {
        nodes.iter().map(|node| self.weights[node.index()]).sum()
    }

    /// The quorum rule of `Proto::have_quorum`: who is here, who said goodbye, and
    /// who was in the last primary view.
    pub fn quorum<const W: usize>(
        &self,
        here: NodeSet<W>,
        left: NodeSet<W>,
        of: NodeSet<W>,
    ) -> bool {
        let votes = 2 * self.votes(here & of) + self.votes(left & of);
        let all = self.votes(of);
        self.ignore_quorum || votes > all || (self.ignore_sb && votes == all)
    }
}

/// How long a dead peer goes unnoticed, with steady writes and without, counted
/// from its last message. With writes that is the fault itself; else the last
/// keepalive is up to a period older.
fn silence(site: &Site<'_>) -> Result<(Delay, Delay)> {
    let p = site.parameters;
    let suspect = p.positive_duration("evs.suspect_timeout")?;
    let keepalive = p.positive_duration("evs.keepalive_period")?;
    if keepalive >= suspect {
        return Err(p.error(
            "evs.suspect_timeout",
            "evs.suspect_timeout must be longer than evs.keepalive_period: idle nodes would suspect each other",
        ));
    }
    let idle = Delay::Uniform {
        low: suspect - keepalive,
        high: suspect,
    };
    let writing = if p.flag("traffic")? {
        Delay::Fixed(suspect)
    } else {
        idle
    };
    Ok((writing, idle))
}

fn coverage(site: &Site<'_>) -> Result<Option<Delay>> {
    let p = site.parameters;
    let (size, rate) = (p.bytes("gcache.size")?, p.bytes("write_rate")?);
    Ok((rate > 0.0).then(|| Delay::Fixed(Nanos::from_seconds(size / rate))))
}

fn sst_copy(site: &Site<'_>) -> Result<Nanos> {
    let p = site.parameters;
    let rate = p.bytes("sst.rate")?;
    if rate <= 0.0 {
        return Err(p.error(
            "sst.rate",
            "a state transfer needs a rate greater than zero",
        ));
    }
    Ok(Nanos::from_seconds(p.bytes("data_size")? / rate))
}

/// The weights of the members; arbitrators come last in a list.
fn weights<const W: usize>(
    site: &Site<'_>,
    blueprint: &Blueprint<W>,
    members: &[Node],
) -> Result<Vec<u64>> {
    const PATH: &str = "pc.weight";
    let weights = by_node::numbers(site, blueprint, PATH, members, MAX_WEIGHT)?;
    if members.iter().all(|node| weights[node.index()] == 0) {
        let message = "no member has a vote: all weights are zero";
        return Err(site.parameters.error(PATH, message));
    }
    Ok(weights)
}
