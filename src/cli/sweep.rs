//! `quorate sweep`: one scenario at every combination of values.
//!
//! Each point is what `quorate run` would compute with the same `--set` arguments,
//! whatever was computed before it or beside it. So points can be kept from an
//! earlier run, and several machines can share a sweep.

use super::files::{DiskFiles, read_text};
use super::grid::{self, Grid};
use super::options::{EffortOptions, Format, OutputOptions, ScenarioOptions};
use super::output;
use super::progress::Progress;
use super::sweep_file::{Plan, SweepFile};
use super::{Ending, Failure, Outcome};
use crate::engine::streams;
use crate::model::build;
use crate::protocol::CATALOGUE;
use crate::report::sweep::{Columns, Making, Row, remembered};
use crate::report::{json, sweep_figures, sweep_table};
use crate::runner::outcome::SCHEMA;
use crate::runner::{self, RunOutcome, Watcher};
use crate::scenario::{Scenario, read};
use clap::Args;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Arguments of `quorate sweep`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "A --set with a list (2s,5s,10s) or a range of whole numbers (2..5) is swept; every \
combination is a point, the last path fastest. With --out, finished points in DIR/sweep.csv are \
not computed again."
)]
pub struct SweepArguments {
    /// The scenario (TOML)
    scenario: PathBuf,
    #[command(flatten)]
    change: ScenarioOptions,
    #[command(flatten)]
    effort: EffortOptions,
    #[command(flatten)]
    output: OutputOptions,
    /// Compute only these points, counted from 1, e.g. 3,7 or 10..19
    #[arg(long, value_name = "LIST", conflicts_with = "shard")]
    points: Option<String>,
    /// Compute only part K of N, so that N machines can share a sweep
    #[arg(long, value_name = "K/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
}

/// A sweep that is ready to be computed.
struct Sweep<'a> {
    arguments: &'a SweepArguments,
    grid: Grid,
    text: String,
    files: DiskFiles,
}

/// Why a sweep stopped before its end.
enum Stop {
    Interrupted,
    Failed(Failure),
}

/// Computes the points that are missing and prints all that were asked for.
pub fn sweep(arguments: &SweepArguments) -> Outcome {
    arguments.effort.start_threads()?;
    let sweep = Sweep {
        arguments,
        grid: Grid::new(&arguments.change.set)?,
        text: read_text(&arguments.scenario)?,
        files: DiskFiles::around(&arguments.scenario),
    };
    let chosen = sweep.chosen()?;
    let plans = sweep.check()?;
    let columns = Columns::new(sweep.grid.paths());
    let folder = arguments.output.out.as_deref();
    let mut file = SweepFile::open(folder, columns.clone(), &plans)?;
    let mut runs = BTreeMap::new();
    let stop = sweep.compute(&chosen, &plans, &columns, &mut file, &mut runs);
    file.write()?;
    sweep.print(&chosen, &columns, &file, &runs)?;
    match stop {
        Err(Stop::Failed(failure)) => return Err(failure),
        Err(Stop::Interrupted) => return Ok(Ending::Interrupted),
        Ok(()) => sweep.draw(&file)?,
    }
    Ok(sweep.ending(&chosen, &file))
}

impl Sweep<'_> {
    /// The points that are to be computed here, ascending.
    fn chosen(&self) -> Result<Vec<usize>, String> {
        let all = 0..self.grid.count();
        if let Some(list) = &self.arguments.points {
            return numbers(list, self.grid.count());
        }
        let (part, parts) = self.arguments.shard.unwrap_or((1, 1));
        Ok(all.filter(|index| index % parts == part - 1).collect())
    }

    /// Reads the scenario at every point before anything is computed.
    fn check(&self) -> Result<Vec<Plan>, Failure> {
        let plans: Vec<Result<Plan, Failure>> = (0..self.grid.count())
            .into_par_iter()
            .map(|index| self.plan(index))
            .collect();
        plans.into_iter().collect()
    }

    fn plan(&self, index: usize) -> Result<Plan, Failure> {
        let scenario = self.scenario(index)?;
        let built = match build::words(&scenario) {
            1 => build::model::<1>(&scenario, &self.files).map(|_| ()),
            _ => build::model::<16>(&scenario, &self.files).map(|_| ()),
        };
        built.map_err(|error| error.at_point(&self.grid.name(index)))?;
        if scenario.services.is_empty() {
            return Err(Failure::Other(format!(
                "{}: the scenario has no service; a sweep is about services",
                self.grid.name(index)
            )));
        }
        Ok(Plan {
            making: self.making(&scenario),
            services: scenario.services.into_iter().map(|s| s.name).collect(),
        })
    }

    /// The scenario at a point, as `quorate run --set ...` would read it.
    fn scenario(&self, index: usize) -> Result<Scenario, Failure> {
        let around = read::Surroundings {
            files: &self.files,
            catalogue: CATALOGUE,
            profile: self.arguments.change.profile.as_deref(),
            overrides: &self.grid.overrides(index),
        };
        let name = self.arguments.scenario.display().to_string();
        read::scenario(&name, &self.text, &around)
            .map_err(|error| Failure::Scenario(error.at_point(&self.grid.name(index))))
    }

    fn making(&self, scenario: &Scenario) -> Making {
        let effort = self.arguments.effort.effort(scenario);
        Making {
            fingerprint: format!("{:016x}", scenario.fingerprint),
            engine: self.arguments.effort.engine_name(),
            generator: streams::GENERATOR,
            seed: effort.seed,
            horizon_years: effort.horizon.years(),
            warm_up_s: effort.warm_up.seconds(),
            rel_err: effort.relative_error,
            replications: effort.replications,
            confidence: effort.confidence,
        }
    }

    /// Computes the chosen points that are not there yet.
    fn compute(
        &self,
        chosen: &[usize],
        plans: &[Plan],
        columns: &Columns,
        file: &mut SweepFile,
        runs: &mut BTreeMap<usize, Value>,
    ) -> Result<(), Stop> {
        let missing: Vec<usize> = chosen.iter().copied().filter(|i| !file.has(*i)).collect();
        let kept = chosen.len() - missing.len();
        if kept > 0 {
            eprintln!("{kept} of {} points were there already", chosen.len());
        }
        for index in missing {
            let run = self.run(index)?;
            let rows = columns.rows(&self.grid.point(index), &plans[index].making, &run);
            if self.arguments.output.format == Format::Json {
                runs.insert(index, json!(run));
            }
            file.add(index, rows).map_err(Stop::Failed)?;
        }
        Ok(())
    }

    fn run(&self, index: usize) -> Result<RunOutcome, Stop> {
        let name = self.grid.name(index);
        let progress = Progress::new(&name, self.arguments.output.no_progress);
        if progress.stop().load(Ordering::Relaxed) {
            return Err(Stop::Interrupted);
        }
        let scenario = self.scenario(index).map_err(Stop::Failed)?;
        let effort = self.arguments.effort.effort(&scenario);
        let run = (self.arguments.effort).run(&scenario, &self.files, &effort, &progress);
        progress.clear();
        match run {
            Ok(run) if run.interrupted => Err(Stop::Interrupted),
            Ok(run) => Ok(run),
            Err(runner::RunError::Scenario(error)) => Err(Stop::Failed(error.into())),
            Err(error) => Err(Stop::Failed(Failure::Other(format!("{name}: {error}")))),
        }
    }

    fn print(
        &self,
        chosen: &[usize],
        columns: &Columns,
        file: &SweepFile,
        runs: &BTreeMap<usize, Value>,
    ) -> Result<(), Failure> {
        let rows: Vec<&Row> = chosen.iter().flat_map(|i| file.rows(*i)).collect();
        output::print(&match self.arguments.output.format {
            Format::Human => sweep_table::human(&self.title(chosen, file), columns, &rows),
            Format::Md => sweep_table::markdown(columns, &rows),
            Format::Csv => columns.csv(rows.into_iter()),
            Format::Json => {
                let done = chosen.iter().filter(|index| file.has(**index));
                let points: Vec<Value> = done
                    .map(|index| self.json(*index, columns, file, runs))
                    .collect();
                json::pretty(&json!({ "schema": SCHEMA, "points": points }))
            }
        })
    }

    fn json(
        &self,
        index: usize,
        columns: &Columns,
        file: &SweepFile,
        runs: &BTreeMap<usize, Value>,
    ) -> Value {
        let set: serde_json::Map<String, Value> = columns
            .paths()
            .iter()
            .cloned()
            .zip(self.grid.point(index).into_iter().map(Value::String))
            .collect();
        let run = runs.get(&index).cloned();
        let run = run.unwrap_or_else(|| remembered(file.rows(index)));
        json!({ "point": index + 1, "set": set, "run": run })
    }

    fn title(&self, chosen: &[usize], file: &SweepFile) -> String {
        let done = chosen.iter().filter(|index| file.has(**index)).count();
        let first = chosen.iter().flat_map(|index| file.rows(*index)).next();
        match first {
            Some(row) => sweep_table::title(row, done, self.grid.count()),
            None => format!("no point of {} is finished", self.grid.count()),
        }
    }

    /// Figures of all points in the file, also those of other runs.
    fn draw(&self, file: &SweepFile) -> Result<(), Failure> {
        let Some(folder) = &self.arguments.output.out else {
            return Ok(());
        };
        let rows: Vec<&Row> = file.all().collect();
        let figures = sweep_figures::all(&self.grid.paths(), &self.grid.values(), &rows);
        if figures.is_empty() {
            eprintln!("note: no figure: only one or two paths with not too many values are drawn");
        }
        for (name, chart) in figures {
            chart
                .write(folder, &name)
                .map_err(|error| format!("cannot draw {name}: {error}"))?;
        }
        eprintln!("results are in {}", folder.display());
        Ok(())
    }

    fn ending(&self, chosen: &[usize], file: &SweepFile) -> Ending {
        let rows = || chosen.iter().flat_map(|index| file.rows(*index));
        match self.arguments.effort.rel_err {
            Some(limit) if rows().any(|row| row.unavailability().relative_half_width() > limit) => {
                eprintln!("warning: the asked precision was not reached; see the intervals");
                Ending::Imprecise
            }
            _ => Ending::Ok,
        }
    }
}

/// `3,7` or `10..19`, counted from 1, as ascending indices counted from 0.
fn numbers(list: &str, count: usize) -> Result<Vec<usize>, String> {
    let wrong = || format!("--points {list}: write numbers from 1 to {count}, e.g. 3,7 or 10..19");
    let mut indices = Vec::new();
    for part in grid::parts(list) {
        let range = match grid::range(part)? {
            Some(range) => range,
            None => {
                let number = part.parse::<i64>().map_err(|_| wrong())?;
                number..=number
            }
        };
        if *range.start() < 1 || *range.end() > count as i64 {
            return Err(wrong());
        }
        indices.extend(range.map(|number| number as usize - 1));
    }
    indices.sort_unstable();
    indices.dedup();
    Ok(indices)
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(part, parts)| {
        let part: usize = part.trim().parse().ok()?;
        let parts: usize = parts.trim().parse().ok()?;
        (1..=parts).contains(&part).then_some((part, parts))
    });
    parsed.ok_or_else(|| "write K/N with K from 1 to N, e.g. 2/8".to_owned())
}
