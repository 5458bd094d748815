//! Reads a scenario file and checks everything that can be checked without a
//! model. One file for each part of a scenario.

mod coverage;
mod human_error;
mod load;
mod maintenance;
pub(super) mod names;
mod nodes;
mod pace;
mod people;
mod processes;
mod profile;
mod run;
mod services;
pub mod settings;
mod transition;
mod trouble;

use super::document::{self, Item, Value};
use super::error::{Result, ScenarioError};
use super::extend;
use super::overrides;
use super::reader::{self, Reader};
use super::{Files, Scenario};
use crate::automaton::fnv::fnv1a;
use names::{Names, NodeNames};
use profile::Profile;
use std::cell::RefCell;

/// The version of the scenario format that this program reads.
pub const SCHEMA: i64 = 1;
/// At most this many processes, components, claims and the like in one scenario.
const MAX_ENTRIES: usize = 1000;
/// The longest name of a scenario.
const MAX_TITLE: usize = 100;

/// What the reader has to know of the protocols: each kind and its model file.
pub type Catalogue<'a> = &'a [(&'static str, &'static str)];

/// What surrounds the scenario file.
pub struct Surroundings<'a> {
    /// Finds the files that the scenario names.
    pub files: &'a dyn Files,
    /// The protocols that exist.
    pub catalogue: Catalogue<'a>,
    /// A failure profile instead of the scenario's own: a name or a path.
    pub profile: Option<&'a str>,
    /// `--set` arguments: path and value.
    pub overrides: &'a [(String, String)],
}

/// The document with what it extends and with its overrides.
fn merged(name: &str, text: &str, around: &Surroundings<'_>) -> Result<Item> {
    let item = document::parse(name, text)?;
    if text.trim().is_empty() {
        return Err(
            ScenarioError::at(&item.origin, format!("{name} is empty"), "empty").help(format!(
                "a scenario begins with schema = {SCHEMA} and a name"
            )),
        );
    }
    let mut item = extend::whole(item, around.files)?;
    for (path, value) in around.overrides {
        overrides::apply(&mut item, path, value)?;
    }
    Ok(item)
}

/// Reads and checks a scenario.
pub fn scenario(name: &str, text: &str, around: &Surroundings<'_>) -> Result<Scenario> {
    let witness = Witness::new(around.files);
    let around = &Surroundings {
        files: &witness,
        ..*around
    };
    let item = merged(name, text, around)?;
    check_kind(&item, name)?;
    let r = Reader::new(&item, "a scenario")?;
    check_schema(&r)?;
    let title = title(&r)?;
    let description = r.text_if_any("description")?.unwrap_or_default().to_owned();
    let profile = Profile::find(&r, around)?;
    let mut names = Names::default();
    let crews = nodes::crews(&r)?;
    let (nodes, groups, common_causes) = nodes::nodes(&r, &profile, &crews, &mut names, around)?;
    let places = NodeNames {
        nodes: &nodes,
        groups: &groups,
    };
    let mut trouble = trouble::Trouble {
        components: common_causes,
        ..trouble::Trouble::default()
    };
    if let Some(p) = profile.reader()? {
        trouble.read(&p, &places, &mut names, around)?;
    }
    trouble.read(&r, &places, &mut names, around)?;
    let processes = processes::processes(&r, &places, around)?;
    let protocols = processes::protocols(&r, &places, &mut names, around)?;
    let human_errors = human_error::human_errors(&r, &places, around)?;
    let maintenances = maintenance::maintenances(&r, &places, &processes, around)?;
    let coverages = coverage::coverages(&r, &profile, &mut names, around)?;
    let counters = transition::counters(&r, &mut names)?;
    let transitions = transition::transitions(&r, &counters, &mut names, around)?;
    let signals = services::signals(&r, &mut names)?;
    let operators = people::operators(&r, &places, (&protocols, &coverages, &processes), around)?;
    let parts = protocols.len()
        + maintenances.len()
        + human_errors.len()
        + coverages.len()
        + signals.len()
        + operators.len()
        + usize::from(!counters.is_empty());
    people::check_number_of_parts(&r, parts)?;
    let load = load::settings(&r)?;
    let (services, tallies) = services::services_and_tallies(&r, &places, &load)?;
    load::check_levels(&load, &services)?;
    let scenario = Scenario {
        name: title,
        description,
        profile: profile.name.clone(),
        run: run::settings(&r)?,
        crews,
        components: trouble.components,
        shocks: trouble.shocks,
        partitions: trouble.partitions,
        processes,
        human_errors,
        maintenances,
        coverages,
        counters,
        transitions,
        signals,
        operators,
        services,
        tallies,
        load,
        claims: services::claims(&r)?,
        fingerprint: fingerprint(text, around, &profile, &protocols, &witness),
        protocols,
        groups,
        nodes,
    };
    r.finish()?;
    Ok(scenario)
}

fn check_schema(r: &Reader<'_>) -> Result<()> {
    let schema = r
        .required("schema")
        .map_err(|e| e.or_help(format!("write schema = {SCHEMA} in the first line")))?;
    if reader::integer(schema, 0, i64::MAX)? == SCHEMA {
        return Ok(());
    }
    Err(ScenarioError::at(
        &schema.origin,
        "this scenario is written in another version of the format than this program reads",
        "unknown version",
    )
    .help(format!("this program reads schema = {SCHEMA}")))
}

/// A folder of scenarios has a file of claims in it, and a shell names both.
fn check_kind(item: &Item, name: &str) -> Result<()> {
    let Value::Table(table) = &item.value else {
        return Ok(());
    };
    match (table.get("design"), table.get("claim"), table.get("node")) {
        (Some(design), Some(_), None) => Err(ScenarioError::at(
            &design.origin,
            format!("{name} is a file of claims, and no scenario"),
            "the designs that the claims speak of",
        )
        .help(format!("quorate claims {name}"))),
        _ => Ok(()),
    }
}

fn title(r: &Reader<'_>) -> Result<String> {
    let item = r.required("name")?;
    let title = reader::text(item)?.trim();
    if title.is_empty() || title.chars().count() > MAX_TITLE || title.chars().any(char::is_control)
    {
        return Err(ScenarioError::at(
            &item.origin,
            "a scenario needs a name that fits on one line",
            format!("1 to {MAX_TITLE} characters"),
        )
        .help("longer texts go into `description`"));
    }
    Ok(title.to_owned())
}

/// Passes files on and keeps what was read, for the fingerprint.
struct Witness<'a> {
    files: &'a dyn Files,
    seen: RefCell<Vec<(String, String)>>,
}

impl<'a> Witness<'a> {
    fn new(files: &'a dyn Files) -> Self {
        Witness {
            files,
            seen: RefCell::default(),
        }
    }
}

impl Files for Witness<'_> {
    fn read(&self, path: &str) -> std::result::Result<String, String> {
        let mut seen = self.seen.borrow_mut();
        if let Some((_, text)) = seen.iter().find(|(known, _)| known == path) {
            return Ok(text.clone());
        }
        let text = self.files.read(path)?;
        seen.push((path.to_owned(), text.clone()));
        Ok(text)
    }
}

/// A hash of everything that the result depends on: the scenario, the arguments,
/// the profile, the parameters of the protocols in use, and recorded times.
fn fingerprint(
    text: &str,
    around: &Surroundings<'_>,
    profile: &Profile,
    protocols: &[super::ProtocolSpec],
    witness: &Witness<'_>,
) -> u64 {
    let mut parts: Vec<&str> = vec![text, profile.text.as_deref().unwrap_or_default()];
    for (path, value) in around.overrides {
        parts.extend([path.as_str(), value.as_str()]);
    }
    for (kind, parameters) in around.catalogue {
        if protocols.iter().any(|p| p.kind == *kind) {
            parts.extend([*kind, *parameters]);
        }
    }
    let seen = witness.seen.borrow();
    for (path, text) in seen.iter() {
        parts.extend([path.as_str(), text.as_str()]);
    }
    // No text holds the byte ff, so that no two lists of parts look the same.
    fnv1a(
        parts
            .into_iter()
            .flat_map(|part| part.bytes().chain([0xff])),
    )
}
