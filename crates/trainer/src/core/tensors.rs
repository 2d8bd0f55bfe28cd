//! What losses and dropout compute with, whatever the family.

use candle_core::{Device, Result, Tensor};
use model::Weights;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Cross-entropy of each cell (0 or 1) with its logit, in nats.
///
/// # Errors
/// Where the shapes differ.
pub fn cross_entropy(logits: &Tensor, cells: &Tensor) -> Result<Tensor> {
    // softplus(x) - x y, without overflow.
    let softplus = (logits.relu()? + (logits.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
    softplus - (logits * cells)?
}

/// Dropout's factors: 0 with chance `drop`, and else what makes up for it.
///
/// # Errors
/// Where the device has no room.
pub fn mask(shape: &[usize], drop: f32, rng: &mut ChaCha8Rng, device: &Device) -> Result<Tensor> {
    let (kept, len) = (1.0 / (1.0 - drop), shape.iter().product::<usize>());
    let draws = (0..len).map(|_| if rng.random::<f32>() < drop { 0.0 } else { kept });
    Tensor::from_iter(draws, device)?.reshape(shape)
}

/// Weights whose forget gates begin open, so that memory is kept at first: those of the biases that are gates
/// (`[4 units]`, the forget gates second).
///
/// # Errors
/// Where a bias is no vector.
pub fn opened(weights: &Weights, is_gates: impl Fn(&str) -> bool) -> Result<Weights> {
    let mut all = Weights::new();
    for (name, tensor) in weights.iter() {
        let mut tensor = tensor.detach();
        if is_gates(name) {
            let gates = tensor.dims1()?;
            let bias = (0..gates).map(|gate| f32::from(u8::from(4 * gate / gates == 1)));
            tensor = Tensor::from_iter(bias, tensor.device())?;
        }
        all.insert(name.clone(), tensor);
    }
    Ok(all)
}
