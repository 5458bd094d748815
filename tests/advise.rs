//! `quorate advise`: single changes on the same random numbers.

#[path = "support/program.rs"]
mod program;

use program::{folder, run, succeeds};
use serde_json::Value;

const FOUR: &str = "scenarios/full-copy/4-node.toml";

fn advise(arguments: &[&str]) -> Value {
    let text = succeeds(
        &[
            &["advise", "--format", "json", "--replications", "24"],
            arguments,
        ]
        .concat(),
    );
    serde_json::from_str(&text).expect("JSON")
}

fn change<'r>(report: &'r Value, id: &str) -> &'r Value {
    let changes = report["changes"].as_array().expect("a list");
    let found = changes.iter().find(|change| change["id"] == id);
    found.unwrap_or_else(|| panic!("no {id}"))
}

fn end(estimate: &Value, name: &str) -> f64 {
    estimate[name].as_f64().expect("a number")
}

#[test]
fn redis_without_replicas_costs_most_and_three_with_replicas_beat_four_without() {
    let report = advise(&[
        FOUR,
        "--change",
        "replicas,nopreempt,write-set-cache,suspect-sooner",
        "--designs",
        "scenarios/full-copy/3-node-with-replicas.toml",
    ]);
    assert_eq!(report["service"], "everything");
    let now = &report["baseline"]["everything"];
    assert_eq!(now["attribution"][0]["cause"], "redis.whole");
    assert!(end(&now["attribution"][0], "share") > 0.9);
    // The change that gives Redis replicas saves more than any other one.
    let single = ["nopreempt", "write-set-cache", "suspect-sooner"];
    let replicas = &change(&report, "replicas")["saved_minutes_per_year"];
    assert!(end(replicas, "low") > 0.0);
    for other in single {
        let saved = &change(&report, other)["saved_minutes_per_year"];
        assert!(end(replicas, "low") > end(saved, "high"), "{other}");
    }
    let three = &change(&report, "3-node-with-replicas")["saved_minutes_per_year"];
    assert!(end(three, "low") > 0.0, "{three}");
}

#[test]
fn what_does_not_fit_is_said_and_does_not_stop_the_rest() {
    let report = advise(&[
        "scenarios/pacemaker-drbd/as-printed.toml",
        "--service",
        "web",
    ]);
    let more = change(&report, "one-more-node");
    assert_eq!(more["applies"], false);
    assert!(more["because"].as_str().expect("text").contains("two_node"));
    let best = &report["changes"][0];
    assert_eq!(best["id"], "without-avoids");
    assert!(end(&best["saved_minutes_per_year"], "low") > 0.0);
    assert!(best["cost_per_minute"].as_f64().expect("a price") > 0.0);
}

#[test]
fn a_price_list_of_ones_own() {
    let prices = folder("advise-prices").join("cost.toml");
    let item = |name: &str, once: u32| {
        format!("[item.{name}]\ntext = \"x\"\nonce = {once}\nper_year = 0\nsource = \"mine\"\n")
    };
    let text = format!("currency = \"CHF\"\nyears = 2\n{}", item("day", 50));
    std::fs::write(&prices, &text).expect("written");
    let path = prices.to_str().expect("a path in UTF-8");
    let galera = "scenarios/galera-3/with-operator.toml";
    let only = ["--change", "suspect-sooner", "--cost", path];
    let report = advise(&[&[galera], &only[..]].concat());
    assert_eq!(report["currency"], "CHF");
    assert_eq!(change(&report, "suspect-sooner")["cost_per_year"], 12.5);
    let missing = run(&[
        "advise",
        galera,
        "--change",
        "one-more-node",
        "--cost",
        path,
    ]);
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.stderr.contains("no item `node`"),
        "{}",
        missing.stderr
    );
}

#[test]
fn tables_and_wrong_usage() {
    let galera = "scenarios/galera-3/with-operator.toml";
    let arguments = ["advise", galera, "--replications", "24"];
    let text = succeeds(&arguments);
    assert!(text.contains("Change first:"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    assert_eq!(text, succeeds(&arguments), "the same bytes");
    let unknown = run(&["advise", galera, "--change", "nonsense"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("there is no change `nonsense`"));
}
