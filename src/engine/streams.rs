//! Random streams: one generator for each (seed, replication, component, purpose).
//!
//! A design with one more server draws the same numbers for the servers that it
//! shares with another design, because a stream depends on names and never on
//! how many others there are. The generator is xoshiro256++ (Blackman and Vigna
//! 2021), seeded through SplitMix64.

use crate::automaton::blueprint::StreamInfo;
use crate::automaton::fnv::fnv1a;
use crate::automaton::logarithm::ln;
use crate::automaton::{Blueprint, Delay, Distribution, DistributionId, Nanos, StreamId};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The name of the generator, for result files.
pub const GENERATOR: &str = "xoshiro256++ (SplitMix64 seeded)";

/// Numbers that a stream in use draws at once.
const BLOCK: usize = 8;
/// The law of a block that was drawn for something else than delays.
const NO_LAW: DistributionId = DistributionId(u32::MAX);

/// One generator, with its next numbers drawn ahead.
///
/// The delay of an event decides which event comes next, so the processor cannot
/// go on before it is known. Delays that were computed before cost no waiting, and
/// those of a block are independent of each other, so that the processor works on
/// several at once. Nearly every stream has one law for all its delays. Most streams
/// are used once or twice in a replication: blocks begin with one number and double.
#[derive(Clone, Debug)]
struct Stream {
    generator: Xoshiro256PlusPlus,
    /// The numbers of a block stand at the end.
    uniforms: [f64; BLOCK],
    /// The delay that belongs to each by the law of the block, if it has one.
    delays: [Nanos; BLOCK],
    law: DistributionId,
    /// The first number that has not been used, or `BLOCK`.
    next: u8,
    /// How many there were in the last block.
    drawn: u8,
}

impl Stream {
    fn new() -> Stream {
        Stream {
            generator: Xoshiro256PlusPlus::seed_from_u64(0),
            uniforms: [0.0; BLOCK],
            delays: [Nanos::ZERO; BLOCK],
            law: NO_LAW,
            next: BLOCK as u8,
            drawn: 0,
        }
    }

    fn seed(&mut self, seed: u64) {
        self.generator = Xoshiro256PlusPlus::seed_from_u64(seed);
        self.law = NO_LAW;
        self.next = BLOCK as u8;
        self.drawn = 0;
    }

    /// A uniform number, 0 <= u < 1.
    #[inline]
    fn uniform(&mut self) -> f64 {
        if usize::from(self.next) == BLOCK {
            self.refill(|_| Nanos::ZERO);
            self.law = NO_LAW;
        }
        let place = self.take();
        self.uniforms[place]
    }

    /// The place of the next number of a block that has one; it is used now.
    #[inline]
    fn take(&mut self) -> usize {
        let place = usize::from(self.next) % BLOCK;
        self.next += 1;
        place
    }

    /// Draws a block, and computes a delay for each number.
    #[inline(always)]
    fn refill(&mut self, delay: impl Fn(f64) -> Nanos) {
        let size = (2 * usize::from(self.drawn)).clamp(1, BLOCK);
        let first = BLOCK - size;
        let mut generator = self.generator.clone();
        let places = self.uniforms[first..].iter_mut();
        for (uniform, place) in places.zip(&mut self.delays[first..]) {
            // 53 bits fit into a signed number, from which the conversion is cheaper.
            let bits = (generator.next_u64() >> 11) as i64;
            *uniform = bits as f64 * (1.0 / (1u64 << 53) as f64);
            *place = delay(*uniform);
        }
        self.generator = generator;
        self.next = first as u8;
        self.drawn = size as u8;
    }

    /// The delay that belongs to the next uniform number.
    #[inline]
    fn delay(&mut self, id: DistributionId, distributions: &[Distribution]) -> Nanos {
        match self.delays.get(usize::from(self.next)) {
            Some(delay) if self.law == id => {
                self.next += 1;
                *delay
            }
            _ => self.first_delay(id, distributions),
        }
    }

    /// A delay that has not been computed ahead, and where it begins a block the others,
    /// unless the law is a costly one: half of what is drawn ahead may never be asked for.
    #[inline(never)]
    fn first_delay(&mut self, id: DistributionId, distributions: &[Distribution]) -> Nanos {
        let law = &distributions[id.0 as usize];
        match law {
            _ if usize::from(self.next) < BLOCK => {}
            // Apart, so that there is no question in the loop.
            Distribution::Exponential { mean } => {
                return self.block(id, |u| Nanos::from_seconds(-mean * ln(1.0 - u)));
            }
            Distribution::Weibull { .. } | Distribution::Lognormal { .. } => {
                return self.block(id, |u| Nanos::from_seconds(law.quantile(u)));
            }
            _ => {}
        }
        Nanos::from_seconds(law.quantile(self.uniform()))
    }

    /// The first delay of a block of one law. The same numbers as [`Distribution::quantile`].
    #[inline]
    fn block(&mut self, id: DistributionId, delay: impl Fn(f64) -> Nanos) -> Nanos {
        self.refill(delay);
        self.law = id;
        let place = self.take();
        self.delays[place]
    }
}

/// The streams of one replication.
#[derive(Clone, Debug)]
pub struct Streams {
    timers: Vec<Stream>,
    extra: Vec<Stream>,
    timer_keys: Vec<u64>,
    extra_keys: Vec<u64>,
    distributions: Vec<Distribution>,
}

impl Streams {
    /// Streams for a model; call [`Streams::seed`] before drawing.
    pub fn new<const W: usize>(blueprint: &Blueprint<W>) -> Streams {
        let timer_keys: Vec<u64> = blueprint.timer_streams().iter().map(key).collect();
        let extra_keys: Vec<u64> = blueprint.extra_streams().iter().map(key).collect();
        Streams {
            timers: vec![Stream::new(); timer_keys.len()],
            extra: vec![Stream::new(); extra_keys.len()],
            timer_keys,
            extra_keys,
            distributions: blueprint.distributions().to_vec(),
        }
    }

    /// Sets all streams to their beginning for one replication.
    pub fn seed(&mut self, seed: u64, replication: u64) {
        let root = split_mix(split_mix(seed) ^ replication);
        let all = self
            .timers
            .iter_mut()
            .zip(&self.timer_keys)
            .chain(self.extra.iter_mut().zip(&self.extra_keys));
        for (stream, key) in all {
            stream.seed(split_mix(root ^ key));
        }
    }

    #[inline]
    fn stream(&mut self, id: StreamId) -> &mut Stream {
        match id.place() {
            Ok(index) => &mut self.timers[index],
            Err(index) => &mut self.extra[index],
        }
    }

    /// A uniform number, 0 <= u < 1.
    #[inline]
    pub fn uniform(&mut self, stream: StreamId) -> f64 {
        self.stream(stream).uniform()
    }

    /// Draws a delay. One uniform number, whatever the distribution.
    // Inlined by force into the one place that arms a timer.
    #[inline(always)]
    pub fn delay(&mut self, delay: Delay, stream: StreamId) -> Nanos {
        let (fixed, id) = match delay {
            Delay::Fixed(time) => return time,
            Delay::Uniform { low, high } => {
                let u = self.uniform(stream);
                return Nanos(low.0 + ((high.0 - low.0) as f64 * u) as u64);
            }
            Delay::Drawn(id) => (Nanos::ZERO, id),
            Delay::FixedThenDrawn(fixed, id) => (fixed, id),
        };
        fixed + self.drawn(id, stream)
    }

    /// Draws from a registered distribution.
    #[inline(always)]
    pub fn drawn(&mut self, id: DistributionId, stream: StreamId) -> Nanos {
        let streams = match stream.place() {
            Ok(index) => &mut self.timers[index],
            Err(index) => &mut self.extra[index],
        };
        streams.delay(id, &self.distributions)
    }

    /// The index of one of `weights`, with a probability in proportion to it.
    pub fn choose(&mut self, stream: StreamId, weights: &[f64]) -> usize {
        let total: f64 = weights.iter().sum();
        let mut left = self.uniform(stream) * total;
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        // Rounding may leave a crumb beyond the last weight.
        weights
            .iter()
            .rposition(|weight| *weight > 0.0)
            .unwrap_or(0)
    }
}

/// A hash of both names, with a separator that no name contains.
fn key(stream: &StreamInfo) -> u64 {
    fnv1a(
        stream
            .component
            .bytes()
            .chain([0xff])
            .chain(stream.purpose.bytes()),
    )
}

/// The output function of SplitMix64 (Steele, Lea and Flood 2014).
pub(super) fn split_mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::automaton::{Blueprint, StreamId, TimerClass};

    fn streams(names: &[&str]) -> Streams {
        let mut blueprint = Blueprint::<1>::new(names.iter().map(|n| (*n).to_owned()).collect());
        blueprint.timers_per_node("failure", TimerClass::Chance);
        Streams::new(&blueprint)
    }

    fn first_draw(names: &[&str], node: u32, seed: u64, replication: u64) -> f64 {
        let mut streams = streams(names);
        streams.seed(seed, replication);
        streams.uniform(StreamId::of_timer(crate::automaton::Timer(node)))
    }

    #[test]
    fn a_component_draws_the_same_numbers_in_every_design() {
        let two = first_draw(&["server1", "server2"], 1, 7, 3);
        let four = first_draw(&["server1", "lb", "server3", "server2"], 3, 7, 3);
        assert_eq!(two, four);
    }

    #[test]
    fn streams_differ_by_component_seed_and_replication() {
        let names = ["server1", "server2"];
        let base = first_draw(&names, 0, 7, 3);
        for other in [
            first_draw(&names, 1, 7, 3),
            first_draw(&names, 0, 8, 3),
            first_draw(&names, 0, 7, 4),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn delays_drawn_ahead_are_the_quantiles_of_the_stream_in_its_order() {
        let laws = [
            Distribution::Exponential { mean: 3.0 },
            Distribution::weibull_with_mean(0.7, 5.0),
            Distribution::lognormal_with_mean(10.0, 1.0),
            Distribution::Gamma {
                shape: 2.5,
                mean: 4.0,
            },
        ];
        let mut blueprint = Blueprint::<1>::new(vec!["server1".to_owned()]);
        blueprint.timers_per_node("failure", TimerClass::Chance);
        let ids = laws.clone().map(|law| blueprint.distribution(law));
        let mut streams = Streams::new(&blueprint);
        streams.seed(7, 3);
        let mut plain = streams.timers[0].generator.clone();
        let stream = StreamId::of_timer(crate::automaton::Timer(0));
        // Long runs of one law, then another law or a plain number at every place of a block.
        for draw in 0..2000 {
            let u = (plain.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            let place = draw / 40 % 4;
            if draw % 13 == 0 {
                assert_eq!(streams.uniform(stream), u, "draw {draw}");
                continue;
            }
            let place = if draw % 7 == 0 { 3 - place } else { place };
            let delay = streams.drawn(ids[place], stream);
            let expected = Nanos::from_seconds(laws[place].quantile(u));
            assert_eq!(delay, expected, "draw {draw}");
        }
    }

    #[test]
    fn choices_follow_the_weights() {
        let mut streams = streams(&["server1"]);
        streams.seed(1, 1);
        let stream = StreamId::of_timer(crate::automaton::Timer(0));
        let mut hits = [0u32; 3];
        for _ in 0..30_000 {
            hits[streams.choose(stream, &[1.0, 0.0, 2.0])] += 1;
        }
        assert_eq!(hits[1], 0);
        assert!((f64::from(hits[0]) / 30_000.0 - 1.0 / 3.0).abs() < 0.01);
    }
}
