//! The generator on plain slices, a token at a time: for playing.

use phrase::symbols::events;
use phrase::{Roll, STEPS};

use super::super::lstm::layer::{Dense, Layer, values};
use super::{LINE, SeqganSizes, lengths};
use crate::families::writers::Moved;
use crate::families::writers::book::Book;
use crate::families::writers::line::Line;
use crate::noise::unit;
use crate::roles::{Ask, Writer};
use crate::{ModelError, Weights};

/// The network, ready to write.
#[derive(Debug)]
pub(super) struct Player {
    sizes: SeqganSizes,
    /// The rows of each token, and its length.
    book: Book,
    lengths: Vec<usize>,
    embed: Vec<f32>,
    genre: Vec<f32>,
    layer: Layer,
    out: Dense,
    x: Vec<f32>,
    said: Vec<f32>,
}

impl Player {
    pub(super) fn new(sizes: SeqganSizes, weights: &Weights) -> Result<Self, ModelError> {
        Ok(Self {
            book: Book::read(weights, sizes.tokens, sizes.notes)?,
            lengths: lengths(weights, sizes.tokens)?,
            embed: values(weights, "embed")?,
            genre: if sizes.told { values(weights, "genre")? } else { Vec::new() },
            layer: Layer::new(weights, "lstm", sizes.units)?,
            out: Dense::new(weights, "out", Some("out_bias"))?,
            x: Vec::new(),
            said: Vec::new(),
            sizes,
        })
    }

    /// The token nearest to a symbol of a length.
    fn nearest(&self, rows: u128, length: usize) -> usize {
        let rows = self.book.rows(self.book.nearest(rows));
        let of_rows = (0..self.book.len()).filter(|&token| self.book.rows(token) == rows);
        of_rows.min_by_key(|&token| self.lengths[token].abs_diff(length)).unwrap_or(0)
    }

    fn read(&mut self, token: usize, shares: &[f32]) {
        let width = self.sizes.width;
        self.x.clear();
        self.x.extend_from_slice(&self.embed[token * width..][..width]);
        for (share, vector) in shares.iter().zip(self.genre.chunks_exact(width)) {
            self.x.iter_mut().zip(vector).for_each(|(sum, x)| *sum += share * x);
        }
        self.layer.step(&self.x);
    }
}

impl Writer for Player {
    fn write(&mut self, before: &Roll, steps: usize, ask: &Ask, out: &mut Roll) -> Result<(), ModelError> {
        let moved = Moved::of(ask.key, before);
        let planes = [before.sounding, before.onset].map(|plane| plane.map(|bits| moved.there(bits)));
        let heard = events(&planes[0], &planes[1]);
        self.layer.reset();
        self.read(self.sizes.tokens, ask.shares);
        // It was trained on lines of so many: older music would be further from its start than any of these.
        for event in &heard[heard.len().saturating_sub(LINE / 2)..] {
            self.read(self.nearest(event.struck, event.length), ask.shares);
        }
        let mut line = Line::new(out, steps, planes[0][STEPS - 1]);
        let mut silent = false;
        while !line.is_full() {
            let at = line.at();
            self.out.apply(&self.layer.h, &mut self.said);
            for token in 0..self.book.len() {
                let rows = self.book.rows(token);
                if rows == 0 && silent || !moved.is_inside(rows) {
                    self.said[token] = f32::NEG_INFINITY;
                }
            }
            let token = self.sizes.style.draw(&self.said, unit(u64::from(ask.seed), ask.position, at, 0));
            let rows = self.book.rows(token);
            silent = rows == 0;
            line.strike(rows, 0, self.lengths[token]);
            self.read(token, ask.shares);
        }
        for step in 0..steps.min(STEPS) {
            out.sounding[step] = moved.back(out.sounding[step]);
            out.onset[step] = moved.back(out.onset[step]) & out.sounding[step];
        }
        Ok(())
    }
}
