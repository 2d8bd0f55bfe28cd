//! Answers phrases on its standard input and writes the answers to its standard output: what
//! `cargo xtask bench widths` runs with and without the feature `avx512`, because which matrix product runs
//! is chosen once in a process.
//!
//! `answers [PACK] < phrases > answers`; without a pack, the default one. A phrase is its 64 steps of what
//! sounds, then its 64 of what starts, as little-endian `u128`, bit r being MIDI note 24 + r; so is an
//! answer. Before all answers comes one byte, the width of the vectors in use: 16 in 512 bits, 8 in 256. The
//! classifier tells the source, the targets take turns.

use std::error::Error;
use std::io::{Read, Write};
use std::path::Path;

use model::{LoadedPack, Pack, Settings, default_pack, kernels};
use phrase::{Roll, STEPS};

fn main() -> Result<(), Box<dyn Error>> {
    let pack = match std::env::args().nth(1) {
        Some(path) => Pack::read(Path::new(&path))?,
        None => Pack::from_bytes("the default pack", default_pack())?,
    };
    let mut transfer = LoadedPack::new(&pack)?;
    let mut phrases = Vec::new();
    std::io::stdin().lock().read_to_end(&mut phrases)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    out.write_all(&[kernels::width()])?;
    let steps = phrases.as_chunks::<16>().0;
    for (index, phrase) in steps.chunks_exact(2 * STEPS).enumerate() {
        let plane = |from: usize| std::array::from_fn(|step| u128::from_le_bytes(phrase[from + step]));
        let roll = Roll { sounding: plane(0), onset: plane(STEPS) };
        let settings = Settings::to(index % pack.card.genres.len());
        let answer = transfer.cells(&roll, 0, &settings)?.0;
        for step in answer.sounding.into_iter().chain(answer.onset) {
            out.write_all(&step.to_le_bytes())?;
        }
    }
    Ok(out.flush()?)
}
