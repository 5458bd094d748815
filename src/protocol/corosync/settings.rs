//! The parameters of an instance, read and checked.

use super::qdevice::{Algorithm, DeviceSettings, Preferred, Server};
use super::votes::{Rules, TieBreaker};
use crate::automaton::{Blueprint, Delay, Nanos, Node, NodeSet};
use crate::protocol::optional_set::OptionalSet;
use crate::protocol::{Site, by_node};
use crate::scenario::error::Result;

/// Each pair of members has a timer of its own, so their number is kept small.
pub const MAX_MEMBERS: usize = 64;
/// votequorum.c keeps the quorum in eight bits.
const MAX_VOTES: u64 = 255;
/// The interval that corosync adds for rounding: 1000 / HZ (totemconfig.c).
const ROUNDING_MILLISECONDS: f64 = 10.0;

/// How long things take.
pub struct Timing {
    /// From the last sign of a member to the loss of the token.
    pub token_loss: Delay,
    pub consensus: Delay,
    pub token_retransmit: Nanos,
    /// Links of a process that has just started, of another one to it, and those of
    /// processes that were both there before.
    pub link_up_fresh: Delay,
    pub link_up: Delay,
    pub link_healed: Delay,
    pub link_down: Delay,
    pub start: Delay,
    pub form: Delay,
    pub leave: Delay,
    pub merge: Delay,
    /// The merge after 1, 2, ... lost commit tokens.
    pub lost_commits: Vec<f64>,
}

fn milliseconds(count: f64) -> Nanos {
    Nanos::from_seconds(count / 1000.0)
}

/// The value of a parameter, or what follows from others where it is zero.
fn or_derived(site: &Site<'_>, path: &str, derived: Nanos) -> Result<Nanos> {
    let given = site.parameters.duration(path)?;
    Ok(if given == Nanos::ZERO { derived } else { given })
}

impl Timing {
    /// Reads the times of a cluster of so many members.
    pub fn read<const W: usize>(
        site: &Site<'_>,
        blueprint: &mut Blueprint<W>,
        members: usize,
    ) -> Result<Timing> {
        let p = site.parameters;
        // With one or two nodes the coefficient does not apply.
        let extra = p
            .duration("token_coefficient")?
            .times(members.saturating_sub(2) as u64);
        let token = p.positive_duration("token")? + extra;
        let retransmits = p.integer("token_retransmits_before_loss_const", 1, 1000)? as f64;
        let token_ms = token.seconds() * 1000.0;
        // Whole milliseconds, as in the source.
        let retransmit_ms = (token_ms / (retransmits + 0.2)).floor();
        let rest_ms = (retransmit_ms * 0.8 - ROUNDING_MILLISECONDS)
            .floor()
            .max(1.0);
        let hold = or_derived(site, "hold", milliseconds(rest_ms))?;
        if hold >= token {
            return Err(p.error("hold", "hold must be shorter than the token timeout"));
        }
        let consensus = or_derived(site, "consensus", milliseconds(1.2 * token_ms))?;
        if consensus < token {
            return Err(p
                .error("consensus", "consensus must not be shorter than token")
                .help("corosync.conf(5): at least 1.2 * token; leave it away to get just that"));
        }
        let pongs = p.integer("knet.pong_count", 1, 255)? as u64;
        let interval = Nanos(token.0 / (2 * pongs));
        let interval = or_derived(site, "knet.ping_interval", interval)?;
        let tick = p.positive_duration("knet.tick")?;
        let period = tick.times(interval.0.div_ceil(tick.0));
        let known = period.times(pongs);
        let timeout = or_derived(site, "knet.ping_timeout", Nanos(token.0 / pongs))?;
        let healed = known + p.duration("overhead.heal")?;
        let mut delay = |path: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        Ok(Timing {
            token_loss: Delay::Uniform {
                low: token - hold,
                high: token,
            },
            consensus: Delay::Fixed(consensus),
            token_retransmit: milliseconds(retransmit_ms),
            link_up_fresh: Delay::Fixed(known),
            link_up: Delay::Uniform {
                low: known,
                high: known + period,
            },
            link_healed: Delay::Uniform {
                low: healed,
                high: healed + period,
            },
            link_down: Delay::Fixed(timeout),
            start: delay("overhead.start")?,
            form: delay("overhead.form")?,
            leave: delay("overhead.leave")?,
            merge: delay("overhead.merge")?,
            lost_commits: p.weights("overhead.lost_commits")?,
        })
    }
}

/// The rules of votequorum; refuses what corosync refuses or silently disables.
pub fn rules<const W: usize>(
    site: &Site<'_>,
    blueprint: &Blueprint<W>,
    members: &[Node],
    device: Option<&DeviceSettings>,
) -> Result<Rules> {
    let p = site.parameters;
    let votes = by_node::numbers(site, blueprint, "quorum.votes", members, MAX_VOTES as i64)?;
    let sum: u64 = members.iter().map(|node| votes[node.index()]).sum();
    let device_votes = device.map_or(0, |device| device.votes);
    let expected = match p.integer("quorum.expected_votes", 0, MAX_VOTES as i64)? as u64 {
        0 => sum + device_votes,
        given => given,
    };
    if sum == 0 || sum + device_votes > MAX_VOTES {
        let message = format!("{} votes in all", sum + device_votes);
        return Err(p
            .error("quorum.votes", message)
            .help(format!("there must be 1 to {MAX_VOTES}")));
    }
    let two_node = p.flag("quorum.two_node")?;
    let wait = [("auto", None), ("on", Some(true)), ("off", Some(false))];
    let wait_for_all = p.word("quorum.wait_for_all", &wait)?.unwrap_or(two_node);
    let rules = Rules {
        votes,
        expected,
        device_votes,
        two_node,
        wait_for_all,
        last_man_standing: p.flag("quorum.last_man_standing")?,
        window: Delay::Fixed(p.positive_duration("quorum.last_man_standing_window")?),
        tie_breaker: tie_breaker(site, blueprint, members)?,
    };
    check(site, &rules, members.len(), sum, device.is_some())?;
    Ok(rules)
}

fn check(site: &Site<'_>, rules: &Rules, members: usize, sum: u64, device: bool) -> Result<()> {
    let p = site.parameters;
    let tie_breaker = rules.tie_breaker.is_some();
    let refuse = |path: &str, message: &str, help: &str| Err(p.error(path, message).help(help));
    if rules.two_node && members != 2 {
        let message = format!("two_node with {members} members");
        return refuse("quorum.two_node", &message, "it is meant for exactly two");
    }
    if rules.two_node && (tie_breaker || device) {
        return refuse(
            "quorum.two_node",
            "two_node does not go with auto_tie_breaker or a quorum device",
            "take one of the three: who wins a split is decided by a fencing race, by the node id, or by qnetd",
        );
    }
    if device && rules.last_man_standing {
        return refuse(
            "quorum.last_man_standing",
            "last_man_standing does not go with a quorum device: corosync disables the device",
            "leave it away; the algorithm `lms` of the device does the same",
        );
    }
    if device && tie_breaker {
        return refuse(
            "quorum.auto_tie_breaker",
            "auto_tie_breaker does not go with a quorum device: corosync disables the device",
            "leave it away; the device has a tie_breaker of its own",
        );
    }
    if tie_breaker && sum % 2 == 1 && !rules.wait_for_all {
        return refuse(
            "quorum.auto_tie_breaker",
            "auto_tie_breaker with an odd number of votes needs wait_for_all: corosync disables it",
            "add wait_for_all = \"on\"",
        );
    }
    if rules.last_man_standing && rules.votes.iter().any(|votes| *votes > 1) {
        return refuse(
            "quorum.last_man_standing",
            "last_man_standing needs members with one vote each: corosync disables it",
            "leave quorum.votes away",
        );
    }
    Ok(())
}

fn tie_breaker<const W: usize>(
    site: &Site<'_>,
    blueprint: &Blueprint<W>,
    members: &[Node],
) -> Result<Option<TieBreaker>> {
    const PATH: &str = "quorum.auto_tie_breaker_node";
    if !site.parameters.flag("quorum.auto_tie_breaker")? {
        return Ok(None);
    }
    Ok(Some(match site.parameters.text(PATH)? {
        "lowest" => TieBreaker::Lowest,
        "highest" => TieBreaker::Highest,
        names => TieBreaker::List(
            names
                .split_whitespace()
                .map(|name| member(site, blueprint, members, PATH, name))
                .collect::<Result<Vec<Node>>>()?,
        ),
    }))
}

fn member<const W: usize>(
    site: &Site<'_>,
    blueprint: &Blueprint<W>,
    members: &[Node],
    path: &str,
    name: &str,
) -> Result<Node> {
    let found = blueprint.node_named(name);
    found.filter(|node| members.contains(node)).ok_or_else(|| {
        let message = format!("`{}` has no member `{name}`", site.name);
        site.parameters
            .error(path, message)
            .help("give \"lowest\", \"highest\", or members by name")
    })
}

/// The quorum device, if there is one.
pub fn device<const W: usize>(
    site: &Site<'_>,
    blueprint: &mut Blueprint<W>,
    members: &[Node],
) -> Result<Option<DeviceSettings>> {
    let p = site.parameters;
    let algorithms = [
        ("", None),
        ("ffsplit", Some(Algorithm::FiftyFifty)),
        ("lms", Some(Algorithm::LastManStanding)),
    ];
    let Some(algorithm) = p.word("qdevice.algorithm", &algorithms)? else {
        return Ok(None);
    };
    let one_each = by_node::numbers(site, blueprint, "quorum.votes", members, MAX_VOTES as i64)?
        .iter()
        .all(|votes| *votes == 1);
    let votes = match (p.integer("qdevice.votes", 0, 255)? as u64, algorithm) {
        (0, Algorithm::FiftyFifty) => 1,
        (0, Algorithm::LastManStanding) => members.len().saturating_sub(1) as u64,
        (given, _) => given,
    };
    if algorithm == Algorithm::FiftyFifty && (votes != 1 || !one_each) {
        let message = "ffsplit works only if the device and every member have exactly one vote";
        return Err(p.error("qdevice.votes", message));
    }
    const TIE: &str = "qdevice.tie_breaker";
    let tie_breaker = match p.text(TIE)? {
        "lowest" => Preferred::Lowest,
        "highest" => Preferred::Highest,
        name => Preferred::Member(member(site, blueprint, members, TIE, name)?),
    };
    let timeout = p.positive_duration("qdevice.timeout")?;
    let mut delay = |path: &str| -> Result<Delay> {
        Ok(blueprint.delay(&p.distribution(path, site.files)?))
    };
    Ok(Some(DeviceSettings {
        algorithm,
        votes,
        tie_breaker,
        // qdevice-net-instance.c, qnet-config.h: a heartbeat every 0.8 * timeout; who
        // has not sent one for 1.5 of them is dropped by qnetd; who asks too early asks
        // again after a quarter of it.
        lost: Delay::Uniform {
            low: Nanos(timeout.0 / 10 * 8),
            high: Nanos(timeout.0 / 10 * 16),
        },
        dropped: Delay::Uniform {
            low: Nanos(timeout.0 / 10 * 4),
            high: Nanos(timeout.0 / 10 * 12),
        },
        again: Delay::Fixed(Nanos(timeout.0 / 10 * 2)),
        sync: Delay::Fixed(p.positive_duration("qdevice.sync_timeout")?),
        answer: delay("qdevice.answer")?,
        connect: delay("qdevice.connect")?,
        wait_for_all: p.text("quorum.wait_for_all")? == "on",
    }))
}

/// Where qnetd is: on a node of the scenario, or wherever `reach` leads.
pub fn server<const W: usize>(
    site: &Site<'_>,
    blueprint: &Blueprint<W>,
    members: NodeSet<W>,
) -> Result<Server<W>> {
    let p = site.parameters;
    let name = p.text("qdevice.host")?;
    let host = match (name, blueprint.node_named(name)) {
        ("", _) => None,
        (_, Some(node)) => Some(node),
        _ => {
            let message = format!("there is no node `{name}` for qnetd");
            return Err(p
                .error("qdevice.host", message)
                .help("add a [[node]] that is no member, or say who reaches it with qdevice.reach"));
        }
    };
    let works = match p.text("qdevice.host_process")? {
        "" => site.signals.running,
        _ => site.process("qdevice.host_process")?.works,
    };
    Ok(Server {
        reach: OptionalSet::read(site, "qdevice.reach", members)?,
        host: host.map(|node| (node, works)),
        paths: site.signals.reach,
    })
}
