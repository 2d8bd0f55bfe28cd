//! An answer's cells become what is played: realised in straight time, then timed, struck and given to the
//! parts of the band. Real-time safe; about 60 KiB of stack.
//!
//! A swung phrase is heard by networks in straight time, for their grid has no place for a second eighth that
//! is late. Its notes are straightened, the answer is realised with them, and what was kept goes back to
//! where it was played, to the bit, or where [`Timing`] has its second eighths; so does what is new.

use crate::feel::separate;
use crate::{
    Band, BandPart, Guards, Note, Parts, Phrase, Roll, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT, Said, Swing,
    mix, nearest, realise_said,
};

/// The most that a new note leaves its line, in steps: it stays in its cell.
const MOST: f64 = 0.45;
/// What a new note keeps of its length at least, in steps (or its own length).
const LEAST: f64 = 0.25;
/// The last moment of a window at which a note may start.
const LAST: f64 = STEPS as f64 - 0.01;

/// How far a part's notes leave their line on each 16th of the bar, in steps: mean and standard deviation.
pub type Offsets = [[[f32; 2]; STEPS_PER_BAR]; BandPart::ALL.len()];

/// Where notes fall, as whoever knows the genres says it. Ratios are shares of the beat at which its second
/// eighth falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Those of the phrase that was heard, which is straightened by it.
    pub heard: f64,
    /// Those of its notes that are kept: `heard` leaves them where they were, to the bit.
    pub kept: f64,
    /// Those of new notes.
    pub new: f64,
    /// Beats of the phrase in which nothing swings, from the lowest bit on: those of a straight phrase that
    /// have 16ths, which a late second eighth would run into.
    pub even: u16,
    /// How players of the genre leave the beat; all zero where that is not known.
    pub offsets: Offsets,
    /// Whether it is.
    pub has_offsets: bool,
}

impl Timing {
    /// Straight time, in which nothing moves.
    pub const STRAIGHT: Self = Self {
        heard: 0.5,
        kept: 0.5,
        new: 0.5,
        even: 0,
        offsets: [[[0.0; 2]; STEPS_PER_BAR]; BandPart::ALL.len()],
        has_offsets: false,
    };

    /// `input` in straight time. Notes keep their order; a piece that was tied in, or is tied out, keeps its
    /// line.
    pub fn straight(&self, input: &Phrase, out: &mut Phrase) {
        out.clone_from(input);
        let swing = Swing::at(self.heard);
        if swing.is_swung() {
            for note in &mut out.notes {
                let end = swing.straighten_played(note.end());
                note.onset = swing.straighten_played(note.onset);
                note.length = (end - note.onset).max(0.0);
            }
        }
    }

    /// Where a moment of straight time falls at this ratio.
    fn swung(&self, ratio: f64, step: f64) -> f64 {
        let beat = (step / STEPS_PER_BEAT as f64).floor();
        let is_even = (0.0..16.0).contains(&beat) && self.even >> beat as u16 & 1 == 1;
        if is_even { step } else { Swing::at(ratio).swing_played(step) }
    }

    /// The cells of `input` in straight time: what networks hear.
    pub fn roll(&self, input: &Phrase) -> Roll {
        if self.heard == 0.5 {
            return input.roll();
        }
        let mut straight = Phrase::new(input.position, input.tempo);
        self.straight(input, &mut straight);
        straight.roll()
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::STRAIGHT
    }
}

/// What an answer is, as the network says it.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// What sounds and where it starts, in straight time.
    pub cells: &'a Roll,
    /// What else it tells: how hard what starts is struck, and whether it is tied to its neighbours.
    pub said: Said<'a>,
    /// Where it falls.
    pub timing: &'a Timing,
}

/// What is done with an answer's cells, by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hands {
    /// What of it is let through.
    pub guards: Guards,
    /// How far kept notes are struck as the answer says, 0..=1. New ones always are.
    pub dynamics: f32,
    /// How far new notes leave the beat as the genre's players do, 0..=1, beside what the input does.
    pub feel: f32,
    /// Which of the deviations.
    pub seed: u32,
    /// Who plays.
    pub band: Band,
}

impl Hands {
    /// Whether this leaves alone what [`realise_said`] gives.
    pub fn is_idle(&self, said: &Answered) -> bool {
        let moves = *said.timing != Timing::STRAIGHT && (!self.is_on_line(said) || self.feel > 0.0);
        self.guards == Guards::OFF && self.band == Band::ALL && !moves && self.dynamics <= 0.0
    }

    /// Whether nothing but the input's own time moves a note.
    pub fn is_on_line(&self, said: &Answered) -> bool {
        let Timing { heard, kept, new, has_offsets, .. } = *said.timing;
        heard == 0.5 && kept == 0.5 && new == 0.5 && (!has_offsets || self.feel <= 0.0)
    }

    /// Makes the answer to `input` into notes, of which those from step `first` on are played; see
    /// [`realise_said`] for what is kept and how.
    ///
    /// No two notes of a key and channel overlap that did not in the input.
    pub fn perform(&self, input: &Phrase, said: &Answered, first: usize, out: &mut Phrase) {
        let timing = said.timing;
        let mut straight = Phrase::new(input.position, input.tempo);
        let source = if timing.heard == 0.5 {
            input
        } else {
            timing.straight(input, &mut straight);
            &straight
        };
        let mut cells = *said.cells;
        self.guards.apply(source, &mut cells);
        realise_said(source, &cells, &said.said, first, out);
        let still = self.is_on_line(said);
        if still && self.dynamics <= 0.0 && self.band == Band::ALL {
            return;
        }
        let parts = Parts::of(&cells);
        // What was played keeps its part, whatever is written under or over it.
        let own = (self.band != Band::ALL).then(|| Parts::of(&source.roll()));
        let mut moved = false;
        out.notes.retain(|note| {
            let step = note.onset_step();
            let index = kept(source, note, first);
            if let Some(index) = index {
                self.strike(&source.notes[index], said, note);
            }
            let part = match (&own, index) {
                (Some(own), Some(_)) => own.part(note, step),
                _ => parts.part(note, step),
            };
            if !still {
                moved |= match index {
                    Some(index) => put_back(&input.notes[index], &source.notes[index], timing, note),
                    None => self.place(input, part, timing, first, note),
                };
            }
            self.band.takes(part, note)
        });
        out.sort();
        if moved || self.band.split {
            separate(out);
        }
    }

    /// Strikes a kept note, which is `own` in straight time, as far as that is wanted as the answer says.
    fn strike(&self, own: &Note, said: &Answered, note: &mut Note) {
        let (Some(velocities), Some(row)) = (said.said.velocities, own.row()) else { return };
        let step = own.onset_step();
        if own.tied_in || self.dynamics <= 0.0 || !(0..STEPS as i64).contains(&step) {
            return;
        }
        let told = f32::from(velocities[step as usize][row].min(127)) / 127.0;
        if told > 0.0 {
            let velocity = note.velocity + self.dynamics.min(1.0) * (told - note.velocity);
            note.velocity = velocity.clamp(1.0 / 127.0, 1.0);
        }
    }

    /// Puts a new note where the genre plays it; says whether it moved.
    fn place(
        &self,
        input: &Phrase,
        part: Option<BandPart>,
        timing: &Timing,
        first: usize,
        note: &mut Note,
    ) -> bool {
        let Timing { new, offsets, has_offsets, .. } = timing;
        let before = (note.onset, note.length);
        let end = note.end();
        let step = note.onset_step();
        let mut onset = note.onset;
        if let (Some(part), true, false) = (part, *has_offsets && self.feel > 0.0, note.tied_in) {
            let groove = note.onset - step as f64;
            let place = input.position.wrapping_add(step);
            let [mean, spread] = offsets[part as usize][place.rem_euclid(STEPS_PER_BAR as i64) as usize];
            let learned = f64::from(mean) + f64::from(spread) * self.draw(place, part);
            // Beside the player's own, which the notes around it have: a band that is on the beat while he
            // lays back would strike each beat twice.
            onset = step as f64 + (groove + learned * f64::from(self.feel.min(1.0))).clamp(-MOST, MOST);
        }
        let least = note.length.min(LEAST);
        if !note.tied_in {
            note.onset = timing.swung(*new, onset).clamp(first as f64, LAST.max(first as f64));
        }
        note.length = (timing.swung(*new, end) - note.onset).max(least);
        before != (note.onset, note.length)
    }

    /// A draw from the normal distribution that belongs to a beat of the song and a part, whose notes lean
    /// the same way; the sum of four even ones, so never over 3.5.
    fn draw(&self, place: i64, part: BandPart) -> f64 {
        let beat = place.div_euclid(STEPS_PER_BEAT as i64);
        let hash = mix(mix(u64::from(self.seed)) ^ ((beat as u64) << 7 | part as u64));
        let even = (0..4).map(|i| (hash >> (16 * i) & 0xffff) as f64 / 65_536.0 - 0.5).sum::<f64>();
        even * 3f64.sqrt()
    }
}

/// Which note of `source` an answer's note is, if it is one of its.
fn kept(source: &Phrase, note: &Note, first: usize) -> Option<usize> {
    let is_key = |other: &Note| other.pitch == note.pitch && other.channel == note.channel;
    let begin = source.notes.partition_point(|other| other.onset < note.onset);
    let same = source.notes[begin..].iter().take_while(|other| other.onset == note.onset);
    let index = same.enumerate().find(|(_, other)| is_key(other) && other.tied_in == note.tied_in);
    if let Some((index, _)) = index {
        return Some(begin + index);
    }
    // Moved to the line that it was early for, or begun before it.
    if note.onset != first as f64 {
        return None;
    }
    source.notes[..begin].iter().rposition(|other| {
        is_key(other) && (other.onset_step() == first as i64 || nearest(other.end()) > first as i64)
    })
}

/// Puts a kept note where it was played, or where its swing is to be; says whether it moved.
fn put_back(played: &Note, straight: &Note, timing: &Timing, note: &mut Note) -> bool {
    if timing.heard == 0.5 && timing.kept == 0.5 {
        return false;
    }
    let before = (note.onset, note.length);
    let own = timing.kept == timing.heard;
    let swung = |step: f64| timing.swung(timing.kept, step);
    let whole = note.onset == straight.onset;
    let to_the_end = (note.end() - straight.end()).abs() < 1e-9;
    let end = if to_the_end && own { played.end() } else { swung(note.end()) };
    if whole {
        note.onset = if own { played.onset } else { swung(note.onset) };
    }
    note.length = match own && whole && to_the_end {
        true => played.length,
        false => (end - note.onset).max(0.0),
    };
    // Where it was played no note of its key was in its way.
    !(own && whole && to_the_end) && before != (note.onset, note.length)
}

#[cfg(test)]
mod tests;
