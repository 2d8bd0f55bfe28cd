//! Phrases that are there more than once: within a split, where they only count double, and across splits and
//! genres, where they blur what is measured.

use std::collections::{HashMap, HashSet};

use phrase::STEPS;
use serde::Serialize;

use super::dataset::{Dataset, Split};

/// A genre's split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The genre's slot.
    pub genre: usize,
    /// The split.
    pub split: Split,
}

/// Phrases with the same sounding cells in two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shared {
    /// One place and another.
    pub places: [Place; 2],
    /// How many different phrases are in both.
    pub phrases: u64,
}

/// What is there more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Identical {
    /// Phrases that repeat an earlier one of the same split, by genre and split.
    pub within: Vec<[u64; 3]>,
    /// Places that have phrases in common.
    pub across: Vec<Shared>,
}

impl Identical {
    /// Looks for phrases with the same sounding cells.
    pub fn find(data: &Dataset) -> Self {
        const SPLITS: usize = Split::ALL.len();
        let places = data.items.len() * SPLITS;
        let mut counts: HashMap<&[u128; STEPS], Vec<u32>> = HashMap::new();
        for (genre, splits) in data.items.iter().enumerate() {
            for (split, items) in splits.iter().enumerate() {
                for item in items {
                    let counts = counts.entry(&item.roll.sounding).or_insert_with(|| vec![0; places]);
                    counts[genre * SPLITS + split] += 1;
                }
            }
        }
        let mut found = Self { within: vec![[0; SPLITS]; data.items.len()], across: Vec::new() };
        let mut shared = vec![0; places * places];
        for counts in counts.values() {
            let there: Vec<usize> = (0..places).filter(|&place| counts[place] > 0).collect();
            for (i, &a) in there.iter().enumerate() {
                found.within[a / SPLITS][a % SPLITS] += u64::from(counts[a] - 1);
                there[i + 1..].iter().for_each(|&b| shared[a * places + b] += 1);
            }
        }
        let place = |index: usize| Place { genre: index / SPLITS, split: Split::ALL[index % SPLITS] };
        for (index, &phrases) in shared.iter().enumerate().filter(|(_, phrases)| **phrases > 0) {
            found.across.push(Shared { places: [place(index / places), place(index % places)], phrases });
        }
        found
    }
}

/// Leaves out validation phrases that training has too, in whatever genre, and test phrases that training or
/// validation has: then all that is measured was never learned. Returns how many went, by genre.
pub fn drop_leaks(data: &mut Dataset) -> Vec<u64> {
    let mut dropped = vec![0; data.items.len()];
    let mut known: HashSet<[u128; STEPS]> = HashSet::new();
    for split in Split::ALL {
        if split != Split::Train {
            for (splits, dropped) in data.items.iter_mut().zip(&mut dropped) {
                let items = &mut splits[split as usize];
                let before = items.len();
                items.retain(|item| !known.contains(&item.roll.sounding));
                *dropped += (before - items.len()) as u64;
            }
        }
        let all = data.items.iter().flat_map(|splits| &splits[split as usize]);
        known.extend(all.map(|item| item.roll.sounding));
    }
    dropped
}
