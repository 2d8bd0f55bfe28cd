//! The pool of earlier fakes that the discriminators learn from (Shrivastava et al., 2017), as the papers' code has it.

use candle_core::{Result, Tensor};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Fakes of earlier steps. An entry is a whole batch of each genre, not a phrase, and the two genres are drawn and
/// replaced independently.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    capacity: usize,
    entries: [Vec<Tensor>; 2],
}

impl Pool {
    /// An empty pool for `capacity` steps' fakes.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, entries: Default::default() }
    }

    /// The fakes to learn from, given this step's, `[B, 64, 84]` a genre. While the pool fills they are stored and
    /// returned. Then, with probability 1/2, an older batch of each genre is returned and this step's takes its place;
    /// else this step's are returned and not stored.
    pub fn draw(&mut self, fakes: [Tensor; 2], rng: &mut ChaCha8Rng) -> [Tensor; 2] {
        if self.entries[0].len() < self.capacity {
            for (entries, fake) in self.entries.iter_mut().zip(&fakes) {
                entries.push(fake.clone());
            }
            return fakes;
        }
        if self.capacity == 0 || rng.random_bool(0.5) {
            return fakes;
        }
        let mut slots = self.entries.iter_mut();
        fakes.map(|fake| match slots.next() {
            Some(entries) => {
                let slot = rng.random_range(0..entries.len());
                std::mem::replace(&mut entries[slot], fake)
            }
            None => fake,
        })
    }

    /// The entries of each genre, `[N, B, 64, 84]`, for a checkpoint; `None` while it is empty.
    pub fn tensors(&self) -> Result<Option<[Tensor; 2]>> {
        let [a, b] = &self.entries;
        if a.is_empty() {
            return Ok(None);
        }
        Ok(Some([Tensor::stack(a, 0)?, Tensor::stack(b, 0)?]))
    }

    /// Fills the pool with what [`Pool::tensors`] gave.
    pub fn restore(&mut self, tensors: [&Tensor; 2]) -> Result<()> {
        for (entries, tensor) in self.entries.iter_mut().zip(tensors) {
            *entries = (0..tensor.dim(0)?).map(|i| tensor.get(i)?.copy()).collect::<Result<_>>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::random;

    fn fakes(step: usize) -> [Tensor; 2] {
        [step as f32, -(step as f32)].map(|x| Tensor::full(x, (2, 1, 1), &Device::Cpu).unwrap())
    }

    fn number(tensor: &Tensor) -> f32 {
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()[0]
    }

    #[test]
    fn half_of_the_draws_are_old_and_both_genres_are_drawn_apart() {
        let mut pool = Pool::new(50);
        let mut rng = random::stream(3, 0);
        for step in 0..50 {
            assert_eq!(number(&pool.draw(fakes(step), &mut rng)[0]), step as f32, "while it fills");
        }
        let (mut old, mut together, mut age) = (0, 0, 0.0);
        let steps = 50..4050;
        for step in steps.clone() {
            let [a, b] = pool.draw(fakes(step), &mut rng).map(|fake| number(&fake));
            assert!(a >= 0.0 && b <= 0.0, "the genres must not mix");
            let fresh = a == step as f32;
            assert_eq!(fresh, b == -(step as f32));
            if !fresh {
                old += 1;
                age += step as f32 - a;
                together += usize::from(a == -b);
            }
        }
        let share = old as f64 / steps.len() as f64;
        assert!((share - 0.5).abs() < 0.03, "{share}");
        // A slot lives for 50 replacements on average, and every second step replaces one.
        let mean = age / old as f32;
        assert!((70.0..130.0).contains(&mean), "{mean}");
        // The same step's pair comes back together about once in 50 draws at most.
        assert!(together < old / 10, "{together} of {old}");
    }

    #[test]
    fn no_pool_returns_what_it_is_given() {
        let mut pool = Pool::new(0);
        let mut rng = random::stream(3, 0);
        assert!((0..20).all(|step| number(&pool.draw(fakes(step), &mut rng)[0]) == step as f32));
        assert!(pool.tensors().unwrap().is_none());
    }

    #[test]
    fn a_restored_pool_goes_on_alike() {
        let mut pool = Pool::new(4);
        let mut rng = random::stream(3, 0);
        (0..9).for_each(|step| drop(pool.draw(fakes(step), &mut rng)));
        let mut restored = Pool::new(4);
        let [a, b] = pool.tensors().unwrap().unwrap();
        restored.restore([&a, &b]).unwrap();
        let mut again = rng.clone();
        for step in 9..40 {
            let x = pool.draw(fakes(step), &mut rng).map(|fake| number(&fake));
            let y = restored.draw(fakes(step), &mut again).map(|fake| number(&fake));
            assert_eq!(x, y);
        }
    }
}
