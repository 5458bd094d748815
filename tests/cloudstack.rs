//! CloudStack's management of hosts and machines against its source and documentation
//! (nothing was measured): how long a host takes to be given up, and what never comes back.

mod support;

use support::{Lab, Timeline};

const DESIGN: &str = r#"
schema = 1
name = "zone"
node = [ { name = "host", count = 4, boot = "60s" }, { name = "mgmt", count = 2, boot = "60s" } ]
[process.management]
on = "mgmt"
[protocol.cloud]
kind = "cloudstack"
on = "host"
management = "proc.management"
vms_per_host = 30
ha_vms_per_host = 20
capacity = 45
[service.all_vms]
up = "level(cloud.running) >= 120"
[service.ha_vms]
up = "level(cloud.running) >= 110"
"#;

fn script(faults: &[(&str, &str)]) -> String {
    let faults: String = faults
        .iter()
        .map(|(at, what)| format!("[[fault]]\nat = {at}\ndo = {what}\n"))
        .collect();
    format!("until = \"12h\"\n{faults}")
}

const RANDOM: &str = r#"["400s", "460s"]"#;
const CRASH_1: &str = "\"crash\"\nnodes = [\"host1\"]";
const OFF_1: &str = "\"power_off\"\nnodes = [\"host1\"]";
const ON_1: &str = "\"start\"\nnodes = [\"host1\"]";
const CUT_1: &str = "\"cut\"\nnodes = [\"host1\"]";
const MGMT_OFF: &str = "\"power_off\"\nnodes = [\"mgmt1\", \"mgmt2\"]";
const MGMT_ON: &str = "\"start\"\nnodes = [\"mgmt1\", \"mgmt2\"]";

/// From the fault until the machines with HA of the lost host run elsewhere.
fn restarted(t: &Timeline<'_>) -> f64 {
    let changes: Vec<f64> = t.service_changes("ha_vms", "up", t.fault(0));
    changes.first().copied().expect("restarted") - t.fault(0)
}

#[test]
fn a_dead_host_with_a_living_bmc_is_given_up_after_ten_checks() {
    let lab = Lab::new(DESIGN);
    for t in lab.replay(&script(&[(RANDOM, CRASH_1)]), 100) {
        let reset = t
            .first("cloud.recovered", &["host1"], t.fault(0))
            .expect("reset")
            - t.fault(0);
        // 10 to 14 s, nine gaps of 60 to 64 s, and the answer of the BMC.
        assert!((552.0..=650.0).contains(&reset), "{reset}");
        let back = restarted(&t);
        assert!((580.0..=775.0).contains(&back), "{back}");
    }
}

#[test]
fn without_host_ha_pings_and_an_investigation_decide() {
    let lab = Lab::with(DESIGN, &[("cloud.host_ha", "false")]);
    for t in lab.replay(&script(&[(RANDOM, CRASH_1)]), 100) {
        let back = restarted(&t);
        // 150 to 210 s, 10 to 60 s, 30 to 120 s.
        assert!((190.0..=390.0).contains(&back), "{back}");
    }
    // Cut off but alive for its storage: an alert and nothing else.
    for t in lab.replay(&script(&[(RANDOM, CUT_1)]), 20) {
        assert_eq!(t.members("cloud.alert", 4000.0), ["host1"]);
        assert!(t.service_changes("ha_vms", "down", 1.0).is_empty());
    }
}

#[test]
fn a_bmc_without_power_fences_for_ever_and_then_shoots_a_healthy_host() {
    let lab = Lab::new(DESIGN);
    for t in lab.replay(&script(&[(RANDOM, OFF_1), ("\"6h\"", ON_1)]), 20) {
        assert_eq!(t.members("cloud.fencing", 21000.0), ["host1"]);
        assert_eq!(t.service("ha_vms", 21000.0), "down");
        // Power is back, the BMC answers, and OFF succeeds.
        let off = t
            .first("cloud.fenced", &["host1"], 21600.0)
            .expect("fenced");
        assert!(off - 21600.0 < 61.0);
        assert_eq!(t.service("ha_vms", 23000.0), "up");
        assert!(!t.members("node.up", 40000.0).contains(&"host1".to_owned()));
    }
}

#[test]
fn an_operator_is_needed_and_suffices() {
    let lab = Lab::new(DESIGN);
    let down = "\"operator\"\naction = \"down\"\nnodes = [\"host1\"]";
    for t in lab.replay(&script(&[(RANDOM, OFF_1), ("\"2h\"", down)]), 10) {
        assert_eq!(t.service("ha_vms", 7199.0), "down");
        assert_eq!(t.service("ha_vms", 7400.0), "up");
    }
}

#[test]
fn without_management_machines_go_on_and_nothing_is_restarted() {
    let lab = Lab::new(DESIGN);
    let faults = [
        ("\"100s\"", MGMT_OFF),
        ("\"400s\"", CRASH_1),
        ("\"3h\"", MGMT_ON),
    ];
    for t in lab.replay(&script(&faults), 10) {
        assert_eq!(t.service("all_vms", 399.0), "up");
        assert_eq!(t.service("ha_vms", 10700.0), "down");
        assert_eq!(t.service("ha_vms", 13000.0), "up");
    }
}

#[test]
fn a_tag_that_no_host_carries_stops_every_restart() {
    let lab = Lab::with(DESIGN, &[("cloud.ha_tag", "true")]);
    for t in lab.replay(&script(&[(RANDOM, CRASH_1)]), 10) {
        assert_eq!(t.service("ha_vms", 40000.0), "down");
    }
    let tagged = [("cloud.ha_tag", "true"), ("cloud.ha_tag_hosts", "host4")];
    let lab = Lab::with(DESIGN, &tagged);
    for t in lab.replay(&script(&[(RANDOM, CRASH_1)]), 10) {
        // Room for 15 of 20 only.
        assert_eq!(t.service("ha_vms", 40000.0), "down");
    }
}

#[test]
fn local_storage_has_no_high_availability() {
    let lab = Lab::with(DESIGN, &[("cloud.storage_kind", "local")]);
    for t in lab.replay(&script(&[(RANDOM, CRASH_1), ("\"2h\"", ON_1)]), 10) {
        assert_eq!(t.service("ha_vms", 7199.0), "down");
    }
}

#[test]
fn machines_return_with_their_storage() {
    let text = DESIGN
        .replace(
            "[protocol.cloud]",
            "[process.path]\non = \"host\"\n[protocol.cloud]",
        )
        .replace("management = ", "storage = \"proc.path\"\nmanagement = ");
    let gone = "\"stop\"\nprocess = \"path\"\nnodes = [\"host1\", \"host2\", \"host3\", \"host4\"]";
    let back =
        "\"start\"\nprocess = \"path\"\nnodes = [\"host1\", \"host2\", \"host3\", \"host4\"]";
    let faults = script(&[("\"400s\"", gone), ("\"1000s\"", back)]);
    let nfs = Lab::new(&text);
    for t in nfs.replay(&faults, 5) {
        assert_eq!(t.service("all_vms", 999.0), "down");
        assert_eq!(t.service("all_vms", 1000.1), "up");
    }
    let iscsi = Lab::with(&text, &[("cloud.storage_kind", "iscsi")]);
    for t in iscsi.replay(&faults, 5) {
        assert_eq!(t.service("all_vms", 1000.1), "down");
        let again = t.service_changes("all_vms", "up", 1000.0);
        assert!(again.first().is_some_and(|at| *at > 1030.0), "{again:?}");
    }
}
