//! Fewer phrases than there are.

use std::collections::{BTreeMap, BTreeSet};

use phrase::mix;

/// At most `limit` of `all`, evenly spread; all of them where it is 0.
pub fn spread<T>(all: Vec<T>, limit: usize) -> Vec<T> {
    let stride = if limit == 0 { 1 } else { all.len().div_ceil(limit).max(1) };
    all.into_iter().step_by(stride).collect()
}

/// Whole songs of `all`, in order, until they have `limit` phrases; all of them where it is 0. Which songs
/// depends on their numbers alone: they are drawn by a hash, so that versions of one work, which are
/// neighbours, are not drawn by rote.
pub fn songs<T>(all: Vec<T>, limit: usize, song: impl Fn(&T) -> u32) -> Vec<T> {
    if limit == 0 || all.len() <= limit {
        return all;
    }
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    all.iter().for_each(|item| *counts.entry(song(item)).or_default() += 1);
    let mut drawn: Vec<_> = counts.into_iter().collect();
    drawn.sort_by_key(|(song, _)| mix(u64::from(*song)));
    let mut phrases = 0;
    let enough = |(_, count): &(u32, usize)| {
        let wanted = phrases < limit;
        phrases += count;
        wanted
    };
    let kept: BTreeSet<u32> = drawn.into_iter().take_while(enough).map(|(song, _)| song).collect();
    all.into_iter().filter(|item| kept.contains(&song(item))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn songs_stay_whole_and_in_order() {
        let all: Vec<(u32, u32)> =
            (0..20).flat_map(|song| (0..5).map(move |phrase| (song, phrase))).collect();
        let some = songs(all.clone(), 23, |item| item.0);
        assert_eq!(some.len(), 25);
        assert!(some.is_sorted());
        let kept: BTreeSet<u32> = some.iter().map(|item| item.0).collect();
        assert_eq!(kept.len(), 5);
        assert!(kept.iter().any(|song| *song >= 10), "drawn from all of them");
        assert_eq!(songs(all.clone(), 0, |item| item.0), all);
        assert_eq!(spread(all, 23).len(), 20);
    }
}
