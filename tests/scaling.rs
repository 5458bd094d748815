//! How unavailability must change with the times, by `solve`; and what two readers that
//! draw differently must agree on, in small scenarios drawn at random.

#[path = "support/cases.rs"]
mod scenarios;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use quorate::engine::solve::Limits;
use quorate::protocol::CATALOGUE;
use quorate::runner::rare::{self, Method};
use quorate::runner::{self, Effort, RunOutcome, solve};
use quorate::scenario::{NoFiles, Scenario, read};
use scenarios::alone;

/// Scenarios in which splitting is compared with simulation.
const COMPARISONS: u32 = 16;
/// Level of the intervals there.
const CONFIDENCE: f64 = 0.999;

fn scenario(text: &str) -> Scenario {
    let around = read::Surroundings {
        files: &NoFiles,
        catalogue: CATALOGUE,
        profile: None,
        overrides: &[],
    };
    read::scenario("scaling.toml", text, &around)
        .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)))
}

/// Servers, all of them the same, of which `needed` must be up.
#[derive(Clone, Copy, Debug)]
struct Servers {
    count: u32,
    needed: u32,
    mttf_h: f64,
    mttr_h: f64,
    /// `exponential`, `weibull` or `lognormal` repairs.
    repair: &'static str,
    one_crew: bool,
}

impl Servers {
    fn scenario(&self, horizon: &str) -> Scenario {
        let (crew, joins) = match self.one_crew {
            true => ("[[crew]]\nname = 'crew'\nsize = 1\n", "crew = 'crew'\n"),
            false => ("", ""),
        };
        let shape = match self.repair {
            "weibull" => "shape = 2, ",
            "lognormal" => "sigma = 1, ",
            _ => "",
        };
        scenario(&format!(
            "schema = 1\nname = 'servers'\n[run]\nhorizon = '{horizon}'\n{crew}\
             [[node]]\nname = 'server'\ncount = {}\n{joins}\
             failure = {{ dist = 'exponential', mean = '{}h' }}\n\
             repair = {{ dist = '{}', {shape}mean = '{}h' }}\n\
             [service.s]\nup = 'count(node.up) >= {}'\n",
            self.count, self.mttf_h, self.repair, self.mttr_h, self.needed
        ))
    }

    /// The unavailability in the long run, where repairs are exponential.
    fn solved(&self) -> f64 {
        let scenario = self.scenario("100y");
        let effort = effort(&scenario, 1);
        let outcome = solve::run(&scenario, &NoFiles, &effort, &Limits::default(), &alone());
        unavailability(&outcome.expect("a small chain")).0
    }
}

fn effort(scenario: &Scenario, replications: u64) -> Effort {
    Effort {
        replications,
        confidence: CONFIDENCE,
        ..scenarios::effort(scenario)
    }
}

/// The estimate and the ends of its interval.
fn unavailability(outcome: &RunOutcome) -> (f64, f64, f64) {
    let found = outcome.services[0].1.unavailability;
    (found.estimate, found.low, found.high)
}

fn factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// All of n servers are down for the share r^n of the time, r = MTTR / MTTF, and with
    /// one crew for n! r^n of it; that all are down is the last step of n, each of which
    /// is rarer by r in the next, so the rest is at most n n! r of that.
    #[test]
    fn one_of_n_is_down_for_the_nth_power(
        count in 1u32..6,
        log_ratio in -5.0..-2.0f64,
        mttr_h in 0.5..50.0f64,
        one_crew in any::<bool>(),
    ) {
        let ratio = 10f64.powf(log_ratio);
        let servers = Servers {
            count,
            needed: 1,
            mttf_h: mttr_h / ratio,
            mttr_h,
            repair: "exponential",
            one_crew,
        };
        let first = ratio.powi(count as i32) * if one_crew { factorial(count) } else { 1.0 };
        let rest = f64::from(count) * factorial(count) * ratio;
        let down = servers.solved();
        prop_assert!(down <= first * (1.0 + 1e-9), "{down:e} {first:e}");
        prop_assert!(down >= first * (1.0 - rest), "{down:e} {first:e}");
    }

    /// Twice the MTTF is the same downtime halved once for each server that has to fail.
    #[test]
    fn twice_the_mttf_halves_for_each_failure(
        count in 2u32..6,
        spare in 0u32..4,
        one_crew in any::<bool>(),
    ) {
        let failures = spare % count + 1;
        let of = |mttf_h: f64| Servers {
            count,
            needed: count - failures + 1,
            mttf_h,
            mttr_h: 1.0,
            repair: "exponential",
            one_crew,
        }.solved();
        let ratio = of(1e4) / of(2e4) / 2f64.powi(failures as i32);
        prop_assert!((ratio - 1.0).abs() < f64::from(count * count) * 1e-4, "{ratio}");
    }
}

/// Both see the same outages, one by waiting for them and one by copying what comes near.
#[test]
fn splitting_agrees_with_simulation_where_both_can_see() {
    let servers = (
        2u32..5,
        0u32..3,
        60.0..300.0f64,
        2.0..15.0f64,
        prop::sample::select(vec!["exponential", "weibull", "lognormal"]),
        any::<bool>(),
    );
    let servers = servers.prop_map(|(count, spare, mttf_h, mttr_h, repair, one_crew)| Servers {
        count,
        needed: count - spare.min(count - 1),
        mttf_h,
        mttr_h,
        repair,
        one_crew,
    });
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig {
            cases: COMPARISONS,
            failure_persistence: None,
            ..ProptestConfig::default()
        },
        TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]),
    );
    let compare = |servers: Servers| {
        let scenario = servers.scenario("10y");
        let plain = runner::run(&scenario, &NoFiles, &effort(&scenario, 300), &alone());
        let plain = unavailability(&plain.expect("plays"));
        let split = effort(&scenario, 40);
        let split = rare::run(&scenario, &NoFiles, &split, Method::Splitting, &alone());
        let split = unavailability(&split.expect("plays"));
        prop_assert!(
            split.1 <= plain.2 && plain.1 <= split.2,
            "{plain:?} {split:?}"
        );
        // An interval that holds everything agrees with everything.
        for (_, low, high) in [plain, split] {
            prop_assert!(low > 0.0 && high < 10.0 * low, "{plain:?} {split:?}");
        }
        Ok(())
    };
    runner
        .run(&servers, compare)
        .unwrap_or_else(|e| panic!("{e}"));
}
