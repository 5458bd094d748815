//! State reduction after Grassmann, Taksar and Heyman (1985).
//!
//! One state after another is taken out, its visits shared among those around it;
//! then their visits are counted back in. Nothing is ever subtracted, so every
//! result is as exact as its inputs, in relative terms, however small.

/// A chain that is being reduced. A state's step to itself is never stored: its
/// probability is whatever the others leave.
pub struct Reduction {
    rows: Vec<Vec<(u32, f64)>>,
    /// Who may step to each state; may name some that no longer do.
    callers: Vec<Vec<u32>>,
    alive: Vec<bool>,
    left: usize,
    /// The states that were taken out, each with its callers and their shares, in order.
    removed: Vec<(u32, Vec<(u32, f64)>)>,
    /// Where a state is in the row at hand; `u32::MAX` elsewhere.
    place: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

impl Reduction {
    /// A reduction of these rows.
    pub fn new(rows: Vec<Vec<(u32, f64)>>) -> Reduction {
        let count = rows.len();
        let mut callers = vec![Vec::new(); count];
        for (from, row) in rows.iter().enumerate() {
            for (to, _) in row {
                callers[*to as usize].push(from as u32);
            }
        }
        Reduction {
            rows,
            callers,
            alive: vec![true; count],
            left: count,
            removed: Vec::new(),
            place: vec![NOWHERE; count],
        }
    }

    /// How many states are left.
    pub fn left(&self) -> usize {
        self.left
    }

    /// The states that are left.
    pub fn alive(&self) -> impl Iterator<Item = u32> + '_ {
        let states = self.alive.iter().enumerate();
        states.filter(|(_, alive)| **alive).map(|(i, _)| i as u32)
    }

    /// The row of a state that is left.
    pub fn row(&self, state: u32) -> &[(u32, f64)] {
        &self.rows[state as usize]
    }

    /// How many new steps taking a state out may make, at most.
    pub fn cost(&self, state: u32) -> usize {
        self.rows[state as usize].len() * self.callers[state as usize].len()
    }

    /// Takes a state out. It must lead somewhere else.
    pub fn remove(&mut self, state: u32) {
        let row = std::mem::take(&mut self.rows[state as usize]);
        let leaves: f64 = row.iter().map(|(_, p)| p).sum();
        let mut callers = std::mem::take(&mut self.callers[state as usize]);
        callers.sort_unstable();
        callers.dedup();
        let mut shares = Vec::with_capacity(callers.len());
        for caller in callers {
            if !self.alive[caller as usize] || caller == state {
                continue;
            }
            let steps = &mut self.rows[caller as usize];
            let Some(at) = steps.iter().position(|(to, _)| *to == state) else {
                continue;
            };
            let (_, calls) = steps.swap_remove(at);
            let share = calls / leaves;
            shares.push((caller, share));
            for (index, (to, _)) in steps.iter().enumerate() {
                self.place[*to as usize] = index as u32;
            }
            for (to, probability) in &row {
                if *to == caller {
                    continue;
                }
                match self.place[*to as usize] {
                    NOWHERE => {
                        steps.push((*to, share * probability));
                        self.callers[*to as usize].push(caller);
                    }
                    index => steps[index as usize].1 += share * probability,
                }
            }
            for (to, _) in steps.iter() {
                self.place[*to as usize] = NOWHERE;
            }
        }
        self.alive[state as usize] = false;
        self.left -= 1;
        self.removed.push((state, shares));
    }

    /// Counts the visits of the removed states, given those of the ones that are left.
    pub fn count_back(&self, visits: &mut [f64]) {
        for (state, shares) in self.removed.iter().rev() {
            visits[*state as usize] = shares
                .iter()
                .map(|(caller, share)| visits[*caller as usize] * share)
                .sum();
        }
    }
}

/// Visits of each state of a small chain, given as a full matrix of step
/// probabilities in rows; the diagonal is not read. The first state has 1 visit.
pub fn dense_visits(matrix: &mut [f64], states: usize) -> Vec<f64> {
    let n = states;
    for k in (1..n).rev() {
        let (above, row) = matrix.split_at_mut(k * n);
        let row = &row[..k];
        let leaves: f64 = row.iter().sum();
        for i in 0..k {
            let share = above[i * n + k] / leaves;
            above[i * n + k] = share;
            if share == 0.0 {
                continue;
            }
            for (to, from) in above[i * n..i * n + k].iter_mut().zip(row) {
                *to += share * from;
            }
        }
    }
    let mut visits = vec![0.0; n];
    visits[0] = 1.0;
    for k in 1..n {
        visits[k] = (0..k).map(|i| visits[i] * matrix[i * n + k]).sum();
    }
    visits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Visits by removing every state but the first, one by one.
    fn sparse_visits(rows: &[Vec<(u32, f64)>]) -> Vec<f64> {
        let mut reduction = Reduction::new(rows.to_vec());
        for state in (1..rows.len() as u32).rev() {
            reduction.remove(state);
        }
        let mut visits = vec![0.0; rows.len()];
        visits[0] = 1.0;
        reduction.count_back(&mut visits);
        visits
    }

    #[test]
    fn a_chain_of_rare_steps_keeps_its_digits() {
        // Birth and death: down with 1e-9 of the steps, up otherwise.
        let rare = 1e-9;
        let rows = vec![
            vec![(1, 1.0)],
            vec![(2, rare), (0, 1.0 - rare)],
            vec![(3, rare), (1, 1.0 - rare)],
            vec![(2, 1.0)],
        ];
        let visits = sparse_visits(&rows);
        // Flow balance: what steps up a rung steps down again.
        let exact = [
            1.0,
            1.0 / (1.0 - rare),
            rare / (1.0 - rare) / (1.0 - rare),
            rare * rare / (1.0 - rare) / (1.0 - rare),
        ];
        for (found, exact) in visits.iter().zip(exact) {
            assert!((found / exact - 1.0).abs() < 1e-14, "{visits:?}");
        }
    }

    proptest! {
        #[test]
        fn sparse_and_dense_agree_and_visits_balance(
            weights in proptest::collection::vec(0.01..1.0f64, 30)
        ) {
            let n = 6;
            let mut matrix = vec![0.0; n * n];
            let mut rows = vec![Vec::new(); n];
            let mut weights = weights.into_iter();
            for i in 0..n {
                let row: Vec<f64> = (0..n - 1).map(|_| weights.next().expect("30 weights")).collect();
                let total: f64 = row.iter().sum();
                let others = (0..n).filter(|j| *j != i);
                for (j, weight) in others.zip(row) {
                    matrix[i * n + j] = weight / total;
                    rows[i].push((j as u32, weight / total));
                }
            }
            let steps = matrix.clone();
            let dense = dense_visits(&mut matrix, n);
            let sparse = sparse_visits(&rows);
            for j in 0..n {
                prop_assert!((dense[j] / sparse[j] - 1.0).abs() < 1e-12);
                let comes: f64 = (0..n).map(|i| dense[i] * steps[i * n + j]).sum();
                prop_assert!((comes / dense[j] - 1.0).abs() < 1e-12);
            }
        }
    }
}
