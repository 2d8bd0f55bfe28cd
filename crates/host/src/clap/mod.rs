//! The CLAP host: a library, and instances of a plugin in it.

mod audio;
mod callbacks;
mod convert;
mod editor;
mod library;
mod params;

use std::path::Path;
use std::sync::atomic::Ordering;

use clack_extensions::audio_ports::{AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::latency::PluginLatency;
use clack_extensions::note_ports::PluginNotePorts;
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::PluginState;
use clack_extensions::tail::{PluginTail, TailLength};
use clack_host::prelude::*;

use crate::{Block, Event, HostError, Instance};
use callbacks::{Audio, Handlers};

pub use audio::ClapAudio;
pub use editor::ClapEditor;
pub use library::{ClapLibrary, Descriptor};
pub use params::Param;

/// An instance of a CLAP plugin. Not `Send`: the thread that made it is its main thread, and its audio thread
/// too as long as the audio side is not lent to another.
pub struct ClapHost {
    // Dropped before the instance, which would otherwise be leaked.
    audio: Option<ClapAudio>,
    instance: PluginInstance<Handlers>,
    params: Vec<Param>,
    /// Channels of each audio port: inputs, outputs.
    channels: [Vec<u32>; 2],
}

impl ClapHost {
    /// Loads the library at an absolute path and makes an instance of its first plugin.
    ///
    /// # Errors
    ///
    /// As [`ClapLibrary::load`] and [`ClapLibrary::instance`].
    pub fn open(path: &Path) -> Result<Self, HostError> {
        ClapLibrary::load(path)?.instance()
    }

    /// A host around a fresh instance.
    fn around(instance: PluginInstance<Handlers>) -> Self {
        let mut host =
            ClapHost { audio: None, instance, params: Vec::new(), channels: [Vec::new(), Vec::new()] };
        host.pump();
        host.params = host.read_params();
        host.channels = [host.read_channels(true), host.read_channels(false)];
        host
    }

    /// Note ports: inputs and outputs.
    pub fn note_ports(&mut self) -> (u32, u32) {
        let handle = self.instance.plugin_handle();
        let ports: Option<PluginNotePorts> = handle.get_extension();
        ports.map_or((0, 0), |ports| (ports.count(&handle, true), ports.count(&handle, false)))
    }

    /// Channels of each audio port: inputs and outputs.
    pub fn audio_ports(&self) -> (&[u32], &[u32]) {
        (&self.channels[0], &self.channels[1])
    }

    /// The latency that the plugin reports, in samples.
    pub fn latency(&mut self) -> u32 {
        let handle = self.instance.plugin_handle();
        let latency: Option<PluginLatency> = handle.get_extension();
        latency.map_or(0, |latency| latency.get(&handle))
    }

    /// The tail that the plugin reports, in samples; `None` for one without an end.
    ///
    /// # Errors
    ///
    /// The instance is not active.
    pub fn tail(&mut self) -> Result<Option<u32>, HostError> {
        let handle = self.audio()?.processor.plugin_handle();
        let tail: Option<PluginTail> = handle.get_extension();
        Ok(match tail.map(|tail| tail.get(&handle)) {
            Some(TailLength::Infinite) => None,
            Some(TailLength::Finite(samples)) => Some(samples),
            None => Some(0),
        })
    }

    /// Tells the plugin whether it renders offline (it may then take its time) or in real time.
    ///
    /// # Errors
    ///
    /// The plugin has no render modes or refuses this one.
    pub fn set_offline(&mut self, offline: bool) -> Result<(), HostError> {
        let mode = if offline { RenderMode::Offline } else { RenderMode::Realtime };
        let handle = self.instance.plugin_handle();
        let render: PluginRender = handle.get_extension().ok_or(HostError::Missing("render modes"))?;
        render.set(&handle, mode).map_err(|_| HostError::refused("change its render mode"))
    }

    /// The plugin's state, as the host would keep it in a project.
    ///
    /// # Errors
    ///
    /// The plugin has no state or failed to save it.
    pub fn save(&mut self) -> Result<Vec<u8>, HostError> {
        let handle = self.instance.plugin_handle();
        let state: PluginState = handle.get_extension().ok_or(HostError::Missing("a state"))?;
        let mut bytes = Vec::new();
        state.save(&handle, &mut bytes).map_err(|_| HostError::refused("save its state"))?;
        Ok(bytes)
    }

    /// Gives the plugin a saved state.
    ///
    /// # Errors
    ///
    /// The plugin has no state or refuses this one.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        let handle = self.instance.plugin_handle();
        let state: PluginState = handle.get_extension().ok_or(HostError::Missing("a state"))?;
        let loaded = state.load(&handle, &mut std::io::Cursor::new(bytes));
        self.pump();
        loaded.map_err(|_| HostError::refused("load a state"))
    }

    /// Activates at a sample rate (Hz) for blocks of up to `block` samples, and starts processing.
    ///
    /// # Errors
    ///
    /// The instance is active already, or the plugin refuses.
    pub fn start(&mut self, sample_rate: f64, block: u32) -> Result<(), HostError> {
        let config = PluginAudioConfiguration { sample_rate, min_frames_count: 1, max_frames_count: block };
        let stopped = self
            .instance
            .activate(|_, _| Audio, config)
            .map_err(|error| HostError::refused(format!("activate: {error}")))?;
        self.audio = Some(ClapAudio::new(stopped.into(), &self.params, &self.channels, block));
        self.resume()
    }

    /// Starts processing again after [`Self::pause`].
    ///
    /// # Errors
    ///
    /// The instance is not active, or the plugin refuses.
    pub fn resume(&mut self) -> Result<(), HostError> {
        self.on_audio_thread(|processor| {
            processor
                .start_processing()
                .map(|_| ())
                .map_err(|error| HostError::refused(format!("process: {error}")))
        })
    }

    /// Stops processing; the instance stays active.
    ///
    /// # Errors
    ///
    /// The instance is not active.
    pub fn pause(&mut self) -> Result<(), HostError> {
        self.on_audio_thread(|processor| {
            processor.ensure_processing_stopped();
            Ok(())
        })
    }

    /// Has the plugin forget what sounds and what it heard, as a host does on a jump.
    ///
    /// # Errors
    ///
    /// The instance is not active.
    pub fn reset(&mut self) -> Result<(), HostError> {
        self.on_audio_thread(|processor| {
            processor.reset();
            Ok(())
        })
    }

    /// Stops and deactivates; [`Self::start`] may follow, at another sample rate.
    pub fn deactivate(&mut self) {
        if let Some(audio) = self.audio.take() {
            self.instance.deactivate(audio.processor.into_stopped());
        }
        self.pump();
    }

    /// How often the plugin asked the host to read its parameters again.
    pub fn rescans(&self) -> u32 {
        self.instance.access_handler(|main| main.rescans.get())
    }

    /// The plugin asked to be deactivated and activated again.
    pub fn wants_restart(&self) -> bool {
        self.instance.access_shared_handler(|shared| shared.restart.load(Ordering::Relaxed))
    }

    /// Runs what the plugin wants run on the main thread. Every call of this host does it, so this is for
    /// waiting.
    pub fn pump(&mut self) {
        while self.instance.access_shared_handler(|shared| shared.callback.swap(false, Ordering::AcqRel)) {
            self.instance.call_on_main_thread_callback();
        }
    }

    fn on_audio_thread<T>(
        &mut self,
        call: impl FnOnce(&mut PluginAudioProcessor<Handlers>) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let processor = &mut self.audio()?.processor;
        processor.access_shared_handler(|shared| shared.in_audio(true));
        let done = call(processor);
        processor.access_shared_handler(|shared| shared.in_audio(false));
        self.pump();
        done
    }

    fn audio(&mut self) -> Result<&mut ClapAudio, HostError> {
        self.audio.as_mut().ok_or(HostError::State("active"))
    }

    /// The audio side of an active instance, for a thread of its own; [`Self::take_back`] before anything
    /// else is done with that side here.
    ///
    /// # Errors
    ///
    /// The instance is not active, or its audio side is lent already.
    pub fn lend_audio(&mut self) -> Result<ClapAudio, HostError> {
        self.audio.take().ok_or(HostError::State("active"))
    }

    /// Takes back what [`Self::lend_audio`] gave.
    pub fn take_back(&mut self, audio: ClapAudio) {
        self.audio = Some(audio);
        self.pump();
    }

    fn read_channels(&mut self, input: bool) -> Vec<u32> {
        let handle = self.instance.plugin_handle();
        let Some(ports) = handle.get_extension::<PluginAudioPorts>() else { return Vec::new() };
        let mut buffer = AudioPortInfoBuffer::new();
        (0..ports.count(&handle, input))
            .map(|index| ports.get(&handle, index, input, &mut buffer).map_or(0, |port| port.channel_count))
            .collect()
    }
}

impl Instance for ClapHost {
    fn process(&mut self, block: &Block, input: &[Event], output: &mut Vec<Event>) -> Result<(), HostError> {
        self.audio()?.process(block, input, output)?;
        self.pump();
        Ok(())
    }
}

impl Drop for ClapHost {
    fn drop(&mut self) {
        self.deactivate();
    }
}
