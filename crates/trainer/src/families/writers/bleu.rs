//! BLEU (Papineni et al., 2002) of lines of symbols, and how many of their groups differ.

use std::collections::{HashMap, HashSet};

/// How often groups of symbols came.
type Counts = HashMap<Vec<u32>, u32>;

fn counts(line: &[u32], length: usize) -> Counts {
    let mut all = Counts::new();
    line.windows(length).for_each(|group| *all.entry(group.to_vec()).or_insert(0) += 1);
    all
}

/// References, ready to be compared with.
#[derive(Clone, Debug)]
pub struct Bleu {
    /// By length of the group: the most often that any reference has it.
    most: Vec<Counts>,
    lengths: Vec<usize>,
}

impl Bleu {
    /// Of references, for groups of up to `order` symbols.
    pub fn new<'a>(references: impl IntoIterator<Item = &'a [u32]>, order: usize) -> Self {
        let mut most = vec![Counts::new(); order];
        let mut lengths = Vec::new();
        for reference in references {
            lengths.push(reference.len());
            for (length, most) in most.iter_mut().enumerate() {
                for (group, count) in counts(reference, length + 1) {
                    let known = most.entry(group).or_insert(0);
                    *known = count.max(*known);
                }
            }
        }
        lengths.sort_unstable();
        lengths.dedup();
        Self { most, lengths }
    }

    /// BLEU of a line by groups of 1 to `order` symbols, each counting alike; what never came counts as a
    /// tenth of one that did, so that the mean stays over 0 (Chen and Cherry's first smoothing).
    pub fn of(&self, line: &[u32], order: usize) -> f64 {
        let mut sum = 0.0;
        for (length, most) in self.most.iter().enumerate().take(order) {
            let all = counts(line, length + 1);
            let total: u32 = all.values().sum();
            if total == 0 {
                return 0.0;
            }
            let known: u32 =
                all.iter().map(|(group, count)| (*count).min(most.get(group).copied().unwrap_or(0))).sum();
            sum += (f64::from(known).max(0.1) / f64::from(total)).ln();
        }
        // The nearest reference's length, the shorter of two.
        let near = self.lengths.iter().min_by_key(|length| (length.abs_diff(line.len()), **length));
        let short = near.map_or(1.0, |&near| (1.0 - near as f64 / line.len() as f64).min(0.0).exp());
        short * (sum / order.max(1) as f64).exp()
    }
}

/// How many of all groups of `length` symbols differ from one another.
pub fn distinct<'a>(lines: impl IntoIterator<Item = &'a [u32]>, length: usize) -> f64 {
    let (mut all, mut count) = (HashSet::new(), 0usize);
    for line in lines {
        for group in line.windows(length) {
            count += 1;
            all.insert(group);
        }
    }
    all.len() as f64 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_compared_with_all_references_at_once() {
        let references = [vec![1, 2, 3, 4, 5], vec![1, 1, 6, 7, 8]];
        let bleu = Bleu::new(references.iter().map(Vec::as_slice), 4);
        assert!((bleu.of(&[1, 2, 3, 4, 5], 4) - 1.0).abs() < 1e-12);
        // Two groups of two in four are known, and four single ones in five.
        let two = (0.8f64.ln() + (2.0f64 / 4.0).ln()) / 2.0;
        assert!((bleu.of(&[1, 9, 6, 7, 8], 2) - two.exp()).abs() < 1e-12);
        // A line that is too short is not better for it.
        assert!((bleu.of(&[1, 2, 3, 4], 4) - (1.0f64 - 5.0 / 4.0).exp()).abs() < 1e-12);
        assert!(bleu.of(&[9, 9, 9, 9], 4) < 0.05 && bleu.of(&[1, 2], 4) == 0.0);
    }

    #[test]
    fn groups_that_differ_are_counted() {
        let lines = [vec![1u32, 2, 1, 2], vec![1, 2, 3]];
        let all = || lines.iter().map(Vec::as_slice);
        assert_eq!((distinct(all(), 1), distinct(all(), 2)), (3.0 / 7.0, 3.0 / 5.0));
        assert_eq!(distinct(all(), 9), 0.0);
    }
}
