//! The noise that is added to everything a discriminator sees (sigma_D of the papers).

use candle_core::{Device, Result, Tensor};
use phrase::{PITCHES, STEPS};
use rand_chacha::ChaCha8Rng;

use super::options::{NoiseKind, PairOptions};
use crate::random;

/// Draws noise for one part of a step's batch.
#[derive(Clone, Debug)]
pub struct Noise {
    sigma: f64,
    kind: NoiseKind,
    size: usize,
    device: Device,
    rng: ChaCha8Rng,
    /// The one tensor that all inputs share, where they do.
    shared: Option<Tensor>,
}

impl Noise {
    /// Noise for inputs of `size` phrases, drawn from `rng`.
    pub fn new(options: &PairOptions, size: usize, device: &Device, rng: ChaCha8Rng) -> Result<Self> {
        let mut noise = Self {
            sigma: options.sigma,
            kind: options.noise,
            size,
            device: device.clone(),
            rng,
            shared: None,
        };
        if options.shared_noise && options.sigma > 0.0 {
            noise.shared = Some(noise.fresh()?);
        }
        Ok(noise)
    }

    /// `rolls` `[B, 64, 84]` with noise on every cell; nothing is clipped.
    pub fn add(&mut self, rolls: &Tensor) -> Result<Tensor> {
        match &self.shared {
            _ if self.sigma == 0.0 => Ok(rolls.clone()),
            Some(noise) => rolls + noise,
            None => rolls + self.fresh()?,
        }
    }

    fn fresh(&mut self) -> Result<Tensor> {
        let sigma = self.sigma as f32;
        let mut values = random::normal(&mut self.rng, self.size * STEPS * PITCHES);
        for value in &mut values {
            *value *= sigma;
            if self.kind == NoiseKind::Absolute {
                *value = value.abs();
            }
        }
        Tensor::from_vec(values, (self.size, STEPS, PITCHES), &self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Preset;
    use super::*;

    fn added(sigma: f64, kind: NoiseKind, shared: bool) -> [Vec<f32>; 2] {
        let options = PairOptions {
            sigma,
            noise: kind,
            shared_noise: shared,
            ..PairOptions::preset(Preset::Papers, ["a".into(), "b".into()], 100)
        };
        let mut noise = Noise::new(&options, 2, &Device::Cpu, random::stream(1, 2)).unwrap();
        let rolls = Tensor::zeros((2, STEPS, PITCHES), candle_core::DType::F32, &Device::Cpu).unwrap();
        std::array::from_fn(|_| noise.add(&rolls).unwrap().flatten_all().unwrap().to_vec1().unwrap())
    }

    fn mean(values: &[f32]) -> f32 {
        values.iter().sum::<f32>() / values.len() as f32
    }

    #[test]
    fn absolute_noise_is_half_normal_and_shared() {
        let [first, second] = added(2.0, NoiseKind::Absolute, true);
        assert_eq!(first, second, "one tensor for all inputs of a step");
        assert!(first.iter().all(|&x| x >= 0.0));
        // The half-normal distribution has the mean sigma * sqrt(2 / pi) and the mean square sigma^2.
        let squares: Vec<f32> = first.iter().map(|x| x * x).collect();
        assert!((mean(&first) - 2.0 * (2.0 / std::f32::consts::PI).sqrt()).abs() < 0.04);
        assert!((mean(&squares) - 4.0).abs() < 0.2);
    }

    #[test]
    fn signed_noise_has_no_mean_and_may_be_drawn_anew() {
        let [first, second] = added(0.5, NoiseKind::Signed, false);
        assert_ne!(first, second);
        let squares: Vec<f32> = first.iter().map(|x| x * x).collect();
        assert!(mean(&first).abs() < 0.02 && (mean(&squares) - 0.25).abs() < 0.02);
    }

    #[test]
    fn no_sigma_no_noise() {
        assert!(added(0.0, NoiseKind::Absolute, true).iter().flatten().all(|&x| x == 0.0));
    }
}
