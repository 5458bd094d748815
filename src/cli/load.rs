//! `quorate load`: how busy the nodes are after the loss of some of them, and how
//! much demand survives that.

use super::options::{self, Format, ScenarioOptions};
use super::output::{self, Output};
use super::{Ending, Outcome};
use crate::engine::loss::Loss;
use crate::report::{json, load_figure, load_table};
use crate::runner::survey::{self, Question};
use crate::scenario::units;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Rows of a large cluster, unless more are asked for.
const USUAL_ROWS: usize = 8;
/// Clusters of up to so many nodes are shown to the last node.
const SMALL: usize = 10;

/// How nodes are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// All at the same instant
    AtOnce,
    /// One after the other, each after the cluster has come to rest
    InSequence,
}

/// Arguments of `quorate load`.
#[derive(Clone, Debug, Args)]
pub struct LoadArguments {
    /// The scenario (TOML); at least one service has a demand
    scenario: PathBuf,
    #[command(flatten)]
    change: ScenarioOptions,
    /// How nodes are lost
    #[arg(long, value_enum, default_value = "at-once")]
    how: How,
    /// Lose up to so many nodes [default: all but one, or 7 in a cluster of more than 10]
    #[arg(long, value_name = "K")]
    most: Option<u16>,
    /// The utilisation that should not be exceeded, e.g. 70% [default: the scenario's, or 80%]
    #[arg(long, value_name = "SHARE", value_parser = limit)]
    limit: Option<f64>,
    /// Seed of the phases of heartbeats and checks [default: the scenario's, or 1]
    #[arg(long)]
    seed: Option<u64>,
    /// What is printed on stdout
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Folder for the result as JSON and CSV, and the figure (made if it is missing)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Plays the losses and prints what the nodes bear after each.
pub fn load(arguments: &LoadArguments) -> Outcome {
    let loaded = options::load(&arguments.scenario, &arguments.change)?;
    let output = arguments.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    let nodes = loaded.scenario.nodes.len();
    let usual = if nodes <= SMALL {
        nodes
    } else {
        USUAL_ROWS - 1
    };
    let question = Question {
        most: arguments.most.map_or(usual, usize::from),
        how: match arguments.how {
            How::AtOnce => Loss::AtOnce,
            How::InSequence => Loss::InSequence,
        },
        limit: arguments.limit,
        seed: arguments.seed.unwrap_or(loaded.scenario.run.seed),
    };
    let survey = survey::survey(&loaded.scenario, &loaded.files, &question)?;
    output::print(&match arguments.format {
        Format::Human => load_table::human(&survey),
        Format::Json => json::pretty(&survey),
        Format::Csv => load_table::csv(&survey),
        Format::Md => load_table::markdown(&survey),
    })?;
    if let Some(output) = output {
        output.text("load.json", &json::pretty(&survey))?;
        output.text("load.csv", &load_table::csv(&survey))?;
        if let Some(chart) = load_figure::chart(&survey) {
            output.chart("load", &chart)?;
        }
    }
    Ok(Ending::Ok)
}

fn limit(text: &str) -> Result<f64, String> {
    match units::share(text) {
        Ok(value) if value > 0.0 => Ok(value),
        _ => Err("write a share above 0, at most 1, e.g. 80%".to_owned()),
    }
}
