//! Music and networks small enough to train in a test.

use phrase::{Grid, PITCHES, Roll};
use trainer::dataset::{Dataset, GenreInfo, Info, Item};
use trainer::gan::GanOptions;
use trainer::losses::Terms;

/// Two genres that differ plainly: short notes high up, and long ones low down.
pub fn dataset() -> Dataset {
    let roll = |genre: usize, song: usize| {
        Roll::from_cells(|step: usize, row: usize| match genre {
            0 => {
                (step + song).is_multiple_of(4)
                    && (row * 7 + step + song).is_multiple_of(13)
                    && row > PITCHES / 2
            }
            _ => (row * 5 + step / 16 + song).is_multiple_of(11) && row < PITCHES / 2,
        })
    };
    let item = |genre, song| Item { roll: roll(genre, song), song: song as u32 };
    let splits = |genre| [20, 6, 6].map(|count| (0..count).map(|song| item(genre, song)).collect::<Vec<_>>());
    let info = |name: &str| GenreInfo { name: name.into(), ..GenreInfo::default() };
    Dataset {
        info: Info {
            genres: vec![info("high"), info("low")],
            options: serde_json::json!({ "grid": Grid::Nearest }),
        },
        items: vec![splits(0), splits(1)],
    }
}

/// The smallest networks.
pub fn options(steps: u64) -> GanOptions {
    GanOptions {
        steps,
        batch: 4,
        channels: 8,
        blocks: 1,
        rate: 1e-3,
        critic_rate: 1e-3,
        decay: 0.5,
        average: 0.1,
        transpose: 3,
        seed: 5,
        terms: Terms {
            cycle: 5.0,
            identity: 2.0,
            keep: 0.3,
            positive: 8.0,
            outside: 2.0,
            fake: 0.5,
            wrong: 0.5,
        },
    }
}
