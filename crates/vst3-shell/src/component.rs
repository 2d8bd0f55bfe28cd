//! The one class that hosts get: here as a component, with its buses, its activation and its state.

use std::sync::Arc;
use std::sync::atomic::Ordering::*;

use vst3::Steinberg::Vst::{
    BusDirection, BusDirections_, BusInfo, BusInfo_::BusFlags_::kDefaultActive, BusTypes_::kMain,
    IAudioProcessor, IComponent, IComponentTrait, IEditController, IMidiMapping, INoteExpressionController,
    IProcessContextRequirements, IoMode, MediaType, MediaTypes_, RoutingInfo,
};
use vst3::Steinberg::{
    FUnknown, IBStream, IPluginBaseTrait, TBool, TUID, int32, kInternalError, kInvalidArgument, kNoInterface,
    kResultFalse, kResultOk, tresult,
};
use vst3::{Class, ComRef};

use crate::instance::Instance;
use crate::mode::{Mode, Running};
use crate::waker::Source;
use crate::{guard, state, text};

/// Component, processor and controller in one.
pub struct Component {
    /// The instance.
    pub instance: Arc<Instance>,
}

impl Class for Component {
    type Interfaces = (
        IComponent,
        IAudioProcessor,
        IEditController,
        IMidiMapping,
        INoteExpressionController,
        IProcessContextRequirements,
    );
}

/// A bus: one stereo output of audio, and one of events each way.
///
/// No audio input: hosts know instruments with an output and nothing else best (docs/hosts.md).
#[derive(Clone, Copy, PartialEq)]
enum Bus {
    AudioOut,
    EventsIn,
    EventsOut,
}

impl Bus {
    fn find(media: MediaType, direction: BusDirection, index: int32) -> Option<Bus> {
        let (audio, events) = (MediaTypes_::kAudio as i32, MediaTypes_::kEvent as i32);
        let (input, output) = (BusDirections_::kInput as i32, BusDirections_::kOutput as i32);
        match (media, direction, index) {
            (of, to, 0) if (of, to) == (audio, output) => Some(Bus::AudioOut),
            (of, to, 0) if (of, to) == (events, input) => Some(Bus::EventsIn),
            (of, to, 0) if (of, to) == (events, output) => Some(Bus::EventsOut),
            _ => None,
        }
    }
}

impl IPluginBaseTrait for Component {
    unsafe fn initialize(&self, context: *mut FUnknown) -> tresult {
        guard(kInternalError, || {
            let instance = &self.instance;
            instance.signals.claim_main();
            let host = instance.host.as_ref().map_or(std::ptr::null_mut(), |host| host.as_ptr());
            // SAFETY: the host hands in its context, or null; the factory's lives as long as the instance.
            unsafe {
                instance.listen(Source::Host, context);
                instance.listen(Source::Host, host);
            }
            kResultOk
        })
    }

    unsafe fn terminate(&self) -> tresult {
        guard(kInternalError, || {
            self.instance.terminate();
            kResultOk
        })
    }
}

impl IComponentTrait for Component {
    unsafe fn getControllerClassId(&self, _: *mut TUID) -> tresult {
        // The controller is this object.
        kNoInterface
    }

    unsafe fn setIoMode(&self, _: IoMode) -> tresult {
        kResultOk
    }

    unsafe fn getBusCount(&self, media: MediaType, direction: BusDirection) -> int32 {
        Bus::find(media, direction, 0).is_some().into()
    }

    unsafe fn getBusInfo(
        &self,
        media: MediaType,
        direction: BusDirection,
        index: int32,
        info: *mut BusInfo,
    ) -> tresult {
        let Some(bus) = Bus::find(media, direction, index) else { return kInvalidArgument };
        // SAFETY: the host hands in a place for it, or null.
        let Some(info) = (unsafe { info.as_mut() }) else { return kInvalidArgument };
        let (name, channels) = match bus {
            Bus::AudioOut => ("Output", 2),
            Bus::EventsIn => ("Note Input", 16),
            Bus::EventsOut => ("Note Output", 16),
        };
        (info.mediaType, info.direction, info.channelCount) = (media, direction, channels);
        text::write16(&mut info.name, name);
        (info.busType, info.flags) = (kMain as i32, kDefaultActive as u32);
        kResultOk
    }

    unsafe fn getRoutingInfo(&self, from: *mut RoutingInfo, to: *mut RoutingInfo) -> tresult {
        // SAFETY: the host hands in both, or null.
        let (Some(from), Some(to)) = (unsafe { (from.as_ref(), to.as_mut()) }) else {
            return kInvalidArgument;
        };
        let input = BusDirections_::kInput as i32;
        if Bus::find(from.mediaType, input, from.busIndex) != Some(Bus::EventsIn) {
            return kResultFalse;
        }
        *to = *from;
        kResultOk
    }

    unsafe fn activateBus(
        &self,
        media: MediaType,
        direction: BusDirection,
        index: int32,
        _: TBool,
    ) -> tresult {
        if Bus::find(media, direction, index).is_some() { kResultOk } else { kInvalidArgument }
    }

    unsafe fn setActive(&self, state: TBool) -> tresult {
        guard(kInternalError, || {
            let instance = &self.instance;
            let done = if state != 0 {
                // Before the plugin is told, so that nobody reaches its audio side unasked in between.
                instance.active.store(true, Release);
                instance.gate.outside_soon(|audio| audio.activate(&instance.plugin)).unwrap_or(false)
            } else {
                instance.gate.outside_soon(|audio| {
                    // Stopping belongs to the audio thread, as which this one may pass while the gate is
                    // shut.
                    let running = Running::start(Mode::Realtime);
                    audio.stop(&instance.plugin);
                    drop(running);
                    audio.deactivate(&instance.plugin);
                });
                true
            };
            if state == 0 || !done {
                instance.active.store(false, Release);
                instance.settle();
            }
            instance.serve_in_call();
            if done { kResultOk } else { kResultFalse }
        })
    }

    unsafe fn setState(&self, stream: *mut IBStream) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a stream, or null.
            let Some(stream) = (unsafe { ComRef::from_raw(stream) }) else { return kInvalidArgument };
            let Some(bytes) = state::read_all(stream) else { return kResultFalse };
            if !state::load(&self.instance.plugin, &bytes) {
                return kResultFalse;
            }
            for param in self.instance.params.list() {
                param.take_view();
            }
            kResultOk
        })
    }

    unsafe fn getState(&self, stream: *mut IBStream) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a stream, or null.
            let Some(stream) = (unsafe { ComRef::from_raw(stream) }) else { return kInvalidArgument };
            self.instance.settle();
            self.instance.serve_in_call();
            let saved = state::save(&self.instance.plugin);
            if saved.is_some_and(|bytes| state::write_all(stream, &bytes)) { kResultOk } else { kResultFalse }
        })
    }
}
