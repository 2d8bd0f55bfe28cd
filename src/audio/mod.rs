//! What runs on the audio thread. Nothing in here allocates, locks, prints, or waits (but for a bounce, bounded).
//!
//! [`Audio`] leads one instance through time. A phrase lasts 64 steps and ends at its *line*. Half a step before the
//! line it *closes* and is asked for; at the line its answer begins and takes as long as the phrase took, while the
//! next one is played. From a beat before the line the phrase is asked for as it stands, so that at the closing the
//! answer is often there.

pub mod answers;
pub mod capture;
pub mod clock;
pub mod controllers;
pub mod event;
pub mod player;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::Settings;
use nice_plug::midi::{Channel, Key};
use phrase::{STEPS, STEPS_PER_BEAT};

use crate::shared::{Shared, Stage};
use crate::worker::Desk;
use answers::Answers;
use capture::{CLOSING, Capture};
use clock::{Change, Clock, Span, Transport};
use controllers::Controllers;
use event::{Address, Event, Io, Kind, Voice, kind, moved};
use player::Player;

/// A phrase in steps.
const PHRASE: f64 = STEPS as f64;
/// How long before the line, in steps, a phrase is first asked for as it stands.
const AHEAD: f64 = STEPS_PER_BEAT as f64;

/// What the host and the user say for one block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// The host's transport at the block's start.
    pub transport: Transport,
    /// Samples.
    pub frames: u32,
    /// What is asked of the network.
    pub settings: Settings,
    /// Notes pass at once, unchanged.
    pub bypass: bool,
    /// A bounce: waiting is allowed.
    pub offline: bool,
}

/// One instance on the audio thread.
#[derive(Debug)]
pub struct Audio {
    clock: Clock,
    capture: Capture,
    controllers: Controllers,
    player: Player,
    answers: Answers,
    shared: Arc<Shared>,
    /// Musical times of the phrase being played: its first step and its line.
    start: f64,
    line: f64,
    /// The phrase before `line` has closed; notes already belong to the next one.
    closed: bool,
    /// What sounds must end at the next chance.
    hush: bool,
    bypassed: bool,
}

impl Audio {
    /// An instance at rest. Allocates all that it will ever need.
    pub fn new(desk: Desk, shared: Arc<Shared>) -> Self {
        Self {
            clock: Clock::new(44_100.0),
            capture: Capture::new(),
            controllers: Controllers::new(),
            player: Player::new(),
            answers: Answers::new(desk, shared.clone()),
            shared,
            start: 0.0,
            line: PHRASE,
            closed: false,
            hush: false,
            bypassed: false,
        }
    }

    /// The host will call with this sample rate from now on.
    pub fn set_sample_rate(&mut self, sample_rate: f64) {
        self.clock = Clock::new(sample_rate);
        self.reset();
    }

    /// Starts anew. What sounds is ended in the next block, for a reset has no way to send.
    pub fn reset(&mut self) {
        self.clock.reset();
        self.hush = true;
    }

    /// Processes a block. True while something is still to come out, so that the host must go on calling.
    pub fn process(&mut self, block: &Block, io: &mut impl Io) -> bool {
        self.player.begin_block();
        self.answers.collect();
        let (change, span) = self.clock.advance(&block.transport, block.frames);
        let switched = std::mem::replace(&mut self.bypassed, block.bypass) != block.bypass;
        // A host that creeps backwards in slips too small for a jump must not take us before our phrase.
        let behind = span.is_some_and(|span| span.at < self.start - 1.0);
        // Bypassed, no time matters: what is held and pedalled there sounds on whatever the transport does.
        let anew = !block.bypass && (behind || change != Change::None);
        if self.hush || switched || anew {
            self.silence(0, io);
            if let Some(span) = &span {
                self.begin(span);
            }
        }
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
    }

    /// Ends all that sounds and forgets all that is pending.
    fn silence(&mut self, sample: u32, io: &mut impl Io) {
        self.hush = false;
        self.player.release(sample, io);
        self.controllers.neutral(sample, io);
        let played = self.player.forget();
        self.answers.keep(played);
        self.answers.forget();
        self.capture.reset(self.start, 120.0);
    }

    /// Time starts at a span's first sample: lays the phrase that it is in on the grid of four bars.
    fn begin(&mut self, span: &Span) {
        self.start = ((span.at + CLOSING) / PHRASE).floor() * PHRASE;
        self.closed = false;
        self.set_line(span);
        self.capture.reset(self.start, span.tempo);
    }

    /// The line of the phrase that begins at `start`: four bars on, or where a loop cuts it.
    fn set_line(&mut self, span: &Span) {
        let whole = self.start + PHRASE;
        self.line = span.cut.filter(|&cut| cut > self.start + 1e-6).map_or(whole, |cut| cut.min(whole));
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
                self.begin(&span);
                return self.walk(&span, Some(event), block, io);
            }
            self.pass(event, sample, io);
        }
    }

    /// Goes through a span: the marks of time and the host's events, in their order. At one sample the closing comes
    /// first (a note on it belongs to the next phrase), then events (a note-off on the line is in time for it), then
    /// the line and what is played.
    fn walk(&mut self, span: &Span, first: Option<Event>, block: &Block, io: &mut impl Io) {
        match span.wrapped {
            // The wrap came without notice, before the line that it makes.
            Some(wrap) if self.start < wrap - 0.5 => self.line = wrap,
            _ if !self.closed => self.set_line(span),
            _ => {}
        }
        self.answers.tend(self.capture.closed(), self.player.dry());
        let entry = self.player.next_beat(span.at).filter(|_| self.answers.is_entering());
        let mut event = first.or_else(|| io.next());
        let mut now = span.from;
        let mut quiet = false;
        loop {
            let input =
                event.map_or(u32::MAX, |event| event.timing().clamp(now, span.to.saturating_sub(1).max(now)));
            let closing = if self.closed { u32::MAX } else { span.first_from(self.line - CLOSING).max(now) };
            let line = if self.closed { span.sample(self.line).max(now) } else { u32::MAX };
            let enter = match entry {
                Some(time) if self.answers.is_entering() && time < self.line => span.sample(time).max(now),
                _ => u32::MAX,
            };
            let mark = closing.min(line).min(enter);
            if mark >= span.to && event.is_none() {
                break;
            }
            now = mark.min(input);
            self.player.play(span, now, &mut self.controllers, io);
            if closing == now {
                self.close(span, block);
            } else if input == now {
                if let Some(event) = event.take() {
                    self.hear(span, now, event, io);
                }
                event = io.next();
            } else if enter == now {
                self.enter(entry.unwrap_or(self.line));
            } else {
                self.reach_line(span, block);
                quiet = !self.is_active();
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
    fn hear(&mut self, span: &Span, sample: u32, event: Event, io: &mut impl Io) {
        let time = span.time(sample);
        match kind(&event) {
            Kind::On(address, velocity) => {
                let Some(voice) = voice(address) else { return };
                if !self.capture.on(time, voice, address.id, velocity) {
                    self.shared.meters.count_overflow();
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
            Kind::Expression(address) => {
                // Where the host names its note by number only, the note says which key that is.
                if let Some(voice) = voice(address).or_else(|| self.capture.voice(address)) {
                    let event = addressed(event, voice);
                    if self.capture.is_early(voice) {
                        self.controllers.push_early(self.line, event);
                    } else {
                        self.controllers.push(time, event);
                    }
                }
            }
            Kind::Controller => self.controllers.push(time, event),
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
        self.capture.close(self.line, span.tempo);
        self.closed = true;
        self.answers.close(revision, block.settings, self.capture.closed());
        self.answers.tend(self.capture.closed(), self.player.dry());
    }

    /// The line: the closed phrase's answer begins, or the phrase itself where there is none.
    fn reach_line(&mut self, span: &Span, block: &Block) {
        if block.offline {
            self.answers.wait(self.capture.closed(), self.player.dry());
        }
        let answer = self.answers.take(self.capture.closed());
        let played = self.player.begin(self.line, |used| self.capture.take(used), answer);
        self.answers.keep(played);
        self.controllers.line(self.line, self.line - self.start);
        self.start = self.line;
        self.closed = false;
        self.set_line(span);
    }

    /// A late answer comes in.
    fn enter(&mut self, time: f64) {
        if let Some(job) = self.answers.take_late(self.player.dry()) {
            let played = self.player.enter(time, job);
            self.answers.keep(played);
        }
    }

    /// Asks for the phrase as it stands, from a beat before its line and after each change.
    fn ask_ahead(&mut self, span: &Span, block: &Block) {
        let soon = !self.closed && span.time(span.to) >= self.line - AHEAD;
        if soon && !self.capture.is_empty() {
            let (capture, line) = (&self.capture, self.line);
            self.answers.ask_ahead(capture.revision(), block.settings, |input| capture.snapshot(line, input));
        }
    }

    fn meters(&self, span: Option<&Span>) {
        let meters = &self.shared.meters;
        meters.set_lost(self.controllers.lost());
        let beats =
            span.map_or(0.0, |span| (self.line - span.time(span.to)).max(0.0) / STEPS_PER_BEAT as f64);
        let stage = match span {
            _ if self.bypassed => Stage::Bypassed,
            None => Stage::Resting,
            Some(_) if self.capture.is_empty() => Stage::Listening,
            Some(_) => Stage::Playing,
        };
        meters.set_stage(stage, beats);
    }
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
