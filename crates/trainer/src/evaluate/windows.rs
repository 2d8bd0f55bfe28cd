//! Phrases as a latency of less than four bars plays them.

use phrase::{BARS, Roll, STEPS, STEPS_PER_BAR};

use crate::dataset::Item;

/// The phrases (by their place in `items`) whose bars are the newest of windows that slide on by `hop` bars,
/// with those windows in order; the last is the phrase itself. `items` are windows of songs in order, one
/// from each bar on where a phrase was not dropped by its rules: neighbours are known by the three bars that
/// they share.
pub fn ending(items: &[Item], hop: usize) -> Vec<(usize, Vec<Roll>)> {
    let follows = |index: usize| {
        let (before, item) = (&items[index - 1], &items[index]);
        let shared = STEPS - STEPS_PER_BAR;
        before.song == item.song && before.roll.sounding[STEPS_PER_BAR..] == item.roll.sounding[..shared]
    };
    let back = BARS - hop;
    let whole = |&index: &usize| index >= back && (index - back + 1..=index).all(follows);
    let windows = |index: usize| (index - back..=index).step_by(hop).map(|at| items[at].roll).collect();
    (0..items.len()).filter(whole).map(|index| (index, windows(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_neighbours_of_one_song() {
        let step = |at: usize, row: usize| (at * 7 + row * 3).is_multiple_of(31) || row == at / 16;
        let window = |bar: usize, song| {
            Item::of(Roll::from_cells(|at, row| step(bar * STEPS_PER_BAR + at, row)), song)
        };
        // Bar 5 of the first song was dropped; the second is too short.
        let bars = [0, 1, 2, 3, 4, 6, 7, 8, 9];
        let mut items: Vec<Item> = bars.into_iter().map(|bar| window(bar, 0)).collect();
        items.extend((9..12).map(|bar| window(bar, 1)));
        let places = |hop| ending(&items, hop).iter().map(|(at, _)| *at).collect::<Vec<_>>();
        assert_eq!(places(4), (0..12).collect::<Vec<_>>());
        assert_eq!(places(2), [2, 3, 4, 7, 8, 11]);
        assert_eq!(places(1), [3, 4, 8]);
        let (_, windows) = &ending(&items, 2)[1];
        assert_eq!(windows[..], [items[1].roll, items[3].roll]);
        for (at, windows) in ending(&items, 1) {
            for (bar, window) in windows.iter().enumerate() {
                let own = &items[at].roll.sounding[bar * STEPS_PER_BAR..][..STEPS_PER_BAR];
                assert_eq!(own, &window.sounding[STEPS - STEPS_PER_BAR..]);
            }
        }
    }
}
