//! `quorate explain`: one outage of a run as a story and as a trace.

#[path = "support/program.rs"]
mod program;

use program::{folder, run, succeeds};
use prost::Message;
use quorate::report::trace::{EventType, Trace};
use serde_json::Value;
use std::collections::BTreeMap;

const FOUR: &str = "scenarios/full-copy/4-node.toml";

fn story(more: &[&str]) -> Value {
    let text = succeeds(&[&["explain", FOUR, "--format", "json"], more].concat());
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_story_is_that_of_the_run() {
    // The first outage of the run with this seed, as `run` has counted it.
    let one = ["--service", "database_write", "--set", "run.replications=1"];
    let text = succeeds(
        &[
            &["run", FOUR, "--engine", "simulate", "--format", "json"],
            &one[..],
        ]
        .concat(),
    );
    let ran: Value = serde_json::from_str(&text).expect("JSON");
    let service = &ran["services"]["database_write"];
    let count = service["outage_s"]["count"].as_u64().expect("a number");
    let longest = service["outage_s"]["max"].as_f64().expect("a number");
    let last = story(&[&one[..], &["--outage", &count.to_string()]].concat());
    assert_eq!(last["outage"]["number"], count);
    let beyond = run(&[
        &["explain", FOUR, "--outage", &(count + 1).to_string()],
        &one[..],
    ]
    .concat());
    assert_eq!(beyond.code, Some(2));
    assert!(
        beyond
            .stderr
            .contains(&format!("has {count} such outages in 1 replications"))
    );
    // The longest one can be asked for by its length.
    let at_least = format!("{}s", (longest * 1e3).floor() / 1e3);
    let found = story(&[&one[..], &["--outage", "1", "--at-least", &at_least]].concat());
    let lasted = found["outage"]["lasted_s"].as_f64().expect("a number");
    assert!((lasted - longest).abs() < 1e-6, "{lasted} and {longest}");
}

#[test]
fn a_story_begins_before_the_trouble_and_ends_after_it() {
    let told = story(&["--service", "sessions", "--outage", "2"]);
    let lines = told["outage"]["timeline"].as_array().expect("a list");
    let states: Vec<&str> = lines
        .iter()
        .filter(|line| line["what"] == "service" && line["name"] == "sessions")
        .map(|line| line["state"].as_str().expect("text"))
        .collect();
    assert_eq!(states.first(), Some(&"up"), "{states:?}");
    assert_eq!(states.last(), Some(&"up"), "{states:?}");
    assert!(states.contains(&"down"));
    let text = succeeds(&["explain", FOUR, "--service", "sessions", "--outage", "2"]);
    assert!(
        text.contains("** server") && text.contains("=> sessions is down"),
        "{text}"
    );
}

#[test]
fn the_trace_can_be_read_again_and_its_slices_do_not_overlap() {
    let out = folder("explain-trace");
    let path = out.to_str().expect("a path in UTF-8");
    succeeds(&[
        "explain",
        FOUR,
        "--service",
        "portal",
        "--outage",
        "1",
        "--out",
        path,
    ]);
    let bytes = std::fs::read(out.join("outage.perfetto-trace")).expect("written");
    let trace = Trace::decode(&bytes[..]).expect("a trace");
    let mut names = BTreeMap::new();
    let mut open: BTreeMap<u64, bool> = BTreeMap::new();
    let mut last = 0;
    for packet in &trace.packet {
        assert!(packet.trusted_packet_sequence_id.is_some_and(|id| id > 0));
        if let Some(track) = &packet.track_descriptor {
            names.insert(track.uuid(), (track.name().to_owned(), track.parent_uuid));
        }
        let Some(event) = &packet.track_event else {
            continue;
        };
        let at = packet.timestamp.expect("a time");
        assert!(at >= last, "in the order of time");
        last = at;
        assert!(
            names.contains_key(&event.track_uuid()),
            "a track that was described"
        );
        let is_open = open.entry(event.track_uuid()).or_default();
        match event.r#type() {
            EventType::SliceBegin => assert!(!std::mem::replace(is_open, true), "one at a time"),
            EventType::SliceEnd => assert!(std::mem::replace(is_open, false), "begun before"),
            other => panic!("{other:?}"),
        }
    }
    assert!(open.values().all(|open| !open), "all are closed");
    let groups: Vec<&str> = names
        .values()
        .filter(|(_, parent)| parent.is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(
        groups.contains(&"server1") && groups.contains(&"services"),
        "{groups:?}"
    );
}

/// Three servers of which any one is enough, with a clock in the way: what must come out is
/// known.
const SERIES: &str = r#"
schema = 1
name = "series"
[run]
replications = 60
horizon = "10y"
[[node]]
name = "gate"
failure = { dist = "exponential", mean = "990h" }
repair = { dist = "exponential", mean = "10h" }
[[node]]
name = "spare"
count = 2
failure = { dist = "exponential", mean = "990h" }
repair = { dist = "exponential", mean = "10h" }
[service.shop]
up = "any(node.up & gate) and any(node.up & spare)"
"#;

#[test]
fn the_gate_matters_and_the_spares_do_not() {
    let file = folder("explain-reasons").join("series.toml");
    std::fs::write(&file, SERIES).expect("written");
    let text = succeeds(&["explain", file.to_str().expect("UTF-8"), "--format", "json"]);
    let found: Value = serde_json::from_str(&text).expect("JSON");
    let number = |value: &Value, name: &str| value[name].as_f64().expect("a number");
    let within = |estimate: &Value, value: f64| {
        assert!(
            number(estimate, "low") <= value && value <= number(estimate, "high"),
            "{estimate}"
        );
    };
    let importance = found["importance"].as_array().expect("a list");
    assert_eq!(importance[0]["component"], "gate");
    // Down while the gate is: 0.01 of 1 - 0.99 (1 - 0.01^2).
    within(
        &importance[0]["fussell_vesely"],
        0.01 / (1.0 - 0.99 * 0.9999),
    );
    within(&importance[0]["birnbaum"], 1.0 - 1e-4);
    let spare = importance
        .iter()
        .find(|one| one["component"] == "spare1")
        .expect("there");
    within(&spare["birnbaum"], 0.99 * 0.01);
    // The gate alone stops it, and so do both spares.
    let cuts = found["cut_sequences"].as_array().expect("a list");
    assert_eq!(cuts[0]["stages"], serde_json::json!([["gate"]]));
    within(&cuts[0]["share"], 0.01 / (1.0 - 0.99 * 0.9999));
    assert!(cuts.len() >= 2, "{cuts:?}");
    // Twice the repair of the gate is nearly twice the downtime, twice its life half of it.
    let of = |name: &str| {
        let times = found["sensitivity"].as_array().expect("a list");
        let one = times.iter().find(|one| one["parameter"] == name);
        one.unwrap_or_else(|| panic!("no {name} in {times:?}"))["elasticity"].clone()
    };
    assert!((number(&of("node.gate.repair"), "estimate") - 0.98).abs() < 0.06);
    assert!((number(&of("node.gate.failure"), "estimate") + 0.98).abs() < 0.06);
}

#[test]
fn options_are_tried_the_other_way() {
    let text = succeeds(&[
        "explain",
        "scenarios/galera-3/with-operator.toml",
        "--service",
        "write_anywhere",
        "--replications",
        "30",
        "--format",
        "json",
    ]);
    let found: Value = serde_json::from_str(&text).expect("JSON");
    let times = found["sensitivity"].as_array().expect("a list");
    let suspect = times
        .iter()
        .find(|one| one["parameter"] == "galera.evs.suspect_timeout");
    assert!(
        suspect.expect("it matters")["elasticity"]["low"]
            .as_f64()
            .expect("a number")
            > 0.0
    );
    let flips = found["flips"].as_array().expect("a list");
    // Without recovery of the primary component nobody comes back after a full outage.
    let recovery = flips
        .iter()
        .find(|one| one["parameter"] == "galera.pc.recovery");
    let recovery = recovery.unwrap_or_else(|| panic!("{flips:?}"));
    assert_eq!(recovery["to"], "false");
    assert!(
        recovery["minutes_per_year"]["low"]
            .as_f64()
            .expect("a number")
            > 0.0
    );
}

/// Down for an hour of repair, ten minutes of boot, then until a health check that comes every
/// two seconds has passed twice: what is waited for is known, but for where the checks are.
const CHECKED: &str = r#"
schema = 1
name = "checked"
[run]
replications = 20
horizon = "10y"
[[node]]
name = "lb"
[[node]]
name = "web"
failure = { dist = "exponential", mean = "1000h" }
repair = "1h"
boot = "10min"
[process.haproxy]
on = "lb"
[process.nginx]
on = "web"
start = "30s"
[protocol.haproxy]
kind = "haproxy"
on = "lb"
servers = "web"
check = { ok = "proc.nginx", hang = "proc.nginx.frozen" }
[service.site]
up = "any(haproxy.serving)"
"#;

#[test]
fn what_is_waited_for_is_told_through_health_checks() {
    let file = folder("explain-waits").join("checked.toml");
    std::fs::write(&file, CHECKED).expect("written");
    let file = file.to_str().expect("UTF-8");
    let text = succeeds(&["explain", file, "--format", "json"]);
    let found: Value = serde_json::from_str(&text).expect("JSON");
    let waited = found["waited_for"].as_array().expect("a list");
    let share = |kind: &str, timer: &str| {
        let one = waited
            .iter()
            .find(|one| one["kind"] == kind && one["timer"] == timer);
        let one = one.unwrap_or_else(|| panic!("no {timer} in {waited:?}"));
        one["share"]["estimate"].as_f64().expect("a number")
    };
    // An outage begins when the balancer has noticed, up to three checks after the loss.
    let all = 3600.0 + 600.0 + 30.0;
    let near = |share: f64, wanted: f64| assert!((share - wanted).abs() < 2e-3, "{waited:?}");
    near(share("node", "fate"), 3600.0 / all);
    near(share("node", "boot"), 600.0 / all);
    near(share("proc", "job"), 30.0 / all);
    let checks = share("haproxy", "check_by");
    assert!(checks > 1.0 / all && checks < 5.0 / all, "{waited:?}");
    let sum: f64 = waited
        .iter()
        .map(|one| one["share"]["estimate"].as_f64().expect("a number"))
        .sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    // And the same of one outage.
    let text = succeeds(&["explain", file, "--outage", "3", "--format", "json"]);
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let waits = told["outage"]["waited_for"].as_array().expect("a list");
    let kinds: Vec<&str> = waits
        .iter()
        .map(|wait| wait["kind"].as_str().expect("text"))
        .collect();
    assert_eq!(kinds, ["node", "node", "proc", "haproxy"]);
    let of = |wait: &Value| wait["lasted_s"].as_f64().expect("a number");
    let sum: f64 = waits.iter().map(of).sum();
    assert!((sum - of(&told["outage"])).abs() < 1e-6);
    assert!((of(&waits[1]) - 600.0).abs() < 1e-6 && (of(&waits[2]) - 30.0).abs() < 1e-6);
}

#[test]
fn words_and_counts_are_turned_too() {
    let file = "scenarios/pacemaker-drbd/as-printed.toml";
    let text = succeeds(&["explain", file, "--replications", "10", "--format", "json"]);
    let found: Value = serde_json::from_str(&text).expect("JSON");
    let flips = found["flips"].as_array().expect("a list");
    let turned = |parameter: &str| -> Vec<&str> {
        let of = flips.iter().filter(|one| one["parameter"] == parameter);
        of.map(|one| one["to"].as_str().expect("text")).collect()
    };
    // Half of two disks is no majority: without its peer a node is stopped.
    let mut quorum = turned("r0.quorum.votes");
    quorum.sort_unstable();
    assert_eq!(quorum, ["all", "majority"]);
    // And what fails once may not come back.
    assert_eq!(
        turned("pacemaker.resource.WebServer.migration_threshold"),
        ["1"]
    );
}
