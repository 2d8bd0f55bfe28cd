//! The plugin's audio side: one thread at a time has it, through the gate.

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::process::clap_process;
use rtrb::Producer;
use vst3::Steinberg::Vst::ProcessContext_::StatesAndFlags_::{kProjectTimeMusicValid, kTempoValid};
use vst3::Steinberg::Vst::{AudioBusBuffers, ProcessContext, ProcessData, SymbolicSampleSizes_::kSample32};

use crate::clap::Plugin;
use crate::expressions::Sounding;
use crate::input::Input;
use crate::output::{Edit, Output};
use crate::params::{Param, Params};
use crate::transport::transport;

/// What blocks need. All of it is made before the first of them.
pub struct Audio {
    /// Samples a second.
    pub sample_rate: f64,
    /// The longest block.
    pub max_frames: u32,
    /// The plugin is activated.
    pub active: bool,
    /// The plugin is processing.
    pub started: bool,
    input: Input,
    sounding: Sounding,
    edits: Producer<Edit>,
    /// Two channels of zeros for the plugin's input, then two for output that the host has no place for.
    spare: [Vec<f32>; 4],
    /// Samples since the start.
    steady: i64,
}

/// How a block went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Done {
    /// The plugin processed it.
    pub worked: bool,
    /// The host has something to be told on the main thread.
    pub edited: bool,
}

impl Audio {
    pub fn new(edits: Producer<Edit>) -> Self {
        Audio {
            sample_rate: 44_100.0,
            max_frames: 1024,
            active: false,
            started: false,
            input: Input::new(),
            sounding: Sounding::new(),
            edits,
            spare: Default::default(),
            steady: 0,
        }
    }

    /// Activates the plugin. Allocates.
    pub fn activate(&mut self, plugin: &Plugin) -> bool {
        if !self.active {
            self.spare = std::array::from_fn(|_| vec![0.0; self.max_frames as usize]);
            self.active = plugin.activate(self.sample_rate, self.max_frames);
        }
        self.active
    }

    /// Stops and deactivates the plugin.
    pub fn deactivate(&mut self, plugin: &Plugin) {
        self.stop(plugin);
        if std::mem::take(&mut self.active) {
            plugin.deactivate();
        }
    }

    /// Starts processing, where it is not on. Real-time safe.
    pub fn start(&mut self, plugin: &Plugin) -> bool {
        self.started = self.active && (self.started || plugin.start_processing());
        self.started
    }

    /// Stops processing. Real-time safe.
    pub fn stop(&mut self, plugin: &Plugin) {
        if std::mem::take(&mut self.started) {
            plugin.stop_processing();
        }
    }

    /// Hands the plugin a parameter's value (0..=1), or only takes what it has to tell. Whether that was
    /// something.
    pub fn flush(&mut self, plugin: &Plugin, params: &Params, value: Option<(&Param, f64)>) -> bool {
        if let Some((param, value)) = value {
            self.input.add_value(param, 0, value);
        }
        self.flush_input(plugin, params)
    }

    fn flush_input(&mut self, plugin: &Plugin, params: &Params) -> bool {
        let events = std::ptr::null_mut();
        let (sounding, edits) = (&mut self.sounding, &mut self.edits);
        let mut output = Output { events, sounding, edits, params, beats: (0.0, 0.0), edited: false };
        // SAFETY: both lists live through the call and are not changed by others meanwhile.
        unsafe { plugin.flush(&self.input.params(), &output.list()) };
        let edited = output.edited;
        self.input.clear_params();
        edited
    }

    /// Processes one block. Real-time safe. The outputs are written in any case.
    ///
    /// # Safety
    ///
    /// What `data` points to is as VST3 has it.
    pub unsafe fn process(&mut self, plugin: &Plugin, params: &Params, data: &mut ProcessData) -> Done {
        let frames = u32::try_from(data.numSamples).unwrap_or(0);
        // SAFETY: the caller says so, here and below.
        let buses = unsafe { buses(data.outputs, data.numOutputs) };
        if !self.active || data.symbolicSampleSize != kSample32 as i32 {
            // SAFETY: as above.
            unsafe { silence(buses, frames, data.symbolicSampleSize) };
            return Done { worked: false, edited: false };
        }
        // SAFETY: as above.
        unsafe {
            self.input.add_changes(data.inputParameterChanges, params, frames);
            self.input.add_events(data.inputEvents, frames);
        }
        self.input.sort();
        // A call without samples brings parameters only. A block that is too long breaks the host's own
        // promise: its notes come with the next.
        if frames == 0 || frames > self.max_frames || !self.start(plugin) {
            let edited = self.flush_input(plugin, params);
            // SAFETY: as above.
            unsafe { silence(buses, frames, data.symbolicSampleSize) };
            return Done { worked: frames == 0, edited };
        }
        // SAFETY: as above.
        let context = unsafe { data.processContext.as_ref() };
        // SAFETY: as above.
        let done = unsafe { self.process_frames(plugin, params, frames, context, data, &mut *buses) };
        self.input.clear();
        self.steady += i64::from(frames);
        done
    }

    /// # Safety
    ///
    /// As [`Self::process`], with buffers of `frames` samples.
    unsafe fn process_frames(
        &mut self,
        plugin: &Plugin,
        params: &Params,
        frames: u32,
        context: Option<&ProcessContext>,
        data: &ProcessData,
        buses: &mut [AudioBusBuffers],
    ) -> Done {
        let song = context.map(|context| transport(context, self.sample_rate));
        let [zeros_left, zeros_right, spare_left, spare_right] = &mut self.spare;
        let mut inputs = [zeros_left.as_mut_ptr(), zeros_right.as_mut_ptr()];
        let mut outputs = [spare_left.as_mut_ptr(), spare_right.as_mut_ptr()];
        // SAFETY: the caller says so.
        for (output, channel) in outputs.iter_mut().zip(unsafe { channels(buses.first()) }) {
            if !channel.is_null() {
                *output = *channel;
            }
        }
        let [input, mut output] = [&mut inputs, &mut outputs].map(|channels| clap_audio_buffer {
            data32: channels.as_mut_ptr(),
            data64: std::ptr::null_mut(),
            channel_count: 2,
            latency: 0,
            constant_mask: 0,
        });
        let mut sent = Output {
            events: data.outputEvents,
            sounding: &mut self.sounding,
            edits: &mut self.edits,
            params,
            beats: context.map_or((0.0, 0.0), beats),
            edited: false,
        };
        let (in_events, out_events) = (self.input.list(), sent.list());
        let block = clap_process {
            steady_time: self.steady,
            frames_count: frames,
            transport: song.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
            audio_inputs: &input,
            audio_outputs: &mut output,
            audio_inputs_count: plugin.audio.0.into(),
            audio_outputs_count: plugin.audio.1.into(),
            in_events: &in_events,
            out_events: &out_events,
        };
        // SAFETY: all that the block points to lives through the call.
        let worked = unsafe { plugin.process(&block) };
        let edited = sent.edited;
        let written = buses.len().min((worked && plugin.audio.1).into());
        let (written, others) = buses.split_at_mut(written);
        // SAFETY: the caller says so.
        unsafe {
            written.iter_mut().for_each(|bus| flag_silence(bus, frames));
            silence(others, frames, kSample32 as i32);
        }
        Done { worked, edited }
    }
}

/// The song's position, and quarter notes a sample; zeros where they are not told.
fn beats(context: &ProcessContext) -> (f64, f64) {
    let has = |flag| context.state & flag as u32 != 0;
    if !has(kProjectTimeMusicValid) {
        return (0.0, 0.0);
    }
    let moves = has(kTempoValid) && context.sampleRate > 0.0;
    (context.projectTimeMusic, if moves { context.tempo / (60.0 * context.sampleRate) } else { 0.0 })
}

/// The host's output buses.
///
/// # Safety
///
/// `buses` is null or points to `count` buses.
unsafe fn buses<'a>(buses: *mut AudioBusBuffers, count: i32) -> &'a mut [AudioBusBuffers] {
    match usize::try_from(count) {
        // SAFETY: the caller says so.
        Ok(count) if !buses.is_null() => unsafe { std::slice::from_raw_parts_mut(buses, count) },
        _ => &mut [],
    }
}

/// The channels of a bus of 32-bit samples; some may be null.
///
/// # Safety
///
/// The bus is as VST3 has it.
unsafe fn channels<'a>(bus: Option<&AudioBusBuffers>) -> &'a [*mut f32] {
    let Some(bus) = bus else { return &[] };
    // SAFETY: both members of the union are pointers.
    let channels = unsafe { bus.__field0.channelBuffers32 };
    match usize::try_from(bus.numChannels) {
        // SAFETY: the caller says so.
        Ok(count) if !channels.is_null() => unsafe { std::slice::from_raw_parts(channels, count) },
        _ => &[],
    }
}

/// Fills buses with silence and says so.
///
/// # Safety
///
/// The buses are as VST3 has them and hold `frames` samples of that size.
unsafe fn silence(buses: &mut [AudioBusBuffers], frames: u32, sample_size: i32) {
    let bytes = frames as usize * if sample_size == kSample32 as i32 { 4 } else { 8 };
    for bus in buses {
        // SAFETY: the caller says so; zero bytes are zero in either size of sample.
        unsafe {
            for channel in channels(Some(bus)).iter().filter(|channel| !channel.is_null()) {
                channel.cast::<u8>().write_bytes(0, bytes);
            }
        }
        bus.silenceFlags = all(bus.numChannels);
    }
}

/// Says which channels of a written bus are silent; those that the plugin has not written become so.
///
/// # Safety
///
/// The bus is as VST3 has it and holds `frames` samples.
unsafe fn flag_silence(bus: &mut AudioBusBuffers, frames: u32) {
    let mut flags = 0;
    // SAFETY: the caller says so.
    for (at, &channel) in unsafe { channels(Some(bus)) }.iter().enumerate() {
        if channel.is_null() {
            continue;
        }
        // SAFETY: the caller says so.
        let samples = unsafe { std::slice::from_raw_parts_mut(channel, frames as usize) };
        if at >= 2 {
            samples.fill(0.0);
        }
        if at < 64 && samples.iter().all(|sample| *sample == 0.0) {
            flags |= 1 << at;
        }
    }
    bus.silenceFlags = flags;
}

/// A flag for each of so many channels.
fn all(channels: i32) -> u64 {
    match channels {
        64.. => u64::MAX,
        0..64 => (1 << channels) - 1,
        _ => 0,
    }
}
