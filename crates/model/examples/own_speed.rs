//! What the default pack's own music costs: a phrase that goes on, a variation, a point between two phrases.
//!
//! ```sh
//! cargo run --release -p model --example own_speed
//! ```

use std::time::{Duration, Instant};

use model::{Answer, CORNERS, Context, Heard, LoadedPack, Pack, Settings, WhenSilent, default_pack};
use phrase::{Phrase, Roll, mix};

/// Chords and a tune in C, another for every seed.
fn music(seed: u64) -> Roll {
    Roll::from_cells(|step, row| {
        let chord = [[0, 4, 7], [5, 9, 12], [7, 11, 14], [9, 12, 16]][(step / 16 + seed as usize) % 4];
        let tune = 48 + [0, 2, 4, 5, 7, 9, 11][(mix(seed << 8 | (step / 2) as u64) % 7) as usize];
        chord.contains(&(row as i32 - 24)) && step % 4 < 3 || row == tune
    })
}

fn main() {
    let pack = Pack::from_bytes("the default pack", default_pack()).expect("the default pack");
    let mut loaded = LoadedPack::new(&pack).expect("the default pack");
    let mut corners = [Roll::EMPTY; CORNERS];
    (corners[0], corners[1]) = (music(1), music(2));
    let cases = [
        ("goes on for 4 bars", Settings { silent: WhenSilent::Continue, ..Settings::to(2) }),
        ("a variation", Settings { silent: WhenSilent::Vary, ..Settings::to(2) }),
        ("a point between", Settings { morph: Some([0.4, 0.6, 0.0, 0.0]), ..Settings::to(2) }),
    ];
    for (name, settings) in cases {
        let mut times: Vec<Duration> = Vec::new();
        for seed in 0..200u64 {
            let heard = Heard { answer: music(seed % 20), since: 0, rested: 0 };
            let before = heard.answer;
            let context = Context {
                before: Some(&before),
                heard: Some(&heard),
                corners: Some(&corners),
                ..Context::default()
            };
            let input = Phrase::new(64 * seed as i64, 120.0);
            let mut answer = Answer::default();
            let start = Instant::now();
            loaded.recast(&input, &context, &settings, &mut answer).expect("an answer");
            times.push(start.elapsed());
        }
        times.sort_unstable();
        let ms = |share: usize| 1e3 * times[times.len() * share / 100].as_secs_f64();
        println!("{name:<20} median {:.2} ms, p90 {:.2}, p99 {:.2}", ms(50), ms(90), ms(99));
    }
}
