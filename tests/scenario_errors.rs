//! What a user sees who got a scenario, a fault script or a `--set` argument
//! wrong. Each broken file has a snapshot of its error; a change of one is to
//! be read aloud before it is accepted.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use quorate::engine::replay::Plan;
use quorate::model::build;
use quorate::scenario::error::ScenarioError;
use quorate::scenario::{Files, Scenario, faults, read};
use std::path::{Path, PathBuf};

/// A protocol that has parameters and nothing else: the errors are the same for
/// every protocol, and no real one is tied to these snapshots.
const CATALOGUE: read::Catalogue<'static> = &[(
    "fake",
    r#"
    [evs.suspect_timeout]
    value = "5s"
    source = "a test"
    [weights]
    value = [0.5, 0.5]
    source = "a test"
    "#,
)];

/// A small scenario without an error, for scripts and arguments.
const SOUND: &str = r#"schema = 1
name = "sound"

[[node]]
name = "server"
count = 3
failure = { dist = "exponential", mean = "990h" }
repair = "10h"

[process.nginx]

[service.web]
up = "any(proc.nginx)"
"#;

const SOUND_WITH_PROTOCOL: &str = r#"schema = 1
name = "sound"

[[node]]
name = "server"
count = 3

[protocol.quorum]
kind = "fake"
"#;

struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<String, String> {
        // The words of the operating system differ from one to the next.
        std::fs::read_to_string(self.0.join(path)).map_err(|_| "no such file".to_owned())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/broken")
}

fn try_read(
    name: &str,
    text: &str,
    overrides: &[(String, String)],
) -> Result<Scenario, Box<ScenarioError>> {
    let files = Folder(folder());
    // What only a model can find needs a real protocol.
    let real = text.contains("kind = \"galera\"");
    let catalogue = if real {
        quorate::protocol::CATALOGUE
    } else {
        CATALOGUE
    };
    let around = read::Surroundings {
        files: &files,
        catalogue,
        profile: None,
        overrides,
    };
    let scenario = read::scenario(name, text, &around)?;
    if real || scenario.protocols.is_empty() {
        build::model::<1>(&scenario, &files)?;
    }
    Ok(scenario)
}

fn rendered(error: &dyn Diagnostic) -> String {
    let mut theme = GraphicalTheme::unicode_nocolor();
    theme.characters = miette::ThemeCharacters::unicode();
    let mut text = String::new();
    GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .render_report(&mut text, error)
        .expect("renders");
    assert!(
        !text.contains("Failed to read contents"),
        "the place lies outside of the text:\n{text}"
    );
    // Spaces at the ends of lines are lost too easily.
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of broken files")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    found.sort();
    found
}

fn name_of(path: &Path) -> String {
    path.file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}

#[test]
fn broken_scenarios() {
    let files = toml_files(&folder());
    assert!(files.len() >= 34);
    for path in files {
        let name = name_of(&path);
        let text = std::fs::read_to_string(&path).expect("a text");
        let error = try_read(&format!("{name}.toml"), &text, &[]).expect_err(&name);
        insta::assert_snapshot!(format!("scenario-{name}"), rendered(&*error));
    }
}

#[test]
fn broken_fault_scripts() {
    let scenario = try_read("sound.toml", SOUND, &[]).expect("sound");
    let model = build::model::<1>(&scenario, &Folder(folder())).expect("sound");
    for path in toml_files(&folder().join("faults")) {
        let name = name_of(&path);
        let text = std::fs::read_to_string(&path).expect("a text");
        let error = faults::script(&format!("{name}.toml"), &text)
            .and_then(|script| Plan::new(&script, &model, &scenario).map(|_| ()))
            .expect_err(&name);
        insta::assert_snapshot!(format!("faults-{name}"), rendered(&*error));
    }
}

#[test]
fn broken_arguments() {
    for (name, path, value) in [
        ("unknown-field", "run.horzion", "1y"),
        ("no-unit", "run.horizon", "10"),
        ("unknown-element", "node.sever.count", "3"),
        ("too-many-nodes", "nodes", "2000"),
        ("path-too-long", "name.first", "x"),
        ("empty-path", "", "x"),
        (
            "unfinished-table",
            "node.server.failure",
            "{dist=\"exponential\"",
        ),
        (
            "wrong-word-in-table",
            "node.server.failure",
            "{dist=\"exponental\", mean=\"500h\"}",
        ),
        ("expression", "service.web.up", "any(proc.nginx & )"),
        ("unknown-signal", "service.web.up", "any(proc.ngnix)"),
    ] {
        let error =
            try_read("sound.toml", SOUND, &[(path.to_owned(), value.to_owned())]).expect_err(name);
        insta::assert_snapshot!(format!("set-{name}"), rendered(&*error));
    }
    let argument = [("quorum.evs.suspect".to_owned(), "2s".to_owned())];
    let error =
        try_read("sound.toml", SOUND_WITH_PROTOCOL, &argument).expect_err("unknown parameter");
    insta::assert_snapshot!("set-unknown-parameter", rendered(&*error));
}

#[test]
fn good_arguments_are_taken() {
    let set = |path: &str, value: &str| {
        try_read("sound.toml", SOUND, &[(path.to_owned(), value.to_owned())])
            .unwrap_or_else(|e| panic!("{e}"))
    };
    assert_eq!(set("nodes", "5").nodes.len(), 5);
    assert_eq!(set("run.horizon", "1h").run.horizon.seconds(), 3600.0);
    let changed = set(
        "node.server.failure",
        "{dist=\"exponential\",mean=\"500h\"}",
    );
    assert_eq!(changed.nodes[0].failure.mean(), 500.0 * 3600.0);
    let argument = [("quorum.evs.suspect_timeout".to_owned(), "2s".to_owned())];
    let scenario = try_read("sound.toml", SOUND_WITH_PROTOCOL, &argument).expect("taken");
    let timeout = scenario.protocols[0]
        .parameters
        .duration("evs.suspect_timeout")
        .expect("a duration");
    assert_eq!(timeout.seconds(), 2.0);
}
