//! `quorate plan`: the cheapest design that meets targets.

#[path = "support/program.rs"]
mod program;

use program::{folder, run, succeeds};
use serde_json::Value;

const GALERA: &str = "scenarios/galera-3/with-operator.toml";

fn plan(more: &[&str]) -> Value {
    let first = [
        "plan",
        GALERA,
        "--service",
        "write_anywhere",
        "--replications",
        "40",
    ];
    let text = succeeds(&[&first[..], &["--format", "json"], more].concat());
    serde_json::from_str(&text).expect("JSON")
}

fn cost(design: &Value) -> f64 {
    design["cost_per_year"].as_f64().expect("a number")
}

#[test]
fn the_cheapest_design_that_meets_the_target_is_found() {
    let found = plan(&["--target", "99.98%", "--nodes", "2..4"]);
    let designs = found["designs"].as_array().expect("a list");
    let best = &designs[found["best"].as_u64().expect("there is one") as usize];
    let high = best["unavailability"]["high"].as_f64().expect("a number");
    assert!(high <= 1.0 - 0.9998, "by the safe end: {best}");
    for other in designs.iter().filter(|design| design["meets"] == true) {
        assert!(cost(best) <= cost(other));
    }
    // Two servers alone do not: each needs the other one.
    let pair = designs
        .iter()
        .find(|d| d["nodes"] == 2 && d["changes"] == serde_json::json!([]));
    assert_eq!(pair.expect("tried")["why_not"], "availability");
}

#[test]
fn on_the_front_more_money_is_less_downtime() {
    let found = plan(&["--target", "99.9999999%", "--nodes", "2,3,4"]);
    assert!(found["best"].is_null(), "nothing reaches that");
    let front: Vec<(f64, f64)> = found["designs"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|design| design["pareto"] == true)
        .map(|design| {
            (
                cost(design),
                design["unavailability"]["estimate"].as_f64().expect("run"),
            )
        })
        .collect();
    assert!(front.len() >= 3, "{front:?}");
    for pair in front.windows(2) {
        assert!(pair[0].0 <= pair[1].0 && pair[0].1 > pair[1].1, "{pair:?}");
    }
}

#[test]
fn targets_on_failover_and_load_are_looked_at() {
    let found = plan(&[
        "--target",
        "99.9%",
        "--nodes",
        "3",
        "--failover",
        "4s",
        "--utilisation",
        "80%",
    ]);
    let plain = &found["designs"][0];
    assert_eq!(plain["changes"], serde_json::json!([]));
    assert_eq!(
        plain["why_not"], "failover",
        "Galera gives up a member after more than 6 s"
    );
    let out = folder("plan");
    let path = out.to_str().expect("a path in UTF-8");
    let load = "scenarios/full-copy/4-node-haproxy.toml";
    let text = succeeds(&[
        "plan",
        load,
        "--target",
        "90%",
        "--service",
        "portal",
        "--nodes",
        "3..4",
        "--utilisation",
        "60%",
        "--replications",
        "8",
        "--format",
        "json",
        "--out",
        path,
    ]);
    let found: Value = serde_json::from_str(&text).expect("JSON");
    let busy = |nodes: u64| {
        let designs = found["designs"].as_array().expect("a list");
        let plain = designs
            .iter()
            .find(|d| d["nodes"] == nodes && d["changes"] == serde_json::json!([]));
        plain.expect("tried")["utilisation"]
            .as_f64()
            .expect("a number")
    };
    // 160% of the memory of one server, on two and on three of them.
    assert!((busy(3) - 0.8).abs() < 1e-9 && (busy(4) - 1.6 / 3.0).abs() < 1e-9);
    assert!(out.join("plan.json").is_file());
}

#[test]
fn wrong_usage_says_what_to_do() {
    for (more, wanted) in [
        (["--nodes", "0..3"], "write numbers of nodes from 1 to 64"),
        (["--service", "writes"], "there is no service `writes`"),
        (["--engine", "solve"], "on the same random numbers"),
    ] {
        let ran = run(&[&["plan", GALERA, "--target", "99%"][..], &more].concat());
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
    }
}

#[test]
fn more_load_needs_more_nodes() {
    let planned = |load: &str| -> Vec<(u64, Value)> {
        let text = succeeds(&[
            "plan",
            "scenarios/full-copy/4-node.toml",
            "--service",
            "portal",
            "--target",
            "90",
            "--utilisation",
            "90%",
            "--lost",
            "0",
            "--nodes",
            "3,4",
            "--load",
            load,
            "--replications",
            "3",
            "--horizon",
            "30d",
            "--format",
            "json",
        ]);
        let found: Value = serde_json::from_str(&text).expect("JSON");
        let designs = found["designs"].as_array().expect("a list");
        let plain = designs
            .iter()
            .filter(|d| d["changes"] == serde_json::json!([]));
        plain
            .map(|d| {
                (
                    d["nodes"].as_u64().expect("a number"),
                    d["utilisation"].clone(),
                )
            })
            .collect()
    };
    let (half, whole) = (planned("50%"), planned("1"));
    assert_eq!(half.len(), 2, "{half:?}");
    for ((nodes, half), (_, whole)) in half.iter().zip(&whole) {
        let of = |value: &Value| value.as_f64().expect("a number");
        assert!(
            (of(half) / of(whole) - 0.5).abs() < 0.01,
            "{nodes}: {half} {whole}"
        );
    }
}
