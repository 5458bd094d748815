//! Redis Sentinel against the laboratory and its source. Few samples exist, so
//! outcomes are checked, and latencies by range.

mod support;

use support::{Lab, Timeline, measured};

const MEASURED: &str = include_str!("data/measured/redis-cluster.csv");

const DESIGN: &str = r#"
schema = 1
name = "lab"
node = [ { name = "n", count = 3 } ]
[process.redis_server]
[process.redis_sentinel]
[protocol.sentinel]
kind = "redis_sentinel"
down_after_milliseconds = "5s"
[service.sessions]
up = "any(sentinel.writable)"
success = "share(sentinel.writable, sentinel.master)"
"#;

fn fault(at: &str, what: &str, nodes: &str) -> String {
    let nodes: Vec<String> = nodes.split(' ').map(|n| format!("{n:?}")).collect();
    let nodes = nodes.join(", ");
    format!("[[fault]]\nat = \"{at}\"\ndo = \"{what}\"\nnodes = [{nodes}]\n")
}

fn process(at: &str, what: &str, nodes: &str) -> String {
    fault(at, what, nodes) + "process = \"redis_server\"\n"
}

fn play<'a>(lab: &'a Lab, until: u32, faults: &[String], times: u64) -> Vec<Timeline<'a>> {
    lab.replay(&format!("until = \"{until}s\"\n{}", faults.concat()), times)
}

/// Seconds from a fault until somebody else is the master; the new master.
fn failover(timeline: &Timeline<'_>, fault: usize) -> (f64, String) {
    let from = timeline.fault(fault);
    let before = timeline.members("sentinel.writable", from - 0.001);
    let at = timeline
        .first_where("sentinel.writable", from, |now| {
            !now.is_empty() && now != before
        })
        .expect("a failover");
    (
        at - from,
        timeline.members("sentinel.writable", at)[0].clone(),
    )
}

#[test]
fn in_steady_state_nothing_happens() {
    let lab = Lab::new(DESIGN);
    for timeline in play(&lab, 1000, &[], 2) {
        assert_eq!(timeline.changes("sentinel.master").len(), 1);
        assert_eq!(timeline.members("sentinel.writable", 1.0), ["n1"]);
        assert_eq!(timeline.members("sentinel.replicas", 1.0), ["n2", "n3"]);
        assert!(timeline.members("sentinel.suspecting", 999.0).is_empty());
    }
}

/// down-after counts from the next ping after silence, from the last pong where the
/// connection is closed.
#[test]
fn a_dead_master_is_replaced() {
    let lab = Lab::new(DESIGN);
    let ends = [
        (fault("60s", "power_off", "n1"), 5.1, 7.6),
        (process("60s", "kill", "n1"), 4.1, 6.5),
        (process("60s", "freeze", "n1"), 5.1, 7.6),
    ];
    for (end, low, high) in ends {
        for timeline in play(&lab, 300, &[end], 200) {
            let (seconds, node) = failover(&timeline, 0);
            assert!((low..high).contains(&seconds), "{seconds}");
            assert_eq!(node, "n2");
            assert_eq!(timeline.members("sentinel.master", 299.0), ["n2"]);
            assert_eq!(timeline.members("sentinel.replicas", 299.0), ["n3"]);
            assert!(timeline.members("sentinel.suspecting", 299.0).is_empty());
        }
    }
}

/// [M S1 two_of_three_hosts_lost]: no failover in 60 s; here for good.
#[test]
fn two_hosts_of_three_are_too_many() {
    let found = measured(MEASURED, "trial", |cell| {
        cell("experiment") == "two_of_three_hosts_lost" && cell("value") == "False"
    });
    assert_eq!(found.len(), 1);
    let lab = Lab::new(DESIGN);
    for timeline in play(&lab, 9000, &[fault("60s", "power_off", "n1 n2")], 20) {
        assert!(timeline.members("sentinel.writable", 8999.0).is_empty());
        assert_eq!(timeline.service("sessions", 8999.0), "down");
    }
    // A second sentinel is enough, and then it promotes at once.
    let back = [
        fault("60s", "power_off", "n1 n2"),
        fault("600s", "start", "n2"),
    ];
    for timeline in play(&lab, 1200, &back, 50) {
        let (seconds, _) = failover(&timeline, 1);
        assert!((5.0..7.7).contains(&seconds), "{seconds}");
    }
}

/// [M, 10.3-14.9 s]: a returned master takes writes that are lost.
#[test]
fn an_old_master_takes_writes_when_it_returns() {
    let lab = Lab::new(DESIGN);
    let faults = [fault("60s", "power_off", "n1"), fault("90s", "start", "n1")];
    for timeline in play(&lab, 200, &faults, 200) {
        assert_eq!(timeline.members("sentinel.stale", 91.0), ["n1"]);
        let from = timeline.fault(1) + 0.01;
        let end = timeline.first("sentinel.stale", &[], from).expect("ends") - from;
        assert!((10.2..15.0).contains(&end), "{end}");
        assert_eq!(timeline.members("sentinel.master", 199.0), ["n2"]);
        assert_eq!(timeline.members("sentinel.replicas", 199.0), ["n1", "n3"]);
    }
}

#[test]
fn an_isolated_master_takes_writes_as_long_as_it_is_isolated() {
    let lab = Lab::new(DESIGN);
    let cut = fault("60s", "cut", "n1") + "carrier = true\n";
    for timeline in play(&lab, 1000, &[cut, fault("700s", "heal", "n1")], 50) {
        assert_eq!(timeline.members("sentinel.stale", 699.0), ["n1"]);
        assert_eq!(timeline.members("sentinel.writable", 699.0), ["n2"]);
        let end = timeline.first("sentinel.stale", &[], 700.0).expect("ends");
        assert!((710.2..715.0).contains(&end), "{end}");
    }
}

#[test]
fn a_quick_restart_is_not_noticed() {
    let lab = Lab::with(DESIGN, &[("process.redis_server.restart", "\"always\"")]);
    for timeline in play(&lab, 200, &[process("60s", "kill", "n1")], 20) {
        assert_eq!(timeline.members("sentinel.writable", 61.0), ["n1"]);
        assert_eq!(timeline.members("sentinel.writable", 199.0), ["n1"]);
        assert_eq!(timeline.changes("sentinel.suspecting").len(), 1);
        assert_eq!(timeline.members("sentinel.replicas", 199.0), ["n2", "n3"]);
    }
}

/// Without a replica the attempt is lost; the next comes after twice the time-out.
#[test]
fn a_lost_attempt_costs_two_failover_time_outs() {
    let lab = Lab::new(DESIGN);
    let faults = [
        process("60s", "stop", "n1 n2 n3"),
        process("80s", "start", "n3"),
    ];
    for timeline in play(&lab, 1500, &faults, 50) {
        let (seconds, node) = failover(&timeline, 1);
        assert!((340.0..400.0).contains(&seconds), "{seconds}");
        assert_eq!(node, "n3");
    }
}

#[test]
fn a_person_needs_no_votes() {
    let lab = Lab::new(DESIGN);
    let text = "[[fault]]\nat = \"60s\"\ndo = \"operator\"\naction = \"failover\"\n".to_owned();
    for timeline in play(&lab, 200, &[text], 50) {
        let (seconds, _) = failover(&timeline, 0);
        assert!((0.1..1.3).contains(&seconds), "{seconds}");
        assert_eq!(timeline.members("sentinel.master", 199.0), ["n2"]);
    }
}

#[test]
fn what_cannot_be_is_refused() {
    use quorate::{model::build, protocol::CATALOGUE, scenario::NoFiles, scenario::read};
    for (path, value, expected) in [
        ("quorum", "4", "quorum of 4 with 3"),
        ("quorum", "0", "0"),
        ("master", "\"n9\"", "n9"),
        ("process", "\"x\"", "needs a process `x`"),
        ("sentinel_process", "\"x\"", "needs a process `x`"),
        (
            "down_after_milliseconds",
            "\"500ms\"",
            "longer than ping_period",
        ),
    ] {
        let overrides = [(format!("protocol.sentinel.{path}"), value.to_owned())];
        let around = read::Surroundings {
            files: &NoFiles,
            catalogue: CATALOGUE,
            profile: None,
            overrides: &overrides,
        };
        let scenario = read::scenario("lab.toml", DESIGN, &around).expect("reads");
        let error = build::model::<1>(&scenario, &NoFiles).err().expect(path);
        assert!(error.to_string().contains(expected), "{path}: {error}");
    }
}

mod trouble {
    use super::*;
    use proptest::prelude::*;

    const VERBS: [&str; 7] = [
        "power_off",
        "start",
        "stop",
        "freeze",
        "thaw",
        "cut",
        "heal",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn when_all_is_well_again_one_master_serves(
            mut faults in proptest::collection::vec((0usize..7, 0usize..3, any::<bool>(), 0u32..200_000), 0..14),
        ) {
            faults.sort_by_key(|f| f.3);
            let mut lines = Vec::new();
            for (verb, node, whole, at) in &faults {
                let (at, node) = (format!("{at}ms"), format!("n{}", node + 1));
                let of_process = !whole && (1..5).contains(verb);
                let text = if of_process { process } else { fault };
                lines.push(text(&at, VERBS[*verb], &node));
            }
            lines.push("[[fault]]\nat = \"210s\"\ndo = \"heal\"\n".to_owned());
            lines.push(fault("210s", "thaw", "n1 n2 n3"));
            lines.push(process("210s", "thaw", "n1 n2 n3"));
            lines.push(fault("211s", "start", "n1 n2 n3"));
            lines.push(process("212s", "start", "n1 n2 n3"));
            let lab = Lab::new(DESIGN);
            for timeline in play(&lab, 800, &lines, 2) {
                let at = |signal: &str| timeline.members(signal, 799.0);
                prop_assert_eq!(at("sentinel.master").len(), 1);
                prop_assert_eq!(at("sentinel.master"), at("sentinel.writable"));
                prop_assert_eq!(at("sentinel.replicas").len(), 2);
                prop_assert!(at("sentinel.stale").is_empty());
                prop_assert!(at("sentinel.suspecting").is_empty());
                for signal in ["sentinel.master", "sentinel.replicas", "sentinel.suspecting"] {
                    prop_assert!(timeline.changes(signal).iter().all(|(t, _)| *t < 700.0));
                }
            }
        }
    }
}
