//! The scenarios of the Pacemaker documents as they are shipped, under the faults that
//! their readers would try.

mod support;

use support::{Lab, Timeline};

fn text(path: &str) -> String {
    let file = format!("{}/scenarios/{path}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn shipped(path: &str) -> Lab {
    Lab::new(&text(path))
}

fn play<'a>(lab: &'a Lab, script: &str, runs: u64) -> Vec<Timeline<'a>> {
    lab.replay(&text(script), runs)
}

#[test]
fn every_scenario_runs_on_its_first_node_and_writes() {
    for design in [
        "as-printed",
        "without-avoids",
        "with-fencing",
        "with-fencing-delay",
        "three-nodes",
        "with-qdevice",
    ] {
        let lab = shipped(&format!("pacemaker-drbd/{design}"));
        let t = &play(&lab, "pacemaker-drbd/faults/node1-dies", 1)[0];
        assert_eq!(t.members("pacemaker.WebServer", 1.0), ["node1"], "{design}");
        assert_eq!(t.members("r0.writable", 1.0), ["node1"], "{design}");
    }
}

#[test]
fn what_avoids_node2_has_no_failover() {
    let printed = shipped("pacemaker-drbd/as-printed");
    let free = shipped("pacemaker-drbd/without-avoids");
    for t in play(&printed, "pacemaker-drbd/faults/node1-dies", 10) {
        assert_eq!(t.service("web", 4100.0), "down");
    }
    for t in play(&free, "pacemaker-drbd/faults/node1-dies", 10) {
        assert_eq!(t.service("web", 620.0), "up");
    }
}

#[test]
fn a_partition_without_fencing_has_two_primaries_and_with_it_one() {
    let open = shipped("pacemaker-drbd/without-avoids");
    for t in play(&open, "pacemaker-drbd/faults/partition", 10) {
        assert_eq!(t.members("r0.writable", 1100.0), ["node1", "node2"]);
        assert_eq!(t.service("one_primary", 1100.0), "down");
        assert_eq!(t.members("r0.split", 7000.0), ["node1", "node2"]);
    }
    let fenced = shipped("pacemaker-drbd/with-fencing-delay");
    for t in play(&fenced, "pacemaker-drbd/faults/partition", 10) {
        assert!(t.first("r0.writable", &["node1", "node2"], 600.0).is_none());
        assert_eq!(t.service("web", 1100.0), "up");
        assert!(t.members("r0.split", 7000.0).is_empty());
    }
}

#[test]
fn a_device_without_power_holds_the_failover_up() {
    let fenced = shipped("pacemaker-drbd/with-fencing");
    for t in play(&fenced, "pacemaker-drbd/faults/node1-dies", 10) {
        assert_eq!(t.service("web", 4100.0), "down");
        assert_eq!(t.members("pacemaker.unclean", 4100.0), ["node1"]);
        assert_eq!(t.service("web", 5000.0), "up");
    }
}

#[test]
fn drbd_goes_on_alone_and_the_old_copy_starts_first() {
    let open = shipped("pacemaker-drbd/without-avoids");
    for t in play(&open, "pacemaker-drbd/faults/stale-start", 10) {
        assert_eq!(t.members("r0.alone", 4000.0), ["node1"]);
        assert_eq!(t.members("r0.stale", 17000.0), ["node2"]);
        assert_eq!(t.service("no_lost_writes", 17000.0), "down");
    }
}

#[test]
fn a_lone_node_waits_for_ever_unless_quorum_is_ignored() {
    let ignored = shipped("pacemaker-drbd/without-avoids");
    let waits = shipped("pacemaker-drbd/with-fencing-delay");
    for t in play(&ignored, "pacemaker-drbd/faults/full-outage", 10) {
        assert_eq!(t.service("web", 1400.0), "up");
    }
    for t in play(&waits, "pacemaker-drbd/faults/full-outage", 10) {
        assert_eq!(t.service("web", 10700.0), "down");
    }
}

#[test]
fn the_old_copy_is_brought_up_to_date_before_anything_moves_back() {
    let printed = shipped("pacemaker-drbd/as-printed");
    for t in play(&printed, "pacemaker-drbd/faults/node1-dies", 20) {
        assert!(t.first_where("r0.stale", 0.1, |m| !m.is_empty()).is_none());
        assert_eq!(t.service("web", 9000.0), "up");
    }
}

#[test]
fn the_campus_link_splits_the_storage_unless_somebody_is_shot() {
    let open = shipped("openstack-campus/as-described");
    for t in play(&open, "openstack-campus/faults/link", 5) {
        assert_eq!(t.service("one_primary", 2000.0), "down");
        assert_eq!(
            t.members("nvme.split", 7000.0),
            ["controller1", "controller2"]
        );
    }
    let fenced = shipped("openstack-campus/with-fencing");
    for t in play(&fenced, "openstack-campus/faults/link", 5) {
        assert!(
            t.first("nvme.writable", &["controller1", "controller2"], 1.0)
                .is_none()
        );
        assert_eq!(t.service("glance", 2000.0), "up");
    }
}

#[test]
fn two_servers_that_say_good_bye_leave_a_primary_and_two_that_die_do_not() {
    let lab = shipped("galera-3/as-printed");
    for (faults, left) in [
        ("stop-two", true),
        ("two-off-at-once", false),
        ("two-off-in-turn", false),
    ] {
        for t in play(&lab, &format!("galera-3/faults/{faults}"), 20) {
            let primary = t.members("galera.primary", 3500.0);
            assert_eq!(primary == ["db3"], left, "{faults}: {primary:?}");
        }
    }
    for t in play(&lab, "galera-3/faults/stop-one", 20) {
        assert_eq!(t.service("write_anywhere", 320.0), "up");
        assert_eq!(t.members("galera.writable", 3500.0).len(), 3);
    }
}

#[test]
fn a_host_without_power_is_fenced_for_ever_and_then_shot() {
    let lab = shipped("mold/as-described");
    for t in play(&lab, "mold/faults/oobm-off", 5) {
        assert_eq!(t.members("mold.fencing", 21000.0), ["host1"]);
        assert_eq!(t.service("all_machines", 21000.0), "down");
        assert!(t.first("mold.fenced", &["host1"], 21600.0).is_some());
        assert_eq!(t.service("all_machines", 23000.0), "up");
    }
}
