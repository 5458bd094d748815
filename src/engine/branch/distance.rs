//! How far a situation is from an outage: the fewest chance events still missing.

use crate::automaton::Timer;

/// Events that a [`Distance`] tells apart at most: the width of a set of them.
pub const MAX_EVENTS: usize = u128::BITS as usize;
/// Stands for a timer that no cut needs.
const NO_PLACE: u8 = u8::MAX;

/// Something that happens by chance: a timer runs out that was armed with a delay of
/// this mean. One timer may stand for different events, a failure and its repair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// The timer.
    pub timer: Timer,
    /// The mean of its delay in seconds.
    pub mean_s: f64,
}

/// The distance to an outage, from minimal cuts: sets of events which, all together,
/// take a service down. An event of a cut is missing while its timer still runs.
#[derive(Clone, Debug, Default)]
pub struct Distance {
    events: Vec<Event>,
    /// The bit of each timer's event, by timer.
    places: Vec<u8>,
    cuts: Vec<u128>,
}

impl Distance {
    /// From cuts, the shortest first, of a model with so many timers. Cuts that need
    /// more than [`MAX_EVENTS`] events beside those before them are left out.
    pub fn new(cuts: &[Vec<Event>], timers: usize) -> Distance {
        let mut distance = Distance {
            places: vec![NO_PLACE; timers],
            ..Distance::default()
        };
        for cut in cuts {
            let place = |d: &Distance, event: &Event| d.places[event.timer.0 as usize];
            let new = cut
                .iter()
                .filter(|event| place(&distance, event) == NO_PLACE)
                .count();
            if distance.events.len() + new > MAX_EVENTS {
                continue;
            }
            let mut bits = 0u128;
            for event in cut {
                if place(&distance, event) == NO_PLACE {
                    distance.places[event.timer.0 as usize] = distance.events.len() as u8;
                    distance.events.push(*event);
                }
                bits |= 1 << place(&distance, event);
            }
            distance.cuts.push(bits);
        }
        distance
    }

    /// The bit of the event that a timer stands for when it waits with this mean.
    #[inline]
    pub fn bit(&self, timer: Timer, mean_s: f64) -> Option<u32> {
        match self.places[timer.0 as usize] {
            NO_PLACE => None,
            place => (self.events[usize::from(place)].mean_s == mean_s).then_some(place.into()),
        }
    }

    /// The event of a bit.
    pub fn event(&self, bit: u32) -> Event {
        self.events[bit as usize]
    }

    /// Is there any cut?
    pub fn knows_anything(&self) -> bool {
        !self.cuts.is_empty()
    }

    /// The fewest events that are missing where these still may happen, and all events
    /// that would bring an outage nearer. Without any cut: 1, and no event.
    ///
    /// A cut of which nothing is missing counts for nothing beside others: the service
    /// may have been lucky (a take-over that might have failed), and what else can take
    /// it down is of interest. Where nothing is missing of any cut: 0, and no event.
    pub fn of(&self, possible: u128) -> (u32, u128) {
        let mut least = u32::MAX;
        let mut nearer = 0;
        for cut in &self.cuts {
            let missing = cut & possible;
            let count = missing.count_ones();
            if count == 0 {
                continue;
            }
            if count < least {
                (least, nearer) = (count, missing);
            } else if count == least {
                nearer |= missing;
            }
        }
        if least == u32::MAX {
            return (u32::from(self.cuts.is_empty()), 0);
        }
        (least, nearer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(timer: u32) -> Event {
        Event {
            timer: Timer(timer),
            mean_s: 5.0,
        }
    }

    #[test]
    fn the_shortest_way_counts() {
        let cuts = [
            vec![event(3)],
            vec![event(0), event(1)],
            vec![event(1), event(2)],
        ];
        let distance = Distance::new(&cuts[1..], 4);
        let bit = |timer| 1u128 << distance.bit(Timer(timer), 5.0).expect("an event");
        let all = bit(0) | bit(1) | bit(2);
        assert_eq!(distance.of(all), (2, all));
        assert_eq!(distance.of(all & !bit(1)), (1, bit(0) | bit(2)));
        assert_eq!(distance.of(bit(2)), (1, bit(2)));
        assert_eq!(distance.of(0), (0, 0));
        assert_eq!(distance.bit(Timer(0), 6.0), None);
        assert_eq!(distance.bit(Timer(3), 5.0), None);
        let lucky = Distance::new(&cuts, 4);
        let first = 1u128 << lucky.bit(Timer(3), 5.0).expect("an event");
        assert_eq!(lucky.of(0b1111), (1, first));
        assert_eq!(lucky.of(0b1111 & !first).0, 2);
        assert_eq!(Distance::new(&[], 4).of(0), (1, 0));
    }
}
