//! One instance: the CLAP object, what surrounds it, and who may ask it when.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap_sys::entry::clap_plugin_entry;
use rtrb::{Consumer, RingBuffer};
use vst3::ComPtr;
use vst3::Steinberg::Vst::{IComponentHandler, IComponentHandlerTrait};
use vst3::Steinberg::{FUnknown, IPlugFrame, IPlugFrameTrait, IPlugView, ViewRect};

use crate::audio::Audio;
use crate::clap::Plugin;
use crate::controllers::Shown;
use crate::description::Description;
use crate::gate::Gate;
use crate::output::{EDITS, Edit};
use crate::params::{Param, Params};
use crate::signals::Signals;
use crate::waker::{Serve, Source};

/// Without a block for so long the host is taken to rest, and the main thread may reach the plugin's audio
/// side.
const REST: Duration = Duration::from_millis(300);

/// Everything that component, processor, controller and view share.
pub struct Instance {
    /// What is wanted of the main thread.
    pub signals: Arc<Signals>,
    /// The parameters.
    pub params: Params,
    /// The host's view of the hidden parameters.
    pub controllers: Shown,
    /// The plugin's audio side.
    pub gate: Gate<Audio>,
    /// The CLAP object.
    pub plugin: ManuallyDrop<Plugin>,
    /// The host's context as the factory knows it.
    pub host: Option<ComPtr<FUnknown>>,
    edits: Mutex<Consumer<Edit>>,
    handler: Mutex<Option<ComPtr<IComponentHandler>>>,
    editor: Mutex<Editor>,
    /// The main thread is in a call of the editor's or serves: what it is asked meanwhile waits.
    busy: AtomicBool,
    /// The host has activated the component.
    pub active: AtomicBool,
}

/// The editor's surroundings.
#[derive(Default)]
struct Editor {
    /// The view that is attached.
    open: Option<View>,
    frame: Option<ComPtr<IPlugFrame>>,
    scale: Option<f64>,
}

/// A view's address: an identity, and what its frame wants to be told.
#[derive(Clone, Copy, PartialEq)]
pub struct View(pub *mut IPlugView);

// SAFETY: the pointer is compared anywhere but followed by the host alone, on the main thread, while it is
// attached.
unsafe impl Send for View {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Instance {
    /// An instance around a new CLAP object; `None` where there is no such plugin. On the main thread.
    pub fn new(
        entry: &clap_plugin_entry,
        description: &Description,
        host: Option<ComPtr<FUnknown>>,
    ) -> Option<Arc<Instance>> {
        let signals = Arc::new(Signals::new());
        let plugin = Plugin::new(entry, description, signals.clone())?;
        let (producer, consumer) = RingBuffer::new(EDITS);
        Some(Arc::new(Instance {
            signals,
            params: Params::new(&plugin.param_infos()),
            controllers: Shown::new(),
            gate: Gate::new(Audio::new(producer)),
            plugin: ManuallyDrop::new(plugin),
            host,
            edits: Mutex::new(consumer),
            handler: Mutex::default(),
            editor: Mutex::default(),
            busy: AtomicBool::new(false),
            active: AtomicBool::new(false),
        }))
    }

    /// Uses the run loop of a host object to be called on the main thread. On it.
    ///
    /// # Safety
    ///
    /// `from` is null or alive.
    pub unsafe fn listen(self: &Arc<Self>, source: Source, from: *mut FUnknown) {
        let target: Arc<dyn Serve> = self.clone();
        // SAFETY: the caller says so.
        unsafe { self.signals.waker.listen(source, from, Arc::downgrade(&target)) };
        if self.signals.is_pending() {
            self.signals.waker.wake();
        }
    }

    /// The host's side for edits and news.
    pub fn set_handler(&self, handler: Option<ComPtr<IComponentHandler>>) {
        let before = std::mem::replace(&mut *lock(&self.handler), handler);
        drop(before);
    }

    /// Does what has been noted. On the main thread; on another one, and inside of a call of the editor's,
    /// nothing.
    pub fn serve(&self) {
        if !self.signals.is_pending() || !self.signals.is_main() || self.busy.swap(true, AcqRel) {
            return;
        }
        let taken = self.signals.take();
        if taken.callback {
            self.plugin.on_main_thread();
        }
        if self.signals.wants_flush() && self.may_reach_audio() {
            self.signals.flushing();
            self.gate.outside(|audio| audio.flush(&self.plugin, &self.params, None));
        }
        self.report_edits();
        if let Some(size) = taken.size {
            self.resize(size);
        }
        if taken.close {
            self.close();
        }
        if taken.changes != 0
            && let Some(handler) = self.handler()
        {
            // SAFETY: the handler is alive, and this is the main thread.
            unsafe { handler.restartComponent(taken.changes) };
        }
        self.busy.store(false, Release);
    }

    /// The same, inside of a call by the host, and only where no run loop would ever call: hosts are told
    /// things then while they ask for others.
    pub fn serve_in_call(&self) {
        if !self.signals.waker.is_listening() {
            self.serve();
        }
    }

    fn handler(&self) -> Option<ComPtr<IComponentHandler>> {
        lock(&self.handler).clone()
    }

    /// Tells the host what a user did in the editor.
    fn report_edits(&self) {
        let handler = self.handler();
        // One at a time, so that the lock is not held while the host is called.
        let next = || lock(&self.edits).pop().ok();
        while let Some(edit) = next() {
            let Some(handler) = &handler else { continue };
            // SAFETY: the handler is alive, and this is the main thread.
            unsafe {
                match edit {
                    Edit::Begin(id) => handler.beginEdit(id),
                    Edit::Set(id, value) => handler.performEdit(id, value),
                    Edit::End(id) => handler.endEdit(id),
                };
            }
        }
    }

    /// Whether the plugin's audio side may be reached from other threads: no block is expected soon.
    fn may_reach_audio(&self) -> bool {
        !self.active.load(Acquire) || self.gate.resting(REST)
    }

    /// The host sets a parameter (0..=1) from a thread that is not the audio thread.
    ///
    /// While blocks are processed the host sends the value there too, sample by sample; then this is for its
    /// views.
    pub fn set(&self, param: &Param, value: f64) {
        let reached = self.may_reach_audio()
            && self
                .gate
                .outside(|audio| {
                    param.take_view();
                    audio.flush(&self.plugin, &self.params, Some((param, value)))
                })
                .is_some();
        if !reached {
            param.show(value);
        }
    }

    /// Hands the plugin what only the host's views show, if blocks have stopped before it could come with
    /// one.
    pub fn settle(&self) {
        if !self.may_reach_audio() {
            return;
        }
        for param in self.params.list() {
            if let Some(value) = param.take_view() {
                self.set(param, value);
            }
        }
    }

    /// Runs a call of the editor's: what comes up meanwhile is served afterwards. On the main thread.
    pub fn with_editor<R>(&self, call: impl FnOnce(&Plugin) -> R) -> R {
        let was_busy = self.busy.swap(true, AcqRel);
        let result = call(&self.plugin);
        if !was_busy {
            self.busy.store(false, Release);
            self.serve();
        }
        result
    }

    /// Opens the editor for a view in the host's window. This thread is the main thread from now on.
    pub fn open(&self, view: View, parent: *mut std::ffi::c_void) -> bool {
        let scale = {
            let mut editor = lock(&self.editor);
            if editor.open.is_some() {
                return false;
            }
            editor.open = Some(view);
            editor.scale
        };
        self.signals.claim_main();
        let opened = self.with_editor(|plugin| plugin.open_editor(parent, scale));
        if !opened {
            lock(&self.editor).open = None;
        }
        opened
    }

    /// Closes the editor if it is that view's, on the main thread; elsewhere it is left to that.
    pub fn close_view(&self, view: View) {
        if self.is_open(view) {
            if self.signals.is_main() {
                self.close();
            } else {
                self.signals.want_close();
            }
        }
    }

    /// Whether the editor is open in that view.
    pub fn is_open(&self, view: View) -> bool {
        lock(&self.editor).open == Some(view)
    }

    fn close(&self) {
        let open = lock(&self.editor).open.take();
        if open.is_some() {
            self.with_editor(Plugin::close_editor);
        }
        // What was held in the window is held no more, though the plugin may not have said so.
        self.params.list().iter().for_each(|param| param.hold(false));
    }

    /// The frame around the view.
    pub fn set_frame(&self, frame: Option<ComPtr<IPlugFrame>>) {
        let before = std::mem::replace(&mut lock(&self.editor).frame, frame);
        drop(before);
    }

    /// Pixels to a point.
    pub fn set_scale(&self, scale: f64) {
        let open = {
            let mut editor = lock(&self.editor);
            editor.scale = Some(scale);
            editor.open.is_some()
        };
        if open && self.signals.is_main() {
            self.with_editor(|plugin| plugin.set_editor_scale(scale));
        }
    }

    /// Asks the frame for room.
    fn resize(&self, (width, height): (u32, u32)) {
        let (open, frame) = {
            let editor = lock(&self.editor);
            (editor.open, editor.frame.clone())
        };
        if let (Some(View(view)), Some(frame)) = (open, frame) {
            let mut size = ViewRect { left: 0, top: 0, right: width as i32, bottom: height as i32 };
            // SAFETY: the view is attached, so it is alive, as is the frame.
            unsafe { frame.resizeView(view, &mut size) };
        }
    }

    /// The host ends the instance. On the main thread.
    pub fn terminate(&self) {
        if self.signals.is_main() {
            self.close();
            self.settle();
        }
        self.set_handler(None);
        self.set_frame(None);
        self.signals.waker.leave(Source::Frame);
        self.signals.waker.leave(Source::Host);
    }
}

impl Serve for Instance {
    fn serve_from_loop(&self) {
        // Whoever runs the loop is the main thread; an open editor has settled who that is.
        if lock(&self.editor).open.is_none() {
            self.signals.claim_main();
        }
        self.serve();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if lock(&self.editor).open.is_some() && !self.signals.is_main() {
            // An editor that ends on a foreign thread would take the host with it. Rather one instance too
            // many.
            return;
        }
        self.close();
        self.gate.outside_soon(|audio| audio.deactivate(&self.plugin));
        // SAFETY: nothing uses the plugin afterwards.
        unsafe { ManuallyDrop::drop(&mut self.plugin) };
    }
}
