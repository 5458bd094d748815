//! The reader for rare events, against exact answers and against plain simulation.

#[path = "support/cases.rs"]
mod scenarios;

use quorate::engine::branch::{Brancher, CutLimits, Cuts, Waiting, cuts};
use quorate::model::measure::Condition;
use quorate::model::{Model, build};
use std::sync::atomic::AtomicBool;

fn cuts_of(path: &str) -> Cuts {
    let (scenario, files) = scenarios::load(path, &[]);
    let model: Model<1> = build::model(&scenario, &files).expect("a sound model");
    let waiting = Waiting::untimed(model.blueprint().distributions(), 1);
    let mut brancher = Brancher::new(&model, waiting, 0);
    let service = &model.services()[0];
    let down = |state: &_| service.read(state).condition >= Condition::ReadOnly;
    let never = AtomicBool::new(false);
    cuts(&mut brancher, &down, CutLimits::default(), &never).expect("few alternatives")
}

#[test]
fn minimal_cuts_of_the_textbook() {
    let sizes = |path| -> Vec<usize> {
        let found = cuts_of(path);
        assert!(!found.down_at_start && found.complete_to >= 4, "{found:?}");
        found.cuts.iter().map(Vec::len).collect()
    };
    assert_eq!(sizes("scenarios/textbook/one-of-four.toml"), [4]);
    assert_eq!(sizes("scenarios/textbook/three-of-four.toml"), [2; 6]);
    assert_eq!(sizes("scenarios/textbook/two-of-three.toml"), [2; 3]);
}
