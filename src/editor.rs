//! The bridge between the editor and the host: makes snapshots, carries out intents. Runs on the window's thread.

use std::sync::Arc;
use std::time::Duration;

use gui::{Control, Intent, Snapshot, View};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::LogicalSize;
use nice_plug_egui::{
    EguiEditor, EguiEditorState, EguiNiceSettings, Frame, NiceEguiApp, RepaintNotifier, baseview,
    create_egui_editor,
};

use crate::packs::{self, PackRef, Selection};
use crate::params::{PluginParams, slot_to_text};
use crate::shared::{Shared, Stage};
use crate::unload;

/// The editor as nice-plug wants it.
pub type Window = EguiEditor<EditorApp>;

/// How often the window is drawn while nothing is touched.
const REFRESH: Duration = Duration::from_millis(50);

/// The editor for an instance.
pub fn create(app: EditorApp) -> Option<Window> {
    let size = LogicalSize::new(f64::from(View::SIZE.0), f64::from(View::SIZE.1));
    let settings = EguiNiceSettings::new().with_tile("Contrafact");
    create_egui_editor(EguiEditorState::from_size(size, 1.0), RepaintNotifier::new(), settings, app)
}

/// What the window draws and does.
pub struct EditorApp {
    params: Arc<PluginParams>,
    selection: Arc<Selection>,
    shared: Arc<Shared>,
    view: View,
    /// The packs to choose from: the plugin's own, then those in the folder.
    packs: Vec<(String, PackRef)>,
    /// The host, from the first window on.
    host: Option<GuiContext>,
}

impl EditorApp {
    /// An editor that has not been opened yet.
    pub fn new(params: Arc<PluginParams>, selection: Arc<Selection>, shared: Arc<Shared>) -> Self {
        Self { params, selection, shared, view: View::default(), packs: Vec::new(), host: None }
    }

    /// The last window is gone; hosts must not wait for the end of what was held in it. nice-plug-egui 0.6.0 does not
    /// tell of closing, so this comes with the next opening at the latest.
    fn close(&mut self) {
        if let Some(end) = self.view.let_go() {
            self.carry_out(end);
        }
        self.host = None;
    }

    fn rescan(&mut self) {
        let own = model::read_card("the default pack", model::default_pack()).map(|card| card.name);
        let own = (own.unwrap_or_else(|_| "default".to_string()), PackRef::default());
        let found = packs::folder().map(packs::scan).unwrap_or_default();
        let named = found.into_iter().map(|found| (found.pack.name.clone(), found.pack));
        self.packs = std::iter::once(own).chain(named).collect();
    }

    fn snapshot(&self) -> Snapshot {
        let (params, pack, meters) = (&self.params, self.shared.pack(), &self.shared.meters);
        let dead = !self.selection.worker_is_alive();
        let used = self.selection.pack();
        let (target, genres) = (params.target.value(), pack.genres.len());
        let problem = if self.shared.is_broken() {
            Some("A fault in Contrafact: notes pass unchanged until you load the plugin anew".to_string())
        } else if let Some(problem) = pack.problem {
            Some(format!("Notes pass unchanged: {problem}"))
        } else if dead {
            Some("The network's thread has died: notes pass unchanged until you load the plugin anew".into())
        } else {
            let empty = genres > 0 && usize::try_from(target).is_ok_and(|target| target > genres);
            empty.then(|| {
                format!("Notes pass unchanged: the pack has no genre in slot {target}; choose another target")
            })
        };
        let counts = [
            (meters.late(), "answers late"),
            (meters.timeouts(), "answers missing in a bounce"),
            (meters.overflow(), "notes too many"),
            (meters.lost(), "controllers lost"),
        ];
        let notices = counts.into_iter().filter(|(count, _)| *count > 0);
        let answer = meters.last_answer().map(|(took, source)| {
            let heard = self.shared.slot_name(source.into());
            format!("Last phrase taken as {heard}, answered in {:.1} ms", took.as_secs_f64() * 1e3)
        });
        Snapshot {
            pack: pack.name,
            packs: self.packs.iter().map(|(name, _)| name.clone()).collect(),
            folder: packs::folder().map(|folder| folder.display().to_string()),
            slots: (1..=8).map(|slot| slot_to_text(&self.shared, slot)).collect(),
            chosen: self.packs.iter().position(|(_, pack)| *pack == used),
            filled: if genres > 0 { genres as u8 } else { 8 },
            target: target as u8,
            source: params.source.value() as u8,
            amount: params.amount.value(),
            variation: params.variation.value(),
            seed: params.seed.value() as u16,
            bypass: params.bypass.value(),
            state: state(meters.stage(), pack.ready, problem.is_some()),
            problem,
            notices: notices.map(|(count, what)| format!("{count} {what}")).collect(),
            answer,
        }
    }

    fn carry_out(&mut self, intent: Intent) {
        let Some(host) = &self.host else { return };
        let (setter, params) = (host.param_setter(), &self.params);
        /// Calls a method of the setter with the parameter that a control moves.
        macro_rules! with_param {
            ($control:expr, |$param:ident| $do:expr) => {
                match $control {
                    Control::Target => with_param!(@ params.target, $param, $do),
                    Control::Source => with_param!(@ params.source, $param, $do),
                    Control::Amount => with_param!(@ params.amount, $param, $do),
                    Control::Variation => with_param!(@ params.variation, $param, $do),
                    Control::Seed => with_param!(@ params.seed, $param, $do),
                    Control::Bypass => with_param!(@ params.bypass, $param, $do),
                }
            };
            (@ $field:expr, $param:ident, $do:expr) => {{
                let $param = &$field;
                $do
            }};
        }
        match intent {
            Intent::Begin(control) => with_param!(control, |param| setter.begin_set_parameter(param)),
            Intent::End(control) => with_param!(control, |param| setter.end_set_parameter(param)),
            Intent::Set(Control::Target, value) => setter.set_parameter(&params.target, value as i32),
            Intent::Set(Control::Source, value) => setter.set_parameter(&params.source, value as i32),
            Intent::Set(Control::Amount, value) => setter.set_parameter(&params.amount, value),
            Intent::Set(Control::Variation, value) => setter.set_parameter(&params.variation, value),
            Intent::Set(Control::Seed, value) => setter.set_parameter(&params.seed, value as i32),
            Intent::Set(Control::Bypass, value) => setter.set_parameter(&params.bypass, value > 0.5),
            Intent::Pack(index) => {
                if let Some((_, pack)) = self.packs.get(index) {
                    self.selection.choose(pack.clone());
                }
            }
            Intent::Rescan => self.rescan(),
        }
    }
}

impl NiceEguiApp for EditorApp {
    fn build(
        &mut self,
        context: egui::Context,
        host: GuiContext,
        _: &mut Frame,
    ) -> Result<(), baseview::HandlerError> {
        unload::stay();
        View::dress(&context);
        self.close();
        self.host = Some(host);
        self.rescan();
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, _: &mut Frame) {
        let (snapshot, mut intents) = (self.snapshot(), Vec::new());
        self.view.show(ui, &snapshot, &mut |intent| intents.push(intent));
        intents.into_iter().for_each(|intent| self.carry_out(intent));
        ui.ctx().request_repaint_after(REFRESH);
    }

    fn editor_closed(&mut self) {
        self.close();
    }
}

/// What is going on, in words.
fn state((stage, beats): (Stage, f32), ready: bool, dry: bool) -> String {
    let beats = beats.ceil().max(1.0);
    let unit = if beats == 1.0 { "beat" } else { "beats" };
    match stage {
        Stage::Bypassed => "Bypassed: notes pass at once".to_string(),
        Stage::Resting => "Waiting for the transport, or for a note".to_string(),
        _ if !ready && !dry => "Loading the pack".to_string(),
        Stage::Listening => format!("Listening; the next phrase begins in {beats:.0} {unit}"),
        Stage::Playing if dry => format!("Your phrase comes back unchanged in {beats:.0} {unit}"),
        Stage::Playing => format!("The answer begins in {beats:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_says_what_is_to_come_and_when() {
        assert_eq!(state((Stage::Playing, 2.3), true, false), "The answer begins in 3 beats");
        assert_eq!(state((Stage::Playing, 0.2), true, false), "The answer begins in 1 beat");
        assert!(state((Stage::Playing, 4.0), false, true).contains("unchanged"));
        assert_eq!(state((Stage::Listening, 4.0), false, false), "Loading the pack");
    }
}
