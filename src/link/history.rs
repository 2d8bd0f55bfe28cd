//! What was played lately: the last phrases, what was played for them, and the settings that made it. Written
//! by the worker, read by the editor; the audio thread never looks at it.
//!
//! When a phrase enters, the audio thread sends the worker a job that tells what is played. Only worker and
//! window share the mutex.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Report, SLOTS, Settings};
use phrase::{Note, Phrase};

use super::job::{Job, Outcome, Played};
use super::manner::Manner;

/// Phrases that are remembered.
pub const TAKES: usize = 64;

/// A phrase and what was played for it. Never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Counts the takes of an instance, from 1.
    pub id: u64,
    /// The time that its position belongs to: changes with every start, stop and jump.
    pub generation: u32,
    /// The window that was heard, its notes in steps.
    pub input: Vec<Note>,
    /// What was played, in steps of the same window; what lies before step `first` was not.
    pub played: Vec<Note>,
    /// Musical time of the window's step 0.
    pub position: i64,
    /// Quarter notes a minute at its start.
    pub tempo: f64,
    /// The first step that was played.
    pub first: u8,
    /// How many steps were.
    pub length: f64,
    /// What that was.
    pub kind: Played,
    /// The longest note in steps; 0: any length.
    pub longest: u8,
    /// What was asked of the network, where it answered.
    pub settings: Settings,
    /// What was done with its answer.
    pub manner: Manner,
    /// What it said of it.
    pub report: Report,
    /// The number of the pack that answered; see [`super::Shared::stamp`].
    pub stamp: u32,
    /// The names of its genres.
    pub genres: Vec<String>,
}

impl Take {
    /// The window as a phrase of `notes`.
    pub fn phrase(&self, notes: &[Note]) -> Box<Phrase> {
        let mut phrase = Box::new(Phrase::new(self.position, self.tempo));
        notes.iter().for_each(|&note| {
            phrase.push(note);
        });
        phrase
    }
}

/// What the classifier makes of a take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    /// The probability of each genre slot, of the window that was heard.
    pub before: [f32; SLOTS],
    /// The same of what was played.
    pub after: [f32; SLOTS],
    /// How much each note of the input speaks for the likeliest genre of `before`, 0..=1.
    pub saliency: Vec<f32>,
}

/// A take, with what is known of it.
pub type Entry = (Arc<Take>, Option<Arc<Analysis>>);

/// The last takes of an instance, the oldest first.
#[derive(Debug, Default)]
pub struct History {
    takes: VecDeque<Entry>,
    count: u64,
    version: u64,
}

impl History {
    /// Changes whenever anything here does.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The takes with what is known of them.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.takes.iter()
    }

    /// Remembers what a job tells of; see [`super::Errand::Remember`]. A late answer takes the place of what
    /// was played for its phrase until then.
    pub fn remember(&mut self, job: &Job, genres: &[String]) {
        if job.input.is_empty() && job.answer.is_empty() {
            return;
        }
        self.version += 1;
        let (generation, position) = (job.ticket.generation, job.input.position);
        let again = |take: &Take| {
            (take.generation, take.position, take.first) == (generation, position, job.settings.first)
        };
        if self.takes.back().is_some_and(|(take, _)| again(take)) {
            self.takes.pop_back();
        } else {
            self.count += 1;
        }
        let report = if let Outcome::Answered(report) = job.outcome { report } else { Report::default() };
        let take = Take {
            id: self.count,
            generation,
            input: job.input.notes.to_vec(),
            played: job.answer.notes.to_vec(),
            position,
            tempo: job.input.tempo,
            first: job.settings.first,
            length: job.length,
            kind: job.kind,
            longest: job.longest,
            settings: job.settings,
            manner: job.manner,
            report,
            stamp: job.ticket.pack,
            genres: genres.to_vec(),
        };
        if self.takes.len() == TAKES {
            self.takes.pop_front();
        }
        self.takes.push_back((Arc::new(take), None));
    }

    /// The newest take of pack `stamp` that nothing is known of.
    pub fn unknown(&self, stamp: u32) -> Option<Arc<Take>> {
        let unknown = |entry: &&Entry| entry.1.is_none() && entry.0.stamp == stamp;
        self.takes.iter().rev().find(unknown).map(|(take, _)| take.clone())
    }

    /// Adds what is known of a take, if it is still here as it was.
    pub fn know(&mut self, take: &Arc<Take>, analysis: Analysis) {
        if let Some(entry) = self.takes.iter_mut().find(|entry| Arc::ptr_eq(&entry.0, take)) {
            entry.1 = Some(Arc::new(analysis));
            self.version += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(position: i64, pitch: u8) -> Box<Job> {
        let mut job = Job::new();
        job.input.clear(position, 120.0);
        job.input.push(Note::new(pitch, 0, 0.5, 0.0, 1.0));
        job.answer.clone_from(&job.input);
        job
    }

    #[test]
    fn the_last_takes_are_kept_and_a_late_answer_replaces_its_own() {
        let mut history = History::default();
        for phrase in 0..TAKES as i64 + 3 {
            history.remember(&job(64 * phrase, 60), &[]);
        }
        let ids: Vec<_> = history.entries().map(|(take, _)| take.id).collect();
        assert_eq!((ids.len(), ids[0], ids[TAKES - 1]), (TAKES, 4, TAKES as u64 + 3));
        let (version, last) = (history.version(), 64 * (TAKES as i64 + 2));
        history.remember(&job(last, 72), &[]);
        let newest = history.entries().next_back().unwrap().0.clone();
        assert_eq!((newest.id, newest.played[0].pitch), (TAKES as u64 + 3, 72));
        assert!(history.version() > version);
        history.remember(&Job::new(), &[]);
        assert_eq!(history.entries().count(), TAKES, "silence is no take");
    }

    #[test]
    fn what_is_known_goes_to_the_take_that_it_is_about() {
        let mut history = History::default();
        history.remember(&job(0, 60), &[]);
        let take = history.unknown(0).unwrap();
        assert!(history.unknown(1).is_none(), "another pack's classifier knows nothing of it");
        history.remember(&job(0, 72), &[]);
        history.know(&take, Analysis::default());
        assert!(history.unknown(0).is_some(), "the take was replaced meanwhile");
        history.know(&history.unknown(0).unwrap(), Analysis::default());
        assert!(history.unknown(0).is_none());
    }
}
