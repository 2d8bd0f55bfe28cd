//! An answer -> notes out, on time. Every note that starts also ends.

use arrayvec::ArrayVec;
use nice_plug::midi::VoiceID;
use phrase::{MAX_NOTES, Note, Phrase, STEPS_PER_BEAT, nearest, struck_alone, tie_unclaimed};

use super::clock::Span;
use super::controllers::Controllers;
use super::event::{Address, Event, Io, Voice, moved, note_off, note_on};
use crate::worker::Job;

/// One bit for each note of a phrase.
type Marks = [u64; MAX_NOTES / 64];

/// What is left at least, in steps (or its own length), of a note that is moved to the line it was early for: as
/// [`phrase::realise`] has it.
const LEAST: f64 = 0.5;

/// A note that has begun and not ended.
#[derive(Clone, Copy, Debug)]
struct Sounding {
    /// As its phrase has it; a note that is tied out may go on in the next phrase.
    note: Note,
    /// Musical time of its end.
    end: f64,
    /// Set for a note that was passed at once: the host's number, by which its note-off is known.
    direct: Option<VoiceID>,
}

impl Sounding {
    fn voice(&self) -> Voice {
        voice(&self.note)
    }
}

/// Plays the phrase before the one that is being played. Nothing allocates once it is made.
#[derive(Debug)]
pub struct Player {
    /// What was played, finished: the dry notes where no answer is there.
    dry: Box<Phrase>,
    /// The answer to it.
    answer: Option<Box<Job>>,
    /// Musical time of the phrase's first step as it is played now; `None` while nothing is played.
    base: Option<f64>,
    /// Musical time at which it took over: nothing of it sounds before.
    from: f64,
    /// The next note.
    cursor: usize,
    /// Notes that the tie at the line has taken: they must not be struck.
    tied: Marks,
    /// Everything before this sample of the block is sent; what comes late comes now.
    now: u32,
    sounding: Box<ArrayVec<Sounding, { 128 * 16 }>>,
}

impl Player {
    /// Nothing to play.
    pub fn new() -> Self {
        Self {
            dry: Box::new(Phrase::new(0, 120.0)),
            answer: None,
            base: None,
            from: 0.0,
            cursor: 0,
            tied: [0; MAX_NOTES / 64],
            now: 0,
            sounding: Box::default(),
        }
    }

    /// A block begins.
    pub fn begin_block(&mut self) {
        self.now = 0;
    }

    /// Whether notes sound or are still to come.
    pub fn is_active(&self) -> bool {
        !self.sounding.is_empty() || (self.base.is_some() && self.cursor < self.phrase().notes.len())
    }

    /// The finished phrase that is being answered.
    pub fn dry(&self) -> &Phrase {
        &self.dry
    }

    /// A line: plays the phrase that `take` puts into the given memory, or the answer to it, from `line` on.
    /// Gives back the answer that was played till now.
    pub fn begin(
        &mut self,
        line: f64,
        take: impl FnOnce(&mut Box<Phrase>),
        answer: Option<Box<Job>>,
    ) -> Option<Box<Job>> {
        take(&mut self.dry);
        let old = std::mem::replace(&mut self.answer, answer);
        self.base = Some(line);
        self.turn_over(line, 0);
        old
    }

    /// A late answer comes in at `time`, a beat of the phrase. Gives it back where nothing is played.
    pub fn enter(&mut self, time: f64, answer: Box<Job>) -> Option<Box<Job>> {
        let Some(base) = self.base else { return Some(answer) };
        let first = (time - base).round().max(0.0) as usize;
        let old = self.answer.replace(answer);
        self.turn_over(time, first);
        old
    }

    /// The next beat of the phrase at which a late answer may come in.
    pub fn next_beat(&self, time: f64) -> Option<f64> {
        let beat = STEPS_PER_BEAT as f64;
        self.base.map(|base| base + ((time - base) / beat).ceil().max(0.0) * beat)
    }

    /// Sends all that is due before `sample`, in order; at one sample note-offs come first, then controllers, then
    /// note-ons and their expressions.
    pub fn play(&mut self, span: &Span, sample: u32, controllers: &mut Controllers, io: &mut impl Io) {
        self.now = self.now.max(span.from);
        let due =
            |time: f64, now: u32| if time == f64::INFINITY { u32::MAX } else { span.sample(time).max(now) };
        loop {
            let off = (0..self.sounding.len())
                .min_by(|&a, &b| self.sounding[a].end.total_cmp(&self.sounding[b].end));
            let off_at = off.map_or(u32::MAX, |index| due(self.sounding[index].end, self.now));
            let controller_at = controllers.next_time().map_or(u32::MAX, |time| due(time, self.now));
            let on_at = self.next_onset().map_or(u32::MAX, |time| due(time, self.now));
            let controller_first =
                controller_at < on_at || controller_at == on_at && !controllers.next_follows_notes();
            if off_at.min(controller_at).min(on_at) >= sample {
                self.now = self.now.max(sample);
                return;
            }
            match off {
                Some(index) if off_at <= controller_at && off_at <= on_at => {
                    let ended = self.sounding.swap_remove(index);
                    io.send(note_off(off_at, ended.voice()));
                }
                _ if controller_first => controllers.send_next(controller_at, io),
                _ => self.strike_next(span, on_at, io),
            }
        }
    }

    /// Ends every sounding note at `sample`.
    pub fn release(&mut self, sample: u32, io: &mut impl Io) {
        self.release_if(sample, io, |_| true);
    }

    /// Ends every sounding note of a channel.
    pub fn silence(&mut self, sample: u32, channel: u8, io: &mut impl Io) {
        self.release_if(sample, io, |sounding| sounding.note.channel == channel);
    }

    /// Forgets what was to be played, the answer too, which it gives back. What sounds must be released first.
    pub fn forget(&mut self) -> Option<Box<Job>> {
        self.base = None;
        self.answer.take()
    }

    /// Passes a note-on at once.
    pub fn pass_on(
        &mut self,
        event: Event,
        sample: u32,
        voice: Voice,
        id: VoiceID,
        velocity: f32,
        io: &mut impl Io,
    ) {
        self.release_if(sample, io, |sounding| sounding.voice() == voice);
        let note = Note::new(voice.pitch, voice.channel, velocity, 0.0, f64::INFINITY);
        self.sounding.push(Sounding { note, end: f64::INFINITY, direct: Some(id) });
        io.send(moved(event, sample));
    }

    /// Passes a note-off at once, for the notes that were passed at once.
    pub fn pass_off(&mut self, sample: u32, address: Address, io: &mut impl Io) {
        self.release_if(sample, io, |s| s.direct.is_some_and(|id| address.means(s.voice(), id)));
    }

    /// What is played now: the answer, or the dry notes.
    fn phrase(&self) -> &Phrase {
        self.answer.as_ref().map_or(&self.dry, |job| &job.answer)
    }

    /// From `time`, step `first` of the phrase, another phrase is played: what sounds goes on in it or ends there.
    fn turn_over(&mut self, time: f64, first: usize) {
        self.tied = [0; MAX_NOTES / 64];
        self.cursor = 0;
        self.from = time;
        let next = self.answer.as_ref().map_or(&*self.dry, |job| &job.answer);
        let base = self.base.unwrap_or(time);
        for sounding in self.sounding.iter_mut().filter(|s| s.direct.is_none() && s.end > time) {
            let claimed = |index: usize| self.tied[index / 64] >> (index % 64) & 1 == 1;
            // At a line the pieces of held notes say what goes on; inside a phrase any note that is on at the moment.
            let is_on = |note: &Note| {
                let began = spans(note, first) || is_early(note, first) && note.end() > first as f64;
                began && is_key(note, sounding.voice())
            };
            let piece = match first {
                0 => tie_unclaimed(&sounding.note, next, 0, claimed),
                _ => next.notes.iter().position(is_on),
            };
            match piece {
                Some(index) => {
                    self.tied[index / 64] |= 1 << (index % 64);
                    sounding.note = next.notes[index];
                    sounding.end = end(&next.notes[index], base);
                }
                None => sounding.end = time,
            }
        }
        // What began before and is over is past; what began before and sounds on is struck now. So is what comes early
        // for this moment, but for a note that was struck dry just now.
        for (index, note) in next.notes.iter().enumerate() {
            let was_struck = |dry: &Note| dry.onset == note.onset && is_key(dry, voice(note));
            let is_past = || !is_early(note, first) || self.dry.notes.iter().any(was_struck);
            if first > 0 && note.onset < first as f64 && !spans(note, first) && is_past() {
                self.tied[index / 64] |= 1 << (index % 64);
            }
        }
    }

    /// Skips what must not be struck and says when the next note begins.
    fn next_onset(&mut self) -> Option<f64> {
        let base = self.base?;
        loop {
            let index = self.cursor;
            let note = self.phrase().notes.get(index)?;
            if self.tied[index / 64] >> (index % 64) & 1 == 0 && struck_alone(note, 0) {
                return Some((base + note.onset).max(self.from));
            }
            self.cursor += 1;
        }
    }

    fn strike_next(&mut self, span: &Span, sample: u32, io: &mut impl Io) {
        let Some(base) = self.base else { return };
        let note = self.phrase().notes[self.cursor];
        self.cursor += 1;
        let voice = voice(&note);
        // One key of one channel sounds once: a host could not tell two apart.
        self.release_if(sample, io, |sounding| sounding.voice() == voice);
        // However short, a note ends after it began; one that was early keeps something of its length.
        let moved = base + note.onset < self.from;
        let least = if moved { self.from + note.length.min(LEAST) } else { f64::NEG_INFINITY };
        let end = end(&note, base).max(least).max(span.time(sample + 1));
        self.sounding.push(Sounding { note, end, direct: None });
        io.send(note_on(sample, voice, note.velocity));
    }

    fn release_if(&mut self, sample: u32, io: &mut impl Io, means: impl Fn(&Sounding) -> bool) {
        let mut index = 0;
        while index < self.sounding.len() {
            if means(&self.sounding[index]) {
                let ended = self.sounding.swap_remove(index);
                io.send(note_off(sample, ended.voice()));
            } else {
                index += 1;
            }
        }
    }
}

/// Musical time of a note's end; a note that is held over the line has none before the line says so.
fn end(note: &Note, base: f64) -> f64 {
    if note.tied_out { f64::INFINITY } else { base + note.end() }
}

/// Whether a note begins before the step and sounds at least one step on.
fn spans(note: &Note, step: usize) -> bool {
    note.onset < step as f64 && (note.tied_out || note.end() >= step as f64 + 1.0)
}

/// Whether a note begins before the step that is its own.
fn is_early(note: &Note, step: usize) -> bool {
    note.onset < step as f64 && nearest(note.onset) >= step as i64
}

fn voice(note: &Note) -> Voice {
    Voice { pitch: note.pitch, channel: note.channel }
}

fn is_key(note: &Note, voice: Voice) -> bool {
    note.pitch == voice.pitch && note.channel == voice.channel
}
