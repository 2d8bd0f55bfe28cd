//! Music and networks small enough to train in a test.
#![allow(dead_code)] // Each test file uses some of these.

use phrase::{Grid, PITCHES, Roll};
use trainer::dataset::{Dataset, GenreInfo, Info, Item};
use trainer::families::resnet::{ResnetOptions, Terms};

/// Two genres that differ plainly: short notes high up, and long ones low down.
pub fn dataset() -> Dataset {
    music(&["high", "low"])
}

/// Genres that differ plainly: `high` has short notes high up, `low` long ones low down, any other name notes
/// of two steps in the middle. 20 training phrases each, and 6 in each other split.
pub fn music(genres: &[&str]) -> Dataset {
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
        let item = |song| Item::of(roll(genre, song), song as u32);
        [20, 6, 6].map(|count| (0..count).map(item).collect::<Vec<_>>())
    };
    let info = |name: &str| {
        let source =
            model::Corpus { genre: name.into(), source: "made up".into(), licence: "none".into(), files: 32 };
        GenreInfo { name: name.into(), sources: vec![source], ..GenreInfo::default() }
    };
    let info = Info {
        genres: genres.iter().map(|name| info(name)).collect(),
        options: serde_json::json!({ "grid": Grid::Nearest }),
    };
    Dataset::of_rolls(info, genres.iter().map(|name| splits(name)).collect())
}

/// The smallest networks.
pub fn options(steps: u64) -> ResnetOptions {
    ResnetOptions {
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

/// Fails where the page opens and closes its elements in another order, or leaves an attribute unquoted.
pub fn well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = page.strip_prefix("<!DOCTYPE html>").unwrap();
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("every tag is closed");
        assert!(
            !text.contains('>') || open.last() == Some(&"head") || tag.starts_with("style"),
            "stray > in {text}"
        );
        for (i, part) in text.split('&').enumerate() {
            let entity = part.split_once(';').is_some_and(|(name, _)| name.len() < 8);
            assert!(i == 0 || entity, "stray & in {text}");
        }
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        for outside in tag.split('"').step_by(2) {
            assert_eq!(outside.matches('=').count(), usize::from(outside.ends_with('=')), "{tag}");
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed out of order");
        } else if !tag.ends_with('/') && !tag.starts_with('?') {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}
