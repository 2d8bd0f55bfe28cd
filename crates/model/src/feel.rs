//! When the players of a pack's genres play: tables that were counted in performances, and no network.

use phrase::{BandPart, Offsets, Phrase, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT, Swing, Timing};
use serde::{Deserialize, Serialize};

use crate::roles::Settings;
use crate::{Init, ModelError, Parameter, Weights};

/// Ratios under this are straight, as far as anyone hears.
const STRAIGHT: f64 = 0.53;
/// Numbers a genre has for how its parts leave the beat.
const OFFSETS: usize = BandPart::ALL.len() * STEPS_PER_BAR * 2;
/// The most tempi that a part has a ratio for.
const MOST: usize = 32;

/// Where the second eighths of new notes fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SwingBy {
    /// Where the target genre has them at this tempo; where both swing, where the player has them.
    #[default]
    Auto,
    /// Where the player has them.
    Heard,
    /// In the middle of the beat.
    Straight,
    /// Everything is made straight, for something else is to swing it.
    Level,
}

/// What is known of the feel of a pack's genres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeelSizes {
    /// Genres, as many as the pack has.
    pub genres: usize,
    /// Tempi in quarter notes a minute, rising, for each of which a genre has a swing ratio.
    pub tempi: Vec<f64>,
}

impl FeelSizes {
    /// Its tables: `swing` `[genres, tempi]`, shares of the beat, and `offsets`
    /// `[genres, 3 parts x 16 places of the bar x (mean, deviation)]`, in steps.
    pub fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::new("swing", &[self.genres, self.tempi.len()], Init::Constant(0.5)),
            Parameter::new("offsets", &[self.genres, OFFSETS], Init::Zeros),
        ]
    }

    /// What makes it unusable for this many genres, if anything.
    pub(crate) fn fault(&self, genres: usize) -> Option<String> {
        if self.genres != genres {
            return Some("its feel and its list of genres disagree".to_string());
        }
        let sound = self.tempi.iter().all(|tempo| tempo.is_finite() && *tempo > 0.0);
        let fits = (1..=MOST).contains(&self.tempi.len()) && self.tempi.is_sorted() && sound;
        (!fits).then(|| "the tempi of its feel are not rising numbers".to_string())
    }
}

/// The tables, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Feel {
    tempi: Vec<f64>,
    /// By genre and tempo.
    swing: Vec<Vec<f32>>,
    offsets: Vec<Vec<f32>>,
}

impl Feel {
    pub(crate) fn new(sizes: &FeelSizes, weights: &Weights) -> Result<Self, ModelError> {
        let (genres, tempi) = (sizes.genres, sizes.tempi.clone());
        let swing = weights.get("swing", &[genres, tempi.len()])?.to_vec2()?;
        let offsets = weights.get("offsets", &[genres, OFFSETS])?.to_vec2()?;
        Ok(Self { tempi, swing, offsets })
    }

    /// Where the second eighths of a blend of genres fall at a tempo.
    pub(crate) fn ratio(&self, shares: &[f32], tempo: f64) -> f64 {
        let after = self.tempi.partition_point(|known| *known < tempo);
        let (low, high) = (after.saturating_sub(1), after.min(self.tempi.len() - 1));
        let gap = self.tempi[high] - self.tempi[low];
        let part = if gap > 0.0 { ((tempo - self.tempi[low]) / gap).clamp(0.0, 1.0) } else { 0.0 };
        let of = |ratios: &Vec<f32>| {
            f64::from(ratios[low]) + part * (f64::from(ratios[high]) - f64::from(ratios[low]))
        };
        let ratio = shares.iter().zip(&self.swing).map(|(share, ratios)| f64::from(*share) * of(ratios));
        let ratio = ratio.sum::<f64>();
        if ratio < STRAIGHT { 0.5 } else { ratio.min(0.72) }
    }

    /// Where the notes of an answer to `input` fall, which goes on from what swung by the ratio `before`.
    pub(crate) fn timing(
        &self,
        input: &Phrase,
        before: Option<f64>,
        shares: &[f32],
        settings: &Settings,
    ) -> Timing {
        let heard = Swing::of_phrase_after(input, before.unwrap_or(0.5)).ratio;
        let new = match settings.swing {
            SwingBy::Auto => match self.ratio(shares, input.tempo) {
                // Two ratios at once are no swing: a band follows its player.
                ratio if ratio != 0.5 && heard != 0.5 => heard,
                ratio => ratio,
            },
            SwingBy::Heard => heard,
            SwingBy::Straight | SwingBy::Level => 0.5,
        };
        // What is played swings as its band does, as far as it is to be changed at all; from half the amount
        // on quite. A straight tune over swung chords would strike each off-beat twice.
        let amount = f64::from((2.0 * settings.amount).clamp(0.0, 1.0));
        let kept = match settings.swing {
            SwingBy::Level => 0.5,
            _ if new == heard => heard,
            // Who may swing, and plays too little to show it, is left where he plays.
            _ if heard == 0.5 && !Swing::is_even(input) => heard,
            _ => heard + amount * (new - heard),
        };
        let even = if heard == 0.5 && kept != 0.5 { sixteenths(input) } else { 0 };
        let mut offsets = Offsets::default();
        let mut has_offsets = false;
        for (share, table) in shares.iter().zip(&self.offsets) {
            let (mut numbers, all) = (table.iter(), offsets.iter_mut().flatten().flatten());
            for (sum, number) in all.zip(&mut numbers) {
                *sum += share * number;
                has_offsets |= *sum != 0.0;
            }
        }
        Timing { heard, kept, new, even, offsets, has_offsets }
    }
}

/// The beats of a phrase in which something is played on the second or the last 16th, from the lowest bit on;
/// all of them where these are half of the beats with anything between the beats: that music has 16ths, and
/// would swing here and there.
fn sixteenths(input: &Phrase) -> u16 {
    let steps = input.notes.iter().filter(|note| !note.tied_in);
    let steps = steps.map(|note| note.onset_step()).filter(|step| (0..STEPS as i64).contains(step));
    let (mut busy, mut between) = (0u16, 0u16);
    for step in steps {
        let (beat, place) = (step as usize / STEPS_PER_BEAT, step as usize % STEPS_PER_BEAT);
        busy |= u16::from(place % 2 == 1) << beat;
        between |= u16::from(place != 0) << beat;
    }
    if busy != 0 && 2 * busy.count_ones() >= between.count_ones() { u16::MAX } else { busy }
}

#[cfg(test)]
pub(crate) mod tests {
    use candle_core::{Device, Tensor};
    use phrase::Note;

    use super::*;

    /// Of a genre that is straight and one that swings.
    pub(crate) fn feel() -> Feel {
        let mut weights = Weights::new();
        let table =
            |values: Vec<f32>, width: usize| Tensor::from_vec(values, (2, width), &Device::Cpu).unwrap();
        weights.insert("swing", table(vec![0.5, 0.5, 0.66, 0.55], 2));
        weights.insert(
            "offsets",
            table((0..2 * OFFSETS).map(|i| (i / OFFSETS) as f32 * 0.1).collect(), OFFSETS),
        );
        Feel::new(&FeelSizes { genres: 2, tempi: vec![100.0, 200.0] }, &weights).unwrap()
    }

    #[test]
    fn ratios_lie_between_those_of_tempi_and_genres() {
        let feel = feel();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} for {b}");
        for (tempo, ratio) in [(60.0, 0.66), (100.0, 0.66), (150.0, 0.605), (200.0, 0.55), (300.0, 0.55)] {
            near(feel.ratio(&[0.0, 1.0], tempo), ratio);
            near(feel.ratio(&[1.0, 0.0], tempo), 0.5);
        }
        near(feel.ratio(&[0.5, 0.5], 100.0), 0.58);
        near(feel.ratio(&[0.5, 0.5], 200.0), 0.5);
    }

    #[test]
    fn what_is_asked_decides_who_swings() {
        let mut input = Phrase::new(0, 100.0);
        let swing = Swing::at(0.6);
        (0..32).for_each(|i| {
            input.push(Note::new(60, 0, 0.5, swing.swing_played(2.0 * f64::from(i)), 1.0));
        });
        let timing = |swing: SwingBy, amount: f32, shares: [f32; 2]| {
            let mut settings = Settings::to(1);
            (settings.swing, settings.amount) = (swing, amount);
            feel().timing(&input, None, &shares, &settings)
        };
        let ratios = |timing: Timing| [timing.heard, timing.kept, timing.new].map(|r| (r * 100.0).round());
        let jazz = [0.0, 1.0];
        assert_eq!(ratios(timing(SwingBy::Auto, 1.0, jazz)), [60.0, 60.0, 60.0]);
        assert_eq!(ratios(timing(SwingBy::Heard, 1.0, jazz)), [60.0, 60.0, 60.0]);
        assert_eq!(ratios(timing(SwingBy::Straight, 1.0, jazz)), [60.0, 50.0, 50.0]);
        assert_eq!(ratios(timing(SwingBy::Level, 0.0, jazz)), [60.0, 50.0, 50.0]);
        let classic = [1.0, 0.0];
        assert_eq!(ratios(timing(SwingBy::Auto, 0.75, classic)), [60.0, 50.0, 50.0]);
        assert_eq!(ratios(timing(SwingBy::Auto, 0.25, classic)), [60.0, 55.0, 50.0]);
        let still = timing(SwingBy::Auto, 0.0, classic);
        assert_eq!(still.kept, still.heard);
        assert!(timing(SwingBy::Auto, 1.0, jazz).has_offsets && !still.has_offsets);
    }

    #[test]
    fn what_is_straight_swings_with_its_band_but_for_beats_of_sixteenths() {
        let mut input = Phrase::new(0, 100.0);
        for step in (0..32).map(|i| 2.0 * f64::from(i)).chain([21.0, 35.0]) {
            input.push(Note::new(60, 0, 0.5, step, 1.0));
        }
        input.sort();
        let timing = |swing: SwingBy, amount: f32| {
            let mut settings = Settings::to(1);
            (settings.swing, settings.amount) = (swing, amount);
            let timing = feel().timing(&input, None, &[0.0, 1.0], &settings);
            ([timing.heard, timing.kept, timing.new].map(|r| (r * 100.0).round()), timing.even)
        };
        let even = 1 << 5 | 1 << 8;
        assert_eq!(timing(SwingBy::Auto, 1.0), ([50.0, 66.0, 66.0], even));
        assert_eq!(timing(SwingBy::Auto, 0.25), ([50.0, 58.0, 66.0], even));
        assert_eq!(timing(SwingBy::Auto, 0.0), ([50.0, 50.0, 66.0], 0));
        for swing in [SwingBy::Heard, SwingBy::Straight, SwingBy::Level] {
            assert_eq!(timing(swing, 1.0), ([50.0; 3], 0));
        }
        // Six late off-beats are too few to be heard as swing, and no even ones either.
        let mut late = Phrase::new(0, 100.0);
        for beat in 0..6 {
            late.push(Note::new(60, 0, 0.5, 4.0 * f64::from(beat), 1.0));
            late.push(Note::new(60, 0, 0.5, 4.0 * f64::from(beat) + 2.4, 1.0));
        }
        // But they go on with what swung before them, and that with the band.
        let on = feel().timing(&late, Some(0.6), &[0.0, 1.0], &Settings::to(1));
        assert_eq!([on.heard, on.kept, on.new], [0.6; 3]);
        let left = feel().timing(&late, None, &[0.0, 1.0], &Settings::to(1));
        assert_eq!((left.heard, left.kept, left.even), (0.5, 0.5, 0));
        // Of sixteen beats eight are enough.
        for (beats, even) in [(7, 0x7f), (8, 0xffff)] {
            let mut input = input.clone();
            input.notes.retain(|note| note.onset_step() % 2 == 0);
            (0..beats).for_each(|beat| {
                input.push(Note::new(64, 0, 0.5, 4.0 * f64::from(beat) + 3.0, 1.0));
            });
            input.sort();
            assert_eq!(sixteenths(&input), even);
        }
    }

    #[test]
    fn tempi_that_cannot_be_are_refused() {
        for tempi in [vec![], vec![f64::NAN], vec![120.0, 100.0], vec![-1.0], vec![1.0; 33]] {
            assert!(FeelSizes { genres: 2, tempi }.fault(2).is_some());
        }
        let sizes = FeelSizes { genres: 2, tempi: vec![60.0, 300.0] };
        assert!(sizes.fault(2).is_none() && sizes.fault(3).is_some());
    }
}
