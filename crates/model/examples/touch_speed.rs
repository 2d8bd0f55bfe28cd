//! What dynamics and feel add to a phrase: `cargo run --release -p model --example touch_speed -- PACK`.

use std::path::Path;
use std::time::Instant;

use model::{Answer, Context, LoadedPack, Pack, Settings};
use phrase::{Note, Phrase};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "weights/default.safetensors".into());
    let whole = Pack::read(Path::new(&path))?;
    let mut bare = whole.clone();
    (bare.card.parts.dynamics, bare.card.parts.feel) = (None, None);
    let mut input = Phrase::new(0, 120.0);
    for i in 0..64u8 {
        input.push(Note::new(60 + i % 24 * 7 % 24, 0, 0.4 + f32::from(i % 4) * 0.1, f64::from(i), 1.5));
        if i % 4 == 0 {
            for pitch in [36, 43, 48] {
                input.push(Note::new(pitch, 0, 0.4, f64::from(i), 3.5));
            }
        }
    }
    input.sort();
    // Where nothing is recast only they take time; where notes are new, the network is asked twice.
    let mut answer = Answer::default();
    let still = Settings { amount: 0.0, ..Settings::to(0) };
    let recast = Settings { amount: 0.75, source: Some(2), ..Settings::to(0) };
    for (what, settings, times) in [("at amount 0", still, 2000), ("recast", recast, 200)] {
        for (name, pack) in [("without", &bare), ("with both", &whole)] {
            let mut loaded = LoadedPack::new(pack)?;
            let mut all = Vec::new();
            for _ in 0..times {
                let begun = Instant::now();
                loaded.recast(&input, &Context::default(), &settings, &mut answer)?;
                all.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            all.sort_by(f64::total_cmp);
            println!("{what:<12} {name:<10} {:.3} ms (median), {:.3} (least)", all[all.len() / 2], all[0]);
        }
    }
    Ok(())
}
