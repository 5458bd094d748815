//! The agenda of the engine beside two that anyone would try first.
//!
//! One event takes out the timer that runs out next and arms it again; every
//! second event also arms a second timer anew, as protocols do all the time,
//! and that is where a heap leaves an entry behind.

use quorate::automaton::{Nanos, Timer};
use quorate::engine::agenda::Agenda;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Numbers of timers: W1, a small cluster, the full-copy design, and two large ones.
const TIMERS: [u32; 5] = [4, 16, 150, 1000, 10_000];

/// What an agenda can do.
trait Contestant {
    fn with_timers(timers: u32) -> Self;
    /// Lets a timer run out after `delay`, whether it runs already or not.
    fn arm(&mut self, timer: u32, delay: u64);
    /// Moves to the next event and takes it out.
    fn next(&mut self) -> u32;
}

/// Prints nanoseconds per event, the best of some rounds.
pub fn print(rounds: usize) {
    println!(
        "{:34} {:>14} {:>14} {:>14}",
        "agenda, ns per event", "tournament", "heap, lazy", "linear scan"
    );
    for timers in TIMERS {
        let mut best = [f64::INFINITY; 3];
        for _ in 0..rounds {
            best[0] = best[0].min(measure::<Tournament>(timers, 1_000_000));
            best[1] = best[1].min(measure::<LazyHeap>(timers, 1_000_000));
            let fewer = (20_000_000 / u64::from(timers)).min(1_000_000);
            best[2] = best[2].min(measure::<LinearScan>(timers, fewer));
        }
        println!(
            "{:34} {:>14.1} {:>14.1} {:>14.1}",
            format!("  {timers} timers"),
            best[0],
            best[1],
            best[2]
        );
    }
}

fn measure<A: Contestant>(timers: u32, events: u64) -> f64 {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut agenda = A::with_timers(timers);
    for timer in 0..timers {
        agenda.arm(timer, random.next_u64() >> 24);
    }
    let begin = Instant::now();
    for event in 0..events {
        let timer = agenda.next();
        agenda.arm(timer, random.next_u64() >> 24);
        if event % 2 == 0 {
            let bits = random.next_u64();
            let other = ((bits & 0xffff_ffff) * u64::from(timers)) >> 32;
            agenda.arm(other as u32, bits >> 24);
        }
    }
    begin.elapsed().as_secs_f64() * 1e9 / events as f64
}

/// Ours.
struct Tournament(Agenda);

impl Contestant for Tournament {
    fn with_timers(timers: u32) -> Self {
        Tournament(Agenda::new(timers as usize))
    }

    fn arm(&mut self, timer: u32, delay: u64) {
        self.0.arm(Timer(timer), Nanos(delay));
    }

    fn next(&mut self) -> u32 {
        // The engine, too, leaves the timer in its slot until it is armed again.
        let (time, timer) = self.0.peek().expect("every timer is armed");
        self.0.begin_event(time, timer);
        timer.0
    }
}

/// A binary heap; an entry counts only if it is the last one of its timer.
struct LazyHeap {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    last: Vec<u64>,
    armings: u64,
    now: u64,
}

impl Contestant for LazyHeap {
    fn with_timers(timers: u32) -> Self {
        LazyHeap {
            heap: BinaryHeap::new(),
            last: vec![0; timers as usize],
            armings: 0,
            now: 0,
        }
    }

    fn arm(&mut self, timer: u32, delay: u64) {
        self.armings += 1;
        self.last[timer as usize] = self.armings;
        self.heap
            .push(Reverse((self.now + delay, self.armings, timer)));
    }

    fn next(&mut self) -> u32 {
        loop {
            let Reverse((time, arming, timer)) = self.heap.pop().expect("every timer is armed");
            if self.last[timer as usize] == arming {
                self.now = time;
                return timer;
            }
        }
    }
}

/// A row of times that is read from end to end.
struct LinearScan {
    times: Vec<u64>,
    now: u64,
}

impl Contestant for LinearScan {
    fn with_timers(timers: u32) -> Self {
        LinearScan {
            times: vec![u64::MAX; timers as usize],
            now: 0,
        }
    }

    fn arm(&mut self, timer: u32, delay: u64) {
        self.times[timer as usize] = self.now + delay;
    }

    fn next(&mut self) -> u32 {
        let next = self.times.iter().enumerate().min_by_key(|(_, time)| **time);
        let (timer, time) = next.expect("there are timers");
        self.now = *time;
        timer as u32
    }
}
