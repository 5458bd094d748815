//! `quorate run`: simulate one scenario.

use super::options::{
    self, EffortOptions, Format, Loaded, OutputOptions, ScenarioOptions, ServiceOptions,
};
use super::output::{self, Output};
use super::progress::Progress;
use super::{Ending, Outcome};
use crate::report::{csv, json, markdown, table};
use crate::runner::RunOutcome;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `quorate run`.
#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    /// The scenario (TOML)
    scenario: PathBuf,
    #[command(flatten)]
    change: ScenarioOptions,
    #[command(flatten)]
    effort: EffortOptions,
    #[command(flatten)]
    services: ServiceOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Runs one scenario and prints what was found.
pub fn run(arguments: &RunArguments) -> Outcome {
    arguments.effort.start_threads()?;
    let loaded = options::load(&arguments.scenario, &arguments.change)?;
    arguments
        .services
        .check(std::iter::once(&loaded.scenario))?;
    let effort = arguments.effort.effort(&loaded.scenario);
    let output = arguments.output.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    let progress = Progress::new(&loaded.scenario.name, arguments.output.no_progress);
    let Loaded { scenario, files } = &loaded;
    let outcome = arguments
        .effort
        .run_alone(scenario, files, &effort, &progress)?;
    progress.clear();
    let shown = arguments.services.shown(&outcome);
    let text = match arguments.output.format {
        Format::Human => table::run(&shown),
        Format::Json => json::pretty(&outcome),
        Format::Csv => csv::replications(std::slice::from_ref(&outcome)),
        Format::Md => markdown::designs(std::slice::from_ref(&shown)),
    };
    output::print(&text)?;
    if let Some(output) = output {
        output.text("run.json", &json::pretty(&outcome))?;
        output.text(
            "replications.csv",
            &csv::replications(std::slice::from_ref(&outcome)),
        )?;
        output.plots(std::slice::from_ref(&shown))?;
    }
    Ok(ending(
        std::slice::from_ref(&outcome),
        effort.relative_error,
    ))
}

/// How a run has ended: interrupted, short of the asked precision, or well.
pub fn ending(outcomes: &[RunOutcome], wanted: Option<f64>) -> Ending {
    if outcomes.iter().any(|outcome| outcome.interrupted) {
        return Ending::Interrupted;
    }
    let worst = outcomes
        .iter()
        .map(RunOutcome::worst_relative_error)
        .fold(0.0, f64::max);
    match wanted {
        Some(limit) if worst > limit => {
            eprintln!("warning: the asked precision was not reached; see the intervals");
            Ending::Imprecise
        }
        _ => Ending::Ok,
    }
}
