//! Names: what may be one, whose it is, and which nodes it stands for.

use super::MAX_ENTRIES;
use crate::scenario::document::Item;
use crate::scenario::error::{Origin, Result, ScenarioError};
use crate::scenario::expression::RESERVED;
use crate::scenario::nearest::suggestion;
use crate::scenario::reader::{self, Reader};
use crate::scenario::{Group, NodeSpec};
use std::collections::BTreeMap;

/// The longest name.
const MAX_LENGTH: usize = 64;
/// The world's own words: its signals begin with the first three, its parts go
/// by the others.
const WORLD: [&str; 9] = [
    "node",
    "net",
    "proc",
    "component",
    "shock",
    "partition",
    "operator",
    "maintenance",
    "load",
];

/// The names that share one space, because expressions look them up or because
/// random streams are keyed by them: two parts of one name would fail together.
#[derive(Default)]
pub struct Names {
    taken: BTreeMap<String, (&'static str, Origin)>,
}

impl Names {
    /// Takes a name for a node or a group.
    pub fn claim_node(&mut self, name: &str, origin: &Origin, what: &'static str) -> Result<()> {
        check_name(name, origin)?;
        if name == crate::scenario::CLIENTS {
            return Err(ScenarioError::at(
                origin,
                format!("`{name}` cannot be the name of a node"),
                "reserved",
            )
            .help("in fault scripts it stands for the place where the users are"));
        }
        match self.taken.get(name) {
            None => {
                self.taken.insert(name.to_owned(), (what, origin.clone()));
                Ok(())
            }
            Some((other, place)) => Err(ScenarioError::at(
                origin,
                format!(
                    "the name `{name}` is taken: {other} in {} has it",
                    place.line()
                ),
                format!("{what} of the same name"),
            )
            .help(
                "nodes, groups, components, protocols, signals and the like need different names",
            )),
        }
    }

    /// Takes a name for anything else.
    pub fn claim(&mut self, name: &str, origin: &Origin, what: &'static str) -> Result<()> {
        if WORLD.contains(&name) {
            return Err(ScenarioError::at(
                origin,
                format!("`{name}` cannot be the name of {what}"),
                "reserved",
            )
            .help(format!(
                "the simulated world uses these names itself: {}",
                WORLD.join(", ")
            )));
        }
        self.claim_node(name, origin, what)
    }

    /// Takes the name in the `name` field of a table.
    pub fn claim_field(&mut self, t: &Reader<'_>, what: &'static str) -> Result<String> {
        let item = t.required("name")?;
        let name = reader::text(item)?;
        self.claim(name, &item.origin, what)?;
        Ok(name.to_owned())
    }
}

/// Names must be usable in expressions and as parts of a `--set` path.
pub fn check_name(name: &str, origin: &Origin) -> Result<()> {
    let wrong =
        |why: String| ScenarioError::at(origin, format!("`{name}` cannot be used as a name"), why);
    if RESERVED.contains(&name) {
        return Err(wrong("a word of the expression language".to_owned()));
    }
    if name.len() > MAX_LENGTH {
        return Err(wrong(format!("longer than {MAX_LENGTH} letters")));
    }
    let first_ok = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let odd = name
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || *c == '_'));
    let help = "a name begins with a letter and has letters, digits and _ only, because expressions use it";
    match odd {
        Some(c) => {
            Err(wrong(format!("`{}` is not possible in a name", c.escape_debug())).help(help))
        }
        None if !first_ok => Err(wrong("does not begin with a letter".to_owned()).help(help)),
        None => Ok(()),
    }
}

/// The tables under `[key.NAME]`, their names checked.
pub fn named_tables<'a>(r: &Reader<'a>, key: &str) -> Result<Vec<(&'a str, &'a Origin, &'a Item)>> {
    let Some(item) = r.item(key) else {
        return Ok(Vec::new());
    };
    let outer = Reader::new(item, &format!("[{key}]"))?;
    let entries: Vec<_> = outer.entries().collect();
    if let Some((_, origin, _)) = entries.get(MAX_ENTRIES) {
        return Err(ScenarioError::at(
            origin,
            format!("[{key}] has {} entries", entries.len()),
            format!("at most {MAX_ENTRIES} are possible"),
        ));
    }
    for (name, origin, _) in &entries {
        check_name(name, origin)?;
    }
    Ok(entries)
}

/// Looks up nodes and groups by name.
pub struct NodeNames<'a> {
    /// All nodes.
    pub nodes: &'a [NodeSpec],
    /// All groups.
    pub groups: &'a [Group],
}

impl NodeNames<'_> {
    /// Is it the name of a node or a group?
    pub fn knows(&self, name: &str) -> bool {
        self.groups.iter().any(|g| g.name == name) || self.nodes.iter().any(|n| n.name == name)
    }

    /// The nodes that a text or a list of texts names; all where there is none.
    pub fn resolve(&self, item: Option<&Item>) -> Result<Vec<usize>> {
        let Some(item) = item else {
            return Ok((0..self.nodes.len()).collect());
        };
        let mut found = Vec::new();
        let mut seen = vec![false; self.nodes.len()];
        for (name, origin) in reader::texts(item)? {
            for member in self.one(name, origin)? {
                if seen[member] {
                    return Err(ScenarioError::at(
                        origin,
                        format!("`{}` is listed twice", self.nodes[member].name),
                        "here again",
                    ));
                }
                seen[member] = true;
                found.push(member);
            }
        }
        if found.is_empty() {
            return Err(ScenarioError::at(
                &item.origin,
                "at least one node is needed here",
                "empty",
            )
            .help("leave the field out to name all nodes"));
        }
        Ok(found)
    }

    fn one(&self, name: &str, origin: &Origin) -> Result<Vec<usize>> {
        if let Some(group) = self.groups.iter().find(|g| g.name == name) {
            return Ok(group.members.clone());
        }
        if let Some(index) = self.nodes.iter().position(|n| n.name == name) {
            return Ok(vec![index]);
        }
        let groups = self.groups.iter().map(|g| g.name.as_str());
        let known = groups.chain(self.nodes.iter().map(|n| n.name.as_str()));
        Err(ScenarioError::at(
            origin,
            format!("there is no node or group `{name}`"),
            "unknown",
        )
        .maybe_help(suggestion(name, known)))
    }
}
