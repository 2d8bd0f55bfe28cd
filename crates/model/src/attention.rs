//! Self-attention over the pixels of an image, as in the papers' *SA* models (Brunner et al., 2019, after
//! Zhang et al., *Self-Attention Generative Adversarial Networks*, 2018).

use candle_core::{Result, Tensor};

use crate::pack::weights::Declared;
use crate::{Init, ModelError, Ops, Parameter};

/// Names of the 1x1 convolutions, which spectral norm normalises.
const WEIGHTS: [&str; 3] = ["query", "key", "value"];

/// Query and key have an eighth of the channels.
fn narrow(channels: usize) -> usize {
    (channels / 8).max(1)
}

/// The parameters of an attention on `channels`, their names beginning with `name`.
pub(crate) fn parameters(name: &str, channels: usize, init: Init) -> Vec<Parameter> {
    let few = narrow(channels);
    let outputs = [few, few, channels];
    let weight = |(part, outputs)| Parameter::new(format!("{name}.{part}"), &[channels, outputs], init);
    let mut all: Vec<Parameter> = WEIGHTS.into_iter().zip(outputs).map(weight).collect();
    all.push(Parameter::new(format!("{name}.gamma"), &[1, 1], Init::Zeros));
    all
}

/// The names of its weights that spectral norm normalises.
pub(crate) fn spectral_weights(name: &str) -> impl Iterator<Item = String> {
    WEIGHTS.into_iter().map(move |part| format!("{name}.{part}"))
}

/// `x + gamma * softmax(query key^T) value` over all pixels, with gamma 0 at the start and, as in the papers'
/// code, no division by the root of the key's size.
#[derive(Debug)]
pub(crate) struct SelfAttention {
    ops: Ops,
    query: Tensor,
    key: Tensor,
    value: Tensor,
}

impl SelfAttention {
    pub(crate) fn new(declared: &Declared, name: &str, ops: Ops) -> std::result::Result<Self, ModelError> {
        let get = |part: &str| declared.get(&format!("{name}.{part}"));
        let (value, gamma) = (get("value")?, get("gamma")?);
        // Gamma on the weights is gamma on what they give; as a product by our kernel it wakes no thread.
        let value = (ops.linear)(&value.reshape(((), 1))?, &gamma)?.reshape(value.shape())?;
        Ok(Self { ops, query: get("query")?, key: get("key")?, value })
    }

    /// `x` `[B, H, W, C]`, and so the result.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let ops = &self.ops;
        let (batch, height, width, channels) = x.dims4()?;
        let pixels = x.reshape((batch, height * width, channels))?;
        let [query, key, value] = [&self.query, &self.key, &self.value].map(|w| (ops.linear)(&pixels, w));
        let seen = (ops.attention)(&query?, &key?, &value?)?;
        (ops.add_act)(&pixels, &seen, 1.0)?.reshape(x.shape())
    }
}
