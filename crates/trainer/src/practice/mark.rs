//! How good a try is: what ears hear, what is kept of the song, what an arranger would strike out.

use phrase::Roll;

use crate::evaluate::faults::{Measure, Tally};

/// An ear is as sure as this at most and at least: beyond it there is nothing to gain.
const SURE: (f64, f64) = (0.005, 0.98);
/// Semitone clashes up to this share of the strikes are music.
const CLASHES: f64 = 0.03;
/// As are five inner voices and more.
const THICK: f64 = 0.03;
/// As is a bass out of key now and then, and one that goes by a tritone, a sixth or a seventh: ears take more
/// of both for jazz, and answers that were chosen by ears alone came to walk on wrong notes.
const STRAYS: f64 = 0.2;
const AWKWARD: f64 = 0.1;
/// What ears, harmony, tune, faults, numbers of notes beyond a factor of 1.2 and habits weigh.
const WEIGHTS: [f64; MEASURED] = [2.0, 16.0, 8.0, -14.0, -4.0, 1.0];
const MEASURED: usize = 6;

/// What of its habits a genre shows from phrase to phrase.
const HABITS: [Measure; 5] =
    [Measure::SameInner, Measure::SameBass, Measure::StepInto, Measure::LeapsAtBorders, Measure::HeldOver];
/// What each weighs for a share of 1 that the pack's answers have too little, and at most; as much against it
/// where they have too much.
const HABIT: f64 = 20.0;
const MOST: f64 = 2.0;

/// How a genre plays, or a pack in it, by [`HABITS`]; `None` where nothing was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habit([Option<f64>; HABITS.len()]);

impl Habit {
    /// Of phrases, each with the one before it.
    pub(super) fn of<'a>(phrases: impl Iterator<Item = (&'a Roll, Option<&'a Roll>)>) -> Self {
        let mut tally = Tally::default();
        phrases.for_each(|(roll, before)| tally.hear(roll, before));
        Self(HABITS.map(|measure| share(&tally, measure)))
    }
}

/// What a try's habits weigh: those that a pack has less of than the genre count for it, those that it has
/// more of against it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leaning([f64; HABITS.len()]);

impl Leaning {
    pub(super) fn of(genre: &Habit, pack: &Habit) -> Self {
        Self(std::array::from_fn(|i| {
            let lacks = genre.0[i].zip(pack.0[i]).map_or(0.0, |(genre, pack)| genre - pack);
            (HABIT * lacks).clamp(-MOST, MOST)
        }))
    }
}

fn share(tally: &Tally, measure: Measure) -> Option<f64> {
    let [counted, of] = tally.shares[measure as usize];
    (of > 0.0).then(|| counted / of)
}

/// A try in figures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// Mean of the ears' log probabilities of the target genre, in nats.
    ears: f64,
    harmony: f64,
    tune: f64,
    /// Share of the strikes that are clusters, mud, or unplayable, and of those that clash more than music
    /// does; of the bass's notes that stray and leap more.
    faults: f64,
    /// By how many octaves the number of notes is off by more than a factor of 1.2.
    notes: f64,
    /// By [`HABITS`]; a half where there was nothing to count.
    habits: [f64; HABITS.len()],
}

impl Mark {
    pub(super) const NAMES: [&'static str; 5] =
        ["   ears, nats", "     harmony", "        tune", "      faults", "       notes"];

    /// Of the answer `roll` to `source` after the answer `before`; `ears` are probabilities of its genre.
    pub(super) fn of(source: &Roll, roll: &Roll, before: Option<&Roll>, ears: &[f64]) -> Self {
        let mut tally = Tally::default();
        tally.hear(roll, before);
        tally.compare(source, roll);
        tally.keys(source, roll);
        let of = |measure: Measure| share(&tally, measure).unwrap_or(0.0);
        let (floor, ceiling) = SURE;
        let log = ears.iter().map(|p| p.clamp(floor, ceiling).ln());
        let bad = [Measure::Clusters, Measure::LowThirds, Measure::Unplayable].map(of);
        let beyond = |measure: Measure, usual: f64| (of(measure) - usual).max(0.0);
        Self {
            ears: log.sum::<f64>() / ears.len().max(1) as f64,
            harmony: of(Measure::HarmonyKept),
            tune: of(Measure::MelodyOnTop),
            faults: bad.iter().sum::<f64>()
                + beyond(Measure::Clashes, CLASHES)
                + beyond(Measure::FiveVoices, THICK)
                + beyond(Measure::BassOutOfKey, STRAYS)
                + beyond(Measure::BassAwkward, AWKWARD),
            notes: (of(Measure::Notes).max(0.05).log2().abs() - 1.2f64.log2()).max(0.0),
            habits: HABITS.map(|measure| share(&tally, measure).unwrap_or(0.5)),
        }
    }

    /// What is compared: more is better.
    pub(super) fn total(&self, leaning: &Leaning) -> f64 {
        let leans = self.habits.iter().zip(leaning.0).map(|(own, weight)| weight * own);
        let all = [self.ears, self.harmony, self.tune, self.faults, self.notes, leans.sum()];
        all.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum()
    }

    fn values(&self) -> [f64; 5] {
        [self.ears, self.harmony, self.tune, self.faults, self.notes]
    }

    /// Two means side by side, under their [`Mark::NAMES`].
    pub(super) fn compared([all, kept]: &[Self; 2]) -> String {
        let pairs = all.values().into_iter().zip(kept.values()).zip(Self::NAMES);
        let cells = pairs.map(|((all, kept), name)| {
            format!("{:>wide$}", format!("{all:.2} > {kept:.2}"), wide = name.len())
        });
        cells.collect::<Vec<_>>().join("  ")
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.ears += other.ears;
        self.harmony += other.harmony;
        self.tune += other.tune;
        self.faults += other.faults;
        self.notes += other.notes;
        self.habits.iter_mut().zip(other.habits).for_each(|(sum, more)| *sum += more);
    }

    /// Divided by a number of tries.
    pub(super) fn over(self, count: f64) -> Self {
        let by = count.max(1.0);
        Self {
            ears: self.ears / by,
            harmony: self.harmony / by,
            tune: self.tune / by,
            faults: self.faults / by,
            notes: self.notes / by,
            habits: self.habits.map(|share| share / by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tune over a bass.
    fn phrase(tune: usize, bass: usize) -> Roll {
        Roll::from_cells(|step, row| row == tune + step / 8 % 5 || row == bass)
    }

    #[test]
    fn what_is_kept_heard_and_playable_is_better() {
        let habit = Leaning([0.0; HABITS.len()]);
        let source = phrase(50, 20);
        let total = |roll: &Roll, ear: f64| Mark::of(&source, roll, None, &[ear]).total(&habit);
        let kept = total(&source, 0.5);
        assert!(total(&source, 0.9) > kept, "the genre is heard");
        assert_eq!(total(&source, 0.99), total(&source, 1.0), "an ear that is sure has nothing to gain");
        assert!(total(&phrase(51, 20), 0.5) < kept, "the tune is another");
        let cluster = |step: usize, row: usize| {
            source.get(step, row) || (30..34).contains(&row) && step.is_multiple_of(16)
        };
        assert!(total(&Roll::from_cells(cluster), 0.5) < kept, "clusters");
        // A walking bass: in the key of a tune in C, out of it, and by sixths.
        let walk = |bass: [usize; 4]| {
            let tune = |step: usize| 48 + [0, 2, 4, 5, 7, 9, 11, 12][step / 4 % 8];
            Roll::from_cells(move |step, row| row == tune(step) || row == bass[step / 4 % 4])
        };
        let faults = |bass: [usize; 4]| Mark::of(&walk([12, 14, 16, 17]), &walk(bass), None, &[0.5]).faults;
        assert_eq!(faults([12, 14, 16, 17]), 0.0);
        assert!(faults([12, 13, 15, 18]) > 0.4, "out of key: {}", faults([12, 13, 15, 18]));
        assert!(faults([12, 21, 12, 21]) > 0.8, "sixths: {}", faults([12, 21, 12, 21]));
        assert!(total(&Roll::EMPTY, 0.5) < kept);
        assert!(total(&Roll::EMPTY, 0.0).is_finite());
    }

    #[test]
    fn a_genre_that_repeats_itself_more_wants_answers_that_do() {
        let moving = Roll::from_cells(|step, row| row == 50 || row == 20 && step % 16 / 2 == step / 16);
        let repeats = Roll::from_cells(|step, row| row == 50 || row == 20 && step % 4 < 2);
        let of = |roll: &Roll| Habit::of([(roll, None)].into_iter());
        let total =
            |roll: &Roll, leaning: &Leaning| Mark::of(&phrase(50, 20), roll, None, &[0.5]).total(leaning);
        let towards = |genre: &Roll, pack: &Roll| Leaning::of(&of(genre), &of(pack));
        let gain =
            |roll: &Roll| total(roll, &towards(&repeats, &moving)) - total(roll, &towards(&moving, &repeats));
        assert!(gain(&repeats) > gain(&moving), "{} {}", gain(&repeats), gain(&moving));
        // Where the pack plays as the genre does, or nothing is known, habits are not asked for.
        assert_eq!(towards(&repeats, &repeats).0, [0.0; HABITS.len()]);
        assert_eq!(Leaning::of(&of(&Roll::EMPTY), &of(&repeats)).0, [0.0; HABITS.len()]);
    }

    #[test]
    fn means_are_sums_over_their_number() {
        let mut sum = Mark::default();
        let one = Mark::of(&phrase(50, 20), &phrase(50, 22), None, &[0.4, 0.6]);
        (0..4).for_each(|_| sum.add(&one));
        let habit = Leaning([0.3; HABITS.len()]);
        assert!((sum.over(4.0).total(&habit) - one.total(&habit)).abs() < 1e-9);
    }
}
