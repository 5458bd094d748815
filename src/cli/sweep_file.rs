//! The file of a sweep: what is in it need not be computed again.

use super::Failure;
use super::files::read_text;
use super::output::Output;
use crate::report::sweep::{Columns, Making, Row};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

const NAME: &str = "sweep.csv";
const PREVIOUS: &str = "sweep.previous.csv";
/// Writing takes at most about this share of the time.
const SHARE: u32 = 20;

/// What one point must look like.
pub struct Plan {
    /// How its numbers are made.
    pub making: Making,
    /// Its services, in order.
    pub services: Vec<String>,
}

/// Finished points by their index, on the disk if there is a folder.
pub struct SweepFile {
    columns: Columns,
    output: Option<Output>,
    points: BTreeMap<usize, Vec<Row>>,
    not_before: Instant,
}

impl SweepFile {
    /// Takes over what an earlier run has left in the folder.
    pub fn open(
        folder: Option<&Path>,
        columns: Columns,
        plans: &[Plan],
    ) -> Result<SweepFile, Failure> {
        let mut file = SweepFile {
            columns,
            output: folder.map(Output::new).transpose()?,
            points: BTreeMap::new(),
            not_before: Instant::now(),
        };
        let path = folder.map(|folder| folder.join(NAME));
        if let Some(path) = path.filter(|path| path.exists()) {
            file.take_over(&path, plans)?;
        }
        Ok(file)
    }

    fn take_over(&mut self, path: &Path, plans: &[Plan]) -> Result<(), Failure> {
        let text = read_text(path)?;
        let rows = self.columns.read(&text).map_err(|error| {
            format!(
                "{} cannot be continued: {error}; choose another --out or move it away",
                path.display()
            )
        })?;
        let found = rows.len();
        let index_of: HashMap<&str, usize> = plans
            .iter()
            .enumerate()
            .map(|(index, plan)| (plan.making.fingerprint.as_str(), index))
            .collect();
        for row in rows {
            let Some(&index) = index_of.get(row.fingerprint()) else {
                continue;
            };
            let kept = self.points.entry(index).or_default();
            let again = kept.iter().any(|other| other.service() == row.service());
            if !again && row.is_made_by(&plans[index].making) {
                kept.push(row);
            }
        }
        // Half a point is no point.
        self.points.retain(|index, rows| {
            let services = rows.iter().map(Row::service);
            services.eq(plans[*index].services.iter().map(String::as_str))
        });
        let kept: usize = self.points.values().map(Vec::len).sum();
        if kept < found {
            // Hours of work may be in them: a slip in the command line loses nothing.
            self.write_as(PREVIOUS, &text)?;
            eprintln!(
                "note: {} of {found} rows in {} are of other points or runs (or are there twice); \
                 the old file is now {PREVIOUS}",
                found - kept,
                path.display()
            );
        }
        Ok(())
    }

    /// Is this point finished?
    pub fn has(&self, index: usize) -> bool {
        self.points.contains_key(&index)
    }

    /// The rows of a finished point.
    pub fn rows(&self, index: usize) -> &[Row] {
        self.points.get(&index).map_or(&[], Vec::as_slice)
    }

    /// All finished points in the order of the grid.
    pub fn all(&self) -> impl Iterator<Item = &Row> {
        self.points.values().flatten()
    }

    /// Adds a point and puts it on the disk. A file that takes long to write is
    /// written more rarely, so that 100,000 points cost no day of writing.
    pub fn add(&mut self, index: usize, rows: Vec<Row>) -> Result<(), Failure> {
        self.points.insert(index, rows);
        if Instant::now() >= self.not_before {
            let begin = Instant::now();
            self.write()?;
            let took: Duration = begin.elapsed();
            self.not_before = Instant::now() + took * SHARE;
        }
        Ok(())
    }

    /// Puts everything on the disk.
    pub fn write(&mut self) -> Result<(), Failure> {
        let text = self.columns.csv(self.all());
        self.write_as(NAME, &text)?;
        Ok(())
    }

    fn write_as(&self, name: &str, text: &str) -> Result<(), Failure> {
        match &self.output {
            Some(output) => output.text(name, text),
            None => Ok(()),
        }
    }
}
