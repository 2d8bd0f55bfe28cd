//! The audio side as a whole, without a host and with a network of the tests' own.

mod answers;
mod music;
mod notes;
mod rig;
mod stage;
mod takes;
mod time;

pub use rig::Tape;
