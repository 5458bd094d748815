//! What an outage waited for: from the event that ended it back to the one that began it.
//!
//! The event that ends an outage was armed by an earlier event, that one by another, and so
//! on: the chain of timers without any of which the outage would have ended sooner (the
//! critical path of a project plan). A timer that only asks again and again, as a health
//! check does, hides what it was waiting for; where the event that armed it has changed
//! nothing, the chain goes on with the last event that changed something its owner reads.

use super::play::Player;
use crate::automaton::{Nanos, NodeSet, Timer, TimerClass};
use crate::model::Model;

/// One event during an outage.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Nanos,
    timer: Timer,
    /// The number of the arming that has run out.
    arming: u64,
    /// The number of the first arming of this event, if it makes any.
    first_arming: u64,
    /// Has it changed any set?
    changed: bool,
    /// The automata that read what it has changed, one bit each.
    readers: u128,
}

/// A part of an outage, and the timer that ran all the while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The timer.
    pub timer: Timer,
    /// The beginning of the part.
    pub from: Nanos,
    /// Its end, when the timer ran out.
    pub to: Nanos,
}

/// The events since an outage began.
pub struct Trail<const W: usize> {
    log: Vec<Entry>,
    began: Nanos,
    sets: Vec<NodeSet<W>>,
}

impl<const W: usize> Default for Trail<W> {
    fn default() -> Self {
        Trail {
            log: Vec::new(),
            began: Nanos::ZERO,
            sets: Vec::new(),
        }
    }
}

impl<const W: usize> Trail<W> {
    /// An outage has begun with the event just played.
    pub fn begin(&mut self, player: &Player<'_, W>) {
        self.log.clear();
        self.began = player.now();
    }

    /// When the outage began.
    pub fn began(&self) -> Nanos {
        self.began
    }

    /// Plays the next event of an outage and remembers it; false where there is none.
    pub fn advance(&mut self, player: &mut Player<'_, W>, end: Nanos) -> bool {
        let next = player.next_arming();
        let first_arming = player.armings() + 1;
        self.sets.clear();
        self.sets.extend_from_slice(player.state().sets());
        if player.advance(end).is_none() {
            return false;
        }
        let Some((timer, arming)) = next else {
            return false;
        };
        let model = player.model();
        let both = self.sets.iter().zip(player.state().sets());
        let changed = both.enumerate().filter(|(_, (before, now))| before != now);
        let (mut any, mut readers) = (false, 0);
        for (index, _) in changed {
            any = true;
            readers |= model.readers(index);
        }
        self.log.push(Entry {
            at: player.now(),
            timer,
            arming,
            first_arming,
            changed: any,
            readers,
        });
        true
    }

    /// What the outage waited for, the last first; it is over with the last event played.
    pub fn waits(&self, model: &Model<W>) -> Vec<Wait> {
        let mut waits = Vec::new();
        let mut place = self.log.len().checked_sub(1);
        while let Some(index) = place {
            place = self.cause(index, model);
            let event = &self.log[index];
            let wait = Wait {
                timer: event.timer,
                from: place.map_or(self.began, |cause| self.log[cause].at),
                to: event.at,
            };
            if wait.from < wait.to {
                waits.push(wait);
            }
        }
        waits
    }

    /// The event since which this one was waited for; none where that was before the outage.
    fn cause(&self, index: usize, model: &Model<W>) -> Option<usize> {
        let event = &self.log[index];
        let info = model.blueprint().timer_info(event.timer);
        let earlier = &self.log[..index];
        let armed = earlier
            .partition_point(|other| other.first_arming <= event.arming)
            .checked_sub(1);
        let asks_again = match armed {
            Some(armed) => !self.log[armed].changed,
            // A repair that began before the outage waits for nothing else.
            None => info.class == TimerClass::Reaction,
        };
        if !asks_again {
            return armed;
        }
        let since = armed.map_or(0, |armed| armed + 1);
        let heard = self.log[since..index].iter().rposition(|other| {
            let owner = model.blueprint().timer_info(other.timer).owner;
            owner != info.owner && other.readers >> info.owner.0 & 1 == 1
        });
        heard.map(|heard| since + heard).or(armed)
    }
}
