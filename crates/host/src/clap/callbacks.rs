//! What the plugin may ask of the host.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use clack_extensions::gui::{GuiSize, HostGui, HostGuiImpl};
use clack_extensions::latency::{HostLatency, HostLatencyImpl};
use clack_extensions::note_ports::{HostNotePorts, HostNotePortsImpl, NoteDialects, NotePortRescanFlags};
use clack_extensions::params::{
    HostParams, HostParamsImplMainThread, HostParamsImplShared, ParamClearFlags, ParamRescanFlags,
};
use clack_extensions::state::{HostState, HostStateImpl};
use clack_extensions::tail::{HostTail, HostTailImpl};
use clack_extensions::thread_check::{HostThreadCheck, HostThreadCheckImpl};
use clack_host::prelude::*;

/// The host's types, as clack wants them.
pub struct Handlers;

/// What any thread may ask for: noted here, answered when the host's thread comes by.
pub struct Shared {
    pub callback: AtomicBool,
    pub restart: AtomicBool,
    pub flush: AtomicBool,
    /// The size that the editor has asked for last.
    pub size: Mutex<Option<(u32, u32)>>,
    /// The thread that is in an audio-thread call.
    audio: Mutex<Option<ThreadId>>,
    main: ThreadId,
}

impl Shared {
    pub fn new() -> Self {
        Shared {
            callback: AtomicBool::new(false),
            restart: AtomicBool::new(false),
            flush: AtomicBool::new(false),
            size: Mutex::default(),
            audio: Mutex::default(),
            main: thread::current().id(),
        }
    }

    /// This thread begins or ends an audio-thread call.
    pub fn in_audio(&self, begins: bool) {
        let thread = begins.then(|| thread::current().id());
        *self.audio.lock().unwrap_or_else(PoisonError::into_inner) = thread;
    }

    fn is_in_audio(&self) -> bool {
        let audio = *self.audio.lock().unwrap_or_else(PoisonError::into_inner);
        audio == Some(thread::current().id())
    }
}

impl SharedHandler<'_> for Shared {
    fn request_restart(&self) {
        self.restart.store(true, Ordering::Relaxed);
    }

    /// The tests and the bounce process without a pause, so there is nothing to wake.
    fn request_process(&self) {}

    fn request_callback(&self) {
        self.callback.store(true, Ordering::Release);
    }
}

impl HostParamsImplShared for Shared {
    fn request_flush(&self) {
        self.flush.store(true, Ordering::Relaxed);
    }
}

impl HostThreadCheckImpl for Shared {
    fn is_main_thread(&self) -> bool {
        thread::current().id() == self.main && !self.is_in_audio()
    }

    fn is_audio_thread(&self) -> bool {
        self.is_in_audio()
    }
}

impl HostGuiImpl for Shared {
    fn resize_hints_changed(&self) {}

    fn request_resize(&self, size: GuiSize) -> Result<(), clack_host::host::HostError> {
        let size = Some((size.width, size.height));
        *self.size.lock().unwrap_or_else(PoisonError::into_inner) = size;
        Ok(())
    }

    fn request_show(&self) -> Result<(), clack_host::host::HostError> {
        Ok(())
    }

    fn request_hide(&self) -> Result<(), clack_host::host::HostError> {
        Ok(())
    }

    fn closed(&self, _: bool) {}
}

/// What the plugin tells the main thread, counted.
#[derive(Default)]
pub struct Main {
    /// Parameter names, texts or values changed.
    pub rescans: Cell<u32>,
    /// The plugin's state changed.
    pub dirty: Cell<u32>,
}

impl MainThreadHandler<'_> for Main {}

impl HostParamsImplMainThread for Main {
    fn rescan(&self, _: ParamRescanFlags) {
        self.rescans.set(self.rescans.get() + 1);
    }

    fn clear(&self, _: ClapId, _: ParamClearFlags) {}
}

impl HostStateImpl for Main {
    fn mark_dirty(&self) {
        self.dirty.set(self.dirty.get() + 1);
    }
}

impl HostLatencyImpl for Main {
    fn changed(&self) {}
}

impl HostNotePortsImpl for Main {
    fn supported_dialects(&self) -> NoteDialects {
        NoteDialects::CLAP | NoteDialects::MIDI
    }

    fn rescan(&self, _: NotePortRescanFlags) {}
}

/// The audio thread's side; nothing is kept there.
pub struct Audio;

impl AudioProcessorHandler<'_> for Audio {}

impl HostTailImpl for Audio {
    fn changed(&mut self) {}
}

impl HostHandlers for Handlers {
    type Shared<'a> = Shared;
    type MainThread<'a> = Main;
    type AudioProcessor<'a> = Audio;

    fn declare_extensions(builder: &mut HostExtensions<Self>, _: &Shared) {
        builder
            .register::<HostGui>()
            .register::<HostLatency>()
            .register::<HostNotePorts>()
            .register::<HostParams>()
            .register::<HostState>()
            .register::<HostTail>()
            .register::<HostThreadCheck>();
    }
}
