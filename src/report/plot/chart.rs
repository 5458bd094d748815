//! A finished chart: its caption, its SVG and PNG forms, and how they reach the disk.

use std::io;
use std::path::{Path, PathBuf};

use super::super::replace::replace;
use super::scene::Scene;
use super::{png, render};

/// The two lines above a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// What the chart shows, for example `Availability by design`.
    pub title: String,
    /// Where the numbers come from: engine, seed, replications.
    pub subtitle: String,
}

impl Caption {
    /// A caption whose subtitle names the engine, its seed if it draws random
    /// numbers, and the number of replications (0: not a simulation).
    pub fn new(title: &str, engine: &str, seed: Option<u64>, replications: u64) -> Self {
        let mut subtitle = format!("engine {engine}");
        if let Some(seed) = seed {
            subtitle += &format!(" · seed {seed}");
        }
        if replications > 0 {
            subtitle += &format!(" · {} replications", grouped(replications));
        }
        Caption {
            title: title.to_owned(),
            subtitle,
        }
    }
}

/// Digits in groups of three, as in `1 000 000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Why a chart did not reach the disk or the page.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// plotters could not draw.
    #[error("cannot draw the chart: {0}")]
    Drawing(String),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Where a chart was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The SVG file.
    pub svg: PathBuf,
    /// The PNG file.
    pub png: PathBuf,
}

/// A laid-out chart. The same input gives the same bytes.
#[derive(Clone, Debug)]
pub struct Chart {
    title: String,
    pub(super) scene: Scene,
}

impl Chart {
    pub(super) fn new(caption: &Caption, scene: Scene) -> Self {
        Chart {
            title: caption.title.clone(),
            scene,
        }
    }

    /// Width and height in pixels; the height follows the amount of data.
    pub fn size(&self) -> (u32, u32) {
        (self.scene.width as u32, self.scene.height as u32)
    }

    /// The chart as an SVG document.
    pub fn svg(&self) -> Result<String, PlotError> {
        render::svg(&self.scene, &self.title)
    }

    /// The chart as the bytes of a PNG file.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        let (width, height, rgb) = render::pixels(&self.scene)?;
        Ok(png::encode(width, height, &rgb))
    }

    /// Writes `stem.svg` and `stem.png` into the existing directory `dir`.
    ///
    /// Both are drawn before the first file is touched, and each appears complete
    /// or not at all; an older file of the same name survives every failure.
    pub fn write(&self, dir: &Path, stem: &str) -> Result<Written, PlotError> {
        let svg = self.svg()?;
        let png = self.png()?;
        let written = Written {
            svg: dir.join(format!("{stem}.svg")),
            png: dir.join(format!("{stem}.png")),
        };
        put(&written.svg, svg.as_bytes())?;
        put(&written.png, &png)?;
        Ok(written)
    }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), PlotError> {
    replace(path, bytes).map_err(|source| {
        let path = path.to_owned();
        PlotError::Io { path, source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn chart() -> Chart {
        let mut scene = Scene::new(30.0, 20.0);
        scene.disc((15.0, 10.0), 5.0, super::super::palette::INK);
        Chart::new(&Caption::new("t", "e", None, 0), scene)
    }

    fn fresh_directory(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("quorate-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn captions_name_engine_seed_and_replications() {
        let simulated = Caption::new("t", "events", Some(7), 1_000_000);
        assert_eq!(
            simulated.subtitle,
            "engine events · seed 7 · 1 000 000 replications"
        );
        assert_eq!(
            Caption::new("t", "markov", None, 0).subtitle,
            "engine markov"
        );
    }

    #[test]
    fn writing_leaves_two_files_and_nothing_else() {
        let dir = fresh_directory("chart-write");
        let written = chart().write(&dir, "one").unwrap();
        assert_eq!(fs::read(&written.png).unwrap(), chart().png().unwrap());
        assert_eq!(
            fs::read_to_string(&written.svg).unwrap(),
            chart().svg().unwrap()
        );
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn failing_to_write_names_the_path_and_leaves_nothing() {
        let dir = fresh_directory("chart-fail");
        // A directory in the place of the file makes the rename fail.
        fs::create_dir_all(dir.join("one.svg/full")).unwrap();
        let error = chart().write(&dir, "one").unwrap_err();
        assert!(error.to_string().contains("one.svg"), "{error}");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(&dir).unwrap();
        let error = chart().write(&dir, "one").unwrap_err();
        assert!(error.to_string().contains("one.svg"), "{error}");
    }
}
