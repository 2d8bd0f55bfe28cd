//! The morph: where it is on, phrases of the strip are in the pad's corners in place of the genres, and the
//! point between them plays.

use egui::{
    Align2, Color32, CursorIcon, EventFilter, Key, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};
use phrase::Note;

use crate::history::miniature;
use crate::roll::Range;
use crate::scene::{Scene, text_in};
use crate::theme::{ROUND, mix};
use crate::widgets::{ROW, focus_ring, hint};
use crate::{Control, Intent};

/// The height of the pad.
const HEIGHT: f32 = 118.0;
/// A corner's phrase, drawn small.
const CORNER: Vec2 = vec2(64.0, 34.0);
/// The width of the trail's button.
const TRAILS: f32 = 44.0;
/// How far an arrow key goes.
const STEP: f32 = 0.05;
/// Phrases of a trail.
const TRAIL: usize = 8;
const NAMES: [&str; 4] = ["above left", "above right", "below left", "below right"];
const HINT: &str = "Drag the point between the corners' phrases; the arrow keys move it too.";

/// What the square remembers between frames.
#[derive(Debug, Default)]
pub struct Square {
    /// The next drag becomes phrases.
    records: bool,
    /// Where the drag has been.
    trail: Vec<(f32, f32)>,
}

impl Square {
    /// Draws what belongs to it on the page: what the pack lacks, the model's place; `selected` is the take
    /// that the user looks at.
    pub fn page(ui: &mut Ui, scene: &mut Scene, selected: Option<u64>) {
        for lacks in &scene.snapshot.pack.lacks {
            let (rect, label) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
            text_in(ui.painter(), rect, Align2::LEFT_CENTER, lacks, 12.0, scene.theme.wrong);
            label.on_hover_text(lacks);
        }
        model(ui, scene, selected);
    }

    /// Draws the pad with its phrases.
    pub fn pad(&mut self, ui: &mut Ui, scene: &mut Scene, selected: Option<u64>) {
        let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
        let words = "Between these phrases";
        let place = line.shrink2(vec2(9.0, 0.0)).with_max_x(line.right() - TRAILS);
        text_in(ui.painter(), place, Align2::LEFT_CENTER, words, 13.0, scene.theme.text);
        self.trails(ui, scene, line.with_min_x(line.right() - TRAILS));
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
        let room = rect.shrink(2.0);
        let places = [
            (room.left_top(), Align2::LEFT_TOP),
            (room.right_top(), Align2::RIGHT_TOP),
            (room.left_bottom(), Align2::LEFT_BOTTOM),
            (room.right_bottom(), Align2::RIGHT_BOTTOM),
        ];
        let inner = room.shrink2(vec2(CORNER.x + 8.0, 2.0));
        ground(self, ui, scene, inner);
        for (index, (at, anchor)) in places.into_iter().enumerate() {
            corner(ui, scene, index, anchor.anchor_size(at, CORNER), selected);
        }
    }

    /// The button that puts the next drag into the strip.
    fn trails(&mut self, ui: &mut Ui, scene: &Scene, rect: Rect) {
        let response = ui.interact(rect, ui.scope_id().with("trail"), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, self.records, "Trail"));
        if response.clicked() {
            self.records = !self.records;
        }
        let theme = scene.theme;
        let (fill, colour) = match (self.records, response.hovered()) {
            (true, _) => (theme.accent, theme.on_accent),
            (_, true) => (theme.hovered, theme.text),
            _ => (theme.raised, theme.text),
        };
        ui.painter().rect_filled(rect, ROUND, fill);
        text_in(ui.painter(), rect, Align2::CENTER_CENTER, "trail", 12.0, colour);
        focus_ring(ui, &response, rect, scene);
        hint(response, "The next drag of the point is put into the strip below, as eight phrases.");
    }

    /// The point has moved to a place of the square.
    fn follow(&mut self, scene: &mut Scene, to: (f32, f32)) {
        for (control, value) in [(Control::MORPH_X, to.0), (Control::MORPH_Y, to.1)] {
            let value = (value.clamp(0.0, 1.0) * 1000.0).round() / 1000.0;
            if (scene.snapshot.value(control) - value).abs() > 1e-4 {
                scene.set(control, value);
            }
        }
        if self.records {
            self.trail.push(to);
        }
    }

    /// The drag is over: where it was recorded, it becomes phrases.
    fn end(&mut self, scene: &mut Scene) {
        let trail = std::mem::take(&mut self.trail);
        if std::mem::take(&mut self.records) && !trail.is_empty() {
            scene.send(Intent::Trail(spread(&trail)));
        }
    }
}

/// As many points as a trail has phrases, evenly along a drag.
fn spread(trail: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let at = |index: usize| trail[index * (trail.len() - 1) / (TRAIL - 1)];
    (0..TRAIL).map(at).collect()
}

/// The ground on which the point moves, and the point.
fn ground(square: &mut Square, ui: &mut Ui, scene: &mut Scene, inner: Rect) {
    let response = ui.interact(inner, ui.scope_id().with("morph"), Sense::click_and_drag());
    let controls = [Control::MORPH_X, Control::MORPH_Y];
    let place = |at: Pos2| ((at - inner.min) / inner.size()).to_pos2();
    if response.drag_started() {
        scene.hand.take(&controls, scene.send);
    }
    if let Some(at) = response.interact_pointer_pos().map(place) {
        if response.dragged() && scene.hand.holds(Control::MORPH_X) {
            square.follow(scene, (at.x, at.y));
        } else if response.clicked() {
            response.request_focus();
            scene.hand.take(&controls, scene.send);
            square.follow(scene, (at.x, at.y));
            scene.hand.open(scene.send);
            square.end(scene);
        }
    }
    if response.drag_stopped() {
        scene.hand.open(scene.send);
        square.end(scene);
    }
    let (x, y) = (scene.snapshot.value(Control::MORPH_X), scene.snapshot.value(Control::MORPH_Y));
    if response.has_focus() {
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let way = ui.input(|input| {
            let keys = |to, from| input.num_presses(to) as f32 - input.num_presses(from) as f32;
            vec2(keys(Key::ArrowRight, Key::ArrowLeft), keys(Key::ArrowDown, Key::ArrowUp))
        });
        if way != Vec2::ZERO {
            scene.hand.take(&controls, scene.send);
            square.follow(scene, (x + way.x * STEP, y + way.y * STEP));
            scene.hand.open(scene.send);
        }
    }
    let text = format!("{:.0} % right, {:.0} % down", 100.0 * x, 100.0 * y);
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Slider, true, "Morph point");
        info.current_text_value = Some(text.clone());
        info
    });
    let (theme, painter) = (scene.theme, ui.painter());
    painter.rect(inner, ROUND, theme.rows[1], Stroke::new(1.0, theme.lines[1]), StrokeKind::Inside);
    let at = inner.min + inner.size() * vec2(x, y);
    let on = scene.snapshot.is_on(Control::MORPH);
    let weights = [(1.0 - x) * (1.0 - y), x * (1.0 - y), (1.0 - x) * y, x * y];
    let ends = [inner.left_top(), inner.right_top(), inner.left_bottom(), inner.right_bottom()];
    for ((weight, end), corner) in weights.into_iter().zip(ends).zip(&scene.snapshot.models.corners) {
        if corner.is_some() && weight > 0.001 {
            let colour = mix(theme.rows[1], theme.accent, 0.2 + 0.6 * weight);
            painter.line_segment([at, end], Stroke::new(1.0 + 2.0 * weight, colour));
        }
    }
    for points in square.trail.windows(2) {
        let [from, to] = [points[0], points[1]].map(|(x, y)| inner.min + inner.size() * vec2(x, y));
        painter.line_segment([from, to], Stroke::new(1.5, theme.text));
    }
    painter.circle(at, 7.0, if on { theme.accent } else { theme.raised }, Stroke::new(2.0, theme.text));
    focus_ring(ui, &response, inner, scene);
    hint(response, HINT);
}

/// A corner: takes the phrase that the user looks at, shows its own.
fn corner(ui: &mut Ui, scene: &mut Scene, index: usize, rect: Rect, selected: Option<u64>) {
    let notes = scene.snapshot.models.corners[index].as_deref();
    let name = format!("Corner {}", NAMES[index]);
    if let Some(take) = phrase_box(ui, scene, rect, (&name, notes), selected) {
        scene.send(Intent::Corner(index, take));
    }
}

/// The phrase whose accompaniment answers are to have.
fn model(ui: &mut Ui, scene: &mut Scene, selected: Option<u64>) {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), CORNER.y), Sense::hover());
    let notes = scene.snapshot.models.manner.as_deref();
    let rect = Rect::from_min_size(pos2(row.right() - CORNER.x - 2.0, row.top()), CORNER);
    let words = row.with_max_x(rect.left() - 6.0).with_max_y(row.top() + ROW);
    text_in(ui.painter(), words, Align2::LEFT_CENTER, "The model", 13.0, scene.theme.text);
    if let Some(take) = phrase_box(ui, scene, rect, ("The model", notes), selected) {
        scene.send(Intent::Model(take));
    }
}

/// A place for a phrase. A click takes the one that the user looks at; a click with the other button empties
/// it. What it becomes, where that was asked.
fn phrase_box(
    ui: &mut Ui,
    scene: &mut Scene,
    rect: Rect,
    (name, notes): (&str, Option<&[Note]>),
    selected: Option<u64>,
) -> Option<Option<u64>> {
    let response = ui.interact(rect, ui.scope_id().with(name), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, notes.is_some(), name));
    let theme = scene.theme;
    match notes {
        Some(notes) => {
            let colour: Color32 = theme.added;
            miniature(ui, scene, rect, Range::of(notes.iter()), notes.iter().map(|note| (note, colour)));
        }
        None => {
            ui.painter().rect_filled(
                rect,
                ROUND,
                if response.hovered() { theme.hovered } else { theme.raised },
            );
            let text = if selected.is_some() { "take it" } else { "empty" };
            text_in(ui.painter(), rect, Align2::CENTER_CENTER, text, 11.0, theme.quiet);
        }
    }
    let edge = if selected.is_some() { theme.accent } else { theme.lines[1] };
    ui.painter().rect_stroke(rect, ROUND, Stroke::new(1.0, edge), StrokeKind::Inside);
    focus_ring(ui, &response, rect, scene);
    if response.hovered() {
        ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
    }
    let asked = if response.secondary_clicked() {
        notes.map(|_| None)
    } else if response.clicked() {
        selected.map(Some)
    } else {
        None
    };
    let words = match selected {
        Some(take) => format!("{name}: a click takes phrase {take}; the other button empties it."),
        None => format!("{name}: click a phrase in the strip below, then here; the other button empties it."),
    };
    response.on_hover_text(words);
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_is_even_from_its_first_point_to_its_last() {
        let drag: Vec<_> = (0..=70).map(|step| (step as f32 / 70.0, 0.5)).collect();
        let trail = spread(&drag);
        assert_eq!(trail.len(), TRAIL);
        for (index, (x, y)) in trail.into_iter().enumerate() {
            assert!((x - index as f32 / 7.0).abs() < 1e-6 && y == 0.5);
        }
        assert_eq!(spread(&[(0.2, 0.3)]), [(0.2, 0.3); TRAIL]);
    }
}
