//! Changes that may make a design better: a catalogue of pieces of scenarios, each of
//! which is laid over the design, and what they cost.
//!
//! The catalogue is data (`models/advice.toml`): nothing here knows what a change is about.

mod cost;
mod surroundings;

pub use cost::{Costs, Price};

use super::document::{self, Item, Value};
use super::error::{Origin, Result, ScenarioError};
use super::reader::{self, Reader};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::Value as Json;
use surroundings::{Instance, Surroundings};

const CATALOGUE: &str = include_str!("../../../models/advice.toml");
const NAME: &str = "models/advice.toml";
/// Changes in a catalogue at most.
const MAX_CHANGES: usize = 500;

/// Changes that can be tried.
pub struct Catalogue {
    changes: Vec<Change>,
}

struct Change {
    id: String,
    text: String,
    /// The kind of protocol that it is about; once for the whole design without one.
    kind: Option<String>,
    /// Is it about the number of nodes alone?
    resizes: bool,
    when: String,
    over: String,
    cost: Vec<(String, Amount)>,
    origin: Origin,
}

enum Amount {
    Number(f64),
    /// The length of this list of the surroundings.
    CountOf(String),
}

/// A change that suits a design.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// A short name; with the name of the protocol instance where there are several.
    pub id: String,
    /// What is changed, in words.
    pub text: String,
    /// What is laid over the design.
    pub over: String,
    /// Is it about the number of nodes alone?
    pub resizes: bool,
    /// Items of a price list, and how many of each.
    pub cost: Vec<(String, f64)>,
}

impl Catalogue {
    /// The catalogue that comes with the program.
    pub fn built_in() -> Result<Catalogue> {
        Catalogue::read(NAME, CATALOGUE)
    }

    /// Reads a catalogue.
    pub fn read(name: &str, text: &str) -> Result<Catalogue> {
        let item = document::parse(name, text)?;
        let r = Reader::new(&item, "a catalogue of changes")?;
        let list = reader::list_up_to(r.required("change")?, MAX_CHANGES)?;
        let changes = list.iter().map(change).collect::<Result<_>>()?;
        r.finish()?;
        Ok(Catalogue { changes })
    }

    /// The changes that suit a design: its scenario as one document.
    pub fn proposals(&self, design: &Item) -> Result<Vec<Proposal>> {
        let around = Surroundings::of(design);
        let mut found = Vec::new();
        for change in &self.changes {
            let Some(kind) = &change.kind else {
                found.extend(change.propose(&around, None, None)?);
                continue;
            };
            let of_kind: Vec<&Instance> = around.of_kind(kind).collect();
            for instance in &of_kind {
                let suffix = (of_kind.len() > 1).then_some(instance.name.as_str());
                found.extend(change.propose(&around, Some(instance), suffix)?);
            }
        }
        Ok(found)
    }
}

fn change(item: &Item) -> Result<Change> {
    let r = Reader::new(item, "a change")?;
    let change = Change {
        id: r.text("id")?.to_owned(),
        text: r.text("text")?.to_owned(),
        kind: r.text_if_any("for")?.map(str::to_owned),
        resizes: r.flag_if_any("resizes")?.unwrap_or(false),
        when: r.text("when")?.to_owned(),
        over: r.text("over")?.to_owned(),
        cost: match r.item("cost") {
            Some(cost) => amounts(cost)?,
            None => Vec::new(),
        },
        origin: item.origin.clone(),
    };
    r.finish()?;
    Ok(change)
}

fn amounts(item: &Item) -> Result<Vec<(String, Amount)>> {
    let r = Reader::new(item, "the cost of a change")?;
    r.entries()
        .map(|(name, _, item)| {
            let amount = match &item.value {
                Value::Text(list) => Amount::CountOf(list.clone()),
                Value::Integer(number) => Amount::Number(*number as f64),
                Value::Float(number) => Amount::Number(*number),
                other => {
                    let message = format!("{} is no number of items", other.kind());
                    return Err(ScenarioError::at(&item.origin, message, "here")
                        .help("write a number, or the name of a list, e.g. \"nodes\""));
                }
            };
            Ok((name.to_owned(), amount))
        })
        .collect()
}

impl Change {
    /// The change for a design, and for one instance of a protocol, where it makes sense.
    fn propose(
        &self,
        around: &Surroundings,
        instance: Option<&Instance>,
        suffix: Option<&str>,
    ) -> Result<Option<Proposal>> {
        let wrong = |error: minijinja::Error| {
            let message = format!("the change `{}` cannot be made out: {error:#}", self.id);
            ScenarioError::at(&self.origin, message, "this change")
        };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        let all = minijinja::Value::from(Serde(around));
        let context = context! { protocol => instance.map(Serde), ..all };
        let fits = environment
            .compile_expression(&self.when)
            .and_then(|when| when.eval(&context))
            .map_err(wrong)?;
        if !fits.is_true() {
            return Ok(None);
        }
        let render = |template: &str| environment.render_str(template, &context).map_err(wrong);
        Ok(Some(Proposal {
            id: match suffix {
                Some(name) => format!("{}-{name}", self.id),
                None => self.id.clone(),
            },
            text: render(&self.text)?,
            over: render(&self.over)?,
            resizes: self.resizes,
            cost: self
                .cost
                .iter()
                .map(|(name, amount)| (name.clone(), around.number(amount)))
                .collect(),
        }))
    }
}

impl Surroundings {
    fn number(&self, amount: &Amount) -> f64 {
        match amount {
            Amount::Number(number) => *number,
            Amount::CountOf(list) => {
                match serde_json::to_value(self).map(|all| all[list].clone()) {
                    Ok(Json::Array(items)) => items.len() as f64,
                    _ => 0.0,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESIGN: &str = r#"
        name = "pair"
        [[node]]
        name = "server"
        count = 3
        [process.redis_server]
        [protocol.sessions]
        kind = "redis_cluster"
        [operator.dba]
        when = "any(node.up)"
        [[component]]
        name = "rack"
        kind = "switch"
    "#;

    fn proposals(text: &str) -> Vec<Proposal> {
        let design = document::parse("design.toml", text).expect("TOML");
        let catalogue = Catalogue::built_in().expect("sound");
        catalogue.proposals(&design).expect("made out")
    }

    #[test]
    fn what_suits_a_design_is_proposed_for_it() {
        let found = proposals(DESIGN);
        let ids: Vec<&str> = found.iter().map(|proposal| proposal.id.as_str()).collect();
        assert!(
            ids.contains(&"replicas") && ids.contains(&"on-call"),
            "{ids:?}"
        );
        assert!(
            !ids.contains(&"nopreempt"),
            "there is no Keepalived: {ids:?}"
        );
        let replicas = found.iter().find(|p| p.id == "replicas").expect("there");
        assert!(
            replicas.over.contains("server2 = \"server1\""),
            "{}",
            replicas.over
        );
        assert!(
            replicas.over.contains("server1 = \"server3\""),
            "{}",
            replicas.over
        );
        let contract = found
            .iter()
            .find(|p| p.id == "service-contract")
            .expect("there");
        assert_eq!(contract.cost, [("service_contract".to_owned(), 3.0)]);
    }

    #[test]
    fn every_piece_is_toml() {
        for proposal in proposals(DESIGN) {
            let read = document::parse(&proposal.id, &proposal.over);
            assert!(read.is_ok(), "{}: {}", proposal.id, proposal.over);
        }
    }

    #[test]
    fn a_catalogue_that_makes_no_sense_is_refused() {
        let broken = "[[change]]\nid = \"x\"\ntext = \"x\"\nwhen = \"nodes ===\"\nover = \"\"\n";
        let catalogue = Catalogue::read("own.toml", broken).expect("TOML");
        let design = document::parse("design.toml", DESIGN).expect("TOML");
        assert!(catalogue.proposals(&design).is_err());
    }
}
