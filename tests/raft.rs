//! Raft against its papers and etcd's defaults: how long elections take, who can win, and
//! what a partition does.

mod support;

use support::{Lab, Timeline};

const DESIGN: &str = r#"
schema = 1
name = "raft"
node = [ { name = "server", count = 3 } ]
[process.etcd]
[protocol.raft]
kind = "raft"
message = "1ms"
[service.store]
up = "any(raft.committing)"
"#;

fn of(nodes: usize) -> String {
    DESIGN.replace("count = 3", &format!("count = {nodes}"))
}

fn script(faults: &[(&str, &str)]) -> String {
    let faults: String = faults
        .iter()
        .map(|(at, what)| format!("[[fault]]\nat = \"{at}\"\ndo = {what}\n"))
        .collect();
    format!("until = \"10m\"\n{faults}")
}

fn off(node: usize) -> String {
    format!("\"power_off\"\nnodes = [\"server{node}\"]")
}

/// Until somebody commits again.
fn outage(t: &Timeline<'_>, from: f64) -> f64 {
    let back = t.first_where("raft.committing", from + 1e-9, |m| !m.is_empty());
    back.expect("a new leader") - from
}

#[test]
fn a_dead_leader_is_replaced_after_the_shortest_of_two_waits() {
    let lab = Lab::new(DESIGN);
    let timelines = lab.replay(&script(&[("60s", &off(1))]), 2000);
    let outages: Vec<f64> = timelines.iter().map(|t| outage(t, 60.0)).collect();
    // Phase U(0, 0.1) less 0.1 s, the shorter of two U(1, 2), two messages; now and then
    // the votes are split.
    assert!(outages.iter().all(|o| *o > 0.9), "{outages:?}");
    let mean = outages.iter().sum::<f64>() / 2000.0;
    let expected = -0.05 + 1.0 + 1.0 / 3.0 + 0.002;
    assert!((mean - expected).abs() < 0.02, "{mean} {expected}");
    // Two waits within a millisecond of each other split the votes: about 0.2%.
    let split = outages.iter().filter(|o| **o > 2.002).count();
    assert!(split <= 20, "{split}");
}

#[test]
fn a_minority_has_no_leader_that_commits() {
    for (nodes, lost, commits) in [
        (3, 1, true),
        (3, 2, false),
        (4, 2, false),
        (5, 2, true),
        (5, 3, false),
    ] {
        let lab = Lab::new(&of(nodes));
        let faults: Vec<String> = (1..=lost).map(off).collect();
        let faults: Vec<(&str, &str)> = faults.iter().map(|f| ("60s", f.as_str())).collect();
        for t in lab.replay(&script(&faults), 20) {
            let still = !t.members("raft.committing", 500.0).is_empty();
            assert_eq!(still, commits, "{lost} of {nodes}");
        }
    }
}

#[test]
fn a_cut_off_leader_believes_until_it_checks_its_quorum() {
    let cut = script(&[
        ("60s", "\"cut\"\nnodes = [\"server1\"]"),
        ("120s", "\"heal\""),
    ]);
    let checked = Lab::new(DESIGN);
    let t = &checked.replay(&cut, 1)[0];
    let gone = t.first_where("raft.leader", 60.0, |m| !m.contains(&"server1".to_owned()));
    assert!((gone.expect("steps down") - 61.0).abs() < 1e-6);
    let plain = Lab::with(DESIGN, &[("raft.check_quorum", "false")]);
    let t = &plain.replay(&cut, 1)[0];
    assert_eq!(t.members("raft.leader", 119.0).len(), 2);
    assert_eq!(t.members("raft.committing", 119.0).len(), 1);
    // When they meet again, the older term gives way.
    let one = t.first_where("raft.leader", 120.0, |m| m.len() == 1);
    assert!(one.expect("one is left") < 120.2);
}

#[test]
fn without_pre_vote_a_returning_node_unseats_the_leader() {
    let cut = script(&[
        ("60s", "\"cut\"\nnodes = [\"server3\"]"),
        ("120s", "\"heal\""),
    ]);
    for (pre_vote, disturbed) in [("true", false), ("false", true)] {
        let lab = Lab::with(DESIGN, &[("raft.pre_vote", pre_vote)]);
        for t in lab.replay(&cut, 50) {
            let pause = t.first("raft.committing", &[], 100.0).is_some();
            assert_eq!(pause, disturbed, "pre_vote = {pre_vote}");
            assert_eq!(t.members("raft.writable", 500.0).len(), 3);
        }
    }
}

#[test]
fn an_old_log_never_wins() {
    // Server 3 misses what the others commit; then server 1 dies and server 3 is back: only
    // server 2 can lead.
    let on_3 = "\"start\"\nnodes = [\"server3\"]";
    let faults = script(&[("60s", &off(3)), ("120s", &off(1)), ("180s", on_3)]);
    let lab = Lab::new(DESIGN);
    for t in lab.replay(&faults, 200) {
        assert_eq!(t.members("raft.committing", 500.0), ["server2"]);
    }
}
