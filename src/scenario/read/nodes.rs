//! `[[node]]` and `[[crew]]`: the machines, and who repairs them.

use super::names::{Names, check_name};
use super::pace;
use super::profile::Profile;
use super::{MAX_ENTRIES, Surroundings};
use crate::automaton::{Distribution, MAX_NODES};
use crate::scenario::document::Item;
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::hours::Hours;
use crate::scenario::nearest::suggestion;
use crate::scenario::pace::PaceRule;
use crate::scenario::reader::{self, Reader};
use crate::scenario::{Component, ComponentKind, Crew, CrewOrder, Group, NodeSpec, delay};

const ORDERS: [(&str, CrewOrder); 2] = [
    ("first_come", CrewOrder::FirstCome),
    ("listed", CrewOrder::Listed),
];

/// The most votes that one node can have.
const MAX_VOTES: i64 = 1000;
/// The name of the common cause that a profile's `beta` stands for.
const COMMON_CAUSE: &str = "common_cause";

/// Reads all `[[crew]]` tables.
pub fn crews(r: &Reader<'_>) -> Result<Vec<Crew>> {
    let mut crews: Vec<Crew> = Vec::new();
    let Some(item) = r.item("crew") else {
        return Ok(crews);
    };
    for item in reader::list_up_to(item, MAX_ENTRIES)? {
        let t = Reader::new(item, "a crew")?;
        let name_item = t.required("name")?;
        let name = reader::text(name_item)?;
        check_name(name, &name_item.origin)?;
        if crews.iter().any(|c| c.name == name) {
            return Err(ScenarioError::at(
                &name_item.origin,
                format!("two crews are named `{name}`"),
                "here again",
            ));
        }
        let size = t.integer_if_any("size", 1, 1000)?.unwrap_or(1) as usize;
        let order = t.word_if_any("order", &ORDERS)?;
        t.finish()?;
        crews.push(Crew {
            name: name.to_owned(),
            size,
            order: order.unwrap_or(CrewOrder::FirstCome),
        });
    }
    Ok(crews)
}

/// One `[[node]]` table: the start of a group.
struct NodeTable {
    name: String,
    node_names: Vec<String>,
    beta: f64,
    /// Do its failures, and the share of common causes among them, come from the profile?
    as_profile: bool,
    failure: Distribution,
    repair: Distribution,
    boot: Distribution,
    repair_hours: Option<Hours>,
    crew: Option<usize>,
    failure_pace: Vec<PaceRule>,
    repair_pace: Vec<PaceRule>,
    votes: u32,
}

type NodesAndGroups = (Vec<NodeSpec>, Vec<Group>, Vec<Component>);

/// Reads all `[[node]]` tables: nodes, groups and common causes of failure.
pub fn nodes(
    r: &Reader<'_>,
    profile: &Profile,
    crews: &[Crew],
    names: &mut Names,
    around: &Surroundings<'_>,
) -> Result<NodesAndGroups> {
    let list = r.required("node")?;
    let mut tables = Vec::new();
    let mut total = 0;
    for item in reader::list(list)? {
        let table = node_table(item, profile, crews, names, around, total)?;
        total += table.node_names.len();
        tables.push(table);
    }
    if tables.is_empty() {
        return Err(ScenarioError::at(
            &list.origin,
            "a scenario needs at least one node",
            "empty",
        ));
    }
    let (nodes, groups, causes) = assemble(tables);
    claim_causes(&causes, list, names)?;
    Ok((nodes, groups, causes))
}

fn assemble(tables: Vec<NodeTable>) -> NodesAndGroups {
    let alike: usize = tables
        .iter()
        .filter(|t| t.as_profile)
        .map(|t| t.node_names.len())
        .sum();
    let mut nodes = Vec::new();
    let mut groups = Vec::new();
    let mut causes: Vec<Component> = Vec::new();
    for table in tables {
        let first = nodes.len();
        // A common cause takes two.
        let company = if table.as_profile {
            alike
        } else {
            table.node_names.len()
        };
        let beta = if company > 1 { table.beta } else { 0.0 };
        let failure = without_common_part(&table.failure, beta);
        nodes.extend(table.node_names.iter().map(|name| NodeSpec {
            name: name.clone(),
            group: groups.len(),
            failure: failure.clone(),
            repair: table.repair.clone(),
            boot: table.boot.clone(),
            repair_hours: table.repair_hours.clone(),
            crew: table.crew,
            failure_pace: table.failure_pace.clone(),
            repair_pace: table.repair_pace.clone(),
            votes: table.votes,
        }));
        let members: Vec<usize> = (first..nodes.len()).collect();
        if beta > 0.0 {
            add_common_cause(&mut causes, &table, &members, beta);
        }
        groups.push(Group {
            name: table.name,
            members,
        });
    }
    (nodes, groups, causes)
}

fn claim_causes(causes: &[Component], list: &Item, names: &mut Names) -> Result<()> {
    causes
        .iter()
        .try_for_each(|cause| names.claim(&cause.name, &list.origin, "a common cause of failures"))
}

fn node_table(
    item: &Item,
    profile: &Profile,
    crews: &[Crew],
    names: &mut Names,
    around: &Surroundings<'_>,
    before: usize,
) -> Result<NodeTable> {
    let t = Reader::new(item, "a node")?;
    let name_item = t.required("name")?;
    let name = reader::text(name_item)?;
    let node_names = match t.item("count") {
        None if before < MAX_NODES => {
            names.claim_node(name, &name_item.origin, "a node")?;
            vec![name.to_owned()]
        }
        None => return Err(too_many(name_item, 1, before)),
        Some(count_item) => {
            names.claim_node(name, &name_item.origin, "a group")?;
            let count = count(count_item, before)?;
            let numbered: Vec<String> = (1..=count).map(|i| format!("{name}{i}")).collect();
            for node in &numbered {
                names.claim_node(node, &name_item.origin, "a numbered node")?;
            }
            numbered
        }
    };
    let own_failure = t.item("failure").is_some();
    let own_beta = t.item("beta");
    let beta = match own_beta.or(profile.node_default("beta")) {
        Some(item) => reader::share(item)?,
        None => 0.0,
    };
    let table = NodeTable {
        name: name.to_owned(),
        node_names,
        beta,
        as_profile: !own_failure && own_beta.is_none(),
        failure: failure(&t, profile, around)?,
        repair: repair(&t, profile, around)?,
        boot: match t.item("boot").or(profile.node_default("boot")) {
            Some(item) => delay::distribution(item, around.files)?,
            None => Distribution::Deterministic { value: 0.0 },
        },
        repair_hours: repair_hours(&t, profile)?,
        crew: crew_of(&t, crews)?,
        failure_pace: pace::rules(&t, "failure_pace")?,
        repair_pace: pace::rules(&t, "repair_pace")?,
        votes: t.integer_if_any("votes", 0, MAX_VOTES)?.unwrap_or(1) as u32,
    };
    t.finish()?;
    Ok(table)
}

fn count(item: &Item, before: usize) -> Result<usize> {
    let count = reader::integer(item, i64::MIN, i64::MAX)?;
    match usize::try_from(count) {
        Ok(0) | Err(_) => Err(ScenarioError::at(
            &item.origin,
            format!("{count} nodes are not possible"),
            format!("must lie between 1 and {MAX_NODES}"),
        )),
        Ok(count) if count > MAX_NODES - before => Err(too_many(item, count, before)),
        Ok(count) => Ok(count),
    }
}

fn too_many(item: &Item, count: usize, before: usize) -> Box<ScenarioError> {
    let more = if before > 0 {
        format!(" after {before} others")
    } else {
        String::new()
    };
    ScenarioError::at(
        &item.origin,
        format!("{count} nodes{more} are too many"),
        format!("a scenario has at most {MAX_NODES} nodes"),
    )
}

fn failure(t: &Reader<'_>, profile: &Profile, around: &Surroundings<'_>) -> Result<Distribution> {
    match t.item("failure").or(profile.node_default("failure")) {
        Some(item) => delay::interval(item, around.files),
        None => Ok(Distribution::Never),
    }
}

fn repair(t: &Reader<'_>, profile: &Profile, around: &Surroundings<'_>) -> Result<Distribution> {
    if let Some(item) = t.item("repair").or(profile.node_default("repair")) {
        return delay::distribution(item, around.files);
    }
    let fails = t.item("failure").or(profile.node_default("failure"));
    if fails.is_none() {
        // A node that never fails needs no repair; a fault script starts it again.
        return Ok(Distribution::Never);
    }
    let missing = t.required("repair").map_err(|error| {
        error.or_help("a node that fails needs repair = \"4h\", a distribution, or a profile = \"textbook-99\"")
    })?;
    delay::distribution(missing, around.files)
}

fn repair_hours(t: &Reader<'_>, profile: &Profile) -> Result<Option<Hours>> {
    let own = t.item("repair_hours");
    let Some(item) = own.or(profile.node_default("repair_hours")) else {
        return Ok(None);
    };
    let hours = Hours::parse(reader::text(item)?).map_err(|why| {
        ScenarioError::at(&item.origin, why, "not working hours")
            .help("write repair_hours = \"Mon-Fri 09-18\"; several with a semicolon between them")
    })?;
    // Where somebody always is there, nothing ever waits.
    Ok(Some(hours).filter(|hours| !hours.changes().is_empty()))
}

fn crew_of(t: &Reader<'_>, crews: &[Crew]) -> Result<Option<usize>> {
    let Some(item) = t.item("crew") else {
        return Ok(None);
    };
    let name = reader::text(item)?;
    let index = crews.iter().position(|c| c.name == name).ok_or_else(|| {
        let help = suggestion(name, crews.iter().map(|c| c.name.as_str()))
            .unwrap_or_else(|| format!("add a crew: [[crew]] name = \"{name}\""));
        ScenarioError::at(
            &item.origin,
            format!("there is no crew `{name}`"),
            "unknown crew",
        )
        .help(help)
    })?;
    Ok(Some(index))
}

/// The share `1 - beta` of the failures that a node has for itself.
fn without_common_part(failure: &Distribution, beta: f64) -> Distribution {
    if beta <= 0.0 {
        return failure.clone();
    }
    if beta >= 1.0 {
        return Distribution::Never;
    }
    Distribution::Scaled {
        factor: 1.0 / (1.0 - beta),
        base: Box::new(failure.clone()),
    }
}

/// Beta factor (Fleming 1974): the share `beta` of the failures hits all nodes
/// of a kind: those of one table, or all whose failures come from the profile.
fn add_common_cause(causes: &mut Vec<Component>, table: &NodeTable, members: &[usize], beta: f64) {
    let name = match table.as_profile {
        true => COMMON_CAUSE.to_owned(),
        false => format!("{}_{COMMON_CAUSE}", table.name),
    };
    if let Some(cause) = causes.iter_mut().find(|cause| cause.name == name) {
        cause.nodes.extend(members);
        return;
    }
    causes.push(Component {
        name,
        kind: ComponentKind::Power,
        nodes: members.to_vec(),
        failure: Distribution::Scaled {
            factor: 1.0 / beta,
            base: Box::new(table.failure.clone()),
        },
        repair: table.repair.clone(),
        battery: None,
        redundancy: None,
    });
}
