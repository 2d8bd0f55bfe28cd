//! Whether a line of tokens is music or made up.

use candle_core::{Result, Tensor};

use super::super::kernels;
use crate::{Init, Ops, Parameter, Weights};

/// Widths of convolutions and how many channels each has, as published: 1,720 in all.
pub const PUBLISHED: [(usize, usize); 12] = [
    (1, 100),
    (2, 200),
    (3, 200),
    (4, 200),
    (5, 200),
    (6, 100),
    (7, 100),
    (8, 100),
    (9, 100),
    (10, 100),
    (15, 160),
    (20, 160),
];

/// Sizes of a discriminator.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscriminatorConfig {
    /// Tokens that it knows.
    pub tokens: usize,
    /// Numbers of an embedding.
    pub width: usize,
    /// Widths of convolutions, and channels of each.
    pub kernels: Vec<(usize, usize)>,
    /// What it says: 2 for a softmax of *made up* and *real*, 1 for a sigmoid of *real*.
    pub outputs: usize,
}

impl DiscriminatorConfig {
    /// The published one, whose channels are divided by `thinner`.
    pub fn published(tokens: usize, outputs: usize, thinner: usize) -> Self {
        let thin = |(width, channels): (usize, usize)| (width, (channels / thinner.max(1)).max(1));
        Self { tokens, width: 64, kernels: PUBLISHED.map(thin).to_vec(), outputs }
    }

    /// Channels in all.
    pub fn channels(&self) -> usize {
        self.kernels.iter().map(|kernel| kernel.1).sum()
    }

    /// Every parameter.
    pub fn parameters(&self) -> Vec<Parameter> {
        let channels = self.channels();
        let drawn =
            |name: String, shape: [usize; 2]| Parameter::new(name, &shape, Init::TruncatedNormal(0.1));
        let small = |name: &str, len: usize| Parameter::new(name, &[len], Init::Constant(0.1));
        // Uniform from -1 to 1 in the article's code: a normal of the same spread.
        let mut all = vec![Parameter::new("d.embed", &[self.tokens, self.width], Init::Normal(0.577))];
        for &(width, channels) in &self.kernels {
            all.push(drawn(format!("d.{width}"), [width * self.width, channels]));
            all.push(small(&format!("d.{width}_bias"), channels));
        }
        for name in ["gate", "transform"] {
            all.push(drawn(format!("d.{name}"), [channels, channels]));
            all.push(Parameter::new(format!("d.{name}_bias"), &[channels], Init::Zeros));
        }
        all.push(drawn("d.out".to_string(), [channels, self.outputs]));
        all.push(small("d.out_bias", self.outputs));
        all
    }
}

/// The network of some weights.
#[derive(Clone, Debug)]
pub struct Discriminator<'a> {
    config: &'a DiscriminatorConfig,
    weights: &'a Weights,
    ops: Ops,
}

impl<'a> Discriminator<'a> {
    /// The network of these sizes.
    pub fn new(config: &'a DiscriminatorConfig, weights: &'a Weights, ops: Ops) -> Self {
        Self { config, weights, ops }
    }

    fn get(&self, name: &str) -> Result<&'a Tensor> {
        self.weights.tensor(name).ok_or_else(|| candle_core::Error::Msg(format!("{name} is missing")))
    }

    /// Logits `[B, outputs]` of lines `[B, T]` (`u32`). `mask` drops channels before the last layer,
    /// `[B, channels]`. Widths over `T` see nothing.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn forward(&self, lines: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let (batch, steps) = lines.dims2()?;
        let (linear, bias_act) = (self.ops.linear, self.ops.bias_act);
        let x = self.get("d.embed")?.index_select(&lines.flatten_all()?, 0)?;
        let x = x.reshape((batch, steps, self.config.width))?;
        type Max = fn(&Tensor) -> Result<Tensor>;
        let max = self.ops.pick::<Max>(kernels::max_over_time, kernels::reference::max_over_time);
        let mut seen = Vec::new();
        for &(width, channels) in &self.config.kernels {
            let Some(places) = steps.checked_sub(width).map(|rest| rest + 1) else {
                seen.push(Tensor::zeros((batch, channels), x.dtype(), x.device())?);
                continue;
            };
            let taps: Vec<Tensor> = (0..width).map(|tap| x.narrow(1, tap, places)).collect::<Result<_>>()?;
            let windows = Tensor::cat(&taps, 2)?;
            let out = linear(&windows, self.get(&format!("d.{width}"))?)?;
            seen.push(max(&bias_act(&out, self.get(&format!("d.{width}_bias"))?, 0.0)?)?);
        }
        let x = Tensor::cat(&seen, 1)?;
        let layer = |name: &str| {
            linear(&x, self.get(&format!("d.{name}"))?)?.broadcast_add(self.get(&format!("d.{name}_bias"))?)
        };
        type Highway = fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>;
        let highway = self.ops.pick::<Highway>(kernels::highway, kernels::reference::highway);
        let mut x = highway(&x, &layer("gate")?, &layer("transform")?)?;
        if let Some(mask) = mask {
            x = (x * mask)?;
        }
        linear(&x, self.get("d.out")?)?.broadcast_add(self.get("d.out_bias")?)
    }
}
