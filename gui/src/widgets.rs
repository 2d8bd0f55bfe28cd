//! Rows that move one control each: a fader, a switch, a choice, a button. All can be reached and moved by
//! keyboard.

use egui::{
    Align2, ComboBox, EventFilter, Key, Rect, Response, Role, Sense, Stroke, StrokeKind, TextWrapMode, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::scene::{Scene, text_in};
use crate::theme::{ROUND, mix};
use crate::{Control, Intent, Kind};

/// The height of a row.
pub const ROW: f32 = 25.0;
const INSET: f32 = 9.0;
/// The share of a row that a name takes beside a list.
const NAME: f32 = 0.40;
/// How much slower a drag is with Shift.
const FINE: f32 = 0.1;
/// The share of the range that an arrow key moves, where that is more than one.
const KEY: f32 = 0.01;

/// A control in the way that suits its kind.
pub fn row(ui: &mut Ui, scene: &mut Scene, control: Control) -> Response {
    match &scene.field(control).kind {
        Kind::Percent | Kind::Number(..) | Kind::Pitch => fader(ui, scene, control),
        Kind::Switch => switch(ui, scene, control),
        Kind::Choice(names) if names.len() <= 3 => segments(ui, scene, control),
        Kind::Choice(_) => list(ui, scene, control),
        Kind::Button => button(ui, scene, control),
    }
}

/// A bar to drag: with Shift finely, to its default by a double click, by the arrow keys once it has the
/// focus.
pub fn fader(ui: &mut Ui, scene: &mut Scene, control: Control) -> Response {
    let (field, value) = (scene.field(control), scene.snapshot.value(control));
    let most = field.kind.most();
    let (rect, mut response) =
        ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click_and_drag());
    if response.double_clicked() {
        scene.send(Intent::Reset(control));
    }
    if response.drag_started() {
        scene.hand.take(&[control], scene.send);
        scene.hand.exact = value;
    }
    if response.dragged() && scene.hand.holds(control) {
        let fine = if ui.input(|input| input.modifiers.shift) { FINE } else { 1.0 };
        scene.hand.exact += response.drag_delta().x / rect.width() * most * fine;
        let next = field.kind.nearest(scene.hand.exact);
        if next != field.kind.nearest(value) {
            scene.set(control, next);
            response.mark_changed();
        }
    }
    if response.drag_stopped() {
        scene.hand.open(scene.send);
    }
    if response.clicked() {
        response.request_focus();
    }
    if response.has_focus() {
        let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let (keys, shift) = ui.input(|input| {
            let pressed = |key| input.num_presses(key) as f32;
            (pressed(Key::ArrowRight) - pressed(Key::ArrowLeft), input.modifiers.shift)
        });
        if keys != 0.0 {
            let step = match field.kind {
                Kind::Percent if shift => KEY * FINE,
                Kind::Percent => KEY,
                _ if shift || most < 24.0 => 1.0,
                _ => (most * KEY * 5.0).round(),
            };
            scene.set(control, field.kind.nearest(value + keys * step));
            response.mark_changed();
        }
    }
    let text = field.kind.text(value);
    response.widget_info(|| {
        let mut info = WidgetInfo::slider(true, f64::from(value), field.name);
        info.current_text_value = Some(text.clone());
        info
    });
    if ui.is_rect_visible(rect) {
        let theme = scene.theme;
        let painter = ui.painter();
        painter.rect_filled(rect, ROUND, back(&response, scene));
        let filled = rect.width() * (value / most).clamp(0.0, 1.0);
        if filled > 1.0 {
            let part = painter.with_clip_rect(Rect::from_min_size(rect.min, vec2(filled, ROW)));
            part.rect_filled(rect, ROUND, mix(theme.raised, theme.accent, 0.36));
            part.rect_filled(rect.with_min_y(rect.bottom() - 3.0), ROUND, theme.accent);
        }
        let room = rect.shrink2(vec2(INSET, 0.0));
        let value = text_in(painter, room, Align2::RIGHT_CENTER, &text, 13.0, theme.text);
        let room = room.with_max_x(value.left() - 6.0);
        text_in(painter, room, Align2::LEFT_CENTER, field.name, 13.0, theme.text);
        focus_ring(ui, &response, rect, scene);
    }
    let more = "Drag; Shift for fine steps, double click for the default.";
    hint(response, &format!("{} {more}", field.hint))
}

/// On or off.
pub fn switch(ui: &mut Ui, scene: &mut Scene, control: Control) -> Response {
    let (field, on) = (scene.field(control), scene.snapshot.is_on(control));
    let (rect, mut response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    if response.clicked() {
        scene.set(control, f32::from(u8::from(!on)));
        response.mark_changed();
    }
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, field.name));
    if ui.is_rect_visible(rect) {
        let theme = scene.theme;
        let painter = ui.painter();
        painter.rect_filled(rect, ROUND, back(&response, scene));
        let room = rect.shrink2(vec2(INSET, 0.0));
        let rail = Align2::RIGHT_CENTER.align_size_within_rect(vec2(26.0, 14.0), room);
        let fill = if on { theme.accent } else { mix(theme.raised, theme.quiet, 0.35) };
        painter.rect_filled(rail, 7, fill);
        let knob = if on { rail.right() - 7.0 } else { rail.left() + 7.0 };
        let knob_fill = if on { theme.on_accent } else { theme.text };
        painter.circle_filled(pos2(knob, rail.center().y), 5.0, knob_fill);
        text_in(
            painter,
            room.with_max_x(rail.left() - 6.0),
            Align2::LEFT_CENTER,
            field.name,
            13.0,
            theme.text,
        );
        focus_ring(ui, &response, rect, scene);
    }
    hint(response, field.hint)
}

/// A few to choose from, side by side.
pub fn segments(ui: &mut Ui, scene: &mut Scene, control: Control) -> Response {
    let field = scene.field(control);
    let Kind::Choice(names) = &field.kind else { return switch(ui, scene, control) };
    let chosen = scene.snapshot.value(control) as usize;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let theme = scene.theme;
    let split = rect.left() + rect.width() * NAME * 0.72;
    let room = rect.with_max_x(split - 4.0).with_min_x(rect.left() + INSET);
    text_in(ui.painter(), room, Align2::LEFT_CENTER, field.name, 13.0, theme.text);
    let all = rect.with_min_x(split);
    ui.painter().rect_filled(all, ROUND, theme.raised);
    let width = all.width() / names.len() as f32;
    for (index, name) in names.iter().enumerate() {
        let part = Rect::from_min_size(pos2(all.left() + width * index as f32, all.top()), vec2(width, ROW));
        let id = response.id.with(index);
        let part_response = ui.interact(part, id, Sense::click());
        let label = format!("{}: {name}", field.name);
        part_response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, index == chosen, &label));
        if part_response.clicked() && index != chosen {
            scene.set(control, index as f32);
        }
        let painter = ui.painter();
        let colour = if index == chosen {
            painter.rect_filled(part.shrink(2.0), ROUND, theme.accent);
            theme.on_accent
        } else {
            if part_response.hovered() {
                painter.rect_filled(part.shrink(2.0), ROUND, theme.hovered);
            }
            theme.text
        };
        text_in(painter, part.shrink(3.0), Align2::CENTER_CENTER, name, 12.0, colour);
        focus_ring(ui, &part_response, part, scene);
        hint(part_response, field.hint);
    }
    response
}

/// Many to choose from.
pub fn list(ui: &mut Ui, scene: &mut Scene, control: Control) -> Response {
    let field = scene.field(control);
    let Kind::Choice(names) = &field.kind else { return switch(ui, scene, control) };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    named_list(ui, scene, control, field.name, field.hint, &names, 0.0)
}

/// Many to choose from, by names of their own; the first one's value is `base`.
pub fn named_list(
    ui: &mut Ui,
    scene: &mut Scene,
    control: Control,
    name: &str,
    about: &str,
    names: &[&str],
    base: f32,
) -> Response {
    let value = scene.snapshot.value(control);
    let chosen = (value - base).max(0.0) as usize;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let split = rect.left() + rect.width() * NAME;
    let room = rect.with_max_x(split - 4.0).with_min_x(rect.left() + INSET);
    text_in(ui.painter(), room, Align2::LEFT_CENTER, name, 13.0, scene.theme.text);
    let builder = egui::UiBuilder::new().max_rect(rect.with_min_x(split));
    let response = ui
        .scope_builder(builder, |ui| {
            let combo = ComboBox::from_id_salt(("list", name)).width(ui.available_width()).truncate();
            let shown = combo.selected_text(names.get(chosen).copied().unwrap_or("")).height(300.0).show_ui(
                ui,
                |ui| {
                    ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
                    ui.spacing_mut().item_spacing.y = 2.0;
                    for (index, name) in names.iter().enumerate() {
                        if ui.selectable_label(index == chosen, *name).clicked() && index != chosen {
                            scene.set(control, base + index as f32);
                        }
                    }
                },
            );
            shown.response
        })
        .inner;
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, name));
    hint(response, about)
}

/// Something to press.
pub fn button(ui: &mut Ui, scene: &mut Scene, control: Control) -> Response {
    let field = scene.field(control);
    let wide = egui::Button::new(field.name).min_size(vec2(ui.available_width(), ROW));
    let response = ui.add(wide);
    if response.clicked() {
        scene.press(control);
    }
    hint(response, field.hint)
}

fn back(response: &Response, scene: &Scene) -> egui::Color32 {
    if response.hovered() || response.dragged() {
        mix(scene.theme.raised, scene.theme.hovered, 0.6)
    } else {
        scene.theme.raised
    }
}

/// Shows what has the keyboard.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect, scene: &Scene) {
    if response.has_focus() {
        ui.painter().rect_stroke(rect, ROUND, Stroke::new(1.5, scene.theme.accent), StrokeKind::Inside);
    }
}

/// A sentence that comes up under the pointer.
pub fn hint(response: Response, text: &str) -> Response {
    if text.is_empty() { response } else { response.on_hover_text(text) }
}
