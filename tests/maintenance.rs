//! Planned work: rolling updates with and without checks, everything at once, bad
//! versions, and whose downtime is whose.

mod support;

use proptest::prelude::*;
use quorate::protocol::CATALOGUE;
use quorate::runner::outcome::{PlannedOutcome, RoundsOutcome, ServiceOutcome};
use quorate::runner::{self, Effort, RunOutcome, Watcher};
use quorate::scenario::{NoFiles, read};
use std::sync::atomic::AtomicBool;
use support::Lab;

/// Four servers with a database and pages, as the document has them.
const CLUSTER: &str = r#"
schema = 1
name = "cluster"
[run]
horizon = "5y"
replications = 40
[[node]]
name = "server"
count = 4
failure = "never"
repair = "10h"
boot = "1min"
[process.mariadb]
restart = "on-abnormal"
restart_delay = "5s"
start_timeout = "15min"
ready = "galera.ready"
heeds_stop = "galera.ready"
stop = "2s"
[process.portal]
restart = "on-failure"
restart_delay = "5s"
start = "3s"
[process.nginx]
start = "200ms"
[process.keepalived]
start = "100ms"
[protocol.keepalived]
kind = "keepalived"
priority = { first = 100, step = -1 }
[protocol.galera]
kind = "galera"
[signals]
web = "proc.nginx & proc.portal"
[service.portal]
up = "any(vip & net.clients & web)"
[service.database]
up = "any(galera.primary)"
"#;

const CHECKED: &str = r#"
[maintenance.update]
every = "30d"
do = "restart"
nodes = ["server4", "server3", "server2", "server1"]
takes = "1min"
pause = "10s"
check = "all(galera.writable) and all(web)"
gives_up = "30min"
"#;

const DEPLOY_ALL: &str = r#"
[maintenance.deploy_all]
every = "30d"
do = "restart"
mode = "parallel"
processes = ["portal"]
"#;

struct Alone(AtomicBool);

impl Watcher for Alone {
    fn progress(&self, _done: u64, _of: u64) {}
    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

fn run(text: &str, set: &[(&str, &str)]) -> RunOutcome {
    let overrides: Vec<(String, String)> = set
        .iter()
        .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
        .collect();
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &overrides,
    };
    let scenario = read::scenario("maintenance.toml", text, &around)
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
    let run = &scenario.run;
    let effort = Effort {
        replications: run.replications,
        relative_error: None,
        limit: run.replications,
        horizon: run.horizon,
        warm_up: run.warm_up,
        seed: 1,
        confidence: 0.99,
        max_events: run.max_events,
    };
    runner::run(&scenario, &NoFiles, &effort, &Alone(AtomicBool::new(false))).expect("runs")
}

fn service<'a>(outcome: &'a RunOutcome, name: &str) -> (&'a ServiceOutcome, &'a PlannedOutcome) {
    let found = outcome.services.iter().find(|(known, _)| known == name);
    let service = &found.expect("a service").1;
    (
        service,
        service.planned.as_ref().expect("there is maintenance"),
    )
}

fn rounds(outcome: &RunOutcome) -> &RoundsOutcome {
    &outcome.maintenance[0].1
}

fn begin(name: &str, at: u32) -> String {
    format!("[[fault]]\nat = \"{at}s\"\ndo = \"maintain\"\nname = \"{name}\"\n")
}

#[test]
fn a_checked_round_goes_from_server4_to_server1_and_keeps_the_quorum() {
    let lab = Lab::new(&format!("{CLUSTER}{CHECKED}"));
    let script = format!("until = \"20m\"\n{}", begin("update", 60));
    for t in lab.replay(&script, 20) {
        let turns: Vec<Vec<String>> = t
            .changes("maintenance.update")
            .into_iter()
            .map(|(_, nodes)| nodes)
            .filter(|nodes| !nodes.is_empty())
            .collect();
        assert_eq!(turns, [["server4"], ["server3"], ["server2"], ["server1"]]);
        let smallest = t
            .changes("galera.primary")
            .into_iter()
            .map(|(_, m)| m.len())
            .min();
        assert_eq!(
            smallest,
            Some(3),
            "one node at a time, and the rest keep the quorum"
        );
        assert_eq!(t.members("galera.primary", 1199.0).len(), 4);
        assert!(
            t.changes("vip").len() > 2,
            "the address moves when it is server1's turn"
        );
    }
}

#[test]
fn the_deployment_to_all_at_once_takes_the_portal_down_each_time() {
    let lab = Lab::new(&format!("{CLUSTER}{DEPLOY_ALL}"));
    for t in lab.replay(&begin("deploy_all", 60), 5) {
        assert_eq!(t.service("portal", 60.0), "down");
        assert_eq!(t.service("portal", 63.1), "up");
        assert_eq!(t.service("database", 61.0), "up");
    }
    let found = run(&format!("{CLUSTER}{DEPLOY_ALL}"), &[]);
    let (portal, planned) = service(&found, "portal");
    // 60 rounds in five years, 3 s each; every 30 days are 12.175 a year.
    assert_eq!(rounds(&found).begun_per_year.estimate, 12.0);
    assert_eq!(planned.planned_outages_per_year.estimate, 12.0);
    assert!((portal.downtime_s_per_year.estimate - 36.0).abs() < 0.1);
    assert_eq!(planned.unplanned_downtime_s_per_year.estimate, 0.0);
    assert!(portal.failover_s.is_none(), "a planned stop is no fault");
}

#[test]
fn no_round_begins_by_itself_under_a_script() {
    let lab = Lab::new(&format!("{CLUSTER}{CHECKED}"));
    let t = &lab.replay("until = \"100d\"\n", 1)[0];
    assert_eq!(t.changes("maintenance.update").len(), 1);
}

#[test]
fn without_checks_the_servers_overlap_when_they_are_slow_to_return() {
    let hasty = CHECKED
        .replace("takes = \"1min\"", "takes = \"1s\"")
        .replace("pause = \"10s\"", "pause = \"1s\"")
        .replace("do = \"restart\"", "do = \"reboot\"");
    let unchecked: String = hasty
        .lines()
        .filter(|line| !line.starts_with("check") && !line.starts_with("gives_up"))
        .map(|line| format!("{line}\n"))
        .collect();
    let script = format!("until = \"30m\"\n{}", begin("update", 60));
    let worst = |plan: &str| {
        let lab = Lab::new(&format!("{CLUSTER}{plan}"));
        let t = &lab.replay(&script, 1)[0];
        let fewest = t
            .changes("node.up")
            .into_iter()
            .map(|(_, up)| up.len())
            .min();
        (fewest.expect("a value"), t.service("portal", 66.0))
    };
    assert_eq!(worst(&hasty), (3, "up".to_owned()));
    assert_eq!(
        worst(&unchecked),
        (0, "down".to_owned()),
        "all four boot at once"
    );
}

#[test]
fn a_round_whose_check_fails_is_abandoned_and_the_next_put_off() {
    let script = |crash: u32| {
        format!(
            "until = \"2h\"\n{}[[fault]]\nat = \"{crash}s\"\ndo = \"power_off\"\nnodes = [\"server1\"]\n",
            begin("update", 60)
        )
    };
    let lab = Lab::new(&format!("{CLUSTER}{CHECKED}"));
    let t = &lab.replay(&script(70), 1)[0];
    // Server4 was stopped when server1 broke: the rest of the round is given up.
    assert!(t.first("maintenance.update", &["server4"], 0.0).is_some());
    assert!(t.first("maintenance.update", &["server3"], 0.0).is_none());
    assert_eq!(
        t.members("maintenance.update", 7000.0),
        Vec::<String>::new()
    );

    let found = run(
        &format!("{CLUSTER}{CHECKED}"),
        &[
            (
                "node.server.failure",
                "{dist=\"exponential\",mean=\"100h\"}",
            ),
            ("run.replications", "10"),
        ],
    );
    let rounds = rounds(&found);
    let sum = rounds.completed_per_year.estimate + rounds.abandoned_per_year.estimate;
    assert!(rounds.postponed_per_year.estimate > 1.0);
    assert!(rounds.abandoned_per_year.estimate > 0.0);
    assert!(
        (rounds.begun_per_year.estimate - sum).abs() <= 0.2,
        "none is lost"
    );
}

#[test]
fn nobody_waits_in_a_round_without_a_check() {
    let failing = [
        (
            "node.server.failure",
            "{dist=\"exponential\",mean=\"100h\"}",
        ),
        ("run.replications", "10"),
    ];
    let unchecked = "[maintenance.update]\nevery = \"30d\"\ndo = \"restart\"\ntakes = \"30s\"\n";
    let found = run(&format!("{CLUSTER}{unchecked}"), &failing);
    let rounds = rounds(&found);
    // Sixty rounds in five years, whatever is broken, or has not come back.
    assert_eq!(rounds.begun_per_year.estimate, 12.0);
    assert_eq!(rounds.completed_per_year.estimate, 12.0);
    assert_eq!(rounds.postponed_per_year.estimate, 0.0);
}

#[test]
fn a_bad_version_stops_a_checked_round_after_the_first_server_and_a_parallel_one_nowhere() {
    let bad = "bad = { probability = 1, rollback = \"20min\", processes = [\"portal\"] }\n";
    let script = |name: &str| {
        format!(
            "until = \"1h\"\n[[fault]]\nat = \"60s\"\ndo = \"maintain\"\nname = \"{name}\"\nbad = true\n"
        )
    };
    let lab = Lab::new(&format!("{CLUSTER}{CHECKED}{bad}"));
    let t = &lab.replay(&script("update"), 1)[0];
    assert_eq!(t.members("maintenance.update.bad", 600.0), ["server4"]);
    assert_eq!(t.service("portal", 600.0), "up");
    assert_eq!(
        t.members("maintenance.update.bad", 1500.0),
        Vec::<String>::new()
    );
    assert_eq!(t.members("web", 1500.0).len(), 4);

    let lab = Lab::new(&format!("{CLUSTER}{DEPLOY_ALL}{bad}"));
    let t = &lab.replay(&script("deploy_all"), 1)[0];
    assert_eq!(t.members("maintenance.deploy_all.bad", 600.0).len(), 4);
    assert_eq!(
        t.members("proc.portal.active", 600.0).len(),
        4,
        "systemd is blind to it"
    );
    assert_eq!(t.service("portal", 1259.0), "down");
    assert_eq!(t.service("portal", 1264.0), "up");

    // A version that ends at once is tried again until systemd gives up.
    let crash = bad.replace("rollback", "shows = \"crash\", rollback");
    let lab = Lab::new(&format!("{CLUSTER}{DEPLOY_ALL}{crash}"));
    let t = &lab.replay(&script("deploy_all"), 1)[0];
    assert_eq!(t.members("proc.portal.active", 600.0), Vec::<String>::new());
    assert_eq!(t.service("portal", 1259.0), "down");
    assert_eq!(t.service("portal", 1264.0), "up");

    // The plan was at fault: this downtime is not what was planned.
    let found = run(
        &format!("{CLUSTER}{DEPLOY_ALL}{bad}"),
        &[("run.replications", "5")],
    );
    let (portal, planned) = service(&found, "portal");
    assert!(portal.downtime_s_per_year.estimate > 12.0 * 1200.0);
    assert!(planned.planned_downtime_s_per_year.estimate < 40.0);
}

#[test]
fn a_reboot_keeps_the_age_of_a_node_and_is_over_when_it_has_booted() {
    let text = "schema = 1\nname = \"one\"\n[run]\nhorizon = \"10y\"\nreplications = 200\n\
        [[node]]\nname = \"server\"\nboot = \"2min\"\nrepair = \"10h\"\n\
        failure = { dist = \"weibull\", shape = 4, mean = \"1000h\" }\n\
        [maintenance.kernel]\nevery = \"200h\"\ndo = \"reboot\"\ntakes = \"1min\"\n\
        [service.work]\nup = \"any(node.up)\"\n";
    let found = run(text, &[]);
    let (work, planned) = service(&found, "work");
    // Each failure costs 10 h and the boot. Were a node as good as new after a
    // reboot, it would never live for 1000 h.
    let year = 8766.0;
    let failures = planned.unplanned_outages_per_year;
    let expected = year / (1000.0 + 10.0);
    assert!(
        (failures.estimate / expected - 1.0).abs() < 0.02,
        "{} failures, not {expected}",
        failures.estimate
    );
    let reboots = planned.planned_downtime_s_per_year.estimate;
    assert!(
        (reboots / 180.0 / (year / 200.0) - 1.0).abs() < 0.02,
        "{reboots}"
    );
    let sum = planned.planned_downtime_s_per_year.estimate
        + planned.unplanned_downtime_s_per_year.estimate;
    assert!((sum / work.downtime_s_per_year.estimate - 1.0).abs() < 1e-9);
}

#[test]
fn work_on_the_wrong_node_is_no_plan() {
    let slip = CHECKED.replace("takes", "wrong_node = 1\ntakes");
    let lab = Lab::new(&format!("{CLUSTER}{CHECKED}").replace("takes", "wrong_node = 1\ntakes"));
    // Under a script nobody slips.
    let t = &lab.replay(&begin("update", 60), 1)[0];
    assert_eq!(t.members("maintenance.update", 61.0), ["server4"]);
    let found = run(&format!("{CLUSTER}{slip}"), &[("run.replications", "5")]);
    let (database, planned) = service(&found, "database");
    // Two of four are stopped at a time, in good order: the quorum is kept.
    assert_eq!(database.downtime_s_per_year.estimate, 0.0);
    assert_eq!(planned.planned_downtime_s_per_year.estimate, 0.0);
    let (portal, planned) = service(&found, "portal");
    assert!(portal.outages_per_year.estimate > 0.0);
    assert!(planned.unplanned_downtime_s_per_year.estimate > 0.0);
}

prop_compose! {
    fn plan()(
        reboot in any::<bool>(),
        batch in 1usize..5,
        every in 5u32..60,
        takes in 0u32..600,
        checked in any::<bool>(),
        bad in 0u8..3,
        wrong in 0u8..3,
        mttf in 200u32..4000,
        seed in 0u64..1 << 40,
    ) -> String {
        let check = if checked { "check = \"all(galera.writable) and all(web)\"\ngives_up = \"30min\"" } else { "" };
        let work = if reboot { "reboot" } else { "restart" };
        let cluster = CLUSTER
            .replace("failure = \"never\"", &format!("failure = {{ dist = \"exponential\", mean = \"{mttf}h\" }}"))
            .replace("horizon = \"5y\"\nreplications = 40", &format!("horizon = \"2y\"\nreplications = 2\nseed = {seed}"));
        let bad = f64::from(bad) / 2.0;
        let wrong = f64::from(wrong) / 4.0;
        format!(
            "{cluster}[maintenance.work]\nevery = \"{every}d\"\ndo = \"{work}\"\nbatch = {batch}\n\
             takes = \"{takes}s\"\nwrong_node = {wrong}\n\
             bad = {{ probability = {bad}, rollback = \"20min\" }}\n{check}\n"
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is planned: what is planned and what is not make up the whole, and
    /// no round is forgotten.
    #[test]
    fn planned_and_unplanned_are_all(text in plan()) {
        let found = run(&text, &[]);
        for (name, service) in &found.services {
            let apart = service.planned.as_ref().expect("there is maintenance");
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.max(1.0);
            let down = apart.planned_downtime_s_per_year.estimate
                + apart.unplanned_downtime_s_per_year.estimate;
            prop_assert!(close(down, service.downtime_s_per_year.estimate), "{name}");
            let outages = apart.planned_outages_per_year.estimate
                + apart.unplanned_outages_per_year.estimate;
            prop_assert!(close(outages, service.outages_per_year.estimate), "{name}");
        }
        let rounds = rounds(&found);
        let over = rounds.completed_per_year.estimate + rounds.abandoned_per_year.estimate;
        let begun = rounds.begun_per_year.estimate;
        prop_assert!(begun > 0.0 && over <= begun && begun - over <= 0.5 + 1e-9);
    }
}
