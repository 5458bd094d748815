//! `quorate explain`: why a service is down; and one outage of a run as a story.

use super::files::read_text;
use super::options::{self, Format, Loaded, OutputOptions, ScenarioOptions};
use super::output::{self, Output};
use super::progress::Progress;
use super::{Ending, Failure, Outcome};
use crate::automaton::Nanos;
use crate::engine::Player;
use crate::engine::explore::Limits;
use crate::engine::story::{self, Outage, Replication};
use crate::model::{Model, build};
use crate::protocol::CATALOGUE;
use crate::report::reasons::{self as reasons_text, Reasons};
use crate::report::story::{self as report, OutageStory, Story, WaitStory};
use crate::report::timeline::{self, Timeline};
use crate::report::{json, trace};
use crate::runner::explore::Question;
use crate::runner::sensitivity::Source;
use crate::runner::waits::Rule;
use crate::runner::{self, Effort, RunError, Watcher};
use crate::scenario::nearest::suggestion;
use crate::scenario::waits::WaitWords;
use crate::scenario::{Scenario, read};
use clap::Args;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

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
    /// Tell this outage, counted from 1 through the replications of the run, instead of the
    /// reasons of all downtime
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    outage: Option<u64>,
    /// With --outage: pass over outages that are shorter than this, e.g. 1min
    #[arg(long, value_name = "TIME", requires = "outage", value_parser = options::duration)]
    at_least: Option<Nanos>,
    /// Seed of all random streams [default: the scenario's, or 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Replications of each run for the reasons [default: the scenario's, at most 100]
    #[arg(long, value_name = "N", conflicts_with = "outage", value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    replications: Option<u64>,
    /// With --outage: tell every signal, not only those that the service uses
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
    let Some(outage) = arguments.outage else {
        return reasons(arguments, &loaded, output.as_ref());
    };
    match build::words(&loaded.scenario) {
        1 => tell::<1>(arguments, outage, &loaded, output.as_ref())?,
        _ => tell::<16>(arguments, outage, &loaded, output.as_ref())?,
    }
    Ok(Ending::Ok)
}

/// Replications of each run for the reasons, unless the user says how many.
const REPLICATIONS: u64 = 100;

/// What the downtime is made of, who was down with it, and which times it follows.
fn reasons(arguments: &ExplainArguments, loaded: &Loaded, output: Option<&Output>) -> Outcome {
    let Loaded { scenario, files } = loaded;
    let service = &scenario.services[service(arguments, scenario)?].name;
    let run = &scenario.run;
    let replications = arguments
        .replications
        .unwrap_or(run.replications.min(REPLICATIONS));
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
    let progress = Progress::new(&scenario.name, arguments.output.no_progress);
    let outcome = runner::run(scenario, files, &effort, &progress)?;
    let sequences = cut_sequences(loaded, service, effort.seed, &progress)?;
    let importance =
        runner::importance::run(scenario, files, service, &sequences, &effort, &progress)?;
    let text = read_text(&arguments.scenario)?;
    let source = Source {
        name: &arguments.scenario.display().to_string(),
        text: &text,
        around: read::Surroundings {
            files,
            catalogue: CATALOGUE,
            profile: arguments.change.profile.as_deref(),
            overrides: &arguments.change.set,
        },
    };
    let turned = runner::sensitivity::run(scenario, &source, service, &effort, &progress)?;
    progress.clear();
    let interrupted = progress.stop().load(Ordering::Relaxed);
    let found = Reasons::new(&outcome, service, importance, turned, interrupted);
    output::print(&match arguments.output.format {
        Format::Human => reasons_text::human(&found),
        Format::Json => json::pretty(&found),
        Format::Csv => reasons_text::csv(&found),
        Format::Md => reasons_text::markdown(&found),
    })?;
    if let Some(output) = output {
        output.text("reasons.json", &json::pretty(&found))?;
    }
    Ok(match interrupted {
        true => Ending::Interrupted,
        false => Ending::Ok,
    })
}

/// Faults at most in a sequence that is looked for.
const ORDER: usize = 2;

/// The shortest sequences of faults that stop the service.
fn cut_sequences(
    loaded: &Loaded,
    service: &str,
    seed: u64,
    progress: &Progress,
) -> Result<Vec<Vec<Vec<String>>>, Failure> {
    let question = Question {
        lost: Some(1),
        order: ORDER,
        services: vec![service.to_owned()],
        limits: Limits {
            seed,
            ..Limits::default()
        },
    };
    match runner::explore::run(&loaded.scenario, &loaded.files, &question, progress) {
        Ok(found) => Ok(found
            .minimal_cut_sequences
            .into_iter()
            .map(|cut| cut.stages)
            .collect()),
        Err(RunError::Explore(reason)) => {
            eprintln!("warning: no cut sequences: {reason}");
            Ok(Vec::new())
        }
        Err(other) => Err(other.into()),
    }
}

fn tell<const W: usize>(
    arguments: &ExplainArguments,
    wanted: u64,
    loaded: &Loaded,
    output: Option<&Output>,
) -> Result<(), Failure> {
    let scenario = &loaded.scenario;
    let model: Model<W> = build::model(scenario, &loaded.files)?;
    let service = service(arguments, scenario)?;
    let name = model.services()[service].name.clone();
    let player = &mut Player::new(&model, true, scenario.run.max_events);
    let (replication, outage) = find(arguments, wanted, loaded, player, service)?;
    let from = outage
        .trouble
        .max(Nanos(outage.began.0.saturating_sub(BEFORE.0)));
    let from = Nanos(from.0.saturating_sub(1_000_000_000));
    let until = (outage.ended + AFTER).min(replication.end);
    let number = replication.number;
    let changes = story::changes(player, &replication, from, until)
        .map_err(|error| format!("replication {number}: {error}"))?;
    let (from_s, until_s) = (from.seconds(), until.seconds());
    let timeline = Timeline::of_chance(&model, number, &changes, from_s, until_s);
    let signals = match arguments.all {
        true => timeline.signals(),
        false => timeline::signals_of_services(&model, std::slice::from_ref(&name)),
    };
    let told = OutageStory {
        number: wanted,
        replication: number,
        from_s,
        began_s: outage.began.seconds(),
        lasted_s: outage.ended.since(outage.began).seconds(),
        is_over: outage.is_over,
        waited_for: waits(player, scenario, service, &replication, &outage, from)?,
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

/// What the outage waited for; times from `from` on.
fn waits<const W: usize>(
    player: &mut Player<'_, W>,
    scenario: &Scenario,
    service: usize,
    replication: &Replication,
    outage: &Outage,
    from: Nanos,
) -> Result<Vec<WaitStory>, Failure> {
    let words = WaitWords::built_in()?;
    let model = player.model();
    let waits = story::waits(player, service, replication, outage)
        .map_err(|error| format!("replication {}: {error}", replication.number))?;
    let mut told: Vec<WaitStory> = Vec::new();
    for wait in waits {
        let component = &model.blueprint().timer_streams()[wait.timer.0 as usize].component;
        let node = model.blueprint().node_named(component);
        let next = WaitStory {
            from_s: wait.from.since(from).seconds(),
            lasted_s: wait.to.since(wait.from).seconds(),
            node: node.map(|_| component.clone()),
            rule: Rule::of(model, scenario, &words, wait.timer),
        };
        // A timer that runs again and again is one wait.
        match told.last_mut() {
            Some(last) if last.rule == next.rule && last.node == next.node => {
                last.lasted_s += next.lasted_s;
            }
            _ => told.push(next),
        }
    }
    Ok(told)
}

fn service(arguments: &ExplainArguments, scenario: &Scenario) -> Result<usize, Failure> {
    let services = &scenario.services;
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
    wanted: u64,
    loaded: &Loaded,
    player: &mut Player<'_, W>,
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
        };
        let outages = story::outages(player, service, &replication)
            .map_err(|error| format!("replication {number}: {error}"))?;
        let long = outages
            .into_iter()
            .filter(|o| o.ended.since(o.began) >= at_least);
        for outage in long {
            seen += 1;
            if seen == wanted {
                return Ok((replication, outage));
            }
        }
    }
    let name = &player.model().services()[service].name;
    Err(Failure::Other(format!(
        "{name} has {seen} such outages in {} replications, and outage {} is asked for: ask for an \
         earlier one, or make the run longer, e.g. --set run.replications={}",
        run.replications,
        wanted,
        10 * run.replications
    )))
}
