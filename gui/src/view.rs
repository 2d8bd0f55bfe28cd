//! The window's contents.

use egui::{
    Align, Color32, ComboBox, DragValue, Frame, Grid, Layout, Margin, Response, RichText, Slider, Ui, vec2,
};

use crate::{Control, Intent, Snapshot};

const ACCENT: Color32 = Color32::from_rgb(0x6f, 0xb7, 0xc9);
const WARNING: Color32 = Color32::from_rgb(0xe0, 0xa4, 0x58);
const BACKGROUND: Color32 = Color32::from_rgb(0x1b, 0x1d, 0x21);
const TEXT: Color32 = Color32::from_rgb(0xd6, 0xd9, 0xde);
const QUIET: Color32 = Color32::from_rgb(0x8a, 0x90, 0x99);

/// What the editor remembers between frames.
#[derive(Debug, Default)]
pub struct View {
    /// The control that is held, so that each gesture ends once.
    held: Option<Control>,
}

impl View {
    /// The window's size, in points.
    pub const SIZE: (f32, f32) = (420.0, 410.0);

    /// Sets the looks; once for each window.
    pub fn dress(context: &egui::Context) {
        context.all_styles_mut(|style| {
            style.spacing.item_spacing = vec2(10.0, 10.0);
            style.spacing.slider_width = 210.0;
            style.spacing.combo_width = 210.0;
            style.visuals = egui::Visuals::dark();
            style.visuals.override_text_color = Some(TEXT);
            style.visuals.panel_fill = BACKGROUND;
            style.visuals.selection.bg_fill = ACCENT.gamma_multiply(0.6);
            style.visuals.slider_trailing_fill = true;
        });
    }

    /// Draws a frame; `send` takes what the user wants.
    pub fn show(&mut self, ui: &mut Ui, snapshot: &Snapshot, send: &mut dyn FnMut(Intent)) {
        let frame = Frame::new().fill(BACKGROUND).inner_margin(Margin::same(18));
        frame.show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            self.header(ui, snapshot, send);
            ui.separator();
            Grid::new("controls").num_columns(2).spacing(vec2(16.0, 12.0)).show(ui, |ui| {
                self.controls(ui, snapshot, send);
            });
            ui.separator();
            footer(ui, snapshot);
        });
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
        let combo = ComboBox::from_id_salt("pack").selected_text(snapshot.pack.as_str());
        let opened = combo.show_ui(ui, |ui| {
            for (index, pack) in snapshot.packs.iter().enumerate() {
                if ui.selectable_label(*pack == snapshot.pack, pack.as_str()).clicked() {
                    send(Intent::Pack(index));
                }
            }
        });
        if opened.response.clicked() {
            send(Intent::Rescan);
        }
        ui.end_row();

        label(ui, "From");
        slot(ui, Control::Source, snapshot, send);
        ui.end_row();

        label(ui, "To");
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
            let mut percent = value * 100.0;
            let slider = Slider::new(&mut percent, 0.0..=100.0).suffix(" %").fixed_decimals(0);
            let response = ui.add(slider).on_hover_text(hint);
            self.report(&response, control, percent / 100.0, send);
            ui.end_row();
        }

        label(ui, "Seed");
        let mut seed = snapshot.seed;
        let response = ui.add_enabled(snapshot.variation > 0.0, DragValue::new(&mut seed).range(0..=9999));
        let response = response.on_hover_text("Which of the answers that chance allows.");
        self.report(&response, Control::Seed, f32::from(seed), send);
        ui.end_row();
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

/// A list of the genre slots.
fn slot(ui: &mut Ui, control: Control, snapshot: &Snapshot, send: &mut dyn FnMut(Intent)) {
    let chosen = if control == Control::Source { snapshot.source } else { snapshot.target };
    let name = |value: u8| match value.checked_sub(1) {
        Some(slot) => snapshot.slots.get(usize::from(slot)).map_or("", String::as_str),
        None => "auto",
    };
    let first = u8::from(control != Control::Source);
    let id = if first == 0 { "from" } else { "to" };
    ComboBox::from_id_salt(id).selected_text(name(chosen)).show_ui(ui, |ui| {
        for value in first..=snapshot.slots.len().min(8) as u8 {
            if ui.selectable_label(value == chosen, name(value)).clicked() && value != chosen {
                whole(control, value.into(), send);
            }
        }
    });
}

fn footer(ui: &mut Ui, snapshot: &Snapshot) {
    ui.label(RichText::new(snapshot.state.as_str()).color(ACCENT));
    if let Some(answer) = &snapshot.answer {
        label(ui, answer);
    }
    if !snapshot.notices.is_empty() {
        ui.label(RichText::new(snapshot.notices.join(", ")).color(WARNING));
    }
    if let Some(problem) = &snapshot.problem {
        ui.label(RichText::new(problem.as_str()).color(WARNING));
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
            slots: (1..=8).map(|slot| format!("{slot}: empty")).collect(),
            target: 1,
            amount: 0.5,
            state: "waiting for notes".into(),
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
        for y in (10..360).step_by(8) {
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
        assert!(
            sets > 0 && moved.contains(&Control::Amount) && moved.contains(&Control::Variation),
            "{moved:?}"
        );
    }

    #[test]
    fn everything_fits_into_the_window() {
        let context = egui::Context::default();
        View::dress(&context);
        let full = Snapshot {
            problem: Some(
                "the pack Bossa nights is not in the packs folder; put it there or choose another pack"
                    .into(),
            ),
            notices: vec!["12 answers late".into(), "3 notes too many".into()],
            answer: Some("heard as 1: classical, answered in 3.2 ms".into()),
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
