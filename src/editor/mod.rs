//! The bridge between the editor and the host: makes snapshots, carries out intents. Runs on the window's
//! thread.
//!
//! The window is drawn 60 times a second while time runs, and at rest when something has changed.

mod fields;
mod midi;
mod preferences;
mod reading;
mod takes;
#[cfg(test)]
mod tests;
mod undo;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use drag_out::{Drag, Outcome};
use gui::{Control, Field, Intent, Live, Models, Pack, Snapshot, View};
use model::Settings;
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, PhysicalSize};
use nice_plug::editor::{ResizeHint, SizeConstraints};
use nice_plug_egui::{
    EguiEditor, EguiEditorState, EguiNiceSettings, Frame, NiceEguiApp, baseview, create_egui_editor,
};
use raw_window_handle::{HasWindowHandle, WindowHandle};

use crate::link::{Frozen, ModelRolls, Shared, Watch};
use crate::packs::{self, PackRef, Selection};
use crate::params::{PluginParams, corners};
use crate::unload;
use fields::Controls;
pub use fields::fields;
use preferences::Preferences;
use takes::Takes;
use undo::Undo;

/// The editor as nice-plug wants it.
pub type Window = EguiEditor<EditorApp>;

/// How often the window is drawn while time runs. At rest it is drawn when something has changed.
const FRAME: Duration = Duration::from_micros(16_600);

/// How often a drag is asked what became of it.
const DRAG: Duration = Duration::from_millis(50);

/// The editor for an instance.
pub fn create(app: EditorApp) -> Option<Window> {
    let zoom = f32::from(app.preferences.zoom()) / 100.0;
    let pixels = |points: f32| (points * zoom).round() as u32;
    // In pixels, because nice-plug-egui 0.6.0 tells hosts sizes in points without the zoom.
    let size = PhysicalSize::new(pixels(View::SIZE.0), pixels(View::SIZE.1));
    let least = LogicalSize::new(View::LEAST.0, View::LEAST.1);
    let resize = ResizeHint {
        size_constraints: SizeConstraints::Logical { min_size: Some(least), max_size: None },
        ..ResizeHint::resizable()
    };
    let settings = EguiNiceSettings::new().with_tile("Contrafact").with_resize_hint(resize);
    let state = EguiEditorState::from_size(size, zoom);
    let repaint = app.shared.set_window(state.clone());
    create_egui_editor(state, repaint, settings, app)
}

/// What the window draws and does.
pub struct EditorApp {
    params: Arc<PluginParams>,
    selection: Arc<Selection>,
    shared: Arc<Shared>,
    view: View,
    fields: Arc<Vec<Field>>,
    controls: Controls,
    preferences: Preferences,
    /// The threads of its windows.
    threads: Arc<unload::Threads>,
    /// What the audio thread shows of the phrase being played.
    watch: Watch,
    live: Arc<Live>,
    /// What was played lately.
    takes: Takes,
    undo: Undo,
    /// The user's models, and the same as they are drawn.
    models: Option<(Arc<ModelRolls>, Arc<Models>)>,
    /// The packs to choose from: the plugin's own, then those in the folder.
    packs: Vec<PackRef>,
    /// What is said of them.
    pack: Pack,
    message: Option<String>,
    /// A file on its way out of the window, and its name.
    drag: Option<(Drag, String)>,
    /// The window has been made large enough, should it have been too small.
    sized: bool,
    /// The host, from the first window on.
    host: Option<GuiContext>,
}

impl EditorApp {
    /// An editor that has not been opened yet.
    pub fn new(
        params: Arc<PluginParams>,
        selection: Arc<Selection>,
        shared: Arc<Shared>,
        watch: Watch,
        threads: Arc<unload::Threads>,
    ) -> Self {
        let (preferences, message) = Preferences::read();
        Self {
            controls: Controls::of(&params),
            params,
            selection,
            shared,
            view: View::default(),
            fields: Arc::new(fields::fields()),
            preferences,
            threads,
            watch,
            live: Arc::default(),
            takes: Takes::default(),
            undo: Undo::default(),
            models: None,
            packs: Vec::new(),
            pack: Pack::default(),
            message,
            drag: None,
            sized: false,
            host: None,
        }
    }

    /// The last window is gone; hosts must not wait for the end of what was held in it. nice-plug-egui 0.6.0
    /// does not tell of closing, so this comes with the next opening at the latest.
    fn close(&mut self) {
        let mut ends = Vec::new();
        self.view.close(&mut |intent| ends.push(intent));
        if let Some(host) = &self.host {
            for intent in ends {
                if let Intent::End(control) = intent {
                    self.controls.end(host, control);
                }
            }
        }
        self.host = None;
    }

    /// Reads the packs folder.
    fn rescan(&mut self) {
        let found = packs::folder().map(packs::scan).unwrap_or_default();
        let own = model::read_card("the default pack", model::default_pack()).ok();
        let own_name = own.as_ref().map_or_else(|| "default".to_string(), |card| card.name.clone());
        let chosen = self.selection.pack();
        let card = if chosen.is_default() {
            own
        } else {
            found.iter().find(|found| found.pack == chosen).map(|found| (*found.card).clone())
        };
        self.packs =
            std::iter::once(PackRef::default()).chain(found.iter().map(|found| found.pack.clone())).collect();
        let names = std::iter::once(own_name).chain(found.into_iter().map(|found| found.pack.name)).collect();
        self.pack = Pack {
            names,
            card: card.as_ref().map(reading::card).unwrap_or_default(),
            lacks: card.as_ref().map(reading::lacks).unwrap_or_default(),
            chosen: self.packs.iter().position(|pack| *pack == chosen),
            folder: packs::folder().map(|folder| folder.display().to_string()),
            ..Pack::default()
        };
    }

    fn snapshot(&mut self) -> Snapshot {
        let mut latest = crate::link::Live::new();
        if self.watch.take(&mut latest) {
            let notes = latest.phrase.notes.to_vec();
            self.live = Arc::new(Live { notes, first: latest.first as f32, line: latest.line as f32 });
        }
        self.takes.update(&self.shared);
        self.undo.follow(self.params.freeze.value(), self.params.states());
        self.read()
    }

    fn carry_out(&mut self, intent: Intent, context: &egui::Context) {
        let Some(host) = &self.host else { return };
        let (controls, params) = (&self.controls, &self.params);
        let now = |control| controls.value(control);
        match intent {
            Intent::Begin(control) => controls.begin(host, control),
            Intent::Set(control, value) => controls.set(host, control, value),
            Intent::End(control) => controls.end(host, control),
            Intent::Reset(control) => controls.reset(host, control),
            Intent::Dice => {
                // Any other seed: chance need not be fair here.
                let thrown = RandomState::new().build_hasher().finish() % 9999;
                let seed = (u64::from(params.seed.value().unsigned_abs()) + 1 + thrown) % 10_000;
                self.apply(&[(Control::SEED, seed as f32)]);
            }
            Intent::Pack(index) => {
                if let Some(pack) = self.packs.get(index) {
                    self.selection.choose(pack.clone());
                    self.rescan();
                }
            }
            Intent::Rescan => {
                if self.shared.pack().problem.is_some() {
                    // Perhaps it is there now.
                    self.selection.choose(self.selection.pack());
                }
                self.rescan();
            }
            Intent::ShowPacks => {
                if let Some(folder) = packs::folder() {
                    self.show_folder(folder, context);
                }
            }
            Intent::Play(id) => {
                if let Some(take) = self.takes.find(id).cloned() {
                    let values = self.undo.choose(&take, &self.shared, now);
                    self.apply(&values);
                }
            }
            Intent::Corner(index, take) => {
                let mut models = self.shared.models();
                if let Some(corner) = models.corners.get_mut(index) {
                    *corner = self.model(take);
                }
                self.shared.set_models(models);
            }
            Intent::Model(take) => {
                let models = crate::link::Models { manner: self.model(take), ..self.shared.models() };
                self.shared.set_models(models);
            }
            Intent::Trail(points) => {
                let settings =
                    |(x, y)| Settings { morph: Some(corners(x, y)), first: 0, ..params.settings() };
                let all = points.into_iter().map(settings).collect();
                self.selection.trail(all, params.options().manner);
            }
            Intent::Undo => {
                let values = self.undo.back(&self.takes, &self.shared, now);
                self.apply(&values);
            }
            Intent::Redo => {
                let values = self.undo.forth(&self.takes, &self.shared, now);
                self.apply(&values);
            }
            Intent::Save(ids) => {
                let takes = self.found(&ids);
                self.save(&takes);
            }
            // It needs the window.
            Intent::Drag(_) => {}
            Intent::SaveLast(count) => {
                let from = self.takes.raw.len().saturating_sub(count);
                let takes = self.takes.raw[from..].to_vec();
                self.save(&takes);
            }
            Intent::Folder(name) => self.message = self.preferences.set_midi(&name).err(),
            Intent::ShowFolder => self.show_folder(&self.preferences.midi(), context),
            Intent::Welcomed => self.message = self.preferences.set_welcomed().err(),
            Intent::Look(look) => self.message = self.preferences.set_look(look).err(),
            Intent::Zoom(percent) => {
                self.message = self.preferences.set_zoom(percent).err();
                context.set_zoom_factor(f32::from(self.preferences.zoom()) / 100.0);
            }
        }
    }

    /// Sets controls, each in a gesture of its own; those that have the value already are left alone.
    fn apply(&self, values: &[(Control, f32)]) {
        let Some(host) = &self.host else { return };
        for &(control, value) in values {
            if (self.controls.value(control) - value).abs() > 1e-6 {
                self.controls.begin(host, control);
                self.controls.set(host, control, value);
                self.controls.end(host, control);
            }
        }
    }

    /// A take as a model; none where it is forgotten.
    fn model(&self, take: Option<u64>) -> Option<Frozen> {
        take.and_then(|id| self.takes.find(id)).map(|take| takes::frozen(take))
    }

    /// The takes of these numbers that are still remembered.
    fn found(&self, ids: &[u64]) -> Vec<Arc<crate::link::Take>> {
        ids.iter().filter_map(|&id| self.takes.find(id).cloned()).collect()
    }

    /// Takes are dragged out of the window.
    fn drag(&mut self, ids: &[u64], window: Option<WindowHandle>) {
        let started = midi::to_drag(&self.preferences.midi(), &self.found(ids)).and_then(|path| {
            let drag = drag_out::start(&path, window).map_err(|error| error.to_string())?;
            Ok((drag, path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
        });
        match started {
            Ok(drag) => self.drag = Some(drag),
            Err(error) => self.message = Some(error),
        }
    }

    /// Says what became of a drag.
    fn follow_drag(&mut self, context: &egui::Context) {
        let Some((drag, name)) = &self.drag else { return };
        let Some(outcome) = drag.outcome() else {
            context.request_repaint_after(DRAG);
            return;
        };
        self.message = Some(match outcome {
            Outcome::Taken => format!("{name} was dragged out; the file stays in the folder"),
            Outcome::Refused => format!("Nothing took {name} there; the file is in the folder"),
        });
        self.drag = None;
        if !drag_out::RELEASE_IS_HEARD {
            context.stop_dragging();
            context.input_mut(|input| input.pointer = Default::default());
        }
        context.request_repaint();
    }

    fn save(&mut self, takes: &[Arc<crate::link::Take>]) {
        self.message = Some(match midi::save(&self.preferences.midi(), takes) {
            Ok(path) => {
                format!("Saved {}", path.file_name().unwrap_or_default().to_string_lossy())
            }
            Err(error) => error,
        });
    }

    fn show_folder(&self, folder: &Path, context: &egui::Context) {
        // It may not be there before the first file is; where it cannot be made the file manager says so.
        let _ = std::fs::create_dir_all(folder);
        context.open_url(egui::OpenUrl::new_tab(folder.display().to_string()));
    }
}

impl NiceEguiApp for EditorApp {
    fn build(
        &mut self,
        _: egui::Context,
        host: GuiContext,
        _: &mut Frame,
    ) -> Result<(), baseview::HandlerError> {
        unload::stay();
        unload::keep_driver();
        self.threads.enter();
        self.close();
        self.host = Some(host);
        let (preferences, problem) = Preferences::read();
        (self.preferences, self.message) = (preferences, problem.or(self.message.take()));
        self.sized = false;
        self.rescan();
        // What lies in the ring is of the last window.
        self.watch.take(&mut crate::link::Live::new());
        self.live = Arc::default();
        self.shared.open();
        self.selection.look();
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut Frame) {
        if !std::mem::replace(&mut self.sized, true) {
            let (least, has) = (View::LEAST, ui.max_rect().size());
            if has.x < least.0 - 1.0 || has.y < least.1 - 1.0 {
                let size = egui::ViewportCommand::InnerSize(View::SIZE.into());
                ui.ctx().send_viewport_cmd(size);
            }
        }
        let (snapshot, mut intents) = (self.snapshot(), Vec::new());
        self.view.show(ui, &snapshot, &mut |intent| intents.push(intent));
        let context = ui.ctx().clone();
        if !intents.is_empty() {
            context.request_repaint();
        }
        for intent in intents {
            match intent {
                Intent::Drag(ids) => self.drag(&ids, frame.baseview_window().window_handle().ok()),
                other => self.carry_out(other, &context),
            }
        }
        self.follow_drag(&context);
        if snapshot.head.is_some() || snapshot.played.is_some() {
            context.request_repaint_after(FRAME);
        }
    }

    fn editor_closed(&mut self) {
        self.close();
    }
}
