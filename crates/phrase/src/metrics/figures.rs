//! The rhythms of the bass and of the inner voices, bar by bar. Real-time safe.

use super::strikes::{Keys, strikes};
use crate::{BARS, BASS_BELOW, Line, Roll, RollNote, STEPS, STEPS_PER_BAR, bass};

/// The rhythm of a bar: bit `s` for a note that starts on its step `s`.
pub type Rhythm = u16;

/// The keys of each step that are struck between the highest and the lowest that sound: neither tune nor
/// bass.
pub fn inner_strikes(roll: &Roll) -> [Keys; STEPS] {
    let mut struck = strikes(roll);
    for (keys, sounding) in struck.iter_mut().zip(&roll.sounding) {
        if *sounding != 0 {
            *keys &= !(1 << (127 - sounding.leading_zeros()) | 1 << sounding.trailing_zeros());
        }
    }
    struck
}

/// The rhythm of the inner voices in each bar.
pub fn inner_rhythm(roll: &Roll) -> [Rhythm; BARS] {
    let struck = inner_strikes(roll);
    rhythm((0..STEPS).filter(|&step| struck[step] != 0))
}

/// The notes of [`bass`] that lie under middle C: where nothing sounds below the tune, the tune is no bass.
pub fn low_bass(roll: &Roll) -> Line {
    bass(roll).into_iter().filter(|note| note.pitch() < BASS_BELOW).collect()
}

/// The rhythm of the bass in each bar: of the notes of [`low_bass`] that are struck.
pub fn bass_rhythm(roll: &Roll) -> [Rhythm; BARS] {
    rhythm(low_bass(roll).iter().filter(|note| !note.tied_in).map(|note| note.start))
}

fn rhythm(starts: impl Iterator<Item = usize>) -> [Rhythm; BARS] {
    let mut bars = [0; BARS];
    starts.for_each(|step| bars[step / STEPS_PER_BAR] |= 1 << (step % STEPS_PER_BAR));
    bars
}

/// Of the pairs of bars of a phrase in which either has a rhythm, how many have the same one, and how many
/// there are.
pub fn alike(bars: &[Rhythm; BARS]) -> (u32, u32) {
    let (mut same, mut all) = (0, 0);
    for (i, a) in bars.iter().enumerate() {
        for b in &bars[i + 1..] {
            same += u32::from(a == b && *a != 0);
            all += u32::from(a | b != 0);
        }
    }
    (same, all)
}

/// What a line does from one note to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Motion {
    /// From a note to the next.
    pub steps: u32,
    /// To the same pitch.
    pub repeats: u32,
    /// Over an octave.
    pub leaps: u32,
    /// By a tritone, a sixth or a seventh: few basses move so.
    pub awkward: u32,
    /// Into a note on the first step of a bar.
    pub into: u32,
    /// Of those by a semitone.
    pub semitone_into: u32,
    /// Or by a whole tone.
    pub step_into: u32,
}

impl Motion {
    /// What `line` does, in order of step.
    pub fn of(line: &[RollNote]) -> Self {
        let mut motion = Self::default();
        line.windows(2).for_each(|pair| motion.add(&pair[0], &pair[1]));
        motion
    }

    /// Counts the way from a note to the next.
    pub fn add(&mut self, from: &RollNote, to: &RollNote) {
        let semitones = from.row.abs_diff(to.row);
        self.steps += 1;
        self.repeats += u32::from(semitones == 0);
        self.leaps += u32::from(semitones > 12);
        self.awkward += u32::from(matches!(semitones, 6 | 8..=11));
        if to.start.is_multiple_of(STEPS_PER_BAR) {
            self.into += 1;
            self.semitone_into += u32::from(semitones == 1);
            self.step_into += u32::from((1..=2).contains(&semitones));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_notes_lie_between_the_tune_and_the_bass() {
        // A held tune and bass; a chord of two between them in two bars, off the beat in the second.
        let roll = Roll::from_cells(|step, row| match row {
            10 | 50 => step % 16 < 15,
            30 | 34 => [4, 22].contains(&step),
            _ => false,
        });
        assert_eq!(inner_rhythm(&roll), [1 << 4, 1 << 6, 0, 0]);
        assert_eq!(inner_strikes(&roll)[4], 1 << 30 | 1 << 34);
        assert_eq!(bass_rhythm(&roll), [1, 1, 1, 1]);
        let high = Roll::from_cells(|step, row| row == 36 && step == 0 || row == 35 && step == 8);
        assert_eq!((low_bass(&high).len(), bass_rhythm(&high)), (1, [1 << 8, 0, 0, 0]));
        assert_eq!((alike(&bass_rhythm(&roll)), alike(&inner_rhythm(&roll))), ((6, 6), (0, 5)));
        assert_eq!(alike(&[3, 3, 0, 0]), (1, 5));
    }

    #[test]
    fn a_line_moves_by_hand() {
        let note = |row, start| RollNote { row, start, length: 1, tied_in: false };
        let line = [note(20, 0), note(20, 8), note(21, 16), note(35, 24), note(33, 32), note(33, 48)];
        let expected =
            Motion { steps: 5, repeats: 2, leaps: 1, awkward: 0, into: 3, semitone_into: 1, step_into: 2 };
        assert_eq!(Motion::of(&line), expected);
        let awkward = |far: usize| Motion::of(&[note(20, 4), note(20 + far, 6)]).awkward == 1;
        assert_eq!((0..14).filter(|far| awkward(*far)).collect::<Vec<_>>(), [6, 8, 9, 10, 11]);
    }
}
