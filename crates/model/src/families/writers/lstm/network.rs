//! Our network in operations that have gradients: for training.

use candle_core::{Result, Tensor};
use phrase::PITCHES;
use phrase::symbols::LONGEST;

use super::LstmSizes;
use crate::{Ops, Weights};

/// Makes masks for dropout, of a shape.
pub type Masks<'a> = Option<&'a mut dyn FnMut(&[usize]) -> Result<Tensor>>;

/// Lines of events as tensors: `B` lines of `T` events that are to be told. What is read before an event is
/// the one before it; before the first, nothing (`heard` is 0).
#[derive(Clone, Debug)]
pub struct Batch {
    /// Symbols that are read, `[B, T]` of `u32`.
    pub symbols: Tensor,
    /// Their lengths, less 1, `[B, T]` of `u32`.
    pub lengths: Tensor,
    /// 1 where there is such an event, `[B, T, 1]`.
    pub heard: Tensor,
    /// Where in the bar the event is that is to be told, `[B, T]` of `u32`.
    pub places: Tensor,
    /// What sounds after the event before, `[B, T, 84]`.
    pub sounding: Tensor,
    /// Shares of the genres, `[B, G]`.
    pub genres: Tensor,
    /// How many notes are wanted, as [`Batch::density`] tells it, `[B, 1]`.
    pub density: Tensor,
    /// The symbols that are to be told, `[B, T]` of `u32`.
    pub told: Tensor,
}

impl Batch {
    /// What a network is told of so many notes a beat.
    pub fn density(notes: f32) -> f32 {
        (notes.clamp(0.0, 64.0) + 0.25).log2()
    }
}

/// What the network says, in logits.
#[derive(Clone, Debug)]
pub struct Said {
    /// Of the next symbol, `[B T, symbols]`.
    pub symbols: Tensor,
    /// Of its length, given the symbol, `[B T, LONGEST]`.
    pub lengths: Tensor,
    /// Whether what sounds is held under it, `[B T, 84]`.
    pub held: Tensor,
}

/// The network of some weights.
#[derive(Clone, Debug)]
pub struct Ours<'a> {
    sizes: LstmSizes,
    weights: &'a Weights,
    /// Which rows each symbol has, `[symbols, 84]`.
    rows: Tensor,
    ops: Ops,
}

impl<'a> Ours<'a> {
    /// Of these weights and the book's [`super::Book::many_hot`].
    pub fn new(sizes: LstmSizes, weights: &'a Weights, rows: Tensor, ops: Ops) -> Self {
        Self { sizes, weights, rows, ops }
    }

    fn get(&self, name: &str) -> Result<&'a Tensor> {
        self.weights.tensor(name).ok_or_else(|| candle_core::Error::Msg(format!("{name} is missing")))
    }

    /// A row of the parameter `name` for each number, `[B, T, width]`.
    fn row(&self, table: &Tensor, numbers: &Tensor) -> Result<Tensor> {
        let (batch, steps) = numbers.dims2()?;
        table.index_select(&numbers.flatten_all()?, 0)?.reshape((batch, steps, self.sizes.width))
    }

    /// What it says of every event.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn forward(&self, batch: &Batch, mut masks: Masks) -> Result<Said> {
        let linear = self.ops.linear;
        let table = (self.get("symbol")? + linear(&self.rows, self.get("row")?)?)?;
        let event = (self.row(&table, &batch.symbols)? + self.row(self.get("length")?, &batch.lengths)?)?;
        let around =
            (linear(&batch.genres, self.get("genre")?)? + linear(&batch.density, self.get("density")?)?)?;
        let x = (event.broadcast_mul(&batch.heard)?
            + linear(&batch.sounding, self.get("sounding")?)?
            + self.row(self.get("place")?, &batch.places)?)?
        .broadcast_add(&around.unsqueeze(1)?)?;
        let x = dropped(x, &mut masks)?;
        let gates = linear(&x, self.get("lstm.in")?)?.broadcast_add(self.get("lstm.bias")?)?;
        let h = (self.ops.lstm)(&gates, self.get("lstm.state")?, false)?;
        let (samples, steps, units) = h.dims3()?;
        let h = dropped(h, &mut masks)?.reshape((samples * steps, units))?;
        let out = linear(&h, self.get("out")?)?.broadcast_add(self.get("out_bias")?)?;
        let symbols = linear(&out, &table.t()?.contiguous()?)?.broadcast_add(self.get("symbol_bias")?)?;
        let told = table.index_select(&batch.told.flatten_all()?, 0)?;
        let next = (linear(&h, self.get("next.in")?)? + linear(&told, self.get("next.symbol")?)?)?;
        let next = next.broadcast_add(self.get("next.bias")?)?.relu()?;
        let next = linear(&next, self.get("next.out")?)?.broadcast_add(self.get("next.out_bias")?)?;
        Ok(Said {
            symbols,
            lengths: next.narrow(1, 0, LONGEST)?.contiguous()?,
            held: next.narrow(1, LONGEST, PITCHES)?.contiguous()?,
        })
    }
}

pub(super) fn dropped(x: Tensor, masks: &mut Masks) -> Result<Tensor> {
    match masks {
        Some(mask) => {
            let mask = mask(x.dims())?;
            x * mask
        }
        None => Ok(x),
    }
}
