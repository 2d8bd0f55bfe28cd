//! What lies between two phrases.

use std::collections::BTreeMap;

use anyhow::Result;
use model::spaces::beats::BEATS;
use phrase::{Key, Roll, mix};
use serde::Serialize;

use super::super::faults::{Interval, ratios};
use super::{Asked, Known, add, outside};

/// Points from one phrase to the other, both included.
const POINTS: usize = 11;
/// What a distance may fall by and still count as rising, as a share of the whole way: a tenth of a step.
const SLACK: f32 = 0.01;

/// Ways between pairs of phrases.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ways {
    /// Share of the pairs along whose points the distance to the first phrase rises and that to the second
    /// falls all the way: between the codes of what is heard, encoded anew.
    pub steady: Interval,
    /// The same for the share of the cells and onsets that differ.
    pub steady_cells: Interval,
    /// Share of single steps along which the cells do so.
    pub steps: Interval,
    /// Notes outside their key at the ends.
    pub outside_ends: Interval,
    /// Notes in the middle outside the key of the end that fits better.
    pub outside_middle: Interval,
    /// Notes in the middle outside the first end's key, where that key was told.
    pub outside_told: Interval,
}

/// Measures up to `pairs` pairs a genre, of works that differ: the space's ways, and those of phrases that
/// are mixed cell by cell, each cell changing over at a point of its own. `codes` are what the network itself
/// made of the phrases: distances are measured among them, and `bare` makes more of them where they are no
/// points.
pub(super) fn ways(
    asked: &mut Asked,
    bare: &mut Option<Asked>,
    all: &[Known],
    (points, codes): (&[Vec<f32>], &[Vec<f32>]),
    pairs: usize,
) -> Result<(Ways, Ways)> {
    let mut tally: BTreeMap<(usize, u64), [[[f64; 2]; 6]; 2]> = BTreeMap::new();
    for genre in 0..asked.genres {
        let own: Vec<usize> = (0..all.len()).filter(|&i| all[i].genre == genre).collect();
        let mut left = pairs;
        for (place, &a) in own.iter().enumerate() {
            // As far along the list as can be: songs are neighbours in it.
            let b = own[(place + own.len() / 2) % own.len()];
            if all[a].work == all[b].work || left == 0 {
                continue;
            }
            left -= 1;
            let ends = [all[a].roll, all[b].roll];
            let keys: Vec<Key> = ends.iter().filter_map(|roll| Key::of(roll)).collect();
            let way = |t: f32| -> Vec<f32> {
                points[a].iter().zip(&points[b]).map(|(a, b)| a + t * (b - a)).collect()
            };
            // As the plug-in asks: about as many notes as the ends have.
            let dense = |t: f32| density(ends[0]) + t * (density(ends[1]) - density(ends[0]));
            let mut written = Vec::new();
            let mut written_at = |t: f32, key: Option<Key>| {
                let near = [(1.0 - t, ends[0]), (t, ends[1])];
                asked.between(&way(t), &near, genre, key, dense(t))
            };
            for t in (0..POINTS).map(|i| i as f32 / (POINTS - 1) as f32) {
                written.push(written_at(t, None)?);
            }
            let told = written_at(0.5, keys.first().copied())?;
            let mixed: Vec<Roll> =
                (0..POINTS).map(|i| crossfade(ends, i as f32 / (POINTS - 1) as f32, a as u64)).collect();
            let middle = mixed[POINTS / 2];
            let sums = tally.entry(all[a].work).or_default();
            for (sums, (rolls, told)) in sums.iter_mut().zip([(written, told), (mixed, middle)]) {
                let mut heard = Vec::new();
                for roll in &rolls {
                    heard.push(bare.as_mut().unwrap_or(asked).point(roll)?);
                }
                let far = |from: &Vec<f32>| -> Vec<f32> { heard.iter().map(|x| distance(x, from)).collect() };
                let apart =
                    |end: &Roll| -> Vec<f32> { rolls.iter().map(|roll| differing(roll, end)).collect() };
                let (space, cells) = ([far(&codes[a]), far(&codes[b])], ends.map(apart));
                add(&mut sums[0], [f64::from(u8::from(steady(&space))), 1.0]);
                add(&mut sums[1], [f64::from(u8::from(steady(&cells))), 1.0]);
                add(&mut sums[2], steps(&cells));
                for (end, key) in ends.iter().zip(&keys) {
                    add(&mut sums[3], outside(end, &[*key]));
                }
                add(&mut sums[4], outside(&rolls[POINTS / 2], &keys));
                add(&mut sums[5], outside(&told, &keys[..keys.len().min(1)]));
            }
        }
    }
    let figures = |which: usize| {
        let works: Vec<[[f64; 2]; 6]> = tally.values().map(|both| both[which]).collect();
        let [steady, steady_cells, steps, outside_ends, outside_middle, outside_told] = ratios(&works);
        Ways { steady, steady_cells, steps, outside_ends, outside_middle, outside_told }
    };
    Ok((figures(0), figures(1)))
}

/// Whether the first row rises and the second falls.
fn steady([rising, falling]: &[Vec<f32>; 2]) -> bool {
    let slack = SLACK * rising[rising.len() - 1].max(falling[0]);
    rising.windows(2).all(|w| w[1] >= w[0] - slack) && falling.windows(2).all(|w| w[1] <= w[0] + slack)
}

/// How many of the steps do so, of how many.
fn steps([rising, falling]: &[Vec<f32>; 2]) -> [f64; 2] {
    let good = rising.windows(2).filter(|w| w[1] >= w[0]).count()
        + falling.windows(2).filter(|w| w[1] <= w[0]).count();
    [good as f64, 2.0 * (POINTS - 1) as f64]
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

/// 1 less the share of the cells that sound, and of the onsets, that two phrases have in common (Dice's): 0
/// for the same phrase, 1 where nothing is shared.
fn differing(a: &Roll, b: &Roll) -> f32 {
    let (mut both, mut all) = (0, 0);
    for (a, b) in [(&a.sounding, &b.sounding), (&a.onset, &b.onset)] {
        for (a, b) in a.iter().zip(b) {
            both += 2 * (a & b).count_ones();
            all += a.count_ones() + b.count_ones();
        }
    }
    1.0 - both as f32 / all.max(1) as f32
}

/// Notes that start in a beat.
fn density(roll: &Roll) -> f32 {
    roll.onsets() as f32 / BEATS as f32
}

/// Of each note the first phrase's until its own point of the way, then the second's.
fn crossfade([a, b]: [&Roll; 2], t: f32, seed: u64) -> Roll {
    let mut roll = Roll::EMPTY;
    let unit = |note: u64| (mix(seed ^ mix(note)) >> 40) as f32 / (1u64 << 24) as f32;
    for (which, source) in [(0, a), (1, b)] {
        for note in source.notes() {
            let own = (which << 32 | note.start << 8 | note.row) as u64;
            if (unit(own) < t) != (which == 1) {
                continue;
            }
            for step in note.start..note.end() {
                roll.sounding[step] |= 1 << note.row;
            }
            roll.onset[note.start] |= 1 << note.row;
        }
    }
    roll
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_goes_from_one_phrase_to_the_other() {
        let a = Roll::from_cells(|step, row| row == 30 + step / 4);
        let b = Roll::from_cells(|step, row| row == 60 - step / 4);
        let way: Vec<Roll> = (0..=10).map(|i| crossfade([&a, &b], i as f32 / 10.0, 1)).collect();
        assert_eq!((way[0], way[10]), (a, b));
        let far = [&a, &b].map(|end| way.iter().map(|roll| differing(roll, end)).collect::<Vec<_>>());
        assert!(steady(&far) && steps(&far) == [20.0, 20.0], "{far:?}");
        assert!(far[0][5] > 0.2 && far[1][5] > 0.2);
        let back = far.map(|row| row.into_iter().rev().collect());
        assert!(!steady(&back));
    }
}
