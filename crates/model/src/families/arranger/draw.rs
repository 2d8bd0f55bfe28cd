//! How the pitches of a step are decided.

use multiversion::multiversion;
use phrase::{BASS_BELOW, PITCHES};

use super::decode::Decoder;
use super::limits::{self, Voicing};
use super::linear::{add_here, dot_relu};
use super::lines::{Lines, Voice, Written};
use super::{KINDS, ONSET_LAGS, Style, VIEWS};

/// The most pitches at once: more no two hands play.
const MOST_AT_ONCE: usize = 12;

/// What starts outside the target genre's range have against them, in logits.
const OUT_OF_RANGE: f32 = 8.0;

/// Whether the lowest note is a bass in this row, no inner voice; `bottom` is the MIDI pitch of row 0.
pub(super) fn is_low(row: usize, bottom: i32) -> bool {
    row as i32 + bottom < i32::from(BASS_BELOW)
}

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
    let melody = |plane: usize| {
        if seen.content[plane + seen.ceiling] > 0.0 { 1u128 << seen.ceiling } else { 0 }
    };
    let says = Says { decoder, direct, weights, seen, draw, chance, melody: [melody(0), melody(PITCHES)] };
    let mut written = Written::default();
    // The row of which something is asked, and for whom and over what it was found.
    let mut asked: Option<(Voice, Written, Option<usize>)> = None;
    for row in 0..PITCHES {
        let views = says.views(row);
        let voice = says.voice(row, &views, written);
        let line = voice.map_or(0.0, |voice| {
            let is_asked = !draw.nearest
                || seen.lines.ask(voice, written) && {
                    // What is written changes what the network says: until then the row is the same.
                    let found = asked.filter(|(of, over, _)| (*of, *over) == (voice, written));
                    let (_, _, nearest) = *asked.insert(
                        found.unwrap_or_else(|| (voice, written, says.nearest(row, voice, written, all))),
                    );
                    nearest == Some(row)
                };
            says.line(voice, row, written, is_asked)
        });
        let full = written.cells.count_ones() as usize == MOST_AT_ONCE;
        if full || says.sounds(row, &views, voice, line, all) <= 0.0 {
            continue;
        }
        let [may_sound, may_start] = says.may(row, written);
        if !may_sound {
            continue;
        }
        let starts = views[0] == 0.0 || may_start && says.strikes(row, &views, line, all) > 0.0;
        written.cells |= 1 << row;
        written.starts |= u128::from(starts) << row;
        for mix in all.chunks_exact_mut(units) {
            add_here(1.0, &decoder.seen[row * units..][..units], mix);
            if starts {
                add_here(1.0, &decoder.seen[(PITCHES + row) * units..][..units], mix);
            }
        }
    }
    let Written { cells, starts } = written;
    if draw.limits && draw.hands {
        let kept = seen.own[0] | says.melody[0];
        limits::for_hands([cells, starts], seen.before, kept)
    } else {
        [cells, starts]
    }
}

/// What network, input and style say of a step's rows, over what is written below them.
struct Says<'a> {
    decoder: &'a Decoder,
    direct: &'a [f32],
    weights: &'a [f32],
    seen: &'a Seen<'a>,
    draw: &'a Style,
    chance: &'a [[f32; PITCHES]; KINDS],
    /// The melody's cell and start.
    melody: [u128; KINDS],
}

impl Says<'_> {
    #[inline(always)]
    fn views(&self, row: usize) -> [f32; VIEWS] {
        let (seen, content) = (self.seen, self.seen.content);
        let bit = |bits: u128| f32::from((bits >> row & 1) as u8);
        [
            bit(seen.before),
            bit(seen.struck),
            content[row],
            content[PITCHES + row],
            content[2 * PITCHES + row % 12],
            content[2 * PITCHES + 12 + row % 12],
            bit(seen.onsets[0]),
            bit(seen.onsets[1]),
            bit(seen.onsets[2]),
            bit(seen.onsets[3]),
            bit(seen.sounding),
        ]
    }

    /// Whose a row is: nobody's above the melody and on it.
    #[inline(always)]
    fn voice(&self, row: usize, views: &[f32; VIEWS], written: Written) -> Option<Voice> {
        let is_bass = written.cells == 0 && is_low(row, self.seen.bottom);
        let voice = if is_bass { Voice::Bass } else { Voice::Inner };
        (row < self.seen.ceiling && views[2] == 0.0).then_some(voice)
    }

    /// What a start on a row has on its side as part of its line.
    #[inline(always)]
    fn line(&self, voice: Voice, row: usize, written: Written, asked: bool) -> f32 {
        let completes = if voice == Voice::Inner { self.seen.completes[row % 12] } else { 0.0 };
        self.seen.lines.of(voice, row, written, asked) + completes
    }

    /// What notes that go on over a border have on their side.
    #[inline(always)]
    fn tied(&self, row: usize, views: &[f32; VIEWS]) -> f32 {
        let lines = &self.seen.lines;
        let is_tied = views[0] == 1.0 && views[2] == 0.0 && lines.heard >> (row % 12) & 1 == 1;
        if is_tied { lines.tied } else { 0.0 }
    }

    /// Over 0 where a row sounds; `line` counts for what starts.
    #[inline(always)]
    fn sounds(
        &self,
        row: usize,
        views: &[f32; VIEWS],
        voice: Option<Voice>,
        line: f32,
        units: &[f32],
    ) -> f32 {
        let (seen, draw) = (self.seen, self.draw);
        let mut lean = draw.melody * views[2];
        if views[0] == 0.0 {
            let is_outside = seen.scale >> (row % 12) & 1 == 0;
            let is_inside = (seen.range.0..=seen.range.1).contains(&(row as i32));
            lean -= if views[2] == 0.0 { seen.crowd } else { 0.0 };
            lean -= if is_outside { seen.chromatic } else { 0.0 };
            lean -= if is_outside && views[2] == 0.0 { seen.diatonic } else { 0.0 };
            lean += if views[2] == 0.0 { seen.classes[row % 12] } else { 0.0 };
            lean -= if is_inside { 0.0 } else { OUT_OF_RANGE };
            lean -= if row > seen.ceiling { draw.melody } else { 0.0 };
        }
        lean += self.tied(row, views);
        lean += match voice {
            _ if views[0] == 0.0 => line,
            Some(Voice::Inner) if views[1] == 1.0 => -seen.lines.short,
            Some(Voice::Inner) => -seen.lines.short - seen.lines.let_go,
            _ => 0.0,
        };
        self.decided(row, views, units, 0, [lean, 0.0])
    }

    /// Over 0 where a row that sounds is struck again.
    #[inline(always)]
    fn strikes(&self, row: usize, views: &[f32; VIEWS], line: f32, units: &[f32]) -> f32 {
        self.decided(row, views, units, 1, [-self.seen.crowd, line - self.tied(row, views)])
    }

    #[inline(always)]
    fn decided(&self, row: usize, views: &[f32; VIEWS], units: &[f32], kind: usize, leans: [f32; 2]) -> f32 {
        let at = At { direct: self.direct, weights: self.weights, row, views, contrast: self.draw.contrast };
        let pull = if self.seen.own[kind] >> row & 1 == 1 { self.seen.pull } else { -self.seen.pull };
        at.logit(self.decoder, units, kind) + leans[0] + leans[1] + pull + self.chance[kind][row]
    }

    /// Whether limits let a row sound, and start.
    #[inline(always)]
    fn may(&self, row: usize, Written { cells, starts }: Written) -> [bool; KINDS] {
        let (seen, draw) = (self.seen, self.draw);
        let [melody, melody_starts] = self.melody;
        if !draw.limits || (seen.own[0] | melody) >> row & 1 == 1 {
            return [true; KINDS];
        }
        let voicing = Voicing {
            bottom: seen.bottom,
            sounding: cells | melody,
            struck: starts | melody_starts,
            melody,
            fourths: draw.fourths,
        };
        let crowded = draw.voices > 0 && Written { cells, starts }.voices() >= u32::from(draw.voices);
        // A held note that a new one comes too close to in the bass ends.
        let is_held = seen.before >> row & 1 == 1;
        let sounds = if is_held { voicing.is_clear(row) } else { !crowded && voicing.takes(row) };
        [sounds, !crowded && voicing.strikes(row)]
    }

    /// Of the rows from one on the one that comes nearest to a start of `voice`, with what is asked of it.
    /// Were every row asked, the lowest would come first that is likely at all: rows are decided from the
    /// lowest up.
    #[inline(always)]
    fn nearest(&self, from: usize, voice: Voice, written: Written, units: &[f32]) -> Option<usize> {
        let mut best = (None, f32::NEG_INFINITY);
        for row in from..self.seen.ceiling {
            let views = self.views(row);
            let of = self.voice(row, &views, written);
            if voice == Voice::Bass && !is_low(row, self.seen.bottom) {
                break;
            }
            let [may_sound, may_start] = self.may(row, written);
            if of != Some(voice) || !may_sound {
                continue;
            }
            let line = self.line(voice, row, written, true);
            let mut comes = self.sounds(row, &views, of, line, units);
            let goes_on = views[0] == 1.0 && comes > 0.0;
            if views[0] == 1.0 {
                let again = goes_on && may_start;
                comes = if again { self.strikes(row, &views, line, units) } else { f32::NEG_INFINITY };
            }
            if comes > best.1 {
                best = (Some(row), comes);
            }
            // Over a note that goes on nothing is a bass.
            if goes_on && voice == Voice::Bass {
                break;
            }
        }
        best.0
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
