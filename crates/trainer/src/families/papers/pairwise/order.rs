//! Which phrases a step sees.

use rand::seq::SliceRandom;

use super::options::PairOptions;
use crate::random;

/// The order of one list of phrases: shuffled anew every epoch, each phrase at most once an epoch.
#[derive(Clone, Debug)]
pub struct Order {
    seed: u64,
    list: u64,
    epoch: Option<u64>,
    places: Vec<u32>,
}

/// Streams of the shuffles; those of the steps count up from 0.
const STREAMS: u64 = 1 << 41;

impl Order {
    /// The order of list number `list` (0: genre A, 1: genre B, 2: the mixed one).
    pub fn new(options: &PairOptions, list: u64) -> Self {
        Self { seed: options.seed, list, epoch: None, places: Vec::new() }
    }

    /// The phrases, by place in a list of `count`, that step `step` sees. An epoch has `per_epoch` steps, and its
    /// first `per_epoch * batch` phrases are used: of a longer list each epoch sees a part. A function of the seed and
    /// the arguments: what was asked before does not matter.
    pub fn places(&mut self, step: u64, per_epoch: u64, batch: usize, count: usize) -> Vec<usize> {
        let epoch = step / per_epoch;
        if self.epoch != Some(epoch) || self.places.len() != count {
            self.places = (0..count as u32).collect();
            self.places.shuffle(&mut random::stream(self.seed, STREAMS + 3 * epoch + self.list));
            self.epoch = Some(epoch);
        }
        let start = (step % per_epoch) as usize * batch;
        // A genre smaller than one batch is seen more than once in it.
        (start..start + batch).map(|i| self.places[i % count] as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Preset;
    use super::*;

    #[test]
    fn an_epoch_sees_each_phrase_once_in_an_order_of_its_own() {
        let options = PairOptions::preset(Preset::Papers, ["a".into(), "b".into()], 100);
        let mut order = Order::new(&options, 0);
        let mut epoch = |epoch: u64| -> Vec<usize> {
            (0..5).flat_map(|step| order.places(5 * epoch + step, 5, 4, 20)).collect()
        };
        let (first, second, again) = (epoch(0), epoch(1), epoch(0));
        assert_eq!(first, again, "whatever was asked before");
        assert_ne!(first, second);
        for mut places in [first.clone(), second] {
            places.sort_unstable();
            assert_eq!(places, (0..20).collect::<Vec<_>>());
        }
        assert_ne!(Order::new(&options, 1).places(0, 5, 20, 20), first);
    }
}
