//! How an answer's notes are played: swing, small deviations, velocity, channel. Real-time safe; about 5 KiB
//! of stack.
//!
//! It acts on notes, after [`crate::realise`], and like the guards it is a function of the phrase alone, so
//! that a bounce, a performance and a file agree.

use crate::{DRUM_CHANNEL, MAX_NOTES, Note, Phrase, STEPS, STEPS_PER_BEAT, mix};

/// The most that a note is early or late when fully humanised, in steps: 31 ms at 120 BPM.
const MOST_TIME: f64 = 0.25;
/// The most that its velocity is off, as a part of it.
const MOST_VELOCITY: f32 = 0.2;
/// What a note keeps of its length at least, in steps (or its own length).
const LEAST: f64 = 0.25;
/// The last moment of a window at which a note may start.
const LAST: f64 = STEPS as f64 - 0.01;

/// How notes are played; by default as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Feel {
    /// 0: straight; 1: the second eighth of a beat falls on its last triplet. The rest of the beat moves
    /// along.
    pub swing: f32,
    /// 0: as it is; 1: up to a quarter step early or late and a fifth softer or louder, differently for each
    /// note.
    pub humanise: f32,
    /// Which of these deviations.
    pub seed: u32,
    /// The velocity of all notes, 0..=1; `None`: their own.
    pub velocity: Option<f32>,
    /// The channel of all notes but drums, 0..=15; `None`: their own.
    pub channel: Option<u8>,
}

impl Feel {
    /// Changes the notes of `answer`, of which those from step `first` on are played.
    ///
    /// Nothing sounds before its line, notes keep their order, and no two of a key and channel overlap that
    /// did not. Deviations are a hash of the seed, the note's place in the song and its pitch, so a note has
    /// the same in every window.
    pub fn apply(&self, first: usize, answer: &mut Phrase) {
        if *self == (Self { seed: self.seed, ..Self::default() }) {
            return;
        }
        if self.swing > 0.0 {
            answer.notes.iter_mut().for_each(|note| swing(note, self.swing.min(1.0).into()));
        }
        if self.humanise > 0.0 {
            self.deviate(first as f64, answer);
        }
        for note in &mut answer.notes {
            note.velocity = self.velocity.unwrap_or(note.velocity);
            if let Some(channel) = self.channel.filter(|_| note.channel != DRUM_CHANNEL) {
                note.channel = channel.min(15);
            }
        }
        answer.sort();
        separate(answer);
    }

    fn deviate(&self, first: f64, answer: &mut Phrase) {
        let amount = self.humanise.min(1.0);
        // Where the notes before have come to; those that start together may part, but not pass their
        // neighbours.
        let (mut onset_before, mut floor, mut latest) = (f64::NEG_INFINITY, first, first);
        for note in answer.notes.iter_mut().filter(|note| !note.tied_in) {
            if note.onset > onset_before {
                (onset_before, floor) = (note.onset, latest);
            }
            let place = (answer.position.wrapping_add(note.onset_step()) as u64) << 7 | u64::from(note.pitch);
            let hash = mix(mix(u64::from(self.seed)) ^ place);
            let [time, velocity] =
                [hash >> 32, hash & 0xffff_ffff].map(|bits| bits as f64 / 2f64.powi(31) - 1.0);
            let end = note.end();
            let kept = note.length.min(LEAST);
            note.onset = (note.onset + MOST_TIME * f64::from(amount) * time).clamp(floor, LAST.max(floor));
            note.length = (end - note.onset).max(kept);
            note.velocity =
                (note.velocity * (1.0 + MOST_VELOCITY * amount * velocity as f32)).clamp(1.0 / 127.0, 1.0);
            latest = latest.max(note.onset);
        }
    }
}

/// Bends the beat so that its middle comes later. Beats themselves stay where they are, and so does the order
/// of all.
fn swing(note: &mut Note, amount: f64) {
    let beat = STEPS_PER_BEAT as f64;
    let middle = beat * (0.5 + amount / 6.0);
    let bend = |time: f64| {
        let start = (time / beat).floor() * beat;
        let within = time - start;
        let half = beat / 2.0;
        start
            + if within < half {
                within * middle / half
            } else {
                middle + (within - half) * (beat - middle) / half
            }
    };
    let end = bend(note.end());
    note.onset = bend(note.onset);
    note.length = (end - note.onset).max(0.0);
}

/// Ends notes where the next one of their key and channel starts; of two that start together the longer one
/// is left.
pub(crate) fn separate(answer: &mut Phrase) {
    const NONE: u16 = u16::MAX;
    // The note of each key and channel that sounds.
    let mut last = [NONE; 16 * 128];
    let mut gone = [0u64; MAX_NOTES / 64];
    for index in 0..answer.notes.len() {
        let note = answer.notes[index];
        let key = usize::from(note.channel & 15) << 7 | usize::from(note.pitch & 127);
        let before = std::mem::replace(&mut last[key], index as u16);
        let Some(earlier) = answer.notes.get_mut(usize::from(before)) else { continue };
        if earlier.end() <= note.onset {
            continue;
        }
        if earlier.onset < note.onset {
            (earlier.length, earlier.tied_out) = (note.onset - earlier.onset, false);
            continue;
        }
        let (spare, stays) =
            if earlier.length > note.length { (index as u16, before) } else { (before, index as u16) };
        gone[usize::from(spare / 64)] |= 1 << (spare % 64);
        last[key] = stays;
    }
    let mut index = 0;
    answer.notes.retain(|_| {
        let stays = gone[index / 64] >> (index % 64) & 1 == 0;
        index += 1;
        stays
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phrase(notes: &[(u8, u8, f64, f64)]) -> Phrase {
        let mut phrase = Phrase::new(64, 120.0);
        for &(pitch, channel, onset, length) in notes {
            phrase.push(Note::new(pitch, channel, 0.5, onset, length));
        }
        phrase.sort();
        phrase
    }

    #[test]
    fn full_swing_puts_the_second_eighth_on_the_last_triplet() {
        let mut answer =
            phrase(&[(60, 0, 0.0, 2.0), (62, 0, 2.0, 2.0), (64, 0, 4.0, 8.0), (65, 0, 7.0, 1.0)]);
        Feel { swing: 1.0, ..Feel::default() }.apply(0, &mut answer);
        let spans: Vec<_> = answer.notes.iter().map(|note| (note.onset, note.end())).collect();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let expected = [(0.0, 8.0 / 3.0), (8.0 / 3.0, 4.0), (4.0, 12.0), (4.0 + 10.0 / 3.0, 8.0)];
        assert!(spans.iter().zip(expected).all(|(a, b)| near(a.0, b.0) && near(a.1, b.1)), "{spans:?}");
    }

    #[test]
    fn velocity_and_channel_are_set_for_all_but_the_drums_channel() {
        let mut answer = phrase(&[(60, 3, 0.0, 2.0), (36, DRUM_CHANNEL, 0.0, 1.0)]);
        Feel { velocity: Some(0.25), channel: Some(5), ..Feel::default() }.apply(0, &mut answer);
        let played: Vec<_> =
            answer.notes.iter().map(|note| (note.pitch, note.channel, note.velocity)).collect();
        assert_eq!(played, [(36, DRUM_CHANNEL, 0.25), (60, 5, 0.25)]);
    }

    #[test]
    fn channels_that_become_one_leave_a_key_one_note_at_a_time() {
        let mut answer =
            phrase(&[(60, 0, 0.0, 8.0), (60, 1, 4.0, 8.0), (62, 0, 0.0, 2.0), (62, 1, 0.0, 6.0)]);
        Feel { channel: Some(0), ..Feel::default() }.apply(0, &mut answer);
        let spans: Vec<_> = answer.notes.iter().map(|note| (note.pitch, note.onset, note.length)).collect();
        assert_eq!(spans, [(60, 0.0, 4.0), (62, 0.0, 6.0), (60, 4.0, 8.0)]);
    }

    proptest! {
        #[test]
        fn the_feel_keeps_order_line_and_keys(
            notes in prop::collection::vec((40u8..60, 0u8..3, 0.0..63.4f64, 0.0..20.0f64, any::<bool>()),
                0..60),
            swing in 0.0..=1.0f32, humanise in 0.0..=1.0f32, seed in 0u32..9,
                first in prop::sample::select(vec![0usize, 32, 48]),
        ) {
            let mut input = Phrase::new(64, 120.0);
            for (pitch, channel, onset, length, tied) in notes {
                let onset = onset.max(first as f64);
                let tied_out = tied && onset + length >= 60.0;
                let length = if tied_out { 64.0 - onset } else { length };
                let note = Note { tied_in: tied && onset == first as f64, tied_out, ..Note::new(pitch,
                    channel, 0.5, onset, length) };
                let free = |other: &Note| other.pitch != pitch || other.channel != channel
                    || other.end() <= note.onset || other.onset >= note.end() && other.onset > note.onset;
                if input.notes.iter().all(free) {
                    input.push(note);
                }
            }
            input.sort();
            let feel = Feel { swing, humanise, seed, ..Feel::default() };
            let (mut out, mut again) = (input.clone(), input.clone());
            feel.apply(first, &mut out);
            feel.apply(first, &mut again);
            prop_assert_eq!(&out, &again);
            prop_assert_eq!(out.notes.len(), input.notes.len());
            for (index, note) in out.notes.iter().enumerate() {
                prop_assert!(note.onset >= first as f64 && note.onset < 64.0 && note.length >= 0.0);
                prop_assert!(note.velocity > 0.0 && note.velocity <= 1.0);
                for later in &out.notes[index + 1..] {
                    let same = later.pitch == note.pitch && later.channel == note.channel;
                    prop_assert!(!same || note.end() <= later.onset + 1e-9);
                }
            }
            // What started earlier does not start later now. Notes are known again by key, channel and rank
            // among these.
            let ranked = |phrase: &Phrase| {
                let mut ranks: Vec<((u8, u8, usize), f64)> = Vec::new();
                for note in &phrase.notes {
                    let rank = ranks.iter().filter(|((p, c, _), _)| (*p, *c) == (note.pitch,
                        note.channel)).count();
                    ranks.push(((note.pitch, note.channel, rank), note.onset));
                }
                ranks.sort_by_key(|rank| rank.0);
                ranks
            };
            let (before, after) = (ranked(&input), ranked(&out));
            for (a, x) in before.iter().zip(&after) {
                for (b, y) in before.iter().zip(&after) {
                    prop_assert!(a.1 >= b.1 || x.1 <= y.1, "{:?} {:?}", (a, x), (b, y));
                }
            }
            let off = Feel { seed, ..Feel::default() };
            let mut same = input.clone();
            off.apply(first, &mut same);
            prop_assert_eq!(same, input);
        }
    }
}
