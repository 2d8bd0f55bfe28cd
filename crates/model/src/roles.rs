//! What the parts of a pack do: one contract a role, on plain slices, for the thread that computes.
//!
//! Who asks ([`crate::LoadedPack`], and through it the plugin's worker) knows roles, not families. What all
//! parts of a role have in common is written once, around its trait. To add a role: its name in [`Role`], its
//! trait here, its part in [`crate::Parts`] and its field in [`crate::LoadedPack`]; the compiler shows the
//! rest.

use candle_core::{Device, Tensor};
use phrase::{Answered, ContentChange, Hands, Key, Note, Roll, STEPS, Timing, Velocities};

use crate::{ModelError, Ops, Parameter, SwingBy, Weights};

/// Genre slots that the plugin's parameters offer; a pack fills the first of them.
pub const SLOTS: usize = 8;

/// What a part of a pack is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Recasts a phrase in another genre: [`Transfer`].
    Transfer,
    /// Says how hard the genres' players strike: [`crate::touch`].
    Dynamics,
    /// Says when they play: [`crate::FeelSizes`].
    Feel,
    /// Goes on from music in a genre: [`Writer`].
    Writer,
    /// Phrases as points, between which there are others: [`Space`].
    Space,
    /// Tells which genre a phrase is: [`crate::Classifier`].
    Classifier,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Transfer, Self::Dynamics, Self::Feel, Self::Writer, Self::Space, Self::Classifier];

    /// What cards call the part.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Dynamics => "dynamics",
            Self::Feel => "feel",
            Self::Writer => "writer",
            Self::Space => "space",
            Self::Classifier => "classifier",
        }
    }

    /// What the names of the part's parameters begin with in a pack.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Transfer => "transfer.",
            Self::Dynamics => "dynamics.",
            Self::Feel => "feel.",
            Self::Writer => "writer.",
            Self::Space => "space.",
            Self::Classifier => "classifier.",
        }
    }
}

/// Corners of a morph.
pub const CORNERS: usize = 4;

/// What is played in bars in which nobody plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenSilent {
    /// Nothing.
    #[default]
    Rest,
    /// The music goes on after the last note: in the empty bars that follow it, and phrases.
    Continue,
    /// The empty bars of a phrase that is played in are filled, and no others.
    Fill,
    /// Variations of the last phrase that was played in, in whole phrases.
    Vary,
}

/// What the user asks of a pack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The genre slot of what is played (0-based), or `None` to let the classifier tell it.
    pub source: Option<u8>,
    /// Weights of the target slots; normalised over the pack's genres. One 1 and zeros for a single genre.
    pub target: [f32; SLOTS],
    /// 0 returns the input, 1 the network's answer.
    pub amount: f32,
    /// 0: the likeliest answer; 1: cells drawn from their own probabilities.
    pub variation: f32,
    /// Which draw, when `variation` is not 0.
    pub seed: u32,
    /// The first step that will be played: 0 at a latency of 4 bars.
    pub first: u8,
    /// A phrase that the classifier takes for the target is left as it is. Off: only where `source` says so.
    /// The classifier errs, and who asks for a change must hear one.
    pub leave_own: bool,
    /// New notes keep to what sounds clear and can be played, where the pack knows such limits.
    pub limits: bool,
    /// How far the target genre may recolour the chords, from 0 (their own notes are kept) to 1 (their roots
    /// are), where the pack can.
    pub harmony: f32,
    /// The tune may be phrased as the target genre phrases, its long notes ahead of their beats or on them,
    /// where the pack can.
    pub phrased: bool,
    /// Where the second eighths of new notes fall, where the pack knows the feel of its genres.
    pub swing: SwingBy,
    /// What is played in bars in which nobody plays.
    pub silent: WhenSilent,
    /// For how many bars after the last note at most.
    pub silent_bars: u8,
    /// How far variations go from their phrase: 1 is as far as real phrases lie apart.
    pub distance: f32,
    /// Weights of [`Context::corners`], in the place of what is played; `None` for answers to that.
    pub morph: Option<[f32; CORNERS]>,
    /// The accompaniment is made as in [`Context::manner`], where the pack can.
    pub textured: bool,
}

impl Settings {
    /// All the way to one slot (0-based), source told by the classifier and never left alone, no variation,
    /// limits kept, chords recoloured a little, the whole phrase played.
    pub fn to(slot: usize) -> Self {
        let target = std::array::from_fn(|i| if i == slot { 1.0 } else { 0.0 });
        Self {
            source: None,
            target,
            amount: 1.0,
            variation: 0.0,
            seed: 0,
            first: 0,
            leave_own: false,
            limits: true,
            harmony: 0.1,
            phrased: true,
            swing: SwingBy::Auto,
            silent: WhenSilent::Rest,
            silent_bars: 8,
            distance: 0.25,
            morph: None,
            textured: false,
        }
    }
}

/// What is known around a phrase. An answer may depend on all of it, so who keeps answers must compare it
/// too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// What was answered for the 64 steps in front of the first step that will be played ([`Past`]); `None`
    /// after a start or a jump.
    pub before: Option<&'a Roll>,
    /// The song's key, where somebody told it.
    pub key: Option<Key>,
    /// By what ratio the phrases before swung, alone or together with this one: a share of the beat. `None`
    /// where they are straight, or nobody knows.
    pub swing: Option<f64>,
    /// What was answered last to somebody's playing; `None` where nobody has played yet.
    pub heard: Option<&'a Heard>,
    /// The phrases between which [`Settings::morph`] plays; an empty one is no corner.
    pub corners: Option<&'a [Roll; CORNERS]>,
    /// The phrase whose accompaniment [`Settings::textured`] asks for.
    pub manner: Option<&'a Roll>,
}

/// What was answered last to somebody's playing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The 64 steps that ended with that answer.
    pub answer: Roll,
    /// Steps from its end to the first step that will be played.
    pub since: u32,
    /// Steps from the last note's end to the first step that will be played.
    pub rested: u32,
}

/// A phrase to be recast, with all that is common decided: it has cells, the amount is over 0, the pack has
/// the genres.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The phrase's cells.
    pub roll: &'a Roll,
    /// Its notes; none where only the cells are known.
    pub notes: &'a [Note],
    /// Its first step in the song.
    pub position: i64,
    /// What is known around it.
    pub context: Context<'a>,
    /// The slot of the genre that it is recast from.
    pub source: usize,
    /// How much of the target counts as the phrase's own genre, which is the phrase itself: from 0 to 1.
    pub own: f32,
    /// How much of each genre of the pack is asked for; the sum is 1.
    pub shares: &'a [f32],
    /// How far to go, over 0 and at most 1.
    pub amount: f32,
    /// What the user asked in full: variation, seed and limits are of interest here.
    pub settings: &'a Settings,
}

/// An answer: notes, as cells that sound, where notes start in them, and how hard these are struck.
///
/// [`Answer::realise`] makes it notes.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What sounds, and where notes start in it as far as the network knows.
    pub cells: Roll,
    /// How hard the notes that start are struck; without it, and for cells of 0, as their neighbours.
    pub velocities: Option<Box<Velocities>>,
    /// Where they fall: the cells are in straight time.
    pub timing: Timing,
    /// It goes on from the answer before, and the next may go on from it: see [`phrase::Said::ties`].
    pub ties: bool,
}

impl Default for Answer {
    fn default() -> Self {
        Self::of(Roll::EMPTY)
    }
}

impl Answer {
    /// These cells, of which nothing more is known.
    pub fn of(cells: Roll) -> Self {
        Self { cells, velocities: None, timing: Timing::STRAIGHT, ties: false }
    }

    /// What it tells besides its cells.
    pub fn told(&self) -> phrase::Said<'_> {
        phrase::Said { velocities: self.velocities.as_deref(), ties: self.ties }
    }

    /// The same for those who make it notes.
    pub fn answered(&self) -> Answered<'_> {
        Answered { cells: &self.cells, said: self.told(), timing: &self.timing }
    }

    /// The notes of this answer to `input`, of which the steps from `first` on are played, in `out`.
    pub fn realise(&self, input: &phrase::Phrase, first: usize, out: &mut phrase::Phrase) {
        Hands::default().perform(input, &self.answered(), first, out);
    }
}

/// What was answered lately, as [`Context::before`] tells it: the 64 steps in front of what is played next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past(Option<Roll>);

impl Past {
    /// Those steps; `None` where nothing was answered yet.
    pub fn before(&self) -> Option<&Roll> {
        self.0.as_ref()
    }

    /// Goes on by an answer of which the steps from `first` on are played. Of a first one all steps count: in
    /// front of it nothing was played, and this is what it would have been.
    pub fn go_on(&mut self, answer: &Roll, first: usize) {
        let Some(past) = self.0.as_mut().filter(|_| (1..STEPS).contains(&first)) else {
            self.0 = Some(*answer);
            return;
        };
        for (past, new) in [(&mut past.sounding, &answer.sounding), (&mut past.onset, &answer.onset)] {
            past.rotate_left(STEPS - first);
            past[first..].copy_from_slice(&new[first..]);
        }
    }
}

/// What a transfer did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// The source slot that was used.
    pub source: u8,
    /// The classifier's probabilities by slot; all zero when it was not asked.
    pub probabilities: [f32; SLOTS],
    /// Cells that were added and removed, relative to the input's.
    pub change: ContentChange,
    /// What of the answer nobody asked the transfer for.
    pub own: Own,
}

/// What music a pack made of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Own {
    /// None.
    #[default]
    None,
    /// It went on from the music, or filled bars.
    Written,
    /// It varied what was played last.
    Varied,
    /// It played a point between phrases.
    Morphed,
}

/// Recasts phrases in other genres. Lives on the thread that computes; may keep buffers between phrases, but
/// an answer depends on its question alone.
pub trait Transfer: Send + std::fmt::Debug {
    /// Writes the answer to `question` into `out`, which holds the input's cells and no velocities.
    ///
    /// # Errors
    /// Where the network cannot compute.
    fn recast(&mut self, question: &Question, out: &mut Answer) -> Result<(), ModelError>;

    /// Whether it looks at [`Context::before`].
    fn remembers(&self) -> bool {
        false
    }

    /// The answer's logits `[B, 64, 84]` to `cells` `[B, 64, 84]` (0 to 1), of a network that says something
    /// of all cells at once: from the slot `source` to the genres by their `shares`, whose sum is 1.
    ///
    /// # Errors
    /// When `cells` is no such tensor on the network's device, or the network writes step by step: what it
    /// says of a cell depends on the cells before.
    fn logits(&self, _cells: &Tensor, _source: usize, _shares: &[f32]) -> Result<Tensor, ModelError> {
        Err(ModelError::Stepwise)
    }
}

/// What a part is asked that makes music of its own: a [`Writer`] or a [`Space`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask<'a> {
    /// How much of each genre of the pack is asked for; the sum is 1.
    pub shares: &'a [f32],
    /// The key to stay in, where it is known.
    pub key: Option<Key>,
    /// Notes that start in a beat of the music that is gone on from, or varied: to be kept about.
    pub density: f32,
    /// Its first step in the song, for draws: another place gets another draw. 0 everywhere where every place
    /// is to get the same.
    pub position: i64,
    /// Which draw.
    pub seed: u32,
    /// The phrases that a point lies between, with their shares, where it does: what they agree on stays, and
    /// what they do not goes over from one to the other once.
    pub near: &'a [(f32, &'a Roll)],
}

/// Goes on from music. Lives on the thread that computes; what it writes depends on its arguments alone.
pub trait Writer: Send + std::fmt::Debug {
    /// Writes what follows the 64 steps `before`: the first `steps` steps (at most 64) of `out`, which comes
    /// empty. A note that sounds in step 0 without starting there goes on from `before`.
    ///
    /// # Errors
    /// Where the network cannot compute.
    fn write(&mut self, before: &Roll, steps: usize, ask: &Ask, out: &mut Roll) -> Result<(), ModelError>;
}

/// Phrases as points. Lives on the thread that computes; what it says depends on its arguments alone.
pub trait Space: Send + std::fmt::Debug {
    /// Numbers of a point.
    fn dims(&self) -> usize;

    /// The point of a phrase, in `point` of [`Space::dims`] numbers.
    ///
    /// # Errors
    /// Where the network cannot compute.
    fn encode(&mut self, input: &Roll, point: &mut [f32]) -> Result<(), ModelError>;

    /// The phrase of a point: cells, and velocities where the network knows them, in `out`, which comes
    /// empty.
    ///
    /// # Errors
    /// Where the network cannot compute.
    fn decode(&mut self, point: &[f32], ask: &Ask, out: &mut Answer) -> Result<(), ModelError>;

    /// How far one number of a point may go from its phrase's and still mean music like it: a distance of 1.
    fn spread(&self) -> f32 {
        1.0
    }
}

/// What the sizes of a writer or a space tell of it: all that is needed to check a pack, to read it and to
/// play it. `Part` is `dyn Writer` or `dyn Space`.
pub trait PartSizes<Part: ?Sized> {
    /// Every parameter of the network, by its bare name.
    fn parameters(&self) -> Vec<Parameter>;

    /// The sizes in a few words.
    fn summary(&self) -> String;

    /// What makes it unusable for this many genres, if anything: a clause about *its writer* or *its space*.
    fn fault(&self, genres: usize) -> Option<String>;

    /// The network of these sizes with `weights`, ready to answer. It computes on the CPU with the calling
    /// thread alone.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape.
    fn build(&self, weights: &Weights, genres: usize) -> Result<Box<Part>, ModelError>;
}

/// What a family is told when a part of it is made ready.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The operations to use.
    pub ops: Ops,
    /// Where the weights are.
    pub device: &'a Device,
    /// How many genres the pack has.
    pub genres: usize,
    /// The logit of the pack's threshold.
    pub threshold: f32,
}

/// What a family's sizes tell of its transfer: all that is needed to check a pack, to read it and to play it.
pub trait TransferSizes {
    /// Every parameter of the network.
    fn parameters(&self) -> Vec<Parameter>;

    /// Planes of the roll that the network knows, as cards name them.
    fn planes(&self) -> &'static [&'static str] {
        &["sounding"]
    }

    /// Whether it answers with logits of all cells at once ([`Transfer::logits`]).
    fn has_logits(&self) -> bool {
        true
    }

    /// The sizes in a few words.
    fn summary(&self) -> String;

    /// What makes it unusable for this many genres, if anything: a clause about *its network*.
    fn fault(&self, genres: usize) -> Option<String>;

    /// The network of these sizes with `weights`, ready to answer.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape.
    fn build(&self, weights: &Weights, setup: Setup) -> Result<Box<dyn Transfer>, ModelError>;
}

/// The most residual blocks, and planes, of any network.
const DEEPEST: usize = 64;

/// The fault of a network that is for other genres than the pack has (`fits`), of a part of size 0 or too
/// deep (`sizes`, the first being no depth), or wider than `widest` channels.
pub(crate) fn fault(fits: bool, sizes: [usize; 3], width: usize, widest: usize) -> Option<String> {
    if !fits {
        Some("its network and its list of genres disagree".to_string())
    } else if sizes.contains(&0) || sizes[1..].iter().any(|&size| size > DEEPEST) {
        Some("its network sizes are out of range".to_string())
    } else if width > widest {
        Some(format!("its network is wider than {widest} channels, which this version cannot play"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_what_was_played_of_each_answer() {
        let answer = |row: usize| Roll::from_cells(|_, at| at == row);
        let mut past = Past::default();
        assert_eq!(past.before(), None);
        past.go_on(&answer(1), 48);
        assert_eq!(past.before(), Some(&answer(1)), "the first window counts as a whole");
        past.go_on(&answer(2), 48);
        past.go_on(&answer(3), 32);
        let rows: Vec<u32> = past.before().unwrap().sounding.map(|bits| bits.trailing_zeros()).to_vec();
        assert_eq!(rows, [[1; 16], [2; 16], [3; 16], [3; 16]].concat());
        past.go_on(&answer(4), 0);
        assert_eq!(past.before(), Some(&answer(4)));
    }
}
