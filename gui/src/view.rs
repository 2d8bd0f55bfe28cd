//! The window: what lies where.

use egui::{Rect, Ui, pos2, vec2};

use crate::hand::Hand;
use crate::history::{self, History};
use crate::morph::Square;
use crate::panel;
use crate::rolls::Rolls;
use crate::scene::Scene;
use crate::theme::{Look, Theme};
use crate::{Intent, Page, Snapshot, banner, header, status, welcome};

const HEADER: f32 = 44.0;
const STATUS: f32 = 36.0;
const MARGIN: f32 = 10.0;

/// What the editor remembers between frames. One for each window.
#[derive(Debug, Default)]
pub struct View {
    hand: Hand,
    rolls: Rolls,
    history: History,
    page: Page,
    square: Square,
    /// The look that egui's own widgets have.
    dressed: Option<Look>,
}

impl View {
    /// The window's size, in points, where nobody chose another.
    pub const SIZE: (f32, f32) = (1040.0, 760.0);
    /// The smallest one on which everything has its place.
    pub const LEAST: (f32, f32) = (900.0, 700.0);

    /// Draws a frame; `send` takes what the user wants.
    pub fn show(&mut self, ui: &mut Ui, snapshot: &Snapshot, send: &mut dyn FnMut(Intent)) {
        let theme = Theme::of(snapshot.look);
        if self.dressed != Some(snapshot.look) {
            self.dressed = Some(snapshot.look);
            theme.dress(ui.ctx());
            ui.ctx().request_repaint();
        }
        let whole = ui.max_rect();
        ui.painter().rect_filled(whole, 0, theme.back);
        let mut scene = Scene { snapshot, theme, hand: &mut self.hand, send };
        let mut top = whole.top();
        let mut band = |height: f32| {
            let band = Rect::from_min_size(pos2(whole.left(), top), vec2(whole.width(), height));
            top += height;
            band
        };
        header::show(ui, &mut scene, band(HEADER));
        if let Some(problem) = &snapshot.problem {
            banner::show(ui, &mut scene, band(banner::HEIGHT), problem);
        }
        if snapshot.welcome {
            welcome::show(ui, &mut scene, band(welcome::HEIGHT));
        }
        status::show(ui, &scene, band(STATUS));
        let bottom = Rect::from_min_max(pos2(whole.left(), whole.bottom() - history::HEIGHT), whole.max);
        let middle = Rect::from_min_max(pos2(whole.left(), top), pos2(whole.right(), bottom.top() - 6.0));
        let right = middle.with_min_x(middle.right() - panel::WIDTH);
        let left = middle.with_max_x(right.left() - MARGIN).with_min_x(middle.left() + 4.0);
        let selected = self.history.selected(&snapshot.takes).cloned();
        self.rolls.show(ui, &mut scene, left, selected.as_ref());
        let shown = selected.as_ref().or(snapshot.playing.as_ref());
        let page = (&mut self.page, &mut self.square, self.history.selected);
        panel::show(ui, &mut scene, right, page, shown.map(|take| &**take));
        self.history.show(ui, &mut scene, bottom);
    }

    /// The window has gone: what was held in it is let go, and its successor is dressed anew.
    pub fn close(&mut self, send: &mut dyn FnMut(Intent)) {
        self.hand.open(send);
        self.dressed = None;
    }
}
