//! How a pack's arranger writes: what weighs for and against its notes. Numbers, not weights.

use phrase::{STEPS_PER_BAR, STEPS_PER_BEAT};
use serde::{Deserialize, Serialize};

use super::texture::Drawn;
use crate::SLOTS;

/// How an arranger's answers are drawn from its probabilities: part of the pack, where `pull` and `follow`
/// are those at an amount of 50 % and `change` that at 100 %, see [`Style::at`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Style {
    /// What the input's own cells have on their side, in logits: 0 writes freely, infinity returns the input.
    pub pull: f32,
    /// The content change that is aimed at: the pull grows where more was changed until here, and shrinks
    /// where less was, so that an amount changes as much in every direction.
    pub change: f32,
    /// How far to go beyond the target genre, away from the source: the logit of each note's start is moved
    /// by this many times its difference between both (after Ho and Salimans' guidance, 2022, with another
    /// class instead of none).
    pub contrast: f32,
    /// 0 takes the likelier of two choices, 1 draws each from its probability.
    pub temperature: f32,
    /// What the melody's cells have on their side, and starts above a melody that sounds have against them,
    /// in logits.
    pub melody: f32,
    /// What new notes have against them where more were written than the input had until here, in logits for
    /// each factor of e (and on their side, where fewer were).
    pub density: f32,
    /// What cells outside the phrase's key have against them, in logits, by target genre.
    pub chromatic: [f32; SLOTS],
    /// What new notes outside it have against them besides, in logits, by target genre, the tune's apart: who
    /// plays a jazz tune in pop leaves the tune as it is and the chords in its key. Zeros in packs that were
    /// made without it.
    #[serde(default)]
    pub diatonic: [f32; SLOTS],
    /// The lowest MIDI pitch of each target genre: under it no note starts, but where the input's own pull.
    pub lowest: [u8; SLOTS],
    /// The highest.
    pub highest: [u8; SLOTS],
    /// Notes of a step count for `density` once it is written, not before.
    #[serde(default)]
    pub counts_after: bool,
    /// New notes keep the limits of arrangers (`limits.rs`): false in packs that were made without them.
    #[serde(default)]
    pub limits: bool,
    /// The most new notes of the inner voices that are struck at once, where limits are kept; 0 in packs that
    /// were made without this one.
    #[serde(default)]
    pub voices: u8,
    /// What an inner voice has against it for each that is struck with it below but the first, in logits, by
    /// target genre: so chords are no thicker than the genre's, and come oftener. Zeros in packs that were
    /// made without it.
    #[serde(default)]
    pub thick: [f32; SLOTS],
    /// What an inner voice has against it on each step on which it goes on, in logits, by target genre: so
    /// chords are as short as the genre's. Zeros in packs that were made without it.
    #[serde(default)]
    pub short: [f32; SLOTS],
    /// What an inner voice that starts between two eighths has against it, in logits, by target genre: there
    /// comping players seldom strike. Zeros in packs that were made without it.
    #[serde(default)]
    pub between: [f32; SLOTS],
    /// What an inner voice that has sounded for two steps or more has against it between two eighths, in
    /// logits, by target genre, but on the last step of a bar: so chords are let go before the next eighth,
    /// and one that came ahead of a bar is held over its line. Zeros in packs that were made without it.
    #[serde(default)]
    pub let_go: [f32; SLOTS],
    /// What an inner voice has against it a semitone over a note that is struck with it, in logits, by target
    /// genre. Zeros in packs that were made without it.
    #[serde(default)]
    pub seconds: [f32; SLOTS],
    /// What an inner voice has against it that is struck with two others less than a fourth below it, in
    /// logits, by target genre: three voices so close are no chord. Zeros in packs that were made without it.
    #[serde(default)]
    pub tight: [f32; SLOTS],
    /// What an inner voice that starts below C3 has against it, in logits, by target genre, fading to nothing
    /// at F sharp 3: low under a chord is the bass's place. Zeros in packs that were made without it.
    #[serde(default)]
    pub deep: [f32; SLOTS],
    /// The MIDI pitch under which notes stand a fifth apart at least, where limits are kept; 0 in packs that
    /// were made without it, and over 48 as 48. From there to C3 it is a fourth.
    #[serde(default)]
    pub fourths: u8,
    /// New notes that no hand is left for are taken back once a step is written, where limits are kept: the
    /// input's own come after those below them. False in packs that were made without it.
    #[serde(default)]
    pub hands: bool,
    /// What bass and inner voices have on their side where they were struck a bar before, and against them
    /// where they were not, in logits, by target genre: so a figure holds.
    #[serde(default)]
    pub figure: [f32; SLOTS],
    /// What they have on their side on the steps of the bar on which their texture strikes, and against them
    /// on the others, in logits, by target genre: so a figure is the texture's. Zeros in packs that were made
    /// without it.
    #[serde(default)]
    pub texture: [f32; SLOTS],
    /// The same for the bass alone, where it is not `texture`.
    #[serde(default)]
    pub bass_texture: Option<[f32; SLOTS]>,
    /// What is asked for of a step is asked of one note, the one that comes nearest to being struck with it.
    /// False in packs that were made without it: there every pitch is asked, from the lowest up, and
    /// a neighbour below often comes before the note that was meant.
    #[serde(default)]
    pub nearest: bool,
    /// What the first inner voice of each step has on its side besides, in logits, by target genre: so chords
    /// come as often as the genre's. Zeros in packs that were made without it.
    #[serde(default)]
    pub comps: [f32; SLOTS],
    /// What the second inner voice of each step has on its side, and the third, in logits, by target genre:
    /// so one voice that is struck becomes a chord. Zeros in packs that were made without it.
    #[serde(default)]
    pub chords: [f32; SLOTS],
    /// Which of the pack's textures are drawn.
    #[serde(default)]
    pub drawn: Drawn,
    /// What notes have on their side that go on over a phrase's border, the tune's apart, in logits, by
    /// target genre, where their pitch class is played there: so a comping player's chord that came ahead of
    /// the bar is held. Zeros in packs that were made without it.
    #[serde(default)]
    pub tied: [f32; SLOTS],
    /// What bass notes have on their side that lead into the next bar's root by a step, and against them
    /// where they leap by more than an octave, by target genre.
    #[serde(default)]
    pub approach: [f32; SLOTS],
    /// What bass notes have against them that are in neither the phrase's key nor their half bar's harmony,
    /// and do not lead into the root of the phrase's next bar by a step, in logits, by target genre: such a
    /// note is a wrong one. Zeros in packs that were made without it.
    #[serde(default)]
    pub astray: [f32; SLOTS],
    /// What bass notes have for and against them by how far they lie from the one before. `None` in packs
    /// that were made without it.
    #[serde(default)]
    pub moves: Option<Moves>,
    /// How many times as much leaps have against them where a phrase's first bass note follows the one before
    /// the border: there nothing else holds the line. 1 in packs that were made without it.
    #[serde(default = "once")]
    pub border: f32,
    /// What new notes have against them whose pitch class the input does not have in their half bar, in
    /// logits, by target genre.
    #[serde(default)]
    pub foreign: [f32; SLOTS],
    /// What new notes have on their side for each share of their half bar that their pitch class has in the
    /// input and lacks in the answer so far, and against them where it has more, in logits, by target genre:
    /// so the harmony is kept where the genre does not recolour it.
    #[serde(default)]
    pub follow: [f32; SLOTS],
    /// The share of `follow` in half bars that the genre recolours, by target genre. There the triad alone is
    /// followed: what else the input plays has nothing on its side. Zeros in packs that were made without it,
    /// which follow nothing there.
    #[serde(default)]
    pub triads: [f32; SLOTS],
    /// What third and fifth of a half bar's chord have on their side in the inner voices until they are
    /// written, in logits at its end (half at its beginning), by target genre; what is written already has
    /// half of that against it until then. So chords are not left at octaves and fifths. Nothing where the
    /// harmony is to be kept as it is. Zeros in packs that were made without it.
    #[serde(default)]
    pub complete: [f32; SLOTS],
    /// The same for third and seventh, the guide tones of jazz: the seventh is the one in the phrase's key.
    /// Zeros in packs that were made without it.
    #[serde(default)]
    pub guide: [f32; SLOTS],
    /// The share of `follow` that is left at full amount: a song that is recast whole is still that song. 0
    /// in packs that were made without it.
    #[serde(default)]
    pub followed: f32,
    /// The share of each target genre's long tune notes that come an eighth ahead of their beat: so tunes are
    /// phrased (`phrasing.rs`). `None` in packs that were made without it, which leave tunes as they are.
    #[serde(default)]
    pub anticipated: Option<[f32; SLOTS]>,
    /// The share of each target genre's other tune notes over a beat that come ahead of it, of those and of
    /// what is struck on beats: a tune that pushes more goes back onto the beat. `None` in packs that were
    /// made without it, which move long notes alone.
    #[serde(default)]
    pub pushed: Option<[f32; SLOTS]>,
    /// The share of the pushes that a tune lacks for which passing notes give way to the note on the beat
    /// after them, by target genre: so running eighths are pushed. Zeros in packs that were made without it,
    /// in which short notes only ever go back.
    #[serde(default)]
    pub gives_way: [f32; SLOTS],
    /// How far an answer has as many notes as the genre and not as the input. `None` in packs that were made
    /// without it, which ask for as many as the input has.
    #[serde(default)]
    pub busy: Option<Busy>,
}

/// An interval that a genre has more seldom counts as if it had it so often.
const LEAST: f32 = 0.005;

fn once() -> f32 {
    1.0
}

/// Intervals of a bass that are told apart: from a repeated note to an octave.
pub const INTERVALS: usize = 13;

/// Beats of a bar.
pub const BEATS: usize = STEPS_PER_BAR / STEPS_PER_BEAT;

/// How basses go on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moves {
    /// The share of each interval in semitones among those that lead to each beat of the bar, by genre; zeros
    /// where nothing is known.
    pub shares: [[[f32; INTERVALS]; BEATS]; SLOTS],
    /// How far an answer's bass moves by the same intervals, by target genre: 1 weighs them as probabilities.
    pub extent: [f32; SLOTS],
    /// What the way back to the note before the last has against it but on a bar's first step, in logits, by
    /// target genre.
    pub returns: [f32; SLOTS],
}

impl Moves {
    /// What a bass note has on its side so many semitones from the one before, by target genre: as many
    /// logits as its share is over what intervals of the genre have on average.
    pub(super) fn of(&self, beat: usize, interval: usize) -> [f32; SLOTS] {
        std::array::from_fn(|slot| {
            let shares = &self.shares[slot][beat];
            let rare = |share: f32| share.max(LEAST).ln();
            let mean: f32 = shares.iter().map(|&share| share * rare(share)).sum();
            let all: f32 = shares.iter().sum();
            let lean = if all > 0.0 { rare(shares[interval]) - mean / all } else { 0.0 };
            self.extent[slot] * lean
        })
    }

    fn is_usable(&self) -> bool {
        self.shares.iter().flatten().flatten().all(|share| (0.0..=1.0).contains(share))
            && self.extent.iter().all(|extent| (0.0..=10.0).contains(extent))
            && self.returns.iter().all(|logits| (0.0..=1e3).contains(logits))
    }
}

/// How many notes answers have: a slow hymn has few, a trio that plays it more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    /// Notes of a phrase of each target genre, in octaves (factors of two) over 64.
    pub octaves: [f32; SLOTS],
    /// How far answers go from the input's number towards that at an amount of 100 %, from 0 to 1.
    pub extent: f32,
}

impl Busy {
    fn is_usable(&self) -> bool {
        self.octaves.iter().all(|octaves| octaves.abs() < 10.0) && (0.0..=1.0).contains(&self.extent)
    }
}

impl Style {
    /// The style at an amount (over 0, at most 1): the less, the more the input and its harmony pull. Without
    /// `limits` where they are not wanted.
    pub fn at(self, amount: f32, limits: bool) -> Self {
        let less = (1.0 - amount) / amount;
        Self {
            pull: self.pull * less,
            change: self.change * amount,
            follow: self.follow.map(|follow| follow * less.max(self.followed)),
            limits: self.limits && limits,
            // Who wants mud and clusters has them.
            deep: if limits { self.deep } else { [0.0; SLOTS] },
            seconds: if limits { self.seconds } else { [0.0; SLOTS] },
            tight: if limits { self.tight } else { [0.0; SLOTS] },
            ..self
        }
    }

    /// Whether all are numbers, and none negative.
    pub(crate) fn is_usable(&self) -> bool {
        [self.pull, self.change, self.contrast, self.temperature, self.melody, self.density, self.border]
            .iter()
            .chain(&self.chromatic)
            .chain(&self.diatonic)
            .chain(&self.figure)
            .chain(&self.thick)
            .chain(&self.seconds)
            .chain(&self.tight)
            .chain(&self.comps)
            .chain(&self.chords)
            .chain(&self.short)
            .chain(&self.between)
            .chain(&self.let_go)
            .chain(&self.deep)
            .chain(&self.complete)
            .chain(&self.guide)
            .chain(&self.texture)
            .chain(self.bass_texture.iter().flatten())
            .chain(&self.tied)
            .chain(&self.approach)
            .chain(&self.astray)
            .chain(&self.foreign)
            .chain(&self.follow)
            .chain(&self.triads)
            .all(|x| (0.0..=1e3).contains(x))
            && (0.0..=1.0).contains(&self.followed)
            && self.drawn.is_usable()
            && self.busy.iter().all(Busy::is_usable)
            && self.moves.iter().all(Moves::is_usable)
            && self
                .anticipated
                .iter()
                .chain(&self.pushed)
                .chain([&self.gives_way])
                .flatten()
                .all(|share| (0.0..=1.0).contains(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bass_leans_to_intervals_that_its_genre_has() {
        let mut shares = [[[0.0; INTERVALS]; BEATS]; SLOTS];
        (shares[0][1][2], shares[0][1][5]) = (0.75, 0.25);
        let mut extent = [0.0; SLOTS];
        (extent[0], extent[1]) = (2.0, 2.0);
        let moves = Moves { shares, extent, returns: [0.0; SLOTS] };
        let mean = 0.75 * 0.75_f32.ln() + 0.25 * 0.25_f32.ln();
        let near = |interval: usize, share: f32| {
            let lean = moves.of(1, interval)[0];
            assert!((lean - 2.0 * (share.ln() - mean)).abs() < 1e-5, "{interval}: {lean}");
        };
        near(2, 0.75);
        near(5, 0.25);
        near(6, LEAST);
        assert_eq!(moves.of(0, 2), [0.0; SLOTS], "nothing is known of that beat");
        assert_eq!(moves.of(1, 2)[1], 0.0, "nor of that genre");
        assert!(moves.is_usable());
        assert!(!Moves { extent: [-1.0; SLOTS], ..moves }.is_usable());
        assert!(!Moves { returns: [f32::NAN; SLOTS], ..moves }.is_usable());
        assert!(!Moves { shares: [[[2.0; INTERVALS]; BEATS]; SLOTS], ..moves }.is_usable());
    }
}
