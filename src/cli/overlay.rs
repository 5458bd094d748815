//! Changes that are laid over a scenario file, as if each were a file that extends the one
//! below it.

use super::files::DiskFiles;
use crate::scenario::Files;
use crate::scenario::advice::Proposal;

/// The files around a scenario, and changes on top of it.
pub struct Overlay {
    below: DiskFiles,
    /// Name and text of each change, the lowest first.
    layers: Vec<(String, String)>,
}

impl Overlay {
    /// Lays changes over the scenario in `file`.
    pub fn new(below: DiskFiles, file: &str, name: &str, changes: &[&Proposal]) -> Overlay {
        let mut layers: Vec<(String, String)> = Vec::new();
        for change in changes {
            let under = layers.last().map_or(file, |(name, _)| name);
            // A TOML literal: a name of a file may have any other character in it.
            let text = format!(
                "extends = '{under}'\nname = '{name} + {}'\n{}",
                change.id, change.over
            );
            layers.push((format!("change {} of {file}", change.id), text));
        }
        if layers.is_empty() {
            layers.push((
                String::new(),
                format!("extends = '{file}'\nname = '{name}'\n"),
            ));
        }
        Overlay { below, layers }
    }

    /// The text of the topmost change.
    pub fn top(&self) -> &str {
        self.layers.last().map_or("", |(_, text)| text)
    }
}

impl Files for Overlay {
    fn read(&self, path: &str) -> Result<String, String> {
        match self.layers.iter().find(|(name, _)| name == path) {
            Some((_, text)) => Ok(text.clone()),
            None => self.below.read(path),
        }
    }
}
