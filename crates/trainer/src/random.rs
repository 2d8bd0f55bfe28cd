//! Random streams that depend on a seed and a counter only, so that a resumed run draws the same numbers.

use candle_core::{Device, Result, Tensor};
use model::{Init, Parameter};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The stream number `counter` of `seed`.
pub fn stream(seed: u64, counter: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(counter);
    rng
}

/// `len` draws from the standard normal distribution.
pub fn normal(rng: &mut ChaCha8Rng, len: usize) -> Vec<f32> {
    StandardNormal.sample_iter(rng).take(len).collect()
}

/// The tensor that `parameter` starts as.
pub fn start(parameter: &Parameter, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    let values = match parameter.init {
        Init::Zeros => vec![0.0; parameter.len()],
        Init::Ones => vec![1.0; parameter.len()],
        Init::Constant(value) => vec![value; parameter.len()],
        Init::Normal(deviation) => normal(rng, parameter.len()).into_iter().map(|x| x * deviation).collect(),
        Init::TruncatedNormal(deviation) => {
            let near = StandardNormal.sample_iter(rng).filter(|x: &f32| x.abs() <= 2.0);
            near.take(parameter.len()).map(|x| x * deviation).collect()
        }
    };
    Tensor::from_vec(values, parameter.shape.as_slice(), &Device::Cpu)
}
