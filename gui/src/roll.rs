//! A piano roll: rows of keys, lines of bars and beats, notes, and where time is.

use egui::{Align2, Color32, Painter, Pos2, Rect, Stroke, StrokeKind, pos2, vec2};
use phrase::{Note, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT};

use crate::control::pitch_name;
use crate::scene::text_at;
use crate::theme::{Theme, mix};

/// The width of the note names.
pub const KEYS: f32 = 36.0;
/// The fewest pitches that are shown: a melody of few notes shall not fill the roll.
const FEWEST: f32 = 22.0;
/// Rows lower than this have no names but those of C.
const NAMED: f32 = 9.0;
/// Rows lower than this leave no room for the names of neighbours.
const ROOMY: f32 = 13.0;

/// The pitches that are shown: the lowest, and the one after the highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f32,
    pub high: f32,
}

impl Range {
    /// The range in use, with some air; middle C's octaves where nothing is.
    pub fn of<'a>(notes: impl Iterator<Item = &'a Note>) -> Self {
        let used =
            notes.fold(None, |used: Option<(u8, u8)>, note| {
                Some(used.map_or((note.pitch, note.pitch), |(low, high)| {
                    (low.min(note.pitch), high.max(note.pitch))
                }))
            });
        let (low, high) = used.unwrap_or((54, 73));
        let (low, high) = (f32::from(low) - 1.0, f32::from(high) + 2.0);
        let air = ((FEWEST - (high - low)) / 2.0).max(0.0);
        let low = (low - air.floor()).max(0.0);
        Self { low, high: (high + air.ceil()).min(128.0).max(low + FEWEST) }
    }

    /// A part of the way to another.
    pub fn towards(self, to: Self, share: f32) -> Self {
        let go = |a: f32, b: f32| if (b - a).abs() < 0.05 { b } else { a + (b - a) * share };
        Self { low: go(self.low, to.low), high: go(self.high, to.high) }
    }
}

/// A roll's place on the screen.
#[derive(Clone, Copy)]
pub struct Roll<'a> {
    pub painter: &'a Painter,
    pub theme: &'a Theme,
    /// Where notes are; the names of keys are left of it.
    pub rect: Rect,
    pub range: Range,
}

/// How a note is drawn.
#[derive(Clone, Copy)]
pub enum Ink {
    /// Filled, as bright as its velocity.
    Full(Color32),
    /// An outline.
    Hollow(Color32),
}

impl Roll<'_> {
    fn x(&self, step: f64) -> f32 {
        self.rect.left() + self.rect.width() * (step / STEPS as f64) as f32
    }

    fn row(&self) -> f32 {
        self.rect.height() / (self.range.high - self.range.low)
    }

    fn y(&self, pitch: f32) -> f32 {
        self.rect.bottom() - (pitch - self.range.low) * self.row()
    }

    /// Rows, lines and names. What lies outside of the steps `from..to` is not of the phrase.
    pub fn ground(&self, from: f32, to: f32) {
        let Self { painter, theme, rect, .. } = *self;
        let painter =
            painter.with_clip_rect(rect.with_min_x(rect.left() - KEYS).intersect(painter.clip_rect()));
        painter.rect_filled(rect, 0, theme.rows[0]);
        let named = |pitch: u8| match pitch % 12 {
            4 | 7 | 9 => self.row() >= NAMED,
            2 | 5 | 11 => self.row() >= ROOMY,
            _ => false,
        };
        for pitch in self.range.low.floor().max(0.0) as u8..=(self.range.high.ceil() as u8).min(127) {
            let line = Rect::from_min_max(
                pos2(rect.left(), self.y(f32::from(pitch) + 1.0)),
                pos2(rect.right(), self.y(pitch.into())),
            );
            let is_black = matches!(pitch % 12, 1 | 3 | 6 | 8 | 10);
            if is_black {
                painter.rect_filled(line, 0, theme.rows[1]);
            }
            let is_c = pitch % 12 == 0;
            if is_c {
                painter.hline(rect.x_range(), line.bottom(), Stroke::new(1.0, theme.lines[1]));
            }
            let at = line.center();
            if (is_c || named(pitch)) && at.y > rect.top() + 4.0 && at.y < rect.bottom() - 4.0 {
                let colour = if is_c { theme.text } else { theme.quiet };
                let size = if is_c { 11.0 } else { 9.5 };
                text_at(
                    &painter,
                    pos2(rect.left() - 5.0, at.y),
                    Align2::RIGHT_CENTER,
                    pitch_name(pitch),
                    size,
                    colour,
                );
            }
        }
        for step in (0..=STEPS).step_by(STEPS_PER_BEAT) {
            let is_bar = step % STEPS_PER_BAR == 0;
            let stroke = Stroke::new(1.0, theme.lines[usize::from(is_bar)]);
            painter.vline(self.x(step as f64), rect.y_range(), stroke);
        }
        for (from, to) in [(0.0, from), (to, STEPS as f32)] {
            if to > from {
                let past = Rect::from_x_y_ranges(self.x(from.into())..=self.x(to.into()), rect.y_range());
                painter.rect_filled(past, 0, theme.back.gamma_multiply(0.6));
            }
        }
    }

    /// A note; what is tied out reaches to the end, or to `held`, where time is.
    pub fn note(&self, note: &Note, ink: Ink, alpha: f32, held: Option<f32>) {
        let end = match (note.tied_out, held) {
            (true, Some(head)) => note.end().min(f64::from(head)).max(note.onset),
            (true, None) => note.end().max(note.onset),
            _ => note.end(),
        };
        let from = pos2(self.x(note.onset.max(0.0)), self.y(f32::from(note.pitch) + 1.0));
        let to = pos2(self.x(end.min(STEPS as f64)) - 1.0, self.y(note.pitch.into()));
        let air = if self.row() > 5.0 { 0.75 } else { 0.25 };
        let bar = Rect::from_min_max(from, pos2(to.x.max(from.x + 2.0), to.y)).shrink2(vec2(0.0, air));
        if !self.rect.intersects(bar) {
            return;
        }
        let painter = self.painter.with_clip_rect(self.rect.intersect(self.painter.clip_rect()));
        match ink {
            Ink::Full(colour) => {
                let colour = self.theme.at_velocity(colour, note.velocity).gamma_multiply(alpha);
                painter.rect_filled(bar, 2, colour);
            }
            Ink::Hollow(colour) => {
                let fill = mix(self.theme.rows[0], colour, 0.12).gamma_multiply(alpha);
                let stroke = Stroke::new(1.0, colour.gamma_multiply(alpha));
                painter.rect(bar, 2, fill, stroke, StrokeKind::Inside);
            }
        }
    }

    /// Where time is.
    pub fn head(&self, step: f32) {
        if !(0.0..=STEPS as f32 + 1.0).contains(&step) {
            return;
        }
        let x = self.x(step.min(STEPS as f32).into());
        self.painter.vline(x, self.rect.y_range(), Stroke::new(1.5, self.theme.text));
        let tip = |dx: f32, dy: f32| -> Pos2 { pos2(x + dx, self.rect.top() + dy) };
        let flag = vec![tip(-4.5, 0.0), tip(4.5, 0.0), tip(0.0, 6.0)];
        self.painter.add(egui::Shape::convex_polygon(flag, self.theme.text, Stroke::NONE));
    }

    /// A sentence where no notes are.
    pub fn words(&self, text: &str) {
        let at = self.rect.center();
        text_at(self.painter, at, Align2::CENTER_CENTER, text, 14.0, self.theme.quiet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_holds_all_notes_and_is_never_too_small() {
        let note = |pitch| Note::new(pitch, 0, 0.5, 0.0, 1.0);
        for pitches in [vec![], vec![60], vec![0, 5], vec![127], vec![24, 107], vec![0, 127]] {
            let notes: Vec<_> = pitches.iter().map(|&pitch| note(pitch)).collect();
            let range = Range::of(notes.iter());
            assert!(range.high - range.low >= FEWEST, "{pitches:?}: {range:?}");
            for pitch in pitches {
                assert!(range.low <= f32::from(pitch) && f32::from(pitch) + 1.0 <= range.high);
            }
        }
    }

    #[test]
    fn a_range_arrives() {
        let (mut range, to) = (Range { low: 30.0, high: 90.0 }, Range { low: 48.0, high: 72.0 });
        for _ in 0..60 {
            range = range.towards(to, 0.2);
        }
        assert_eq!(range, to);
    }
}
