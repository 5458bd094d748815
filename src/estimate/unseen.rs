//! What was not seen, and would matter.
//!
//! The spread between replications tells of the events that were seen. One that is a
//! thousand times as long and comes once in three thousand replications is missing from
//! the mean and from its interval, and nothing in the numbers hints at it.

/// Events that are shorter than the possible ones by this factor are of another kind.
const OTHER_KIND: f64 = 10.0;
/// What cannot be excluded is worth a word from this part of the total on.
const MATTERS: f64 = 0.1;

/// Events much longer than any that was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unseen {
    /// If they come less often than once in so many replications, none need be seen.
    pub once_in: f64,
    /// What they may then add to the total of all replications, in its unit.
    pub may_add: f64,
}

impl Unseen {
    /// Of `replications` with a `total`, the `longest` event of which is known, where one
    /// of the length `possible` is no surprise. The confidence level is that of intervals;
    /// the bound is the one of [`rare_total`](super::rare_total) where nothing was seen.
    /// `None` where such events were seen, or would not matter.
    #[must_use]
    pub fn of(
        replications: u64,
        total: f64,
        longest: f64,
        possible: f64,
        confidence: f64,
    ) -> Option<Unseen> {
        let events = -super::distribution::tail_of(confidence).ln();
        let unseen = Unseen {
            once_in: replications as f64 / events,
            may_add: events * possible,
        };
        let other_kind = longest > 0.0 && longest * OTHER_KIND < possible;
        (other_kind && unseen.may_add > MATTERS * total).then_some(unseen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_outages_hide_long_ones_until_they_are_many() {
        // Ten thousand years with 90,000 outages of four seconds: one of ten hours in
        // 271 replications of 1000 would have been seen.
        let hidden = Unseen::of(1000, 360_000.0, 4.6, 36_000.0, 0.95).expect("matters");
        assert!((hidden.once_in - 271.1).abs() < 0.1, "{hidden:?}");
        assert!((hidden.may_add - 132_800.0).abs() < 10.0, "{hidden:?}");
        assert!(Unseen::of(100_000, 3.6e7, 4.6, 36_000.0, 0.95).is_none());
    }

    #[test]
    fn what_was_seen_is_not_unseen() {
        assert!(Unseen::of(1000, 360_000.0, 9000.0, 36_000.0, 0.95).is_none());
        assert!(Unseen::of(1000, 0.0, 0.0, 36_000.0, 0.95).is_none());
    }
}
