//! The papers' arrays: phrases in NumPy's `.npy` files.
//!
//! The CycleGAN papers keep one phrase a file, bool `[64, 84, 1]`, and all phrases of a genre in one, bool
//! `[n, 64, 84, 1]`. Such arrays know no onsets: each unbroken run of a pitch counts as one note.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use npyz::{Deserialize, NpyFile, NpyHeader, Order, TypeChar, WriteOptions, WriterBuilder};
use phrase::{PITCHES, Roll, STEPS};

use super::dataset::write_whole;

/// Cells of a phrase.
const CELLS: usize = STEPS * PITCHES;
/// The longest header text that is read, in bytes. NumPy's own has 118 for such arrays.
const MAX_HEADER: usize = 512;
/// Digits in a header's numbers together: the reader multiplies the shape unchecked.
const MAX_DIGITS: usize = 18;

/// Reads the phrases of an array `[64, 84]`, `[64, 84, 1]`, `[n, 64, 84]` or `[n, 64, 84, 1]` (steps, pitches
/// from MIDI 24), in C or Fortran order.
///
/// A cell sounds where a bool is true, a uint8 is not 0, or a float (4 or 8 bytes) is over 0.5, the papers'
/// threshold.
///
/// # Errors
/// When the file cannot be read, is no such array, is cut or too long, or holds a float that is not finite.
pub fn read_phrases(path: &Path) -> Result<Vec<Roll>> {
    let name = path.display();
    let cannot = || format!("{name}: the array cannot be read; check that the file is there");
    let file = File::open(path).with_context(cannot)?;
    let size = file.metadata().with_context(cannot)?.len();
    parse(BufReader::new(file), size).with_context(|| {
        format!(
            "{name}: this is no array of phrases; save it with numpy.save as bool, uint8, float32 or \
             float64 of shape [n, 64, 84, 1] or [64, 84, 1]"
        )
    })
}

/// Writes all phrases as one array, bool `[n, 64, 84, 1]`: their sounding cells.
///
/// # Errors
/// When the file cannot be written; an older one is then left whole.
pub fn write_phrases(path: &Path, rolls: &[Roll]) -> Result<()> {
    write(path, &[rolls.len(), STEPS, PITCHES, 1], rolls)
}

/// Writes one phrase as the papers do, bool `[64, 84, 1]`: its sounding cells.
///
/// # Errors
/// When the file cannot be written; an older one is then left whole.
pub fn write_phrase(path: &Path, roll: &Roll) -> Result<()> {
    write(path, &[STEPS, PITCHES, 1], std::slice::from_ref(roll))
}

fn write(path: &Path, shape: &[usize], rolls: &[Roll]) -> Result<()> {
    let shape: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
    let mut bytes = Vec::with_capacity(128 + rolls.len() * CELLS);
    let mut array =
        WriteOptions::<bool>::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd()?;
    array.extend(rolls.iter().flat_map(|roll| (0..CELLS).map(|i| roll.get(i / PITCHES, i % PITCHES))))?;
    array.finish()?;
    write_whole(path, &bytes)
}

/// The rolls in a file of `size` bytes.
fn parse(mut file: impl Read, size: u64) -> Result<Vec<Roll>> {
    let head = head(&mut file)?;
    let header = NpyHeader::from_reader(&head[..]).context("its header cannot be understood")?;
    let count = count(header.shape())?;
    let kind = header.dtype();
    let npyz::DType::Plain(scalar) = &kind else { bail!("it holds records, not numbers") };
    let (letter, width) = (scalar.type_char(), scalar.size_field());
    let (held, needed) = (size.saturating_sub(head.len() as u64), count as u64 * CELLS as u64 * width);
    ensure!(held == needed, "it has {held} bytes of values where its shape needs {needed}");
    let order = header.order();
    let array = NpyFile::with_header(header, file);
    match (letter, width) {
        (TypeChar::Bool, 1) => collect(array, count, order, |on: bool| Some(on)),
        (TypeChar::Uint, 1) => collect(array, count, order, |value: u8| Some(value > 0)),
        (TypeChar::Float, 4) => collect(array, count, order, |x: f32| x.is_finite().then_some(x > 0.5)),
        (TypeChar::Float, 8) => collect(array, count, order, |x: f64| x.is_finite().then_some(x > 0.5)),
        _ => bail!("its values are of type {}", kind.descr()),
    }
}

/// The bytes before the values: magic, version, length, text. Bounded, so that a damaged file costs no
/// memory.
fn head(file: &mut impl Read) -> Result<Vec<u8>> {
    let mut head = vec![0; 10];
    file.read_exact(&mut head).context("it is cut off in its header")?;
    ensure!(head.starts_with(b"\x93NUMPY"), "it does not begin as a .npy file does");
    if head[6] > 1 {
        head.resize(12, 0);
        file.read_exact(&mut head[10..]).context("it is cut off in its header")?;
    }
    let length = head[8..].iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
    ensure!(length <= MAX_HEADER, "its header has {length} bytes, more than any such array needs");
    let start = head.len();
    head.resize(start + length, 0);
    file.read_exact(&mut head[start..]).context("it is cut off in its header")?;
    let text = &head[start..];
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    ensure!(digits <= MAX_DIGITS && !text.contains(&b'x'), "its shape cannot be that of phrases");
    Ok(head)
}

/// How many phrases an array of this shape holds.
fn count(shape: &[u64]) -> Result<usize> {
    let inner = [STEPS as u64, PITCHES as u64];
    let count = match shape {
        [a, b] | [a, b, 1] if [*a, *b] == inner => 1,
        [n, a, b] | [n, a, b, 1] if [*a, *b] == inner => *n,
        _ => bail!("its shape is {shape:?}"),
    };
    Ok(usize::try_from(count)?)
}

/// Reads the values one by one; `sounds` is `None` for a value that is no cell.
fn collect<T: Deserialize>(
    array: NpyFile<impl Read>,
    count: usize,
    order: Order,
    sounds: impl Fn(T) -> Option<bool>,
) -> Result<Vec<Roll>> {
    let mut cells = vec![[0u128; STEPS]; count];
    for (i, value) in array.data::<T>()?.enumerate() {
        let on = sounds(value.context("its values cannot be read")?)
            .context("it holds values that are not finite")?;
        // The sizes of 1 that a shape may have do not move a value.
        let (phrase, step, row) = match order {
            Order::C => (i / CELLS, i / PITCHES % STEPS, i % PITCHES),
            Order::Fortran => (i % count, i / count % STEPS, i / count / STEPS),
        };
        cells[phrase][step] |= u128::from(on) << row;
    }
    Ok(cells.into_iter().map(Roll::from_sounding).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A `.npy` file of this header text and these values.
    fn file(text: &str, values: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(values);
        bytes
    }

    fn header(kind: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n")
    }

    fn read(bytes: &[u8]) -> Result<Vec<Roll>> {
        parse(bytes, bytes.len() as u64)
    }

    fn fault(bytes: &[u8]) -> String {
        format!("{:#}", read(bytes).unwrap_err())
    }

    /// Two phrases of one cell each.
    fn two() -> [Roll; 2] {
        [(3, 5), (60, 80)].map(|(s, r)| Roll::from_cells(|step, row| (step, row) == (s, r)))
    }

    #[test]
    fn every_shape_order_and_type_that_the_papers_users_have() {
        let [first, second] = two();
        let both = |width: usize, one: &[u8], at: fn(usize, usize, usize) -> usize| {
            let mut values = vec![0; 2 * CELLS * width];
            for index in [at(0, 3, 5), at(1, 60, 80)] {
                values[index * width..(index + 1) * width].copy_from_slice(one);
            }
            values
        };
        let c = |n: usize, step: usize, row: usize| (n * STEPS + step) * PITCHES + row;
        let fortran = |n: usize, step: usize, row: usize| n + 2 * (step + STEPS * row);
        let kinds: [(&str, Vec<u8>); 5] = [
            ("|b1", vec![1]),
            ("|u1", vec![100]),
            ("<f4", 1f32.to_le_bytes().to_vec()),
            (">f4", 1f32.to_be_bytes().to_vec()),
            ("<f8", 0.51f64.to_le_bytes().to_vec()),
        ];
        for (kind, one) in kinds {
            for shape in ["(2, 64, 84, 1)", "(2, 64, 84)"] {
                let straight = file(&header(kind, "False", shape), &both(one.len(), &one, c));
                assert_eq!(read(&straight).unwrap(), [first, second], "{kind} {shape}");
                let turned = file(&header(kind, "True", shape), &both(one.len(), &one, fortran));
                assert_eq!(read(&turned).unwrap(), [first, second], "{kind} {shape}, Fortran");
            }
        }
        for shape in ["(64, 84, 1)", "(64, 84)", "(1, 64, 84, 1)"] {
            let mut values = vec![0; CELLS];
            values[c(0, 3, 5)] = 1;
            assert_eq!(read(&file(&header("|b1", "False", shape), &values)).unwrap(), [first], "{shape}");
        }
        assert!(read(&file(&header("|b1", "True", "(0, 64, 84, 1)"), &[])).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_array_of_phrases_is_refused_with_its_fault() {
        let good = file(&header("|b1", "False", "(64, 84, 1)"), &[0; CELLS]);
        assert!(read(&good).is_ok());
        let nan = [f32::NAN; CELLS].map(f32::to_le_bytes).concat();
        let deep = format!("{}{}", "(".repeat(250), ")".repeat(250));
        let huge = header("|b1", "False", "(4294967296, 4294967296, 84)");
        for (bytes, words) in [
            (file(&header("|b1", "False", "(64, 128, 1)"), &[0; 64 * 128]), "shape is [64, 128, 1]"),
            (file(&header("<i8", "False", "(64, 84)"), &[0; 8 * CELLS]), "type '<i8'"),
            (file(&header("<f4", "False", "(64, 84)"), &nan), "not finite"),
            (file(&header("|b1", "False", "(64, 84)"), &[2; CELLS]), "cannot be read"),
            (file(&huge, &[]), "cannot be that of phrases"),
            (file(&header("|b1", "False", "(0xffffffffffffffff, 2)"), &[]), "cannot be that of phrases"),
            (file(&header("|b1", "False", &deep), &[]), "header"),
            (file("not Python", &[]), "header"),
            (good[..good.len() - 1].to_vec(), "5375 bytes of values"),
            ([&good[..], &[0]].concat(), "5377 bytes of values"),
            (good[..40].to_vec(), "cut off"),
            (b"MThd and what follows".to_vec(), "does not begin"),
            (Vec::new(), "cut off"),
            (b"\x93NUMPY\x03\x00\xff\xff\xff\xff".to_vec(), "more than any"),
        ] {
            assert!(fault(&bytes).contains(words), "{words}: {}", fault(&bytes));
        }
    }

    proptest! {
        #[test]
        fn phrases_come_back_from_an_array(
            planes in prop::collection::vec(prop::collection::vec(any::<u128>(), STEPS), 0..4)
        ) {
            let roll = |bits: Vec<u128>| Roll::from_sounding(bits.try_into().unwrap());
            let rolls: Vec<_> = planes.into_iter().map(roll).collect();
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("phrases.npy");
            write_phrases(&path, &rolls).unwrap();
            prop_assert_eq!(&read_phrases(&path).unwrap(), &rolls);
            if let Some(roll) = rolls.first() {
                write_phrase(&path, roll).unwrap();
                prop_assert_eq!(read_phrases(&path).unwrap(), vec![*roll]);
            }
        }

        #[test]
        fn damaged_bytes_never_panic(at in 0usize..140, with in any::<u8>()) {
            let mut bytes = file(&header("|b1", "False", "(64, 84, 1)"), &[0; CELLS]);
            bytes[at] = with;
            let _ = read(&bytes);
        }
    }
}
