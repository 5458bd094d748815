//! Keepalived against the laboratory: every experiment on keepalived 2.2.7 that
//! the model covers, played again with fresh phases and compared as a whole
//! distribution with what the daemons did.

mod support;

use quorate::estimate::kolmogorov_smirnov_two_sample;
use support::{Lab, Timeline, measured};

const MEASURED: &str = include_str!("data/measured/keepalived.csv");
/// Below this probability two distributions count as different.
const SIGNIFICANT: f64 = 0.001;
const REPLICATIONS: u64 = 400;
const SERVERS: [&str; 4] = ["server1", "server2", "server3", "server4"];

/// The users' design: four servers, a weighted check, instance `keepalived`.
const DESIGN: &str = r#"
schema = 1
name = "lab"
node = [ { name = "server", count = 4 } ]
[process.nginx]
[process.keepalived]
[protocol.keepalived]
kind = "keepalived"
track_script = { ok = "proc.nginx", hang = "proc.nginx.frozen" }
[service.web]
up = "any(vip & proc.nginx)"
"#;

const NOPREEMPT: [(&str, &str); 2] = [
    ("protocol.keepalived.nopreempt", "true"),
    ("protocol.keepalived.state.first", "\"BACKUP\""),
];
const WEIGHTLESS: (&str, &str) = ("protocol.keepalived.track_script.weight", "0");

/// One line of a fault script.
fn fault(at: &str, what: &str) -> String {
    format!("[[fault]]\nat = {at}\ndo = {what}\n")
}

fn script(until: &str, faults: &[(&str, &str)]) -> String {
    let faults: String = faults.iter().map(|(at, what)| fault(at, what)).collect();
    format!("until = \"{until}\"\n{faults}")
}

/// Seconds from the last fault until the address has exactly these holders.
fn until_held(timeline: &Timeline<'_>, fault: usize, holders: &[&str]) -> f64 {
    let from = timeline.fault(fault);
    timeline
        .first("vip", holders, from)
        .unwrap_or_else(|| panic!("{holders:?} never held it"))
        - from
}

/// Seconds from a fault until a node has the address, whoever else has it.
fn until_taken(timeline: &Timeline<'_>, fault: usize, node: &str) -> f64 {
    let from = timeline.fault(fault);
    timeline
        .first_where("vip", from, |holders| {
            holders.iter().any(|holder| holder == node)
        })
        .unwrap_or_else(|| panic!("{node} never took it"))
        - from
}

fn latencies(lab: &Lab, script: &str, measure: impl Fn(&Timeline<'_>) -> f64) -> Vec<f64> {
    lab.replay(script, REPLICATIONS)
        .iter()
        .map(measure)
        .collect()
}

fn experiment(name: &str) -> Vec<f64> {
    measured(MEASURED, "latency_s", |cell| cell("experiment") == name)
}

fn agrees(name: &str, model: &[f64]) {
    agrees_with(name, &experiment(name), model);
}

fn agrees_with(name: &str, lab: &[f64], model: &[f64]) {
    let test = kolmogorov_smirnov_two_sample(lab, model).expect("values");
    println!(
        "{name}: n = {}, D = {:.3}, p = {:.4}",
        lab.len(),
        test.statistic,
        test.p_value
    );
    assert!(
        test.p_value > SIGNIFICANT,
        "{name}: D = {:.3}, p = {:.5}, medians {:.3} (lab) and {:.3} (model)",
        test.statistic,
        test.p_value,
        median(lab),
        median(model),
    );
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// All values lie in the range, and both ends are nearly reached.
fn fills(values: &[f64], low: f64, high: f64) {
    let (least, most) = values
        .iter()
        .fold((f64::MAX, 0.0f64), |(l, m), v| (l.min(*v), m.max(*v)));
    let slack = 0.06 * (high - low) + 0.045;
    assert!(
        least >= low && least < low + slack,
        "least {least}, expected {low}"
    );
    assert!(
        most > high - slack && most < high + 0.06,
        "most {most}, expected {high}"
    );
}

const NOW: &str = r#"["60s", "62s"]"#;

#[test]
fn in_steady_state_the_best_node_holds_and_nothing_happens() {
    let lab = Lab::new(DESIGN);
    for timeline in lab.replay("until = \"1000s\"", 3) {
        assert_eq!(timeline.changes("vip"), [(0.0, vec!["server1".to_owned()])]);
        assert_eq!(
            timeline.members("keepalived.backup", 5.0),
            ["server2", "server3", "server4"]
        );
        assert!(timeline.members("keepalived.fault", 5.0).is_empty());
    }
}

#[test]
fn a_silent_loss_and_the_return_of_the_link() {
    let lab = Lab::new(DESIGN);
    let events = [
        (
            NOW,
            r#""cut"
nodes = ["server1"]"#,
        ),
        (
            r#""100s""#,
            r#""heal"
nodes = ["server1"]"#,
        ),
    ];
    let runs = lab.replay(&script("130s", &events), REPLICATIONS);
    let lost: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 0, &["server2"]))
        .collect();
    let back: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 1, &["server1"]))
        .collect();
    agrees("1_poweroff_portdown", &lost);
    agrees("5a_return_linkup_seedconf", &back);
    agrees("5m_stateMASTER_plus_nopreempt_return", &back);
    for timeline in &runs {
        let from = timeline.fault(0);
        let gone = timeline.first("vip", &[], from).expect("removed") - from;
        assert!((0.001..=0.030).contains(&gone), "{gone}");
        assert_eq!(timeline.members("keepalived.fault", 99.0), ["server1"]);
    }
}

#[test]
fn a_power_off_is_a_silent_loss() {
    let lab = Lab::new(DESIGN);
    let events = [(
        NOW,
        r#""power_off"
nodes = ["server1"]"#,
    )];
    let lost = latencies(&lab, &script("80s", &events), |t| {
        until_held(t, 0, &["server2"])
    });
    agrees("1_poweroff_portdown", &lost);
    agrees("1b_poweroff_kill9_portdown", &lost);
    fills(&lost, 2.613, 3.613);
}

#[test]
fn the_best_survivor_takes_over_from_several() {
    let lab = Lab::new(DESIGN);
    for lost in 2..=3 {
        let nodes = format!("\"power_off\"\nnodes = {:?}", &SERVERS[..lost]);
        let next = SERVERS[lost];
        let times = latencies(&lab, &script("80s", &[(NOW, &nodes)]), |t| {
            until_held(t, 0, &[next])
        });
        let skew = (256.0 - (100.0 - lost as f64)) / 256.0;
        fills(&times, 2.0 + skew, 3.0 + skew);
    }
}

#[test]
fn a_backup_that_dies_meanwhile_costs_only_the_difference_of_the_skews() {
    let lab = Lab::new(DESIGN);
    let events = [
        (
            r#""60s""#,
            r#""power_off"
nodes = ["server1"]"#,
        ),
        (
            r#""61s""#,
            r#""power_off"
nodes = ["server2"]"#,
        ),
    ];
    let times = latencies(&lab, &script("80s", &events), |t| {
        until_held(t, 0, &["server3"])
    });
    fills(&times, 2.617, 3.617);
}

#[test]
fn a_graceful_leave_costs_the_skew_only() {
    let lab = Lab::new(DESIGN);
    let process = r#""stop"
process = "keepalived"
nodes = ["server1"]"#;
    let parent = r#""kill"
which = "parent"
process = "keepalived"
nodes = ["server1"]"#;
    let node = r#""stop"
nodes = ["server1"]"#;
    for (what, name) in [
        (process, "2_graceful_sigterm"),
        (parent, "6_kill9_parent"),
        (node, "2_graceful_sigterm"),
    ] {
        let times = latencies(&lab, &script("80s", &[(NOW, what)]), |t| {
            until_held(t, 0, &["server2"])
        });
        agrees(name, &times);
    }
}

/// SIGKILL of both processes leaves the address behind; the lab killed the parent
/// first in `6_kill9_both`, and in 1 of 16 trials the child still got its death
/// signal, which is not modelled.
#[test]
fn a_killed_daemon_leaves_its_address_behind() {
    let lab = Lab::new(DESIGN);
    let events = [
        (
            NOW,
            r#""kill"
process = "keepalived"
nodes = ["server1"]"#,
        ),
        (
            r#""80s""#,
            r#""start"
process = "keepalived"
nodes = ["server1"]"#,
        ),
    ];
    let runs = lab.replay(&script("100s", &events), REPLICATIONS);
    let taken: Vec<f64> = runs.iter().map(|t| until_taken(t, 0, "server2")).collect();
    agrees("6_kill9_both", &taken);
    agrees("6_kill9_both_childfirst", &taken);
    for timeline in &runs {
        assert_eq!(timeline.members("vip", 79.0), ["server1", "server2"]);
        let cleaned = until_held(timeline, 1, &["server2"]);
        assert!((0.06..=0.34).contains(&cleaned), "{cleaned}");
        assert_eq!(timeline.members("vip", 99.0), ["server1"]);
    }
}

#[test]
fn a_power_off_takes_a_left_over_address_away() {
    let lab = Lab::new(DESIGN);
    let events = [
        (
            r#""60s""#,
            r#""kill"
process = "keepalived"
nodes = ["server1"]"#,
        ),
        (
            r#""70s""#,
            r#""power_off"
nodes = ["server1"]"#,
        ),
    ];
    for timeline in lab.replay(&script("80s", &events), 5) {
        assert_eq!(timeline.members("vip", 69.0), ["server1", "server2"]);
        assert_eq!(timeline.members("vip", 70.0), ["server2"]);
    }
}

/// [M 6_child]: no holder from 0.05 s on, a backup at 2.7..3.6 s, and server1
/// again at 3.65..3.87 s, in 16 of 16 trials.
#[test]
fn a_killed_child_costs_two_moves() {
    let lab = Lab::new(DESIGN);
    let events = [(
        NOW,
        r#""kill"
which = "child"
process = "keepalived"
nodes = ["server1"]"#,
    )];
    for timeline in lab.replay(&script("80s", &events), REPLICATIONS) {
        let from = timeline.fault(0);
        let gone = until_held(&timeline, 0, &[]);
        assert!((0.03..=0.23).contains(&gone), "{gone}");
        let other = until_held(&timeline, 0, &["server2"]);
        assert!((2.61..=3.68).contains(&other), "{other}");
        let back = timeline
            .first("vip", &["server1"], from + other)
            .expect("taken back")
            - from;
        assert!((3.63..=3.95).contains(&back), "{back}");
    }
}

#[test]
fn a_failing_check_moves_the_address_and_a_good_one_moves_it_back() {
    let lab = Lab::new(DESIGN);
    let events = [
        (
            NOW,
            r#""kill"
process = "nginx"
nodes = ["server1"]"#,
        ),
        (
            r#"["80s", "82s"]"#,
            r#""start"
process = "nginx"
nodes = ["server1"]"#,
        ),
    ];
    let runs = lab.replay(&script("100s", &events), REPLICATIONS);
    let lost: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 0, &["server2"]))
        .collect();
    let back: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 1, &["server1"]))
        .collect();
    agrees("3_checkfail_holder", &lost);
    agrees("3_checkfail_holder_cleared_return", &back);
    fills(&lost, 6.613, 9.613);
    fills(&back, 4.609, 7.609);
    assert_eq!(runs[0].members("keepalived.demoted", 79.0), ["server1"]);
    assert!(runs[0].members("keepalived.demoted", 99.0).is_empty());
}

#[test]
fn a_hanging_check_costs_one_interval_more() {
    let lab = Lab::new(DESIGN);
    let events = [(
        NOW,
        r#""freeze"
process = "nginx"
nodes = ["server1"]"#,
    )];
    let lost = latencies(&lab, &script("90s", &events), |t| {
        until_held(t, 0, &["server2"])
    });
    fills(&lost, 8.613, 11.613);
}

/// Priorities 80, 79, 78, 77: the order stays, and so does the address.
#[test]
fn when_all_checks_fail_the_holder_keeps_the_address() {
    let lab = Lab::new(DESIGN);
    let all = format!("\"kill\"\nprocess = \"nginx\"\nnodes = {SERVERS:?}");
    for timeline in lab.replay(&script("100s", &[(NOW, &all)]), REPLICATIONS) {
        assert_eq!(timeline.changes("vip").len(), 1);
        assert_eq!(timeline.members("keepalived.demoted", 99.0), SERVERS);
    }
}

#[test]
fn when_three_checks_fail_the_fourth_node_takes_over() {
    let lab = Lab::new(DESIGN);
    let three = format!("\"kill\"\nprocess = \"nginx\"\nnodes = {:?}", &SERVERS[..3]);
    let runs = lab.replay(&script("100s", &[(NOW, &three)]), REPLICATIONS);
    assert!(runs.iter().all(|t| t.members("vip", 99.0) == ["server4"]));
    let times: Vec<f64> = runs.iter().map(|t| until_taken(t, 0, "server4")).collect();
    agrees("4b_checkfail_servers123", &times);
}

#[test]
fn a_script_without_weight_means_fault_and_a_quick_successor() {
    let lab = Lab::with(DESIGN, &[WEIGHTLESS]);
    let events = [
        (
            NOW,
            r#""kill"
process = "nginx"
nodes = ["server1"]"#,
        ),
        (
            r#"["80s", "82s"]"#,
            r#""start"
process = "nginx"
nodes = ["server1"]"#,
        ),
    ];
    let runs = lab.replay(&script("100s", &events), REPLICATIONS);
    let lost: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 0, &["server2"]))
        .collect();
    let back: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 1, &["server1"]))
        .collect();
    fills(&lost, 4.613, 6.613);
    fills(&back, 5.609, 7.609);
    assert_eq!(runs[0].members("keepalived.fault", 79.0), ["server1"]);
}

#[test]
fn without_weight_nobody_holds_while_every_check_fails() {
    let lab = Lab::with(DESIGN, &[WEIGHTLESS]);
    let kill = format!("\"kill\"\nprocess = \"nginx\"\nnodes = {SERVERS:?}");
    let start = format!("\"start\"\nprocess = \"nginx\"\nnodes = {SERVERS:?}");
    let events = [(NOW, kill.as_str()), (r#"["80s", "82s"]"#, start.as_str())];
    let runs = lab.replay(&script("110s", &events), REPLICATIONS);
    assert!(runs.iter().all(|t| t.members("vip", 79.0).is_empty()));
    // Whoever is back first holds; the best one has it in the end.
    let first: Vec<f64> = runs
        .iter()
        .map(|t| {
            t.first_where("vip", t.fault(1), |h| !h.is_empty())
                .expect("held")
                - t.fault(1)
        })
        .collect();
    assert!(first.iter().all(|t| (5.6..=7.69).contains(t)));
    assert!(runs.iter().all(|t| t.members("vip", 109.0) == ["server1"]));
}

#[test]
fn with_nopreempt_a_weighted_check_moves_nothing() {
    let lab = Lab::with(DESIGN, &NOPREEMPT);
    let events = [(
        NOW,
        r#""kill"
process = "nginx"
nodes = ["server1"]"#,
    )];
    for timeline in lab.replay(&script("100s", &events), 50) {
        assert_eq!(timeline.changes("vip").len(), 1);
        assert_eq!(timeline.members("keepalived.demoted", 99.0), ["server1"]);
    }
}

#[test]
fn nopreempt_keeps_the_address_where_it_is_unless_the_state_is_master() {
    let events = [
        (
            NOW,
            r#""cut"
nodes = ["server1"]"#,
        ),
        (
            r#""100s""#,
            r#""heal"
nodes = ["server1"]"#,
        ),
    ];
    let lab = Lab::with(DESIGN, &NOPREEMPT);
    let runs = lab.replay(&script("130s", &events), REPLICATIONS);
    let lost: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 0, &["server2"]))
        .collect();
    agrees("5n_nopreempt_poweroff", &lost);
    assert!(runs.iter().all(|t| t.members("vip", 129.0) == ["server2"]));
    let master = Lab::with(DESIGN, &NOPREEMPT[..1]);
    let runs = master.replay(&script("130s", &events), REPLICATIONS);
    let back: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 1, &["server1"]))
        .collect();
    agrees("5m_stateMASTER_plus_nopreempt_return", &back);
}

#[test]
fn preempt_delay_comes_before_the_timer() {
    let set = [
        ("protocol.keepalived.preempt_delay", "\"30s\""),
        ("protocol.keepalived.state.first", "\"BACKUP\""),
    ];
    let lab = Lab::with(DESIGN, &set);
    let events = [
        (
            NOW,
            r#""cut"
nodes = ["server1"]"#,
        ),
        (
            r#""100s""#,
            r#""heal"
nodes = ["server1"]"#,
        ),
    ];
    let back = latencies(&lab, &script("150s", &events), |t| {
        until_held(t, 1, &["server1"])
    });
    fills(&back, 32.609, 33.609);
}

#[test]
fn a_started_daemon_takes_its_address_back_after_a_full_timer() {
    let lab = Lab::new(DESIGN);
    let events = [
        (
            NOW,
            r#""stop"
process = "keepalived"
nodes = ["server1"]"#,
        ),
        (
            r#""80s""#,
            r#""start"
process = "keepalived"
nodes = ["server1"]"#,
        ),
    ];
    let back = latencies(&lab, &script("110s", &events), |t| {
        until_held(t, 1, &["server1"])
    });
    agrees("5b_return_daemonstart_seedconf", &back);
}

/// Which of four daemons gets ready first is the load of the machine, which four
/// starts at once raise: the spread of the lab is wider (0.07..2.2 s) than four
/// independent starts allow, so range and median are compared.
#[test]
fn after_a_cold_boot_the_first_daemon_holds_and_the_best_one_in_the_end() {
    let mut lab_times = experiment("9_coldboot_seedconf");
    lab_times.extend(experiment("9_coldboot_all_backup"));
    lab_times.extend(experiment("9_coldboot_all_master"));
    let stop = format!("\"stop\"\nprocess = \"keepalived\"\nnodes = {SERVERS:?}");
    let start = format!("\"start\"\nprocess = \"keepalived\"\nnodes = {SERVERS:?}");
    let events = [(r#""60s""#, stop.as_str()), (r#""80s""#, start.as_str())];
    for first in ["\"MASTER\"", "\"BACKUP\""] {
        let lab = Lab::with(DESIGN, &[("protocol.keepalived.state.first", first)]);
        let runs = lab.replay(&script("120s", &events), REPLICATIONS);
        let times: Vec<f64> = runs
            .iter()
            .map(|t| t.first_where("vip", 80.0, |h| !h.is_empty()).expect("held") - 80.0)
            .collect();
        assert!((median(&times) - median(&lab_times)).abs() < 0.4);
        assert!(times.iter().all(|t| (3.67..6.0).contains(t)));
        for timeline in &runs {
            assert_eq!(timeline.members("vip", 119.0), ["server1"]);
            assert!(
                timeline
                    .changes("keepalived.master")
                    .iter()
                    .all(|(_, holders)| holders.len() < 2)
            );
        }
    }
}

#[test]
fn a_frozen_daemon_keeps_the_address_until_it_hears_the_other() {
    let lab = Lab::new(DESIGN);
    for (freeze, thaw) in [
        (
            "\"freeze\"\nprocess = \"keepalived\"\nnodes = [\"server1\"]",
            "\"thaw\"\nprocess = \"keepalived\"\nnodes = [\"server1\"]",
        ),
        (
            "\"freeze\"\nnodes = [\"server1\"]",
            "\"thaw\"\nnodes = [\"server1\"]",
        ),
    ] {
        let events = [(NOW, freeze), (r#""80s""#, thaw)];
        let runs = lab.replay(&script("100s", &events), REPLICATIONS);
        let taken: Vec<f64> = runs.iter().map(|t| until_taken(t, 0, "server2")).collect();
        let alone: Vec<f64> = runs
            .iter()
            .map(|t| until_held(t, 1, &["server1"]))
            .collect();
        agrees("6b_freeze_sigstop", &taken);
        agrees("6b_freeze_sigcont", &alone);
        assert!(
            runs.iter()
                .all(|t| t.members("vip", 79.0) == ["server1", "server2"])
        );
    }
}

/// systemd.kill(5): SIGTERM is followed by SIGCONT.
#[test]
fn a_frozen_daemon_that_is_stopped_takes_its_address_along() {
    let lab = Lab::new(DESIGN);
    let freeze = "\"freeze\"\nprocess = \"keepalived\"\nnodes = [\"server1\"]";
    let stop = "\"stop\"\nprocess = \"keepalived\"\nnodes = [\"server1\"]";
    for timeline in lab.replay(&script("90s", &[(NOW, freeze), (r#""80s""#, stop)]), 5) {
        assert_eq!(timeline.members("vip", 79.0), ["server1", "server2"]);
        assert_eq!(timeline.members("vip", 80.0), ["server2"]);
    }
}

/// All links at once, as when a switch restarts: everybody starts a full timer.
#[test]
fn after_the_switch_the_best_one_holds_and_of_equals_the_highest_address() {
    for (priority, holder) in [
        ("[100, 99, 98, 97]", "server1"),
        ("[7, 7, 7, 7]", "server4"),
    ] {
        let lab = Lab::with(DESIGN, &[("protocol.keepalived.priority", priority)]);
        let cut = format!("\"cut\"\nnodes = {SERVERS:?}");
        let heal = format!("\"heal\"\nnodes = {SERVERS:?}");
        for timeline in lab.replay(&script("90s", &[(NOW, &cut), (r#""80s""#, &heal)]), 5) {
            assert_eq!(timeline.members("keepalived.fault", 79.0), SERVERS);
            assert!(timeline.members("vip", 79.0).is_empty());
            let holders: Vec<_> = timeline
                .changes("vip")
                .into_iter()
                .filter(|(t, _)| *t > 80.0)
                .collect();
            assert_eq!(holders.len(), 1, "{holders:?}");
            assert_eq!(holders[0].1, [holder]);
        }
    }
}

#[test]
fn a_short_freeze_moves_nothing() {
    let lab = Lab::new(DESIGN);
    let freeze = "\"freeze\"\nprocess = \"keepalived\"\nnodes = [\"server1\"]";
    let thaw = "\"thaw\"\nprocess = \"keepalived\"\nnodes = [\"server1\"]";
    let events = [(r#""60s""#, freeze), (r#""62.5s""#, thaw)];
    for timeline in lab.replay(&script("100s", &events), 100) {
        assert_eq!(timeline.changes("vip").len(), 1);
    }
}

#[test]
fn a_partition_has_a_holder_on_each_side_until_it_heals() {
    let lab = Lab::new(DESIGN);
    let split = "\"partition\"\ngroups = [[\"server1\", \"server2\"], [\"server3\", \"server4\"]]";
    let events = [(NOW, split), (r#"["80s", "82s"]"#, "\"heal\"")];
    let runs = lab.replay(&script("100s", &events), REPLICATIONS);
    let second: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 0, &["server1", "server3"]))
        .collect();
    let healed: Vec<f64> = runs
        .iter()
        .map(|t| until_held(t, 1, &["server1"]))
        .collect();
    agrees("7_partition_2_2", &second);
    agrees("7_partition_heal", &healed);
    let mean = healed.iter().sum::<f64>() / healed.len() as f64;
    // (s^2 + (a-s)^2) / 2 for s = 158/256 s.
    assert!((mean - 0.264).abs() < 0.03, "{mean}");
    assert!(healed.iter().all(|t| *t <= 0.618));
}

/// [M 7b]: 12 of 12.
#[test]
fn an_isolated_holder_with_carrier_keeps_the_address() {
    let lab = Lab::new(DESIGN);
    let cut = "\"cut\"\ncarrier = true\nnodes = [\"server1\"]";
    let events = [(NOW, cut), (r#""80s""#, "\"heal\"")];
    for timeline in lab.replay(&script("100s", &events), 50) {
        assert_eq!(timeline.members("vip", 79.0), ["server1", "server2"]);
        assert_eq!(timeline.members("vip", 99.0), ["server1"]);
    }
}

#[test]
fn of_equal_priorities_the_higher_address_holds() {
    let lab = Lab::with(
        DESIGN,
        &[("protocol.keepalived.priority", "[100, 100, 100, 100]")],
    );
    let events = [(NOW, "\"power_off\"\nnodes = [\"server4\"]")];
    for timeline in lab.replay(&script("100s", &events), 20) {
        assert_eq!(timeline.members("vip", 59.0), ["server4"]);
        assert_eq!(timeline.members("vip", 99.0), ["server3"]);
    }
}

#[test]
fn version_3_scales_the_skew_and_short_intervals_help() {
    let set = [
        ("protocol.keepalived.version", "3"),
        ("protocol.keepalived.advert_int", "\"100ms\""),
        ("protocol.keepalived.overhead.take", "\"0s\""),
    ];
    let lab = Lab::with(DESIGN, &set);
    let events = [(NOW, "\"power_off\"\nnodes = [\"server1\"]")];
    let times = latencies(&lab, &script("100s", &events), |t| {
        until_held(t, 0, &["server2"])
    });
    assert!(times.iter().all(|t| (0.2613..=0.3614).contains(t)));
}

#[test]
fn two_addresses_live_side_by_side() {
    let second = "[protocol.second]\nkind = \"keepalived\"\naddress = \"vip2\"\n\
        priority = { server2 = 150, server1 = 90, server3 = 80, server4 = 70 }\n[service.web]";
    let lab = Lab::new(&DESIGN.replace("[service.web]", second));
    let events = [(NOW, "\"power_off\"\nnodes = [\"server2\"]")];
    for timeline in lab.replay(&script("80s", &events), 20) {
        assert_eq!(timeline.members("vip2", 59.0), ["server2"]);
        assert_eq!(timeline.members("vip2", 79.0), ["server1"]);
        assert_eq!(timeline.changes("vip").len(), 1);
    }
}

/// The usual pair: balancers behind one address, checked by what they serve. The
/// script sees signals of a protocol that comes later in the file.
#[test]
fn a_balancer_without_servers_gives_the_address_away() {
    let balancers = "[process.haproxy]\n[protocol.keepalived]";
    let behind = "[protocol.haproxy]\nkind = \"haproxy\"\ncheck.ok = \"proc.nginx\"\n[service.web]";
    let design = DESIGN
        .replace("[protocol.keepalived]", balancers)
        .replace("[service.web]", behind)
        .replace(
            "ok = \"proc.nginx\", hang = \"proc.nginx.frozen\"",
            "ok = \"haproxy.serving\"",
        );
    let lab = Lab::new(&design);
    let events = [(
        NOW,
        "\"kill\"\nprocess = \"haproxy\"\nnodes = [\"server1\"]",
    )];
    for timeline in lab.replay(&script("90s", &events), 50) {
        assert_eq!(timeline.members("vip", 59.0), ["server1"]);
        assert!(
            timeline.changes("keepalived.demoted").len() <= 2,
            "quiet at the start"
        );
        let moved = until_held(&timeline, 0, &["server2"]);
        assert!((6.61..=9.68).contains(&moved), "{moved}");
    }
}

/// The message if the design is refused with this parameter.
fn refusal(path: &str, value: &str) -> Option<String> {
    support::refusal(DESIGN, &format!("protocol.keepalived.{path}"), value)
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let wrong = [
        ("priority", "[100, 99, 98]", "3 priorities for 4 members"),
        ("priority", "[100, 99, 98, 255]", "255"),
        (
            "priority",
            "{ first = 2, step = -1 }",
            "`server3` would be 0",
        ),
        ("priority", "{ server1 = 3 }", "`server2` has no priority"),
        (
            "priority",
            "{ server1 = 4, server2 = 3, server3 = 2, server4 = 1, server5 = 9 }",
            "server5",
        ),
        ("priority", "100", "a list or a table"),
        ("version", "4", "4"),
        ("advert_int", "\"500ms\"", "whole seconds"),
        ("advert_int", "\"0s\"", "longer than zero"),
        ("down_timer_adverts", "0", "0"),
        ("address", "\"proc.nginx\"", "cannot be used"),
        ("address", "\"any\"", "cannot be used"),
        ("address", "\"\"", "cannot be used"),
        ("address", "\"server1\"", "taken"),
        ("address", "\"server\"", "taken"),
        ("process", "\"apache\"", "needs a process `apache`"),
        ("state.first", "\"FAULT\"", "FAULT"),
        ("track_script.interval", "\"0s\"", "longer than zero"),
        ("track_script.timeout", "\"3s\"", "not modelled"),
        ("track_script.fall", "0", "0"),
        ("track_script.ok", "\"\"", "can hang"),
        ("track_script.ok", "\"proc.ngin\"", "proc.ngin"),
        ("track_script.weight", "-300", "-300"),
        (
            "overhead.take",
            "{ dist = \"uniform\", low = \"2s\", high = \"1s\" }",
            "shorter",
        ),
    ];
    for (path, value, reason) in wrong {
        let message =
            refusal(path, value).unwrap_or_else(|| panic!("{path} = {value} was accepted"));
        assert!(message.contains(reason), "{path} = {value}: {message}");
    }
    assert_eq!(refusal("priority", "[254, 1, 1, 7]"), None);
    assert_eq!(refusal("track_script.timeout", "\"1s\""), None);
}

/// Years by chance: the work grows with the failures, never with the seconds.
#[test]
fn ten_years_cost_a_few_events_for_each_failure() {
    use quorate::engine::simulate::Simulator;
    use quorate::{
        automaton::Nanos, model::build, protocol::CATALOGUE, scenario::NoFiles, scenario::read,
    };
    let design = DESIGN
        .replace("count = 4 }", "count = 4, failure = { dist = \"exponential\", mean = \"990h\" }, repair = \"10h\", boot = \"1m\" }")
        .replace("[process.nginx]", "[process.nginx]\nrestart = \"on-failure\"\nfailure = { dist = \"exponential\", mean = \"500h\" }");
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    let scenario = read::scenario("lab.toml", &design, &around).expect("reads");
    let model = build::model::<1>(&scenario, &NoFiles).expect("builds");
    // 4 nodes x 10 years: 350 node failures and 700 crashes, with their repairs.
    let ten_years = Nanos::from_seconds(10.0 * Nanos::SECONDS_PER_YEAR);
    let mut simulator = Simulator::new(&model, 1, Nanos::ZERO, ten_years, 20_000);
    for replication in 0..20 {
        simulator
            .replicate(replication)
            .expect("stays below the limit of events");
    }
}

mod anything_goes {
    use super::*;
    use proptest::prelude::*;

    const VERBS: [&str; 14] = [
        "\"power_off\"",
        "\"start\"",
        "\"stop\"",
        "\"freeze\"",
        "\"thaw\"",
        "\"cut\"",
        "\"cut\"\ncarrier = true",
        "\"heal\"",
        "\"kill\"",
        "\"kill\"\nwhich = \"child\"",
        "\"kill\"\nwhich = \"parent\"",
        "\"crash\"",
        "\"partition\"\ngroups = [[\"server1\", \"server2\"], [\"server3\", \"server4\"]]",
        "\"partition\"\ngroups = [[\"server1\", \"server4\"], [\"server2\"], [\"server3\"]]",
    ];

    /// A fault in words: verb, node, whole node or which process, seconds.
    fn line(verb: usize, node: usize, process: usize, at: u32) -> String {
        let verb = VERBS[verb];
        if verb.contains("partition") {
            return fault(&format!("\"{at}ms\""), verb);
        }
        let of_process = verb.contains("kill")
            || (process > 0
                && !["cut", "heal", "power", "crash"]
                    .iter()
                    .any(|w| verb.contains(w)));
        let process = if process > 1 { "nginx" } else { "keepalived" };
        let process = if of_process {
            format!("\nprocess = \"{process}\"")
        } else {
            String::new()
        };
        fault(
            &format!("\"{}ms\"", at),
            &format!("{verb}{process}\nnodes = [\"{}\"]", SERVERS[node]),
        )
    }

    fn repair_everything(at_s: u32) -> String {
        let all = format!("nodes = {SERVERS:?}");
        let mut text = String::new();
        for what in [
            "\"heal\"".to_owned(),
            format!("\"start\"\n{all}"),
            format!("\"thaw\"\n{all}"),
            format!("\"thaw\"\nprocess = \"nginx\"\n{all}"),
            format!("\"thaw\"\nprocess = \"keepalived\"\n{all}"),
            format!("\"start\"\nprocess = \"nginx\"\n{all}"),
            format!("\"start\"\nprocess = \"keepalived\"\n{all}"),
        ] {
            text.push_str(&fault(&format!("\"{at_s}s\""), &what));
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn when_all_is_well_again_the_best_node_holds(
            faults in proptest::collection::vec((0usize..14, 0usize..4, 0usize..3, 0u32..40_000), 0..16),
            weight in prop_oneof![Just("-20"), Just("0"), Just("5")],
        ) {
            let lab = Lab::with(DESIGN, &[("protocol.keepalived.track_script.weight", weight)]);
            for timeline in lab.replay(&trouble(faults), 2) {
                prop_assert_eq!(timeline.members("vip", 110.0), ["server1"]);
                prop_assert_eq!(timeline.members("keepalived.master", 110.0), ["server1"]);
                prop_assert!(timeline.members("keepalived.demoted", 110.0).is_empty());
                prop_assert!(timeline.changes("vip").iter().all(|(t, _)| *t < 80.0));
            }
        }

        #[test]
        fn without_preemption_somebody_holds_alone(
            faults in proptest::collection::vec((0usize..14, 0usize..4, 0usize..3, 0u32..40_000), 0..16),
            how in prop_oneof![
                Just(("nopreempt", "true")),
                Just(("preempt_delay", "\"7s\"")),
                Just(("priority", "[9, 9, 9, 9]")),
            ],
        ) {
            let path = format!("protocol.keepalived.{}", how.0);
            let set = [(path.as_str(), how.1), ("protocol.keepalived.state.first", "\"BACKUP\"")];
            let lab = Lab::with(DESIGN, &set);
            for timeline in lab.replay(&trouble(faults), 2) {
                let holders = timeline.members("vip", 110.0);
                prop_assert_eq!(holders.len(), 1);
                prop_assert_eq!(holders, timeline.members("keepalived.master", 110.0));
                prop_assert_eq!(timeline.members("keepalived.backup", 110.0).len(), 3);
            }
        }
    }

    /// A script of random faults, everything mended after 50 s.
    fn trouble(mut faults: Vec<(usize, usize, usize, u32)>) -> String {
        faults.sort_by_key(|f| f.3);
        let lines: String = faults
            .iter()
            .map(|(v, n, p, at)| line(*v, *n, *p, *at))
            .collect();
        format!("until = \"120s\"\n{lines}{}", repair_everything(50))
    }
}
