//! Headless plugin hosts: they load the *built* plugin and drive it block by block, as a DAW does.
//!
//! Two hosts with one face: [`ClapHost`] (over clack) and [`Vst3Host`] (over the `vst3` bindings) both are an
//! [`Instance`]. A [`Transport`] says where the song is in every block, [`drive`] runs an instance along it,
//! and [`render_song`] bounces a whole MIDI file. The tests and `cargo xtask play` use nothing else, so what
//! they show holds for the library that a user installs. Nothing here knows which plugin it hosts.
//!
//! Everything runs on the calling thread, which plays main and audio thread in turn: a simple host's offline
//! bounce. For what needs threads the audio side can be lent to another one, and parameters set from a third.

mod clap;
#[cfg(target_os = "linux")]
mod display;
mod drive;
#[cfg(target_os = "linux")]
mod drop_target;
mod error;
mod event;
#[cfg(windows)]
mod frame;
mod render;
mod state;
mod transport;
mod vst3;

pub use clap::{ClapAudio, ClapEditor, ClapHost, ClapLibrary, Descriptor, Param};
#[cfg(target_os = "linux")]
pub use display::{Display, Picture};
pub use drive::{Instance, Paired, Sounded, drive, pair};
#[cfg(target_os = "linux")]
pub use drop_target::{Dragged, DropTarget};
pub use error::HostError;
pub use event::{ANY, Event, EventKind};
#[cfg(windows)]
pub use frame::Frame;
pub use render::{ANSWER_BEATS, RenderOptions, Rendered, render_song};
pub use state::with_field;
pub use transport::{Block, Signature, Tempo, Transport};
pub use vst3::{Vst3Controller, Vst3Edit, Vst3Editor, Vst3Host, Vst3Library, Vst3Loop, Vst3Param};
