//! What dynamics are worth, on songs that nobody trained on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use candle_core::Device;
use model::touch::{Touch, TouchConfig, UNIT, batch};
use model::{Ops, Pack, Role, Weights};
use phrase::STEPS;
use rand::Rng;

use super::rivals::{Regression, neighbours};
use super::takes::{Take, mean, takes};
use super::{Told, identity};
use crate::dataset::{Dataset, Split};
use crate::random;

/// Takes of a split that are looked at, at most.
const MOST: usize = 1500;

/// Figures of one genre. Errors are mean squares of velocities from 0 to 127, each phrase's mean taken off
/// unless said otherwise.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The genre.
    pub genre: String,
    /// Phrases and songs that were measured.
    pub counts: [usize; 2],
    /// Of the network.
    pub error: f64,
    /// Of nothing but the mean.
    pub of_mean: f64,
    /// Of the linear regression.
    pub of_regression: f64,
    /// Of the network told to play another genre, by genre; its own is its own.
    pub heads: Vec<f64>,
    /// Correlation inside songs, the mean over songs.
    pub r: f64,
    /// With half of the notes told, of the others: the network's, the neighbours' rule's.
    pub half: [f64; 2],
    /// With the top line told, of the others: the same.
    pub tune: [f64; 2],
    /// Mean square error of velocities from 0 to 1 after a way to each other genre and back.
    pub loop_back: f64,
    /// Standard deviation inside phrases of what is played, over that of the network's as it is played.
    pub deviations: [f64; 2],
}

/// Figures of all genres, and how long a phrase takes.
#[derive(Clone, Debug)]
pub struct Measured {
    /// By genre.
    pub genres: Vec<Figures>,
    /// The mean over the phrases.
    pub cost: Duration,
}

/// Predictions for notes by what is told; scaled or not is the caller's matter.
struct Network<'a> {
    config: TouchConfig,
    touch: Touch<'a>,
}

impl<'a> Network<'a> {
    fn new(config: &TouchConfig, weights: &'a Weights) -> Self {
        Self { config: *config, touch: Touch::new(*config, weights, Ops::KERNELS) }
    }

    /// Velocities, 0..=1, of the notes of a take by a genre's head, knowing the phrase's level, and `told`.
    fn play(&self, take: &Take, told: Option<&Told>, shares: &[f32]) -> Result<Vec<f32>> {
        let relative = self.config.is_relative();
        let known = match told {
            Some(told) if relative => told.known.clone(),
            None if !relative && self.config.hears => {
                take.notes.iter().zip(&take.velocities).map(|(note, v)| (note.0, note.1, *v)).collect()
            }
            _ => Vec::new(),
        };
        let read = batch(&self.config, &[(&take.score, &take.notes[..], &known[..], shares)], &Device::Cpu)?;
        let out = self.touch.forward(&read, None)?;
        if relative {
            let base = told.map_or(take.level(), |told| told.base);
            return Ok(out.to_vec1::<f32>()?.into_iter().map(|value| base + UNIT * value).collect());
        }
        let keys = out.squeeze(0)?.to_vec2::<f32>()?;
        Ok(take.notes.iter().map(|&(step, key)| keys[step][key]).collect())
    }
}

fn some(data: &Dataset, genre: usize, split: Split) -> Result<Vec<Take>> {
    let (mut all, _) = takes(data, genre, split, STEPS)?;
    // Spread over the songs.
    let every = all.len().div_ceil(MOST).max(1);
    let mut index = 0;
    all.retain(|_| {
        index += 1;
        index % every == 0
    });
    Ok(all)
}

/// Half of a take's notes, the same for all that are measured.
fn half(take: &Take, number: usize) -> Vec<bool> {
    let mut rng = random::stream(7, number as u64);
    take.notes.iter().map(|_| rng.random()).collect()
}

fn top_line(take: &Take) -> Vec<bool> {
    take.notes.iter().map(|&(step, key)| take.score.held[step] >> key == 1).collect()
}

fn centred(values: &[f32]) -> Vec<f32> {
    let level = mean(values);
    values.iter().map(|value| value - level).collect()
}

/// What predictions are multiplied by, so that they deviate as players do: `[genres][nothing told, half
/// told]`, from the songs for choosing.
///
/// # Errors
/// When the network cannot compute.
pub fn scale(config: &TouchConfig, weights: &Weights, data: &Dataset) -> Result<Vec<f32>> {
    let network = Network::new(config, weights);
    let shares = identity(config.genres);
    let mut scales = Vec::new();
    for (genre, shares) in shares.iter().enumerate() {
        let takes = some(data, genre, Split::Valid).or_else(|_| some(data, genre, Split::Train))?;
        let mut sums = [[0.0f64; 2]; 2];
        for (number, take) in takes.iter().enumerate() {
            let told = Told::of(take, &half(take, number));
            let blind = centred(&network.play(take, None, shares)?);
            let seen = network.play(take, Some(&told), shares)?;
            for (own, blind) in centred(&take.velocities).iter().zip(&blind) {
                sums[0][0] += f64::from(own * own);
                sums[0][1] += f64::from(blind * blind);
            }
            for ((own, seen), hidden) in take.velocities.iter().zip(&seen).zip(&told.hidden) {
                sums[1][0] += f64::from(hidden * (own - told.base).powi(2));
                sums[1][1] += f64::from(hidden * (seen - told.base).powi(2));
            }
        }
        scales.extend(sums.map(|[own, said]| (own / said.max(1e-9)).sqrt().clamp(1.0, 2.5) as f32));
    }
    Ok(scales)
}

/// Measures a network on the test songs.
///
/// # Errors
/// When the network cannot compute or a genre is flat.
pub fn measure(config: &TouchConfig, weights: &Weights, data: &Dataset) -> Result<Measured> {
    let network = Network::new(config, weights);
    let shares = identity(config.genres);
    let scales = weights.get("scale", &[config.genres, 2])?.to_vec2::<f32>()?;
    let mut genres = Vec::new();
    let (mut spent, mut asked) = (Duration::ZERO, 0u32);
    for genre in 0..config.genres {
        let regression = Regression::fit(&some(data, genre, Split::Train)?);
        let takes = some(data, genre, Split::Test)?;
        let songs: BTreeSet<u32> = takes.iter().map(|take| take.song).collect();
        let mut sums = Sums::new(config.genres);
        for (number, take) in takes.iter().enumerate() {
            let own = centred(&take.velocities);
            let begun = Instant::now();
            let played = network.play(take, None, &shares[genre])?;
            (spent, asked) = (spent + begun.elapsed(), asked + 1);
            let said = centred(&played);
            sums.notes += own.len() as f64;
            sums.of_mean += square(&own, &vec![0.0; own.len()]);
            sums.of_regression += square(&own, &centred(&regression.predict(take)));
            sums.said += square(&said, &vec![0.0; own.len()]);
            for (head, sum) in sums.heads.iter_mut().enumerate() {
                *sum += match head == genre {
                    true => square(&own, &said),
                    false => square(&own, &centred(&network.play(take, None, &shares[head])?)),
                };
            }
            // There and back: where velocities are not heard, the way there changes nothing.
            let mut back = played.clone();
            if !config.is_relative() && config.hears {
                let there = network.play(take, None, &shares[(genre + 1) % config.genres])?;
                let turned = Take { velocities: there, ..take.clone() };
                back = network.play(&turned, None, &shares[genre])?;
            }
            sums.loop_back += square(&take.velocities, &back);
            let by_song = sums.songs.entry(take.song).or_default();
            own.iter().zip(&said).for_each(|(a, b)| by_song.add(*a, *b));
            for (told, sum) in [half(take, number), top_line(take)].iter().zip(&mut sums.told) {
                let hidden = told.iter().filter(|told| !**told).count();
                if hidden == 0 || hidden == told.len() {
                    continue;
                }
                let told_of = Told::of(take, told);
                let said =
                    network.play(take, Some(&told_of).filter(|_| config.is_relative()), &shares[genre])?;
                let rule = neighbours(take, told);
                for ((own, said), rule) in take.velocities.iter().zip(&said).zip(&rule) {
                    let Some(rule) = rule else { continue };
                    sum[0] += f64::from(own - said).powi(2);
                    sum[1] += f64::from(own - rule).powi(2);
                    sum[2] += 1.0;
                }
            }
        }
        let name = data.info.genres[genre].name.clone();
        genres.push(sums.figures(name, genre, [takes.len(), songs.len()], scales[genre][0]));
    }
    Ok(Measured { genres, cost: spent / asked.max(1) })
}

/// Measures a pack's dynamics on a dataset's test songs; `None` where it has none or the dataset knows no
/// played velocities of all its genres.
///
/// # Errors
/// When the network cannot compute.
pub fn of_pack(pack: &Pack, data: &Dataset) -> Result<Option<Measured>> {
    let Some(config) = pack.card.parts.dynamics else { return Ok(None) };
    let known = pack.card.genres == data.genres() && data.has_notes();
    let flat = || (0..config.genres).any(|genre| some(data, genre, Split::Test).is_err());
    if !known || flat() {
        return Ok(None);
    }
    measure(&config, &pack.weights.part(Role::Dynamics), data).map(Some)
}

fn square(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

#[derive(Default)]
struct Pairs {
    n: f64,
    sums: [f64; 5],
}

impl Pairs {
    fn add(&mut self, a: f32, b: f32) {
        let (a, b) = (f64::from(a), f64::from(b));
        self.n += 1.0;
        self.sums.iter_mut().zip([a, b, a * a, b * b, a * b]).for_each(|(sum, more)| *sum += more);
    }

    fn r(&self) -> Option<f64> {
        let [a, b, aa, bb, ab] = self.sums.map(|sum| sum / self.n.max(1.0));
        let (va, vb) = (aa - a * a, bb - b * b);
        (self.n > 20.0 && va > 1e-9 && vb > 1e-9).then(|| (ab - a * b) / (va * vb).sqrt())
    }
}

struct Sums {
    notes: f64,
    of_mean: f64,
    of_regression: f64,
    said: f64,
    heads: Vec<f64>,
    loop_back: f64,
    songs: BTreeMap<u32, Pairs>,
    told: [[f64; 3]; 2],
}

impl Sums {
    fn new(genres: usize) -> Self {
        Self {
            notes: 0.0,
            of_mean: 0.0,
            of_regression: 0.0,
            said: 0.0,
            heads: vec![0.0; genres],
            loop_back: 0.0,
            songs: BTreeMap::new(),
            told: [[0.0; 3]; 2],
        }
    }

    fn figures(&self, genre: String, own: usize, counts: [usize; 2], scale: f32) -> Figures {
        let n = self.notes.max(1.0);
        let midi = |sum: f64| sum / n * 127.0 * 127.0;
        let told = |sums: &[f64; 3]| [0, 1].map(|i| sums[i] / sums[2].max(1.0) * 127.0 * 127.0);
        let r: Vec<f64> = self.songs.values().filter_map(Pairs::r).collect();
        Figures {
            genre,
            counts,
            error: midi(self.heads[own]),
            of_mean: midi(self.of_mean),
            of_regression: midi(self.of_regression),
            heads: self.heads.iter().map(|sum| midi(*sum)).collect(),
            r: r.iter().sum::<f64>() / r.len().max(1) as f64,
            half: told(&self.told[0]),
            tune: told(&self.told[1]),
            loop_back: self.loop_back / n,
            deviations: [midi(self.of_mean).sqrt(), midi(self.said).sqrt() * f64::from(scale)],
        }
    }
}

impl Measured {
    /// By name, for a card.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        for of in &self.genres {
            let mut add = |name: &str, value: f64| all.insert(format!("dynamics_{name}.{}", of.genre), value);
            add("error", of.error);
            add("error_of_regression", of.of_regression);
            add("r", of.r);
            add("error_half_told", of.half[0]);
            add("error_of_neighbours", of.half[1]);
            add("loop_back", of.loop_back);
            add("deviation", of.deviations[1]);
        }
        all
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "dynamics, mean square error of velocities (0 to 127) inside phrases of songs held back\n{:<10} \
             {:>12} {:>7} {:>7} {:>7} {:>5} {:>15} {:>15} {:>9} {:>13}  other heads\n",
            "genre",
            "phrases",
            "mean",
            "linear",
            "network",
            "r",
            "half told/rule",
            "tune told/rule",
            "loop",
            "sd own/said"
        );
        for of in &self.genres {
            let heads: Vec<String> = of.heads.iter().map(|error| format!("{error:.0}")).collect();
            text += &format!(
                "{:<10} {:>6}/{:<5} {:>7.1} {:>7.1} {:>7.1} {:>5.2} {:>7.1}/{:<7.1} {:>7.1}/{:<7.1} {:>9.5} \
                 {:>6.1}/{:<6.1}  {}\n",
                of.genre,
                of.counts[0],
                of.counts[1],
                of.of_mean,
                of.of_regression,
                of.error,
                of.r,
                of.half[0],
                of.half[1],
                of.tune[0],
                of.tune[1],
                of.loop_back,
                of.deviations[0],
                of.deviations[1],
                heads.join(" ")
            );
        }
        text + &format!("{:.2} ms a phrase\n", 1e3 * self.cost.as_secs_f64())
    }
}
