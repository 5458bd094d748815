//! Asynchronous replication against the laboratory, and the failover of its clients
//! against Connector/J's rules.

mod support;

use support::{Lab, Timeline};

const DESIGN: &str = r#"
schema = 1
name = "replication"
node = [ { name = "db", count = 2, boot = "30s" }, { name = "app", count = 1 } ]
[process.mariadb]
on = "db"
start = "1s"
[protocol.sql]
kind = "mariadb_replication"
on = "db"
clients.on = "app"
[service.store]
up = "any(sql.writing)"
"#;

fn script(faults: &[(&str, &str)]) -> String {
    let faults: String = faults
        .iter()
        .map(|(at, what)| format!("[[fault]]\nat = {at}\ndo = {what}\n"))
        .collect();
    format!("until = \"6h\"\n{faults}")
}

const OFF_1: &str = "\"power_off\"\nnodes = [\"db1\"]";
const ON_1: &str = "\"start\"\nnodes = [\"db1\"]";
const OFF_2: &str = "\"power_off\"\nnodes = [\"db2\"]";
const ON_2: &str = "\"start\"\nnodes = [\"db2\"]";
const KILL_1: &str = "\"kill\"\nprocess = \"mariadb\"\nnodes = [\"db1\"]";
const RUN_1: &str = "\"start\"\nprocess = \"mariadb\"\nnodes = [\"db1\"]";

fn first_with(t: &Timeline<'_>, signal: &str, from: f64, node: &str) -> f64 {
    let there = |m: &[String]| m.contains(&node.to_owned());
    t.first_where(signal, from, there)
        .unwrap_or_else(|| panic!("{signal} {node}"))
}

#[test]
fn a_source_that_dies_takes_writes_with_it_in_five_of_nine_cases() {
    let lab = Lab::new(DESIGN);
    let n = 900;
    let timelines = lab.replay(&script(&[("[\"60s\", \"70s\"]", OFF_1)]), n);
    let lost = timelines
        .iter()
        .filter(|t| !t.members("sql.behind", 100.0).is_empty())
        .count();
    // 5 of 9 in the lab; four standard deviations of 900.
    let share = lost as f64 / n as f64;
    assert!((share - 5.0 / 9.0).abs() < 0.07, "{share}");
}

#[test]
fn what_is_written_while_the_replica_is_away_is_always_missing() {
    let lab = Lab::new(DESIGN);
    let faults = [("\"60s\"", OFF_2), ("\"200s\"", OFF_1), ("\"210s\"", ON_2)];
    for t in lab.replay(&script(&faults), 20) {
        assert_eq!(t.members("sql.behind", 190.0), ["db2"]);
        // The client gives up after a quarter of an hour and then writes on old data.
        let lost = t.first("sql.lost", &["db2"], 200.0).expect("lost") - 200.0;
        assert!((924.0..=1044.1).contains(&lost), "{lost}");
    }
}

#[test]
fn a_source_that_returns_brings_everything_back_within_two_minutes() {
    let lab = Lab::with(DESIGN, &[("sql.loss", "1")]);
    let faults = [("[\"60s\", \"70s\"]", OFF_1), ("\"600s\"", ON_1)];
    for t in lab.replay(&script(&faults), 100) {
        assert_eq!(t.members("sql.behind", 590.0), ["db2"]);
        let whole = t.first("sql.behind", &[], 600.0).expect("whole") - 631.0;
        assert!((0.0..=122.0).contains(&whole), "{whole}");
    }
}

#[test]
fn both_servers_are_written_to_until_the_slowest_connection_returns() {
    // Killed: noticed at once. 0.1 queries a second: the hour comes first.
    let lab = Lab::new(DESIGN);
    let faults = [("\"60s\"", KILL_1), ("\"120s\"", RUN_1)];
    let t = &lab.replay(&script(&faults), 1)[0];
    assert_eq!(t.members("sql.written", 100.0), ["db2"]);
    assert_eq!(t.members("sql.written", 200.0), ["db1", "db2"]);
    let home = t.first("sql.written", &["db1"], 200.0).expect("returns");
    assert!((home - 3660.0).abs() < 1.0, "{home}");
    // 10 queries a second: 5000 of them take 500 s.
    let fast = Lab::with(DESIGN, &[("sql.clients.slowest_connection", "10/s")]);
    let t = &fast.replay(&script(&faults), 1)[0];
    let home = t.first("sql.written", &["db1"], 200.0).expect("returns");
    assert!((home - 560.0).abs() < 1.0, "{home}");
}

#[test]
fn a_read_only_failover_writes_nowhere_until_the_first_server_is_back() {
    let lab = Lab::with(DESIGN, &[("sql.clients.fail_over_read_only", "true")]);
    let t = &lab.replay(&script(&[("\"60s\"", KILL_1), ("\"120s\"", RUN_1)]), 1)[0];
    assert!(t.members("sql.writing", 100.0).is_empty());
    assert_eq!(t.members("sql.connected", 100.0), ["app1"]);
    assert!((first_with(t, "sql.writing", 100.0, "app1") - 121.0).abs() < 0.1);
}

#[test]
fn conflicts_stop_both_sides_or_diverge_in_silence() {
    let faults = [
        ("\"60s\"", KILL_1),
        ("\"120s\"", RUN_1),
        ("\"300s\"", "\"happen\"\nevent = \"sql.conflict\""),
        ("\"4h\"", "\"operator\"\naction = \"rebuild\""),
    ];
    for (stops, signal) in [("1", "sql.stopped"), ("0", "sql.diverged")] {
        let set = [
            ("sql.conflict.rate", "0.001/s"),
            ("sql.conflict.stops", stops),
        ];
        let lab = Lab::with(DESIGN, &set);
        let t = &lab.replay(&script(&faults), 1)[0];
        assert_eq!(t.members(signal, 400.0), ["db1", "db2"], "{signal}");
        if stops == "1" {
            assert!(t.members("sql.replicating", 400.0).is_empty());
        }
    }
}

#[test]
fn a_chain_passes_on_what_flows_and_breaks_in_its_middle() {
    let three = DESIGN.replace("\"db\", count = 2", "\"db\", count = 3");
    let lab = Lab::new(&three);
    let t = &lab.replay(&script(&[("\"60s\"", OFF_2), ("\"300s\"", ON_2)]), 1)[0];
    // Without db2 nothing reaches db3 either.
    assert_eq!(t.members("sql.behind", 200.0), ["db2", "db3"]);
    assert!(t.members("sql.behind", 600.0).is_empty());
}
