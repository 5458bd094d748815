//! Scenario files through the library's own runner.
#![allow(dead_code)]

use quorate::cli::files::DiskFiles;
use quorate::protocol::CATALOGUE;
use quorate::runner::{self, Effort, RunOutcome, Watcher};
use quorate::scenario::{Scenario, read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The scenarios that are shipped in a folder of the repository and below, by path within it.
/// Fault scripts and claims lie among them and are none.
pub fn shipped(folder: &str) -> Vec<String> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(repository(&folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            let within = format!("{folder}/{name}");
            if path.is_dir() {
                folders.push(within);
            } else if name.ends_with(".toml") {
                found.push(within);
            }
        }
    }
    found.retain(|path| !path.contains("/faults/") && !path.ends_with("/claims.toml"));
    found.sort();
    found
}

/// Reads a scenario of the repository with `--set` arguments.
pub fn load(path: &str, set: &[(&str, &str)]) -> (Scenario, DiskFiles) {
    load_with_profile(path, None, set)
}

fn load_with_profile(
    path: &str,
    profile: Option<&str>,
    set: &[(&str, &str)],
) -> (Scenario, DiskFiles) {
    let file = repository(path);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{path}: {e}"));
    let overrides: Vec<(String, String)> = set
        .iter()
        .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
        .collect();
    let files = DiskFiles::around(&file);
    let around = read::Surroundings {
        files: &files,
        catalogue: CATALOGUE,
        profile,
        overrides: &overrides,
    };
    let scenario = read::scenario(path, &text, &around)
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
    (scenario, files)
}

/// Nobody watches and nobody stops.
pub struct Alone(AtomicBool);

/// A watcher that never stops a run.
pub fn alone() -> Alone {
    Alone(AtomicBool::new(false))
}

impl Watcher for Alone {
    fn progress(&self, _done: u64, _of: u64) {}
    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

/// What the scenario file itself asks for.
pub fn effort(scenario: &Scenario) -> Effort {
    let run = &scenario.run;
    Effort {
        replications: run.replications,
        relative_error: None,
        limit: run.replications,
        horizon: run.horizon,
        warm_up: run.warm_up,
        seed: run.seed,
        confidence: run.confidence,
        max_events: run.max_events,
    }
}

/// Runs a scenario as long as its file says, with intervals of this level.
pub fn run(path: &str, confidence: f64) -> RunOutcome {
    run_with(path, &[], |effort| effort.confidence = confidence)
}

/// Runs a scenario with `--set` arguments and a changed effort.
pub fn run_with(path: &str, set: &[(&str, &str)], change: impl FnOnce(&mut Effort)) -> RunOutcome {
    let (scenario, files) = load(path, set);
    let mut effort = effort(&scenario);
    change(&mut effort);
    runner::run(&scenario, &files, &effort, &Alone(AtomicBool::new(false)))
        .unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Runs a scenario under another failure profile.
pub fn run_with_profile(path: &str, profile: &str, replications: u64) -> RunOutcome {
    let (scenario, files) = load_with_profile(path, Some(profile), &[]);
    let mut effort = effort(&scenario);
    effort.replications = replications;
    runner::run(&scenario, &files, &effort, &Alone(AtomicBool::new(false)))
        .unwrap_or_else(|e| panic!("{path} under {profile}: {e}"))
}

/// Solves a scenario file exactly.
pub fn solve(path: &str, set: &[(&str, &str)]) -> RunOutcome {
    let (scenario, files) = load(path, set);
    let limits = quorate::engine::solve::Limits::default();
    let alone = alone();
    runner::solve::run(&scenario, &files, &effort(&scenario), &limits, &alone)
        .unwrap_or_else(|e| panic!("{path}: {e}"))
}
