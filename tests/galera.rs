//! Does the Galera model do what the real MariaDB Galera did? Every experiment of
//! the lab is replayed: outcomes must be the same, latencies of the same distribution.

mod support;

use quorate::estimate::kolmogorov_smirnov_two_sample;
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
    format!("[[fault]]\nat = \"{at}s\"\ndo = \"operator\"\naction = \"{action}\"\nnodes = {nodes:?}\n")
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
        assert_eq!(run.members(signal, at), members, "{signal} at {at} s in run {index}");
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
        assert!((low..=high).contains(value), "{value} is not in {low}..{high}");
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
        (3, "1_one_poweroff", "writes_flow_again_after_fault_s", "power_off"),
        (3, "1_one_prockill", "writes_flow_again_after_fault_s", "kill"),
        (4, "1_one_poweroff", "last_write_gap_over_0.5s_ended_s", "power_off"),
        (4, "1_one_prockill", "last_write_gap_over_0.5s_ended_s", "kill"),
        (5, "1_one_poweroff", "last_write_gap_over_0.5s_ended_s", "power_off"),
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
        same_distribution(&format!("n = {n}, {verb}"), &stall, &samples(n, experiment, metric));
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
            let end = if how.starts_with("power") { "poweroff" } else { "prockill" };
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
