//! Going through a block: the marks of time and the host's events, in their order.

use nice_plug::midi::{Channel, Key, NoteEvent};
use phrase::BandPart;

use super::capture::CLOSING;
use super::clock::Span;
use super::controllers::PEDAL;
use super::event::{Address, Event, Io, Kind, Voice, kind, moved, on_channel};
use super::options::{Options, Thru};
use super::{Audio, Block, NEAR};

impl Audio {
    /// Notes pass at once; what chooses, in a block, still does, and is no music.
    pub(super) fn bypass(&mut self, block: Option<&Block>, io: &mut impl Io) {
        while let Some(event) = io.next() {
            let sample = event.timing();
            if block.is_some_and(|block| self.chooses(&event, sample, block, io)) {
                continue;
            }
            match kind(&event) {
                Kind::On(address, velocity) => self.pass_on(sample, address, velocity, io),
                _ => self.pass(event, sample, io),
            }
        }
    }

    /// Nothing rolls: the first note starts our own clock; all else passes at once.
    pub(super) fn rest(&mut self, block: &Block, io: &mut impl Io) {
        while let Some(event) = io.next() {
            let sample = event.timing().min(block.frames.saturating_sub(1));
            if self.chooses(&event, sample, block, io) {
                continue;
            }
            if let Kind::On(..) = kind(&event) {
                let span = self.clock.start(&block.transport, sample, block.frames);
                // Their times are of a clock that has stopped.
                self.controllers.forget();
                self.begin(&span, block, false);
                return self.go_through(&span, Some(event), block, io);
            }
            self.pass(event, sample, io);
        }
    }

    /// Goes through a span: the marks of time and the host's events, in their order. At one sample the
    /// closing comes first (a note on it belongs to the next phrase), then events (a note-off on the line is
    /// in time for it), then the line and what is played.
    pub(super) fn go_through(&mut self, span: &Span, first: Option<Event>, block: &Block, io: &mut impl Io) {
        self.grid.follow(self.begun.plan(), span.bars);
        self.answers.set_terms(self.terms(span, block));
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
                if let Some(event) = event.take().filter(|event| !self.chooses(event, now, block, io)) {
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
            // Nothing was left at the line and nothing was played since: our own clock rests until the next
            // note. Not on the line itself, for this block may hold notes after it.
            self.clock.reset();
        }
    }

    /// Whether an event only chooses a target or a key.
    fn chooses(&mut self, event: &Event, sample: u32, block: &Block, io: &mut impl Io) -> bool {
        let Options { switches, manner, .. } = &block.options;
        self.chosen.takes(event, *switches, manner.guards.key, sample, io)
    }

    /// A note or controller of the host.
    pub(super) fn hear(&mut self, span: &Span, sample: u32, event: Event, block: &Block, io: &mut impl Io) {
        self.heard = span.time(sample).max(self.heard);
        let time = self.heard;
        let at_once = block.options.thru != Thru::Wet;
        let manner = &block.options.manner;
        // Where the parts are split, what is played for all of them goes to each.
        let copies = if manner.band.split { BandPart::ALL.len() as u8 } else { 1 };
        let mapped = |event, copy: u8| match manner.band.split {
            true => on_channel(event, copy),
            false => manner.feel.channel.map_or(event, |to| on_channel(event, to)),
        };
        match kind(&event) {
            Kind::On(address, velocity) => {
                let Some(voice) = voice(address) else { return };
                let fits = self.capture.on(time, voice, address.id, velocity);
                if !fits {
                    self.shared.meters.count_overflow();
                }
                if at_once || !fits {
                    self.pass_on(sample, address, velocity, io);
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
                    let event = addressed(event, voice);
                    for event in (0..copies).map(|copy| mapped(event, copy)) {
                        if self.capture.is_early(voice) {
                            self.controllers.push_early(self.line, event);
                        } else {
                            self.controllers.push(time, event);
                        }
                    }
                }
            }
            Kind::Controller => {
                (0..copies).for_each(|copy| self.controllers.push(time, mapped(event, copy)));
            }
            Kind::AtOnce => io.send(moved(event, sample)),
            Kind::Ignored => {}
        }
    }

    /// Passes a note-on at once.
    fn pass_on(&mut self, sample: u32, address: Address, velocity: f32, io: &mut impl Io) {
        if let Some(voice) = voice(address) {
            self.player.pass_on(sample, voice, address.id, velocity, io);
        }
    }

    /// Passes what is no note-on at once.
    pub(super) fn pass(&mut self, event: Event, sample: u32, io: &mut impl Io) {
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
