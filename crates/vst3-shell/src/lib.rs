//! A VST3 around a CLAP plugin of the same library.
//!
//! The plugin is written once, as a CLAP; a VST3 host gets one class that is component, processor and
//! controller in one and hands everything on to the CLAP object inside. [`export!`] makes the library a VST3
//! module.
//!
//! ```text
//! VST3 host                  this crate                                   the plugin's CLAP object
//! IComponent        ──▶  component    buses, activation, state       ──▶  activate, state
//! IAudioProcessor   ──▶  processor    input ▶ … ▶ output, transport  ──▶  process, flush      audio thread
//! IEditController   ──▶  controller   params, controllers (CC)       ──▶  params
//! IPlugView         ──▶  view                                        ──▶  gui                 main thread
//! IComponentHandler ◀──  instance     edits, what has changed        ◀──  clap_host           any thread
//! ```
//!
//! Three rules hold it together:
//!
//! - **The plugin is asked on the right thread.** What it wants of the main thread from another one is noted
//!   in `signals` and done when the host's run loop calls us (`waker`); no thread is started for it.
//! - **Audio never waits for the main thread.** `gate` lets the main thread at the plugin's audio side only
//!   while no block is being processed, and `process` allocates and locks nothing.
//! - **No panic crosses the boundary**: every call from the host is caught and answered with a failure.

// The bindings' enums are signed on Windows and unsigned elsewhere.
#![allow(clippy::unnecessary_cast)]

mod audio;
mod clap;
mod component;
mod controller;
mod controllers;
mod description;
mod expressions;
mod factory;
mod gate;
mod input;
mod instance;
mod mode;
mod output;
mod params;
mod processor;
mod signals;
mod state;
mod text;
mod transport;
mod view;
mod waker;

pub use clap_sys::entry::clap_plugin_entry;
pub use description::Description;
pub use factory::{factory, release_host};
pub use mode::{Mode, mode};
pub use vst3::Steinberg::IPluginFactory;

/// Exports the VST3 entry points of this library: `export!(CLAP_ENTRY, DESCRIPTION)` with a static
/// [`clap_plugin_entry`] and a constant [`Description`].
#[macro_export]
macro_rules! export {
    ($entry:expr, $description:expr) => {
        /// The VST3 factory. The caller owns a reference.
        #[unsafe(no_mangle)]
        pub extern "system" fn GetPluginFactory() -> *mut $crate::IPluginFactory {
            static DESCRIPTION: $crate::Description = $description;
            $crate::factory(&$entry, &DESCRIPTION)
        }

        /// Called by the host after it has loaded the module.
        #[cfg(target_os = "linux")]
        #[unsafe(no_mangle)]
        pub extern "system" fn ModuleEntry(_: *mut ::std::ffi::c_void) -> bool {
            true
        }

        /// Called by the host before it unloads the module.
        #[cfg(target_os = "linux")]
        #[unsafe(no_mangle)]
        pub extern "system" fn ModuleExit() -> bool {
            $crate::release_host();
            true
        }

        /// Called by the host after it has loaded the module.
        #[cfg(target_os = "macos")]
        #[unsafe(no_mangle)]
        pub extern "system" fn bundleEntry(_: *mut ::std::ffi::c_void) -> bool {
            true
        }

        /// Called by the host before it unloads the module.
        #[cfg(target_os = "macos")]
        #[unsafe(no_mangle)]
        pub extern "system" fn bundleExit() -> bool {
            $crate::release_host();
            true
        }

        /// Called by the host after it has loaded the module.
        #[cfg(target_os = "windows")]
        #[unsafe(no_mangle)]
        pub extern "system" fn InitDll() -> bool {
            true
        }

        /// Called by the host before it unloads the module.
        #[cfg(target_os = "windows")]
        #[unsafe(no_mangle)]
        pub extern "system" fn ExitDll() -> bool {
            $crate::release_host();
            true
        }
    };
}

/// Runs what the host has called; a panic becomes the answer `failure`.
fn guard<T>(failure: T, call: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_or(failure)
}

/// A value as VST3 wants it: from 0 to 1. What is no number counts as 0.
fn unit(value: f64) -> f64 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}
