//! What of a scenario can be turned: every time (a delay, a mean, a time-out), every other
//! quantity (a probability, a rate, an amount), every count and every option, with the path
//! by which `--set` reaches it.

use super::profile::Profile;
use super::{Surroundings, merged};
use crate::scenario::Scenario;
use crate::scenario::document::{Entry, Item, Table, Value};
use crate::scenario::error::Result;
use crate::scenario::reader::{self, Reader};
use crate::scenario::units;

/// Parts of a scenario that say how it is run and judged, not what it is.
const NO_PART: [&str; 8] = [
    "run", "claim", "service", "signal", "tally", "load", "protocol", "schema",
];
/// What a profile says of all nodes, and a node may say of itself.
const OF_NODES: [&str; 3] = ["failure", "repair", "boot"];
/// Troubles of a profile that `--set` does not reach.
const OF_PROFILE: [&str; 4] = ["component", "shock", "partition", "coverage"];

/// Something that can be turned.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its path, as `--set` takes it.
    pub path: String,
    /// Its value as it was written.
    pub value: String,
    /// The protocol that it belongs to.
    pub protocol: Option<String>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A length of time.
    Time,
    /// A distribution of times.
    Distribution,
    /// A number with a unit behind it, or none: a probability, a rate, an amount.
    Quantity,
    /// A whole number.
    Count(i64),
    /// True or false.
    Flag(bool),
    /// A text. Only its reader knows whether it is one of a few words.
    Text,
}

impl Setting {
    /// Can it be a little larger and a little smaller?
    pub fn is_continuous(&self) -> bool {
        matches!(self.kind, Kind::Time | Kind::Distribution | Kind::Quantity)
    }

    /// The value that makes it so many times larger.
    pub fn scaled(&self, factor: f64) -> Option<String> {
        match self.kind {
            // What was written can be read.
            Kind::Time => {
                let seconds = units::duration_s(&self.value).ok()?;
                Some(format!("{}s", seconds * factor))
            }
            Kind::Distribution => Some(format!(
                "{{ dist = \"scaled\", factor = {factor}, of = {} }}",
                self.value
            )),
            Kind::Quantity => {
                let (number, unit) = quantity(&self.value)?;
                Some(format!("{:?}{unit}", number * factor))
            }
            Kind::Count(_) | Kind::Flag(_) | Kind::Text => None,
        }
    }

    /// Its other values; `words` finds the words that would fit in place of a text.
    pub fn others(&self, words: impl FnOnce() -> Vec<String>) -> Vec<String> {
        match self.kind {
            Kind::Flag(set) => vec![(!set).to_string()],
            Kind::Count(count) => [count - 1, count + 1]
                .into_iter()
                .filter(|other| *other >= 0)
                .map(|other| other.to_string())
                .collect(),
            Kind::Text => {
                let mut words = words();
                words.retain(|word| *word != self.value);
                words
            }
            Kind::Time | Kind::Distribution | Kind::Quantity => Vec::new(),
        }
    }
}

/// The number with which a text begins, and the unit that follows it.
fn quantity(text: &str) -> Option<(f64, &str)> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == 'e' || c == '-';
    let end = text.find(|c: char| !is_number(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let is_unit = unit.chars().all(|c| c.is_alphabetic() || " %/".contains(c));
    let number: f64 = number.parse().ok()?;
    (is_unit && number > 0.0).then_some((number, unit))
}

/// All that can be turned in a scenario, nodes first, and what cannot be reached.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What can be turned.
    pub list: Vec<Setting>,
    /// Parts whose times are left out.
    pub left_out: Vec<String>,
}

/// Finds what can be turned; `scenario` is what the text was read as.
pub fn settings(
    name: &str,
    text: &str,
    around: &Surroundings<'_>,
    scenario: &Scenario,
) -> Result<Settings> {
    let item = merged(name, text, around)?;
    let r = Reader::new(&item, "a scenario")?;
    let profile = Profile::find(&r, around)?;
    let mut found = Settings::default();
    if let Value::Table(table) = &item.value {
        if let Some(nodes) = table.get("node") {
            found.of_nodes(nodes, &profile);
        }
        let parts = table.entries.iter();
        let is_part = |part: &&Entry| {
            let is_group = matches!(part.item.value, Value::Table(_) | Value::Array(_));
            is_group && !NO_PART.contains(&part.key.as_str())
        };
        for part in parts.filter(is_part) {
            found.walk(&part.key, &part.item, None);
        }
    }
    for protocol in &scenario.protocols {
        for (path, parameter) in protocol.parameters.iter() {
            // The short form, where it means nothing else.
            let path = match r.item(&protocol.name) {
                Some(_) => format!("protocol.{}.{path}", protocol.name),
                None => format!("{}.{path}", protocol.name),
            };
            found.walk(&path, &parameter.item, Some(&protocol.name));
        }
    }
    for part in OF_PROFILE {
        if profile.top(part).is_some() {
            let name = profile.name.as_deref().unwrap_or_default();
            found
                .left_out
                .push(format!("[{part}] of the profile {name}"));
        }
    }
    Ok(found)
}

impl Settings {
    /// What nodes have from the profile.
    fn of_nodes(&mut self, nodes: &Item, profile: &Profile) {
        let Value::Array(groups) = &nodes.value else {
            return;
        };
        for group in groups {
            let (Some(name), Value::Table(table)) = (element(group), &group.value) else {
                continue;
            };
            for key in OF_NODES.into_iter().filter(|key| table.get(key).is_none()) {
                if let Some(item) = profile.node_default(key) {
                    self.walk(&format!("node.{name}.{key}"), item, None);
                }
            }
        }
    }

    fn walk(&mut self, path: &str, item: &Item, protocol: Option<&str>) {
        let mut add = |value: String, kind| {
            self.list.push(Setting {
                path: path.to_owned(),
                value,
                protocol: protocol.map(str::to_owned),
                kind,
            });
        };
        match &item.value {
            Value::Text(text) if units::duration_s(text).is_ok_and(|s| s > 0.0) => {
                add(text.clone(), Kind::Time);
            }
            Value::Text(text) if quantity(text).is_some() => add(text.clone(), Kind::Quantity),
            Value::Text(text) => add(text.clone(), Kind::Text),
            Value::Float(number) if *number > 0.0 => {
                add(format!("{number:?}"), Kind::Quantity);
            }
            Value::Integer(count) => add(count.to_string(), Kind::Count(*count)),
            Value::Boolean(set) => add(set.to_string(), Kind::Flag(*set)),
            Value::Table(table) if table.get("dist").is_some() => {
                add(toml(item), Kind::Distribution);
            }
            Value::Table(table) => {
                let is_setting = |e: &&Entry| e.key != "name" && !e.key.contains('.');
                for entry in table.entries.iter().filter(is_setting) {
                    self.walk(&format!("{path}.{}", entry.key), &entry.item, protocol);
                }
            }
            Value::Array(items) => {
                for item in items {
                    if let Some(name) = element(item).filter(|name| !name.contains('.')) {
                        self.walk(&format!("{path}.{name}"), item, protocol);
                    }
                }
            }
            Value::Float(_) => {}
        }
    }
}

/// The name of an element of a list of tables.
fn element(item: &Item) -> Option<&str> {
    let Value::Table(table) = &item.value else {
        return None;
    };
    reader::text(table.get("name")?).ok()
}

/// An item as it could be written on the command line.
fn toml(item: &Item) -> String {
    match &item.value {
        Value::Text(text) => ::toml::Value::String(text.clone()).to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(set) => set.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(table) => format!("{{ {} }}", pairs(table).join(", ")),
    }
}

fn pairs(table: &Table) -> Vec<String> {
    let entries = table.entries.iter();
    entries
        .map(|entry| {
            let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let key = match !entry.key.is_empty() && entry.key.chars().all(is_bare) {
                true => entry.key.clone(),
                false => ::toml::Value::String(entry.key.clone()).to_string(),
            };
            format!("{key} = {}", toml(&entry.item))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{NoFiles, read};

    const TEXT: &str = r#"
        schema = 1
        name = "small"
        profile = "textbook-99"
        [run]
        horizon = "1y"
        [[node]]
        name = "server"
        count = 2
        boot = "60s"
        [process.web]
        start = "2s"
        failure = { dist = "uniform", low = "1h", high = "10h" }
        enabled = true
        [service.web]
        up = "any(proc.web)"
    "#;

    #[test]
    fn quantities_have_a_number_and_a_unit() {
        assert_eq!(quantity("125MB"), Some((125.0, "MB")));
        assert_eq!(quantity("5%"), Some((5.0, "%")));
        assert_eq!(quantity("20 / h"), Some((20.0, " / h")));
        assert_eq!(quantity("0.5"), Some((0.5, "")));
        for none in ["0MB", "server1", "192.0.2.1", "3-node", "any(node.up)"] {
            assert_eq!(quantity(none), None, "{none}");
        }
    }

    #[test]
    fn every_time_and_option_can_be_turned_and_read_again() {
        let read = |set: &[(String, String)]| {
            let around = Surroundings {
                files: &NoFiles,
                catalogue: &[],
                profile: None,
                overrides: set,
            };
            let scenario = read::scenario("small.toml", TEXT, &around)?;
            let found = settings("small.toml", TEXT, &around, &scenario)?;
            Result::Ok((scenario, found))
        };
        let (plain, found) = read(&[]).expect("read");
        let paths: Vec<&str> = found.list.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "node.server.failure",
                "node.server.repair",
                "node.server.count",
                "node.server.boot",
                "process.web.start",
                "process.web.failure",
                "process.web.enabled",
            ]
        );
        for setting in &found.list {
            let to = match setting.is_continuous() {
                true => setting.scaled(1.25).expect("a time"),
                false => setting.others(Vec::new).remove(0),
            };
            let (turned, _) = read(&[(setting.path.clone(), to)]).expect(&setting.path);
            if setting.path == "node.server.count" {
                assert_eq!(turned.nodes.len(), 1);
                continue;
            }
            let means = |scenario: &Scenario| {
                let (node, web) = (&scenario.nodes[0], &scenario.processes[0]);
                let times = [
                    &node.failure,
                    &node.repair,
                    &node.boot,
                    &web.start,
                    &web.failure,
                ];
                (times.map(|one| one.mean()), web.enabled)
            };
            let (before, after) = (means(&plain), means(&turned));
            let ratios: Vec<f64> = before.0.iter().zip(after.0).map(|(a, b)| b / a).collect();
            let changed = ratios.iter().filter(|ratio| **ratio != 1.0);
            match setting.is_continuous() {
                true => {
                    let changed: Vec<&f64> = changed.collect();
                    assert_eq!(changed.len(), 1, "{}", setting.path);
                    assert!((changed[0] - 1.25).abs() < 1e-9, "{}", setting.path);
                }
                false => assert_ne!(before.1, after.1),
            }
        }
    }
}
