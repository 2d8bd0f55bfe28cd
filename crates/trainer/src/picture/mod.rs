//! A picture of a transfer: what went in above what came out, cell by cell.

mod font;

use std::path::Path;

use anyhow::Result;
use phrase::{HIGHEST, LOWEST, PITCHES, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT, Song, SongNote, nearest};

use crate::dataset::write_whole;

/// Red, green, blue.
type Colour = [u8; 3];

/// Okabe and Ito's colours, told apart with every common kind of colour blindness.
const KEPT: Colour = [0, 114, 178];
const ADDED: Colour = [230, 159, 0];
const REMOVED: Colour = [204, 121, 167];
const PAPER: Colour = [255, 255, 255];
const BLACK_KEY: Colour = [243, 243, 243];
const BEAT: Colour = [226, 226, 226];
const BAR: Colour = [170, 170, 170];
const INK: Colour = [40, 40, 40];

/// Pixels a step and a pitch.
const CELL: (u32, u32) = (5, 5);
/// Phrases side by side in a row.
const PHRASES_A_ROW: usize = 4;
/// Pixels left of a roll (pitch names) and elsewhere around it.
const LEFT: u32 = 34;
const EDGE: u32 = 12;
/// Pixels between the input's roll and the output's, with the bar numbers of the row above the input's.
const BETWEEN: u32 = 20;
const ABOVE: u32 = 26;

/// An image of 8 bits a colour, row by row from the top.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<Colour>,
}

/// The cells of a song, as many steps as it needs: what sounds and what starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells {
    sounding: Vec<u128>,
    onset: Vec<u128>,
}

impl Cells {
    /// The cells of a song's notes but drums, on the nearest steps.
    pub fn of(song: &Song) -> Self {
        let mut cells = Cells::default();
        for note in song.notes().filter(|note| note.channel != phrase::DRUM_CHANNEL) {
            cells.lay(note);
        }
        cells
    }

    /// The same without the first phrase: an answer as it was heard, laid over what it answers.
    pub fn earlier(mut self, steps: usize) -> Self {
        for plane in [&mut self.sounding, &mut self.onset] {
            plane.drain(..plane.len().min(steps));
        }
        self
    }

    fn lay(&mut self, note: &SongNote) {
        if !(LOWEST..=HIGHEST).contains(&note.pitch) {
            return;
        }
        let from = nearest(note.onset).max(0) as usize;
        let to = (nearest(note.end()).max(0) as usize).max(from + 1);
        let length = self.sounding.len().max(to);
        self.sounding.resize(length, 0);
        self.onset.resize(length, 0);
        let bit = 1u128 << (note.pitch - LOWEST);
        self.sounding[from..to].iter_mut().for_each(|step| *step |= bit);
        self.onset[from] |= bit;
    }

    /// The sounding cells of a phrase, counted from 0.
    pub fn phrase(&self, phrase: usize) -> [u128; STEPS] {
        std::array::from_fn(|step| self.step(phrase * STEPS + step).0)
    }

    /// Phrases that the cells reach into.
    pub fn phrases(&self) -> usize {
        self.sounding.len().div_ceil(STEPS)
    }

    fn step(&self, step: usize) -> (u128, u128) {
        let of = |plane: &[u128]| plane.get(step).copied().unwrap_or(0);
        (of(&self.sounding), of(&self.onset))
    }
}

/// Draws both songs, a row of 16 bars under another; `title` (letters, digits, points) stands above.
pub fn draw(title: &str, input: &Cells, output: &Cells) -> Picture {
    let phrases = input.phrases().max(output.phrases()).max(1);
    let (low, high) = pitches(input, output);
    let across = phrases.min(PHRASES_A_ROW);
    let rows = phrases.div_ceil(PHRASES_A_ROW) as u32;
    let roll = (across as u32 * STEPS as u32 * CELL.0, (high - low + 1) * CELL.1);
    let row_height = ABOVE + 2 * roll.1 + BETWEEN + EDGE;
    let head = 34;
    let size = ((LEFT + roll.0 + EDGE).max(560), head + rows * row_height);
    let pixels = vec![PAPER; size.0 as usize * size.1 as usize];
    let mut canvas = Picture { width: size.0, height: size.1, pixels };
    canvas.text(EDGE, 10, 2, title, INK);
    let mut x = size.0 - EDGE;
    for (name, colour) in [("removed", REMOVED), ("added", ADDED), ("kept", KEPT)] {
        x -= 8 * name.len() as u32 + 4;
        canvas.text(x, 10, 2, name, INK);
        x -= 16;
        canvas.fill(x, 10, 12, 10, colour);
        x -= 10;
    }
    for row in 0..rows {
        let first = row as usize * PHRASES_A_ROW;
        let top = head + row * row_height;
        let here = across.min(phrases - first) as u32 * STEPS as u32;
        for bar in 0..here / STEPS_PER_BAR as u32 {
            let number = first * phrase::BARS + bar as usize + 1;
            canvas.text(
                LEFT + bar * STEPS_PER_BAR as u32 * CELL.0,
                top + ABOVE - 14,
                2,
                &number.to_string(),
                INK,
            );
        }
        for (side, name) in ["in", "out"].into_iter().enumerate() {
            let y = top + ABOVE + side as u32 * (roll.1 + BETWEEN);
            let area = Area { x: LEFT, y, low, high, first: first * STEPS, steps: here };
            canvas.grid(&area);
            canvas.text(4, y - 14, 2, name, INK);
            let (own, other, alone) =
                if side == 0 { (input, output, REMOVED) } else { (output, input, ADDED) };
            canvas.cells(&area, own, other, alone);
        }
    }
    canvas
}

/// Writes a picture: it appears whole or not at all.
///
/// # Errors
///
/// The folder cannot be written to.
pub fn write(picture: &Picture, path: &Path) -> Result<()> {
    write_whole(path, &picture.png()?)
}

/// The lowest and the highest row of either, out to the Cs around them.
fn pitches(input: &Cells, output: &Cells) -> (u32, u32) {
    let all = input.sounding.iter().chain(&output.sounding).fold(0, |all, step| all | step);
    if all == 0 {
        return (24, 60);
    }
    // Row 0 is MIDI 24, a C.
    let low = all.trailing_zeros() / 12 * 12;
    let high = ((127 - all.leading_zeros()) / 12 + 1) * 12;
    (low, high.min(PITCHES as u32 - 1))
}

/// Where a roll stands and what part of the song it shows.
struct Area {
    x: u32,
    y: u32,
    low: u32,
    high: u32,
    first: usize,
    steps: u32,
}

impl Area {
    /// The top of a row's cells.
    fn row(&self, row: u32) -> u32 {
        self.y + (self.high - row) * CELL.1
    }
}

impl Picture {
    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The picture as the bytes of a PNG file.
    pub fn png(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_flattened())?;
        writer.finish()?;
        Ok(bytes)
    }

    /// Fills a rectangle, as far as it is on the picture.
    fn fill(&mut self, x: u32, y: u32, width: u32, height: u32, colour: Colour) {
        let columns = x.min(self.width) as usize..(x + width).min(self.width) as usize;
        for row in y..(y + height).min(self.height) {
            let start = row as usize * self.width as usize;
            self.pixels[start + columns.start..start + columns.end].fill(colour);
        }
    }

    fn text(&mut self, x: u32, y: u32, scale: u32, text: &str, colour: Colour) {
        for (at, character) in text.chars().enumerate() {
            for (row, dots) in font::glyph(character).into_iter().enumerate() {
                for column in (0..3).filter(|column| dots >> (2 - column) & 1 == 1) {
                    let left = x + (4 * at as u32 + column) * scale;
                    self.fill(left, y + row as u32 * scale, scale, scale, colour);
                }
            }
        }
    }

    fn grid(&mut self, area: &Area) {
        let (width, height) = (area.steps * CELL.0, (area.high - area.low + 1) * CELL.1);
        for row in area.low..=area.high {
            if [1, 3, 6, 8, 10].contains(&(row % 12)) {
                self.fill(area.x, area.row(row), width, CELL.1, BLACK_KEY);
            }
            if row % 12 == 0 {
                self.fill(area.x, area.row(row) + CELL.1 - 1, width, 1, BEAT);
                let octave = (row + u32::from(LOWEST)) / 12 - 1;
                self.text(area.x - 18, area.row(row) - 3, 2, &format!("C{octave}"), INK);
            }
        }
        for step in (0..=area.steps).step_by(STEPS_PER_BEAT) {
            let bar = step % STEPS_PER_BAR as u32 == 0;
            let phrase = step % STEPS as u32 == 0;
            let colour = if phrase {
                INK
            } else if bar {
                BAR
            } else {
                BEAT
            };
            self.fill(area.x + step * CELL.0, area.y, 1, height, colour);
        }
    }

    /// The cells of `own`: those that `other` has too are kept ones, the rest have the colour `alone`.
    fn cells(&mut self, area: &Area, own: &Cells, other: &Cells, alone: Colour) {
        for step in 0..area.steps {
            let (sounding, onset) = own.step(area.first + step as usize);
            let both = other.step(area.first + step as usize).0;
            for row in (area.low..=area.high).filter(|row| sounding >> row & 1 == 1) {
                let colour = if both >> row & 1 == 1 { KEPT } else { alone };
                // A note that starts leaves a gap to what is before it.
                let gap = u32::from(onset >> row & 1 == 1);
                self.fill(area.x + step * CELL.0 + gap, area.row(row), CELL.0 - gap, CELL.1 - 1, colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use phrase::Track;

    use super::*;

    fn song(notes: &[(u8, f64, f64)]) -> Song {
        let note = |&(pitch, onset, length): &(u8, f64, f64)| SongNote {
            pitch,
            channel: 0,
            velocity: 0.5,
            onset,
            length,
        };
        let mut song = Song::new(120.0);
        song.tracks.push(Track { notes: notes.iter().map(note).collect(), ..Track::default() });
        song
    }

    fn count(picture: &Picture, colour: Colour) -> usize {
        picture.pixels.iter().filter(|&&pixel| pixel == colour).count()
    }

    #[test]
    fn equal_songs_are_all_kept() {
        let cells = Cells::of(&song(&[(60, 0.0, 4.0), (64, 4.0, 4.0)]));
        let picture = draw("", &cells, &cells);
        let legend = 12 * 10;
        assert_eq!((count(&picture, ADDED), count(&picture, REMOVED)), (legend, legend));
        // Two rolls of eight cells, two of which leave a gap; each pixel line of a pitch but one.
        assert_eq!(count(&picture, KEPT), legend + 2 * (8 * 5 - 2) * 4);
    }

    #[test]
    fn what_changed_has_its_own_colours() {
        let (input, output) = (song(&[(60, 0.0, 4.0)]), song(&[(60, 0.0, 2.0), (67, 300.0, 2.0)]));
        let picture = draw("A TITLE", &Cells::of(&input), &Cells::of(&output));
        for colour in [KEPT, ADDED, REMOVED] {
            assert!(count(&picture, colour) > 120);
        }
    }

    #[test]
    fn an_answer_as_heard_lies_over_its_question() {
        let (question, heard) = (song(&[(60, 5.0, 4.0)]), song(&[(60, 69.0, 4.0)]));
        assert_eq!(Cells::of(&heard).earlier(STEPS), Cells::of(&question));
        assert_eq!(Cells::of(&question).earlier(STEPS), Cells::default());
    }

    #[test]
    fn a_long_song_has_more_rows_not_a_wider_picture() {
        let of = |bars: f64| draw("", &Cells::of(&song(&[(60, bars * 16.0 - 1.0, 1.0)])), &Cells::default());
        assert_eq!(of(16.0).width, of(160.0).width);
        assert!(of(160.0).height > 5 * of(16.0).height);
    }
}
