//! The bridge between the editor and the host: makes snapshots, carries out intents. Runs on the window's thread.

use std::sync::Arc;
use std::time::Duration;

use gui::{Control, Intent, Kind, Row, Snapshot, View};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::prelude::{BoolParam, Enum, EnumParam, FloatParam, IntParam, Param};
use nice_plug_egui::{
    EguiEditor, EguiEditorState, EguiNiceSettings, Frame, NiceEguiApp, RepaintNotifier, baseview,
    create_egui_editor,
};

use crate::packs::{self, PackRef, Selection};
use crate::params::{PluginParams, key_to_text, shift_to_text, slot_to_text};
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
            rows: rows(params),
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
                    Control::Latency => with_param!(@ params.latency, $param, $do),
                    Control::Margin => with_param!(@ params.margin, $param, $do),
                    Control::Fallback => with_param!(@ params.fallback, $param, $do),
                    Control::Shift => with_param!(@ params.shift, $param, $do),
                    Control::Realign => with_param!(@ params.realign, $param, $do),
                    Control::Thru => with_param!(@ params.thru, $param, $do),
                    Control::Melody => with_param!(@ params.melody, $param, $do),
                    Control::Key => with_param!(@ params.key, $param, $do),
                    Control::Lowest => with_param!(@ params.lowest, $param, $do),
                    Control::Highest => with_param!(@ params.highest, $param, $do),
                    Control::Voices => with_param!(@ params.voices, $param, $do),
                    Control::Density => with_param!(@ params.density, $param, $do),
                    Control::Velocity => with_param!(@ params.velocity, $param, $do),
                    Control::Channel => with_param!(@ params.channel, $param, $do),
                    Control::Swing => with_param!(@ params.swing, $param, $do),
                    Control::Humanise => with_param!(@ params.humanise, $param, $do),
                    Control::Longest => with_param!(@ params.longest, $param, $do),
                    Control::Pedal => with_param!(@ params.pedal, $param, $do),
                    Control::Freeze => with_param!(@ params.freeze, $param, $do),
                    Control::Panic => with_param!(@ params.panic, $param, $do),
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
            Intent::Set(control, value) => {
                // All whole numbers and choices begin at 0 but for the target's slots.
                let value = if control == Control::Target { value - 1.0 } else { value };
                with_param!(control, |param| {
                    let steps = param.step_count().unwrap_or(1) as f32;
                    setter.set_parameter_normalized(param, (value / steps).clamp(0.0, 1.0));
                });
            }
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

/// All further controls.
fn rows(params: &PluginParams) -> Vec<Row> {
    let row = |control, name, hint, value: f32, kind| Row { control, name, hint, value, kind };
    let switch = |control, name, hint, param: &BoolParam| {
        row(control, name, hint, f32::from(u8::from(param.value())), Kind::Switch)
    };
    let number = |control, name, hint, param: &IntParam, max, zero| {
        row(control, name, hint, param.value() as f32, Kind::Number(max, zero))
    };
    let percent =
        |control, name, hint, param: &FloatParam| row(control, name, hint, param.value(), Kind::Percent);
    let named = |control, name, hint, param: &IntParam, max, text: fn(i32) -> String| {
        row(control, name, hint, param.value() as f32, Kind::Choice((0..=max).map(text).collect()))
    };
    let button = |control, name, hint| row(control, name, hint, 0.0, Kind::Button);
    vec![
        choice(Control::Latency, "Latency", "How many bars later an answer comes.", &params.latency),
        choice(
            Control::Margin,
            "Margin",
            "How much later still, for slow packs and big buffers.",
            &params.margin,
        ),
        choice(Control::Fallback, "When late", "What plays until a late answer comes in.", &params.fallback),
        named(Control::Shift, "Shift", "How much later phrases begin.", &params.shift, 15, shift_to_text),
        button(Control::Realign, "Realign now", "A phrase begins at the next bar line."),
        choice(Control::Thru, "Hear", "The answers, what is played, or both.", &params.thru),
        switch(Control::Freeze, "Freeze", "The answer that plays repeats.", &params.freeze),
        switch(Control::Melody, "Keep melody", "Your highest notes are kept.", &params.melody),
        named(
            Control::Key,
            "Key lock",
            "New notes outside this key are moved into it.",
            &params.key,
            25,
            key_to_text,
        ),
        number(
            Control::Lowest,
            "Lowest new",
            "The lowest new note, as MIDI number.",
            &params.lowest,
            127,
            None,
        ),
        number(
            Control::Highest,
            "Highest new",
            "The highest new note, as MIDI number.",
            &params.highest,
            127,
            None,
        ),
        number(
            Control::Voices,
            "Voices",
            "How many notes may sound at once.",
            &params.voices,
            16,
            Some("any"),
        ),
        number(
            Control::Density,
            "Notes a beat",
            "How many may start in a beat.",
            &params.density,
            16,
            Some("any"),
        ),
        percent(Control::Swing, "Swing", "100 %: the second eighth on the last triplet.", &params.swing),
        percent(Control::Humanise, "Humanise", "How much notes leave time and velocity.", &params.humanise),
        number(
            Control::Velocity,
            "Velocity",
            "The velocity of all notes.",
            &params.velocity,
            127,
            Some("as played"),
        ),
        number(
            Control::Channel,
            "Channel",
            "The channel of all answers.",
            &params.channel,
            16,
            Some("as played"),
        ),
        number(Control::Longest, "Longest", "The longest note, in 16ths.", &params.longest, 64, Some("any")),
        switch(
            Control::Pedal,
            "Pedal as length",
            "The sustain pedal lengthens notes instead.",
            &params.pedal,
        ),
        button(Control::Panic, "Panic", "Ends all that sounds."),
    ]
}

fn choice<T: Enum + PartialEq + 'static>(
    control: Control,
    name: &'static str,
    hint: &'static str,
    param: &EnumParam<T>,
) -> Row {
    let names = T::variants().iter().map(|name| (*name).to_string()).collect();
    Row { control, name, hint, value: param.value().to_index() as f32, kind: Kind::Choice(names) }
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
    fn every_further_control_is_drawn_once_with_a_value_that_it_can_show() {
        let shared = Arc::new(Shared::default());
        let selection = Arc::new(Selection::new(shared.clone(), Err("none".into())));
        let rows = rows(&PluginParams::new(selection, &shared));
        for (index, row) in rows.iter().enumerate() {
            assert!(!rows[..index].iter().any(|other| other.control == row.control), "{:?}", row.control);
            if let Kind::Choice(names) = &row.kind {
                assert!(names.len() > row.value as usize);
            }
        }
        assert_eq!(rows.len(), 20);
    }

    #[test]
    fn the_state_says_what_is_to_come_and_when() {
        assert_eq!(state((Stage::Playing, 2.3), true, false), "The answer begins in 3 beats");
        assert_eq!(state((Stage::Playing, 0.2), true, false), "The answer begins in 1 beat");
        assert!(state((Stage::Playing, 4.0), false, true).contains("unchanged"));
        assert_eq!(state((Stage::Listening, 4.0), false, false), "Loading the pack");
    }
}
