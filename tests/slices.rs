//! What a service depends on is enough for it: a model that is cut down to that plays
//! the same outages, to the nanosecond, as the whole model on the same seeds.

#[path = "support/cases.rs"]
mod scenarios;

use quorate::automaton::Nanos;
use quorate::engine::record::ReplicationRecord;
use quorate::engine::simulate::Simulator;
use quorate::model::{Model, build};
use quorate::scenario::Scenario;
use std::path::Path;

const REPLICATIONS: u64 = 3;

fn play(model: &Model<1>, scenario: &Scenario) -> Vec<ReplicationRecord> {
    let horizon = Nanos::from_seconds(scenario.run.horizon.seconds().min(3e7));
    let mut simulator = Simulator::new(model, 5, Nanos::ZERO, horizon, scenario.run.max_events);
    (0..REPLICATIONS)
        .map(|replication| simulator.replicate(replication).expect("it plays"))
        .collect()
}

fn check(path: &str) {
    let (scenario, files) = scenarios::load(path, &[]);
    if build::words(&scenario) != 1 {
        return;
    }
    let build = || build::model::<1>(&scenario, &files).unwrap_or_else(|e| panic!("{path}: {e}"));
    let whole = build();
    let expected = play(&whole, &scenario);
    for measure in 0..whole.services().len() {
        let part = build().restricted_to(whole.needed_by(measure));
        for (part, whole) in play(&part, &scenario).iter().zip(&expected) {
            let (part, whole) = (&part.services[measure], &whole.services[measure]);
            assert_eq!(
                part.outages_ns, whole.outages_ns,
                "{path}, service {measure}"
            );
            assert_eq!(part.down_ns, whole.down_ns, "{path}, service {measure}");
        }
    }
}

fn scenarios_in(folder: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<String> = std::fs::read_dir(root)
        .expect("a folder of scenarios")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".toml") && name != "claims.toml")
        .map(|name| format!("{folder}/{name}"))
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn textbook_services_need_only_their_slice() {
    scenarios_in("scenarios/textbook")
        .iter()
        .for_each(|path| check(path));
}

#[test]
fn full_copy_services_need_only_their_slice() {
    scenarios_in("scenarios/full-copy")
        .iter()
        .for_each(|path| check(path));
}
