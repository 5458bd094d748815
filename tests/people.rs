//! People: working hours, monthly checks, errors during repair; and scenarios that
//! extend another.

mod support;

use quorate::protocol::CATALOGUE;
use quorate::runner::{self, Effort, RunOutcome, Watcher};
use quorate::scenario::{Files, NoFiles, read};
use std::sync::atomic::AtomicBool;
use support::Lab;

struct Alone(AtomicBool);

impl Watcher for Alone {
    fn progress(&self, _done: u64, _of: u64) {}
    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

fn run(text: &str, files: &dyn Files) -> RunOutcome {
    let around = read::Surroundings {
        files,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    let scenario = read::scenario("people.toml", text, &around)
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
    let run = &scenario.run;
    let effort = Effort {
        replications: run.replications,
        relative_error: None,
        limit: run.replications,
        horizon: run.horizon,
        warm_up: run.warm_up,
        seed: 1,
        confidence: 0.9999,
        max_events: run.max_events,
    };
    runner::run(&scenario, &NoFiles, &effort, &Alone(AtomicBool::new(false))).expect("runs")
}

/// Hours of downtime in a run of one replication.
fn hours_down(text: &str) -> f64 {
    let outcome = run(text, &NoFiles);
    let service = &outcome.services[0].1;
    service.unavailability.estimate * outcome.horizon_years * 8766.0
}

/// A node that fails after so many hours, seen for so many hours: too few for a second
/// failure.
fn one_failure((fails, seen): (u32, u32), repair: &str, hours: &str) -> String {
    format!(
        "schema = 1\nname = \"hours\"\n[run]\nhorizon = \"{seen}h\"\nreplications = 1\n\
         [[node]]\nname = \"server\"\nfailure = \"{fails}h\"\nrepair = \"{repair}\"\n\
         repair_hours = \"{hours}\"\n[service.work]\nup = \"any(node.up)\"\n"
    )
}

#[test]
fn repairs_stand_still_out_of_hours() {
    let close = |found: f64, expected: f64| {
        assert!(
            (found - expected).abs() < 1e-6,
            "{found} h, not {expected} h"
        );
    };
    let week = "Mon-Fri 09-18";
    // Thursday 08:00: somebody comes at nine.
    close(hours_down(&one_failure((80, 150), "2h", week)), 3.0);
    // Thursday 10:00: somebody is there.
    close(hours_down(&one_failure((82, 150), "2h", week)), 2.0);
    // Friday 17:00, two hours of work: one on Friday, one on Monday, at 169 h + 9 h.
    close(hours_down(&one_failure((113, 200), "2h", week)), 65.0);
    // Three working days.
    close(hours_down(&one_failure((9, 65), "20h", week)), 50.0);
    // At any time.
    close(
        hours_down(&one_failure((113, 200), "2h", "Mon-Sun 00-24")),
        2.0,
    );
}

#[test]
fn a_crew_keeps_its_queue_over_the_night() {
    let text = one_failure((80, 150), "2h", "Mon-Fri 09-18")
        .replace(
            "[[node]]\n",
            "[[crew]]\nname = \"c\"\n[[node]]\ncount = 2\ncrew = \"c\"\n",
        )
        .replace("any(node.up)", "all(node.up)");
    // One after the other: 09:00 to 11:00 to 13:00.
    assert!((hours_down(&text) - 5.0).abs() < 1e-6);
}

const CHECKED: &str = r#"
schema = 1
name = "check"
[run]
horizon = "20y"
replications = 60
[[node]]
name = "server"
[process.nginx]
failure = { dist = "exponential", mean = "10000h" }
[operator.monthly_check]
when = "not all(proc.nginx)"
looks = "720h"
acts = "1h"
process = "nginx"
action = "start"
[service.pages]
up = "any(proc.nginx)"
"#;

#[test]
fn a_monthly_check_finds_what_nobody_notices() {
    let found = run(CHECKED, &NoFiles).services[0].1.unavailability;
    // A life of 10,000 h; then to the next of looks T apart, and an hour. A new life
    // begins an hour after a look, so the rest to a look is T - 1 h at first. By the
    // memoryless life, the mean wait until it is seen:
    let (life, every, acts) = (10_000.0_f64, 720.0, 1.0);
    let to_first = every - acts;
    let decay = (-every / life).exp();
    // Mean time from renewal to the look that finds it dead.
    let first = (-to_first / life).exp();
    let looks = to_first + every * first / (1.0 - decay);
    let exact = 1.0 - life / (looks + acts);
    assert!(
        found.low <= exact && exact <= found.high,
        "{exact} is not in {} .. {}",
        found.low,
        found.high
    );
}

#[test]
fn nobody_looks_under_a_script() {
    let lab = Lab::new(CHECKED);
    let script = "until = \"100d\"\n[[fault]]\nat = \"1h\"\ndo = \"kill\"\nprocess = \"nginx\"\nnodes = [\"server\"]\n";
    let t = &lab.replay(script, 1)[0];
    assert_eq!(t.service("pages", 99.0 * 86_400.0), "down");
}

fn erring(error: &str, count: usize, up: &str) -> RunOutcome {
    let text = format!(
        "schema = 1\nname = \"errors\"\n[run]\nhorizon = \"20y\"\nwarm_up = \"1y\"\nreplications = 100\n\
         [[node]]\nname = \"server\"\ncount = {count}\n\
         failure = {{ dist = \"exponential\", mean = \"100h\" }}\n\
         repair = {{ dist = \"exponential\", mean = \"10h\" }}\n{error}\n\
         [service.work]\nup = \"{up}\"\n"
    );
    run(&text, &NoFiles)
}

#[test]
fn a_botched_repair_is_repeated() {
    let error = "[human_error.botched]\nprobability = 0.2\nhits = \"same\"";
    let found = erring(error, 1, "any(node.up)").services[0]
        .1
        .unavailability;
    // A geometric number of repairs: 10 h / 0.8.
    let exact = 12.5 / 112.5;
    assert!(found.low <= exact && exact <= found.high, "{exact}");
}

#[test]
fn the_wrong_plug_takes_the_other_server_as_often_as_it_should() {
    // A failure of one of two is followed at once by the other going down for some
    // minutes, whenever it is up; besides that both are down by chance.
    let error = "[human_error.wrong_plug]\nprobability = 1\nhits = \"other\"\nlasts = \"6min\"";
    let outages = erring(error, 2, "any(node.up)").services[0]
        .1
        .outages_per_year;
    // Every failure that finds the other up: 2 x 8766 / 110 x (the other is up).
    let plain = erring("", 2, "any(node.up)").services[0].1.outages_per_year;
    let failures = 2.0 * 8766.0 / 110.0;
    assert!(plain.high < 0.15 * failures, "{}", plain.high);
    assert!(outages.low > 0.9 * failures && outages.high < 1.02 * failures);
}

struct Base(&'static str);

impl Files for Base {
    fn read(&self, _: &str) -> Result<String, String> {
        Ok(self.0.to_owned())
    }
}

#[test]
fn a_scenario_that_extends_another_says_only_what_differs() {
    const BELOW: &str = "schema = 1\nname = \"below\"\n[[node]]\nname = \"server\"\ncount = 2\n\
        failure = \"100h\"\nrepair = \"1h\"\n[service.work]\nup = \"all(node.up)\"\n";
    let own = "extends = \"below.toml\"\nname = \"own\"\n[[node]]\nname = \"server\"\ncount = 3\n";
    let around = |files| read::Surroundings {
        files,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    let (base, other) = (Base(BELOW), Base(BELOW));
    let scenario = read::scenario("own.toml", own, &around(&base)).expect("sound");
    assert_eq!((scenario.name.as_str(), scenario.nodes.len()), ("own", 3));
    assert_eq!(scenario.nodes[2].repair.mean(), 3600.0);
    let again = read::scenario("own.toml", own, &around(&other)).expect("sound");
    assert_eq!(scenario.fingerprint, again.fingerprint);
    const OTHER: &str = "schema = 1\nname = \"below\"\n[[node]]\nname = \"server\"\n\
        failure = \"100h\"\nrepair = \"2h\"\n[service.work]\nup = \"all(node.up)\"\n";
    let changed = read::scenario("own.toml", own, &around(&Base(OTHER))).expect("sound");
    assert_ne!(
        scenario.fingerprint, changed.fingerprint,
        "the other file is part of it"
    );
}
