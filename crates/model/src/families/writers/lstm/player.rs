//! Our network on plain slices, an event at a time: for playing.

use phrase::symbols::{Event, LONGEST, events};
use phrase::{BASS_BELOW, LOWEST, PITCHES, Roll, STEPS, STEPS_PER_BAR};

use super::LstmSizes;
use super::layer::{Dense, Layer, relu, values};
use super::network::Batch;
use crate::families::writers::Moved;
use crate::families::writers::book::{Book, NOTHING};
use crate::families::writers::line::Line;
use crate::noise::unit;
use crate::roles::{Ask, Writer};
use crate::{ModelError, Weights};

/// Silence of so many steps at the border, and it is the writer that begins: within a beat.
const SILENCE: usize = 8;
/// The longest silence that it writes of its own.
const LONGEST_REST: usize = 8;
/// What the first bass note has against it, in logits, where it leaps by more than an octave from the last
/// one that was heard: without it basses leap at the border 1.6 times as often as inside, in real music 1.4.
const LEAP: f32 = 2.5;
/// Rows of draws: what is drawn at a step.
const SYMBOL: usize = 0;
const LENGTH: usize = 1;

/// The network, ready to write.
#[derive(Debug)]
pub(super) struct Player {
    sizes: LstmSizes,
    book: Book,
    /// A symbol's vector `[symbols, width]`, and the same by number of the vector.
    table: Vec<f32>,
    columns: Vec<f32>,
    symbol_bias: Vec<f32>,
    length: Vec<f32>,
    sounding: Vec<f32>,
    place: Vec<f32>,
    genre: Vec<f32>,
    density: Vec<f32>,
    layer: Layer,
    out: Dense,
    next_in: Dense,
    next_symbol: Dense,
    next_out: Dense,
    /// What all inputs have in common, and buffers.
    around: Vec<f32>,
    x: Vec<f32>,
    wide: Vec<f32>,
    hidden: Vec<f32>,
    symbols: Vec<f32>,
    said: Vec<f32>,
}

impl Player {
    pub(super) fn new(sizes: LstmSizes, weights: &Weights) -> Result<Self, ModelError> {
        let book = Book::read(weights, sizes.symbols, sizes.notes)?;
        let get = |name: &str| values(weights, name);
        let (mut table, row, width) = (get("symbol")?, get("row")?, sizes.width);
        for (number, vector) in table.chunks_exact_mut(width).enumerate() {
            add_rows(&row, width, book.rows(number), vector);
        }
        let mut columns = vec![0.0; table.len()];
        for (number, vector) in table.chunks_exact(width).enumerate() {
            vector.iter().enumerate().for_each(|(at, value)| columns[at * sizes.symbols + number] = *value);
        }
        Ok(Self {
            table,
            columns,
            symbol_bias: get("symbol_bias")?,
            length: get("length")?,
            sounding: get("sounding")?,
            place: get("place")?,
            genre: get("genre")?,
            density: get("density")?,
            layer: Layer::new(weights, "lstm", sizes.units)?,
            out: Dense::new(weights, "out", Some("out_bias"))?,
            next_in: Dense::new(weights, "next.in", Some("next.bias"))?,
            next_symbol: Dense::new(weights, "next.symbol", None)?,
            next_out: Dense::new(weights, "next.out", Some("next.out_bias"))?,
            around: vec![0.0; width],
            x: vec![0.0; width],
            wide: Vec::new(),
            hidden: Vec::new(),
            symbols: Vec::new(),
            said: Vec::new(),
            sizes,
            book,
        })
    }

    /// Reads the event before that at `place` (steps in the bar), if there is one, with what sounds.
    fn read(&mut self, event: Option<(usize, usize)>, sounding: u128, place: usize) {
        let width = self.sizes.width;
        self.x.copy_from_slice(&self.around);
        if let Some((symbol, length)) = event {
            add(&mut self.x, &self.table[symbol * width..][..width]);
            let length = length.clamp(1, LONGEST) - 1;
            add(&mut self.x, &self.length[length * width..][..width]);
        }
        add_rows(&self.sounding, width, sounding, &mut self.x);
        add(&mut self.x, &self.place[place % STEPS_PER_BAR * width..][..width]);
        self.layer.step(&self.x);
    }

    /// What it says of the next symbol, in `self.symbols`.
    fn say_symbol(&mut self) {
        self.out.apply(&self.layer.h, &mut self.wide);
        self.symbols.clone_from(&self.symbol_bias);
        crate::kernels::add_product(&self.wide, &self.columns, &mut self.symbols);
    }

    /// What it says of a symbol's length and of what is held, in `self.said`.
    fn say_next(&mut self, symbol: usize) {
        let width = self.sizes.width;
        self.next_in.apply(&self.layer.h, &mut self.hidden);
        self.next_symbol.add(&self.table[symbol * width..][..width], &mut self.hidden);
        relu(&mut self.hidden);
        self.next_out.apply(&self.hidden, &mut self.said);
    }

    /// A length that the network says of the symbol of [`Player::say_next`], `least` at least.
    fn draw_length(&self, least: usize, most: usize, chance: f32) -> usize {
        let least = least.clamp(1, LONGEST);
        let most = most.clamp(least, LONGEST);
        least + self.sizes.style.draw(&self.said[least - 1..most], chance)
    }

    fn held(&self) -> u128 {
        let held = &self.said[LONGEST..];
        (0..PITCHES).fold(0, |bits, row| bits | u128::from(held[row] > 0.0) << row)
    }

    /// Gets ready for a question.
    fn begin(&mut self, ask: &Ask) {
        let width = self.sizes.width;
        self.layer.reset();
        let density = Batch::density(ask.density);
        self.around.clear();
        self.around.extend(self.density.iter().map(|x| density * x));
        for (share, vector) in ask.shares.iter().zip(self.genre.chunks_exact(width)) {
            self.around.iter_mut().zip(vector).for_each(|(sum, x)| *sum += share * x);
        }
    }

    /// Reads what was heard, up to the last event, whose length is not known yet; gives that.
    fn hear(&mut self, heard: &[Event]) -> Option<(Event, usize)> {
        let mut before: Option<(usize, usize)> = None;
        let mut sounding = 0;
        for event in heard {
            self.read(before, sounding, event.start);
            before = Some((self.book.nearest(event.struck), event.length));
            sounding = event.sounding;
        }
        heard.last().copied().zip(before.map(|before| before.0))
    }
}

impl Writer for Player {
    fn write(&mut self, before: &Roll, steps: usize, ask: &Ask, out: &mut Roll) -> Result<(), ModelError> {
        let moved = Moved::of(ask.key, before);
        let planes = [before.sounding, before.onset].map(|plane| plane.map(|bits| moved.there(bits)));
        let silent = planes[0].iter().rev().take_while(|bits| **bits == 0).count();
        // Of silence there is nothing to learn but that it is one.
        let until = if silent >= SILENCE { STEPS - silent } else { STEPS };
        let heard = events(&planes[0][..until], &planes[1][..until]);
        let chance = |step: usize, row: usize| unit(u64::from(ask.seed), ask.position, step, row);
        self.begin(ask);
        let mut line = Line::new(out, steps, planes[0][STEPS - 1]);
        // The event whose successor is looked for: its symbol and its length.
        let mut last: Option<(usize, usize)> = None;
        if let Some((event, symbol)) = self.hear(&heard) {
            let gone = STEPS - event.start;
            self.say_next(symbol);
            let length = if gone >= LONGEST {
                LONGEST
            } else {
                let most = if silent > 0 { gone + 4 } else { LONGEST };
                self.draw_length(gone, most, chance(0, LENGTH))
            };
            line.wait(length.saturating_sub(gone));
            last = Some((symbol, length));
        }
        let mut rests = usize::from(silent >= SILENCE || heard.is_empty());
        // The last bass note, until it is gone on from.
        let mut last_bass = heard.iter().rev().find_map(|event| bass(event.struck, event.sounding));
        while !line.is_full() {
            let at = line.at();
            self.read(last, line.sounding(), at);
            self.say_symbol();
            for (number, logit) in self.symbols.iter_mut().enumerate() {
                let rows = self.book.rows(number);
                // No second rest, and nothing that the roll lacks.
                if rows == 0 && rests > 0 || !moved.is_inside(rows) {
                    *logit = f32::NEG_INFINITY;
                }
                let far = |from: usize| bass(rows, line.sounding()).is_some_and(|to| to.abs_diff(from) > 12);
                *logit -= if last_bass.is_some_and(far) { LEAP } else { 0.0 };
            }
            let symbol = self.sizes.style.draw(&self.symbols, chance(at, SYMBOL));
            self.say_next(symbol);
            let most = if symbol == NOTHING { LONGEST_REST } else { LONGEST };
            let length = self.draw_length(1, most, chance(at, LENGTH));
            let sounding = line.strike(self.book.rows(symbol), self.held(), length);
            last_bass = last_bass.filter(|_| bass(self.book.rows(symbol), sounding).is_none());
            rests = if symbol == NOTHING { rests + 1 } else { 0 };
            last = Some((symbol, length));
            debug_assert!(sounding == line.sounding());
        }
        for step in 0..steps.min(STEPS) {
            out.sounding[step] = moved.back(out.sounding[step]);
            out.onset[step] = moved.back(out.onset[step]) & out.sounding[step];
        }
        Ok(())
    }
}

/// The bass note among those that are struck: the lowest, where nothing sounds below it and it is low.
fn bass(struck: u128, sounding: u128) -> Option<usize> {
    let row = struck.trailing_zeros() as usize;
    (row < usize::from(BASS_BELOW - LOWEST) && sounding.trailing_zeros() as usize >= row).then_some(row)
}

fn add(sum: &mut [f32], more: &[f32]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// Adds the vectors of some rows.
fn add_rows(vectors: &[f32], width: usize, rows: u128, sum: &mut [f32]) {
    let mut left = rows & ((1 << PITCHES) - 1);
    while left != 0 {
        add(sum, &vectors[left.trailing_zeros() as usize * width..][..width]);
        left &= left - 1;
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::super::network::Ours;
    use super::*;
    use crate::roles::PartSizes;
    use crate::{Ops, Parameter};

    pub(super) fn weights(parameters: &[Parameter], book: &Book, notes: usize) -> Weights {
        let mut all = Weights::new();
        for (number, parameter) in parameters.iter().enumerate() {
            let value = |i: usize| ((i * 7919 + number * 104_729) as f32 * 0.618).sin() * 0.4;
            let values: Vec<f32> = (0..parameter.len()).map(value).collect();
            let shape = parameter.shape.as_slice();
            all.insert(parameter.name.clone(), Tensor::from_vec(values, shape, &Device::Cpu).unwrap());
        }
        all.insert("symbols", book.tensor(notes).unwrap());
        all
    }

    #[test]
    fn the_bass_is_low_and_has_nothing_below_it() {
        let struck = 1u128 << 20 | 1 << 40;
        assert_eq!((bass(struck, 0), bass(struck, 1 << 20 | 1 << 30)), (Some(20), Some(20)));
        assert_eq!((bass(struck, 1 << 12), bass(1 << 40, 0), bass(0, 0)), (None, None, None));
    }

    #[test]
    fn an_event_at_a_time_it_says_what_the_network_says_of_all_at_once() {
        let book = Book::new([1 << 40, 1 << 41 | 1 << 30, 1 << 44]);
        let sizes = LstmSizes { width: 5, units: 6, hidden: 7, ..LstmSizes::ours(2, 4, 3) };
        let weights = weights(&sizes.parameters(), &book, 3);
        let (ops, device) = (Ops::KERNELS, &Device::Cpu);
        let rows = Tensor::from_vec(book.many_hot(), (4, PITCHES), device).unwrap();
        // Symbol, length, place, and what sounds.
        let heard = [(1, 3, 0, 1u128 << 40), (2, 16, 3, 1 << 41 | 1 << 30), (0, 2, 3, 1 << 30)];
        let told = [1u32, 2, 0, 3];
        let mut sounding = vec![0f32; 4 * PITCHES];
        for (at, event) in heard.iter().enumerate() {
            (0..PITCHES).for_each(|row| sounding[(at + 1) * PITCHES + row] = (event.3 >> row & 1) as f32);
        }
        let numbers = |all: [u32; 4]| Tensor::from_vec(all.to_vec(), (1, 4), device).unwrap();
        let batch = Batch {
            symbols: numbers([0, 1, 2, 0]),
            lengths: numbers([0, 2, 15, 1]),
            heard: Tensor::from_vec(vec![0f32, 1.0, 1.0, 1.0], (1, 4, 1), device).unwrap(),
            places: numbers([0, 3, 3, 5]),
            sounding: Tensor::from_vec(sounding, (1, 4, PITCHES), device).unwrap(),
            genres: Tensor::from_vec(vec![0.25f32, 0.75], (1, 2), device).unwrap(),
            density: Tensor::from_vec(vec![Batch::density(2.0)], (1, 1), device).unwrap(),
            told: numbers(told),
        };
        let said = Ours::new(sizes, &weights, rows, ops).forward(&batch, None).unwrap();
        let rows_of = |tensor: &Tensor| tensor.to_vec2::<f32>().unwrap();
        let said = [said.symbols, said.lengths, said.held].each_ref().map(rows_of);

        let mut player = Player::new(sizes, &weights).unwrap();
        let ask = Ask { shares: &[0.25, 0.75], key: None, density: 2.0, position: 0, seed: 0, near: &[] };
        player.begin(&ask);
        let places = [0, 3, 3 + 16, 5];
        for at in 0..4usize {
            let event = at.checked_sub(1).map(|before| heard[before]);
            player.read(event.map(|e| (e.0, e.1)), event.map_or(0, |e| e.3), places[at]);
            player.say_symbol();
            player.say_next(told[at] as usize);
            let next = [&said[1][at][..], &said[2][at]].concat();
            for (found, expected) in
                player.symbols.iter().chain(&player.said).zip(said[0][at].iter().chain(&next))
            {
                assert!((found - expected).abs() < 1e-5, "{found} is not {expected} at {at}");
            }
        }
    }
}
