//! `[operator.NAME]`: people who notice and act.

use super::Surroundings;
use super::names::{NodeNames, named_tables};
use super::services::{changing_condition, last_place};
use crate::scenario::coverage::CoverageSpec;
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::nearest::suggestion;
use crate::scenario::reader::{self, Reader};
use crate::scenario::{Notice, OperatorSpec, ProcessSpec, ProtocolSpec, Target, delay};

/// Protocols, coverages, signals and operators are automata, of which a model has at most
/// 128; the world needs some of them.
const MAX_PARTS: usize = 120;

/// What operators can act upon.
type Targets<'a> = (&'a [ProtocolSpec], &'a [CoverageSpec], &'a [ProcessSpec]);

/// Reads all `[operator.NAME]` tables.
pub fn operators(
    r: &Reader<'_>,
    places: &NodeNames<'_>,
    targets: Targets<'_>,
    around: &Surroundings<'_>,
) -> Result<Vec<OperatorSpec>> {
    let mut operators: Vec<OperatorSpec> = Vec::new();
    for (name, _, item) in named_tables(r, "operator")? {
        let t = Reader::new(item, "an operator")?;
        let when = t.required("when")?;
        let target = target(&t, targets)?;
        let action = t.required("action")?;
        if matches!(target, Target::Process(_)) {
            reader::word(action, &[("start", ()), ("restart", ())])?;
        }
        operators.push(OperatorSpec {
            name: name.to_owned(),
            when: changing_condition(when, places)?,
            when_origin: when.origin.clone(),
            notices: notice(&t, around)?,
            acts: delay::distribution(t.required("acts")?, around.files)?,
            target,
            action: reader::text(action)?.to_owned(),
            action_origin: action.origin.clone(),
        });
        t.finish()?;
    }
    Ok(operators)
}

fn notice(t: &Reader<'_>, around: &Surroundings<'_>) -> Result<Notice> {
    match (t.item("notices"), t.item("looks")) {
        (_, None) => {
            let notices = t.required("notices")?;
            delay::distribution(notices, around.files).map(Notice::After)
        }
        (None, Some(item)) => delay::interval(item, around.files).map(Notice::Looking),
        (Some(_), Some(item)) => Err(ScenarioError::at(
            &item.origin,
            "an operator either notices by himself or looks now and then",
            "not both `notices` and `looks`",
        )),
    }
}

fn target(t: &Reader<'_>, (protocols, coverages, processes): Targets<'_>) -> Result<Target> {
    let Some(item) = t.item("process") else {
        return protocol(t, protocols, coverages).map(Target::Protocol);
    };
    let name = reader::text(item)?;
    if let Some(other) = t.item("protocol") {
        return Err(ScenarioError::at(
            &other.origin,
            "an operator acts on a process or on a protocol",
            "not on both",
        ));
    }
    if processes.iter().any(|p| p.name == name) {
        return Ok(Target::Process(name.to_owned()));
    }
    let known = processes.iter().map(|p| p.name.as_str());
    let message = format!("there is no process `{name}`");
    Err(ScenarioError::at(&item.origin, message, "unknown process")
        .maybe_help(suggestion(name, known)))
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
    let place = [
        "operator",
        "human_error",
        "signals",
        "coverage",
        "maintenance",
        "protocol",
    ]
    .iter()
    .find_map(|key| last_place(r, key));
    Err(ScenarioError::at(
        place.unwrap_or(r.origin()),
        format!(
            "{total} protocols, coverages, signals, maintenances, operators and human errors are too many"
        ),
        format!("at most {MAX_PARTS} together are possible"),
    ))
}
