//! What travels between an audio thread and the worker.

use std::time::Duration;

use model::{Report, Settings};
use phrase::{Feel, Guards, Phrase, Roll, STEPS, nearest, realise};

use super::Processor;
use crate::history::Heard;

/// Which state of which phrase a job is about. Answers to anything else than what is wanted now are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticket {
    /// Changes with every start, stop and jump.
    pub generation: u32,
    /// Counts the phrases.
    pub phrase: u32,
    /// Changes with every note of the phrase.
    pub revision: u32,
    /// Which pack was chosen: its number in [`crate::shared::Shared::stamp`].
    pub pack: u32,
}

/// What is done with what the network says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Manner {
    /// What of it is let through.
    pub guards: Guards,
    /// How it is played.
    pub feel: Feel,
    /// Chance draws the same for every phrase, wherever it stands in the song.
    pub locked: bool,
}

/// How an answer is come by. It is no part of the question: another processor gives the same answer but for rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What is to compute.
    pub processor: Processor,
    /// How long the network has on stage; a bounce waits, and has no deadline.
    pub deadline: Option<Duration>,
}

/// What a job is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Errand {
    /// To answer the input.
    #[default]
    Answer,
    /// To keep the answer, as the frozen phrase of the saved state.
    Freeze,
    /// To forget that.
    Thaw,
    /// To bring that as the answer.
    Fetch,
    /// To remember what is played; see [`crate::history`].
    Remember,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Outcome {
    /// Nothing yet, or a newer job of the same instance came first.
    #[default]
    Superseded,
    /// `answer` holds the answer.
    Answered(Report),
    /// There is no network that could answer: the phrase is played as it is.
    NoNetwork,
    /// The errand is done.
    Done,
}

/// A phrase to be answered, and room for the answer. Allocated once, then it goes back and forth: the audio thread
/// neither allocates nor frees. About 50 KiB.
#[derive(Debug)]
pub struct Job {
    /// What it is for.
    pub errand: Errand,
    /// What it is about.
    pub ticket: Ticket,
    /// What is asked for.
    pub settings: Settings,
    /// See [`Manner`].
    pub manner: Manner,
    /// See [`Terms`].
    pub terms: Terms,
    /// How many steps of the answer are played, for the errands.
    pub length: f64,
    /// What is played, for [`Errand::Remember`].
    pub heard: Heard,
    /// The longest note in steps, for the same; 0: any length.
    pub longest: u8,
    /// The phrase as it was played.
    pub input: Phrase,
    /// What the network says, where the outcome says so: the cells that sound.
    pub cells: Roll,
    /// The same as notes.
    pub answer: Phrase,
    /// What became of it.
    pub outcome: Outcome,
}

impl Job {
    /// An idle job.
    pub fn new() -> Box<Self> {
        let (input, answer) = (Phrase::new(0, 120.0), Phrase::new(0, 120.0));
        Box::new(Self {
            errand: Errand::default(),
            ticket: Ticket::default(),
            settings: Settings::to(0),
            manner: Manner::default(),
            terms: Terms::default(),
            length: STEPS as f64,
            heard: Heard::default(),
            longest: 0,
            input,
            cells: Roll::EMPTY,
            answer,
            outcome: Outcome::default(),
        })
    }

    /// Gives the answer what its question could not know: keys that were down at the closing came up before the line, and
    /// the window `closed` is how it was in the end. Real-time safe.
    ///
    /// The network heard the same cells either way, for a note that is held at the closing sounds to the last step. So its
    /// cells are made into notes once more, from the finished window: exactly the answer that this would have had. But
    /// where a phrase was cut short, a held note has cells past the line; let go, its key has none there any more.
    pub fn finish(&mut self, closed: &Phrase) {
        if self.input.notes == closed.notes {
            return;
        }
        for note in self.input.notes.iter().filter(|note| note.tied_out) {
            let held = closed.notes.iter().any(|other| other.tied_out && other.pitch == note.pitch);
            if let Some(row) = note.row().filter(|_| !held) {
                let line = nearest(note.end()).clamp(0, STEPS as i64) as usize;
                self.cells.sounding[line..].iter_mut().for_each(|step| *step &= !(1 << row));
            }
        }
        self.input.clone_from(closed);
        self.realise();
        self.manner.feel.apply(self.settings.first.into(), &mut self.answer);
    }

    /// Does with the network's answer what the user wants done with it.
    pub fn perform(&mut self) {
        if self.manner.guards != Guards::OFF {
            self.realise();
        }
        self.manner.feel.apply(self.settings.first.into(), &mut self.answer);
    }

    /// Makes the cells that pass the guards into notes.
    fn realise(&mut self) {
        let mut cells = self.cells;
        self.manner.guards.apply(&self.input, &mut cells);
        realise(&self.input, &cells, self.settings.first.into(), &mut self.answer);
    }
}

#[cfg(test)]
mod tests {
    use phrase::Note;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The answer to a phrase whose held notes end before the line after all, finished, is the answer to that phrase.
        #[test]
        fn finishing_makes_up_for_the_early_question(
            notes in prop::collection::vec((50u8..54, 0u8..2, 0u16..992, 3u16..1120, any::<bool>()), 1..20),
            cells in prop::collection::vec((0usize..64, 50u8..54, any::<bool>()), 0..60), first in prop::sample::select(vec![0u8, 32, 48]),
        ) {
            let mut asked = Phrase::new(0, 120.0);
            for (pitch, channel, onset, length, ends) in notes {
                let mut note = Note::new(pitch, channel, 0.5, f64::from(onset) / 16.0, f64::from(length) / 16.0);
                let free = |other: &Note| other.pitch != pitch || other.channel != channel
                    || other.end() <= note.onset || other.onset >= note.end().min(64.0);
                if !asked.notes.iter().all(free) {
                    continue;
                }
                if nearest(note.end()) >= 64 {
                    // Held at the closing; the velocity remembers whether it ends before the line.
                    (note.length, note.tied_out) = (64.0 - note.onset, true);
                    note.velocity = if ends { 0.6 } else { 0.7 };
                }
                asked.push(note);
            }
            asked.sort();
            let mut finished = asked.clone();
            for note in finished.notes.iter_mut().filter(|note| note.tied_out && note.velocity == 0.6) {
                (note.length, note.tied_out) = (63.75 - note.onset, false);
            }
            let mut answer = asked.roll();
            let sounding = &mut answer.sounding;
            for (step, pitch, on) in cells {
                let bit = 1u128 << (pitch - phrase::LOWEST);
                sounding[step] = if on { sounding[step] | bit } else { sounding[step] & !bit };
            }
            prop_assert_eq!(asked.roll(), finished.roll());
            let mut exact = Phrase::new(0, 120.0);
            realise(&finished, &answer, first.into(), &mut exact);
            let mut job = Job { input: asked, cells: answer, ..*Job::new() };
            job.settings.first = first;
            job.realise();
            job.finish(&finished);
            prop_assert_eq!(&job.answer, &exact);
        }
    }
}
