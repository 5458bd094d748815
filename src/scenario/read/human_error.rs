//! `[human_error.NAME]`: errors during repair.

use super::Surroundings;
use super::names::{NodeNames, named_tables};
use crate::automaton::Distribution;
use crate::scenario::delay;
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::human_error::{HumanErrorSpec, Victim};
use crate::scenario::reader::{self, Reader};

const VICTIMS: [(&str, Victim); 2] = [("other", Victim::Other), ("same", Victim::Same)];

/// Reads all `[human_error.NAME]` tables.
pub fn human_errors(
    r: &Reader<'_>,
    places: &NodeNames<'_>,
    around: &Surroundings<'_>,
) -> Result<Vec<HumanErrorSpec>> {
    let mut found = Vec::new();
    for (name, _, item) in named_tables(r, "human_error")? {
        let t = Reader::new(item, "a human error")?;
        let hits = reader::word(t.required("hits")?, &VICTIMS)?;
        for key in ["after", "lasts"] {
            if let (Victim::Same, Some(item)) = (hits, t.item(key)) {
                return Err(ScenarioError::at(
                    &item.origin,
                    "an error that hits the same node comes at the end of its repair and needs another one",
                    "no use here",
                )
                .help("leave it out, or write hits = \"other\""));
            }
        }
        found.push(HumanErrorSpec {
            name: name.to_owned(),
            nodes: places.resolve(t.item("nodes"))?,
            probability: reader::share(t.required("probability")?)?,
            hits,
            after: match t.item("after") {
                Some(item) => delay::distribution(item, around.files)?,
                None => Distribution::Deterministic { value: 0.0 },
            },
            lasts: match t.item("lasts") {
                Some(item) => Some(delay::distribution(item, around.files)?),
                None => None,
            },
        });
        t.finish()?;
    }
    Ok(found)
}
