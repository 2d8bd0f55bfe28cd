//! A thin layer between a CLAP host and a plugin whose framework has gaps. It knows nothing of Contrafact.
//!
//! [`wrap`] puts itself before a plugin's `process` and its parameters:
//!
//! ```text
//!   host's clap_process ──▶ scratch  a stereo buffer where the host gives none that the framework can use
//!                           input    no modulation: the framework would mix it into what it saves
//!                           split    a part for every change of a parameter or the transport, 64 at most
//!                           room     at most `ROOM` events for the framework's queue, every end among them
//!                              │
//!                              ▼     for each part
//!                           the plugin's own process ──▶ set_parameter ──▶ to the host, and to its next call
//!                              │
//!   host's out_events ◀── outbox    in order of time; a note-off that was refused waits for the next block
//! ```
//!
//! nice-plug 0.4.2 without it: all parameter changes of a block count from its first sample, and where it
//! splits blocks itself positions after a change of the transport are wrong; a plugin cannot set a parameter
//! while it processes; it writes parameter changes of the window after the block's notes but at time 0; it
//! skips blocks without a stereo output of 32-bit samples, with all their notes; it reads through null
//! channels; its queue allocates and prints when it is full.
//!
//! Nothing here allocates, locks or waits while a block is processed.

mod asked;
mod audio;
mod buses;
mod calls;
mod input;
mod outbox;
mod params;
mod room;
mod shim;
mod split;
mod transport;

pub use asked::{ASKED, goes_on, set_parameter};
pub use outbox::OUTPUT;
pub use room::ROOM;
pub use shim::wrap;
