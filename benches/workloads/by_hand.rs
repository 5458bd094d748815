//! Loops as one would write them for a single workload: a heap of events, a queue in
//! front of the crews, and nothing that could be asked twice.

use rand_distr::{Distribution, Exp1, LogNormal, Weibull};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

const LIFE_H: f64 = 990.0;
const REPAIR_H: f64 = 10.0;

/// Events in their order. The bits of a positive float sort like the float, so the
/// heap can hold them.
#[derive(Default)]
struct Events(BinaryHeap<Reverse<(u64, u32)>>);

impl Events {
    fn push(&mut self, time: f64, which: u32) {
        self.0.push(Reverse((time.to_bits(), which)));
    }

    fn pop(&mut self) -> (f64, u32) {
        let Reverse((bits, which)) = self.0.pop().expect("something always happens");
        (f64::from_bits(bits), which)
    }
}

fn exponential(generator: &mut Xoshiro256PlusPlus, mean: f64) -> f64 {
    let unit: f64 = Exp1.sample(generator);
    unit * mean
}

/// W1: four nodes, each with a repairer of its own; the time at each number of nodes up.
pub fn w1(events: u64) -> f64 {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(1);
    let begin = Instant::now();
    let mut agenda = Events::default();
    for node in 0..4 {
        agenda.push(exponential(&mut generator, LIFE_H), node);
    }
    let (mut up, mut now, mut hours_at) = (0b1111u32, 0.0, [0.0; 5]);
    for _ in 0..events {
        let (time, node) = agenda.pop();
        hours_at[up.count_ones() as usize] += time - now;
        now = time;
        up ^= 1 << node;
        let mean = if up >> node & 1 == 1 {
            LIFE_H
        } else {
            REPAIR_H
        };
        agenda.push(time + exponential(&mut generator, mean), node);
    }
    let seconds = begin.elapsed().as_secs_f64();
    is_right("W1", hours_at[4] / now, 0.960_596, 0.01);
    events as f64 / seconds
}

/// The same with all that one can do about four events: they stand in an array, the next one
/// first, and an event writes its successor over itself and lets it sink.
pub fn w1_in_an_array(events: u64) -> f64 {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(1);
    let begin = Instant::now();
    let lives = std::array::from_fn(|node| (exponential(&mut generator, LIFE_H), node));
    let mut agenda: [(f64, usize); 4] = lives;
    agenda.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut up, mut is_up, mut now, mut hours_at) = (4, [true; 4], 0.0, [0.0; 5]);
    for _ in 0..events {
        let (time, node) = agenda[0];
        hours_at[up] += time - now;
        now = time;
        let mean = if is_up[node] { REPAIR_H } else { LIFE_H };
        up = if is_up[node] { up - 1 } else { up + 1 };
        is_up[node] = !is_up[node];
        let next = (time + exponential(&mut generator, mean), node);
        let mut place = 0;
        // The children of a place in a heap of four: 1 and 2, then 3.
        while 2 * place + 1 < 4 {
            let mut child = 2 * place + 1;
            if child + 1 < 4 && agenda[child + 1].0 < agenda[child].0 {
                child += 1;
            }
            if agenda[child].0 >= next.0 {
                break;
            }
            agenda[place] = agenda[child];
            place = child;
        }
        agenda[place] = next;
    }
    let seconds = begin.elapsed().as_secs_f64();
    is_right("W1", hours_at[4] / now, 0.960_596, 0.01);
    events as f64 / seconds
}

/// W4: `nodes` nodes with Weibull lives and lognormal repairs, `crews` crews with one
/// queue; the mean number of nodes up.
pub fn w4(nodes: u32, crews: usize, fraction_up: f64, events: u64) -> f64 {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(1);
    // The gamma function of 1 + 1/0.7 is 1.2658: it makes the mean of the life 990 h.
    let life = Weibull::new(LIFE_H / 1.265_823_5, 0.7).expect("a life");
    let repair = LogNormal::new(REPAIR_H.ln() - 0.5, 1.0).expect("a repair");
    let begin = Instant::now();
    let mut agenda = Events::default();
    for node in 0..nodes {
        agenda.push(life.sample(&mut generator), node);
    }
    let mut down = vec![false; nodes as usize];
    let mut queue = VecDeque::new();
    let (mut busy, mut up, mut now, mut node_hours) = (0, nodes, 0.0, 0.0);
    for _ in 0..events {
        let (time, node) = agenda.pop();
        node_hours += f64::from(up) * (time - now);
        now = time;
        let is_down = &mut down[node as usize];
        *is_down = !*is_down;
        if *is_down {
            up -= 1;
            if busy < crews {
                busy += 1;
                agenda.push(now + repair.sample(&mut generator), node);
            } else {
                queue.push_back(node);
            }
            continue;
        }
        up += 1;
        agenda.push(now + life.sample(&mut generator), node);
        match queue.pop_front() {
            Some(next) => agenda.push(now + repair.sample(&mut generator), next),
            None => busy -= 1,
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    is_right(
        "W4",
        node_hours / now / f64::from(nodes),
        fraction_up,
        0.005,
    );
    events as f64 / seconds
}

/// W5: a service on one of four nodes; the next one takes over after 3.6 s + U(0, 1) s,
/// and where none is up the first repair brings it back. Replications of ten years.
/// Events are those of the nodes.
pub fn w5(replications: u64) -> f64 {
    const HORIZON_H: f64 = 87_600.0;
    const SECOND_H: f64 = 1.0 / 3600.0;
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(1);
    let begin = Instant::now();
    let (mut events, mut down_h) = (0u64, 0.0);
    let mut agenda = Events::default();
    for _ in 0..replications {
        agenda.0.clear();
        for node in 0..4 {
            agenda.push(exponential(&mut generator, LIFE_H), node);
        }
        let (mut up, mut active, mut down_since) = (0b1111u32, 0, 0.0);
        loop {
            let (time, node) = agenda.pop();
            if time >= HORIZON_H {
                break;
            }
            events += 1;
            up ^= 1 << node;
            let is_up = up >> node & 1 == 1;
            let mean = if is_up { LIFE_H } else { REPAIR_H };
            agenda.push(time + exponential(&mut generator, mean), node);
            if is_up && up.count_ones() == 1 {
                down_h += time - down_since;
                active = node;
            } else if !is_up && up == 0 {
                down_since = time;
            } else if !is_up && node == active {
                let unit: f64 = rand_distr::StandardUniform.sample(&mut generator);
                down_h += (3.6 + unit) * SECOND_H;
                active = up.trailing_zeros();
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let share = down_h / HORIZON_H / replications as f64;
    is_right("W5", share, 1.160_39e-6, 0.2);
    events as f64 / seconds
}

fn is_right(what: &str, found: f64, expected: f64, precision: f64) {
    assert!(
        (found / expected - 1.0).abs() < precision,
        "the baseline of {what} computes the right thing: {found}"
    );
}
