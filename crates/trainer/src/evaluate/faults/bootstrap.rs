//! Figures of works, with intervals by drawing works anew (Efron's bootstrap): phrases of one work are alike,
//! so that intervals over phrases would be far too narrow.

use std::collections::BTreeSet;

use phrase::Rhythm;
use rand::Rng;

use super::{Interval, MEASURES, Measure, Tally};
use crate::random;

/// How often the works are drawn.
const DRAWS: usize = 1000;
/// Seed of the draws.
const SEED: u64 = 1;

/// Every measure of all works together, with the 2.5th and the 97.5th percentile over draws of as many works
/// with replacement. Draws of entropies are too low, because works come twice: intervals are moved so that
/// the mean draw is the figure, which leaves those of shares where they are.
pub(super) fn intervals(works: &[&Tally]) -> [Interval; MEASURES] {
    let bars: [Bars; 2] = std::array::from_fn(|voice| Bars::of(works, voice));
    let figure = figures(works, &bars, &vec![1; works.len()]);
    let mut draws: [Vec<f64>; MEASURES] = std::array::from_fn(|_| Vec::with_capacity(DRAWS));
    let mut rng = random::stream(SEED, 0);
    for _ in 0..DRAWS {
        let mut times = vec![0; works.len()];
        (0..works.len()).for_each(|_| times[rng.random_range(0..works.len())] += 1);
        for (draws, value) in draws.iter_mut().zip(figures(works, &bars, &times)) {
            draws.extend(Some(value).filter(|value| value.is_finite()));
        }
    }
    std::array::from_fn(|measure| {
        let (value, draws) = (figure[measure], &mut draws[measure]);
        draws.sort_by(f64::total_cmp);
        let Some(most) = draws.len().checked_sub(1) else {
            return Interval { value, low: f64::NAN, high: f64::NAN };
        };
        let moved = value - draws.iter().sum::<f64>() / draws.len() as f64;
        let at = |share: f64| draws[(share * most as f64).round() as usize] + moved;
        let share = !matches!(Measure::ALL[measure], Measure::HarmonyKept);
        let least = if share { 0.0 } else { -1.0 };
        Interval { value, low: at(0.025).max(least), high: at(0.975) }
    })
}

/// Shares of works, each with what was counted and of how much: all works together, with the 2.5th and the
/// 97.5th percentile over draws of as many works with replacement.
pub fn ratios<const N: usize>(works: &[[[f64; 2]; N]]) -> [Interval; N] {
    let figures = |times: &[u32]| -> [f64; N] {
        let mut sums = [[0.0; 2]; N];
        for (work, times) in works.iter().zip(times).filter(|(_, times)| **times > 0) {
            for (sum, share) in sums.iter_mut().zip(work) {
                sum.iter_mut().zip(share).for_each(|(sum, part)| *sum += f64::from(*times) * part);
            }
        }
        sums.map(|[counted, of]| if of > 0.0 { counted / of } else { f64::NAN })
    };
    let values = figures(&vec![1; works.len()]);
    let mut draws: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(DRAWS));
    let mut rng = random::stream(SEED, 0);
    for _ in 0..DRAWS {
        let mut times = vec![0; works.len()];
        (0..works.len()).for_each(|_| times[rng.random_range(0..works.len())] += 1);
        for (draws, value) in draws.iter_mut().zip(figures(&times)) {
            draws.extend(Some(value).filter(|value| value.is_finite()));
        }
    }
    std::array::from_fn(|i| {
        draws[i].sort_by(f64::total_cmp);
        let most = draws[i].len().saturating_sub(1) as f64;
        let at = |share: f64| draws[i].get((share * most).round() as usize).copied().unwrap_or(f64::NAN);
        Interval { value: values[i], low: at(0.025), high: at(0.975) }
    })
}

/// The rhythms of one voice's bars: of each work, which and how often, numbered.
struct Bars {
    rhythms: usize,
    works: Vec<Vec<(usize, u32)>>,
}

impl Bars {
    fn of(works: &[&Tally], voice: usize) -> Self {
        let all: BTreeSet<Rhythm> =
            works.iter().flat_map(|work| work.rhythms[voice].keys().copied()).collect();
        let all: Vec<Rhythm> = all.into_iter().collect();
        let place = |rhythm: &Rhythm| all.binary_search(rhythm).expect("all rhythms are there");
        let work = |work: &&Tally| {
            work.rhythms[voice].iter().map(|(rhythm, count)| (place(rhythm), *count)).collect()
        };
        Self { rhythms: all.len(), works: works.iter().map(work).collect() }
    }

    /// Entropy in bits, of works that come so many times.
    fn entropy(&self, times: &[u32]) -> f64 {
        let mut counts = vec![0u32; self.rhythms];
        for (work, times) in self.works.iter().zip(times).filter(|(_, times)| **times > 0) {
            work.iter().for_each(|(rhythm, count)| counts[*rhythm] += times * count);
        }
        let all = counts.iter().sum::<u32>();
        if all == 0 {
            return f64::NAN;
        }
        let bits = |count: &u32| {
            let share = f64::from(*count) / f64::from(all);
            -share * share.log2()
        };
        counts.iter().filter(|count| **count > 0).map(bits).sum()
    }
}

/// Every measure of works that come so many times.
fn figures(works: &[&Tally], bars: &[Bars; 2], times: &[u32]) -> [f64; MEASURES] {
    let mut sums = [[0.0; 2]; MEASURES];
    for (work, times) in works.iter().zip(times).filter(|(_, times)| **times > 0) {
        for (sum, share) in sums.iter_mut().zip(&work.shares) {
            sum.iter_mut().zip(share).for_each(|(sum, part)| *sum += f64::from(*times) * part);
        }
    }
    let mut figures = sums.map(|[counted, of]| if of > 0.0 { counted / of } else { f64::NAN });
    figures[Measure::BassBits as usize] = bars[0].entropy(times);
    figures[Measure::InnerBits as usize] = bars[1].entropy(times);
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A work with this share of clusters, and bars of these rhythms.
    fn work(clusters: [f64; 2], rhythms: &[(Rhythm, u32)]) -> Tally {
        let mut tally = Tally::default();
        tally.shares[Measure::Clusters as usize] = clusters;
        tally.rhythms[0] = rhythms.iter().copied().collect();
        tally
    }

    #[test]
    fn shares_are_of_all_works_together_and_intervals_of_the_works() {
        let (a, b) = (work([1.0, 10.0], &[(1, 2)]), work([0.0, 30.0], &[(3, 1), (7, 1)]));
        let [clusters, bits] = [Measure::Clusters, Measure::BassBits].map(|m| m as usize);
        let all = intervals(&[&a, &b]);
        assert_eq!((all[clusters].value, all[bits].value), (1.0 / 40.0, 1.5));
        assert!(all[clusters].low <= 1.0 / 40.0 && all[clusters].high > 0.05, "{:?}", all[clusters]);
        assert!(all[bits].low < 1.5 && all[bits].high > 1.5);
        // What nobody counted is no figure; works that are all alike leave no doubt.
        assert!(
            all[Measure::Sevenths as usize].value.is_nan() && all[Measure::Sevenths as usize].low.is_nan()
        );
        let same = intervals(&[&a, &a, &a])[clusters];
        assert!((same.value - 0.1).abs() < 1e-12 && (same.high - same.low).abs() < 1e-12);
        assert_eq!(intervals(&[&a, &b])[clusters].low, all[clusters].low);
    }

    #[test]
    fn shares_of_works_are_those_of_all_together() {
        let [share, none] = ratios(&[[[1.0, 4.0], [0.0, 0.0]], [[3.0, 12.0], [0.0, 0.0]]]);
        assert_eq!((share.value, share.low, share.high), (0.25, 0.25, 0.25));
        assert!(none.value.is_nan() && none.low.is_nan());
        let [wide] = ratios(&[[[0.0, 1.0]], [[1.0, 1.0]], [[1.0, 1.0]], [[0.0, 1.0]]]);
        assert!(wide.value == 0.5 && wide.low < 0.3 && wide.high > 0.7);
        assert!(ratios::<1>(&[])[0].value.is_nan());
    }

    #[test]
    fn more_works_narrow_the_interval() {
        let works: Vec<Tally> = (0..200).map(|i| work([f64::from(i % 4), 10.0], &[])).collect();
        let width = |count: usize| {
            let some: Vec<&Tally> = works.iter().take(count).collect();
            let interval = intervals(&some)[Measure::Clusters as usize];
            interval.high - interval.low
        };
        let (few, many) = (width(20), width(200));
        // By the square root of ten.
        assert!((2.5..4.0).contains(&(few / many)), "{few} {many}");
    }
}
