//! `quorate check`: is a scenario sound? Nothing is simulated.

use super::options::{self, ScenarioOptions};
use super::{Ending, Outcome, output};
use crate::automaton::Timer;
use crate::model::{Model, build};
use crate::scenario::Scenario;
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `quorate check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArguments {
    /// The scenarios (TOML)
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    change: ScenarioOptions,
    /// List the signals that expressions can use, and the timers behind them
    #[arg(long)]
    signals: bool,
    /// List the parameters of all protocols with their values and sources
    #[arg(long)]
    parameters: bool,
}

/// Reads the scenarios, builds their models, and says what they contain.
pub fn check(arguments: &CheckArguments) -> Outcome {
    for path in &arguments.scenarios {
        let loaded = options::load(path, &arguments.change)?;
        let scenario = &loaded.scenario;
        let text = match build::words(scenario) {
            1 => describe(
                &build::model::<1>(scenario, &loaded.files)?,
                scenario,
                arguments,
            ),
            _ => describe(
                &build::model::<16>(scenario, &loaded.files)?,
                scenario,
                arguments,
            ),
        };
        output::print(&text)?;
    }
    Ok(Ending::Ok)
}

fn describe<const W: usize>(
    model: &Model<W>,
    scenario: &Scenario,
    arguments: &CheckArguments,
) -> String {
    let blueprint = model.blueprint();
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}: sound; {} nodes, {} processes, {} protocols, {} services, {} timers",
        scenario.name,
        scenario.nodes.len(),
        scenario.processes.len(),
        scenario.protocols.len(),
        scenario.services.len(),
        blueprint.timer_count(),
    );
    if arguments.signals {
        signals(model, &mut text);
    }
    if arguments.parameters {
        parameters(scenario, &mut text);
    }
    text
}

/// One line for each signal and each timer.
fn signals<const W: usize>(model: &Model<W>, text: &mut String) {
    let blueprint = model.blueprint();
    for (name, id) in blueprint.signals() {
        let members: Vec<_> = blueprint
            .set_info(id)
            .domain
            .iter()
            .map(|node| blueprint.node_name(node))
            .collect();
        let _ = writeln!(text, "  signal {name}: {}", members.join(" "));
    }
    for timer in 0..blueprint.timer_count() {
        let _ = writeln!(
            text,
            "  timer {}",
            blueprint.timer_info(Timer(timer as u32)).name
        );
    }
}

/// One line for each parameter of each protocol.
fn parameters(scenario: &Scenario, text: &mut String) {
    for protocol in &scenario.protocols {
        for (path, parameter) in protocol.parameters.iter() {
            let origin = &parameter.item.origin;
            let value = origin
                .source
                .text
                .get(origin.span.clone())
                .unwrap_or_default();
            let from = if parameter.overridden {
                origin.line()
            } else {
                parameter.source.clone()
            };
            let _ = writeln!(text, "  {}.{path} = {value}  # {from}", protocol.name);
        }
    }
}
