//! `[[component]]`, `[[shock]]` and `[[partition]]`: trouble that nodes share.
//! Scenarios and failure profiles write it in the same words.

use super::names::{Names, NodeNames};
use super::{MAX_ENTRIES, Surroundings};
use crate::automaton::{Distribution, MAX_NODES};
use crate::scenario::document::{Item, Value};
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::reader::{self, Reader};
use crate::scenario::{
    Battery, Component, ComponentKind, Hits, PartitionSpec, Shock, Split, delay,
};
use std::collections::BTreeMap;

/// What several nodes suffer together.
#[derive(Default)]
pub struct Trouble {
    /// Shared components.
    pub components: Vec<Component>,
    /// Events that hit several nodes at one instant.
    pub shocks: Vec<Shock>,
    /// Spontaneous partitions.
    pub partitions: Vec<PartitionSpec>,
}

impl Trouble {
    /// Adds what a scenario or a profile says.
    pub fn read(
        &mut self,
        r: &Reader<'_>,
        places: &NodeNames<'_>,
        names: &mut Names,
        around: &Surroundings<'_>,
    ) -> Result<()> {
        for item in tables(r, "component")? {
            let t = Reader::new(item, "a component")?;
            let name = names.claim_field(&t, "a component")?;
            self.components.push(component(&t, name, places, around)?);
            t.finish()?;
        }
        for item in tables(r, "shock")? {
            let t = Reader::new(item, "a shock")?;
            let name = names.claim_field(&t, "a shock")?;
            self.shocks.push(shock(&t, name, places, around)?);
            t.finish()?;
        }
        for item in tables(r, "partition")? {
            let t = Reader::new(item, "a partition")?;
            let name = names.claim_field(&t, "a partition")?;
            self.partitions.push(PartitionSpec {
                name,
                every: delay::interval(t.required("every")?, around.files)?,
                lasts: delay::distribution(t.required("lasts")?, around.files)?,
                split: split(&t, places)?,
            });
            t.finish()?;
        }
        Ok(())
    }
}

fn tables<'a>(r: &Reader<'a>, key: &str) -> Result<&'a [Item]> {
    r.item(key)
        .map_or(Ok(&[][..]), |item| reader::list_up_to(item, MAX_ENTRIES))
}

fn component(
    t: &Reader<'_>,
    name: String,
    places: &NodeNames<'_>,
    around: &Surroundings<'_>,
) -> Result<Component> {
    const KINDS: [(&str, ComponentKind); 3] = [
        ("power", ComponentKind::Power),
        ("switch", ComponentKind::Switch),
        ("site", ComponentKind::Site),
    ];
    let kind = reader::word(t.required("kind")?, &KINDS)?;
    let battery_item = t.item("battery");
    if let (ComponentKind::Switch, Some(item)) = (kind, battery_item) {
        return Err(ScenarioError::at(
            &item.origin,
            "a battery bridges a loss of power, not of the network",
            "no use here",
        )
        .help("give the battery to a component of kind \"power\" or \"site\""));
    }
    Ok(Component {
        name,
        kind,
        nodes: places.resolve(t.item("nodes"))?,
        failure: delay::interval(t.required("failure")?, around.files)?,
        repair: delay::distribution(t.required("repair")?, around.files)?,
        battery: battery_item.map(battery).transpose()?,
        redundancy: t.text_if_any("redundancy")?.map(str::to_owned),
    })
}

fn battery(item: &Item) -> Result<Battery> {
    let t = Reader::new(item, "a battery")?;
    let battery = Battery {
        autonomy: reader::duration(t.required("autonomy")?)?,
        fail_on_demand: t.share_if_any("fail_on_demand")?.unwrap_or(0.0),
    };
    t.finish()?;
    Ok(battery)
}

fn shock(
    t: &Reader<'_>,
    name: String,
    places: &NodeNames<'_>,
    around: &Surroundings<'_>,
) -> Result<Shock> {
    let nodes = places.resolve(t.item("nodes"))?;
    let every = match (t.item("every"), t.item("rate_per_node")) {
        (Some(item), None) => delay::interval(item, around.files)?,
        (None, Some(item)) => match reader::rate(item)? {
            0.0 => Distribution::Never,
            // Shocks that spread from any of the nodes come as one Poisson process.
            rate => Distribution::Exponential {
                mean: 1.0 / (rate * nodes.len() as f64),
            },
        },
        _ => {
            return Err(ScenarioError::at(
                t.origin(),
                "a shock needs either `every` (the time between two) or `rate_per_node`, and not both",
                "this shock",
            ));
        }
    };
    let hits = match (t.item("hits"), t.item("sizes")) {
        (Some(item), None) => Hits::Each(reader::share(item)?),
        (None, Some(item)) => Hits::Sizes(sizes(item, nodes.len())?),
        _ => {
            return Err(ScenarioError::at(
                t.origin(),
                "a shock needs either `hits` (a probability for each node) or `sizes`, and not both",
                "whom does this shock hit?",
            )
            .help("write hits = \"50%\", or sizes = [{ nodes = 2, weight = 0.9 }, { nodes = [3, 5], weight = 0.1 }]"));
        }
    };
    Ok(Shock {
        name,
        every,
        nodes,
        hits,
    })
}

/// How many nodes a shock hits. Sizes beyond the number of nodes in its reach
/// hit all of them, so that a profile fits clusters of any size.
fn sizes(item: &Item, reach: usize) -> Result<Vec<(usize, f64)>> {
    let mut weights: BTreeMap<usize, f64> = BTreeMap::new();
    for entry in reader::list_up_to(item, MAX_ENTRIES)? {
        let s = Reader::new(entry, "a size")?;
        let (low, high) = size_range(s.required("nodes")?)?;
        let weight = reader::positive(s.required("weight")?)?;
        s.finish()?;
        let each = weight / (high - low + 1) as f64;
        for size in low..=high {
            *weights.entry(size.min(reach)).or_default() += each;
        }
    }
    if weights.is_empty() {
        return Err(ScenarioError::at(
            &item.origin,
            "at least one size is needed",
            "empty",
        ));
    }
    Ok(weights.into_iter().collect())
}

/// `2`, or `[4, 5]` for each number from 4 to 5 with an equal part of the weight.
fn size_range(item: &Item) -> Result<(usize, usize)> {
    let size = |item: &Item| reader::integer(item, 1, MAX_NODES as i64).map(|n| n as usize);
    let Value::Array(ends) = &item.value else {
        return size(item).map(|n| (n, n));
    };
    match ends.as_slice() {
        [low, high] if size(low)? <= size(high)? => Ok((size(low)?, size(high)?)),
        _ => Err(ScenarioError::at(
            &item.origin,
            "a range of sizes has a smaller and a larger end",
            "not a range",
        )
        .help("write nodes = [4, 5]")),
    }
}

fn split(t: &Reader<'_>, places: &NodeNames<'_>) -> Result<Split> {
    let (item, groups) = match (t.item("split"), t.item("groups")) {
        (Some(item), None) => {
            const WORDS: [(&str, bool); 2] = [("one_node", true), ("halves", false)];
            return Ok(if reader::word(item, &WORDS)? {
                Split::OneNode
            } else {
                Split::Halves
            });
        }
        (None, Some(item)) => (item, reader::list_up_to(item, MAX_NODES)?),
        _ => {
            return Err(ScenarioError::at(
                t.origin(),
                "a partition needs either `split` (\"one_node\" or \"halves\") or `groups`, and not both",
                "who is cut off from whom?",
            ));
        }
    };
    let mut found: Vec<Vec<usize>> = Vec::new();
    for group in groups {
        let members = places.resolve(Some(group))?;
        if let Some(twice) = members
            .iter()
            .find(|m| found.iter().any(|other| other.contains(m)))
        {
            let name = &places.nodes[*twice].name;
            return Err(ScenarioError::at(
                &group.origin,
                format!("`{name}` is in two groups"),
                "here again",
            ));
        }
        found.push(members);
    }
    if found.is_empty() {
        return Err(
            ScenarioError::at(&item.origin, "a partition has at least one group", "empty")
                .help("nodes that no group names form one more; users reach the first group"),
        );
    }
    Ok(Split::Groups(found))
}
