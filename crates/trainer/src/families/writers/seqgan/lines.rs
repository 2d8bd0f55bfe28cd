//! Lines of tokens: those of real music, and as tensors.

use anyhow::{Context, Result};
use candle_core::Tensor;
use model::writers::seqgan::LINE;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::SeqganRun;
use crate::dataset::{Dataset, Split};
use crate::families::writers::lines::{Music, Stretch, Symbols};

/// A line of tokens of a genre.
pub(super) type Line = (Vec<u32>, usize);

/// The tokens of a stretch.
pub fn tokens(stretch: &Stretch, symbols: &Symbols) -> Vec<u32> {
    let events = stretch.events(stretch.moved(), false);
    events.iter().map(|event| symbols.number(event) as u32).collect()
}

impl SeqganRun {
    /// Real lines by genre, of the training and of the validation songs: every half line a line begins.
    pub(super) fn lines(&self, data: &Dataset) -> &[Vec<Vec<Line>>; 2] {
        self.lines.get_or_init(|| {
            [Split::Train, Split::Valid].map(|split| {
                let music = Music::asked(data, split, &self.options);
                (0..music.genres.len()).map(|genre| self.lines_of(&music, genre)).collect()
            })
        })
    }

    fn lines_of(&self, music: &Music, genre: usize) -> Vec<Line> {
        let mut all = Vec::new();
        for (_, _, stretch) in music.genre(genre).stretches(4) {
            let tokens = tokens(&stretch, &self.symbols);
            let starts = (0..tokens.len().saturating_sub(LINE - 1)).step_by(LINE / 2);
            all.extend(starts.map(|start| (tokens[start..start + LINE].to_vec(), genre)));
        }
        all
    }

    /// Real lines by chance, the genres in turn.
    pub(super) fn real(&self, data: &Dataset, count: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Line>> {
        let lines = &self.lines(data)[0];
        (0..count)
            .map(|index| {
                let of = &lines[index % lines.len()];
                let any = lines.iter().find(|lines| !lines.is_empty());
                let of = if of.is_empty() { any } else { Some(of) };
                let of = of.with_context(|| format!("no song has {LINE} tokens one after another"))?;
                Ok(of[rng.random_range(0..of.len())].clone())
            })
            .collect()
    }

    /// What is read before each token, beginning with the start, and the tokens.
    pub(super) fn shifted(&self, lines: &[Line]) -> Result<(Tensor, Tensor)> {
        let start = [self.sizes.tokens as u32];
        let read: Vec<u32> =
            lines.iter().flat_map(|(line, _)| start.iter().chain(&line[..LINE - 1]).copied()).collect();
        Ok((Tensor::from_vec(read, (lines.len(), LINE), &self.device)?, self.tensor(lines)?))
    }

    /// The tokens, `[B LINE]`.
    pub(super) fn tensor(&self, lines: &[Line]) -> Result<Tensor> {
        let all: Vec<u32> = lines.iter().flat_map(|(line, _)| line.iter().copied()).collect();
        Ok(Tensor::from_vec(all, (lines.len(), LINE), &self.device)?)
    }

    /// The genres of lines, one-hot `[B, G]`.
    pub(super) fn shares(&self, lines: &[Line]) -> Result<Tensor> {
        let genres = self.sizes.genres;
        let one = |genre: usize| (0..genres).map(move |at| f32::from(u8::from(at == genre)));
        let all: Vec<f32> = lines.iter().flat_map(|line| one(line.1)).collect();
        Ok(Tensor::from_vec(all, (lines.len(), genres), &self.device)?)
    }
}
