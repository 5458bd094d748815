//! The reader `simulate`: chance decides, and the services are recorded.

use super::play::{PlayError, Player};
use super::record::{Recorder, ReplicationRecord};
use crate::automaton::Nanos;
use crate::model::Model;

/// Plays replications of one model, one after the other.
pub struct Simulator<'m, const W: usize> {
    player: Player<'m, W>,
    recorder: Recorder,
    seed: u64,
    warm_up: Nanos,
    end: Nanos,
}

impl<'m, const W: usize> Simulator<'m, W> {
    /// Replications of length `horizon`, after a `warm_up` that is not counted.
    pub fn new(
        model: &'m Model<W>,
        seed: u64,
        warm_up: Nanos,
        horizon: Nanos,
        max_events: u64,
    ) -> Self {
        Simulator {
            player: Player::new(model, true, max_events),
            recorder: Recorder::new(warm_up),
            seed,
            warm_up,
            end: warm_up + horizon,
        }
    }

    #[inline]
    fn play_until(&mut self, end: Nanos) {
        while let Some(touched) = self.player.advance(end) {
            if touched != 0 {
                self.recorder.update(&self.player, touched);
            }
        }
    }

    /// Plays one replication. The same number gives the same record, whatever
    /// was played before.
    #[inline(never)]
    pub fn replicate(&mut self, replication: u64) -> Result<ReplicationRecord, PlayError> {
        self.player.begin(self.seed, replication)?;
        self.recorder.begin(&self.player, replication, self.end);
        if self.warm_up > Nanos::ZERO && !self.player.model().rounds().is_empty() {
            self.play_until(self.warm_up);
            self.recorder.begin_counting(&self.player);
        }
        self.play_until(self.end);
        self.player.failure()?;
        Ok(self.recorder.finish(&self.player, self.end))
    }
}
