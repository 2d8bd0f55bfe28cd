//! What is counted of one phrase, and of the works.

use std::collections::BTreeMap;

use model::arranger::{Chord, Content};
use phrase::{
    BARS, ContentChange, Key, Motion, Rhythm, Roll, STEPS, alike, bass_rhythm, chroma, downbeats,
    harmony_kept, has_second_or_tritone, has_seventh, inner_rhythm, inner_strikes, is_clash, is_cluster,
    is_muddy, is_playable, low_bass, melody_on_top, out_of_key, strikes, under_c3,
};

use super::{MEASURES, Measure};
use crate::dataset::Item;

/// A smaller content change is none that a listener would call one.
const CHANGED: f32 = 0.05;
/// So many voices at once are a crowd.
const MANY: u32 = 5;

/// What was counted, and what there was to count, by measure; and the rhythms of the bars.
#[derive(Clone, Debug)]
pub struct Tally {
    /// By [`Measure`]: counted, and of how many.
    pub shares: [[f64; 2]; MEASURES],
    /// How often each rhythm of a bar came, of the bass and of the inner voices.
    pub rhythms: [BTreeMap<Rhythm, u32>; 2],
}

impl Default for Tally {
    fn default() -> Self {
        Self { shares: [[0.0; 2]; MEASURES], rhythms: Default::default() }
    }
}

impl Tally {
    fn add(&mut self, measure: Measure, counted: impl Into<f64>, of: impl Into<f64>) {
        let share = &mut self.shares[measure as usize];
        share[0] += counted.into();
        share[1] += of.into();
    }

    /// Adds another one's counts.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.shares.iter_mut().zip(&other.shares) {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        for (sum, more) in self.rhythms.iter_mut().zip(&other.rhythms) {
            more.iter().for_each(|(&rhythm, count)| *sum.entry(rhythm).or_default() += count);
        }
    }

    /// Counts the phrase `roll`, as it sounds, after the phrase `before` where one comes right before it.
    pub fn hear(&mut self, roll: &Roll, before: Option<&Roll>) {
        let [first, others @ ..] = downbeats(roll);
        self.add(Measure::FirstDownbeat, first, f64::from(others.iter().sum::<u32>()) / (BARS - 1) as f64);
        self.add(Measure::FirstNotes, first, 1);
        self.strikes(roll);
        self.bass(roll, before);
        for (place, (bars, measure)) in
            [(bass_rhythm(roll), Measure::SameBass), (inner_rhythm(roll), Measure::SameInner)]
                .into_iter()
                .enumerate()
        {
            let (same, all) = alike(&bars);
            self.add(measure, same, all);
            for bar in bars.into_iter().filter(|bar| *bar != 0) {
                *self.rhythms[place].entry(bar).or_default() += 1;
            }
        }
        let chords = Content::of(roll).chords;
        for (classes, chord) in chroma(roll).iter().zip(chords) {
            let Some([_, third, _]) = chord.map(Chord::classes) else { continue };
            self.add(Measure::Sevenths, u8::from(has_seventh(classes)), 1);
            self.add(Measure::Thirds, u8::from(classes[third] > 0.0), 1);
            self.add(Measure::Tensions, u8::from(has_second_or_tritone(classes)), 1);
        }
        if let Some(before) = before {
            let held = before.sounding[STEPS - 1] & roll.sounding[0] & !roll.onset[0];
            self.add(Measure::HeldOver, u8::from(held != 0), 1);
        }
    }

    fn strikes(&mut self, roll: &Roll) {
        let inner = inner_strikes(roll);
        for (step, struck) in strikes(roll).into_iter().enumerate().filter(|(_, struck)| *struck != 0) {
            let sounding = roll.sounding[step];
            self.add(Measure::Clusters, u8::from(is_cluster(struck)), 1);
            self.add(Measure::LowThirds, u8::from(is_muddy(sounding, struck)), 1);
            self.add(Measure::Unplayable, u8::from(!is_playable(struck)), 1);
            self.add(Measure::Clashes, u8::from(is_clash(sounding, struck)), 1);
            let voices = inner[step].count_ones();
            if voices > 0 {
                self.add(Measure::InnerVoices, voices, 1);
                self.add(Measure::FiveVoices, u8::from(voices >= MANY), 1);
                self.add(Measure::DeepVoices, under_c3(inner[step]).count_ones(), voices);
            }
        }
        let comped = inner.iter().filter(|keys| **keys != 0).count();
        self.add(Measure::InnerStrikes, comped as f64, BARS as f64);
    }

    fn bass(&mut self, roll: &Roll, before: Option<&Roll>) {
        let line = low_bass(roll);
        let inside = Motion::of(&line);
        let mut all = inside;
        // From the last note of the phrase before, where this one's first is struck.
        let last = before.and_then(|before| low_bass(before).last().copied());
        if let (Some(last), Some(first)) = (last, line.first().filter(|first| !first.tied_in)) {
            let mut border = Motion::default();
            border.add(&last, first);
            self.add(Measure::LeapsAtBorders, border.leaps, border.steps);
            all.add(&last, first);
        }
        self.add(Measure::LeapsInside, inside.leaps, inside.steps);
        self.add(Measure::BassRepeats, all.repeats, all.steps);
        self.add(Measure::BassAwkward, all.awkward, all.steps);
        self.add(Measure::SemitoneInto, all.semitone_into, all.into);
        self.add(Measure::StepInto, all.step_into, all.into);
    }

    /// Counts what the answer `roll` left of `source`.
    pub fn compare(&mut self, source: &Roll, roll: &Roll) {
        let change = ContentChange::between(&source.sounding, &roll.sounding).total;
        self.add(Measure::Unchanged, u8::from(change < CHANGED), 1);
        if let Some(kept) = melody_on_top(source, roll) {
            self.add(Measure::MelodyOnTop, kept, 1);
        }
        if let Some(kept) = harmony_kept(source, roll) {
            self.add(Measure::HarmonyKept, kept, 1);
        }
        let notes = |roll: &Roll| roll.notes().count() as f64;
        self.add(Measure::Notes, notes(roll) / notes(source).max(1.0), 1);
    }

    /// Counts the notes of `roll` out of the key of `source`.
    pub fn keys(&mut self, source: &Roll, roll: &Roll) {
        if let Some(key) = Key::of(source) {
            self.add(Measure::OutOfKey, out_of_key(roll, &key), 1);
            let line = low_bass(roll);
            let outside = line.iter().filter(|note| !key.contains((note.row % 12) as u8)).count();
            self.add(Measure::BassOutOfKey, outside as f64, line.len() as f64);
        }
    }
}

/// Phrases in the order that they are played in, counted by work.
#[derive(Debug, Default)]
pub struct Phrases {
    works: BTreeMap<u64, Tally>,
    /// The phrase before, as it sounds.
    before: Option<(Item, Roll)>,
}

impl Phrases {
    /// Counts a real phrase of the work `work`.
    pub fn real(&mut self, item: &Item, work: u64) {
        let tally = self.next(item, work, item.roll);
        tally.keys(&item.roll, &item.roll);
    }

    /// Counts the answer to a phrase of the work `work`.
    pub fn answer(&mut self, item: &Item, answer: Roll, work: u64) {
        let tally = self.next(item, work, answer);
        tally.compare(&item.roll, &answer);
        tally.keys(&item.roll, &answer);
    }

    /// Counts what sounds of `roll`.
    fn next(&mut self, item: &Item, work: u64, roll: Roll) -> &mut Tally {
        let before = self.before.take().filter(|(before, _)| item.follows(before)).map(|(_, roll)| roll);
        let sounds = before.map_or(roll, |before| untied(roll, &before));
        let tally = self.works.entry(work).or_default();
        tally.hear(&sounds, before.as_ref());
        self.before = Some((*item, sounds));
        tally
    }

    /// The counts of each work.
    pub fn works(&self) -> Vec<&Tally> {
        self.works.values().collect()
    }
}

/// `roll` as it sounds after `before`: what is tied over from a note that does not sound is struck.
fn untied(mut roll: Roll, before: &Roll) -> Roll {
    roll.onset[0] |= roll.sounding[0] & !before.sounding[STEPS - 1];
    roll
}

#[cfg(test)]
mod tests {
    use super::super::Faults;
    use super::*;

    /// A tune over chords on every beat: their first one of so many notes, which all sound on over the
    /// phrase's end.
    fn phrase(first: usize, bass: usize) -> Roll {
        Roll::from_cells(|step, row| {
            let chord = if step < 4 { first } else { 3 };
            row == 50
                || row == bass
                || (30..30 + 2 * chord).contains(&row) && row % 2 == 0 && (step % 4 < 3 || step == 63)
        })
    }

    fn at(roll: Roll, step: u32) -> Item {
        Item::of(roll, 0).at_step(step)
    }

    fn value(phrases: &Phrases, measure: Measure) -> f64 {
        Faults::of(phrases).get(measure).value
    }

    #[test]
    fn a_heavy_first_downbeat_is_heard_and_ties_are_not_struck() {
        let mut phrases = Phrases::default();
        phrases.real(&at(phrase(6, 10), 0), 0);
        // Tune, bass and six against three.
        assert_eq!(value(&phrases, Measure::FirstDownbeat), 8.0 / 3.0);
        // The next phrase is held over but for its chord's upper half, which the answer before does not have.
        let mut next = phrase(6, 10);
        next.onset[0] = 0;
        phrases.real(&at(next, 64), 0);
        assert_eq!(value(&phrases, Measure::FirstNotes), (8.0 + 3.0) / 2.0);
        assert_eq!(value(&phrases, Measure::HeldOver), 1.0);
        // One that does not follow is another matter.
        phrases.real(&at(next, 256), 0);
        assert_eq!(value(&phrases, Measure::FirstNotes), (8.0 + 3.0) / 3.0);
    }

    #[test]
    fn low_inner_voices_strokes_and_thirds_are_counted() {
        // C1, G2 and E3 under a C5, struck together once in each half bar of the first two bars; then C1, G2
        // and G3 under it.
        let roll = Roll::from_cells(|step, row| {
            let third = if step < 32 { 28 } else { 31 };
            row == 48 || step % 8 < 2 && [0, 19, third].contains(&row)
        });
        let mut phrases = Phrases::default();
        phrases.real(&at(roll, 0), 0);
        assert_eq!(value(&phrases, Measure::DeepVoices), 0.5);
        assert_eq!(value(&phrases, Measure::InnerStrikes), 2.0);
        assert_eq!(value(&phrases, Measure::Thirds), 0.5);
    }

    #[test]
    fn a_bass_out_of_the_sources_key_is_counted() {
        // A scale of C over a bass that goes C, C sharp, G, G in each bar.
        let of = |bass: [usize; 4]| {
            let scale = [48, 50, 52, 53, 55, 57, 59, 60];
            Roll::from_cells(|step, row| row == scale[step / 4 % 8] || row == bass[step / 4 % 4])
        };
        let mut phrases = Phrases::default();
        phrases.answer(&at(of([12, 14, 16, 19]), 0), of([12, 13, 19, 18]), 0);
        assert_eq!(value(&phrases, Measure::BassOutOfKey), 0.5);
        // From C sharp to G, and from F sharp to C; fifteen ways in all.
        assert_eq!(value(&phrases, Measure::BassAwkward), 7.0 / 15.0);
    }

    #[test]
    fn leaps_at_borders_are_not_those_inside() {
        let mut phrases = Phrases::default();
        phrases.real(&at(phrase(3, 10), 0), 0);
        phrases.real(&at(phrase(3, 24), 64), 0);
        phrases.real(&at(phrase(3, 12), 192), 0);
        assert_eq!(value(&phrases, Measure::LeapsAtBorders), 1.0);
        assert!(value(&phrases, Measure::LeapsInside).is_nan(), "one note a phrase goes nowhere");
    }

    #[test]
    fn answers_are_compared_with_their_sources() {
        let source = phrase(3, 10);
        let mut phrases = Phrases::default();
        phrases.answer(&at(source, 0), source, 0);
        let lower = Roll::from_cells(|step, row| row == 49 && step < 32);
        phrases.answer(&at(source, 64), lower, 1);
        for (measure, expected) in [(Measure::Unchanged, 0.5), (Measure::MelodyOnTop, 0.5)] {
            assert_eq!(value(&phrases, measure), expected, "{measure:?}");
        }
        assert_eq!(Faults::of(&phrases).works, 2);
        // Real music is compared with nothing.
        let mut real = Phrases::default();
        real.real(&at(source, 0), 0);
        assert!(value(&real, Measure::Unchanged).is_nan());
    }
}
