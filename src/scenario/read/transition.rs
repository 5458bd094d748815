//! `[counter.NAME]` and `[transition.NAME]`.

use super::names::{Names, named_tables};
use super::{Surroundings, pace};
use crate::scenario::delay;
use crate::scenario::document::{Item, Value};
use crate::scenario::error::{Origin, Result, ScenarioError};
use crate::scenario::nearest::suggestion;
use crate::scenario::reader::{self, Reader};
use crate::scenario::transition::{CounterSpec, OutcomeSpec, TransitionSpec};

/// The largest value of a counter.
const MAX_LEVEL: i64 = 100_000;
/// Outcomes of one transition.
const MAX_OUTCOMES: usize = 100;

/// Reads all `[counter.NAME]` tables.
pub fn counters(r: &Reader<'_>, names: &mut Names) -> Result<Vec<CounterSpec>> {
    let mut found = Vec::new();
    for (name, origin, item) in named_tables(r, "counter")? {
        names.claim(name, origin, "a counter")?;
        let t = Reader::new(item, "a counter")?;
        let limit = reader::integer(t.required("limit")?, 1, MAX_LEVEL)?;
        let start = t.integer_if_any("start", 0, limit)?.unwrap_or(0);
        t.finish()?;
        found.push(CounterSpec {
            name: name.to_owned(),
            start: start as u64,
            limit: limit as u64,
        });
    }
    Ok(found)
}

/// Reads all `[transition.NAME]` tables.
pub fn transitions(
    r: &Reader<'_>,
    counters: &[CounterSpec],
    names: &mut Names,
    around: &Surroundings<'_>,
) -> Result<Vec<TransitionSpec>> {
    let mut found = Vec::new();
    for (name, origin, item) in named_tables(r, "transition")? {
        names.claim(name, origin, "a transition")?;
        let t = Reader::new(item, "a transition")?;
        found.push(TransitionSpec {
            name: name.to_owned(),
            after: delay::distribution(t.required("after")?, around.files)?,
            when: t.item("if").map(pace::condition).transpose()?,
            pace: t.item("pace").map(pace::times).transpose()?,
            keeps_age: t.flag_if_any("keeps_age")?.unwrap_or(false),
            outcomes: outcomes(&t, counters)?,
            origin: origin.clone(),
        });
        t.finish()?;
    }
    Ok(found)
}

fn outcomes(t: &Reader<'_>, counters: &[CounterSpec]) -> Result<Vec<OutcomeSpec>> {
    match (t.item("changes"), t.item("outcomes")) {
        (Some(item), None) => Ok(vec![OutcomeSpec {
            weight: 1.0,
            changes: changes(item, counters)?,
        }]),
        (None, Some(item)) => several(item, counters),
        (Some(_), Some(item)) => Err(ScenarioError::at(
            &item.origin,
            "a transition has `changes` or `outcomes`, not both",
            "one too many",
        )),
        (None, None) => Err(ScenarioError::at(
            t.origin(),
            "what does this transition change?",
            "`changes` is missing here",
        )
        .help("write e.g. changes = { customers = 1 }, or outcomes where chance decides")),
    }
}

fn several(item: &Item, counters: &[CounterSpec]) -> Result<Vec<OutcomeSpec>> {
    let mut found = Vec::new();
    for part in reader::list_up_to(item, MAX_OUTCOMES)? {
        let t = Reader::new(part, "an outcome")?;
        let weight = reader::positive(t.required("weight")?)?;
        let changes = match t.item("changes") {
            Some(item) => changes(item, counters)?,
            None => Vec::new(),
        };
        t.finish()?;
        found.push(OutcomeSpec { weight, changes });
    }
    if found.is_empty() {
        return Err(ScenarioError::at(
            &item.origin,
            "a transition ends somehow",
            "no outcome at all",
        ));
    }
    Ok(found)
}

fn changes(item: &Item, counters: &[CounterSpec]) -> Result<Vec<(usize, i64)>> {
    let Value::Table(table) = &item.value else {
        return Err(ScenarioError::at(
            &item.origin,
            "changes are a table of counters",
            "not a table",
        )
        .help("write e.g. changes = { customers = 1, servers = -1 }"));
    };
    let entries = table.entries.iter();
    entries
        .map(|entry| {
            let index = counter_named(&entry.key, &entry.key_origin, counters)?;
            let by = reader::integer(&entry.item, -MAX_LEVEL, MAX_LEVEL)?;
            Ok((index, by))
        })
        .collect()
}

fn counter_named(name: &str, origin: &Origin, counters: &[CounterSpec]) -> Result<usize> {
    let known = || counters.iter().map(|counter| counter.name.as_str());
    known().position(|known| known == name).ok_or_else(|| {
        let help = suggestion(name, known())
            .unwrap_or_else(|| format!("add a counter: [counter.{name}] limit = 10"));
        ScenarioError::at(
            origin,
            format!("there is no counter `{name}`"),
            "unknown counter",
        )
        .help(help)
    })
}
