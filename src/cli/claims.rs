//! `quorate claims`: what documents say of a design, held against it.

use super::files::{DiskFiles, read_text};
use super::options::{self, Format, Loaded, OutputOptions, ScenarioOptions};
use super::output::{self, Output};
use super::progress::Progress;
use super::{Ending, Failure, Outcome};
use crate::engine::replay::{self, Plan};
use crate::model::{Model, build};
use crate::report::claims::{self as report, ClaimReport, ClaimsReport, ExampleReport};
use crate::report::json;
use crate::report::timeline::{self, Timeline};
use crate::runner::claims::{
    About, Answer, Design, Example, Scripts, Settings, Truth, Verdict, judge,
};
use crate::scenario::claims::{self, Binding, ClaimBook, ClaimSpec};
use crate::scenario::faults;
use crate::scenario::nearest::suggestion;
use clap::Args;
use std::path::{Path, PathBuf};

/// The name of files with claims.
const FILE: &str = "claims.toml";
/// The folder of fault scripts, beside the file of claims.
const SCRIPTS: &str = "faults";

/// Arguments of `quorate claims`.
#[derive(Clone, Debug, Args)]
pub struct ClaimsArguments {
    /// Files of claims, or folders with claims.toml in them or in the folders below
    #[arg(required = true, num_args = 1..=64)]
    places: Vec<PathBuf>,
    /// Check only these claims
    #[arg(long = "claim", value_name = "ID,...", value_delimiter = ',')]
    only: Vec<String>,
    /// Seed of all random streams [default: the scenarios' own, or 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Replications of each run [default: the scenarios' own, and more where they leave a claim
    /// open]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    replications: Option<u64>,
    /// Replications of each fault script and each loss of nodes, with fresh phases
    #[arg(long, value_name = "N", default_value_t = Settings::default().plays, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    plays: u64,
    /// Print the timeline of each counter-example
    #[arg(long)]
    timelines: bool,
    #[command(flatten)]
    output: OutputOptions,
}

/// Checks claims and prints what became of them.
pub fn claims(arguments: &ClaimsArguments) -> Outcome {
    let books = books(&arguments.places)?;
    check_ids(&books, &arguments.only)?;
    let output = arguments.output.out.as_deref();
    let output = output.map(Output::new).transpose()?;
    let mut found = Vec::new();
    let mut interrupted = false;
    for (path, book) in &books {
        let (reports, stopped) = check(arguments, path, book)?;
        found.extend(reports);
        interrupted |= stopped;
        if stopped {
            break;
        }
    }
    if let Some(folder) = &arguments.output.out {
        name_commands(&mut found, folder);
    }
    let report = ClaimsReport::new(found, interrupted);
    output::print(&match arguments.output.format {
        Format::Human => report::human(&report, arguments.timelines),
        Format::Json => json::pretty(&report),
        Format::Csv => report::csv(&report),
        Format::Md => report::markdown(&report),
    })?;
    if let Some(output) = output {
        output.text("claims.json", &json::pretty(&report))?;
        for claim in &report.claims {
            if let Some(example) = &claim.counterexample {
                output.text(&script_name(&claim.id), &example.script)?;
            }
        }
    }
    let refuted = report
        .claims
        .iter()
        .any(|claim| claim.verdict == Verdict::Refuted);
    Ok(match interrupted {
        true => Ending::Interrupted,
        false if refuted => Ending::Refuted,
        false => Ending::Ok,
    })
}

fn script_name(id: &str) -> String {
    format!("counterexample-{id}.toml")
}

/// The command that plays each counter-example from the folder of results.
fn name_commands(claims: &mut [ClaimReport], folder: &Path) {
    for claim in claims {
        let script = folder.join(script_name(&claim.id));
        if let Some(example) = &mut claim.counterexample {
            let sets = example.set.iter().map(|set| format!(" --set {set}"));
            example.command = Some(format!(
                "quorate replay {} {} --seed {} --replications {}{}",
                example.scenario,
                script.display(),
                example.seed,
                example.replication + 1,
                sets.collect::<String>()
            ));
        }
    }
}

/// The files of claims in these places, read.
fn books(places: &[PathBuf]) -> Result<Vec<(PathBuf, ClaimBook)>, Failure> {
    let mut files = Vec::new();
    for place in places {
        let found = files_in(place)?;
        if found.is_empty() {
            return Err(Failure::Other(format!(
                "there is no {FILE} in {} or in the folders below it",
                place.display()
            )));
        }
        files.extend(found);
    }
    let read = |path: PathBuf| {
        let text = read_text(&path)?;
        let book = claims::book(&path.display().to_string(), &text)?;
        Ok((path, book))
    };
    files.into_iter().map(read).collect()
}

fn files_in(place: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !place.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let here = place.join(FILE);
    if here.is_file() {
        return Ok(vec![here]);
    }
    let unreadable = |error| format!("cannot read the folder {}: {error}", place.display());
    let mut below = Vec::new();
    for entry in std::fs::read_dir(place).map_err(unreadable)? {
        below.push(entry.map_err(unreadable)?.path().join(FILE));
    }
    below.retain(|path| path.is_file());
    below.sort();
    Ok(below)
}

fn check_ids(books: &[(PathBuf, ClaimBook)], only: &[String]) -> Result<(), Failure> {
    let known: Vec<&String> = books
        .iter()
        .flat_map(|(_, book)| &book.claims)
        .map(|claim| &claim.id)
        .collect();
    for id in only {
        if !known.contains(&id) {
            let help = suggestion(id, known.iter().copied()).unwrap_or_default();
            return Err(Failure::Other(format!(
                "there is no claim `{id}` here; {help}"
            )));
        }
    }
    Ok(())
}

/// Checks the claims of one file; true where somebody stopped it.
fn check(
    arguments: &ClaimsArguments,
    path: &Path,
    book: &ClaimBook,
) -> Result<(Vec<ClaimReport>, bool), Failure> {
    let loaded = designs(path, book)?;
    let scripts = scripts(path, book)?;
    let designs: Vec<Design<'_>> = loaded
        .iter()
        .zip(&book.designs)
        .map(|(loaded, spec)| Design {
            name: spec.name.clone(),
            scenario: loaded.scenario.clone(),
            files: &loaded.files,
        })
        .collect();
    let settings = Settings {
        seed: arguments.seed,
        replications: arguments.replications,
        plays: arguments.plays,
    };
    let asked = |claim: &ClaimSpec| arguments.only.is_empty() || arguments.only.contains(&claim.id);
    let progress = Progress::new(&book.name, arguments.output.no_progress);
    let (answers, stopped) = judge(book, &designs, &scripts, settings, &asked, &progress)?;
    progress.clear();
    let report = |answer: &Answer<'_>| {
        let example = counterexample(answer).map(|example| {
            let design = &loaded[example.design];
            let spec = &book.designs[example.design];
            let place = path.parent().unwrap_or(Path::new("")).join(&spec.scenario);
            let set = spec
                .set
                .iter()
                .map(|(path, value)| format!("{path}={value}"));
            let seed = arguments.seed.unwrap_or(design.scenario.run.seed);
            play(
                design,
                example,
                seed,
                place.display().to_string(),
                set.collect(),
            )
        });
        Ok(ClaimReport::new(&book.name, answer, example.transpose()?))
    };
    let reports: Result<_, Failure> = answers.iter().map(report).collect();
    Ok((reports?, stopped))
}

/// What shows best that a claim does not hold, or not always.
fn counterexample<'a>(answer: &'a Answer<'_>) -> Option<&'a Example> {
    let facts = &answer.judged.facts;
    if !matches!(answer.judged.verdict, Verdict::Refuted | Verdict::Depends) {
        return None;
    }
    let shows = |truth: Truth| facts.iter().filter(move |fact| fact.supports() == truth);
    let best = shows(Truth::No).chain(shows(Truth::Depends)).chain(facts);
    // A loss or a script shows it more plainly than a number.
    let plain = best
        .clone()
        .filter(|fact| !matches!(fact.about, About::Values(_)));
    plain.chain(best).find_map(|fact| fact.example.as_ref())
}

/// Every scenario that the claims speak of.
fn designs(path: &Path, book: &ClaimBook) -> Result<Vec<Loaded>, Failure> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let load = |spec: &claims::DesignSpec| {
        let change = ScenarioOptions {
            profile: spec.profile.clone(),
            set: spec.set.clone(),
        };
        options::load(&folder.join(&spec.scenario), &change)
    };
    book.designs.iter().map(load).collect()
}

/// Every fault script that the claims name: a file in the folder beside them.
fn scripts(path: &Path, book: &ClaimBook) -> Result<Scripts, Failure> {
    let folder = path.parent().unwrap_or(Path::new("")).join(SCRIPTS);
    let mut found = Scripts::new();
    for claim in &book.claims {
        let Binding::Holds(cases) = &claim.binding else {
            continue;
        };
        for case in cases {
            let mut names = Vec::new();
            case.statement.scripts(&mut names);
            for name in names {
                let file = folder.join(format!("{}.toml", name.text));
                // A name without a file is refused where it is written.
                if found.contains_key(&name.text) || !file.is_file() {
                    continue;
                }
                let text = read_text(&file)?;
                let script = faults::script(&file.display().to_string(), &text)?;
                found.insert(name.text.clone(), (text, script));
            }
        }
    }
    Ok(found)
}

fn play(
    design: &Loaded,
    example: &Example,
    seed: u64,
    place: String,
    set: Vec<String>,
) -> Result<ExampleReport, Failure> {
    match build::words(&design.scenario) {
        1 => play_words::<1>(design, example, seed, place, set),
        _ => play_words::<16>(design, example, seed, place, set),
    }
}

fn play_words<const W: usize>(
    design: &Loaded,
    example: &Example,
    seed: u64,
    place: String,
    set: Vec<String>,
) -> Result<ExampleReport, Failure> {
    let scenario = &design.scenario;
    let files: &DiskFiles = &design.files;
    let model: Model<W> = build::model(scenario, files)?;
    let script = faults::script("counterexample.toml", &example.script)?;
    let plan = Plan::new(&script, &model, scenario)?;
    let replication = example.replication;
    let changes = replay::replay(&model, &plan, seed, replication, scenario.run.max_events)
        .map_err(|error| format!("replication {replication}: {error}"))?;
    let timeline = Timeline::new(&model, &plan, replication, &changes);
    let signals = timeline::signals_of_services(&model, &example.services);
    let script = example.script.clone();
    Ok(ExampleReport::new(
        place,
        set,
        script,
        seed,
        &timeline,
        &signals,
        &example.services,
    ))
}
