//! The natural logarithm of a uniform number, by our own hand.
//!
//! Two reasons. The same seed must give the same bytes on every machine and in
//! a browser, and the logarithm of the platform's C library differs between
//! platforms in the last digit; this one uses only operations that IEEE 754
//! defines exactly. And it is the costliest part of drawing an exponential: a
//! table and a short polynomial without a division keep the processor waiting
//! half as long (docs/performance.md).

/// The table has one entry for each value of the first seven bits of the mantissa.
const BITS: u32 = 7;
const SIZE: usize = 1 << BITS;

/// For the middle `c` of each interval of the mantissa: a number near `1/c`, and
/// the negative logarithm of exactly that number.
static TABLE: [(f64, f64); SIZE] = table();

const fn table() -> [(f64, f64); SIZE] {
    let mut table = [(0.0, 0.0); SIZE];
    let mut i = 0;
    while i < SIZE {
        let middle = 1.0 + (i as f64 + 0.5) / SIZE as f64;
        let inverse = 1.0 / middle;
        table[i] = (inverse, -slow_ln(inverse));
        i += 1;
    }
    table
}

/// `ln x` for 1/2 < x <= 1 by the series of the inverse hyperbolic tangent,
/// summed until nothing changes; for the table only.
const fn slow_ln(x: f64) -> f64 {
    let s = (x - 1.0) / (x + 1.0);
    let z = s * s;
    // Smallest terms first: |s| <= 1/3, so 3^-2n is below rounding for n = 20.
    let mut sum = 0.0;
    let mut n = 20;
    while n > 0 {
        sum = z * (sum + 1.0 / (2 * n + 1) as f64);
        n -= 1;
    }
    2.0 * s + 2.0 * s * sum
}

/// The natural logarithm of `x` with 2^-1022 <= x <= 1, to within 4e-16 of the
/// larger of 1 and its own size. For a uniform `x` that is as exact as `x` itself.
#[inline]
pub fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const ONE: u64 = 1023 << 52;
    let bits = x.to_bits();
    let k = (bits >> 52) as i64 - 1023;
    let m = f64::from_bits(bits & MANTISSA | ONE);
    let (inverse, minus_ln_inverse) = TABLE[(bits >> (52 - BITS)) as usize % SIZE];
    // |r| < 2^-8, so the series of ln(1 + r) may end with the sixth power.
    let r = m * inverse - 1.0;
    let r2 = r * r;
    let tail = (1.0 / 3.0 - 0.25 * r) + r2 * (0.2 - r * (1.0 / 6.0));
    let series = r - r2 * (0.5 - r * tail);
    (k as f64 * std::f64::consts::LN_2 + minus_ln_inverse) + series
}

#[cfg(test)]
mod tests {
    use super::ln;
    use proptest::prelude::*;

    fn error(x: f64) -> f64 {
        (ln(x) - x.ln()).abs() / x.ln().abs().max(1.0)
    }

    #[test]
    fn known_values() {
        for x in [
            1.0,
            0.5,
            0.25,
            1.0 - f64::EPSILON / 2.0,
            2f64.powi(-53),
            f64::MIN_POSITIVE,
        ] {
            assert!(error(x) <= 4e-16, "{x}: {} is not {}", ln(x), x.ln());
        }
    }

    #[test]
    fn falls_with_its_argument_across_the_intervals_of_the_table() {
        for i in 1..4096 {
            let x = f64::from(i) / 4096.0;
            assert!(ln(x) > ln(x * (1.0 - 1e-14)), "at {x}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_platform(x in 1e-17f64..1.0, y in 0.9f64..1.0) {
            prop_assert!(error(x) <= 4e-16);
            prop_assert!(error(y) <= 4e-16);
        }
    }
}
