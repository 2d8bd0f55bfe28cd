//! Blocks that the layer splits, and parameters that a plugin sets: a plugin on paper that records its calls.

mod clock;
mod events;
mod many;
mod rig;
mod set;
