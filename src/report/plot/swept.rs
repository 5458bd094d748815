//! The swept values along an axis: in proportion where they are numbers, evenly
//! spaced where they are not.

use super::font;
use super::scene::TEXT_PX;

/// Numbers that differ by more than this factor are placed by their logarithm.
const LOGARITHMIC_FROM: f64 = 20.0;
/// Free space in pixels inside both ends of the axis.
const INSET: f64 = 36.0;

/// A swept path and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Swept {
    /// The path.
    pub name: String,
    /// The values as they were written.
    pub labels: Vec<String>,
    /// The values as numbers of one unit; `None` if they are not all that.
    pub numbers: Option<Vec<f64>>,
}

impl Swept {
    /// Is there something between two values?
    pub(super) fn is_continuous(&self) -> bool {
        self.numbers.is_some()
    }

    /// Name for under the axis, with what the eye cannot see.
    pub(super) fn title(&self) -> String {
        match self.is_logarithmic() {
            true => format!("{} (logarithmic)", self.name),
            false => self.name.clone(),
        }
    }

    fn is_logarithmic(&self) -> bool {
        let Some(numbers) = &self.numbers else {
            return false;
        };
        let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let most = numbers.iter().copied().fold(0.0, f64::max);
        least > 0.0 && most > LOGARITHMIC_FROM * least
    }

    /// The widest label in pixels that stays in its place.
    pub(super) fn room(&self, left: f64, right: f64) -> f64 {
        match self.numbers {
            Some(_) => 2.0 * INSET + 8.0,
            None => (right - left) / self.labels.len() as f64 - 12.0,
        }
    }

    /// The middles of as many equal parts as there are values.
    pub(super) fn middles(&self, left: f64, right: f64) -> Vec<f64> {
        let part = (right - left) / self.labels.len() as f64;
        let middle = |i| left + part * (i as f64 + 0.5);
        (0..self.labels.len()).map(middle).collect()
    }

    /// Horizontal position of every value between `left` and `right`.
    pub(super) fn places(&self, left: f64, right: f64) -> Vec<f64> {
        let scaled: Vec<f64> = match &self.numbers {
            Some(numbers) if self.is_logarithmic() => numbers.iter().map(|n| n.ln()).collect(),
            Some(numbers) => numbers.clone(),
            None => return self.middles(left, right),
        };
        let least = scaled.iter().copied().fold(f64::INFINITY, f64::min);
        let most = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let room = right - left - 2.0 * INSET;
        scaled
            .iter()
            .map(|value| match most > least {
                true => left + INSET + room * (value - least) / (most - least),
                false => (left + right) / 2.0,
            })
            .collect()
    }
}

/// Labels around their places, shortened to `widest`; those that would touch one
/// placed before are left out, the ends last of all.
pub(super) fn spread(labels: &[String], places: &[f64], widest: f64) -> Vec<(f64, String)> {
    let mut order: Vec<usize> = (0..labels.len().min(places.len())).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    if order.len() > 2 {
        let last = order.remove(order.len() - 1);
        order.insert(1, last);
    }
    let mut taken: Vec<(f64, f64)> = Vec::new();
    let mut kept = Vec::new();
    for at in order {
        let label = font::clip(&labels[at], TEXT_PX, false, widest);
        let half = font::width(&label, TEXT_PX, false) / 2.0 + 5.0;
        let (from, to) = (places[at] - half, places[at] + half);
        if taken.iter().all(|(a, b)| to <= *a || *b <= from) {
            taken.push((from, to));
            kept.push((places[at], label));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swept(numbers: Option<Vec<f64>>) -> Swept {
        let labels = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let name = "path".to_owned();
        Swept {
            name,
            labels,
            numbers,
        }
    }

    #[test]
    fn numbers_stand_in_proportion_and_names_evenly() {
        assert_eq!(swept(None).places(0.0, 1200.0), [200.0, 600.0, 1000.0]);
        let even = [INSET, 500.0, 1000.0 - INSET];
        assert_eq!(swept(Some(vec![2.0, 4.0, 6.0])).places(0.0, 1000.0), even);
        let wide = swept(Some(vec![1.0, 10.0, 100.0]));
        assert!((wide.places(0.0, 1000.0)[1] - 500.0).abs() < 1e-9);
        assert!(wide.title().ends_with("(logarithmic)"));
        assert_eq!(swept(Some(vec![3.0; 3])).places(0.0, 10.0), [5.0; 3]);
    }

    #[test]
    fn crowded_labels_give_way_to_the_ends() {
        let labels: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let places: Vec<f64> = (0..100).map(|n| 5.0 * f64::from(n)).collect();
        let kept = spread(&labels, &places, 100.0);
        assert!(kept.len() > 5 && kept.len() < 40);
        assert!(kept.iter().any(|(_, label)| label == "99"));
    }
}
