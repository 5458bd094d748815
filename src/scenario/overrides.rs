//! `--set path=value`: changes one value of a scenario before it is checked.
//!
//! A path follows the tables of the file: `run.horizon`, `process.mariadb.start`,
//! `service.login.claimed`. Elements of lists are found by their name:
//! `node.server.count`. Two short forms save typing: `nodes` is the count of the
//! first node group, and the name of a protocol instance may come first:
//! `galera.evs.suspect_timeout`.

use super::document::{self, Entry, Item, Table, Value};
use super::error::{Origin, Result, ScenarioError, SourceText};
use super::reader;
use std::sync::Arc;

/// Applies one override to the document of a scenario.
pub fn apply(scenario: &mut Item, path: &str, value: &str) -> Result<()> {
    let argument = Origin {
        source: Arc::new(SourceText {
            name: "command line".to_owned(),
            text: format!("--set {path}={value}"),
        }),
        span: 6..6 + path.len(),
    };
    let item = document::parse_argument(path, value)?;
    let segments = full_path(scenario, path);
    place(scenario, &segments, item, &argument)
}

fn full_path(scenario: &Item, path: &str) -> Vec<String> {
    let mut segments: Vec<String> = path.split('.').map(str::to_owned).collect();
    let Value::Table(table) = &scenario.value else {
        return segments;
    };
    if path == "nodes"
        && let Some(Item { value: Value::Array(groups), .. }) = table.get("node")
        && let Some(Item { value: Value::Table(first), .. }) = groups.first()
        && let Some(Ok(name)) = first.get("name").map(reader::text)
    {
        return vec!["node".to_owned(), name.to_owned(), "count".to_owned()];
    }
    if let Some(Item { value: Value::Table(protocols), .. }) = table.get("protocol")
        && table.get(&segments[0]).is_none()
        && protocols.get(&segments[0]).is_some()
    {
        segments.insert(0, "protocol".to_owned());
    }
    segments
}

fn place(at: &mut Item, segments: &[String], value: Item, argument: &Origin) -> Result<()> {
    let (first, rest) = segments.split_first().expect("a path has a segment");
    let wrong = |message: String| ScenarioError::at(argument, message, "this path");
    match &mut at.value {
        Value::Array(items) => {
            let named = items.iter_mut().find(|item| {
                matches!(&item.value, Value::Table(t)
                    if t.get("name").is_some_and(|n| reader::text(n).is_ok_and(|n| n == first)))
            });
            match named {
                Some(item) if !rest.is_empty() => place(item, rest, value, argument),
                _ => Err(wrong(format!("the list has no element named `{first}`"))),
            }
        }
        Value::Table(table) => match table.get_mut(first) {
            Some(item) if rest.is_empty() => {
                *item = value;
                Ok(())
            }
            Some(item) => {
                if !matches!(item.value, Value::Table(_) | Value::Array(_)) {
                    return Err(wrong(format!("`{first}` is a value and has no parts")));
                }
                place(item, rest, value, argument)
            }
            None => {
                let inner = if rest.is_empty() {
                    value
                } else {
                    let mut empty = Item {
                        value: Value::Table(Table::default()),
                        origin: argument.clone(),
                    };
                    place(&mut empty, rest, value, argument)?;
                    empty
                };
                table.entries.push(Entry {
                    key: first.clone(),
                    key_origin: argument.clone(),
                    item: inner,
                });
                Ok(())
            }
        },
        _ => Err(wrong(format!("there is no place for `{first}`"))),
    }
}
