//! An answer -> notes out, on time. Every note that starts also ends.
//!
//! What sounds on across a line is decided by [`phrase::tie`] alone. The longest length is kept here, for
//! only the player knows how long a note of several phrases has sounded. One key of one channel sounds once:
//! where the input is heard too, what is played ends the answer's note on it and the other way round.
//!
//! CC120 and CC123-127 end what sounds and what is held on their channel, and pass at once. *Panic* ends all
//! that sounds on every channel with note-offs, then sends CC64 = 0, CC123 and CC120, and forgets what was
//! pending.

use arrayvec::ArrayVec;
use nice_plug::midi::VoiceID;
use phrase::{
    Band, Feel, MAX_NOTES, Note, Phrase, STEPS_PER_BEAT, as_played, nearest, struck_alone, tie_unclaimed,
};

use super::clock::Span;
use super::controllers::Controllers;
use super::event::{Address, Io, Voice, note_off, note_on};
use crate::link::{Job, Played};

/// One bit for each note of a phrase.
type Marks = [u64; MAX_NOTES / 64];

/// What is left at least, in steps (or its own length), of a note that is moved to the line it was early for:
/// as [`phrase::realise`] has it.
const LEAST: f64 = 0.5;

/// A note that has begun and not ended.
#[derive(Clone, Copy, Debug)]
struct Sounding {
    /// As its phrase has it; a note that is tied out may go on in the next phrase.
    note: Note,
    /// Musical time of its end.
    end: f64,
    /// Musical time at which it has sounded for as long as a note may.
    until: f64,
    /// That is over: it is silent, and only waits for its end, so that no piece of it is struck.
    cut: bool,
    /// Set for a note that was passed at once: the host's number, by which its note-off is known.
    direct: Option<VoiceID>,
}

impl Sounding {
    fn voice(&self) -> Voice {
        voice(&self.note)
    }

    /// Musical time at which something is to be done about it.
    fn next(&self) -> f64 {
        if self.cut { self.end } else { self.end.min(self.until) }
    }
}

/// When a phrase is played: musical times and steps.
#[derive(Clone, Copy, Debug)]
pub struct Cue {
    /// It takes over here: nothing of it sounds before.
    pub entry: f64,
    /// The step of its window that is played then.
    pub first: f64,
    /// How many steps are played.
    pub length: f64,
    /// What is held at its end ends here; infinite where the next phrase enters then and says what goes on.
    pub end: f64,
}

/// What enters as a phrase's turn comes.
#[derive(Debug)]
pub enum Entering {
    /// Its answer.
    Answer(Box<Job>),
    /// The phrase itself, by this band and with this feel.
    Dry(Band, Feel),
    /// Nothing.
    Silence,
    /// What was played before it, once more.
    Again,
}

/// Plays the phrase before the one that is being played. Nothing allocates once it is made.
#[derive(Debug)]
pub struct Player {
    /// The window of the phrase that entered last.
    input: Box<Phrase>,
    /// Its own notes as they are played where no answer is there.
    dry: Box<Phrase>,
    /// The answer that was played last.
    answer: Option<Box<Job>>,
    playing: Played,
    /// Musical time of the played phrase's step 0.
    base: f64,
    /// See [`Cue`]; a late answer has an entry of its own.
    cue: Cue,
    /// Musical time at which the phrase began.
    began: f64,
    /// What is played when time goes on, while a frozen phrase rests.
    resting: Played,
    /// The most steps that a note may last.
    longest: f64,
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
            input: Box::new(Phrase::new(0, 120.0)),
            dry: Box::new(Phrase::new(0, 120.0)),
            answer: None,
            playing: Played::Nothing,
            base: 0.0,
            cue: Cue { entry: 0.0, first: 0.0, length: 0.0, end: 0.0 },
            began: 0.0,
            resting: Played::Nothing,
            longest: f64::INFINITY,
            cursor: 0,
            tied: [0; MAX_NOTES / 64],
            now: 0,
            sounding: Box::default(),
        }
    }

    /// A block begins, in which no note that is struck may last longer than so many steps (0: as long as it
    /// is).
    pub fn begin_block(&mut self, longest: u8) {
        self.now = 0;
        self.longest = if longest == 0 { f64::INFINITY } else { longest.into() };
    }

    /// Whether notes sound or are still to come.
    pub fn is_active(&self) -> bool {
        !self.sounding.is_empty() || self.phrase().is_some_and(|phrase| self.cursor < phrase.notes.len())
    }

    /// The window of the phrase that entered last.
    pub fn input(&self) -> &Phrase {
        &self.input
    }

    /// A phrase enters: its window is exchanged for the memory of the one before. Gives back the answer that
    /// was played till now, where it is played no more.
    pub fn enter(&mut self, cue: Cue, window: &mut Box<Phrase>, entering: Entering) -> Option<Box<Job>> {
        std::mem::swap(&mut self.input, window);
        let first = cue.first;
        let before = std::mem::replace(&mut self.cue, cue);
        let (old, playing) = match entering {
            Entering::Answer(job) => (self.answer.replace(job), Played::Answer),
            Entering::Dry(band, feel) => {
                as_played(&self.input, first as usize, &mut self.dry);
                band.apply(&mut self.dry);
                feel.apply(first as usize, &mut self.dry);
                (self.answer.take(), Played::Dry)
            }
            Entering::Silence => (None, Played::Nothing),
            Entering::Again => {
                // Where it was another part of its window, that part it is again.
                self.cue.first = before.first;
                (None, if self.answer.is_some() { Played::Answer } else { Played::Nothing })
            }
        };
        (self.playing, self.began) = (playing, cue.entry);
        self.base = cue.entry - self.cue.first;
        self.turn_over(None);
        old
    }

    /// Whether notes are played.
    pub fn has_phrase(&self) -> bool {
        self.phrase().is_some_and(|phrase| !phrase.notes.is_empty())
    }

    /// Writes what is played into a job; see [`crate::link::Errand::Freeze`].
    pub fn write(&self, job: &mut Job) {
        if let Some(phrase) = self.phrase() {
            job.answer.clone_from(phrase);
        }
        (job.settings.first, job.length) = (self.cue.first as u8, self.cue.length);
    }

    /// Writes what is played for the phrase that entered last into a job; see
    /// [`crate::link::Errand::Remember`].
    pub fn describe(&self, job: &mut Job) {
        self.write(job);
        job.input.clone_from(&self.input);
        job.kind = self.playing;
        if self.playing == Played::Nothing {
            job.answer.clear(0, 120.0);
        }
        if let Some(answer) = self.answer.as_ref().filter(|_| self.playing == Played::Answer) {
            let first = job.settings.first;
            (job.settings, job.manner, job.outcome) = (answer.settings, answer.manner, answer.outcome);
            job.settings.first = first;
        }
    }

    /// The step that is played at a musical time, in its window; `None` where nothing is.
    pub fn step(&self, time: f64) -> Option<f64> {
        let step = time - self.base;
        let within = step >= self.cue.first && step <= self.cue.first + self.cue.length;
        (within && self.playing != Played::Nothing).then_some(step)
    }

    /// Musical time at which what is played begins again, where it is frozen.
    pub fn repeats_at(&self) -> f64 {
        if self.playing == Played::Nothing { f64::INFINITY } else { self.began + self.cue.length }
    }

    /// What is played begins again.
    pub fn repeat(&mut self) {
        self.begin_again(self.repeats_at());
    }

    /// Another phrase is frozen, and rests. Gives back the answer that was played till now.
    pub fn freeze(&mut self, job: Box<Job>) -> Option<Box<Job>> {
        (self.cue.first, self.cue.length) = (job.settings.first.into(), job.length);
        (self.playing, self.resting) = (Played::Nothing, Played::Answer);
        self.answer.replace(job)
    }

    /// At `time`, in a phrase that started at `start`, a frozen phrase that rests goes on as if it had
    /// repeated since then; where it is to be `silent`, with its next repetition.
    pub fn resume(&mut self, start: f64, time: f64, silent: bool) {
        if self.resting == Played::Nothing {
            return;
        }
        self.playing = std::mem::replace(&mut self.resting, Played::Nothing);
        let passes = ((time - start) / self.cue.length).floor().max(0.0);
        self.begin_again(start + passes * self.cue.length);
        if self.began < time {
            self.cue.entry = time;
            let step = (time - self.base).ceil().max(0.0) as usize;
            self.turn_over(Some((step, false)));
        }
        if silent {
            self.cursor = self.phrase().map_or(0, |phrase| phrase.notes.len());
        }
    }

    fn begin_again(&mut self, time: f64) {
        (self.began, self.cue.entry, self.cue.end) = (time, time, f64::INFINITY);
        self.base = time - self.cue.first;
        self.turn_over(None);
    }

    /// A late answer comes in at `time`, a beat of the phrase. Gives back the one that was played till now.
    pub fn enter_late(&mut self, time: f64, answer: Box<Job>) -> Option<Box<Job>> {
        let first = f64::from(answer.settings.first);
        (self.base, self.cue.first) = (self.cue.entry - first, first);
        let step = (time - self.base).round().max(0.0) as usize;
        self.cue.entry = time;
        let was_dry = std::mem::replace(&mut self.playing, Played::Answer) == Played::Dry;
        let old = self.answer.replace(answer);
        self.turn_over(Some((step, was_dry)));
        old
    }

    /// The next beat of the phrase at which a late answer may come in.
    pub fn next_beat(&self, time: f64) -> f64 {
        let beat = STEPS_PER_BEAT as f64;
        self.cue.entry + ((time - self.cue.entry) / beat).ceil().max(0.0) * beat
    }

    /// Sends all that is due before `sample`, in order; at one sample note-offs come first, then controllers,
    /// then note-ons and their expressions.
    pub fn play(&mut self, span: &Span, sample: u32, controllers: &mut Controllers, io: &mut impl Io) {
        self.now = self.now.max(span.from);
        let due =
            |time: f64, now: u32| if time == f64::INFINITY { u32::MAX } else { span.sample(time).max(now) };
        loop {
            let off = (0..self.sounding.len())
                .min_by(|&a, &b| self.sounding[a].next().total_cmp(&self.sounding[b].next()));
            let off_at = off.map_or(u32::MAX, |index| due(self.sounding[index].next(), self.now));
            let controller_at = controllers.next_time().map_or(u32::MAX, |time| due(time, self.now));
            let on_at = self.next_onset().map_or(u32::MAX, |time| due(time, self.now));
            let controller_first =
                controller_at < on_at || controller_at == on_at && !controllers.next_follows_notes();
            if off_at.min(controller_at).min(on_at) >= sample {
                self.now = self.now.max(sample);
                return;
            }
            self.now = off_at.min(controller_at).min(on_at);
            match off {
                Some(index) if off_at <= controller_at && off_at <= on_at => self.end_next(index, off_at, io),
                _ if controller_first => controllers.send_next(controller_at, io),
                _ => self.strike_next(span, on_at, io),
            }
        }
    }

    /// Ends a note, or what has been left of one that was cut.
    fn end_next(&mut self, index: usize, sample: u32, io: &mut impl Io) {
        let sounding = &mut self.sounding[index];
        if !sounding.cut {
            io.send(note_off(sample, sounding.voice()));
        }
        if sounding.cut || sounding.end <= sounding.until {
            self.sounding.swap_remove(index);
        } else {
            sounding.cut = true;
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

    /// Forgets what was to be played, the answer too, which it gives back; what is `frozen` it only lets
    /// rest. What sounds must be released first.
    pub fn forget(&mut self, frozen: bool) -> Option<Box<Job>> {
        let playing = std::mem::replace(&mut self.playing, Played::Nothing);
        if frozen {
            self.resting = if playing == Played::Nothing { self.resting } else { playing };
            return None;
        }
        self.resting = Played::Nothing;
        self.answer.take()
    }

    /// Passes a note-on at once.
    pub fn pass_on(&mut self, sample: u32, voice: Voice, id: VoiceID, velocity: f32, io: &mut impl Io) {
        self.release_if(sample, io, |sounding| sounding.voice() == voice);
        let note = Note::new(voice.pitch, voice.channel, velocity, 0.0, f64::INFINITY);
        let (end, until) = (f64::INFINITY, f64::INFINITY);
        self.sounding.push(Sounding { note, end, until, cut: false, direct: Some(id) });
        io.send(note_on(sample, voice, velocity));
    }

    /// Passes a note-off at once, for the notes that were passed at once.
    pub fn pass_off(&mut self, sample: u32, address: Address, io: &mut impl Io) {
        self.release_if(sample, io, |s| s.direct.is_some_and(|id| address.means(s.voice(), id)));
    }

    /// What is played now.
    fn phrase(&self) -> Option<&Phrase> {
        match self.playing {
            Played::Nothing => None,
            Played::Dry => Some(&self.dry),
            Played::Answer => self.answer.as_ref().map(|job| &job.answer),
        }
    }

    /// From the cue's entry on another phrase is played: what sounds goes on in it or ends there. A late
    /// answer enters on the given step of its window, maybe after dry notes.
    fn turn_over(&mut self, late: Option<(usize, bool)>) {
        let (cue, base) = (self.cue, self.base);
        self.tied = [0; MAX_NOTES / 64];
        self.cursor = 0;
        let next = match self.playing {
            Played::Nothing => None,
            Played::Dry => Some(&*self.dry),
            Played::Answer => self.answer.as_ref().map(|job| &job.answer),
        };
        let notes = next.map_or(&[][..], |next| &next.notes[..]);
        for sounding in self.sounding.iter_mut().filter(|s| s.direct.is_none() && s.end > cue.entry) {
            let claimed = |index: usize| self.tied[index / 64] >> (index % 64) & 1 == 1;
            // At a line the pieces of held notes say what goes on; inside a phrase any note that is on at the
            // moment.
            let piece = match (late, next) {
                (None, Some(next)) => tie_unclaimed(&sounding.note, next, cue.first as usize, claimed),
                (Some((step, _)), _) => notes.iter().position(|note| {
                    let began = spans(note, step) || is_early(note, step) && note.end() > step as f64;
                    began && is_key(note, sounding.voice())
                }),
                (None, None) => None,
            };
            match piece {
                Some(index) => {
                    self.tied[index / 64] |= 1 << (index % 64);
                    sounding.note = notes[index];
                    sounding.end = end(&notes[index], base, cue.end);
                }
                None => sounding.end = cue.entry,
            }
        }
        let Some((step, was_dry)) = late else { return };
        // What began before and is over is past; what began before and sounds on is struck now. So is what
        // comes early for this moment, but for a note that was struck dry just now.
        for (index, note) in notes.iter().enumerate() {
            let was_struck = |dry: &Note| was_dry && dry.onset == note.onset && is_key(dry, voice(note));
            let is_past = || !is_early(note, step) || self.dry.notes.iter().any(was_struck);
            if note.onset < step as f64 && !spans(note, step) && is_past() {
                self.tied[index / 64] |= 1 << (index % 64);
            }
        }
    }

    /// Skips what must not be struck and says when the next note begins.
    fn next_onset(&mut self) -> Option<f64> {
        loop {
            let index = self.cursor;
            let note = self.phrase()?.notes.get(index)?;
            let is_free = self.tied[index / 64] >> (index % 64) & 1 == 0;
            if is_free && struck_alone(note, self.cue.first as usize) {
                return Some((self.base + note.onset).max(self.cue.entry));
            }
            self.cursor += 1;
        }
    }

    fn strike_next(&mut self, span: &Span, sample: u32, io: &mut impl Io) {
        let Some(&note) = self.phrase().and_then(|phrase| phrase.notes.get(self.cursor)) else { return };
        self.cursor += 1;
        let voice = voice(&note);
        // One key of one channel sounds once: a host could not tell two apart.
        self.release_if(sample, io, |sounding| sounding.voice() == voice);
        // However short, a note ends after it began; one that was early keeps something of its length.
        let (base, entry) = (self.base, self.cue.entry);
        let least =
            if base + note.onset < entry { entry + note.length.min(LEAST) } else { f64::NEG_INFINITY };
        let next = span.time(sample + 1);
        let end = end(&note, base, self.cue.end).max(least).max(next);
        let until = ((base + note.onset).max(entry) + self.longest).max(next);
        self.sounding.push(Sounding { note, end, until, cut: false, direct: None });
        io.send(note_on(sample, voice, note.velocity));
    }

    fn release_if(&mut self, sample: u32, io: &mut impl Io, means: impl Fn(&Sounding) -> bool) {
        let mut index = 0;
        while index < self.sounding.len() {
            if means(&self.sounding[index]) {
                let ended = self.sounding.swap_remove(index);
                if !ended.cut {
                    io.send(note_off(sample, ended.voice()));
                }
            } else {
                index += 1;
            }
        }
    }
}

/// Musical time of a note's end; a note that is held over the line ends with its phrase, unless the next one
/// ties it.
fn end(note: &Note, base: f64, phrase_end: f64) -> f64 {
    if note.tied_out { phrase_end } else { base + note.end() }
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
