//! `quorate slo`: months and years against their error budgets.

#[path = "support/program.rs"]
mod program;

use program::{folder, run, succeeds};
use serde_json::Value;

/// A server of 99%: fails every 990 h, is back after 10 h on average.
const ONE: [&str; 6] = [
    "scenarios/full-copy/textbook.toml",
    "--set",
    "nodes=1",
    "--replications",
    "400",
    "--service=portal",
];

fn slo(more: &[&str]) -> Value {
    let text = succeeds(&[&["slo", "--format", "json"], &ONE[..], more].concat());
    serde_json::from_str(&text).expect("JSON")
}

fn holds(estimate: &Value, value: f64) {
    let end = |name: &str| estimate[name].as_f64().expect("a number");
    assert!(
        end("low") <= value && value <= end("high"),
        "{value} in {estimate}"
    );
}

#[test]
fn a_month_without_a_failure_is_as_likely_as_it_must_be() {
    // With a budget of nearly nothing a month is broken unless the server is up at its
    // beginning (0.99) and does not fail in it (730.5 h at 1 in 990 h).
    let found = slo(&["--target", "99.9999999%"]);
    let month = &found["services"]["portal"]["month"];
    holds(
        &month["breach_probability"],
        1.0 - 0.99 * (-730.5f64 / 990.0).exp(),
    );
    holds(&month["budget_used"], 0.01 / 1e-9);
    // No outage begins in a year: the server is down at its beginning, and back within it,
    // or up, and in either case does not fail again; the first is hardly ever seen.
    let none = 0.99 * (-8766.0f64 / 990.0).exp();
    let outages = &found["services"]["portal"]["outages_in_year"];
    assert!(outages["none"]["high"].as_f64().expect("a number") >= none);
}

#[test]
fn a_wide_objective_is_not_broken_and_its_bound_is_told() {
    let found = slo(&["--target", "50%"]);
    let year = &found["services"]["portal"]["year"];
    assert_eq!(year["breach_probability"]["estimate"], 0.0);
    assert!(
        year["breach_probability"]["high"]
            .as_f64()
            .expect("a number")
            > 0.0
    );
}

#[test]
fn tables_and_files() {
    let out = folder("slo");
    let path = out.to_str().expect("a path in UTF-8");
    let table = succeeds(&[&["slo", "--target", "99.9%", "--out", path], &ONE[..]].concat());
    assert!(table.contains("portal") && table.contains("43.8 min") && table.contains("8.77 h"));
    assert!(
        table.lines().all(|line| line.chars().count() <= 100),
        "{table}"
    );
    assert!(out.join("slo.json").is_file());
    let wrong = run(&["slo", ONE[0], "--engine", "solve"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("months and years are simulated"));
}
