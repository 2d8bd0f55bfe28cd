//! Sums of measures by song, and their intervals by drawing songs anew.

use rand::Rng;

use super::super::faults::Interval;
use crate::families::writers::lstm::Scored;
use crate::random;

/// How many measures there are.
pub const MEASURES: usize = 17;
/// How often songs are drawn, and from which seed.
const DRAWS: usize = 1000;
const SEED: u64 = 1;

/// What is measured: each a sum over a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// `exp` of the mean surprise at symbols.
    Perplexity,
    /// The same at symbol and length together.
    Both,
    /// Symbols that were expected most.
    Symbol,
    /// Lengths that were.
    Length,
    /// Continuations by argmax that end in a circle.
    ArgmaxLoops,
    /// Those that are drawn.
    Loops,
    /// Notes out of the key of what was played before.
    OutOfKey,
    /// Notes over those before.
    Density,
    /// Continuations whose density lies within 0.7 to 1.3 of that before.
    Kept,
    /// Notes at once, the mean over what is struck.
    Struck,
    /// Leaps of the bass from what was played into what follows, see [`super::super::faults`].
    BorderLeaps,
    /// Those inside what follows.
    Leaps,
    /// Times that a note sounds on over the border.
    HeldOver,
    /// BLEU of groups of up to 2, 3 and 4 symbols.
    Bleu2,
    /// See [`Measure::Bleu2`].
    Bleu3,
    /// See [`Measure::Bleu2`].
    Bleu4,
    /// Mean square of how far the top line is off the real one's, event by event.
    Pitch,
}

impl Measure {
    /// In order.
    pub const ALL: [Self; MEASURES] = [
        Self::Perplexity,
        Self::Both,
        Self::Symbol,
        Self::Length,
        Self::ArgmaxLoops,
        Self::Loops,
        Self::OutOfKey,
        Self::Density,
        Self::Kept,
        Self::Struck,
        Self::BorderLeaps,
        Self::Leaps,
        Self::HeldOver,
        Self::Bleu2,
        Self::Bleu3,
        Self::Bleu4,
        Self::Pitch,
    ];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Perplexity => "perplexity, symbol",
            Self::Both => "perplexity, with length",
            Self::Symbol => "top-1 symbol",
            Self::Length => "top-1 length",
            Self::ArgmaxLoops => "loops by argmax",
            Self::Loops => "loops as drawn",
            Self::OutOfKey => "out of key",
            Self::Density => "density ratio",
            Self::Kept => "density within 0.7-1.3",
            Self::Struck => "notes struck at once",
            Self::BorderLeaps => "bass: leaps at the border",
            Self::Leaps => "bass: leaps inside",
            Self::HeldOver => "held over the border",
            Self::Bleu2 => "BLEU-2",
            Self::Bleu3 => "BLEU-3",
            Self::Bleu4 => "BLEU-4",
            Self::Pitch => "MSE of the top pitch",
        }
    }
}

/// Sums and counts of one song.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    all: [[f64; 2]; MEASURES],
}

impl Tally {
    /// Adds to a measure.
    pub fn add(&mut self, measure: Measure, sum: f64, count: f64) {
        let all = &mut self.all[measure as usize];
        *all = [all[0] + sum, all[1] + count];
    }

    /// Adds what was thought of an event.
    pub fn score(&mut self, scored: &Scored) {
        let share = |right: bool| f64::from(u8::from(right));
        self.add(Measure::Perplexity, scored.symbol.into(), 1.0);
        self.add(Measure::Symbol, share(scored.right_symbol), 1.0);
        if let Some(length) = scored.length {
            self.add(Measure::Both, (scored.symbol + length).into(), 1.0);
            self.add(Measure::Length, share(scored.right_length), 1.0);
        }
    }
}

/// A measure of songs that come so many times.
fn figure(songs: &[&Tally], times: &[u32], measure: Measure) -> f64 {
    let mut sums = [0.0; 2];
    for (song, times) in songs.iter().zip(times) {
        let own = song.all[measure as usize];
        sums = [0, 1].map(|at| sums[at] + own[at] * f64::from(*times));
    }
    let mean = sums[0] / sums[1];
    if matches!(measure, Measure::Perplexity | Measure::Both) { mean.exp() } else { mean }
}

/// Every measure of all songs together, with the 2.5th and the 97.5th percentile over draws of as many songs
/// with replacement; none where nothing was counted.
pub fn intervals(songs: &[&Tally]) -> [Option<Interval>; MEASURES] {
    let mut draws: Vec<Vec<f64>> = (0..MEASURES).map(|_| Vec::with_capacity(DRAWS)).collect();
    let mut rng = random::stream(SEED, 0);
    for _ in 0..DRAWS {
        let mut times = vec![0; songs.len()];
        (0..songs.len()).for_each(|_| times[rng.random_range(0..songs.len())] += 1);
        for (draws, measure) in draws.iter_mut().zip(Measure::ALL) {
            draws.extend(Some(figure(songs, &times, measure)).filter(|value| value.is_finite()));
        }
    }
    std::array::from_fn(|place| {
        let value = figure(songs, &vec![1; songs.len()], Measure::ALL[place]);
        let draws = &mut draws[place];
        draws.sort_by(f64::total_cmp);
        let most = draws.len().checked_sub(1)?;
        let at = |share: f64| draws[(share * most as f64).round() as usize];
        value.is_finite().then(|| Interval { value, low: at(0.025), high: at(0.975) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_means_over_events_and_intervals_hold_them() {
        let mut songs = vec![Tally::default(); 12];
        for (number, song) in songs.iter_mut().enumerate() {
            for event in 0..10 {
                song.score(&Scored {
                    symbol: 2.0f32.ln() * (1.0 + number as f32 / 11.0),
                    length: (event < 9).then_some(0.0),
                    right_symbol: event % 2 == 0,
                    right_length: true,
                });
            }
        }
        let all = intervals(&songs.iter().collect::<Vec<_>>());
        let get = |measure: Measure| all[measure as usize];
        let perplexity = get(Measure::Perplexity).unwrap();
        assert!((perplexity.value - 2f64.powf(1.5)).abs() < 1e-5);
        assert!(perplexity.low < perplexity.value && perplexity.value < perplexity.high);
        assert!(perplexity.low > 2.0 && perplexity.high < 4.0);
        let symbol = get(Measure::Symbol).unwrap();
        assert_eq!((symbol.value, symbol.low, get(Measure::Length).unwrap().value), (0.5, 0.5, 1.0));
        assert!(get(Measure::Bleu4).is_none());
        assert!(Measure::ALL.iter().enumerate().all(|(place, measure)| *measure as usize == place));
    }
}
