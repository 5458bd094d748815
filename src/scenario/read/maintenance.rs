//! `[maintenance.NAME]`: planned work on nodes, one after the other or at once.

use super::Surroundings;
use super::names::{NodeNames, named_tables};
use super::services::changing_condition;
use crate::automaton::Distribution;
use crate::scenario::document::Item;
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::maintenance::{BadVersion, LocatedCondition, MaintenanceSpec, Shows, Work};
use crate::scenario::nearest::suggestion;
use crate::scenario::reader::{self, Reader};
use crate::scenario::{ProcessSpec, delay};

const WORKS: [(&str, Work); 2] = [("restart", Work::Restart), ("reboot", Work::Reboot)];
/// Is everything done at once?
const MODES: [(&str, bool); 2] = [("rolling", false), ("parallel", true)];
const SHOWS: [(&str, Shows); 2] = [("useless", Shows::Useless), ("crash", Shows::Crash)];

/// Reads all `[maintenance.NAME]` tables.
pub fn maintenances(
    r: &Reader<'_>,
    places: &NodeNames<'_>,
    processes: &[ProcessSpec],
    around: &Surroundings<'_>,
) -> Result<Vec<MaintenanceSpec>> {
    named_tables(r, "maintenance")?
        .into_iter()
        .map(|(name, _, item)| maintenance(name, item, places, processes, around))
        .collect()
}

fn maintenance(
    name: &str,
    item: &Item,
    places: &NodeNames<'_>,
    processes: &[ProcessSpec],
    around: &Surroundings<'_>,
) -> Result<MaintenanceSpec> {
    let t = Reader::new(item, "a maintenance")?;
    let time = |key: &str, default: Distribution| match t.item(key) {
        Some(item) => delay::distribution(item, around.files),
        None => Ok(default),
    };
    let now = Distribution::Deterministic { value: 0.0 };
    let every = delay::interval(t.required("every")?, around.files)?;
    let nodes = places.resolve(t.item("nodes"))?;
    let work = reader::word(t.required("do")?, &WORKS)?;
    let names = match t.item("processes") {
        Some(item) => named_processes(item, work, processes)?,
        None => enabled(processes),
    };
    if work == Work::Restart && names.is_empty() {
        return Err(ScenarioError::at(
            t.origin(),
            "there is no process to be restarted",
            "this maintenance has nothing to do",
        )
        .help("add processes to the scenario, or write do = \"reboot\""));
    }
    let check = condition(&t, "check", places)?;
    let spec = MaintenanceSpec {
        name: name.to_owned(),
        first: time("first", every.clone())?,
        every,
        batch: batch(&t, nodes.len())?,
        nodes,
        work,
        takes: time("takes", now.clone())?,
        pause: time("pause", now)?,
        gives_up: gives_up(&t, check.is_some(), around)?,
        begins_if: condition(&t, "begins_if", places)?.or_else(|| check.clone()),
        check,
        postponed_for: match t.item("postponed_for") {
            Some(item) => delay::interval(item, around.files)?,
            None => Distribution::Deterministic { value: 86_400.0 },
        },
        bad: t
            .item("bad")
            .map(|item| bad_version(item, &names, processes, around))
            .transpose()?,
        wrong_node: t.share_if_any("wrong_node")?.unwrap_or(0.0),
        processes: names,
    };
    t.finish()?;
    Ok(spec)
}

fn batch(t: &Reader<'_>, nodes: usize) -> Result<usize> {
    let parallel = t.word_if_any("mode", &MODES)?.unwrap_or(false);
    match t.item("batch") {
        Some(item) if parallel => Err(ScenarioError::at(
            &item.origin,
            "a parallel round has no batches: it takes all nodes at once",
            "no use here",
        )),
        Some(item) => reader::integer(item, 1, nodes as i64).map(|n| n as usize),
        None => Ok(if parallel { nodes } else { 1 }),
    }
}

fn gives_up(t: &Reader<'_>, checked: bool, around: &Surroundings<'_>) -> Result<Distribution> {
    match t.item("gives_up") {
        Some(item) if !checked => Err(ScenarioError::at(
            &item.origin,
            "a round without a `check` waits for nothing",
            "no use here",
        )
        .help("write what must hold before the next node is touched: check = \"all(proc.nginx)\"")),
        Some(item) => delay::distribution(item, around.files),
        None => Ok(Distribution::Never),
    }
}

fn condition(
    t: &Reader<'_>,
    key: &str,
    places: &NodeNames<'_>,
) -> Result<Option<LocatedCondition>> {
    let Some(item) = t.item(key) else {
        return Ok(None);
    };
    Ok(Some(LocatedCondition {
        expression: changing_condition(item, places)?,
        origin: item.origin.clone(),
    }))
}

fn enabled(processes: &[ProcessSpec]) -> Vec<String> {
    let started = processes.iter().filter(|p| p.enabled);
    started.map(|p| p.name.clone()).collect()
}

fn named_processes(item: &Item, work: Work, processes: &[ProcessSpec]) -> Result<Vec<String>> {
    if work == Work::Reboot {
        return Err(
            ScenarioError::at(&item.origin, "a reboot stops every process", "no use here")
                .help("leave `processes` out, or write do = \"restart\""),
        );
    }
    known_processes(item, processes)
}

fn known_processes(item: &Item, processes: &[ProcessSpec]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, origin) in reader::texts(item)? {
        if !processes.iter().any(|p| p.name == name) {
            let known = processes.iter().map(|p| p.name.as_str());
            return Err(ScenarioError::at(
                origin,
                format!("there is no process `{name}`"),
                "unknown process",
            )
            .maybe_help(suggestion(name, known)));
        }
        found.push(name.to_owned());
    }
    Ok(found)
}

fn bad_version(
    item: &Item,
    installed: &[String],
    processes: &[ProcessSpec],
    around: &Surroundings<'_>,
) -> Result<BadVersion> {
    let t = Reader::new(item, "a bad version")?;
    let bad = BadVersion {
        probability: reader::share(t.required("probability")?)?,
        shows: t.word_if_any("shows", &SHOWS)?.unwrap_or(Shows::Useless),
        rollback: delay::distribution(t.required("rollback")?, around.files)?,
        processes: match t.item("processes") {
            Some(item) => known_processes(item, processes)?,
            None => installed.to_vec(),
        },
    };
    t.finish()?;
    Ok(bad)
}
