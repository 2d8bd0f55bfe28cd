//! A phrase's life: asked for ahead, closed, its line, its entry or its late one; and the frozen phrase.
//!
//! On a phrase's time line, in steps with the line at 64: from 60 it is asked for as it stands; at 63.5 it
//! closes; at 64, or a margin later, it enters. Latency, margin and shift count from the next line. One
//! phrase at most is behind its line and has not entered. Where the latency gets longer, what is held ends
//! with its phrase.
//!
//! At one sample the order is: closing, the host's events, the entry, the line; and in what is sent:
//! note-offs, controllers, note-ons, note expressions.

use std::time::Duration;

use model::Settings;
use phrase::{STEPS_PER_BEAT, first_step};

use super::answers::{Found, PATIENCE};
use super::capture::CLOSING;
use super::clock::Span;
use super::options::{Fallback, Thru};
use super::player::{Cue, Entering};
use super::{AHEAD, Audio, Block, NEAR, Pending, WINDOW};
use crate::link::{Errand, Job, Terms};

impl Audio {
    /// Freezes and thaws what is played, and fetches what a state or undo has brought.
    ///
    /// What was brought plays where *Freeze* is on: at once where nothing plays, else at the next entry.
    /// Where it is off, it may still be on its way, for a window brings the phrase first; so the phrase is
    /// kept until the next entry.
    pub(super) fn tend_frozen(&mut self, span: Option<&Span>, block: &Block) {
        if std::mem::replace(&mut self.loaded, block.loaded) != block.loaded {
            self.errand = Some(Errand::Fetch);
        }
        if self.frozen && !block.options.freeze && self.errand != Some(Errand::Fetch) {
            (self.frozen, self.errand) = (false, Some(Errand::Thaw));
        }
        self.run_errand(block);
        // What plays goes on to the next entry.
        let waits = span.is_some() && !block.bypass && self.player.has_phrase();
        if block.options.freeze
            && !waits
            && let Some(job) = self.answers.take_fetched()
        {
            self.shared.bring(self.loaded);
            let before = self.player.freeze(job);
            self.answers.keep(before);
            self.frozen = true;
            if let Some(span) = span.filter(|_| !block.bypass) {
                self.player.resume(self.start, span.at, false);
            }
        }
        let awaited =
            self.errand == Some(Errand::Fetch) || self.answers.is_fetching() || self.answers.has_fetched();
        if block.options.freeze && !self.frozen && !awaited && self.player.has_phrase() {
            (self.frozen, self.errand) = (true, Some(Errand::Freeze));
            self.run_errand(block);
        }
    }

    /// Sends the worker about the frozen phrase. A bounce waits for one that is fetched, so that it is there
    /// from its first moment on, in each bounce.
    fn run_errand(&mut self, block: &Block) {
        let patience = self.patience(block);
        let Self { answers, errand, player, loaded, .. } = self;
        let fill = |job: &mut Job| {
            player.write(job);
            job.loaded = *loaded;
        };
        if !answers.await_fetched(errand, fill, patience) && block.offline {
            self.shared.meters.count_timeout();
        }
    }

    /// How long may be waited in this block without harm: zero on stage.
    fn patience(&self, block: &Block) -> Duration {
        if block.offline { PATIENCE } else { self.pace.patience().min(PATIENCE) }
    }

    /// The line of the phrase that begins at `start`: the grid's next, or where a loop or the user cuts it.
    pub(super) fn set_line(&mut self, span: &Span) {
        let whole = self.grid.after(self.start).min(self.start + WINDOW);
        let line =
            self.realign.filter(|&line| line > self.start + NEAR).map_or(whole, |line| line.min(whole));
        let next_wrap = |cut: f64| if cut > self.start + NEAR { cut } else { cut + span.pass };
        let cut = span.cut.map(next_wrap).filter(|&cut| cut > self.start + NEAR && cut <= line + NEAR);
        (self.line, self.wraps) = (cut.unwrap_or(line), cut.is_some());
    }

    /// The phrase closes: asks for its answer with the settings of this moment.
    pub(super) fn close(&mut self, span: &Span, block: &Block) {
        let revision = self.capture.revision();
        self.first = self.first_step();
        self.capture.close(self.line, self.first, span.tempo);
        self.closed = true;
        let (settings, manner) = (self.settings(block), self.chosen.manner(block.options.manner));
        let length = self.line - self.start;
        match self.capture.closed().is_empty() {
            true => self.rested = self.rested.map(|rested| rested + length),
            false => self.rested = Some(0.0),
        }
        self.plays_on = self.goes_on(block);
        self.answers.close(revision, (settings, manner), self.capture.closed(), self.plays_on);
        self.answers.tend(self.player.input(), &self.window, self.capture.closed());
    }

    /// What is asked of the network for the phrase being played.
    pub(super) fn settings(&self, block: &Block) -> Settings {
        Settings { first: self.first_step() as u8, ..self.chosen.settings(block.settings) }
    }

    /// The phrase's first step in its window, if it ends at the line.
    pub(super) fn first_step(&self) -> f64 {
        self.first.min(first_step(self.line - self.start) as f64)
    }

    /// The line: the closed phrase is whole and waits for its entry, the next one begins.
    pub(super) fn reach_line(&mut self, span: &Span, block: &Block) {
        // A line too soon after the last one leaves that one's phrase no margin.
        self.enter(block);
        let (length, first) = (self.line - self.start, self.first);
        // Entries keep the order of their lines, so that one phrase waits at a time.
        let entry = self.line + self.begun.margin().min(length);
        self.pending = Some(Pending { line: self.line, entry, length, first });
        self.begun = self.options(block);
        self.grid.follow(self.begun.plan(), span.bars);
        if self.wraps || self.realign.is_some_and(|line| line <= self.line + NEAR) {
            self.grid.pin(self.line);
            self.realign = None;
        }
        self.first = self.grid.first();
        self.capture.take(&mut self.window, self.first, self.wraps);
        self.answers.line();
        self.controllers.line();
        self.start = self.line;
        self.closed = false;
        self.set_line(span);
    }

    /// When a phrase enters next, as far as can be told.
    pub(super) fn next_entry(&self) -> f64 {
        let margin = self.begun.margin().min(self.line - self.start);
        self.pending.map_or(self.line + margin, |pending| pending.entry)
    }

    /// The entry of the phrase that is pending: its answer begins, or what is played where there is none.
    pub(super) fn enter(&mut self, block: &Block) {
        let Some(Pending { line, entry, length, first }) = self.pending else { return };
        let entry = entry.min(self.line);
        if let Some(job) = self.answers.take_fetched() {
            self.shared.bring(self.loaded);
            if block.options.freeze {
                let before = self.player.freeze(job);
                self.answers.keep(before);
                self.frozen = true;
                self.player.resume(entry, entry, false);
            } else {
                // Whoever brought it has thought better of it.
                self.answers.keep(Some(job));
                self.errand = Some(Errand::Thaw);
            }
        }
        if self.frozen && self.player.has_phrase() {
            self.pending = None;
            self.answers.skip();
            self.controllers.enter(line, entry, length + (entry - line));
            return;
        }
        let patience = self.patience(block);
        if !patience.is_zero()
            && !self.answers.wait(patience, self.player.input(), &self.window, self.capture.closed())
            && block.offline
        {
            self.shared.meters.count_timeout();
        }
        let manner = block.options.manner;
        let entering = match (self.answers.take(&self.window), block.options.fallback) {
            (found, _) if block.options.thru == Thru::Dry => {
                self.answers.refuse(found);
                Entering::Silence
            }
            (Found::Answer(job), _) => Entering::Answer(job),
            (Found::Late, Fallback::Silence) => Entering::Silence,
            (Found::Late, Fallback::Last) => Entering::Again,
            (Found::Late, Fallback::Dry) | (Found::Nothing, _) => Entering::Dry(manner.band, manner.played()),
        };
        self.pending = None;
        let end = if self.next_entry() > entry + length + NEAR { entry + length } else { f64::INFINITY };
        let played = self.player.enter(Cue { entry, first, length, end }, &mut self.window, entering);
        self.answers.keep(played);
        self.untold = true;
        self.controllers.enter(line, entry, length + (entry - line));
    }

    /// A late answer comes in.
    pub(super) fn enter_late(&mut self, time: f64) {
        if let Some(job) = self.answers.take_late(self.player.input()) {
            let played = self.player.enter_late(time, job);
            self.answers.keep(played);
            self.untold = true;
        }
    }

    /// On stage an answer has the time from the closing to the entry.
    pub(super) fn terms(&self, span: &Span, block: &Block) -> Terms {
        let bounces = block.offline || !self.pace.patience().is_zero();
        let steps = CLOSING + self.begun.margin();
        let deadline = Duration::from_secs_f64(steps * 60.0 / (span.tempo * STEPS_PER_BEAT as f64));
        Terms { processor: block.options.processor, deadline: (!bounces).then_some(deadline) }
    }

    /// Asks for the phrase as it stands, from a beat before its line and after each change.
    pub(super) fn ask_ahead(&mut self, span: &Span, block: &Block) {
        let soon = !self.closed && span.time(span.to) >= self.line - AHEAD;
        // What a pack plays of its own is asked for ahead too: who comes in meanwhile is asked for anew.
        if soon && (!self.capture.is_empty() || self.plays_on) {
            let settings = self.settings(block);
            let (capture, line, first) = (&self.capture, self.line, settings.first.into());
            let manner = self.chosen.manner(block.options.manner);
            self.answers.ask_ahead(capture.revision(), settings, manner, |input| {
                capture.snapshot(line, first, input);
            });
        }
    }
}
