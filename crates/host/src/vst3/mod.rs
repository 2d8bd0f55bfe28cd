//! The VST3 host: enough of one to play notes through a plugin's instance.

// The bindings' enums are signed on Windows and unsigned elsewhere.
#![allow(clippy::unnecessary_cast)]

mod application;
mod com;
mod convert;
mod editor;
mod module;

use std::ffi::c_void;
use std::path::Path;
use std::sync::Arc;

use vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, BusDirections_, IAudioProcessor, IAudioProcessorTrait,
    IComponent, IComponentHandler, IComponentTrait, IEditController, IEditControllerTrait, IEventList,
    IHostApplication, IMidiMapping, IParameterChanges, MediaTypes_, ParameterInfo,
    ParameterInfo_::ParameterFlags_, ProcessData, ProcessModes_, ProcessSetup, SpeakerArr,
    SymbolicSampleSizes_,
};
use vst3::Steinberg::{FUnknown, IBStream, IPluginBaseTrait, TUID, kResultOk};
use vst3::{ComPtr, ComWrapper};

use crate::{Block, Event, HostError, Instance};
use application::{Application, Handler, Lender};
use com::{Changes, EventList, Stream};
use convert::NoteIds;
use module::Module;

pub use application::{Vst3Edit, Vst3Loop};
pub use editor::{Vst3Controller, Vst3Editor};

/// A parameter as the controller describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Vst3Param {
    /// The plugin's id.
    pub id: u32,
    /// Name for people.
    pub name: String,
    /// The value (0..=1) that a fresh instance has.
    pub default: f64,
    /// Steps between the values; 0 for none.
    pub steps: i32,
    /// It is the host's bypass.
    pub bypass: bool,
    /// Hosts should not show it: a MIDI controller, say.
    pub hidden: bool,
}

/// An instance of a VST3 plugin, with the library it came from. The thread that opens it is the plugin's main
/// thread; processing may go to another one with it, while a [`Vst3Controller`] stays behind.
pub struct Vst3Host {
    params: Vec<Vst3Param>,
    pending: Vec<Event>,
    audio: [Vec<Vec<f32>>; 2],
    setup: Option<ProcessSetup>,
    offline: bool,
    processor: ComPtr<IAudioProcessor>,
    midi: Option<ComPtr<IMidiMapping>>,
    controller: ComPtr<IEditController>,
    /// The controller is an object of its own, to be ended by itself.
    separate: bool,
    component: ComPtr<IComponent>,
    ids: NoteIds,
    around: Option<fn(bool)>,
    run_loop: Vst3Loop,
    /// The host's context.
    _context: ComPtr<IHostApplication>,
    handler: ComWrapper<Handler>,
    // Last, so that the library outlives every object made of its code.
    module: Arc<Module>,
}

/// Keeps a library loaded while it lives, after its instances too.
pub struct Vst3Library(#[expect(dead_code, reason = "held, not used")] Arc<Module>);

fn check(result: i32, what: &str) -> Result<(), HostError> {
    if result == kResultOk { Ok(()) } else { Err(HostError::refused(what)) }
}

fn utf16(text: &[u16]) -> String {
    String::from_utf16_lossy(text.split(|&unit| unit == 0).next().unwrap_or_default())
}

impl Vst3Host {
    /// Loads the library at an absolute path and makes an instance of its first audio class.
    ///
    /// # Errors
    ///
    /// There is no library, it is no VST3, or the instance failed to start.
    pub fn open(path: &Path) -> Result<Self, HostError> {
        Self::with(Module::load(path)?, true)
    }

    /// The same with a host that has no run loop to lend, as those without windows; editors get one from
    /// their frame.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_without_loop(path: &Path) -> Result<Self, HostError> {
        Self::with(Module::load(path)?, false)
    }

    /// An instance of a plugin in this program.
    ///
    /// # Errors
    ///
    /// The instance failed to start.
    ///
    /// # Safety
    ///
    /// `factory` is null or a VST3 factory, with a reference that this takes over.
    pub unsafe fn of(factory: *mut c_void) -> Result<Self, HostError> {
        // SAFETY: the caller says so.
        let factory = unsafe { ComPtr::from_raw(factory.cast()) };
        Self::with(Module::around(factory.ok_or(HostError::Missing("a VST3 factory"))?), true)
    }

    fn with(module: Module, lends_loop: bool) -> Result<Self, HostError> {
        let run_loop = Vst3Loop::default();
        let context = if lends_loop {
            ComWrapper::new(Lender(run_loop.clone())).to_com_ptr::<IHostApplication>()
        } else {
            ComWrapper::new(Application).to_com_ptr::<IHostApplication>()
        };
        let context = context.ok_or(HostError::Missing("a host context"))?;
        let unknown: *mut FUnknown = context.as_ptr().cast();
        module.introduce(unknown);
        let component = module.component()?;
        let handler = ComWrapper::new(Handler::default());
        let handler_pointer = handler.as_com_ref::<IComponentHandler>().map(|of| of.as_ptr());
        let single = component.cast::<IEditController>();
        let separate = single.is_none();
        // SAFETY: the calls come in the standard's order, on objects that are alive, with places of the right
        // types.
        let (controller, processor) = unsafe {
            check(component.initialize(unknown), "initialise its component")?;
            let controller = match single {
                Some(controller) => controller,
                None => {
                    let mut id: TUID = [0; 16];
                    check(component.getControllerClassId(&mut id), "name its controller")?;
                    let controller = module.controller(&id)?;
                    check(controller.initialize(unknown), "initialise its controller")?;
                    controller
                }
            };
            controller.setComponentHandler(handler_pointer.unwrap_or(std::ptr::null_mut()));
            let processor =
                component.cast::<IAudioProcessor>().ok_or(HostError::Missing("an audio processor"))?;
            (controller, processor)
        };
        let mut host = Vst3Host {
            params: Vec::new(),
            pending: Vec::new(),
            audio: [Vec::new(), Vec::new()],
            setup: None,
            offline: false,
            midi: controller.cast(),
            processor,
            controller,
            separate,
            component,
            ids: NoteIds::default(),
            around: None,
            run_loop,
            _context: context,
            handler,
            module: Arc::new(module),
        };
        host.params = host.read_params();
        Ok(host)
    }

    /// The host's main loop, which serves what the plugin wants of the main thread.
    pub fn main_loop(&self) -> Vst3Loop {
        self.run_loop.clone()
    }

    /// The library that the instance is from.
    pub fn library(&self) -> Vst3Library {
        Vst3Library(self.module.clone())
    }

    /// What the plugin has told of its parameters since the last call.
    pub fn edits(&self) -> Vec<Vst3Edit> {
        self.handler.take()
    }

    /// The parameters in the controller's order.
    pub fn params(&self) -> &[Vst3Param] {
        &self.params
    }

    /// The id of the parameter of that name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn param(&self, name: &str) -> Result<u32, HostError> {
        let found = self.params.iter().find(|param| param.name == name);
        found.map(|param| param.id).ok_or_else(|| HostError::NoParameter(name.into()))
    }

    /// The text that the plugin shows for a value (0..=1) of the named parameter.
    ///
    /// # Errors
    ///
    /// There is no such parameter, or the plugin has no text for the value.
    pub fn value_text(&self, name: &str, normalised: f64) -> Result<String, HostError> {
        let mut text = [0; 128];
        // SAFETY: the controller is alive and gets a place for a text.
        let done = unsafe { self.controller.getParamStringByValue(self.param(name)?, normalised, &mut text) };
        check(done, "name a parameter's value")?;
        Ok(utf16(&text.map(|unit| unit as u16)))
    }

    /// Sets a parameter (0..=1) at the start of the next block, in the controller at once.
    ///
    /// # Errors
    ///
    /// There is no such parameter.
    pub fn set(&mut self, name: &str, normalised: f64) -> Result<(), HostError> {
        let id = self.param(name)?;
        // SAFETY: the controller is alive.
        unsafe { self.controller.setParamNormalized(id, normalised) };
        self.pending.push(Event::param(0, id, normalised));
        Ok(())
    }

    /// Says whether the plugin renders offline: with [`Self::start`], and with every block.
    pub fn set_offline(&mut self, offline: bool) {
        self.offline = offline;
    }

    /// Has `around` called with true before and with false after each call in which the plugin processes.
    pub fn watch_processing(&mut self, around: fn(bool)) {
        self.around = Some(around);
    }

    /// Audio buses: inputs and outputs.
    pub fn audio_buses(&self) -> (i32, i32) {
        self.buses(MediaTypes_::kAudio as _)
    }

    /// Event buses: inputs and outputs.
    pub fn event_buses(&self) -> (i32, i32) {
        self.buses(MediaTypes_::kEvent as _)
    }

    fn buses(&self, media: i32) -> (i32, i32) {
        let count = |direction| {
            // SAFETY: the component is alive.
            unsafe { self.component.getBusCount(media, direction) }
        };
        (count(BusDirections_::kInput as _), count(BusDirections_::kOutput as _))
    }

    /// The plugin's state, as the host would keep it in a project.
    ///
    /// # Errors
    ///
    /// The plugin failed to save it.
    pub fn save(&self) -> Result<Vec<u8>, HostError> {
        let stream = ComWrapper::new(Stream::default());
        let pointer = stream.to_com_ptr::<IBStream>().ok_or(HostError::Missing("a stream"))?;
        // SAFETY: both objects are alive.
        check(unsafe { self.component.getState(pointer.as_ptr()) }, "save its state")?;
        Ok(stream.bytes.take())
    }

    /// Gives the plugin a saved state.
    ///
    /// # Errors
    ///
    /// The plugin refuses it.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        let stream = ComWrapper::new(Stream::holding(bytes));
        let pointer = stream.to_com_ptr::<IBStream>().ok_or(HostError::Missing("a stream"))?;
        // SAFETY: both objects are alive.
        check(unsafe { self.component.setState(pointer.as_ptr()) }, "load a state")?;
        let again = ComWrapper::new(Stream::holding(bytes));
        let pointer = again.to_com_ptr::<IBStream>().ok_or(HostError::Missing("a stream"))?;
        // SAFETY: as above.
        unsafe { self.controller.setComponentState(pointer.as_ptr()) };
        Ok(())
    }

    /// Activates at a sample rate (Hz) for blocks of up to `block` samples, and starts processing.
    ///
    /// # Errors
    ///
    /// The plugin refuses a step.
    pub fn start(&mut self, sample_rate: f64, block: u32) -> Result<(), HostError> {
        let mut setup = ProcessSetup {
            processMode: self.mode(),
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
            maxSamplesPerBlock: i32::try_from(block).unwrap_or(i32::MAX),
            sampleRate: sample_rate,
        };
        // SAFETY: the calls come in the standard's order, on objects that are alive.
        unsafe {
            let audio = MediaTypes_::kAudio as _;
            let counts = [BusDirections_::kInput, BusDirections_::kOutput]
                .map(|direction| self.component.getBusCount(audio, direction as _).max(0));
            let [mut ins, mut outs] = counts.map(|count| vec![SpeakerArr::kStereo; count as usize]);
            self.processor.setBusArrangements(ins.as_mut_ptr(), counts[0], outs.as_mut_ptr(), counts[1]);
            for media in [MediaTypes_::kAudio, MediaTypes_::kEvent] {
                for direction in [BusDirections_::kInput, BusDirections_::kOutput] {
                    for bus in 0..self.component.getBusCount(media as _, direction as _) {
                        check(
                            self.component.activateBus(media as _, direction as _, bus, 1),
                            "activate a bus",
                        )?;
                    }
                }
            }
            self.audio = counts.map(|count| vec![vec![0.0; block as usize]; 2 * count as usize]);
            check(self.processor.setupProcessing(&mut setup), "set processing up")?;
            check(self.component.setActive(1), "activate")?;
            self.processor.setProcessing(1);
        }
        self.setup = Some(setup);
        Ok(())
    }

    /// Stops and deactivates.
    pub fn deactivate(&mut self) {
        if self.setup.take().is_some() {
            // SAFETY: both objects are alive.
            unsafe {
                self.processor.setProcessing(0);
                self.component.setActive(0);
            }
        }
    }

    fn mode(&self) -> i32 {
        (if self.offline { ProcessModes_::kOffline } else { ProcessModes_::kRealtime }) as i32
    }

    fn read_params(&self) -> Vec<Vst3Param> {
        // SAFETY: the controller is alive and gets places of the right type.
        unsafe {
            (0..self.controller.getParameterCount())
                .filter_map(|index| {
                    let mut info: ParameterInfo = std::mem::zeroed();
                    let done = self.controller.getParameterInfo(index, &mut info);
                    (done == kResultOk).then(|| Vst3Param {
                        id: info.id,
                        name: utf16(&info.title.map(|unit| unit as u16)),
                        default: info.defaultNormalizedValue,
                        steps: info.stepCount,
                        bypass: info.flags & ParameterFlags_::kIsBypass as i32 != 0,
                        hidden: info.flags & ParameterFlags_::kIsHidden as i32 != 0,
                    })
                })
                .collect()
        }
    }
}

impl Instance for Vst3Host {
    fn process(&mut self, block: &Block, input: &[Event], output: &mut Vec<Event>) -> Result<(), HostError> {
        let setup = self.setup.ok_or(HostError::State("active"))?;
        let (events_in, events_out) =
            (ComWrapper::new(EventList::default()), ComWrapper::new(EventList::with_room()));
        let (changes_in, changes_out) =
            (ComWrapper::new(Changes::default()), ComWrapper::new(Changes::default()));
        let ids = &mut self.ids;
        for mut event in self.pending.drain(..) {
            event.time = block.steady;
            convert::push(&event, block, None, ids, &events_in, &changes_in);
        }
        for event in input {
            convert::push(event, block, self.midi.as_ref(), ids, &events_in, &changes_in);
        }
        let frames = block.frames as usize;
        for channel in &mut self.audio[1] {
            channel[..frames].fill(f32::NAN);
        }
        let mut pointers =
            self.audio.each_mut().map(|side| side.iter_mut().map(|of| of.as_mut_ptr()).collect::<Vec<_>>());
        let [mut ins, mut outs] = pointers.each_mut().map(|side| {
            side.chunks_mut(2)
                .map(|stereo| AudioBusBuffers {
                    numChannels: 2,
                    silenceFlags: 0,
                    __field0: AudioBusBuffers__type0 { channelBuffers32: stereo.as_mut_ptr() },
                })
                .collect::<Vec<_>>()
        });
        let mut context = convert::context(block);
        let missing = HostError::Missing("an interface of the host's own");
        let lists = (
            events_in.to_com_ptr::<IEventList>(),
            events_out.to_com_ptr::<IEventList>(),
            changes_in.to_com_ptr::<IParameterChanges>(),
            changes_out.to_com_ptr::<IParameterChanges>(),
        );
        let (Some(notes_in), Some(notes_out), Some(params_in), Some(params_out)) = lists else {
            return Err(missing);
        };
        let mut data = ProcessData {
            processMode: self.mode(),
            symbolicSampleSize: setup.symbolicSampleSize,
            numSamples: block.frames as i32,
            numInputs: ins.len() as i32,
            numOutputs: outs.len() as i32,
            inputs: ins.as_mut_ptr(),
            outputs: outs.as_mut_ptr(),
            inputParameterChanges: params_in.as_ptr(),
            outputParameterChanges: params_out.as_ptr(),
            inputEvents: notes_in.as_ptr(),
            outputEvents: notes_out.as_ptr(),
            processContext: &mut context,
        };
        let done = {
            self.around.inspect(|around| around(true));
            // SAFETY: everything that `data` points to lives until the call returns, and the buffers hold a
            // whole block.
            let done = unsafe { self.processor.process(&mut data) };
            self.around.inspect(|around| around(false));
            done
        };
        check(done, "process a block")?;

        if self.audio[1].iter().any(|channel| channel[..frames].iter().any(|sample| !sample.is_finite())) {
            return Err(HostError::Audio { steady: block.steady });
        }
        let mut before = 0;
        for event in events_out.0.borrow().iter() {
            let time = event.sampleOffset;
            if !(0..block.frames as i32).contains(&time) {
                return Err(HostError::OutOfBlock { time: time.into(), frames: block.frames });
            }
            if time < before {
                return Err(HostError::OutOfOrder { time: time.into(), before: before.into() });
            }
            before = time;
            output.extend(convert::read(event, block, &mut self.ids));
        }
        for (id, offset, value) in changes_out.points() {
            output.push(Event::param(block.steady + u64::try_from(offset).unwrap_or(0), id, value));
        }
        Ok(())
    }
}

impl Drop for Vst3Host {
    fn drop(&mut self) {
        self.deactivate();
        // SAFETY: the objects are alive, and nothing is called on them afterwards but their release.
        unsafe {
            self.controller.setComponentHandler(std::ptr::null_mut());
            if self.separate {
                self.controller.terminate();
            }
            self.component.terminate();
        }
    }
}
