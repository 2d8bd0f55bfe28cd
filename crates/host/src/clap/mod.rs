//! The CLAP host: a library, and instances of a plugin in it.

mod callbacks;
mod convert;
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

pub use library::{ClapLibrary, Descriptor};
pub use params::Param;

/// An instance of a CLAP plugin. Not `Send`: the thread that made it is its main thread and its audio thread.
pub struct ClapHost {
    // Dropped before the instance, which would otherwise be leaked.
    processor: Option<PluginAudioProcessor<Handlers>>,
    instance: PluginInstance<Handlers>,
    params: Vec<Param>,
    /// Channels of each audio port: inputs, outputs.
    channels: [Vec<u32>; 2],
    /// One buffer a channel: inputs, outputs.
    audio: [Vec<Vec<f32>>; 2],
    events_in: EventBuffer,
    events_out: EventBuffer,
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
        let mut host = ClapHost {
            processor: None,
            instance,
            params: Vec::new(),
            channels: [Vec::new(), Vec::new()],
            audio: [Vec::new(), Vec::new()],
            events_in: EventBuffer::new(),
            events_out: EventBuffer::new(),
        };
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
        let processor = self.processor.as_mut().ok_or(HostError::State("active"))?;
        let handle = processor.plugin_handle();
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
        self.processor = Some(stopped.into());
        let buffers = |ports: &[u32]| vec![vec![0.0; block as usize]; ports.iter().sum::<u32>() as usize];
        self.audio = [buffers(&self.channels[0]), buffers(&self.channels[1])];
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
        if let Some(processor) = self.processor.take() {
            self.instance.deactivate(processor.into_stopped());
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

    /// Runs what the plugin wants run on the main thread. Every call of this host does it, so this is for waiting.
    pub fn pump(&mut self) {
        while self.instance.access_shared_handler(|shared| shared.callback.swap(false, Ordering::AcqRel)) {
            self.instance.call_on_main_thread_callback();
        }
    }

    fn on_audio_thread<T>(
        &mut self,
        call: impl FnOnce(&mut PluginAudioProcessor<Handlers>) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let processor = self.processor.as_mut().ok_or(HostError::State("active"))?;
        processor.access_shared_handler(|shared| shared.in_audio.store(true, Ordering::Relaxed));
        let done = call(processor);
        processor.access_shared_handler(|shared| shared.in_audio.store(false, Ordering::Relaxed));
        self.pump();
        done
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
        let processor = self.processor.as_mut().ok_or(HostError::State("active"))?;
        self.events_in.clear();
        self.events_out.clear();
        for event in input {
            convert::push(&mut self.events_in, block, event, &self.params);
        }
        let frames = block.frames as usize;
        let [inputs, outputs] = &mut self.audio;
        for channel in outputs.iter_mut() {
            channel[..frames].fill(f32::NAN);
        }
        let mut ports_in = AudioPorts::with_capacity(inputs.len(), self.channels[0].len());
        let mut ports_out = AudioPorts::with_capacity(outputs.len(), self.channels[1].len());
        let mut rest = inputs.as_mut_slice();
        let mut audio_in = ports_in.with_input_buffers(self.channels[0].iter().map(|&count| {
            let (these, others) = std::mem::take(&mut rest).split_at_mut(count as usize);
            rest = others;
            let channels =
                these.iter_mut().map(move |channel| InputChannel::variable(&mut channel[..frames]));
            AudioPortBuffer { latency: 0, channels: AudioPortBufferType::f32_input_only(channels) }
        }));
        let mut rest = outputs.as_mut_slice();
        let mut audio_out = ports_out.with_output_buffers(self.channels[1].iter().map(|&count| {
            let (these, others) = std::mem::take(&mut rest).split_at_mut(count as usize);
            rest = others;
            let channels = these.iter_mut().map(move |channel| &mut channel[..frames]);
            AudioPortBuffer { latency: 0, channels: AudioPortBufferType::f32_output_only(channels) }
        }));
        if self.channels[0].is_empty() {
            // SAFETY: no port has a buffer, so none is shorter than the block.
            audio_in = unsafe { InputAudioBuffers::from_raw_buffers(&[], block.frames) };
        }
        if self.channels[1].is_empty() {
            // SAFETY: as above.
            audio_out = unsafe { OutputAudioBuffers::from_raw_buffers(&mut [], block.frames) };
        }

        processor.access_shared_handler(|shared| shared.in_audio.store(true, Ordering::Relaxed));
        let done =
            processor.as_started_mut().map_err(|_| HostError::State("processing")).and_then(|started| {
                started
                    .process(
                        &audio_in,
                        &mut audio_out,
                        &self.events_in.as_input(),
                        &mut self.events_out.as_output(),
                        Some(block.steady),
                        Some(&convert::transport(block)),
                    )
                    .map_err(|error| HostError::refused(format!("process a block: {error}")))
            });
        processor.access_shared_handler(|shared| shared.in_audio.store(false, Ordering::Relaxed));
        done?;

        if outputs.iter().any(|channel| channel[..frames].iter().any(|sample| !sample.is_finite())) {
            return Err(HostError::Audio { steady: block.steady });
        }
        let mut before = 0;
        for event in &self.events_out {
            let time = event.header().time();
            if time >= block.frames {
                return Err(HostError::OutOfBlock { time: time.into(), frames: block.frames });
            }
            if time < before {
                return Err(HostError::OutOfOrder { time: time.into(), before: before.into() });
            }
            before = time;
            output.extend(convert::read(event, block, &self.params));
        }
        self.pump();
        Ok(())
    }
}

impl Drop for ClapHost {
    fn drop(&mut self) {
        self.deactivate();
    }
}
