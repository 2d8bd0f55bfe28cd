//! What an arranger would strike out: faults of answers in figures, beside the same figures of real music.
//!
//! Every [`Measure`] but two is a share: what was counted over what there was to count, over all phrases of a
//! direction or a genre. The other two are entropies. Phrases of a song are taken one after another, as they
//! are played: what an answer ties over the line sounds on only where the answer before still sounds.
//! Intervals are of the works, see [`bootstrap`].

mod bootstrap;
mod table;
mod tally;

pub use bootstrap::ratios;
pub use table::table;
pub use tally::{Phrases, Tally};

use serde::{Serialize, Serializer};

/// What is measured. `Display` by [`Measure::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Measure {
    /// Notes struck on the phrase's first step, over the mean of the first steps of its other bars.
    FirstDownbeat,
    /// Notes struck on the phrase's first step.
    FirstNotes,
    /// Strikes (steps on which a note starts) with four struck notes within a tritone, two of them a semitone
    /// apart.
    Clusters,
    /// Strikes at which two of the notes that sound are a third or less apart, the lower under C3, one of
    /// them just struck.
    LowThirds,
    /// Strikes whose struck notes two hands cannot play: each five notes within a tenth.
    Unplayable,
    /// Strikes at which two of the notes that sound are a semitone apart, one of them just struck.
    Clashes,
    /// Notes of the inner voices (neither the highest nor the lowest that sounds) struck at once, where any
    /// is.
    InnerVoices,
    /// Those strikes with five notes or more of the inner voices.
    FiveVoices,
    /// Notes of the inner voices that are struck under C3.
    DeepVoices,
    /// Strikes of inner voices in a bar.
    InnerStrikes,
    /// Notes of the bass (the lowest that sounds as they start, under middle C) at the pitch of the one
    /// before.
    BassRepeats,
    /// Bass intervals of a tritone, a sixth or a seventh.
    BassAwkward,
    /// Notes of the bass out of the source's key.
    BassOutOfKey,
    /// Notes of the bass on a first beat that the one before leads into by a semitone.
    SemitoneInto,
    /// The same by a semitone or a whole tone.
    StepInto,
    /// Entropy of the bass's rhythm in a bar, in bits: of the 16-step patterns of its starts, over the bars
    /// that have any. It grows with the number of bars that are counted: compare like with like.
    BassBits,
    /// Pairs of bars of a phrase in which the bass has the same rhythm.
    SameBass,
    /// Bass intervals of over an octave inside the phrase.
    LeapsInside,
    /// The same from the last note of a phrase to the first that is struck in the next.
    LeapsAtBorders,
    /// Entropy of the inner voices' rhythm in a bar, as that of the bass.
    InnerBits,
    /// Pairs of bars of a phrase in which the inner voices have the same rhythm.
    SameInner,
    /// Half bars whose pitch classes are best told as a seventh chord, see [`phrase::has_seventh`].
    Sevenths,
    /// Half bars in which the third of their chord sounds (see [`model::arranger::Chord::of`]).
    Thirds,
    /// Half bars with two pitch classes a second or a tritone apart, see [`phrase::has_second_or_tritone`].
    Tensions,
    /// Borders of phrases over which a note is held.
    HeldOver,
    /// Phrases with a content change under .05.
    Unchanged,
    /// Notes of the source's melody that are on top of the answer on their very step.
    MelodyOnTop,
    /// Half-bar chroma correlation with the source.
    HarmonyKept,
    /// Notes of the answer over those of the source.
    Notes,
    /// Notes out of the source's key.
    OutOfKey,
}

/// Number of measures.
pub const MEASURES: usize = Measure::ALL.len();

impl Measure {
    /// All, in the order of the table.
    pub const ALL: [Self; 30] = [
        Self::FirstDownbeat,
        Self::FirstNotes,
        Self::Clusters,
        Self::LowThirds,
        Self::Unplayable,
        Self::Clashes,
        Self::InnerVoices,
        Self::FiveVoices,
        Self::DeepVoices,
        Self::InnerStrikes,
        Self::BassRepeats,
        Self::BassAwkward,
        Self::BassOutOfKey,
        Self::SemitoneInto,
        Self::StepInto,
        Self::BassBits,
        Self::SameBass,
        Self::LeapsInside,
        Self::LeapsAtBorders,
        Self::InnerBits,
        Self::SameInner,
        Self::Sevenths,
        Self::Thirds,
        Self::Tensions,
        Self::HeldOver,
        Self::Unchanged,
        Self::MelodyOnTop,
        Self::HarmonyKept,
        Self::Notes,
        Self::OutOfKey,
    ];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstDownbeat => "first downbeat over the others",
            Self::FirstNotes => "notes on the first downbeat",
            Self::Clusters => "clusters, % of strikes",
            Self::LowThirds => "thirds below C3, %",
            Self::Unplayable => "unplayable, %",
            Self::Clashes => "semitone clashes, %",
            Self::InnerVoices => "inner: notes at once",
            Self::FiveVoices => "inner: five or more, %",
            Self::DeepVoices => "inner: below C3, %",
            Self::InnerStrikes => "inner: strikes a bar",
            Self::BassRepeats => "bass: repeats",
            Self::BassAwkward => "bass: awkward leaps, %",
            Self::BassOutOfKey => "bass: out of key, %",
            Self::SemitoneInto => "bass: semitone into downbeat",
            Self::StepInto => "bass: or scale step",
            Self::BassBits => "bass: bits of rhythm a bar",
            Self::SameBass => "bass: same rhythm in phrase",
            Self::LeapsInside => "bass: leaps inside, %",
            Self::LeapsAtBorders => "bass: leaps at borders, %",
            Self::InnerBits => "inner: bits of rhythm a bar",
            Self::SameInner => "inner: same rhythm in phrase",
            Self::Sevenths => "half bars with a seventh",
            Self::Thirds => "half bars with their third",
            Self::Tensions => "with a second or tritone",
            Self::HeldOver => "held over the border, %",
            Self::Unchanged => "unchanged, %",
            Self::MelodyOnTop => "melody on top at its step",
            Self::HarmonyKept => "harmony kept",
            Self::Notes => "notes, ratio to source's",
            Self::OutOfKey => "out of key, %",
        }
    }

    /// Whether people read it as per cent.
    pub fn percent(self) -> bool {
        self.name().contains('%')
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.name())
    }
}

/// A figure and its 95 % interval. Not a number where there was nothing to count.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Interval {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A measure of a direction or a genre.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Fault {
    /// Which.
    pub measure: Measure,
    /// How much.
    #[serde(flatten)]
    pub interval: Interval,
}

/// All measures of a direction or a genre.
#[derive(Clone, Debug, Serialize)]
pub struct Faults {
    /// How many works the intervals are of; versions of one count once.
    pub works: usize,
    /// In the order of [`Measure::ALL`].
    pub all: Vec<Fault>,
}

impl Faults {
    /// Of phrases by work.
    pub fn of(phrases: &Phrases) -> Self {
        let intervals = bootstrap::intervals(&phrases.works());
        let fault = |(measure, interval)| Fault { measure, interval };
        Self {
            works: phrases.works().len(),
            all: Measure::ALL.into_iter().zip(intervals).map(fault).collect(),
        }
    }

    /// One of them.
    pub fn get(&self, measure: Measure) -> Interval {
        self.all[measure as usize].interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_stand_where_their_numbers_say() {
        for (place, measure) in Measure::ALL.into_iter().enumerate() {
            assert_eq!(measure as usize, place);
        }
    }
}
