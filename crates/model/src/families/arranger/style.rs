//! How a pack's arranger writes: what weighs for and against its notes. Numbers, not weights.

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
    /// What an inner voice has against it a semitone over a note that is struck with it, in logits, by target
    /// genre. Zeros in packs that were made without it.
    #[serde(default)]
    pub seconds: [f32; SLOTS],
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
    /// What the first inner voice of each step has on its side besides, in logits, by target genre: so chords
    /// come as often as the genre's. Zeros in packs that were made without it.
    #[serde(default)]
    pub comps: [f32; SLOTS],
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
    /// How far an answer has as many notes as the genre and not as the input. `None` in packs that were made
    /// without it, which ask for as many as the input has.
    #[serde(default)]
    pub busy: Option<Busy>,
}

fn once() -> f32 {
    1.0
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
            .chain(&self.comps)
            .chain(&self.deep)
            .chain(&self.complete)
            .chain(&self.guide)
            .chain(&self.texture)
            .chain(self.bass_texture.iter().flatten())
            .chain(&self.tied)
            .chain(&self.approach)
            .chain(&self.foreign)
            .chain(&self.follow)
            .chain(&self.triads)
            .all(|x| (0.0..=1e3).contains(x))
            && (0.0..=1.0).contains(&self.followed)
            && self.drawn.is_usable()
            && self.busy.iter().all(Busy::is_usable)
            && self.anticipated.iter().chain(&self.pushed).flatten().all(|share| (0.0..=1.0).contains(share))
    }
}
