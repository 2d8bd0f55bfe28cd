//! What went wrong and what to do, in one sentence across the window.

use egui::{Align, Layout, Rect, RichText, Stroke, Ui, UiBuilder, vec2};

use crate::Intent;
use crate::scene::Scene;
use crate::theme::mix;

/// The height that a sentence takes.
pub const HEIGHT: f32 = 46.0;

/// The sentence, and what helps with packs.
pub fn show(ui: &mut Ui, scene: &mut Scene, rect: Rect, problem: &str) {
    let theme = scene.theme;
    ui.painter().rect_filled(rect, 0, mix(theme.bar, theme.wrong, 0.16));
    ui.painter().vline(rect.left() + 2.0, rect.y_range(), Stroke::new(4.0, theme.wrong));
    let room = rect.shrink2(vec2(14.0, 4.0));
    let buttons = room.with_min_x(room.right() - 210.0);
    let words = room.with_max_x(buttons.left() - 10.0);
    let layout = Layout::left_to_right(Align::Center).with_main_wrap(true);
    let mut child = ui.new_child(UiBuilder::new().max_rect(words).layout(layout));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    child.add(egui::Label::new(RichText::new(problem).color(theme.text).size(12.5)).wrap());
    let mut child =
        ui.new_child(UiBuilder::new().max_rect(buttons).layout(Layout::right_to_left(Align::Center)));
    if child.button("Look again").on_hover_text("Looks for packs in the packs folder again.").clicked() {
        scene.send(Intent::Rescan);
    }
    if scene.snapshot.pack.folder.is_some() && child.button("Packs folder").clicked() {
        scene.send(Intent::ShowPacks);
    }
}
