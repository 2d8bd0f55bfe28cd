//! What the parts of the window share while a frame is drawn.

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect};

use crate::hand::Hand;
use crate::theme::Theme;
use crate::{Control, Field, Intent, Kind, Page, Snapshot};

/// A frame: what is drawn, how, and what the user does meanwhile.
pub struct Scene<'a> {
    pub snapshot: &'a Snapshot,
    pub theme: &'a Theme,
    pub hand: &'a mut Hand,
    pub send: &'a mut dyn FnMut(Intent),
}

impl<'a> Scene<'a> {
    /// Says what the user wants.
    pub fn send(&mut self, intent: Intent) {
        (self.send)(intent);
    }

    /// A control gets a value.
    pub fn set(&mut self, control: Control, value: f32) {
        self.hand.set(control, value, self.send);
    }

    /// Presses a control that is a button.
    pub fn press(&mut self, control: Control) {
        self.set(control, 1.0);
        self.set(control, 0.0);
    }

    /// What is said of a control; something plain where nothing is.
    pub fn field(&self, control: Control) -> &'a Field {
        static NONE: Field = Field {
            control: Control::PANIC,
            name: "",
            hint: "",
            kind: Kind::Number(1, None),
            page: Page::Header,
        };
        self.snapshot.field(control).unwrap_or(&NONE)
    }
}

/// Text in a size, on one line, cut to `room` with an ellipsis.
pub fn text_in(
    painter: &Painter,
    room: Rect,
    anchor: Align2,
    text: &str,
    size: f32,
    colour: Color32,
) -> Rect {
    let mut job =
        egui::text::LayoutJob::simple_singleline(text.to_owned(), FontId::proportional(size), colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(room.width());
    let galley = painter.layout_job(job);
    let rect = anchor.align_size_within_rect(galley.size(), room);
    painter.galley(rect.min, galley, colour);
    rect
}

/// Text at a place, as long as it is.
pub fn text_at(
    painter: &Painter,
    at: Pos2,
    anchor: Align2,
    text: impl ToString,
    size: f32,
    colour: Color32,
) -> Rect {
    painter.text(at, anchor, text, FontId::proportional(size), colour)
}
