//! `[coverage.NAME]`: take-overs that may not work.

use super::Surroundings;
use super::names::{Names, named_tables};
use super::profile::Profile;
use crate::automaton::Distribution;
use crate::scenario::coverage::{CoverageSpec, Ends};
use crate::scenario::delay;
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::parameters::located_set;
use crate::scenario::reader::{self, Reader};

/// Reads all `[coverage.NAME]` tables. Where one does not say how often a take-over
/// works, the failure profile does.
pub fn coverages(
    r: &Reader<'_>,
    profile: &Profile,
    names: &mut Names,
    around: &Surroundings<'_>,
) -> Result<Vec<CoverageSpec>> {
    let mut found = Vec::new();
    for (name, origin, item) in named_tables(r, "coverage")? {
        names.claim(name, origin, "a coverage")?;
        let t = Reader::new(item, "a coverage")?;
        found.push(CoverageSpec {
            name: name.to_owned(),
            of: located_set(t.required("of")?)?,
            healthy: t.item("healthy").map(located_set).transpose()?,
            works: works(&t, profile)?,
            switching: match t.item("switching") {
                Some(item) => delay::distribution(item, around.files)?,
                None => Distribution::Deterministic { value: 0.0 },
            },
            intervenes: delay::distribution(t.required("intervenes")?, around.files)?,
            ends: t.word_if_any("ends", &ENDS)?.unwrap_or(Ends::Return),
            origin: origin.clone(),
        });
        t.finish()?;
    }
    Ok(found)
}

const ENDS: [(&str, Ends); 2] = [
    ("return", Ends::Return),
    ("intervention", Ends::Intervention),
];

fn works(t: &Reader<'_>, profile: &Profile) -> Result<f64> {
    if let Some(item) = t.item("works").or(profile.top("coverage")) {
        return reader::share(item);
    }
    Err(ScenarioError::at(
        t.origin(),
        "how often does a take-over work?",
        "`works` is missing here, and no failure profile has a `coverage`",
    )
    .help("write works = 0.95 (the probability that a take-over works), or use a profile"))
}
