//! Which symbols there are, and windows of them.

use std::collections::BTreeMap;

/// Symbols that a network of the tutorial's kind reads before it says the next.
pub const WINDOW: usize = 32;

/// Different symbols in order, each with how often it came. A symbol's number is its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary<S> {
    symbols: Vec<S>,
    counts: Vec<u64>,
}

impl<S: Ord + Clone> Vocabulary<S> {
    /// Of all symbols of some songs.
    pub fn of(symbols: impl IntoIterator<Item = S>) -> Self {
        let mut all = BTreeMap::new();
        symbols.into_iter().for_each(|symbol| *all.entry(symbol).or_insert(0) += 1);
        let (symbols, counts) = all.into_iter().unzip();
        Self { symbols, counts }
    }

    /// Only the `most` that came most often; of equals the first.
    pub fn frequent(&self, most: usize) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|&number| (u64::MAX - self.counts[number], number));
        order.truncate(most);
        order.sort_unstable();
        let (symbols, counts) = order.iter().map(|&n| (self.symbols[n].clone(), self.counts[n])).unzip();
        Self { symbols, counts }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// The number of a symbol.
    pub fn number(&self, symbol: &S) -> Option<usize> {
        self.symbols.binary_search(symbol).ok()
    }

    /// The symbol of a number.
    pub fn symbol(&self, number: usize) -> Option<&S> {
        self.symbols.get(number)
    }

    /// All symbols in order.
    pub fn symbols(&self) -> &[S] {
        &self.symbols
    }

    /// How often each came.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}

/// Every window of `length` symbols of one song with the symbol that follows it, one symbol on each time. Ask
/// song by song: no window then has two of them.
pub fn next_of<S>(song: &[S], length: usize) -> impl Iterator<Item = (&[S], &S)> {
    let count = song.len().saturating_sub(length);
    (0..count).map(move |at| (&song[at..at + length], &song[at + length]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_numbered_in_order_and_counted() {
        let all = Vocabulary::of(["G4", "C4.E4", "G4", "A3", "A3", "G4"]);
        assert_eq!((all.symbols(), all.counts()), (&["A3", "C4.E4", "G4"][..], &[2, 1, 3][..]));
        assert_eq!((all.number(&"G4"), all.number(&"B4"), all.symbol(1)), (Some(2), None, Some(&"C4.E4")));
        assert_eq!(all.frequent(2).symbols(), ["A3", "G4"]);
        assert_eq!(all.frequent(9), all);
        assert!(Vocabulary::<u8>::of([]).is_empty() && all.len() == 3);
    }

    #[test]
    fn windows_go_on_by_one_and_know_what_comes_next() {
        let song: Vec<usize> = (0..WINDOW + 2).collect();
        let all: Vec<_> =
            next_of(&song, WINDOW).map(|(window, next)| (window[0], window.len(), *next)).collect();
        assert_eq!(all, [(0, WINDOW, WINDOW), (1, WINDOW, WINDOW + 1)]);
        assert_eq!(next_of(&song[..WINDOW], WINDOW).count(), 0);
    }
}
