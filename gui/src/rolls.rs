//! The two rolls, one above the other in one range: what comes in, and what goes out.

use std::sync::Arc;

use egui::{Align2, CursorIcon, Painter, PointerButton, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::roll::{Ink, KEYS, Range, Roll};
use crate::scene::{Scene, text_in};
use crate::theme::mix;
use crate::widgets::{focus_ring, hint};
use crate::{Intent, Live, Take};

const TITLE: f32 = 22.0;
const GAP: f32 = 6.0;
/// How long the answer before takes to fade, and the range to come near another, in seconds.
const FADE: f64 = 0.5;
const GLIDE: f32 = 0.08;

/// What the rolls remember between frames.
#[derive(Debug, Default)]
pub struct Rolls {
    /// The take that is drawn, the one before it, and when that was exchanged.
    shown: Option<Arc<Take>>,
    before: Option<Arc<Take>>,
    since: f64,
    range: Option<Range>,
    /// When the range was last moved.
    moved: f64,
    /// The notes that speak for their genre are shown.
    pub why: bool,
}

/// What of the phrase is shown above.
enum Above<'a> {
    /// The phrase being played.
    Live(&'a Live),
    /// What the take below answers.
    Taken(&'a Take),
}

impl Rolls {
    /// Draws both rolls into `rect`; `selected` is a take that the user looks at instead of what is played.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene, rect: Rect, selected: Option<&Arc<Take>>) {
        let (snapshot, now) = (scene.snapshot, ui.input(|input| input.time));
        let take = selected.or(snapshot.playing.as_ref());
        self.exchange(take, now);
        let above = match take {
            Some(take) if selected.is_some() || self.why => Above::Taken(take),
            _ => Above::Live(&snapshot.live),
        };
        let range = self.range(take, &above, now);
        if self.range != Some(range.1) || now - self.since < FADE {
            ui.ctx().request_repaint();
        }
        let half = (rect.height() - GAP) / 2.0;
        let upper = Rect::from_min_size(rect.min, vec2(rect.width(), half));
        let lower = Rect::from_min_size(pos2(rect.left(), upper.bottom() + GAP), vec2(rect.width(), half));
        self.titles(ui, scene, [upper, lower], &above, take, selected.is_some());
        let painter = ui.painter().clone();
        let place = |rect: Rect| rect.with_min_y(rect.top() + TITLE).with_min_x(rect.left() + KEYS);
        let roll = |rect| Roll { painter: &painter, theme: scene.theme, rect: place(rect), range: range.0 };
        self.input(roll(upper), scene, &above);
        self.answer(roll(lower), scene, take, selected.is_some(), now);
        drag_out(ui, scene, place(lower), take);
    }

    /// Notices that another take is drawn.
    fn exchange(&mut self, take: Option<&Arc<Take>>, now: f64) {
        let id = |take: Option<&Arc<Take>>| take.map(|take| take.id);
        if id(take) != id(self.shown.as_ref()) {
            self.before = self.shown.take();
            self.since = now;
        }
        self.shown = take.cloned();
    }

    /// The range that is drawn, and the one that it comes to.
    fn range(&mut self, take: Option<&Arc<Take>>, above: &Above, now: f64) -> (Range, Range) {
        let taken = take.iter().flat_map(|take| take.input.iter().chain(&take.played));
        let live = match above {
            Above::Live(live) => &live.notes[..],
            Above::Taken(_) => &[],
        };
        let wanted = Range::of(taken.chain(live));
        let past = ((now - std::mem::replace(&mut self.moved, now)) as f32).clamp(0.0, 0.1);
        let share = 1.0 - (-past / GLIDE).exp();
        let range = self.range.map_or(wanted, |range| range.towards(wanted, share));
        self.range = Some(range);
        (range, wanted)
    }

    fn titles(
        &mut self,
        ui: &mut Ui,
        scene: &mut Scene,
        [upper, lower]: [Rect; 2],
        above: &Above,
        take: Option<&Arc<Take>>,
        selected: bool,
    ) {
        let theme = scene.theme;
        let line = |rect: Rect| rect.with_max_y(rect.top() + TITLE).with_min_x(rect.left() + KEYS);
        let (title, quiet) = match above {
            Above::Live(_) => ("You play", String::new()),
            Above::Taken(take) => ("You played", format!("phrase {}", take.id)),
        };
        let room = line(upper);
        let painter = ui.painter();
        let after = text_in(painter, room, Align2::LEFT_CENTER, title, 13.0, theme.text);
        let room = room.with_min_x(after.right() + 8.0).with_max_x(room.right() - 190.0);
        let key = scene.snapshot.key.as_ref().map(|key| format!("heard in {key}")).unwrap_or_default();
        let beside = [quiet, key].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
        text_in(painter, room, Align2::LEFT_CENTER, &beside, 12.0, theme.quiet);
        self.why_switch(ui, scene, line(upper), take);
        let room = line(lower);
        let title = match take {
            None => "The answer",
            Some(take) if !take.answered => "Played back as it was",
            Some(_) if selected => "The answer was",
            Some(_) => "The answer",
        };
        let painter = ui.painter();
        let after = text_in(painter, room, Align2::LEFT_CENTER, title, 13.0, theme.text);
        let room = room.with_min_x(after.right() + 8.0);
        let legend = legend(painter, scene, room);
        let room = room.with_max_x(legend - 10.0);
        if let Some(take) = take {
            let text = format!("{}   {}", take.title, take.settings);
            text_in(painter, room, Align2::LEFT_CENTER, text.trim(), 12.0, theme.quiet);
        }
    }

    /// The switch of the overlay, at the right of the upper title.
    fn why_switch(&mut self, ui: &mut Ui, scene: &Scene, line: Rect, take: Option<&Arc<Take>>) {
        let theme = scene.theme;
        let genre = take.and_then(|take| loudest(take, &scene.snapshot.pack.genres));
        let text = genre.map_or("Why?".to_string(), |genre| format!("Why {genre}?"));
        let rect = line.with_min_x(line.right() - 150.0).shrink2(vec2(0.0, 2.0));
        let response = ui.interact(rect, ui.scope_id().with("why"), Sense::click());
        if response.clicked() {
            self.why = !self.why;
        }
        let on = self.why;
        response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, "Why"));
        let fill = match (on, response.hovered()) {
            (true, _) => mix(theme.bar, theme.salient, 0.35),
            (_, true) => theme.hovered,
            _ => theme.raised,
        };
        ui.painter().rect_filled(rect, crate::theme::ROUND, fill);
        text_in(ui.painter(), rect.shrink2(vec2(8.0, 0.0)), Align2::CENTER_CENTER, &text, 12.0, theme.text);
        focus_ring(ui, &response, rect, scene);
        hint(
            response,
            "Shows which notes of the answered phrase speak for the genre that is heard in it: the \
             brighter, the more.",
        );
    }

    fn input(&self, roll: Roll, scene: &Scene, above: &Above) {
        let (theme, snapshot) = (scene.theme, scene.snapshot);
        match above {
            Above::Live(live) => {
                let line = if live.line > live.first { live.line } else { phrase::STEPS as f32 };
                roll.ground(live.first, line);
                for note in &live.notes {
                    let past = note.end() <= f64::from(live.first) && !note.tied_out;
                    roll.note(note, Ink::Full(theme.input), if past { 0.35 } else { 1.0 }, snapshot.head);
                }
                if let Some(head) = snapshot.head {
                    roll.head(head);
                } else if live.notes.is_empty() {
                    roll.words("Play, and each phrase is answered by the next");
                }
            }
            Above::Taken(take) => {
                roll.ground(take.first, take.first + take.length);
                for (index, note) in take.input.iter().enumerate() {
                    let share = take.saliency.get(index).copied().unwrap_or(0.0);
                    let plain = mix(theme.rows[0], theme.input, if self.why { 0.4 } else { 1.0 });
                    let ink = if self.why { mix(plain, theme.salient, share.sqrt()) } else { plain };
                    // Here brightness says what the note means, not how loud it was.
                    let note = if self.why { &phrase::Note { velocity: 1.0, ..*note } } else { note };
                    roll.note(note, Ink::Full(ink), 1.0, None);
                }
                if self.why && take.saliency.is_empty() {
                    roll.words("The classifier has not said yet");
                }
            }
        }
    }

    fn answer(&self, roll: Roll, scene: &Scene, take: Option<&Arc<Take>>, selected: bool, now: f64) {
        let theme = scene.theme;
        let span = take.map_or((0.0, phrase::STEPS as f32), |take| (take.first, take.first + take.length));
        roll.ground(span.0, span.1);
        let fading = 1.0 - ((now - self.since) / FADE).clamp(0.0, 1.0) as f32;
        if let Some(before) = self.before.as_ref().filter(|_| fading > 0.0) {
            answer_notes(&roll, before, theme, 0.5 * fading);
        }
        match take {
            Some(take) => answer_notes(&roll, take, theme, 1.0),
            None => roll.words("The answer comes one phrase later, on the bar line"),
        }
        if let Some(step) = scene.snapshot.played.filter(|_| !selected) {
            roll.head(step);
        }
    }
}

/// The answer can be dragged out of the window.
fn drag_out(ui: &Ui, scene: &mut Scene, rect: Rect, take: Option<&Arc<Take>>) {
    let response = ui.interact(rect, ui.scope_id().with("answer"), Sense::drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Answer"));
    // What a project brought is none of the takes, and has no file.
    let Some(take) = take.filter(|take| scene.snapshot.takes.iter().any(|of| of.id == take.id)) else {
        return;
    };
    if response.drag_started_by(PointerButton::Primary) {
        scene.send(Intent::Drag(vec![take.id]));
    }
    let icon = if response.dragged() { CursorIcon::Grabbing } else { CursorIcon::Grab };
    hint(response.on_hover_cursor(icon), "Drag it into your host as a MIDI file.");
}

/// The notes of an answer, and the outlines of those that are gone.
fn answer_notes(roll: &Roll, take: &Take, theme: &crate::theme::Theme, alpha: f32) {
    let first = f64::from(take.first);
    for (note, _) in take.input.iter().zip(&take.removed).filter(|(_, removed)| **removed) {
        roll.note(note, Ink::Hollow(theme.removed), alpha, None);
    }
    for (note, kept) in take.played.iter().zip(&take.kept).filter(|(note, _)| note.end() > first) {
        let colour = if *kept { theme.kept } else { theme.added };
        roll.note(note, Ink::Full(colour), alpha, None);
    }
}

/// The likeliest genre of what came in.
fn loudest<'a>(take: &Take, genres: &'a [String]) -> Option<&'a str> {
    let best = (0..take.before.len()).max_by(|&a, &b| take.before[a].total_cmp(&take.before[b]))?;
    genres.get(best).map(String::as_str)
}

/// What the colours mean, at the right end; gives its left end.
fn legend(painter: &Painter, scene: &Scene, room: Rect) -> f32 {
    let theme = scene.theme;
    let mut right = room.right();
    let entries =
        [("removed", theme.removed, true), ("added", theme.added, false), ("kept", theme.kept, false)];
    for (name, colour, hollow) in entries {
        let text = text_in(painter, room.with_max_x(right), Align2::RIGHT_CENTER, name, 12.0, theme.quiet);
        let mark = Rect::from_center_size(pos2(text.left() - 10.0, room.center().y), vec2(11.0, 8.0));
        if hollow {
            painter.rect_stroke(mark, 2, egui::Stroke::new(1.0, colour), egui::StrokeKind::Inside);
        } else {
            painter.rect_filled(mark, 2, colour);
        }
        right = mark.left() - 12.0;
    }
    right
}
