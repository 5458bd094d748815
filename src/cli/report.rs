//! `quorate report`: one page out of what other commands have left in folders.

use super::files::read_text;
use super::output::print;
use super::{Ending, Failure, Outcome};
use crate::report::page::{self, Found, KINDS, LANGUAGES, Settings};
use crate::report::replace::replace;
use clap::Args;
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;

/// The figure that `compare` and `run` draw of availability.
const FIGURE: &str = "availability.svg";

/// Arguments of `quorate report`.
#[derive(Clone, Debug, Args)]
pub struct ReportArguments {
    /// Folders into which `run`, `compare`, `claims`, `advise`, `explain`, `explore` or `slo` have
    /// written with --out
    #[arg(required = true, num_args = 1..=32)]
    folders: Vec<PathBuf>,
    /// The page (HTML); without it the page goes to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The title of the page [default: the document whose claims were checked, or the designs]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// The language in which the page opens; readers can switch
    #[arg(long, value_name = "LANGUAGE", default_value = "en", value_parser = PossibleValuesParser::new(LANGUAGES))]
    lang: String,
    /// The service that the first screen is about [default: the one with the most downtime]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
}

/// Reads what is in the folders and writes the page.
pub fn report(arguments: &ReportArguments) -> Outcome {
    let mut found = Found::default();
    let mut figure = None;
    for folder in &arguments.folders {
        if !folder.is_dir() {
            return Err(Failure::Other(format!("{} is no folder", folder.display())));
        }
        let before = found.clone();
        for kind in KINDS {
            let path = folder.join(format!("{kind}.json"));
            if path.is_file() {
                let added = found.add(kind, &read_text(&path)?);
                added.map_err(|why| format!("{} cannot be used: {why}", path.display()))?;
            }
        }
        let drawn = folder.join(FIGURE);
        if drawn.is_file() {
            figure = Some(read_text(&drawn)?);
        }
        if KINDS.iter().all(|kind| before.get(kind) == found.get(kind)) {
            let files: Vec<String> = KINDS.iter().map(|kind| format!("{kind}.json")).collect();
            return Err(Failure::Other(format!(
                "there is no result in {}: none of {}; make one, e.g. quorate run SCENARIO --out {}",
                folder.display(),
                files.join(", "),
                folder.display()
            )));
        }
    }
    let language = LANGUAGES.into_iter().find(|known| *known == arguments.lang);
    let settings = Settings {
        title: arguments.title.clone(),
        language: language.unwrap_or(LANGUAGES[0]),
        service: arguments.service.clone(),
    };
    let page = page::render(&found, figure.as_deref(), &settings);
    match &arguments.output {
        None => print(&page)?,
        Some(path) => {
            replace(path, page.as_bytes())
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            eprintln!("the page is {}", path.display());
        }
    }
    Ok(Ending::Ok)
}
