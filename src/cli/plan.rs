//! `quorate plan`: the cheapest design that meets targets.

use super::advise::{Design, costs};
use super::options::{EffortOptions, Engine, Format, OutputOptions, ScenarioOptions};
use super::output::{self, Output};
use super::progress::Progress;
use super::{Ending, Failure, Outcome};
use crate::automaton::Nanos;
use crate::report::json;
use crate::report::plan as report;
use crate::runner::plan::{Change, Size, Targets, plan as search};
use crate::scenario::Scenario;
use crate::scenario::advice::{Costs, Proposal};
use crate::scenario::nearest::suggestion;
use clap::Args;
use std::path::PathBuf;

/// The item of a price list that nodes are.
const NODE: &str = "node";
/// Replications of each design, unless the user says how many.
const REPLICATIONS: u64 = 200;
/// Numbers of nodes that are tried unless others are asked for: around the scenario's.
const AROUND: u64 = 1;
/// Nodes at most.
const MOST_NODES: u64 = 64;

/// Arguments of `quorate plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArguments {
    /// The scenario (TOML)
    scenario: PathBuf,
    /// The availability that is to be reached, e.g. 99.99%
    #[arg(long, value_name = "SHARE", value_parser = super::options::share)]
    target: f64,
    /// The service that is to reach it [default: the last of the scenario]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Failovers are to be over within this time, 99 of 100, e.g. 5s
    #[arg(long, value_name = "TIME", value_parser = super::options::duration)]
    failover: Option<Nanos>,
    /// No node is to be busier than this after the loss of some, e.g. 80%
    #[arg(long, value_name = "SHARE", value_parser = super::options::share)]
    utilisation: Option<f64>,
    /// ... of so many
    #[arg(long, value_name = "K", default_value_t = 1, requires = "utilisation")]
    lost: usize,
    /// Demands so many times those of the scenario, e.g. 150% or 1.5 (the same as --set load.scale=...)
    #[arg(long, value_name = "TIMES")]
    load: Option<String>,
    /// Numbers of nodes of the first group, e.g. 2..5 or 3,5 [default: one fewer to one more]
    #[arg(long, value_name = "LIST", value_parser = nodes)]
    nodes: Option<NodeCounts>,
    /// A price list instead of models/cost.toml, whose prices are assumptions
    #[arg(long, value_name = "FILE")]
    cost: Option<PathBuf>,
    #[command(flatten)]
    change: ScenarioOptions,
    #[command(flatten)]
    effort: EffortOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Numbers of nodes.
#[derive(Clone, Debug)]
struct NodeCounts(Vec<u64>);

/// Searches and prints what meets the targets.
pub fn plan(arguments: &PlanArguments) -> Outcome {
    if !matches!(arguments.effort.engine, Engine::Auto | Engine::Simulate) {
        let message =
            "designs are compared on the same random numbers: leave out --engine, or say simulate";
        return Err(Failure::Other(message.to_owned()));
    }
    arguments.effort.start_threads()?;
    let change = change(arguments);
    let base = Design::load(&arguments.scenario, &change)?;
    let scenario = &base.loaded.scenario;
    let targets = Targets {
        service: service(arguments, scenario)?,
        availability: arguments.target,
        failover_s: arguments.failover.map(Nanos::seconds),
        utilisation: arguments.utilisation.map(|limit| (limit, arguments.lost)),
    };
    let costs = costs(arguments.cost.as_deref())?;
    let resized = sizes(arguments, &change, scenario)?;
    let mut designs = Vec::new();
    for (count, change) in &resized {
        match Design::load(&arguments.scenario, change) {
            Ok(design) => designs.push((*count, design)),
            // A number of nodes that cannot be is no reason to try no other one.
            Err(failure) => eprintln!("warning: {count} nodes cannot be tried: {failure}"),
        }
    }
    let proposals: Vec<Vec<Proposal>> = designs
        .iter()
        .map(|(_, design)| {
            Ok(design
                .proposals()?
                .into_iter()
                .filter(|p| !p.resizes)
                .collect())
        })
        .collect::<Result<_, Failure>>()?;
    let sizes = designs
        .iter()
        .zip(&proposals)
        .map(|((count, design), proposals)| size(*count, design, proposals, &costs))
        .collect::<Result<Vec<_>, Failure>>()?;
    let output = arguments.output.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    let mut effort = arguments.effort.effort(scenario);
    if arguments.effort.replications.is_none() && arguments.effort.years.is_none() {
        effort.replications = effort.replications.min(REPLICATIONS);
    }
    let progress = Progress::new(&scenario.name, arguments.output.no_progress);
    let planned = search(&sizes, &base.loaded.files, &targets, &effort, &progress)?;
    progress.clear();
    let making = report::Making {
        scenario: &scenario.name,
        seed: effort.seed,
        replications: effort.replications,
        currency: &costs.currency,
    };
    let found = report::PlanReport::new(&planned, &targets, &making);
    output::print(&match arguments.output.format {
        Format::Human => report::human(&found),
        Format::Json => json::pretty(&found),
        Format::Csv => report::csv(&found),
        Format::Md => report::markdown(&found),
    })?;
    if let Some(output) = output {
        output.text("plan.json", &json::pretty(&found))?;
        if let Some(chart) = report::front(&found, effort.confidence) {
            output.chart("pareto", &chart)?;
        }
    }
    Ok(match planned.interrupted {
        true => Ending::Interrupted,
        false => Ending::Ok,
    })
}

/// The changes of a design of so many nodes, with their prices.
fn size<'a>(
    count: u64,
    design: &'a Design<'a>,
    proposals: &'a [Proposal],
    costs: &Costs,
) -> Result<Size<'a>, Failure> {
    let change = |proposal: &Proposal| {
        Ok(Change {
            id: proposal.id.clone(),
            text: proposal.text.clone(),
            cost_per_year: costs.per_year(&proposal.cost).map_err(Failure::Other)?,
        })
    };
    let nodes = [(NODE.to_owned(), count as f64)];
    Ok(Size {
        nodes: count,
        cost_per_year: costs.per_year(&nodes).map_err(Failure::Other)?,
        changes: proposals
            .iter()
            .map(change)
            .collect::<Result<_, Failure>>()?,
        scenario: Box::new(move |chosen| {
            let chosen: Vec<&Proposal> = chosen.iter().map(|index| &proposals[*index]).collect();
            design
                .changed(&chosen)
                .map_err(|failure| failure.to_string())
        }),
    })
}

/// The numbers of nodes that are tried, each with what makes the scenario so large.
fn sizes(
    arguments: &PlanArguments,
    change: &ScenarioOptions,
    scenario: &Scenario,
) -> Result<Vec<(u64, ScenarioOptions)>, Failure> {
    let Some(group) = scenario.groups.first() else {
        let message = "the first [[node]] has no count, so there is no number of nodes to try";
        return Err(Failure::Other(message.to_owned()));
    };
    let now = group.members.len() as u64;
    let counts = match &arguments.nodes {
        Some(NodeCounts(counts)) => counts.clone(),
        None => (now.saturating_sub(AROUND).max(1)..=now + AROUND).collect(),
    };
    let resized = |count: u64| {
        let mut change = change.clone();
        if count != now {
            change.set.push(("nodes".to_owned(), count.to_string()));
        }
        (count, change)
    };
    Ok(counts.into_iter().map(resized).collect())
}

fn service(arguments: &PlanArguments, scenario: &Scenario) -> Result<String, Failure> {
    let names: Vec<&String> = scenario
        .services
        .iter()
        .map(|service| &service.name)
        .collect();
    match (&arguments.service, names.last()) {
        (Some(wanted), _) if names.contains(&wanted) => Ok(wanted.clone()),
        (Some(wanted), _) => {
            let help = suggestion(wanted, names.iter().copied()).unwrap_or_default();
            Err(Failure::Other(format!(
                "there is no service `{wanted}` here; {help}"
            )))
        }
        (None, Some(last)) => Ok((*last).clone()),
        (None, None) => Err("the scenario has no service: there is nothing to plan for"
            .to_owned()
            .into()),
    }
}

/// What is changed in every design.
fn change(arguments: &PlanArguments) -> ScenarioOptions {
    let mut change = arguments.change.clone();
    let load = arguments.load.iter();
    change
        .set
        .extend(load.map(|times| ("load.scale".to_owned(), times.clone())));
    change
}

fn nodes(text: &str) -> Result<NodeCounts, String> {
    let wrong = || format!("write numbers of nodes from 1 to {MOST_NODES}, e.g. 2..5 or 3,5");
    let number = |text: &str| match text.trim().parse() {
        Ok(count) if (1..=MOST_NODES).contains(&count) => Ok(count),
        _ => Err(wrong()),
    };
    match text.split_once("..") {
        Some((from, to)) => {
            let counts: Vec<u64> = (number(from)?..=number(to.trim_start_matches('='))?).collect();
            if counts.is_empty() {
                Err(wrong())
            } else {
                Ok(NodeCounts(counts))
            }
        }
        None => Ok(NodeCounts(
            text.split(',').map(number).collect::<Result<_, _>>()?,
        )),
    }
}
