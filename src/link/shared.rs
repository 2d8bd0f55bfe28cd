//! What an instance's threads share: meters, the pack in words, the frozen phrase and the history. The audio
//! thread looks at atomics only.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use nice_plug_egui::{EguiEditorState, RepaintNotifier};

use super::frozen::Frozen;
use super::history::{Analysis, Entry, History, Take};
use super::job::Job;
use super::meters::Meters;
use super::models::{ModelRolls, Models};

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
    /// The phrase that is frozen; kept by the worker and by the loading of a state, the audio thread never
    /// looks at it.
    frozen: Mutex<Option<Frozen>>,
    /// The phrases that the user takes as models, and the same as cells.
    models: Mutex<(Models, Arc<ModelRolls>)>,
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
        *self.lock_frozen() = frozen;
    }

    /// Keeps what the audio thread has frozen or thawed when it knew of so many that were brought. One that
    /// was brought since takes precedence: it is newer. Not for the audio thread.
    pub fn freeze_unless_brought(&self, loaded: u32, frozen: Option<Frozen>) {
        let mut kept = self.lock_frozen();
        if self.loaded() == loaded {
            *kept = frozen;
        }
    }

    /// The frozen phrase. Not for the audio thread.
    pub fn frozen(&self) -> Option<Frozen> {
        self.lock_frozen().clone()
    }

    /// A state or undo brings a frozen phrase. Not for the audio thread.
    pub fn load_frozen(&self, frozen: Option<Frozen>) {
        let mut kept = self.lock_frozen();
        if frozen.is_some() {
            self.loaded.fetch_add(1, Ordering::Release);
        }
        *kept = frozen;
    }

    fn lock_frozen(&self) -> MutexGuard<'_, Option<Frozen>> {
        self.frozen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The phrases that the user takes as models. Not for the audio thread.
    pub fn models(&self) -> Models {
        self.lock_models().0.clone()
    }

    /// The same as cells, for the worker.
    pub fn model_rolls(&self) -> Arc<ModelRolls> {
        self.lock_models().1.clone()
    }

    /// Other models, from the user or a state. Not for the audio thread.
    pub fn set_models(&self, models: Models) {
        let rolls = Arc::new(models.rolls());
        *self.lock_models() = (models, rolls);
        self.wake();
    }

    fn lock_models(&self) -> MutexGuard<'_, (Models, Arc<ModelRolls>)> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// What was played lately, where it is no longer what had the number `known`: its number, and the takes,
    /// the oldest first. They are handed out, so that nobody works on them while the worker waits. Not for
    /// the audio thread.
    pub fn takes(&self, known: Option<u64>) -> Option<(u64, Vec<Entry>)> {
        let history = self.history();
        (known != Some(history.version())).then(|| (history.version(), history.entries().cloned().collect()))
    }

    /// Remembers what a job tells of; see [`super::Errand::Remember`]. For the worker.
    pub fn remember(&self, job: &Job) {
        let genres = self.pack().genres;
        self.history().remember(job, &genres);
        self.wake();
    }

    /// The newest take of pack `stamp` that nothing is known of. For the worker.
    pub fn unknown(&self, stamp: u32) -> Option<Arc<Take>> {
        self.history().unknown(stamp)
    }

    /// What the classifier makes of a take. For the worker.
    pub fn know(&self, take: &Arc<Take>, analysis: Analysis) {
        self.history().know(take, analysis);
        self.wake();
    }

    fn history(&self) -> MutexGuard<'_, History> {
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

    /// Why the CPU computes the pack with the number `stamp` where the GPU was wanted; `None` where it was
    /// not. For the worker, with every answer.
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

#[cfg(test)]
mod tests {
    use phrase::{Note, Phrase};

    use super::*;

    fn frozen(pitch: u8) -> Frozen {
        let mut phrase = Phrase::new(0, 120.0);
        phrase.push(Note::new(pitch, 0, 0.5, 0.0, 1.0));
        Frozen::new(&phrase, 0, 64.0)
    }

    #[test]
    fn what_a_state_brings_is_not_overwritten_by_a_freeze_or_thaw_that_was_on_its_way() {
        let shared = Shared::default();
        let known = shared.loaded();
        shared.load_frozen(Some(frozen(60)));
        for late in [Some(frozen(72)), None] {
            shared.freeze_unless_brought(known, late);
            assert_eq!(shared.frozen(), Some(frozen(60)));
        }
        shared.freeze_unless_brought(shared.loaded(), None);
        assert_eq!(shared.frozen(), None);
    }

    #[test]
    fn who_looks_at_the_takes_does_not_keep_the_worker_from_adding_one() {
        let shared = Shared::default();
        let mut job = Job::new();
        job.input.push(Note::new(60, 0, 0.5, 0.0, 1.0));
        shared.remember(&job);
        let (version, takes) = shared.takes(None).unwrap();
        // With the lock held this would never return.
        job.input.position = 64;
        shared.remember(&job);
        assert_eq!(takes.len(), 1);
        assert!(shared.takes(Some(version)).is_some_and(|(_, takes)| takes.len() == 2));
        let (version, _) = shared.takes(None).unwrap();
        assert!(shared.takes(Some(version)).is_none());
    }
}
