//! What travels between an audio thread and the worker.

use model::{Answer, Report, Settings};
use phrase::{Phrase, STEPS, Swing, nearest};

use super::loose::{Loose, Spare};
use super::manner::{Manner, Terms};

/// Which state of which phrase a job is about. Answers to anything else than what is wanted now are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticket {
    /// Changes with every start, stop and jump.
    pub generation: u32,
    /// Counts the phrases.
    pub phrase: u32,
    /// Changes with every note of the phrase.
    pub revision: u32,
    /// Which pack was chosen: its number in [`super::Shared::stamp`].
    pub pack: u32,
}

/// What was played for a phrase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Played {
    /// Nothing: silence was chosen, or an answer was late.
    #[default]
    Nothing,
    /// The phrase itself, for want of an answer.
    Dry,
    /// The answer.
    Answer,
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
    /// To remember what is played; see `History`.
    Remember,
    /// To break down.
    #[cfg(test)]
    Break,
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

/// A phrase to be answered, and room for the answer. Allocated once, then it goes back and forth: the audio
/// thread neither allocates nor frees. About 50 KiB.
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
    pub kind: Played,
    /// The longest note in steps, for the same; 0: any length.
    pub longest: u8,
    /// The phrase as it was played.
    pub input: Phrase,
    /// What the network says, where the outcome says so: the cells that sound, and how hard new notes are
    /// struck. Only the worker puts another one here, so the audio thread frees none.
    pub said: Answer,
    /// The same as notes.
    pub answer: Phrase,
    /// What [`Job::finish`] changes of the answer.
    pub loose: Loose,
    /// How many frozen phrases had been brought when this was sent; see
    /// [`super::Shared::freeze_unless_brought`].
    pub loaded: u32,
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
            kind: Played::default(),
            longest: 0,
            input,
            said: Answer::default(),
            answer,
            loose: Loose::default(),
            loaded: 0,
            outcome: Outcome::default(),
        })
    }

    /// Gives the answer what its question could not know: keys that were down at the closing came up before
    /// the line, and the window `closed` is how it was in the end. Real-time safe.
    ///
    /// The network heard the same cells either way, for a note that is held at the closing sounds to the last
    /// step. So it is exactly the answer that the finished window would have had. The worker has found out
    /// which notes that changes, and they are changed in place; but where that cannot be told beforehand, the
    /// cells are made into notes once more.
    pub fn finish(&mut self, closed: &Phrase) {
        if self.input.notes == closed.notes {
            return;
        }
        let done = self.loose.finish(&self.input, closed, &mut self.answer);
        if !done {
            self.let_go(closed);
        }
        self.input.clone_from(closed);
        if !done {
            self.play_cells();
        }
    }

    /// Where a phrase was cut short, a held note has cells past the line; let go, its key has none there any
    /// more.
    fn let_go(&mut self, closed: &Phrase) {
        let heard = Swing::at(self.said.timing.heard);
        for note in self.input.notes.iter().filter(|note| note.tied_out) {
            let held = closed.notes.iter().any(|other| other.tied_out && other.pitch == note.pitch);
            if let Some(row) = note.row().filter(|_| !held) {
                let line = nearest(heard.straighten_played(note.end())).clamp(0, STEPS as i64) as usize;
                self.said.cells.sounding[line..].iter_mut().for_each(|step| *step &= !(1 << row));
            }
        }
    }

    /// Does with the network's answer what the user wants done with it, and makes it ready for
    /// [`Job::finish`]. On the worker; `spare` is written over.
    pub fn perform(&mut self, spare: &mut Spare) {
        #[cfg(test)]
        assert_ne!(self.manner.feel.seed, BREAKS, "told to break down");
        if !self.manner.hands().is_idle(&self.said.answered()) {
            self.realise();
        }
        self.manner.played().apply(self.settings.first.into(), &mut self.answer);
        let bends = self.bends();
        self.loose.find(&self.input, &self.answer, bends, spare, |input, out| {
            perform_cells(input, &self.said, &self.manner, self.settings.first, out);
        });
    }

    /// Whether the ends of kept notes are elsewhere than they were played.
    fn bends(&self) -> bool {
        let (feel, timing) = (self.manner.feel, self.said.timing);
        feel.swing > 0.0 || feel.humanise > 0.0 || timing.kept != timing.heard
    }

    /// Makes the cells that pass the guards into notes.
    fn realise(&mut self) {
        let Self { input, said, manner, settings, answer, .. } = self;
        realise_cells(input, said, manner, settings.first, answer);
    }

    /// The same, with their feel.
    fn play_cells(&mut self) {
        let Self { input, said, manner, settings, answer, .. } = self;
        perform_cells(input, said, manner, settings.first, answer);
    }
}

fn realise_cells(input: &Phrase, said: &Answer, manner: &Manner, first: u8, out: &mut Phrase) {
    manner.hands().perform(input, &said.answered(), first.into(), out);
}

fn perform_cells(input: &Phrase, said: &Answer, manner: &Manner, first: u8, out: &mut Phrase) {
    realise_cells(input, said, manner, first, out);
    manner.played().apply(first.into(), out);
}

/// A feel with this seed, which no user can choose, breaks down on the worker: for tests of what happens
/// then.
#[cfg(test)]
pub const BREAKS: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use phrase::{Band, Feel, Guards, LOWEST, Note, PITCHES, Timing, realise};
    use proptest::prelude::*;

    use super::*;

    /// Keys that are held at the closing: one stays down, others come up on the line and before it.
    fn closing() -> (Phrase, Phrase) {
        let mut asked = Phrase::new(0, 120.0);
        for (pitch, onset) in [(60, 40.0), (62, 48.0), (64, 60.0), (65, 63.25)] {
            asked.push(Note { tied_out: true, ..Note::new(pitch, 0, 0.5, onset, 64.0 - onset) });
        }
        asked.push(Note::new(67, 0, 0.25, 3.0, 4.0));
        asked.sort();
        let mut closed = asked.clone();
        for note in closed.notes.iter_mut().filter(|note| note.tied_out) {
            match note.pitch {
                62 => note.tied_out = false,
                64 => (note.tied_out, note.length) = (false, 63.75 - note.onset),
                65 => (note.tied_out, note.length) = (false, 63.5625 - note.onset),
                _ => {}
            }
        }
        (asked, closed)
    }

    #[test]
    fn keys_that_come_up_at_the_line_change_the_answer_in_place() {
        let (asked, closed) = closing();
        let mut cells = asked.roll();
        // A new note that takes after the held key of its pitch.
        cells.sounding[50] &= !(1 << (62 - phrase::LOWEST));
        let said = Answer::of(cells);
        let mut job = Job { input: asked.clone(), said, ..*Job::new() };
        job.realise();
        job.perform(&mut Spare::new());
        let mut exact = Phrase::new(0, 120.0);
        realise(&closed, &cells, 0, &mut exact);
        assert!(job.loose.finish(&asked, &closed, &mut job.answer), "the worker has found out all of it");
        assert_eq!(job.answer, exact);
    }

    /// What a network says of how hard its notes are struck is heard with guards too, and where keys come up
    /// late.
    #[test]
    fn new_notes_are_struck_as_the_network_says() {
        let (asked, closed) = closing();
        let mut said =
            Answer { velocities: Some(Box::new([[0; PITCHES]; STEPS])), ..Answer::of(asked.roll()) };
        let row = usize::from(84 - LOWEST);
        said.cells.set(16, row, true);
        said.velocities.as_mut().unwrap()[16][row] = 101;
        let struck = |guards: Guards| {
            let manner = Manner { guards, ..Manner::default() };
            let mut job = Job { input: asked.clone(), said: said.clone(), manner, ..*Job::new() };
            job.realise();
            job.perform(&mut Spare::new());
            job.finish(&closed);
            let new = job.answer.notes.iter().find(|note| note.pitch == 84).map(|note| note.velocity);
            new.unwrap()
        };
        assert_eq!(struck(Guards::OFF), 101.0 / 127.0);
        assert_eq!(struck(Guards { melody: true, ..Guards::OFF }), 101.0 / 127.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        /// The answer to a phrase whose held notes end before the line after all, finished, is the answer to
        /// that phrase, whatever the guards and the feel.
        #[test]
        fn finishing_makes_up_for_the_early_question(
            notes in prop::collection::vec((50u8..54, 0u8..2, 0u16..992, 3u16..1120, 0u8..3), 1..20),
            cells in prop::collection::vec((0usize..64, 48u8..56, any::<bool>()), 0..60),
            first in prop::sample::select(vec![0u8, 32, 48]),
            line in prop::sample::select(vec![64.0, 64.0, 60.0]),
            (swing, humanise, channel, melody, voices, lowest) in (
                prop::sample::select(vec![0.0f32, 0.0, 0.6]), prop::sample::select(vec![0.0f32, 0.0, 1.0]),
                prop::option::of(0u8..4), any::<bool>(), 0u8..4, prop::sample::select(vec![0u8, 52]),
            ),
            (heard, goes, new, offsets, split, even) in (
                prop::sample::select(vec![0.5f64, 0.5, 0.64]), 0..3u8,
                prop::sample::select(vec![0.5f64, 0.6]), prop::sample::select(vec![0.0f32, 1.0]),
                any::<bool>(), any::<u16>(),
            ),
        ) {
            let kept = [0.5, heard, new][usize::from(goes)];
            let leave = [[[0.1, 0.1]; 16]; 3];
            let timing = Timing { heard, kept, new, even, offsets: leave, has_offsets: true };
            let mut asked = Phrase::new(0, 120.0);
            for (pitch, channel, onset, length, ends) in notes {
                let mut note = Note::new(pitch, channel, 0.5, f64::from(onset) / 16.0,
                    f64::from(length) / 16.0);
                let free = |other: &Note| other.pitch != pitch || other.channel != channel
                    || other.end() <= note.onset || other.onset >= note.end().min(line);
                if !asked.notes.iter().all(free) || note.onset >= line - 0.5 {
                    continue;
                }
                if nearest(note.end()) as f64 >= line {
                    // Held at the closing; the velocity remembers when it ends.
                    (note.length, note.tied_out) = (line - note.onset, true);
                    note.velocity = [0.6, 0.7, 0.8][usize::from(ends)];
                }
                asked.push(note);
            }
            asked.sort();
            let mut finished = asked.clone();
            for note in finished.notes.iter_mut().filter(|note| note.tied_out && note.velocity != 0.7) {
                note.tied_out = false;
                if note.velocity == 0.6 {
                    note.length = line - 0.25 - note.onset;
                }
            }
            finished.sort();
            let mut answer = timing.roll(&asked);
            let sounding = &mut answer.sounding;
            for (step, pitch, on) in cells {
                let bit = 1u128 << (pitch - phrase::LOWEST);
                sounding[step] = if on { sounding[step] | bit } else { sounding[step] & !bit };
            }
            let feel = Feel { swing, humanise, channel, ..Feel::default() };
            let manner = Manner { guards: Guards { melody, voices, lowest, ..Guards::OFF }, feel, offsets,
                band: Band { split, ..Band::ALL }, ..Manner::default() };
            let said = Answer { timing, ..Answer::of(answer) };
            let mut job = Job { input: asked, said: said.clone(), manner, ..*Job::new() };
            job.settings.first = first;
            job.realise();
            job.perform(&mut Spare::new());
            let mut exact = Job { input: finished.clone(), said, manner, ..*Job::new() };
            exact.settings.first = first;
            if line < 64.0 {
                exact.input = job.input.clone();
                exact.let_go(&finished);
                exact.input = finished.clone();
            }
            exact.play_cells();
            job.finish(&finished);
            prop_assert_eq!(&job.answer, &exact.answer);
        }
    }
}
