//! The class as an audio processor.

use vst3::Steinberg::Vst::{
    BusDirection, BusDirections_, IAudioProcessorTrait, IProcessContextRequirementsTrait, ProcessData,
    ProcessSetup, SpeakerArr, SpeakerArrangement, SymbolicSampleSizes_::kSample32, kInfiniteTail,
};
use vst3::Steinberg::{
    TBool, int32, kInternalError, kInvalidArgument, kResultFalse, kResultOk, kResultTrue, tresult, uint32,
};

use crate::component::Component;
use crate::guard;
use crate::mode::{Mode, Running};
use crate::transport::REQUIREMENTS;

impl IAudioProcessorTrait for Component {
    unsafe fn setBusArrangements(
        &self,
        _: *mut SpeakerArrangement,
        inputs: int32,
        outputs: *mut SpeakerArrangement,
        count: int32,
    ) -> tresult {
        // SAFETY: the host hands in as many arrangements as it says.
        let stereo = inputs == 0
            && count == 1
            && unsafe { outputs.as_ref() }.is_some_and(|output| *output == SpeakerArr::kStereo);
        if stereo { kResultTrue } else { kResultFalse }
    }

    unsafe fn getBusArrangement(
        &self,
        direction: BusDirection,
        index: int32,
        arrangement: *mut SpeakerArrangement,
    ) -> tresult {
        if direction != BusDirections_::kOutput as i32 || index != 0 || arrangement.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the host hands in a place for it.
        unsafe { arrangement.write(SpeakerArr::kStereo) };
        kResultOk
    }

    unsafe fn canProcessSampleSize(&self, size: int32) -> tresult {
        if size == kSample32 as i32 { kResultTrue } else { kResultFalse }
    }

    unsafe fn getLatencySamples(&self) -> uint32 {
        guard(0, || self.instance.plugin.latency())
    }

    unsafe fn setupProcessing(&self, setup: *mut ProcessSetup) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a setup, or null.
            let Some(setup) = (unsafe { setup.as_ref() }) else { return kInvalidArgument };
            let rate_is_usable = setup.sampleRate.is_finite() && setup.sampleRate > 0.0;
            let max_frames = u32::try_from(setup.maxSamplesPerBlock).unwrap_or(0);
            if setup.symbolicSampleSize != kSample32 as i32 || !rate_is_usable || max_frames == 0 {
                return kResultFalse;
            }
            let instance = &self.instance;
            let done = instance.gate.outside_soon(|audio| {
                (!audio.active).then(|| {
                    (audio.sample_rate, audio.max_frames) = (setup.sampleRate, max_frames);
                    instance.plugin.set_mode(Mode::of(setup.processMode));
                })
            });
            if done.flatten().is_some() { kResultOk } else { kResultFalse }
        })
    }

    unsafe fn setProcessing(&self, state: TBool) -> tresult {
        guard(kInternalError, || {
            let instance = &self.instance;
            let done = instance.gate.outside_soon(|audio| {
                // Some hosts call from the audio thread, some from the main thread; with the gate shut it is
                // the same.
                let _running = Running::start(Mode::Realtime);
                if state == 0 {
                    audio.stop(&instance.plugin);
                    return true;
                }
                audio.start(&instance.plugin)
            });
            if done == Some(true) { kResultOk } else { kResultFalse }
        })
    }

    unsafe fn process(&self, data: *mut ProcessData) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a block, or null.
            let Some(data) = (unsafe { data.as_mut() }) else { return kInvalidArgument };
            let instance = &self.instance;
            let done = {
                let Some(mut audio) = instance.gate.enter() else { return kResultFalse };
                let _running = Running::start(Mode::of(data.processMode));
                if audio.active {
                    // What the plugin has to tell comes with the block.
                    instance.signals.flushing();
                }
                // SAFETY: the host hands in a whole block.
                unsafe { audio.process(&instance.plugin, &instance.params, data) }
            };
            if done.edited {
                instance.signals.wake();
            }
            if done.worked { kResultOk } else { kResultFalse }
        })
    }

    unsafe fn getTailSamples(&self) -> uint32 {
        // Answers come whole phrases after what was played: never to be put to sleep.
        kInfiniteTail
    }
}

impl IProcessContextRequirementsTrait for Component {
    unsafe fn getProcessContextRequirements(&self) -> uint32 {
        REQUIREMENTS
    }
}
