//! Controllers, pitch bend, pressure and note expressions: they travel with their phrase.
//!
//! Answers keep the channels of what they answer, new notes take their neighbours', and controllers travel on
//! their own channel. So MPE passes, note for note where notes are kept. With an output channel set, all but
//! channel 10 goes there, and one channel's bend bends all. Split, each of the parts' channels gets them, for
//! a pedal holds them all. Where the input is heard at once, its controllers pass at once too and do not
//! travel. The sustain pedal is a controller like others or, as an option, heard as the length of notes and
//! then not passed on.

use nice_plug::midi::NoteEvent;

use super::event::{Event, Io, Kind, kind, moved};

/// Places in the queue: more than 500 events a second at 120 BPM. What finds none is lost and counted.
const CAPACITY: usize = 8192;

#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// Musical time: when it was played, and once its phrase's line is reached, when it comes out.
    time: f64,
    event: Event,
}

/// Delays controllers by their phrase's length and knows what must be put back when the music stops.
///
/// Allocated once; nothing else allocates.
#[derive(Debug)]
pub struct Controllers {
    /// A ring: `due` events that have their time of coming out, then those of the phrase being played, and
    /// last the `early` ones, which belong to the next.
    ring: Box<[Option<Waiting>]>,
    first: usize,
    due: usize,
    early: usize,
    len: usize,
    /// How many of the due ones are left of a phrase that is over.
    overdue: usize,
    sent: Sent,
    lost: u32,
    /// The sustain pedal goes no further.
    no_pedal: bool,
}

impl Controllers {
    /// An empty queue.
    pub fn new() -> Self {
        let ring = vec![None; CAPACITY].into_boxed_slice();
        Self {
            ring,
            first: 0,
            due: 0,
            early: 0,
            len: 0,
            overdue: 0,
            sent: Sent::default(),
            lost: 0,
            no_pedal: false,
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many found no room so far.
    pub fn lost(&self) -> u32 {
        self.lost
    }

    /// Keeps an event that was played at `time` (musical time).
    pub fn push(&mut self, time: f64, event: Event) {
        if self.len == CAPACITY {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        let place = self.len - self.early;
        for index in (place..self.len).rev() {
            self.ring[(self.first + index + 1) % CAPACITY] = self.ring[(self.first + index) % CAPACITY];
        }
        self.ring[(self.first + place) % CAPACITY] = Some(Waiting { time, event });
        self.len += 1;
    }

    /// Keeps an event of a note that was played before the coming `line` and belongs after it.
    pub fn push_early(&mut self, line: f64, event: Event) {
        let early = std::mem::take(&mut self.early);
        let before = self.len;
        self.push(line, event);
        self.early = early + (self.len - before);
    }

    /// A line is reached: what comes now was played after it.
    pub fn line(&mut self) {
        self.early = 0;
    }

    /// A phrase enters at `entry`: what was played before its `line` comes out `delay` steps after it was
    /// played. What a shorter phrase has left no time for comes out at once, so that the next finds what its
    /// controllers build on.
    pub fn enter(&mut self, line: f64, entry: f64, delay: f64) {
        for index in 0..self.due {
            if let Some(waiting) = &mut self.ring[(self.first + index) % CAPACITY] {
                waiting.time = waiting.time.min(entry);
            }
        }
        self.overdue = self.due;
        while self.due < self.len {
            match &mut self.ring[(self.first + self.due) % CAPACITY] {
                Some(waiting) if waiting.time < line => waiting.time += delay,
                _ => break,
            }
            self.due += 1;
        }
    }

    /// When the next event comes out, if one has its time.
    pub fn next_time(&self) -> Option<f64> {
        if self.due == 0 { None } else { self.ring[self.first].map(|waiting| waiting.time) }
    }

    /// Whether the next event goes after the notes that begin on its sample: an expression means a note that
    /// sounds. But one that is left of a phrase that is over must not reach the next one's notes.
    pub fn next_follows_notes(&self) -> bool {
        let is_expression = |waiting: Waiting| matches!(kind(&waiting.event), Kind::Expression(_));
        self.overdue == 0 && self.ring[self.first].is_some_and(is_expression)
    }

    /// Sends the next event at `sample`.
    pub fn send_next(&mut self, sample: u32, io: &mut impl Io) {
        if self.due > 0
            && let Some(waiting) = self.ring[self.first].take()
        {
            self.first = (self.first + 1) % CAPACITY;
            self.due -= 1;
            self.len -= 1;
            self.overdue = self.overdue.saturating_sub(1);
            self.send(moved(waiting.event, sample), io);
        }
    }

    /// Whether the sustain pedal goes no further from now on: then it comes up where it was down.
    pub fn keep_pedal(&mut self, keep: bool, timing: u32, io: &mut impl Io) {
        if keep && !self.no_pedal {
            self.sent.release_pedals(timing, io);
        }
        self.no_pedal = keep;
    }

    /// Sends an event now and remembers what it leaves behind.
    pub fn send(&mut self, event: Event, io: &mut impl Io) {
        if self.no_pedal && matches!(event, NoteEvent::MidiCC { cc: PEDAL, .. }) {
            return;
        }
        self.sent.note(&event);
        io.send(event);
    }

    /// Forgets what waits and puts back to neutral what was sent.
    pub fn neutral(&mut self, sample: u32, io: &mut impl Io) {
        self.forget();
        self.sent.neutral(sample, io);
    }

    /// Puts back to neutral what was sent: what comes from now on goes to other channels.
    pub fn lift(&mut self, sample: u32, io: &mut impl Io) {
        self.sent.neutral(sample, io);
    }

    /// Forgets what waits.
    pub fn forget(&mut self) {
        (self.first, self.due, self.early, self.len, self.overdue) = (0, 0, 0, 0, 0);
    }
}

/// What is away from neutral on each channel, as far as we sent it.
#[derive(Debug, Default)]
struct Sent {
    bend: u16,
    pressure: u16,
    /// By controller, one bit a channel.
    controllers: [u16; CONTROLLERS.len()],
}

/// The controllers that return to neutral, with their neutral value: those of MIDI's *reset all controllers*
/// (RP-015). Volume, pan and sound controllers belong to the sound, not to the phrase, and stay.
const CONTROLLERS: [(u8, f32); 9] =
    [(1, 0.0), (2, 0.0), (11, 1.0), (64, 0.0), (65, 0.0), (66, 0.0), (67, 0.0), (68, 0.0), (69, 0.0)];

/// The sustain pedal's controller.
pub const PEDAL: u8 = 64;

/// Pitch bend's centre, 8192 of 16383, as nice-plug scales it.
const CENTRE: f32 = 8192.0 / 16383.0;

impl Sent {
    fn note(&mut self, event: &Event) {
        let set = |word: &mut u16, channel: u8, away: bool| {
            let bit = 1 << (channel & 15);
            *word = if away { *word | bit } else { *word & !bit };
        };
        match *event {
            NoteEvent::MidiPitchBend { channel, value, .. } => {
                set(&mut self.bend, channel, (value - CENTRE).abs() > 1e-4)
            }
            NoteEvent::MidiChannelPressure { channel, pressure, .. } => {
                set(&mut self.pressure, channel, pressure != 0.0)
            }
            NoteEvent::MidiCC { channel, cc: 121, .. } => {
                for word in self.controllers.iter_mut().chain([&mut self.bend, &mut self.pressure]) {
                    set(word, channel, false);
                }
            }
            NoteEvent::MidiCC { channel, cc, value, .. } => {
                if let Some(index) = CONTROLLERS.iter().position(|&(number, _)| number == cc) {
                    set(&mut self.controllers[index], channel, value != CONTROLLERS[index].1);
                }
            }
            _ => {}
        }
    }

    fn release_pedals(&mut self, timing: u32, io: &mut impl Io) {
        let pedals = CONTROLLERS.iter().position(|&(number, _)| number == PEDAL);
        let down = pedals.map_or(0, |index| std::mem::take(&mut self.controllers[index]));
        for channel in (0..16u8).filter(|channel| down >> channel & 1 == 1) {
            io.send(NoteEvent::MidiCC { timing, channel, cc: PEDAL, value: 0.0 });
        }
    }

    fn neutral(&mut self, timing: u32, io: &mut impl Io) {
        for channel in 0..16u8 {
            let bit = 1 << channel;
            for (word, &(cc, value)) in self.controllers.iter().zip(&CONTROLLERS) {
                if word & bit != 0 {
                    io.send(NoteEvent::MidiCC { timing, channel, cc, value });
                }
            }
            if self.bend & bit != 0 {
                io.send(NoteEvent::MidiPitchBend { timing, channel, value: CENTRE });
            }
            if self.pressure & bit != 0 {
                io.send(NoteEvent::MidiChannelPressure { timing, channel, pressure: 0.0 });
            }
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Tape;
    use super::*;

    fn cc(cc: u8, value: f32) -> Event {
        NoteEvent::MidiCC { timing: 0, channel: 4, cc, value }
    }

    #[test]
    fn events_wait_for_their_line_and_keep_their_order() {
        let mut queue = Controllers::new();
        queue.push(3.0, cc(1, 0.1));
        queue.push(5.0, cc(1, 0.2));
        queue.push(64.5, cc(1, 0.3));
        assert_eq!(queue.next_time(), None);
        queue.line();
        queue.enter(64.0, 64.0, 64.0);
        let mut tape = Tape::default();
        assert_eq!(queue.next_time(), Some(67.0));
        queue.send_next(7, &mut tape);
        assert_eq!(queue.next_time(), Some(69.0));
        queue.send_next(8, &mut tape);
        assert_eq!((queue.next_time(), queue.is_empty()), (None, false));
        queue.line();
        queue.enter(128.0, 128.0, 64.0);
        assert_eq!(queue.next_time(), Some(128.5));
        assert_eq!(tape.sent, [moved(cc(1, 0.1), 7), moved(cc(1, 0.2), 8)]);
    }

    #[test]
    fn only_what_was_sent_and_is_away_returns_to_neutral() {
        let mut queue = Controllers::new();
        let mut tape = Tape::default();
        for event in [cc(64, 1.0), cc(1, 0.5), cc(1, 0.0), cc(7, 0.2)] {
            queue.send(event, &mut tape);
        }
        queue.send(NoteEvent::MidiPitchBend { timing: 0, channel: 2, value: 0.9 }, &mut tape);
        tape.sent.clear();
        queue.neutral(5, &mut tape);
        let bend = NoteEvent::MidiPitchBend { timing: 5, channel: 2, value: CENTRE };
        assert_eq!(tape.sent, [bend, moved(cc(64, 0.0), 5)]);
        tape.sent.clear();
        queue.neutral(5, &mut tape);
        assert!(tape.sent.is_empty());
    }

    #[test]
    fn a_full_queue_counts_what_it_loses() {
        let mut queue = Controllers::new();
        for _ in 0..CAPACITY + 7 {
            queue.push(0.0, cc(1, 0.5));
        }
        assert_eq!(queue.lost(), 7);
    }
}
