//! What every family trains with: variables and their optimiser, the parts of a step that threads share, the
//! learning rate's schedule, and losses by name.

pub mod adam;
mod losses;
mod optimised;
pub mod rms;
mod schedule;
mod step;
mod variables;

pub use losses::Losses;
pub use optimised::Optimised;
pub use schedule::Schedule;
pub use step::{NotFinite, SHARDS, Sum, clip, shards, sum};
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
