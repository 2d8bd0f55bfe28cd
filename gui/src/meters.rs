//! The genre meter: how each genre is heard in what came in and in what was played.

use egui::{Align2, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::Take;
use crate::scene::{Scene, text_in};
use crate::theme::mix;
use crate::widgets::hint;

const BAR: f32 = 18.0;
const NAME: f32 = 70.0;
const INSET: f32 = 9.0;
const FIGURE: f32 = 66.0;
const HINT: &str = "How the pack's classifier hears the phrase: what you played (upper bar, hollow) and \
                    what came back (lower bar, full).";

const UNSURE: &str = "The classifier heard no genre clearly in what you played. Choose yours under Source \
                      if the answers do not fit.";

/// The meter for a take, with how much was changed.
pub fn show(ui: &mut Ui, scene: &mut Scene, take: Option<&Take>) {
    let (theme, genres) = (scene.theme, &scene.snapshot.pack.genres);
    if genres.is_empty() {
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), BAR), Sense::hover());
        let room = rect.with_min_x(rect.left() + INSET);
        text_in(ui.painter(), room, Align2::LEFT_CENTER, "No genres: there is no pack", 12.0, theme.quiet);
        return;
    }
    let change = match take {
        Some(take) if take.answered => {
            let (added, removed) = take.change;
            format!("+{:.0} %   -{:.0} %", added * 100.0, removed * 100.0)
        }
        _ => String::new(),
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let title = rect.with_min_x(rect.left() + INSET);
    let title = text_in(ui.painter(), title, Align2::LEFT_CENTER, "Heard as", 12.0, theme.quiet);
    if take.is_some_and(Take::is_unsure) {
        let room = rect.with_min_x(title.right() + 6.0);
        let word = text_in(ui.painter(), room, Align2::LEFT_CENTER, "unsure", 12.0, theme.added);
        let about = ui.interact(word, ui.scope_id().with("unsure"), Sense::hover());
        about.widget_info(|| WidgetInfo::labeled(Role::Label, true, "unsure"));
        hint(about, UNSURE);
    }
    text_in(ui.painter(), rect, Align2::RIGHT_CENTER, &change, 12.0, theme.quiet);
    hint(
        response,
        "Beside: the cells that the answer added and removed, as a share of those that you played.",
    );
    let height = BAR * genres.len() as f32;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let painter = ui.painter();
    for (index, genre) in genres.iter().enumerate() {
        let row =
            Rect::from_min_size(pos2(rect.left(), rect.top() + BAR * index as f32), vec2(rect.width(), BAR));
        let share = |of: fn(&Take) -> &Vec<f32>| take.and_then(|take| of(take).get(index).copied());
        let (before, after) = (share(|take| &take.before), share(|take| &take.after));
        text_in(
            painter,
            row.with_max_x(row.left() + NAME).with_min_x(row.left() + INSET),
            Align2::LEFT_CENTER,
            genre,
            12.0,
            theme.text,
        );
        let bars = row.with_min_x(row.left() + NAME + 4.0).with_max_x(row.right() - FIGURE);
        let bar = |share: f32, top: f32, height: f32| {
            Rect::from_min_size(pos2(bars.left(), row.top() + top), vec2(bars.width() * share, height))
        };
        painter.rect_filled(bar(1.0, 2.0, 14.0), 2, mix(theme.bar, theme.raised, 0.6));
        let (Some(before), Some(after)) = (before, after) else { continue };
        let hollow = bar(before, 3.0, 5.0);
        painter.rect(
            hollow,
            1,
            mix(theme.bar, theme.input, 0.25),
            Stroke::new(1.0, theme.input),
            egui::StrokeKind::Inside,
        );
        painter.rect_filled(bar(after, 10.0, 5.0), 1, theme.accent);
        let figure = format!("{:.0} > {:.0} %", before * 100.0, after * 100.0);
        text_in(
            painter,
            row.with_min_x(row.right() - FIGURE),
            Align2::RIGHT_CENTER,
            &figure,
            11.0,
            theme.quiet,
        );
    }
    hint(response, HINT);
}
