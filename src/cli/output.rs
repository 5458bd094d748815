//! Results on stdout and in a folder. A file is written beside its place and
//! then renamed, so an interruption leaves the old one or the new one.

use super::Failure;
use crate::report::figures;
use crate::report::plot::Chart;
use crate::report::replace::replace;
use crate::runner::RunOutcome;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Prints a result. A reader that has gone away (`| head`) is no error; a full
/// disk is.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("cannot print the result: {error}")))
        }
        _ => Ok(()),
    }
}

/// A folder for results.
pub struct Output {
    folder: PathBuf,
}

impl Output {
    /// Makes the folder if it is missing, and sees whether it takes files: better
    /// to know that before a long run than after it.
    pub fn new(folder: &Path) -> Result<Output, Failure> {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
        let probe = folder.join(".probe.part");
        std::fs::write(&probe, "")
            .and_then(|()| std::fs::remove_file(&probe))
            .map_err(|error| format!("cannot write into {}: {error}", folder.display()))?;
        Ok(Output {
            folder: folder.to_owned(),
        })
    }

    /// Writes a text file.
    pub fn text(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        replace(&path, text.as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(())
    }

    /// Writes a file that is no text.
    pub fn bytes(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.folder.join(name);
        replace(&path, bytes)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(())
    }

    /// Draws one figure.
    pub fn chart(&self, name: &str, chart: &Chart) -> Result<(), Failure> {
        chart
            .write(&self.folder, name)
            .map_err(|error| format!("cannot draw {name}: {error}"))?;
        Ok(())
    }

    /// Draws the figures of one or several designs.
    pub fn plots(&self, designs: &[RunOutcome]) -> Result<(), Failure> {
        for (name, chart) in figures::all(designs) {
            self.chart(name, &chart)?;
        }
        eprintln!("results are in {}", self.folder.display());
        Ok(())
    }
}
