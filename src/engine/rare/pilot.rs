//! What is counted to tune the levels.

/// Counts of one distance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Trajectories that came nearer to an outage and landed here.
    pub arrivals: u64,
    /// Sum of the probabilities that an event of a cut comes within a window here.
    pub probability: f64,
    /// Those windows.
    pub windows: u64,
    /// Copies that were made here.
    pub copies: u64,
    /// Those that came nearer to an outage.
    pub successes: u64,
    /// Stays here that are over, and how long they were altogether, in seconds.
    pub departures: u64,
    /// See above.
    pub stay_s: f64,
}

/// A pilot run in progress.
#[derive(Clone, Debug, Default)]
pub(super) struct Pilot {
    counts: Vec<Counts>,
}

impl Pilot {
    /// The counts of a distance.
    pub fn at(&mut self, distance: u32) -> &mut Counts {
        let index = distance as usize;
        if self.counts.len() <= index {
            self.counts.resize(index + 1, Counts::default());
        }
        &mut self.counts[index]
    }

    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }
}
