//! How long a pack takes to answer a phrase: `cargo run --release -p model --example arranger_speed -- PACK`.

use std::time::Instant;

use model::{LoadedPack, Pack, Settings};
use phrase::Roll;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name a pack")?;
    let mut transfer = LoadedPack::new(&Pack::read(path.as_ref())?)?;
    let mut times: Vec<f64> = Vec::new();
    for seed in 0..400usize {
        let roll = Roll::from_cells(|step, row| {
            row == 36 + (step / 2 * 7 + seed) % 24 || row == 12 + seed % 12 && step % 8 < 6
        });
        let start = Instant::now();
        transfer.cells(&roll, 0, &Settings { source: Some(0), ..Settings::to(1) })?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("{:.2} ms a phrase (median), {:.2} ms (best), {:.2} ms (p99)", times[200], times[0], times[396]);
    Ok(())
}
