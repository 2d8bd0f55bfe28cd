//! Contrafact: a CLAP and VST3 effect that recasts what is played into another genre, phrase by phrase.
//!
//! A folder says which thread its code runs on: `audio` the host's audio threads, `worker` our own. What they
//! and the editor hand each other is in `link`. What touches the host is in `entry`, `plugin`, `params` and
//! `editor`.

mod audio;
mod editor;
mod entry;
mod link;
mod packs;
mod params;
mod plugin;
mod unload;
mod worker;

/// What tests of the built plugin look up in its source.
#[doc(hidden)]
pub mod testing {
    pub use crate::editor::fields;
    pub use crate::params::table;
}

pub use entry::clap_entry;

vst3_shell::export!(clap_entry, plugin::VST3);
