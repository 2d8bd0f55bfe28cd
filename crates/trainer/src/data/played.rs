//! Songs as people play them: what of a score is left when it comes from under somebody's hands. For
//! measuring how well a pack holds on real input, beside clean input.

use phrase::{DRUM_CHANNEL, HIGHEST, LOWEST, STEPS, STEPS_PER_BAR, Song, SongNote, Swing, nearest};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::random;

/// Notes that a phrase keeps at least: damage that leaves fewer is left out.
const LEAST: usize = 8;
/// What lies under it is the left hand's: middle C.
const MIDDLE: u8 = 60;
/// The most that a note is early or late, in steps: 25 ms at 120 BPM.
const JITTER: f64 = 0.2;
/// The shortest note, in steps.
const SHORTEST: f64 = 0.25;

/// A note and its track.
type Placed = (usize, SongNote);

/// The song as somebody might play it: every four bars, from its start on, are damaged by a draw of their own
/// from `seed` and `name`. Drums stay.
///
/// - Hands: a track, the left hand, or the inner voices are left out (each in one phrase of six).
/// - Tempo: half as fast, so that two bars fill four, or twice as fast (each in one of ten).
/// - Keys: up or down by up to six semitones, in one of five by an octave more.
/// - Pedal: notes sound on to the end of their half bar (one of four), or are clipped to a third or two (one
///   of four).
/// - Time: swung by .55 to .69 (one of four); every onset up to a fifth of a step early or late.
/// - Touch: the softest notes, up to a fifth of them, are not struck (one of two).
pub fn as_played(song: &Song, name: &str, seed: u64) -> Song {
    let song_seed = name.bytes().fold(seed, |hash, byte| phrase::mix(hash ^ u64::from(byte)));
    let drums = |note: &SongNote| note.channel == DRUM_CHANNEL;
    let all: Vec<Placed> = song
        .tracks
        .iter()
        .enumerate()
        .flat_map(|(track, t)| t.notes.iter().filter(|note| !drums(note)).map(move |note| (track, *note)))
        .collect();
    let last = all.iter().map(|(_, note)| nearest(note.onset)).max().unwrap_or(0).max(0) as usize / STEPS;
    let mut played = song.clone();
    played.tracks.iter_mut().for_each(|track| track.notes.retain(drums));
    for block in 0..=last {
        let start = (block * STEPS) as f64;
        let mut rng = random::stream(song_seed, block as u64);
        let inside = |from: f64, to: f64| -> Vec<Placed> {
            let inside =
                all.iter().filter(|(_, note)| (from..to).contains(&(nearest(note.onset).max(0) as f64)));
            inside.map(|(track, note)| (*track, SongNote { onset: note.onset - from, ..*note })).collect()
        };
        let own = inside(start, start + STEPS as f64);
        let twice = inside(start, start + 2.0 * STEPS as f64);
        for (track, note) in damaged(own, twice, &mut rng) {
            played.tracks[track].notes.push(SongNote { onset: start + note.onset, ..note });
        }
    }
    played.tracks.iter_mut().for_each(phrase::Track::sort);
    played.end = played.notes().map(SongNote::end).fold(played.end, f64::max);
    played
}

/// The notes of four bars, damaged; `twice` are those of eight. Times count from their start.
fn damaged(own: Vec<Placed>, twice: Vec<Placed>, rng: &mut ChaCha8Rng) -> Vec<Placed> {
    // Everything is drawn, used or not, so that one kind of damage does not change the draws of the next.
    let [hands, tempo, octave, pedal, time, touch] = std::array::from_fn(|_| rng.random::<f64>());
    let [which, clip, ratio, soft] = std::array::from_fn(|_| rng.random::<f64>());
    let by = rng.random_range(-6..=6i32)
        + if octave < 0.1 {
            -12
        } else if octave < 0.2 {
            12
        } else {
            0
        };

    let mut notes = match tempo {
        t if t < 0.1 => stretched(&own, 2.0),
        t if t < 0.2 => stretched(&twice, 0.5),
        _ => own,
    };
    let keep = |notes: &mut Vec<Placed>, keeps: &dyn Fn(&Placed) -> bool| {
        if notes.iter().filter(|note| keeps(note)).count() >= LEAST {
            notes.retain(|note| keeps(note));
        }
    };
    match hands {
        h if h < 1.0 / 6.0 => {
            let mut tracks: Vec<usize> = notes.iter().map(|(track, _)| *track).collect();
            tracks.dedup();
            tracks.sort_unstable();
            tracks.dedup();
            if let Some(&out) = tracks.get((which * tracks.len() as f64) as usize) {
                keep(&mut notes, &|(track, _)| *track != out);
            }
        }
        h if h < 2.0 / 6.0 => keep(&mut notes, &|(_, note)| note.pitch >= MIDDLE),
        h if h < 3.0 / 6.0 => {
            let outer = outer(&notes);
            keep(&mut notes, &|(_, note)| {
                outer[nearest(note.onset).clamp(0, STEPS as i64 - 1) as usize].contains(&note.pitch)
            });
        }
        _ => {}
    }
    if touch < 0.5 {
        let mut velocities: Vec<f32> = notes.iter().map(|(_, note)| note.velocity).collect();
        velocities.sort_by(f32::total_cmp);
        if let Some(&least) = velocities.get((0.2 * soft * velocities.len() as f64) as usize) {
            keep(&mut notes, &|(_, note)| note.velocity >= least);
        }
    }
    let swing = Swing { ratio: if time < 0.25 { 0.55 + 0.14 * ratio } else { 0.5 }, confidence: 1.0 };
    for (_, note) in &mut notes {
        let end = match pedal {
            p if p < 0.25 => next_half_bar(note.onset).max(note.end()),
            p if p < 0.5 => note.onset + (note.length * (1.0 + clip) / 3.0).max(SHORTEST),
            _ => note.end(),
        };
        let onset = (swing.swing(note.onset) + JITTER * (2.0 * rng.random::<f64>() - 1.0)).max(0.0);
        (note.onset, note.length) = (onset, (swing.swing(end) - onset).max(SHORTEST));
        let pitch = i32::from(note.pitch) + by;
        // What leaves the roll goes an octave back.
        let back = if pitch > i32::from(HIGHEST) {
            -12
        } else if pitch < i32::from(LOWEST) {
            12
        } else {
            0
        };
        note.pitch = (pitch + back).clamp(0, 127) as u8;
    }
    notes
}

/// The notes `factor` times as slow; those that start behind four bars are gone.
fn stretched(notes: &[Placed], factor: f64) -> Vec<Placed> {
    let slow = |(track, note): &Placed| {
        (*track, SongNote { onset: factor * note.onset, length: factor * note.length, ..*note })
    };
    notes.iter().map(slow).filter(|(_, note)| nearest(note.onset) < STEPS as i64).collect()
}

/// The lowest and the highest pitch that is struck on each step.
fn outer(notes: &[Placed]) -> [[u8; 2]; STEPS] {
    let mut outer = [[u8::MAX, 0]; STEPS];
    for (_, note) in notes {
        let [low, high] = &mut outer[nearest(note.onset).clamp(0, STEPS as i64 - 1) as usize];
        (*low, *high) = ((*low).min(note.pitch), (*high).max(note.pitch));
    }
    outer
}

/// Where the half bar of a time ends.
fn next_half_bar(step: f64) -> f64 {
    let half = (STEPS_PER_BAR / 2) as f64;
    ((step / half).floor() + 1.0) * half
}

#[cfg(test)]
mod tests {
    use phrase::Track;

    use super::*;

    /// 40 phrases of a tune, chords and a bass.
    fn song() -> Song {
        let mut song = Song::new(120.0);
        let note = |pitch, velocity, onset, length| SongNote { pitch, channel: 0, velocity, onset, length };
        let steps = |by: usize| (0..40 * STEPS).step_by(by).map(|step| step as f64);
        let tune = steps(2)
            .map(|step| note(72 + (step as u8 / 2) % 7, 0.5 + (step as u8 % 11) as f32 / 40.0, step, 2.0));
        let chords = steps(4).flat_map(|step| [62, 65].map(|pitch| note(pitch, 0.3, step, 1.0)));
        let bass = steps(8).map(|step| note(40, 0.6, step, 8.0));
        for notes in [tune.collect::<Vec<_>>(), chords.collect(), bass.collect()] {
            song.tracks.push(Track { notes, ..Track::default() });
        }
        song
    }

    #[test]
    fn damage_depends_on_seed_name_and_place_alone() {
        let played = as_played(&song(), "a", 1);
        assert_eq!(played, as_played(&song(), "a", 1));
        assert_ne!(played, as_played(&song(), "a", 2));
        assert_ne!(played, as_played(&song(), "b", 1));
        // A phrase that is taken away changes nothing but what looks at it: twice as fast, the one before.
        let mut shorter = song();
        shorter.tracks.iter_mut().for_each(|track| track.notes.retain(|note| note.onset < 39.0 * 64.0));
        let before =
            |song: &Song| song.notes().filter(|note| note.onset < 38.0 * 64.0).copied().collect::<Vec<_>>();
        assert_eq!(before(&as_played(&shorter, "a", 1)), before(&played));
    }

    #[test]
    fn every_kind_of_damage_comes_and_none_empties_a_phrase() {
        let (clean, played) = (song(), as_played(&song(), "a", 3));
        let block = |song: &Song, block: usize| -> Vec<(usize, SongNote)> {
            let line = (block * STEPS) as f64;
            let inside = move |note: &&SongNote| (line - 0.5..line + 63.5).contains(&note.onset);
            let tracks = song.tracks.iter().enumerate();
            tracks
                .flat_map(|(track, t)| t.notes.iter().filter(inside).map(move |note| (track, *note)))
                .collect()
        };
        let mut seen = [0; 6];
        for place in 0..40 {
            let (before, after) = (block(&clean, place), block(&played, place));
            assert!(after.len() >= LEAST, "{place}");
            assert!(
                after
                    .iter()
                    .all(|(_, note)| note.length >= SHORTEST && (LOWEST..=HIGHEST).contains(&note.pitch))
            );
            let tracks = |notes: &[(usize, SongNote)]| {
                (0..3).filter(|t| notes.iter().any(|(track, _)| track == t)).count()
            };
            let mean = |notes: &[(usize, SongNote)]| {
                notes.iter().map(|(_, note)| note.length).sum::<f64>() / notes.len() as f64
            };
            let top = |notes: &[(usize, SongNote)]| notes.iter().map(|(_, note)| note.pitch).max();
            let mut onsets: Vec<f64> = after.iter().map(|(_, note)| note.onset).collect();
            onsets.sort_by(f64::total_cmp);
            seen[0] += usize::from(tracks(&after) < 3);
            seen[1] += usize::from(after.len() > before.len());
            seen[2] += usize::from(top(&after) != top(&before));
            seen[3] += usize::from(mean(&after) > 1.2 * mean(&before));
            seen[4] += usize::from(mean(&after) < 0.8 * mean(&before));
            seen[5] += usize::from(Swing::of(onsets).is_swung());
        }
        // Nearly every phrase changes its key; no other damage comes to most of them.
        let [tracks, tempo, keys, pedal, clip, swing] = seen;
        assert!(
            keys > 30 && [tracks, tempo, pedal, clip, swing].iter().all(|times| (1..25).contains(times)),
            "{seen:?}"
        );
    }
}
