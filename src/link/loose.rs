//! The loose ends of an answer: what keys decide that are down at a phrase's closing and may come up before
//! its line.
//!
//! The worker answers the phrase with these keys held to its end. Most come up at the line or just before,
//! and the audio thread has no time to make all cells into notes once more. So the worker plays both ways and
//! marks the notes that differ: a note hangs on the keys of its own pitch alone.

use arrayvec::ArrayVec;
use phrase::{Note, Phrase, STEPS};

/// Loose notes of an answer; it has few, for each sounds to the end.
const MOST: usize = 128;

/// A note of the answer that is another one when its key comes up.
#[derive(Clone, Copy, Debug)]
struct Other {
    index: u16,
    /// It ends when its key comes up, and not on the line.
    follows: bool,
    velocity: f32,
    channel: u8,
}

/// What changes of an answer when keys come up between the closing and the line.
#[derive(Clone, Debug, Default)]
pub struct Loose {
    notes: ArrayVec<Other, MOST>,
    /// These notes tell all, where keys come up on the line.
    is_known: bool,
    /// Also where they come up before it.
    is_exact: bool,
}

/// Memory for [`Loose::find`].
#[derive(Debug)]
pub struct Spare {
    input: Phrase,
    outs: [Phrase; 2],
}

impl Spare {
    /// Empty.
    pub fn new() -> Box<Self> {
        let empty = || Phrase::new(0, 120.0);
        Box::new(Self { input: empty(), outs: [empty(), empty()] })
    }
}

impl Loose {
    /// Finds the notes of `answer`, the answer to `input`, that change when keys come up. Where it `bends`
    /// them, bent and humanised ends follow their keys in ways of their own. `play` plays another input from
    /// the same cells.
    pub fn find(
        &mut self,
        input: &Phrase,
        answer: &Phrase,
        bends: bool,
        spare: &mut Spare,
        play: impl Fn(&Phrase, &mut Phrase),
    ) {
        self.notes.clear();
        (self.is_known, self.is_exact) = (false, false);
        let held = |note: &&Note| note.tied_out;
        // Where a phrase was cut short its cells change too.
        if input.notes.iter().filter(held).any(|note| note.end() != STEPS as f64) {
            return;
        }
        self.is_known = true;
        if !input.notes.iter().any(|note| note.tied_out) {
            return;
        }
        // All keys come up on the line, and in between.
        let Spare { input: other, outs: [on_line, before] } = spare;
        for (end, out) in [(STEPS as f64, &mut *on_line), (STEPS as f64 - 0.25, &mut *before)] {
            other.clone_from(input);
            for note in other.notes.iter_mut().filter(|note| note.tied_out) {
                note.tied_out = false;
                if end != STEPS as f64 {
                    note.length = end - note.onset;
                }
            }
            play(other, out);
        }
        let is_place =
            |(a, b): (&Note, &Note)| a.pitch == b.pitch && a.onset == b.onset && a.tied_in == b.tied_in;
        let is_like = |a: &Phrase, b: &Phrase| {
            a.notes.len() == b.notes.len() && a.notes.iter().zip(&b.notes).all(is_place)
        };
        let same_length = |(a, b): (&Note, &Note)| a.length == b.length;
        self.is_known = is_like(answer, on_line) && answer.notes.iter().zip(&on_line.notes).all(same_length);
        self.is_exact = self.is_known && !bends && is_like(on_line, before);
        for (index, (held, let_go)) in answer.notes.iter().zip(&on_line.notes).enumerate() {
            let follows = self.is_exact && before.notes[index].length != let_go.length;
            if self.is_known && (follows || held != let_go) {
                let (velocity, channel) = (let_go.velocity, let_go.channel);
                let note = Other { index: index as u16, follows, velocity, channel };
                self.is_known = self.notes.try_push(note).is_ok();
            }
        }
    }

    /// Changes `answer`, the answer to `asked`, into that to `closed`, in which keys have come up; false
    /// where that cannot be told, and nothing was changed. Real-time safe.
    pub fn finish(&self, asked: &Phrase, closed: &Phrase, answer: &mut Phrase) -> bool {
        if !self.is_known || asked.notes.len() != closed.notes.len() {
            return false;
        }
        // One bit a pitch: keys that came up, and keys that stay down.
        let (mut up, mut down, mut twice, mut early) = (0u128, 0u128, 0u128, false);
        for (was, is) in asked.notes.iter().zip(&closed.notes) {
            let pitch = 1u128 << (was.pitch & 127);
            if was != is {
                let came_up = Note { length: is.length, tied_out: false, ..*was } == *is;
                if !was.tied_out || !came_up || is.length != was.length && !self.is_exact {
                    return false;
                }
                twice |= up & pitch;
                up |= pitch;
                early |= is.length != was.length;
            } else if was.tied_out {
                down |= pitch;
            }
        }
        if up & down != 0 || early && twice != 0 {
            // One pitch on two channels, of which one is held, or comes up at another time: too rare to be
            // worth more.
            return false;
        }
        for other in &self.notes {
            let Some(note) = answer.notes.get_mut(usize::from(other.index)) else { continue };
            if up >> (note.pitch & 127) & 1 == 0 {
                continue;
            }
            (note.velocity, note.channel, note.tied_out) = (other.velocity, other.channel, false);
            let is_key = |(was, is): &(&Note, &Note)| was.tied_out && is.pitch == note.pitch;
            let key = asked.notes.iter().zip(&closed.notes).find(is_key).map(|(_, is)| is);
            if let Some(is) = key.filter(|_| other.follows) {
                note.length = if note.onset == is.onset { is.length } else { is.end() - note.onset };
            }
        }
        true
    }
}
