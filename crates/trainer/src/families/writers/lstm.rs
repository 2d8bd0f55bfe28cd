//! The state of a recurrent writer's run, one training step of it, and what its network says of music.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use candle_core::{D, Device, Tensor};
use model::writers::lstm::{Batch, LstmSizes, Masks, Ours, READ, Tutorial};
use model::writers::{Book, Style, kernels};
use model::{Ops, Parts, Weights, WriterFamily};
use phrase::symbols::{Event, LONGEST};
use phrase::{PITCHES, STEPS_PER_BAR};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::lines::{Music, Stretch, Symbols};
use super::{Concat, NEEDS, Preset, Target, WriterOptions};
use crate::core::{self, Losses, Optimised, SHARDS, Schedule, Sum, clip};
use crate::dataset::{Dataset, Split};
use crate::random;
use crate::run::checkpoint::{Checkpoint, OPTIONS};
use crate::run::{Needs, Trainee};

/// What the family is called in checkpoints, cards and docs.
pub const NAME: &str = "lstm";
/// What the losses are called: nats an event, and those of the last validation.
const LOSSES: [&str; 4] = ["symbol", "length", "held", "valid"];
/// The most events of a line that is learned from.
const EVENTS: usize = 72;
/// Stretches of each genre by which the weights are chosen.
const VALID: usize = 48;
/// How far the density that is told is off, in octaves.
const DENSITY_NOISE: f32 = 0.25;

/// A line of events as a network reads it.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Events, moved.
    pub events: Vec<Event>,
    /// Their symbols' numbers.
    pub numbers: Vec<usize>,
    /// Its genre.
    pub genre: usize,
    /// Notes a beat that are told.
    pub density: f32,
    /// Whether the last event's length is the music's end.
    pub cut: bool,
}

impl Line {
    /// Of a stretch, moved to C.
    pub fn of(stretch: &Stretch, genre: usize, symbols: &Symbols, sliced: bool) -> Self {
        let mut events = stretch.events(stretch.moved(), sliced);
        let cut = events.len() <= EVENTS;
        events.truncate(EVENTS);
        let numbers = events.iter().map(|event| symbols.number(event)).collect();
        Self { events, numbers, genre, density: stretch.density(), cut }
    }

    /// Whether an event's length is known.
    fn has_length(&self, at: usize) -> bool {
        !(self.cut && at + 1 == self.events.len())
    }
}

/// Lines as tensors, with what is to be told of each event.
#[derive(Debug)]
pub struct Lines {
    batch: Batch,
    /// Of each event of the batch: 1 where there is one, and where its length is known, `[B T]`.
    weights: [Vec<f32>; 2],
    /// Lengths less 1, `[B T]`.
    lengths: Tensor,
    /// What is held, and where that is asked, `[B T, 84]`.
    held: [Tensor; 2],
    /// Events of a line.
    steps: usize,
}

impl Lines {
    /// Of these lines.
    ///
    /// # Errors
    /// When a tensor cannot be made.
    pub fn new(lines: &[Line], genres: usize, device: &Device) -> Result<Self> {
        let steps = lines.iter().map(|line| line.events.len()).max().unwrap_or(0).max(1);
        let cells = lines.len() * steps;
        let (mut read, mut read_lengths, mut heard) =
            (vec![0u32; cells], vec![0u32; cells], vec![0f32; cells]);
        let (mut places, mut told, mut lengths) = (vec![0u32; cells], vec![0u32; cells], vec![0u32; cells]);
        let mut planes = [(); 3].map(|()| vec![0f32; cells * PITCHES]);
        let mut weights = [vec![0f32; cells], vec![0f32; cells]];
        let (mut shares, mut density) = (vec![0f32; lines.len() * genres], Vec::new());
        for (index, line) in lines.iter().enumerate() {
            shares[index * genres + line.genre] = 1.0;
            density.push(Batch::density(line.density));
            for (at, event) in line.events.iter().enumerate() {
                let cell = index * steps + at;
                places[cell] = (event.start % STEPS_PER_BAR) as u32;
                told[cell] = line.numbers[at] as u32;
                lengths[cell] = event.length.clamp(1, LONGEST) as u32 - 1;
                weights[0][cell] = 1.0;
                weights[1][cell] = f32::from(u8::from(line.has_length(at)));
                let Some(before) = at.checked_sub(1) else { continue };
                let sounding = line.events[before].sounding;
                read[cell] = line.numbers[before] as u32;
                read_lengths[cell] = line.events[before].length.clamp(1, LONGEST) as u32 - 1;
                heard[cell] = 1.0;
                let asked = sounding & !event.struck;
                for row in 0..PITCHES {
                    let bit = |bits: u128| (bits >> row & 1) as f32;
                    planes[0][cell * PITCHES + row] = bit(sounding);
                    planes[1][cell * PITCHES + row] = bit(asked & event.sounding);
                    planes[2][cell * PITCHES + row] = bit(asked);
                }
            }
        }
        let count = lines.len();
        let numbers = |values: Vec<u32>| Tensor::from_vec(values, (count, steps), device);
        let [sounding, held, asked] = planes;
        Ok(Self {
            batch: Batch {
                symbols: numbers(read)?,
                lengths: numbers(read_lengths)?,
                heard: Tensor::from_vec(heard, (count, steps, 1), device)?,
                places: numbers(places)?,
                sounding: Tensor::from_vec(sounding, (count, steps, PITCHES), device)?,
                genres: Tensor::from_vec(shares, (count, genres), device)?,
                density: Tensor::from_vec(density, (count, 1), device)?,
                told: numbers(told)?,
            },
            weights,
            lengths: numbers(lengths)?,
            held: [
                Tensor::from_vec(held, (cells, PITCHES), device)?,
                Tensor::from_vec(asked, (cells, PITCHES), device)?,
            ],
            steps,
        })
    }
}

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
fn surprise(logits: &Tensor, right: &Tensor) -> candle_core::Result<Tensor> {
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

    /// Losses in nats an event, `[3]`, in the order of [`LOSSES`].
    fn losses(&self, lines: &Lines, masks: Masks) -> Result<Tensor> {
        let ours = Ours::new(self.sizes, self.weights, self.rows.clone(), Ops::on(self.device));
        let said = ours.forward(&lines.batch, masks)?;
        let mean = |losses: &Tensor, weights: &[f32]| -> candle_core::Result<Tensor> {
            let count = weights.iter().sum::<f32>().max(1.0);
            let weights = Tensor::from_slice(weights, weights.len(), self.device)?;
            (losses * weights)?.sum_all()? / f64::from(count)
        };
        let symbols = mean(&surprise(&said.symbols, &lines.batch.told)?, &lines.weights[0])?;
        let lengths = mean(&surprise(&said.lengths, &lines.lengths)?, &lines.weights[1])?;
        // softplus(x) - x y, without overflow.
        let x = &said.held;
        let softplus = (x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let held = ((softplus - (x * &lines.held[0])?)? * &lines.held[1])?.sum(1)?;
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

/// Windows of the tutorial's network.
struct Windows {
    symbols: Tensor,
    lengths: Tensor,
    told: Tensor,
    told_lengths: Tensor,
}

impl Windows {
    /// Of lines, where the windows begin, and which event is to be told.
    fn new<'a>(all: impl Iterator<Item = (&'a Line, usize, usize)>, device: &Device) -> Result<Self> {
        let (mut symbols, mut lengths, mut told, mut told_lengths) = (vec![], vec![], vec![], vec![]);
        let length = |line: &Line, at: usize| line.events[at].length.clamp(1, LONGEST) as u32 - 1;
        for (line, start, target) in all {
            symbols.extend(line.numbers[start..start + READ].iter().map(|&number| number as u32));
            lengths.extend((start..start + READ).map(|at| length(line, at)));
            told.push(line.numbers[target] as u32);
            told_lengths.push(length(line, target));
        }
        let count = told.len();
        Ok(Self {
            symbols: Tensor::from_vec(symbols, (count, READ), device)?,
            lengths: Tensor::from_vec(lengths, (count, READ), device)?,
            told: Tensor::from_vec(told, count, device)?,
            told_lengths: Tensor::from_vec(told_lengths, count, device)?,
        })
    }
}

/// A run: network, optimiser, average, and the best weights so far.
#[derive(Debug)]
pub struct LstmRun {
    options: WriterOptions,
    step: u64,
    device: Device,
    sizes: LstmSizes,
    symbols: Symbols,
    rows: Tensor,
    network: Optimised,
    /// The last validation's loss, and the best with its weights.
    valid: f32,
    best: Option<(f32, Weights)>,
    /// The run's own music; put together when it is first drawn from.
    music: OnceLock<Music>,
    checks: OnceLock<Vec<Line>>,
}

impl LstmRun {
    /// A fresh run for `genres` genres on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(options: WriterOptions, symbols: Symbols, genres: usize, device: &Device) -> Result<Self> {
        let seed = options.preset == Preset::Seed;
        let sizes = if seed { LstmSizes::tutorial } else { LstmSizes::ours };
        let sizes = sizes(genres, symbols.len(), symbols.notes);
        let mut sizes = LstmSizes {
            width: options.width.unwrap_or(sizes.width),
            units: options.units.unwrap_or(sizes.units),
            across_time: options.concat == Concat::Time,
            style: Style {
                temperature: options.temperature.unwrap_or(sizes.style.temperature),
                top_p: options.top_p.unwrap_or(sizes.style.top_p),
            },
            ..sizes
        };
        sizes.hidden = if seed { sizes.units / 2 } else { sizes.width }.max(1);
        let mut rng = random::stream(options.seed, u64::MAX);
        let parameters = sizes.trained();
        let network = if seed {
            Optimised::rms(&parameters, 0.9, &mut rng, device)?
        } else {
            Optimised::new(&parameters, [0.9, 0.98], &mut rng, device)?.averaging()?
        };
        let start = opened(&network.weights(), sizes.units)?;
        let network = network.starting_at(&start)?;
        let rows = Tensor::from_vec(symbols.book.many_hot(), (symbols.len(), PITCHES), device)?;
        Ok(Self {
            options,
            step: 0,
            device: device.clone(),
            sizes,
            symbols,
            rows,
            network,
            valid: 0.0,
            best: None,
            music: OnceLock::new(),
            checks: OnceLock::new(),
        })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genres, valid, best } = checkpoint.header()?;
        let symbols = Symbols::read(&checkpoint.part("book"))?;
        let mut run = Self::new(options, symbols, genres, device)?;
        run.network.restore(checkpoint, step)?;
        (run.step, run.valid) = (step, valid);
        run.best = best.map(|best| (best, checkpoint.part("best")));
        Ok(run)
    }

    fn is_tutorial(&self) -> bool {
        self.options.preset == Preset::Seed
    }

    fn music(&self, data: &Dataset, split: Split) -> Music {
        let music = Music::of(data, split);
        self.options.only().map_or(music.clone(), |key| music.only(key))
    }

    fn line(&self, stretch: &Stretch, genre: usize) -> Line {
        Line::of(stretch, genre, &self.symbols, self.is_tutorial())
    }

    /// The stretches by which weights are chosen: evenly spread over the validation songs, or the training
    /// songs where there are none.
    fn checks(&self, data: &Dataset) -> &[Line] {
        self.checks.get_or_init(|| {
            let mut lines = Vec::new();
            for genre in 0..data.items.len() {
                let music = [Split::Valid, Split::Train].map(|split| self.music(data, split));
                let all = |music: &Music| {
                    let one = Music { genres: vec![music.genres[genre].clone()] };
                    one.stretches(4).map(|(.., stretch)| self.line(&stretch, genre)).collect::<Vec<_>>()
                };
                let found = music.iter().map(all).find(|all| !all.is_empty()).unwrap_or_default();
                let count = VALID.min(found.len());
                lines.extend((0..count).map(|i| found[i * found.len() / count].clone()));
            }
            lines
        })
    }

    /// Nats an event of music that is not learned from: symbol and length together.
    fn validate(&mut self, data: &Dataset) -> Result<()> {
        let weights = self.network.averaged()?.to_device(&self.device)?;
        let network = self.asked(&weights);
        let scored: Vec<Scored> = if self.is_tutorial() {
            network.score_windows(self.checks(data))?.into_iter().flatten().flatten().collect()
        } else {
            network.score(self.checks(data))?.into_iter().flatten().collect()
        };
        let total: f32 = scored.iter().map(|s| s.symbol + s.length.unwrap_or(0.0)).sum();
        self.valid = total / scored.len().max(1) as f32;
        if self.valid.is_finite() && self.best.as_ref().is_none_or(|best| self.valid < best.0) {
            self.best = Some((self.valid, self.network.averaged()?));
        }
        Ok(())
    }

    fn asked<'a>(&'a self, weights: &'a Weights) -> Network<'a> {
        Network { sizes: self.sizes, weights, rows: self.rows.clone(), device: &self.device }
    }

    /// Gradients and losses of one part of a step's batch.
    fn shard(&self, data: &Dataset, shard: usize) -> Result<Sum<1>> {
        let counter = self.step * SHARDS as u64 + shard as u64;
        let size = self.options.batch() / SHARDS;
        let mut rng = random::stream(self.options.seed, counter);
        let music = self.music.get_or_init(|| self.music(data, Split::Train));
        let weights = self.network.weights();
        let losses = if self.is_tutorial() {
            self.windows(music, counter as usize * size, size, &weights, &mut rng)?
        } else {
            let mut lines = Vec::with_capacity(size);
            for index in 0..size {
                let genre = (counter as usize * size + index) % self.sizes.genres;
                let stretch = music.draw(genre, self.options.rendered, &mut rng);
                let stretch = stretch.context("a genre has no music to learn from")?;
                let mut line = self.line(&stretch, genre);
                let off: f32 = StandardNormal.sample(&mut rng);
                line.density *= (DENSITY_NOISE * off).exp2();
                lines.push(line);
            }
            let lines = Lines::new(&lines, self.sizes.genres, &self.device)?;
            let (drop, device) = (self.options.drop, &self.device);
            let mut mask = |shape: &[usize]| mask(shape, drop, &mut rng, device);
            let masks = if drop > 0.0 { Some(&mut mask as &mut dyn FnMut(&[usize]) -> _) } else { None };
            self.asked(&weights).losses(&lines, masks)?
        };
        let gradients = [self.network.gradients(&losses.sum_all()?.backward()?)?];
        let [symbol, length, held] = losses.to_vec1::<f32>()?[..] else {
            anyhow::bail!("the losses are {:?} where 3 are needed", losses.shape())
        };
        let losses =
            Losses::new([("symbol", symbol), ("length", length), ("held", held), ("valid", self.valid)]);
        Ok(Sum { gradients, losses })
    }

    /// The tutorial's losses of windows by chance, `[3]`; nothing is held.
    fn windows(
        &self,
        music: &Music,
        turn: usize,
        size: usize,
        weights: &Weights,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let mut drawn: Vec<(Line, usize)> = Vec::new();
        let mut tries = 0;
        while drawn.len() < size {
            let genre = (turn + drawn.len() + tries) % self.sizes.genres;
            tries += 1;
            anyhow::ensure!(tries < 1000 * size, "no song has {} symbols one after another", READ + 1);
            let Some(stretch) = music.draw(genre, self.options.rendered, rng) else { continue };
            let line = self.line(&stretch, genre);
            let last = line.events.len() - usize::from(line.cut).min(line.events.len());
            if last > READ {
                let start = rng.random_range(0..last - READ);
                drawn.push((line, start));
            }
        }
        let ahead = if self.options.target == Target::Inside { 1 } else { READ };
        let windows =
            Windows::new(drawn.iter().map(|(line, start)| (line, *start, start + ahead)), &self.device)?;
        let tutorial = Tutorial::new(self.sizes, weights, Ops::on(&self.device));
        let (symbols, lengths) = tutorial.forward(&windows.symbols, &windows.lengths)?;
        let symbols = surprise(&symbols, &windows.told)?.mean_all()?;
        let lengths = surprise(&lengths, &windows.told_lengths)?.mean_all()?;
        Ok(Tensor::stack(&[&symbols, &lengths, &lengths.zeros_like()?], 0)?)
    }
}

/// Weights whose forget gates begin open, so that memory is kept at first.
fn opened(weights: &Weights, units: usize) -> Result<Weights> {
    let mut all = Weights::new();
    for (name, tensor) in weights.iter() {
        let tensor = if name == "lstm.bias" {
            let bias = (0..4 * units).map(|gate| f32::from(u8::from(gate / units == 1)));
            Tensor::from_iter(bias, &Device::Cpu)?
        } else {
            tensor.detach()
        };
        all.insert(name.clone(), tensor);
    }
    Ok(all)
}

/// Drops numbers, and makes up for it.
pub(super) fn mask(
    shape: &[usize],
    drop: f32,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> candle_core::Result<Tensor> {
    let (kept, len) = (1.0 / (1.0 - drop), shape.iter().product::<usize>());
    let draws = (0..len).map(|_| if rng.random::<f32>() < drop { 0.0 } else { kept });
    Tensor::from_iter(draws, device)?.reshape(shape)
}

#[derive(Serialize, Deserialize)]
struct Header {
    options: WriterOptions,
    step: u64,
    genres: usize,
    valid: f32,
    best: Option<f32>,
}

/// Parts of the checkpoint: `weights`, the optimiser's, `average`, `book`, and the `best` weights.
impl Trainee for LstmRun {
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
        let this = &*self;
        let shards = core::shards(threads, |shard| this.shard(data, shard))?;
        let Sum { gradients: [mut gradients], losses } = core::sum(self.step + 1, shards)?;
        clip(&mut gradients, 1.0);
        let tutorial = self.is_tutorial();
        let schedule = Schedule::new(self.options.steps(), if tutorial { 0.0 } else { self.options.decay });
        let schedule = if tutorial { schedule } else { schedule.rising(100) };
        let rate = self.options.rate() * schedule.scale(self.step);
        let values = self.network.descend(&gradients, rate)?;
        if !tutorial {
            self.network.follow(&values, 0.005, self.step);
        }
        self.step += 1;
        if self.step.is_multiple_of(self.options.validate) || self.step == self.steps() {
            self.validate(data)?;
        }
        Ok(losses)
    }

    fn configuration(&self) -> serde_json::Value {
        serde_json::json!(self.options)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = serde_json::json!({
            OPTIONS: self.options,
            "step": self.step,
            "genres": self.sizes.genres,
            "valid": self.valid,
            "best": self.best.as_ref().map(|best| best.0),
        });
        let mut checkpoint = Checkpoint::new(NAME, header);
        self.network.save(&mut checkpoint)?;
        checkpoint.add("book", &self.symbols.weights()?);
        if let Some((_, best)) = &self.best {
            checkpoint.add("best", best);
        }
        Ok(checkpoint)
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        let bare = match &self.best {
            Some((_, best)) => best.clone(),
            None => self.network.averaged()?,
        };
        Ok((WriterFamily::from(self.sizes).into(), prefixed(&[bare, self.symbols.weights()?])))
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        let best = self.best.as_ref().map_or(f32::NAN, |best| best.0);
        let (network, optimiser) = if self.is_tutorial() {
            let target = if o.target == Target::Inside { ", the target inside the window" } else { "" };
            let time = if o.concat == Concat::Time { ", embeddings one after another" } else { "" };
            (format!("the tutorial's LSTM writer (windows of {READ} symbols{target}{time})"), "RMSprop")
        } else {
            let told = "told genre, place in the bar, density and what sounds";
            (format!("LSTM writer ({told}), dropout {}", o.drop), "Adam, betas 0.9 / 0.98,")
        };
        format!(
            "Writer: {network}, {} units, {} symbols of up to {} notes in C major or A minor, {} steps of \
             batch {}, {optimiser} {:e}, seed {}; weights of the best validation ({best:.3} nats an event) \
             of one each {} steps.",
            self.sizes.units,
            self.sizes.symbols,
            self.sizes.notes,
            self.step,
            o.batch(),
            o.rate(),
            o.seed,
            o.validate
        )
    }
}

/// A writer's weights as a pack calls them.
pub(super) fn prefixed(all: &[Weights]) -> Weights {
    let mut weights = Weights::new();
    for (name, tensor) in all.iter().flat_map(Weights::iter) {
        weights.insert(format!("{}{name}", model::Role::Writer.prefix()), tensor.clone());
    }
    weights
}
