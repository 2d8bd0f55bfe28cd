//! What somebody must know who sees the window for the first time, until they say that they do.

use egui::{Align, Align2, FontId, Layout, Rect, Role, Sense, Stroke, Ui, UiBuilder, WidgetInfo, vec2};

use crate::Intent;
use crate::scene::Scene;
use crate::theme::mix;

/// The height that it takes.
pub const HEIGHT: f32 = 58.0;

const WORDS: &str = "Contrafact makes no sound, it plays an instrument. In Bitwig and Reaper put it before \
                     one; in Live, FL Studio, Cubase and Studio One have the instrument's track listen to \
                     this one. What you play for four bars is answered in the next four.";

/// The words, and a button that ends them for good.
pub fn show(ui: &mut Ui, scene: &mut Scene, rect: Rect) {
    let theme = scene.theme;
    ui.painter().rect_filled(rect, 0, mix(theme.bar, theme.accent, 0.14));
    ui.painter().vline(rect.left() + 2.0, rect.y_range(), Stroke::new(4.0, theme.accent));
    let room = rect.shrink2(vec2(14.0, 4.0));
    let button = room.with_min_x(room.right() - 90.0);
    let words = room.with_max_x(button.left() - 10.0);
    let font = FontId::proportional(12.5);
    let lines = ui.painter().layout(WORDS.to_owned(), font, theme.text, words.width());
    let place = Align2::LEFT_CENTER.align_size_within_rect(lines.size(), words);
    ui.interact(place, ui.scope_id().with("welcome"), Sense::hover())
        .widget_info(|| WidgetInfo::labeled(Role::Label, true, WORDS));
    ui.painter().galley(place.min, lines, theme.text);
    let mut child =
        ui.new_child(UiBuilder::new().max_rect(button).layout(Layout::right_to_left(Align::Center)));
    if child.button("Got it").on_hover_text("Does not come back.").clicked() {
        scene.send(Intent::Welcomed);
    }
}
