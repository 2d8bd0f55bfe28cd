//! Dynamics as a part of a pack.

use candle_core::{Device, Tensor};
use phrase::{BASS_BELOW, LOWEST, PITCHES, Phrase, Roll, STEPS, Velocities};

use super::network::{Batch, Touch};
use super::score::Score;
use super::{TouchConfig, UNIT};
use crate::{ModelError, Ops, Weights};

/// How hard a phrase is struck of which nothing is known.
const LEVEL: f32 = 0.6;
/// What a told velocity is at least and at most.
const RANGE: (f32, f32) = (12.0 / 127.0, 1.0);
/// What a new note is beside the mean of what is played, or of what is kept of it, at least and at most; nor
/// is it louder than the loudest. A genre's loudness may have been learned from horns alone, and its basses
/// would vanish.
const BESIDE: (f32, f32) = (0.6, 1.2);
/// What a new note above a tune's note that is struck with it is beside that at most: so the tune stays in
/// front.
const ABOVE: f32 = 0.85;
/// The mean from which on players' differences count in full: who plays softly has less room.
const FULL: f32 = 0.5;

/// The network, ready to say how hard notes are struck. Lives on the thread that computes.
#[derive(Debug)]
pub(crate) struct Strikes {
    config: TouchConfig,
    weights: Weights,
    /// By genre: where nothing is told, and where some velocities are.
    scale: Vec<Vec<f32>>,
}

impl Strikes {
    pub(crate) fn new(config: TouchConfig, weights: Weights) -> Result<Self, ModelError> {
        for parameter in config.parameters() {
            weights.get(&parameter.name, &parameter.shape)?;
        }
        let scale = weights.get("scale", &[config.genres, 2])?.to_vec2()?;
        Ok(Self { config, weights, scale })
    }

    /// How hard the notes of `cells` are struck by players of a blend of genres, as an answer to `input`,
    /// which is in straight time: new ones as they fit what is kept, kept ones as if nothing were known of
    /// them but how loud they are on average.
    pub(crate) fn strike(
        &self,
        input: &Phrase,
        cells: &Roll,
        shares: &[f32],
    ) -> Result<Box<Velocities>, ModelError> {
        let mut table: Box<Velocities> = Box::new([[0; PITCHES]; STEPS]);
        let score = Score::of(cells);
        let notes = score.notes();
        if notes.is_empty() {
            return Ok(table);
        }
        let mut own: Box<[[f32; PITCHES]; STEPS]> = Box::new([[0.0; PITCHES]; STEPS]);
        let (mut sum, mut count, mut loudest) = (0.0, 0.0f32, 0.0f32);
        for note in input.notes.iter().filter(|note| !note.tied_in) {
            if let (Some(row), 0..64) = (note.row(), note.onset_step()) {
                own[note.onset_step() as usize][row] = note.velocity;
                (sum, count, loudest) = (sum + note.velocity, count + 1.0, loudest.max(note.velocity));
            }
        }
        let level = if count > 0.0 { sum / count } else { LEVEL };
        let first = Score::key(0);
        let velocity = |&(step, key): &(usize, usize)| {
            let row = key.checked_sub(first).filter(|row| *row < PITCHES)?;
            Some(own[step][row]).filter(|velocity| *velocity > 0.0)
        };
        let kept: Vec<Option<f32>> = notes.iter().map(velocity).collect();
        let all: Vec<f32> = kept.iter().copied().flatten().collect();
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let told = if self.config.is_relative() {
            let unit = UNIT * (if all.is_empty() { level } else { mean(&all) } / FULL).min(1.0);
            let blind = self.predict(&score, &notes, &[], shares, 0)?;
            let mut base = level;
            if !all.is_empty() {
                let own = kept.iter().zip(&blind).filter(|(kept, _)| kept.is_some());
                base = mean(&all) - unit * mean(&own.map(|(_, blind)| *blind).collect::<Vec<_>>());
            }
            let mut told: Vec<f32> = blind.iter().map(|relative| base + unit * relative).collect();
            if !all.is_empty() && all.len() < notes.len() && self.config.hears {
                let level = mean(&all);
                let known = notes.iter().zip(&kept);
                let known =
                    known.filter_map(|(note, kept)| Some((note.0, note.1, ((*kept)? - level) / unit)));
                let seen = self.predict(&score, &notes, &known.collect::<Vec<_>>(), shares, 1)?;
                for ((told, seen), _) in
                    told.iter_mut().zip(&seen).zip(&kept).filter(|(_, kept)| kept.is_none())
                {
                    *told = level + unit * seen;
                }
            }
            if count > 0.0 {
                // What is kept is mostly the tune; but a single soft note of it is no measure.
                let beside = if all.is_empty() { level } else { level.max(mean(&all)) };
                let most = (BESIDE.1 * beside).min(loudest);
                let tune = tune(input, cells, &own);
                let new = notes.iter().zip(&mut told).zip(&kept).filter(|(_, kept)| kept.is_none());
                for ((&(step, key), told), _) in new {
                    *told = told.clamp((BESIDE.0 * beside).min(most), most);
                    if let Some((top, velocity)) = tune[step] {
                        let above = if key > first + top { ABOVE } else { 1.0 };
                        *told = told.min(above * velocity);
                    }
                }
            }
            told
        } else {
            let known: Vec<_> =
                notes.iter().zip(&kept).filter_map(|(note, kept)| Some((note.0, note.1, (*kept)?))).collect();
            self.predict(&score, &notes, &known, shares, 0)?
        };
        for (&(step, key), told) in notes.iter().zip(told) {
            if let Some(row) = key.checked_sub(first).filter(|row| *row < PITCHES) {
                table[step][row] = (told.clamp(RANGE.0, RANGE.1) * 127.0).round() as u8;
            }
        }
        Ok(table)
    }

    /// What the network says of each note.
    fn predict(
        &self,
        score: &Score,
        notes: &[(usize, usize)],
        known: &[(usize, usize, f32)],
        shares: &[f32],
        column: usize,
    ) -> Result<Vec<f32>, ModelError> {
        let batch = batch(&self.config, &[(score, notes, known, shares)], &Device::Cpu)?;
        let out = Touch::new(self.config, &self.weights, Ops::KERNELS).forward(&batch, None)?;
        let scale: f32 = shares.iter().zip(&self.scale).map(|(share, scale)| share * scale[column]).sum();
        if self.config.is_relative() {
            return Ok(out.to_vec1::<f32>()?.into_iter().map(|value| value * scale).collect());
        }
        let keys = out.squeeze(0)?.to_vec2::<f32>()?;
        Ok(notes.iter().map(|&(step, key)| keys[step][key]).collect())
    }
}

/// Row and velocity of the tune's notes that an answer keeps, by the step that they are struck on: nothing of
/// the input sounds above them, and they are no basses. `own` has the velocities of all that it strikes.
fn tune(input: &Phrase, answer: &Roll, own: &[[f32; PITCHES]; STEPS]) -> [Option<(usize, f32)>; STEPS] {
    let mut highest = [0; STEPS];
    for note in &input.notes {
        if let (Some(row), Some(cells)) = (note.row(), note.cells()) {
            cells.for_each(|step| highest[step] = row.max(highest[step]));
        }
    }
    std::array::from_fn(|step| {
        let (row, velocity) = (highest[step], own[step][highest[step]]);
        let is_kept = answer.onset[step] >> row & 1 == 1;
        (is_kept && velocity > 0.0 && row as u8 + LOWEST >= BASS_BELOW).then_some((row, velocity))
    })
}

/// A sample: its score, its notes, what is known of them, and its shares of the genres.
pub type Sample<'a> = (&'a Score, &'a [(usize, usize)], &'a [(usize, usize, f32)], &'a [f32]);

/// What the network reads of samples of one length.
///
/// # Errors
/// When a tensor cannot be made.
pub fn batch(config: &TouchConfig, samples: &[Sample], device: &Device) -> candle_core::Result<Batch> {
    let steps = samples.first().map_or(0, |sample| sample.0.struck.len());
    let inputs = config.inputs();
    let mut all = vec![0.0; samples.len() * steps * inputs];
    let (mut places, mut features, mut genres) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (sample, out)) in samples.iter().zip(all.chunks_exact_mut(steps * inputs)).enumerate() {
        let (score, notes, known, shares) = sample;
        score.write(config, known, out);
        places.extend(notes.iter().map(|note| (index * steps + note.0) as u32));
        if config.is_relative() {
            features.extend(score.features(config, notes));
        }
        genres.extend_from_slice(shares);
    }
    let rows = features.len() / config.features();
    Ok(Batch {
        inputs: Tensor::from_vec(all, (samples.len(), steps, inputs), device)?,
        genres: Tensor::from_vec(genres, (samples.len(), config.genres), device)?,
        places: Tensor::from_vec(places.clone(), places.len(), device)?,
        features: Tensor::from_vec(features, (rows, config.features()), device)?,
    })
}
