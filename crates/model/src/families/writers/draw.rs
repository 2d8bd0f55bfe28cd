//! Drawing one of many by what a network says of them.

use serde::{Deserialize, Serialize};

use crate::kernels::exp;

/// How symbols are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Style {
    /// What logits are divided by; 0 takes the likeliest always, which soon goes round in a circle.
    pub temperature: f32,
    /// Of the likeliest only those that together are so likely, 0..=1.
    pub top_p: f32,
}

impl Style {
    /// The likeliest always.
    pub const ARGMAX: Self = Self { temperature: 0.0, top_p: 1.0 };

    pub(super) fn fault(&self) -> Option<String> {
        let fits = (0.0..=10.0).contains(&self.temperature) && (0.0..=1.0).contains(&self.top_p);
        (!fits).then(|| "the style of its writer is out of range".to_string())
    }

    /// One of `logits`, by a number between 0 and 1. What is negative infinity is never drawn, unless all is.
    pub fn draw(&self, logits: &[f32], chance: f32) -> usize {
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]).then(b.cmp(&a)));
        let Some(best) = best else { return 0 };
        if self.temperature <= 0.0 || self.top_p <= 0.0 || !logits[best].is_finite() {
            return best;
        }
        let weight = |&logit: &f32| exp(((logit - logits[best]) / self.temperature).max(-80.0));
        let mut all: Vec<(f32, usize)> = logits
            .iter()
            .enumerate()
            .filter(|(_, logit)| logit.is_finite())
            .map(|(at, logit)| (weight(logit), at))
            .collect();
        let total: f32 = all.iter().map(|(weight, _)| weight).sum();
        // The many that are next to impossible need no sorting.
        if self.top_p < 1.0 {
            let least = total * (1.0 - self.top_p) / (2.0 * logits.len() as f32);
            all.retain(|(weight, _)| *weight >= least);
        }
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut kept = 0.0;
        let count = all.iter().take_while(|(weight, _)| {
            let before = kept;
            kept += weight;
            before < self.top_p * total
        });
        let count = count.count().max(1);
        let mut left = chance * all[..count].iter().map(|(weight, _)| weight).sum::<f32>();
        let drawn = all[..count].iter().find(|(weight, _)| {
            left -= weight;
            left < 0.0
        });
        drawn.unwrap_or(&all[count - 1]).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_probabilities_within_the_likeliest() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln(), f32::NEG_INFINITY];
        let count = |style: Style| {
            let mut counts = [0; 4];
            (0..1000).for_each(|i| counts[style.draw(&logits, (i as f32 + 0.5) / 1000.0)] += 1);
            counts
        };
        let near = |counts: [i32; 4], wanted: [i32; 4]| {
            assert!(counts.iter().zip(wanted).all(|(a, b)| (a - b).abs() <= 2), "{counts:?}");
        };
        near(count(Style { temperature: 1.0, top_p: 1.0 }), [500, 300, 200, 0]);
        near(count(Style { temperature: 1.0, top_p: 0.7 }), [625, 375, 0, 0]);
        near(count(Style { temperature: 0.5, top_p: 1.0 }), [658, 237, 105, 0]);
        near(count(Style::ARGMAX), [1000, 0, 0, 0]);
        near(count(Style { temperature: 1.0, top_p: 0.0 }), [1000, 0, 0, 0]);
        assert_eq!(Style::ARGMAX.draw(&[], 0.5), 0);
        assert_eq!(Style { temperature: 1.0, top_p: 0.9 }.draw(&[f32::NEG_INFINITY; 3], 0.5), 0);
    }
}
