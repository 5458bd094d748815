//! How long each tally has been at each of its values.
//!
//! Two ways to the same nanoseconds. While the player numbers its states (see
//! [`super::memory`]) and they are few, it is enough to add up how long each state has
//! lasted: what the tallies read in it is found once. Otherwise a tally is read again
//! after each event that touches it.

use super::play::Player;
use crate::automaton::Nanos;

/// As many states are told apart; they are settled at the end of each replication, and
/// more of them would cost more than they save.
const MAX_STATES: usize = 64;

/// Something that is always at one of several places: where it is, since when, and the
/// times at all of them.
#[derive(Clone, Debug)]
struct Times {
    now_at: usize,
    since: Nanos,
    at_ns: Vec<u64>,
}

/// Watches a player and keeps the times of all tallies.
pub struct Tallies {
    from: Nanos,
    /// Each tally among its values.
    levels: Vec<Times>,
    /// The place of the first tally among the measures.
    first: usize,
    /// The tallies among the measures, one bit each.
    bits: u64,
    /// How long the states have lasted, as long as that is enough to know.
    stays: Option<Stays>,
}

/// How long each state has lasted, by the numbers that a player gives them.
#[derive(Clone, Debug)]
struct Stays {
    /// The numbers hold as long as the player says so.
    epoch: u32,
    states: Times,
    /// What the tallies read in each state, one state after the other.
    readings: Vec<usize>,
}

impl Tallies {
    /// Tallies that count from `warm_up` on.
    pub fn new(warm_up: Nanos) -> Tallies {
        Tallies {
            from: warm_up,
            levels: Vec::new(),
            first: 0,
            bits: 0,
            stays: None,
        }
    }

    /// Starts in the state in which the player begins.
    pub fn begin<const W: usize>(&mut self, player: &Player<'_, W>) {
        let model = player.model();
        self.levels = model
            .tallies()
            .iter()
            .map(|tally| Times {
                now_at: tally.of.value(player.state()) as usize,
                since: self.from,
                at_ns: vec![0; tally.limit as usize + 1],
            })
            .collect();
        self.first = model.services().len();
        let bits = self.first..self.first + self.levels.len();
        self.bits = bits.fold(0, |all, bit| all | 1 << bit);
        self.stays = None;
        if player.counts_states() && self.bits != 0 {
            self.stays = Some(Stays {
                epoch: player.epoch(),
                states: Times {
                    now_at: 0,
                    since: self.from,
                    at_ns: Vec::new(),
                },
                readings: Vec::new(),
            });
            self.enter(player);
        }
    }

    /// An event has happened that has touched these measures.
    // Inlined by force: this is the hottest place after the event itself.
    #[inline(always)]
    pub fn follow<const W: usize>(&mut self, player: &Player<'_, W>, touched: u64) {
        let Some(stays) = &mut self.stays else {
            if touched & self.bits != 0 {
                self.read(player, touched & self.bits);
            }
            return;
        };
        stays.states.last_until(player.now());
        let number = player.number();
        if number < stays.states.at_ns.len() && stays.epoch == player.epoch() {
            stays.states.now_at = number;
        } else {
            self.enter(player);
        }
    }

    /// Comes into a state that has not been seen in this replication, or to the end of
    /// the numbers.
    #[cold]
    #[inline(never)]
    fn enter<const W: usize>(&mut self, player: &Player<'_, W>) {
        let Some(mut stays) = self.stays.take() else {
            return;
        };
        if stays.epoch != player.epoch() {
            stays.settle(&mut self.levels);
            stays.epoch = player.epoch();
        }
        let tallies = player.model().tallies();
        let number = player.number();
        if player.counts_states() && number < MAX_STATES {
            for known in stays.states.at_ns.len()..=number {
                let state = player.numbered(known);
                let readings = tallies.iter().map(|tally| tally.of.value(state) as usize);
                stays.readings.extend(readings);
                stays.states.at_ns.push(0);
            }
            stays.states.now_at = number;
            self.stays = Some(stays);
        } else {
            stays.settle(&mut self.levels);
            for (level, tally) in self.levels.iter_mut().zip(tallies) {
                level.now_at = tally.of.value(player.state()) as usize;
                level.since = stays.states.since;
            }
        }
    }

    /// Reads the tallies that an event has touched.
    #[inline(never)]
    fn read<const W: usize>(&mut self, player: &Player<'_, W>, mut touched: u64) {
        while touched != 0 {
            let index = touched.trailing_zeros() as usize - self.first;
            touched &= touched - 1;
            let value = player.model().tallies()[index].of.value(player.state()) as usize;
            self.levels[index].change(value, player.now());
        }
    }

    /// The times at each value of each tally, which end here.
    pub fn finish(&mut self, end: Nanos) -> Vec<Vec<u64>> {
        match self.stays.take() {
            Some(mut stays) => {
                stays.states.last_until(end);
                stays.settle(&mut self.levels);
            }
            None => self
                .levels
                .iter_mut()
                .for_each(|level| level.last_until(end)),
        }
        let levels = self.levels.drain(..);
        levels.map(|level| level.at_ns).collect()
    }
}

impl Times {
    fn change(&mut self, value: usize, now: Nanos) {
        if value != self.now_at {
            self.last_until(now);
            self.now_at = value;
        }
    }

    #[inline]
    fn last_until(&mut self, now: Nanos) {
        self.at_ns[self.now_at] += now.since(self.since).0;
        // Nothing counts before the counted part begins.
        self.since = self.since.max(now);
    }
}

impl Stays {
    /// Books the time of all states on the values that the tallies have in them.
    fn settle(&mut self, levels: &mut [Times]) {
        let readings = self.readings.chunks(levels.len());
        for (time_ns, readings) in self.states.at_ns.iter().zip(readings) {
            for (level, value) in levels.iter_mut().zip(readings) {
                level.at_ns[*value] += time_ns;
            }
        }
        self.states.at_ns.clear();
        self.readings.clear();
    }
}
