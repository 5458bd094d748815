//! The story of a run: parse the command line, carry out the command, say how it
//! ended. A command reads a scenario (`scenario/`), makes a model of it (`model/`,
//! from the parts of `world/` and `protocol/`), lets an engine play it (`engine/`,
//! in parallel by `runner/`), and shows what was found (`report/`).
//!
//! Where does something new go? A protocol into `src/protocol/` (its `mod.rs` says
//! how), a distribution into `src/automaton/distribution.rs`, a plot into
//! `src/report/plot/`, a command into `src/cli/` and the list below.

use clap::Parser;
use quorate::cli::{self, Arguments, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Command::Run(arguments) => cli::run::run(arguments),
        Command::Compare(arguments) => cli::compare::compare(arguments),
        Command::Sweep(arguments) => cli::sweep::sweep(arguments),
        Command::Slo(arguments) => cli::slo::slo(arguments),
        Command::Load(arguments) => cli::load::load(arguments),
        Command::Verify(arguments) => cli::verify::verify(arguments),
        Command::Advise(arguments) => cli::advise::advise(arguments),
        Command::Plan(arguments) => cli::plan::plan(arguments),
        Command::Claims(arguments) => cli::claims::claims(arguments),
        Command::Explore(arguments) => cli::explore::explore(arguments),
        Command::Explain(arguments) => cli::explain::explain(arguments),
        Command::Replay(arguments) => cli::replay::replay(arguments),
        Command::Report(arguments) => cli::report::report(arguments),
        Command::Check(arguments) => cli::check::check(arguments),
    };
    cli::end(outcome)
}
