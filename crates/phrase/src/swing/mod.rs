//! Swing: where the second eighth of the beat falls, heard from the onsets alone; and the way from swung to
//! straight time and back. Real-time safe but for [`straightened`].
//!
//! Only *plain* beats say anything: those with a single onset between the beats. Beats with more are 16ths or
//! triplets, in straight music as in swung. Times are in steps of a 16th; positions in the beat are shares of
//! it, 0.5 being straight.

mod history;
mod song;

pub use history::SwingHistory;
pub use song::{Straightened, straightened};

use serde::{Deserialize, Serialize};

use crate::{Phrase, STEPS_PER_BEAT};

/// An onset no further than this after a beat's line, or before it, is on the beat (a share of it).
const ON: f64 = 0.18;
/// Onsets no further apart than this are one (a share of a beat): a chord is not struck in one instant.
const TOGETHER: f64 = 0.06;
/// Off-beats further than this from the median are something else.
const NEAR: f64 = 0.12;
/// What swing has to show: so many off-beats, of which this share lies near the median; so many beats with
/// 16ths for each plain one at most, and with triplets; and a mean that lies so many standard errors from
/// straight.
struct Asked {
    plain: u32,
    agreeing: f64,
    busy: f64,
    ternary: f64,
    sure: f64,
}
/// Of a phrase.
const FEW: Asked = Asked { plain: 8, agreeing: 0.7, busy: 0.4, ternary: 0.15, sure: 3.0 };
/// Of a song: so many off-beats may disagree more.
const MANY: Asked = Asked { plain: 40, agreeing: 0.6, busy: 1.0, ternary: 0.3, sure: 5.0 };
/// Off-beats earlier than this are straight, as are those that lie no further than this behind the onsets on
/// the beat: a player who is late all the time does not swing.
const EARLIEST: f64 = 0.55;
/// Off-beats whose middle is no further than this from the half of the beat are even.
const EVEN: f64 = 0.04;
/// Off-beats whose middle is no further than this from a ratio that was heard before go on with it.
const AGREES: f64 = 0.06;
/// Off-beats later than this are dotted.
const LATEST: f64 = 0.715;
/// Off-beats on the second third of the beat that spread no more than this are written there. Where there are
/// other divisions beside them they are triplets.
const WRITTEN: f64 = 0.006;
/// From this share of a beat on, half a step and a hair (see [`crate::TOLERANCE`]) before its end, who plays
/// is early for the next one.
const PUSHED: f64 = 0.8745;
/// Bins of a beat.
const BINS: usize = 128;

/// Where the second eighths of the beats fall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swing {
    /// As a share of the beat: 0.5 straight, 2/3 in triplets.
    pub ratio: f64,
    /// How sure that is, 0 (nothing was heard) to 1. Of straight music it says how sure *that* is.
    pub confidence: f32,
}

impl Swing {
    /// Not swung, as far as is known.
    pub const STRAIGHT: Self = Self { ratio: 0.5, confidence: 0.0 };

    /// Hears the swing of onsets, in steps and in order of time. Straight where there is any doubt.
    pub fn of(onsets: impl IntoIterator<Item = f64>) -> Self {
        let mut heard = OffBeats::default();
        heard.hear(onsets);
        heard.swing()
    }

    /// Whether a phrase's off-beats are straight as far as anyone can tell, also where they are too few to
    /// show swing; true where it has none.
    pub fn is_even(phrase: &Phrase) -> bool {
        let mut heard = OffBeats::default();
        heard.hear(struck(phrase));
        heard.off.iter().all(|count| *count == 0) || (median(&heard.off) - 0.5).abs() < EVEN
    }

    /// Hears the swing of a phrase's notes, drums too.
    pub fn of_phrase(phrase: &Phrase) -> Self {
        Self::of(struck(phrase))
    }

    /// The same of a phrase that goes on from others which swung by the ratio `before`: four bars have seldom
    /// off-beats enough to show swing by themselves. So they swing as before where nothing in them says
    /// otherwise: where those off-beats that there are lie about there, and 16ths are no more than in a song.
    pub fn of_phrase_after(phrase: &Phrase, before: f64) -> Self {
        Self::after(struck(phrase), before)
    }

    /// The same of onsets, as for [`Swing::of`].
    pub fn after(onsets: impl IntoIterator<Item = f64>, before: f64) -> Self {
        let mut heard = OffBeats::default();
        heard.hear(onsets);
        let own = heard.swing();
        let plain = heard.plain();
        let agrees = plain > 0 && (median(&heard.off) - before).abs() < AGREES;
        let few = f64::from(heard.busy) <= MANY.busy * f64::from(plain);
        let goes_on = before != 0.5 && !own.is_swung() && few && (plain == 0 || agrees);
        if goes_on { Self { ratio: before, confidence: 0.0 } } else { own }
    }

    /// One of this ratio (a share of the beat, kept between 0.4 and 0.8), as sure as can be.
    pub fn at(ratio: f64) -> Self {
        let ratio = if ratio.is_finite() { ratio.clamp(0.4, 0.8) } else { 0.5 };
        Self { ratio, confidence: 1.0 }
    }

    /// [`Swing::straighten`] of a phrase that was played and has closed: what comes up to half a step before
    /// a beat belongs to it (see [`crate::phrase_index`]) and stays where it is.
    pub fn straighten_played(&self, step: f64) -> f64 {
        bent_before(PUSHED, step, self.ratio, 0.5)
    }

    /// The inverse of [`Swing::straighten_played`].
    pub fn swing_played(&self, step: f64) -> f64 {
        bent_before(PUSHED, step, 0.5, self.ratio)
    }

    /// Whether it is anything but straight.
    pub fn is_swung(&self) -> bool {
        self.ratio != 0.5
    }

    /// The straight place of a swung one, both in steps. Grows with `step`; beats stay where they are. The
    /// inverse of [`Swing::swing`].
    pub fn straighten(&self, step: f64) -> f64 {
        bent(step, self.ratio, 0.5)
    }

    /// The swung place of a straight one.
    pub fn swing(&self, step: f64) -> f64 {
        bent(step, 0.5, self.ratio)
    }
}

/// The onsets of a phrase.
fn struck(phrase: &Phrase) -> impl Iterator<Item = f64> {
    phrase.notes.iter().filter(|note| !note.tied_in).map(|note| note.onset)
}

/// Moves `step` so that what lay at the share `from` of its beat lies at `to`, the rest in proportion.
fn bent(step: f64, from: f64, to: f64) -> f64 {
    bent_before(1.0, step, from, to)
}

/// The same up to the share `end` of the beat, from which on nothing moves.
fn bent_before(end: f64, step: f64, from: f64, to: f64) -> f64 {
    if from == to || !step.is_finite() {
        return step;
    }
    let beats = step / STEPS_PER_BEAT as f64;
    let beat = beats.floor();
    let place = beats - beat;
    let place = if place < from {
        place * to / from
    } else if place < end {
        to + (place - from) * (end - to) / (end - from)
    } else {
        return step;
    };
    (beat + place) * STEPS_PER_BEAT as f64
}

/// What was heard of the off-beats, of a phrase or of many: two of them can be added up. About 1 KiB, no
/// heap.
#[derive(Clone, Debug)]
pub struct OffBeats {
    /// Plain beats by where their off-beat falls.
    off: [u32; BINS],
    /// Beats by where the onset on them falls: the first bin is `-ON`.
    on: [u32; BINS],
    /// Beats with more than one onset between the beats; those of them that are triplets.
    busy: u32,
    ternary: u32,
}

impl Default for OffBeats {
    fn default() -> Self {
        Self { off: [0; BINS], on: [0; BINS], busy: 0, ternary: 0 }
    }
}

impl OffBeats {
    /// Hears onsets, in steps and in order of time.
    pub fn hear(&mut self, onsets: impl IntoIterator<Item = f64>) {
        let mut beat = Beat::default();
        let mut last = f64::NEG_INFINITY;
        for onset in onsets {
            let time = onset / STEPS_PER_BEAT as f64;
            if !onset.is_finite() || time - last <= TOGETHER {
                continue;
            }
            last = time;
            let number = (time + ON).floor();
            if number != beat.number {
                self.end(&beat);
                beat = Beat { number, ..Beat::default() };
            }
            beat.add(time - number);
        }
        self.end(&beat);
    }

    /// Adds what another one heard.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [(&mut self.off, &other.off), (&mut self.on, &other.on)] {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
        }
        self.busy = self.busy.saturating_add(other.busy);
        self.ternary = self.ternary.saturating_add(other.ternary);
    }

    /// How many beats of a single off-beat were heard.
    fn plain(&self) -> u32 {
        self.off.iter().sum()
    }

    /// Halves the weight of all that was heard.
    fn fade(&mut self) {
        self.off.iter_mut().chain(&mut self.on).for_each(|count| *count /= 2);
        self.busy /= 2;
        self.ternary /= 2;
    }

    fn end(&mut self, beat: &Beat) {
        if let Some(on) = beat.on {
            self.on[bin(on + ON)] += 1;
        }
        match beat.inner {
            0 => {}
            1 => self.off[bin(beat.place)] += 1,
            _ => {
                self.busy += 1;
                self.ternary += u32::from(beat.early && beat.late);
            }
        }
    }

    /// What that says.
    pub fn swing(&self) -> Swing {
        let plain = self.plain();
        let asked = if plain < MANY.plain { FEW } else { MANY };
        let sure = |evidence: f64| (evidence / (evidence + f64::from(FEW.plain))) as f32;
        // Beats with 16ths are straight as far as anyone hears.
        let straight = Swing { ratio: 0.5, confidence: sure(f64::from(plain + self.busy)) };
        if plain < asked.plain {
            return straight;
        }
        let middle = median(&self.off);
        let near = |place: usize| (centre(place) - middle).abs() < NEAR;
        let all = || self.off.iter().enumerate().filter(|(place, _)| near(*place));
        let count = all().map(|(_, count)| f64::from(*count)).sum::<f64>();
        let mean = all().map(|(place, count)| f64::from(*count) * centre(place)).sum::<f64>() / count;
        let variance =
            all().map(|(place, count)| f64::from(*count) * (centre(place) - mean).powi(2)).sum::<f64>()
                / count;
        let spread = variance.sqrt();
        let (busy, plain) = (f64::from(self.busy), f64::from(plain));
        let agreeing = count / plain;
        let triplets = spread <= WRITTEN && (mean - 2.0 / 3.0).abs() < 0.01 && self.busy > 0;
        let swung = (EARLIEST..LATEST).contains(&mean)
            && mean - self.lag() >= EARLIEST
            && agreeing >= asked.agreeing
            && busy <= asked.busy * plain
            && f64::from(self.ternary) <= asked.ternary * plain
            && (mean - 0.5) * count.sqrt() >= asked.sure * spread.max(0.02)
            && !triplets;
        if swung { Swing { ratio: mean, confidence: sure(plain) * agreeing as f32 } } else { straight }
    }
}

impl OffBeats {
    /// How late the onsets on the beat are on average, as a share of it; 0 without any.
    fn lag(&self) -> f64 {
        let count: u32 = self.on.iter().sum();
        let sum: f64 = self.on.iter().enumerate().map(|(bin, n)| f64::from(*n) * (centre(bin) - ON)).sum();
        if count > 0 { sum / f64::from(count) } else { 0.0 }
    }
}

/// The onsets of one beat.
#[derive(Default)]
struct Beat {
    number: f64,
    on: Option<f64>,
    /// Onsets between the beats, and the last of them.
    inner: u32,
    place: f64,
    /// Whether there is one on the first third, and on the second.
    early: bool,
    late: bool,
}

impl Beat {
    fn add(&mut self, place: f64) {
        if place <= ON {
            self.on.get_or_insert(place);
            return;
        }
        self.inner += 1;
        self.place = place;
        self.early |= (0.26..0.40).contains(&place);
        self.late |= (0.60..0.73).contains(&place);
    }
}

fn bin(place: f64) -> usize {
    // Saturates, also for what is no number.
    ((place * BINS as f64) as usize).min(BINS - 1)
}

fn centre(bin: usize) -> f64 {
    (bin as f64 + 0.5) / BINS as f64
}

/// The middle of what was counted.
fn median(counts: &[u32; BINS]) -> f64 {
    let half = counts.iter().sum::<u32>().div_ceil(2);
    let mut sum = 0;
    let place = counts.iter().position(|count| {
        sum += count;
        sum >= half
    });
    centre(place.unwrap_or(0))
}

#[cfg(test)]
mod tests;
