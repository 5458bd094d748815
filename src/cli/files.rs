//! Finds the files that a scenario names: relative to the scenario's own folder,
//! then to the working directory.

use crate::scenario::Files;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest file that is read: a million recorded values fit, a device that
/// never ends does not.
const MAX_BYTES: u64 = 32 << 20;

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
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if bytes.len() as u64 > MAX_BYTES {
        let limit = MAX_BYTES >> 20;
        return Err(format!(
            "{} is longer than {limit} MiB; no scenario, script or table of values is",
            path.display()
        ));
    }
    String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8 text", path.display()))
}
