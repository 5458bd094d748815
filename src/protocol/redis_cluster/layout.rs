//! Which instance runs where, and which process it is.

use crate::automaton::{Blueprint, Node, NodeSet};
use crate::protocol::Site;
use crate::scenario::document::{Item, Value};
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::nearest::suggestion;
use crate::scenario::reader;
use crate::world::process::ProcessSignals;

/// The model keeps what every instance thinks of every other.
pub const MOST: usize = 64;

/// One redis-server: where it runs, its process, and the shard that it begins with.
pub struct Instance {
    pub node: Node,
    pub process: ProcessSignals,
    pub shard: usize,
}

/// The instances, masters first: the first `shards` of them own the slots.
pub struct Layout {
    pub instances: Vec<Instance>,
    pub shards: usize,
}

impl Layout {
    /// Reads `masters`, `replicas` and `process`.
    pub fn read<const W: usize>(site: &Site<'_>, blueprint: &Blueprint<W>) -> Result<Layout> {
        let mut homes = masters(site, blueprint)?;
        let shards = homes.len();
        let mut shard_of: Vec<usize> = (0..shards).collect();
        for (node, shard) in replicas(site, blueprint, &homes)? {
            homes.push(node);
            shard_of.push(shard);
        }
        if homes.len() > MOST {
            let message = format!("{} instances; at most {MOST} can be modelled", homes.len());
            return Err(site.parameters.error("masters", message));
        }
        let processes = processes(site)?;
        let mut placed = vec![0; blueprint.nodes()];
        let mut instances = Vec::with_capacity(homes.len());
        for (node, shard) in homes.into_iter().zip(shard_of) {
            let nth = placed[node.index()];
            placed[node.index()] += 1;
            let process = process_of(site, blueprint, &processes, node, nth)?;
            instances.push(Instance {
                node,
                process,
                shard,
            });
        }
        Ok(Layout { instances, shards })
    }

    /// The nodes with at least one instance.
    pub fn nodes<const W: usize>(&self) -> NodeSet<W> {
        self.instances.iter().map(|instance| instance.node).collect()
    }
}

/// The nodes of the masters: every member, the first so many, or those named.
fn masters<const W: usize>(site: &Site<'_>, blueprint: &Blueprint<W>) -> Result<Vec<Node>> {
    const PATH: &str = "masters";
    let item = site.parameters.item(PATH);
    let nodes = match &item.value {
        Value::Array(list) if list.is_empty() => site.nodes.clone(),
        Value::Array(list) => list
            .iter()
            .map(|item| member(site, blueprint, reader::text(item)?, item))
            .collect::<Result<Vec<_>>>()?,
        _ => {
            let count = reader::integer(item, 1, site.nodes.len().max(1) as i64)?;
            site.nodes[..count as usize].to_vec()
        }
    };
    if nodes.is_empty() {
        return Err(site.parameters.error(PATH, "a cluster needs a master"));
    }
    Ok(nodes)
}

/// (node, shard) for each replica, in the order of the table.
fn replicas<const W: usize>(
    site: &Site<'_>,
    blueprint: &Blueprint<W>,
    homes: &[Node],
) -> Result<Vec<(Node, usize)>> {
    const PATH: &str = "replicas";
    let item = site.parameters.item(PATH);
    let Value::Table(table) = &item.value else {
        return Err(site
            .parameters
            .error(PATH, "replicas are a table by node")
            .help("write { server2 = \"server1\", server3 = [\"server1\", \"server2\"] }"));
    };
    let mut found = Vec::new();
    for entry in &table.entries {
        let node = member(site, blueprint, &entry.key, &entry.item)?;
        let of = match &entry.item.value {
            Value::Array(list) => list.as_slice(),
            _ => std::slice::from_ref(&entry.item),
        };
        let mut mentioned = vec![0; blueprint.nodes()];
        for item in of {
            let name = reader::text(item)?;
            let home = member(site, blueprint, name, item)?;
            // The second mention of a node means its second master.
            let nth = mentioned[home.index()];
            mentioned[home.index()] += 1;
            let shard = (0..homes.len()).filter(|s| homes[*s] == home).nth(nth);
            let Some(shard) = shard else {
                let message = if nth == 0 {
                    format!("`{name}` runs no master")
                } else {
                    format!("`{name}` runs only {nth} of the masters named here")
                };
                return Err(ScenarioError::at(&item.origin, message, "no such master"));
            };
            found.push((node, shard));
        }
    }
    Ok(found)
}

fn member<const W: usize>(
    site: &Site<'_>,
    blueprint: &Blueprint<W>,
    name: &str,
    item: &Item,
) -> Result<Node> {
    let known = |node: &Node| blueprint.node_name(*node) == name;
    site.nodes.iter().copied().find(known).ok_or_else(|| {
        let members = site.nodes.iter().map(|n| blueprint.node_name(*n));
        ScenarioError::at(
            &item.origin,
            format!("`{}` has no member `{name}`", site.name),
            "unknown member",
        )
        .maybe_help(suggestion(name, members))
    })
}

/// One process for all instances of a node, or a list: one for each.
fn processes(site: &Site<'_>) -> Result<Vec<(String, ProcessSignals)>> {
    const PATH: &str = "process";
    let item = site.parameters.item(PATH);
    let names = match &item.value {
        Value::Array(list) => list.as_slice(),
        _ => std::slice::from_ref(item),
    };
    if names.is_empty() {
        return Err(site.parameters.error(PATH, "an instance needs a process"));
    }
    names
        .iter()
        .map(|item| {
            let name = reader::text(item)?;
            let signals = site.processes.iter().find(|(known, _)| *known == name);
            match signals {
                Some((_, signals)) => Ok((name.to_owned(), *signals)),
                None => Err(site
                    .parameters
                    .error(PATH, format!("`{}` needs a process `{name}`", site.name))
                    .maybe_help(Some(format!(
                        "add [process.{name}], or name others with {PATH} = \"...\""
                    )))),
            }
        })
        .collect()
}

fn process_of<const W: usize>(
    site: &Site<'_>,
    blueprint: &Blueprint<W>,
    processes: &[(String, ProcessSignals)],
    node: Node,
    nth: usize,
) -> Result<ProcessSignals> {
    let place = if processes.len() == 1 { 0 } else { nth };
    let node_name = blueprint.node_name(node);
    let Some((name, signals)) = processes.get(place) else {
        let message = format!(
            "`{node_name}` runs more instances than there are processes ({})",
            processes.len()
        );
        return Err(site.parameters.error("process", message));
    };
    if blueprint.set_info(signals.works).domain.contains(node) {
        return Ok(*signals);
    }
    Err(site.parameters.error(
        "process",
        format!("the process `{name}` does not run on `{node_name}`, where an instance is"),
    ))
}
