//! A part of a genre's songs: so that a judge can be trained on songs that a generator was not chosen by, out
//! of one folder.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::dataset::Split;

/// One of several parts of a genre's songs, by a hash of the song's group: the same group is in the same part
/// in every folder and every run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    genre: String,
    /// Only of this split, in a folder that has splits; of all files otherwise.
    split: Option<Split>,
    /// Which part, from 0.
    part: u64,
    /// How many there are.
    of: u64,
}

impl FromStr for Part {
    type Err = anyhow::Error;

    /// `GENRE=K/N` or `GENRE/SPLIT=K/N`.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || format!("{text}: write a part as GENRE=1/2 or GENRE/valid=1/2");
        let (name, share) = text.split_once('=').with_context(wrong)?;
        let (part, of) = share.split_once('/').with_context(wrong)?;
        let (part, of): (u64, u64) =
            (part.parse().ok().with_context(wrong)?, of.parse().ok().with_context(wrong)?);
        ensure!((1..=of).contains(&part), "{text}: there are parts 1 to {of}");
        let split = |name: &str| Split::ALL.into_iter().find(|split| split.name() == name);
        let (genre, split) = match name.rsplit_once('/') {
            Some((genre, name)) => (genre, Some(split(name).with_context(wrong)?)),
            None => (name, None),
        };
        ensure!(!genre.is_empty(), wrong());
        Ok(Self { genre: genre.into(), split, part: part - 1, of })
    }
}

impl Part {
    /// Whether a file of `group` may be used for this genre and split; `None` in a folder without splits.
    pub fn takes(&self, genre: &str, split: Option<Split>, group: &str) -> bool {
        let concerned = self.genre == genre && (self.split.is_none() || self.split == split);
        let hash = Sha256::digest(group);
        let number = hash[..8].iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
        !concerned || number % self.of == self.part
    }
}

impl fmt::Display for Part {
    /// As it is written on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let split = self.split.map_or(String::new(), |split| format!("/{}", split.name()));
        write!(f, "{}{split}={}/{}", self.genre, self.part + 1, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_is_in_one_part() {
        let parts: Vec<Part> = (1..=3).map(|k| format!("jazz/valid={k}/3").parse().unwrap()).collect();
        assert_eq!(parts[1].to_string(), "jazz/valid=2/3");
        let mut sizes = [0; 3];
        for group in (0..300).map(|i| format!("jazz-{i}")) {
            let takes: Vec<_> = parts.iter().map(|p| p.takes("jazz", Some(Split::Valid), &group)).collect();
            assert_eq!(takes.iter().filter(|takes| **takes).count(), 1);
            sizes[takes.iter().position(|takes| *takes).unwrap()] += 1;
            // Of what it is not about, it takes all.
            assert!(parts.iter().all(|p| p.takes("jazz", Some(Split::Train), &group)));
            assert!(parts.iter().all(|p| p.takes("pop", Some(Split::Valid), &group)));
        }
        assert!(sizes.iter().all(|size| (70..130).contains(size)), "{sizes:?}");
    }

    #[test]
    fn what_is_no_part_is_refused_in_a_sentence() {
        for text in ["jazz", "jazz=1", "jazz=0/2", "jazz=3/2", "jazz/tests=1/2", "=1/2", "jazz=a/2"] {
            let error = text.parse::<Part>().unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        }
    }
}
