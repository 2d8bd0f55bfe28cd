//! The space as a part of a pack. Runs on the worker thread.

use candle_core::{Device, Tensor};
use phrase::{LOWEST, PITCHES, Roll, STEPS};

use super::{Network, PicturesConfig, SIDE};
use crate::roles::{Answer, Ask, PartSizes, Space};
use crate::{ModelError, Ops, Weights};

/// MIDI pitch of a picture's first key.
const LOWEST_KEY: usize = 21;
/// The column of row 0 of a roll.
const FIRST: usize = LOWEST as usize - LOWEST_KEY;
/// A cell sounds, or a note starts, that is brighter.
pub const THRESHOLD: f32 = 0.3;
/// The velocity of notes of which it is not known.
pub const UNKNOWN: f32 = 0.7;

/// The network, ready to encode and to draw. Owned by the thread that runs it.
#[derive(Debug)]
pub struct Pictures {
    config: PicturesConfig,
    weights: Weights,
}

impl Pictures {
    /// Of `weights` with the names of [`PicturesConfig`]'s parameters.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape.
    pub fn new(config: PicturesConfig, weights: &Weights) -> Result<Self, ModelError> {
        for parameter in PartSizes::parameters(&config) {
            weights.get(&parameter.name, &parameter.shape)?;
        }
        Ok(Self { config, weights: weights.clone() })
    }
}

/// A phrase as a picture, `[88][88][planes]`: each cell that sounds as bright as `velocity(step, row)` says;
/// of two planes the second is 1 where a note starts.
pub fn picture(roll: &Roll, planes: usize, velocity: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut picture = vec![0.0; SIDE * SIDE * planes];
    for step in 0..STEPS {
        let before = if step > 0 { roll.sounding[step - 1] } else { 0 };
        let starts = roll.sounding[step] & (roll.onset[step] | !before);
        for row in (0..PITCHES).filter(|row| roll.sounding[step] >> row & 1 == 1) {
            let cell = &mut picture[(step * SIDE + FIRST + row) * planes..][..planes];
            cell[0] = velocity(step, row);
            if planes > 1 {
                cell[1] = (starts >> row & 1) as f32;
            }
        }
    }
    picture
}

impl Space for Pictures {
    fn dims(&self) -> usize {
        self.config.code
    }

    fn encode(&mut self, input: &Roll, point: &mut [f32]) -> Result<(), ModelError> {
        let planes = self.config.planes;
        let picture = picture(input, planes, |_, _| UNKNOWN);
        let picture = Tensor::from_vec(picture, (1, SIDE, SIDE, planes), &Device::Cpu)?;
        let network = Network::new(self.config, &self.weights, Ops::KERNELS);
        point.copy_from_slice(&network.middle(&picture)?.flatten_all()?.to_vec1::<f32>()?);
        Ok(())
    }

    /// The cells that are bright enough. Without a plane of starts each of them is a stroke.
    fn decode(&mut self, point: &[f32], _: &Ask, out: &mut Answer) -> Result<(), ModelError> {
        let planes = self.config.planes;
        let network = Network::new(self.config, &self.weights, Ops::KERNELS);
        let points = Tensor::from_slice(point, (1, point.len()), &Device::Cpu)?;
        let logits = network.play(&points)?.flatten_all()?.to_vec1::<f32>()?;
        let mut velocities = Box::new([[0; PITCHES]; STEPS]);
        let mut before = 0u128;
        for step in 0..STEPS {
            let (mut sounding, mut starts) = (0u128, 0u128);
            for row in 0..PITCHES {
                let cell = &logits[(step * SIDE + FIRST + row) * planes..][..planes];
                let bright = cell.iter().map(|logit| 1.0 / (1.0 + (-logit).exp()));
                let [velocity, start] = two(bright);
                if velocity <= THRESHOLD {
                    continue;
                }
                sounding |= 1 << row;
                if planes == 1 || start > THRESHOLD || before >> row & 1 == 0 {
                    starts |= 1 << row;
                    velocities[step][row] = (velocity * 127.0).round().clamp(1.0, 127.0) as u8;
                }
            }
            (out.cells.sounding[step], out.cells.onset[step]) = (sounding, starts);
            before = sounding;
        }
        out.velocities = Some(velocities);
        Ok(())
    }
}

fn two(mut values: impl Iterator<Item = f32>) -> [f32; 2] {
    [values.next().unwrap_or_default(), values.next().unwrap_or_default()]
}
