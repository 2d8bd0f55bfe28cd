//! How a phrase is drawn, and how the pitches of a step are decided.

use multiversion::multiversion;
use phrase::{BASS_BELOW, PITCHES};

use super::decode::Decoder;
use super::limits::{self, Voicing};
use super::linear::{add_here, dot_relu};
use super::{KINDS, ONSET_LAGS, Style, VIEWS};

/// The most pitches at once: more no two hands play.
const MOST_AT_ONCE: usize = 12;

/// What starts outside the target genre's range have against them, in logits.
const OUT_OF_RANGE: f32 = 8.0;

/// How far a bass goes at most to the note that leads into the next root, in semitones.
const SIXTH: usize = 9;

/// Whether the lowest note is a bass in this row, no inner voice; `bottom` is the MIDI pitch of row 0.
pub(super) fn is_low(row: usize, bottom: i32) -> bool {
    row as i32 + bottom < i32::from(BASS_BELOW)
}

/// The MIDI pitch from which on no inner voice is [`Style::deep`], F sharp 3, and over how many semitones it
/// fades: from C3 down it is wholly.
pub(super) const CLEAR: i32 = 54;
const FADES: i32 = 6;

/// A logit under which contrast does nothing.
pub const IMPLAUSIBLE: f32 = -4.0;

/// What a step's pitches are shown of themselves.
pub(super) struct Seen<'a> {
    pub(super) content: &'a [f32],
    pub(super) before: u128,
    pub(super) struck: u128,
    pub(super) onsets: [u128; ONSET_LAGS.len()],
    pub(super) sounding: u128,
    /// Cells and onsets of the input.
    pub(super) own: [u128; KINDS],
    /// What these have on their side.
    pub(super) pull: f32,
    /// Pitch classes of its key.
    pub(super) scale: u16,
    /// What others have against them, and what they have besides that are no tune's.
    pub(super) chromatic: f32,
    pub(super) diatonic: f32,
    /// What new notes of each pitch class have on their side because of this half bar's harmony, and what
    /// those of the inner voices have besides.
    pub(super) classes: [f32; 12],
    pub(super) completes: [f32; 12],
    /// The lowest and the highest row of the target genres.
    pub(super) range: (i32, i32),
    /// What new notes have against them because there are many.
    pub(super) crowd: f32,
    /// The highest row of the melody that sounds; the last where none does.
    pub(super) ceiling: usize,
    /// The MIDI pitch of row 0.
    pub(super) bottom: i32,
    pub(super) lines: Lines,
}

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
    /// See [`Style::thick`], [`Style::seconds`] and [`Style::deep`], of the target genres.
    pub(super) thick: f32,
    pub(super) seconds: f32,
    pub(super) deep: f32,
    /// The row from which on nothing is deep.
    pub(super) clear: i32,
    /// For steps of the bass into `into`.
    pub(super) approach: f32,
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

impl Lines {
    /// What an inner voice that starts on a row has for it over the `cells` and `starts` below it. A stroke
    /// is asked for once: were each voice asked for, chords would be as thick as hands allow.
    fn of_inner(&self, row: usize, cells: u128, starts: u128) -> f32 {
        let struck = (starts & !(cells & cells.wrapping_neg())).count_ones();
        let stroke = if struck > 0 { self.strokes[0].min(0.0) } else { self.stroke(0, row) };
        let rubs = starts << 1 >> row & 1 == 1;
        let second = if rubs { self.seconds } else { 0.0 };
        let under = (self.clear - row as i32).clamp(0, FADES) as f32 / FADES as f32;
        self.inner + stroke - self.thick * struck.saturating_sub(1) as f32 - second - self.deep * under
    }

    /// A stroke is asked for where the texture lies and above: rows are decided from the lowest up, and asked
    /// for everywhere it would come at the bottom of the keyboard.
    fn stroke(&self, voice: usize, row: usize) -> f32 {
        let stroke = self.strokes[voice];
        if (row as i32) < self.lies[voice] { stroke.min(0.0) } else { stroke }
    }

    /// What a bass note that starts on a row has for it.
    fn of_bass(&self, row: usize) -> f32 {
        let far = self.from.map(|from| row.abs_diff(from));
        let leaps = if far.is_some_and(|far| far > 12) { -self.leap } else { 0.0 };
        let is_near = far.is_none_or(|far| far <= SIXTH);
        let steps = match (self.into, self.arrives) {
            (Some(into), true) => row % 12 == into && far.is_some_and(|far| (1..=2).contains(&far)),
            // From nearby, and to a root that the genre has: a step into the octave below leads nowhere.
            (Some(into), false) => match (row + 12 - into) % 12 {
                over @ (1 | 2) => row as i32 - over as i32 >= self.lowest && is_near,
                10 | 11 => is_near,
                _ => false,
            },
            _ => false,
        };
        self.bass + self.stroke(1, row) + leaps + if steps { self.approach } else { 0.0 }
    }
}

/// What the writer says of a step, by mix of genres.
pub(super) struct Mixes<'a> {
    pub(super) direct: &'a [f32],
    pub(super) weights: &'a [f32],
    pub(super) units: &'a mut [f32],
}

/// Decides a step's pitches, the lowest first: which sound, and where a note starts.
#[cfg_attr(feature = "avx512", multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma")))]
#[cfg_attr(not(feature = "avx512"), multiversion(targets("x86_64+avx2+fma")))]
pub(super) fn pitches(
    decoder: &Decoder,
    mixes: Mixes,
    seen: &Seen,
    draw: &Style,
    chance: &[[f32; PITCHES]; KINDS],
) -> [u128; KINDS] {
    let Mixes { direct, weights, units: all } = mixes;
    let units = decoder.config.units;
    let bit = |bits: u128, row: usize| f32::from((bits >> row & 1) as u8);
    let (mut cells, mut starts) = (0u128, 0u128);
    let content = seen.content;
    let melody = |plane: usize| if content[plane + seen.ceiling] > 0.0 { 1u128 << seen.ceiling } else { 0 };
    let [melody, melody_starts] = [melody(0), melody(PITCHES)];
    for row in 0..PITCHES {
        let views: [f32; VIEWS] = [
            bit(seen.before, row),
            bit(seen.struck, row),
            content[row],
            content[PITCHES + row],
            content[2 * PITCHES + row % 12],
            content[2 * PITCHES + 12 + row % 12],
            bit(seen.onsets[0], row),
            bit(seen.onsets[1], row),
            bit(seen.onsets[2], row),
            bit(seen.onsets[3], row),
            bit(seen.sounding, row),
        ];
        let at = At { direct, weights, row, views: &views, contrast: draw.contrast };
        let yes = |logit: f32, kind: usize| {
            let own = if seen.own[kind] >> row & 1 == 1 { seen.pull } else { -seen.pull };
            logit + own + chance[kind][row] > 0.0
        };
        let mut lean = draw.melody * views[2];
        if views[0] == 0.0 {
            lean -= if views[2] == 0.0 { seen.crowd } else { 0.0 };
            let is_outside = seen.scale >> (row % 12) & 1 == 0;
            lean -= if is_outside { seen.chromatic } else { 0.0 };
            lean -= if is_outside && views[2] == 0.0 { seen.diatonic } else { 0.0 };
            lean += if views[2] == 0.0 { seen.classes[row % 12] } else { 0.0 };
            let inside = (seen.range.0..=seen.range.1).contains(&(row as i32));
            lean -= if inside { 0.0 } else { OUT_OF_RANGE };
            lean -= if row > seen.ceiling { draw.melody } else { 0.0 };
        }
        let is_tied = views[0] == 1.0 && views[2] == 0.0 && seen.lines.heard >> (row % 12) & 1 == 1;
        let tied = if is_tied { seen.lines.tied } else { 0.0 };
        lean += tied;
        let mut line = -tied;
        if row < seen.ceiling && views[2] == 0.0 {
            let is_bass = cells == 0 && is_low(row, seen.bottom);
            line += if is_bass {
                seen.lines.of_bass(row)
            } else {
                seen.lines.of_inner(row, cells, starts) + seen.completes[row % 12]
            };
        }
        lean += if views[0] == 0.0 { line } else { 0.0 };
        let full = cells.count_ones() as usize == MOST_AT_ONCE;
        if full || !yes(at.logit(decoder, all, 0) + lean, 0) {
            continue;
        }
        let held = seen.before >> row & 1 == 1;
        let voicing = Voicing {
            bottom: seen.bottom,
            sounding: cells | melody,
            struck: starts | melody_starts,
            melody,
            fourths: draw.fourths,
        };
        let free = !draw.limits || (seen.own[0] | melody) >> row & 1 == 1;
        let lowest = cells & cells.wrapping_neg();
        let crowded = draw.voices > 0 && (starts & !lowest).count_ones() >= u32::from(draw.voices);
        if !free && !held && crowded {
            continue;
        }
        // A held note that a new one comes too close to in the bass ends.
        if !free && !(if held { voicing.is_clear(row) } else { voicing.takes(row) }) {
            continue;
        }
        let again = || {
            yes(at.logit(decoder, all, 1) - seen.crowd + line, 1)
                && (free || !crowded && voicing.strikes(row))
        };
        let starts_here = !held || again();
        cells |= 1 << row;
        starts |= u128::from(starts_here) << row;
        for mix in all.chunks_exact_mut(units) {
            add_here(1.0, &decoder.seen[row * units..][..units], mix);
            if starts_here {
                add_here(1.0, &decoder.seen[(PITCHES + row) * units..][..units], mix);
            }
        }
    }
    if draw.limits && draw.hands {
        let kept = seen.own[0] | melody;
        limits::for_hands([cells, starts], seen.before, kept)
    } else {
        [cells, starts]
    }
}

/// A pitch of a step.
struct At<'a> {
    direct: &'a [f32],
    weights: &'a [f32],
    row: usize,
    views: &'a [f32; VIEWS],
    contrast: f32,
}

impl At<'_> {
    /// The logit of a decision, given the hidden units by mix of genres.
    #[inline(always)]
    fn logit(&self, decoder: &Decoder, all: &[f32], kind: usize) -> f32 {
        let units = decoder.config.units;
        let target = self.of(decoder, &all[..units], kind, 0);
        // How long notes last the target says alone: going beyond it cuts them in pieces. And what it hardly
        // knows it is not made to do because the source knows it even less (Li et al., Contrastive Decoding,
        // 2022).
        if all.len() == units || self.views[0] > 0.0 || target < IMPLAUSIBLE {
            return target;
        }
        target + self.contrast * (target - self.of(decoder, &all[units..], kind, 1))
    }

    #[inline(always)]
    fn of(&self, decoder: &Decoder, units: &[f32], kind: usize, mix: usize) -> f32 {
        let weights = &self.weights[(mix * KINDS + kind) * VIEWS..][..VIEWS];
        let mut sum = self.direct[(mix * KINDS + kind) * PITCHES + self.row];
        for (weight, view) in weights.iter().zip(self.views) {
            sum = weight.mul_add(*view, sum);
        }
        sum + dot_relu(units, &decoder.hidden[(kind * PITCHES + self.row) * units.len()..][..units.len()])
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
        assert_eq!(lines.of_bass(20), 2.5, "G sharp leads into A");
        assert_eq!(lines.of_bass(23), 2.5, "B does too");
        assert_eq!(lines.of_bass(18), 0.5, "F sharp does not");
        assert_eq!(lines.of_bass(36), -1.5, "nor does a leap");
        let arrives = Lines { arrives: true, from: Some(20), ..lines };
        assert_eq!((arrives.of_bass(21), arrives.of_bass(9), arrives.of_bass(33)), (2.5, 0.5, -1.5));
        assert_eq!(Lines::default().of_bass(40), 0.0);
        // From G sharp 2 to a bar on F, in a genre whose lowest note is F sharp 2.
        let lines = Lines { from: Some(20), into: Some(5), lowest: 18, ..lines };
        assert_eq!((lines.of_bass(18), lines.of_bass(19)), (0.5, 0.5), "F 2 is not there to go to");
        assert_eq!(lines.of_bass(27), 2.5, "E flat leads into F 3");
        assert_eq!(lines.of_bass(30), 0.5, "F sharp 3 is farther away than a sixth");
    }

    #[test]
    fn a_stroke_is_asked_for_once_and_where_the_texture_lies() {
        let lines = Lines { strokes: [3.0, 2.0], lies: [31, 10], inner: 0.5, ..Lines::default() };
        assert_eq!((lines.of_bass(9), lines.of_bass(10)), (0.0, 2.0));
        assert_eq!((lines.of_inner(30, 1, 1), lines.of_inner(31, 1, 1)), (0.5, 3.5));
        assert_eq!(lines.of_inner(40, 1 | 1 << 33, 1 | 1 << 33), 0.5, "another inner voice is struck");
        assert_eq!(lines.of_inner(40, 1 | 1 << 33, 1), 3.5, "it is held");
        let against = Lines { strokes: [-3.0, -2.0], ..lines };
        assert_eq!((against.of_bass(0), against.of_inner(20, 1 | 1 << 10, 1 << 10)), (-2.0, -2.5));
    }
    #[test]
    fn thick_chords_rubs_and_low_voices_have_something_against_them() {
        let lines = Lines { thick: 0.5, seconds: 0.25, deep: 3.0, clear: 16, ..Lines::default() };
        // Over a bass on row 5: a first and a second voice come as they like, a fourth does not.
        let over = |row: usize, inner: u128| lines.of_inner(row, 1 << 5 | inner, 1 << 5 | inner);
        assert_eq!((over(20, 0), over(24, 1 << 20), over(27, 1 << 20 | 1 << 24)), (0.0, 0.0, -0.5));
        assert_eq!(over(31, 1 << 20 | 1 << 24 | 1 << 27), -1.0);
        // A semitone over what is struck, and over what is held.
        assert_eq!(over(21, 1 << 20), -0.25);
        assert_eq!(lines.of_inner(21, 1 << 5 | 1 << 20, 1 << 5), 0.0);
        assert_eq!([16, 13, 10, 8].map(|row| over(row, 0)), [0.0, -1.5, -3.0, -3.0]);
    }
}
