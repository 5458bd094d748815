//! The rules of the house, checked on the source text: imports run down and never
//! up, nobody but the protocols knows a protocol by name, the inner rooms touch
//! neither files nor threads nor clocks, files stay short, numbers have sources.

use quorate::protocol::CATALOGUE;
use quorate::scenario::document;
use quorate::scenario::parameters::Parameters;
use std::path::{Path, PathBuf};

/// From the roof to the ground: a room may use those after it.
const ROOMS: [&str; 11] = [
    "main",
    "cli",
    "report",
    "runner",
    "engine",
    "estimate",
    "model",
    "protocol",
    "world",
    "automaton",
    "scenario",
];

/// Steps up that are allowed: the plan is written in the plain numbers and names
/// of the automata (times, distributions, hashes), which know nothing of files.
const EXCEPTIONS: [(&str, &str); 1] = [("scenario", "automaton")];

/// Rooms whose code must also run in a browser or inside a Python process.
const INNER: [&str; 6] = [
    "automaton",
    "world",
    "protocol",
    "model",
    "engine",
    "estimate",
];

/// What the inner rooms may not touch.
const OUTSIDE: [&str; 14] = [
    "std::fs",
    "std::thread",
    "std::time",
    "std::env",
    "std::process",
    "std::net",
    "std::io",
    "rayon",
    "println!",
    "eprintln!",
    "print!",
    "static mut",
    "thread_local!",
    "OnceLock",
];

/// Rooms that must not know any protocol by name.
const NAMELESS: [&str; 6] = ["engine", "estimate", "report", "runner", "model", "world"];

const MAX_LINES: usize = 700;

struct Source {
    path: PathBuf,
    room: String,
    text: String,
}

impl Source {
    /// The code: no comments, and nothing from the tests at the end of the file on.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"))
            .map(|(number, line)| (number + 1, without_comment(line)))
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

fn without_comment(line: &str) -> &str {
    let mut in_text = false;
    let mut escaped = false;
    for (place, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'/' if !in_text && line[place..].starts_with("//") => return &line[..place],
            _ => {}
        }
    }
    line
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|e| e != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("text");
            let inside = path.strip_prefix(root.join("src")).expect("inside");
            let first = inside.iter().next().expect("name").to_string_lossy();
            found.push(Source {
                room: first.trim_end_matches(".rs").to_owned(),
                path: path.strip_prefix(root).expect("inside").to_owned(),
                text,
            });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "only {} files", found.len());
    found
}

/// The rooms that a line names: `crate::a::x`, `crate::{a::x, b}`, and in the
/// program itself `quorate::a`.
fn rooms_named(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for prefix in ["crate::", "quorate::"] {
        for (place, _) in line.match_indices(prefix) {
            // `$crate::` and words that end in the prefix belong to somebody else.
            let before = line[..place].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &line[place + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(list) => found.extend(heads(list)),
                None => found.push(word(rest)),
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The first words of the entries of a `{...}` list, whose brace is open.
fn heads(list: &str) -> Vec<String> {
    let mut found = vec![word(list.trim_start())];
    let mut depth = 0;
    for (place, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(word(list[place + 1..].trim_start())),
            _ => {}
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn the_reader_of_imports_understands_them() {
    assert_eq!(rooms_named("use crate::model::{Model, build};"), ["model"]);
    assert_eq!(
        rooms_named("use crate::{model::{A, B}, engine, cli::x};"),
        ["model", "engine", "cli"]
    );
    assert_eq!(rooms_named("let x = crate::engine::MAX;"), ["engine"]);
    assert_eq!(rooms_named("use other_crate::engine;"), [""; 0]);
    assert_eq!(without_comment("a(\"// no\"); // yes"), "a(\"// no\"); ");
}

#[test]
fn imports_run_down() {
    let level = |room: &str| {
        ROOMS
            .iter()
            .position(|known| *known == room)
            .unwrap_or_else(|| panic!("`{room}` is no room of the house"))
    };
    let mut wrong = Vec::new();
    let mut seen = 0;
    for source in sources().iter().filter(|source| source.room != "lib") {
        // Statements, so that an import that goes over several lines is one.
        let code: Vec<&str> = source.code().map(|(_, line)| line).collect();
        for statement in code.join(" ").split(';') {
            for used in rooms_named(statement) {
                seen += 1;
                let allowed = level(&source.room) <= level(&used)
                    || EXCEPTIONS.contains(&(source.room.as_str(), used.as_str()));
                if !allowed {
                    wrong.push(format!("{} uses {used}", source.path.display()));
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} imports were found");
    assert!(
        wrong.is_empty(),
        "imports that run up:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_room_is_listed() {
    for source in sources().iter().filter(|source| source.room != "lib") {
        assert!(ROOMS.contains(&source.room.as_str()), "{}", source.room);
    }
}

#[test]
fn no_protocol_is_known_by_name() {
    let mut wrong = Vec::new();
    for source in &sources() {
        if !NAMELESS.contains(&source.room.as_str()) || source.path.ends_with("tests.rs") {
            continue;
        }
        for (number, line) in source.code() {
            let line = line.to_lowercase();
            if let Some((name, _)) = CATALOGUE.iter().find(|(name, _)| line.contains(name)) {
                wrong.push(format!("{} names {name}", source.at(number)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_inner_rooms_touch_nothing_outside() {
    let mut wrong = Vec::new();
    for source in &sources() {
        if !INNER.contains(&source.room.as_str()) {
            continue;
        }
        for (number, line) in source.code() {
            for word in OUTSIDE.iter().filter(|word| line.contains(**word)) {
                wrong.push(format!("{} touches {word}", source.at(number)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short() {
    for source in &sources() {
        let lines = source.text.lines().count();
        let path = source.path.display();
        assert!(lines <= MAX_LINES, "{path} has {lines} lines");
    }
}

#[test]
fn every_parameter_has_a_source() {
    for (kind, text) in CATALOGUE {
        let file = format!("models/{kind}.toml");
        let defaults = document::parse(&file, text).unwrap_or_else(|e| panic!("{e}"));
        let own = document::parse("own", "").unwrap_or_else(|e| panic!("{e}"));
        let parameters =
            Parameters::new(kind, &defaults, &own).unwrap_or_else(|e| panic!("{file}: {e}"));
        let mut count = 0;
        for (path, parameter) in parameters.iter().chain(parameters.templates()) {
            count += 1;
            let source = parameter.source.trim();
            assert!(
                source.len() >= 4,
                "{file}: {path} has no source: `{source}`"
            );
        }
        assert!(count >= 2, "{file} has only {count} parameters");
    }
}

#[test]
fn every_model_file_belongs_to_somebody() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for entry in std::fs::read_dir(folder).expect("models") {
        let path = entry.expect("entry").path();
        if path.is_file() {
            let kind = path.file_stem().expect("name").to_string_lossy();
            // What is no protocol: the defaults of [load], advice, what it costs, and words.
            let is_known = ["load", "advice", "cost", "waits"].contains(&kind.as_ref())
                || CATALOGUE.iter().any(|(known, _)| *known == kind);
            assert!(is_known, "{} belongs to no protocol", path.display());
        }
    }
}
