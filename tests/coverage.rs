//! Take-overs that may not work, against closed forms and second by second.

mod support;

use quorate::protocol::CATALOGUE;
use quorate::runner::{self, Effort, RunOutcome, Watcher};
use quorate::scenario::{NoFiles, read};
use std::sync::atomic::AtomicBool;
use support::Lab;

struct Alone(AtomicBool);

impl Watcher for Alone {
    fn progress(&self, _done: u64, _of: u64) {}
    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

fn run(text: &str, profile: Option<&str>) -> RunOutcome {
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile,
        overrides: &[],
    };
    let scenario = read::scenario("coverage.toml", text, &around)
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
    let run = &scenario.run;
    let effort = Effort {
        replications: run.replications,
        relative_error: None,
        limit: run.replications,
        horizon: run.horizon,
        warm_up: run.warm_up,
        seed: 1,
        confidence: 0.9999,
        max_events: run.max_events,
    };
    runner::run(&scenario, &NoFiles, &effort, &Alone(AtomicBool::new(false))).expect("runs")
}

/// Two nodes, each with its own repair; an uncovered failure of one takes both
/// away until the group has been rebooted. Rates per hour.
fn pair(works: f64) -> String {
    format!(
        r#"
schema = 1
name = "pair"
[run]
horizon = "20y"
warm_up = "1y"
replications = 200
[[node]]
name = "server"
count = 2
failure = {{ dist = "exponential", mean = "100h" }}
repair = {{ dist = "exponential", mean = "10h" }}
[coverage.pair]
of = "node.up"
works = {works}
intervenes = {{ dist = "exponential", mean = "2h" }}
ends = "intervention"
[service.work]
up = "any(pair)"
"#
    )
}

/// The same by the balance of the chain. The number of nodes that are up is a
/// birth and death process of its own; `x` are the states of an uncovered group.
fn pair_unavailability(c: f64) -> f64 {
    let (fail, mend, reboot) = (1.0 / 100.0, 1.0 / 10.0, 1.0 / 2.0);
    let up = mend / (fail + mend);
    let (both, none) = (up * up, (1.0 - up) * (1.0 - up));
    let to_two = mend / (2.0 * fail + reboot);
    let to_none = fail / (2.0 * mend + reboot);
    let leaves = fail + mend + reboot - 2.0 * fail * to_two - 2.0 * mend * to_none;
    let enters = 2.0 * fail * (1.0 - c);
    let x1 = enters * both / (leaves + enters * to_two);
    none + x1 + to_two * x1
}

#[test]
fn an_uncovered_failure_takes_the_pair_down_as_often_as_the_chain_says() {
    for works in [0.0, 0.6, 0.95, 1.0] {
        let found = run(&pair(works), None).services[0].1.unavailability;
        let exact = pair_unavailability(works);
        assert!(
            found.low <= exact && exact <= found.high,
            "{works}: {exact} is not in {} .. {}",
            found.low,
            found.high
        );
    }
}

#[test]
fn the_profile_says_how_often_a_take_over_works() {
    let text = pair(0.5).replace("works = 0.5\n", "");
    let with = |name| run(&text, Some(name)).services[0].1.unavailability.estimate;
    assert!(with("university-lab") > 0.0);
    let around = |profile| read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile,
        overrides: &[],
    };
    let works = |profile| {
        read::scenario("x.toml", &text, &around(Some(profile)))
            .expect("sound")
            .coverages[0]
            .works
    };
    assert_eq!(works("university-lab"), 0.90);
    assert_eq!(works("cloud-vm"), 0.99);
    assert_eq!(works("textbook-99"), 1.0);
    assert!(read::scenario("x.toml", &text, &around(None)).is_err());
}

const ADDRESS: &str = r#"
schema = 1
name = "address"
[[node]]
name = "server"
count = 2
[process.keepalived]
[process.nginx]
[protocol.keepalived]
kind = "keepalived"
priority = { first = 100, step = -1 }
[coverage.entrance]
of = "vip"
healthy = "node.running & proc.keepalived"
works = 0
intervenes = { dist = "exponential", mean = "30min" }
[service.page]
up = "any(entrance & proc.nginx)"
"#;

#[test]
fn under_a_script_every_take_over_works_unless_it_says_otherwise() {
    let lab = Lab::new(ADDRESS);
    let script = "[[fault]]\nat = \"60s\"\ndo = \"power_off\"\nnodes = [\"server1\"]\n";
    let t = &lab.replay(script, 1)[0];
    assert_eq!(t.service("page", 61.0), "down");
    assert_eq!(t.members("entrance", 70.0), ["server2"]);

    let rig = "[[fault]]\nat = \"1s\"\ndo = \"operator\"\nprotocol = \"entrance\"\naction = \"fail_next\"\n";
    let help = "[[fault]]\nat = \"200s\"\ndo = \"operator\"\naction = \"intervene\"\n";
    let t = &lab.replay(&format!("{rig}{script}{help}"), 1)[0];
    assert_eq!(t.members("vip", 150.0), ["server2"]);
    assert_eq!(t.members("entrance.uncovered", 150.0), ["server1"]);
    assert_eq!(t.service("page", 199.0), "down");
    assert_eq!(t.service("page", 200.0), "up");
}

#[test]
fn the_return_of_the_lost_node_mends_it_too_and_a_move_needs_no_luck() {
    let lab = Lab::new(ADDRESS);
    let script = r#"
[[fault]]
at = "1s"
do = "operator"
action = "fail_next"
[[fault]]
at = "60s"
do = "power_off"
nodes = ["server1"]
[[fault]]
at = "100s"
do = "start"
nodes = ["server1"]
[[fault]]
at = "150s"
do = "operator"
action = "fail_next"
[[fault]]
at = "160s"
do = "freeze"
nodes = ["server2"]
[[fault]]
at = "170s"
do = "thaw"
nodes = ["server2"]
"#;
    let t = &lab.replay(script, 1)[0];
    assert_eq!(t.service("page", 99.0), "down");
    // The address goes home on purpose, although the next take-over is to fail.
    assert_eq!(t.members("entrance", 140.0), ["server1"]);
    // Nobody was lost when a node without the address stood still.
    assert_eq!(t.members("entrance.uncovered", 180.0), Vec::<String>::new());
}

#[test]
fn switching_takes_its_time_and_only_where_somebody_is_left() {
    let text = r#"
schema = 1
name = "switching"
[[node]]
name = "server"
count = 2
[coverage.pair]
of = "node.up"
works = 1
switching = "30s"
intervenes = "never"
[service.work]
up = "any(pair)"
"#;
    let script = r#"
[[fault]]
at = "60s"
do = "power_off"
nodes = ["server1"]
[[fault]]
at = "120s"
do = "power_off"
nodes = ["server2"]
[[fault]]
at = "130s"
do = "start"
nodes = ["server2"]
"#;
    let lab = Lab::new(text);
    let t = &lab.replay(script, 1)[0];
    assert_eq!(t.first("pair", &[], 0.0), Some(60.0));
    assert_eq!(t.first("pair", &["server2"], 60.0), Some(90.0));
    assert_eq!(t.service("work", 125.0), "down");
    // Nobody was left to take over: when the node is back, it serves at once.
    assert_eq!(t.service("work", 130.0), "up");
}
