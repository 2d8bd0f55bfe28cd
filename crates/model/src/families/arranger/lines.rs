//! What the bass and the inner voices of a step have for and against them as lines, whatever they are written
//! over.

use phrase::STEPS_PER_BAR;

use super::INTERVALS;
use super::phrasing::EIGHTH;

/// How far a bass goes at most to the note that leads into the next root, in semitones.
const SIXTH: usize = 9;

/// The MIDI pitch from which on no inner voice is [`deep`](super::Style::deep), F sharp 3, and over how many
/// semitones it fades: from C3 down it is wholly.
pub(super) const CLEAR: i32 = 54;
const FADES: i32 = 6;

/// So many inner voices are a chord: more are not asked for.
const CHORD: u32 = 3;

/// What a step's bass and inner voices have for and against them, in logits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// For notes of the bass, and of the inner voices, that start: because they did a bar before, or not.
    pub(super) bass: f32,
    pub(super) inner: f32,
    /// For the first inner voice, and for the bass, because the texture strikes on this step; against all of
    /// them, where it does not.
    pub(super) strokes: [f32; 2],
    /// The rows from which on the texture lies.
    pub(super) lies: [i32; 2],
    /// What [`super::Style`] calls so, of the target genres.
    pub(super) chords: f32,
    pub(super) thick: f32,
    pub(super) short: f32,
    /// Against inner voices that start, and that go on for a third step or more.
    pub(super) between: f32,
    pub(super) let_go: f32,
    pub(super) seconds: f32,
    pub(super) tight: f32,
    pub(super) deep: f32,
    /// The row from which on nothing is deep.
    pub(super) clear: i32,
    /// For steps of the bass into `into`.
    pub(super) approach: f32,
    /// Against notes of the bass of other pitch classes than `inside`, one bit each, that are no such step.
    pub(super) astray: f32,
    pub(super) inside: u16,
    /// For notes of the bass by how many semitones they lie from `from`; farther ones have `leap` against
    /// them.
    pub(super) motion: [f32; INTERVALS],
    /// Against the bass note before `from`, and its row.
    pub(super) returns: f32,
    pub(super) left: Option<usize>,
    /// Against leaps of the bass from `from`.
    pub(super) leap: f32,
    /// The row of the bass note before.
    pub(super) from: Option<usize>,
    /// The pitch class of the bass on the next first beat, or on this one where the step `arrives` there.
    pub(super) into: Option<usize>,
    pub(super) arrives: bool,
    /// The lowest row of the target genres.
    pub(super) lowest: i32,
    /// For notes that go on from before, and against striking them again, where their pitch class is one of
    /// `heard`, one bit each.
    pub(super) tied: f32,
    pub(super) heard: u16,
}

/// What was written of a step so far, from the lowest row up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Written {
    /// Rows that sound, and rows on which a note starts, one bit each.
    pub(super) cells: u128,
    pub(super) starts: u128,
}

impl Written {
    /// Rows on which an inner voice starts, one bit each.
    fn inner(self) -> u128 {
        self.starts & !(self.cells & self.cells.wrapping_neg())
    }

    /// Inner voices that start.
    pub(super) fn voices(self) -> u32 {
        self.inner().count_ones()
    }
}

/// Whose note is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// An inner voice.
    Inner,
    /// The bass.
    Bass,
}

impl Lines {
    /// These on a step of the phrase: what comes and goes between two eighths has nothing against it on them,
    /// and what came ahead of a bar is held over its line.
    pub(super) fn on(self, step: usize) -> Self {
        let (is_eighth, ends_bar) = (step.is_multiple_of(EIGHTH), (step + 1).is_multiple_of(STEPS_PER_BAR));
        Self {
            between: if is_eighth { 0.0 } else { self.between },
            let_go: if is_eighth || ends_bar { 0.0 } else { self.let_go },
            ..self
        }
    }

    /// Whether a note of `voice` is asked for.
    pub(super) fn ask(&self, voice: Voice, written: Written) -> bool {
        match voice {
            Voice::Inner if written.voices() == 0 => self.strokes[0] > 0.0,
            Voice::Inner => self.chords > 0.0 && written.voices() < CHORD,
            Voice::Bass => self.strokes[1] > 0.0 || self.approach > 0.0 && self.into.is_some(),
        }
    }

    /// What a note that starts on a row has for it over what is written below it. Unless it is `asked`, it
    /// has nothing of what is on the side of one note of the step.
    pub(super) fn of(&self, voice: Voice, row: usize, written: Written, asked: bool) -> f32 {
        match voice {
            Voice::Inner => self.of_inner(row, written, asked),
            Voice::Bass => self.of_bass(row, asked),
        }
    }

    /// A stroke is asked for once, and once more for each voice of a chord: were all voices asked for, chords
    /// would be as thick as hands allow.
    fn of_inner(&self, row: usize, written: Written, asked: bool) -> f32 {
        let struck = written.voices();
        let chord = if asked && (1..CHORD).contains(&struck) { self.chords } else { 0.0 };
        let rubs = written.starts << 1 >> row & 1 == 1;
        let second = if rubs { self.seconds } else { 0.0 };
        // Those from a semitone to a major third below.
        let near = written.inner() & (0xf << row >> 4);
        let tight = if near.count_ones() > 1 { self.tight } else { 0.0 };
        let under = (self.clear - row as i32).clamp(0, FADES) as f32 / FADES as f32;
        let thick = self.thick * struck.saturating_sub(1) as f32;
        self.inner - self.between + self.stroke(0, row, asked && struck == 0) + chord
            - thick
            - second
            - tight
            - self.deep * under
    }

    /// A stroke is asked for where the texture lies and above: rows are decided from the lowest up, and asked
    /// for everywhere it would come at the bottom of the keyboard.
    fn stroke(&self, voice: usize, row: usize, asked: bool) -> f32 {
        let stroke = self.strokes[voice];
        if asked && row as i32 >= self.lies[voice] { stroke } else { stroke.min(0.0) }
    }

    fn of_bass(&self, row: usize, asked: bool) -> f32 {
        let far = self.from.map(|from| row.abs_diff(from));
        let is_near = far.is_none_or(|far| far <= SIXTH);
        let leads = match (self.into, self.arrives) {
            (Some(into), true) => row % 12 == into && far.is_some_and(|far| (1..=2).contains(&far)),
            // From nearby, and to a root that the genre has: a step into the octave below leads nowhere.
            (Some(into), false) => match (row + 12 - into) % 12 {
                over @ (1 | 2) => row as i32 - over as i32 >= self.lowest && is_near,
                10 | 11 => is_near,
                _ => false,
            },
            _ => false,
        };
        let only = |holds: bool, logits: f32| if holds { logits } else { 0.0 };
        self.bass + self.stroke(1, row, asked) - only(far.is_some_and(|far| far > 12), self.leap)
            + far.and_then(|far| self.motion.get(far)).unwrap_or(&0.0)
            - only(self.left == Some(row), self.returns)
            - only(!leads && self.inside >> (row % 12) & 1 == 0, self.astray)
            + only(leads && asked, self.approach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bass_is_led_into_the_next_root_and_kept_from_leaping() {
        // From E2 to a bar on A: rows over C1.
        let (from, into) = (Some(16), Some(9));
        let lines = Lines { bass: 0.5, approach: 2.0, leap: 2.0, from, into, ..Lines::default() };
        assert_eq!(lines.of_bass(20, true), 2.5, "G sharp leads into A");
        assert_eq!(lines.of_bass(23, true), 2.5, "B does too");
        assert_eq!(lines.of_bass(18, true), 0.5, "F sharp does not");
        assert_eq!(lines.of_bass(36, true), -1.5, "nor does a leap");
        let arrives = Lines { arrives: true, from: Some(20), ..lines };
        assert_eq!(
            (arrives.of_bass(21, true), arrives.of_bass(9, true), arrives.of_bass(33, true)),
            (2.5, 0.5, -1.5)
        );
        assert_eq!(Lines::default().of_bass(40, true), 0.0);
        // From G sharp 2 to a bar on F, in a genre whose lowest note is F sharp 2.
        let lines = Lines { from: Some(20), into: Some(5), lowest: 18, ..lines };
        assert_eq!(
            (lines.of_bass(18, true), lines.of_bass(19, true)),
            (0.5, 0.5),
            "F 2 is not there to go to"
        );
        assert_eq!(lines.of_bass(27, true), 2.5, "E flat leads into F 3");
        assert_eq!(lines.of_bass(30, true), 0.5, "F sharp 3 is farther away than a sixth");
    }

    #[test]
    fn a_bass_moves_as_its_genre_does_and_not_astray() {
        let mut motion = [0.0; INTERVALS];
        (motion[2], motion[6]) = (0.5, -1.5);
        let lines =
            Lines { motion, astray: 4.0, inside: 0b1010_1011_0101, from: Some(12), ..Lines::default() };
        let of = |lines: &Lines, row| lines.of_bass(row, true);
        assert_eq!([14, 16, 18, 30].map(|row| of(&lines, row)), [0.5, 0.0, -5.5, -4.0]);
        // F sharp leads into F on the next bar: no leap that anybody wants, but not astray.
        let leads = Lines { into: Some(5), approach: 2.0, ..lines };
        assert_eq!((of(&leads, 18), leads.of_bass(18, false)), (0.5, -1.5), "asked, and not");
        let back = Lines { returns: 1.0, left: Some(14), ..lines };
        assert_eq!((of(&back, 14), of(&back, 16)), (-0.5, 0.0));
        let asks = |lines: &Lines, voice| lines.ask(voice, Written::default());
        assert_eq!([Voice::Bass, Voice::Inner].map(|voice| asks(&leads, voice)), [true, false]);
        assert!(!asks(&lines, Voice::Bass), "nothing is");
    }

    #[test]
    fn a_stroke_is_asked_for_once_and_where_the_texture_lies() {
        let lines = Lines { strokes: [3.0, 2.0], lies: [31, 10], inner: 0.5, ..Lines::default() };
        assert_eq!((lines.of_bass(9, true), lines.of_bass(10, true)), (0.0, 2.0));
        assert_eq!(
            (
                lines.of_inner(30, Written { cells: 1, starts: 1 }, true),
                lines.of_inner(31, Written { cells: 1, starts: 1 }, true)
            ),
            (0.5, 3.5)
        );
        assert_eq!(
            lines.of_inner(40, Written { cells: 1 | 1 << 33, starts: 1 | 1 << 33 }, true),
            0.5,
            "another inner voice is struck"
        );
        assert_eq!(lines.of_inner(40, Written { cells: 1 | 1 << 33, starts: 1 }, true), 3.5, "it is held");
        let against = Lines { strokes: [-3.0, -2.0], ..lines };
        assert_eq!(
            (
                against.of_bass(0, true),
                against.of_inner(20, Written { cells: 1 | 1 << 10, starts: 1 << 10 }, true)
            ),
            (-2.0, -2.5)
        );
    }

    #[test]
    fn chords_come_on_eighths_and_go_between_them_but_over_a_bar_line() {
        let lines = Lines { between: 1.5, let_go: 4.0, ..Lines::default() };
        let on = |step: usize| (lines.on(step).between, lines.on(step).let_go);
        assert_eq!([0, 1, 2, 3].map(on), [(0.0, 0.0), (1.5, 4.0), (0.0, 0.0), (1.5, 4.0)]);
        assert_eq!([13, 15, 31, 63].map(on), [(1.5, 4.0), (1.5, 0.0), (1.5, 0.0), (1.5, 0.0)]);
        let low = Written { cells: 1, starts: 1 };
        assert_eq!((lines.on(1).of_inner(40, low, true), lines.on(2).of_inner(40, low, true)), (-1.5, 0.0));
    }

    #[test]
    fn thick_and_tight_chords_rubs_and_low_voices_have_something_against_them() {
        let lines = Lines { thick: 0.5, seconds: 0.25, tight: 2.0, deep: 3.0, clear: 16, ..Lines::default() };
        // Over a bass on row 5: a first and a second voice come as they like, a fourth does not.
        let over = |row: usize, inner: u128| {
            lines.of_inner(row, Written { cells: 1 << 5 | inner, starts: 1 << 5 | inner }, true)
        };
        assert_eq!((over(20, 0), over(24, 1 << 20), over(27, 1 << 20 | 1 << 24)), (0.0, 0.0, -0.5));
        assert_eq!(over(31, 1 << 20 | 1 << 24 | 1 << 27), -1.0);
        // A semitone over what is struck, and over what is held.
        assert_eq!(over(21, 1 << 20), -0.25);
        assert_eq!(lines.of_inner(21, Written { cells: 1 << 5 | 1 << 20, starts: 1 << 5 }, true), 0.0);
        assert_eq!([16, 13, 10, 8].map(|row| over(row, 0)), [0.0, -1.5, -3.0, -3.0]);
        // A major third over the lower of two, and a fourth; the bass is no inner voice.
        let two = 1 << 20 | 1 << 22;
        assert_eq!((over(24, two), over(25, two), over(24, 1 << 20)), (-2.5, -0.5, 0.0));
        assert_eq!(over(7, 1 << 6), -3.25);
    }

    #[test]
    fn a_second_and_a_third_voice_are_asked_for_where_one_is_struck() {
        let lines = Lines { chords: 2.0, thick: 0.5, ..Lines::default() };
        let over = |inner: u128| Written { cells: 1 << 5 | inner, starts: 1 << 5 | inner };
        let chords = [over(0), over(1 << 20), over(1 << 20 | 1 << 24), over(1 << 20 | 1 << 24 | 1 << 27)];
        assert_eq!(chords.map(|written| lines.of_inner(31, written, true)), [0.0, 2.0, 1.5, -1.0]);
        assert_eq!(chords.map(|written| lines.of_inner(31, written, false)), [0.0, 0.0, -0.5, -1.0]);
        assert_eq!(chords.map(|written| lines.ask(Voice::Inner, written)), [false, true, true, false]);
    }
}
