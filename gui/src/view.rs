//! The window's contents.

use egui::{
    Align, Color32, ComboBox, DragValue, Frame, Grid, InnerResponse, Label, Layout, Margin, Response,
    RichText, ScrollArea, Slider, TextWrapMode, Ui, vec2,
};

use crate::{Control, Intent, Kind, Row, Snapshot};

const ACCENT: Color32 = Color32::from_rgb(0x6f, 0xb7, 0xc9);
const WARNING: Color32 = Color32::from_rgb(0xe0, 0xa4, 0x58);
const BACKGROUND: Color32 = Color32::from_rgb(0x1b, 0x1d, 0x21);
const TEXT: Color32 = Color32::from_rgb(0xd6, 0xd9, 0xde);
const QUIET: Color32 = Color32::from_rgb(0x8a, 0x90, 0x99);
/// Boxes that hold text.
const BOX: Color32 = Color32::from_rgb(0x2c, 0x30, 0x37);
/// Rails, knobs and check boxes: they hold no text that would tell them from the background.
const RAIL: Color32 = Color32::from_rgb(0x4a, 0x4f, 0x59);

const MARGIN: f32 = 18.0;
const GAP: f32 = 10.0;
/// Between a list's edge and its rows.
const INSET: f32 = 6.0;
/// The line around a list.
const FRAME: f32 = 1.0;
const LABELS: f32 = 60.0;
const AFTER_LABELS: f32 = 16.0;
/// What the labels leave to the controls, so that all end at the same line on the right.
const CONTROLS: f32 = View::SIZE.0 - 2.0 * MARGIN - LABELS - AFTER_LABELS;
/// A number's box; wide enough for "100 %" that it never changes its width.
const NUMBER: f32 = 58.0;

/// The width of their labels, and of the bar that scrolls them.
const FURTHER_LABELS: f32 = 108.0;
const BAR: f32 = 12.0;
/// The height that shows the further controls, some at a time.
const FURTHER: f32 = 150.0;

/// The height of the line at the bottom.
const BOTTOM: f32 = 14.0;

/// What the editor remembers between frames.
#[derive(Debug, Default)]
pub struct View {
    /// The control that is held, so that each gesture ends once.
    held: Option<Control>,
}

impl View {
    /// The window's size, in points.
    pub const SIZE: (f32, f32) = (420.0, 610.0);

    /// Sets the looks; once for each window.
    pub fn dress(context: &egui::Context) {
        context.all_styles_mut(|style| {
            style.spacing.item_spacing = vec2(GAP, GAP);
            style.spacing.interact_size.x = NUMBER;
            style.spacing.slider_width = CONTROLS - GAP - NUMBER;
            style.spacing.combo_width = CONTROLS;
            style.visuals = egui::Visuals::dark();
            style.visuals.override_text_color = Some(TEXT);
            style.visuals.panel_fill = BACKGROUND;
            style.visuals.window_fill = BACKGROUND;
            style.visuals.widgets.inactive.bg_fill = RAIL;
            style.visuals.widgets.inactive.weak_bg_fill = BOX;
            style.visuals.widgets.open.weak_bg_fill = BOX;
            style.visuals.widgets.hovered.weak_bg_fill = RAIL;
            style.spacing.menu_margin = Margin::same(INSET as i8);
            style.visuals.selection.bg_fill = ACCENT.gamma_multiply(0.6);
            style.visuals.slider_trailing_fill = true;
        });
    }

    /// Draws a frame; `send` takes what the user wants.
    pub fn show(&mut self, ui: &mut Ui, snapshot: &Snapshot, send: &mut dyn FnMut(Intent)) {
        let frame = Frame::new().fill(BACKGROUND).inner_margin(Margin::same(MARGIN as i8));
        frame.show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            self.header(ui, snapshot, send);
            ui.separator();
            let grid = Grid::new("controls").num_columns(2).min_col_width(LABELS);
            grid.spacing(vec2(AFTER_LABELS, 12.0)).show(ui, |ui| self.controls(ui, snapshot, send));
            ui.separator();
            let area = ScrollArea::vertical().max_height(FURTHER).auto_shrink([false, false]);
            area.show(ui, |ui| {
                let narrower = FURTHER_LABELS - LABELS + BAR;
                ui.spacing_mut().slider_width -= narrower;
                ui.spacing_mut().combo_width -= narrower;
                let grid = Grid::new("further").num_columns(2).min_col_width(FURTHER_LABELS);
                grid.spacing(vec2(AFTER_LABELS, 8.0)).show(ui, |ui| {
                    for row in &snapshot.rows {
                        self.row(ui, row, send);
                        ui.end_row();
                    }
                });
            });
            ui.separator();
            footer(ui, snapshot);
        });
    }

    /// Ends the gesture that a closed window has left open, if any.
    pub fn let_go(&mut self) -> Option<Intent> {
        self.held.take().map(Intent::End)
    }

    fn header(&mut self, ui: &mut Ui, snapshot: &Snapshot, send: &mut dyn FnMut(Intent)) {
        ui.horizontal(|ui| {
            ui.label(RichText::new("Contrafact").size(20.0).strong());
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let mut bypass = snapshot.bypass;
                let response =
                    ui.checkbox(&mut bypass, "Bypass").on_hover_text("Notes pass at once, unchanged.");
                self.report(&response, Control::Bypass, f32::from(u8::from(bypass)), send);
            });
        });
    }

    fn controls(&mut self, ui: &mut Ui, snapshot: &Snapshot, send: &mut dyn FnMut(Intent)) {
        label(ui, "Pack");
        let opened = list(ui, "pack", &snapshot.pack, |ui| {
            for (index, pack) in snapshot.packs.iter().enumerate() {
                if ui.selectable_label(snapshot.chosen == Some(index), pack.as_str()).clicked() {
                    send(Intent::Pack(index));
                }
            }
        });
        if opened.response.clicked() {
            send(Intent::Rescan);
        }
        ui.end_row();

        label(ui, "Source");
        slot(ui, Control::Source, snapshot, send);
        ui.end_row();

        label(ui, "Target");
        slot(ui, Control::Target, snapshot, send);
        ui.end_row();

        for (name, control, value, hint) in [
            (
                "Amount",
                Control::Amount,
                snapshot.amount,
                "0 % returns what you play, 100 % the network's answer.",
            ),
            (
                "Variation",
                Control::Variation,
                snapshot.variation,
                "How much chance plays a part in the answer.",
            ),
        ] {
            label(ui, name);
            // Rounded beforehand: the slider would round it and report that as a change by the user.
            let mut percent = (value * 100.0).round();
            let slider = Slider::new(&mut percent, 0.0..=100.0).suffix(" %").fixed_decimals(0);
            let response = ui.add(slider).on_hover_text(hint);
            self.report(&response, control, percent / 100.0, send);
            ui.end_row();
        }

        label(ui, "Seed");
        let mut seed = snapshot.seed;
        let response = ui.add_enabled(snapshot.variation > 0.0, DragValue::new(&mut seed).range(0..=9999));
        let response = response
            .on_hover_text("Which of the answers that chance allows.")
            .on_disabled_hover_text("Without variation there is one answer only.");
        self.report(&response, Control::Seed, f32::from(seed), send);
        ui.end_row();
    }

    /// A further control.
    fn row(&mut self, ui: &mut Ui, row: &Row, send: &mut dyn FnMut(Intent)) {
        let control = row.control;
        label(ui, row.name);
        match &row.kind {
            Kind::Choice(names) => {
                let chosen = names.get(row.value as usize).map_or("", String::as_str);
                let opened = list(ui, row.name, chosen, |ui| {
                    for (index, name) in names.iter().enumerate() {
                        if ui.selectable_label(index == row.value as usize, name.as_str()).clicked() {
                            whole(control, index as f32, send);
                        }
                    }
                });
                opened.response.on_hover_text(row.hint);
            }
            Kind::Number(max, zero) => {
                let mut value = row.value as u8;
                let number =
                    DragValue::new(&mut value).range(0..=*max).custom_formatter(|value, _| match zero {
                        Some(zero) if value == 0.0 => (*zero).to_string(),
                        _ => format!("{value:.0}"),
                    });
                let response = ui.add(number).on_hover_text(row.hint);
                self.report(&response, control, value.into(), send);
            }
            Kind::Percent => {
                let mut percent = (row.value * 100.0).round();
                let slider = Slider::new(&mut percent, 0.0..=100.0).suffix(" %").fixed_decimals(0);
                let response = ui.add(slider).on_hover_text(row.hint);
                self.report(&response, control, percent / 100.0, send);
            }
            Kind::Switch => {
                let mut on = row.value > 0.5;
                let response = ui.checkbox(&mut on, "").on_hover_text(row.hint);
                self.report(&response, control, f32::from(u8::from(on)), send);
            }
            Kind::Button => {
                if ui.button(row.name).on_hover_text(row.hint).clicked() {
                    whole(control, 1.0, send);
                    whole(control, 0.0, send);
                }
            }
        }
    }

    /// Turns what happened to a widget into a gesture.
    fn report(&mut self, response: &Response, control: Control, value: f32, send: &mut dyn FnMut(Intent)) {
        let down = response.is_pointer_button_down_on();
        if down && self.held.is_none() {
            self.held = Some(control);
            send(Intent::Begin(control));
        }
        if response.changed() {
            if self.held == Some(control) {
                send(Intent::Set(control, value));
            } else {
                whole(control, value, send);
            }
        }
        if !down && self.held == Some(control) {
            self.held = None;
            send(Intent::End(control));
        }
    }
}

/// A gesture that is over at once.
fn whole(control: Control, value: f32, send: &mut dyn FnMut(Intent)) {
    send(Intent::Begin(control));
    send(Intent::Set(control, value));
    send(Intent::End(control));
}

fn label(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).color(QUIET));
}

/// A list to choose from, long enough to show every slot without scrolling.
fn list(ui: &mut Ui, id: &str, chosen: &str, rows: impl FnOnce(&mut Ui)) -> InnerResponse<Option<()>> {
    let combo = ComboBox::from_id_salt(id).selected_text(chosen).truncate().height(260.0);
    combo.show_ui(ui, |ui| {
        ui.set_max_width(CONTROLS - 2.0 * (INSET + FRAME));
        ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
        ui.spacing_mut().item_spacing.y = 3.0;
        rows(ui);
    })
}

/// A list of the genre slots that the pack fills, and the chosen one.
fn slot(ui: &mut Ui, control: Control, snapshot: &Snapshot, send: &mut dyn FnMut(Intent)) {
    let chosen = if control == Control::Source { snapshot.source } else { snapshot.target };
    let name = |value: u8| match value.checked_sub(1) {
        Some(slot) => snapshot.slots.get(usize::from(slot)).map_or("", String::as_str),
        None => "auto",
    };
    let first = u8::from(control != Control::Source);
    let id = if first == 0 { "source" } else { "target" };
    list(ui, id, name(chosen), |ui| {
        let offered = (first..=snapshot.slots.len().min(8) as u8)
            .filter(|&value| value <= snapshot.filled || value == chosen);
        for value in offered {
            if ui.selectable_label(value == chosen, name(value)).clicked() && value != chosen {
                whole(control, value.into(), send);
            }
        }
    });
}

fn footer(ui: &mut Ui, snapshot: &Snapshot) {
    ui.spacing_mut().item_spacing.y = 6.0;
    ui.label(RichText::new(snapshot.state.as_str()).color(ACCENT));
    // Where nothing asks the network, what is known of its last answer says nothing.
    if let (Some(answer), None) = (&snapshot.answer, &snapshot.problem) {
        label(ui, answer);
    }
    if !snapshot.notices.is_empty() {
        ui.label(RichText::new(snapshot.notices.join(", ")).color(WARNING));
    }
    if let Some(problem) = &snapshot.problem {
        ui.label(RichText::new(problem.as_str()).color(WARNING));
    }
    if let Some(folder) = &snapshot.folder {
        let text = RichText::new(format!("Packs folder: {folder}")).size(11.0).color(QUIET);
        ui.add_space((ui.available_height() - BOTTOM).max(0.0));
        ui.add(Label::new(text).truncate());
    }
}

#[cfg(test)]
mod tests {
    use egui::{Event, Modifiers, PointerButton, Pos2, RawInput, Rect, pos2};

    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            pack: "default".into(),
            packs: vec!["default".into()],
            folder: Some("/home/somebody/.local/share/contrafact/packs".repeat(2)),
            slots: (1..=8).map(|slot| format!("{slot}: empty")).collect(),
            filled: 8,
            target: 1,
            amount: 0.5,
            state: "waiting for notes".into(),
            rows: [
                (Control::Latency, Kind::Choice(vec!["4 bars".into(), "2 bars".into()])),
                (Control::Voices, Kind::Number(16, Some("any"))),
                (Control::Swing, Kind::Percent),
                (Control::Melody, Kind::Switch),
                (Control::Panic, Kind::Button),
            ]
            .map(|(control, kind)| Row { control, name: "Pedal as length", hint: "a hint", value: 0.0, kind })
            .to_vec(),
            ..Snapshot::default()
        }
    }

    fn frame(
        context: &egui::Context,
        view: &mut View,
        snapshot: &Snapshot,
        events: Vec<Event>,
    ) -> Vec<Intent> {
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(View::SIZE.0, View::SIZE.1)));
        let mut intents = Vec::new();
        let input = RawInput { screen_rect, events, ..RawInput::default() };
        let mut output =
            context.run_ui(input, |ui| view.show(ui, snapshot, &mut |intent| intents.push(intent)));
        output.textures_delta.clear();
        intents
    }

    fn press(pos: Pos2, pressed: bool) -> Event {
        Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }
    }

    /// Drags over every place of the window, whatever lies there: each gesture begins and ends once, with its values between.
    #[test]
    fn every_gesture_is_whole_wherever_the_user_drags() {
        let (mut sets, mut moved) = (0, Vec::new());
        for y in (10..540).step_by(8) {
            for x in [60, 150, 200, 300, 400] {
                let (context, mut view, snapshot) = (egui::Context::default(), View::default(), snapshot());
                View::dress(&context);
                let (from, to) = (pos2(x as f32, y as f32), pos2(x as f32 - 30.0, y as f32));
                let mut intents = Vec::new();
                let steps = [
                    vec![Event::PointerMoved(from)],
                    vec![press(from, true)],
                    vec![Event::PointerMoved(to)],
                    vec![press(to, false)],
                    vec![],
                ];
                for events in steps {
                    intents.extend(frame(&context, &mut view, &snapshot, events));
                }
                let mut open = None;
                for intent in intents {
                    match intent {
                        Intent::Begin(control) => assert_eq!(open.replace(control), None),
                        Intent::Set(control, value) => {
                            assert_eq!(open, Some(control));
                            assert!((0.0..=9999.0).contains(&value));
                            sets += 1;
                            if !moved.contains(&control) {
                                moved.push(control);
                            }
                        }
                        Intent::End(control) => assert_eq!(open.take(), Some(control)),
                        Intent::Pack(_) | Intent::Rescan => {}
                    }
                }
                assert_eq!(open, None);
            }
        }
        for control in [Control::Amount, Control::Variation, Control::Swing] {
            assert!(sets > 0 && moved.contains(&control), "{control:?} in {moved:?}");
        }
    }

    /// The host moves parameters while the window is open, to values that the window shows rounded.
    #[test]
    fn nothing_is_sent_for_what_the_host_does() {
        let (context, mut view) = (egui::Context::default(), View::default());
        View::dress(&context);
        for thousandth in (0..=1000).step_by(7) {
            let amount = thousandth as f32 / 1000.0;
            let snapshot = Snapshot { amount, variation: 1.0 - amount, seed: thousandth, ..snapshot() };
            assert_eq!(frame(&context, &mut view, &snapshot, vec![]), []);
        }
    }

    #[test]
    fn what_is_held_when_the_window_closes_is_let_go_once() {
        let (context, mut view, snapshot) = (egui::Context::default(), View::default(), snapshot());
        View::dress(&context);
        let begun = (10..360).step_by(8).find_map(|y| {
            let at = pos2(150.0, y as f32);
            frame(&context, &mut view, &snapshot, vec![Event::PointerMoved(at)]);
            let intents = frame(&context, &mut view, &snapshot, vec![press(at, true)]);
            let begun = intents.into_iter().find(|intent| matches!(intent, Intent::Begin(_)));
            if begun.is_none() {
                frame(&context, &mut view, &snapshot, vec![press(at, false)]);
            }
            begun
        });
        let Some(Intent::Begin(control)) = begun else { panic!("nothing to hold") };
        assert_eq!(view.let_go(), Some(Intent::End(control)));
        assert_eq!(view.let_go(), None);
    }

    #[test]
    fn everything_fits_into_the_window() {
        let context = egui::Context::default();
        View::dress(&context);
        let full = Snapshot {
            problem: Some(
                "Notes pass unchanged: /home/somebody/.local/share/contrafact/packs/bossa-nights.safetensors: \
                 this pack Bossa nights is not the one that the project was saved with; put that one into the \
                 folder or choose anew"
                    .into(),
            ),
            notices: vec!["12 answers late".into(), "3 notes too many".into()],
            answer: Some("Last phrase taken as 1: classical, answered in 3.2 ms".into()),
            ..snapshot()
        };
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(View::SIZE.0, View::SIZE.1)));
        for _ in 0..2 {
            let input = RawInput { screen_rect, ..RawInput::default() };
            let mut used = Rect::NOTHING;
            let mut output = context.run_ui(input, |ui| {
                View::default().show(ui, &full, &mut |_| {});
                used = ui.min_rect();
            });
            output.textures_delta.clear();
            assert!(used.width() <= View::SIZE.0 && used.height() <= View::SIZE.1, "{used:?}");
        }
    }
}
