//! What is going on, how long until the next answer, and how the network keeps up.

use egui::{Align2, Rect, Sense, Stroke, Ui, pos2, vec2};

use crate::scene::{Scene, text_in};
use crate::widgets::hint;
use crate::{Snapshot, Stage};

/// The width of the engine's figures.
const ENGINE: f32 = 250.0;
/// The width of a beat's mark.
const BEAT: f32 = 11.0;
const MOST_BEATS: usize = 20;

/// The bar below the header.
pub fn show(ui: &mut Ui, scene: &Scene, rect: Rect) {
    let (theme, snapshot) = (scene.theme, scene.snapshot);
    let painter = ui.painter();
    let room = rect.shrink2(vec2(14.0, 0.0));
    let mut left = room.left();
    if let Some(beats) = snapshot.beats {
        let count = beats.ceil().clamp(1.0, MOST_BEATS as f32);
        let figure = room.with_max_x(left + 34.0);
        text_in(painter, figure, Align2::LEFT_CENTER, &format!("{count:.0}"), 22.0, theme.accent);
        left += 36.0;
        left = marks(ui, scene, pos2(left, rect.center().y), beats) + 12.0;
    } else {
        painter.circle_stroke(pos2(left + 6.0, rect.center().y), 5.0, Stroke::new(1.5, theme.quiet));
        left += 22.0;
    }
    let colour = if snapshot.stage == Stage::Running { theme.text } else { theme.quiet };
    let room = Rect::from_x_y_ranges(left..=room.right() - ENGINE, rect.y_range());
    text_in(ui.painter(), room, Align2::LEFT_CENTER, &snapshot.state, 14.0, colour);
    engine(ui, scene, rect.shrink2(vec2(14.0, 0.0)).with_min_x(room.right() + 8.0));
}

/// A mark for each beat of the phrase, those that are over filled; gives the right end.
fn marks(ui: &Ui, scene: &Scene, from: egui::Pos2, beats: f32) -> f32 {
    let (theme, live) = (scene.theme, &scene.snapshot.live);
    let steps = if live.line > live.first { live.line - live.first } else { phrase::STEPS as f32 };
    let whole = ((steps / phrase::STEPS_PER_BEAT as f32).round() as usize).clamp(1, MOST_BEATS);
    let over = whole as f32 - beats;
    for beat in 0..whole {
        let at = from.x + beat as f32 * BEAT;
        let is_bar = beat % 4 == 0;
        let height = if is_bar { 14.0 } else { 8.0 };
        let mark = Rect::from_center_size(pos2(at + BEAT / 2.0, from.y), vec2(BEAT - 3.0, height));
        ui.painter().rect_filled(mark, 2, theme.raised);
        let share = (over - beat as f32).clamp(0.0, 1.0);
        if share > 0.0 {
            ui.painter().rect_filled(mark.with_max_x(mark.left() + mark.width() * share), 2, theme.accent);
        }
    }
    from.x + whole as f32 * BEAT
}

/// What computes, how long it took, and what went amiss.
fn engine(ui: &mut Ui, scene: &Scene, room: Rect) {
    let theme = scene.theme;
    let text = engine_text(scene.snapshot);
    let drawn = text_in(ui.painter(), room, Align2::RIGHT_CENTER, &text, 12.0, theme.quiet);
    if !scene.snapshot.notices.is_empty() || scene.snapshot.note.is_some() {
        let dot = pos2(drawn.left() - 9.0, room.center().y);
        ui.painter().circle_filled(dot, 4.0, theme.wrong);
    }
    let mut about = "What computes the answers, how long the last one took, and how long it may take at \
                     this tempo without being late."
        .to_string();
    if !scene.snapshot.notices.is_empty() {
        about = format!("{} since the plug-in was loaded. {about}", scene.snapshot.notices.join(", "));
    }
    if let Some(note) = &scene.snapshot.note {
        about = format!("{note}. {about}");
    }
    let response = ui.interact(room, ui.scope_id().with("engine"), Sense::hover());
    hint(response, &about);
}

fn engine_text(snapshot: &Snapshot) -> String {
    let took = match snapshot.took {
        Some(took) => format!("{}: {took:.1} ms of {:.0} ms", snapshot.device, snapshot.deadline),
        None => format!("{}: no answer yet", snapshot.device),
    };
    match snapshot.notices.first() {
        Some(notice) => format!("{notice}   {took}"),
        None => took,
    }
}
