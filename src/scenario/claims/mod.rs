//! Files of claims: what somebody says of a design, where, and what a model can measure
//! of it.
//!
//! ```toml
//! schema = 1
//! name = "Full-copy quad redundancy"
//! source = "full-copy-quad-redundancy.md"
//!
//! [design]                    # the first one is meant where a claim names none
//! four = "4-node.toml"
//! five = { scenario = "4-node.toml", set = ["nodes=5"] }
//!
//! [[claim]]
//! id = "0-01"
//! section = "Overview"
//! text = "If one of four dies, the other three do everything"
//! holds = "survives(everything, any 1 down)"
//!
//! [[claim]]
//! id = "0-71"
//! text = "About 15 files change"
//! unbound = "a count of files; no quantity of a model"
//! ```
//!
//! `holds` may also be a table of named cases; a claim that holds in some of them depends.

pub mod language;
mod parser;
mod tokens;

use super::document::{self, Item, Value};
use super::error::{Origin, Result, ScenarioError};
use super::nearest::suggestion;
use super::parameters::in_expression;
use super::reader::{self, Reader};
use language::{Measure, Quantity, Statement, Value as Term, Word};
use std::ops::Range;

/// Claims in one file at most.
const MAX_CLAIMS: usize = 1_000;
/// Designs in one file at most.
const MAX_DESIGNS: usize = 64;
/// Bytes of an id or a name at most.
const MAX_NAME: usize = 64;

/// The claims of one document.
#[derive(Clone, Debug)]
pub struct ClaimBook {
    /// What the document is about.
    pub name: String,
    /// The designs that claims speak of; the first one where they name none.
    pub designs: Vec<DesignSpec>,
    /// The claims, in the order of the file.
    pub claims: Vec<ClaimSpec>,
}

/// A design that claims speak of.
#[derive(Clone, Debug)]
pub struct DesignSpec {
    /// Its name in statements.
    pub name: String,
    /// The file of its scenario, beside the file of claims.
    pub scenario: String,
    /// What is changed in it, as `--set` would.
    pub set: Vec<(String, String)>,
    /// The failure profile instead of the scenario's own.
    pub profile: Option<String>,
    /// Where it is written.
    pub origin: Origin,
}

/// What somebody says.
#[derive(Clone, Debug)]
pub struct ClaimSpec {
    /// A short name.
    pub id: String,
    /// The document.
    pub source: String,
    /// The place in the document.
    pub section: String,
    /// The claim in words.
    pub text: String,
    /// What it says of a model.
    pub binding: Binding,
}

/// What a claim says of a model.
#[derive(Clone, Debug)]
pub enum Binding {
    /// Nothing that a model could measure, and why.
    Unbound(String),
    /// It holds where all of these do.
    Holds(Vec<Case>),
}

/// One case of a claim.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name; empty where the claim has no cases.
    pub name: String,
    /// The design that it speaks of.
    pub design: usize,
    /// What is to hold.
    pub statement: Statement,
    /// The same as it was written.
    pub text: String,
    /// Where that was written.
    pub origin: Origin,
}

/// Reads a file of claims.
pub fn book(name: &str, text: &str) -> Result<ClaimBook> {
    let item = document::parse(name, text)?;
    let r = Reader::new(&item, "a file of claims")?;
    if let Some(schema) = r.item("schema") {
        reader::integer(schema, 1, 1)?;
    }
    let title = r.text_if_any("name")?.unwrap_or(name).to_owned();
    let source = r.text_if_any("source")?.unwrap_or_default().to_owned();
    let designs = designs(r.required("design")?)?;
    let list = r.list_if_any("claim")?;
    if let Some(extra) = list.get(MAX_CLAIMS) {
        let message = format!("{} claims in one file are too many", list.len());
        let label = format!("at most {MAX_CLAIMS} are possible");
        return Err(ScenarioError::at(&extra.origin, message, label)
            .help("make several files of it, one for each document"));
    }
    let mut claims: Vec<ClaimSpec> = Vec::new();
    for item in list {
        let claim = claim(item, &source, &designs)?;
        if claims.iter().any(|known| known.id == claim.id) {
            let message = format!("two claims have the id `{}`", claim.id);
            return Err(ScenarioError::at(&item.origin, message, "the second one"));
        }
        claims.push(claim);
    }
    r.finish()?;
    Ok(ClaimBook {
        name: title,
        designs,
        claims,
    })
}

fn designs(item: &Item) -> Result<Vec<DesignSpec>> {
    let r = Reader::new(item, "the table of designs")?;
    let mut found = Vec::new();
    for (name, origin, item) in r.entries() {
        found.push(design(name, origin, item)?);
    }
    r.finish()?;
    if found.is_empty() || found.len() > MAX_DESIGNS {
        let message = format!("{} designs", found.len());
        let label = format!("from 1 to {MAX_DESIGNS} are needed");
        return Err(ScenarioError::at(&item.origin, message, label)
            .help("name the scenario that the claims speak of, e.g. four = \"4-node.toml\""));
    }
    Ok(found)
}

fn design(name: &str, origin: &Origin, item: &Item) -> Result<DesignSpec> {
    if let Value::Text(scenario) = &item.value {
        return Ok(DesignSpec {
            name: name.to_owned(),
            scenario: scenario.clone(),
            set: Vec::new(),
            profile: None,
            origin: origin.clone(),
        });
    }
    let r = Reader::new(item, "a design")?;
    let scenario = r.text("scenario")?.to_owned();
    let profile = r.text_if_any("profile")?.map(str::to_owned);
    let set = r
        .list_if_any("set")?
        .iter()
        .map(change)
        .collect::<Result<_>>()?;
    r.finish()?;
    Ok(DesignSpec {
        name: name.to_owned(),
        scenario,
        set,
        profile,
        origin: origin.clone(),
    })
}

fn change(item: &Item) -> Result<(String, String)> {
    match reader::text(item)?.split_once('=') {
        Some((path, value)) => Ok((path.trim().to_owned(), value.trim().to_owned())),
        None => Err(
            ScenarioError::at(&item.origin, "this changes nothing", "no `=` in it")
                .help("write PATH=VALUE, e.g. \"nodes=5\""),
        ),
    }
}

fn claim(item: &Item, source: &str, designs: &[DesignSpec]) -> Result<ClaimSpec> {
    let r = Reader::new(item, "a claim")?;
    let id = short(r.required("id")?)?;
    let text = r.text("text")?.to_owned();
    let source = r.text_if_any("source")?.unwrap_or(source).to_owned();
    let section = r.text_if_any("section")?.unwrap_or_default().to_owned();
    let meant = meant(&r, designs)?;
    let holds = r.item("holds");
    let unbound = r.text_if_any("unbound")?;
    r.finish()?;
    let binding = match (holds, unbound) {
        (Some(holds), None) => Binding::Holds(cases(holds, &meant, designs)?),
        (None, Some(reason)) => Binding::Unbound(reason.to_owned()),
        (Some(_), Some(_)) => {
            let message = format!("claim `{id}` is bound and unbound");
            return Err(ScenarioError::at(&item.origin, message, "both")
                .help("keep `holds`, or keep `unbound` with the reason"));
        }
        (None, None) => {
            let message = format!("claim `{id}` is not bound to anything");
            return Err(ScenarioError::at(&item.origin, message, "this one")
                .help("write holds = \"...\", or unbound = \"why no model quantity exists\""));
        }
    };
    Ok(ClaimSpec {
        id,
        source,
        section,
        text,
        binding,
    })
}

fn short(item: &Item) -> Result<String> {
    let text = reader::text(item)?;
    if text.is_empty() || text.len() > MAX_NAME || text.contains(['\n', '/', '\\']) {
        let message = "the id of a claim is a short text on one line, without slashes";
        return Err(ScenarioError::at(&item.origin, message, "this id")
            .help(format!("at most {MAX_NAME} bytes")));
    }
    Ok(text.to_owned())
}

/// The designs that a claim speaks of.
fn meant(r: &Reader<'_>, designs: &[DesignSpec]) -> Result<Vec<usize>> {
    let one = r.item("design");
    let several = r.item("designs");
    let items = match (one, several) {
        (Some(item), _) => std::slice::from_ref(item),
        (None, Some(list)) => reader::list(list)?,
        (None, None) => return Ok(vec![0]),
    };
    let index = |item: &Item| {
        let name = reader::text(item)?;
        let index = designs.iter().position(|design| design.name == name);
        index.ok_or_else(|| {
            let message = format!("there is no design `{name}`");
            ScenarioError::at(&item.origin, message, "unknown")
                .maybe_help(suggestion(name, designs.iter().map(|d| &d.name)))
        })
    };
    items.iter().map(index).collect()
}

fn cases(item: &Item, meant: &[usize], designs: &[DesignSpec]) -> Result<Vec<Case>> {
    let named: Vec<(&str, &Item)> = match &item.value {
        Value::Table(table) => {
            let entries = table.entries.iter();
            entries
                .map(|entry| (entry.key.as_str(), &entry.item))
                .collect()
        }
        _ => vec![("", item)],
    };
    let mut cases = Vec::new();
    for &design in meant {
        for (name, item) in &named {
            let written = reader::text(item)?;
            let statement = parser::parse(written)
                .map_err(|e| in_expression(&item.origin, &e.span, e.message, e.help))?;
            check_designs(&statement, item, designs)?;
            let of = if meant.len() > 1 {
                designs[design].name.as_str()
            } else {
                ""
            };
            let parts: Vec<&str> = [of, name]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect();
            cases.push(Case {
                name: parts.join(", "),
                design,
                statement,
                text: written.to_owned(),
                origin: item.origin.clone(),
            });
        }
    }
    Ok(cases)
}

/// Every design that a statement names must be there.
fn check_designs(statement: &Statement, item: &Item, designs: &[DesignSpec]) -> Result<()> {
    let mut named = Vec::new();
    statement.designs(&mut named);
    for word in named {
        if !designs.iter().any(|design| design.name == word.text) {
            let message = format!("there is no design `{}`", word.text);
            let help = suggestion(&word.text, designs.iter().map(|d| &d.name));
            return Err(in_expression(&item.origin, &word.span, message, help));
        }
    }
    Ok(())
}

impl Case {
    /// Where a part of the statement is written.
    pub fn place(&self, span: &Range<usize>) -> Origin {
        let text = &self.origin.source.text;
        let written = text.get(self.origin.span.clone()).unwrap_or_default();
        let from = written
            .find(&self.text)
            .map_or(0, |quotes| quotes + span.start);
        let start = self.origin.span.start + from;
        Origin {
            source: self.origin.source.clone(),
            span: start..start + span.len(),
        }
    }

    /// An error in a part of the statement.
    pub fn wrong(
        &self,
        span: &Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Box<ScenarioError> {
        in_expression(&self.origin, span, message, help)
    }
}

impl Statement {
    /// Every measure in it.
    pub fn measures<'s>(&'s self, found: &mut Vec<&'s Measure>) {
        match self {
            Statement::And(parts) | Statement::Or(parts) => {
                parts.iter().for_each(|part| part.measures(found));
            }
            Statement::Not(inner) => inner.measures(found),
            Statement::Loss(_) | Statement::Course(_) => {}
            Statement::Compare(compared) => {
                compared.left.measures(found);
                compared.right.measures(found);
                if let Some(tolerance) = &compared.tolerance {
                    tolerance.measures(found);
                }
            }
        }
    }

    /// Every design that it names.
    fn designs<'s>(&'s self, found: &mut Vec<&'s Word>) {
        match self {
            Statement::And(parts) | Statement::Or(parts) => {
                parts.iter().for_each(|part| part.designs(found));
            }
            Statement::Not(inner) => inner.designs(found),
            Statement::Loss(test) => found.extend(&test.design),
            Statement::Course(test) => found.extend(&test.design),
            Statement::Compare(_) => {
                let mut measures = Vec::new();
                self.measures(&mut measures);
                found.extend(measures.into_iter().filter_map(|m| m.design.as_ref()));
            }
        }
    }

    /// Every fault script that it plays.
    pub fn scripts<'s>(&'s self, found: &mut Vec<&'s Word>) {
        match self {
            Statement::And(parts) | Statement::Or(parts) => {
                parts.iter().for_each(|part| part.scripts(found));
            }
            Statement::Not(inner) => inner.scripts(found),
            Statement::Loss(_) => {}
            Statement::Course(test) => found.push(&test.script),
            Statement::Compare(_) => {
                let mut measures = Vec::new();
                self.measures(&mut measures);
                found.extend(measures.into_iter().filter_map(|m| match &m.what {
                    Quantity::Course(_, script, ..) => Some(script),
                    _ => None,
                }));
            }
        }
    }
}

impl Term {
    /// Every measure in it.
    pub fn measures<'s>(&'s self, found: &mut Vec<&'s Measure>) {
        match self {
            Term::Number(_) => {}
            Term::Measure(measure) => found.push(measure),
            Term::Sum(a, b) | Term::Difference(a, b) | Term::Product(a, b) | Term::Ratio(a, b) => {
                a.measures(found);
                b.measures(found);
            }
        }
    }
}
