//! `extends = "4-node.toml"`: a scenario that says only what differs from another.
//!
//! Its own values are laid over those of the other file: tables are merged, elements
//! of lists that have a name (nodes, crews, components, claims) by that name, all
//! other values and lists take the place of the old ones.

use super::Files;
use super::document::{self, Item, Table, Value};
use super::error::{Result, ScenarioError};
use super::reader;

/// A scenario that extends one that extends one ...: no more than so many.
const MAX_CHAIN: usize = 8;

/// The scenario as if it had been written in one file.
pub fn whole(own: Item, files: &dyn Files) -> Result<Item> {
    laid_over(own, files, 0)
}

fn laid_over(mut own: Item, files: &dyn Files, depth: usize) -> Result<Item> {
    let Value::Table(table) = &mut own.value else {
        return Ok(own);
    };
    let Some(place) = table.entries.iter().position(|e| e.key == "extends") else {
        return Ok(own);
    };
    let entry = table.entries.remove(place);
    let path = reader::text(&entry.item)?;
    let refuse = |message: String, label: &str| {
        ScenarioError::at(&entry.item.origin, message, label.to_owned())
    };
    if depth == MAX_CHAIN {
        let message = format!("more than {MAX_CHAIN} scenarios extend each other");
        return Err(refuse(message, "one too many").help("does one of them extend itself?"));
    }
    let text = files
        .read(path)
        .map_err(|why| refuse(format!("the scenario `{path}` cannot be read"), &why))?;
    let below = laid_over(document::parse(path, &text)?, files, depth + 1)?;
    let Value::Table(mut merged) = below.value else {
        return Ok(own);
    };
    lay(&mut merged, table);
    own.value = Value::Table(merged);
    Ok(own)
}

fn lay(below: &mut Table, over: &Table) {
    for entry in &over.entries {
        let Some(item) = below.get_mut(&entry.key) else {
            below.entries.push(entry.clone());
            continue;
        };
        match (&mut item.value, &entry.item.value) {
            (Value::Table(below), Value::Table(over)) => lay(below, over),
            (Value::Array(below), Value::Array(over)) if named(below) && named(over) => {
                lay_named(below, over);
            }
            _ => *item = entry.item.clone(),
        }
    }
}

fn name(item: &Item) -> Option<&str> {
    let Value::Table(table) = &item.value else {
        return None;
    };
    let name = table.get("name").or_else(|| table.get("id"))?;
    reader::text(name).ok()
}

fn named(items: &[Item]) -> bool {
    !items.is_empty() && items.iter().all(|item| name(item).is_some())
}

fn lay_named(below: &mut Vec<Item>, over: &[Item]) {
    for item in over {
        let same = below.iter_mut().find(|old| name(old) == name(item));
        match (same, &item.value) {
            (
                Some(Item {
                    value: Value::Table(old),
                    ..
                }),
                Value::Table(new),
            ) => lay(old, new),
            _ => below.push(item.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Base(&'static str);

    impl Files for Base {
        fn read(&self, _: &str) -> std::result::Result<String, String> {
            Ok(self.0.to_owned())
        }
    }

    fn extended(base: &'static str, own: &str) -> Table {
        let own = document::parse("own.toml", own).expect("parses");
        match whole(own, &Base(base)).expect("extends").value {
            Value::Table(table) => table,
            _ => panic!("a table"),
        }
    }

    #[test]
    fn tables_and_named_elements_are_merged_and_values_replaced() {
        let table = extended(
            "name = \"a\"\n[[node]]\nname = \"x\"\ncount = 4\n[run]\nseed = 1\nhorizon = \"1y\"\n",
            "extends = \"a\"\nname = \"b\"\n[[node]]\nname = \"x\"\nboot = \"1m\"\n\
             [[node]]\nname = \"y\"\n[run]\nseed = 2\n",
        );
        assert!(table.get("extends").is_none());
        assert!(matches!(&table.get("name").unwrap().value, Value::Text(t) if t == "b"));
        let Value::Array(nodes) = &table.get("node").unwrap().value else {
            panic!("a list")
        };
        assert_eq!(nodes.len(), 2);
        let Value::Table(first) = &nodes[0].value else {
            panic!("a table")
        };
        assert_eq!(first.entries.len(), 3);
        let Value::Table(run) = &table.get("run").unwrap().value else {
            panic!("a table")
        };
        assert!(matches!(run.get("seed").unwrap().value, Value::Integer(2)));
        assert_eq!(run.entries.len(), 2);
    }

    #[test]
    fn a_circle_is_refused() {
        let own = document::parse("own.toml", "extends = \"own.toml\"\n").expect("parses");
        let error = whole(own, &Base("extends = \"own.toml\"\n")).expect_err("a circle");
        assert!(error.to_string().contains("extend each other"));
    }
}
