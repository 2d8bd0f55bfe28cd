//! What runs on the audio thread. Nothing in here allocates, locks, prints, or waits (but for a bounce, bounded).
//!
//! [`Audio`] leads one instance through time. A phrase takes as many bars as the latency says and ends at its *line*. Half a
//! step before the line it *closes* and is asked for, with the window of four bars that it ends; at its *entry*, which is
//! the line or a margin later, its answer begins and takes as long as the phrase took, while the next one is played. From a
//! beat before the line the phrase is asked for as it stands, so that at the closing the answer is often there.

pub mod answers;
pub mod capture;
pub mod clock;
pub mod controllers;
pub mod event;
pub mod grid;
pub mod options;
pub mod pace;
pub mod player;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use model::Settings;
use nice_plug::midi::{Channel, Key, NoteEvent};
use phrase::{Phrase, STEPS, STEPS_PER_BEAT, first_step};

use crate::live::Show;
use crate::shared::{Heads, Shared, Stage};
use crate::worker::{Desk, Errand};
use answers::{Answers, Found, PATIENCE};
use capture::{CLOSING, Capture};
use clock::{Change, Clock, Span, Transport};
use controllers::{Controllers, PEDAL};
use event::{Address, Event, Io, Kind, Voice, kind, moved, on_channel};
use grid::Grid;
use options::{Fallback, Options, Thru};
use pace::Pace;
use player::{Cue, Player, Source};

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
    /// The options that the phrase being played began with: another latency, margin or shift counts from its line on.
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
    /// What is played repeats.
    frozen: bool,
    /// The worker is to be sent about the frozen phrase.
    errand: Option<Errand>,
    /// The phrase before `line` has closed; notes already belong to the next one.
    closed: bool,
    pending: Option<Pending>,
    /// Its window, once it is behind its line.
    window: Box<Phrase>,
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
            begun,
            start: 0.0,
            line: WINDOW,
            first: 0.0,
            wraps: false,
            realign: None,
            realigned: 0,
            panics: 0,
            loaded: 0,
            frozen: false,
            errand: None,
            closed: false,
            pending: None,
            window: Box::new(Phrase::new(0, 120.0)),
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
        self.player.begin_block(block.options.longest);
        self.pace.block(block.now, f64::from(block.frames) / self.sample_rate);
        self.answers.collect();
        let (change, span) = self.clock.advance(&block.transport, block.frames);
        let switched = std::mem::replace(&mut self.bypassed, block.bypass) != block.bypass;
        // A host that creeps backwards in slips too small for a jump must not take us before our phrase.
        let behind = span.is_some_and(|span| span.at < self.start - 1.0);
        // Bypassed, no time matters: what is held and pedalled there sounds on whatever the transport does.
        let anew = !block.bypass && (behind || change != Change::None);
        let panics = std::mem::replace(&mut self.panics, block.panics) != block.panics;
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
                self.begin(span, block);
            }
        }
        let realigns = std::mem::replace(&mut self.realigned, block.realigned) != block.realigned;
        if let Some(span) = span.filter(|_| realigns && !anew) {
            self.realign = Some(self.grid.bar_from(span.at));
        }
        self.tend_frozen(span.as_ref(), block);
        match span {
            _ if block.bypass => {
                if self.clock.is_free() {
                    self.clock.reset();
                }
                self.bypass(io);
            }
            Some(span) => self.walk(&span, None, block, io),
            None => self.rest(block, io),
        }
        if self.untold {
            let longest = block.options.longest;
            self.untold = !self.answers.send(Errand::Remember, |job| {
                self.player.describe(job);
                job.longest = longest;
            });
        }
        self.meters(span.as_ref());
        self.is_active()
    }

    /// After a panic in [`Audio::process`]: passes the rest of the block's events and ends all that sounds, for nothing
    /// here will be called again that could.
    pub fn give_up(&mut self, frames: u32, io: &mut impl Io) {
        self.bypass(io);
        self.silence(frames.saturating_sub(1), io);
    }

    /// Whether something is still to come out.
    fn is_active(&self) -> bool {
        !self.capture.is_empty()
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
        (self.pending, self.realign) = (None, None);
        self.capture.reset(self.start, self.first, 120.0);
    }

    /// Time starts at a span's first sample: lays the phrase that it is in on the grid.
    fn begin(&mut self, span: &Span, block: &Block) {
        self.begun = self.options(block);
        self.grid.lay(self.begun.plan(), span.bars);
        self.start = self.grid.before(span.at + CLOSING);
        self.first = self.grid.first();
        (self.closed, self.pending, self.realign) = (false, None, None);
        self.set_line(span);
        self.capture.reset(self.start, self.first, span.tempo);
        if self.frozen {
            self.player.resume(self.start, span.at);
        }
    }

    /// The options for a phrase that begins now. Our own clock's bars begin with the first note, so there is nothing to shift.
    fn options(&self, block: &Block) -> Options {
        Options { shift: if self.clock.is_free() { 0 } else { block.options.shift }, ..block.options }
    }

    /// Freezes and thaws what is played, and fetches what a state has brought.
    fn tend_frozen(&mut self, span: Option<&Span>, block: &Block) {
        if std::mem::replace(&mut self.loaded, block.loaded) != block.loaded {
            self.errand = Some(Errand::Fetch);
        }
        // What plays goes on to the next entry.
        let waits = span.is_some() && !block.bypass && self.player.has_phrase();
        if !waits && let Some(job) = self.answers.take_fetched() {
            self.shared.bring(self.loaded);
            let before = self.player.freeze(job);
            self.answers.keep(before);
            self.frozen = true;
            if let Some(span) = span.filter(|_| !block.bypass) {
                self.player.resume(self.start, span.at);
            }
        }
        let awaited =
            self.errand == Some(Errand::Fetch) || self.answers.is_fetching() || self.answers.has_fetched();
        if block.options.freeze != self.frozen && !awaited {
            if self.frozen {
                (self.frozen, self.errand) = (false, Some(Errand::Thaw));
            } else if self.player.has_phrase() {
                (self.frozen, self.errand) = (true, Some(Errand::Freeze));
            }
        }
        if let Some(errand) = self.errand
            && self.answers.send(errand, |job| self.player.write(job))
        {
            self.errand = None;
        }
    }

    /// The line of the phrase that begins at `start`: the grid's next, or where a loop or the user cuts it.
    fn set_line(&mut self, span: &Span) {
        let whole = self.grid.after(self.start).min(self.start + WINDOW);
        let line =
            self.realign.filter(|&line| line > self.start + NEAR).map_or(whole, |line| line.min(whole));
        let next_wrap = |cut: f64| if cut > self.start + NEAR { cut } else { cut + span.pass };
        let cut = span.cut.map(next_wrap).filter(|&cut| cut > self.start + NEAR && cut <= line + NEAR);
        (self.line, self.wraps) = (cut.unwrap_or(line), cut.is_some());
    }

    /// Notes pass at once.
    fn bypass(&mut self, io: &mut impl Io) {
        while let Some(event) = io.next() {
            let sample = event.timing();
            match kind(&event) {
                Kind::On(address, velocity) => self.pass_on(event, sample, address, velocity, io),
                _ => self.pass(event, sample, io),
            }
        }
    }

    /// Nothing rolls: the first note starts our own clock; all else passes at once.
    fn rest(&mut self, block: &Block, io: &mut impl Io) {
        while let Some(event) = io.next() {
            let sample = event.timing().min(block.frames.saturating_sub(1));
            if let Kind::On(..) = kind(&event) {
                let span = self.clock.start(&block.transport, sample, block.frames);
                // Their times are of a clock that has stopped.
                self.controllers.forget();
                self.begin(&span, block);
                return self.walk(&span, Some(event), block, io);
            }
            self.pass(event, sample, io);
        }
    }

    /// Goes through a span: the marks of time and the host's events, in their order. At one sample the closing comes
    /// first (a note on it belongs to the next phrase), then events (a note-off on the line is in time for it), then
    /// the line and what is played.
    fn walk(&mut self, span: &Span, first: Option<Event>, block: &Block, io: &mut impl Io) {
        self.grid.follow(self.begun.plan(), span.bars);
        match span.wrapped {
            // The wrap came without notice, before the line that it makes.
            Some(wrap) if self.start < wrap - 0.5 => (self.line, self.wraps) = (wrap, true),
            // Its line was the wrap, on the last sample before it.
            Some(wrap) if (self.start - wrap).abs() <= 0.5 => self.grid.pin(self.start),
            _ => {}
        }
        if !self.closed && !span.wrapped.is_some_and(|wrap| wrap == self.line) {
            self.set_line(span);
        }
        self.answers.tend(self.player.input(), &self.window, self.capture.closed());
        let late = self.player.next_beat(span.at);
        let mut event = first.or_else(|| io.next());
        let mut now = span.from;
        let mut quiet = false;
        loop {
            let input =
                event.map_or(u32::MAX, |event| event.timing().clamp(now, span.to.saturating_sub(1).max(now)));
            let closing = if self.closed { u32::MAX } else { span.first_from(self.line - CLOSING).max(now) };
            let line = if self.closed { span.sample(self.line).max(now) } else { u32::MAX };
            let entry = self.pending.map_or(u32::MAX, |pending| span.sample(pending.entry).max(now));
            let enters = !self.frozen && self.answers.is_entering() && late < self.next_entry() - NEAR;
            let enter = if enters { span.sample(late).max(now) } else { u32::MAX };
            let repeat = if self.frozen { span.sample(self.player.repeats_at()).max(now) } else { u32::MAX };
            let mark = closing.min(line).min(entry).min(enter).min(repeat);
            if mark >= span.to && event.is_none() {
                break;
            }
            now = mark.min(input);
            self.player.play(span, now, &mut self.controllers, io);
            if closing == now {
                self.close(span, block);
            } else if input == now {
                if let Some(event) = event.take() {
                    self.hear(span, now, event, block, io);
                }
                event = io.next();
            } else if enter == now {
                self.enter_late(late);
            } else if repeat == now {
                self.player.repeat();
            } else if entry == now {
                self.enter(block);
                quiet = !self.is_active();
            } else {
                self.reach_line(span, block);
            }
        }
        self.player.play(span, span.to, &mut self.controllers, io);
        if !block.offline {
            self.ask_ahead(span, block);
        }
        if self.clock.is_free() && quiet && !self.is_active() {
            // Nothing was left at the line and nothing was played since: our own clock rests until the next note. Not on
            // the line itself, for this block may hold notes after it.
            self.clock.reset();
        }
    }

    /// A note or controller of the host.
    fn hear(&mut self, span: &Span, sample: u32, event: Event, block: &Block, io: &mut impl Io) {
        let time = span.time(sample);
        let at_once = block.options.thru != Thru::Wet;
        let mapped = |event| block.options.manner.feel.channel.map_or(event, |to| on_channel(event, to));
        match kind(&event) {
            Kind::On(address, velocity) => {
                let Some(voice) = voice(address) else { return };
                let fits = self.capture.on(time, voice, address.id, velocity);
                if !fits {
                    self.shared.meters.count_overflow();
                }
                if at_once || !fits {
                    self.pass_on(event, sample, address, velocity, io);
                }
            }
            Kind::Off(address) => {
                self.capture.off(time, address);
                self.player.pass_off(sample, address, io);
            }
            Kind::Silence(channel) => {
                self.capture.silence(time, channel);
                self.pass(event, sample, io);
            }
            Kind::Controller if block.options.pedal && is_pedal(&event) => {
                if let NoteEvent::MidiCC { channel, value, .. } = event {
                    self.capture.pedal(time, channel, value >= 0.5);
                }
            }
            Kind::Expression(_) | Kind::Controller if at_once => self.pass(event, sample, io),
            Kind::Expression(address) => {
                // Where the host names its note by number only, the note says which key that is.
                if let Some(voice) = voice(address).or_else(|| self.capture.voice(address)) {
                    let event = mapped(addressed(event, voice));
                    if self.capture.is_early(voice) {
                        self.controllers.push_early(self.line, event);
                    } else {
                        self.controllers.push(time, event);
                    }
                }
            }
            Kind::Controller => self.controllers.push(time, mapped(event)),
            Kind::AtOnce => io.send(moved(event, sample)),
            Kind::Ignored => {}
        }
    }

    fn pass_on(&mut self, event: Event, sample: u32, address: Address, velocity: f32, io: &mut impl Io) {
        if let Some(voice) = voice(address) {
            self.player.pass_on(event, sample, voice, address.id, velocity, io);
        }
    }

    /// Passes what is no note-on at once.
    fn pass(&mut self, event: Event, sample: u32, io: &mut impl Io) {
        match kind(&event) {
            Kind::Off(address) => self.player.pass_off(sample, address, io),
            Kind::Silence(channel) => {
                self.player.silence(sample, channel, io);
                io.send(moved(event, sample));
            }
            Kind::Expression(_) | Kind::Controller => self.controllers.send(moved(event, sample), io),
            Kind::AtOnce => io.send(moved(event, sample)),
            Kind::On(..) | Kind::Ignored => {}
        }
    }

    /// The phrase closes: asks for its answer with the settings of this moment.
    fn close(&mut self, span: &Span, block: &Block) {
        let revision = self.capture.revision();
        self.first = self.first_step();
        self.capture.close(self.line, self.first, span.tempo);
        self.closed = true;
        let (settings, manner) = (self.settings(block), block.options.manner);
        self.answers.close(revision, settings, manner, self.capture.closed());
        self.answers.tend(self.player.input(), &self.window, self.capture.closed());
    }

    /// What is asked of the network for the phrase being played.
    fn settings(&self, block: &Block) -> Settings {
        Settings { first: self.first_step() as u8, ..block.settings }
    }

    /// The phrase's first step in its window, if it ends at the line.
    fn first_step(&self) -> f64 {
        self.first.min(first_step(self.line - self.start) as f64)
    }

    /// The line: the closed phrase is whole and waits for its entry, the next one begins.
    fn reach_line(&mut self, span: &Span, block: &Block) {
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
    fn next_entry(&self) -> f64 {
        let margin = self.begun.margin().min(self.line - self.start);
        self.pending.map_or(self.line + margin, |pending| pending.entry)
    }

    /// The entry of the phrase that is pending: its answer begins, or what is played where there is none.
    fn enter(&mut self, block: &Block) {
        let Some(Pending { line, entry, length, first }) = self.pending else { return };
        let entry = entry.min(self.line);
        if let Some(job) = self.answers.take_fetched() {
            self.shared.bring(self.loaded);
            if block.options.freeze {
                let before = self.player.freeze(job);
                self.answers.keep(before);
                self.frozen = true;
                self.player.resume(entry, entry);
            } else {
                self.answers.keep(Some(job));
            }
        }
        if self.frozen && self.player.has_phrase() {
            self.pending = None;
            self.answers.skip();
            self.controllers.enter(line, entry, length + (entry - line));
            return;
        }
        let patience = if block.offline { PATIENCE } else { self.pace.patience().min(PATIENCE) };
        if !patience.is_zero()
            && !self.answers.wait(patience, self.player.input(), &self.window, self.capture.closed())
            && block.offline
        {
            self.shared.meters.count_timeout();
        }
        let feel = block.options.manner.feel;
        let source = match (self.answers.take(&self.window), block.options.fallback) {
            (found, _) if block.options.thru == Thru::Dry => {
                self.answers.refuse(found);
                Source::Silence
            }
            (Found::Answer(job), _) => Source::Answer(job),
            (Found::Late, Fallback::Silence) => Source::Silence,
            (Found::Late, Fallback::Last) => Source::Again,
            (Found::Late, Fallback::Dry) | (Found::Nothing, _) => Source::Dry(feel),
        };
        self.pending = None;
        let end = if self.next_entry() > entry + length + NEAR { entry + length } else { f64::INFINITY };
        let played = self.player.enter(Cue { entry, first, length, end }, &mut self.window, source);
        self.answers.keep(played);
        self.untold = true;
        self.controllers.enter(line, entry, length + (entry - line));
    }

    /// A late answer comes in.
    fn enter_late(&mut self, time: f64) {
        if let Some(job) = self.answers.take_late(self.player.input()) {
            let played = self.player.enter_late(time, job);
            self.answers.keep(played);
            self.untold = true;
        }
    }

    /// Asks for the phrase as it stands, from a beat before its line and after each change.
    fn ask_ahead(&mut self, span: &Span, block: &Block) {
        let soon = !self.closed && span.time(span.to) >= self.line - AHEAD;
        if soon && !self.capture.is_empty() {
            let settings = self.settings(block);
            let (capture, line, first) = (&self.capture, self.line, settings.first.into());
            self.answers.ask_ahead(capture.revision(), settings, block.options.manner, |input| {
                capture.snapshot(line, first, input);
            });
        }
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

fn is_pedal(event: &Event) -> bool {
    matches!(event, NoteEvent::MidiCC { cc: PEDAL, .. })
}

/// The one note that an address means, where it names one.
fn voice(address: Address) -> Option<Voice> {
    match (address.key, address.channel) {
        (Key::Number(pitch), Channel::Number(channel)) if pitch < 128 && channel < 16 => {
            Some(Voice { pitch, channel })
        }
        _ => None,
    }
}

/// The same expression for the note `voice`.
fn addressed(mut event: Event, voice: Voice) -> Event {
    use nice_plug::midi::NoteEvent::*;
    match &mut event {
        PolyPressure { channel, key, .. }
        | PolyVolume { channel, key, .. }
        | PolyPan { channel, key, .. }
        | PolyTuning { channel, key, .. }
        | PolyVibrato { channel, key, .. }
        | PolyExpression { channel, key, .. }
        | PolyBrightness { channel, key, .. } => {
            *channel = Channel::Number(voice.channel);
            *key = Key::Number(voice.pitch);
        }
        _ => {}
    }
    event
}
