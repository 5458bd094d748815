//! `quorate verify`: every engine that can answers, and their answers must agree.

use super::options::{self, Format, Loaded, ScenarioOptions};
use super::output::{self, Output};
use super::progress::Progress;
use super::{Ending, Outcome};
use crate::report::{json, verification};
use crate::runner::Effort;
use crate::runner::verify::{self as runner, Verification};
use clap::Args;
use std::path::PathBuf;

/// States at most of a chain, unless more are asked for.
const STATES: usize = 200_000;

/// Arguments of `quorate verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArguments {
    /// The scenario (TOML)
    scenario: PathBuf,
    #[command(flatten)]
    change: ScenarioOptions,
    /// Seed of all random streams [default: the scenario's, or 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Replications of the engines that draw [default: the scenario's, or 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    replications: Option<u64>,
    /// States at most of the chain that solve lists
    #[arg(long, value_name = "N", default_value_t = STATES, value_parser = options::states)]
    states: usize,
    /// What is printed on stdout
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Folder for the result as JSON and CSV (made if it is missing)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// No progress bar (there is none anyway when stderr is no terminal)
    #[arg(long)]
    no_progress: bool,
}

/// Verifies one scenario.
pub fn verify(arguments: &VerifyArguments) -> Outcome {
    let loaded = options::load(&arguments.scenario, &arguments.change)?;
    let output = arguments.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    let Loaded { scenario, files } = &loaded;
    let run = &scenario.run;
    let replications = arguments.replications.unwrap_or(run.replications);
    let effort = Effort {
        replications,
        relative_error: None,
        limit: replications,
        horizon: run.horizon,
        warm_up: run.warm_up,
        seed: arguments.seed.unwrap_or(run.seed),
        confidence: run.confidence,
        max_events: run.max_events,
    };
    let progress = Progress::new(&scenario.name, arguments.no_progress);
    let found = runner::verify(scenario, files, &effort, arguments.states, &progress)?;
    progress.clear();
    output::print(&match arguments.format {
        Format::Human => verification::human(&found),
        Format::Json => json::pretty(&found),
        Format::Csv => verification::csv(&found),
        Format::Md => verification::markdown(&found),
    })?;
    if let Some(output) = output {
        output.text("verify.json", &json::pretty(&found))?;
        output.text("verify.csv", &verification::csv(&found))?;
    }
    Ok(ending(&found))
}

fn ending(found: &Verification) -> Ending {
    match (found.agrees, found.interrupted) {
        (false, _) => Ending::Disagree,
        (true, true) => Ending::Interrupted,
        (true, false) => Ending::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disagreement_matters_more_than_an_interruption() {
        let found = |agrees, interrupted| Verification {
            schema: 1,
            scenario: String::new(),
            fingerprint: String::new(),
            seed: 1,
            confidence: 0.999,
            agrees,
            interrupted,
            engines: Vec::new(),
            comparisons: Vec::new(),
        };
        assert_eq!(ending(&found(false, true)), Ending::Disagree);
        assert_eq!(ending(&found(true, true)), Ending::Interrupted);
        assert_eq!(ending(&found(true, false)), Ending::Ok);
    }
}
