//! Results on stdout and in a folder. A file is written beside its place and
//! then renamed, so an interruption leaves the old one or the new one.

use super::Failure;
use crate::report::figures;
use crate::runner::RunOutcome;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Prints a result. A reader that has gone away (`| head`) is no error.
pub fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// A folder for results.
pub struct Output {
    folder: PathBuf,
}

impl Output {
    /// Makes the folder if it is missing.
    pub fn new(folder: &Path) -> Result<Output, Failure> {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
        Ok(Output {
            folder: folder.to_owned(),
        })
    }

    /// Writes a text file.
    pub fn text(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let beside = self.folder.join(format!(".{name}.part"));
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, &path))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(())
    }

    /// Draws the figures of one or several designs.
    pub fn plots(&self, designs: &[RunOutcome]) -> Result<(), Failure> {
        for (name, chart) in figures::all(designs) {
            chart
                .write(&self.folder, name)
                .map_err(|error| format!("cannot draw {name}: {error}"))?;
        }
        eprintln!("results are in {}", self.folder.display());
        Ok(())
    }
}
