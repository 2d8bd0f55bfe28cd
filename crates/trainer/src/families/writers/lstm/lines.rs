//! Lines of events as the recurrent networks read them: whole lines for ours, windows for the tutorial's.

use anyhow::Result;
use candle_core::{Device, Tensor};
use model::writers::lstm::{Batch, READ};
use phrase::symbols::{Event, LONGEST};
use phrase::{PITCHES, STEPS_PER_BAR};

use crate::families::writers::lines::{Stretch, Symbols};

/// The most events of a line that is learned from.
const EVENTS: usize = 72;

/// A line of events as a network reads it.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Events, moved.
    pub events: Vec<Event>,
    /// Their symbols' numbers.
    pub numbers: Vec<usize>,
    /// Its genre.
    pub genre: usize,
    /// Notes a beat that are told.
    pub density: f32,
    /// Whether the last event's length is the music's end.
    pub cut: bool,
}

impl Line {
    /// Of a stretch, moved to C.
    pub fn of(stretch: &Stretch, genre: usize, symbols: &Symbols, sliced: bool) -> Self {
        let mut events = stretch.events(stretch.moved(), sliced);
        let cut = events.len() <= EVENTS;
        events.truncate(EVENTS);
        let numbers = events.iter().map(|event| symbols.number(event)).collect();
        Self { events, numbers, genre, density: stretch.density(), cut }
    }

    /// Whether an event's length is known.
    pub(super) fn has_length(&self, at: usize) -> bool {
        !(self.cut && at + 1 == self.events.len())
    }
}

/// Lines as tensors, with what is to be told of each event.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) batch: Batch,
    /// Of each event of the batch: 1 where there is one, and where its length is known, `[B T]`.
    pub(super) weights: [Vec<f32>; 2],
    /// Lengths less 1, `[B T]`.
    pub(super) lengths: Tensor,
    /// What is held, and where that is asked, `[B T, 84]`.
    pub(super) held: [Tensor; 2],
    /// Events of a line.
    pub(super) steps: usize,
}

impl Lines {
    /// Of these lines.
    ///
    /// # Errors
    /// When a tensor cannot be made.
    pub(super) fn new(lines: &[Line], genres: usize, device: &Device) -> Result<Self> {
        let steps = lines.iter().map(|line| line.events.len()).max().unwrap_or(0).max(1);
        let cells = lines.len() * steps;
        let (mut read, mut read_lengths, mut heard) =
            (vec![0u32; cells], vec![0u32; cells], vec![0f32; cells]);
        let (mut places, mut told, mut lengths) = (vec![0u32; cells], vec![0u32; cells], vec![0u32; cells]);
        let mut planes = [(); 3].map(|()| vec![0f32; cells * PITCHES]);
        let mut weights = [vec![0f32; cells], vec![0f32; cells]];
        let (mut shares, mut density) = (vec![0f32; lines.len() * genres], Vec::new());
        for (index, line) in lines.iter().enumerate() {
            shares[index * genres + line.genre] = 1.0;
            density.push(Batch::density(line.density));
            for (at, event) in line.events.iter().enumerate() {
                let cell = index * steps + at;
                places[cell] = (event.start % STEPS_PER_BAR) as u32;
                told[cell] = line.numbers[at] as u32;
                lengths[cell] = event.length.clamp(1, LONGEST) as u32 - 1;
                weights[0][cell] = 1.0;
                weights[1][cell] = f32::from(u8::from(line.has_length(at)));
                let Some(before) = at.checked_sub(1) else { continue };
                let sounding = line.events[before].sounding;
                read[cell] = line.numbers[before] as u32;
                read_lengths[cell] = line.events[before].length.clamp(1, LONGEST) as u32 - 1;
                heard[cell] = 1.0;
                let asked = sounding & !event.struck;
                for row in 0..PITCHES {
                    let bit = |bits: u128| (bits >> row & 1) as f32;
                    planes[0][cell * PITCHES + row] = bit(sounding);
                    planes[1][cell * PITCHES + row] = bit(asked & event.sounding);
                    planes[2][cell * PITCHES + row] = bit(asked);
                }
            }
        }
        let count = lines.len();
        let numbers = |values: Vec<u32>| Tensor::from_vec(values, (count, steps), device);
        let [sounding, held, asked] = planes;
        Ok(Self {
            batch: Batch {
                symbols: numbers(read)?,
                lengths: numbers(read_lengths)?,
                heard: Tensor::from_vec(heard, (count, steps, 1), device)?,
                places: numbers(places)?,
                sounding: Tensor::from_vec(sounding, (count, steps, PITCHES), device)?,
                genres: Tensor::from_vec(shares, (count, genres), device)?,
                density: Tensor::from_vec(density, (count, 1), device)?,
                told: numbers(told)?,
            },
            weights,
            lengths: numbers(lengths)?,
            held: [
                Tensor::from_vec(held, (cells, PITCHES), device)?,
                Tensor::from_vec(asked, (cells, PITCHES), device)?,
            ],
            steps,
        })
    }
}

/// Windows of the tutorial's network.
pub(super) struct Windows {
    pub(super) symbols: Tensor,
    pub(super) lengths: Tensor,
    pub(super) told: Tensor,
    pub(super) told_lengths: Tensor,
}

impl Windows {
    /// Of lines, where the windows begin, and which event is to be told.
    pub(super) fn new<'a>(
        all: impl Iterator<Item = (&'a Line, usize, usize)>,
        device: &Device,
    ) -> Result<Self> {
        let (mut symbols, mut lengths, mut told, mut told_lengths) = (vec![], vec![], vec![], vec![]);
        let length = |line: &Line, at: usize| line.events[at].length.clamp(1, LONGEST) as u32 - 1;
        for (line, start, target) in all {
            symbols.extend(line.numbers[start..start + READ].iter().map(|&number| number as u32));
            lengths.extend((start..start + READ).map(|at| length(line, at)));
            told.push(line.numbers[target] as u32);
            told_lengths.push(length(line, target));
        }
        let count = told.len();
        Ok(Self {
            symbols: Tensor::from_vec(symbols, (count, READ), device)?,
            lengths: Tensor::from_vec(lengths, (count, READ), device)?,
            told: Tensor::from_vec(told, count, device)?,
            told_lengths: Tensor::from_vec(told_lengths, count, device)?,
        })
    }
}
