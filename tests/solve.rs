//! Exact answers against published ones, to the last digits that were published.

#[path = "support/cases.rs"]
mod scenarios;

use quorate::engine::solve::Limits;
use quorate::estimate::Estimate;
use quorate::runner::RunOutcome;
use quorate::runner::outcome::{ServiceOutcome, YearOutcome};
use quorate::runner::solve;
use scenarios::solve as solved;

const PRECISION: f64 = 1e-9;
const HOUR_S: f64 = 3600.0;

fn textbook(name: &str) -> RunOutcome {
    solved(&format!("scenarios/textbook/{name}.toml"), &[])
}

fn service<'a>(outcome: &'a RunOutcome, name: &str) -> &'a ServiceOutcome {
    let (_, service) = outcome
        .services
        .iter()
        .find(|(known, _)| known == name)
        .unwrap_or_else(|| panic!("no service {name}"));
    service
}

#[track_caller]
fn is(found: Estimate, exact: f64, precision: f64) {
    assert!(
        (found.estimate / exact - 1.0).abs() <= precision,
        "found {:e}, published {exact:e}",
        found.estimate
    );
}

#[track_caller]
fn is_exact(outcome: &RunOutcome) {
    let method = outcome.method.as_deref().unwrap_or_default();
    assert!(method.starts_with("exact"), "{method}");
}

#[test]
fn a01_one_of_four() {
    let outcome = textbook("one-of-four");
    is_exact(&outcome);
    is(service(&outcome, "cluster").unavailability, 1e-8, PRECISION);
    let levels: Vec<f64> = outcome.tallies["servers_up"]
        .iter()
        .map(|level| level.share.estimate)
        .collect();
    let exact = [1e-8, 3.96e-6, 5.8806e-4, 0.03881196, 0.96059601];
    for (found, exact) in levels.iter().zip(exact) {
        assert!((found / exact - 1.0).abs() < PRECISION, "{levels:?}");
    }
}

#[test]
fn a03_a04_majorities() {
    let four = textbook("three-of-four");
    is(
        service(&four, "quorum").unavailability,
        5.9203e-4,
        PRECISION,
    );
    let three = textbook("two-of-three");
    is(service(&three, "quorum").unavailability, 2.98e-4, PRECISION);
}

#[test]
fn a09_series_and_partial_coverage() {
    let outcome = textbook("four-of-four");
    let full = service(&outcome, "full_coverage");
    is(full.availability, 0.96059601, PRECISION);
    let partial = service(&outcome, "partial_coverage");
    is(partial.request_availability, 0.99, PRECISION);
}

#[test]
fn c01_a_single_unit() {
    let outcome = textbook("single-unit");
    let server = service(&outcome, "server");
    is(server.availability, 0.990_099_009_900_990, PRECISION);
    is(server.outages_per_year, 8.679_207_920_792_08, PRECISION);
    is(server.mttf_s, 1000.0 * HOUR_S, PRECISION);
}

#[test]
fn c04_one_crew() {
    let outcome = textbook("one-crew");
    is_exact(&outcome);
    let three = service(&outcome, "three_of_four");
    is(three.availability, 0.998_800_609_337_468, PRECISION);
    let one = service(&outcome, "one_of_four");
    is(one.unavailability, 2.398_541_470_916_95e-7, PRECISION);
}

#[test]
fn c09_frequency_and_duration() {
    let outcome = textbook("two-of-three");
    let quorum = service(&outcome, "quorum");
    is(quorum.outages_per_year, 0.5207004, PRECISION);
    let length = quorum.mean_outage_s.expect("outages");
    is(length, 5.016_835_016_835_02 * HOUR_S, PRECISION);
    let between = quorum.mean_time_between_outages_s.expect("outages");
    is(between, 16830.0 * HOUR_S, PRECISION);
}

#[test]
fn d05_moves_of_an_address_with_the_clocks_of_keepalived() {
    let outcome = textbook("vip-moves");
    let address = service(&outcome, "address");
    let moves = address.outages_per_year;
    // The published model moves at once and leaves out the death of the last server.
    is(moves, 8.854510302, 1e-5);
    // Renewal: the address goes away whenever the server that holds it dies. Deaths
    // within the seconds of a move, a millionth of all, wait for its end here.
    let deaths = 8766.0 / 990.0 * address.availability.estimate;
    is(moves, deaths, 2e-6);
}

#[test]
fn e01_beta_factor() {
    let outcome = textbook("beta-factor");
    is_exact(&outcome);
    let one = service(&outcome, "one_of_four");
    is(one.unavailability, 0.001_000_006_554_439, PRECISION);
    let three = service(&outcome, "three_of_four");
    is(three.unavailability, 0.001_479_707_495_317, PRECISION);
}

#[test]
fn i01_the_first_day() {
    let outcome = textbook("first-day");
    let server = service(&outcome, "server");
    is(server.up_at_end, 0.990_885_451_733_163, PRECISION);
    is(server.availability, 0.993_759_751_160_070, PRECISION);
    is(server.no_outage, (-24.0f64 / 990.0).exp(), PRECISION);
}

#[test]
fn stages_stand_for_other_distributions_where_their_shape_does_not_matter() {
    // W2g: independent machines are down 1% of the time, whatever the distributions.
    let outcome = solved("scenarios/benchmarks/w2g.toml", &[]);
    let (_, all_down) = &outcome.services[0];
    is(all_down.unavailability, 1e-8, PRECISION);
    assert!(!outcome.notes.is_empty(), "an approximation says so");
}

#[track_caller]
fn merged(outcome: &RunOutcome) -> (usize, usize) {
    let method = outcome.method.as_deref().unwrap_or_default();
    let count = |text: &str| text.parse().unwrap_or_else(|_| panic!("{method}"));
    let words: Vec<&str> = method.split([' ', ',']).collect();
    let at = words.iter().position(|word| *word == "merged");
    let at = at.unwrap_or_else(|| panic!("{method}"));
    (count(words[at - 2]), count(words[at + 2]))
}

/// At least `needed` of `nodes` servers at 99%, without a name for any of them.
fn binomial(nodes: i32, needed: i32) -> (f64, f64) {
    let choose = |k: i32| {
        (1..=k)
            .map(|i| f64::from(nodes - k + i) / f64::from(i))
            .product()
    };
    let share = |up: i32| {
        let ways: f64 = choose(up);
        ways * 0.99f64.powi(up) * 0.01f64.powi(nodes - up)
    };
    let down = (0..needed).map(share).sum();
    (down, share(needed) * f64::from(needed) / 990.0 * 8766.0)
}

#[test]
fn w2_has_five_states() {
    let outcome = solved("scenarios/benchmarks/w2.toml", &[]);
    is_exact(&outcome);
    assert_eq!(merged(&outcome), (16, 5));
    is(outcome.services[0].1.unavailability, 1e-8, 1e-12);
}

#[test]
fn ten_equal_servers_are_eleven_states_and_the_same_figures() {
    for needed in [1, 6, 8, 10] {
        let up = format!("count(node.up) >= {needed}");
        let set = [("nodes", "10"), ("service.quorum.up", up.as_str())];
        let outcome = solved("scenarios/textbook/three-of-four.toml", &set);
        is_exact(&outcome);
        assert_eq!(merged(&outcome), (1024, 11));
        let quorum = service(&outcome, "quorum");
        let (down, outages) = binomial(10, needed);
        is(quorum.unavailability, down, 1e-12);
        is(quorum.outages_per_year, outages, 1e-12);
    }
}

#[test]
fn w5_is_small_once_its_servers_have_no_names() {
    let outcome = solved("scenarios/benchmarks/w5.toml", &[]);
    let (listed, left) = merged(&outcome);
    assert!(4 * left < listed, "{listed} {left}");
    let found = &outcome.services[0].1;
    is(found.unavailability, 1.1603905e-6, 3e-6);
    // By hand: whenever the server that works dies, a take-over of 4.1 s in the mean,
    // half of one more where the next server dies in it, or 2.5 h until the first repair.
    let (fails_per_s, over_s) = (1.0 / 990.0 / 3600.0, 4.1);
    let works = 1.0 - found.unavailability.estimate;
    let by_hand = works * fails_per_s * over_s * (1.0 + 0.5 * fails_per_s * over_s) + 1e-8;
    is(found.unavailability, by_hand, 1e-7);
}

/// The downtime of single years, solved.
fn solve_year(path: &str, set: &[(&str, &str)]) -> YearOutcome {
    let (scenario, files) = scenarios::load(path, set);
    let limits = Limits {
        years: true,
        ..Limits::default()
    };
    let effort = scenarios::effort(&scenario);
    let outcome = solve::run(&scenario, &files, &effort, &limits, &scenarios::alone());
    let outcome = outcome.unwrap_or_else(|e| panic!("{path}: {e}"));
    outcome.services[0].1.year.expect("a small chain")
}

/// Simulated years hold the solved quantiles as often as they should; `more` is what an
/// approximation may shift.
fn years_agree(path: &str, set: &[(&str, &str)], how: &str, more: f64) {
    let year = solve_year(path, set);
    assert_eq!(year.how, how, "{path}");
    let simulated = scenarios::run_with(path, set, |effort| effort.replications = 1000);
    let seen = &simulated.services[0].1.yearly_downtime_s;
    assert!(seen.len() >= 10_000, "{path}: {}", seen.len());
    let quantiles = [
        (year.any_downtime, 0.0),
        (0.5, year.p50_s),
        (0.1, year.p90_s),
        (0.01, year.p99_s),
    ];
    for (p, seconds) in quantiles {
        if p > year.any_downtime {
            assert_eq!(seconds, 0.0, "{path}: {year:?}");
            continue;
        }
        let worse = seen.iter().filter(|down| **down > seconds).count();
        let share = worse as f64 / seen.len() as f64;
        // 99.9% of a binomial, and one year more.
        let spread = 3.3 * (p * (1.0 - p) / seen.len() as f64).sqrt() + 1.0 / seen.len() as f64;
        assert!(
            (share - p).abs() <= spread + more,
            "{path}: {share} of the years are worse than {seconds} s, solved {p}: {year:?}"
        );
    }
}

#[test]
fn single_years_of_a_majority_are_as_bad_as_simulated() {
    let set = [("run.horizon", "10y")];
    years_agree("scenarios/textbook/two-of-three.toml", &set, "exact", 0.0);
    years_agree("scenarios/textbook/one-crew.toml", &set, "exact", 0.0);
}

#[test]
fn single_years_of_take_overs_are_nearly_as_bad_as_simulated() {
    let set = [("run.horizon", "10y")];
    years_agree("scenarios/benchmarks/w5.toml", &set, "approximate", 0.01);
}

#[test]
fn a_year_without_an_outage_is_the_one_without_a_failure() {
    // A single server that was up when the year began, or not.
    let year = solve_year("scenarios/textbook/single-unit.toml", &[]);
    let up = 0.990_099_009_900_990 * (-8766.0f64 / 1000.0).exp();
    assert!((year.no_downtime - up).abs() < 1e-6, "{year:?}");
    assert!((year.no_downtime + year.any_downtime - 1.0).abs() < 1e-12);
}

#[test]
fn simulated_w5_says_what_it_need_not_have_seen() {
    let seen = scenarios::run("scenarios/benchmarks/w5.toml", 0.95);
    let longest_s = seen.services[0].1.outage_s.expect("take-overs").max;
    assert!(longest_s < 3600.0, "another seed is needed: {longest_s}");
    let [warning] = &seen.warnings[..] else {
        panic!("{:?}", seen.warnings);
    };
    assert!(
        warning.contains("one as long as a repair, 10.0 h"),
        "{warning}"
    );
    // With outages of all lengths nothing is hidden.
    let seen = scenarios::run_with("scenarios/textbook/three-of-four.toml", &[], |effort| {
        effort.replications = 100;
    });
    assert_eq!(seen.warnings, Vec::<String>::new());
}

#[test]
fn a_list_of_states_that_is_too_short_is_refused_in_words() {
    let (scenario, files) = scenarios::load("scenarios/textbook/vip-moves.toml", &[]);
    let limits = Limits {
        states: 50,
        ..Default::default()
    };
    let effort = scenarios::effort(&scenario);
    let error = solve::run(&scenario, &files, &effort, &limits, &scenarios::alone())
        .expect_err("50 states are too few");
    let text = error.to_string();
    for part in ["more than 50 states", "keepalived", "--engine simulate"] {
        assert!(text.contains(part), "{text}");
    }
}
