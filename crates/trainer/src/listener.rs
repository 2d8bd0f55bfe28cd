//! Training the classifier, the pack's ear.

use anyhow::Result;
use candle_core::{Device, Tensor};
use model::{Classifier, ClassifierConfig, Ops, Weights};
use phrase::{PITCHES, Roll, STEPS};
use rand::Rng;

use crate::batch;
use crate::dataset::{Dataset, Split};
use crate::random;
use crate::variables::{Adam, Variables};

/// How the classifier is trained.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ListenerOptions {
    /// Training steps of the classifier.
    #[arg(long, default_value_t = 3000)]
    pub listener_steps: u64,
    /// Its batch.
    #[arg(long, default_value_t = 16)]
    pub listener_batch: usize,
    /// Channels of its first layer; the paper has 64.
    #[arg(long, default_value_t = 64)]
    pub listener_width: usize,
}

/// A trained classifier: its sizes, its weights, and its accuracy on the validation split by genre.
#[derive(Debug)]
pub struct Listener {
    /// Sizes.
    pub config: ClassifierConfig,
    /// Averaged weights.
    pub weights: Weights,
    /// Share of validation phrases heard right, by genre.
    pub accuracy: Vec<f64>,
}

/// Trains the classifier with Adam at 2e-4 (the paper's rate), genres in equal shares, transposed like the generator's
/// phrases, and keeps the moving average of its weights. `tell` hears of each step and its loss.
pub fn train(
    data: &Dataset,
    options: &ListenerOptions,
    transpose: i32,
    seed: u64,
    mut tell: impl FnMut(u64, f32),
) -> Result<Listener> {
    let genres = data.items.len();
    let config = ClassifierConfig { genres, width: options.listener_width };
    // Streams of the classifier never meet those of the generator's run, which count up from zero.
    let base = 1 << 40;
    let variables = Variables::new(&config.parameters(), &mut random::stream(seed, base), &Device::Cpu)?;
    let mut adam = Adam::new(&variables.values()?, 0.5, 0.999);
    let mut average = variables.values()?;
    let size = options.listener_batch;
    for step in 0..options.listener_steps {
        let mut rng = random::stream(seed, base + 1 + step);
        let mut cells = vec![0.0; size * STEPS * PITCHES];
        let mut labels = Vec::with_capacity(size);
        for cells in cells.chunks_exact_mut(STEPS * PITCHES) {
            let genre = rng.random_range(0..genres);
            labels.push(genre as u32);
            batch::draw(data, genre, transpose, &mut rng).to_f32(cells);
        }
        let rolls = Tensor::from_vec(cells, (size, STEPS, PITCHES), &Device::Cpu)?;
        let labels = Tensor::from_vec(labels, size, &Device::Cpu)?;
        let logits = Classifier::new(config, &variables.weights(), Ops::KERNELS)?.forward(&rolls)?;
        let loss = candle_nn::loss::cross_entropy(&logits, &labels)?;
        let mut values = variables.values()?;
        adam.update(&mut values, &variables.gradients(&loss.backward()?)?, 2e-4);
        variables.set(&values)?;
        let share = 0.005f32.max(1.0 / (step + 1) as f32);
        for (average, value) in average.iter_mut().flatten().zip(values.iter().flatten()) {
            *average += share * (value - *average);
        }
        tell(step + 1, loss.to_scalar()?);
    }
    let weights = variables.dressed(&average)?;
    let classifier = Classifier::new(config, &weights, Ops::KERNELS)?;
    let right = |genre: usize| -> Result<f64> {
        let items = data.split(genre, Split::Valid);
        let mut hits = 0;
        for item in items {
            hits += usize::from(heard(&classifier, &item.roll)? == genre);
        }
        Ok(hits as f64 / items.len().max(1) as f64)
    };
    let accuracy = (0..genres).map(right).collect::<Result<_>>()?;
    Ok(Listener { config, weights, accuracy })
}

/// The genre that `classifier` hears in `roll`.
fn heard(classifier: &Classifier, roll: &Roll) -> Result<usize> {
    let mut cells = vec![0.0; STEPS * PITCHES];
    roll.to_f32(&mut cells);
    let logits = classifier.forward(&Tensor::from_vec(cells, (1, STEPS, PITCHES), &Device::Cpu)?)?;
    Ok(logits.argmax(1)?.to_vec1::<u32>()?[0] as usize)
}
