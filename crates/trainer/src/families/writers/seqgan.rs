//! SeqGAN: a generator of tokens that first learns by maximum likelihood, then by policy gradient from what a
//! discriminator says of its lines (Yu, Zhang, Wang and Yu, 2017).
//!
//! A run's steps are of three kinds, one after another: `pretrain` steps of the generator, `critic_pretrain`
//! rounds of the discriminator alone, then steps of both. A prefix's reward is what the discriminator says of
//! lines that a lagging copy of the generator makes of it, on the mean; a whole line's what it says of that.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use candle_core::{D, Device, Tensor};
use candle_nn::ops::{log_softmax, sigmoid, softmax};
use model::writers::seqgan::{Discriminator, DiscriminatorConfig, Generator, LINE, SeqganSizes};
use model::writers::{Style, kernels};
use model::{Ops, Parts, Weights, WriterFamily};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::lines::{Music, Stretch, Symbols};
use super::lstm::{mask, prefixed};
use super::{NEEDS, Output, Preset, WriterOptions};
use crate::core::{self, Gradients, Losses, NotFinite, Optimised, SHARDS, Sum, clip};
use crate::dataset::{Dataset, Split};
use crate::random;
use crate::run::checkpoint::{Checkpoint, OPTIONS};
use crate::run::{Needs, Trainee};

/// What the family is called in checkpoints, cards and docs.
pub const NAME: &str = "seqgan";
/// What the losses are called: the generator's likelihood in nats a token, the discriminator's loss, the mean
/// reward, and what the last validation was.
const LOSSES: [&str; 4] = ["likelihood", "discriminator", "reward", "valid"];
/// The share of the discriminator's channels that dropout drops.
const DROP: f32 = 0.25;
/// How much the squares of its last weights cost.
const DECAY: f64 = 0.2;
/// Lines by which the weights are chosen.
const VALID: usize = 512;
/// The longest gradient of the generator.
const LONGEST_GRADIENT: f32 = 5.0;

/// A line of tokens of a genre.
type Line = (Vec<u32>, usize);

/// A generator that says tokens one after another, on plain slices: for making up lines.
struct Speaker {
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
struct Memory {
    memory: Vec<f32>,
    state: Vec<f32>,
}

impl Speaker {
    fn new(sizes: SeqganSizes, weights: &Weights) -> Result<Self> {
        let get = |name: &str| -> Result<Vec<f32>> {
            let found = weights.iter().find(|(known, _)| *known == name);
            let tensor = found.with_context(|| format!("{name} is missing"))?.1;
            Ok(tensor.flatten_all()?.to_vec1()?)
        };
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

    fn start(&self, lines: usize) -> Memory {
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
    fn told(&self, lines: &[Line], rng: &mut ChaCha8Rng) -> candle_core::Result<Vec<Memory>> {
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
    fn go_on(
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

/// A run: generator, the copy of it that lags, discriminator, and the best weights so far.
#[derive(Debug)]
pub struct SeqganRun {
    options: WriterOptions,
    step: u64,
    device: Device,
    sizes: SeqganSizes,
    critic: DiscriminatorConfig,
    symbols: Symbols,
    generator: Optimised,
    /// The policy's own optimiser begins when it does.
    policy: Option<Optimised>,
    discriminator: Optimised,
    /// What makes roll-outs.
    lagging: Weights,
    valid: f32,
    best: Option<(f32, Weights)>,
    /// The generator as maximum likelihood left it.
    start: Option<Weights>,
    lines: OnceLock<[Vec<Vec<Line>>; 2]>,
}

impl SeqganRun {
    /// A fresh run for `genres` genres on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(options: WriterOptions, symbols: Symbols, genres: usize, device: &Device) -> Result<Self> {
        let seed = options.preset == Preset::Seed;
        let sizes = if seed { SeqganSizes::published } else { SeqganSizes::ours };
        let sizes = sizes(genres, symbols.len(), symbols.notes);
        let sizes = SeqganSizes {
            width: options.width.unwrap_or(sizes.width),
            units: options.units.unwrap_or(sizes.units),
            style: Style {
                temperature: options.temperature.unwrap_or(sizes.style.temperature),
                top_p: options.top_p.unwrap_or(sizes.style.top_p),
            },
            ..sizes
        };
        let outputs = if options.output == Output::Softmax { 2 } else { 1 };
        let critic = DiscriminatorConfig::published(symbols.len(), outputs, options.thinner.unwrap_or(1));
        let mut rng = random::stream(options.seed, u64::MAX);
        let generator = Optimised::new(&sizes.trained(), [0.9, 0.999], &mut rng, device)?;
        let discriminator = Optimised::new(&critic.parameters(), [0.9, 0.999], &mut rng, device)?;
        let lagging = generator.averaged()?;
        Ok(Self {
            options,
            step: 0,
            device: device.clone(),
            sizes,
            critic,
            symbols,
            generator,
            policy: None,
            discriminator,
            lagging,
            valid: 0.0,
            best: None,
            start: None,
            lines: OnceLock::new(),
        })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genres, valid, best, moved, rounds } = checkpoint.header()?;
        let symbols = Symbols::read(&checkpoint.part("book"))?;
        let mut run = Self::new(options, symbols, genres, device)?;
        run.generator.restore(checkpoint, step.min(run.pretrain()))?;
        run.discriminator.restore(checkpoint, rounds)?;
        run.lagging = checkpoint.part("lagging");
        if let Some(moved) = moved {
            let mut policy = run.fresh_policy(&checkpoint.part("policy/weights"))?;
            let mut own = checkpoint.clone();
            for part in ["weights", "mean", "square"] {
                own.add(part, &checkpoint.part(&format!("policy/{part}")));
            }
            policy.restore(&own, moved)?;
            run.policy = Some(policy);
            run.start = Some(checkpoint.part("start"));
        }
        (run.step, run.valid) = (step, valid);
        run.best = best.map(|best| (best, checkpoint.part("best")));
        Ok(run)
    }

    fn pretrain(&self) -> u64 {
        self.options.pretrain.unwrap_or(0)
    }

    fn fresh_policy(&self, weights: &Weights) -> Result<Optimised> {
        let mut rng = random::stream(self.options.seed, u64::MAX - 1);
        Optimised::new(&self.sizes.trained(), [0.9, 0.999], &mut rng, &self.device)?.starting_at(weights)
    }

    /// The generator as it is now.
    fn network(&self) -> &Optimised {
        self.policy.as_ref().unwrap_or(&self.generator)
    }

    /// Real lines by genre, of the training and of the validation songs: every half line a line begins.
    fn lines(&self, data: &Dataset) -> &[Vec<Vec<Line>>; 2] {
        self.lines.get_or_init(|| {
            [Split::Train, Split::Valid].map(|split| {
                let music = Music::of(data, split);
                let music = self.options.only().map_or(music.clone(), |key| music.only(key));
                (0..music.genres.len()).map(|genre| self.lines_of(&music, genre)).collect()
            })
        })
    }

    fn lines_of(&self, music: &Music, genre: usize) -> Vec<Line> {
        let one = Music { genres: vec![music.genres[genre].clone()] };
        let mut all = Vec::new();
        for (_, _, stretch) in one.stretches(4) {
            let tokens = tokens(&stretch, &self.symbols);
            let starts = (0..tokens.len().saturating_sub(LINE - 1)).step_by(LINE / 2);
            all.extend(starts.map(|start| (tokens[start..start + LINE].to_vec(), genre)));
        }
        all
    }

    /// Real lines by chance, the genres in turn.
    fn real(&self, data: &Dataset, count: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Line>> {
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

    /// The generator's surprise at each token of lines, `[B LINE]`.
    fn surprise(&self, weights: &Weights, lines: &[Line]) -> Result<Tensor> {
        let (read, told) = self.shifted(lines)?;
        let genres = self.shares(lines)?;
        let logits = Generator::new(self.sizes, weights, Ops::on(&self.device)).forward(&read, &genres)?;
        Ok(kernels::surprise(&logits, &told.flatten_all()?)?)
    }

    /// What is read before each token, beginning with the start, and the tokens.
    fn shifted(&self, lines: &[Line]) -> Result<(Tensor, Tensor)> {
        let start = [self.sizes.tokens as u32];
        let read: Vec<u32> =
            lines.iter().flat_map(|(line, _)| start.iter().chain(&line[..LINE - 1]).copied()).collect();
        Ok((Tensor::from_vec(read, (lines.len(), LINE), &self.device)?, self.tensor(lines)?))
    }

    fn tensor(&self, lines: &[Line]) -> Result<Tensor> {
        let all: Vec<u32> = lines.iter().flat_map(|(line, _)| line.iter().copied()).collect();
        Ok(Tensor::from_vec(all, (lines.len(), LINE), &self.device)?)
    }

    fn shares(&self, lines: &[Line]) -> Result<Tensor> {
        let genres = self.sizes.genres;
        let one = |genre: usize| (0..genres).map(move |at| f32::from(u8::from(at == genre)));
        let all: Vec<f32> = lines.iter().flat_map(|line| one(line.1)).collect();
        Ok(Tensor::from_vec(all, (lines.len(), genres), &self.device)?)
    }

    /// What the discriminator says of lines: how real, 0 to 1.
    fn judged(&self, lines: &[Line]) -> Result<Vec<f32>> {
        let weights = self.discriminator.averaged()?;
        let mut all = Vec::with_capacity(lines.len());
        for lines in lines.chunks(256) {
            let network = Discriminator::new(&self.critic, &weights, Ops::on(&self.device));
            let logits = network.forward(&self.tensor(lines)?, None)?;
            let real = match self.options.output {
                Output::Softmax => softmax(&logits, D::Minus1)?.narrow(1, 1, 1)?,
                Output::Sigmoid => sigmoid(&logits)?,
            };
            all.extend(real.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(all)
    }

    /// What each token of some lines is worth, by line.
    fn rewards(&self, lines: &[Line], rng: &mut ChaCha8Rng) -> Result<Vec<Vec<f32>>> {
        let whole = self.judged(lines)?;
        let mut rewards: Vec<Vec<f32>> = whole.iter().map(|reward| vec![*reward; LINE]).collect();
        if self.options.roll_outs > 0 {
            let speaker = Speaker::new(self.sizes, &self.lagging)?;
            let told = speaker.told(lines, rng)?;
            for place in 1..LINE {
                let mut sums = vec![0.0; lines.len()];
                for _ in 0..self.options.roll_outs {
                    let made = speaker.go_on(lines, place, told[place].clone(), rng)?;
                    sums.iter_mut().zip(self.judged(&made)?).for_each(|(sum, reward)| *sum += reward);
                }
                for (rewards, sum) in rewards.iter_mut().zip(sums) {
                    rewards[place - 1] = sum / self.options.roll_outs as f32;
                }
            }
        }
        if self.options.baseline {
            for place in 0..LINE {
                let mean = rewards.iter().map(|rewards| rewards[place]).sum::<f32>() / lines.len() as f32;
                rewards.iter_mut().for_each(|rewards| rewards[place] -= mean);
            }
        }
        Ok(rewards)
    }

    /// A step of maximum likelihood.
    fn likelihood(&mut self, data: &Dataset, threads: usize) -> Result<f32> {
        let this = &*self;
        let shard = |shard: usize| -> Result<Sum<1>> {
            let mut rng = random::stream(this.options.seed, this.step * SHARDS as u64 + shard as u64);
            let lines = this.real(data, this.options.batch() / SHARDS, &mut rng)?;
            let loss = this.surprise(&this.generator.weights(), &lines)?.mean_all()?;
            let gradients = [this.generator.gradients(&loss.backward()?)?];
            Ok(Sum { gradients, losses: Losses::new([("likelihood", loss.to_scalar()?)]) })
        };
        let Sum { gradients: [mut gradients], losses } =
            core::sum(self.step + 1, core::shards(threads, shard)?)?;
        clip(&mut gradients, LONGEST_GRADIENT);
        self.generator.descend(&gradients, self.options.rate())?;
        Ok(losses.get("likelihood").unwrap_or(f32::NAN))
    }

    /// Rounds of the discriminator against lines that the generator makes up for each; the mean loss.
    fn criticise(&mut self, data: &Dataset, rng: &mut ChaCha8Rng) -> Result<f32> {
        let (mut sum, mut count) = (0.0, 0.0f32);
        for _ in 0..self.options.critic_rounds {
            let speaker = Speaker::new(self.sizes, &self.network().averaged()?)?;
            let real = self.real(data, self.options.negatives.max(1), rng)?;
            let made = speaker.go_on(&real, 0, speaker.start(real.len()), rng)?;
            let mut all: Vec<(Line, u32)> = real.into_iter().map(|line| (line, 1)).collect();
            all.extend(made.into_iter().map(|line| (line, 0)));
            for _ in 0..self.options.critic_epochs {
                for at in (1..all.len()).rev() {
                    all.swap(at, rng.random_range(0..=at));
                }
                for lines in all.chunks(64) {
                    sum += self.critic_step(lines, rng)?;
                    count += 1.0;
                }
            }
        }
        Ok(sum / count.max(1.0))
    }

    fn critic_step(&mut self, lines: &[(Line, u32)], rng: &mut ChaCha8Rng) -> Result<f32> {
        let weights = self.discriminator.weights();
        let (tokens, real): (Vec<Line>, Vec<u32>) = lines.iter().cloned().unzip();
        let mask = mask(&[lines.len(), self.critic.channels()], DROP, rng, &self.device)?;
        let network = Discriminator::new(&self.critic, &weights, Ops::on(&self.device));
        let logits = network.forward(&self.tensor(&tokens)?, Some(&mask))?;
        let loss = match self.options.output {
            Output::Softmax => {
                let real = Tensor::from_vec(real, (lines.len(), 1), &self.device)?;
                log_softmax(&logits, D::Minus1)?.gather(&real, 1)?.neg()?.mean_all()?
            }
            Output::Sigmoid => {
                let real = real.into_iter().map(|real| real as f32);
                let real = Tensor::from_iter(real, &self.device)?.unsqueeze(1)?;
                // softplus(x) - x y, without overflow.
                let softplus = (logits.relu()? + (logits.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
                (softplus - (&logits * real)?)?.mean_all()?
            }
        };
        let missing = || candle_core::Error::Msg("the discriminator has no last layer".into());
        let last = |name: &str| weights.iter().find(|(known, _)| *known == name).map(|(_, tensor)| tensor);
        let squares = (last("d.out").ok_or_else(missing)?.sqr()?.sum_all()?
            + last("d.out_bias").ok_or_else(missing)?.sqr()?.sum_all()?)?;
        // Half the squares, as TensorFlow has it.
        let total = (&loss + (squares * (0.5 * DECAY))?)?;
        let gradients = self.discriminator.gradients(&total.backward()?)?;
        let value = loss.to_scalar::<f32>()?;
        self.check(value, "the discriminator loss", &gradients)?;
        self.discriminator.descend(&gradients, self.options.critic_rate)?;
        Ok(value)
    }

    fn check(&self, loss: f32, what: &str, gradients: &Gradients) -> Result<()> {
        let what = match () {
            () if !loss.is_finite() => what.to_string(),
            () if gradients.iter().flatten().any(|x| !x.is_finite()) => "a gradient".to_string(),
            () => return Ok(()),
        };
        Err(NotFinite { step: self.step + 1, what }.into())
    }

    /// A step of policy gradient; the mean of the rewards.
    fn improve(&mut self, data: &Dataset, rng: &mut ChaCha8Rng) -> Result<f32> {
        if self.policy.is_none() {
            let weights = self.generator.averaged()?;
            self.policy = Some(self.fresh_policy(&weights)?);
            (self.lagging, self.start) = (weights.clone(), Some(weights));
        }
        let speaker = Speaker::new(self.sizes, &self.network().averaged()?)?;
        let genres = self.real(data, self.options.batch(), rng)?;
        let lines = speaker.go_on(&genres, 0, speaker.start(genres.len()), rng)?;
        let rewards = self.rewards(&lines, rng)?;
        let all: Vec<f32> = rewards.iter().flatten().copied().collect();
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        let len = all.len();
        let surprise = self.surprise(&self.network().weights(), &lines)?;
        let loss = ((surprise * Tensor::from_vec(all, len, &self.device)?)?.sum_all()? / lines.len() as f64)?;
        let mut gradients = self.network().gradients(&loss.backward()?)?;
        self.check(loss.to_scalar()?, "the generator loss", &gradients)?;
        // `clip` takes a sum over shards; here is one alone.
        gradients.iter_mut().flatten().for_each(|x| *x *= SHARDS as f32);
        clip(&mut gradients, LONGEST_GRADIENT);
        let rate = self.options.policy_rate.unwrap_or(1e-3);
        if let Some(policy) = &mut self.policy {
            policy.descend(&gradients, rate)?;
        }
        // The copy keeps `lag` of itself.
        let now = self.network().averaged()?;
        let mut lagging = Weights::new();
        let lag = f64::from(self.options.lag);
        for (name, old) in self.lagging.iter() {
            let new = now.get(name, old.dims())?;
            lagging.insert(name.clone(), ((old * lag)? + (new * (1.0 - lag))?)?);
        }
        self.lagging = lagging;
        Ok(mean)
    }

    /// How well the weights do on music that is not learned from: by likelihood in nats a token, and once the
    /// policy learns by BLEU-4 of what it makes up, less than nothing: the smaller the better.
    fn validate(&mut self, data: &Dataset) -> Result<()> {
        let lines = self.lines(data);
        let found = lines.iter().map(|of| of.concat()).find(|all| !all.is_empty()).unwrap_or_default();
        let count = VALID.min(found.len());
        let chosen: Vec<Line> = (0..count).map(|i| found[i * found.len() / count].clone()).collect();
        let weights = self.network().averaged()?;
        self.valid = if self.policy.is_some() {
            let mut rng = random::stream(self.options.seed, u64::MAX - 2);
            let speaker = Speaker::new(self.sizes, &weights)?;
            let made = speaker.go_on(&chosen, 0, speaker.start(chosen.len()), &mut rng)?;
            let bleu = super::bleu::Bleu::new(found.iter().map(|line| &line.0[..]), 4);
            -(made.iter().map(|line| bleu.of(&line.0, 4)).sum::<f64>() / made.len().max(1) as f64) as f32
        } else if chosen.is_empty() {
            0.0
        } else {
            let mut sum = 0.0;
            for lines in chosen.chunks(64) {
                sum += self.surprise(&weights, lines)?.sum_all()?.to_scalar::<f32>()?;
            }
            sum / (chosen.len() * LINE) as f32
        };
        if self.valid.is_finite() && self.best.as_ref().is_none_or(|best| self.valid < best.0) {
            self.best = Some((self.valid, weights));
        }
        Ok(())
    }
}

/// The tokens of a stretch.
pub fn tokens(stretch: &Stretch, symbols: &Symbols) -> Vec<u32> {
    let events = stretch.events(stretch.moved(), false);
    events.iter().map(|event| symbols.number(event) as u32).collect()
}

#[derive(Serialize, Deserialize)]
struct Header {
    options: WriterOptions,
    step: u64,
    genres: usize,
    valid: f32,
    best: Option<f32>,
    /// Steps of the policy's optimiser, once there is one.
    moved: Option<u64>,
    /// Steps of the discriminator's.
    rounds: u64,
}

impl SeqganRun {
    /// Steps that the discriminator's optimiser has taken.
    fn rounds(&self) -> u64 {
        let batches = (2 * self.options.negatives.max(1)).div_ceil(64) as u64;
        let rounds = self.step.saturating_sub(self.pretrain());
        rounds * batches * (self.options.critic_rounds * self.options.critic_epochs) as u64
    }
}

/// Parts of the checkpoint: `weights`, `mean` and `square` of the generator by likelihood and of the
/// discriminator, the same of the policy as `policy/..`, `lagging`, `start`, `best` and `book`.
impl Trainee for SeqganRun {
    fn family(&self) -> &'static str {
        NAME
    }

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn step(&self) -> u64 {
        self.step
    }

    fn steps(&self) -> u64 {
        self.options.steps()
    }

    fn losses(&self) -> Vec<&'static str> {
        LOSSES.to_vec()
    }

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        if self.step == 0 {
            self.validate(data)?;
        }
        let mut rng = random::stream(self.options.seed, self.step * SHARDS as u64 + 7);
        let critics = self.pretrain() + self.options.critic_pretrain;
        let (mut likelihood, mut discriminator, mut reward) = (0.0, 0.0, 0.0);
        if self.step < self.pretrain() {
            likelihood = self.likelihood(data, threads)?;
        } else {
            // The best by likelihood is where the policy begins.
            if self.step == self.pretrain()
                && let Some((_, best)) = self.best.take()
            {
                self.generator = self.generator_at(&best)?;
            }
            if self.step >= critics {
                reward = self.improve(data, &mut rng)?;
            }
            discriminator = self.criticise(data, &mut rng)?;
        }
        self.step += 1;
        let first = self.step == critics + 1;
        if first {
            // Likelihoods and BLEUs do not compare.
            self.best = None;
        }
        if first || self.step.is_multiple_of(self.options.validate) || self.step == self.steps() {
            self.validate(data)?;
        }
        Ok(Losses::new([
            ("likelihood", likelihood),
            ("discriminator", discriminator),
            ("reward", reward),
            ("valid", self.valid),
        ]))
    }

    fn configuration(&self) -> serde_json::Value {
        serde_json::json!(self.options)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let critics = self.pretrain() + self.options.critic_pretrain;
        let header = serde_json::json!({
            OPTIONS: self.options,
            "step": self.step,
            "genres": self.sizes.genres,
            "valid": self.valid,
            "best": self.best.as_ref().map(|best| best.0),
            "moved": self.policy.as_ref().map(|_| self.step.saturating_sub(critics)),
            "rounds": self.rounds(),
        });
        let mut checkpoint = Checkpoint::new(NAME, header);
        self.generator.save(&mut checkpoint)?;
        self.discriminator.save(&mut checkpoint)?;
        if let Some(policy) = &self.policy {
            let mut own = Checkpoint::new(NAME, serde_json::Value::Null);
            policy.save(&mut own)?;
            let named = own.tensors.into_iter().map(|(name, tensor)| (format!("policy/{name}"), tensor));
            checkpoint.tensors.extend(named);
        }
        checkpoint.add("lagging", &self.lagging);
        checkpoint.add("book", &self.symbols.weights()?);
        for (part, weights) in [("start", &self.start), ("best", &self.best.clone().map(|best| best.1))] {
            weights.iter().for_each(|weights| checkpoint.add(part, weights));
        }
        Ok(checkpoint)
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        let bare = match &self.best {
            Some((_, best)) => best.clone(),
            None => self.network().averaged()?,
        };
        Ok((WriterFamily::from(self.sizes).into(), prefixed(&[bare, self.symbols.weights()?])))
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        let critics = self.pretrain() + o.critic_pretrain;
        format!(
            "Writer: SeqGAN's generator, {} units, {} tokens in C major or A minor, lines of \
             {LINE}; {} steps of maximum likelihood (batch {}, Adam {:e}), {} of policy gradient \
             (Adam {:e}, {} roll-outs, lag {}{}) against a discriminator of {} channels ({} \
             negatives a round), seed {}; weights of the best validation of one each {} steps.",
            self.sizes.units,
            self.sizes.tokens,
            self.step.min(self.pretrain()),
            o.batch(),
            o.rate(),
            self.step.saturating_sub(critics),
            o.policy_rate.unwrap_or(1e-3),
            o.roll_outs,
            o.lag,
            if o.baseline { ", with a baseline" } else { "" },
            self.critic.channels(),
            o.negatives,
            o.seed,
            o.validate
        )
    }
}

impl SeqganRun {
    /// The likelihood's generator at other weights: its moments are of no more use.
    fn generator_at(&self, weights: &Weights) -> Result<Optimised> {
        self.fresh_policy(weights)
    }
}
