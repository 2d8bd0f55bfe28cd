//! The last phrases: to look at, to go back to, to take home.

use std::sync::Arc;

use egui::{
    Align, Align2, Button, CursorIcon, DragValue, Key, Layout, PointerButton, Rect, RichText, Role,
    ScrollArea, Sense, Stroke, StrokeKind, TextEdit, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};
use phrase::STEPS;

use crate::roll::Range;
use crate::scene::{Scene, text_in};
use crate::theme::ROUND;
use crate::widgets::focus_ring;
use crate::{Intent, Take};

/// The height of the strip.
pub const HEIGHT: f32 = 118.0;
const BUTTONS: f32 = 32.0;
const CARD: egui::Vec2 = vec2(104.0, 60.0);
const TITLE: f32 = 15.0;

/// What the strip remembers between frames.
#[derive(Debug)]
pub struct History {
    /// The take that the user looks at.
    pub selected: Option<u64>,
    /// The other end of a selection that begins there.
    until: Option<u64>,
    /// How many are saved together.
    count: usize,
    /// The folder as it is being typed.
    typed: Option<String>,
    /// The newest take that was drawn: what is new is scrolled to.
    newest: u64,
}

impl Default for History {
    fn default() -> Self {
        Self { selected: None, until: None, count: 4, typed: None, newest: 0 }
    }
}

impl History {
    /// The take that the user looks at, while it is remembered.
    pub fn selected<'a>(&self, takes: &'a [Arc<Take>]) -> Option<&'a Arc<Take>> {
        takes.iter().find(|take| Some(take.id) == self.selected)
    }

    /// The takes that are selected together, the oldest first; none where nothing is.
    fn together(&self, takes: &[Arc<Take>]) -> Vec<u64> {
        let Some(one) = self.selected(takes).map(|take| take.id) else { return Vec::new() };
        let other = self.until.unwrap_or(one);
        let all = takes.iter().map(|take| take.id);
        all.filter(|id| (one.min(other)..=one.max(other)).contains(id)).collect()
    }

    /// Draws the strip.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene, rect: Rect) {
        ui.painter().rect_filled(rect, 0, scene.theme.bar);
        let room = rect.shrink2(vec2(14.0, 4.0));
        let builder = UiBuilder::new().max_rect(room.with_max_y(room.top() + BUTTONS));
        let mut bar = ui.new_child(builder.layout(Layout::left_to_right(Align::Center)));
        self.steps(&mut bar, scene);
        self.saving(&mut bar, scene);
        let mut cards = ui.new_child(UiBuilder::new().max_rect(room.with_min_y(room.top() + BUTTONS + 2.0)));
        self.cards(&mut cards, scene);
    }

    /// Back, forth, and what to do with the selected one.
    fn steps(&mut self, ui: &mut Ui, scene: &mut Scene) {
        let (back, forth) = scene.snapshot.steps;
        let keys = ui.input_mut(|input| {
            let undo = input.modifiers.command && input.key_pressed(Key::Z);
            let redo = input.modifiers.command && input.key_pressed(Key::Y);
            (undo && !input.modifiers.shift, redo || undo && input.modifiers.shift)
        });
        let undo = ui.add_enabled(back, Button::new("Undo"));
        let undo = undo.on_hover_text(
            "The answer before this one plays again from the next phrase on, with the settings that made it.",
        );
        if undo.clicked() || back && keys.0 {
            self.selected = None;
            scene.send(Intent::Undo);
        }
        let redo = ui.add_enabled(forth, Button::new("Redo"));
        let redo =
            redo.on_hover_text("The answer after this one; after the newest, live again with your settings.");
        if redo.clicked() || forth && keys.1 {
            self.selected = None;
            scene.send(Intent::Redo);
        }
        let selected = self.selected(&scene.snapshot.takes).cloned();
        if let Some(take) = &selected {
            let again = ui.button(format!("Play {} again", take.id)).on_hover_text(
                "This answer repeats from the next phrase on, with the settings that made it.",
            );
            if again.clicked() {
                self.selected = None;
                scene.send(Intent::Play(take.id));
            }
            if ui.button("Back to now").on_hover_text("Shows what is played again.").clicked() {
                self.selected = None;
            }
        }
        let text = match &scene.snapshot.message {
            Some(message) => message.clone(),
            None => String::new(),
        };
        let room = ui.available_rect_before_wrap().with_max_x(ui.max_rect().right() - 440.0);
        if room.width() > 40.0 {
            let label = ui.interact(room, ui.scope_id().with("message"), Sense::hover());
            text_in(ui.painter(), room, Align2::LEFT_CENTER, &text, 12.0, scene.theme.quiet);
            if !text.is_empty() {
                label.on_hover_text(text);
            }
        }
    }

    /// Files.
    fn saving(&mut self, ui: &mut Ui, scene: &mut Scene) {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let show = ui.button("Show folder");
            if show.on_hover_text("Opens the folder; drag files from there into your host.").clicked() {
                scene.send(Intent::ShowFolder);
            }
            let id = ui.scope_id().with("folder");
            let edits = self.typed.is_some() || ui.memory(|memory| memory.has_focus(id));
            let whole = || scene.snapshot.folder.clone();
            let mut folder = if edits { self.typed.clone().unwrap_or_else(whole) } else { tail(&whole()) };
            let edit = ui.add(
                TextEdit::singleline(&mut folder).desired_width(132.0).align(Align2::LEFT_CENTER).id(id),
            );
            edit.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Folder"));
            if edit.changed() && edits {
                self.typed = Some(folder.clone());
            }
            if edit.lost_focus()
                && let Some(typed) = self.typed.take()
            {
                scene.send(Intent::Folder(typed));
            }
            edit.on_hover_text(format!(
                "Where MIDI files are saved: {}. Type another folder, your project's for example.",
                scene.snapshot.folder
            ));
            let takes = &scene.snapshot.takes;
            let any = !takes.is_empty();
            let most = takes.len().max(1);
            ui.add_enabled(any, DragValue::new(&mut self.count).range(1..=most.max(4)))
                .on_hover_text("How many of the last phrases are saved together.");
            let last = ui.add_enabled(any, Button::new("Save last"));
            if last.on_hover_text("The last phrases, one after another, as one MIDI file.").clicked() {
                scene.send(Intent::SaveLast(self.count.min(most)));
            }
            let chosen = self.selected(takes).or(scene.snapshot.playing.as_ref()).or(takes.last());
            let save = ui.add_enabled(any && chosen.is_some(), Button::new(RichText::new("Save as MIDI")));
            let save = save.on_hover_text(
                "What is shown, or all that is selected below, as it was played, as a MIDI file in the \
                 folder.",
            );
            if save.clicked()
                && let Some(take) = chosen
            {
                let together = self.together(takes);
                scene.send(Intent::Save(if together.is_empty() { vec![take.id] } else { together }));
            }
        });
    }

    fn cards(&mut self, ui: &mut Ui, scene: &mut Scene) {
        if scene.snapshot.takes.is_empty() {
            let text = "The last 64 phrases appear here, recorded always: to look at, to play again, to save";
            text_in(ui.painter(), ui.max_rect(), Align2::CENTER_CENTER, text, 13.0, scene.theme.quiet);
        }
        let newest = scene.snapshot.takes.last().map_or(0, |take| take.id);
        let fresh = std::mem::replace(&mut self.newest, newest) != newest;
        ScrollArea::horizontal().id_salt("takes").auto_shrink([false, false]).stick_to_right(true).show(
            ui,
            |ui| {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 6.0;
                    let scene = &mut *scene;
                    let takes = scene.snapshot.takes.clone();
                    let together = self.together(&takes);
                    for take in &takes {
                        let (rect, response) = ui.allocate_exact_size(CARD, Sense::click_and_drag());
                        if fresh && take.id == newest && self.selected.is_none() {
                            ui.scroll_to_rect(rect, None);
                        }
                        let is_selected = together.contains(&take.id);
                        let name = format!("Phrase {}", take.id);
                        response.widget_info(|| {
                            WidgetInfo::selected(Role::ListBoxOption, true, is_selected, &name)
                        });
                        let shift = ui.input(|input| input.modifiers.shift);
                        if response.drag_started_by(PointerButton::Primary) {
                            let these = if is_selected { together.clone() } else { vec![take.id] };
                            scene.send(Intent::Drag(these));
                        } else if response.double_clicked() {
                            self.selected = None;
                            scene.send(Intent::Play(take.id));
                        } else if response.clicked() && shift && self.selected.is_some() {
                            self.until = Some(take.id);
                        } else if response.clicked() {
                            self.selected = if self.selected == Some(take.id) { None } else { Some(take.id) };
                            self.until = None;
                        }
                        if response.dragged() {
                            ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
                        }
                        if ui.is_rect_visible(rect) {
                            card(ui, scene, rect, take, is_selected, response.hovered());
                            focus_ring(ui, &response, rect, scene);
                        }
                        response.on_hover_ui(|ui| {
                            ui.label(&take.title);
                            ui.label(&take.settings);
                            ui.label("Click to look at it, double click to play it again.");
                            ui.label(
                                "Drag it into your host as a MIDI file; Shift and click to take several.",
                            );
                        });
                    }
                });
            },
        );
    }
}

/// The end of a folder's name, which says most.
fn tail(folder: &str) -> String {
    const SHOWN: usize = 18;
    let count = folder.chars().count();
    if count <= SHOWN {
        folder.to_string()
    } else {
        format!("...{}", folder.chars().skip(count - SHOWN + 2).collect::<String>())
    }
}

/// Notes, small: one shape for all, for a strip of cards holds a thousand.
pub fn miniature<'a>(
    ui: &Ui,
    scene: &Scene,
    rect: Rect,
    range: Range,
    notes: impl Iterator<Item = (&'a phrase::Note, egui::Color32)>,
) {
    ui.painter().rect_filled(rect, 2, scene.theme.rows[0]);
    let height = rect.height() / (range.high - range.low);
    let mut mesh = egui::Mesh::default();
    for (note, colour) in notes {
        let x =
            |step: f64| rect.left() + rect.width() * (step.clamp(0.0, STEPS as f64) / STEPS as f64) as f32;
        let top = rect.bottom() - (f32::from(note.pitch) + 1.0 - range.low) * height;
        let (from, to) = (x(note.onset), x(note.end()));
        let bar = Rect::from_min_max(pos2(from, top), pos2(to.max(from + 1.0), top + height.max(1.0)));
        mesh.add_colored_rect(bar, colour);
    }
    ui.painter().add(mesh);
}

/// A take, small.
fn card(ui: &Ui, scene: &Scene, rect: Rect, take: &Take, selected: bool, hovered: bool) {
    let (theme, painter) = (scene.theme, ui.painter());
    let plays = scene.snapshot.playing.as_ref().is_some_and(|playing| playing.id == take.id);
    painter.rect_filled(rect, ROUND, if hovered { theme.hovered } else { theme.raised });
    let line = rect.with_max_y(rect.top() + TITLE).shrink2(vec2(6.0, 0.0));
    let number = format!("{}", take.id);
    let after = text_in(painter, line, Align2::LEFT_CENTER, &number, 11.0, theme.text);
    text_in(
        painter,
        line.with_min_x(after.right() + 5.0),
        Align2::RIGHT_CENTER,
        &take.title,
        11.0,
        theme.quiet,
    );
    let inner = rect.with_min_y(rect.top() + TITLE).shrink2(vec2(4.0, 3.0));
    let range = Range::of(take.played.iter().chain(&take.input));
    let colour = |kept: &bool| if *kept { theme.kept } else { theme.added };
    miniature(ui, scene, inner, range, take.played.iter().zip(take.kept.iter().map(colour)));
    let waits = scene.snapshot.chosen == Some(take.id) && !plays;
    if waits {
        painter.rect_stroke(rect, ROUND, Stroke::new(1.5, theme.accent), StrokeKind::Inside);
    }
    if plays {
        painter.hline(rect.x_range(), rect.bottom() - 1.0, Stroke::new(2.5, theme.accent));
    }
    if selected {
        painter.rect_stroke(rect, ROUND, Stroke::new(2.0, theme.text), StrokeKind::Inside);
    }
}
