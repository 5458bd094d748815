//! `quorate compare`: several designs on the same random numbers.

use super::options::{
    self, EffortOptions, Format, Loaded, OutputOptions, ScenarioOptions, ServiceOptions,
};
use super::output::{self, Output};
use super::progress::Progress;
use super::run::ending;
use super::{Failure, Outcome};
use crate::report::comparison::Comparison;
use crate::report::{csv, json, markdown, table};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `quorate compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArguments {
    /// The scenarios (TOML); the [run] settings of the first one count for all
    #[arg(required = true, num_args = 1..=32)]
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    change: ScenarioOptions,
    #[command(flatten)]
    effort: EffortOptions,
    #[command(flatten)]
    services: ServiceOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Runs all designs and prints them side by side, with paired differences.
pub fn compare(arguments: &CompareArguments) -> Outcome {
    arguments.effort.start_threads()?;
    let mut designs = Vec::new();
    for path in &arguments.scenarios {
        designs.push(options::load(path, &arguments.change)?);
    }
    name_apart(&mut designs);
    let services = &arguments.services;
    services.check(designs.iter().map(|design| &design.scenario))?;
    let Some(first) = designs.first() else {
        return Err(Failure::Other("compare needs a scenario".to_owned()));
    };
    let output = arguments.output.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    // One effort for all: paired differences need the same replications.
    let effort = arguments.effort.effort(&first.scenario);
    let mut outcomes = Vec::new();
    for design in &designs {
        let progress = Progress::new(&design.scenario.name, arguments.output.no_progress);
        let Loaded { scenario, files } = design;
        outcomes.push(arguments.effort.run(scenario, files, &effort, &progress)?);
        progress.clear();
        if outcomes.last().is_some_and(|outcome| outcome.interrupted) {
            break;
        }
    }
    let comparison = Comparison::new(outcomes);
    let shown = shown(&comparison, services);
    let text = match arguments.output.format {
        Format::Human => table::comparison(&shown),
        Format::Json => json::pretty(&comparison),
        Format::Csv => csv::replications(&comparison.designs),
        Format::Md => markdown::designs(&shown.designs),
    };
    output::print(&text)?;
    if let Some(output) = output {
        output.text("compare.json", &json::pretty(&comparison))?;
        output.text("replications.csv", &csv::replications(&comparison.designs))?;
        output.plots(&shown.designs)?;
    }
    Ok(ending(&comparison.designs, effort.relative_error))
}

/// The comparison with the services that are to be shown.
fn shown(comparison: &Comparison, services: &ServiceOptions) -> Comparison {
    Comparison {
        designs: comparison
            .designs
            .iter()
            .map(|d| services.shown(d))
            .collect(),
        ..comparison.clone()
    }
}

/// Designs of one name (two versions of a file, say) are told apart by numbers.
fn name_apart(designs: &mut [Loaded]) {
    let names: Vec<String> = designs.iter().map(|d| d.scenario.name.clone()).collect();
    for (index, design) in designs.iter_mut().enumerate() {
        let name = &mut design.scenario.name;
        if names.iter().filter(|other| *other == name).count() > 1 {
            let number = 1 + names[..index].iter().filter(|n| *n == name).count();
            *name = format!("{name} ({number})");
        }
    }
}
