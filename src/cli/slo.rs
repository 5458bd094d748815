//! `quorate slo`: how likely a month or a year is to break an objective.

use super::options::{
    self, EffortOptions, Engine, Format, OutputOptions, ScenarioOptions, ServiceOptions,
};
use super::output::{self, Output};
use super::progress::Progress;
use super::{Ending, Failure, Outcome};
use crate::report::{json, slo as report};
use crate::runner::slo;
use clap::Args;
use std::path::PathBuf;

/// The objective of services that claim nothing.
const USUAL_TARGET: f64 = 0.999;

/// Arguments of `quorate slo`.
#[derive(Clone, Debug, Args)]
pub struct SloArguments {
    /// The scenario (TOML)
    scenario: PathBuf,
    /// The availability that each month and each year is to reach, e.g. 99.9% [default: what the
    /// service claims, or 99.9%]
    #[arg(long, value_name = "SHARE", value_parser = super::options::share)]
    target: Option<f64>,
    #[command(flatten)]
    change: ScenarioOptions,
    #[command(flatten)]
    effort: EffortOptions,
    #[command(flatten)]
    services: ServiceOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Simulates the scenario and holds its months and years against the objective.
pub fn slo(arguments: &SloArguments) -> Outcome {
    if !matches!(arguments.effort.engine, Engine::Auto | Engine::Simulate) {
        let message = "months and years are simulated: leave out --engine, or say simulate";
        return Err(Failure::Other(message.to_owned()));
    }
    arguments.effort.start_threads()?;
    let loaded = options::load(&arguments.scenario, &arguments.change)?;
    let scenario = &loaded.scenario;
    arguments.services.check(std::iter::once(scenario))?;
    let effort = arguments.effort.effort(scenario);
    let output = arguments.output.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    let progress = Progress::new(&scenario.name, arguments.output.no_progress);
    let outcome = arguments
        .effort
        .run(scenario, &loaded.files, &effort, &progress)?;
    progress.clear();
    let asked = &arguments.services.only;
    let found = slo::report(&outcome, |name| {
        let shown = asked.is_empty() || asked.iter().any(|service| service == name);
        let spec = scenario.services.iter().find(|spec| spec.name == name);
        let claimed = spec.and_then(|spec| spec.claimed);
        let target = arguments.target.or(claimed).unwrap_or(USUAL_TARGET);
        shown.then_some(target)
    });
    output::print(&match arguments.output.format {
        Format::Human => report::human(&found),
        Format::Json => json::pretty(&found),
        Format::Csv => report::csv(&found),
        Format::Md => report::markdown(&found),
    })?;
    if let Some(output) = output {
        output.text("slo.json", &json::pretty(&found))?;
    }
    Ok(match outcome.interrupted {
        true => Ending::Interrupted,
        false => Ending::Ok,
    })
}
