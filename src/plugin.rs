//! The Plugin trait: wiring only.
//!
//! A VST3 host may change the process mode with every block and CLAP has no call for that:
//! `vst3_shell::mode()` tells the mode of the block that runs.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nice_plug::prelude::*;

use crate::audio::clock::Transport;
use crate::audio::event::{Event, Io};
use crate::audio::stage::Choice;
use crate::audio::{Audio, Block};
use crate::editor::{self, EditorApp};
use crate::link::{self, Desk, Shared, Watch};
use crate::packs::Selection;
use crate::params::PluginParams;
use crate::unload;
use crate::worker::Worker;

/// The plugin as a VST3: `vst3-shell` wraps the CLAP. The class id stands in projects and never changes.
///
/// VST3 has no category for MIDI effects. In Live, Cubase, FL Studio and Studio One the way to use one is a
/// track of its own whose notes a second track takes, and those hosts let only instruments onto such a track.
/// As an audio effect it would get no notes there at all. The price: dropped on a track in Live it replaces
/// the synth.
pub const VST3: vst3_shell::Description = vst3_shell::Description {
    class_id: *b"ContrafactMidiFx",
    clap_id: c"org.contrafact.contrafact",
    name: Contrafact::NAME,
    vendor: Contrafact::VENDOR,
    url: Contrafact::URL,
    email: Contrafact::EMAIL,
    version: Contrafact::VERSION,
    subcategories: "Instrument|Tools",
};

/// How long a closed window's thread is waited for when an instance goes. It takes some milliseconds.
const LEAVING: Duration = Duration::from_secs(2);

/// One instance.
pub struct Contrafact {
    params: Arc<PluginParams>,
    selection: Arc<Selection>,
    shared: Arc<Shared>,
    audio: Box<Audio>,
    /// The threads of the editor's windows.
    windows: Arc<unload::Threads>,
    /// The editor's end of what the audio thread shows, until there is an editor.
    watch: Option<Watch>,
    offline: bool,
    born: Instant,
    /// The audio side has panicked, which is a fault of ours: notes pass at once from then on.
    broken: bool,
}

impl Default for Contrafact {
    fn default() -> Self {
        if cfg!(windows) {
            unload::stay();
        }
        let shared = Arc::new(Shared::default());
        let (desk, seat) = match Worker::shared() {
            Ok(worker) => {
                let (desk, seat) = worker.enter(shared.clone());
                (desk, Ok(seat))
            }
            Err(error) => {
                let reason =
                    format!("no thread could be started for the network ({error}); load the plugin anew");
                (Desk::alone(), Err(reason))
            }
        };
        let selection = Arc::new(Selection::new(shared.clone(), seat));
        let params = Arc::new(PluginParams::new(selection.clone(), &shared));
        let mut audio = Box::new(Audio::new(desk, shared.clone()));
        let (show, watch) = link::ends();
        audio.show(show);
        Self {
            windows: Arc::default(),
            watch: Some(watch),
            params,
            selection,
            shared,
            audio,
            offline: false,
            born: Instant::now(),
            broken: false,
        }
    }
}

impl Drop for Contrafact {
    fn drop(&mut self) {
        // Others may hold the selection longer (an editor's window whose thread is slow to go); the worker's
        // thread must not outlive the last instance, for the host may unload the library next.
        self.selection.leave();
        // Hosts close the window first. One that has not must not wait for it.
        if !self.shared.is_watched() {
            self.windows.wait(LEAVING);
        }
    }
}

impl Plugin for Contrafact {
    const NAME: &'static str = "Contrafact";
    const VENDOR: &'static str = "Contrafact";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    /// Live and others refuse a plugin without audio, so there is a stereo bus each way; what comes in goes
    /// out.
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[AudioIOLayout {
        main_input_channels: NonZeroU32::new(2),
        main_output_channels: NonZeroU32::new(2),
        ..AudioIOLayout::const_default()
    }];
    /// With notes out declared, hosts no longer pass controllers on: who eats the sustain pedal must hand it
    /// on.
    const MIDI_INPUT: MidiConfig = MidiConfig::MidiCCs;
    const MIDI_OUTPUT: MidiConfig = MidiConfig::MidiCCs;
    /// The shim splits blocks where parameters change: nice-plug 0.4.2 gives wrong positions after a
    /// transport event inside a block when this is on.
    const SAMPLE_ACCURATE_AUTOMATION: bool = false;
    /// More would make its queue allocate; the shim lets no more through.
    const INPUT_EVENT_CAPACITY: usize = clap_shim::ROOM;

    type Editor = editor::Window;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.params.clone()
    }

    fn editor(&mut self, _: AsyncExecutor<Self>) -> Option<Self::Editor> {
        let (params, selection) = (self.params.clone(), self.selection.clone());
        let (shared, windows) = (self.shared.clone(), self.windows.clone());
        editor::create(EditorApp::new(params, selection, shared, self.watch.take()?, windows))
    }

    fn filter_state(state: &mut PluginState) {
        PluginParams::complete(state);
    }

    fn activate(
        &mut self,
        _: &AudioIOLayout,
        config: &BufferConfig,
        _: &mut impl ActivateContext<Self>,
    ) -> bool {
        self.offline = config.process_mode == ProcessMode::Offline;
        self.audio.set_sample_rate(config.sample_rate.into());
        true
    }

    fn reset(&mut self) {
        self.audio.reset();
    }

    fn stop_processing(&mut self) {
        self.audio.reset();
    }

    fn deactivate(&mut self) {
        self.audio.reset();
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let frames = buffer.samples() as u32;
        for sample in buffer.as_slice().iter_mut().flat_map(|channel| channel.iter_mut()) {
            // The host's input passes, but for what slows processors down or is no number.
            *sample = if sample.is_normal() { *sample } else { 0.0 };
        }
        let transport = context.transport();
        let block = Block {
            transport: Transport {
                playing: transport.playing,
                tempo: transport.tempo,
                beats: transport.pos_beats(),
                cycle: transport.loop_range_beats(),
                bar: transport.bar_start_pos_beats().zip(bar_beats(transport)),
            },
            frames,
            settings: self.params.settings(),
            options: self.params.options(),
            realigned: self.shared.realigned(),
            panics: self.shared.panics(),
            loaded: self.shared.loaded(),
            bypass: self.params.bypass.value(),
            // VST3 hosts tell it with every block.
            offline: vst3_shell::mode().map_or(self.offline, |mode| mode == vst3_shell::Mode::Offline),
            now: self.born.elapsed(),
            goes_on: clap_shim::goes_on(),
        };
        let mut io = HostIo { context, params: &self.params, plugin: std::marker::PhantomData };
        if !self.broken {
            match catch_unwind(AssertUnwindSafe(|| self.audio.process(&block, &mut io))) {
                Ok(true) => return ProcessStatus::KeepAlive,
                Ok(false) => return ProcessStatus::Normal,
                Err(_) => {
                    self.broken = true;
                    self.shared.break_down();
                    // What sounds has nobody else to end it. Should this fail too, the rest of the events
                    // still pass.
                    let _ = catch_unwind(AssertUnwindSafe(|| self.audio.give_up(frames, &mut io)));
                }
            }
        }
        while let Some(event) = io.next() {
            io.send(event);
        }
        ProcessStatus::Normal
    }
}

/// A bar's length in quarter notes, where the host names a time signature.
fn bar_beats(transport: &nice_plug::prelude::Transport) -> Option<f64> {
    let (numerator, denominator) = (transport.time_sig_numerator?, transport.time_sig_denominator?);
    (numerator > 0 && denominator > 0).then(|| 4.0 * f64::from(numerator) / f64::from(denominator))
}

/// The host's event queues of one block.
struct HostIo<'a, P: Plugin, C: ProcessContext<P>> {
    context: &'a mut C,
    params: &'a PluginParams,
    plugin: std::marker::PhantomData<P>,
}

impl<P: Plugin<SysExMessage = ()>, C: ProcessContext<P>> Io for HostIo<'_, P, C> {
    fn next(&mut self) -> Option<Event> {
        self.context.next_event()
    }

    fn send(&mut self, event: Event) {
        // The shim keeps a note-off that the host will not take; another event that finds no room is lost.
        let _ = self.context.try_send_event(event);
    }

    fn choose(&mut self, choice: Choice, sample: u32) {
        for (id, value) in self.params.chosen(choice) {
            // Where the host's queue is full it counts for this block only.
            let _ = clap_shim::set_parameter(id, value, sample);
        }
    }
}

impl ClapPlugin for Contrafact {
    const CLAP_ID: &'static str = "org.contrafact.contrafact";
    const CLAP_DESCRIPTION: Option<&'static str> = Some(env!("CARGO_PKG_DESCRIPTION"));
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[ClapFeature::NoteEffect, ClapFeature::Utility];
}
