//! Training of the arranger ([`model::arranger`]): each genre's own phrases, restored from their damaged
//! content by maximum likelihood.
//!
//! A tune of another genre looks like a damaged one of its own (`corrupt.rs`): so there is no cycle and no
//! discriminator.

pub mod addition;
mod corrupt;
mod examples;
mod guide;
mod habits;
mod textures;
mod trainee;

use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgAction, FromArgMatches};
use model::Pack;
use model::arranger::{ArrangerConfig, Busy, Drawn, EDITION, Moves, Style};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Family, Plan, flags};
use crate::dataset::Dataset;
use crate::run::Needs;
pub use corrupt::Corruption;
pub use examples::piece;
pub use habits::Habits;
pub use textures::textures;
pub use trainee::ArrangerRun;

/// What the family is called in checkpoints, cards and docs.
pub const NAME: &str = "arranger";

/// The family.
pub const FAMILY: Family = Family {
    name: NAME,
    former: &[],
    command: "train",
    aliases: &["train-arranger"],
    about: "Trains the arranger: one network for all directions that writes phrases anew from their melody \
            and harmony. Best on a dataset prepared with `--hop-bars 1`",
    flags: flags::<ArrangerOptions>,
    plan: |matches, data, _| plan(ArrangerOptions::from_arg_matches(matches)?, data),
    resume: |checkpoint, device| Ok(Box::new(ArrangerRun::resume(checkpoint, device)?)),
    small: |_| {
        let flags = "--batch=4 --width=16 --heads=2 --reader=1 --writer=1 --inner=16 --units=8 --warmup=2";
        Ok(flags.split(' ').map(String::from).collect())
    },
    bench: &[("arranger", &[])],
};

/// A fresh run with these options.
///
/// # Errors
/// Where the dataset has not what it needs.
pub fn plan(options: ArrangerOptions, data: &Dataset) -> Result<Plan> {
    Needs::TRANSFER.check(data)?;
    let genres = data.genres();
    Ok(Plan::of(NAME, options, move |options: ArrangerOptions, device| {
        let pack = options.from.as_deref().map(Pack::read).transpose()?;
        let run = ArrangerRun::new(options, genres.len(), device)?;
        match pack {
            Some(pack) => run.starting_at(&pack, &genres),
            None => Ok(run),
        }
    }))
}

/// Everything that decides the numbers of a run, and how its pack writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct ArrangerOptions {
    /// Start at the weights of this pack's arranger, of the same sizes. Its style and its textures are made
    /// anew, of the options and the dataset.
    #[arg(long, value_name = "PACK")]
    #[serde(default)]
    pub from: Option<PathBuf>,
    /// Learn from these answers too, which `practise` made to the dataset's songs. They are drawn as often as
    /// --rendered says, each told as its song is there; and songs are told, as often as --version says, as
    /// one of their answers.
    #[arg(long, value_name = "DATASET")]
    #[serde(default)]
    pub practice: Option<PathBuf>,
    /// Learn to write the answers of --practice as the pack of --from would with this contrast, so that the
    /// new pack needs none: a phrase takes a third less time. One number a target genre, the last for all
    /// that follow.
    #[arg(
        long,
        value_name = "CONTRAST,...",
        value_delimiter = ',',
        requires = "from",
        requires = "practice"
    )]
    #[serde(default)]
    pub guided: Option<Vec<f32>>,
    /// Training steps in all.
    #[arg(long, default_value_t = 12_000)]
    pub steps: u64,
    /// Phrases a step; the genres take turns.
    #[arg(long, default_value_t = 32)]
    pub batch: usize,
    /// Channels of both transformers.
    #[arg(long, default_value_t = 160)]
    pub width: usize,
    /// Attention heads.
    #[arg(long, default_value_t = 5)]
    pub heads: usize,
    /// Blocks of the transformer that reads the content.
    #[arg(long, default_value_t = 2)]
    pub reader: usize,
    /// Blocks of the transformer that reads what is written.
    #[arg(long, default_value_t = 4)]
    pub writer: usize,
    /// Channels inside the blocks.
    #[arg(long, default_value_t = 320)]
    pub inner: usize,
    /// Hidden units that tell the pitches of a step.
    #[arg(long, default_value_t = 64)]
    pub units: usize,
    /// What the network is told. 1: exact harmony. 2: as much of the harmony as is wanted, a texture, and the
    /// bar before, as in the pack that ships.
    #[arg(long, default_value_t = EDITION,
        value_parser = clap::value_parser!(u8).range(1..=i64::from(EDITION)))]
    #[serde(default = "first_edition")]
    pub edition: u8,
    /// Learning rate (Adam, betas 0.9 and 0.98).
    #[arg(long, default_value_t = 1.5e-3)]
    pub rate: f32,
    /// Steps over which the rate rises from zero.
    #[arg(long, default_value_t = 200)]
    pub warmup: u64,
    /// Share of the steps, at the end, over which the rate falls linearly to zero.
    #[arg(long, default_value_t = 0.7)]
    pub decay: f32,
    /// The longest a step's gradient may be; a longer one is scaled down.
    #[arg(long, default_value_t = 1.0)]
    pub clip: f32,
    /// Share of the transformers' numbers that is dropped.
    #[arg(long, default_value_t = 0.1)]
    pub drop: f32,
    /// Share of the newest weights in the moving average that is exported.
    #[arg(long, default_value_t = 0.002)]
    pub average: f32,
    /// Every second phrase is transposed at random by up to this many semitones out of C major or A minor.
    #[arg(long, default_value_t = 3)]
    pub transpose: i32,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How content is damaged.
    #[command(flatten)]
    pub corruption: Corruption,
    /// How strongly the pack's answers hold to the input at amounts below 100 %.
    #[arg(long, default_value_t = 2.0)]
    pub pull: f32,
    /// The content change that 100 % stands for: at lower amounts the pull follows so that this share of it
    /// comes out.
    #[arg(long, default_value_t = 1.3)]
    pub change: f32,
    /// How far the pack's answers go beyond the target genre, away from the source.
    #[arg(long, default_value_t = 2.0)]
    pub contrast: f32,
    /// Temperature at which the pack's answers are drawn.
    #[arg(long, default_value_t = 0.7)]
    pub temperature: f32,
    /// What the melody's cells have on their side in the pack's answers, in logits.
    #[arg(long, default_value_t = 5.0)]
    pub melody: f32,
    /// What new notes have against them in the pack's answers where more were written than the input had, in
    /// logits for each factor of e.
    #[arg(long, default_value_t = 7.0)]
    pub density: f32,
    /// What cells outside the phrase's key have against them in the pack's answers, in logits, where the
    /// target genre never leaves its key; a genre that leaves it as often as any of the pack has nothing.
    #[arg(long, default_value_t = 2.5)]
    pub chromatic: f32,
    /// What new notes outside it have against them besides, the tune's apart: one number a genre, the last
    /// for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub diatonic: Vec<f32>,
    /// What bass and inner voices have on their side in the pack's answers where they were struck a bar
    /// before, and against them elsewhere, in logits, in the genre that repeats its rhythms most; others in
    /// proportion. Or one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "1.3")]
    #[serde(default, deserialize_with = "one_or_more")]
    pub figure: Vec<f32>,
    /// What bass and inner voices have on their side in the pack's answers where their texture strikes, and
    /// against them elsewhere, in logits: one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "2")]
    #[serde(default)]
    pub texture: Vec<f32>,
    /// The same for the bass alone.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "2")]
    #[serde(default)]
    pub bass_texture: Vec<f32>,
    /// What the first inner voice of each step has on its side in the pack's answers besides, in logits: one
    /// number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub comps: Vec<f32>,
    /// What the second and the third inner voice of each step have on their side in the pack's answers, in
    /// logits: one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub chords: Vec<f32>,
    /// What an inner voice has against it in the pack's answers on each step on which it goes on, in logits:
    /// one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub short: Vec<f32>,
    /// What an inner voice that starts between two eighths has against it in the pack's answers, in logits:
    /// one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub between: Vec<f32>,
    /// What an inner voice that has sounded for two steps or more has against it between two eighths in the
    /// pack's answers, but at a bar's end, in logits: one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub let_go: Vec<f32>,
    /// What bass notes have against them in the pack's answers that are in neither key nor harmony and lead
    /// to no root, in logits: one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub astray: Vec<f32>,
    /// How far the bass of the pack's answers moves by the intervals of the genre's basses, beat by beat: 1
    /// weighs them as probabilities. One number a genre, the last for all that follow.
    #[arg(long, value_name = "EXTENT,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub moves: Vec<f32>,
    /// What the bass's way back to the note before the last has against it in the pack's answers, in logits:
    /// one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub returns: Vec<f32>,
    /// Whether texture, chords and leading basses ask the one note of a step that comes nearest, and not
    /// every pitch.
    #[arg(long, action = ArgAction::Set, value_name = "BOOL", default_value_t = true)]
    #[serde(default)]
    pub nearest: bool,
    /// The share of the pushes that a tune lacks for which passing notes give way in the pack's answers: one
    /// number a genre, the last for all that follow.
    #[arg(long, value_name = "SHARE,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub gives_way: Vec<f32>,
    /// The least share of beats on which the bass of a texture is struck that the pack's answers are given,
    /// from 0 to 1: so a bass walks. One number a genre, the last for all that follow.
    #[arg(long, value_name = "SHARE,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub walks: Vec<f32>,
    /// The least strokes a bar of inner voices in such a texture, from 0 to 16: one number a genre, the last
    /// for all that follow.
    #[arg(long, value_name = "STROKES,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub strokes: Vec<f32>,
    /// What notes have on their side in the pack's answers that go on over a phrase's border, the tune's
    /// apart, in logits: one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub tied: Vec<f32>,
    /// What bass notes have on their side in the pack's answers that lead into the next bar by a step, in
    /// logits, in the genre that does so most; others in proportion. Or one number a genre, the last for all
    /// that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "2")]
    #[serde(default, deserialize_with = "one_or_more")]
    pub approach: Vec<f32>,
    /// What new notes have against them in the pack's answers whose pitch class the input does not have in
    /// their half bar, in logits, where the target genre never leaves its key; others as for --chromatic.
    #[arg(long, default_value_t = 3.8)]
    #[serde(default)]
    pub foreign: f32,
    /// What new notes have on their side in the pack's answers for each share of their half bar that their
    /// pitch class has in the input and lacks in the answer, in logits at an amount of 50 %: one number a
    /// genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "60")]
    #[serde(default, deserialize_with = "one_or_more")]
    pub follow: Vec<f32>,
    /// The share of --follow with which triads are followed where the pack's answers recolour the harmony:
    /// one number a genre, the last for all that follow.
    #[arg(long, value_name = "SHARE,...", value_delimiter = ',', default_value = "0.5")]
    #[serde(default)]
    pub follow_triads: Vec<f32>,
    /// What third and fifth of a chord have on their side in the inner voices of the pack's answers until
    /// they are written, in logits: one number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub complete: Vec<f32>,
    /// The same for third and seventh, the guide tones of jazz.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub guide: Vec<f32>,
    /// What an inner voice has against it for each that is struck with it below but the first, in logits: one
    /// number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub thick: Vec<f32>,
    /// What it has against it a semitone over a note that is struck with it, in logits: one number a genre,
    /// the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub seconds: Vec<f32>,
    /// What it has against it that is struck with two others less than a fourth below it, in logits: one
    /// number a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub tight: Vec<f32>,
    /// What it has against it where it starts below C3, in logits, fading to nothing at F sharp 3: one number
    /// a genre, the last for all that follow.
    #[arg(long, value_name = "LOGITS,...", value_delimiter = ',', default_value = "0")]
    #[serde(default)]
    pub deep: Vec<f32>,
    /// How far the pack's answers have as many notes as the target genre and not as the input, from 0 to 1.
    #[arg(long, default_value_t = 0.5)]
    #[serde(default)]
    pub busy: f32,
}

/// The most new inner voices that a pack strikes at once. Real music has five or more in one strike of 30.
const VOICES: u8 = 4;

/// The lowest MIDI pitch over which a pack writes a fourth, B flat 2: two voices closer below it are mud.
const FOURTHS: u8 = 46;

/// How many times as much leaps of the bass have against them at the border.
const BORDER: f32 = 4.0;

/// What is left of --follow at full amount: .73 and .72 of the harmony are kept into jazz there.
const FOLLOWED: f32 = 0.14;

/// What a list of one number a genre says of one: the last is for all that follow.
fn of_genre(numbers: &[f32], genre: usize) -> f32 {
    numbers.get(genre).or(numbers.last()).copied().unwrap_or(0.0)
}

/// Reads a list of one number a genre; runs of before have one for all of some.
fn one_or_more<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<f32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Numbers {
        One(f32),
        More(Vec<f32>),
    }
    Ok(match Numbers::deserialize(reader)? {
        Numbers::One(all) => vec![all],
        Numbers::More(each) => each,
    })
}

/// The edition of runs that do not say.
fn first_edition() -> u8 {
    1
}

impl ArrangerOptions {
    /// Sizes of the network.
    pub fn config(&self, genres: usize) -> ArrangerConfig {
        let Self { width, heads, reader, writer, inner, units, edition, .. } = *self;
        ArrangerConfig { genres, width, heads, reader, writer, inner, units, edition }
    }

    /// How the pack writes, given its genres' habits.
    pub fn style(&self, habits: &[Habits]) -> Style {
        let Self { pull, change, contrast, temperature, melody, density, .. } = *self;
        let of = |slot: usize| habits.get(slot).copied().unwrap_or_default();
        let most = habits.iter().map(|habits| habits.out_of_key).fold(1e-6, f32::max);
        let shares = |numbers: &[f32], habit: fn(&Habits) -> f32| {
            let most = habits.iter().map(habit).fold(1e-6, f32::max);
            std::array::from_fn(|slot| match numbers {
                [all] => all * habit(&of(slot)) / most,
                each => of_genre(each, slot),
            })
        };
        let each = |numbers: &[f32]| std::array::from_fn(|slot| of_genre(numbers, slot));
        let inside = |all: f32| std::array::from_fn(|slot| all * (1.0 - of(slot).out_of_key / most).max(0.0));
        Style {
            pull,
            change,
            contrast,
            temperature,
            melody,
            density,
            chromatic: inside(self.chromatic),
            diatonic: each(&self.diatonic),
            foreign: inside(self.foreign),
            follow: each(&self.follow),
            triads: each(&self.follow_triads),
            followed: FOLLOWED,
            complete: each(&self.complete),
            guide: each(&self.guide),
            thick: each(&self.thick),
            seconds: each(&self.seconds),
            tight: each(&self.tight),
            deep: each(&self.deep),
            lowest: std::array::from_fn(|slot| of(slot).range.0),
            highest: std::array::from_fn(|slot| of(slot).range.1),
            figure: shares(&self.figure, |habits| habits.same_rhythm),
            texture: each(&self.texture),
            // Runs of before have none.
            bass_texture: (!self.bass_texture.is_empty()).then(|| each(&self.bass_texture)),
            comps: each(&self.comps),
            chords: each(&self.chords),
            short: each(&self.short),
            between: each(&self.between),
            let_go: each(&self.let_go),
            nearest: self.nearest,
            moves: self.moves.iter().chain(&self.returns).any(|number| *number > 0.0).then(|| Moves {
                shares: std::array::from_fn(|slot| of(slot).intervals),
                extent: each(&self.moves),
                returns: each(&self.returns),
            }),
            astray: each(&self.astray),
            drawn: Drawn { walks: each(&self.walks), strokes: each(&self.strokes) },
            tied: each(&self.tied),
            approach: shares(&self.approach, |habits| habits.step_into),
            border: BORDER,
            anticipated: Some(std::array::from_fn(|slot| of(slot).anticipated)),
            pushed: Some(std::array::from_fn(|slot| of(slot).pushed)),
            gives_way: each(&self.gives_way),
            busy: Some(Busy { octaves: std::array::from_fn(|slot| of(slot).density), extent: self.busy }),
            counts_after: true,
            limits: true,
            voices: VOICES,
            fourths: FOURTHS,
            hands: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::*;

    fn options(flags: &[&str]) -> ArrangerOptions {
        let command = ArrangerOptions::augment_args(Command::new("train").no_binary_name(true));
        ArrangerOptions::from_arg_matches(&command.get_matches_from(flags)).unwrap()
    }

    /// Two genres, the second of which repeats its rhythms twice as often.
    fn habits() -> [Habits; 2] {
        [0.1, 0.2].map(|same_rhythm| Habits { same_rhythm, ..Habits::default() })
    }

    #[test]
    fn one_number_is_shared_out_and_more_are_as_given() {
        let figure = |flag: &str| options(&[flag]).style(&habits()).figure;
        assert_eq!(figure("--figure=2")[..3], [1.0, 2.0, 0.0]);
        assert_eq!(figure("--figure=2,0.5")[..3], [2.0, 0.5, 0.5]);
        let style = options(&["--texture=1", "--bass-texture=3,2", "--walks=0.8,0"]).style(&habits());
        assert_eq!((style.texture[0], style.bass_texture.unwrap()[..3].to_vec()), (1.0, vec![3.0, 2.0, 2.0]));
        assert_eq!((style.drawn.walks[0], style.drawn.walks[1]), (0.8, 0.0));
    }

    /// Runs of before tell one number where there is a list now, and none of what was not asked then.
    #[test]
    fn runs_of_before_go_on() {
        let mut before = serde_json::to_value(options(&[])).unwrap();
        let fields = before.as_object_mut().unwrap();
        for (name, number) in [("figure", 1.5), ("approach", 2.5), ("follow", 50.0)] {
            fields.insert(name.into(), number.into());
        }
        let later = ["bass_texture", "walks", "strokes", "tied", "follow_triads", "diatonic"];
        for name in later.into_iter().chain([
            "complete",
            "guide",
            "thick",
            "seconds",
            "tight",
            "deep",
            "comps",
            "chords",
            "short",
            "between",
            "let_go",
            "astray",
            "moves",
            "returns",
            "nearest",
            "gives_way",
        ]) {
            fields.remove(name).unwrap();
        }
        let read: ArrangerOptions = serde_json::from_value(before).unwrap();
        let style = read.style(&habits());
        assert_eq!((style.figure[0], style.figure[1], style.follow[0]), (0.75, 1.5, 50.0));
        assert_eq!((style.bass_texture, style.triads, style.tied), (None, [0.0; 8], [0.0; 8]));
        assert_eq!((style.nearest, style.moves), (false, None));
        assert_eq!([style.astray, style.gives_way], [[0.0; 8]; 2]);
    }
}
