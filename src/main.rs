//! The story of a run: parse the command line, read the scenario, run it,
//! report. Each command is one file in `cli/`.

use clap::Parser;
use quorate::cli::{self, Arguments};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::dispatch(Arguments::parse())
}
