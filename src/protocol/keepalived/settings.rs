//! The parameters of an instance, read and checked.

use crate::automaton::{Blueprint, Delay, Nanos, Node};
use crate::protocol::Site;
use crate::scenario::document::{Item, Value};
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::nearest::suggestion;
use crate::scenario::parameters::Parameters;
use crate::scenario::reader;

/// 0 says "I leave" on the wire, and 255 is the owner of the address.
const PRIORITIES: std::ops::RangeInclusive<i64> = 1..=254;

/// What the configuration file of the daemons says, by node index where they differ.
pub struct Settings {
    pub advert_int: Nanos,
    /// `down_timer_adverts` intervals, without the skew.
    pub down: Nanos,
    pub version: Version,
    priority_passing: Vec<u16>,
    priority_failing: Vec<u16>,
    /// The place among the members, which decides between equal priorities.
    pub place: Vec<u16>,
    pub nopreempt: Vec<bool>,
    /// Zero where there is none.
    pub preempt_delay: Vec<Nanos>,
    pub take: Delay,
    pub carrier_loss: Delay,
    pub thaw: Delay,
    pub respawn: Delay,
    pub start_flush: Delay,
    pub start_settle: Delay,
    /// Time to the first of two advertisements of unrelated phase.
    pub strangers: Delay,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V2,
    V3,
}

impl Settings {
    pub fn read<const W: usize>(site: &Site<'_>, blueprint: &mut Blueprint<W>) -> Result<Settings> {
        let p = site.parameters;
        let version = p.integer("version", 2, 3)?;
        let advert_int = p.positive_duration("advert_int")?;
        if version == 2 && !advert_int.0.is_multiple_of(Nanos::SECOND.0) {
            return Err(p
                .error(
                    "advert_int",
                    "VRRP version 2 counts its interval in whole seconds",
                )
                .help("use version = 3 for shorter intervals"));
        }
        let adverts = p.integer("down_timer_adverts", 1, 100)? as u64;
        let base = priorities(site, blueprint)?;
        let weight = p.integer("track_script.weight", -253, 253)?;
        let with = |change: i64| {
            base.iter()
                .map(|b| (b + change).clamp(*PRIORITIES.start(), *PRIORITIES.end()) as u16)
                .collect()
        };
        let mut place = vec![0; blueprint.nodes()];
        for (index, node) in site.nodes.iter().enumerate() {
            place[node.index()] = index as u16;
        }
        let mut delay = |path: &str| -> Result<Delay> {
            Ok(blueprint.delay(&p.distribution(path, site.files)?))
        };
        let (nopreempt, preempt_delay) = preemption(site, place.len())?;
        Ok(Settings {
            advert_int,
            down: advert_int.times(adverts),
            version: if version == 2 {
                Version::V2
            } else {
                Version::V3
            },
            priority_passing: with(weight.max(0)),
            priority_failing: with(weight.min(0)),
            place,
            nopreempt,
            preempt_delay,
            take: delay("overhead.take")?,
            carrier_loss: delay("overhead.carrier_loss")?,
            thaw: delay("overhead.thaw")?,
            respawn: delay("respawn")?,
            start_flush: delay("start.flush")?,
            start_settle: delay("start.settle")?,
            strangers: strangers(advert_int, blueprint),
        })
    }

    /// The effective priority of a node.
    #[inline]
    pub fn priority(&self, node: Node, script_fails: bool) -> u16 {
        let of = if script_fails {
            &self.priority_failing
        } else {
            &self.priority_passing
        };
        of[node.index()]
    }

    /// The skew of a backup with this priority.
    pub fn skew(&self, priority: u16) -> Nanos {
        let scale = match self.version {
            Version::V2 => Nanos::SECOND,
            Version::V3 => self.advert_int,
        };
        Nanos((u128::from(scale.0) * u128::from(256 - priority) / 256) as u64)
    }
}

/// The smaller of two independent uniform phases: F(x) = 1 - (1 - x/a)^2.
fn strangers<const W: usize>(advert_int: Nanos, blueprint: &mut Blueprint<W>) -> Delay {
    const POINTS: u32 = 256;
    let sorted = (0..POINTS)
        .map(|i| 1.0 - (1.0 - (f64::from(i) + 0.5) / f64::from(POINTS)).sqrt())
        .map(|share| share * advert_int.seconds())
        .collect();
    blueprint.delay(&crate::automaton::Distribution::Empirical { sorted })
}

/// `nopreempt` and `preempt_delay` hold only where the initial state is BACKUP.
fn preemption(site: &Site<'_>, nodes: usize) -> Result<(Vec<bool>, Vec<Nanos>)> {
    const STATES: [(&str, bool); 2] = [("MASTER", true), ("BACKUP", false)];
    let p = site.parameters;
    let first = p.word("state.first", &STATES)?;
    let others = p.word("state.others", &STATES)?;
    let (flag, delay) = (p.flag("nopreempt")?, p.duration("preempt_delay")?);
    let (mut nopreempt, mut preempt_delay) = (vec![false; nodes], vec![Nanos::ZERO; nodes]);
    for (index, node) in site.nodes.iter().enumerate() {
        let state_master = if index == 0 { first } else { others };
        if !state_master {
            nopreempt[node.index()] = flag;
            preempt_delay[node.index()] = delay;
        }
    }
    Ok((nopreempt, preempt_delay))
}

/// Base priorities by node index: a list in the order of the members, a first
/// value with a step, or a table by node name.
fn priorities<const W: usize>(site: &Site<'_>, blueprint: &Blueprint<W>) -> Result<Vec<i64>> {
    let p = site.parameters;
    let item = p.item("priority");
    let mut found = vec![*PRIORITIES.start(); blueprint.nodes()];
    let one = |item: &Item| reader::integer(item, *PRIORITIES.start(), *PRIORITIES.end());
    match &item.value {
        Value::Array(list) => {
            if list.len() != site.nodes.len() {
                let message = format!("{} priorities for {} members", list.len(), site.nodes.len());
                return Err(p.error("priority", message));
            }
            for (node, item) in site.nodes.iter().zip(list) {
                found[node.index()] = one(item)?;
            }
        }
        Value::Table(table) if table.get("first").is_some() => {
            let r = reader::Reader::new(item, "`priority`")?;
            let first = one(r.required("first")?)?;
            let step = r.integer_if_any("step", -254, 254)?.unwrap_or(0);
            r.finish()?;
            for (index, node) in site.nodes.iter().enumerate() {
                let priority = first + step * index as i64;
                if !PRIORITIES.contains(&priority) {
                    let name = blueprint.node_name(*node);
                    let message = format!("the priority of `{name}` would be {priority}");
                    return Err(p
                        .error("priority", message)
                        .help("priorities lie between 1 and 254"));
                }
                found[node.index()] = priority;
            }
        }
        Value::Table(table) => {
            for node in &site.nodes {
                let name = blueprint.node_name(*node);
                let Some(item) = table.get(name) else {
                    return Err(p.error("priority", format!("`{name}` has no priority")));
                };
                found[node.index()] = one(item)?;
            }
            let known = |name: &str| site.nodes.iter().any(|n| blueprint.node_name(*n) == name);
            if let Some(entry) = table.entries.iter().find(|entry| !known(&entry.key)) {
                let members = site.nodes.iter().map(|n| blueprint.node_name(*n));
                let message = format!("`{}` is no member of `{}`", entry.key, site.name);
                return Err(ScenarioError::at(&entry.key_origin, message, "here")
                    .maybe_help(suggestion(&entry.key, members)));
            }
        }
        _ => {
            return Err(p
                .error("priority", "priorities are a list or a table")
                .help("write [100, 99, 98, 97] or { first = 100, step = -1 }"));
        }
    }
    Ok(found)
}

/// The name of the signal of the address: a plain name that nobody else has.
pub fn address_name<const W: usize>(site: &Site<'_>, blueprint: &Blueprint<W>) -> Result<String> {
    let p: &Parameters = site.parameters;
    let name = p.text("address")?;
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !crate::scenario::expression::RESERVED.contains(&name);
    if !plain {
        return Err(p
            .error("address", format!("`{name}` cannot be used as a name"))
            .help(
                "a letter, then letters, digits and _; the address of the users may be called vip",
            ));
    }
    let group = site.groups.iter().any(|group| group.name == name);
    if group || blueprint.signal_named(name).is_some() || blueprint.node_named(name).is_some() {
        return Err(p
            .error("address", format!("the name `{name}` is taken"))
            .help("give each address its own name, e.g. address = \"vip2\""));
    }
    Ok(name.to_owned())
}
