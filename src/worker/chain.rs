//! What each answer goes on from: the end of the answer before it, what was heard last and how that swung.
//!
//! It belongs to an instance and to one stretch of time: a start, a stop or a jump forgets it. So a bounce, a
//! performance and a loop's every pass go on from the same answers.

use std::sync::Arc;

use arrayvec::ArrayVec;
use model::{Heard, Past};
use phrase::{Roll, STEPS, SwingHistory};

use super::around::Around;
use crate::link::{Job, ModelRolls, Outcome, Ticket};

/// Windows that are remembered: the one before what is asked for, and those that may be asked for again.
const WINDOWS: usize = 4;

#[derive(Clone, Debug)]
struct Window {
    ticket: Ticket,
    position: i64,
    first: u8,
    past: Past,
    /// What was heard last, counted to the first step that is played after this window.
    heard: Option<Heard>,
    /// How what was played up to its end swung.
    swing: SwingHistory,
}

/// The latest answers of an instance.
#[derive(Debug, Default)]
pub struct Chain {
    /// The oldest first.
    windows: ArrayVec<Window, WINDOWS>,
}

impl Chain {
    /// What was answered for the 64 steps in front of what a job asks for, what was heard last, and how that
    /// swung, among the user's models.
    pub fn around(&self, job: &Job, models: Arc<ModelRolls>) -> Around {
        let Some(window) = self.window(job) else { return Around { models, ..Around::default() } };
        let swing = window.swing.before(new_onsets(job));
        Around { before: window.past.before().copied(), heard: window.heard, swing, models }
    }

    /// The window in front of what a job asks for.
    fn window(&self, job: &Job) -> Option<&Window> {
        let first = job.settings.first;
        let start = job.input.position - (STEPS as i64 - i64::from(first));
        let is_before = |window: &&Window| {
            (window.position, window.first) == (start, first) && time(window.ticket) == time(job.ticket)
        };
        self.windows.iter().find(is_before)
    }

    /// Remembers a job that was done. Of a window the newest answer counts.
    pub fn answered(&mut self, job: &Job) {
        let Outcome::Answered(_) = job.outcome else { return };
        let (ticket, position, first) = (job.ticket, job.input.position, job.settings.first);
        let before = self.window(job);
        let mut past = before.map_or_else(Past::default, |window| window.past);
        past.go_on(&job.said.cells, first.into());
        let answer = past.before().copied().unwrap_or(Roll::EMPTY);
        let heard = heard(&job.input.roll(), first.into(), answer, before.and_then(|window| window.heard));
        let mut swing = before.map_or_else(SwingHistory::default, |window| window.swing.clone());
        swing.go_on(new_onsets(job), job.said.timing.heard);
        let window = Window { ticket, position, first, past, heard, swing };
        self.windows
            .retain(|other| time(other.ticket) == time(window.ticket) && other.position != window.position);
        if self.windows.is_full() {
            self.windows.remove(0);
        }
        self.windows.push(window);
    }
}

/// What was heard last, after a window of `played` cells was answered of which those from `first` on are new.
fn heard(played: &Roll, first: usize, answer: Roll, before: Option<Heard>) -> Option<Heard> {
    let new = (STEPS - first.min(STEPS)) as u32;
    match (first..STEPS).rev().find(|&step| played.sounding[step] != 0) {
        Some(last) => Some(Heard { answer, since: 0, rested: (STEPS - 1 - last) as u32 }),
        None => before.map(|heard| Heard { since: heard.since + new, rested: heard.rested + new, ..heard }),
    }
}

/// Where notes start that no window before had, in steps and in order of time.
fn new_onsets(job: &Job) -> impl Iterator<Item = f64> {
    let new = f64::from(job.settings.first) - 0.5;
    job.input.notes.iter().filter(move |note| !note.tied_in && note.onset >= new).map(|note| note.onset)
}

/// The stretch of time, and the pack, that a chain belongs to.
fn time(ticket: Ticket) -> (u32, u32) {
    (ticket.generation, ticket.pack)
}

#[cfg(test)]
mod tests {
    use model::{Answer, Report};

    use super::*;

    /// A job about the window at `position`, answered with one cell in row `row` of each step.
    fn job(generation: u32, position: i64, first: u8, row: usize) -> Box<Job> {
        let mut job = Job::new();
        job.ticket.generation = generation;
        job.input.position = position;
        job.settings.first = first;
        job.said = Answer::of(Roll::from_cells(|_, at| at == row));
        job.outcome = Outcome::Answered(Report::default());
        job
    }

    /// What a chain tells a job.
    fn before(chain: &Chain, job: &Job) -> (Option<Roll>, Option<Heard>) {
        let around = chain.around(job, Arc::default());
        (around.before, around.heard)
    }

    fn rows(before: Option<Roll>) -> Vec<u32> {
        before.map_or(Vec::new(), |roll| roll.sounding.iter().map(|bits| bits.trailing_zeros()).collect())
    }

    #[test]
    fn phrases_go_on_from_each_other_until_a_jump() {
        let mut chain = Chain::default();
        assert_eq!(before(&chain, &job(1, 0, 0, 5)).0, None);
        chain.answered(&job(1, 0, 0, 5));
        // Asked again, with another note: the newest answer counts.
        chain.answered(&job(1, 0, 0, 6));
        assert_eq!(rows(before(&chain, &job(1, 64, 0, 7)).0), [6; STEPS]);
        assert_eq!(before(&chain, &job(1, 128, 0, 7)).0, None, "a phrase was left out");
        assert_eq!(before(&chain, &job(2, 64, 0, 7)).0, None, "a jump forgets");
        let other_pack = Job { ticket: Ticket { pack: 9, ..job(1, 64, 0, 7).ticket }, ..*job(1, 64, 0, 7) };
        assert_eq!(before(&chain, &other_pack).0, None);
        // What was not answered is not gone on from.
        chain.answered(&Job { outcome: Outcome::NoNetwork, ..*job(1, 64, 0, 7) });
        assert_eq!(before(&chain, &job(1, 128, 0, 8)).0, None);
        // A late answer of the new time leaves nothing of the old one.
        chain.answered(&job(2, 64, 0, 7));
        assert_eq!(before(&chain, &job(1, 64, 0, 7)).0, None);
    }

    #[test]
    fn windows_that_slide_go_on_from_what_was_played_of_each() {
        let mut chain = Chain::default();
        for (bar, row) in (0..6).zip(10..) {
            chain.answered(&job(1, bar * 16, 48, row));
        }
        let known = rows(before(&chain, &job(1, 6 * 16, 48, 0)).0);
        assert_eq!(known, [[12; 16], [13; 16], [14; 16], [15; 16]].concat());
        assert_eq!(before(&chain, &job(1, 6 * 16, 32, 0)).0, None, "the latency was changed");
    }

    #[test]
    fn what_was_heard_is_kept_with_how_long_ago_that_was() {
        let mut chain = Chain::default();
        let ask = |window: i64, notes: &[(f64, f64)]| {
            let mut job = job(1, 64 * window, 0, window as usize);
            job.input.clear(64 * window, 120.0);
            for &(onset, length) in notes {
                job.input.push(phrase::Note::new(60, 0, 0.5, onset, length));
            }
            job
        };
        assert_eq!(before(&chain, &ask(0, &[])).1, None);
        chain.answered(&ask(0, &[]));
        assert_eq!(before(&chain, &ask(1, &[])).1, None, "nobody has played yet");
        chain.answered(&ask(1, &[(0.0, 40.0)]));
        let one = Heard { answer: ask(1, &[]).said.cells, since: 0, rested: 24 };
        assert_eq!(before(&chain, &ask(2, &[])).1, Some(one));
        chain.answered(&ask(2, &[]));
        assert_eq!(before(&chain, &ask(3, &[])).1, Some(Heard { since: 64, rested: 88, ..one }));
        chain.answered(&ask(3, &[(60.0, 4.0)]));
        assert_eq!(
            before(&chain, &ask(4, &[])).1,
            Some(Heard { answer: ask(3, &[]).said.cells, since: 0, rested: 0 })
        );
    }

    #[test]
    fn swing_is_handed_on_until_it_ends_or_time_jumps() {
        let mut chain = Chain::default();
        let answered = |position: i64, ratio: f64| {
            let mut job = job(1, position, 0, 5);
            job.said.timing.heard = ratio;
            job
        };
        let swing = |chain: &Chain, job: &Job| chain.around(job, Arc::default()).swing;
        chain.answered(&answered(0, 0.62));
        assert_eq!(swing(&chain, &answered(64, 0.5)), Some(0.62));
        assert_eq!(swing(&chain, &job(2, 64, 0, 5)), None, "a jump forgets");
        chain.answered(&answered(64, 0.5));
        assert_eq!(swing(&chain, &answered(128, 0.5)), None, "straight");
        // Three late off-beats in each of these windows, of which only the last bar is new.
        let late = |bar: i64| {
            let mut job = job(3, 16 * bar, 48, 5);
            for beat in 0..16 {
                job.input.push(phrase::Note::new(60, 0, 0.5, f64::from(4 * beat), 1.0));
                if beat % 4 != 3 {
                    job.input.push(phrase::Note::new(60, 0, 0.5, f64::from(4 * beat) + 2.6, 1.0));
                }
            }
            job
        };
        let heard = |bars: i64| {
            let mut chain = Chain::default();
            (0..bars).for_each(|bar| chain.answered(&late(bar)));
            swing(&chain, &late(bars))
        };
        assert_eq!((heard(0), heard(1)), (None, None), "8 off-beats at least, and none counts twice");
        assert!(heard(2).is_some_and(|ratio| (ratio - 0.65).abs() < 0.01), "{:?}", heard(2));
    }
}
