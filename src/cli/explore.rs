//! `quorate explore`: what is left after every loss, and which faults stop a service.

use super::options::{self, Format, Loaded, OutputOptions, ScenarioOptions, ServiceOptions};
use super::output::{self, Output};
use super::progress::Progress;
use super::{Ending, Failure, Outcome};
use crate::engine::explore::Limits;
use crate::report::{json, survivability};
use crate::runner::explore::{self, Exploration, Question, USUAL_ORDER};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `quorate explore`.
#[derive(Clone, Debug, Args)]
pub struct ExploreArguments {
    /// The scenario (TOML)
    scenario: PathBuf,
    #[command(flatten)]
    change: ScenarioOptions,
    /// Lose up to so many nodes [default: 3, fewer in a large cluster]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=64))]
    lost: Option<u16>,
    /// Cut sequences of up to so many faults; 0 looks for none
    #[arg(long, value_name = "N", default_value_t = USUAL_ORDER as u16, value_parser = clap::value_parser!(u16).range(0..=6))]
    order: u16,
    /// Combinations of phases that are drawn where all of them are too many
    #[arg(long, value_name = "N", default_value_t = Limits::default().draws as u16, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    draws: u16,
    /// Seed of the phases that are drawn [default: the scenario's, or 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Explore only these services: what they do not depend on is left out
    #[arg(long = "service", value_name = "NAME,...", value_delimiter = ',')]
    services: Vec<String>,
    #[command(flatten)]
    output: OutputOptions,
}

/// Explores one scenario and prints what was found.
pub fn explore(arguments: &ExploreArguments) -> Outcome {
    let loaded = options::load(&arguments.scenario, &arguments.change)?;
    let services = ServiceOptions {
        only: arguments.services.clone(),
    };
    services.check(std::iter::once(&loaded.scenario))?;
    let output = arguments.output.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    let Loaded { scenario, files } = &loaded;
    let question = Question {
        lost: arguments.lost.map(usize::from),
        order: usize::from(arguments.order),
        services: services.only,
        limits: Limits {
            draws: usize::from(arguments.draws),
            seed: arguments.seed.unwrap_or(scenario.run.seed),
            ..Limits::default()
        },
    };
    let progress = Progress::new(&scenario.name, arguments.output.no_progress);
    let found = explore::run(scenario, files, &question, &progress)?;
    progress.clear();
    output::print(&match arguments.output.format {
        Format::Human => survivability::human(&found),
        Format::Json => json::pretty(&found),
        Format::Csv => survivability::csv(&found),
        Format::Md => survivability::markdown(&found),
    })?;
    if let Some(output) = output {
        output.text("explore.json", &json::pretty(&found))?;
        output.text("survivability.csv", &survivability::csv(&found))?;
        scripts(&output, &found, arguments)?;
    }
    Ok(Ending::Ok)
}

/// A fault script for each cut sequence, and how to play the first one.
fn scripts(
    output: &Output,
    found: &Exploration,
    arguments: &ExploreArguments,
) -> Result<(), Failure> {
    let mut first = None;
    for (name, script) in survivability::scripts(found) {
        output.text(&name, script)?;
        first.get_or_insert(name);
    }
    if let (Some(name), Some(folder)) = (first, &arguments.output.out) {
        eprintln!(
            "each cut sequence is a fault script: quorate replay {} {}",
            arguments.scenario.display(),
            folder.join(name).display()
        );
    }
    Ok(())
}
