//! `[operator.NAME]`: people who notice and act.

use super::Surroundings;
use super::names::{NodeNames, named_tables};
use super::services::{changing_condition, last_place};
use crate::scenario::coverage::CoverageSpec;
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::nearest::suggestion;
use crate::scenario::reader::{self, Reader};
use crate::scenario::{OperatorSpec, ProtocolSpec, delay};

/// Protocols, coverages, signals and operators are automata, of which a model has at most
/// 128; the world needs some of them.
const MAX_PARTS: usize = 120;

/// Reads all `[operator.NAME]` tables.
pub fn operators(
    r: &Reader<'_>,
    places: &NodeNames<'_>,
    protocols: &[ProtocolSpec],
    coverages: &[CoverageSpec],
    around: &Surroundings<'_>,
) -> Result<Vec<OperatorSpec>> {
    let mut operators: Vec<OperatorSpec> = Vec::new();
    for (name, _, item) in named_tables(r, "operator")? {
        let t = Reader::new(item, "an operator")?;
        let when = t.required("when")?;
        let action = t.required("action")?;
        operators.push(OperatorSpec {
            name: name.to_owned(),
            when: changing_condition(when, places)?,
            when_origin: when.origin.clone(),
            notices: delay::distribution(t.required("notices")?, around.files)?,
            acts: delay::distribution(t.required("acts")?, around.files)?,
            protocol: protocol(&t, protocols, coverages)?,
            action: reader::text(action)?.to_owned(),
            action_origin: action.origin.clone(),
        });
        t.finish()?;
    }
    Ok(operators)
}

fn protocol(
    t: &Reader<'_>,
    protocols: &[ProtocolSpec],
    coverages: &[CoverageSpec],
) -> Result<String> {
    let item = t.required("protocol")?;
    let name = reader::text(item)?;
    let protocols = protocols.iter().map(|p| p.name.as_str());
    let known: Vec<&str> = protocols
        .chain(coverages.iter().map(|c| c.name.as_str()))
        .collect();
    if known.contains(&name) {
        return Ok(name.to_owned());
    }
    let help = suggestion(name, known)
        .unwrap_or_else(|| format!("an operator acts on a protocol: add [protocol.{name}]"));
    Err(ScenarioError::at(
        &item.origin,
        format!("there is no protocol `{name}` here"),
        "unknown",
    )
    .help(help))
}

/// Refuses a scenario with more moving parts than a model can have.
pub fn check_number_of_parts(r: &Reader<'_>, total: usize) -> Result<()> {
    if total <= MAX_PARTS {
        return Ok(());
    }
    let place = ["operator", "signals", "coverage", "maintenance", "protocol"]
        .iter()
        .find_map(|key| last_place(r, key));
    Err(ScenarioError::at(
        place.unwrap_or(r.origin()),
        format!("{total} protocols, coverages, signals, maintenances and operators are too many"),
        format!("at most {MAX_PARTS} together are possible"),
    ))
}
