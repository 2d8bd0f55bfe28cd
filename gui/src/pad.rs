//! Where to go: a corner for each genre of the pack, and every blend between them inside.
//!
//! A point's weights are Wachspress's coordinates (1975), which are the barycentric ones in a triangle; the
//! point of weights is their weighted mean. With more than three genres many weights share a point: then the
//! pad shows one of them.

use std::f32::consts::TAU;

use egui::{
    Align2, EventFilter, Key, Pos2, Rect, Response, Role, Sense, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::scene::{Scene, text_in};
use crate::theme::mix;
use crate::widgets::{focus_ring, hint};
use crate::{Control, Intent};

/// Genres that there are weights for.
const SLOTS: usize = 8;
/// The height of the pad.
const HEIGHT: f32 = 118.0;
/// What the names of the corners need above, beside and below.
const ROOM: Vec2 = vec2(44.0, 24.0);
/// Nearer to a corner than this, it is meant, in points.
const SNAP: f32 = 13.0;
/// How far an arrow key goes, as a share of the pad's size.
const STEP: f32 = 0.05;
const HINT: &str = "Drag towards a genre, or between several to blend them; a double click goes to the \
                    first one. The arrow keys move it too.";

/// The corners of a polygon of `count` in `room`, the first at the top.
fn corners(count: usize, room: Rect) -> Vec<Pos2> {
    if count == 2 {
        return vec![pos2(room.left(), room.center().y), pos2(room.right(), room.center().y)];
    }
    let on_circle = |corner: usize| {
        let angle = TAU * corner as f32 / count as f32;
        vec2(angle.sin(), -angle.cos())
    };
    let all: Vec<_> = (0..count).map(on_circle).collect();
    let bounds =
        all.iter().fold(Rect::NOTHING, |bounds, corner| bounds.union(Rect::from_pos(corner.to_pos2())));
    let scale = (room.width() / bounds.width()).min(room.height() / bounds.height());
    all.iter().map(|&corner| room.center() + (corner - bounds.center().to_vec2()) * scale).collect()
}

/// The weights of a point, which add up to 1; outside of the polygon those of the nearest point within.
fn weights(corners: &[Pos2], at: Pos2) -> Vec<f32> {
    let count = corners.len();
    let cross = |a: Vec2, b: Vec2| a.x * b.y - a.y * b.x;
    if count == 2 {
        let along = corners[1] - corners[0];
        let share = ((at - corners[0]).dot(along) / along.length_sq()).clamp(0.0, 1.0);
        return vec![1.0 - share, share];
    }
    let inside = (0..count).all(|i| cross(corners[(i + 1) % count] - corners[i], at - corners[i]) > 0.5);
    if !inside {
        // On the nearest edge two weights say it all.
        let nearest = (0..count)
            .map(|i| {
                let (from, to) = (corners[i], corners[(i + 1) % count]);
                let share = ((at - from).dot(to - from) / (to - from).length_sq()).clamp(0.0, 1.0);
                (i, share, (from + (to - from) * share - at).length())
            })
            .min_by(|a, b| a.2.total_cmp(&b.2));
        let mut all = vec![0.0; count];
        if let Some((edge, share, _)) = nearest {
            (all[edge], all[(edge + 1) % count]) = (1.0 - share, share);
        }
        return all;
    }
    let mut all: Vec<f32> = (0..count)
        .map(|i| {
            let (before, here, after) =
                (corners[(i + count - 1) % count], corners[i], corners[(i + 1) % count]);
            let whole = cross(here - before, after - here);
            whole / (cross(here - before, at - before) * cross(after - here, at - here))
        })
        .collect();
    let sum: f32 = all.iter().sum();
    all.iter_mut().for_each(|weight| *weight /= sum);
    all
}

/// The point of weights.
fn point(corners: &[Pos2], weights: &[f32]) -> Pos2 {
    let sum: f32 = weights.iter().sum();
    let mean = corners
        .iter()
        .zip(weights)
        .fold(Vec2::ZERO, |mean, (corner, weight)| mean + corner.to_vec2() * *weight);
    if sum > 0.0 { (mean / sum).to_pos2() } else { corners[0] }
}

/// The weights that are chosen now.
fn chosen(scene: &Scene, count: usize) -> Vec<f32> {
    if scene.snapshot.is_on(Control::BLEND) {
        (0..count).map(|slot| scene.snapshot.value(Control::weight(slot))).collect()
    } else {
        let target = scene.snapshot.value(Control::TARGET) as usize;
        (0..count).map(|slot| if slot + 1 == target { 1.0 } else { 0.0 }).collect()
    }
}

/// Goes to a point: to a genre where it is near a corner, else to a blend.
fn go(scene: &mut Scene, corners: &[Pos2], at: Pos2) {
    let snapshot = scene.snapshot;
    let mut set = |control: Control, value: f32| {
        if (snapshot.value(control) - value).abs() > 1e-4 {
            scene.set(control, value);
        }
    };
    if let Some(corner) = corners.iter().position(|corner| corner.distance(at) < SNAP) {
        set(Control::TARGET, corner as f32 + 1.0);
        set(Control::BLEND, 0.0);
    } else {
        for (slot, weight) in weights(corners, at).into_iter().enumerate() {
            set(Control::weight(slot), (weight * 1000.0).round() / 1000.0);
        }
        set(Control::BLEND, 1.0);
    }
}

/// What is chosen, in words: "jazz", "jazz 60, pop 40 %".
pub fn target_text(scene: &Scene) -> String {
    let genres = &scene.snapshot.pack.genres;
    let weights = chosen(scene, genres.len().min(SLOTS));
    let sum: f32 = weights.iter().sum();
    let mut parts: Vec<_> =
        genres.iter().zip(&weights).filter(|(_, weight)| **weight > 0.005 * sum).collect();
    parts.sort_by(|a, b| b.1.total_cmp(a.1));
    match parts[..] {
        [] => String::new(),
        [(genre, _)] => genre.clone(),
        _ => {
            let part = |(genre, weight): &(&String, &f32)| format!("{genre} {:.0}", 100.0 * **weight / sum);
            format!("{} %", parts.iter().map(part).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The pad. Nothing where the pack's genres are not known.
pub fn show(ui: &mut Ui, scene: &mut Scene) -> Option<Response> {
    let genres = &scene.snapshot.pack.genres;
    let count = genres.len().min(SLOTS);
    if count < 2 {
        return None;
    }
    let (rect, mut response) =
        ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click_and_drag());
    let corners = corners(count, rect.shrink2(ROOM));
    let controls: Vec<_> =
        [Control::TARGET, Control::BLEND].into_iter().chain((0..count).map(Control::weight)).collect();
    if response.double_clicked() {
        scene.send(Intent::Reset(Control::TARGET));
        scene.send(Intent::Reset(Control::BLEND));
    } else if response.clicked() {
        response.request_focus();
        if let Some(at) = response.interact_pointer_pos() {
            scene.hand.take(&controls, scene.send);
            go(scene, &corners, at);
            scene.hand.open(scene.send);
        }
    }
    if response.drag_started() {
        scene.hand.take(&controls, scene.send);
    }
    if response.dragged()
        && scene.hand.holds(Control::BLEND)
        && let Some(at) = response.interact_pointer_pos()
    {
        go(scene, &corners, at);
        response.mark_changed();
    }
    if response.drag_stopped() {
        scene.hand.open(scene.send);
    }
    let at = point(&corners, &chosen(scene, count));
    if response.has_focus() {
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let way = ui.input(|input| {
            let keys = |to, from| input.num_presses(to) as f32 - input.num_presses(from) as f32;
            vec2(keys(Key::ArrowRight, Key::ArrowLeft), keys(Key::ArrowDown, Key::ArrowUp))
        });
        if way != Vec2::ZERO {
            // Out of a corner at once, and so far that it does not pull back.
            let far = (rect.height() * STEP).max(SNAP * 1.1);
            scene.hand.take(&controls, scene.send);
            go(scene, &corners, at + way * far);
            scene.hand.open(scene.send);
        }
    }
    let (name, text) = (scene.field(Control::TARGET).name, target_text(scene));
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Slider, true, name);
        info.current_text_value = Some(text.clone());
        info
    });
    for (corner, genre) in corners.iter().zip(genres) {
        // For screen readers, and for hands that look for a genre.
        let place = Rect::from_center_size(*corner, vec2(8.0, 8.0));
        let corner = ui.interact(place, response.id.with(genre), Sense::empty());
        corner.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name}: {genre}")));
    }
    draw(ui, scene, &response, rect, &corners, at);
    Some(hint(response, HINT))
}

fn draw(ui: &Ui, scene: &Scene, response: &Response, rect: Rect, corners: &[Pos2], at: Pos2) {
    let (theme, painter, weights) = (scene.theme, ui.painter(), chosen(scene, corners.len()));
    let sum: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let edge = Stroke::new(1.0, theme.lines[1]);
    painter.add(egui::Shape::convex_polygon(corners.to_vec(), theme.rows[1], edge));
    let middle = corners.iter().fold(Vec2::ZERO, |sum, corner| sum + corner.to_vec2()) / corners.len() as f32;
    for (index, (corner, weight)) in corners.iter().zip(&weights).enumerate() {
        let share = weight / sum;
        painter.line_segment([middle.to_pos2(), *corner], Stroke::new(1.0, theme.lines[0]));
        if share > 0.001 {
            painter.line_segment(
                [at, *corner],
                Stroke::new(1.0 + 2.0 * share, mix(theme.rows[1], theme.accent, 0.25 + 0.5 * share)),
            );
        }
        painter.circle(*corner, 4.0, mix(theme.raised, theme.accent, share), Stroke::new(1.0, theme.quiet));
        let name = scene.snapshot.pack.genres.get(index).map_or("", String::as_str);
        let (place, anchor) = label(rect, *corner, middle.to_pos2());
        let colour = if share > 0.001 { theme.text } else { theme.quiet };
        text_in(painter, place, anchor, name, 12.0, colour);
    }
    painter.circle(at, 7.0, theme.accent, Stroke::new(2.0, theme.text));
    focus_ring(ui, response, rect, scene);
}

/// Where a corner's name goes: outside of the polygon.
fn label(rect: Rect, corner: Pos2, middle: Pos2) -> (Rect, Align2) {
    let half = (corner.x - rect.left()).min(rect.right() - corner.x).max(ROOM.x);
    if (corner.x - middle.x).abs() < 30.0 || (corner.y - middle.y).abs() > 20.0 {
        let below = corner.y > middle.y;
        let y = if below { corner.y + 7.0 } else { corner.y - 25.0 };
        let room = Rect::from_min_size(pos2(corner.x - half, y), vec2(2.0 * half, 16.0));
        (room, Align2::CENTER_TOP)
    } else {
        let room = Rect::from_min_size(pos2(corner.x - half, corner.y + 8.0), vec2(2.0 * half, 16.0));
        (room, Align2::CENTER_TOP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_and_its_weights_are_one() {
        let room = Rect::from_min_size(pos2(10.0, 20.0), vec2(160.0, 130.0));
        for count in 2..=8 {
            let corners = corners(count, room);
            for (index, corner) in corners.iter().enumerate() {
                assert!(room.expand(0.01).contains(*corner), "{count}");
                let own = weights(&corners, *corner);
                assert!((own[index] - 1.0).abs() < 1e-3, "{count}: {own:?}");
            }
            let middle = corners.iter().fold(Vec2::ZERO, |sum, corner| sum + corner.to_vec2()) / count as f32;
            for step in 0..40 {
                let angle = step as f32 * 0.7;
                let inner = middle.to_pos2() + vec2(angle.sin(), angle.cos()) * step as f32;
                let all = weights(&corners, inner);
                assert!(
                    (all.iter().sum::<f32>() - 1.0).abs() < 1e-4 && all.iter().all(|&weight| weight >= 0.0)
                );
                let again = weights(&corners, point(&corners, &all));
                assert!(
                    all.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-2),
                    "{count}: {all:?} {again:?}"
                );
            }
        }
    }
}
