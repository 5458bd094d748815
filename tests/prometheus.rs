//! Prometheus against its documentation: who notices, and how soon.

mod support;

use quorate::estimate::kolmogorov_smirnov_one_sample;
use support::Lab;

const DESIGN: &str = r#"
schema = 1
name = "lab"
node = [ { name = "monitor" }, { name = "server", count = 2 } ]
[process.prometheus]
on = "monitor"
[process.mariadb]
on = "server"
[protocol.prometheus]
kind = "prometheus"
on = "monitor"
targets = "server"
watches = "proc.mariadb.active"
[service.db]
up = "any(proc.mariadb)"
"#;

const KILL: &str = "\"kill\"\nprocess = \"mariadb\"\nnodes = [\"server1\"]";
const START: &str = "\"start\"\nprocess = \"mariadb\"\nnodes = [\"server1\"]";

fn script(until: &str, faults: &[(&str, &str)]) -> String {
    let faults: String = faults
        .iter()
        .map(|(at, what)| format!("[[fault]]\nat = {at}\ndo = {what}\n"))
        .collect();
    format!("until = \"{until}\"\n{faults}")
}

fn known_after(lab: &Lab, fault: &str) -> Vec<f64> {
    let script = script("2000s", &[(r#""400s""#, fault)]);
    lab.replay(&script, 300)
        .iter()
        .map(|t| {
            t.first("prometheus.alert", &["server1"], 400.0)
                .expect("somebody is told")
                - 400.0
        })
        .collect()
}

/// The sum of two phases of a minute, after a constant.
fn two_minutes(after: f64) -> impl Fn(f64) -> f64 {
    move |x| {
        let u = ((x - after) / 60.0).clamp(0.0, 2.0);
        if u < 1.0 {
            u * u / 2.0
        } else {
            1.0 - (2.0 - u) * (2.0 - u) / 2.0
        }
    }
}

fn follows(values: &[f64], cdf: impl Fn(f64) -> f64) {
    let test = kolmogorov_smirnov_one_sample(values, cdf).expect("values");
    assert!(test.p_value > 0.001, "D = {:.3}", test.statistic);
}

#[test]
fn people_know_after_scrape_evaluation_and_group_wait() {
    let lab = Lab::new(DESIGN);
    follows(&known_after(&lab, KILL), two_minutes(30.0));
    let off = "\"power_off\"\nnodes = [\"server1\"]";
    follows(&known_after(&lab, off), two_minutes(40.0));
    let patient = Lab::with(DESIGN, &[("protocol.prometheus.for", "\"90s\"")]);
    follows(&known_after(&patient, KILL), two_minutes(150.0));
}

#[test]
fn what_is_over_is_resolved_and_a_blink_is_never_seen() {
    let lab = Lab::new(DESIGN);
    let events = [(r#""400s""#, KILL), (r#""600s""#, START)];
    let mut resolved = Vec::new();
    for timeline in lab.replay(&script("1000s", &events), 300) {
        assert_eq!(timeline.members("prometheus.alert", 599.0), ["server1"]);
        resolved.push(
            timeline
                .first("prometheus.alert", &[], 600.0)
                .expect("over")
                - 600.0,
        );
    }
    follows(&resolved, two_minutes(0.0));
    let events = [(r#""400s""#, KILL), (r#""425s""#, START)];
    for timeline in lab.replay(&script("1000s", &events), 50) {
        assert_eq!(timeline.changes("prometheus.alert").len(), 1);
    }
}

#[test]
fn a_server_that_is_gone_notices_nothing_and_one_cut_off_tells_nobody() {
    let lab = Lab::new(DESIGN);
    let dead = "\"kill\"\nprocess = \"prometheus\"\nnodes = [\"monitor\"]";
    let back = "\"start\"\nprocess = \"prometheus\"\nnodes = [\"monitor\"]";
    let events = [
        (r#""300s""#, dead),
        (r#""400s""#, KILL),
        (r#""5000s""#, back),
    ];
    for timeline in lab.replay(&script("6000s", &events), 20) {
        assert!(timeline.members("prometheus.working", 4999.0).is_empty());
        assert!(timeline.members("prometheus.alert", 4999.0).is_empty());
        assert_eq!(timeline.members("prometheus.alert", 5999.0), ["server1"]);
    }
    let cut = "\"cut\"\nnodes = [\"monitor\"]";
    let events = [(r#""300s""#, cut), (r#""5000s""#, "\"heal\"")];
    for timeline in lab.replay(&script("6000s", &events), 20) {
        assert!(timeline.members("prometheus.working", 4999.0).is_empty());
        assert!(timeline.members("prometheus.alert", 4999.0).is_empty());
        assert!(timeline.members("prometheus.alert", 5999.0).is_empty());
        assert_eq!(timeline.members("prometheus.working", 5999.0), ["monitor"]);
    }
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    use quorate::{model::build, protocol::CATALOGUE, scenario::NoFiles, scenario::read};
    let wrong = [
        ("watches", "\"\"", "notices nothing"),
        (
            "scrape_timeout",
            "\"2m\"",
            "longer than the scrape_interval",
        ),
        ("evaluation_interval", "\"0s\"", "longer than zero"),
        ("targets", "\"proc.mariadb\"", "must name nodes"),
    ];
    for (path, value, reason) in wrong {
        let overrides = [(format!("protocol.prometheus.{path}"), value.to_owned())];
        let around = read::Surroundings {
            files: &NoFiles,
            catalogue: CATALOGUE,
            profile: None,
            overrides: &overrides,
        };
        let message = read::scenario("lab.toml", DESIGN, &around)
            .and_then(|scenario| build::model::<1>(&scenario, &NoFiles).map(|_| ()))
            .err()
            .map(|error| error.to_string())
            .unwrap_or_else(|| panic!("{path} = {value} was accepted"));
        assert!(message.contains(reason), "{path} = {value}: {message}");
    }
}
