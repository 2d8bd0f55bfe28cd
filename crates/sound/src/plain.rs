//! An electric piano and a bass, for those without a SoundFont: two sine waves each, one bending the other
//! (frequency modulation). Every note begins on its sample.

use std::f64::consts::TAU;

use phrase::{DRUM_CHANNEL, OtherKind, Song, SongNote};

use crate::{RATE, Sound, sample, samples};

/// General MIDI's basses.
const BASSES: std::ops::RangeInclusive<u8> = 32..=39;
/// Without a program: notes below this are the bass's.
const LOW: u8 = 45;
/// The controllers that count.
const VOLUME: u8 = 7;
const EXPRESSION: u8 = 11;
const PEDAL: u8 = 64;

/// Plays a song; drums are left out. Not levelled.
pub fn play(song: &Song) -> Sound {
    let mut sound = Sound::silence(samples(song));
    let map = song.tempo_map();
    let channels: Vec<Channel> = (0..16).map(|channel| Channel::of(song, channel)).collect();
    for note in song.notes().filter(|note| note.channel != DRUM_CHANNEL) {
        let Some(channel) = channels.get(usize::from(note.channel)) else { continue };
        let (start, end) = (map.seconds(note.onset), map.seconds(channel.end(note)));
        let is_bass = channel.program.map_or(note.pitch < LOW, |program| BASSES.contains(&program));
        let voice = Voice {
            instrument: if is_bass { &BASS } else { &PIANO },
            frequency: 440.0 * ((f64::from(note.pitch) - 69.0) / 12.0).exp2(),
            velocity: f64::from(note.velocity.clamp(0.0, 1.0)),
            gain: channel.gain(note.onset),
            held: end - start,
            // Low notes a little to the left, as a pianist hears them.
            side: if is_bass { 0.0 } else { ((f64::from(note.pitch) - 64.0) / 80.0).clamp(-0.4, 0.4) },
        };
        voice.sing(&mut sound, sample(start));
    }
    sound
}

/// What a channel's notes need to know of it.
#[derive(Default)]
struct Channel {
    program: Option<u8>,
    /// Values of volume and expression, 0..=1, in time.
    volumes: Vec<(f64, f64)>,
    expressions: Vec<(f64, f64)>,
    /// When the pedal goes down and up.
    pedal: Vec<(f64, bool)>,
    /// Onsets by pitch: a pedal does not hold a note beyond its key's next.
    onsets: Vec<(u8, f64)>,
}

impl Channel {
    fn of(song: &Song, number: u8) -> Self {
        let mut channel = Self::default();
        for track in &song.tracks {
            channel.program = channel.program.or(track.program(number));
            for other in &track.others {
                if let OtherKind::Controller { channel: of, controller, value } = other.kind
                    && of == number
                {
                    match controller {
                        VOLUME => channel.volumes.push((other.at, f64::from(value) / 127.0)),
                        EXPRESSION => channel.expressions.push((other.at, f64::from(value) / 127.0)),
                        PEDAL => channel.pedal.push((other.at, value >= 64)),
                        _ => {}
                    }
                }
            }
            let own = track.notes.iter().filter(|note| note.channel == number);
            channel.onsets.extend(own.map(|note| (note.pitch, note.onset)));
        }
        channel.volumes.sort_by(|a, b| a.0.total_cmp(&b.0));
        channel.expressions.sort_by(|a, b| a.0.total_cmp(&b.0));
        channel.pedal.sort_by(|a, b| a.0.total_cmp(&b.0));
        channel.onsets.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        channel
    }

    /// Its loudness at a step.
    fn gain(&self, step: f64) -> f64 {
        let at = |values: &[(f64, f64)], usual: f64| {
            let known = values.partition_point(|(at, _)| *at <= step);
            known.checked_sub(1).map_or(usual, |index| values[index].1)
        };
        at(&self.volumes, 100.0 / 127.0) * at(&self.expressions, 1.0)
    }

    /// The step at which a note ends to the ear.
    fn end(&self, note: &SongNote) -> f64 {
        let known = self.pedal.partition_point(|(at, _)| *at <= note.end());
        if !known.checked_sub(1).is_some_and(|index| self.pedal[index].1) {
            return note.end();
        }
        let up = self.pedal[known..].iter().find(|(_, down)| !down).map_or(f64::INFINITY, |(at, _)| *at);
        let after = self
            .onsets
            .partition_point(|&(pitch, at)| pitch < note.pitch || pitch == note.pitch && at <= note.onset);
        let again =
            self.onsets.get(after).filter(|next| next.0 == note.pitch).map_or(f64::INFINITY, |next| next.1);
        // No pedal holds a note longer than a string would ring.
        up.min(again).min(note.end() + 64.0).max(note.end())
    }
}

/// Times are in seconds.
struct Instrument {
    attack: f64,
    /// How fast middle C fades; an octave higher twice as fast at most.
    fade: f64,
    release: f64,
    /// How strongly the second wave bends the first at full velocity, and how fast that fades.
    bend: f64,
    bend_fade: f64,
    /// The share of the bell-like stroke, its frequency in the note's own, and how fast it fades.
    bell: (f64, f64, f64),
    loudness: f64,
}

const PIANO: Instrument = Instrument {
    attack: 0.002,
    fade: 1.4,
    release: 0.07,
    bend: 1.5,
    bend_fade: 0.5,
    bell: (0.16, 14.0, 0.09),
    loudness: 0.3,
};

const BASS: Instrument = Instrument {
    attack: 0.003,
    fade: 1.0,
    release: 0.05,
    bend: 2.2,
    bend_fade: 0.22,
    bell: (0.05, 3.0, 0.05),
    loudness: 0.42,
};

/// A note to be played.
struct Voice<'a> {
    instrument: &'a Instrument,
    /// In Hz.
    frequency: f64,
    /// 0..=1.
    velocity: f64,
    /// 0..=1.
    gain: f64,
    /// Seconds until it is let go.
    held: f64,
    /// -1: left, 1: right.
    side: f64,
}

impl Voice<'_> {
    /// Adds the note to a sound from a sample on.
    fn sing(&self, sound: &mut Sound, from: usize) {
        let (of, rate) = (self.instrument, f64::from(RATE));
        let fade = of.fade * (261.6 / self.frequency).sqrt().clamp(0.4, 2.0);
        let level = of.loudness * self.gain * (0.15 + 0.85 * self.velocity.powf(1.6));
        let angle = (1.0 + self.side) * TAU / 8.0;
        let (left, right) = (angle.cos() * level, angle.sin() * level);
        // A bell above what the rate can carry would fold back as another tone.
        let bell = of.bell.1.min((rate * 0.45 / self.frequency).floor());
        let bend = of.bend * (0.25 + 0.75 * self.velocity);
        // After seven times the release nothing is left to hear.
        let length = ((self.held + 7.0 * of.release) * rate) as usize;
        let end = sound.left.len().min(from.saturating_add(length));
        let turn = TAU * self.frequency / rate;
        for (index, at) in (from..end).enumerate() {
            let time = index as f64 / rate;
            let phase = turn * index as f64;
            let bent = bend * (-time / of.bend_fade).exp() * phase.sin();
            let stroke = of.bell.0 * self.velocity * (-time / of.bell.2).exp() * (bell * phase).sin();
            let mut level = (time / of.attack).min(1.0) * (-time / fade).exp();
            if time > self.held {
                level *= ((self.held - time) / of.release).exp();
            }
            let value = level * ((phase + bent).sin() + stroke);
            sound.left[at] += (left * value) as f32;
            sound.right[at] += (right * value) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use phrase::{OtherEvent, Track};

    use super::*;

    fn song(notes: &[(u8, f64, f64)], others: Vec<OtherEvent>) -> Song {
        let mut song = Song::new(120.0);
        let note = |&(pitch, onset, length)| SongNote { pitch, channel: 0, velocity: 0.8, onset, length };
        song.tracks.push(Track { name: String::new(), notes: notes.iter().map(note).collect(), others });
        song
    }

    fn controller(at: f64, controller: u8, value: u8) -> OtherEvent {
        OtherEvent { at, kind: OtherKind::Controller { channel: 0, controller, value } }
    }

    fn loudness(sound: &Sound, from: f64, to: f64) -> f64 {
        let part = &sound.left[sample(from)..sample(to)];
        (part.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / part.len() as f64).sqrt()
    }

    /// The share of a frequency in part of a sound (Goertzel's sum, by definition).
    fn share(sound: &Sound, from: f64, to: f64, frequency: f64) -> f64 {
        let part = &sound.left[sample(from)..sample(to)];
        let (mut cosine, mut sine) = (0.0, 0.0);
        for (at, value) in part.iter().enumerate() {
            let angle = TAU * frequency * at as f64 / f64::from(RATE);
            cosine += f64::from(*value) * angle.cos();
            sine += f64::from(*value) * angle.sin();
        }
        2.0 * cosine.hypot(sine) / part.len() as f64
    }

    #[test]
    fn each_note_sounds_from_its_onset_at_its_pitch() {
        for pitch in [28, 40, 60, 84, 108] {
            let sound = play(&song(&[(pitch, 8.0, 4.0)], Vec::new()));
            let first = sound.left.iter().position(|sample| sample.abs() > 1e-4).unwrap();
            let late = first as f64 / f64::from(RATE) - 1.0;
            assert!((0.0..0.003).contains(&late), "{pitch} begins {late} s late");
            let own = 440.0 * ((f64::from(pitch) - 69.0) / 12.0).exp2();
            let at = |frequency| share(&sound, 1.2, 1.5, frequency);
            assert!(at(own) > 5.0 * at(own * 2.0_f64.powf(0.5)), "{pitch}: another pitch is as loud");
        }
    }

    #[test]
    fn notes_end_and_high_velocities_are_louder() {
        let mut quiet = song(&[(60, 0.0, 4.0)], Vec::new());
        let sound = play(&quiet);
        assert!(loudness(&sound, 0.1, 0.4) > 0.02);
        assert!(loudness(&sound, 1.1, 1.9) < 1e-4, "it rings on");
        quiet.tracks[0].notes[0].velocity = 0.2;
        assert!(loudness(&play(&quiet), 0.1, 0.4) < 0.6 * loudness(&sound, 0.1, 0.4));
    }

    #[test]
    fn the_pedal_holds_until_it_comes_up_or_the_key_goes_down_again() {
        let down = |notes: &[(u8, f64, f64)]| {
            play(&song(notes, vec![controller(0.0, PEDAL, 127), controller(16.0, PEDAL, 0)]))
        };
        let held = down(&[(60, 0.0, 2.0), (62, 40.0, 1.0)]);
        assert!(loudness(&held, 1.0, 1.9) > 0.01 && loudness(&held, 2.6, 4.5) < 1e-4);
        let channel =
            Channel::of(&song(&[(60, 0.0, 2.0), (60, 8.0, 2.0)], vec![controller(0.0, PEDAL, 127)]), 0);
        let first = SongNote { pitch: 60, channel: 0, velocity: 0.8, onset: 0.0, length: 2.0 };
        assert_eq!(channel.end(&first), 8.0);
    }

    #[test]
    fn drums_are_left_out_and_a_channel_turned_down_is_silent() {
        let mut drums = song(&[(36, 0.0, 4.0)], Vec::new());
        drums.tracks[0].notes[0].channel = DRUM_CHANNEL;
        assert_eq!(play(&drums).peak(), 0.0);
        assert_eq!(play(&song(&[(60, 0.0, 4.0)], vec![controller(0.0, VOLUME, 0)])).peak(), 0.0);
    }
}
