//! What comes from outside, whatever the bytes: MIDI files, packs, saved states. Each function is a fuzz
//! target, and panics where something is wrong; `tests/seeds.rs` runs them on the files in `seeds`.

mod midi;
mod pack;
mod state;

pub use midi::midi;
pub use pack::pack;
pub use state::state;
