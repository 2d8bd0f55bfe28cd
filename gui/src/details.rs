//! The pack's card, on request.

use egui::{Grid, RichText, ScrollArea, Ui};

use crate::scene::Scene;

/// A button that opens the card.
pub fn show(ui: &mut Ui, scene: &Scene) {
    let pack = &scene.snapshot.pack;
    ui.add_enabled_ui(!pack.card.is_empty(), |ui| {
        let button = ui.menu_button("Card", |ui| {
            ui.set_max_width(460.0);
            ui.label(RichText::new(&pack.name).size(15.0));
            ScrollArea::vertical().max_height(340.0).show(ui, |ui| {
                Grid::new("card").num_columns(2).spacing([14.0, 5.0]).show(ui, |ui| {
                    for (name, text) in &pack.card {
                        ui.label(RichText::new(name).color(scene.theme.quiet));
                        ui.add(egui::Label::new(text).wrap());
                        ui.end_row();
                    }
                });
            });
        });
        button.response.on_hover_text("What the pack is, and what it was made of.");
    });
}
