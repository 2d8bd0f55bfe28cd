//! What is done to the content of a training phrase, so that the arranger learns to mend it: a tune that
//! comes from another genre has that genre's rhythm, ornaments and passing notes, and looks like a damaged
//! one of its own.

use clap::{Args, FromArgMatches};
use model::arranger::{Content, Detail, MelodyNote};
use phrase::{PITCHES, STEPS, STEPS_PER_BEAT};
use rand::Rng;
use rand::seq::{IndexedRandom, index};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// How much content is damaged. All are probabilities but for the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct Corruption {
    /// That the melody notes of a beat start on other steps of it, in their order.
    #[arg(long, default_value_t = 0.85)]
    pub retime: f32,
    /// That a melody note is left out.
    #[arg(long, default_value_t = 0.1)]
    pub omit: f32,
    /// That a melody note gets a neighbour, up to 4 semitones away, that was not there.
    #[arg(long, default_value_t = 0.15)]
    pub insert: f32,
    /// That a melody note is a semitone off.
    #[arg(long, default_value_t = 0.05)]
    pub detune: f32,
    /// That a pitch class is left out of a half bar's harmony.
    #[arg(long, default_value_t = 0.1)]
    pub omit_class: f32,
    /// That a pitch class is in a half bar's harmony that was not there.
    #[arg(long, default_value_t = 0.12)]
    pub insert_class: f32,
    /// That a half bar's bass is not told.
    #[arg(long, default_value_t = 0.15)]
    pub omit_bass: f32,
    /// Standard deviation of what the density is told to be, in octaves.
    #[arg(long, default_value_t = 0.3)]
    pub density_noise: f32,
    /// Of what follows only an arranger of the second edition hears. That a phrase's harmony is told class by
    /// class.
    #[arg(long, default_value_t = 0.3)]
    #[serde(default)]
    pub exact: f32,
    /// That it is told as triads; else some half bars are told one way and some another.
    #[arg(long, default_value_t = 0.45)]
    #[serde(default)]
    pub triads: f32,
    /// That a half bar's chord is told as another one of the same function.
    #[arg(long, default_value_t = 0.06)]
    #[serde(default)]
    pub relative: f32,
    /// That a melody note that anticipates a beat is told on it: some genres play ahead of the tune that is
    /// written.
    #[arg(long, default_value_t = 0.4)]
    #[serde(default)]
    pub anticipate: f32,
    /// That the texture is not told.
    #[arg(long, default_value_t = 0.1)]
    #[serde(default)]
    pub omit_texture: f32,
    /// Standard deviation of what each number of the texture is told to be.
    #[arg(long, default_value_t = 0.05)]
    #[serde(default)]
    pub texture_noise: f32,
    /// That the bar before is not told.
    #[arg(long, default_value_t = 0.25)]
    #[serde(default)]
    pub forget: f32,
    /// That the phrase is told as another version of its piece has it, where there is one in step: files
    /// that are named alike up to a last `__v` and number, in any genre.
    #[arg(long, default_value_t = 0.35)]
    #[serde(default)]
    pub version: f32,
    /// That a phrase is drawn among those that were rendered from another genre's pieces.
    #[arg(long, default_value_t = 0.25)]
    #[serde(default)]
    pub rendered: f32,
    /// That the phrase is told as somebody's hands leave it: pedalled, clipped, without some of its notes.
    #[arg(long, default_value_t = 0.3)]
    #[serde(default)]
    pub play: f32,
}

impl Default for Corruption {
    /// What the command line has.
    fn default() -> Self {
        let command = Self::augment_args(clap::Command::new("train").no_binary_name(true));
        let matches = command.try_get_matches_from([""; 0]).ok();
        matches.and_then(|matches| Self::from_arg_matches(&matches).ok()).expect("every flag has a default")
    }
}

impl Corruption {
    /// The same for an answer, told as its song is: chords and tune are right as they are.
    pub fn sparing(&self) -> Self {
        Self { relative: 0.0, anticipate: 0.0, ..*self }
    }

    /// Damages `content`.
    pub fn apply(&self, content: &mut Content, rng: &mut ChaCha8Rng) {
        let beat = |note: &MelodyNote| note.start / STEPS_PER_BEAT;
        let melody = std::mem::take(&mut content.melody);
        for notes in melody.chunk_by(|a, b| beat(a) == beat(b)) {
            content.melody.extend(self.beat(notes, rng));
        }
        for classes in &mut content.harmony {
            for weight in classes {
                // The root of a share; see `Content::harmony`.
                let share = *weight * *weight;
                let heard = if share > 0.0 && rng.random::<f32>() >= self.omit_class {
                    share * rng.random_range(0.5..1.5)
                } else if share == 0.0 && rng.random::<f32>() < self.insert_class {
                    rng.random_range(0.0..0.4)
                } else {
                    0.0
                };
                *weight = heard.min(1.0).sqrt();
            }
        }
        for class in &mut content.bass {
            if rng.random::<f32>() < self.omit_bass {
                *class = None;
            }
        }
        let noise: f32 = StandardNormal.sample(rng);
        content.density += self.density_noise * noise;
    }

    /// Tells of `content` what only the second edition hears, before [`Corruption::apply`] damages the rest.
    /// Harmony `of_another` version is told as triads at most: its colours are not this one's.
    pub fn simplify(&self, content: &mut Content, of_another: bool, rng: &mut ChaCha8Rng) {
        let way = rng.random::<f32>();
        let harmony = match way {
            _ if way < self.exact => {
                if of_another {
                    0.5
                } else {
                    0.0
                }
            }
            _ if way < self.exact + self.triads => 0.5,
            _ => rng.random_range(if of_another { 0.5..1.0 } else { 0.0..1.0 }),
        };
        for (detail, chord) in content.detail.iter_mut().zip(&mut content.chords) {
            *detail = Detail::of(harmony, rng.random());
            if rng.random::<f32>() < self.relative {
                *chord = chord.map(|chord| chord.relatives()[rng.random_range(0..2)]);
            }
        }
        if rng.random::<f32>() < self.omit_texture {
            content.texture = None;
        }
        for number in content.texture.iter_mut().flat_map(|texture| &mut texture.0) {
            let noise: f32 = StandardNormal.sample(rng);
            *number += self.texture_noise * noise;
        }
        for i in 0..content.melody.len() {
            let note = content.melody[i];
            let beat = (note.start / STEPS_PER_BEAT + 1) * STEPS_PER_BEAT;
            let free = content.melody.get(i + 1).is_none_or(|next| next.start > beat);
            if beat - note.start <= 2 && note.end > beat && free && rng.random::<f32>() < self.anticipate {
                content.melody[i].start = beat;
            }
        }
    }

    /// The notes of one beat, damaged.
    fn beat(&self, notes: &[MelodyNote], rng: &mut ChaCha8Rng) -> Vec<MelodyNote> {
        const OFF: [i32; 8] = [-4, -3, -2, -1, 1, 2, 3, 4];
        let moved = |note: MelodyNote, by: i32| MelodyNote {
            row: (note.row as i32 + by).clamp(0, PITCHES as i32 - 1) as usize,
            ..note
        };
        let mut all = Vec::new();
        for &note in notes {
            if rng.random::<f32>() < self.omit {
                continue;
            }
            let detuned = rng.random::<f32>() < self.detune;
            let by = if rng.random() { 1 } else { -1 };
            all.push(if detuned { moved(note, by) } else { note });
            if rng.random::<f32>() < self.insert {
                let end = note.start + rng.random_range(1..4);
                all.extend(OFF.choose(rng).map(|&by| moved(MelodyNote { end, ..note }, by)));
            }
        }
        all.truncate(STEPS_PER_BEAT);
        let crowded = all.windows(2).any(|pair| pair[0].start == pair[1].start);
        if crowded || rng.random::<f32>() < self.retime {
            let mut steps = index::sample(rng, STEPS_PER_BEAT, all.len()).into_vec();
            steps.sort_unstable();
            for (note, step) in all.iter_mut().zip(steps) {
                let start = note.start / STEPS_PER_BEAT * STEPS_PER_BEAT + step;
                note.end = note.end.max(start + 1);
                note.start = start;
            }
        }
        for note in &mut all {
            let length = (note.end - note.start) as f32 * rng.random_range(0.5..2.0);
            note.end = (note.start + (length.round() as usize).max(1)).min(STEPS);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use model::arranger::{FEATURES, MORE};
    use phrase::Roll;

    use super::*;
    use crate::random;

    const NONE: Corruption = Corruption {
        retime: 0.0,
        omit: 0.0,
        insert: 0.0,
        detune: 0.0,
        omit_class: 0.0,
        insert_class: 0.0,
        omit_bass: 0.0,
        density_noise: 0.0,
        exact: 1.0,
        triads: 0.0,
        relative: 0.0,
        anticipate: 0.0,
        omit_texture: 0.0,
        texture_noise: 0.0,
        forget: 0.0,
        version: 0.0,
        rendered: 0.0,
        play: 0.0,
    };

    /// Told as triads, C major with its seventh is C major; a note that anticipates the beat is told on it.
    #[test]
    fn what_is_simplified_is_told_in_less() {
        let roll = Roll::from_cells(|step, row| match row {
            24 | 28 | 31 | 35 => true,
            50 => (2..8).contains(&step),
            _ => false,
        });
        let told = |corruption: Corruption| {
            let mut content = Content::of(&roll);
            corruption.simplify(&mut content, false, &mut random::stream(1, 0));
            let mut features = vec![0.0; STEPS * (FEATURES + MORE)];
            content.write(&mut features);
            (
                content.melody[1].start,
                features[2 * PITCHES..2 * PITCHES + 12].iter().filter(|&&x| x > 0.0).count(),
            )
        };
        assert_eq!(told(NONE), (2, 5));
        assert_eq!(told(Corruption { exact: 0.0, triads: 1.0, anticipate: 1.0, ..NONE }), (4, 3));
    }

    #[test]
    fn notes_stay_in_their_beats_in_order_and_on_steps_of_their_own() {
        let roll = Roll::from_cells(|step, row| row == 40 + step / 3 % 7);
        let clean = Content::of(&roll);
        let all = Corruption {
            retime: 0.8,
            omit: 0.2,
            insert: 0.5,
            detune: 0.1,
            omit_class: 0.2,
            insert_class: 0.3,
            omit_bass: 0.2,
            density_noise: 0.3,
            ..NONE
        };
        let mut changed = 0;
        for seed in 0..50 {
            let mut content = clean.clone();
            all.apply(&mut content, &mut random::stream(seed, 0));
            assert!(content.melody.windows(2).all(|pair| pair[0].start < pair[1].start));
            assert!(
                content
                    .melody
                    .iter()
                    .all(|note| note.start < note.end && note.end <= STEPS && note.row < PITCHES)
            );
            assert!(content.harmony.iter().flatten().all(|weight| (0.0..=1.0).contains(weight)));
            changed += usize::from(content.melody != clean.melody);
        }
        assert_eq!(changed, 50);
        let mut content = clean.clone();
        NONE.apply(&mut content, &mut random::stream(1, 0));
        let starts = |content: &Content| content.melody.iter().map(|n| (n.start, n.row)).collect::<Vec<_>>();
        assert_eq!(starts(&content), starts(&clean));
        assert_eq!((content.bass, content.density), (clean.bass, clean.density));
    }
}
