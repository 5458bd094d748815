//! `quorate advise`: what single changes of a design are worth.

use super::files::{DiskFiles, read_text};
use super::options::{
    self, EffortOptions, Engine, Format, Loaded, OutputOptions, ScenarioOptions, ServiceOptions,
};
use super::output::{self, Output};
use super::progress::Progress;
use super::{Ending, Failure, Outcome};
use crate::protocol::CATALOGUE;
use crate::report::advise as report;
use crate::report::json;
use crate::runner::advise::{Candidate, advise as try_all};
use crate::scenario::advice::{Catalogue, Costs, Proposal};
use crate::scenario::{Scenario, document, extend, overrides, read};
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of `quorate advise`.
#[derive(Clone, Debug, Args)]
pub struct AdviseArguments {
    /// The scenario (TOML)
    scenario: PathBuf,
    /// Other scenarios, tried as a whole beside the single changes
    #[arg(long, value_name = "FILE", num_args = 1..=16)]
    designs: Vec<PathBuf>,
    /// Try only these changes
    #[arg(long = "change", value_name = "ID,...", value_delimiter = ',')]
    changes: Vec<String>,
    /// A price list instead of models/cost.toml, whose prices are assumptions
    #[arg(long, value_name = "FILE")]
    cost: Option<PathBuf>,
    #[command(flatten)]
    change: ScenarioOptions,
    #[command(flatten)]
    effort: EffortOptions,
    #[command(flatten)]
    services: ServiceOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Tries every change that suits the scenario, and ranks them.
pub fn advise(arguments: &AdviseArguments) -> Outcome {
    if !matches!(arguments.effort.engine, Engine::Auto | Engine::Simulate) {
        let message =
            "changes are compared on the same random numbers: leave out --engine, or say simulate";
        return Err(Failure::Other(message.to_owned()));
    }
    arguments.effort.start_threads()?;
    let design = Design::load(&arguments.scenario, &arguments.change)?;
    arguments
        .services
        .check(std::iter::once(&design.loaded.scenario))?;
    let costs = costs(arguments.cost.as_deref())?;
    let mut candidates = design.candidates(&arguments.changes, &costs)?;
    for path in &arguments.designs {
        candidates.push(whole(path, &arguments.change));
    }
    let output = arguments.output.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    let Loaded { scenario, files } = &design.loaded;
    let effort = arguments.effort.effort(scenario);
    let progress = Progress::new(&scenario.name, arguments.output.no_progress);
    let advice = try_all(scenario, candidates, files, &effort, &progress)?;
    progress.clear();
    let service = arguments.services.only.first().map(String::as_str);
    let found = report::AdviceReport::new(advice, service, &costs.currency);
    output::print(&match arguments.output.format {
        Format::Human => report::human(&found),
        Format::Json => json::pretty(&found),
        Format::Csv => report::csv(&found),
        Format::Md => report::markdown(&found),
    })?;
    if let Some(output) = output {
        output.text("advise.json", &json::pretty(&found))?;
    }
    Ok(match found.interrupted {
        true => Ending::Interrupted,
        false => Ending::Ok,
    })
}

/// A price list.
pub fn costs(path: Option<&Path>) -> Result<Costs, Failure> {
    Ok(match path {
        Some(path) => Costs::read(&path.display().to_string(), &read_text(path)?)?,
        None => Costs::built_in()?,
    })
}

/// A scenario that changes can be laid over.
pub struct Design<'a> {
    /// As it is.
    pub loaded: Loaded,
    path: &'a Path,
    change: &'a ScenarioOptions,
}

impl<'a> Design<'a> {
    /// Reads a scenario file.
    pub fn load(path: &'a Path, change: &'a ScenarioOptions) -> Result<Design<'a>, Failure> {
        Ok(Design {
            loaded: options::load(path, change)?,
            path,
            change,
        })
    }

    /// Every change that suits it, or those that are asked for.
    fn candidates(&self, only: &[String], costs: &Costs) -> Result<Vec<Candidate>, Failure> {
        let mut proposals = self.proposals()?;
        for id in only {
            if !proposals.iter().any(|proposal| proposal.id == *id) {
                let known = proposals.iter().map(|proposal| proposal.id.as_str());
                let known: Vec<&str> = known.collect();
                return Err(Failure::Other(format!(
                    "there is no change `{id}` for this design; there are: {}",
                    known.join(", ")
                )));
            }
        }
        proposals.retain(|proposal| only.is_empty() || only.contains(&proposal.id));
        proposals
            .into_iter()
            .map(|proposal| {
                let cost = costs.per_year(&proposal.cost).map_err(Failure::Other)?;
                Ok(Candidate {
                    scenario: self
                        .changed(&[&proposal])
                        .map_err(|failure| failure.to_string()),
                    id: proposal.id,
                    text: proposal.text,
                    cost_per_year: Some(cost),
                })
            })
            .collect()
    }

    /// The changes that suit it.
    pub fn proposals(&self) -> Result<Vec<Proposal>, Failure> {
        let text = read_text(self.path)?;
        let item = document::parse(&self.path.display().to_string(), &text)?;
        let mut item = extend::whole(item, &self.loaded.files)?;
        for (path, value) in &self.change.set {
            overrides::apply(&mut item, path, value)?;
        }
        Ok(Catalogue::built_in()?.proposals(&item)?)
    }

    /// The scenario with these changes laid over it.
    pub fn changed(&self, proposals: &[&Proposal]) -> Result<Scenario, Failure> {
        let ids: Vec<&str> = proposals
            .iter()
            .map(|proposal| proposal.id.as_str())
            .collect();
        let below = DiskFiles::around(self.path);
        let file = self.path.file_name().unwrap_or_default().to_string_lossy();
        let stack =
            super::overlay::Overlay::new(below, &file, &self.loaded.scenario.name, proposals);
        let around = read::Surroundings {
            files: &stack,
            catalogue: CATALOGUE,
            profile: self.change.profile.as_deref(),
            overrides: &self.change.set,
        };
        let name = format!("change {}", ids.join(", "));
        Ok(read::scenario(&name, stack.top(), &around)?)
    }
}

/// Another design as a whole.
fn whole(path: &Path, change: &ScenarioOptions) -> Candidate {
    let loaded = options::load(path, change);
    let scenario = loaded
        .map(|loaded| loaded.scenario)
        .map_err(|failure| failure.to_string());
    let (id, text) = match &scenario {
        Ok(scenario) => (scenario.name.clone(), scenario.description.clone()),
        Err(_) => (path.display().to_string(), String::new()),
    };
    Candidate {
        id,
        text,
        cost_per_year: None,
        scenario,
    }
}
