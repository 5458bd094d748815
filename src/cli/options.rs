//! Options that several commands share, and what they mean together.

use super::Failure;
use super::files::{DiskFiles, read_text};
use crate::automaton::Nanos;
use crate::engine::solve::Limits;
use crate::protocol::CATALOGUE;
use crate::runner::rare::Method;
use crate::runner::{self, Effort, RunError, RunOutcome, Watcher};
use crate::scenario::nearest::suggestion;
use crate::scenario::{Scenario, read, units};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people
    Human,
    /// Everything, with stable names
    Json,
    /// One row for each replication (sweep: each point and service; replay: each change;
    /// explore: each loss and service)
    Csv,
    /// A Markdown table (replay: the same as human)
    Md,
}

/// Which reader makes the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The one that suits: solve where the answer is exact, rare where the asked precision
    /// would take too long, else simulate; commands that compare runs always simulate
    Auto,
    /// Discrete-event simulation
    Simulate,
    /// Copies of what comes near to an outage, or failures made likely
    Rare,
    /// The chain of all states: exact where all times are exponential
    Solve,
}

/// How `rare` makes outages less rare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RareMethod {
    /// Copies of what comes near to an outage; any distribution
    Splitting,
    /// Failures made likely, with likelihood ratios; exponential times only
    Biasing,
}

/// What is changed in a scenario before it is used.
#[derive(Clone, Debug, Args)]
pub struct ScenarioOptions {
    /// Failure profile instead of the scenario's own: a built-in name or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// Change one value, e.g. galera.evs.suspect_timeout=2s or nodes=3 (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = path_and_value)]
    pub set: Vec<(String, String)>,
}

/// How much is simulated, and how.
#[derive(Clone, Debug, Args)]
pub struct EffortOptions {
    /// Seed of all random streams [default: the scenario's, or 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Number of replications [default: the scenario's, or 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub replications: Option<u64>,
    /// Simulated years of all replications together (instead of --replications)
    #[arg(long, value_name = "Y", conflicts_with = "replications", value_parser = positive)]
    pub years: Option<f64>,
    /// Simulated time of one replication, e.g. 10y [default: the scenario's, or 10y]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub horizon: Option<Nanos>,
    /// Go on until every interval is this narrow, e.g. 1%; --replications is then the least
    #[arg(long, value_name = "SHARE", value_parser = relative_error)]
    pub rel_err: Option<f64>,
    /// With --rel-err: give up after so many replications [default: 10000000]
    #[arg(long, value_name = "N", requires = "rel_err", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub max_replications: Option<u64>,
    /// Worker threads; the result does not depend on it [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// The reader that makes the numbers
    #[arg(long, value_enum, default_value = "auto")]
    pub engine: Engine,
    /// Rare: how outages are made less rare [default: splitting]
    #[arg(long, value_enum)]
    pub method: Option<RareMethod>,
    /// Solve: states at most; the likely ones come first, and the rest becomes an interval
    #[arg(long, value_name = "N", default_value_t = Limits::default().states, value_parser = states)]
    pub states: usize,
}

/// How results are shown.
#[derive(Clone, Debug, Args)]
pub struct OutputOptions {
    /// What is printed on stdout
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Folder for the result as JSON, CSV and plots (made if it is missing)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// No progress bar (there is none anyway when stderr is no terminal)
    #[arg(long)]
    pub no_progress: bool,
}

/// Which services are shown.
#[derive(Clone, Debug, Default, Args)]
pub struct ServiceOptions {
    /// Show only these services in tables, sentences and figures; JSON and CSV keep all
    #[arg(long = "service", value_name = "NAME,...", value_delimiter = ',')]
    pub only: Vec<String>,
}

impl ServiceOptions {
    /// Refuses a name that none of the scenarios has.
    pub fn check<'a>(
        &self,
        scenarios: impl Iterator<Item = &'a Scenario> + Clone,
    ) -> Result<(), Failure> {
        let services = scenarios.flat_map(|s| &s.services).map(|s| s.name.as_str());
        let known: Vec<&str> = services.collect();
        for name in &self.only {
            if !known.contains(&name.as_str()) {
                let help = suggestion(name, known.iter().copied()).unwrap_or_default();
                return Err(Failure::Other(format!(
                    "there is no service `{name}` here; {help}"
                )));
            }
        }
        Ok(())
    }

    /// A copy with the services that are to be shown.
    pub fn shown(&self, outcome: &RunOutcome) -> RunOutcome {
        let mut shown = outcome.clone();
        if !self.only.is_empty() {
            shown.services.retain(|(name, _)| self.only.contains(name));
        }
        shown
    }
}

/// With --rel-err: replications after which a run gives up, unless told otherwise.
const RELATIVE_ERROR_LIMIT: u64 = 10_000_000;

/// With --rel-err and --engine rare: replications at least, unless told otherwise.
const RARE_REPLICATIONS: u64 = 32;

/// States that anybody may ask for; each takes some kilobytes of memory.
const MAX_STATES: usize = 100_000_000;

/// A scenario and the files around it.
pub struct Loaded {
    /// The checked scenario.
    pub scenario: Scenario,
    /// Where it finds its files.
    pub files: DiskFiles,
}

/// Reads a scenario file.
pub fn load(path: &Path, options: &ScenarioOptions) -> Result<Loaded, Failure> {
    let text = read_text(path)?;
    let files = DiskFiles::around(path);
    let around = read::Surroundings {
        files: &files,
        catalogue: CATALOGUE,
        profile: options.profile.as_deref(),
        overrides: &options.set,
    };
    let scenario = read::scenario(&path.display().to_string(), &text, &around)?;
    Ok(Loaded { scenario, files })
}

impl EffortOptions {
    /// What is to be run, from the command line and, where it is silent, the scenario.
    pub fn effort(&self, scenario: &Scenario) -> Effort {
        let run = &scenario.run;
        let horizon = self.horizon.unwrap_or(run.horizon);
        let from_years = self
            .years
            .map(|years| (years / horizon.years()).ceil().max(1.0) as u64);
        let from_file = match self.rel_err {
            // What plain simulation needs at least is no measure for weighted replications.
            Some(_) if self.engine == Engine::Rare => RARE_REPLICATIONS.min(run.replications),
            _ => run.replications,
        };
        let replications = self.replications.or(from_years).unwrap_or(from_file);
        Effort {
            replications,
            relative_error: self.rel_err,
            limit: self
                .max_replications
                .unwrap_or(RELATIVE_ERROR_LIMIT.max(replications)),
            horizon,
            warm_up: run.warm_up,
            seed: self.seed.unwrap_or(run.seed),
            confidence: run.confidence,
            max_events: run.max_events,
        }
    }

    /// Runs a scenario with the engine that was asked for, or with the one that suits it.
    pub fn run_alone(
        &self,
        scenario: &Scenario,
        files: &DiskFiles,
        effort: &Effort,
        watcher: &dyn Watcher,
    ) -> Result<RunOutcome, RunError> {
        let counted = self.replications.is_some() || self.years.is_some();
        match self.engine {
            Engine::Auto => runner::auto::run(scenario, files, effort, counted, watcher),
            _ => self.run_asked(scenario, files, effort, true, watcher),
        }
    }

    /// Runs one of several scenarios that are compared: on the same random numbers,
    /// unless another engine was asked for.
    pub fn run(
        &self,
        scenario: &Scenario,
        files: &DiskFiles,
        effort: &Effort,
        watcher: &dyn Watcher,
    ) -> Result<RunOutcome, RunError> {
        self.run_asked(scenario, files, effort, false, watcher)
    }

    /// With the engine that was asked for; `years` of solve for those who wait for a
    /// single run.
    fn run_asked(
        &self,
        scenario: &Scenario,
        files: &DiskFiles,
        effort: &Effort,
        years: bool,
        watcher: &dyn Watcher,
    ) -> Result<RunOutcome, RunError> {
        if self.method.is_some() && self.engine != Engine::Rare {
            let message = "--method belongs to --engine rare".to_owned();
            return Err(RunError::Effort(message));
        }
        match self.engine {
            Engine::Auto | Engine::Simulate => runner::run(scenario, files, effort, watcher),
            Engine::Rare => {
                let method = match self.method {
                    None | Some(RareMethod::Splitting) => Method::Splitting,
                    Some(RareMethod::Biasing) => Method::Biasing,
                };
                runner::rare::run(scenario, files, effort, method, watcher)
            }
            Engine::Solve => {
                let limits = Limits {
                    states: self.states,
                    years,
                    ..Limits::default()
                };
                runner::solve::run(scenario, files, effort, &limits, watcher)
            }
        }
    }

    /// The name of the engine in results.
    pub fn engine_name(&self) -> &'static str {
        match self.engine {
            Engine::Auto | Engine::Simulate => "simulate",
            Engine::Rare => "rare",
            Engine::Solve => "solve",
        }
    }

    /// Sets up the worker threads.
    pub fn start_threads(&self) -> Result<(), Failure> {
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new()
                .num_threads(usize::from(threads))
                .build_global()
                .map_err(|error| format!("cannot start {threads} threads: {error}"))?;
        }
        Ok(())
    }
}

fn path_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() && !value.trim().is_empty() => {
            Ok((path.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write PATH=VALUE, e.g. galera.evs.suspect_timeout=2s".to_owned()),
    }
}

/// A length of time, as an argument.
pub fn duration(text: &str) -> Result<Nanos, String> {
    let seconds = units::duration_s(text).map_err(|e| format!("{}; {}", e.message, e.help))?;
    if seconds <= 0.0 || seconds > 200.0 * Nanos::SECONDS_PER_YEAR {
        return Err("a replication is longer than zero and at most 200 years".to_owned());
    }
    Ok(Nanos::from_seconds(seconds))
}

/// A number of states, as an argument.
pub fn states(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(states) if (1..=MAX_STATES).contains(&states) => Ok(states),
        _ => Err(format!("write a number of states from 1 to {MAX_STATES}")),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1e12 => Ok(value),
        _ => Err("write a number of years greater than zero, e.g. 100000".to_owned()),
    }
}

fn relative_error(text: &str) -> Result<f64, String> {
    match units::share(text) {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("write a share between 0 and 1, e.g. 1% or 0.01".to_owned()),
    }
}

/// A share between 0 and 1 or a percentage; more than 1 can only be meant as one.
pub fn share(text: &str) -> Result<f64, String> {
    let value = match text.trim().parse::<f64>() {
        Ok(percent) if percent > 1.0 => Ok(percent / 100.0),
        _ => units::share(text),
    };
    match value {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("write a share between 0 and 100%, e.g. 99.99%".to_owned()),
    }
}
