//! What an instance's threads share: meters and the pack in words. The editor reads it, the audio thread only atomics.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use nice_plug_egui::{EguiEditorState, RepaintNotifier};

use crate::frozen::Frozen;
use crate::history::History;

/// What the audio thread is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Nothing rolls and nothing is played.
    #[default]
    Resting,
    /// Bypassed: notes pass at once.
    Bypassed,
    /// Time runs, but nothing was played in this phrase.
    Listening,
    /// Notes of this phrase wait to be answered.
    Playing,
}

/// Figures for the editor; written by the audio thread and the worker. Everything here is relaxed: each figure stands
/// for itself.
#[derive(Debug, Default)]
pub struct Meters {
    stage: AtomicU8,
    /// Beats until the next line, as the bits of an `f32`.
    beats: AtomicU32,
    late: AtomicU32,
    timeouts: AtomicU32,
    overflow: AtomicU32,
    lost: AtomicU32,
    micros: AtomicU32,
    /// The source slot of the last answer, from 1; 0 for none yet.
    source: AtomicU8,
    /// The bits of [`Heads`], each an `f32`.
    heads: [AtomicU32; 3],
}

/// Where time is in what is played and in what is answered, for the editor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heads {
    /// The step of the window that is being played; not a number at rest.
    pub input: f32,
    /// The step of what is played for the phrase before; not a number where nothing is.
    pub output: f32,
    /// Quarter notes a minute.
    pub tempo: f32,
}

impl Meters {
    /// What is going on, and how many beats there are to the next line.
    pub fn set_stage(&self, stage: Stage, beats: f64) {
        self.stage.store(stage as u8, Ordering::Relaxed);
        self.beats.store((beats as f32).to_bits(), Ordering::Relaxed);
    }

    /// What is going on, and how many beats there are to the next line.
    pub fn stage(&self) -> (Stage, f32) {
        let stage = match self.stage.load(Ordering::Relaxed) {
            1 => Stage::Bypassed,
            2 => Stage::Listening,
            3 => Stage::Playing,
            _ => Stage::Resting,
        };
        (stage, f32::from_bits(self.beats.load(Ordering::Relaxed)))
    }

    /// Where time is. Real-time safe.
    pub fn set_heads(&self, heads: Heads) {
        for (to, value) in self.heads.iter().zip([heads.input, heads.output, heads.tempo]) {
            to.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    /// Where time is.
    pub fn heads(&self) -> Heads {
        let [input, output, tempo] = [0, 1, 2].map(|i| f32::from_bits(self.heads[i].load(Ordering::Relaxed)));
        Heads { input, output, tempo }
    }

    /// An answer was not there at its line.
    pub fn count_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers that were not there at their line.
    pub fn late(&self) -> u32 {
        self.late.load(Ordering::Relaxed)
    }

    /// A bounce has waited for an answer in vain.
    pub fn count_timeout(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers that a bounce has waited for in vain.
    pub fn timeouts(&self) -> u32 {
        self.timeouts.load(Ordering::Relaxed)
    }

    /// A note found no room in its phrase.
    pub fn count_overflow(&self) {
        self.overflow.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that found no room in their phrase and were passed at once.
    pub fn overflow(&self) -> u32 {
        self.overflow.load(Ordering::Relaxed)
    }

    /// Controllers that found no room, in all.
    pub fn set_lost(&self, lost: u32) {
        self.lost.store(lost, Ordering::Relaxed);
    }

    /// Controllers that found no room.
    pub fn lost(&self) -> u32 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The network took this long for an answer to a phrase of genre slot `source`.
    pub fn answered(&self, took: Duration, source: u8) {
        self.micros.store(u32::try_from(took.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.source.store(source.saturating_add(1), Ordering::Relaxed);
    }

    /// How long the network took for its last answer, and to what genre slot; `None` before the first.
    pub fn last_answer(&self) -> Option<(Duration, u8)> {
        let source = self.source.load(Ordering::Relaxed).checked_sub(1)?;
        Some((Duration::from_micros(self.micros.load(Ordering::Relaxed).into()), source))
    }
}

/// The chosen pack in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackView {
    /// Its name.
    pub name: String,
    /// The names of its genres in slot order; empty where it is not known.
    pub genres: Vec<String>,
    /// Its weights are in memory.
    pub ready: bool,
    /// Why it cannot be used, in one sentence.
    pub problem: Option<String>,
    /// *Auto* has found the CPU too slow for it: it is computed on the GPU from then on, in a bounce too.
    pub needs_gpu: bool,
    /// Why the CPU computes where the GPU was wanted, in one sentence.
    pub note: Option<String>,
}

/// What an instance's threads share.
#[derive(Debug, Default)]
pub struct Shared {
    /// Figures for the editor.
    pub meters: Meters,
    stamp: AtomicU32,
    dry: AtomicBool,
    broken: AtomicBool,
    realigned: AtomicU32,
    panics: AtomicU32,
    /// The phrase that is frozen; kept by the worker and by the loading of a state, the audio thread never looks at it.
    frozen: Mutex<Option<Frozen>>,
    /// Counts the frozen phrases that states and undo have brought, and those that have reached the player.
    loaded: AtomicU32,
    brought: AtomicU32,
    /// The pack in words, with its number.
    pack: RwLock<(u32, PackView)>,
    /// What was played lately; kept by the worker, read by the editor, the audio thread never looks at it.
    history: Mutex<History>,
    /// The editor's window, once there is an editor.
    window: OnceLock<Arc<EguiEditorState>>,
    /// Counts how often it was opened.
    opened: AtomicU32,
    /// Has the window drawn.
    repaint: RepaintNotifier,
}

impl Shared {
    /// The number of the chosen pack; answers of another one are no longer wanted. Real-time safe.
    pub fn stamp(&self) -> u32 {
        self.stamp.load(Ordering::Acquire)
    }

    /// Whether the chosen pack is known to be unusable: nothing need be asked. Real-time safe.
    pub fn is_dry(&self) -> bool {
        self.dry.load(Ordering::Acquire)
    }

    /// The user wants a phrase to begin at the next bar line. Real-time safe.
    pub fn realign(&self) {
        self.realigned.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the user wanted that. Real-time safe.
    pub fn realigned(&self) -> u32 {
        self.realigned.load(Ordering::Relaxed)
    }

    /// The user wants silence. Real-time safe.
    pub fn panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the user wanted that. Real-time safe.
    pub fn panics(&self) -> u32 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Keeps a frozen phrase. Not for the audio thread.
    pub fn freeze(&self, frozen: Option<Frozen>) {
        *self.frozen.lock().unwrap_or_else(PoisonError::into_inner) = frozen;
    }

    /// The frozen phrase. Not for the audio thread.
    pub fn frozen(&self) -> Option<Frozen> {
        self.frozen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A state brings a frozen phrase. Not for the audio thread.
    pub fn load_frozen(&self, frozen: Option<Frozen>) {
        let is_there = frozen.is_some();
        self.freeze(frozen);
        if is_there {
            self.loaded.fetch_add(1, Ordering::Release);
        }
    }

    /// Changes when a state has brought a frozen phrase. Real-time safe.
    pub fn loaded(&self) -> u32 {
        self.loaded.load(Ordering::Acquire)
    }

    /// The frozen phrase of this count plays, or was dropped. Real-time safe.
    pub fn bring(&self, loaded: u32) {
        self.brought.store(loaded, Ordering::Release);
    }

    /// Whether a frozen phrase is still on its way to the player.
    pub fn is_bringing(&self) -> bool {
        self.loaded() != self.brought.load(Ordering::Acquire)
    }

    /// What was played lately. Not for the audio thread.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The editor's window is this one; what [`Shared::wake`] wakes.
    pub fn set_window(&self, window: Arc<EguiEditorState>) -> RepaintNotifier {
        let _ = self.window.set(window);
        self.repaint.clone()
    }

    /// Whether the editor is open.
    pub fn is_watched(&self) -> bool {
        self.window.get().is_some_and(|window| window.is_open())
    }

    /// The editor was opened.
    pub fn open(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was. Real-time safe.
    pub fn opened(&self) -> u32 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Something has changed that the editor shows. Real-time safe.
    pub fn wake(&self) {
        self.repaint.request_repaint();
    }

    /// The audio side has panicked. Real-time safe.
    pub fn break_down(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Whether the audio side has panicked: notes pass at once.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Another pack will have the number `stamp`. Then tell the worker, then [`Shared::publish`].
    pub fn announce(&self, stamp: u32, view: PackView) {
        let mut pack = self.pack.write().unwrap_or_else(PoisonError::into_inner);
        self.dry.store(view.problem.is_some(), Ordering::Release);
        *pack = (stamp, view);
        self.wake();
    }

    /// The audio thread may ask for the pack with the number `stamp`: the worker knows it.
    pub fn publish(&self, stamp: u32) {
        self.stamp.store(stamp, Ordering::Release);
    }

    /// The worker has loaded the pack with the number `stamp`.
    pub fn pack_is_ready(&self, stamp: u32) {
        let mut pack = self.pack.write().unwrap_or_else(PoisonError::into_inner);
        if pack.0 == stamp {
            pack.1.ready = true;
        }
        self.wake();
    }

    /// The pack with the number `stamp` turned out to be unusable.
    pub fn pack_failed(&self, stamp: u32, problem: String) {
        let mut pack = self.pack.write().unwrap_or_else(PoisonError::into_inner);
        if pack.0 == stamp {
            pack.1.problem = Some(problem);
            self.dry.store(true, Ordering::Release);
        }
        self.wake();
    }

    /// Whether the pack is computed on the GPU where the user leaves it to us. Not for the audio thread.
    pub fn needs_gpu(&self) -> bool {
        self.pack.read().unwrap_or_else(PoisonError::into_inner).1.needs_gpu
    }

    /// The pack with the number `stamp` is computed on the GPU, or not, where the user leaves it to us.
    pub fn set_needs_gpu(&self, stamp: u32, needs_gpu: bool) {
        let mut pack = self.pack.write().unwrap_or_else(PoisonError::into_inner);
        if pack.0 == stamp {
            pack.1.needs_gpu = needs_gpu;
        }
        self.wake();
    }

    /// Why the CPU computes the pack with the number `stamp` where the GPU was wanted; `None` where it was not. For the worker,
    /// with every answer.
    pub fn set_note(&self, stamp: u32, note: Option<&str>) {
        if self.pack.read().unwrap_or_else(PoisonError::into_inner).1.note.as_deref() != note {
            let mut pack = self.pack.write().unwrap_or_else(PoisonError::into_inner);
            if pack.0 == stamp {
                pack.1.note = note.map(str::to_owned);
            }
            self.wake();
        }
    }

    /// The chosen pack in words. Not for the audio thread.
    pub fn pack(&self) -> PackView {
        self.pack.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// The name of a genre slot (0-based): "2: jazz", "5: empty", or "2" where the pack is not known.
    pub fn slot_name(&self, slot: usize) -> String {
        let pack = &self.pack.read().unwrap_or_else(PoisonError::into_inner).1;
        match pack.genres.get(slot) {
            Some(name) => format!("{}: {name}", slot + 1),
            None if pack.genres.is_empty() => format!("{}", slot + 1),
            None => format!("{}: empty", slot + 1),
        }
    }
}
