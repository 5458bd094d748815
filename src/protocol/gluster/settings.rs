//! The numbers of a volume, checked.

use crate::automaton::{Blueprint, Delay, DistributionId, Nanos, Node, NodeSet};
use crate::protocol::Site;
use crate::scenario::error::Result;

/// Which bricks a client must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// More than half, or exactly half with brick 1.
    Auto,
    /// So many.
    Count(usize),
}

impl Quorum {
    /// `afr_has_quorum`: do the bricks that a client sees suffice, of so many?
    pub fn holds<const W: usize>(self, seen: NodeSet<W>, first: Node, bricks: usize) -> bool {
        let count = seen.len();
        match self {
            Quorum::Auto => 2 * count > bricks || (2 * count == bricks && seen.contains(first)),
            Quorum::Count(needed) => count >= needed,
        }
    }
}

/// When glusterd takes its own brick down.
pub struct ServerQuorum {
    /// Peers that must be there, itself included.
    pub needed: usize,
    pub notice: Delay,
}

/// Everything that the automaton does not change.
pub struct Settings {
    pub writes: bool,
    pub quorum: Quorum,
    pub server_quorum: Option<ServerQuorum>,
    /// From the silence of a brick to the end of the connection.
    pub ping: Delay,
    pub connect_link: Delay,
    pub connect_boot: Delay,
    pub connect_restart: Delay,
    pub connect_mount: Delay,
    pub stall_link: Delay,
    pub stall_boot: Delay,
    pub heal_timeout: Nanos,
    pub heal_missed: f64,
    pub heal_link: DistributionId,
    pub heal_boot: Delay,
    pub heal_restart: Delay,
}

impl Settings {
    /// Reads and checks the parameters of a volume with so many bricks.
    pub fn new<const W: usize>(
        site: &Site<'_>,
        blueprint: &mut Blueprint<W>,
        bricks: usize,
    ) -> Result<Self> {
        let p = site.parameters;
        let ping = p.positive_duration("network.ping_timeout")?;
        let heal_link = p.distribution("heal.link", site.files)?;
        let delay = |path: &str, blueprint: &mut Blueprint<W>| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        Ok(Settings {
            writes: p.flag("writes")?,
            quorum: quorum(site, bricks)?,
            server_quorum: server_quorum(site, blueprint, bricks)?,
            // A ping goes out every T and has T to be answered.
            ping: Delay::Uniform {
                low: ping,
                high: ping.times(2),
            },
            connect_link: delay("connect.link", blueprint)?,
            connect_boot: delay("connect.boot", blueprint)?,
            connect_restart: delay("connect.restart", blueprint)?,
            connect_mount: delay("connect.mount", blueprint)?,
            stall_link: delay("return_stall.link", blueprint)?,
            stall_boot: delay("return_stall.boot", blueprint)?,
            heal_timeout: p.positive_duration("cluster.heal_timeout")?,
            heal_missed: p.share("heal.missed")?,
            heal_link: blueprint.distribution(heal_link),
            heal_boot: delay("heal.boot", blueprint)?,
            heal_restart: delay("heal.restart", blueprint)?,
        })
    }
}

fn quorum(site: &Site<'_>, bricks: usize) -> Result<Quorum> {
    const COUNT: &str = "cluster.quorum_count";
    let p = site.parameters;
    let by_default = if bricks > 2 {
        Quorum::Auto
    } else {
        Quorum::Count(1)
    };
    let count = p.integer(COUNT, 1, i64::from(u16::MAX))? as usize;
    let words = [
        ("default", by_default),
        ("auto", Quorum::Auto),
        ("none", Quorum::Count(1)),
        ("fixed", Quorum::Count(count)),
    ];
    if count > bricks {
        let message = format!("a quorum of {count} bricks, and `{}` has {bricks}", site.name);
        return Err(p.error(COUNT, message));
    }
    p.word("cluster.quorum_type", &words)
}

fn server_quorum<const W: usize>(
    site: &Site<'_>,
    blueprint: &mut Blueprint<W>,
    bricks: usize,
) -> Result<Option<ServerQuorum>> {
    let p = site.parameters;
    let on = p.word(
        "cluster.server_quorum_type",
        &[("none", false), ("server", true)],
    )?;
    let ratio = p.integer("cluster.server_quorum_ratio", 1, 100)? as usize;
    let notice = p.distribution("server_quorum.notice", site.files)?;
    Ok(on.then(|| ServerQuorum {
        needed: (bricks * ratio).div_ceil(100),
        notice: blueprint.delay(&notice),
    }))
}
