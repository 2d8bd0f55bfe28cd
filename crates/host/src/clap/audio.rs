//! The audio side of an active instance.

use clack_host::prelude::*;

use super::callbacks::Handlers;
use super::{Param, convert};
use crate::{Block, Event, HostError, Instance};

/// Processes blocks, on whichever thread has it. What the plugin wants of the main thread meanwhile waits
/// there.
pub struct ClapAudio {
    pub(super) processor: PluginAudioProcessor<Handlers>,
    params: Vec<Param>,
    /// Channels of each audio port: inputs, outputs.
    channels: [Vec<u32>; 2],
    /// One buffer a channel: inputs, outputs.
    buffers: [Vec<Vec<f32>>; 2],
    events_in: EventBuffer,
    events_out: EventBuffer,
    around: Option<Around>,
}

/// Runs the call that it is handed, in which the plugin processes.
pub type Around = fn(&mut dyn FnMut());

impl ClapAudio {
    /// The side of a processor, with buffers for blocks of up to `block` samples.
    pub(super) fn new(
        processor: PluginAudioProcessor<Handlers>,
        params: &[Param],
        channels: &[Vec<u32>; 2],
        block: u32,
    ) -> Self {
        let buffers = |ports: &Vec<u32>| vec![vec![0.0; block as usize]; ports.iter().sum::<u32>() as usize];
        ClapAudio {
            processor,
            params: params.to_vec(),
            channels: channels.clone(),
            buffers: channels.each_ref().map(buffers),
            events_in: EventBuffer::new(),
            // Room beforehand: a plugin that is built in and watched for allocations fills it in its own
            // call.
            events_out: EventBuffer::with_capacity(256),
            around: None,
        }
    }

    /// Has `around` run every call in which the plugin processes, and nothing else of the host's.
    pub fn watch_processing(&mut self, around: Around) {
        self.around = Some(around);
    }
}

impl Instance for ClapAudio {
    fn process(&mut self, block: &Block, input: &[Event], output: &mut Vec<Event>) -> Result<(), HostError> {
        let processor = &mut self.processor;
        self.events_in.clear();
        self.events_out.clear();
        for event in input {
            convert::push(&mut self.events_in, block, event, &self.params);
        }
        let frames = block.frames as usize;
        let [inputs, outputs] = &mut self.buffers;
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

        processor.access_shared_handler(|shared| shared.in_audio(true));
        let (events_in, mut events_out) = (self.events_in.as_input(), self.events_out.as_output());
        let mut done = Err(HostError::State("processing"));
        if let Ok(started) = processor.as_started_mut() {
            let transport = convert::transport(block);
            let mut result = None;
            let mut call = || {
                let (steady, transport) = (Some(block.steady), Some(&transport));
                result = Some(started.process(
                    &audio_in,
                    &mut audio_out,
                    &events_in,
                    &mut events_out,
                    steady,
                    transport,
                ));
            };
            match self.around {
                Some(around) => around(&mut call),
                None => call(),
            }
            done = match result {
                Some(Err(error)) => Err(HostError::refused(format!("process a block: {error}"))),
                _ => Ok(()),
            };
        }
        processor.access_shared_handler(|shared| shared.in_audio(false));
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
        Ok(())
    }
}
