//! Undo and redo: walking through the last answers. The one that is chosen is frozen, with the settings that
//! made it, and the way back to what is played live is kept.
//!
//! The earlier answer is put where a project's frozen phrase is, the audio thread has the worker fetch it,
//! and the player begins it at the next entry. The settings are set as host parameters, each in a gesture.

use std::sync::Arc;

use gui::Control;

use super::takes::{Takes, frozen};
use crate::link::{Played, Shared, Take};
use crate::params::{asked, values};

/// Where the user is.
#[derive(Debug, Default)]
pub struct Undo {
    /// The chosen take; none: live.
    chosen: Option<u64>,
    /// The settings from before.
    live: Vec<(Control, f32)>,
    /// The freeze has reached the parameters: from then on its end means that the user thawed it.
    armed: bool,
    /// The states that were loaded.
    states: u32,
}

/// What parameters are to be set to.
pub type Values = Vec<(Control, f32)>;

impl Undo {
    /// The chosen take; none: live.
    pub fn chosen(&self) -> Option<u64> {
        self.chosen
    }

    /// Notices what others did: to the freeze, and by loading a state (`states` counts those), after which
    /// nothing is left to go back to.
    pub fn follow(&mut self, is_frozen: bool, states: u32) {
        if std::mem::replace(&mut self.states, states) != states {
            *self = Self { states, ..Self::default() };
        }
        self.armed |= is_frozen && self.chosen.is_some();
        if self.armed && !is_frozen {
            (self.chosen, self.armed) = (None, false);
        }
    }

    /// The answers before and after the one that plays.
    fn neighbours<'a>(&self, takes: &'a Takes) -> (Option<&'a Arc<Take>>, Option<&'a Arc<Take>>) {
        let newest = takes.raw.last().map_or(0, |take| take.id);
        let here = self.chosen.unwrap_or(newest);
        let answers = || takes.raw.iter().filter(|take| take.kind == Played::Answer);
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
                values.push((Control::FREEZE, 0.0));
                values
            }
        }
    }

    /// A take becomes the frozen phrase from the next entry on.
    pub fn choose(&mut self, take: &Take, shared: &Shared, now: impl Fn(Control) -> f32) -> Values {
        let mut values = values(&take.settings, &take.manner);
        if self.chosen.is_none() {
            self.live = asked().into_iter().map(|control| (control, now(control))).collect();
        }
        (self.chosen, self.armed) = (Some(take.id), false);
        // Before the parameter: the audio thread then waits for it instead of freezing what plays.
        shared.load_frozen(Some(frozen(take)));
        values.push((Control::FREEZE, 1.0));
        values
    }
}

#[cfg(test)]
mod tests {
    use phrase::Note;

    use super::*;
    use crate::link::Job;

    fn shared(takes: u8) -> Shared {
        let shared = Shared::default();
        for number in 0..takes {
            let mut job = Job::new();
            job.input.clear(64 * i64::from(number), 120.0);
            job.answer.push(Note::new(60 + number, 0, 0.5, 0.0, 1.0));
            (job.kind, job.settings.amount) = (Played::Answer, f32::from(number) / 10.0);
            shared.remember(&job);
        }
        shared
    }

    #[test]
    fn steps_lead_back_through_the_answers_and_forth_to_what_is_live() {
        let (shared, mut takes, mut undo) = (shared(3), Takes::default(), Undo::default());
        takes.update(&shared);
        let now = |_| 0.5;
        assert_eq!(undo.steps(&takes), (true, false));
        let amount =
            |values: &Values| values.iter().find(|(control, _)| *control == Control::AMOUNT).map(|v| v.1);
        let values = undo.back(&takes, &shared, now);
        assert_eq!((undo.chosen(), amount(&values)), (Some(2), Some(0.1)));
        assert_eq!(values.last(), Some(&(Control::FREEZE, 1.0)));
        assert_eq!(shared.frozen(), takes.find(2).map(|take| frozen(take)));
        undo.follow(false, 0);
        undo.follow(true, 0);
        undo.back(&takes, &shared, |_| panic!("the live settings are known"));
        assert_eq!((undo.chosen(), undo.steps(&takes), shared.loaded()), (Some(1), (false, true), 2));
        assert!(undo.back(&takes, &shared, now).is_empty());
        undo.forth(&takes, &shared, now);
        undo.forth(&takes, &shared, now);
        assert_eq!(undo.chosen(), Some(3));
        let values = undo.forth(&takes, &shared, now);
        assert_eq!((undo.chosen(), amount(&values), shared.frozen()), (None, Some(0.5), None));
        assert_eq!(values.last(), Some(&(Control::FREEZE, 0.0)));
    }

    #[test]
    fn who_thaws_by_hand_is_live_again() {
        let (shared, mut takes, mut undo) = (shared(2), Takes::default(), Undo::default());
        takes.update(&shared);
        undo.back(&takes, &shared, |_| 0.0);
        undo.follow(false, 0);
        assert_eq!(undo.chosen(), Some(1), "the host has not heard of it yet");
        undo.follow(true, 0);
        undo.follow(false, 0);
        assert_eq!(undo.chosen(), None);
    }

    #[test]
    fn a_state_that_is_loaded_ends_it_whether_or_not_it_is_frozen() {
        for is_frozen in [false, true] {
            let (shared, mut takes, mut undo) = (shared(2), Takes::default(), Undo::default());
            takes.update(&shared);
            undo.back(&takes, &shared, |_| 0.0);
            undo.follow(true, 0);
            assert_eq!(undo.chosen(), Some(1));
            undo.follow(is_frozen, 1);
            assert_eq!((undo.chosen(), undo.steps(&takes).1), (None, false));
            assert!(undo.forth(&takes, &shared, |_| 0.0).is_empty(), "no settings from before the load");
            undo.follow(is_frozen, 1);
            undo.back(&takes, &shared, |_| 0.0);
            assert_eq!(undo.chosen(), Some(1), "and it begins anew");
        }
    }
}
