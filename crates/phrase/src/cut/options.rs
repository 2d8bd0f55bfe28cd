//! The rules of cutting and the count of what each dropped.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::Grid;

/// Where the first bar of a song begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// At the song's start, as in the plugin and in most programs.
    #[default]
    Song,
    /// At the first signature, where there is one: notes that end before it are dropped. The papers' code
    /// does so, which takes it for the first beat.
    Signature,
}

/// How a song is cut. Every rule of the papers' data preparation is here by name; [`CutOptions::papers`]
/// turns all of them on (with [`CutOptions::papers_2019`] for the later paper), [`CutOptions::training`]
/// those that this project trains with, [`CutOptions::whole`] none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CutOptions {
    /// How times of the roll become steps.
    pub grid: Grid,
    /// A note also sounds on the step on which it ends (pypianoroll 0.1): one step longer than it is.
    pub inclusive_ends: bool,
    /// A repeated note keeps a silent step before it (pypianoroll 0.1): the cell before an onset is cleared,
    /// and the end of a note is pulled in where its pitch sounds on after it. Within a track, not across
    /// tracks.
    pub rearticulate: bool,
    /// Refuse songs whose first signature comes after the start.
    pub signature_at_start: bool,
    /// Refuse songs with more than one signature.
    pub single_signature: bool,
    /// Refuse songs with a signature other than 4/4.
    pub four_four: bool,
    /// Of a song with other signatures keep the 4/4 sections, each cut from its own first bar, instead of
    /// refusing it: the two rules above then refuse nothing but songs that have no such section.
    pub sections: bool,
    /// Where the first bar begins.
    pub start: Start,
    /// Accept songs without a signature, which MIDI means as 4/4. The papers refuse them.
    pub unknown_signature: bool,
    /// Refuse songs with more tracks that sound (without those left out): a stand-in for the papers' dropping
    /// of symphonies by hand.
    pub max_tracks: Option<usize>,
    /// Leave out the notes of the drum channel.
    pub drop_drums: bool,
    /// Leave out tracks whose name contains one of these, upper or lower case alike.
    pub leave_out: Vec<String>,
    /// Bars from one phrase's start to the next, at least 1; the papers' phrases never overlap (4).
    pub hop_bars: usize,
    /// Keep a last phrase that the song (or the section) does not fill, with silence after it. The papers
    /// drop it.
    pub pad_tail: bool,
    /// Drop phrases at the song's (or the section's) end until their number is a multiple of 4: a quirk of
    /// the papers' first code.
    pub multiple_of_four: bool,
    /// Drop phrases with fewer cells. The papers have 1 (2018) and 2 (2019).
    pub min_cells: u32,
    /// Drop phrases in which fewer notes start.
    pub min_onsets: u32,
    /// Drop phrases with a bar in which nothing sounds.
    pub no_empty_bar: bool,
}

impl CutOptions {
    /// What this project trains with: the plugin's own grid, and phrases that hold enough music to learn
    /// from.
    pub fn training() -> Self {
        Self {
            four_four: true,
            sections: true,
            drop_drums: true,
            min_cells: 1,
            min_onsets: 8,
            no_empty_bar: true,
            ..Self::whole()
        }
    }

    /// The data preparation of the 2018 paper's published code.
    pub fn papers() -> Self {
        Self {
            grid: Grid::Floor,
            inclusive_ends: true,
            rearticulate: true,
            signature_at_start: true,
            single_signature: true,
            four_four: true,
            start: Start::Signature,
            unknown_signature: false,
            drop_drums: true,
            pad_tail: false,
            multiple_of_four: true,
            min_cells: 1,
            ..Self::whole()
        }
    }

    /// The data preparation of the 2019 paper's published code: two cells a phrase at least, and no multiples
    /// of four.
    pub fn papers_2019() -> Self {
        Self { multiple_of_four: false, min_cells: 2, ..Self::papers() }
    }

    /// Everything of every song, as the plugin hears it: what rendering a file starts from.
    pub fn whole() -> Self {
        Self {
            grid: Grid::Nearest,
            inclusive_ends: false,
            rearticulate: false,
            signature_at_start: false,
            single_signature: false,
            four_four: false,
            sections: false,
            start: Start::Song,
            unknown_signature: true,
            max_tracks: None,
            drop_drums: false,
            leave_out: Vec::new(),
            hop_bars: 4,
            pad_tail: true,
            multiple_of_four: false,
            min_cells: 0,
            min_onsets: 0,
            no_empty_bar: false,
        }
    }

    /// Whether a track of this name is left out.
    pub(super) fn leaves_out(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.leave_out.iter().any(|part| !part.is_empty() && name.contains(&part.to_lowercase()))
    }
}

impl Default for CutOptions {
    /// [`CutOptions::training`].
    fn default() -> Self {
        Self::training()
    }
}

/// What cutting did. Of several reasons to drop a thing the first in the order of the fields counts. Reports
/// add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutReport {
    /// Songs that were given.
    pub songs: u64,
    /// Songs refused: their first signature comes late.
    pub late_signature: u64,
    /// Songs refused: several signatures.
    pub several_signatures: u64,
    /// Songs refused: not in 4/4 (or without a 4/4 section).
    pub other_signature: u64,
    /// Songs refused: no signature.
    pub unknown_signature: u64,
    /// Songs refused: too many tracks.
    pub too_many_tracks: u64,
    /// Tracks left out for their name.
    pub left_out_tracks: u64,
    /// Drum notes dropped.
    pub drum_notes: u64,
    /// Notes of the accepted songs, without those dropped above.
    pub notes: u64,
    /// Of those, notes outside MIDI 24..=107, which have no cell (the phrases keep them).
    pub out_of_range: u64,
    /// Of those, notes that start before the first bar or in a section that was left out.
    pub out_of_sections: u64,
    /// Sections of the accepted songs left out: not in 4/4.
    pub other_sections: u64,
    /// Notes that found no room in their phrase.
    pub overflow: u64,
    /// Phrases that start within the accepted songs.
    pub phrases: u64,
    /// Phrases dropped: the song ends before they do.
    pub tail: u64,
    /// Phrases dropped: the rest of a division by four.
    pub multiple_of_four: u64,
    /// Phrases dropped: too few cells.
    pub few_cells: u64,
    /// Phrases dropped: too few onsets.
    pub few_onsets: u64,
    /// Phrases dropped: an empty bar.
    pub empty_bar: u64,
    /// Phrases kept.
    pub kept: u64,
}

impl CutReport {
    /// Songs that were refused, for whatever reason.
    pub fn refused(&self) -> u64 {
        self.late_signature
            + self.several_signatures
            + self.other_signature
            + self.unknown_signature
            + self.too_many_tracks
    }
}

impl AddAssign for CutReport {
    fn add_assign(&mut self, other: Self) {
        let Self {
            songs,
            late_signature,
            several_signatures,
            other_signature,
            unknown_signature,
            too_many_tracks,
            left_out_tracks,
            drum_notes,
            notes,
            out_of_range,
            out_of_sections,
            other_sections,
            overflow,
            phrases,
            tail,
            multiple_of_four,
            few_cells,
            few_onsets,
            empty_bar,
            kept,
        } = other;
        self.songs += songs;
        self.late_signature += late_signature;
        self.several_signatures += several_signatures;
        self.other_signature += other_signature;
        self.unknown_signature += unknown_signature;
        self.too_many_tracks += too_many_tracks;
        self.left_out_tracks += left_out_tracks;
        self.drum_notes += drum_notes;
        self.notes += notes;
        self.out_of_range += out_of_range;
        self.out_of_sections += out_of_sections;
        self.other_sections += other_sections;
        self.overflow += overflow;
        self.phrases += phrases;
        self.tail += tail;
        self.multiple_of_four += multiple_of_four;
        self.few_cells += few_cells;
        self.few_onsets += few_onsets;
        self.empty_bar += empty_bar;
        self.kept += kept;
    }
}
