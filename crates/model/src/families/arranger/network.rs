//! All steps of known phrases at once: what training needs.

use candle_core::{D, Result, Tensor};
use phrase::{PITCHES, STEPS};

use super::nade::{self, nade};
use super::{ArrangerConfig, KINDS, NAME, ONSET_LAGS, SOUNDING_LAG, VIEWS};
use crate::{ModelError, Ops, Weights};

/// Gives masks for dropout: values that `N` numbers are multiplied with. `None` where nothing is dropped.
pub type Masks<'a> = Option<&'a mut dyn FnMut(&[usize]) -> Result<Tensor>>;

/// The arranger over tensors, with gradients.
pub struct Arranger<'a> {
    config: ArrangerConfig,
    weights: &'a Weights,
    ops: Ops,
}

impl<'a> Arranger<'a> {
    /// A network of `weights`, which may be variables.
    pub fn new(config: ArrangerConfig, weights: &'a Weights, ops: Ops) -> Self {
        Self { config, weights, ops }
    }

    /// Logits `[B, 64, 2, 84]` (sounds; starts though it sounded before) of each cell of phrases, told from
    /// their content `[B, 64, features]`, their genres `[B, G]`, and the cells before it: `cells`
    /// `[B, memory + 64, 2, 84]`, 0 or 1, beginning with the bar before. Cells come in order of step, then of
    /// pitch.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn forward(
        &self,
        content: &Tensor,
        genres: &Tensor,
        cells: &Tensor,
        mut masks: Masks,
    ) -> std::result::Result<Tensor, ModelError> {
        let (batch, d) = (content.dim(0)?, self.config.width);
        let (rows, memory) = (batch * STEPS, self.config.memory());
        let all = memory + STEPS;
        let content = content.reshape((rows, self.config.features()))?;
        let written = later(cells, 1)?;

        let x = self.linear(&content, "content", Some("content_bias"))?;
        let mut x = self.placed(x, genres, "reader")?;
        for block in 0..self.config.reader {
            x = self.block(x, &format!("reader.{block}."), false, &mut masks)?;
        }
        let back = self.linear(&written.reshape((batch * all, KINDS * PITCHES))?, "written", None)?;
        let x = x.reshape((batch, STEPS, d))?.pad_with_zeros(1, memory, 0)?.reshape((batch * all, d))?;
        let mut x = self.placed((x + back)?, genres, "writer")?;
        for block in 0..self.config.writer {
            x = self.block(x, &format!("writer.{block}."), true, &mut masks)?;
        }
        let asked = |x: &Tensor| x.narrow(1, memory, STEPS)?.contiguous();
        let x = asked(&x.reshape((batch, all, d))?)?.reshape((rows, d))?;
        let x = self.norm(&x, "norm")?;

        let direct = self.linear(&x, "direct", Some("direct_bias"))?.reshape((rows, KINDS, PITCHES))?;
        let weights = self.linear(&x, "views", Some("views_bias"))?.reshape((rows, KINDS, VIEWS))?;
        let views = views(&content, cells, &written, memory)?.reshape((rows, VIEWS, PITCHES))?;
        let cells = asked(cells)?;
        let start = self.linear(&x, "units", Some("units_bias"))?;
        let (seen, hidden) = (self.get("seen")?, self.get("hidden")?);
        let nade = self.ops.pick(nade as fn(&_, &_, &_, &_) -> _, nade::reference);
        let among = nade(&cells.reshape((rows, KINDS, PITCHES))?, &start, &seen, &hidden)?;
        debug_assert_eq!(x.dims(), [rows, d]);
        Ok(((direct + weights.matmul(&views)?)? + among)?.reshape((batch, STEPS, KINDS, PITCHES))?)
    }

    /// `x` `[B steps, D]` with the embeddings of its steps and of its genres.
    fn placed(&self, x: Tensor, genres: &Tensor, part: &str) -> Result<Tensor> {
        let (batch, d) = (genres.dim(0)?, self.config.width);
        let genre = (self.ops.linear)(genres, &self.get(&format!("{part}.genre"))?)?.unsqueeze(1)?;
        let step = self.get(&format!("{part}.step"))?;
        let steps = step.dim(0)?;
        x.reshape((batch, steps, d))?.broadcast_add(&step)?.broadcast_add(&genre)?.reshape((batch * steps, d))
    }

    /// A pre-norm transformer block on `[B steps, D]`.
    fn block(&self, x: Tensor, part: &str, causal: bool, masks: &mut Masks) -> Result<Tensor> {
        let name = |rest: &str| format!("{part}{rest}");
        let (d, heads) = (self.config.width, self.config.heads);
        let distance = self.get(&name("distance"))?;
        let steps = distance.dim(1)?.div_ceil(2);
        let batch = x.dim(0)? / steps;
        let asked = self.linear(&self.norm(&x, &name("norm1"))?, &name("ask"), None)?;
        let asked = asked.reshape((batch, steps, 3, heads, d / heads))?.permute((2, 0, 3, 1, 4))?;
        let of = |i: usize| asked.narrow(0, i, 1)?.squeeze(0)?.contiguous();
        let scale = ((d / heads) as f64).sqrt().recip();
        let scores = of(0)?.matmul(&of(1)?.transpose(2, 3)?.contiguous()?)?.affine(scale, 0.0)?;
        let scores = scores.broadcast_add(&distances(&distance, steps, causal)?)?;
        let heard = softmax(&scores)?.matmul(&of(2)?)?.transpose(1, 2)?.contiguous()?;
        let heard = self.linear(&heard.reshape((batch * steps, d))?, &name("answer"), None)?;
        let x = (x + masked(heard, masks)?)?;
        let inner = self.linear(&self.norm(&x, &name("norm2"))?, &name("in"), Some(&name("in_bias")))?;
        let inner = self.linear(&inner.relu()?, &name("out"), Some(&name("out_bias")))?;
        x + masked(inner, masks)?
    }

    /// Root mean square norm (Zhang and Sennrich, 2019) of the last axis.
    fn norm(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let size =
            x.sqr()?.mean_keepdim(D::Minus1)?.affine(1.0, f64::from(super::linear::EPSILON))?.sqrt()?;
        x.broadcast_div(&size)?.broadcast_mul(&self.get(name)?)
    }

    fn linear(&self, x: &Tensor, name: &str, bias: Option<&str>) -> Result<Tensor> {
        let y = (self.ops.linear)(x, &self.get(name)?)?;
        match bias {
            Some(bias) => y.broadcast_add(&self.get(bias)?),
            None => Ok(y),
        }
    }

    fn get(&self, name: &str) -> Result<Tensor> {
        self.weights.named(&format!("{NAME}{name}")).map_err(candle_core::Error::wrap)
    }
}

fn masked(x: Tensor, masks: &mut Masks) -> Result<Tensor> {
    match masks {
        Some(mask) => &x * mask(x.dims())?,
        None => Ok(x),
    }
}

fn softmax(x: &Tensor) -> Result<Tensor> {
    let x = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?.exp()?;
    x.broadcast_div(&x.sum_keepdim(D::Minus1)?)
}

/// What each head adds to the scores, `[H, steps, steps]`: by how far a step lies behind another; from the
/// future, where `causal`, nothing comes.
fn distances(weights: &Tensor, steps: usize, causal: bool) -> Result<Tensor> {
    let heads = weights.dim(0)?;
    let pairs = || (0..steps).flat_map(|to| (0..steps).map(move |from| (to, from)));
    let device = weights.device();
    let index = Tensor::from_iter(pairs().map(|(to, from)| (to + steps - 1 - from) as u32), device)?;
    let table = weights.index_select(&index, 1)?.reshape((heads, steps, steps))?;
    if !causal {
        return Ok(table);
    }
    let future = pairs().map(|(to, from)| if from > to { -1e9f32 } else { 0.0 });
    table.broadcast_add(&Tensor::from_iter(future, device)?.reshape((steps, steps))?)
}

/// `cells` `[B, steps, ..]`, `lag` steps later.
fn later(cells: &Tensor, lag: usize) -> Result<Tensor> {
    cells.narrow(1, 0, cells.dim(1)? - lag)?.pad_with_zeros(1, lag, 0)
}

/// What each pitch is shown of itself, `[B, 64, VIEWS, 84]`: see [`VIEWS`]. `memory` steps of `cells` lie
/// before the phrase.
fn views(content: &Tensor, cells: &Tensor, written: &Tensor, memory: usize) -> Result<Tensor> {
    let batch = cells.dim(0)?;
    let plane = |start: usize, len: usize| content.narrow(1, start, len);
    let octaves = |start: usize| plane(start, 12)?.repeat((1, PITCHES / 12));
    let own = |x: Tensor| x.reshape((batch, STEPS, 1, PITCHES));
    let of = |x: &Tensor, kind: usize| x.narrow(2, kind, 1)?.narrow(1, memory, STEPS);
    let back = |kind: usize, lag: usize| of(&later(cells, lag)?, kind);
    let mut all = vec![
        of(written, 0)?,
        of(written, 1)?,
        own(plane(0, PITCHES)?.contiguous()?)?,
        own(plane(PITCHES, PITCHES)?.contiguous()?)?,
        own(octaves(2 * PITCHES)?)?,
        own(octaves(2 * PITCHES + 12)?)?,
    ];
    for lag in ONSET_LAGS {
        all.push(back(1, lag)?);
    }
    all.push(back(0, SOUNDING_LAG)?);
    Tensor::cat(&all, 2)
}
