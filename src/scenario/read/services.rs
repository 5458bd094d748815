//! `[signals]`, `[service.NAME]`, `[tally.NAME]` and `[[claim]]`: what users
//! want, and what is asked.

use super::MAX_ENTRIES;
use super::names::{Names, NodeNames, named_tables};
use crate::scenario::LoadSettings;
use crate::scenario::document::{Item, Value};
use crate::scenario::error::{Origin, Result, ScenarioError};
use crate::scenario::expression::{self, Condition, Name, SyntaxError};
use crate::scenario::parameters::{in_expression, located_set};
use crate::scenario::reader::{self, Reader};
use crate::scenario::{Claim, ServiceSpec, SignalSpec, TallySpec};

/// Services and tallies together: the model keeps one bit for each in a word.
const MAX_MEASURES: usize = 64;
/// The longest id of a claim.
const MAX_ID: usize = 64;

/// Reads `[signals]`.
pub fn signals(r: &Reader<'_>, names: &mut Names) -> Result<Vec<SignalSpec>> {
    let tables = named_tables(r, "signals")?;
    let mut signals = Vec::new();
    for (index, (name, origin, item)) in tables.iter().enumerate() {
        names.claim(name, origin, "a signal")?;
        let located = located_set(item)?;
        let mut used = Vec::new();
        located.expression.names(&mut used);
        let later = |name: &&&Name| {
            tables[index..]
                .iter()
                .any(|(later, ..)| *later == name.text)
        };
        if let Some(late) = used.iter().find(later) {
            return Err(in_expression(
                &item.origin,
                &late.span,
                format!(
                    "`{name}` is made of `{}`, which is not known before here",
                    late.text
                ),
                Some("write signals in the order in which they use each other".to_owned()),
            ));
        }
        signals.push(SignalSpec {
            name: (*name).to_owned(),
            expression: located.expression,
            origin: located.origin,
        });
    }
    Ok(signals)
}

/// Reads all `[service.NAME]` and `[tally.NAME]` tables.
pub fn services_and_tallies(
    r: &Reader<'_>,
    places: &NodeNames<'_>,
    load: &LoadSettings,
) -> Result<(Vec<ServiceSpec>, Vec<TallySpec>)> {
    let mut services: Vec<ServiceSpec> = Vec::new();
    for (name, _, item) in named_tables(r, "service")? {
        services.push(service(name, item, places, load)?);
    }
    let mut tallies = Vec::new();
    for (name, origin, item) in named_tables(r, "tally")? {
        if services.iter().any(|s| s.name == name) {
            return Err(ScenarioError::at(
                origin,
                format!("`{name}` is a service and a tally"),
                "the tally",
            )
            .help("give the tally another name, so that results can be told apart"));
        }
        tallies.push(tally(name, item)?);
    }
    let total = services.len() + tallies.len();
    if total > MAX_MEASURES {
        let place = ["tally", "service"]
            .iter()
            .find_map(|key| last_place(r, key));
        return Err(ScenarioError::at(
            place.unwrap_or(r.origin()),
            format!("{total} services and tallies are too many"),
            format!("at most {MAX_MEASURES} together are possible"),
        ));
    }
    Ok((services, tallies))
}

/// Where the last entry of a table is written, if there is one.
pub fn last_place<'a>(r: &Reader<'a>, key: &str) -> Option<&'a Origin> {
    match &r.item(key)?.value {
        Value::Table(table) => table.entries.last().map(|entry| &entry.key_origin),
        _ => None,
    }
}

fn syntax(item: &Item, error: SyntaxError) -> Box<ScenarioError> {
    in_expression(&item.origin, &error.span, error.message, error.help)
}

/// A condition that can change: one that names nodes alone, and no signal,
/// holds always or never, which nobody means.
pub fn changing_condition(item: &Item, places: &NodeNames<'_>) -> Result<Condition> {
    let condition =
        expression::parse_condition(reader::text(item)?).map_err(|e| syntax(item, e))?;
    let mut names = Vec::new();
    condition.names(&mut names);
    match names.first() {
        Some(first) if names.iter().all(|name| places.knows(&name.text)) => Err(in_expression(
            &item.origin,
            &first.span,
            format!(
                "`{}` is a name of nodes, up or not: this condition would never change",
                first.text
            ),
            Some(format!(
                "to ask which of them run write `node.up & {}`",
                first.text
            )),
        )),
        _ => Ok(condition),
    }
}

fn service(
    name: &str,
    item: &Item,
    places: &NodeNames<'_>,
    load: &LoadSettings,
) -> Result<ServiceSpec> {
    let t = Reader::new(item, "a service")?;
    let up = t.required("up")?;
    let read_only = match t.item("read_only") {
        Some(item) => Some((changing_condition(item, places)?, item.origin.clone())),
        None => None,
    };
    let success = match t.item("success") {
        Some(item) => {
            let share =
                expression::parse_share(reader::text(item)?).map_err(|e| syntax(item, e))?;
            Some((share, item.origin.clone()))
        }
        None => None,
    };
    let service = ServiceSpec {
        name: name.to_owned(),
        up: changing_condition(up, places)?,
        up_origin: up.origin.clone(),
        read_only,
        success,
        demand: t
            .item("demand")
            .map(|item| super::load::demand(item, load))
            .transpose()?,
        claimed: t.share_if_any("claimed")?,
    };
    t.finish()?;
    Ok(service)
}

fn tally(name: &str, item: &Item) -> Result<TallySpec> {
    let t = Reader::new(item, "a tally")?;
    let of = t.required("of")?;
    let tally = TallySpec {
        name: name.to_owned(),
        of: expression::parse_count(reader::text(of)?).map_err(|e| syntax(of, e))?,
        origin: of.origin.clone(),
        flow_per_s: t.item("flow").map(flow).transpose()?,
    };
    t.finish()?;
    Ok(tally)
}

/// How many come: some, or no mean time could be told.
fn flow(item: &Item) -> Result<f64> {
    match reader::rate(item)? {
        0.0 => Err(ScenarioError::at(
            &item.origin,
            "nothing comes at this rate, so nothing stays for any time",
            "zero",
        )),
        rate => Ok(rate),
    }
}

/// Reads all `[[claim]]` tables.
pub fn claims(r: &Reader<'_>) -> Result<Vec<Claim>> {
    let mut claims: Vec<Claim> = Vec::new();
    let Some(list) = r.item("claim") else {
        return Ok(claims);
    };
    for item in reader::list_up_to(list, MAX_ENTRIES)? {
        let t = Reader::new(item, "a claim")?;
        let id_item = t.required("id")?;
        let id = reader::text(id_item)?.to_owned();
        if id.is_empty() || id.len() > MAX_ID || id.chars().any(char::is_control) {
            return Err(ScenarioError::at(
                &id_item.origin,
                "the id of a claim is a short text on one line",
                format!("1 to {MAX_ID} bytes"),
            ));
        }
        if claims.iter().any(|c| c.id == id) {
            return Err(ScenarioError::at(
                &id_item.origin,
                format!("two claims have the id `{id}`"),
                "here again",
            ));
        }
        let text = t.text("text")?.to_owned();
        claims.push(Claim { id, text });
        t.finish()?;
    }
    Ok(claims)
}
