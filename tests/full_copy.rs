//! The full-copy scenario as it is shipped, under the faults that its operators
//! would try: what systemd, Keepalived and Galera do together.

mod support;

use quorate::automaton::{Command, Nanos, Node, NodeSet};
use quorate::engine::play::Player;
use quorate::model::{Model, build};
use quorate::protocol::CATALOGUE;
use quorate::scenario::read::{self, Surroundings};
use quorate::scenario::{NoFiles, Scenario};
use support::{Lab, Timeline};

const DESIGN: &str = include_str!("../scenarios/full-copy/4-node.toml");
const ALL: [&str; 4] = ["server1", "server2", "server3", "server4"];

/// In a replay nothing fails by chance, so the profile of the scenario is silent.
fn shipped() -> Lab {
    Lab::new(DESIGN)
}

fn process(at: &str, verb: &str, name: &str, nodes: &[&str]) -> String {
    format!("[[fault]]\nat = \"{at}\"\ndo = \"{verb}\"\nprocess = \"{name}\"\nnodes = {nodes:?}\n")
}

fn play<'a>(lab: &'a Lab, faults: &[String], runs: u64) -> Vec<Timeline<'a>> {
    lab.replay(&format!("until = \"300s\"\n{}", faults.concat()), runs)
}

/// The successive holders of the address, moments without any left out.
fn holders(run: &Timeline<'_>) -> Vec<Vec<String>> {
    let changes = run.changes("vip").into_iter();
    let mut held: Vec<_> = changes.map(|(_, members)| members).collect();
    held.retain(|members| !members.is_empty());
    held
}

#[test]
fn a_restart_of_mariadb_is_seen_by_galera_and_takes_slurmctld_along() {
    let lab = shipped();
    let restart = process("60s", "restart", "mariadb", &["server1"]);
    for run in play(&lab, &[restart], 50) {
        assert_eq!(run.members("galera.joining", 60.0), ["server1"]);
        assert!(
            !run.members("galera.primary", 60.0)
                .contains(&"server1".to_owned())
        );
        let back = run
            .first("galera.writable", &ALL, 62.0)
            .expect("Synced again");
        assert!(back < 72.0, "IST takes some seconds, not {back}");
        let slurm = run
            .first("proc.slurmctld", &ALL, 61.0)
            .expect("restarted as well");
        assert!(slurm > back, "slurmctld waits for mariadb");
    }
}

#[test]
fn a_stop_of_mariadb_stops_slurmctld_and_its_start_does_not_bring_it_back() {
    let lab = shipped();
    let faults = [
        process("60s", "stop", "mariadb", &["server1"]),
        process("100s", "start", "mariadb", &["server1"]),
    ];
    for run in play(&lab, &faults, 20) {
        assert_eq!(run.members("galera.writable", 120.0), ALL);
        assert_eq!(run.members("proc.slurmctld", 290.0), &ALL[1..]);
        // So the check goes on failing, and the address stays away.
        assert_eq!(run.members("vip", 290.0), ["server2"]);
    }
}

#[test]
fn a_killed_mariadb_comes_back_after_its_restart_delay_with_slurmctld() {
    let lab = shipped();
    let kill = process("60s", "kill", "mariadb", &["server1"]);
    for run in play(&lab, &[kill], 50) {
        assert_eq!(
            run.members("proc.slurmctld", 64.9),
            ALL,
            "Requires= is no BindsTo="
        );
        assert_eq!(run.members("proc.slurmctld", 65.1), &ALL[1..]);
        assert_eq!(run.members("galera.writable", 90.0), ALL);
        assert_eq!(run.members("proc.slurmctld", 90.0), ALL);
        assert_eq!(run.members("vip", 290.0), ["server1"]);
    }
}

/// Two backups that stop to accept the same holder within one advertisement
/// interval heard the same last one, so the better of them is first. The other
/// order needs an advertisement between the two: P = 1/2 * 7/12.
#[test]
fn backups_that_recover_shortly_after_each_other_share_the_rhythm_of_the_holder() {
    let lab = shipped();
    let two = ["server1", "server2"];
    let faults = [
        process("60s", "stop", "redis_server", &two),
        process("90s", "start", "redis_server", &two),
    ];
    let runs = play(&lab, &faults, 1000);
    let detours = runs.iter().filter(|run| holders(run).len() == 4).count();
    for run in &runs {
        let held = holders(run);
        assert_eq!(held.last().expect("a holder"), &["server1"]);
        assert!(matches!(held.len(), 3 | 4), "{held:?}");
    }
    // 292 of 1000, with a deviation of 14.
    assert!((235..350).contains(&detours), "{detours} of 1000");
}

#[test]
fn starts_of_a_person_count_against_the_start_limit_until_its_interval_is_over() {
    let lab = shipped();
    let restart = |i: u32| {
        process(
            &format!("{}ms", 60_000 + 400 * i),
            "restart",
            "nginx",
            &["server2"],
        )
    };
    let mut faults: Vec<String> = (0..7).map(restart).collect();
    faults.push(process("80s", "start", "nginx", &["server2"]));
    for run in play(&lab, &faults, 3) {
        assert!(
            !run.members("proc.nginx", 70.0)
                .contains(&"server2".to_owned())
        );
        assert_eq!(run.members("proc.nginx", 90.0), ALL);
    }
}

#[test]
fn groups_are_known_to_fault_scripts() {
    let lab = shipped();
    let faults = "[[fault]]\nat = \"60s\"\ndo = \"power_off\"\nnodes = [\"server\"]\n\
        [[fault]]\nafter = { signal = \"node.up\", is = [], plus = \"60s\" }\ndo = \"start\"\nnodes = [\"server\"]\n\
        [[fault]]\nat = \"200s\"\ndo = \"partition\"\ngroups = [[\"server\"], [\"clients\"]]\n";
    for run in play(&lab, &[faults.to_owned()], 20) {
        assert!(run.members("node.up", 119.0).is_empty());
        assert_eq!(run.members("galera.writable", 199.0), ALL);
        assert!(run.members("net.clients", 201.0).is_empty());
    }
}

#[test]
fn a_cut_between_two_servers_gives_two_holders_and_a_hang_until_galera_relays() {
    let lab = shipped();
    let faults = "[[fault]]\nat = \"60s\"\ndo = \"cut\"\nlink = [\"server1\", \"server2\"]\n\
        [[fault]]\nat = \"120s\"\ndo = \"heal\"\n";
    for run in play(&lab, &[faults.to_owned()], 50) {
        assert_eq!(run.members("vip", 119.0), ["server1", "server2"]);
        assert_eq!(run.members("vip", 122.0), ["server1"]);
        assert_eq!(run.changes("galera.primary").len(), 1, "no view change");
        let again = run
            .first("galera.writable", &ALL, 60.0)
            .expect("writes go on");
        assert!((63.0..63.6).contains(&again), "{again}");
    }
}

/// The way out of the state in which nobody is primary and all were restarted.
#[test]
fn a_bootstrap_of_waiting_nodes_begins_with_one_and_the_others_join_it() {
    let lab = shipped();
    let mut faults: Vec<String> = (0..4)
        .map(|i| {
            format!(
                "[[fault]]\nat = \"{}s\"\ndo = \"power_off\"\nnodes = [\"server{}\"]\n",
                20 + 20 * i,
                i + 1
            )
        })
        .collect();
    faults.push("[[fault]]\nat = \"150s\"\ndo = \"start\"\nnodes = [\"server\"]\n".to_owned());
    faults.push("[[fault]]\nat = \"200s\"\ndo = \"operator\"\naction = \"bootstrap\"\n".to_owned());
    for run in play(&lab, &faults, 50) {
        assert!(run.members("galera.primary", 199.0).is_empty());
        let first = run
            .first_where("galera.primary", 200.0, |m| !m.is_empty())
            .expect("bootstrapped");
        assert!(first < 201.0, "{first}");
        assert_eq!(run.members("galera.primary", first).len(), 1);
        assert_eq!(run.members("galera.writable", 230.0), ALL);
    }
}

/// At boot systemd orders the whole transaction, wherever the units are listed.
#[test]
fn after_holds_at_boot_for_units_that_are_listed_later() {
    let lab = Lab::new(
        "schema = 1\nname = \"order\"\nnode = [{ name = \"n\" }]\n[process.early]\nafter = [\"late\"]\n\
         [process.late]\nstart = \"5s\"\n[service.s]\nup = \"any(proc.early)\"\n",
    );
    let faults = "until = \"100s\"\n[[fault]]\nat = \"10s\"\ndo = \"power_off\"\nnodes = [\"n\"]\n\
        [[fault]]\nat = \"20s\"\ndo = \"start\"\nnodes = [\"n\"]\n";
    for run in lab.replay(faults, 1) {
        let early = run.first("proc.early", &["n"], 20.0).expect("it starts");
        assert!((early - 25.0).abs() < 1e-6, "{early}");
    }
}

/// `Restart=on-failure` answers the exit status 1 of a mariadbd that found no
/// primary component; the `on-abnormal` of Debian does not.
#[test]
fn a_restart_rule_decides_whether_a_mariadb_that_gave_up_tries_again() {
    for (rule, present) in [("on-abnormal", false), ("on-failure", true)] {
        let design = DESIGN.replacen("on-abnormal", rule, 1);
        let lab = Lab::new(&design);
        let faults = [
            process("60s", "stop", "mariadb", &ALL),
            process("100s", "start", "mariadb", &ALL),
        ];
        for run in play(&lab, &faults, 3) {
            assert!(run.members("proc.mariadb.present", 133.0).is_empty());
            assert_eq!(
                !run.members("proc.mariadb.present", 137.0).is_empty(),
                present
            );
        }
    }
}

fn plain(text: &str) -> (Scenario, Model<1>) {
    let around = Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    let scenario = read::scenario("plain.toml", text, &around).expect("a sound scenario");
    let model = build::model(&scenario, &NoFiles).expect("a sound model");
    (scenario, model)
}

#[test]
fn the_end_of_a_spontaneous_partition_undoes_nothing_else() {
    let (_, model) = plain(
        "schema = 1\nname = \"weather\"\nnode = [{ name = \"n\", count = 3 }]\n\
         [[partition]]\nname = \"flap\"\nevery = \"100s\"\nlasts = \"50s\"\ngroups = [[\"n1\"], [\"n2\", \"n3\"]]\n\
         [[partition]]\nname = \"flop\"\nevery = \"120s\"\nlasts = \"100s\"\ngroups = [[\"n1\", \"n2\"], [\"n3\"]]\n\
         [service.s]\nup = \"any(net.clients)\"\n",
    );
    let clients = model
        .blueprint()
        .signal_named("net.clients")
        .expect("a signal");
    let mut player = Player::new(&model, true, 1000);
    player.begin(1, 0).expect("begins");
    let at = |player: &mut Player<'_, 1>, seconds: u64| -> Vec<u16> {
        while player.advance(Nanos(seconds * 1_000_000_000)).is_some() {}
        player.state().set(clients).iter().map(|n| n.0).collect()
    };
    assert_eq!(at(&mut player, 90), [0, 1, 2]);
    assert_eq!(at(&mut player, 110), [0]);
    let cut = Command::CutNodes {
        nodes: NodeSet::single(Node(0)),
        carrier: true,
    };
    player.obey(Nanos(115_000_000_000), &cut).expect("obeys");
    assert!(at(&mut player, 130).is_empty());
    // The first partition is over: the second one and the cut are not.
    assert_eq!(at(&mut player, 160), [1]);
    // The second ends at 220 s, the cut never.
    assert_eq!(at(&mut player, 225), [1, 2]);
}

#[test]
fn a_mariadb_that_waits_for_a_primary_component_does_not_heed_sigterm() {
    let lab = shipped();
    let script = [
        "[[fault]]\nat = \"60s\"\ndo = \"power_off\"\nnodes = [\"server\"]\n".to_owned(),
        "[[fault]]\nat = \"70s\"\ndo = \"start\"\nnodes = [\"server1\"]\n".to_owned(),
        process("100s", "stop", "mariadb", &["server1"]),
        process("200s", "kill", "mariadb", &["server1"]),
    ];
    for run in play(&lab, &script, 5) {
        assert_eq!(run.members("proc.mariadb.present", 199.0), ["server1"]);
        assert!(run.members("proc.mariadb.present", 200.5).is_empty());
    }
}
