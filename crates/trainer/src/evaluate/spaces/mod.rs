//! A pack's space in figures: does a phrase come back, what lies between two, what does chance make, how far
//! is a variation. Each beside a baseline, with 95 % intervals over works.

mod looks;
mod table;
mod ways;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use model::spaces::beats::{BEATS, Beats};
use model::{Answer, Ask, Pack, Role, Space, SpaceFamily};
use phrase::{Key, Roll};
use serde::Serialize;

use super::faults::{Interval, ratios};
use super::judge::places;
use super::{EvaluateOptions, limited};
use crate::dataset::{Dataset, Item, Split};
use crate::random;
use looks::{Looks, look};
use ways::{Ways, ways};

/// Phrases a genre, where `--limit` names no other number.
const PHRASES: usize = 200;
/// Pairs a genre that are gone between, and draws a genre.
const PAIRS: usize = 100;
/// Phrases of a genre that are kept as samples.
const SAMPLES: usize = 2;
/// A number of a code is active whose variance over phrases is more (Burda et al., 2016).
const ACTIVE: f64 = 0.01;
/// Distances at which variations are measured.
const DISTANCES: [f32; 3] = [0.5, 1.0, 2.0];

/// What is told of a space.
#[derive(Clone, Debug, Serialize)]
pub struct SpaceMeasured {
    /// Which songs.
    pub split: Split,
    /// Which network.
    pub family: &'static str,
    /// Phrases that were encoded.
    pub phrases: usize,
    /// Onset F1 of phrases and of what comes out of their points.
    pub reconstruction: Interval,
    /// The same where the phrase's key was told, as the plug-in does.
    pub told: Interval,
    /// The same where the point is that of the next phrase of the same list: what chance would give.
    pub another: Interval,
    /// Numbers of the codes that differ between phrases, of how many.
    pub active: [usize; 2],
    /// Eleven points from a phrase to one of another work.
    pub between: Ways,
    /// The same phrases mixed cell by cell.
    pub mixed: Ways,
    /// Real phrases.
    pub real: Looks,
    /// Phrases of points that are drawn: as real points lie, and from the standard normal distribution of the
    /// codes, where the two differ.
    pub drawn: Vec<(&'static str, Looks)>,
    /// Variations by distance: onset F1 with their phrase, and notes outside its key.
    pub variations: Vec<Variation>,
    /// By genre, of some: a phrase, what comes back, a variation at a distance of 1, and the point half way
    /// to a phrase of another work.
    #[serde(skip)]
    pub samples: Vec<(String, [Roll; 4])>,
}

/// Variations at a distance.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Variation {
    /// In spreads.
    pub distance: f32,
    /// Onset F1 with what the phrase's own point gives.
    pub alike: Interval,
    /// Share of the notes outside the phrase's key.
    pub outside: Interval,
}

/// A phrase that is measured.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) roll: &'a Roll,
    pub(super) genre: usize,
    pub(super) work: (usize, u64),
}

/// A space with what it is asked.
pub(super) struct Asked {
    pub(super) space: Box<dyn Space>,
    pub(super) genres: usize,
}

impl Asked {
    pub(super) fn point(&mut self, roll: &Roll) -> Result<Vec<f32>> {
        let mut point = vec![0.0; self.space.dims()];
        self.space.encode(roll, &mut point)?;
        Ok(point)
    }

    /// The phrase of a point; `density` notes a beat, 0 where that is left to the point.
    pub(super) fn phrase(
        &mut self,
        point: &[f32],
        genre: usize,
        key: Option<Key>,
        density: f32,
    ) -> Result<Roll> {
        self.between(point, &[], genre, key, density)
    }

    /// The same of a point that lies between phrases, with their shares.
    pub(super) fn between(
        &mut self,
        point: &[f32],
        near: &[(f32, &Roll)],
        genre: usize,
        key: Option<Key>,
        density: f32,
    ) -> Result<Roll> {
        let shares: Vec<f32> = (0..self.genres).map(|other| f32::from(u8::from(other == genre))).collect();
        let ask = Ask { shares: &shares, key, density, position: 0, seed: 1, near };
        let mut answer = Answer::default();
        self.space.decode(point, &ask, &mut answer)?;
        Ok(answer.cells)
    }
}

/// Measures a pack's space, if it has one, on the genres of `data` that it has.
///
/// # Errors
/// When the dataset lacks a genre of the pack or phrases of it in the split.
pub fn of_pack(pack: &Pack, data: &Dataset, options: &EvaluateOptions) -> Result<Option<SpaceMeasured>> {
    let Some(family) = &pack.card.parts.space else { return Ok(None) };
    let genres = pack.card.genres.clone();
    let own = places(&data.genres(), &genres).context("the dataset does not fit the pack")?;
    let limit = if options.limit == 0 { PHRASES } else { options.limit };
    let mut all: Vec<Known> = Vec::new();
    for (genre, &place) in own.iter().enumerate() {
        let items: Vec<&Item> = data.split(place, options.split).iter().collect();
        ensure!(
            items.len() > 1,
            "the dataset's {} split has too few phrases of {}; choose another with --split",
            options.split.name(),
            genres[genre]
        );
        all.extend(limited::spread(items, limit).into_iter().map(|item| Known {
            roll: &item.roll,
            genre,
            work: (genre, data.work(place, item.song)),
        }));
    }
    let weights = pack.weights.part(Role::Space);
    let build = || family.sizes().build(&weights, genres.len());
    let mut asked = Asked { space: build()?, genres: genres.len() };
    let points: Vec<Vec<f32>> = all.iter().map(|known| asked.point(known.roll)).collect::<Result<_>>()?;

    let mut tally: BTreeMap<(usize, u64), [[f64; 2]; 3]> = BTreeMap::new();
    let mut again = Vec::new();
    for (index, known) in all.iter().enumerate() {
        let other = &all[(index + 1) % all.len()];
        let roll = asked.phrase(&points[index], known.genre, None, 0.0)?;
        let told = asked.phrase(&points[index], known.genre, Key::of(known.roll), 0.0)?;
        let sums = tally.entry(known.work).or_default();
        for (sum, heard) in sums.iter_mut().zip([&roll, &told, other.roll]) {
            add(sum, onsets(known.roll, heard));
        }
        again.push(roll);
    }
    let [reconstruction, told, another] = ratios(&tally.into_values().collect::<Vec<_>>());

    // A framed point has a spread of 1 by construction: the codes are what the network made.
    let mut bare: Option<Asked> = match family {
        SpaceFamily::Beats(config) => {
            let space = Beats::unframed(*config, &weights)?;
            Some(Asked { space: Box::new(space), genres: genres.len() })
        }
        #[allow(unreachable_patterns, reason = "other families' points are their codes")]
        _ => None,
    };
    let codes = match &mut bare {
        Some(bare) => all.iter().map(|known| bare.point(known.roll)).collect::<Result<_>>()?,
        None => points.clone(),
    };

    let (between, mixed) = ways(&mut asked, &mut bare, &all, (&points, &codes), PAIRS)?;
    let real = looks::of(&all.iter().map(|known| look(known.roll)).collect::<Vec<_>>());
    let mut drawn = vec![("as real points lie", draws(&mut asked)?)];
    if let Some(bare) = &mut bare {
        drawn.push(("standard normal codes", draws(bare)?));
    }
    let samples = samples(&mut asked, &all, &points, &genres)?;
    let variations = DISTANCES.map(|distance| varied(&mut asked, &all, &points, &again, distance));
    Ok(Some(SpaceMeasured {
        split: options.split,
        family: family.name(),
        phrases: all.len(),
        reconstruction,
        told,
        another,
        active: active(&codes),
        between,
        mixed,
        real,
        drawn,
        variations: variations.into_iter().collect::<Result<_>>()?,
        samples,
    }))
}

impl SpaceMeasured {
    /// The figures by name, for a card.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let [active, all] = self.active.map(|count| count as f64);
        let all = [
            ("space_onset_f1", self.reconstruction.value),
            ("space_active", active / all),
            ("space_steady", self.between.steady.value),
            ("space_steady_cells", self.between.steady_cells.value),
            ("space_out_of_key_ends", self.between.outside_ends.value),
            ("space_out_of_key_middle", self.between.outside_middle.value),
        ];
        // JSON knows no other numbers.
        let finite = all.into_iter().filter(|(_, value)| value.is_finite());
        finite.map(|(name, value)| (name.to_string(), (value * 1e4).round() / 1e4)).collect()
    }
}

/// The first phrases of each genre and what lies around them; see [`SpaceMeasured::samples`].
fn samples(
    asked: &mut Asked,
    all: &[Known],
    points: &[Vec<f32>],
    genres: &[String],
) -> Result<Vec<(String, [Roll; 4])>> {
    let mut rng = random::stream(1, 3);
    let mut samples = Vec::new();
    for (genre, name) in genres.iter().enumerate() {
        let own: Vec<usize> = (0..all.len()).filter(|&index| all[index].genre == genre).collect();
        for &index in own.iter().step_by((own.len() / SAMPLES).max(1)).take(SAMPLES) {
            let (known, point) = (&all[index], &points[index]);
            // As far along the list as can be: songs are neighbours in it.
            let far = (0..all.len()).map(|step| (index + all.len() / 2 + step) % all.len());
            let other = far.into_iter().find(|&other| all[other].work != known.work).unwrap_or(index);
            let other = &points[other];
            let reach = asked.space.spread();
            let noise = random::normal(&mut rng, point.len());
            let varied: Vec<f32> = point.iter().zip(noise).map(|(x, noise)| x + reach * noise).collect();
            let half: Vec<f32> = point.iter().zip(other).map(|(a, b)| (a + b) / 2.0).collect();
            let key = Key::of(known.roll);
            let mut heard = |point: &[f32]| asked.phrase(point, genre, key, 0.0);
            let rolls = [*known.roll, heard(point)?, heard(&varied)?, heard(&half)?];
            samples.push((name.clone(), rolls));
        }
    }
    Ok(samples)
}

/// How many numbers vary over points, of how many.
fn active(points: &[Vec<f32>]) -> [usize; 2] {
    let dims = points.first().map_or(0, Vec::len);
    let count = points.len() as f64;
    let varies = |&i: &usize| {
        let mean = points.iter().map(|point| f64::from(point[i])).sum::<f64>() / count;
        points.iter().map(|point| (f64::from(point[i]) - mean).powi(2)).sum::<f64>() / count > ACTIVE
    };
    [(0..dims).filter(varies).count(), dims]
}

/// What draws from the standard normal distribution sound like.
fn draws(asked: &mut Asked) -> Result<Looks> {
    let mut rng = random::stream(1, 1);
    let mut all = Vec::new();
    for index in 0..PAIRS * asked.genres {
        let point = random::normal(&mut rng, asked.space.dims());
        all.push(look(&asked.phrase(&point, index % asked.genres, None, 0.0)?));
    }
    Ok(looks::of(&all))
}

/// Variations of every second phrase at a distance.
fn varied(
    asked: &mut Asked,
    all: &[Known],
    points: &[Vec<f32>],
    again: &[Roll],
    distance: f32,
) -> Result<Variation> {
    let mut rng = random::stream(1, 2);
    let reach = distance * asked.space.spread();
    let mut tally: BTreeMap<(usize, u64), [[f64; 2]; 2]> = BTreeMap::new();
    for (index, known) in all.iter().enumerate().step_by(2) {
        let noise = random::normal(&mut rng, asked.space.dims());
        let point: Vec<f32> = points[index].iter().zip(noise).map(|(x, noise)| x + reach * noise).collect();
        let key = Key::of(known.roll);
        let density = known.roll.onsets() as f32 / BEATS as f32;
        let roll = asked.phrase(&point, known.genre, key, density)?;
        let sums = tally.entry(known.work).or_default();
        add(&mut sums[0], onsets(&again[index], &roll));
        if let Some(key) = key {
            add(&mut sums[1], outside(&roll, &[key]));
        }
    }
    let [alike, outside] = ratios(&tally.into_values().collect::<Vec<_>>());
    Ok(Variation { distance, alike, outside })
}

fn add(sum: &mut [f64; 2], more: [f64; 2]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// Twice the onsets that two phrases share, and all of both: their quotient is F1. What sounds on a phrase's
/// first step starts there.
pub(super) fn onsets(a: &Roll, b: &Roll) -> [f64; 2] {
    let starts = |roll: &Roll, step: usize| match step {
        0 => roll.sounding[0],
        _ => roll.sounding[step] & (roll.onset[step] | !roll.sounding[step - 1]),
    };
    let (mut both, mut all) = (0, 0);
    for step in 0..phrase::STEPS {
        let (a, b) = (starts(a, step), starts(b, step));
        both += 2 * (a & b).count_ones();
        all += a.count_ones() + b.count_ones();
    }
    [f64::from(both), f64::from(all)]
}

/// Notes outside a key, and all; of several keys, that which has the fewest.
pub(super) fn outside(roll: &Roll, keys: &[Key]) -> [f64; 2] {
    let notes = roll.notes().count() as f64;
    let share = keys.iter().map(|key| f64::from(phrase::out_of_key(roll, key))).fold(1.0, f64::min);
    [share * notes, notes]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onsets_are_shared_by_step_and_pitch() {
        let long = Roll::from_cells(|step, row| row == 40 && step < 8);
        let mut twice = long;
        twice.onset[4] = 1 << 40;
        assert_eq!(onsets(&long, &long), [2.0, 2.0]);
        assert_eq!(onsets(&long, &twice), [2.0, 3.0]);
        // Tied in from before: it starts here, for nothing was before.
        let mut tied = long;
        tied.onset[0] = 0;
        assert_eq!(onsets(&long, &tied), [2.0, 2.0]);
        assert_eq!(onsets(&Roll::EMPTY, &long), [0.0, 1.0]);
    }

    #[test]
    fn numbers_that_stand_still_are_not_active() {
        let points: Vec<Vec<f32>> =
            (0..50).map(|i| vec![(i as f32).sin(), 3.0, 0.01 * i as f32 / 50.0]).collect();
        assert_eq!(active(&points), [1, 3]);
    }
}
