//! A dataset that is made up.

use phrase::{Grid, PITCHES, Roll};
use trainer::dataset::{Dataset, GenreInfo, Info, Item};

/// Genres that differ plainly: `high` has short notes high up, `low` long ones low down, any other name notes of two
/// steps in the middle. 20 training phrases each, and 6 in each other split.
pub fn dataset(genres: &[&str]) -> Dataset {
    let roll = |genre: &str, song: usize| {
        Roll::from_cells(|step: usize, row: usize| match genre {
            "high" => {
                (step + song).is_multiple_of(4)
                    && (row * 7 + step + song).is_multiple_of(13)
                    && row > PITCHES / 2
            }
            "low" => (row * 5 + step / 16 + song).is_multiple_of(11) && row < PITCHES / 2,
            _ => (row * 3 + step / 2 + song).is_multiple_of(17) && (30..55).contains(&row),
        })
    };
    let splits = |genre: &str| {
        let item = |song| Item { roll: roll(genre, song), song: song as u32 };
        [20, 6, 6].map(|count| (0..count).map(item).collect::<Vec<_>>())
    };
    let info = |name: &str| {
        let source = model::Source {
            genre: name.into(),
            source: "made up".into(),
            licence: "none".into(),
            files: 32,
        };
        GenreInfo { name: name.into(), sources: vec![source], ..GenreInfo::default() }
    };
    Dataset {
        info: Info {
            genres: genres.iter().map(|name| info(name)).collect(),
            options: serde_json::json!({ "grid": Grid::Nearest }),
        },
        items: genres.iter().map(|name| splits(name)).collect(),
    }
}
