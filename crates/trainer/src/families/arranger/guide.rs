//! Contrast, learned: what a pack says of its answers when it goes beyond a genre, for a network that then
//! writes so without.
//!
//! Contrast asks the network twice, for the target and for the source, and goes on from the one away from the
//! other. That difference is all that the second question is for, and it can be taught: the network learns
//! the probabilities that both together give (Meng et al., *On Distillation of Guided Diffusion Models*,
//! 2022, there with another guidance).

use anyhow::{Result, bail};
use candle_core::{Device, Tensor};
use candle_nn::ops::sigmoid;
use model::arranger::{Arranger, ArrangerConfig, IMPLAUSIBLE};
use model::{Family as ModelFamily, Ops, Pack, Role, Weights};
use phrase::STEPS;

use super::examples::Batch;
use super::of_genre;

/// The share of the answer's own cells in what is wanted: they are the best of several, which no probability
/// knows.
const OWN: f64 = 0.5;

/// A pack's arranger with contrast.
#[derive(Debug)]
pub(super) struct Guide {
    config: ArrangerConfig,
    weights: Weights,
    /// By target genre.
    contrast: Vec<f32>,
    device: Device,
}

impl Guide {
    /// Of `pack`, whose network has the sizes of `config`.
    ///
    /// # Errors
    /// Where it has not, or no contrast is a number over 0, or one is none.
    pub(super) fn new(
        pack: &Pack,
        config: ArrangerConfig,
        contrast: &[f32],
        device: &Device,
    ) -> Result<Self> {
        let name = &pack.card.name;
        let contrast: Vec<f32> = (0..config.genres).map(|genre| of_genre(contrast, genre)).collect();
        if let Some(bad) = contrast.iter().find(|contrast| !(**contrast >= 0.0 && contrast.is_finite())) {
            bail!("a contrast of {bad} is none; give --guided numbers of 0 and more")
        }
        if contrast.iter().all(|contrast| *contrast == 0.0) {
            bail!("a contrast of 0 teaches nothing; give --guided a number over 0")
        }
        match &pack.card.parts.transfer {
            Some(ModelFamily::Arranger(sizes)) if sizes.network == config => {}
            _ => bail!("{name}: --guided needs a pack whose arranger has the sizes of this run"),
        }
        let weights = pack.weights.part(Role::Transfer).to_device(device)?;
        Ok(Self { config, weights, contrast, device: device.clone() })
    }

    /// Sets what is wanted of the answers in a batch: half as they are, half as likely as this says.
    ///
    /// # Errors
    /// Where the device fails.
    pub(super) fn say(&self, batch: &mut Batch) -> Result<()> {
        let told: Vec<(u32, usize)> =
            (0..).zip(&batch.sources).filter_map(|(row, source)| Some((row, (*source)?))).collect();
        if told.is_empty() {
            return Ok(());
        }
        let (count, genres) = (told.len(), self.config.genres);
        let rows = Tensor::from_iter(told.iter().map(|(row, _)| *row), &self.device)?;
        let of = |all: &Tensor| all.contiguous()?.index_select(&rows, 0);
        let (content, cells) = (of(&batch.content)?, of(&batch.cells)?);
        let one_hot = told
            .iter()
            .flat_map(|&(_, source)| (0..genres).map(move |genre| f32::from(u8::from(genre == source))));
        let source = Tensor::from_iter(one_hot, &self.device)?.reshape((count, genres))?;
        let network = Arranger::new(self.config, &self.weights, Ops::on(&self.device));
        let ask = |genres: &Tensor| Ok::<_, anyhow::Error>(network.forward(&content, genres, &cells, None)?);
        let genres = of(&batch.genres)?;
        let by_genre = Tensor::from_slice(&self.contrast, (self.config.genres, 1), &self.device)?;
        let contrast = genres.matmul(&by_genre)?.reshape((count, 1, 1, 1))?;
        let (target, source) = (ask(&genres)?, ask(&source)?);
        let likely = sigmoid(&self.beyond([&target, &source], &contrast, &cells)?)?;
        let own = of(&batch.wanted)?;
        let more = ((likely - own)? * (1.0 - OWN))?;
        batch.wanted = batch.wanted.contiguous()?.index_add(&rows, &more, 0)?;
        Ok(())
    }

    /// The logits `[B, 64, 2, 84]` of the target with contrast `[B, 1, 1, 1]`, where playing has it
    /// (`draw.rs` of the model): cells that did not sound a step before, and are not out of the question.
    fn beyond(
        &self,
        [target, source]: [&Tensor; 2],
        contrast: &Tensor,
        cells: &Tensor,
    ) -> candle_core::Result<Tensor> {
        let memory = self.config.memory();
        // The steps before each: the first edition's phrases begin with silence.
        let sounding = cells.narrow(2, 0, 1)?;
        let before = match memory.checked_sub(1) {
            Some(first) => sounding.narrow(1, first, STEPS)?,
            None => sounding.narrow(1, 0, STEPS - 1)?.pad_with_zeros(1, 1, 0)?,
        };
        let starts = before.affine(-1.0, 1.0)?.pad_with_zeros(2, 0, 1)?;
        let plausible = target.ge(IMPLAUSIBLE)?.to_dtype(target.dtype())?;
        let moved = (target - source)?.broadcast_mul(contrast)?;
        target + ((moved * starts)? * plausible)?
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;
    use phrase::PITCHES;

    use super::*;
    use crate::core::Optimised;
    use crate::random;

    fn guide(contrast: &[f32]) -> Guide {
        let sizes = ArrangerConfig::compact(2);
        let config = ArrangerConfig { width: 8, heads: 2, inner: 8, edition: 2, ..sizes };
        let mut rng = random::stream(3, 0);
        let network = Optimised::new(&config.parameters(), [0.9, 0.98], &mut rng, &Device::Cpu).unwrap();
        Guide {
            config,
            weights: network.averaged().unwrap(),
            contrast: contrast.to_vec(),
            device: Device::Cpu,
        }
    }

    #[test]
    fn only_starts_that_are_plausible_go_beyond_the_target() {
        let guide = guide(&[2.0, 2.0]);
        let plane = |value: f32| Tensor::full(value, (1, STEPS, 2, PITCHES), &Device::Cpu).unwrap();
        // A note that sounds from the last step of the bar before on.
        let memory = guide.config.memory();
        let mut cells = vec![0f32; (memory + STEPS) * 2 * PITCHES];
        (memory - 1..memory + 4).for_each(|step| cells[step * 2 * PITCHES + 30] = 1.0);
        let cells = Tensor::from_vec(cells, (1, memory + STEPS, 2, PITCHES), &Device::Cpu).unwrap();
        let contrast = Tensor::full(2f32, (1, 1, 1, 1), &Device::Cpu).unwrap();
        let at = |target: f32, source: f32| {
            let all = guide.beyond([&plane(target), &plane(source)], &contrast, &cells).unwrap();
            let all = all.squeeze(0).unwrap().to_vec3::<f32>().unwrap();
            move |step: usize, kind: usize, row: usize| all[step][kind][row]
        };
        let logit = at(-1.0, -2.0);
        assert_eq!(logit(8, 0, 30), 1.0, "twice the difference");
        assert_eq!((logit(0, 0, 30), logit(4, 0, 30), logit(5, 0, 30)), (-1.0, -1.0, 1.0), "it sounded");
        assert_eq!(logit(8, 1, 30), -1.0, "how long notes last");
        assert_eq!(at(-4.5, -6.0)(8, 0, 30), -4.5, "what the target hardly knows");
        assert_eq!(at(-1.0, 1.0)(8, 0, 30), -5.0);
    }

    /// What is wanted of a silent phrase of the first genre, and of a silent answer in the second to the
    /// first.
    fn wanted(contrast: &[f32]) -> [Vec<f32>; 2] {
        let (guide, device) = (guide(contrast), Device::Cpu);
        let config = guide.config;
        let cells = Tensor::zeros((2, config.memory() + STEPS, 2, PITCHES), DType::F32, &device).unwrap();
        let mut batch = Batch {
            content: Tensor::zeros((2, STEPS, config.features()), DType::F32, &device).unwrap(),
            genres: Tensor::eye(2, DType::F32, &device).unwrap(),
            wanted: cells.narrow(1, config.memory(), STEPS).unwrap(),
            decided: Tensor::ones((2, STEPS, 2, PITCHES), DType::F32, &device).unwrap(),
            cells,
            sources: vec![None, Some(0)],
        };
        guide.say(&mut batch).unwrap();
        [0, 1].map(|row| batch.wanted.get(row).unwrap().flatten_all().unwrap().to_vec1().unwrap())
    }

    #[test]
    fn answers_are_wanted_half_as_they_are_and_the_rest_as_before() {
        let [own, answer] = wanted(&[1.0, 1.0]);
        assert!(own.iter().all(|cell| *cell == 0.0), "a genre's own phrase");
        assert!(
            answer.iter().all(|cell| (0.0..=0.5).contains(cell)) && answer.iter().any(|cell| *cell > 0.0)
        );
    }

    #[test]
    fn contrast_is_the_target_genres() {
        let [none, much, other] =
            [[1.0, 0.0], [1.0, 2.0], [3.0, 0.0]].map(|contrast| wanted(&contrast)[1].clone());
        assert_ne!(none, much);
        assert_eq!(none, other, "the source's is not asked");
    }
}
