//! The swing of what was played before: four bars have seldom off-beats enough to show theirs alone.

use super::{OffBeats, Swing};

/// Off-beats that are remembered at most; what was played longer ago weighs half.
const REMEMBERED: u32 = 64;

/// What the phrases before have shown of their swing. No heap.
#[derive(Clone, Debug)]
pub struct SwingHistory {
    heard: OffBeats,
    /// By what the phrase before swung.
    ratio: f64,
}

impl Default for SwingHistory {
    fn default() -> Self {
        Self { heard: OffBeats::default(), ratio: 0.5 }
    }
}

impl SwingHistory {
    /// By what ratio the phrase before swung; where it was straight, or nobody could tell, by what it swings
    /// together with these onsets, which come next (in steps, in order of time). `None` where that is
    /// straight too. It is what [`Swing::of_phrase_after`] is told.
    pub fn before(&self, onsets: impl IntoIterator<Item = f64>) -> Option<f64> {
        let swung = |ratio: &f64| *ratio != Swing::STRAIGHT.ratio;
        let together = || {
            let mut heard = self.heard.clone();
            heard.hear(onsets);
            heard.swing().ratio
        };
        Some(self.ratio).filter(swung).or_else(|| Some(together()).filter(swung))
    }

    /// Goes on past these onsets, which were heard as swung by `ratio`. What ends swing forgets what was
    /// before it.
    pub fn go_on(&mut self, onsets: impl IntoIterator<Item = f64>, ratio: f64) {
        if self.ratio != ratio && ratio == Swing::STRAIGHT.ratio {
            self.heard = OffBeats::default();
        }
        self.heard.hear(onsets);
        if self.heard.plain() > REMEMBERED {
            self.heard.fade();
        }
        self.ratio = ratio;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes through phrases as the plugin does: what each is heard by.
    fn ratios(phrases: &[&[f64]]) -> Vec<f64> {
        let mut history = SwingHistory::default();
        let heard = |phrase: &&[f64]| {
            let onsets = || phrase.iter().copied();
            let ratio = Swing::after(onsets(), history.before(onsets()).unwrap_or(0.5)).ratio;
            history.go_on(onsets(), ratio);
            (ratio * 100.0).round() / 100.0
        };
        phrases.iter().map(heard).collect()
    }

    #[test]
    fn off_beats_of_several_phrases_show_together_what_none_shows_alone() {
        let late = [0.0, 2.6, 4.0, 8.0, 10.6, 12.0, 14.6, 16.0, 20.0, 22.6];
        assert_eq!(ratios(&[&late, &late, &late]), [0.5, 0.65, 0.65]);
        let even = [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0];
        assert_eq!(ratios(&[&late, &even, &even, &even]), [0.5; 4]);
        assert_eq!(
            ratios(&[&late, &late, &even, &[0.0, 4.0]]),
            [0.5, 0.65, 0.5, 0.5],
            "a straight one ends it"
        );
        let sixteenths = [0.0, 1.0, 2.0, 3.0, 4.0, 8.0, 9.0, 10.0, 11.0];
        assert_eq!(ratios(&[&late, &late, &sixteenths]), [0.5, 0.65, 0.5]);
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let swung: Vec<f64> = (0..32).map(|i| Swing::at(0.6).swing(2.0 * f64::from(i))).collect();
        let straight: Vec<f64> = (0..32).map(|i| 2.0 * f64::from(i)).collect();
        let mut phrases = vec![&swung[..]; 4];
        phrases.extend([&straight[..]; 4]);
        let late = [0.0, 2.4, 4.0, 6.4];
        phrases.push(&late);
        assert_eq!(ratios(&phrases)[4..], [0.5; 5], "one late beat after four straight phrases");
    }
}
