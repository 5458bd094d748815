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

fn rules<const W: usize>(model: &Model<W>, scenario: &Scenario, words: &WaitWords) -> Vec<Rule> {
    let timers = 0..model.blueprint().timer_count() as u32;
    timers
        .map(|timer| Rule::of(model, scenario, words, Timer(timer)))
        .collect()
}

#[test]
fn every_timer_has_words() {
    let words = WaitWords::built_in().expect("words");
    let (mut models, mut without) = (0, BTreeSet::new());
    for path in scenarios::shipped("scenarios") {
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
