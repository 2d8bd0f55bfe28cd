//! The tutorial's network: a window of chords and durations, and the next of each.

use std::collections::VecDeque;

use candle_core::{Result, Tensor};
use phrase::symbols::{LONGEST, slices};
use phrase::{Roll, STEPS};

use super::layer::{Dense, Layer, values};
use super::{LstmSizes, READ};
use crate::families::writers::Moved;
use crate::families::writers::book::Book;
use crate::families::writers::line::Line;
use crate::noise::unit;
use crate::roles::{Ask, Writer};
use crate::{ModelError, Ops, Weights};

/// The network of some weights.
#[derive(Clone, Debug)]
pub struct Tutorial<'a> {
    sizes: LstmSizes,
    weights: &'a Weights,
    ops: Ops,
}

impl<'a> Tutorial<'a> {
    /// The network of these sizes.
    pub fn new(sizes: LstmSizes, weights: &'a Weights, ops: Ops) -> Self {
        Self { sizes, weights, ops }
    }

    fn get(&self, name: &str) -> Result<&'a Tensor> {
        self.weights.tensor(name).ok_or_else(|| candle_core::Error::Msg(format!("{name} is missing")))
    }

    /// Logits of the next symbol `[B, symbols]` and of its length `[B, LONGEST]`, after windows of symbols
    /// and lengths (less 1), `[B, T]` of `u32` each.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn forward(&self, symbols: &Tensor, lengths: &Tensor) -> Result<(Tensor, Tensor)> {
        let (batch, steps) = symbols.dims2()?;
        let embedded = |name: &str, numbers: &Tensor| {
            let rows = self.get(name)?.index_select(&numbers.flatten_all()?, 0)?;
            rows.reshape((batch, steps, self.sizes.width))
        };
        let both = [embedded("symbol", symbols)?, embedded("length", lengths)?];
        let x = Tensor::cat(&both, if self.sizes.across_time { 1 } else { 2 })?;
        let linear = self.ops.linear;
        let gates = linear(&x, self.get("lstm.in")?)?.broadcast_add(self.get("lstm.bias")?)?;
        let h = (self.ops.lstm)(&gates, self.get("lstm.state")?, false)?;
        let last = h.narrow(1, h.dim(1)? - 1, 1)?.squeeze(1)?.contiguous()?;
        let dense = linear(&last, self.get("dense")?)?.broadcast_add(self.get("dense_bias")?)?;
        let symbols = linear(&dense, self.get("symbol_out")?)?.broadcast_add(self.get("symbol_bias")?)?;
        let lengths = linear(&dense, self.get("length_out")?)?.broadcast_add(self.get("length_bias")?)?;
        Ok((symbols, lengths))
    }
}

/// The network, ready to write. It reads its whole window for each symbol: slow, as the tutorial's is.
#[derive(Debug)]
pub(super) struct Player {
    sizes: LstmSizes,
    book: Book,
    symbol: Vec<f32>,
    length: Vec<f32>,
    layer: Layer,
    dense: Dense,
    symbol_out: Dense,
    length_out: Dense,
    said: [Vec<f32>; 3],
}

impl Player {
    pub(super) fn new(sizes: LstmSizes, weights: &Weights) -> std::result::Result<Self, ModelError> {
        Ok(Self {
            book: Book::read(weights, sizes.symbols, sizes.notes)?,
            symbol: values(weights, "symbol")?,
            length: values(weights, "length")?,
            layer: Layer::new(weights, "lstm", sizes.units)?,
            dense: Dense::new(weights, "dense", Some("dense_bias"))?,
            symbol_out: Dense::new(weights, "symbol_out", Some("symbol_bias"))?,
            length_out: Dense::new(weights, "length_out", Some("length_bias"))?,
            said: Default::default(),
            sizes,
        })
    }

    /// Reads the window: what it says is in the last two of `said`.
    fn read(&mut self, window: &VecDeque<(usize, usize)>) {
        let width = self.sizes.width;
        self.layer.reset();
        let symbol = |at: usize| &self.symbol[at * width..][..width];
        let length = |at: usize| &self.length[(at.clamp(1, LONGEST) - 1) * width..][..width];
        if self.sizes.across_time {
            window.iter().for_each(|event| self.layer.step(symbol(event.0)));
            window.iter().for_each(|event| self.layer.step(length(event.1)));
        } else {
            window.iter().for_each(|event| self.layer.step(&[symbol(event.0), length(event.1)].concat()));
        }
        let [dense, symbols, lengths] = &mut self.said;
        self.dense.apply(&self.layer.h, dense);
        self.symbol_out.apply(dense, symbols);
        self.length_out.apply(dense, lengths);
    }
}

impl Writer for Player {
    fn write(
        &mut self,
        before: &Roll,
        steps: usize,
        ask: &Ask,
        out: &mut Roll,
    ) -> std::result::Result<(), ModelError> {
        let moved = Moved::of(ask.key, before);
        let planes = [before.sounding, before.onset].map(|plane| plane.map(|bits| moved.there(bits)));
        let heard = slices(&planes[0], &planes[1]);
        let known = |rows: u128| self.book.nearest(rows);
        let mut window: VecDeque<(usize, usize)> =
            heard.iter().map(|event| (known(event.sounding), event.length)).collect();
        while window.len() > READ {
            window.pop_front();
        }
        let chance = |step: usize, row: usize| unit(u64::from(ask.seed), ask.position, step, row);
        let mut line = Line::new(out, steps, planes[0][STEPS - 1]);
        let mut silent = 0;
        while !line.is_full() {
            let at = line.at();
            self.read(&window);
            for number in 0..self.book.len() {
                let rows = self.book.rows(number);
                // Nobody waits through bars of rests.
                if rows == 0 && silent > 1 || !moved.is_inside(rows) {
                    self.said[1][number] = f32::NEG_INFINITY;
                }
            }
            let symbol = self.sizes.style.draw(&self.said[1], chance(at, 0));
            let length = 1 + self.sizes.style.draw(&self.said[2], chance(at, 1));
            let rows = self.book.rows(symbol);
            silent = if rows == 0 { silent + 1 } else { 0 };
            line.strike(rows, 0, length);
            window.push_back((symbol, length));
            if window.len() > READ {
                window.pop_front();
            }
        }
        for step in 0..steps.min(STEPS) {
            out.sounding[step] = moved.back(out.sounding[step]);
            out.onset[step] = moved.back(out.onset[step]) & out.sounding[step];
        }
        Ok(())
    }
}
