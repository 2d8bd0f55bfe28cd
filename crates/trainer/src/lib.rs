//! The offline trainer: folders of MIDI -> dataset -> trained networks -> pack.
//!
//! [`prepare`] cuts songs into phrases, [`run`] trains a network of one of the [`families`] and a
//! [`classifier`] and exports a pack, [`evaluate`] measures it. Runs are seeded, and a resumed run gives the
//! numbers of an unbroken one.

pub mod attribute;
pub mod average;
pub mod batch;
pub mod classifier;
pub mod cli;
pub mod core;
pub mod data;
pub mod evaluate;
pub mod families;
pub mod hands;
pub mod make;
pub mod picture;
pub mod practice;
pub mod random;
pub mod rank;
pub mod run;
pub mod sweep;

pub use data::{dataset, npy, prepare, provenance};

/// Keeps candle's elementwise operations on the calling thread: the step's shards already use every core, and
/// its spinning thread pool would fight them for it.
///
/// # Safety
/// Call it first in `main`, before any other thread exists: it sets an environment variable.
pub unsafe fn one_thread_an_operation() {
    // SAFETY: the caller promises that no other thread exists yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
}
