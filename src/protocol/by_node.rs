//! A parameter that is one number for all members, a list in their order, or a table by
//! node name.

use super::Site;
use crate::automaton::{Blueprint, Node};
use crate::scenario::document::{Item, Value};
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::nearest::suggestion;
use crate::scenario::reader;

/// Whole numbers from 0 to `high`, by the index of the node; 1 where nothing is said.
pub fn numbers<const W: usize>(
    site: &Site<'_>,
    blueprint: &Blueprint<W>,
    path: &str,
    members: &[Node],
    high: i64,
) -> Result<Vec<u64>> {
    let item = site.parameters.item(path);
    let number = |item: &Item| reader::integer(item, 0, high).map(|n| n as u64);
    let mut numbers = vec![1; blueprint.nodes()];
    match &item.value {
        Value::Array(list) => {
            if list.len() != members.len() {
                let message = format!(
                    "`{path}` lists {} numbers for {} members",
                    list.len(),
                    members.len()
                );
                return Err(site.parameters.error(path, message));
            }
            for (node, item) in members.iter().zip(list) {
                numbers[node.index()] = number(item)?;
            }
        }
        Value::Table(table) => {
            for entry in &table.entries {
                let known = |node: &Node| blueprint.node_name(*node) == entry.key;
                let node = members.iter().copied().find(known).ok_or_else(|| {
                    let names = members.iter().map(|n| blueprint.node_name(*n).to_owned());
                    let message = format!("`{}` has no member `{}`", site.name, entry.key);
                    ScenarioError::at(&entry.key_origin, message, "unknown member")
                        .maybe_help(suggestion(&entry.key, names))
                })?;
                numbers[node.index()] = number(&entry.item)?;
            }
        }
        _ => numbers.fill(number(item)?),
    }
    Ok(numbers)
}
