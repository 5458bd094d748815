//! HAProxy against the laboratory: how long it trusts a server that is gone, how
//! long it distrusts one that is back, and what that costs in requests.

mod support;

use quorate::estimate::{kolmogorov_smirnov_one_sample, kolmogorov_smirnov_two_sample};
use support::{Lab, Timeline, measured};

const MEASURED: &str = include_str!("data/measured/haproxy.csv");
const SIGNIFICANT: f64 = 0.001;
const REPLICATIONS: u64 = 400;
const SERVERS: [&str; 4] = ["server1", "server2", "server3", "server4"];
const OTHERS: [&str; 3] = ["server2", "server3", "server4"];
const REQUESTS_PER_S: f64 = 50.0;

const DESIGN: &str = r#"
schema = 1
name = "lab"
node = [ { name = "lb" }, { name = "server", count = 4 } ]
[process.haproxy]
on = "lb"
[process.nginx]
on = "server"
[protocol.haproxy]
kind = "haproxy"
on = "lb"
servers = "server"
check = { ok = "proc.nginx", hang = "proc.nginx.frozen" }
[service.web]
up = "any(haproxy.serving)"
success = "share(haproxy.pool - haproxy.failing, haproxy.pool)"
"#;

const REDISPATCH: (&str, &str) = ("protocol.haproxy.redispatch", "true");
const KILL: &str = "\"kill\"\nprocess = \"nginx\"\nnodes = [\"server1\"]";
const START: &str = "\"start\"\nprocess = \"nginx\"\nnodes = [\"server1\"]";
const FREEZE: &str = "\"freeze\"\nprocess = \"nginx\"\nnodes = [\"server1\"]";
const THAW: &str = "\"thaw\"\nprocess = \"nginx\"\nnodes = [\"server1\"]";
const CUT: &str = "\"cut\"\nnodes = [\"server1\"]";
const HEAL: &str = "\"heal\"\nnodes = [\"server1\"]";

fn script(until: &str, faults: &[(&str, &str)]) -> String {
    let faults: String = faults
        .iter()
        .map(|(at, what)| format!("[[fault]]\nat = {at}\ndo = {what}\n"))
        .collect();
    format!("until = \"{until}\"\n{faults}")
}

/// A fault on server1 and its end, as the lab did it.
fn fault_and_end(fault: &str, end: &str) -> String {
    script(
        "120s",
        &[(r#"["60s", "62s"]"#, fault), (r#"["90s", "94s"]"#, end)],
    )
}

fn until_pool(timeline: &Timeline<'_>, fault: usize, members: &[&str]) -> f64 {
    let from = timeline.fault(fault);
    timeline
        .first("haproxy.pool", members, from)
        .expect("the belief follows")
        - from
}

/// Times to DOWN and to UP again of server1.
fn down_and_up(lab: &Lab, script: &str) -> (Vec<f64>, Vec<f64>) {
    let runs = lab.replay(script, REPLICATIONS);
    (
        runs.iter().map(|t| until_pool(t, 0, &OTHERS)).collect(),
        runs.iter().map(|t| until_pool(t, 1, &SERVERS)).collect(),
    )
}

/// All rows of an experiment: the variants with `option redispatch` and with
/// keep-alive clients have the same checks.
fn experiments(prefix: &str) -> Vec<(String, Vec<f64>)> {
    [
        "default",
        "redispatch",
        "default_keepalive_client",
        "redispatch_keepalive_client",
    ]
    .iter()
    .map(|variant| format!("{prefix}_{variant}"))
    .map(|name| {
        let values = measured(MEASURED, "latency_s", |cell| cell("experiment") == name);
        assert!(!values.is_empty(), "{name}");
        (name, values)
    })
    .collect()
}

fn agree(prefix: &str, model: &[f64]) {
    for (name, lab) in experiments(prefix) {
        let test = kolmogorov_smirnov_two_sample(&lab, model).expect("values");
        println!(
            "{name}: n = {}, D = {:.3}, p = {:.4}",
            lab.len(),
            test.statistic,
            test.p_value
        );
        assert!(
            test.p_value > SIGNIFICANT,
            "{name}: D = {:.3}, p = {:.5}",
            test.statistic,
            test.p_value
        );
    }
}

fn follows(values: &[f64], cdf: impl Fn(f64) -> f64) {
    let test = kolmogorov_smirnov_one_sample(values, cdf).expect("values");
    assert!(
        test.p_value > SIGNIFICANT,
        "D = {:.3}, p = {:.5}",
        test.statistic,
        test.p_value
    );
}

fn uniform(low: f64, high: f64) -> impl Fn(f64) -> f64 {
    move |x| ((x - low) / (high - low)).clamp(0.0, 1.0)
}

#[test]
fn in_steady_state_nothing_happens() {
    let lab = Lab::new(DESIGN);
    for timeline in lab.replay("until = \"1000s\"", 2) {
        assert_eq!(timeline.changes("haproxy.pool").len(), 1);
        assert_eq!(timeline.members("haproxy.pool", 1.0), SERVERS);
        assert_eq!(timeline.members("haproxy.serving", 1.0), ["lb"]);
        assert!(timeline.members("haproxy.failing", 1.0).is_empty());
    }
}

#[test]
fn a_refused_connection_takes_4_to_6_s_and_2_to_4_s_back() {
    let (down, up) = down_and_up(&Lab::new(DESIGN), &fault_and_end(KILL, START));
    agree("a_kill_to_DOWN", &down);
    agree("a_kill_recover_to_UP", &up);
    follows(&down, uniform(4.0, 6.0));
    follows(&up, uniform(2.0, 4.0));
}

#[test]
fn a_black_hole_takes_10_to_12_s() {
    let lab = Lab::new(DESIGN);
    for fault in [CUT, "\"power_off\"\nnodes = [\"server1\"]"] {
        let runs = lab.replay(
            &script("90s", &[(r#"["60s", "62s"]"#, fault)]),
            REPLICATIONS,
        );
        let down: Vec<f64> = runs.iter().map(|t| until_pool(t, 0, &OTHERS)).collect();
        agree("b_blackhole_to_DOWN", &down);
        follows(&down, uniform(10.0, 12.0));
    }
}

/// The times of the lab have two humps and next to nothing between them, as if a
/// check had been under way in every trial when the link came back: the next SYN
/// comes within 1 s (UP at 2..3 s), or the check is past its last SYN, times out,
/// and two more are needed (UP at 4..5 s). The model comes back at any phase of
/// the cycle of 4 s, and half of its checks are not under way (UP at 2..4 s). So
/// the whole distributions differ; each is compared with what the same rules say
/// for its phases.
#[test]
fn after_a_black_hole_the_check_under_way_may_still_time_out() {
    let (_, up) = down_and_up(&Lab::new(DESIGN), &fault_and_end(CUT, HEAL));
    let humps = |x: f64| 0.5 * uniform(2.0, 3.0)(x) + 0.5 * uniform(4.0, 5.0)(x);
    follows(&up, |x| 0.5 * humps(x) + 0.5 * uniform(2.0, 4.0)(x));
    for (_, lab) in experiments("b_blackhole_recover_to_UP") {
        follows(&lab, humps);
        assert!(lab.iter().all(|t| (2.0..=5.01).contains(t)));
    }
}

#[test]
fn a_server_that_hangs_is_noticed_as_late_as_a_black_hole() {
    let (down, up) = down_and_up(&Lab::new(DESIGN), &fault_and_end(FREEZE, THAW));
    follows(&down, uniform(10.0, 12.0));
    // Half of the time a check is under way, and answered at once.
    assert!(up.iter().all(|t| (2.0..=4.0).contains(t)));
    let at_once = up.iter().filter(|t| **t == 2.0).count() as f64 / up.len() as f64;
    assert!((at_once - 0.5).abs() < 0.08, "{at_once}");
}

#[test]
fn fast_checks_help_between_the_states_and_downinter_below() {
    let set = [
        ("protocol.haproxy.check.fastinter", "\"500ms\""),
        ("protocol.haproxy.check.downinter", "\"10s\""),
    ];
    let (down, up) = down_and_up(&Lab::with(DESIGN, &set), &fault_and_end(KILL, START));
    follows(&down, uniform(1.0, 3.0));
    follows(&up, uniform(0.5, 10.5));
}

#[test]
fn a_timeout_of_its_own_shortens_the_answer_not_the_connection() {
    let lab = Lab::with(DESIGN, &[("protocol.haproxy.check.timeout", "\"1s\"")]);
    let (hang, _) = down_and_up(&lab, &fault_and_end(FREEZE, THAW));
    follows(&hang, uniform(7.0, 9.0));
    let (hole, _) = down_and_up(&lab, &fault_and_end(CUT, HEAL));
    follows(&hole, uniform(10.0, 12.0));
}

#[test]
fn a_new_balancer_trusts_everybody_until_the_first_check() {
    let lab = Lab::new(DESIGN);
    let events = [
        (
            r#""50s""#,
            "\"kill\"\nprocess = \"nginx\"\nnodes = [\"server3\"]",
        ),
        (
            r#""70s""#,
            "\"kill\"\nprocess = \"haproxy\"\nnodes = [\"lb\"]",
        ),
        (
            r#""80s""#,
            "\"start\"\nprocess = \"haproxy\"\nnodes = [\"lb\"]",
        ),
    ];
    for timeline in lab.replay(&script("120s", &events), 20) {
        assert!(timeline.members("haproxy.pool", 75.0).is_empty());
        assert!(timeline.members("haproxy.balancers", 75.0).is_empty());
        assert_eq!(timeline.service("web", 75.0), "down");
        assert_eq!(timeline.members("haproxy.pool", 80.0), SERVERS);
        let found = timeline.first("haproxy.pool", &["server1", "server2", "server4"], 80.0);
        assert!(found.expect("noticed") <= 82.0);
        assert_eq!(
            timeline.members("haproxy.pool", 119.0),
            ["server1", "server2", "server4"]
        );
    }
}

/// The integral of |failing| / |pool| after the fault, times the rate.
fn failed_requests(timeline: &Timeline<'_>) -> f64 {
    let mut times: Vec<f64> = ["haproxy.pool", "haproxy.failing"]
        .iter()
        .flat_map(|signal| timeline.changes(signal))
        .map(|(t, _)| t)
        .collect();
    times.sort_by(f64::total_cmp);
    times
        .windows(2)
        .map(|w| {
            let size = |signal: &str| timeline.members(signal, w[0]).len() as f64;
            let share = size("haproxy.failing") / size("haproxy.pool").max(1.0);
            share * (w[1] - w[0]) * REQUESTS_PER_S
        })
        .sum()
}

fn mean_failures(lab: &Lab, fault: &str) -> f64 {
    let runs = lab.replay(
        &script("90s", &[(r#"["60s", "62s"]"#, fault)]),
        REPLICATIONS,
    );
    runs.iter().map(failed_requests).sum::<f64>() / runs.len() as f64
}

/// [M a, b, f]: failures = rate / n x time to DOWN: about 62 for a kill, 137 for
/// a black hole, 130..150 for a server that hangs, at 50/s and 4 servers.
#[test]
fn failed_requests_are_the_rate_times_the_time_of_misplaced_trust() {
    let default = Lab::new(DESIGN);
    assert!((mean_failures(&default, KILL) - 62.5).abs() < 1.5);
    assert!((mean_failures(&default, CUT) - 137.5).abs() < 1.5);
    assert!((mean_failures(&default, FREEZE) - 137.5).abs() < 1.5);
    let redispatch = Lab::with(DESIGN, &[REDISPATCH]);
    assert_eq!(mean_failures(&redispatch, KILL), 0.0);
    assert_eq!(mean_failures(&redispatch, CUT), 0.0);
    assert!((mean_failures(&redispatch, FREEZE) - 137.5).abs() < 1.5);
}

#[test]
fn redispatch_turns_the_failures_of_a_black_hole_into_delays() {
    let lab = Lab::with(DESIGN, &[REDISPATCH]);
    for timeline in lab.replay(&script("90s", &[(r#""60s""#, CUT)]), 10) {
        assert_eq!(timeline.members("haproxy.slow", 65.0), ["server1"]);
        assert!(timeline.members("haproxy.failing", 65.0).is_empty());
        assert!(timeline.members("haproxy.slow", 89.0).is_empty());
    }
    let all = format!("\"kill\"\nprocess = \"nginx\"\nnodes = {SERVERS:?}");
    for timeline in lab.replay(&script("90s", &[(r#""60s""#, &all)]), 10) {
        assert_eq!(timeline.members("haproxy.failing", 61.0), SERVERS);
        assert!(timeline.members("haproxy.pool", 89.0).is_empty());
        assert_eq!(timeline.service("web", 61.0), "down");
    }
    let no_retries = Lab::with(DESIGN, &[REDISPATCH, ("protocol.haproxy.retries", "0")]);
    for timeline in no_retries.replay(&script("90s", &[(r#""60s""#, KILL)]), 2) {
        assert_eq!(timeline.members("haproxy.failing", 61.0), ["server1"]);
    }
}

/// A balancer on every server: each has its own belief, and a cut one loses all
/// but itself.
#[test]
fn each_balancer_has_its_own_belief() {
    let design = DESIGN.replace("on = \"lb\"", "on = \"server\"");
    let lab = Lab::new(&design);
    let isolate =
        "\"partition\"\ngroups = [[\"server1\"], [\"server2\", \"server3\", \"server4\"]]";
    let events = [(r#""60s""#, isolate), (r#""90s""#, "\"heal\"")];
    for timeline in lab.replay(&script("120s", &events), 10) {
        assert_eq!(timeline.members("haproxy.balancers", 80.0), SERVERS);
        assert_eq!(timeline.members("haproxy.failing", 65.0), SERVERS);
        assert!(timeline.members("haproxy.failing", 75.0).is_empty());
        assert_eq!(timeline.members("haproxy.pool", 75.0), SERVERS);
        assert_eq!(timeline.members("haproxy.serving", 75.0), SERVERS);
    }
}

/// The message if the design is refused with this parameter.
fn refusal(path: &str, value: &str) -> Option<String> {
    support::refusal(DESIGN, &format!("protocol.haproxy.{path}"), value)
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let wrong = [
        ("servers", "\"\"", "must name nodes"),
        ("servers", "\"proc.nginx\"", "must name nodes"),
        (
            "servers",
            "\"server - {server1, server2, server3, server4}\"",
            "must name nodes",
        ),
        ("servers", "\"sever\"", "sever"),
        ("process", "\"nginxx\"", "needs a process"),
        ("balance", "\"leastconn\"", "leastconn"),
        ("check.inter", "\"0s\"", "longer than zero"),
        ("check.fastinter", "\"0s\"", "longer than zero"),
        ("check.fall", "0", "0"),
        ("check.rise", "1001", "1001"),
        ("check.ok", "\"proc.ngin\"", "proc.ngin"),
        ("timeout.connect", "\"0s\"", "longer than zero"),
        ("retries", "-1", "-1"),
    ];
    for (path, value, reason) in wrong {
        let message =
            refusal(path, value).unwrap_or_else(|| panic!("{path} = {value} was accepted"));
        assert!(message.contains(reason), "{path} = {value}: {message}");
    }
    assert_eq!(refusal("servers", "\"server - {server4}\""), None);
}

mod anything_goes {
    use super::*;
    use proptest::prelude::*;

    const FAULTS: [&str; 14] = [
        KILL,
        START,
        FREEZE,
        THAW,
        CUT,
        HEAL,
        "\"power_off\"\nnodes = [\"server1\"]",
        "\"start\"\nnodes = [\"server1\"]",
        "\"freeze\"\nnodes = [\"server1\"]",
        "\"thaw\"\nnodes = [\"server1\"]",
        "\"freeze\"\nprocess = \"haproxy\"\nnodes = [\"lb\"]",
        "\"thaw\"\nprocess = \"haproxy\"\nnodes = [\"lb\"]",
        "\"kill\"\nprocess = \"haproxy\"\nnodes = [\"lb\"]",
        "\"start\"\nprocess = \"haproxy\"\nnodes = [\"lb\"]",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn when_all_is_well_again_everybody_is_trusted(
            faults in proptest::collection::vec((0usize..14, 0usize..5, 0u32..40_000), 0..16),
            timeout in prop_oneof![Just("\"\""), Just("\"5s\""), Just("\"300ms\"")],
        ) {
            let set = [("protocol.haproxy.check.timeout", timeout), REDISPATCH];
            let lab = Lab::with(DESIGN, &set);
            let mut events: Vec<(u32, String)> = faults
                .iter()
                .map(|(f, node, at)| (*at, FAULTS[*f].replace("server1", &format!("server{}", 1 + node % 4))))
                .collect();
            events.sort();
            for index in [5, 7, 9, 11, 3, 1, 13] {
                let all = FAULTS[index].replace("[\"server1\"]", &format!("{SERVERS:?}"));
                events.push((50_000, all));
            }
            let events: Vec<(String, &str)> =
                events.iter().map(|(at, what)| (format!("\"{at}ms\""), what.as_str())).collect();
            let events: Vec<(&str, &str)> = events.iter().map(|(at, what)| (at.as_str(), *what)).collect();
            for timeline in lab.replay(&script("120s", &events), 2) {
                prop_assert_eq!(timeline.members("haproxy.pool", 110.0), SERVERS);
                prop_assert!(timeline.members("haproxy.failing", 110.0).is_empty());
                prop_assert_eq!(timeline.members("haproxy.serving", 110.0), ["lb"]);
                prop_assert!(timeline.changes("haproxy.pool").iter().all(|(t, _)| *t < 80.0));
            }
        }
    }
}

/// The shipped scenarios say that a frozen nginx accepts and does not answer.
#[test]
fn a_frozen_nginx_of_the_full_copies_hangs_the_check() {
    for design in [
        include_str!("../scenarios/full-copy/4-node-haproxy.toml"),
        include_str!("../scenarios/full-copy/4-node-haproxy-pair.toml"),
    ] {
        let lab = Lab::new(design);
        let freeze = "until = \"200s\"\n[[fault]]\nat = \"60s\"\ndo = \"freeze\"\nprocess = \"nginx\"\nnodes = [\"server1\"]\n";
        for run in lab.replay(freeze, 50) {
            let others = ["server2", "server3", "server4"];
            let down = run.first("haproxy.pool", &others, 60.0).expect("noticed");
            assert!((70.0..72.01).contains(&down), "{down}");
        }
    }
}
