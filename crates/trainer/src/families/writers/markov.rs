//! The model that counts: how often a symbol followed the three before it, backing off to two, to one, to
//! none (Witten and Bell, 1991). What networks must beat.

use std::collections::HashMap;

/// Symbols that are looked back at.
pub const ORDER: usize = 3;

/// What followed a context.
#[derive(Clone, Debug, Default)]
struct Followers {
    total: u32,
    counts: HashMap<u32, u32>,
}

/// Counts by context, of contexts of each length.
#[derive(Clone, Debug, Default)]
pub struct Markov {
    contexts: Vec<HashMap<Vec<u32>, Followers>>,
    /// How many different ones there may be.
    kinds: usize,
}

impl Markov {
    /// Of `kinds` different symbols, nothing counted yet.
    pub fn new(kinds: usize) -> Self {
        Self { contexts: vec![HashMap::new(); ORDER + 1], kinds }
    }

    /// Counts that `next` followed `before`, of which the last three count.
    pub fn count(&mut self, before: &[u32], next: u32) {
        for (length, contexts) in self.contexts.iter_mut().enumerate().take(before.len() + 1) {
            let context = before[before.len() - length..].to_vec();
            let followers = contexts.entry(context).or_default();
            followers.total += 1;
            *followers.counts.entry(next).or_insert(0) += 1;
        }
    }

    /// What followed the contexts of `before`, shortest context first.
    fn followers<'a>(&'a self, before: &'a [u32]) -> impl DoubleEndedIterator<Item = &'a Followers> {
        (0..=ORDER.min(before.len()))
            .filter_map(|length| self.contexts[length].get(&before[before.len() - length..]))
    }

    /// How likely `next` is after `before`: what each context says, backed by what shorter ones say, and all
    /// by `rest`.
    pub fn backed(&self, before: &[u32], next: u32, rest: f64) -> f64 {
        self.followers(before).fold(rest, |rest, followers| {
            let seen = followers.counts.get(&next).copied().unwrap_or(0);
            let kinds = followers.counts.len() as f64;
            (f64::from(seen) + kinds * rest) / (f64::from(followers.total) + kinds)
        })
    }

    /// The same, backed by all being equally likely.
    pub fn likelihood(&self, before: &[u32], next: u32) -> f64 {
        self.backed(before, next, 1.0 / self.kinds.max(1) as f64)
    }

    /// All that ever followed the contexts of one or more, and the most frequent of all: one of these is the
    /// likeliest.
    pub fn candidates(&self, before: &[u32]) -> Vec<u32> {
        let mut all: Vec<u32> =
            self.followers(before).skip(1).flat_map(|followers| followers.counts.keys().copied()).collect();
        if let Some(any) = self.contexts[0].get(&[][..]) {
            let mut frequent: Vec<(u32, u32)> = any.counts.iter().map(|(s, count)| (*count, *s)).collect();
            frequent.sort_unstable_by(|a, b| b.cmp(a));
            all.extend(frequent.iter().take(8).map(|(_, symbol)| *symbol));
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A genre's own counts backed by those of all genres.
#[derive(Clone, Debug)]
pub struct Genres {
    all: Markov,
    genres: Vec<Markov>,
}

impl Genres {
    /// Of `kinds` different symbols and some genres.
    pub fn new(kinds: usize, genres: usize) -> Self {
        Self { all: Markov::new(kinds), genres: vec![Markov::new(kinds); genres] }
    }

    /// Counts that `next` followed `before` in a genre.
    pub fn count(&mut self, genre: usize, before: &[u32], next: u32) {
        self.all.count(before, next);
        self.genres[genre].count(before, next);
    }

    /// How likely `next` is after `before`.
    pub fn likelihood(&self, genre: usize, before: &[u32], next: u32) -> f64 {
        self.genres[genre].backed(before, next, self.all.likelihood(before, next))
    }

    /// The likeliest after `before`.
    pub fn likeliest(&self, genre: usize, before: &[u32]) -> Option<u32> {
        let likely = |symbol: &u32| self.likelihood(genre, before, *symbol);
        self.candidates(genre, before)
            .into_iter()
            .max_by(|a, b| likely(a).total_cmp(&likely(b)).then(b.cmp(a)))
    }

    /// One of those that ever followed, by how likely they are.
    pub fn draw(&self, genre: usize, before: &[u32], chance: f64) -> Option<u32> {
        let all = self.candidates(genre, before);
        let weights: Vec<f64> = all.iter().map(|symbol| self.likelihood(genre, before, *symbol)).collect();
        let mut left = chance * weights.iter().sum::<f64>();
        let drawn = all.iter().zip(&weights).find(|(_, weight)| {
            left -= **weight;
            left < 0.0
        });
        drawn.map(|(symbol, _)| *symbol).or(all.last().copied())
    }

    fn candidates(&self, genre: usize, before: &[u32]) -> Vec<u32> {
        let mut all = self.genres[genre].candidates(before);
        all.extend(self.all.candidates(before));
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_and_longer_contexts_count_more() {
        let song = [0, 1, 2, 0, 1, 3, 0, 1, 2, 0, 1];
        let mut markov = Genres::new(5, 2);
        for at in 0..song.len() {
            markov.count(1, &song[at.saturating_sub(ORDER)..at], song[at]);
        }
        for before in [&[][..], &[1], &[0, 1], &[2, 0, 1], &[4, 4, 4]] {
            for genre in 0..2 {
                let all: f64 = (0..5).map(|next| markov.likelihood(genre, before, next)).sum();
                assert!((all - 1.0).abs() < 1e-12, "{all}");
            }
        }
        assert_eq!(markov.likeliest(1, &[3, 0, 1]), Some(2));
        assert_eq!(markov.likeliest(1, &[2, 0, 1]), Some(3), "three before say more than two");
        // By hand: nothing but the uniform fifth, seen 3 of 11 times among 4 kinds, then 3 of 3 after 1 0.
        let two = |rest: f64| (0.0 + 4.0 * rest) / 15.0;
        assert!((Markov::new(5).likelihood(&[1], 4) - 0.2).abs() < 1e-12);
        assert!((markov.all.likelihood(&[], 4) - two(0.2)).abs() < 1e-12);
        assert!(markov.draw(1, &[0, 1], 0.0).is_some() && markov.draw(0, &[], 0.999).is_some());
        assert_eq!(Genres::new(5, 1).likeliest(0, &[1]), None);
    }
}
