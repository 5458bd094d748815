//! `quorate sweep` as its users see it: every row can be computed alone, and it does
//! not matter where, when and in how many parts a sweep was computed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const TEXTBOOK: &str = "tests/data/sweep.toml";
const GRID: [&str; 6] = [
    "--set",
    "node.server.repair=\"5h\",\"10h\",{dist=\"exponential\", mean=\"20h\"}",
    "--set",
    "run.horizon=2y",
    "--set",
    "nodes=1..3",
];

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn quorate(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A small sweep with further arguments; it must end well.
fn sweep(more: &[&str]) -> Output {
    let fixed = ["sweep", TEXTBOOK, "--replications", "40"];
    let output = quorate(&[&fixed, &GRID[..], more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    output
}

fn csv(more: &[&str]) -> String {
    text(&sweep(&[&["--format", "csv"], more].concat()).stdout)
}

fn code(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = quorate(arguments);
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| text(bytes));
    (output.status.code(), out, err)
}

/// An empty folder that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("quorate-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }

    fn file(&self) -> PathBuf {
        self.0.join("sweep.csv")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

#[test]
fn a_row_is_what_run_finds_alone() {
    let table = csv(&[]);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 9 * 3);
    // The eighth point, its last service.
    let row = &rows[7 * 3 + 2];
    let cell = |name: &str| &row[header.iter().position(|h| h == name).expect(name)];
    let repair = r#"{dist="exponential", mean="20h"}"#;
    assert_eq!((cell("node.server.repair"), cell("nodes")), (repair, "2"));
    let alone = quorate(&[
        "run",
        TEXTBOOK,
        "--format",
        "json",
        "--seed",
        cell("seed"),
        "--replications",
        cell("replications"),
        "--set",
        &format!("node.server.repair={repair}"),
        "--set",
        "run.horizon=2y",
        "--set",
        "nodes=2",
    ]);
    let alone: serde_json::Value = serde_json::from_slice(&alone.stdout).unwrap();
    assert_eq!(alone["fingerprint"], cell("fingerprint"));
    assert_eq!(cell("horizon_years"), "2");
    let service = &alone["services"][cell("service")];
    for (name, field) in [
        ("unavailability", "estimate"),
        ("unavailability_low", "low"),
        ("unavailability_high", "high"),
    ] {
        let number: f64 = cell(name).parse().unwrap();
        assert_eq!(service["unavailability"][field], number, "{name}");
    }
    assert_eq!(alone["events"].to_string(), cell("events"));
    assert_eq!(cell("failover_p50_s"), "", "nothing fails over here");
}

#[test]
fn shards_and_points_put_together_are_the_whole() {
    let whole = csv(&[]);
    let header = whole.lines().next().unwrap();
    let part = |more: &[&str]| -> Vec<String> {
        let text = csv(more);
        assert_eq!(text.lines().next(), Some(header));
        text.lines().skip(1).map(str::to_owned).collect()
    };
    let mut rows: Vec<String> = whole.lines().skip(1).map(str::to_owned).collect();
    rows.sort();
    let mut shards: Vec<String> = ["1/4", "2/4", "3/4", "4/4"]
        .iter()
        .flat_map(|shard| part(&["--shard", shard]))
        .collect();
    shards.sort();
    assert_eq!(shards, rows);
    let second: Vec<&str> = whole.lines().skip(1 + 3).take(3).collect();
    assert_eq!(part(&["--points", "2"]), second);
    assert_eq!(part(&["--points", "9, 1..2"]).len(), 9);
}

#[test]
fn files_of_shards_one_after_the_other_are_a_finished_sweep() {
    let (one, two, all) = (Folder::new("s1"), Folder::new("s2"), Folder::new("s12"));
    sweep(&["--shard", "2/2", "--out", one.path()]);
    sweep(&["--shard", "1/2", "--out", two.path()]);
    fs::write(all.file(), read(&one.file()) + &read(&two.file())).unwrap();
    let merged = sweep(&["--out", all.path()]);
    assert!(text(&merged.stderr).contains("9 of 9 points were there already"));
    assert_eq!(read(&all.file()), csv(&[]));
}

#[test]
fn what_is_there_is_kept_and_what_is_missing_is_computed() {
    let folder = Folder::new("resume");
    let table = text(&sweep(&["--out", folder.path()]).stdout);
    let whole = read(&folder.file());
    assert_eq!(whole, csv(&[]));
    // A point and a half are lost.
    let lines: Vec<&str> = whole.lines().collect();
    let rest = [&lines[..5], &lines[10..]].concat().join("\n") + "\n";
    // A mark shows that the other rows are not computed again.
    let marked = rest.replace(",textbook-99,", ",kept,");
    fs::write(folder.file(), marked).unwrap();
    let again = sweep(&["--out", folder.path()]);
    assert!(text(&again.stderr).contains("7 of 9 points were there already"));
    let now = read(&folder.file());
    assert_eq!(now.replace(",kept,", ",textbook-99,"), whole);
    assert_eq!(now.matches(",kept,").count(), 7 * 3);
    assert_eq!(text(&again.stdout), table, "kept rows look like new ones");
}

#[test]
fn rows_of_another_effort_are_not_taken_for_ours() {
    let folder = Folder::new("effort");
    sweep(&["--out", folder.path(), "--points", "1"]);
    let before = read(&folder.file());
    let other = sweep(&["--out", folder.path(), "--points", "1", "--seed", "2"]);
    assert!(text(&other.stderr).contains("sweep.previous.csv"));
    assert_eq!(read(&folder.0.join("sweep.previous.csv")), before);
    assert_ne!(read(&folder.file()), before);
}

#[test]
fn a_sweep_with_an_asked_precision_can_be_continued_too() {
    let folder = Folder::new("precision");
    let more = [
        "--rel-err",
        "30%",
        "--points",
        "1,4",
        "--out",
        folder.path(),
    ];
    sweep(&more);
    let before = read(&folder.file());
    let again = sweep(&more);
    assert!(text(&again.stderr).contains("2 of 2 points were there already"));
    assert_eq!(read(&folder.file()), before);
}

#[test]
fn a_file_of_another_sweep_is_left_alone() {
    let folder = Folder::new("other");
    fs::write(folder.file(), "a,b\n1,2\n").unwrap();
    let fixed = ["sweep", TEXTBOOK, "--out", folder.path()];
    let (code, _, error) = code(&[&fixed, &GRID[..]].concat());
    assert_eq!(code, Some(2));
    assert!(error.contains("it belongs to another sweep"), "{error}");
    assert_eq!(read(&folder.file()), "a,b\n1,2\n");
}

#[test]
fn threads_change_nothing() {
    let (one, two) = (Folder::new("t1"), Folder::new("t2"));
    let more = |threads, folder| ["--threads", threads, "--out", folder, "--format", "json"];
    let a = sweep(&more("1", one.path()));
    let b = sweep(&more("2", two.path()));
    assert_eq!(a.stdout, b.stdout);
    let names = ["portal", "login", "database_write"];
    let figures = names
        .iter()
        .flat_map(|service| ["svg", "png"].map(|kind| format!("sweep-{service}.{kind}")));
    for name in figures.chain(["sweep.csv".to_owned()]) {
        let bytes = |folder: &Folder| fs::read(folder.0.join(&name)).expect("a figure");
        assert_eq!(bytes(&one), bytes(&two), "{name}");
    }
    let result: serde_json::Value = serde_json::from_slice(&a.stdout).unwrap();
    let points = result["points"].as_array().unwrap();
    assert_eq!((result["schema"].as_u64(), points.len()), (Some(1), 9));
    assert_eq!(points[4]["set"]["nodes"], "2");
    assert!(points[4]["run"]["services"]["portal"]["attribution"].is_array());
    // Taken from the file, a point has what its row has.
    let kept = sweep(&more("2", one.path()));
    let kept: serde_json::Value = serde_json::from_slice(&kept.stdout).unwrap();
    let of = |value: &serde_json::Value| {
        value["points"][4]["run"]["services"]["portal"]["unavailability"].clone()
    };
    assert_eq!(of(&kept), of(&result));
    assert_eq!(kept["points"][4]["run"]["kept"], true);
}

#[test]
fn a_bad_point_is_named_before_anything_is_run() {
    let folder = Folder::new("bad");
    let (code, out, error) = code(&[
        "sweep",
        "scenarios/full-copy/4-node.toml",
        "--set",
        "keepalived.priority=[100, 99, 98, 97]",
        "--set",
        "nodes=4..5",
        "--replications",
        "1000000",
        "--out",
        folder.path(),
    ]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(error.contains("point 2 of 2 (nodes=5)"), "{error}");
    assert!(!folder.file().exists());
}

#[test]
fn what_makes_no_sense_is_said() {
    let cases: [(&[&str], &str); 7] = [
        (&["--set", "nodes=3"], "nothing is swept"),
        (&[], "nothing is swept"),
        (&["--set", "nodes=1..100001"], "more than 100000 values"),
        (
            &["--set", "nodes=1,2", "--points", "3"],
            "numbers from 1 to 2",
        ),
        (&["--set", "nodes=1,2", "--shard", "3/2"], "K from 1 to N"),
        (&["--set", "nodes=1,2", "--shard", "0/2"], "K from 1 to N"),
        (&["--set", "nodes=1,2,1"], "the value 1 twice"),
    ];
    for (more, expected) in cases {
        let (code, out, error) = code(&[&["sweep", TEXTBOOK], more].concat());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{more:?}");
        assert!(error.contains(expected), "{more:?}: {error}");
    }
}

#[test]
fn the_table_fits_and_three_paths_are_not_drawn() {
    let folder = Folder::new("three");
    let output = quorate(&[
        "sweep",
        TEXTBOOK,
        "--replications",
        "16",
        "--set",
        "node.server.failure={dist=\"exponential\", mean=\"500h\"},\"990h\"",
        "--set",
        "node.server.repair={dist=\"exponential\", mean=\"5h\"},\"10h\"",
        "--set",
        "profile=textbook-99,small-server-room",
        "--set",
        "run.horizon=1y",
        "--out",
        folder.path(),
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for line in table.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(text(&output.stderr).contains("no figure"));
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
    // A path that has the name of a column in front does not hide it.
    let header = read(&folder.file());
    assert!(header.starts_with("scenario,profile,node.server.failure,"));
    assert!(header.contains(",set.profile,version,"));
}

/// Ctrl-C keeps all finished points, on stdout and in the file.
#[cfg(unix)]
#[test]
fn an_interruption_keeps_what_is_finished() {
    let folder = Folder::new("interrupt");
    let mut arguments = vec!["sweep", TEXTBOOK, "--set", "nodes=3", "--format", "csv"];
    arguments.extend(["--set", "run.seed=1..10000", "--out", folder.path()]);
    arguments.extend(["--replications", "500", "--threads", "1"]);
    let child = command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let begin = Instant::now();
    while !folder.file().exists() && begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.expect("kill").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let kept = read(&folder.file());
    assert_eq!(text(&output.stdout), kept);
    let rows = kept.lines().count() - 1;
    assert!(
        rows >= 3 && rows.is_multiple_of(3) && rows < 30_000,
        "{rows}"
    );
}
