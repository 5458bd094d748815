//! Every timer of every scenario has words for what is waited for while it runs
//! (`models/waits.toml`).

#[path = "support/cases.rs"]
mod scenarios;

use quorate::automaton::Timer;
use quorate::model::{Model, build};
use quorate::runner::waits::Rule;
use quorate::scenario::Scenario;
use quorate::scenario::waits::WaitWords;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn files_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_in(&path, found);
        } else if path.extension().is_some_and(|e| e == "toml") {
            found.push(path);
        }
    }
}

fn rules<const W: usize>(model: &Model<W>, scenario: &Scenario, words: &WaitWords) -> Vec<Rule> {
    let timers = 0..model.blueprint().timer_count() as u32;
    timers
        .map(|timer| Rule::of(model, scenario, words, Timer(timer)))
        .collect()
}

#[test]
fn every_timer_has_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    files_in(&root.join("scenarios"), &mut paths);
    let words = WaitWords::built_in().expect("words");
    let (mut models, mut without) = (0, BTreeSet::new());
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("text");
        // Claims, fault scripts and sweeps lie among them.
        if !text.contains("\nschema = ") && !text.starts_with("schema = ")
            || text.contains("[[claim]]\nid")
        {
            continue;
        }
        let path = path
            .strip_prefix(root)
            .expect("in the repository")
            .display()
            .to_string();
        let (scenario, files) = scenarios::load(&path, &[]);
        let rules = match build::words(&scenario) {
            1 => rules(
                &build::model::<1>(&scenario, &files).expect("a model"),
                &scenario,
                &words,
            ),
            _ => rules(
                &build::model::<16>(&scenario, &files).expect("a model"),
                &scenario,
                &words,
            ),
        };
        models += 1;
        let silent = rules
            .into_iter()
            .filter(|rule| words.of(&rule.kind, &rule.timer, "").is_none());
        without.extend(silent.map(|rule| format!("[{}] {}", rule.kind, rule.timer)));
    }
    assert!(models > 100, "{models}");
    assert!(without.is_empty(), "models/waits.toml lacks {without:#?}");
}
