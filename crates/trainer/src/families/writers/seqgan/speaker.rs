//! The generator as it makes lines up, a token at a time.

use anyhow::Result;
use candle_core::{Device, Tensor};
use model::Weights;
use model::writers::seqgan::{LINE, SeqganSizes};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::lines::Line;
use crate::families::find;

/// A generator that says tokens one after another, on plain slices: for making up lines.
pub(super) struct Speaker {
    sizes: SeqganSizes,
    embed: Vec<f32>,
    genre: Vec<f32>,
    /// Input, state and output matrices, each with what they are added to.
    input: Vec<f32>,
    state: Vec<f32>,
    bias: Vec<f32>,
    out: Vec<f32>,
    out_bias: Vec<f32>,
}

/// What a speaker remembers of some lines: memory and state, `[lines, units]`.
#[derive(Clone)]
pub(super) struct Memory {
    memory: Vec<f32>,
    state: Vec<f32>,
}

impl Speaker {
    pub(super) fn new(sizes: SeqganSizes, weights: &Weights) -> Result<Self> {
        let get = |name: &str| anyhow::Ok(find(weights, name)?.flatten_all()?.to_vec1()?);
        Ok(Self {
            embed: get("embed")?,
            genre: if sizes.told { get("genre")? } else { Vec::new() },
            input: get("lstm.in")?,
            state: get("lstm.state")?,
            bias: get("lstm.bias")?,
            out: get("out")?,
            out_bias: get("out_bias")?,
            sizes,
        })
    }

    pub(super) fn start(&self, lines: usize) -> Memory {
        let all = lines * self.sizes.units;
        Memory { memory: vec![0.0; all], state: vec![0.0; all] }
    }

    /// Reads a token of each line, and draws the next by chance.
    fn next(
        &self,
        read: &[u32],
        genres: &[usize],
        memory: &mut Memory,
        rng: &mut ChaCha8Rng,
    ) -> candle_core::Result<Vec<u32>> {
        let SeqganSizes { width, units, tokens, .. } = self.sizes;
        let lines = read.len();
        let mut x = Vec::with_capacity(lines * width);
        for (token, genre) in read.iter().zip(genres) {
            let own = &self.embed[*token as usize * width..][..width];
            match self.genre.get(genre * width..(genre + 1) * width) {
                Some(genre) => x.extend(own.iter().zip(genre).map(|(own, genre)| own + genre)),
                None => x.extend_from_slice(own),
            }
        }
        let cpu = &Device::Cpu;
        let product = |x: &[f32], inputs: usize, w: &[f32], outputs: usize| {
            let x = Tensor::from_slice(x, (lines, inputs), cpu)?;
            let w = Tensor::from_slice(w, (inputs, outputs), cpu)?;
            model::kernels::linear(&x, &w)?.flatten_all()?.to_vec1::<f32>()
        };
        let mut gates = product(&x, width, &self.input, 4 * units)?;
        let state = product(&memory.state, units, &self.state, 4 * units)?;
        for (gates, state) in gates.chunks_exact_mut(4 * units).zip(state.chunks_exact(4 * units)) {
            gates
                .iter_mut()
                .zip(state)
                .zip(&self.bias)
                .for_each(|((gate, state), bias)| *gate += state + bias);
        }
        let bend = |x: f32| 1.0 / (1.0 + (-x).exp());
        for line in 0..lines {
            let gates = &gates[line * 4 * units..][..4 * units];
            for unit in 0..units {
                let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * units + unit]);
                let at = line * units + unit;
                memory.memory[at] = bend(f) * memory.memory[at] + bend(i) * g.tanh();
                memory.state[at] = bend(o) * memory.memory[at].tanh();
            }
        }
        let said = product(&memory.state, units, &self.out, tokens)?;
        let draw = |logits: &[f32]| {
            let values: Vec<f32> = logits.iter().zip(&self.out_bias).map(|(a, b)| a + b).collect();
            let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weights: Vec<f32> = values.iter().map(|x| (x - most).exp()).collect();
            let mut left = rng.random::<f32>() * weights.iter().sum::<f32>();
            let drawn = weights.iter().position(|weight| {
                left -= weight;
                left < 0.0
            });
            drawn.unwrap_or(tokens - 1) as u32
        };
        Ok(said.chunks_exact(tokens).map(draw).collect())
    }

    /// The memory of each of `of`, told whole lines up to each place: `[LINE]` of what is known before a
    /// token is drawn there.
    pub(super) fn told(&self, lines: &[Line], rng: &mut ChaCha8Rng) -> candle_core::Result<Vec<Memory>> {
        let genres: Vec<usize> = lines.iter().map(|line| line.1).collect();
        let mut memory = self.start(lines.len());
        let mut all = Vec::with_capacity(LINE);
        let mut read = vec![self.sizes.tokens as u32; lines.len()];
        for place in 0..LINE {
            all.push(memory.clone());
            // What is drawn here is of no interest: the line is told.
            self.next(&read, &genres, &mut memory, rng)?;
            read = lines.iter().map(|line| line.0[place]).collect();
        }
        Ok(all)
    }

    /// Lines made up from what is told of each, up to `place`.
    pub(super) fn go_on(
        &self,
        lines: &[Line],
        place: usize,
        mut memory: Memory,
        rng: &mut ChaCha8Rng,
    ) -> candle_core::Result<Vec<Line>> {
        let genres: Vec<usize> = lines.iter().map(|line| line.1).collect();
        let mut all: Vec<Line> = lines.iter().map(|(line, genre)| (line[..place].to_vec(), *genre)).collect();
        for _ in place..LINE {
            let start = self.sizes.tokens as u32;
            let read: Vec<u32> = all.iter().map(|line| line.0.last().copied().unwrap_or(start)).collect();
            let next = self.next(&read, &genres, &mut memory, rng)?;
            all.iter_mut().zip(next).for_each(|(line, next)| line.0.push(next));
        }
        Ok(all)
    }
}
