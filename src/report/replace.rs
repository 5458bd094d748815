//! Puts a file into its place whole, or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes `bytes` beside `path` and renames: an interruption leaves the old file or
/// the new one, and so does every failure.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // The process id keeps concurrent runs from writing into each other's file.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    write_whole(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| {
            // Nothing is left to report if the temporary file is already gone.
            let _ = fs::remove_file(&temporary);
        })
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
