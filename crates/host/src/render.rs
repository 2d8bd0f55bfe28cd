//! Bouncing a song through an instance, as a DAW does with all its tracks on one plugin.

use phrase::{DRUM_CHANNEL, OtherKind, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT, Song, SongNote, nearest};

use crate::{Event, HostError, Instance, Signature, Tempo, Transport, drive, pair};

/// Quarter notes between what is played and its answer by default: a phrase of 4 bars.
pub const ANSWER_BEATS: f64 = (STEPS / STEPS_PER_BEAT) as f64;

/// How a song is bounced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RenderOptions {
    /// Samples a second; the instance was started with it.
    pub sample_rate: f64,
    /// Samples a block at most; the instance was started with at least that.
    pub block: u32,
    /// Leave the answer where it sounded, instead of laying it over what it answers.
    pub as_heard: bool,
    /// How much later than what it answers an answer comes, in quarter notes: the plugin's latency and
    /// margin.
    pub delay: f64,
    /// For how many bars the transport rolls on after the song's last phrase.
    pub then: u32,
}

impl Default for RenderOptions {
    fn default() -> Self {
        RenderOptions { sample_rate: 48_000.0, block: 512, as_heard: false, delay: ANSWER_BEATS, then: 0 }
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The song with the answer's notes in place of the input's; tempo, signatures, programs, controllers and
    /// drums kept.
    pub song: Song,
    /// Note starts that were never ended, not even when the transport stopped.
    pub hanging: usize,
    /// Note ends without a start.
    pub stray: usize,
    /// Everything that the plugin sent, as it came.
    pub events: Vec<Event>,
}

/// Plays `song` through an instance that was started (and told to render offline), from beat 0 until the last
/// answer that can hold a note of it is over, then stops the transport.
///
/// All tracks go through the one instance; drum notes are not sent but copied. Controllers and programs are
/// kept as the song has them. An answer's note goes to the track that [`Song::with_notes`] says.
///
/// # Errors
///
/// As [`Instance::process`].
pub fn render_song(
    plugin: &mut dyn Instance,
    song: &Song,
    options: &RenderOptions,
) -> Result<Rendered, HostError> {
    let map = song.tempo_map();
    let rate = options.sample_rate;
    let sample = |step: f64| nearest(map.seconds(step) * rate).max(0) as u64;
    let input = input_events(song, sample);
    let last = song.notes().map(SongNote::end).fold(0.0, f64::max);
    // A note within half a step of a phrase's end belongs to the phrase after it.
    let phrases = ((last + 0.5) / STEPS as f64).ceil().max(1.0);
    let later = options.delay * STEPS_PER_BEAT as f64;
    // Windows that slide hold the last note for another phrase.
    let then = options.then as f64 * STEPS_PER_BAR as f64;
    let end = sample((phrases + 1.0) * STEPS as f64 + then + later + STEPS_PER_BEAT as f64);

    let mut transport = transport_of(song, rate, options.block);
    let mut events = Vec::new();
    transport.play();
    drive(plugin, &mut transport, end, &input, &mut events)?;
    transport.stop();
    drive(plugin, &mut transport, end + u64::from(options.block), &[], &mut events)?;

    let paired = pair(&events);
    let shift = if options.as_heard { 0.0 } else { later };
    let step = |at: u64| map.step(at as f64 / rate) - shift;
    let notes = paired.notes.iter().map(|note| {
        let onset = step(note.start).max(0.0);
        let length = (step(note.end) - onset).max(0.0);
        SongNote { pitch: note.key, channel: note.channel, velocity: note.velocity, onset, length }
    });
    let song = answer_song(song, notes.collect(), if options.as_heard { later } else { 0.0 });
    Ok(Rendered { song, hanging: paired.hanging, stray: paired.stray, events })
}

/// The notes that go into the plugin, ends before starts where they meet.
fn input_events(song: &Song, sample: impl Fn(f64) -> u64) -> Vec<Event> {
    let mut events = Vec::new();
    for note in song.notes().filter(|note| note.channel != DRUM_CHANNEL) {
        let start = sample(note.onset);
        // A note of no length would end before it starts once sorted.
        let end = sample(note.end()).max(start + 1);
        events.push((start, 1, Event::on(start, note.channel, note.pitch, note.velocity)));
        events.push((end, 0, Event::off(end, note.channel, note.pitch)));
    }
    events.sort_by_key(|&(time, rank, _)| (time, rank));
    events.into_iter().map(|(_, _, event)| event).collect()
}

fn transport_of(song: &Song, rate: f64, block: u32) -> Transport {
    let beat = |at: f64| at / STEPS_PER_BEAT as f64;
    let good = song.tempos.iter().filter(|tempo| tempo.bpm > 0.0 && tempo.bpm.is_finite() && tempo.at >= 0.0);
    let mut tempos: Vec<_> = good.map(|tempo| Tempo { beat: beat(tempo.at), bpm: tempo.bpm }).collect();
    if tempos.first().is_none_or(|first| first.beat > 0.0) {
        tempos.insert(0, Tempo { beat: 0.0, bpm: 120.0 });
    }
    let given = song.signatures.iter().map(|of| Signature {
        beat: beat(of.at),
        numerator: of.numerator.into(),
        denominator: of.denominator,
    });
    let mut signatures: Vec<_> = given.collect();
    if signatures.first().is_none_or(|first| first.beat > 0.0) {
        signatures.insert(0, Signature { beat: 0.0, numerator: 4, denominator: 4 });
    }
    Transport::with_map(rate, block, tempos, signatures)
}

/// The input's song with other notes and controllers `delay` steps later; drums stay where they are.
fn answer_song(song: &Song, mut notes: Vec<SongNote>, delay: f64) -> Song {
    notes.extend(song.notes().filter(|note| note.channel == DRUM_CHANNEL));
    let mut answer = song.with_notes(notes);
    if delay > 0.0 {
        let later = |kind: &OtherKind| {
            kind.channel().is_some_and(|channel| channel != DRUM_CHANNEL)
                && !matches!(
                    kind,
                    OtherKind::Program { .. } | OtherKind::Controller { controller: 0 | 32, .. }
                )
        };
        for track in &mut answer.tracks {
            for other in track.others.iter_mut().filter(|other| later(&other.kind)) {
                other.at += delay;
            }
            track.others.sort_by(|a, b| a.at.total_cmp(&b.at));
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use phrase::{TempoChange, Track};

    use super::*;
    use crate::{Block, EventKind};

    /// Answers every note four bars later, in beats.
    #[derive(Default)]
    struct Delay {
        waiting: Vec<(f64, EventKind)>,
    }

    impl Instance for Delay {
        fn process(
            &mut self,
            block: &Block,
            input: &[Event],
            output: &mut Vec<Event>,
        ) -> Result<(), HostError> {
            let a_sample = block.tempo / (60.0 * block.sample_rate);
            for event in input {
                let beats = block.beats + (event.time - block.steady) as f64 * a_sample;
                self.waiting.push((beats + ANSWER_BEATS, event.kind));
            }
            self.waiting.retain(|(beats, kind)| {
                let offset = nearest((beats - block.beats) / a_sample);
                let due = offset < i64::from(block.frames);
                if due {
                    output.push(Event { time: block.steady + offset.max(0) as u64, kind: *kind });
                }
                !due
            });
            output.sort_by_key(|event| event.time);
            Ok(())
        }
    }

    fn song() -> Song {
        let mut song = Song::new(100.0);
        song.tempos.push(TempoChange { at: 70.0, bpm: 143.0 });
        let note = |pitch, channel, onset, length| SongNote { pitch, channel, velocity: 0.5, onset, length };
        let tune =
            [note(60, 0, 0.0, 4.0), note(62, 0, 4.0, 3.5), note(64, 0, 69.0, 8.0), note(60, 0, 100.25, 1.0)];
        song.tracks.push(Track { name: "tune".into(), notes: tune.into(), others: Vec::new() });
        song.tracks.push(Track {
            name: "bass".into(),
            notes: vec![note(40, 1, 0.0, 16.0)],
            others: Vec::new(),
        });
        song.tracks.push(Track {
            name: "drums".into(),
            notes: vec![note(36, 9, 0.0, 1.0)],
            others: Vec::new(),
        });
        song.end = 128.0;
        song
    }

    fn ticks(song: &Song) -> Vec<Vec<(u8, u8, i64, i64)>> {
        let tick = |step: f64| (step * 120.0).round() as i64;
        let note = |note: &SongNote| (note.pitch, note.channel, tick(note.onset), tick(note.end()));
        song.tracks.iter().map(|track| track.notes.iter().map(note).collect()).collect()
    }

    #[test]
    fn a_plain_delay_comes_back_on_the_input_tick_for_tick() {
        let rendered = render_song(&mut Delay::default(), &song(), &RenderOptions::default()).unwrap();
        assert_eq!(ticks(&rendered.song), ticks(&song()));
        assert_eq!((rendered.hanging, rendered.stray), (0, 0));
        assert_eq!((&rendered.song.tempos, &rendered.song.signatures), (&song().tempos, &song().signatures));
    }

    #[test]
    fn as_heard_is_four_bars_later_but_for_the_drums() {
        let options = RenderOptions { as_heard: true, ..RenderOptions::default() };
        let heard = ticks(&render_song(&mut Delay::default(), &song(), &options).unwrap().song);
        let mut expected = ticks(&song());
        for note in expected[..2].iter_mut().flatten() {
            note.2 += 64 * 120;
            note.3 += 64 * 120;
        }
        assert_eq!(heard, expected);
    }
}
