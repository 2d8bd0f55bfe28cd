//! What a recurrent network says of lines: its losses, and how well it expects each event.

use anyhow::Result;
use candle_core::{D, Device, Tensor};
use model::writers::lstm::{LstmSizes, Masks, Ours, READ, Tutorial};
use model::writers::{Book, kernels};
use model::{Ops, Weights};
use phrase::PITCHES;

use super::lines::{Line, Lines, Windows};
use crate::core;

/// How likely what came was to a network, in nats, and whether it was what the network thought likeliest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scored {
    /// Of the symbol.
    pub symbol: f32,
    /// Of its length, given the symbol; none where that is not known.
    pub length: Option<f32>,
    /// Whether the symbol was the likeliest.
    pub right_symbol: bool,
    /// Whether the length was.
    pub right_length: bool,
}

/// How unlikely the right ones are, `[N]`.
pub(super) fn surprise(logits: &Tensor, right: &Tensor) -> candle_core::Result<Tensor> {
    kernels::surprise(logits, &right.flatten_all()?)
}

/// A network with its book, ready to be asked of music.
#[derive(Clone, Debug)]
pub struct Network<'a> {
    /// Its sizes.
    pub sizes: LstmSizes,
    /// Its weights, without the book.
    pub weights: &'a Weights,
    /// [`Book::many_hot`].
    pub rows: Tensor,
    /// Where it computes.
    pub device: &'a Device,
}

impl<'a> Network<'a> {
    /// Of these weights.
    ///
    /// # Errors
    /// When the book cannot become a tensor.
    pub fn new(sizes: LstmSizes, weights: &'a Weights, book: &Book, device: &'a Device) -> Result<Self> {
        let rows = Tensor::from_vec(book.many_hot(), (book.len(), PITCHES), device)?;
        Ok(Self { sizes, weights, rows, device })
    }

    /// Losses in nats an event, `[3]`, of symbols, lengths and what is held.
    pub(super) fn losses(&self, lines: &Lines, masks: Masks) -> Result<Tensor> {
        let ours = Ours::new(self.sizes, self.weights, self.rows.clone(), Ops::on(self.device));
        let said = ours.forward(&lines.batch, masks)?;
        let mean = |losses: &Tensor, weights: &[f32]| -> candle_core::Result<Tensor> {
            let count = weights.iter().sum::<f32>().max(1.0);
            let weights = Tensor::from_slice(weights, weights.len(), self.device)?;
            (losses * weights)?.sum_all()? / f64::from(count)
        };
        let symbols = mean(&surprise(&said.symbols, &lines.batch.told)?, &lines.weights[0])?;
        let lengths = mean(&surprise(&said.lengths, &lines.lengths)?, &lines.weights[1])?;
        let held = (core::cross_entropy(&said.held, &lines.held[0])? * &lines.held[1])?.sum(1)?;
        let held = mean(&held, &lines.weights[0])?;
        Ok(Tensor::stack(&[symbols, lengths, held], 0)?)
    }

    /// What it thinks of every event of some lines.
    ///
    /// # Errors
    /// Where it cannot compute.
    pub fn score(&self, lines: &[Line]) -> Result<Vec<Vec<Scored>>> {
        let mut all = Vec::new();
        for lines in lines.chunks(16) {
            let read = Lines::new(lines, self.sizes.genres, self.device)?;
            let ours = Ours::new(self.sizes, self.weights, self.rows.clone(), Ops::on(self.device));
            let said = ours.forward(&read.batch, None)?;
            let found = Found::of(&said.symbols, &read.batch.told, &said.lengths, &read.lengths)?;
            for (index, line) in lines.iter().enumerate() {
                let of = |at: usize| found.at(index * read.steps + at, line.has_length(at));
                all.push((0..line.events.len()).map(of).collect());
            }
        }
        Ok(all)
    }

    /// The same of the tutorial's network, of events that have a whole window before them; others count 0
    /// and are left out by `None`.
    ///
    /// # Errors
    /// Where it cannot compute.
    pub fn score_windows(&self, lines: &[Line]) -> Result<Vec<Vec<Option<Scored>>>> {
        let tutorial = Tutorial::new(self.sizes, self.weights, Ops::on(self.device));
        let mut all = Vec::new();
        for line in lines {
            let mut scored = vec![None; line.events.len()];
            let places: Vec<usize> = (READ..line.events.len()).collect();
            for places in places.chunks(32) {
                let windows = Windows::new(places.iter().map(|&at| (line, at - READ, at)), self.device)?;
                let (symbols, lengths) = tutorial.forward(&windows.symbols, &windows.lengths)?;
                let found = Found::of(&symbols, &windows.told, &lengths, &windows.told_lengths)?;
                for (row, &at) in places.iter().enumerate() {
                    scored[at] = Some(found.at(row, line.has_length(at)));
                }
            }
            all.push(scored);
        }
        Ok(all)
    }
}

/// What networks said of each event.
struct Found {
    surprises: [Vec<f32>; 2],
    right: [Vec<bool>; 2],
}

impl Found {
    fn of(symbols: &Tensor, told: &Tensor, lengths: &Tensor, told_lengths: &Tensor) -> Result<Self> {
        let surprises = [surprise(symbols, told)?.to_vec1()?, surprise(lengths, told_lengths)?.to_vec1()?];
        let right = |logits: &Tensor, told: &Tensor| -> Result<Vec<bool>> {
            let best = logits.argmax(D::Minus1)?.to_vec1::<u32>()?;
            let told = told.flatten_all()?.to_vec1::<u32>()?;
            Ok(best.iter().zip(&told).map(|(best, told)| best == told).collect())
        };
        Ok(Self { surprises, right: [right(symbols, told)?, right(lengths, told_lengths)?] })
    }

    fn at(&self, cell: usize, has_length: bool) -> Scored {
        Scored {
            symbol: self.surprises[0][cell],
            length: has_length.then(|| self.surprises[1][cell]),
            right_symbol: self.right[0][cell],
            right_length: self.right[1][cell],
        }
    }
}
