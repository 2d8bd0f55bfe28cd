//! The parts of a training step that threads share.

use anyhow::Result;

/// A step's batch is cut into this many parts whose gradients are added in order: the sum is the same however many
/// threads there are.
pub const SHARDS: usize = 2;

/// Does the work of every shard, on a thread each where more than one thread is allowed; answers in order.
///
/// # Errors
/// The first shard's that has one.
pub fn each<T: Send>(threads: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    if threads < 2 {
        return (0..SHARDS).map(work).collect();
    }
    std::thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> = (0..SHARDS).map(|shard| scope.spawn(move || work(shard))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a training thread panicked")).collect()
    })
}
