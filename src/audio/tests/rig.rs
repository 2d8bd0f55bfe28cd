//! A host on paper: a transport, events by elapsed sample, and a check that what comes out is well-formed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use model::Settings;
use nice_plug::midi::{Channel, Key, NoteEvent, VoiceID};

use crate::audio::clock::Transport;
use crate::audio::event::{Event, Io, Voice, moved, note_off, note_on};
use crate::audio::options::Options;
use crate::audio::stage::Choice;
use crate::audio::{Audio, Block};
use crate::link::{PackView, Shared};
use crate::worker::fake::{Fake, Way};
use crate::worker::{PackSource, Seat, Worker};

/// A host's event queues on paper.
#[derive(Debug, Default)]
pub struct Tape {
    /// What comes in, in order.
    pub input: VecDeque<Event>,
    /// What was sent.
    pub sent: Vec<Event>,
    /// What was chosen, with its sample.
    pub chosen: Vec<(Choice, u32)>,
}

impl Io for Tape {
    fn next(&mut self) -> Option<Event> {
        self.input.pop_front()
    }

    fn send(&mut self, event: Event) {
        self.sent.push(event);
    }

    fn choose(&mut self, choice: Choice, sample: u32) {
        self.chosen.push((choice, sample));
    }
}

/// A note as it came out: pitch, and the samples of its on and off.
pub type Played = (u8, u64, u64);

/// An instance with a worker of its own, in a host.
pub struct Rig {
    pub audio: Audio,
    pub seat: Seat,
    pub shared: Arc<Shared>,
    pub worker: Arc<Worker>,
    pub fake: Fake,
    pub rate: f64,
    pub tempo: f64,
    pub block: u32,
    pub playing: bool,
    pub cycle: Option<(f64, f64)>,
    pub offline: bool,
    pub bypass: bool,
    pub settings: Settings,
    pub options: Options,
    pub realigned: u32,
    pub panics: u32,
    /// A bar's length in beats.
    pub bar: Option<f64>,
    /// The host tells the tempo, and its position.
    pub tells: (bool, bool),
    /// How many times faster than its clock the host goes.
    pub pace: f64,
    pub active: bool,
    /// Host position in beats at `anchor`.
    beats: f64,
    anchor: u64,
    /// Samples that were processed.
    pub elapsed: u64,
    /// What comes in, by elapsed sample.
    pub input: Vec<(u64, Event)>,
    /// What came out, by elapsed sample.
    pub log: Vec<(u64, Event)>,
    /// What was chosen, by elapsed sample: parameters have it from the next block on, as with a host.
    pub chosen: Vec<(u64, Choice)>,
    sounding: Vec<Voice>,
}

impl Rig {
    pub fn new(way: Way) -> Self {
        let fake = Fake::new(way);
        Self::at(Worker::start(Arc::new(fake.clone())).unwrap(), fake)
    }

    /// An instance at another one's worker.
    pub fn beside(&self) -> Self {
        Self::at(self.worker.clone(), self.fake.clone())
    }

    fn at(worker: Arc<Worker>, fake: Fake) -> Self {
        let shared = Arc::new(Shared::default());
        let (desk, seat) = worker.enter(shared.clone());
        shared.announce(1, PackView::default());
        seat.choose(1, Some(PackSource::Default));
        shared.publish(1);
        let mut audio = Audio::new(desk, shared.clone());
        audio.set_sample_rate(48_000.0);
        Self {
            audio,
            seat,
            shared,
            worker,
            fake,
            rate: 48_000.0,
            tempo: 120.0,
            block: 512,
            playing: true,
            cycle: None,
            offline: true,
            bypass: false,
            settings: Settings::to(0),
            options: Options::default(),
            realigned: 0,
            panics: 0,
            bar: None,
            tells: (true, true),
            pace: 1.0,
            active: false,
            beats: 0.0,
            anchor: 0,
            elapsed: 0,
            input: Vec::new(),
            log: Vec::new(),
            chosen: Vec::new(),
            sounding: Vec::new(),
        }
    }

    pub fn at_rate(rate: f64, block: u32) -> Self {
        let mut rig = Self::new(Way::Octaves);
        rig.audio.set_sample_rate(rate);
        (rig.rate, rig.block) = (rate, block);
        rig
    }

    /// The elapsed sample of a time in steps, as a host rounds it.
    pub fn sample(&self, steps: f64) -> u64 {
        phrase::nearest(steps / 4.0 * 60.0 / self.tempo * self.rate).max(0) as u64
    }

    /// A note to come, in steps from the start of the run.
    pub fn note(&mut self, pitch: u8, from: f64, to: f64) {
        self.on(pitch, from);
        self.off(pitch, to);
    }

    pub fn on(&mut self, pitch: u8, at: f64) {
        self.input.push((self.sample(at), note_on(0, Voice { pitch, channel: 0 }, 0.5)));
    }

    pub fn off(&mut self, pitch: u8, at: f64) {
        self.input.push((self.sample(at), note_off(0, Voice { pitch, channel: 0 })));
    }

    pub fn event(&mut self, at: f64, event: Event) {
        self.input.push((self.sample(at), event));
    }

    /// The transport is put elsewhere.
    pub fn jump(&mut self, beats: f64) {
        (self.beats, self.anchor) = (beats, self.elapsed);
    }

    /// Another tempo from here on.
    pub fn set_tempo(&mut self, tempo: f64) {
        self.jump(self.position());
        self.tempo = tempo;
    }

    /// Host position in beats now.
    fn position(&self) -> f64 {
        self.beats + (self.elapsed - self.anchor) as f64 / self.rate / 60.0 * self.tempo
    }

    /// Runs up to `steps` (16ths at the tempo) after the start.
    pub fn run_to(&mut self, steps: f64) {
        let end = self.sample(steps);
        self.input.sort_by_key(|(sample, _)| *sample);
        while self.elapsed < end {
            let frames = u64::from(self.block).min(end - self.elapsed) as u32;
            self.step(frames);
        }
    }

    fn step(&mut self, frames: u32) {
        if let Some((start, end)) = self.cycle
            && self.playing
        {
            // This host wraps inside its blocks.
            while self.position() >= end - 1e-9 && self.beats < end {
                self.beats -= end - start;
            }
        }
        let until = self.elapsed + u64::from(frames);
        let here = self.position();
        let taken = self.input.iter().take_while(|(sample, _)| *sample < until).count();
        let due = self.input.drain(..taken);
        let input =
            due.map(|(sample, event)| timed(event, sample.saturating_sub(self.elapsed) as u32)).collect();
        let mut tape = Tape { input, ..Tape::default() };
        let transport = Transport {
            playing: self.playing,
            tempo: self.tells.0.then_some(self.tempo),
            beats: self.tells.1.then_some(here),
            cycle: self.cycle,
            bar: self.bar.map(|length| ((here / length + 1e-9).floor() * length, length)),
        };
        let block = Block {
            transport,
            frames,
            settings: self.settings,
            options: self.options,
            realigned: self.realigned,
            panics: self.panics,
            loaded: self.shared.loaded(),
            bypass: self.bypass,
            offline: self.offline,
            now: Duration::from_secs_f64(self.elapsed as f64 / self.rate / self.pace),
            goes_on: false,
        };
        self.active = self.audio.process(&block, &mut tape);
        assert!(tape.input.is_empty(), "every event is taken");
        self.check(&tape.sent, frames);
        let start = self.elapsed;
        for (choice, sample) in tape.chosen {
            match choice {
                Choice::Target(slot) => self.settings.target = Settings::to(slot.into()).target,
                Choice::Key(lock) => self.options.manner.guards.key = lock,
            }
            self.chosen.push((start + u64::from(sample), choice));
        }
        self.log.extend(tape.sent.into_iter().map(|event| (start + u64::from(event.timing()), event)));
        self.elapsed = until;
        if !self.playing {
            (self.beats, self.anchor) = (here, until);
        }
    }

    /// Events in order and inside their block, no note twice, no note-off without its note.
    fn check(&mut self, sent: &[Event], frames: u32) {
        let mut last = 0;
        for event in sent {
            assert!(
                event.timing() >= last && event.timing() < frames.max(1),
                "{event:?} after {last} in {frames}"
            );
            last = event.timing();
            let voice = |channel: Channel, key: Key| Voice {
                pitch: key.number().unwrap(),
                channel: channel.number().unwrap(),
            };
            match *event {
                NoteEvent::NoteOn { channel, key, .. } => {
                    let voice = voice(channel, key);
                    assert!(!self.sounding.contains(&voice), "{voice:?} sounds twice");
                    self.sounding.push(voice);
                }
                NoteEvent::NoteOff { channel, key, .. } => {
                    let index = self.sounding.iter().position(|sounding| *sounding == voice(channel, key));
                    self.sounding.swap_remove(index.expect("a note-off for a note that sounds"));
                }
                _ => {}
            }
        }
    }

    pub fn sounding(&self) -> usize {
        self.sounding.len()
    }

    /// The notes that came out, by onset and pitch.
    pub fn played(&self) -> Vec<Played> {
        let mut notes = Vec::new();
        for (index, (start, event)) in self.log.iter().enumerate() {
            if let NoteEvent::NoteOn { channel, key, .. } = *event {
                let ends = |(_, other): &&(u64, Event)| {
                    matches!(*other, NoteEvent::NoteOff { channel: c,
                    key: k, .. } if (c, k) == (channel, key))
                };
                let end = self.log[index..].iter().find(ends).map_or(u64::MAX, |(sample, _)| *sample);
                notes.push((key.number().unwrap(), *start, end));
            }
        }
        notes.sort_by_key(|&(pitch, start, _)| (start, pitch));
        notes
    }

    /// The notes that came out, in steps from the start.
    pub fn in_steps(&self) -> Vec<(u8, f64, f64)> {
        let steps = |sample: u64| sample as f64 / self.rate / 60.0 * self.tempo * 4.0;
        let hair = |x: f64| (x * 1000.0).round() / 1000.0;
        self.played().iter().map(|&(pitch, from, to)| (pitch, hair(steps(from)), hair(steps(to)))).collect()
    }
}

/// An event at another time of its block.
fn timed(event: Event, timing: u32) -> Event {
    match event {
        NoteEvent::NoteOn { voice_id: VoiceID::ID(id), channel, key, velocity, .. } => {
            NoteEvent::NoteOn { timing, voice_id: VoiceID::ID(id), channel, key, velocity }
        }
        other => moved(other, timing),
    }
}
