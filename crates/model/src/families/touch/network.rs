//! The network, in operations that training and playing share.

use candle_core::{Result, Tensor};

use super::TouchConfig;
use crate::{Ops, Weights};

/// The network of some weights.
#[derive(Clone, Copy, Debug)]
pub struct Touch<'a> {
    config: TouchConfig,
    weights: &'a Weights,
    ops: Ops,
}

/// What it reads.
#[derive(Clone, Debug)]
pub struct Batch {
    /// [`super::Score::write`], `[B, T, inputs]`.
    pub inputs: Tensor,
    /// Which share of each genre each sample is, `[B, genres]`.
    pub genres: Tensor,
    /// For a head that looks at notes: where they are in `[B T]`, `[N]` of `u32`.
    pub places: Tensor,
    /// [`super::Score::features`], `[N, features]`.
    pub features: Tensor,
}

/// Makes masks for dropout, `[B, T, channels]`.
pub type Masks<'a> = Option<&'a mut dyn FnMut(&[usize]) -> Result<Tensor>>;

impl<'a> Touch<'a> {
    /// The network of these sizes.
    pub fn new(config: TouchConfig, weights: &'a Weights, ops: Ops) -> Self {
        Self { config, weights, ops }
    }

    fn get(&self, name: &str) -> Result<&'a Tensor> {
        self.weights.tensor(name).ok_or_else(|| candle_core::Error::Msg(format!("{name} is missing")))
    }

    fn layer(&self, name: &str, x: &Tensor, back: bool) -> Result<Tensor> {
        let gates = (self.ops.linear)(x, self.get(&format!("{name}.in"))?)?;
        let gates = gates.broadcast_add(self.get(&format!("{name}.bias"))?)?;
        (self.ops.lstm)(&gates, self.get(&format!("{name}.state"))?, back)
    }

    /// A stack's last states, `[B, T, 2 units]`.
    fn stack(&self, stack: usize, x: &Tensor, masks: &mut Masks) -> Result<Tensor> {
        let mut x = dropped(x, masks)?;
        for number in 0..self.config.layers {
            let way = |way: &str, back| self.layer(&format!("stack{stack}.{number}.{way}"), &x, back);
            let (there, back) = (way("there", false)?, way("back", true)?);
            x = dropped(&Tensor::cat(&[there, back], 2)?, masks)?;
        }
        Ok(x)
    }

    /// Velocities: of each note `[N]` where the configuration has a head, in units of [`super::UNIT`]
    /// relative to the phrase; else of each key `[B, T, 88]`, 0..=1.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn forward(&self, batch: &Batch, mut masks: Masks) -> Result<Tensor> {
        let mut x = batch.inputs.clone();
        let linear = self.ops.linear;
        if self.config.embed > 0 {
            let genre = linear(&batch.genres, self.get("genre.embed")?)?.unsqueeze(1)?;
            x = linear(&x, self.get("embed")?)?.broadcast_add(&genre)?;
        }
        if self.config.shared > 0 {
            x = self.layer("shared", &dropped(&x, &mut masks)?, false)?;
        }
        if self.config.attention {
            let query = linear(&x, self.get("attention")?)?;
            x = (self.ops.attention)(&query, &x, &x)?;
        }
        if self.config.head == 0 {
            return self.keys(&x, batch, &mut masks);
        }
        let states = self.stack(0, &x, &mut masks)?;
        let (samples, steps, wide) = states.dims3()?;
        let states = states.reshape((samples * steps, wide))?.index_select(&batch.places, 0)?;
        // Each note's genre is its sample's.
        let genres = linear(&batch.genres, self.get("genre.head")?)?.unsqueeze(1)?;
        let genres = genres.broadcast_as((samples, steps, self.config.head))?.contiguous()?;
        let genres = genres.reshape((samples * steps, self.config.head))?.index_select(&batch.places, 0)?;
        let seen = Tensor::cat(&[&states, &batch.features], 1)?;
        let hidden = (linear(&seen, self.get("head.in")?)? + genres)?;
        let hidden = hidden.broadcast_add(self.get("head.bias")?)?.relu()?;
        linear(&hidden, self.get("head.out")?)?.broadcast_add(self.get("head.out_bias")?)?.squeeze(1)
    }

    /// What each genre's stack says, by its share.
    fn keys(&self, x: &Tensor, batch: &Batch, masks: &mut Masks) -> Result<Tensor> {
        let mut sum: Option<Tensor> = None;
        for genre in 0..self.config.genres {
            let shares = batch.genres.narrow(1, genre, 1)?;
            if shares.max_all()?.to_scalar::<f32>()? <= 0.0 {
                continue;
            }
            let out =
                (self.ops.linear)(&self.stack(genre, x, masks)?, self.get(&format!("stack{genre}.out"))?)?;
            let out = out.broadcast_add(self.get(&format!("stack{genre}.out_bias"))?)?;
            let out = out.broadcast_mul(&shares.unsqueeze(2)?)?;
            sum = Some(match sum {
                Some(sum) => (sum + out)?,
                None => out,
            });
        }
        sum.ok_or_else(|| candle_core::Error::Msg("no genre is asked for".into()))
    }
}

fn dropped(x: &Tensor, masks: &mut Masks) -> Result<Tensor> {
    match masks {
        Some(mask) => x * mask(x.dims())?,
        None => Ok(x.clone()),
    }
}
