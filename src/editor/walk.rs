//! Undo and redo: walking through the last answers. The one that is chosen is frozen, with the settings that made it, and the
//! way back to what is played live is kept.
//!
//! The earlier answer is put where a project's frozen phrase is, the audio thread has the worker fetch it,
//! and the player begins it at the next entry. The settings are set as host parameters, each in a gesture.

use std::sync::Arc;

use gui::Control;

use super::takes::{Takes, frozen};
use crate::history::{Heard, Take};
use crate::shared::Shared;

/// Where the user is.
#[derive(Debug, Default)]
pub struct Walk {
    /// The chosen take; none: live.
    chosen: Option<u64>,
    /// The settings from before.
    live: Vec<(Control, f32)>,
    /// The freeze has reached the parameters: from then on its end means that the user thawed it.
    armed: bool,
}

/// What parameters are to be set to.
pub type Values = Vec<(Control, f32)>;

impl Walk {
    /// The chosen take; none: live.
    pub fn chosen(&self) -> Option<u64> {
        self.chosen
    }

    /// Notices what others did to the freeze.
    pub fn follow(&mut self, is_frozen: bool) {
        self.armed |= is_frozen && self.chosen.is_some();
        if self.armed && !is_frozen {
            (self.chosen, self.armed) = (None, false);
        }
    }

    /// The answers before and after the one that plays.
    fn neighbours<'a>(&self, takes: &'a Takes) -> (Option<&'a Arc<Take>>, Option<&'a Arc<Take>>) {
        let newest = takes.raw.last().map_or(0, |take| take.id);
        let here = self.chosen.unwrap_or(newest);
        let answers = || takes.raw.iter().filter(|take| take.heard == Heard::Answer);
        (answers().rfind(|take| take.id < here), answers().find(|take| take.id > here))
    }

    /// Whether there is a step back, and one forth.
    pub fn steps(&self, takes: &Takes) -> (bool, bool) {
        (self.neighbours(takes).0.is_some(), self.chosen.is_some())
    }

    /// One back. The parameters to be set, `now` being their values.
    pub fn back(&mut self, takes: &Takes, shared: &Shared, now: impl Fn(Control) -> f32) -> Values {
        let before = self.neighbours(takes).0.cloned();
        before.map_or_else(Vec::new, |take| self.choose(&take, shared, now))
    }

    /// One forth; from the newest on to what is played live.
    pub fn forth(&mut self, takes: &Takes, shared: &Shared, now: impl Fn(Control) -> f32) -> Values {
        if self.chosen.is_none() {
            return Vec::new();
        }
        match self.neighbours(takes).1.cloned() {
            Some(take) => self.choose(&take, shared, now),
            None => {
                (self.chosen, self.armed) = (None, false);
                shared.freeze(None);
                let mut values = std::mem::take(&mut self.live);
                values.push((Control::Freeze, 0.0));
                values
            }
        }
    }

    /// A take becomes the frozen phrase from the next entry on.
    pub fn choose(&mut self, take: &Take, shared: &Shared, now: impl Fn(Control) -> f32) -> Values {
        let mut values = super::knobs::of(take);
        if self.chosen.is_none() {
            let weights = (0..model::SLOTS as u8).map(Control::Weight);
            self.live =
                super::knobs::ALL.into_iter().chain(weights).map(|control| (control, now(control))).collect();
        }
        (self.chosen, self.armed) = (Some(take.id), false);
        // Before the parameter: the audio thread then waits for it instead of freezing what plays.
        shared.load_frozen(Some(frozen(take)));
        values.push((Control::Freeze, 1.0));
        values
    }
}

#[cfg(test)]
mod tests {
    use phrase::Note;

    use super::*;
    use crate::worker::Job;

    fn shared(takes: u8) -> Shared {
        let shared = Shared::default();
        for number in 0..takes {
            let mut job = Job::new();
            job.input.clear(64 * i64::from(number), 120.0);
            job.answer.push(Note::new(60 + number, 0, 0.5, 0.0, 1.0));
            (job.heard, job.settings.amount) = (Heard::Answer, f32::from(number) / 10.0);
            shared.history().remember(&job, &[]);
        }
        shared
    }

    #[test]
    fn steps_lead_back_through_the_answers_and_forth_to_what_is_live() {
        let (shared, mut takes, mut walk) = (shared(3), Takes::default(), Walk::default());
        takes.update(&shared);
        let now = |_| 0.5;
        assert_eq!(walk.steps(&takes), (true, false));
        let amount =
            |values: &Values| values.iter().find(|(control, _)| *control == Control::Amount).map(|v| v.1);
        let values = walk.back(&takes, &shared, now);
        assert_eq!((walk.chosen(), amount(&values)), (Some(2), Some(0.1)));
        assert_eq!(values.last(), Some(&(Control::Freeze, 1.0)));
        assert_eq!(shared.frozen(), takes.find(2).map(|take| frozen(take)));
        walk.follow(false);
        walk.follow(true);
        walk.back(&takes, &shared, |_| panic!("the live settings are known"));
        assert_eq!((walk.chosen(), walk.steps(&takes), shared.loaded()), (Some(1), (false, true), 2));
        assert!(walk.back(&takes, &shared, now).is_empty());
        walk.forth(&takes, &shared, now);
        walk.forth(&takes, &shared, now);
        assert_eq!(walk.chosen(), Some(3));
        let values = walk.forth(&takes, &shared, now);
        assert_eq!((walk.chosen(), amount(&values), shared.frozen()), (None, Some(0.5), None));
        assert_eq!(values.last(), Some(&(Control::Freeze, 0.0)));
    }

    #[test]
    fn who_thaws_by_hand_is_live_again() {
        let (shared, mut takes, mut walk) = (shared(2), Takes::default(), Walk::default());
        takes.update(&shared);
        walk.back(&takes, &shared, |_| 0.0);
        walk.follow(false);
        assert_eq!(walk.chosen(), Some(1), "the host has not heard of it yet");
        walk.follow(true);
        walk.follow(false);
        assert_eq!(walk.chosen(), None);
    }
}
