//! The controls at the right: where to go, how it is heard, and in pages all the rest.

use egui::{Align2, Rect, Role, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, vec2};

use crate::morph::Square;
use crate::scene::{Scene, text_in};
use crate::widgets::{ROW, focus_ring, hint, named_list, row};
use crate::{Control, Intent, Page, Take, meters, pad};

/// The panel's width.
pub const WIDTH: f32 = 284.0;

/// The pages of the panel.
const PAGES: [Page; 5] = [Page::Play, Page::Notes, Page::Band, Page::Fill, Page::Time];

/// Draws the panel; `take` is what the rolls show.
pub fn show(
    ui: &mut Ui,
    scene: &mut Scene,
    rect: Rect,
    (page, square, selected): (&mut Page, &mut Square, Option<u64>),
    take: Option<&Take>,
) {
    ui.painter().rect_filled(rect, 0, scene.theme.bar);
    let builder = UiBuilder::new().max_rect(rect.shrink2(vec2(12.0, 8.0)));
    let mut panel = ui.new_child(builder);
    panel.set_clip_rect(rect.intersect(ui.clip_rect()));
    panel.spacing_mut().item_spacing.y = 4.0;
    let ui = &mut panel;
    genres(ui, scene, square, selected);
    meters::show(ui, scene, take);
    ui.add_space(4.0);
    row(ui, scene, Control::AMOUNT);
    chance(ui, scene);
    ui.add_space(2.0);
    tabs(ui, scene, page);
    ScrollArea::vertical().id_salt("page").auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        for field in scene.snapshot.fields.iter().filter(|field| field.page == *page) {
            row(ui, scene, field.control);
        }
        if *page == Page::Fill {
            Square::page(ui, scene, selected);
        }
    });
}

/// From which genre to which, or between which phrases.
fn genres(ui: &mut Ui, scene: &mut Scene, square: &mut Square, selected: Option<u64>) {
    let pack = &scene.snapshot.pack;
    let names: Vec<String> =
        std::iter::once("auto: heard".to_string()).chain(pack.genres.iter().cloned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let field = scene.field(Control::SOURCE);
    named_list(ui, scene, Control::SOURCE, field.name, field.hint, &names, 0.0);
    if scene.snapshot.is_on(Control::MORPH) {
        square.pad(ui, scene, selected);
        return;
    }
    if pack.genres.is_empty() {
        return;
    }
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    let to = format!("{}  {}", scene.field(Control::TARGET).name, pad::target_text(scene));
    text_in(ui.painter(), rect.shrink2(vec2(9.0, 0.0)), Align2::LEFT_CENTER, &to, 13.0, scene.theme.text);
    pad::show(ui, scene);
}

/// How much chance plays along; which draw, thrown or set; and whether every phrase gets the same.
fn chance(ui: &mut Ui, scene: &mut Scene) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let beside = 3.0 * 4.0 + 30.0 + 44.0 + 58.0;
        let wide = ui.available_width() - beside;
        ui.allocate_ui(vec2(wide, ROW), |ui| row(ui, scene, Control::VARIATION));
        let chancy = scene.snapshot.value(Control::VARIATION) > 0.0;
        let (seed, lock) = (scene.field(Control::SEED), scene.field(Control::LOCK));
        ui.allocate_ui(vec2(58.0, ROW), |ui| {
            ui.add_enabled_ui(chancy, |ui| {
                let mut value = scene.snapshot.value(Control::SEED) as u16;
                let drag = egui::DragValue::new(&mut value).range(0..=9999).prefix("#");
                let response = ui.add_sized(vec2(58.0, ROW), drag);
                if response.drag_started() {
                    scene.hand.take(&[Control::SEED], scene.send);
                }
                if response.changed() {
                    scene.set(Control::SEED, value.into());
                }
                if response.drag_stopped() {
                    scene.hand.open(scene.send);
                }
                response.widget_info(|| {
                    let mut info = WidgetInfo::labeled(Role::SpinButton, chancy, seed.name);
                    info.value = Some(f64::from(value));
                    info
                });
                hint(response.clone(), seed.hint)
                    .on_disabled_hover_text("Without variation there is one answer only.");
            });
        });
        if dice(ui, scene, chancy) {
            scene.send(Intent::Dice);
        }
        let on = scene.snapshot.is_on(Control::LOCK);
        let (rect, response) = ui.allocate_exact_size(vec2(44.0, ROW), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, lock.name));
        if response.clicked() {
            scene.set(Control::LOCK, f32::from(u8::from(!on)));
        }
        let theme = scene.theme;
        let (fill, colour) = match (on, response.hovered()) {
            (true, _) => (theme.accent, theme.on_accent),
            (_, true) => (theme.hovered, theme.text),
            _ => (theme.raised, theme.text),
        };
        ui.painter().rect_filled(rect, crate::theme::ROUND, fill);
        text_in(ui.painter(), rect, Align2::CENTER_CENTER, "lock", 12.0, colour);
        focus_ring(ui, &response, rect, scene);
        hint(response, lock.hint);
    });
}

/// A die; true when it is thrown.
fn dice(ui: &mut Ui, scene: &Scene, enabled: bool) -> bool {
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(30.0, ROW), sense);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, "Dice"));
    let theme = scene.theme;
    let fill = if enabled && response.hovered() { theme.hovered } else { theme.raised };
    ui.painter().rect_filled(rect, crate::theme::ROUND, fill);
    let colour = if enabled { theme.text } else { crate::theme::mix(theme.raised, theme.quiet, 0.5) };
    let die = Rect::from_center_size(rect.center(), vec2(15.0, 15.0));
    ui.painter().rect_stroke(die, 3, egui::Stroke::new(1.3, colour), egui::StrokeKind::Inside);
    for at in [vec2(-3.6, -3.6), vec2(0.0, 0.0), vec2(3.6, 3.6), vec2(3.6, -3.6), vec2(-3.6, 3.6)] {
        ui.painter().circle_filled(die.center() + at, 1.2, colour);
    }
    focus_ring(ui, &response, rect, scene);
    let clicked = response.clicked();
    hint(response, "Throws another seed: another of the answers that chance allows.");
    clicked
}

fn tabs(ui: &mut Ui, scene: &Scene, page: &mut Page) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let width = rect.width() / PAGES.len() as f32;
    for (index, of) in PAGES.into_iter().enumerate() {
        let part = Rect::from_min_size(rect.min + vec2(width * index as f32, 0.0), vec2(width, ROW));
        let tab = ui.interact(part, response.id.with(index), Sense::click());
        tab.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, of == *page, of.name()));
        if tab.clicked() {
            *page = of;
        }
        let theme = scene.theme;
        let on = of == *page;
        let colour = if on || tab.hovered() { theme.text } else { theme.quiet };
        text_in(ui.painter(), part, Align2::CENTER_CENTER, of.name(), 13.0, colour);
        let line =
            egui::Stroke::new(if on { 2.0 } else { 1.0 }, if on { theme.accent } else { theme.lines[1] });
        ui.painter().hline(part.x_range(), part.bottom() - 1.0, line);
        focus_ring(ui, &tab, part, scene);
    }
}
