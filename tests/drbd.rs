//! DRBD: what writes survive, how long they freeze, and when two sides diverge. Against
//! the documentation: nothing was measured (facts: the kernel module cannot be loaded).

mod support;

use support::{Lab, Timeline};

/// Somebody else (a process on each node) says who is primary.
const DESIGN: &str = r#"
schema = 1
name = "mirror"
node = [ { name = "node", count = 2, boot = "30s" } ]
[process.drbd]
[process.role]
[protocol.r0]
kind = "drbd"
alive = "proc.drbd"
primary = "proc.role"
changes = "1MB"
size = "100GB"
resync_rate = "100MB"
[service.disk]
up = "any(r0.writable)"
"#;

/// Node 2 gives up its role at the beginning, so that node 1 is the primary.
const FIRST: &str =
    "[[fault]]\nat = \"1s\"\ndo = \"stop\"\nprocess = \"role\"\nnodes = [\"node2\"]\n";

fn script(faults: &[(&str, &str)]) -> String {
    let faults: String = faults
        .iter()
        .map(|(at, what)| format!("[[fault]]\nat = \"{at}\"\ndo = {what}\n"))
        .collect();
    format!("until = \"8h\"\n{FIRST}{faults}")
}

const OFF_1: &str = "\"power_off\"\nnodes = [\"node1\"]";
const OFF_2: &str = "\"power_off\"\nnodes = [\"node2\"]";
const ON_1: &str = "\"start\"\nnodes = [\"node1\"]";
const ON_2: &str = "\"start\"\nnodes = [\"node2\"]";
const CUT: &str = "\"cut\"\nnodes = [\"node2\"]";
const HEAL: &str = "\"heal\"";
const PROMOTE_2: &str = "\"start\"\nprocess = \"role\"\nnodes = [\"node2\"]";
const DEMOTE_1: &str = "\"stop\"\nprocess = \"role\"\nnodes = [\"node1\"]";
const DEMOTE_2: &str = "\"stop\"\nprocess = \"role\"\nnodes = [\"node2\"]";
/// A node that boots does not play any role by itself.
const NO_ROLE: (&str, &str) = ("process.role.start", "\"1000h\"");
/// Whoever promotes takes a minute.
const LATE_ROLE: (&str, &str) = ("process.role.start", "\"60s\"");

fn members(timeline: &Timeline<'_>, signal: &str, at: f64) -> Vec<String> {
    timeline.members(signal, at)
}

#[test]
fn writes_freeze_until_a_dead_peer_is_noticed() {
    for (set, low, high) in [
        (vec![], 6.0, 6.0),
        (vec![("r0.net.busy", "false")], 0.5, 10.5),
    ] {
        let lab = Lab::with(DESIGN, &set);
        let timelines = lab.replay(&script(&[("100s", OFF_2)]), 200);
        let stalls: Vec<f64> = timelines
            .iter()
            .map(|t| {
                t.first("r0.writable", &["node1"], 100.0001)
                    .expect("goes on")
                    - 100.0
            })
            .collect();
        assert!(
            stalls
                .iter()
                .all(|s| (low - 1e-6..=high + 1e-6).contains(s)),
            "{stalls:?}"
        );
        let mean = stalls.iter().sum::<f64>() / 200.0;
        assert!((mean - (low + high) / 2.0).abs() < 1.0, "{mean}");
    }
}

#[test]
fn protocol_a_freezes_nothing_and_loses_the_last_writes() {
    let a = Lab::with(DESIGN, &[("r0.protocol", "A")]);
    let t = &a.replay(&script(&[("100s", OFF_2)]), 1)[0];
    assert!(t.first("r0.writable", &[], 100.0).is_none());
    // The primary dies and the secondary takes over: what it lacks has been acknowledged.
    let takeover = script(&[("100s", OFF_1), ("110s", PROMOTE_2)]);
    let t = &a.replay(&takeover, 1)[0];
    assert_eq!(members(t, "r0.stale", 200.0), ["node2"]);
    let c = Lab::new(DESIGN);
    let t = &c.replay(&takeover, 1)[0];
    assert_eq!(members(t, "r0.writable", 200.0), ["node2"]);
    assert!(members(t, "r0.stale", 200.0).is_empty());
}

#[test]
fn what_changed_meanwhile_is_copied_at_the_rate_of_the_link() {
    // 1000 s at 1 MB/s and 100 MB/s: 10 s, within the eighth that the steps leave.
    let lab = Lab::with(DESIGN, &[NO_ROLE]);
    let t = &lab.replay(&script(&[("100s", OFF_2), ("1100s", ON_2)]), 1)[0];
    let begins = t.first("r0.syncing", &["node2"], 1100.0).expect("begins");
    let ends = t.first("r0.syncing", &[], begins).expect("ends");
    assert!((begins - 1131.0).abs() < 0.1, "{begins}");
    assert!((ends - begins - 10.3).abs() < 1.4, "{}", ends - begins);
    // It is no use for a take-over until then, and is of use after it.
    assert_eq!(members(t, "r0.promotable", begins + 1.0), ["node1"]);
    assert_eq!(members(t, "r0.promotable", ends + 1.0), ["node1", "node2"]);
}

#[test]
fn a_source_that_dies_during_the_copy_leaves_nothing_to_start() {
    let lab = Lab::with(DESIGN, &[NO_ROLE]);
    let faults = [("100s", OFF_2), ("10000s", ON_2), ("10040s", OFF_1)];
    let t = &lab.replay(&script(&faults), 1)[0];
    assert_eq!(members(t, "r0.syncing", 10035.0), ["node2"]);
    assert!(members(t, "r0.promotable", 11000.0).is_empty());
}

#[test]
fn a_crashed_primary_gets_its_activity_log_back() {
    let lab = Lab::with(DESIGN, &[LATE_ROLE, ("r0.activity_log", "1GB")]);
    let faults = [("100s", OFF_1), ("101s", PROMOTE_2), ("150s", ON_1)];
    let t = &lab.replay(&script(&faults), 1)[0];
    let begins = t.first("r0.syncing", &["node1"], 150.0).expect("begins");
    let ends = t.first("r0.syncing", &[], begins).expect("ends");
    // 10 s for the log and a moment for 20 s of changes.
    assert!((10.0..11.0).contains(&(ends - begins)), "{}", ends - begins);
}

#[test]
fn a_lone_primary_that_dies_leaves_a_stale_copy_that_starts() {
    let lab = Lab::with(DESIGN, &[LATE_ROLE]);
    let faults = [("100s", OFF_2), ("200s", OFF_1), ("300s", ON_2)];
    let t = &lab.replay(&script(&faults), 1)[0];
    assert_eq!(members(t, "r0.alone", 150.0), ["node1"]);
    // It takes its old data for current: nobody has told it.
    assert_eq!(members(t, "r0.promotable", 350.0), ["node2"]);
    assert_eq!(members(t, "r0.stale", 450.0), ["node2"]);
}

#[test]
fn both_sides_of_a_partition_diverge_and_wait_for_a_person() {
    let faults = [
        ("100s", CUT),
        ("110s", PROMOTE_2),
        ("200s", DEMOTE_2),
        ("300s", HEAL),
    ];
    let lab = Lab::new(DESIGN);
    let t = &lab.replay(&script(&faults), 1)[0];
    assert_eq!(members(t, "r0.writable", 150.0), ["node1", "node2"]);
    assert_eq!(members(t, "r0.split", 1000.0), ["node1", "node2"]);
    // Somebody discards the changes of node 2.
    let mut mended = faults.to_vec();
    mended.push((
        "2000s",
        "\"operator\"\naction = \"discard\"\nnodes = [\"node2\"]",
    ));
    let t = &lab.replay(&script(&mended), 1)[0];
    assert!(members(t, "r0.split", 2001.0).is_empty());
    assert!(t.first("r0.discarding", &["node2"], 2000.0).is_some());
    assert_eq!(members(t, "r0.promotable", 3000.0), ["node1", "node2"]);
    // A policy does it at once.
    let lab = Lab::with(DESIGN, &[("r0.net.after_sb_1pri", "discard-secondary")]);
    let t = &lab.replay(&script(&faults), 1)[0];
    assert!(t.first("r0.discarding", &["node2"], 300.0).is_some());
    assert!(t.first("r0.split", &["node1", "node2"], 300.0).is_none());
}

#[test]
fn without_a_primary_the_younger_or_the_smaller_side_loses() {
    let faults = [
        ("100s", CUT),
        ("110s", PROMOTE_2),
        ("200s", DEMOTE_2),
        ("210s", DEMOTE_1),
        ("300s", HEAL),
    ];
    for (policy, loser) in [
        ("discard-younger-primary", "node2"),
        ("discard-older-primary", "node1"),
        ("discard-zero-changes", ""),
        ("disconnect", ""),
    ] {
        let lab = Lab::with(DESIGN, &[("r0.net.after_sb_0pri", policy)]);
        let t = &lab.replay(&script(&faults), 1)[0];
        match loser {
            "" => assert_eq!(
                members(t, "r0.split", 1000.0),
                ["node1", "node2"],
                "{policy}"
            ),
            loser => assert!(
                t.first("r0.discarding", &[loser], 300.0).is_some(),
                "{policy}"
            ),
        }
    }
}

#[test]
fn stonith_policy_holds_writes_until_the_peer_is_off() {
    let set = [("r0.disk.fencing", "resource-and-stonith")];
    let lab = Lab::with(DESIGN, &set);
    // The peer is dead: the handler's two seconds come on top.
    let t = &lab.replay(&script(&[("100s", OFF_2)]), 1)[0];
    let on = t
        .first("r0.writable", &["node1"], 100.001)
        .expect("goes on");
    assert!((on - 108.0).abs() < 1e-3, "{on}");
    // It is alive behind a cut: writes wait until it is shot.
    let t = &lab.replay(&script(&[("100s", CUT), ("400s", OFF_2)]), 1)[0];
    let on = t
        .first("r0.writable", &["node1"], 100.001)
        .expect("goes on");
    assert!((on - 400.0).abs() < 1e-3, "{on}");
}

#[test]
fn quorum_of_three_stops_the_lone_side() {
    let three = DESIGN.replace("count = 2", "count = 3").replace(
        "[service.disk]",
        "diskless = \"node3\"\nquorum.votes = \"majority\"\n[service.disk]",
    );
    let lab = Lab::with(&three, &[]);
    let stop_3 = "\"stop\"\nprocess = \"role\"\nnodes = [\"node3\"]";
    let faults = [
        ("2s", stop_3),
        ("100s", "\"cut\"\nnodes = [\"node1\"]"),
        ("110s", PROMOTE_2),
    ];
    let t = &lab.replay(&script(&faults), 1)[0];
    assert_eq!(members(t, "r0.writable", 200.0), ["node2"]);
    // Without the tie-breaker each of two needs the other.
    let two = Lab::with(DESIGN, &[("r0.quorum.votes", "majority")]);
    let t = &two.replay(&script(&[("100s", OFF_2)]), 1)[0];
    assert!(members(t, "r0.writable", 200.0).is_empty());
}

#[test]
fn the_init_script_waits_for_the_peer() {
    let set = [
        NO_ROLE,
        ("r0.startup.init_script", "true"),
        ("r0.startup.wfc_timeout", "15s"),
        ("r0.startup.degr_wfc_timeout", "60s"),
    ];
    let lab = Lab::with(DESIGN, &set);
    // Both off at once, node 2 alone comes back: it starts without its peer after 15 s.
    let t = &lab.replay(
        &script(&[("100s", OFF_2), ("100s", OFF_1), ("200s", ON_2)]),
        1,
    )[0];
    let able = t.first("r0.promotable", &["node2"], 201.0).expect("starts");
    assert!((able - 245.0).abs() < 0.1, "{able}");
    // Node 1 had gone on alone: it waits for a minute.
    let t = &lab.replay(
        &script(&[("100s", OFF_2), ("150s", OFF_1), ("200s", ON_1)]),
        1,
    )[0];
    let able = t.first("r0.promotable", &["node1"], 201.0).expect("starts");
    assert!((able - 290.0).abs() < 0.1, "{able}");
}
