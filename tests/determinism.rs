//! One seed, one result: whatever the number of threads, and for each server the
//! same failures in every design that has it.

#[path = "support/program.rs"]
mod program;
#[path = "support/cases.rs"]
mod scenarios;

use program::succeeds;
use quorate::automaton::Nanos;
use quorate::engine::play::Player;
use quorate::engine::simulate::Simulator;
use quorate::model::{Model, build};
use scenarios::load;

const FOUR: &str = "scenarios/full-copy/4-node.toml";

fn run(more: &[&str]) -> String {
    replications("50", more)
}

fn replications(number: &str, more: &[&str]) -> String {
    let mut arguments = vec!["run", FOUR, "--replications", number, "--horizon", "2y"];
    arguments.extend(more);
    succeeds(&arguments)
}

#[test]
fn threads_change_nothing() {
    for format in ["json", "csv", "human", "md"] {
        let one = run(&["--format", format, "--threads", "1"]);
        for threads in ["2", "3"] {
            let many = run(&["--format", format, "--threads", threads]);
            assert_eq!(one, many, "{format} with {threads} threads");
        }
    }
}

#[test]
fn threads_do_not_change_when_a_run_is_precise_enough() {
    let until = |threads| {
        succeeds(&[
            "run",
            "scenarios/textbook/two-of-three.toml",
            "--rel-err",
            "10%",
            "--replications",
            "10",
            "--threads",
            threads,
            "--format",
            "json",
        ])
    };
    let one = until("1");
    assert_eq!(one, until("2"));
    assert_eq!(one, until("3"));
}

#[test]
fn another_seed_is_another_run() {
    let csv = |seed| run(&["--format", "csv", "--seed", seed]);
    let (one, other) = (csv("7"), csv("8"));
    assert_eq!(one, csv("7"));
    let downtimes = |text: &str| -> Vec<String> {
        text.lines()
            .skip(1)
            .map(|line| line.split(',').nth(7).expect("column").to_owned())
            .collect()
    };
    let (one, other) = (downtimes(&one), downtimes(&other));
    assert_eq!(one.len(), other.len());
    let same = one.iter().zip(&other).filter(|(a, b)| a == b).count();
    assert!(
        same < one.len() / 10,
        "{same} of {} are the same",
        one.len()
    );
}

#[test]
fn more_replications_begin_with_the_same_ones() {
    let few = run(&["--format", "csv"]);
    let many = replications("70", &["--format", "csv"]);
    assert!(many.starts_with(&few) && many.len() > few.len());
}

#[test]
fn set_changes_one_thing() {
    let nodes = |count: &str| {
        let set = format!("nodes={count}");
        let text = succeeds(&["check", "scenarios/full-copy/textbook.toml", "--set", &set]);
        text.split("; ")
            .nth(1)
            .and_then(|t| t.split(" nodes").next().map(str::to_owned))
    };
    assert_eq!(nodes("3").as_deref(), Some("3"));
    assert_eq!(nodes("1").as_deref(), Some("1"));
    let slower = run(&["--format", "csv", "--set", "galera.evs.suspect_timeout=8s"]);
    assert_ne!(slower, run(&["--format", "csv"]));
}

/// When server2 goes down and comes back, in nanoseconds.
fn life_of_server2(path: &str, replication: u64) -> Vec<(u64, bool)> {
    let (scenario, files) = load(path, &[]);
    let model: Model<1> = build::model(&scenario, &files).unwrap_or_else(|e| panic!("{path}: {e}"));
    let server2 = model.blueprint().node_named("server2").expect("server2");
    let mut player = Player::new(&model, true, scenario.run.max_events);
    player.begin(1, replication).expect("begins");
    let end = Nanos::from_seconds(10.0 * Nanos::SECONDS_PER_YEAR);
    let mut up = true;
    let mut life = Vec::new();
    while player.advance(end).is_some() {
        let now = player.state().set(model.node_up()).contains(server2);
        if now != up {
            up = now;
            life.push((player.now().0, up));
        }
    }
    player.failure().expect("plays to the end");
    life
}

#[test]
fn server2_fails_at_the_same_instants_in_every_design() {
    let designs = [
        "2-node",
        "3-node",
        "4-node",
        "4-node-haproxy",
        "4-node-haproxy-pair",
        "textbook",
    ];
    for replication in [0, 1, 2, 17, 1000] {
        let lives = designs
            .map(|name| life_of_server2(&format!("scenarios/full-copy/{name}.toml"), replication));
        assert!(lives[0].len() > 100, "only {} events", lives[0].len());
        for (life, design) in lives.iter().zip(designs) {
            assert_eq!(*life, lives[0], "{design}, replication {replication}");
        }
    }
    let (one, other) = (
        life_of_server2("scenarios/full-copy/2-node.toml", 0),
        life_of_server2("scenarios/full-copy/2-node.toml", 1),
    );
    assert_ne!(one, other);
}

/// Plays a few replications with and without a memory of steps.
fn memory_changes_nothing_in(path: &str) {
    let (scenario, files) = load(path, &[]);
    if build::words(&scenario) != 1 {
        return;
    }
    let model: Model<1> = build::model(&scenario, &files).unwrap_or_else(|e| panic!("{path}: {e}"));
    let run = &scenario.run;
    let horizon = Nanos(run.horizon.0.min(Nanos::from_seconds(1.5e8).0));
    let new = || Simulator::new(&model, 3, run.warm_up, horizon, run.max_events);
    let (mut remembers, mut forgets) = (new(), new().without_memory());
    for replication in 0..6 {
        let one = remembers.replicate(replication).expect("it plays");
        let other = forgets.replicate(replication).expect("it plays");
        assert_eq!(one, other, "{path}, replication {replication}");
    }
}

#[test]
fn a_memory_of_steps_changes_nothing() {
    let textbook = scenarios::shipped("scenarios/textbook");
    assert!(textbook.len() > 50, "{}", textbook.len());
    for path in &textbook {
        memory_changes_nothing_in(path);
    }
    for path in [
        // Sixteen states, and so many that the memory is given up in the middle of a replication.
        "scenarios/benchmarks/w1.toml",
        "scenarios/benchmarks/w4-10.toml",
        "scenarios/benchmarks/w4-100.toml",
        "scenarios/benchmarks/w5.toml",
        "scenarios/full-copy/2-node.toml",
        "scenarios/full-copy/4-node-rolling.toml",
        "scenarios/galera-3/with-operator.toml",
        "scenarios/galera-3/with-haproxy.toml",
        "scenarios/pacemaker-drbd/as-printed.toml",
        "scenarios/pacemaker-drbd/with-fencing.toml",
        "scenarios/mold/as-described.toml",
        "scenarios/openstack-campus/as-described.toml",
    ] {
        memory_changes_nothing_in(path);
    }
}
