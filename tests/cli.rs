//! The contract of the command line: exit codes, names in JSON, what is on
//! stdout and what on stderr, which files are written.

#[path = "support/program.rs"]
mod program;

use program::{folder, quorate, run, succeeds};
use serde_json::Value;
use std::path::{Path, PathBuf};

const TEXTBOOK: &str = "scenarios/full-copy/textbook.toml";
const TWO: &str = "scenarios/full-copy/2-node.toml";
const THREE: &str = "scenarios/full-copy/3-node.toml";
const SHORT: [&str; 4] = ["--replications", "20", "--horizon", "1y"];

fn with(first: &[&str], more: &[&str]) -> String {
    let mut arguments = first.to_vec();
    arguments.extend(SHORT);
    arguments.extend(more);
    succeeds(&arguments)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[track_caller]
fn has(value: &Value, names: &[&str]) {
    let known = keys(value);
    for name in names {
        assert!(known.contains(name), "no `{name}` among {known:?}");
    }
}

fn fault_script(name: &str) -> PathBuf {
    let path = folder(name).join("faults.toml");
    let text = "name = \"a crash\"\n[[fault]]\nat = [\"60s\", \"61s\"]\ndo = \"crash\"\nnodes = [\"server1\"]\n";
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn success_is_zero() {
    let text = succeeds(&["check", TWO, THREE]);
    assert_eq!(text.lines().count(), 2);
    succeeds(&["--help"]);
    assert!(succeeds(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn bad_usage_is_two() {
    for arguments in [
        &[][..],
        &["fly"],
        &["run"],
        &["run", TWO, "--unknown"],
        &["run", TWO, "--replications", "0"],
        &["run", TWO, "--replications", "10", "--years", "10"],
        &["run", TWO, "--years", "-1"],
        &["run", TWO, "--horizon", "0s"],
        &["run", TWO, "--horizon", "10"],
        &["run", TWO, "--rel-err", "0"],
        &["run", TWO, "--rel-err", "200%"],
        &["run", TWO, "--max-replications", "10"],
        &["run", TWO, "--threads", "0"],
        &["run", TWO, "--format", "xml"],
        &["run", TWO, "--set", "nodes"],
        &["run", TWO, "--set", "no.such.thing=1"],
        &["run", TWO, "--profile", "no-such-profile"],
        &["run", "no-such-file.toml"],
        &["compare"],
        &["check", "tests/data/broken/26-unknown-signal.toml"],
        &["replay", TWO, "no-such-file.toml"],
        &["replay", TWO],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.trim().is_empty(), "{arguments:?} says nothing");
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn a_scenario_error_points_at_its_place() {
    let ran = run(&["check", "tests/data/broken/26-unknown-signal.toml"]);
    assert!(
        ran.stderr.contains("26-unknown-signal.toml:"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("did you mean"), "{}", ran.stderr);
}

#[test]
fn missed_precision_is_three_and_the_result_is_there() {
    // The second has only a tally: its precision counts as well.
    for path in [
        "scenarios/textbook/two-of-three.toml",
        "scenarios/benchmarks/w1.toml",
    ] {
        let ran = run(&[
            "run",
            path,
            "--horizon",
            "1y",
            "--replications",
            "10",
            "--rel-err",
            "0.01%",
            "--max-replications",
            "40",
            "--format",
            "json",
        ]);
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        assert!(ran.stderr.contains("precision"), "{}", ran.stderr);
        assert_eq!(json(&ran.stdout)["replications"], 40);
    }
    let ran = run(&[
        "run",
        "scenarios/textbook/four-of-four.toml",
        "--set",
        "service.partial_coverage.up=all(node.up)",
        "--replications",
        "10",
        "--rel-err",
        "20%",
        "--format",
        "json",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Does the process catch SIGINT by now?
#[cfg(target_os = "linux")]
fn catches_interrupt(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 0b10 != 0)
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_keeps_what_is_done() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};
    for format in ["json", "human"] {
        let out = folder(&format!("interrupted-{format}"));
        let child = quorate(&[
            "run",
            THREE,
            "--replications",
            "5000000",
            "--horizon",
            "1y",
            "--format",
            format,
            "--out",
        ])
        .arg(&out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
        let begun = Instant::now();
        while !catches_interrupt(child.id()) && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(500));
        let sent = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
        let ran = program::Ran::from(child.wait_with_output().expect("ends"));
        assert_eq!(ran.code, Some(130), "{}", ran.stderr);
        assert!(ran.stdout.contains("interrupted"), "{}", ran.stdout);
        assert!(ran.stdout.contains("portal"), "{}", ran.stdout);
        let saved = std::fs::read_to_string(out.join("run.json")).expect("partial result");
        assert_eq!(json(&saved)["interrupted"], true);
        assert!(json(&saved)["replications"].as_u64().expect("number") >= 1);
        if format == "json" {
            assert_eq!(saved, ran.stdout);
        }
    }
}

#[test]
fn json_of_run_has_the_published_names() {
    let found = json(&with(&["run", THREE], &["--format", "json"]));
    has(
        &found,
        &[
            "schema",
            "scenario",
            "engine",
            "seed",
            "replications",
            "simulated_years",
            "events",
            "services",
        ],
    );
    assert_eq!(found["schema"], 1);
    assert_eq!(found["engine"], "simulate");
    assert_eq!(found["replications"], 20);
    assert_eq!(found["simulated_years"], 20.0);
    assert_eq!(found["interrupted"], false);
    assert_eq!(
        keys(&found["services"]),
        [
            "portal",
            "login",
            "database_write",
            "sessions",
            "files",
            "submit_job",
            "query_jobs",
            "everything"
        ]
    );
    let service = &found["services"]["portal"];
    let estimates = [
        "availability",
        "unavailability",
        "request_availability",
        "downtime_s_per_year",
        "outages_per_year",
    ];
    has(service, &estimates);
    has(service, &["outage_s", "failover_s", "attribution", "load"]);
    for name in estimates {
        assert_eq!(
            keys(&service[name]),
            ["estimate", "low", "high", "confidence"],
            "{name}"
        );
    }
    for name in ["outage_s", "failover_s"] {
        has(
            &service[name],
            &["p50", "p95", "p99", "max", "mean", "count"],
        );
    }
    assert_eq!(keys(&service["attribution"][0]), ["cause", "share"]);
}

#[test]
fn nothing_seen_is_a_bound_and_not_a_certainty() {
    let found = json(&with(&["run", TEXTBOOK], &["--format", "json"]));
    let service = &found["services"]["portal"];
    assert_eq!(service["unavailability"]["estimate"], 0.0);
    assert!(service["unavailability"]["high"].as_f64().expect("bound") > 0.0);
    assert!(service["outage_s"].is_null() && service["failover_s"].is_null());
    assert!(!with(&["run", TEXTBOOK], &[]).contains(" 100%"));
}

#[test]
fn a_second_decides_nothing() {
    let text = succeeds(&["run", TWO, "--replications", "1", "--horizon", "1s"]);
    assert!(text.contains("> 0.0") && !text.contains("-0.0"), "{text}");
    assert!(text.contains("undecided"), "{text}");
    assert!(!text.contains("about that"), "{text}");
}

#[test]
fn json_of_compare_has_the_published_names() {
    let found = json(&with(&["compare", TWO, THREE], &["--format", "json"]));
    assert_eq!(keys(&found), ["schema", "designs", "differences"]);
    assert_eq!(found["schema"], 1);
    assert_eq!(found["designs"].as_array().map(Vec::len), Some(2));
    has(&found["designs"][1], &["schema", "scenario", "services"]);
    let difference = &found["differences"][0];
    assert_eq!(keys(difference), ["a", "b", "service", "unavailability"]);
    assert_eq!(
        (&difference["a"], &difference["b"]),
        (&"2-node".into(), &"3-node".into())
    );
    has(
        &difference["unavailability"],
        &["estimate", "low", "high", "confidence"],
    );
    // The first design alone gives the same numbers.
    let alone = json(&with(&["run", TWO], &["--format", "json"]));
    assert_eq!(found["designs"][0], alone);
}

#[test]
fn json_of_replay_has_the_published_names() {
    let faults = fault_script("replay-json");
    let faults = faults.to_str().expect("path");
    let found = json(&succeeds(&["replay", THREE, faults, "--format", "json"]));
    has(&found, &["schema", "timeline", "services", "signals"]);
    assert_eq!(found["schema"], 1);
    has(&found["timeline"][0], &["t_s", "what"]);
    has(&found["services"]["portal"][0], &["t_s", "state"]);
    assert_eq!(keys(&found["signals"]["vip"][0]), ["t_s", "nodes"]);
    assert_eq!(found["signals"]["vip"][0]["nodes"][0], "server1");
    let many = json(&succeeds(&[
        "replay",
        THREE,
        faults,
        "--format",
        "json",
        "--replications",
        "3",
    ]));
    assert_eq!(keys(&many), ["schema", "replications"]);
    assert_eq!(many["replications"].as_array().map(Vec::len), Some(3));
    assert_eq!(many["replications"][0], found);
}

#[test]
fn csv_has_the_published_columns() {
    let faults = fault_script("replay-csv");
    let faults = faults.to_str().expect("path");
    let text = succeeds(&[
        "replay",
        THREE,
        faults,
        "--format",
        "csv",
        "--replications",
        "2",
    ]);
    assert_eq!(text.lines().next(), Some("replication,t_s,kind,name,value"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for row in reader.records() {
        let row = row.expect("row");
        assert!(
            ["0", "1"].contains(&&row[0]) && row[1].parse::<f64>().is_ok(),
            "{row:?}"
        );
        assert!(["fault", "signal", "service"].contains(&&row[2]), "{row:?}");
    }
    let text = with(&["compare", TWO, THREE], &["--format", "csv"]);
    // Twenty replications of eight services in each of two designs.
    assert_eq!(text.lines().count(), 1 + 20 * 8 * 2);
    assert!(
        text.starts_with("scenario,fingerprint,engine,seed,horizon_years,replication,service,")
    );
}

#[test]
fn markdown_is_a_table() {
    for first in [&["run", TWO][..], &["compare", TWO, THREE]] {
        let text = with(first, &["--format", "md"]);
        let columns = |line: &str| line.matches('|').count();
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert!(lines.len() >= 5, "{text}");
        assert!(
            lines.iter().all(|line| columns(line) == columns(lines[0])),
            "{text}"
        );
        assert!(lines[1].starts_with("| ---"), "{text}");
    }
}

#[test]
fn no_colour_codes_and_no_bar_where_nobody_looks() {
    for color in [None, Some("1")] {
        for arguments in [
            &["run", TWO, "--replications", "20", "--horizon", "1y"][..],
            &["check", "tests/data/broken/26-unknown-signal.toml"],
            &["--help"],
            &["run", "--unknown"],
        ] {
            let mut command = quorate(arguments);
            if let Some(value) = color {
                command.env("NO_COLOR", value);
            }
            let ran = program::Ran::from(command.output().expect("starts"));
            assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'));
            assert!(!ran.stderr.contains("replications,"), "{}", ran.stderr);
        }
    }
}

#[test]
fn tables_fit_100_columns() {
    let faults = fault_script("replay-human");
    let faults = faults.to_str().expect("path");
    for text in [
        with(
            &["run", "scenarios/full-copy/4-node-haproxy-pair.toml"],
            &[],
        ),
        with(
            &["compare", TWO, THREE, "scenarios/full-copy/4-node.toml"],
            &[],
        ),
        succeeds(&["replay", THREE, faults]),
    ] {
        for line in text.lines().filter(|line| !line.contains(". ")) {
            // Sentences may be long: a terminal wraps them.
            let wide = line.chars().count() > 100 && line.contains("  ");
            assert!(!wide, "{line}");
        }
    }
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("name")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn out_writes_whole_files_and_leaves_nothing_behind() {
    for (first, summary) in [
        (&["run", THREE][..], "run.json"),
        (&["compare", TWO, THREE], "compare.json"),
    ] {
        let out = folder(&format!("out-{}", first[0])).join("deeper");
        let path = out.to_str().expect("path");
        let text = with(first, &["--format", "json", "--out", path]);
        // A second run takes the place of the first.
        assert_eq!(with(first, &["--format", "json", "--out", path]), text);
        let names = files_in(&out);
        let mut expected = vec![summary.to_owned(), "replications.csv".to_owned()];
        for figure in [
            "availability",
            "attribution",
            "failover",
            "outage-length",
            "yearly-downtime",
        ] {
            expected.push(format!("{figure}.png"));
            expected.push(format!("{figure}.svg"));
        }
        expected.sort();
        assert_eq!(names, expected);
        assert_eq!(
            std::fs::read_to_string(out.join(summary)).expect("text"),
            text
        );
        for name in names {
            let bytes = std::fs::read(out.join(&name)).expect("file");
            assert!(bytes.len() > 500, "{name} has {} bytes", bytes.len());
            if name.ends_with(".png") {
                assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{name}");
                assert_eq!(&bytes[bytes.len() - 8..bytes.len() - 4], b"IEND", "{name}");
            }
            if name.ends_with(".svg") {
                assert!(bytes.trim_ascii_end().ends_with(b"</svg>"), "{name}");
            }
        }
    }
}

#[test]
fn out_that_cannot_be_a_folder_is_an_error() {
    let file = folder("out-file").join("taken");
    std::fs::write(&file, "a file").expect("written");
    let path = file.to_str().expect("path");
    let ran = run(&[
        "run",
        TWO,
        "--replications",
        "2",
        "--horizon",
        "1y",
        "--out",
        path,
    ]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("taken"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(&file).expect("text"), "a file");
}

#[test]
fn check_lists_signals_and_parameters() {
    let text = succeeds(&["check", TWO, "--signals", "--parameters"]);
    assert!(
        text.contains("signal galera.primary: server1 server2"),
        "{text}"
    );
    assert!(text.contains("keepalived.advert_int = \"1s\""), "{text}");
}

#[test]
fn help_texts() {
    for command in [
        "", "run", "compare", "sweep", "load", "verify", "explore", "replay", "check",
    ] {
        let arguments = [command, "--help"];
        let text = succeeds(&arguments[usize::from(command.is_empty())..]);
        let name = if command.is_empty() {
            "quorate"
        } else {
            command
        };
        insta::assert_snapshot!(format!("help-{name}"), text);
    }
}
