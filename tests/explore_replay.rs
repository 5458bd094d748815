//! `explore` and `replay` agree: what a cluster rests in after a fault script is among
//! what the search has found for it.

#[path = "support/mod.rs"]
mod support;

use quorate::protocol::CATALOGUE;
use quorate::runner::Watcher;
use quorate::runner::explore::{self, Exploration, Question, Survival};
use quorate::scenario::{NoFiles, read};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use support::Lab;

/// Replications of each script, with fresh phases.
const REPLICATIONS: u64 = 4;

struct Nobody(AtomicBool);

impl Watcher for Nobody {
    fn progress(&self, _: u64, _: u64) {}
    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

fn explored(text: &str, question: &Question) -> Exploration {
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    let scenario = read::scenario("lab.toml", text, &around)
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
    explore::run(
        &scenario,
        &NoFiles,
        question,
        &Nobody(AtomicBool::new(false)),
    )
    .unwrap_or_else(|error| panic!("{error}"))
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    names.join(", ")
}

/// The scripts of a row, one for each order, and that order.
fn scripts(row: &Survival, nodes: &[String], pause_s: f64) -> Vec<(Vec<String>, String)> {
    let others: Vec<String> = (nodes.iter())
        .filter(|node| !row.lost.contains(node))
        .cloned()
        .collect();
    let split = |with_users: bool| {
        let (mut lost, mut rest) = (row.lost.clone(), others.clone());
        if with_users { &mut lost } else { &mut rest }.push("clients".to_owned());
        format!(
            "do = \"partition\"\ngroups = [[{}], [{}]]\n",
            quoted(&lost),
            quoted(&rest)
        )
    };
    let one_by_one = |verb: &str| {
        let order_of = |order: Vec<String>| {
            let stages = order
                .iter()
                .map(|node| format!("do = \"{verb}\"\nnodes = [\"{node}\"]\n"))
                .collect();
            (order, stages)
        };
        orders(&row.lost).into_iter().map(order_of).collect()
    };
    let all: Vec<(Vec<String>, Vec<String>)> = match row.how {
        "at once" => vec![(
            row.lost.clone(),
            vec![format!(
                "do = \"power_off\"\nnodes = [{}]\n",
                quoted(&row.lost)
            )],
        )],
        "in sequence" => one_by_one("power_off"),
        "stopped" => one_by_one("stop"),
        "cut off" => vec![(row.lost.clone(), vec![split(false)])],
        "cut off with the users" => vec![(row.lost.clone(), vec![split(true)])],
        other => panic!("a new way: {other}"),
    };
    all.into_iter()
        .map(|(order, stages)| {
            let mut at = pause_s;
            let mut faults = String::new();
            for stage in stages {
                faults += &format!("[[fault]]\nat = \"{at}s\"\n{stage}");
                at += pause_s;
            }
            (order, format!("until = \"{at}s\"\n{faults}"))
        })
        .collect()
}

fn orders(names: &[String]) -> Vec<Vec<String>> {
    if names.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (place, first) in names.iter().enumerate() {
        let mut rest = names.to_vec();
        rest.remove(place);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

/// What a service may rest in when nodes are lost in this order.
fn possible(row: &Survival, service: &str, order: &[String]) -> Vec<&'static str> {
    match row.alternatives.iter().find(|(name, _)| name == service) {
        None => row.worst(service).map(|c| c.word()).into_iter().collect(),
        Some((_, ends)) => ends
            .iter()
            .filter(|end| end.orders.is_empty() || end.orders.iter().any(|o| o == order))
            .flat_map(|end| end.states.iter().map(|c| c.word()))
            .collect(),
    }
}

/// Plays every `step`-th row and every cut sequence. How many scripts were played?
fn check(text: &str, question: &Question, step: usize) -> usize {
    let found = explored(text, question);
    let lab = Lab::new(text);
    let longest = (found.survivability.iter())
        .map(|row| row.rests_within_s)
        .fold(0.0, f64::max);
    let pause_s = (longest * 1.25 + 60.0).ceil();
    let mut played = 0;
    let mut wrong = Vec::new();
    for row in found.survivability.iter().step_by(step) {
        for (order, script) in scripts(row, &found.nodes, pause_s) {
            played += 1;
            let end = script.matches("[[fault]]").count() as f64 * pause_s + pause_s;
            for (replication, timeline) in lab.replay(&script, REPLICATIONS).iter().enumerate() {
                for (service, _) in &row.services {
                    let state = timeline.service(service, end);
                    let expected = possible(row, service, &order);
                    if !expected.contains(&state.as_str()) {
                        wrong.push(format!(
                            "{service} after {order:?} {} in replication {replication}: {state}, \
                             not {expected:?}",
                            row.how
                        ));
                    }
                }
            }
        }
    }
    for cut in &found.minimal_cut_sequences {
        played += 1;
        let ends: Vec<String> = (lab.replay(&cut.script, REPLICATIONS).iter())
            .map(|timeline| timeline.service(&cut.service, f64::INFINITY))
            .collect();
        let stops = |state: &String| state == "down" || state == "read_only";
        let certain = cut.probability > 1.0 - 1e-9;
        if certain && !ends.iter().all(stops) {
            wrong.push(format!("{} after {:?}: {ends:?}", cut.service, cut.stages));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    played
}

fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).expect("the scenario")
}

#[test]
fn on_a_small_cluster() {
    let text = "schema = 1\nname = \"lab\"\n[[node]]\nname = \"n\"\ncount = 3\n\
        failure = \"1000h\"\nrepair = \"10h\"\n\
        [[component]]\nname = \"rack\"\nkind = \"power\"\nnodes = [\"n1\", \"n2\"]\n\
        failure = \"9000h\"\nrepair = \"1h\"\n\
        [process.keepalived]\nfailure = \"500h\"\n\
        [process.mariadb]\nrestart = \"on-abnormal\"\nready = \"galera.ready\"\n\
        [protocol.keepalived]\nkind = \"keepalived\"\n\
        [protocol.galera]\nkind = \"galera\"\n\
        [service.address]\nup = \"any(vip)\"\n\
        [service.db]\nup = \"any(galera.writable)\"\n";
    let question = Question {
        order: 2,
        ..Question::default()
    };
    assert!(check(text, &question, 1) > 40);
}

#[test]
#[ignore = "10 s of CPU in the dev profile"]
fn on_two_full_copies() {
    assert!(
        check(
            &shipped("scenarios/full-copy/2-node.toml"),
            &Question::default(),
            1
        ) > 15
    );
}

#[test]
#[ignore = "a minute of CPU in the dev profile"]
fn on_three_full_copies() {
    assert!(
        check(
            &shipped("scenarios/full-copy/3-node.toml"),
            &Question::default(),
            1
        ) > 60
    );
}

#[test]
#[ignore = "a minute of CPU in the dev profile"]
fn on_four_full_copies() {
    let question = Question {
        services: vec!["query_jobs".to_owned(), "database_write".to_owned()],
        order: 2,
        ..Question::default()
    };
    assert!(check(&shipped("scenarios/full-copy/4-node.toml"), &question, 3) > 30);
}

#[test]
#[ignore = "minutes of CPU, even in the release profile"]
fn on_four_full_copies_in_full() {
    let text = shipped("scenarios/full-copy/4-node.toml");
    assert!(check(&text, &Question::default(), 1) > 250);
}
