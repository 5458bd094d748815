//! `quorate replay`: a fault script decides what breaks, and when.

use super::files::read_text;
use super::options::{self, Format, Loaded, ScenarioOptions, ServiceOptions};
use super::{Ending, Failure, Outcome, output};
use crate::engine::replay::{self, Plan};
use crate::model::{Model, build};
use crate::report::replace::replace;
use crate::report::timeline::{self, Timeline};
use crate::report::trace;
use crate::scenario::faults::{self, FaultScript};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `quorate replay`.
#[derive(Clone, Debug, Args)]
pub struct ReplayArguments {
    /// The scenario (TOML)
    scenario: PathBuf,
    /// The fault script (TOML)
    faults: PathBuf,
    #[command(flatten)]
    change: ScenarioOptions,
    #[command(flatten)]
    services: ServiceOptions,
    /// Repeat with fresh phases of heartbeats and checks
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    replications: u64,
    /// Seed of all random streams [default: the scenario's, or 1]
    #[arg(long)]
    seed: Option<u64>,
    /// What is printed on stdout
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Write the first replication as a trace for ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Show every signal in the human timeline, not only those that services use
    #[arg(long)]
    all: bool,
}

/// Plays the script and prints the timeline.
pub fn replay(arguments: &ReplayArguments) -> Outcome {
    let loaded = options::load(&arguments.scenario, &arguments.change)?;
    arguments
        .services
        .check(std::iter::once(&loaded.scenario))?;
    let text = read_text(&arguments.faults)?;
    let script = faults::script(&arguments.faults.display().to_string(), &text)?;
    match build::words(&loaded.scenario) {
        1 => play::<1>(arguments, &loaded, &script)?,
        _ => play::<16>(arguments, &loaded, &script)?,
    }
    Ok(Ending::Ok)
}

fn play<const W: usize>(
    arguments: &ReplayArguments,
    loaded: &Loaded,
    script: &FaultScript,
) -> Result<(), Failure> {
    let scenario = &loaded.scenario;
    let model: Model<W> = build::model(scenario, &loaded.files)?;
    let plan = Plan::new(script, &model, scenario)?;
    let seed = arguments.seed.unwrap_or(scenario.run.seed);
    let mut timelines = Vec::new();
    for replication in 0..arguments.replications {
        let changes = replay::replay(&model, &plan, seed, replication, scenario.run.max_events)
            .map_err(|error| format!("replication {replication}: {error}"))?;
        timelines.push(Timeline::new(&model, &plan, replication, &changes));
    }
    if let (Some(path), Some(timeline)) = (&arguments.trace, timelines.first()) {
        replace(path, &trace::encode(timeline))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    let services = &arguments.services.only;
    let used = timeline::signals_of_services(&model, services);
    let title = format!("{} on {}", script.name, scenario.name);
    output::print(&match arguments.format {
        Format::Human | Format::Md => {
            let signals = (!arguments.all).then_some(used.as_slice());
            timeline::human(&title, &timelines, services, signals)
        }
        Format::Json => timeline::json(&timelines),
        Format::Csv => timeline::csv(&timelines),
    })
}
