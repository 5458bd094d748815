//! `quorate claims`: every claim of the documents is bound or says why it cannot be, the
//! verdicts agree with what was worked out by hand, and counter-examples can be replayed.

#[path = "support/program.rs"]
mod program;

use program::{folder, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Claims of the documents, with the verdicts that were worked out by hand.
const CLAIMS: &str = include_str!("data/claims.json");

/// Verdicts that no model can give, although a person can.
const NOT_OF_A_MODEL: [(&str, &str); 2] = [
    ("0-05", "counts lines of configuration files"),
    ("0-35", "asks a program whether it accepts a file"),
];

/// Few replications: verdicts, not digits.
fn check(place: &str, more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["claims", place, "--format", "json", "--plays", "16"];
    arguments.extend(more);
    let output = run(&arguments);
    let report = serde_json::from_str(&output.stdout);
    let code = output.code.expect("ended by itself");
    (
        code,
        report.unwrap_or_else(|_| panic!("no JSON: {}", output.stderr)),
    )
}

fn by_id(report: &Value) -> BTreeMap<String, Value> {
    let claims = report["claims"].as_array().expect("a list");
    let id = |claim: &Value| claim["id"].as_str().expect("text").to_owned();
    claims
        .iter()
        .map(|claim| (id(claim), claim.clone()))
        .collect()
}

/// What a verdict by hand is called here.
fn verdict_of(expected: &str) -> &'static str {
    match expected.split(' ').next().expect("a word") {
        "TRUE" => "supported",
        "FALSE" | "LOOSE" | "INCONSISTENT" | "UNDERSTATED" => "refuted",
        "CONDITIONAL" | "PARTLY" => "depends",
        "UNTESTABLE" => "unbound",
        other => panic!("what is {other}?"),
    }
}

#[test]
fn every_claim_of_the_documents_is_bound_and_judged_as_by_hand() {
    let (code, report) = check("scenarios", &["--replications", "60"]);
    assert_eq!(code, 1, "some are refuted");
    let found = by_id(&report);
    let all: Value = serde_json::from_str(CLAIMS).expect("JSON");
    let all = all["claims"].as_array().expect("a list");
    assert_eq!(all.len(), 148);
    assert_eq!(found.len(), all.len());
    let mut wrong = Vec::new();
    for claim in all {
        let id = claim["id"].as_str().expect("text");
        let judged = &found[id];
        assert_eq!(judged["text"], claim["claim"], "{id}");
        assert!(
            !judged["because"].as_str().expect("text").is_empty(),
            "{id}"
        );
        let Some(expected) = claim["expected"].as_str() else {
            continue;
        };
        let wanted = verdict_of(expected);
        if judged["verdict"] != wanted && !NOT_OF_A_MODEL.iter().any(|(known, _)| *known == id) {
            wrong.push(format!("{id}: {} instead of {wanted}", judged["verdict"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let undecided = found
        .values()
        .filter(|claim| claim["verdict"] == "undecided");
    assert!(undecided.count() <= 2, "most claims can be decided");
}

#[test]
fn every_refuted_claim_has_a_counterexample_that_replay_reproduces() {
    let folder = folder("claims-replay");
    let out = folder.to_str().expect("a path in UTF-8");
    let place = "scenarios/galera-3";
    let (_, report) = check(place, &["--replications", "20", "--out", out]);
    let mut played = 0;
    for (id, claim) in by_id(&report) {
        let example = &claim["counterexample"];
        if claim["verdict"] == "refuted" {
            assert!(example.is_object(), "{id} has none");
        }
        if example.is_null() {
            continue;
        }
        let script = folder.join(format!("counterexample-{id}.toml"));
        assert!(script.is_file(), "{id}");
        let command = example["command"].as_str().expect("text");
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let text = run(&[&arguments[..], &["--format", "json"]].concat());
        let replay: Value = serde_json::from_str(&text.stdout).expect("JSON");
        let wanted = example["replication"].as_u64().expect("a number");
        let shown = match &replay["replications"] {
            Value::Array(all) => &all[wanted as usize],
            _ => &replay,
        };
        let lines = shown["timeline"].as_array().expect("a list");
        for line in example["timeline"].as_array().expect("a list") {
            assert!(lines.contains(line), "{id}: {line} is not played");
        }
        played += 1;
    }
    assert!(played >= 3, "only {played} were played");
}

#[test]
fn the_claims_of_one_document_have_the_same_bytes_again() {
    let once = || {
        run(&[
            "claims",
            "scenarios/mold",
            "--format",
            "json",
            "--plays",
            "8",
        ])
        .stdout
    };
    assert_eq!(once(), once());
}

/// A book of claims beside a copy of a small scenario.
fn book(name: &str, claims: &str) -> String {
    let folder = folder(name);
    let scenario = Path::new("scenarios/full-copy/textbook.toml");
    std::fs::copy(scenario, folder.join("textbook.toml")).expect("copied");
    let text = format!("[design]\nfour = \"textbook.toml\"\n{claims}");
    let path = folder.join("claims.toml");
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("a path in UTF-8").to_owned()
}

fn one(id: &str, holds: &str) -> String {
    format!("[[claim]]\nid = \"{id}\"\ntext = \"it is said\"\nholds = \"{holds}\"\n")
}

#[test]
fn what_holds_and_what_does_not_is_told_apart() {
    let claims = [
        one("nines", "availability(portal) == 99.999999%"),
        one("more", "availability(portal) >= 99.9999991%"),
        one("three", "survives(portal, any 3 at once)"),
        one("four", "survives(portal, any 4 at once)"),
        one(
            "both",
            "survives(portal, any 3) and not survives(portal, any 4)",
        ),
        one("mean", "mean(servers_up) == 3.96 +- 0.0001"),
    ];
    let (code, report) = check(&book("claims-told", &claims.concat()), &[]);
    let found = by_id(&report);
    let verdict = |id: &str| found[id]["verdict"].as_str().expect("text").to_owned();
    assert_eq!(code, 1);
    assert_eq!(verdict("nines"), "supported");
    assert_eq!(verdict("more"), "refuted");
    assert_eq!(verdict("three"), "supported");
    assert_eq!(verdict("four"), "refuted");
    assert_eq!(verdict("both"), "supported");
    assert_eq!(verdict("mean"), "supported");
    assert!(
        found["more"]["counterexample"]["script"]
            .as_str()
            .expect("text")
            .contains("server4")
    );
}

#[test]
fn an_interval_that_leaves_it_open_says_what_would_decide() {
    // 20 replications see no outage: the bound is no better than a few hours.
    let claims = "slow = { scenario = \"textbook.toml\", set = [\"node.server.repair=10h\"] }\n"
        .to_owned()
        + &one("open", "unavailability(portal) in slow <= 0.0000001");
    let (code, report) = check(&book("claims-open", &claims), &["--replications", "20"]);
    let claim = &report["claims"][0];
    assert_eq!(code, 0);
    assert_eq!(claim["verdict"], "undecided");
    assert!(
        claim["decided_by"]
            .as_str()
            .expect("text")
            .contains("replications")
    );
}

#[test]
fn a_file_of_claims_is_known_when_it_is_taken_for_a_scenario() {
    let output = run(&["check", "scenarios/galera-3/claims.toml"]);
    assert_eq!(output.code, Some(2));
    assert!(
        output
            .stderr
            .contains("quorate claims scenarios/galera-3/claims.toml")
    );
}

#[test]
fn errors_point_into_the_claim() {
    for (name, holds, wanted) in [
        (
            "service",
            "availability(porta) > 1%",
            "did you mean `portal`?",
        ),
        ("node", "survives(portal, {server9})", "no node `server9`"),
        (
            "script",
            "at_end('nothing', 'any(node.up)')",
            "no fault script `nothing`",
        ),
        (
            "design",
            "availability(portal) in five > 1%",
            "there is no design `five`",
        ),
        ("tally", "mean(server_up) > 1", "did you mean `servers_up`?"),
        (
            "word",
            "availabilty(portal) > 1%",
            "did you mean `availability`?",
        ),
        (
            "unit",
            "availability(portal) > 1 s",
            "a time is compared with a plain number",
        ),
    ] {
        let place = book(&format!("claims-{name}"), &one("c", holds));
        let output = run(&["claims", &place]);
        let text = output.stderr;
        assert_eq!(output.code, Some(2), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(wanted), "{name}: {text}");
        assert!(words.contains("claims.toml:6:"), "{name}: {text}");
    }
}
