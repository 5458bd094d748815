//! The command line. Knows every room of the house; nobody knows it.
//!
//! stdout is the result, stderr is progress and warnings.

pub mod advise;
pub mod check;
pub mod claims;
pub mod compare;
pub mod explain;
pub mod explore;
pub mod files;
mod grid;
pub mod load;
pub mod options;
pub mod output;
mod overlay;
pub mod plan;
pub mod progress;
pub mod replay;
pub mod report;
pub mod run;
pub mod slo;
pub mod sweep;
mod sweep_file;
pub mod verify;

use crate::runner::RunError;
use crate::scenario::error::ScenarioError;
use clap::{Parser, Subcommand};
use std::fmt;
use std::io::IsTerminal;
use std::process::ExitCode;

/// How many nines does this cluster really have, and why not more?
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 ok, 1 a claim is refuted, 2 usage or scenario error, 3 asked precision not reached, \
4 engines disagree, 130 interrupted (what was done is printed and marked)."
)]
pub struct Arguments {
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, one file each.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Simulate a scenario: availability, outages, failover times, with intervals
    Run(run::RunArguments),
    /// Run several designs on the same random numbers and show what differs
    Compare(compare::CompareArguments),
    /// Run one scenario at every combination of some values: a table, a file, figures
    Sweep(sweep::SweepArguments),
    /// How likely a month or a year is to break its objective, and how bad a bad one is
    Slo(slo::SloArguments),
    /// How busy nodes are after the loss of some of them, and how much demand survives
    Load(load::LoadArguments),
    /// Run every engine that can, and hold their numbers against each other
    Verify(verify::VerifyArguments),
    /// Try every loss of nodes, at once and in every order, and show what survives
    Explore(explore::ExploreArguments),
    /// Try single changes of a design on the same random numbers, and rank them
    Advise(advise::AdviseArguments),
    /// Search the cheapest design that meets targets: numbers of nodes, and changes of each
    Plan(plan::PlanArguments),
    /// Hold what documents claim against the designs: supported, refuted, depends, undecided
    Claims(claims::ClaimsArguments),
    /// Say why a service is down, which parts and times matter; or tell one outage as a story
    Explain(explain::ExplainArguments),
    /// Play a fault script and print what happens, second by second
    Replay(replay::ReplayArguments),
    /// Make one page (HTML) of what other commands have found, to be mailed or printed
    Report(report::ReportArguments),
    /// Read scenarios and say whether they are sound; simulates nothing
    Check(check::CheckArguments),
}

/// How a command ends when it does not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All is well.
    Ok,
    /// The result is there, but not as precise as was asked.
    Imprecise,
    /// A claim is refuted.
    Refuted,
    /// Engines disagree beyond their intervals.
    Disagree,
    /// The run was stopped; what was done is there.
    Interrupted,
}

/// Why a command fails. Everything here is the user's or the machine's doing.
#[derive(Debug)]
pub enum Failure {
    /// A scenario or fault script is wrong.
    Scenario(Box<ScenarioError>),
    /// Anything else, in one sentence.
    Other(String),
}

impl From<Box<ScenarioError>> for Failure {
    fn from(error: Box<ScenarioError>) -> Failure {
        Failure::Scenario(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        match error {
            RunError::Scenario(error) => Failure::Scenario(error),
            other => Failure::Other(other.to_string()),
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Other(message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Scenario(error) => error.fmt(f),
            Failure::Other(message) => f.write_str(message),
        }
    }
}

/// What every command returns.
pub type Outcome = Result<Ending, Failure>;

/// Turns the outcome of a command into an exit code; failures go to stderr.
pub fn end(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(Ending::Ok) => ExitCode::SUCCESS,
        Ok(Ending::Refuted) => ExitCode::from(1),
        Ok(Ending::Imprecise) => ExitCode::from(3),
        Ok(Ending::Disagree) => ExitCode::from(4),
        Ok(Ending::Interrupted) => ExitCode::from(130),
        Err(failure) => {
            complain(failure);
            ExitCode::from(2)
        }
    }
}

fn complain(failure: Failure) {
    match failure {
        Failure::Scenario(error) => {
            let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let theme = if color {
                miette::GraphicalTheme::unicode()
            } else {
                miette::GraphicalTheme::unicode_nocolor()
            };
            let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(100);
            let mut text = String::new();
            match handler.render_report(&mut text, error.as_ref()) {
                Ok(()) => eprint!("{text}"),
                Err(_) => eprintln!("error: {error}"),
            }
        }
        Failure::Other(message) => eprintln!("error: {message}"),
    }
}
