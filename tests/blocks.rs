//! Standby, dynamic voting and copies under fault scripts: what the textbook's numbers
//! do not show, because they ask for shares of time and not for who does what.

mod support;

use support::Lab;

fn lab(nodes: usize, protocol: &str) -> Lab {
    Lab::new(&format!(
        "schema = 1\nname = \"lab\"\n\n[[node]]\nname = \"n\"\ncount = {nodes}\n\n{protocol}\n"
    ))
}

fn fault(at: u32, kind: &str, nodes: &[&str]) -> String {
    format!("[[fault]]\nat = \"{at}s\"\ndo = \"{kind}\"\nnodes = {nodes:?}\n")
}

fn action(at: u32, action: &str) -> String {
    format!("[[fault]]\nat = \"{at}s\"\ndo = \"operator\"\naction = \"{action}\"\n")
}

/// The members of a signal at several times of one replay.
#[track_caller]
fn shows(lab: &Lab, faults: &[String], signal: &str, expected: &[(u32, &[&str])]) {
    let script = format!("until = \"1000s\"\n{}", faults.concat());
    let runs = lab.replay(&script, 1);
    for (at, members) in expected {
        let found = runs[0].members(signal, f64::from(*at) + 0.5);
        assert_eq!(found, *members, "{signal} at {at} s");
    }
}

#[test]
fn a_spare_takes_over_and_stays() {
    let lab = lab(
        3,
        "[protocol.pair]\nkind = \"standby\"\ntakes_over = \"10s\"",
    );
    let faults = [fault(60, "crash", &["n1"]), fault(120, "start", &["n1"])];
    let expected: [(u32, &[&str]); 5] = [
        (50, &["n1"]),
        (60, &[]),
        (69, &[]),
        (70, &["n2"]),
        (200, &["n2"]),
    ];
    shows(&lab, &faults, "pair.active", &expected);
    shows(
        &lab,
        &faults,
        "pair.spare",
        &[(50, &["n2", "n3"]), (60, &["n3"]), (200, &["n1", "n3"])],
    );
}

#[test]
fn with_preemption_the_first_is_active_again_and_nobody_is_missed() {
    let lab = lab(
        3,
        "[protocol.pair]\nkind = \"standby\"\ntakes_over = \"10s\"\npreempt = true",
    );
    let faults = [fault(60, "crash", &["n1"]), fault(120, "start", &["n1"])];
    let expected: [(u32, &[&str]); 3] = [(100, &["n2"]), (129, &["n2"]), (130, &["n1"])];
    shows(&lab, &faults, "pair.active", &expected);
}

#[test]
fn a_take_over_that_is_interrupted_goes_to_the_next() {
    let lab = lab(
        3,
        "[protocol.pair]\nkind = \"standby\"\ntakes_over = \"10s\"",
    );
    let faults = [fault(60, "crash", &["n1"]), fault(65, "crash", &["n2"])];
    let expected: [(u32, &[&str]); 3] = [(66, &[]), (74, &[]), (75, &["n3"])];
    shows(&lab, &faults, "pair.active", &expected);
}

fn partition(at: u32, groups: &str) -> String {
    format!("[[fault]]\nat = \"{at}s\"\ndo = \"partition\"\ngroups = {groups}\n")
}

#[test]
fn a_quorum_follows_partitions() {
    let lab = lab(5, "[protocol.voting]\nkind = \"dynamic_voting\"");
    let faults = [
        partition(60, "[[\"n1\", \"n2\", \"n3\"], [\"n4\", \"n5\"]]"),
        fault(120, "crash", &["n3"]),
        // Two of five, and still a majority of those who served last.
        fault(180, "crash", &["n2"]),
        "[[fault]]\nat = \"240s\"\ndo = \"heal\"\n".to_owned(),
        fault(300, "start", &["n2"]),
    ];
    let expected: [(u32, &[&str]); 5] = [
        (60, &["n1", "n2", "n3"]),
        (120, &["n1", "n2"]),
        (180, &[]),
        (240, &[]),
        (300, &["n1", "n2", "n4", "n5"]),
    ];
    shows(&lab, &faults, "voting.primary", &expected);
}

#[test]
fn a_tie_is_decided_by_order_and_a_loss_by_a_person() {
    for (rule, after) in [("dynamic", &[][..]), ("dynamic_linear", &["n1", "n2"][..])] {
        let lab = lab(
            4,
            &format!("[protocol.voting]\nkind = \"dynamic_voting\"\nrule = \"{rule}\""),
        );
        let tie = [fault(60, "crash", &["n3", "n4"])];
        shows(&lab, &tie, "voting.primary", &[(60, after)]);
        let lost = [
            fault(60, "crash", &["n1", "n2"]),
            action(120, "bootstrap"),
            fault(180, "start", &["n1"]),
        ];
        let expected: [(u32, &[&str]); 3] =
            [(60, &[]), (120, &["n3", "n4"]), (180, &["n1", "n3", "n4"])];
        shows(&lab, &lost, "voting.primary", &expected);
    }
}

#[test]
fn copies_are_made_one_at_a_time_and_from_a_current_one() {
    let lab = lab(3, "[protocol.data]\nkind = \"resync\"\ncopy = \"50s\"");
    let faults = [
        fault(60, "crash", &["n1", "n2"]),
        fault(100, "start", &["n1", "n2"]),
    ];
    let expected: [(u32, &[&str]); 4] = [
        (149, &["n3"]),
        (150, &["n1", "n3"]),
        (199, &["n1", "n3"]),
        (200, &["n1", "n2", "n3"]),
    ];
    shows(&lab, &faults, "data.current", &expected);
    shows(
        &lab,
        &faults,
        "data.donating",
        &[(120, &["n3"]), (170, &["n1"]), (210, &[])],
    );
    // The last one to go down has the data.
    let faults = [
        fault(60, "crash", &["n1", "n2"]),
        fault(70, "crash", &["n3"]),
        fault(100, "start", &["n1"]),
        fault(200, "start", &["n3"]),
    ];
    let expected: [(u32, &[&str]); 4] =
        [(70, &[]), (199, &[]), (200, &["n3"]), (250, &["n1", "n3"])];
    shows(&lab, &faults, "data.current", &expected);
}

#[test]
fn what_is_lost_comes_back_from_a_backup_only() {
    let lab = lab(
        2,
        "[protocol.data]\nkind = \"resync\"\nafter_total_loss = \"lost\"",
    );
    let faults = [
        fault(60, "crash", &["n1", "n2"]),
        fault(100, "start", &["n1", "n2"]),
        action(300, "restore"),
    ];
    let expected: [(u32, &[&str]); 3] = [(200, &[]), (299, &[]), (300, &["n1", "n2"])];
    shows(&lab, &faults, "data.current", &expected);
    shows(
        &lab,
        &faults,
        "data.lost",
        &[(60, &["n1", "n2"]), (300, &[])],
    );
}
