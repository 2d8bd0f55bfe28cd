//! Contrafact: a CLAP and VST3 effect that recasts what is played into another genre, phrase by phrase.
//!
//! A folder says which thread its code runs on: `audio` the host's audio threads, `worker` our inference thread. What
//! touches the host is in `plugin`, `params` and `editor`.

mod audio;
mod editor;
mod frozen;
mod history;
mod live;
mod packs;
mod params;
mod plugin;
mod shared;
mod unload;
mod worker;

use nice_plug::prelude::*;
use plugin::Contrafact;

nice_export_clap!(Contrafact);
vst3_shell::export!(clap_entry, plugin::VST3);
