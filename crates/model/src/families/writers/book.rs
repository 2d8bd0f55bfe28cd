//! The symbols that a writer knows.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use phrase::PITCHES;

use crate::{Init, ModelError, Parameter, Weights};

/// The symbol of nothing struck: something goes on, or a rest.
pub const NOTHING: usize = 0;

/// Symbols by number; number 0 is [`NOTHING`].
#[derive(Clone, Debug, Default)]
pub struct Book {
    rows: Vec<u128>,
    numbers: HashMap<u128, usize>,
}

impl Book {
    /// Of these symbols, after [`NOTHING`].
    pub fn new(symbols: impl IntoIterator<Item = u128>) -> Self {
        let all = symbols.into_iter().filter(|symbol| *symbol != 0);
        let rows: Vec<u128> = [0].into_iter().chain(all).collect();
        let numbers = rows.iter().enumerate().map(|(number, &rows)| (rows, number)).collect();
        Self { rows, numbers }
    }

    /// Of these rows by number, of which several may be the same: tokens that differ in something else.
    pub fn numbered(rows: Vec<u128>) -> Self {
        let numbers = rows.iter().enumerate().map(|(number, &rows)| (rows, number)).collect();
        Self { rows, numbers }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is not even [`NOTHING`].
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows of a symbol.
    pub fn rows(&self, number: usize) -> u128 {
        self.rows.get(number).copied().unwrap_or(0)
    }

    /// The number of a symbol that is known.
    pub fn number(&self, rows: u128) -> Option<usize> {
        self.numbers.get(&rows).copied()
    }

    /// The number of the symbol nearest to these rows: the outer voices count most, and a row too many more
    /// than one that is missing. Nothing is nearest to nothing alone.
    pub fn nearest(&self, rows: u128) -> usize {
        if let Some(number) = self.number(rows) {
            return number;
        }
        let cost = |&number: &usize| {
            let own = self.rows[number];
            let outer = u32::from(own.leading_zeros() != rows.leading_zeros()) * 4
                + u32::from(own.trailing_zeros() != rows.trailing_zeros()) * 3;
            3 * (own & !rows).count_ones() + 2 * (rows & !own).count_ones() + outer
        };
        (1..self.len()).min_by_key(cost).unwrap_or(NOTHING)
    }

    /// The parameter that holds `symbols` of up to `notes` rows.
    pub fn parameter(symbols: usize, notes: usize) -> Parameter {
        Parameter::new("symbols", &[symbols, notes], Init::Zeros)
    }

    /// The tensor `[symbols, notes]` of it: rows counted from 1, filled up with 0.
    ///
    /// # Errors
    /// When a symbol has more rows.
    pub fn tensor(&self, notes: usize) -> candle_core::Result<Tensor> {
        let mut values = vec![0f32; self.len() * notes];
        for (&rows, values) in self.rows.iter().zip(values.chunks_exact_mut(notes)) {
            if rows.count_ones() as usize > notes {
                candle_core::bail!("a symbol has more than {notes} rows");
            }
            let all = (0..PITCHES).filter(|row| rows >> row & 1 == 1);
            values.iter_mut().zip(all).for_each(|(value, row)| *value = (row + 1) as f32);
        }
        Tensor::from_vec(values, (self.len(), notes), &Device::Cpu)
    }

    /// The book that [`Book::tensor`] made.
    ///
    /// # Errors
    /// When it is missing, or says something that is no row.
    pub fn read(weights: &Weights, symbols: usize, notes: usize) -> Result<Self, ModelError> {
        let values: Vec<Vec<f32>> = weights.get("symbols", &[symbols, notes])?.to_vec2()?;
        let fault = |fault: &str| ModelError::Parameter { name: "symbols".into(), fault: fault.into() };
        let mut rows = Vec::with_capacity(symbols);
        for values in values {
            let mut bits = 0u128;
            for value in values.into_iter().filter(|value| *value != 0.0) {
                if !(1.0..=PITCHES as f32).contains(&value) || value.fract() != 0.0 {
                    return Err(fault("names a row that no roll has"));
                }
                bits |= 1 << (value as usize - 1);
            }
            rows.push(bits);
        }
        if rows.first() != Some(&0) {
            return Err(fault("does not begin with the symbol of nothing"));
        }
        Ok(Self::numbered(rows))
    }

    /// Which rows each symbol has, `[symbols, 84]` of 0 and 1.
    pub fn many_hot(&self) -> Vec<f32> {
        self.rows.iter().flat_map(|rows| (0..PITCHES).map(move |row| (rows >> row & 1) as f32)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_that_is_not_known_is_read_as_the_nearest() {
        let book = Book::new([0b1_0001, 0b1_0101, 0b1000_0000, 0b1_0011]);
        assert_eq!((book.len(), book.rows(2), book.number(0b1_0011)), (5, 0b1_0101, Some(4)));
        assert_eq!(book.nearest(0b1_0101), 2);
        assert_eq!(book.nearest(0b1_1001), 1, "an inner voice is left out rather than another played");
        assert_eq!(book.nearest(0b1001_0000), 3);
        assert_eq!(book.nearest(0), NOTHING);
        assert_ne!(book.nearest(1 << 80), NOTHING);
        assert_eq!(Book::new([]).nearest(1), NOTHING);
    }

    #[test]
    fn books_come_back_from_tensors_and_bad_ones_are_refused() {
        let book = Book::new([1 << 83 | 1, 0b110]);
        let mut weights = Weights::new();
        weights.insert("symbols", book.tensor(3).unwrap());
        let back = Book::read(&weights, 3, 3).unwrap();
        assert_eq!(back.rows, book.rows);
        assert!(book.tensor(1).is_err() && Book::read(&weights, 3, 2).is_err());
        for bad in [85.0f32, 0.5, -1.0, f32::NAN] {
            weights.insert("symbols", Tensor::new(&[[0.0, 0.0], [bad, 0.0]], &Device::Cpu).unwrap());
            assert!(Book::read(&weights, 2, 2).is_err(), "{bad}");
        }
        weights.insert("symbols", Tensor::new(&[[1f32]], &Device::Cpu).unwrap());
        assert!(Book::read(&weights, 1, 1).unwrap_err().to_string().contains("nothing"));
    }
}
