//! A writer of tokens, each a symbol with its length, that was trained by policy gradient against a
//! discriminator (SeqGAN: Yu, Zhang, Wang and Yu, 2017).
//!
//! The generator is a recurrent layer over the tokens' embeddings; the [`Discriminator`] convolves lines of
//! embeddings at many widths and takes the largest of each channel over time. `told` adds the genres' shares
//! to what the generator reads, which the article's does not know.

mod discriminator;
mod player;

pub use discriminator::{Discriminator, DiscriminatorConfig};

use candle_core::{Result, Tensor};
use phrase::PITCHES;
use phrase::symbols::LONGEST;
use serde::{Deserialize, Serialize};

use super::{Book, MOST_SYMBOLS, Style, WIDEST};
use crate::roles::{PartSizes, Writer};
use crate::{Init, ModelError, Ops, Parameter, Weights};

/// Tokens of a line.
pub const LINE: usize = 20;

/// Sizes of a generator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeqganSizes {
    /// Genres that it knows.
    pub genres: usize,
    /// Tokens that it knows.
    pub tokens: usize,
    /// The most rows of a token.
    pub notes: usize,
    /// Numbers of an embedding.
    pub width: usize,
    /// Units of the recurrent layer.
    pub units: usize,
    /// Whether it is told the genres' shares.
    pub told: bool,
    /// How tokens are drawn.
    pub style: Style,
}

impl SeqganSizes {
    /// The article's.
    pub fn published(genres: usize, tokens: usize, notes: usize) -> Self {
        let style = Style { temperature: 1.0, top_p: 1.0 };
        Self { genres, tokens, notes, width: 32, units: 32, told: false, style }
    }

    /// Larger, and told the genre.
    pub fn ours(genres: usize, tokens: usize, notes: usize) -> Self {
        Self { width: 64, units: 128, told: true, ..Self::published(genres, tokens, notes) }
    }

    /// Every parameter that is trained. The last row of `embed` is the start's.
    pub fn trained(&self) -> Vec<Parameter> {
        let Self { genres, tokens, width, units, told, .. } = *self;
        let drawn = |name: &str, shape: [usize; 2]| Parameter::new(name, &shape, Init::Normal(0.1));
        let zeros = |name: &str, len: usize| Parameter::new(name, &[len], Init::Zeros);
        let mut all = vec![
            drawn("embed", [tokens + 1, width]),
            drawn("lstm.in", [width, 4 * units]),
            drawn("lstm.state", [units, 4 * units]),
            zeros("lstm.bias", 4 * units),
            drawn("out", [units, tokens]),
            zeros("out_bias", tokens),
        ];
        if told {
            all.push(drawn("genre", [genres, width]));
        }
        all
    }
}

/// The generator of some weights, in operations that have gradients.
#[derive(Clone, Debug)]
pub struct Generator<'a> {
    sizes: SeqganSizes,
    weights: &'a Weights,
    ops: Ops,
}

impl<'a> Generator<'a> {
    /// The network of these sizes.
    pub fn new(sizes: SeqganSizes, weights: &'a Weights, ops: Ops) -> Self {
        Self { sizes, weights, ops }
    }

    fn get(&self, name: &str) -> Result<&'a Tensor> {
        self.weights.tensor(name).ok_or_else(|| candle_core::Error::Msg(format!("{name} is missing")))
    }

    /// Logits of the token after each of `read` `[B, T]` (`u32`; the number after the last is the start), of
    /// genres by their shares `[B, G]`: `[B T, tokens]`.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn forward(&self, read: &Tensor, genres: &Tensor) -> Result<Tensor> {
        let (batch, steps) = read.dims2()?;
        let linear = self.ops.linear;
        let mut x = self.get("embed")?.index_select(&read.flatten_all()?, 0)?;
        x = x.reshape((batch, steps, self.sizes.width))?;
        if self.sizes.told {
            x = x.broadcast_add(&linear(genres, self.get("genre")?)?.unsqueeze(1)?)?;
        }
        let gates = linear(&x, self.get("lstm.in")?)?.broadcast_add(self.get("lstm.bias")?)?;
        let h = (self.ops.lstm)(&gates, self.get("lstm.state")?, false)?;
        let h = h.reshape((batch * steps, self.sizes.units))?;
        linear(&h, self.get("out")?)?.broadcast_add(self.get("out_bias")?)
    }
}

impl PartSizes<dyn Writer> for SeqganSizes {
    fn parameters(&self) -> Vec<Parameter> {
        let mut all = self.trained();
        all.push(Book::parameter(self.tokens, self.notes));
        // Steps.
        all.push(Parameter::new("lengths", &[self.tokens], Init::Ones));
        all
    }

    fn summary(&self) -> String {
        let Self { tokens, width, units, .. } = self;
        format!("SeqGAN's generator of {units} units, {tokens} tokens of {width} numbers")
    }

    fn fault(&self, genres: usize) -> Option<String> {
        let Self { tokens, notes, width, units, .. } = *self;
        if self.genres != genres {
            Some("its writer and its list of genres disagree".to_string())
        } else if [tokens, notes, width, units].contains(&0)
            || tokens > MOST_SYMBOLS
            || notes > PITCHES
            || width.max(units) > WIDEST
        {
            Some("the sizes of its writer are out of range".to_string())
        } else {
            self.style.fault()
        }
    }

    fn build(&self, weights: &Weights, genres: usize) -> std::result::Result<Box<dyn Writer>, ModelError> {
        debug_assert_eq!(genres, self.genres);
        for parameter in self.parameters() {
            weights.get(&parameter.name, &parameter.shape)?;
        }
        Ok(Box::new(player::Player::new(*self, weights)?))
    }
}

/// The lengths of tokens, which must be possible.
fn lengths(weights: &Weights, tokens: usize) -> std::result::Result<Vec<usize>, ModelError> {
    let values: Vec<f32> = weights.get("lengths", &[tokens])?.to_vec1()?;
    let length = |value: f32| {
        let fits = (1.0..=LONGEST as f32).contains(&value) && value.fract() == 0.0;
        let fault = || ModelError::Parameter {
            name: "lengths".into(),
            fault: format!("holds a length that is not 1 to {LONGEST} steps"),
        };
        fits.then_some(value as usize).ok_or_else(fault)
    };
    values.into_iter().map(length).collect()
}
