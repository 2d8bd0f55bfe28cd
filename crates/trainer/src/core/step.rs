//! One step, cut into shards: their threads, their sum, and what stops it.

use anyhow::{Context, Result};
use rand_chacha::ChaCha8Rng;

use super::{Gradients, Losses};
use crate::random;

/// A step's batch is cut into this many parts whose gradients are added in order: the sum is the same however
/// many threads there are.
pub const SHARDS: usize = 2;

/// Does the work of every shard, on a thread each where more than one thread is allowed; answers in order.
///
/// # Errors
/// The first shard's that has one.
pub fn shards<T: Send>(threads: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    if threads < 2 {
        return (0..SHARDS).map(work).collect();
    }
    std::thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> = (0..SHARDS).map(|shard| scope.spawn(move || work(shard))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a training thread panicked")).collect()
    })
}

/// A shard's share of its step's batch.
#[derive(Debug)]
pub struct Share {
    /// How many examples it draws.
    pub size: usize,
    /// The number of the first of them, counted over the whole run: what takes turns goes by it.
    pub turn: usize,
    /// Its own random numbers.
    pub rng: ChaCha8Rng,
}

impl Share {
    /// Of a shard of step `step` (counted from 0) of a run of this seed and batch.
    pub fn of(seed: u64, batch: usize, step: u64, shard: usize) -> Self {
        let (counter, size) = (step * SHARDS as u64 + shard as u64, batch / SHARDS);
        Self { size, turn: counter as usize * size, rng: random::stream(seed, counter) }
    }
}

/// Gradients of `N` networks, and losses: of a shard, or of a whole step.
#[derive(Clone, Debug)]
pub struct Sum<const N: usize> {
    /// By network. Of a step: the sum over its shards, not their mean.
    pub gradients: [Gradients; N],
    /// Of a step: the mean over its shards.
    pub losses: Losses,
}

/// Adds up the shards of step number `step` (counted from 1), in order.
///
/// # Errors
/// [`NotFinite`] where a loss or a gradient is not finite.
pub fn sum<const N: usize>(step: u64, shards: impl IntoIterator<Item = Sum<N>>) -> Result<Sum<N>> {
    let mut shards = shards.into_iter();
    let share = 1.0 / SHARDS as f32;
    let mut total = shards.next().context("a training step needs at least one shard")?;
    let mut losses = Losses::default();
    losses.add(&total.losses, share);
    for shard in shards {
        losses.add(&shard.losses, share);
        for (sum, more) in total.gradients.iter_mut().zip(&shard.gradients) {
            sum.iter_mut().flatten().zip(more.iter().flatten()).for_each(|(sum, more)| *sum += more);
        }
    }
    total.losses = losses;
    check_finite(step, &total.losses, &total.gradients)?;
    Ok(total)
}

/// The sum over the shards of the step that follows `done` steps.
///
/// # Errors
/// The first shard's that has one; [`NotFinite`] where a loss or a gradient is not finite.
pub fn summed<const N: usize>(
    done: u64,
    threads: usize,
    work: impl Fn(usize) -> Result<Sum<N>> + Sync,
) -> Result<Sum<N>> {
    sum(done + 1, shards(threads, work)?)
}

/// Whether all numbers of step number `step` (counted from 1) are finite.
///
/// # Errors
/// [`NotFinite`] names the first that is not.
pub fn check_finite(step: u64, losses: &Losses, gradients: &[Gradients]) -> Result<()> {
    let what = match losses.fault() {
        Some(name) => format!("the {name} loss"),
        None if gradients.iter().flatten().flatten().all(|x| x.is_finite()) => return Ok(()),
        None => "a gradient".to_string(),
    };
    Err(NotFinite { step, what }.into())
}

/// Makes a mean of a sum over shards, and scales it down to the length `longest` where it is longer.
pub fn clip(gradients: &mut Gradients, longest: f32) {
    let square: f64 = gradients.iter().flatten().map(|&x| f64::from(x) * f64::from(x)).sum();
    let length = (square.sqrt() / SHARDS as f64) as f32;
    let scale = (longest / length.max(1e-12)).min(1.0) / SHARDS as f32;
    gradients.iter_mut().flatten().for_each(|x| *x *= scale);
}

/// A step after which a number would be infinite or none at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFinite {
    /// The step, counted from 1.
    pub step: u64,
    /// What is not finite: "the cycle loss", "a gradient".
    pub what: String,
}

impl std::fmt::Display for NotFinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at step {} {} is not finite any more", self.step, self.what)
    }
}

impl std::error::Error for NotFinite {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(gradient: f32, loss: f32) -> Sum<1> {
        Sum { gradients: [vec![vec![gradient, 0.0]]], losses: Losses::new([("keep", loss)]) }
    }

    #[test]
    fn gradients_are_summed_losses_averaged_and_clipping_knows_it() {
        let Sum { gradients: [mut sum], losses } = sum(1, [shard(2.0, 3.0), shard(4.0, 5.0)]).unwrap();
        assert_eq!((&sum, losses.get("keep")), (&vec![vec![6.0, 0.0]], Some(4.0)));
        clip(&mut sum, 10.0);
        assert_eq!(sum, [[3.0, 0.0]], "the mean");
        let mut long = vec![vec![6.0, 8.0]];
        clip(&mut long, 1.0);
        assert_eq!(long, [[0.6, 0.8]]);
    }

    #[test]
    fn what_is_no_number_is_named() {
        let error = |shards: [Sum<1>; 2]| sum(7, shards).unwrap_err().downcast::<NotFinite>().unwrap();
        assert_eq!(error([shard(1.0, f32::NAN), shard(1.0, 1.0)]).what, "the keep loss");
        let fault = error([shard(1.0, 1.0), shard(f32::INFINITY, 1.0)]);
        assert_eq!((fault.what.as_str(), fault.step), ("a gradient", 7));
    }
}
