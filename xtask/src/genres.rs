//! Genres by name: which slot of a pack someone means.

use anyhow::{Result, bail};

/// The 0-based slot of a genre, given by its name (any case) or its number from 1.
///
/// # Errors
///
/// The pack has no such genre; the sentence lists those it has.
pub fn slot(genres: &[String], asked: &str) -> Result<u8> {
    let asked = asked.trim();
    let by_name = genres.iter().position(|genre| genre.eq_ignore_ascii_case(asked));
    let by_number = || asked.parse::<usize>().ok()?.checked_sub(1).filter(|&slot| slot < genres.len());
    match by_name.or_else(by_number) {
        Some(slot) => Ok(slot as u8),
        None => bail!("the pack has no genre {asked:?}; it has {}", genres.join(", ")),
    }
}

/// The slot of a source: `None` for "auto".
///
/// # Errors
///
/// As [`slot`].
pub fn source(genres: &[String], asked: &str) -> Result<Option<u8>> {
    if asked.trim().eq_ignore_ascii_case("auto") { Ok(None) } else { slot(genres, asked).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genres_go_by_name_or_number_and_the_unknown_lists_the_known() {
        let genres = ["Classic", "Jazz"].map(String::from);
        assert_eq!(slot(&genres, "jazz").unwrap(), 1);
        assert_eq!(slot(&genres, " 1 ").unwrap(), 0);
        assert_eq!(source(&genres, "AUTO").unwrap(), None);
        for unknown in ["0", "3", "pop", ""] {
            assert!(slot(&genres, unknown).unwrap_err().to_string().contains("Classic, Jazz"), "{unknown:?}");
        }
    }
}
