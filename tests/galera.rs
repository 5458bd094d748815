//! Does the Galera model do what the real MariaDB Galera did? Every experiment of
//! the lab is replayed: outcomes must be the same, latencies of the same distribution.

mod support;

use quorate::automaton::{Command, Nanos, Node, NodeCommand, NodeSet};
use quorate::engine::play::Player;
use quorate::estimate::kolmogorov_smirnov_two_sample;
use quorate::model::build;
use quorate::protocol::CATALOGUE;
use quorate::scenario::error::ScenarioError;
use quorate::scenario::read::Surroundings;
use quorate::scenario::{NoFiles, Scenario};
use support::{Lab, Timeline, measured};

const MEASURED: &str = include_str!("data/measured/galera.csv");
const RUNS: u64 = 400;

/// A cluster of `n` nodes n1, n2, ... as in the lab: nothing restarts by itself.
fn cluster(n: usize, galera: &str) -> Lab {
    Lab::new(&scenario(n, "", galera))
}

fn scenario(n: usize, process: &str, galera: &str) -> String {
    format!(
        r#"
schema = 1
name = "lab"
[run]
horizon = "1y"
[[node]]
name = "n"
count = {n}
[process.mariadb]
start = "0.1s"
ready = "galera.ready"
{process}
[protocol.galera]
kind = "galera"
{galera}
[service.write]
up = "any(galera.writable)"
"#
    )
}

/// A line of a fault script.
fn fault(at: f64, what: &str, nodes: &[&str]) -> String {
    format!("[[fault]]\nat = \"{at}s\"\ndo = \"{what}\"\nnodes = {nodes:?}\n")
}

/// The same for the process alone.
fn process_fault(at: f64, what: &str, nodes: &[&str]) -> String {
    format!("{}process = \"mariadb\"\n", fault(at, what, nodes))
}

fn partition(at: f64, groups: &[&[&str]]) -> String {
    format!("[[fault]]\nat = \"{at}s\"\ndo = \"partition\"\ngroups = {groups:?}\n")
}

fn heal(at: f64) -> String {
    format!("[[fault]]\nat = \"{at}s\"\ndo = \"heal\"\n")
}

fn operator(at: f64, action: &str, nodes: &[&str]) -> String {
    format!(
        "[[fault]]\nat = \"{at}s\"\ndo = \"operator\"\naction = \"{action}\"\nnodes = {nodes:?}\n"
    )
}

fn script(faults: &[String]) -> String {
    format!("until = \"400s\"\n{}", faults.concat())
}

fn play<'a>(lab: &'a Lab, faults: &[String], runs: u64) -> Vec<Timeline<'a>> {
    lab.replay(&script(faults), runs)
}

/// In every run the signal has exactly these members at this time.
fn always(runs: &[Timeline<'_>], signal: &str, at: f64, members: &[&str]) {
    for (index, run) in runs.iter().enumerate() {
        assert_eq!(
            run.members(signal, at),
            members,
            "{signal} at {at} s in run {index}"
        );
    }
}

/// How long after `from` the signal first had these members, in every run.
fn delays(runs: &[Timeline<'_>], signal: &str, from: f64, members: &[&str]) -> Vec<f64> {
    let delay = |run: &Timeline<'_>| {
        let first = run.first(signal, members, from);
        first.unwrap_or_else(|| panic!("{signal} never was {members:?} after {from} s")) - from
    };
    runs.iter().map(delay).collect()
}

fn within(values: &[f64], low: f64, high: f64) {
    for value in values {
        assert!(
            (low..=high).contains(value),
            "{value} is not in {low}..{high}"
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn same_distribution(what: &str, model: &[f64], lab: &[f64]) {
    let test = kolmogorov_smirnov_two_sample(model, lab).expect("samples");
    println!(
        "{what}: p = {:.3}, D = {:.3}, medians {:.3} and {:.3}, {} samples",
        test.p_value,
        test.statistic,
        median(model),
        median(lab),
        lab.len()
    );
    assert!(test.p_value > 0.001, "{what}: {test:?}");
}

/// Samples of a metric of all experiments whose name begins so.
fn samples(n: usize, experiment: &str, metric: &str) -> Vec<f64> {
    measured(MEASURED, "value_s_or_state", |cell| {
        cell("n_nodes") == n.to_string()
            && cell("experiment").starts_with(experiment)
            && cell("metric").ends_with(metric)
    })
}

// 1. One node lost.

#[test]
fn the_write_stall_after_a_crash_is_distributed_as_measured() {
    let metrics = [
        (
            3,
            "1_one_poweroff",
            "writes_flow_again_after_fault_s",
            "power_off",
        ),
        (
            3,
            "1_one_prockill",
            "writes_flow_again_after_fault_s",
            "kill",
        ),
        (
            4,
            "1_one_poweroff",
            "last_write_gap_over_0.5s_ended_s",
            "power_off",
        ),
        (
            4,
            "1_one_prockill",
            "last_write_gap_over_0.5s_ended_s",
            "kill",
        ),
        (
            5,
            "1_one_poweroff",
            "last_write_gap_over_0.5s_ended_s",
            "power_off",
        ),
    ];
    for (n, experiment, metric, verb) in metrics {
        let lab = cluster(n, "");
        let crash = match verb {
            "kill" => process_fault(100.0, verb, &["n1"]),
            _ => fault(100.0, verb, &["n1"]),
        };
        let runs = play(&lab, &[crash], RUNS);
        let survivors = &["n2", "n3", "n4", "n5"][..n - 1];
        always(&runs, "galera.writable", 100.0, &[]);
        always(&runs, "galera.primary", 103.0, survivors);
        let stall = delays(&runs, "galera.writable", 100.0, survivors);
        within(&stall, 6.0, 8.6);
        same_distribution(
            &format!("n = {n}, {verb}"),
            &stall,
            &samples(n, experiment, metric),
        );
        for run in &runs {
            let reads = run.changes("galera.primary");
            assert_eq!(reads.len(), 2, "reads go on: {reads:?}");
        }
    }
}

#[test]
fn survivors_without_quorum_turn_non_primary_when_measured() {
    let two = cluster(2, "");
    let runs = play(&two, &[fault(100.0, "power_off", &["n2"])], RUNS);
    let times = delays(&runs, "galera.nonprimary", 100.0, &["n1"]);
    let lab: Vec<f64> = ["poweroff n5", "prockill n5"]
        .iter()
        .flat_map(|how| {
            let end = if how.starts_with("power") {
                "poweroff"
            } else {
                "prockill"
            };
            samples(2, &format!("3_n2_one_{end}.step1"), "n4.first_change_s")
        })
        .collect();
    same_distribution("n = 2, non-Primary", &times, &lab);
    let four = cluster(4, "");
    let runs = play(&four, &[fault(100.0, "power_off", &["n3", "n4"])], RUNS);
    let times = delays(&runs, "galera.nonprimary", 100.0, &["n1", "n2"]);
    let mut lab = samples(4, "2_n4_two_at_once_poweroff.step1", "n1.first_change_s");
    lab.extend(samples(4, "4_part_2|2.side", "n1.first_change_s"));
    lab.extend(samples(4, "4_part_2|2.side", "n3.first_change_s"));
    within(&times, 5.99, 6.6);
    same_distribution("n = 4, non-Primary", &times, &lab);
    always(&runs, "galera.primary", 105.9, &["n1", "n2"]);
    always(&runs, "galera.primary", 107.0, &[]);
}

// 1. Orderly leave, idle cluster, options.

#[test]
fn an_orderly_leave_costs_whole_rounds_at_most() {
    for (n, high) in [(2, 0.11), (3, 1.2), (4, 2.2), (5, 3.2)] {
        let lab = cluster(n, "");
        let runs = play(&lab, &[process_fault(100.0, "stop", &["n1"])], RUNS);
        let survivors = &["n2", "n3", "n4", "n5"][..n - 1];
        let stall = delays(&runs, "galera.writable", 100.0, survivors);
        within(&stall, 0.0, high);
        if n == 4 {
            let at_once = stall.iter().filter(|s| **s < 0.2).count() as f64 / RUNS as f64;
            assert!(
                (0.25..0.45).contains(&at_once),
                "2 of 6 measured, model {at_once}"
            );
        }
        always(
            &runs,
            "galera.primary",
            99.0,
            &["n1", "n2", "n3", "n4", "n5"][..n],
        );
        always(&runs, "galera.primary", 100.0, survivors);
    }
}

#[test]
fn an_idle_cluster_notices_up_to_a_keepalive_period_earlier() {
    let lab = cluster(3, "traffic = false");
    let runs = play(&lab, &[fault(100.0, "power_off", &["n1"])], RUNS);
    let stall = delays(&runs, "galera.writable", 100.0, &["n2", "n3"]);
    within(&stall, 5.0, 6.55);
    assert!((5.5..5.8).contains(&median(&stall)), "{}", median(&stall));
}

#[test]
fn the_stall_follows_the_options() {
    let text = scenario(3, "", "");
    let lab = Lab::with(
        &text,
        &[
            ("galera.evs.suspect_timeout", "\"2s\""),
            ("galera.evs.join_retrans_period", "\"300ms\""),
        ],
    );
    let runs = play(&lab, &[fault(100.0, "power_off", &["n1"])], 100);
    within(
        &delays(&runs, "galera.writable", 100.0, &["n2", "n3"]),
        2.3,
        2.85,
    );
}

// 2 and 3. Quorum: the table of the facts.

#[test]
fn half_is_no_quorum_and_the_denominator_shrinks() {
    let lab = cluster(4, "");
    let both = [
        fault(100.0, "power_off", &["n3", "n4"]),
        fault(150.0, "start", &["n3"]),
        fault(200.0, "start", &["n4"]),
    ];
    let runs = play(&lab, &both, 50);
    always(&runs, "galera.nonprimary", 149.0, &["n1", "n2"]);
    always(&runs, "galera.primary", 199.0, &[]);
    always(&runs, "galera.nonprimary", 199.0, &["n1", "n2"]);
    always(&runs, "galera.joining", 199.0, &["n3"]);
    always(&runs, "proc.mariadb.active", 199.0, &["n1", "n2"]);
    let back = delays(&runs, "galera.primary", 200.0, &["n1", "n2", "n3", "n4"]);
    within(&back, 2.2, 6.0);

    let one_by_one = [
        fault(100.0, "power_off", &["n4"]),
        fault(130.0, "power_off", &["n3"]),
        fault(140.0, "power_off", &["n2"]),
        fault(170.0, "start", &["n4"]),
        fault(200.0, "start", &["n3"]),
        fault(230.0, "start", &["n2"]),
    ];
    let runs = play(&lab, &one_by_one, 50);
    always(&runs, "galera.writable", 129.0, &["n1", "n2", "n3"]);
    always(&runs, "galera.writable", 139.0, &["n1", "n2"]);
    always(&runs, "galera.nonprimary", 150.0, &["n1"]);
    always(&runs, "galera.primary", 199.0, &[]);
    always(&runs, "galera.primary", 229.0, &[]);
    always(&runs, "galera.writable", 260.0, &["n1", "n2", "n3", "n4"]);
    // The other order: the last casualty first.
    let last_first = [
        one_by_one[0].clone(),
        one_by_one[1].clone(),
        one_by_one[2].clone(),
        fault(170.0, "start", &["n2"]),
    ];
    let runs = play(&lab, &last_first, 50);
    within(
        &delays(&runs, "galera.primary", 170.0, &["n1", "n2"]),
        1.2,
        3.0,
    );
}

#[test]
fn three_nodes_and_two_nodes_lose_quorum_as_measured() {
    let lab = cluster(3, "");
    let runs = play(
        &lab,
        &[
            fault(100.0, "power_off", &["n2", "n3"]),
            fault(150.0, "start", &["n2"]),
            fault(200.0, "start", &["n3"]),
        ],
        50,
    );
    always(&runs, "galera.nonprimary", 149.0, &["n1"]);
    always(&runs, "galera.nonprimary", 199.0, &["n1"]);
    within(
        &delays(&runs, "galera.primary", 200.0, &["n1", "n2", "n3"]),
        1.4,
        5.0,
    );
    let runs = play(
        &lab,
        &[
            fault(100.0, "power_off", &["n3"]),
            fault(130.0, "power_off", &["n2"]),
        ],
        50,
    );
    always(&runs, "galera.primary", 129.0, &["n1", "n2"]);
    always(&runs, "galera.nonprimary", 150.0, &["n1"]);

    let lab = cluster(2, "");
    let runs = play(
        &lab,
        &[
            fault(100.0, "power_off", &["n2"]),
            fault(150.0, "start", &["n2"]),
        ],
        50,
    );
    always(&runs, "galera.nonprimary", 149.0, &["n1"]);
    within(
        &delays(&runs, "galera.primary", 150.0, &["n1", "n2"]),
        1.4,
        3.6,
    );
}

#[test]
fn orderly_stops_never_lose_quorum() {
    let lab = cluster(4, "");
    let stops = [
        process_fault(100.0, "stop", &["n1"]),
        process_fault(110.0, "stop", &["n2"]),
        process_fault(120.0, "stop", &["n3"]),
    ];
    let runs = play(&lab, &stops, 50);
    always(&runs, "galera.writable", 129.0, &["n4"]);
    let runs = play(&lab, &[process_fault(100.0, "stop", &["n1", "n2"])], 50);
    always(&runs, "galera.writable", 105.0, &["n3", "n4"]);
    let lab = cluster(3, "");
    let runs = play(&lab, &[fault(100.0, "stop", &["n1", "n2"])], 50);
    always(&runs, "galera.writable", 105.0, &["n3"]);
}

#[test]
fn weights_and_arbitrators_vote() {
    let heavy = cluster(4, "pc = { weight = [2, 1, 1, 1] }");
    for (lost, survivors, primary) in [
        (vec!["n3", "n4"], vec!["n1", "n2"], true),
        (vec!["n1", "n4"], vec!["n2", "n3"], false),
        (vec!["n2", "n3", "n4"], vec!["n1"], false),
        (vec!["n1"], vec!["n2", "n3", "n4"], true),
    ] {
        let runs = play(&heavy, &[fault(100.0, "power_off", &lost)], 20);
        let signal = if primary {
            "galera.writable"
        } else {
            "galera.nonprimary"
        };
        always(&runs, signal, 120.0, &survivors);
    }
    let runs = play(
        &heavy,
        &[
            process_fault(100.0, "stop", &["n1"]),
            fault(130.0, "power_off", &["n4"]),
        ],
        20,
    );
    always(&runs, "galera.writable", 150.0, &["n2", "n3"]);

    let by_name = cluster(2, "pc = { weight = { n1 = 2 } }");
    let runs = play(&by_name, &[fault(100.0, "power_off", &["n2"])], 20);
    always(&runs, "galera.writable", 120.0, &["n1"]);
}

/// `data` nodes d1.. and the arbitrator g.
fn with_garbd(data: usize) -> Lab {
    Lab::new(&format!(
        r#"
schema = 1
name = "garbd"
[[node]]
name = "d"
count = {data}
[[node]]
name = "g"
[process.mariadb]
on = ["d"]
ready = "galera.ready"
[process.garbd]
on = ["g"]
[protocol.galera]
kind = "galera"
arbitrators = "garbd"
[service.write]
up = "any(galera.writable)"
"#
    ))
}

#[test]
fn an_arbitrator_breaks_the_tie() {
    let lab = with_garbd(4);
    let runs = play(&lab, &[fault(100.0, "power_off", &["d3", "d4"])], 20);
    always(&runs, "galera.writable", 99.0, &["d1", "d2", "d3", "d4"]);
    always(&runs, "galera.writable", 120.0, &["d1", "d2"]);
    let runs = play(&lab, &[fault(100.0, "power_off", &["d2", "d3", "d4"])], 20);
    always(&runs, "galera.nonprimary", 120.0, &["d1"]);
    let runs = play(
        &lab,
        &[
            fault(100.0, "power_off", &["d3", "d4"]),
            fault(130.0, "power_off", &["d2"]),
        ],
        20,
    );
    always(&runs, "galera.writable", 150.0, &["d1"]);
    let lab = with_garbd(2);
    let runs = play(&lab, &[fault(100.0, "power_off", &["d2"])], 20);
    always(&runs, "galera.writable", 120.0, &["d1"]);
}

#[test]
fn dangerous_options_do_what_they_say() {
    let lab = cluster(2, "pc = { ignore_sb = true }");
    let runs = play(&lab, &[fault(100.0, "power_off", &["n2"])], 20);
    always(&runs, "galera.writable", 120.0, &["n1"]);
    let lab = cluster(3, "pc = { ignore_quorum = true }");
    let runs = play(
        &lab,
        &[partition(100.0, &[&["n1"], &["n2", "n3"]]), heal(150.0)],
        20,
    );
    always(&runs, "galera.writable", 140.0, &["n1", "n2", "n3"]);
}

// 4. Partitions.

#[test]
fn partitions_and_their_healing() {
    let lab = cluster(4, "");
    let runs = play(
        &lab,
        &[
            partition(100.0, &[&["n1", "n2"], &["n3", "n4"]]),
            heal(150.0),
        ],
        RUNS,
    );
    always(&runs, "galera.nonprimary", 120.0, &["n1", "n2", "n3", "n4"]);
    let back = delays(&runs, "galera.writable", 150.0, &["n1", "n2", "n3", "n4"]);
    within(&back, 2.3, 5.5);
    assert!((3.0..4.2).contains(&median(&back)), "{}", median(&back));
    let runs = play(
        &lab,
        &[
            partition(100.0, &[&["n1", "n2", "n3"], &["n4"]]),
            heal(150.0),
        ],
        RUNS,
    );
    always(&runs, "galera.nonprimary", 120.0, &["n4"]);
    always(&runs, "galera.writable", 120.0, &["n1", "n2", "n3"]);
    let back = delays(&runs, "galera.primary", 150.0, &["n1", "n2", "n3", "n4"]);
    within(&back, 1.7, 5.0);
    assert!((2.6..4.0).contains(&median(&back)), "{}", median(&back));

    let lab = cluster(3, "");
    let runs = play(
        &lab,
        &[partition(100.0, &[&["n1", "n2"], &["n3"]]), heal(150.0)],
        50,
    );
    always(&runs, "galera.writable", 120.0, &["n1", "n2"]);
    always(&runs, "galera.nonprimary", 120.0, &["n3"]);
    always(&runs, "galera.writable", 160.0, &["n1", "n2", "n3"]);

    let lab = cluster(2, "");
    let runs = play(
        &lab,
        &[partition(100.0, &[&["n1"], &["n2"]]), heal(150.0)],
        50,
    );
    always(&runs, "galera.nonprimary", 120.0, &["n1", "n2"]);
    within(
        &delays(&runs, "galera.writable", 150.0, &["n1", "n2"]),
        1.39,
        2.4,
    );
}

#[test]
fn a_short_partition_hangs_writes_and_changes_no_view() {
    let lab = cluster(4, "");
    let all = &["n1", "n2", "n3", "n4"];
    for (lasts, low, high) in [(4.0, 0.6, 0.7), (2.0, 1.0, 1.4)] {
        let faults = [
            partition(100.0, &[&["n1", "n2"], &["n3", "n4"]]),
            heal(100.0 + lasts),
        ];
        let runs = play(&lab, &faults, 100);
        always(&runs, "galera.writable", 100.0 + lasts, &[]);
        within(
            &delays(&runs, "galera.writable", 100.0 + lasts, all),
            low,
            high,
        );
        for run in &runs {
            assert_eq!(run.changes("galera.primary").len(), 1, "no view change");
        }
    }
}

#[test]
fn a_cut_between_two_nodes_is_relayed_by_the_third() {
    let lab = cluster(3, "");
    let cut = "[[fault]]\nat = \"100s\"\ndo = \"cut\"\nlink = [\"n1\", \"n2\"]\n".to_owned();
    let runs = play(&lab, &[cut], 5);
    always(&runs, "galera.writable", 120.0, &["n1", "n2", "n3"]);
}

// 5. What brings the primary component back.

#[test]
fn all_crashed_and_all_restarted_forms_again_but_a_majority_does_not() {
    for (n, all) in [
        (3, vec!["n1", "n2", "n3"]),
        (4, vec!["n1", "n2", "n3", "n4"]),
    ] {
        let lab = cluster(n, "");
        let runs = play(
            &lab,
            &[fault(100.0, "power_off", &all), fault(150.0, "start", &all)],
            50,
        );
        within(&delays(&runs, "galera.primary", 150.0, &all), 1.4, 6.5);
        let (most, last) = all.split_at(n - 1);
        let faults = [
            fault(100.0, "power_off", &all),
            fault(150.0, "start", most),
            fault(200.0, "start", last),
        ];
        let runs = play(&lab, &faults, 50);
        always(&runs, "galera.joining", 199.0, most);
        always(&runs, "galera.ready", 199.0, &[]);
        always(&runs, "proc.mariadb.present", 199.0, most);
        within(&delays(&runs, "galera.primary", 200.0, &all), 1.4, 5.8);
    }
}

#[test]
fn crashed_one_by_one_and_restarted_together_stays_down() {
    let lab = cluster(3, "");
    let all = &["n1", "n2", "n3"];
    let mut faults = vec![
        fault(100.0, "power_off", &["n3"]),
        fault(120.0, "power_off", &["n2"]),
        fault(140.0, "power_off", &["n1"]),
        fault(170.0, "start", all),
    ];
    let runs = play(&lab, &faults, 50);
    always(&runs, "galera.joining", 399.0, all);
    // The way out: kill the early casualty. Nobody writes, so the last message is
    // older than the kill (5.6 s measured).
    faults.push(process_fault(250.0, "kill", &["n3"]));
    let runs = play(&lab, &faults, 50);
    let freed = delays(&runs, "galera.primary", 250.0, &["n1", "n2"]);
    within(&freed, 5.0, 6.6);
    assert!((5.4..5.9).contains(&median(&freed)), "{}", median(&freed));
    // Or do not start it: only the last two, then the third.
    faults.truncate(3);
    faults.push(fault(170.0, "start", &["n1", "n2"]));
    faults.push(fault(220.0, "start", &["n3"]));
    let runs = play(&lab, &faults, 50);
    within(
        &delays(&runs, "galera.primary", 170.0, &["n1", "n2"]),
        1.4,
        2.8,
    );
    within(&delays(&runs, "galera.primary", 220.0, all), 2.5, 6.0);
}

#[test]
fn a_gracefully_stopped_cluster_needs_a_bootstrap() {
    let lab = cluster(3, "");
    let all = &["n1", "n2", "n3"];
    let mut faults = vec![
        process_fault(100.0, "stop", &["n1"]),
        process_fault(110.0, "stop", &["n2"]),
        process_fault(120.0, "stop", &["n3"]),
        process_fault(150.0, "start", all),
    ];
    let runs = play(&lab, &faults, 50);
    always(&runs, "galera.joining", 179.0, all);
    always(&runs, "proc.mariadb.present", 181.0, &[]);
    always(&runs, "galera.primary", 399.0, &[]);
    // safe_to_bootstrap is 1 on the last to leave only.
    faults.push(operator(200.0, "new_cluster", &["n1"]));
    let runs = play(&lab, &faults, 20);
    always(&runs, "proc.mariadb.present", 210.0, &[]);
    faults.push(operator(220.0, "new_cluster", &["n3"]));
    faults.push(process_fault(230.0, "start", &["n1", "n2"]));
    let runs = play(&lab, &faults, 20);
    within(&delays(&runs, "galera.primary", 220.0, &["n3"]), 0.16, 0.6);
    always(&runs, "galera.writable", 245.0, all);
}

#[test]
fn bootstrap_takes_a_survivor_first() {
    let lab = cluster(4, "");
    let all = &["n1", "n2", "n3", "n4"];
    let mut faults = vec![
        fault(100.0, "power_off", &["n3", "n4"]),
        operator(150.0, "bootstrap", &[]),
    ];
    let runs = play(&lab, &faults, 20);
    within(
        &delays(&runs, "galera.writable", 150.0, &["n1", "n2"]),
        0.002,
        0.01,
    );
    faults.push(fault(200.0, "start", &["n3", "n4"]));
    let runs = play(&lab, &faults, 50);
    always(&runs, "galera.writable", 215.0, all);

    // After a crash of all, safe_to_bootstrap is 0 everywhere.
    let crash = [
        fault(100.0, "power_off", all),
        process_fault(110.0, "start", all),
    ];
    let refused = [crash[0].clone(), operator(150.0, "new_cluster", &[])];
    let runs = play(&lab, &refused, 20);
    always(&runs, "galera.primary", 200.0, &[]);
    let disabled = Lab::new(&scenario(4, "enabled = true", ""));
    let forced = [
        fault(100.0, "power_off", all),
        fault(110.0, "start", &["n1", "n2", "n3"]),
        operator(150.0, "bootstrap", &[]),
        fault(200.0, "start", &["n4"]),
    ];
    let runs = play(&disabled, &forced, 20);
    always(&runs, "galera.primary", 149.0, &[]);
    always(&runs, "galera.writable", 170.0, &["n1", "n2", "n3"]);
    always(&runs, "galera.writable", 220.0, all);
}

#[test]
fn systemd_restarts_two_killed_processes_and_the_cluster_heals_itself() {
    let lab = Lab::new(&scenario(
        4,
        "restart = \"on-abnormal\"\nrestart_delay = \"5s\"",
        "",
    ));
    let all = &["n1", "n2", "n3", "n4"];
    let runs = play(&lab, &[process_fault(100.0, "kill", &["n3", "n4"])], RUNS);
    for run in &runs {
        assert!(
            run.first("galera.nonprimary", &["n1", "n2"], 100.0)
                .is_some(),
            "quorum is lost for a moment"
        );
    }
    let back: Vec<f64> = delays(&runs, "galera.primary", 105.0, all);
    within(&back, 3.2, 8.3);
    // A process that gives up waiting is not restarted.
    let faults = [
        process_fault(100.0, "stop", all),
        process_fault(150.0, "start", all),
    ];
    let runs = play(&lab, &faults, 10);
    always(&runs, "proc.mariadb.present", 181.0, &[]);
    always(&runs, "proc.mariadb.present", 399.0, &[]);
}

// 6. Joining and state transfer.

#[test]
fn a_short_absence_costs_an_ist() {
    for n in [3, 4, 5] {
        let lab = cluster(n, "");
        let all = &["n1", "n2", "n3", "n4", "n5"][..n];
        let runs = play(
            &lab,
            &[
                fault(100.0, "power_off", &["n1"]),
                fault(150.0, "start", &["n1"]),
            ],
            RUNS,
        );
        let back = delays(&runs, "galera.primary", 150.0, all);
        within(&back, 2.7, 5.7);
        let stall: Vec<f64> = runs
            .iter()
            .map(|run| {
                let hangs = run
                    .first("galera.writable", &[], 150.0)
                    .expect("the view change stalls");
                run.first_where("galera.writable", hangs, |now| !now.is_empty())
                    .expect("ends")
                    - hangs
            })
            .collect();
        within(&stall, 0.4, 2.5);
        if n > 3 {
            same_distribution(
                "exec to Synced",
                &back,
                &samples(n, "1_one_poweroff", "rejoin_start_to_synced_s"),
            );
            let lab = samples(n, "1_one_poweroff", "rejoin_write_max_latency_others_s");
            same_distribution("stall by a join", &stall, &lab);
        }
    }
}

#[test]
fn a_long_absence_costs_an_sst_that_blocks_the_donor() {
    let lab = cluster(
        3,
        "gcache.size = \"100kB\"\nwrite_rate = \"20kB\"\nsst.rate = \"21MB\"",
    );
    let runs = play(
        &lab,
        &[
            fault(100.0, "power_off", &["n3"]),
            fault(150.0, "start", &["n3"]),
        ],
        RUNS,
    );
    let back = delays(&runs, "galera.primary", 150.0, &["n1", "n2", "n3"]);
    within(&back, 16.0, 20.0);
    assert!((17.3..18.2).contains(&median(&back)), "{}", median(&back));
    for run in &runs {
        let begins = run.first("galera.donor", &["n1"], 150.0).expect("a donor");
        let ends = run
            .first("galera.donor", &[], begins)
            .expect("the copy ends");
        assert!((13.2..13.8).contains(&(ends - begins)), "283 MB at 21 MB/s");
        assert_eq!(run.members("galera.writable", begins), ["n2"]);
        assert_eq!(run.members("galera.primary", begins), ["n1", "n2"]);
        assert_eq!(run.members("galera.writable", ends), ["n1", "n2"]);
    }
    // The donor dies during the copy: the joiner aborts.
    let faults = [
        fault(100.0, "power_off", &["n3"]),
        fault(150.0, "start", &["n3"]),
        fault(156.0, "power_off", &["n1"]),
    ];
    let runs = play(&lab, &faults, 50);
    always(&runs, "proc.mariadb.present", 175.0, &["n2"]);
    // Donor and joiner both were members: the last node is one of two.
    always(&runs, "galera.nonprimary", 399.0, &["n2"]);
}

// Addendum: losses while a view is formed, freezes.

#[test]
fn a_second_loss_of_four_is_fatal_until_the_view_of_three_is_installed() {
    let lab = cluster(4, "");
    for (gap, quorum) in [(3.0, false), (4.9, false), (9.0, true)] {
        let runs = play(
            &lab,
            &[
                fault(100.0, "power_off", &["n4"]),
                fault(100.0 + gap, "power_off", &["n3"]),
            ],
            50,
        );
        let signal = if quorum {
            "galera.writable"
        } else {
            "galera.nonprimary"
        };
        always(&runs, signal, 150.0, &["n1", "n2"]);
    }
    // In between either can happen.
    let runs = play(
        &lab,
        &[
            fault(100.0, "power_off", &["n4"]),
            fault(107.1, "power_off", &["n3"]),
        ],
        RUNS,
    );
    let alive = runs
        .iter()
        .filter(|run| run.members("galera.writable", 150.0) == ["n1", "n2"])
        .count();
    assert!((50..350).contains(&alive), "{alive} of {RUNS}");
}

#[test]
fn a_crash_and_an_orderly_stop_of_another_keep_quorum() {
    let lab = cluster(4, "");
    let runs = play(
        &lab,
        &[
            fault(100.0, "power_off", &["n4"]),
            process_fault(102.0, "stop", &["n3"]),
        ],
        RUNS,
    );
    within(
        &delays(&runs, "galera.writable", 100.0, &["n1", "n2"]),
        5.99,
        6.3,
    );
}

#[test]
fn five_nodes_can_lose_quorum_although_three_survive() {
    let lab = cluster(5, "rounds.crash.more = [0.0, 1.0]");
    let runs = play(
        &lab,
        &[
            fault(100.0, "power_off", &["n5"]),
            fault(106.0, "power_off", &["n4"]),
        ],
        RUNS,
    );
    let three = &["n1", "n2", "n3"];
    let lost = runs
        .iter()
        .filter(|run| run.members("galera.nonprimary", 125.0) == three)
        .count();
    let share = lost as f64 / RUNS as f64;
    assert!(
        (0.36..0.52).contains(&share),
        "11 of 25 measured, model {share}"
    );
    for run in &runs {
        let stuck = run.members("galera.nonprimary", 125.0) == three;
        assert_eq!(
            run.members("galera.nonprimary", 399.0) == three,
            stuck,
            "it stays so"
        );
        if !stuck {
            let stall = run.first("galera.writable", three, 101.0).expect("quorum") - 100.0;
            assert!((12.0..14.4).contains(&stall), "{stall}");
        }
    }
}

#[test]
fn a_frozen_node_hangs_the_writes_or_leaves() {
    let lab = cluster(3, "");
    let all = &["n1", "n2", "n3"];
    let runs = play(
        &lab,
        &[
            fault(100.0, "freeze", &["n3"]),
            fault(103.0, "thaw", &["n3"]),
        ],
        100,
    );
    within(&delays(&runs, "galera.writable", 100.0, all), 4.1, 4.9);
    always(&runs, "galera.primary", 102.0, &["n1", "n2"]);
    for lasts in [8.0, 20.0] {
        for frozen in [fault as fn(f64, &str, &[&str]) -> String, process_fault] {
            let faults = [
                frozen(100.0, "freeze", &["n3"]),
                frozen(100.0 + lasts, "thaw", &["n3"]),
            ];
            let runs = play(&lab, &faults, 100);
            within(
                &delays(&runs, "galera.writable", 100.0, &["n1", "n2"]),
                6.0,
                6.6,
            );
            within(
                &delays(&runs, "galera.writable", 100.0 + lasts, all),
                4.5,
                8.0,
            );
            // By its timers: the next check, then one round alone.
            let alone = delays(&runs, "galera.nonprimary", 100.0 + lasts, &["n3"]);
            within(&alone, 1.0, 1.6);
        }
    }
}

// The machinery.

#[test]
fn without_recovery_nobody_is_recognised() {
    let lab = cluster(3, "pc = { recovery = false }");
    let all = &["n1", "n2", "n3"];
    let runs = play(
        &lab,
        &[fault(100.0, "power_off", all), fault(150.0, "start", all)],
        10,
    );
    always(&runs, "galera.primary", 399.0, &[]);
    always(&runs, "proc.mariadb.present", 181.0, &[]);
    let runs = play(
        &lab,
        &[
            fault(100.0, "power_off", &["n3"]),
            fault(150.0, "start", &["n3"]),
        ],
        10,
    );
    always(&runs, "galera.primary", 170.0, all);
}

#[test]
fn an_operator_without_orders_also_starts_what_gave_up() {
    let lab = cluster(3, "");
    let all = &["n1", "n2", "n3"];
    let faults = [
        process_fault(100.0, "stop", all),
        process_fault(150.0, "start", all),
        operator(200.0, "bootstrap", &[]),
    ];
    let runs = play(&lab, &faults, 20);
    always(&runs, "galera.primary", 199.0, &[]);
    always(&runs, "galera.writable", 220.0, all);
}

#[test]
fn nothing_runs_while_nothing_happens() {
    let text = scenario(4, "", "write_rate = \"0B\"");
    let scenario = read(&text).expect("a scenario");
    let model = build::model::<1>(&scenario, &NoFiles).expect("a model");
    let mut player = Player::new(&model, false, 1000);
    player.begin(1, 1).expect("begins");
    assert_eq!(player.next_time(), None);
    let lost = Command::Nodes(NodeCommand::PowerOff, NodeSet::single(Node(3)));
    player.obey(Nanos::SECOND, &lost).expect("obeys");
    while player.advance(Nanos::NEVER).is_some() {}
    assert!(
        player.events() < 15,
        "{} events for one view change",
        player.events()
    );
    assert!(player.now().seconds() < 12.0, "{}", player.now());
}

fn read(text: &str) -> Result<Scenario, Box<ScenarioError>> {
    let around = Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    quorate::scenario::read::scenario("lab.toml", text, &around)
}

#[test]
fn wrong_parameters_are_refused() {
    for (parameters, complaint) in [
        ("pc = { weight = [1, 1] }", "lists 2 numbers for 3 members"),
        ("pc = { weight = 256 }", "out of range"),
        ("pc = { weight = 0 }", "no member has a vote"),
        ("pc = { weight = { n9 = 1 } }", "no member `n9`"),
        (
            "evs = { suspect_timeout = \"1s\" }",
            "longer than evs.keepalive_period",
        ),
        ("evs = { join_retrans_period = \"0s\" }", "longer than zero"),
        ("sst = { rate = \"0B\" }", "greater than zero"),
        ("rounds = { crash = { two = [0.5] } }", "must sum to 1"),
        ("process = \"mysqld\"", "needs a process `mysqld`"),
        ("arbitrators = \"garbd\"", "needs a process `garbd`"),
    ] {
        let scenario = read(&scenario(3, "", parameters)).expect("readable");
        let error = build::model::<1>(&scenario, &NoFiles)
            .err()
            .expect("refused");
        assert!(error.to_string().contains(complaint), "{error}");
    }
    let elsewhere = scenario(3, "on = [\"n1\"]", "");
    let error = build::model::<1>(&read(&elsewhere).expect("readable"), &NoFiles).err();
    assert!(error.expect("refused").to_string().contains("member `n2`"));
}

// Any sequence of faults.

mod any_sequence {
    use super::*;
    use proptest::prelude::*;

    /// One fault of a random script, as text without its time.
    fn any_fault() -> impl Strategy<Value = (u8, u8, u8)> {
        (0u8..9, 0u8..5, 0u8..32)
    }

    fn text(at: f64, n: usize, (kind, node, mask): (u8, u8, u8)) -> String {
        let names: Vec<String> = (1..=n).map(|i| format!("n{i}")).collect();
        let name = [names[usize::from(node) % n].as_str()];
        match kind {
            0 => fault(at, "power_off", &name),
            1 => fault(at, "start", &name),
            2 => process_fault(at, "kill", &name),
            3 => process_fault(at, "stop", &name),
            4 => process_fault(at, "start", &name),
            5 => fault(at, "freeze", &name),
            6 => fault(at, "thaw", &name),
            7 => {
                let (a, b): (Vec<_>, Vec<_>) = (0..n).partition(|i| mask >> i & 1 == 1);
                let pick =
                    |side: Vec<usize>| side.iter().map(|i| names[*i].as_str()).collect::<Vec<_>>();
                let sides: Vec<Vec<&str>> = [pick(a), pick(b)]
                    .into_iter()
                    .filter(|s| !s.is_empty())
                    .collect();
                let groups: Vec<&[&str]> = sides.iter().map(Vec::as_slice).collect();
                partition(at, &groups)
            }
            _ => heal(at),
        }
    }

    /// Nobody may write on both sides of a partition, and nobody alone beside others.
    fn check(n: usize, faults: &[(u8, (u8, u8, u8))]) {
        let process = "restart = \"on-abnormal\"\nrestart_delay = \"5s\"";
        let lab = Lab::new(&scenario(n, process, "gcache.size = \"200kB\""));
        let names: Vec<String> = (1..=n).map(|i| format!("n{i}")).collect();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut at = 10.0;
        let mut script: Vec<String> = Vec::new();
        let mut sides: Vec<(f64, u8)> = vec![(0.0, 0)];
        for (gap, what) in faults {
            at += 0.1 + f64::from(*gap) * 0.37;
            script.push(text(at, n, *what));
            match what.0 {
                7 => sides.push((at, what.2)),
                8 => sides.push((at, 0)),
                _ => {}
            }
        }
        let end = at + 60.0;
        script.push(heal(end));
        script.push(fault(end + 1.0, "thaw", &all));
        script.push(fault(end + 2.0, "start", &all));
        script.push(process_fault(end + 30.0, "start", &all));
        script.push(operator(end + 120.0, "bootstrap", &[]));
        let text = format!("until = \"{}s\"\n{}", end + 300.0, script.concat());
        let runs = lab.replay(&text, 3);
        for run in &runs {
            for (t, writers) in run.changes("galera.writable") {
                let mask = sides
                    .iter()
                    .rev()
                    .find(|(from, _)| *from <= t)
                    .map_or(0, |(_, mask)| *mask);
                let side =
                    |name: &String| mask >> (name[1..].parse::<u8>().expect("index") - 1) & 1;
                let first = writers.first().map(side);
                assert!(
                    writers.iter().all(|w| Some(side(w)) == first) || t >= end,
                    "split brain at {t}: {writers:?}"
                );
            }
            assert_eq!(
                run.members("galera.writable", end + 299.0),
                all,
                "not whole again\n{text}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
        #[test]
        fn never_splits_and_always_comes_back(
            n in 1usize..6,
            faults in proptest::collection::vec((0u8..40, any_fault()), 1..16),
        ) {
            check(n, &faults);
        }
    }
}
