//! Binomial tails and the Clopper-Pearson bounds, for any number of trials.
//!
//! Tails are summed from the saddle-point form of the probability (Loader 2000, "Fast and
//! accurate computation of binomial probabilities"), which cancels no large logarithms: what
//! works for ten trials works for 1e12. The textbook way through the inverse incomplete beta
//! function does not (see [`super::distribution`]).

use super::distribution::normal_upper;

/// Sums longer than this are not worth their time: the normal expansion is exact enough by then.
const LARGE_COUNT: u64 = 1_000_000;

/// A term this small against the sum so far no longer changes it.
const NEGLIGIBLE: f64 = 1e-17;

/// Clopper & Pearson (1934) lower bound: the `p` at which `successes` or more have probability
/// `tail`. Needs `successes <= trials`, 0 < tail < 0.5.
pub(super) fn clopper_pearson_lower(successes: u64, trials: u64, tail: f64) -> f64 {
    let failures = trials - successes;
    match (successes, failures) {
        (0, _) => 0.0,
        (_, 0) => (tail.ln() / trials as f64).exp(),
        // Always search the rarer outcome, whose probability is the one that must stay exact.
        _ if failures < successes => 1.0 - clopper_pearson_upper(failures, trials, tail),
        _ if successes > LARGE_COUNT => {
            beta_expansion(successes as f64, failures as f64 + 1.0, normal_upper(tail))
        }
        _ => search_lower(successes, trials, tail.ln()),
    }
}

/// Clopper & Pearson (1934) upper bound: the `p` at which `successes` or fewer have probability
/// `tail`. Needs `successes <= trials`, 0 < tail < 0.5.
pub(super) fn clopper_pearson_upper(successes: u64, trials: u64, tail: f64) -> f64 {
    let failures = trials - successes;
    match (successes, failures) {
        (_, 0) => 1.0,
        (0, _) => -(tail.ln() / trials as f64).exp_m1(),
        _ if failures < successes => 1.0 - clopper_pearson_lower(failures, trials, tail),
        _ if successes > LARGE_COUNT => {
            beta_expansion(successes as f64 + 1.0, failures as f64, -normal_upper(tail))
        }
        _ => search_upper(successes, trials, tail.ln()),
    }
}

fn search_lower(k: u64, n: u64, ln_tail: f64) -> f64 {
    // At p = k/n the median is k, so P(X >= k) is at least one half: the bound lies below.
    let mut high = k as f64 / n as f64;
    let mut low = high / 2.0;
    while low > f64::MIN_POSITIVE && ln_at_least(k, n, low) > ln_tail {
        high = low;
        low /= 2.0;
    }
    bisect(low, high, |p| ln_at_least(k, n, p) > ln_tail).0
}

fn search_upper(k: u64, n: u64, ln_tail: f64) -> f64 {
    let further = |p: f64| if p < 0.5 { 2.0 * p } else { (1.0 + p) / 2.0 };
    let mut low = k as f64 / n as f64;
    let mut high = further(low);
    while high < 1.0 && ln_at_most(k, n, high) > ln_tail {
        low = high;
        high = further(high);
    }
    bisect(low, high, |p| ln_at_most(k, n, p) <= ln_tail).1
}

/// Narrows `low..high` to rounding, where `beyond` is false at `low` and true at `high`.
fn bisect(mut low: f64, mut high: f64, beyond: impl Fn(f64) -> bool) -> (f64, f64) {
    for _ in 0..60 {
        let middle = low + (high - low) / 2.0;
        if beyond(middle) {
            high = middle;
        } else {
            low = middle;
        }
        if high - low <= f64::EPSILON * high {
            break;
        }
    }
    (low, high)
}

/// Natural logarithm of P(X <= k) for X binomial(n, p), 0 < p < 1. Quick for k below the mean.
pub(super) fn ln_at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 0.0;
    }
    let odds_against = (1.0 - p) / p;
    let (mut term, mut sum) = (1.0, 1.0);
    for j in (1..=k).rev() {
        term *= j as f64 / (n - j + 1) as f64 * odds_against;
        sum += term;
        if term < NEGLIGIBLE * sum {
            break;
        }
    }
    ln_probability(k, n, p) + f64::ln(sum)
}

/// Natural logarithm of P(X >= k) for X binomial(n, p), 0 < p < 1. Quick for k above the mean.
pub(super) fn ln_at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        return 0.0;
    }
    if k > n {
        return f64::NEG_INFINITY;
    }
    let odds = p / (1.0 - p);
    let (mut term, mut sum) = (1.0, 1.0);
    for j in k..n {
        term *= (n - j) as f64 / (j + 1) as f64 * odds;
        sum += term;
        if term < NEGLIGIBLE * sum {
            break;
        }
    }
    ln_probability(k, n, p) + f64::ln(sum)
}

/// Natural logarithm of P(X = k) for X binomial(n, p), 0 < p < 1 (Loader 2000, section 4).
fn ln_probability(k: u64, n: u64, p: f64) -> f64 {
    let (kf, nf) = (k as f64, n as f64);
    if k == 0 {
        return nf * (-p).ln_1p();
    }
    if k == n {
        return nf * p.ln();
    }
    let rest = (n - k) as f64;
    stirling_error(n)
        - stirling_error(k)
        - stirling_error(n - k)
        - deviance(kf, nf * p)
        - deviance(rest, nf * (1.0 - p))
        - 0.5 * (std::f64::consts::TAU.ln() + kf.ln() + (-kf / nf).ln_1p())
}

/// `ln(n!)` less Stirling's approximation `ln(sqrt(2 pi n) (n/e)^n)`, n >= 1.
fn stirling_error(n: u64) -> f64 {
    let x = n as f64;
    if n < 16 {
        let factorial = (2..=n).fold(1.0, |product, i| product * i as f64);
        return factorial.ln() - (0.5 * (std::f64::consts::TAU * x).ln() + x * x.ln() - x);
    }
    let s = x * x;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / s) / s) / s) / s)
        / x
}

/// `x ln(x/m) + m - x` without the cancellation at x near m: Loader's `bd0`.
fn deviance(x: f64, m: f64) -> f64 {
    let difference = x - m;
    if difference.abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() - difference;
    }
    let v = difference / (x + m);
    let mut sum = difference * v;
    let mut power = 2.0 * x * v;
    // |v| < 0.1, so each round gains two decimals and ten are plenty.
    for j in 1..20 {
        power *= v * v;
        let next = sum + power / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// The beta(a, b) quantile whose lower tail is the upper tail of `z`, for large a and b:
/// Abramowitz & Stegun (1964), formula 26.5.22.
fn beta_expansion(a: f64, b: f64, z: f64) -> f64 {
    let (u, v) = (1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0));
    let h = 2.0 / (u + v);
    let lambda = (z * z - 3.0) / 6.0;
    let w = z * (h + lambda).sqrt() / h - (v - u) * (lambda + 5.0 / 6.0 - 2.0 / (3.0 * h));
    a / (a + b * (2.0 * w).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: f64, want: f64, relative: f64) {
        assert!(
            ((got - want) / want).abs() <= relative,
            "got {got:.17e}, want {want:.17e}"
        );
    }

    /// Pascal's triangle: exact enough to check small cases independently.
    fn at_most_by_definition(k: u64, n: u64, p: f64) -> f64 {
        let mut choose = 1.0;
        let mut sum = 0.0;
        for j in 0..=k {
            sum += choose * p.powi(j as i32) * (1.0 - p).powi((n - j) as i32);
            choose *= (n - j) as f64 / (j + 1) as f64;
        }
        sum
    }

    #[test]
    fn bounds_against_reference_values() {
        // mpmath 1.3, 30 digits, by summing the definition.
        for (k, n, low, high) in [
            (1, 2, 0.01257911709342505, 0.987420882906575),
            (1, 10, 0.0025285785444617843, 0.4450161170281954),
            (5, 10, 0.18708602844739852, 0.8129139715526015),
            (9, 10, 0.5549838829718046, 0.9974714214555382),
            (3, 1000, 0.0006190999316495713, 0.008742023238478303),
            (50, 1000, 0.03733539760466177, 0.06539048791549365),
            (500, 1000, 0.46854917297179194, 0.531450827028208),
            (1, 1_000_000, 2.5317807663794154e-8, 5.571630655172244e-6),
        ] {
            close(clopper_pearson_lower(k, n, 0.025), low, 1e-12);
            close(clopper_pearson_upper(k, n, 0.025), high, 1e-12);
        }
    }

    #[test]
    fn one_success_has_a_closed_lower_bound() {
        for n in [2u64, 10, 1000, 1_000_000, 1_000_000_000, 1_000_000_000_000] {
            let want = -((-0.025f64).ln_1p() / n as f64).exp_m1();
            close(clopper_pearson_lower(1, n, 0.025), want, 1e-11);
        }
    }

    #[test]
    fn the_sum_and_the_expansion_meet() {
        for n in [2_000_000u64, 5_000_000, 1_000_000_000, 1_000_000_000_000] {
            let k = LARGE_COUNT;
            let (kf, rest, z) = (k as f64, (n - k) as f64, normal_upper(0.025));
            let low = clopper_pearson_lower(k, n, 0.025);
            let high = clopper_pearson_upper(k, n, 0.025);
            close(beta_expansion(kf, rest + 1.0, z), low, 1e-9);
            close(beta_expansion(kf + 1.0, rest, -z), high, 1e-9);
        }
    }

    proptest! {
        #[test]
        fn tails_match_the_definition(n in 1u64..60, share in 0.0..1.0f64, p in 0.001..0.999f64) {
            let k = (share * n as f64) as u64;
            let want = at_most_by_definition(k, n, p);
            prop_assert!((ln_at_most(k, n, p).exp() - want).abs() < 1e-12);
            prop_assert!((1.0 - ln_at_least(k + 1, n, p).exp() - want).abs() < 1e-12);
        }

        #[test]
        fn bounds_put_the_tail_where_it_belongs(n in 2u64..100_000, share in 0.0..1.0f64, tail in 1e-6..0.4f64) {
            // The rarer half only: the other is its mirror image.
            let k = 1 + (share * (n / 2 - 1) as f64) as u64;
            let (low, high) = (clopper_pearson_lower(k, n, tail), clopper_pearson_upper(k, n, tail));
            prop_assert!((ln_at_least(k, n, low) - tail.ln()).abs() < 1e-7);
            prop_assert!((ln_at_most(k, n, high) - tail.ln()).abs() < 1e-7);
        }
    }
}
