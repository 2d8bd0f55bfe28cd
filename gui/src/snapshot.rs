//! Everything that is drawn.

use std::sync::Arc;

use phrase::Note;

use crate::{Control, Field, Look};

/// Whether time runs, for the colour of what is said about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing rolls, or nothing is heard.
    #[default]
    Waiting,
    /// Time runs, and an answer is to come or plays.
    Running,
}

/// The chosen pack, and those there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pack {
    /// The chosen one's name.
    pub name: String,
    /// What its card says: names of lines and their text.
    pub card: Vec<(String, String)>,
    /// The packs to choose from; two may have one name.
    pub names: Vec<String>,
    /// The chosen one's index, where it is among them.
    pub chosen: Option<usize>,
    /// The folder that more packs go into, for people to find.
    pub folder: Option<String>,
    /// Names of its genres in slot order; empty where it is not known.
    pub genres: Vec<String>,
    /// What it cannot do that the window offers, each in a sentence.
    pub lacks: Vec<String>,
}

/// The phrases that the user took as models: their notes, in steps of a 16th; none where there is no phrase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Models {
    /// The corners of the morph: above left, above right, below left, below right.
    pub corners: [Option<Vec<Note>>; 4],
    /// Whose accompaniment answers are to have.
    pub manner: Option<Vec<Note>>,
}

/// The window of the phrase being played. Times are in steps of a 16th.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// Its notes; what is still held is tied out.
    pub notes: Vec<Note>,
    /// The step on which the phrase began; before it lies what was played earlier.
    pub first: f32,
    /// The step of its line.
    pub line: f32,
}

/// A phrase and what was played for it. Times are in steps of a 16th.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Take {
    /// Counts from 1.
    pub id: u64,
    /// What came in.
    pub input: Vec<Note>,
    /// Of each note of the input: nothing of it was played.
    pub removed: Vec<bool>,
    /// What was played.
    pub played: Vec<Note>,
    /// Of each note played: it is (of) a note of the input.
    pub kept: Vec<bool>,
    /// The first step that was played.
    pub first: f32,
    /// How many steps were.
    pub length: f32,
    /// An answer of the network's; else the phrase itself, or silence.
    pub answered: bool,
    /// What was done, short: "classical > jazz".
    pub title: String,
    /// With which settings: "amount 90 %, key C minor".
    pub settings: String,
    /// Probabilities of the genres of what came in, in slot order; empty where they are not known (yet).
    pub before: Vec<f32>,
    /// The same of what was played.
    pub after: Vec<f32>,
    /// How much each note of the input speaks for the genre that is heard in it, 0..=1; empty where that is
    /// not known (yet).
    pub saliency: Vec<f32>,
    /// Cells added and removed, relative to the input's.
    pub change: (f32, f32),
}

impl Take {
    /// The classifier heard no genre clearly in what came in: the likeliest has less than an even chance, or
    /// the next one is close behind. Not where nothing is known (yet).
    pub fn is_unsure(&self) -> bool {
        const EVEN: f32 = 0.5;
        const CLOSE: f32 = 0.15;
        let (mut best, mut next) = (0.0, 0.0);
        for &share in &self.before {
            (best, next) = if share > best { (share, best) } else { (best, share.max(next)) };
        }
        best > 0.0 && (best < EVEN || best - next < CLOSE)
    }

    /// Compares what came in with what was played: fills `kept` and `removed`.
    ///
    /// A note is kept where the other side sounds on the same key at some moment of it.
    pub fn compare(&mut self) {
        let first = f64::from(self.first);
        let meets = |a: &Note, b: &Note| {
            a.pitch == b.pitch && a.onset.max(first) < b.end() && b.onset.max(first) < a.end()
        };
        let heard: Vec<_> = self.played.iter().filter(|note| note.end() > first).collect();
        self.kept =
            self.played.iter().map(|note| self.input.iter().any(|other| meets(note, other))).collect();
        let is_past = |note: &Note| note.end() <= first;
        self.removed = self
            .input
            .iter()
            .map(|note| !is_past(note) && !heard.iter().any(|other| meets(note, other)))
            .collect();
    }
}

/// Everything that is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// What is said of each control.
    pub fields: Arc<Vec<Field>>,
    /// The value of each control, in its own units.
    pub values: Vec<(Control, f32)>,
    /// The pack and its genres.
    pub pack: Pack,
    /// Whether time runs.
    pub stage: Stage,
    /// What is going on, or why nothing plays, in a sentence.
    pub state: String,
    /// Beats until the next answer begins, while time runs.
    pub beats: Option<f32>,
    /// What went wrong and what to do, in one sentence.
    pub problem: Option<String>,
    /// Somebody sees the window for the first time.
    pub welcome: bool,
    /// Figures worth a look, each a short phrase: "2 answers late".
    pub notices: Vec<String>,
    /// What computes: "CPU".
    pub device: String,
    /// Why it is not what the user chose, in one sentence without its full stop.
    pub note: Option<String>,
    /// Milliseconds that the last answer took.
    pub took: Option<f32>,
    /// Milliseconds that it may take.
    pub deadline: f32,
    /// The key that is heard in the last phrase.
    pub key: Option<String>,
    /// The phrase being played.
    pub live: Arc<Live>,
    /// The step of its window at which time is.
    pub head: Option<f32>,
    /// The step at which time is in what is played for the phrase before.
    pub played: Option<f32>,
    /// The last phrases, the oldest first.
    pub takes: Vec<Arc<Take>>,
    /// What plays: one of the takes, or another one that a project brought.
    pub playing: Option<Arc<Take>>,
    /// The phrases that the user took as models.
    pub models: Arc<Models>,
    /// The take that undo or redo has chosen, if it is not what is played live.
    pub chosen: Option<u64>,
    /// There is an earlier and a later one to choose.
    pub steps: (bool, bool),
    /// The folder that MIDI files are saved in.
    pub folder: String,
    /// What came of the last thing that was asked for: "Saved ...".
    pub message: Option<String>,
    /// Colours.
    pub look: Look,
    /// How large everything is drawn, in percent.
    pub zoom: u16,
}

impl Snapshot {
    /// A control's value; 0 where there is none.
    pub fn value(&self, control: Control) -> f32 {
        self.values.iter().find(|(of, _)| *of == control).map_or(0.0, |(_, value)| *value)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, control: Control) -> bool {
        self.value(control) > 0.5
    }

    /// What is said of a control.
    pub fn field(&self, control: Control) -> Option<&Field> {
        self.fields.iter().find(|field| field.control == control)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_classifier_that_wavers_is_unsure() {
        let unsure = |before: &[f32]| Take { before: before.to_vec(), ..Take::default() }.is_unsure();
        assert!(unsure(&[0.4, 0.3, 0.3]), "less than an even chance");
        assert!(unsure(&[0.44, 0.56]) && unsure(&[0.56, 0.44]), "close behind");
        assert!(unsure(&[0.5, 0.5]));
        assert!(!unsure(&[0.1, 0.6, 0.3]) && !unsure(&[1.0]));
        assert!(!unsure(&[]) && !unsure(&[0.0, 0.0]), "nothing is known");
    }

    #[test]
    fn notes_are_kept_where_both_sides_sound_on_a_key() {
        let note = |pitch, onset, length| Note::new(pitch, 0, 0.5, onset, length);
        let mut take = Take {
            input: vec![note(60, 0.0, 4.0), note(64, 0.0, 4.0), note(67, 40.0, 4.0)],
            played: vec![note(60, 32.0, 4.0), note(67, 43.0, 4.0), note(71, 48.0, 1.0)],
            first: 32.0,
            length: 32.0,
            ..Take::default()
        };
        take.compare();
        assert_eq!(take.kept, [false, true, false]);
        assert_eq!(
            take.removed,
            [false, false, false],
            "what lies before the first step was not to be played"
        );
        take.first = 0.0;
        take.compare();
        assert_eq!(take.removed, [true, true, false]);
    }
}
