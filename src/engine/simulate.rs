//! The reader `simulate`: chance decides, and the services are recorded.

use super::load::record::LoadRecorder;
use super::play::{PlayError, Player};
use super::record::{Recorder, ReplicationRecord};
use crate::automaton::Nanos;
use crate::model::Model;

/// Plays replications of one model, one after the other.
pub struct Simulator<'m, const W: usize> {
    player: Player<'m, W>,
    recorder: Recorder,
    /// Where there are demands.
    load: Option<LoadRecorder<W>>,
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
            load: model.load().map(|load| LoadRecorder::new(load, warm_up)),
            seed,
            warm_up,
            end: warm_up + horizon,
        }
    }

    /// The same without a memory of steps, to compare with.
    pub fn without_memory(mut self) -> Self {
        self.player = self.player.without_memory();
        self
    }

    /// Plays to the end, with a stop where counting begins if anybody needs one.
    // One loop for all cases: with a second one the compiler would no longer put
    // the player's step into it, and every event would pay for a call.
    #[inline(always)]
    fn play(&mut self) {
        let model = self.player.model();
        let mut watched = model.service_bits();
        // The load is a measure of its own, after services and tallies.
        if self.load.is_some() {
            watched |= 1 << (model.services().len() + model.tallies().len());
        }
        let apart = self.warm_up > Nanos::ZERO && !model.rounds().is_empty();
        let mut until = if apart { self.warm_up } else { self.end };
        loop {
            while let Some(touched) = self.player.advance(until) {
                let touched = touched.measures | touched.blames & self.recorder.down();
                self.recorder.follow(&self.player, touched);
                if touched & watched != 0 {
                    self.look(touched & watched);
                }
            }
            if until == self.end {
                return;
            }
            self.recorder.begin_counting(&self.player);
            until = self.end;
        }
    }

    /// Reads the services and the load that an event has touched.
    // Never inlined: most events touch none, and the loop would load all that this needs.
    #[inline(never)]
    fn look(&mut self, touched: u64) {
        let model = self.player.model();
        let services = touched & model.service_bits();
        self.recorder.update(&self.player, services);
        if touched == services {
            return;
        }
        if let (Some(load), Some(recorder)) = (model.load(), &mut self.load) {
            recorder.update(load, &self.player, &self.recorder);
        }
    }

    /// Plays one replication. The same number gives the same record, whatever
    /// was played before.
    #[inline(never)]
    pub fn replicate(&mut self, replication: u64) -> Result<ReplicationRecord, PlayError> {
        self.player.begin(self.seed, replication)?;
        self.recorder.begin(&self.player, replication, self.end);
        let load = self.player.model().load();
        if let (Some(load), Some(recorder)) = (load, &mut self.load) {
            recorder.begin(load, &self.player, &self.recorder);
        }
        self.play();
        self.player.failure()?;
        let mut record = self.recorder.finish(&self.player, self.end);
        record.load = match (load, &mut self.load) {
            (Some(load), Some(recorder)) => Some(recorder.finish(load, self.end)),
            _ => None,
        };
        Ok(record)
    }
}
