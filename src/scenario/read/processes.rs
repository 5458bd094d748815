//! `[process.NAME]` and `[protocol.NAME]`: what runs on the nodes.

use super::names::{Names, NodeNames, named_tables};
use super::{Surroundings, pace};
use crate::automaton::{Distribution, Nanos};
use crate::scenario::document::{self, Item, Value};
use crate::scenario::error::{Origin, Result, ScenarioError};
use crate::scenario::nearest::suggestion;
use crate::scenario::parameters::{Parameters, located_set};
use crate::scenario::reader::{self, Reader};
use crate::scenario::{ProcessSpec, ProtocolSpec, RestartRule, delay};
use std::collections::BTreeMap;

/// Nodes times processes: each pair has timers of its own.
const MAX_PLACES: usize = 100_000;

/// Reads all `[process.NAME]` tables.
pub fn processes(
    r: &Reader<'_>,
    places: &NodeNames<'_>,
    around: &Surroundings<'_>,
) -> Result<Vec<ProcessSpec>> {
    let tables = named_tables(r, "process")?;
    if let Some((_, origin, _)) = tables.get(MAX_PLACES / places.nodes.len()) {
        return Err(ScenarioError::at(
            origin,
            format!(
                "{} processes on {} nodes are too many",
                tables.len(),
                places.nodes.len()
            ),
            format!("nodes times processes may be at most {MAX_PLACES}"),
        ));
    }
    let mut processes = Vec::new();
    for (name, _, item) in &tables {
        let t = Reader::new(item, "a process")?;
        processes.push(process(&t, name, places, around)?);
        t.finish()?;
    }
    check_dependencies(&processes, &tables)?;
    Ok(processes)
}

fn process(
    t: &Reader<'_>,
    name: &str,
    places: &NodeNames<'_>,
    around: &Surroundings<'_>,
) -> Result<ProcessSpec> {
    const RULES: [(&str, RestartRule); 4] = [
        ("no", RestartRule::No),
        ("on-failure", RestartRule::OnFailure),
        ("on-abnormal", RestartRule::OnAbnormal),
        ("always", RestartRule::Always),
    ];
    let time = |key: &str| match t.item(key) {
        Some(item) => delay::distribution(item, around.files),
        None => Ok(Distribution::Deterministic { value: 0.0 }),
    };
    let words = |key: &str| -> Result<Vec<String>> {
        t.item(key).map_or(Ok(Vec::new()), |item| {
            Ok(reader::texts(item)?
                .into_iter()
                .map(|(name, _)| name.to_owned())
                .collect())
        })
    };
    Ok(ProcessSpec {
        name: name.to_owned(),
        nodes: places.resolve(t.item("on"))?,
        requires: words("requires")?,
        after: words("after")?,
        start: time("start")?,
        stop: time("stop")?,
        restart: t.word_if_any("restart", &RULES)?.unwrap_or(RestartRule::No),
        // systemd.service(5): RestartSec=100ms; systemd.unit(5): 5 starts in 10 s.
        restart_delay: t
            .duration_if_any("restart_delay")?
            .unwrap_or(Nanos(100_000_000)),
        start_limit_burst: t
            .integer_if_any("start_limit_burst", 0, 10_000)?
            .unwrap_or(5) as u32,
        start_limit_interval: t
            .duration_if_any("start_limit_interval")?
            .unwrap_or(Nanos(10_000_000_000)),
        enabled: t.flag_if_any("enabled")?.unwrap_or(true),
        failure: match t.item("failure") {
            Some(item) => delay::interval(item, around.files)?,
            None => Distribution::Never,
        },
        failure_pace: pace::rules(t, "failure_pace")?,
        start_timeout: t.item("start_timeout").map(start_timeout).transpose()?,
        ready: t.item("ready").map(located_set).transpose()?,
        heeds_stop: t.item("heeds_stop").map(located_set).transpose()?,
    })
}

fn start_timeout(item: &Item) -> Result<Nanos> {
    let limit = reader::duration(item)?;
    if limit > Nanos::ZERO {
        return Ok(limit);
    }
    Err(ScenarioError::at(
        &item.origin,
        "with a time limit of zero no process can start",
        "zero",
    )
    .help("leave `start_timeout` out for no limit"))
}

type Tables<'a> = [(&'a str, &'a Origin, &'a Item)];

/// Every name in `requires` and `after` exists, and nothing waits for itself.
fn check_dependencies(processes: &[ProcessSpec], tables: &Tables<'_>) -> Result<()> {
    let places: BTreeMap<&str, usize> = processes
        .iter()
        .enumerate()
        .map(|(i, p)| (p.name.as_str(), i))
        .collect();
    let mut needs: Vec<Vec<usize>> = Vec::new();
    for (process, (_, origin, item)) in processes.iter().zip(tables) {
        let mut own = Vec::new();
        for name in process.requires.iter().chain(&process.after) {
            own.push(*places.get(name.as_str()).ok_or_else(|| {
                ScenarioError::at(
                    dependency_origin(item, name).unwrap_or(origin),
                    format!(
                        "`{}` depends on `{name}`, which is no process here",
                        process.name
                    ),
                    "unknown process",
                )
                .maybe_help(suggestion(name, processes.iter().map(|p| p.name.as_str())))
            })?);
        }
        needs.push(own);
    }
    let Some(cycle) = cycle(&needs) else {
        return Ok(());
    };
    let names: Vec<&str> = cycle.iter().map(|i| processes[*i].name.as_str()).collect();
    let (_, origin, item) = tables[cycle[0]];
    let second = names.get(1).unwrap_or(&names[0]);
    Err(ScenarioError::at(
        dependency_origin(item, second).unwrap_or(origin),
        format!(
            "processes wait for each other in a circle: {} -> {}",
            names.join(" -> "),
            names[0]
        ),
        "none of them could ever start",
    )
    .help("take one of them out of `requires` or `after`"))
}

/// A cycle in a graph, if there is one: depth first, without recursion, because
/// a chain of dependencies can be a thousand long.
fn cycle(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut done = vec![false; edges.len()];
    let mut on_path = vec![false; edges.len()];
    for start in 0..edges.len() {
        let mut path: Vec<(usize, usize)> = if done[start] {
            Vec::new()
        } else {
            vec![(start, 0)]
        };
        while let Some((at, next)) = path.last_mut() {
            on_path[*at] = true;
            match edges[*at].get(*next) {
                Some(&to) if on_path[to] => {
                    let nodes = path.iter().map(|(node, _)| *node);
                    return Some(nodes.skip_while(|node| *node != to).collect());
                }
                Some(&to) => {
                    *next += 1;
                    if !done[to] {
                        path.push((to, 0));
                    }
                }
                None => {
                    on_path[*at] = false;
                    done[*at] = true;
                    path.pop();
                }
            }
        }
    }
    None
}

fn dependency_origin<'a>(item: &'a Item, name: &str) -> Option<&'a Origin> {
    let Value::Table(table) = &item.value else {
        return None;
    };
    ["requires", "after"].iter().find_map(|key| {
        let texts = reader::texts(table.get(key)?).ok()?;
        texts
            .into_iter()
            .find(|(text, _)| *text == name)
            .map(|(_, origin)| origin)
    })
}

/// Reads all `[protocol.NAME]` tables.
pub fn protocols(
    r: &Reader<'_>,
    places: &NodeNames<'_>,
    names: &mut Names,
    around: &Surroundings<'_>,
) -> Result<Vec<ProtocolSpec>> {
    let mut protocols = Vec::new();
    for (name, origin, item) in named_tables(r, "protocol")? {
        names.claim(name, origin, "a protocol")?;
        let Value::Table(table) = &item.value else {
            return Err(ScenarioError::at(
                &item.origin,
                format!("protocol `{name}` must be a table"),
                "no table",
            )
            .help(format!(
                "write [protocol.{name}] and below it kind = \"...\""
            )));
        };
        let kinds = || around.catalogue.iter().map(|(kind, _)| *kind);
        let kind_item = table.get("kind").ok_or_else(|| {
            let help = suggestion("", kinds()).unwrap_or_default();
            ScenarioError::at(
                origin,
                format!("protocol `{name}` needs `kind`"),
                "`kind` is missing here",
            )
            .help(help)
        })?;
        let kind = reader::text(kind_item)?;
        let (_, defaults) = around
            .catalogue
            .iter()
            .find(|(known, _)| *known == kind)
            .ok_or_else(|| {
                ScenarioError::at(
                    &kind_item.origin,
                    format!("there is no protocol `{kind}`"),
                    "unknown protocol",
                )
                .maybe_help(suggestion(kind, kinds()))
            })?;
        let defaults = document::parse(&format!("models/{kind}.toml"), defaults)?;
        protocols.push(ProtocolSpec {
            name: name.to_owned(),
            kind: kind.to_owned(),
            nodes: places.resolve(table.get("on"))?,
            parameters: Parameters::new(name, &defaults, item)?,
        });
    }
    Ok(protocols)
}

#[cfg(test)]
mod tests {
    use super::cycle;

    #[test]
    fn finds_a_cycle_and_no_cycle_where_there_is_none() {
        assert_eq!(cycle(&[vec![1, 2], vec![2], vec![]]), None);
        assert_eq!(cycle(&[vec![1], vec![2], vec![1]]), Some(vec![1, 2]));
        assert_eq!(cycle(&[vec![0]]), Some(vec![0]));
        let chain: Vec<Vec<usize>> = (1..=100_000).map(|i| vec![i % 100_000]).collect();
        assert_eq!(cycle(&chain).map(|c| c.len()), Some(100_000));
    }
}
