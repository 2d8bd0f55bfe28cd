//! What every family trains with: variables and their optimiser, the parts of a step that threads share, the
//! learning rate's schedule, losses by name, and what these are computed with.

pub mod adam;
mod losses;
mod optimised;
pub mod rms;
mod schedule;
mod step;
mod tensors;
mod variables;

pub use losses::Losses;
pub use optimised::Optimised;
pub use schedule::Schedule;
pub use step::{NotFinite, SHARDS, Share, Sum, check_finite, clip, shards, sum, summed};
pub use tensors::{cross_entropy, mask, opened};
pub use variables::{Gradients, Variables};

use anyhow::{Result, ensure};

/// Whether a batch can be cut into shards.
///
/// # Errors
/// Says which can.
pub fn check_batch(batch: usize) -> Result<()> {
    ensure!(
        batch >= SHARDS && batch.is_multiple_of(SHARDS),
        "the batch must be an even number, {SHARDS} or more"
    );
    Ok(())
}
