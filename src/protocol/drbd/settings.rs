//! The parameters of a mirrored device, read and checked.

use super::amount::Ladder;
use crate::automaton::{Blueprint, Delay, Distribution, Nanos, NodeSet};
use crate::protocol::Site;
use crate::scenario::error::Result;

/// When a write counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    A,
    B,
    C,
}

const PROTOCOLS: [(&str, Protocol); 3] =
    [("A", Protocol::A), ("B", Protocol::B), ("C", Protocol::C)];

/// Whose changes are thrown away when neither side is primary any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPrimary {
    Disconnect,
    DiscardYounger,
    DiscardOlder,
    DiscardZero,
    DiscardLeast,
}

const NO_PRIMARY: [(&str, NoPrimary); 5] = [
    ("disconnect", NoPrimary::Disconnect),
    ("discard-younger-primary", NoPrimary::DiscardYounger),
    ("discard-older-primary", NoPrimary::DiscardOlder),
    ("discard-zero-changes", NoPrimary::DiscardZero),
    ("discard-least-changes", NoPrimary::DiscardLeast),
];

/// Whose changes are thrown away when one side is primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnePrimary {
    Disconnect,
    DiscardSecondary,
    Consensus,
}

const ONE_PRIMARY: [(&str, OnePrimary); 3] = [
    ("disconnect", OnePrimary::Disconnect),
    ("discard-secondary", OnePrimary::DiscardSecondary),
    ("consensus", OnePrimary::Consensus),
];

/// What a primary does about a peer that it has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fencing {
    DontCare,
    ResourceOnly,
    /// Its writes wait until the peer is outdated or shot.
    ResourceAndStonith,
}

const FENCING: [(&str, Fencing); 3] = [
    ("dont-care", Fencing::DontCare),
    ("resource-only", Fencing::ResourceOnly),
    ("resource-and-stonith", Fencing::ResourceAndStonith),
];

/// How many nodes a node must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    Off,
    Majority,
    All,
}

const QUORUM: [(&str, Quorum); 3] = [
    ("off", Quorum::Off),
    ("majority", Quorum::Majority),
    ("all", Quorum::All),
];

impl Quorum {
    /// Do so many of so many suffice?
    pub fn holds(self, seen: usize, all: usize) -> bool {
        match self {
            Quorum::Off => true,
            Quorum::Majority => 2 * seen > all,
            Quorum::All => seen == all,
        }
    }
}

/// Everything that the automaton does not change.
pub struct Settings<const W: usize> {
    pub protocol: Protocol,
    pub diskless: NodeSet<W>,
    pub ladder: Ladder,
    /// Resynchronisation of what a crashed primary may have written alone.
    pub activity_log: Nanos,
    /// From the silence of a peer to the end of the connection.
    pub loss: Delay,
    pub retry: Delay,
    pub connect: Delay,
    pub no_primary: NoPrimary,
    pub one_primary: OnePrimary,
    pub fencing: Fencing,
    pub fence_peer: Delay,
    pub disk: Option<(Delay, Delay)>,
    pub detach: bool,
    pub quorum: Quorum,
    /// How long the init script waits for its peers: after an orderly life, and after
    /// one that ended without them; none where it does not, or waits for ever.
    pub wait: Option<(Nanos, Nanos)>,
}

impl<const W: usize> Settings<W> {
    pub fn read(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Self> {
        let p = site.parameters;
        let diskless = match p.set("diskless")? {
            Some(_) => site.fixed_nodes("diskless", blueprint)?,
            None => NodeSet::EMPTY,
        };
        if site.members() - diskless == NodeSet::EMPTY {
            return Err(p.error("diskless", "somebody needs a disk"));
        }
        let rate = p.bytes("resync_rate")?;
        let (size, changes) = (p.bytes("size")?, p.bytes("changes")?);
        for (path, value) in [("resync_rate", rate), ("size", size), ("changes", changes)] {
            if value <= 0.0 {
                return Err(p.error(path, format!("`{path}` must be more than zero")));
            }
        }
        let failure = p.distribution("disk.failure", site.files)?;
        let replacement = p.distribution("disk.replacement", site.files)?;
        let disk = (failure != Distribution::Never)
            .then(|| (blueprint.delay(&failure), blueprint.delay(&replacement)));
        let mut delay = |path: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        let (connect, fence_peer) = (delay("net.connect")?, delay("disk.fence_peer")?);
        Ok(Settings {
            protocol: p.word("protocol", &PROTOCOLS)?,
            diskless,
            ladder: Ladder::new(size, changes, rate),
            activity_log: Nanos::from_seconds(p.bytes("activity_log")?.min(size) / rate),
            loss: loss(site)?,
            retry: Delay::phase(p.positive_duration("net.connect_int")?),
            connect,
            no_primary: p.word("net.after_sb_0pri", &NO_PRIMARY)?,
            one_primary: p.word("net.after_sb_1pri", &ONE_PRIMARY)?,
            fencing: p.word("disk.fencing", &FENCING)?,
            fence_peer,
            disk,
            detach: p.word("disk.on_io_error", &[("detach", true), ("pass-on", false)])?,
            quorum: p.word("quorum.votes", &QUORUM)?,
            wait: wait(site)?,
        })
    }
}

/// A busy link is dead when a write has had no answer for `timeout`; an idle one is
/// pinged every `ping_int`, and a ping has `ping_timeout` to be answered.
fn loss(site: &Site<'_>) -> Result<Delay> {
    let p = site.parameters;
    let timeout = p.positive_duration("net.timeout")?;
    let interval = p.positive_duration("net.ping_int")?;
    let patience = p.positive_duration("net.ping_timeout")?;
    for path in ["net.connect_int", "net.ping_int"] {
        if p.duration(path)? <= timeout {
            let message = format!("`net.timeout` must be less than `{path}`");
            return Err(p.error("net.timeout", message));
        }
    }
    Ok(if p.flag("net.busy")? {
        Delay::Fixed(timeout)
    } else {
        Delay::Uniform {
            low: patience,
            high: interval + patience,
        }
    })
}

fn wait(site: &Site<'_>) -> Result<Option<(Nanos, Nanos)>> {
    let p = site.parameters;
    let (normal, degraded) = (
        p.duration("startup.wfc_timeout")?,
        p.duration("startup.degr_wfc_timeout")?,
    );
    Ok(p.flag("startup.init_script")?.then_some((normal, degraded)))
}
