//! Finds the files that a scenario names: relative to the scenario's own folder,
//! then to the working directory.

use crate::scenario::Files;
use std::path::{Path, PathBuf};

/// Files on the disk, seen from a scenario.
pub struct DiskFiles {
    folder: PathBuf,
}

impl DiskFiles {
    /// The surroundings of a scenario file.
    pub fn around(scenario: &Path) -> DiskFiles {
        DiskFiles {
            folder: scenario.parent().map(Path::to_path_buf).unwrap_or_default(),
        }
    }
}

impl Files for DiskFiles {
    fn read(&self, path: &str) -> Result<String, String> {
        let beside = self.folder.join(path);
        let found = if beside.exists() {
            beside
        } else {
            PathBuf::from(path)
        };
        read_text(&found)
    }
}

/// The text of a file, or why there is none.
pub fn read_text(path: &Path) -> Result<String, String> {
    std::fs::read(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
        .and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8 text", path.display()))
        })
}
