//! What runs on the audio thread. Nothing in here allocates, locks, prints, or waits (but for a bounce,
//! bounded).
//!
//! [`Audio`] leads one instance through time. A phrase takes as many bars as the latency says and ends at its
//! *line*. Half a step before the line it *closes* and is asked for, with the window of four bars that it
//! ends; at its *entry*, which is the line or a margin later, its answer begins and takes as long as the
//! phrase took, while the next one is played. From a beat before the line the phrase is asked for as it
//! stands, so that at the closing the answer is often there.

pub mod answers;
pub mod capture;
pub mod clock;
pub mod controllers;
pub mod event;
pub mod grid;
pub mod options;
pub mod pace;
mod phrases;
pub mod player;
pub mod stage;
#[cfg(test)]
mod tests;
mod through;

use std::sync::Arc;
use std::time::Duration;

use model::{Settings, WhenSilent};
use nice_plug::midi::NoteEvent;
use phrase::{Phrase, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT};

use crate::link::{Desk, Errand, Heads, Shared, Show, Stage, unit};
use answers::Answers;
use capture::{CLOSING, Capture};
use clock::{Change, Clock, Span, Transport};
use controllers::{Controllers, PEDAL};
use event::Io;
use grid::Grid;
use options::Options;
use pace::Pace;
use player::Player;
use stage::Chosen;

/// A window in steps.
const WINDOW: f64 = STEPS as f64;
/// How long before the line, in steps, a phrase is first asked for as it stands.
const AHEAD: f64 = STEPS_PER_BEAT as f64;
/// Times that are nearer than this, in steps, are one.
const NEAR: f64 = 1e-6;

/// What the host and the user say for one block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// The host's transport at the block's start.
    pub transport: Transport,
    /// Samples.
    pub frames: u32,
    /// What is asked of the network.
    pub settings: Settings,
    /// What else the user chose.
    pub options: Options,
    /// How often the user has asked to lay the grid anew.
    pub realigned: u32,
    /// How often the user has asked for silence.
    pub panics: u32,
    /// How often a state has brought a frozen phrase.
    pub loaded: u32,
    /// Notes pass at once, unchanged.
    pub bypass: bool,
    /// The host says that it bounces: waiting is allowed.
    pub offline: bool,
    /// Time since any one moment, to know a bounce by its pace.
    pub now: Duration,
    /// It is a later part of the host's block.
    pub goes_on: bool,
}

impl Block {
    /// The same with numbers in their ranges. Hosts and states hold any: a setting that is no number would
    /// equal no answer's, not even its own, and each answer would be late for ever.
    fn sound(&self) -> Self {
        let mut block = *self;
        let Settings { target, amount, variation, distance, morph, .. } = &mut block.settings;
        let corners = morph.iter_mut().flatten();
        target
            .iter_mut()
            .chain([amount, variation, distance])
            .chain(corners)
            .for_each(|share| *share = unit(*share));
        block.options.manner = block.options.manner.sound();
        block
    }
}

/// A phrase that is behind its line and has not entered yet.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// Its line and its entry, in musical time.
    line: f64,
    entry: f64,
    /// Its length in steps.
    length: f64,
    /// Its first step in its window.
    first: f64,
}

/// One instance on the audio thread.
#[derive(Debug)]
pub struct Audio {
    sample_rate: f64,
    clock: Clock,
    grid: Grid,
    pace: Pace,
    capture: Capture,
    controllers: Controllers,
    player: Player,
    answers: Answers,
    shared: Arc<Shared>,
    /// What programs and keys have chosen.
    chosen: Chosen,
    /// The options that the phrase being played began with: another latency, margin or shift counts from its
    /// line on.
    begun: Options,
    /// Musical times of the phrase being played: its first step and its line.
    start: f64,
    line: f64,
    /// Its first step in its window, so far as it gets no longer than was meant.
    first: f64,
    /// The line is where a loop wraps, and the next phrase starts anew there.
    wraps: bool,
    /// Where the user wants a line.
    realign: Option<f64>,
    realigned: u32,
    panics: u32,
    loaded: u32,
    /// Each part has its channel.
    split: bool,
    /// What is played repeats.
    frozen: bool,
    /// The worker is to be sent about the frozen phrase.
    errand: Option<Errand>,
    /// When the host's last event was heard: where a ramp's next block begins before the end of the last, the
    /// next event still comes after it.
    heard: f64,
    /// The phrase before `line` has closed; notes already belong to the next one.
    closed: bool,
    pending: Option<Pending>,
    /// Its window, once it is behind its line.
    window: Box<Phrase>,
    /// Steps since a phrase closed in which somebody had played; `None` where nobody has yet.
    rested: Option<f64>,
    /// The pack is to play of its own where nobody plays: so it is asked, though nothing was played.
    plays_on: bool,
    /// What sounds must end at the next chance.
    hush: bool,
    bypassed: bool,
    /// The worker is to be told what is played.
    untold: bool,
    /// Shows the phrase being played, where anyone is to see it.
    show: Option<Show>,
}

impl Audio {
    /// An instance at rest. Allocates all that it will ever need.
    pub fn new(desk: Desk, shared: Arc<Shared>) -> Self {
        let begun = Options::default();
        Self {
            sample_rate: 44_100.0,
            clock: Clock::new(44_100.0),
            grid: Grid::new(begun.plan()),
            pace: Pace::default(),
            capture: Capture::new(),
            controllers: Controllers::new(),
            player: Player::new(),
            answers: Answers::new(desk, shared.clone()),
            shared,
            chosen: Chosen::default(),
            begun,
            start: 0.0,
            line: WINDOW,
            first: 0.0,
            wraps: false,
            realign: None,
            realigned: 0,
            panics: 0,
            loaded: 0,
            split: false,
            frozen: false,
            errand: None,
            heard: f64::NEG_INFINITY,
            closed: false,
            pending: None,
            window: Box::new(Phrase::new(0, 120.0)),
            rested: None,
            plays_on: false,
            hush: false,
            bypassed: false,
            untold: false,
            show: None,
        }
    }

    /// Shows the phrase being played from now on.
    pub fn show(&mut self, show: Show) {
        self.show = Some(show);
    }

    /// The host will call with this sample rate from now on.
    pub fn set_sample_rate(&mut self, sample_rate: f64) {
        self.clock = Clock::new(sample_rate);
        self.sample_rate = sample_rate.max(1.0);
        self.pace = Pace::default();
        self.reset();
    }

    /// Starts anew. What sounds is ended in the next block, for a reset has no way to send.
    pub fn reset(&mut self) {
        self.clock.reset();
        self.hush = true;
    }

    /// Processes a block. True while something is still to come out, so that the host must go on calling.
    pub fn process(&mut self, block: &Block, io: &mut impl Io) -> bool {
        let block = &block.sound();
        self.player.begin_block(block.options.longest);
        self.chosen.begin();
        self.pace.block(block.now, f64::from(block.frames) / self.sample_rate, block.goes_on);
        self.answers.collect();
        self.tell(block);
        let (change, span) = self.clock.advance(&block.transport, block.frames);
        let switched = std::mem::replace(&mut self.bypassed, block.bypass) != block.bypass;
        // A host that creeps backwards in slips too small for a jump must not take us before our phrase.
        let behind = span.is_some_and(|span| span.at < self.start - 1.0);
        // Bypassed, no time matters: what is held and pedalled there sounds on whatever the transport does.
        let anew = !block.bypass && (behind || change != Change::None);
        let panics = std::mem::replace(&mut self.panics, block.panics) != block.panics;
        let split = block.options.manner.band.split;
        if std::mem::replace(&mut self.split, split) != split {
            self.controllers.lift(0, io);
        }
        let pedal = block.options.pedal && !block.bypass;
        self.controllers.keep_pedal(pedal, 0, io);
        if let Some(span) = span.filter(|_| !pedal) {
            self.capture.release_pedals(span.at);
        }
        if self.hush || switched || anew || panics {
            self.silence(0, io);
            if panics {
                all_off(io);
            }
            if let Some(span) = &span {
                self.begin(span, block, panics);
            }
        }
        let realigns = std::mem::replace(&mut self.realigned, block.realigned) != block.realigned;
        if let Some(span) = span.filter(|_| realigns && !anew) {
            self.realign = Some(self.grid.bar_from(span.at));
        }
        self.plays_on = span.is_some() && !block.bypass && self.goes_on(block);
        self.tend_frozen(span.as_ref(), block);
        match span {
            _ if block.bypass => {
                if self.clock.is_free() {
                    self.clock.reset();
                }
                self.bypass(Some(block), io);
            }
            Some(span) => self.go_through(&span, None, block, io),
            None => self.rest(block, io),
        }
        self.meters(span.as_ref());
        self.is_active()
    }

    /// Tells the worker what is played since the block before: not in the block of an entry, which has enough
    /// to do.
    fn tell(&mut self, block: &Block) {
        let (player, longest) = (&self.player, block.options.longest);
        self.untold = self.untold
            && !self.answers.send(Errand::Remember, |job| {
                player.describe(job);
                job.longest = longest;
            });
    }

    /// After a panic in [`Audio::process`]: passes the rest of the block's events and ends all that sounds,
    /// for nothing here will be called again that could.
    pub fn give_up(&mut self, frames: u32, io: &mut impl Io) {
        self.bypass(None, io);
        self.silence(frames.saturating_sub(1), io);
    }

    /// Whether the pack is to play of its own at the next line, should nobody play till then.
    fn goes_on(&self, block: &Block) -> bool {
        let Settings { silent, silent_bars, morph, .. } = block.settings;
        let most = (usize::from(silent_bars) * STEPS_PER_BAR) as f64;
        // The worker knows when the last note ended, and stops on time.
        let rested = self.rested.is_some_and(|rested| rested < most + WINDOW);
        morph.is_some() || matches!(silent, WhenSilent::Continue | WhenSilent::Vary) && rested
    }

    /// Whether something is still to come out.
    fn is_active(&self) -> bool {
        self.plays_on
            || !self.capture.is_empty()
            || self.player.is_active()
            || !self.controllers.is_empty()
            || self.answers.is_wanted()
            || self.pending.is_some() && !self.window.is_empty()
            || self.frozen && self.player.has_phrase()
    }

    /// Ends all that sounds and forgets all that is pending.
    fn silence(&mut self, sample: u32, io: &mut impl Io) {
        self.hush = false;
        self.player.release(sample, io);
        self.controllers.neutral(sample, io);
        let played = self.player.forget(self.frozen);
        self.answers.keep(played);
        self.answers.forget();
        (self.pending, self.realign, self.rested) = (None, None, None);
        self.capture.reset(self.start, self.first, 120.0);
    }

    /// Time starts at a span's first sample: lays the phrase that it is in on the grid. What is frozen goes
    /// on; after a panic it is `silent` until it repeats.
    fn begin(&mut self, span: &Span, block: &Block, silent: bool) {
        self.begun = self.options(block);
        self.grid.lay(self.begun.plan(), span.bars);
        self.start = self.grid.before(span.at + CLOSING);
        self.first = self.grid.first();
        (self.closed, self.pending, self.realign) = (false, None, None);
        self.heard = f64::NEG_INFINITY;
        self.set_line(span);
        self.capture.reset(self.start, self.first, span.tempo);
        if self.frozen {
            self.player.resume(self.start, span.at, silent);
        }
    }

    /// The options for a phrase that begins now. Our own clock's bars begin with the first note, so there is
    /// nothing to shift.
    fn options(&self, block: &Block) -> Options {
        Options { shift: if self.clock.is_free() { 0 } else { block.options.shift }, ..block.options }
    }

    fn meters(&mut self, span: Option<&Span>) {
        // Between its closing and its line a phrase is still the one that is played.
        if let Some(show) = self.show.as_mut().filter(|_| !self.closed) {
            let (start, line, first, capture) = (self.start, self.line, self.first, &self.capture);
            let shown = show.show((capture.revision(), self.shared.opened()), |live| {
                (live.first, live.line) = (first, first + line - start);
                capture.snapshot(line, first, &mut live.phrase);
            });
            if shown {
                self.shared.wake();
            }
        }
        let meters = &self.shared.meters;
        meters.set_lost(self.controllers.lost());
        let beats = span
            .map_or(0.0, |span| (self.next_entry() - span.time(span.to)).max(0.0) / STEPS_PER_BEAT as f64);
        let stage = match span {
            _ if self.bypassed => Stage::Bypassed,
            None => Stage::Resting,
            Some(_) if self.capture.is_empty() => Stage::Listening,
            Some(_) => Stage::Playing,
        };
        if meters.stage().0 != stage {
            self.shared.wake();
        }
        meters.set_stage(stage, beats);
        let step = |time: Option<f64>| time.map_or(f32::NAN, |time| time as f32);
        let now = span.filter(|_| !self.bypassed).map(|span| span.time(span.to));
        meters.set_heads(Heads {
            input: step(now.map(|now| now - self.start + self.first)),
            output: step(now.and_then(|now| self.player.step(now))),
            tempo: span.map_or(120.0, |span| span.tempo as f32),
        });
    }
}

/// Tells whoever listens to end all notes, also those that are not of ours.
fn all_off(io: &mut impl Io) {
    for channel in 0..16 {
        for cc in [PEDAL, 123, 120] {
            io.send(NoteEvent::MidiCC { timing: 0, channel, cc, value: 0.0 });
        }
    }
}
