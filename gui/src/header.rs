//! The bar at the top: the pack, the looks, and what ends all noise.

use egui::{Align, Button, ComboBox, Layout, Rect, RichText, TextWrapMode, Ui, UiBuilder, vec2};

use crate::scene::Scene;
use crate::theme::Look;
use crate::widgets::hint;
use crate::{Control, Intent, details};

const ZOOMS: [u16; 5] = [100, 125, 150, 175, 200];

/// The bar.
pub fn show(ui: &mut Ui, scene: &mut Scene, rect: Rect) {
    let (theme, snapshot) = (scene.theme, scene.snapshot);
    ui.painter().rect_filled(rect, 0, theme.bar);
    let builder = UiBuilder::new().max_rect(rect.shrink2(vec2(14.0, 0.0)));
    let mut bar = ui.new_child(builder.layout(Layout::left_to_right(Align::Center)));
    bar.label(RichText::new("Contrafact").size(18.0).color(theme.text));
    bar.add_space(14.0);
    pack(&mut bar, scene);
    bar.with_layout(Layout::right_to_left(Align::Center), |ui| {
        toggle(ui, scene, Control::BYPASS, theme.wrong);
        let panic = scene.field(Control::PANIC);
        if hint(ui.button(panic.name), panic.hint).clicked() {
            scene.press(Control::PANIC);
        }
        toggle(ui, scene, Control::FREEZE, theme.accent);
        ui.add_space(10.0);
        zoom(ui, scene);
        let (other, name) = match snapshot.look {
            Look::Dark => (Look::Light, "Light"),
            Look::Light => (Look::Dark, "Dark"),
        };
        if ui.button(name).on_hover_text("Another look, for bright rooms and for stages.").clicked() {
            scene.send(Intent::Look(other));
        }
    });
}

fn pack(ui: &mut Ui, scene: &mut Scene) {
    let pack = &scene.snapshot.pack;
    let combo = ComboBox::from_id_salt("pack").width(190.0).truncate().selected_text(&pack.name);
    let shown = combo.height(300.0).show_ui(ui, |ui| {
        ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
        for (index, name) in pack.names.iter().enumerate() {
            if ui.selectable_label(pack.chosen == Some(index), name).clicked() {
                scene.send(Intent::Pack(index));
            }
        }
        ui.separator();
        if ui.selectable_label(false, "Show the packs folder").clicked() {
            scene.send(Intent::ShowPacks);
        }
    });
    if shown.response.clicked() {
        scene.send(Intent::Rescan);
    }
    let folder =
        pack.folder.as_ref().map(|folder| format!(" More packs go into {folder}.")).unwrap_or_default();
    shown.response.on_hover_text(format!("The pack: the networks, and the genres that they know.{folder}"));
    details::show(ui, scene);
}

fn zoom(ui: &mut Ui, scene: &mut Scene) {
    let now = scene.snapshot.zoom;
    let combo = ComboBox::from_id_salt("zoom").width(66.0).selected_text(format!("{now} %"));
    let shown = combo.show_ui(ui, |ui| {
        for percent in ZOOMS {
            if ui.selectable_label(percent == now, format!("{percent} %")).clicked() && percent != now {
                scene.send(Intent::Zoom(percent));
            }
        }
    });
    shown.response.on_hover_text("How large everything is.");
}

/// A switch as a button that stays down.
fn toggle(ui: &mut Ui, scene: &mut Scene, control: Control, colour: egui::Color32) {
    let (field, on) = (scene.field(control), scene.snapshot.is_on(control));
    let mut text = RichText::new(field.name);
    let mut button = Button::new(text.clone());
    if on {
        text = text.color(scene.theme.on_accent);
        button = Button::new(text).fill(colour);
    }
    let response = ui.add(button.selected(on));
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, on, field.name));
    if hint(response, field.hint).clicked() {
        scene.set(control, f32::from(u8::from(!on)));
    }
}
