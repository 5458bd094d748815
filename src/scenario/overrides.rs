//! `--set path=value`: changes one value of a scenario before it is checked.
//!
//! A path follows the tables of the file: `run.horizon`, `process.mariadb.start`,
//! `service.login.claimed`. Elements of lists are found by their name:
//! `node.server.count` (claims by their id). Two short forms save typing: `nodes` is the count of the
//! first node group, and the name of a protocol instance may come first:
//! `galera.evs.suspect_timeout`.

use super::document::{self, Entry, Item, Table, Value};
use super::error::{Origin, Result, ScenarioError, SourceText};
use super::nearest::suggestion;
use super::reader;
use std::sync::Arc;

/// Deeper paths than this lead nowhere.
const MAX_SEGMENTS: usize = 16;

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
    if segments.len() > MAX_SEGMENTS || segments.iter().any(String::is_empty) {
        return Err(ScenarioError::at(
            &argument,
            format!("`{path}` is no path to a value"),
            "this path",
        )
        .help("write names with dots between them, e.g. --set run.horizon=1y"));
    }
    place(scenario, &segments, item, &argument)
}

fn full_path(scenario: &Item, path: &str) -> Vec<String> {
    let mut segments: Vec<String> = path.split('.').map(str::to_owned).collect();
    let Value::Table(table) = &scenario.value else {
        return segments;
    };
    if path == "nodes"
        && let Some(Item {
            value: Value::Array(groups),
            ..
        }) = table.get("node")
        && let Some(name) = groups.first().and_then(element_name)
    {
        return vec!["node".to_owned(), name.to_owned(), "count".to_owned()];
    }
    if let Some(Item {
        value: Value::Table(protocols),
        ..
    }) = table.get("protocol")
        && table.get(&segments[0]).is_none()
        && protocols.get(&segments[0]).is_some()
    {
        segments.insert(0, "protocol".to_owned());
    }
    segments
}

/// The name by which an element of a list is found: its `name`, or its `id`.
fn element_name(item: &Item) -> Option<&str> {
    let Value::Table(table) = &item.value else {
        return None;
    };
    let name = table.get("name").or_else(|| table.get("id"))?;
    reader::text(name).ok()
}

fn place(at: &mut Item, segments: &[String], value: Item, argument: &Origin) -> Result<()> {
    let Some((first, rest)) = segments.split_first() else {
        *at = value;
        return Ok(());
    };
    match &mut at.value {
        Value::Array(items) => place(element(items, first, argument)?, rest, value, argument),
        Value::Table(table) => match table.get_mut(first) {
            Some(item) if rest.is_empty() => {
                *item = value;
                Ok(())
            }
            Some(item) => place(item, rest, value, argument),
            None => {
                let mut item = Item {
                    value: Value::Table(Table::default()),
                    origin: argument.clone(),
                };
                place(&mut item, rest, value, argument)?;
                table.entries.push(Entry {
                    key: first.clone(),
                    key_origin: argument.clone(),
                    item,
                });
                Ok(())
            }
        },
        other => Err(ScenarioError::at(
            argument,
            format!(
                "this path goes on with `{first}` where the scenario has {}",
                other.kind()
            ),
            "this path is too long",
        )),
    }
}

fn element<'a>(items: &'a mut [Item], name: &str, argument: &Origin) -> Result<&'a mut Item> {
    let known: Vec<String> = items
        .iter()
        .filter_map(element_name)
        .map(str::to_owned)
        .collect();
    items
        .iter_mut()
        .find(|item| element_name(item) == Some(name))
        .ok_or_else(|| {
            ScenarioError::at(
                argument,
                format!("the list has no element named `{name}`"),
                "this path",
            )
            .maybe_help(suggestion(name, known))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [[node]]
        name = "server"
        count = 2
        [protocol.galera]
        kind = "galera"
        evs.suspect_timeout = "5s"
        [[claim]]
        id = "c1"
        text = "all is well"
    "#;

    fn changed(path: &str, value: &str) -> Result<Item> {
        let mut item = document::parse("test.toml", TEXT)?;
        apply(&mut item, path, value)?;
        Ok(item)
    }

    fn found(item: &Item, path: &[&str]) -> Value {
        path.iter()
            .fold(item, |item, key| match &item.value {
                Value::Table(table) => table.get(key).unwrap(),
                Value::Array(items) => &items[key.parse::<usize>().unwrap()],
                _ => panic!("no {key}"),
            })
            .value
            .clone()
    }

    #[test]
    fn short_and_long_paths() {
        let value = found(&changed("nodes", "3").unwrap(), &["node", "0", "count"]);
        assert!(matches!(value, Value::Integer(3)));
        let value = found(
            &changed("node.server.count", "4").unwrap(),
            &["node", "0", "count"],
        );
        assert!(matches!(value, Value::Integer(4)));
        let path = ["protocol", "galera", "evs", "suspect_timeout"];
        let value = found(&changed("galera.evs.suspect_timeout", "2s").unwrap(), &path);
        assert!(matches!(value, Value::Text(text) if text == "2s"));
        let value = found(
            &changed("run.horizon", "\"1y\"").unwrap(),
            &["run", "horizon"],
        );
        assert!(matches!(value, Value::Text(text) if text == "1y"));
        let value = found(
            &changed("claim.c1.text", "no").unwrap(),
            &["claim", "0", "text"],
        );
        assert!(matches!(value, Value::Text(text) if text == "no"));
    }

    #[test]
    fn paths_that_lead_nowhere() {
        for path in [
            "",
            ".",
            "node..count",
            "node.sever.count",
            "protocol.galera.kind.x",
            &"a.".repeat(100_000),
        ] {
            assert!(changed(path, "1").is_err(), "{path}");
        }
        assert!(changed("node.server.failure", "{dist=").is_err());
    }
}
