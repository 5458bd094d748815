//! What a change may know of a design: its names and settings, as they are written.

use crate::scenario::document::{Item, Table, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// A design as the templates of changes see it.
#[derive(Clone, Debug, Serialize)]
pub struct Surroundings {
    name: String,
    /// All nodes by name.
    nodes: Vec<String>,
    groups: Vec<NodeGroup>,
    operators: Vec<String>,
    /// Components of kind `switch`.
    switches: Vec<String>,
    processes: Vec<Named>,
    protocols: Vec<Instance>,
}

/// One `[[node]]` table.
#[derive(Clone, Debug, Serialize)]
struct NodeGroup {
    name: String,
    count: i64,
    nodes: Vec<String>,
}

/// A process and its table.
#[derive(Clone, Debug, Serialize)]
struct Named {
    name: String,
    settings: Json,
}

/// An instance of a protocol.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    /// Its name.
    pub name: String,
    kind: String,
    settings: Json,
    /// The nodes that it is on.
    nodes: Vec<String>,
    /// The first process that its settings name, or the one that has most of its name.
    process: String,
}

impl Surroundings {
    /// The surroundings in a scenario, as one document.
    pub fn of(design: &Item) -> Surroundings {
        let whole = table(design);
        let groups: Vec<NodeGroup> = list(whole, "node").map(group).collect();
        let nodes: Vec<String> = groups
            .iter()
            .flat_map(|group| group.nodes.clone())
            .collect();
        let processes: Vec<Named> = entries(whole, "process")
            .map(|(name, item)| Named {
                name: name.to_owned(),
                settings: json(item),
            })
            .collect();
        let instance = |(name, item): (&str, &Item)| {
            let settings = json(item);
            let kind = settings["kind"].as_str().unwrap_or(name).to_owned();
            Instance {
                name: name.to_owned(),
                nodes: on(&settings["on"], &groups).unwrap_or_else(|| nodes.clone()),
                process: process(&settings["process"], &kind, &processes),
                kind,
                settings,
            }
        };
        Surroundings {
            name: whole
                .get("name")
                .map(json)
                .and_then(|n| n.as_str().map(str::to_owned))
                .unwrap_or_default(),
            operators: entries(whole, "operator")
                .map(|(name, _)| name.to_owned())
                .collect(),
            switches: list(whole, "component")
                .map(json)
                .filter(|component| component["kind"] == "switch")
                .filter_map(|component| component["name"].as_str().map(str::to_owned))
                .collect(),
            protocols: entries(whole, "protocol").map(instance).collect(),
            groups,
            nodes,
            processes,
        }
    }

    /// The instances of a kind of protocol.
    pub fn of_kind<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s Instance> {
        self.protocols
            .iter()
            .filter(move |instance| instance.kind == kind)
    }
}

fn table(item: &Item) -> &Table {
    static NONE: Table = Table {
        entries: Vec::new(),
    };
    match &item.value {
        Value::Table(table) => table,
        _ => &NONE,
    }
}

fn entries<'t>(table_: &'t Table, key: &str) -> impl Iterator<Item = (&'t str, &'t Item)> {
    let inner = table_.get(key).map(table);
    inner.into_iter().flat_map(|inner| {
        inner
            .entries
            .iter()
            .map(|entry| (entry.key.as_str(), &entry.item))
    })
}

fn list<'t>(table: &'t Table, key: &str) -> impl Iterator<Item = &'t Item> {
    let items: &[Item] = match table.get(key).map(|item| &item.value) {
        Some(Value::Array(items)) => items,
        _ => &[],
    };
    items.iter()
}

fn group(item: &Item) -> NodeGroup {
    let settings = json(item);
    let name = settings["name"].as_str().unwrap_or_default().to_owned();
    let count = settings["count"].as_i64();
    let nodes = match count {
        // One without a count has the name itself.
        None => vec![name.clone()],
        Some(count) => (1..=count)
            .map(|number| format!("{name}{number}"))
            .collect(),
    };
    NodeGroup {
        name,
        count: count.unwrap_or(1),
        nodes,
    }
}

/// The nodes that `on` stands for: a name of a node or group, or a list of them.
fn on(written: &Json, groups: &[NodeGroup]) -> Option<Vec<String>> {
    let names: Vec<&str> = match written {
        Json::String(name) => vec![name],
        Json::Array(names) => names.iter().filter_map(Json::as_str).collect(),
        _ => return None,
    };
    let stands_for = |name: &str| match groups.iter().find(|group| group.name == name) {
        Some(group) => group.nodes.clone(),
        None => vec![name.to_owned()],
    };
    Some(names.into_iter().flat_map(stands_for).collect())
}

fn process(written: &Json, kind: &str, processes: &[Named]) -> String {
    let first = match written {
        Json::String(name) => Some(name.as_str()),
        Json::Array(names) => names.first().and_then(Json::as_str),
        _ => None,
    };
    let stem = kind.split('_').next().unwrap_or(kind);
    let alike = || processes.iter().find(|process| process.name.contains(stem));
    first
        .map(str::to_owned)
        .or_else(|| alike().map(|process| process.name.clone()))
        .unwrap_or_default()
}

fn json(item: &Item) -> Json {
    match &item.value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Boolean(flag) => Json::from(*flag),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Table(table) => {
            let pairs = table
                .entries
                .iter()
                .map(|entry| (entry.key.clone(), json(&entry.item)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
    }
}
