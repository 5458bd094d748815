//! `quorate explain`: one outage of a run as a story.

use super::options::{self, Format, Loaded, OutputOptions, ScenarioOptions};
use super::output::{self, Output};
use super::{Ending, Failure, Outcome};
use crate::automaton::Nanos;
use crate::engine::story::{self, Outage, Replication};
use crate::model::{Model, build};
use crate::report::story::{self as report, OutageStory, Story};
use crate::report::timeline::{self, Timeline};
use crate::report::{json, trace};
use crate::scenario::nearest::suggestion;
use clap::Args;
use std::path::PathBuf;

/// The story begins at most so long before the outage.
const BEFORE: Nanos = Nanos(24 * 3_600 * 1_000_000_000);
/// It goes on for so long after it.
const AFTER: Nanos = Nanos(60 * 1_000_000_000);

/// Arguments of `quorate explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArguments {
    /// The scenario (TOML)
    scenario: PathBuf,
    #[command(flatten)]
    change: ScenarioOptions,
    /// The service whose outage is told [default: the first of the scenario]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Which outage, counted from 1 through the replications of the run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    outage: u64,
    /// Pass over outages that are shorter than this, e.g. 1min
    #[arg(long, value_name = "TIME", value_parser = options::duration)]
    at_least: Option<Nanos>,
    /// Seed of all random streams [default: the scenario's, or 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Tell every signal, not only those that the service uses
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    output: OutputOptions,
}

/// Finds the outage and tells what led to it.
pub fn explain(arguments: &ExplainArguments) -> Outcome {
    let loaded = options::load(&arguments.scenario, &arguments.change)?;
    let output = arguments.output.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    match build::words(&loaded.scenario) {
        1 => tell::<1>(arguments, &loaded, output.as_ref())?,
        _ => tell::<16>(arguments, &loaded, output.as_ref())?,
    }
    Ok(Ending::Ok)
}

fn tell<const W: usize>(
    arguments: &ExplainArguments,
    loaded: &Loaded,
    output: Option<&Output>,
) -> Result<(), Failure> {
    let scenario = &loaded.scenario;
    let model: Model<W> = build::model(scenario, &loaded.files)?;
    let service = service(arguments, &model)?;
    let name = model.services()[service].name.clone();
    let (replication, outage) = find(arguments, loaded, &model, service)?;
    let from = outage
        .trouble
        .max(Nanos(outage.began.0.saturating_sub(BEFORE.0)));
    let from = Nanos(from.0.saturating_sub(1_000_000_000));
    let until = (outage.ended + AFTER).min(replication.end);
    let number = replication.number;
    let changes = story::changes(&model, &replication, from, until)
        .map_err(|error| format!("replication {number}: {error}"))?;
    let (from_s, until_s) = (from.seconds(), until.seconds());
    let timeline = Timeline::of_chance(&model, number, &changes, from_s, until_s);
    let signals = match arguments.all {
        true => timeline.signals(),
        false => timeline::signals_of_services(&model, std::slice::from_ref(&name)),
    };
    let told = OutageStory {
        number: arguments.outage,
        replication: number,
        from_s,
        began_s: outage.began.seconds(),
        lasted_s: outage.ended.since(outage.began).seconds(),
        is_over: outage.is_over,
        timeline: serde_json::Value::Null,
    };
    let story = Story::new(
        &scenario.name,
        replication.seed,
        &name,
        told,
        &timeline,
        &signals,
    );
    output::print(&match arguments.output.format {
        Format::Human | Format::Md => report::human(&story, &timeline, &signals),
        Format::Json => json::pretty(&story),
        Format::Csv => timeline::csv(std::slice::from_ref(&timeline)),
    })?;
    if let Some(output) = output {
        output.text("explain.json", &json::pretty(&story))?;
        output.bytes("outage.perfetto-trace", &trace::encode(&timeline))?;
        eprintln!("outage.perfetto-trace opens in ui.perfetto.dev");
    }
    Ok(())
}

fn service<const W: usize>(
    arguments: &ExplainArguments,
    model: &Model<W>,
) -> Result<usize, Failure> {
    let services = model.services();
    let Some(wanted) = &arguments.service else {
        return match services.is_empty() {
            true => Err("the scenario has no service: nothing can be out"
                .to_owned()
                .into()),
            false => Ok(0),
        };
    };
    let found = services.iter().position(|service| service.name == *wanted);
    found.ok_or_else(|| {
        let known = services.iter().map(|service| &service.name);
        let help = suggestion(wanted, known).unwrap_or_default();
        Failure::Other(format!("there is no service `{wanted}` here; {help}"))
    })
}

/// The replication with the outage that is asked for, and the outage.
fn find<const W: usize>(
    arguments: &ExplainArguments,
    loaded: &Loaded,
    model: &Model<W>,
    service: usize,
) -> Result<(Replication, Outage), Failure> {
    let run = &loaded.scenario.run;
    let at_least = arguments.at_least.unwrap_or(Nanos::ZERO);
    let mut seen = 0;
    for number in 0..run.replications {
        let replication = Replication {
            seed: arguments.seed.unwrap_or(run.seed),
            number,
            warm_up: run.warm_up,
            end: run.warm_up + run.horizon,
            max_events: run.max_events,
        };
        let outages = story::outages(model, service, &replication)
            .map_err(|error| format!("replication {number}: {error}"))?;
        let long = outages
            .into_iter()
            .filter(|o| o.ended.since(o.began) >= at_least);
        for outage in long {
            seen += 1;
            if seen == arguments.outage {
                return Ok((replication, outage));
            }
        }
    }
    let name = &model.services()[service].name;
    Err(Failure::Other(format!(
        "{name} has {seen} such outages in {} replications, and outage {} is asked for: ask for an \
         earlier one, or make the run longer, e.g. --set run.replications={}",
        run.replications,
        arguments.outage,
        10 * run.replications
    )))
}
