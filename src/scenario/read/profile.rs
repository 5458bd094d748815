//! Failure profiles: defaults for nodes, and trouble that nodes share.

use super::Surroundings;
use crate::scenario::document::{self, Item, Value};
use crate::scenario::error::{Origin, Result, ScenarioError, SourceText};
use crate::scenario::library;
use crate::scenario::nearest::suggestion;
use crate::scenario::reader::{self, Reader};
use std::sync::Arc;

/// A failure profile, or none.
pub struct Profile {
    /// Its name or path.
    pub name: Option<String>,
    /// The text of its file.
    pub text: Option<String>,
    item: Option<Item>,
}

impl Profile {
    /// The profile that the command line or the scenario names.
    pub fn find(r: &Reader<'_>, around: &Surroundings<'_>) -> Result<Profile> {
        let own = r.item("profile");
        let (name, origin) = match (around.profile, own) {
            (Some(name), _) => (name.to_owned(), argument(name)),
            (None, Some(item)) => (reader::text(item)?.to_owned(), item.origin.clone()),
            (None, None) => {
                return Ok(Profile {
                    name: None,
                    text: None,
                    item: None,
                });
            }
        };
        let (file, text) = find_text(&name, &origin, around)?;
        let item = document::parse(&file, &text)?;
        check(&item)?;
        Ok(Profile {
            name: Some(name),
            text: Some(text),
            item: Some(item),
        })
    }

    /// The value that the profile has for all nodes.
    pub fn node_default(&self, key: &str) -> Option<&Item> {
        let Some(Item {
            value: Value::Table(table),
            ..
        }) = &self.item
        else {
            return None;
        };
        match &table.get("node")?.value {
            Value::Table(node) => node.get(key),
            _ => None,
        }
    }

    /// A value of the profile that belongs to no table.
    pub fn top(&self, key: &str) -> Option<&Item> {
        match &self.item.as_ref()?.value {
            Value::Table(table) => table.get(key),
            _ => None,
        }
    }

    /// A reader of the whole profile.
    pub fn reader(&self) -> Result<Option<Reader<'_>>> {
        self.item
            .as_ref()
            .map(|item| Reader::new(item, "a failure profile"))
            .transpose()
    }
}

fn argument(name: &str) -> Origin {
    let text = format!("--profile {name}");
    Origin {
        span: text.len() - name.len()..text.len(),
        source: Arc::new(SourceText {
            name: "command line".to_owned(),
            text,
        }),
    }
}

fn find_text(name: &str, origin: &Origin, around: &Surroundings<'_>) -> Result<(String, String)> {
    if let Some(text) = library::profile(name) {
        return Ok((format!("models/profiles/{name}.toml"), text.to_owned()));
    }
    match around.files.read(name) {
        Ok(text) => Ok((name.to_owned(), text)),
        Err(why) => Err(ScenarioError::at(
            origin,
            format!("there is no failure profile `{name}`"),
            format!("not built in; {why}"),
        )
        .maybe_help(suggestion(name, library::profile_names()))),
    }
}

/// Checks the fields that only a profile has; what it shares with a scenario
/// is checked where that is read. `[reference]` holds facts for readers and is free.
fn check(item: &Item) -> Result<()> {
    let p = Reader::new(item, "a failure profile")?;
    p.text("name")?;
    p.text_if_any("description")?;
    if let Some(node) = p.item("node") {
        let n = Reader::new(node, "the [node] table of a profile")?;
        for key in ["failure", "repair", "boot", "beta", "repair_hours"] {
            let _ = n.item(key);
        }
        n.finish()?;
    }
    for key in ["coverage", "component", "shock", "partition", "reference"] {
        let _ = p.item(key);
    }
    p.finish()
}
