//! Events as cells: what is struck, what is held, and what cannot sound together.

use phrase::{PITCHES, Roll, STEPS};

/// The most rows that sound at once: two hands that rest on some.
const MOST: u32 = 6;
/// Rows below this one (C3) sound muddy closer than a fourth together.
const LOW: usize = 24;
/// What is closer than so many rows is muddy there.
const FOURTH: u32 = 5;

/// Writes events into a roll, one after another.
#[derive(Debug)]
pub struct Line<'a> {
    out: &'a mut Roll,
    steps: usize,
    /// The step that is written next.
    at: usize,
    /// What sounds there unless it is struck or released.
    sounding: u128,
}

impl<'a> Line<'a> {
    /// Into the first `steps` steps (at most 64) of `out`; `sounding` goes on from the music before.
    pub fn new(out: &'a mut Roll, steps: usize, sounding: u128) -> Self {
        Self { out, steps: steps.min(STEPS), at: 0, sounding }
    }

    /// Whether all steps are written.
    pub fn is_full(&self) -> bool {
        self.at >= self.steps
    }

    /// The step that is written next.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What sounds now.
    pub fn sounding(&self) -> u128 {
        self.sounding
    }

    /// Lets all that sounds go on for some steps.
    pub fn wait(&mut self, steps: usize) {
        let end = (self.at + steps).min(self.steps);
        self.out.sounding[self.at.min(end)..end].fill(self.sounding);
        self.at += steps;
    }

    /// Strikes rows, holds those of `held` that fit beside them, and lets all of it sound for some steps.
    /// Gives what sounds.
    pub fn strike(&mut self, struck: u128, held: u128, length: usize) -> u128 {
        self.sounding = struck | fitting(struck, self.sounding & held & !struck);
        if self.at < self.steps {
            self.out.onset[self.at] = struck;
        }
        self.wait(length.max(1));
        self.sounding
    }
}

/// Those of the held rows that go with the struck ones: no semitone against them, no mud, and not too many;
/// of these the lowest stays, then the highest ones.
fn fitting(struck: u128, held: u128) -> u128 {
    let mut kept = held & !(struck << 1) & !(struck >> 1);
    let low = |bits: u128| bits & ((1 << LOW) - 1);
    for row in 0..LOW {
        let near = (1u128 << (row as u32 + FOURTH)) - (1u128 << (row as u32 + 1).saturating_sub(FOURTH));
        if low(struck) & near != 0 {
            kept &= !(1 << row);
        }
    }
    let mut row = 0;
    let bass = kept & kept.wrapping_neg();
    while struck.count_ones() + kept.count_ones() > MOST && row < PITCHES {
        // From below, but for the bass.
        if kept & !bass & 1 << row != 0 {
            kept &= !(1 << row);
        }
        row += 1;
    }
    if struck.count_ones() + kept.count_ones() > MOST { 0 } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(rows: &[usize]) -> u128 {
        rows.iter().fold(0, |bits, row| bits | 1 << row)
    }

    #[test]
    fn events_become_cells_and_nothing_is_written_behind_the_end() {
        let mut out = Roll::EMPTY;
        let mut line = Line::new(&mut out, 10, bits(&[40]));
        line.wait(2);
        assert_eq!(line.strike(bits(&[44, 47]), bits(&[40, 41]), 4), bits(&[40, 44, 47]));
        assert_eq!(line.strike(bits(&[45]), bits(&[47]), 40), bits(&[45, 47]));
        assert!(line.is_full());
        line.strike(bits(&[1]), 0, 4);
        let sounding: Vec<u128> = out.sounding[..11].to_vec();
        let held = [bits(&[40]); 2].into_iter().chain([bits(&[40, 44, 47]); 4]);
        let expected: Vec<u128> = held.chain([bits(&[45, 47]); 4]).chain([0]).collect();
        assert_eq!(sounding, expected);
        assert_eq!((out.onset[2], out.onset[6], out.onsets()), (bits(&[44, 47]), bits(&[45]), 3));
    }

    #[test]
    fn what_does_not_go_together_is_released() {
        assert_eq!(fitting(bits(&[40]), bits(&[39, 41, 42])), bits(&[42]), "semitones");
        assert_eq!(fitting(bits(&[10]), bits(&[7, 12, 15, 17, 5])), bits(&[5, 15, 17]), "mud");
        assert_eq!(fitting(bits(&[40, 44]), bits(&[37])), bits(&[37]), "higher up there is none");
        let many = fitting(bits(&[60, 64, 67]), bits(&[12, 24, 31, 36, 50]));
        assert_eq!(many, bits(&[12, 36, 50]));
        assert_eq!(fitting(bits(&[40, 44, 47, 51, 54, 58]), bits(&[20])), 0);
    }
}
