//! Song -> phrases, by the rules of the papers' data preparation, each of them an option. Offline.
//!
//! The papers are Brunner, Wang, Wattenhofer and Zhao 2018 (CycleGAN genre transfer) and its follow-up of
//! 2019; their piano rolls come from pypianoroll 0.1.

mod grid;
mod options;
mod section;

pub use grid::SongGrid;
pub use options::{CutOptions, CutReport, Start};
pub use section::Section;

use section::four_four;

use crate::{
    DRUM_CHANNEL, MAX_NOTES, Note, Phrase, Roll, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT, Song, SongNote,
    TOLERANCE, Track, nearest,
};

/// The phrases of a song.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// The notes of each kept phrase, on the nearest grid as the plugin hears them. 24 KiB each.
    pub phrases: Vec<Phrase>,
    /// The cells of each kept phrase, on the grid of the options. On the nearest grid, without the papers'
    /// inclusive ends and gaps, they are the phrase's own [`Phrase::roll`].
    pub rolls: Vec<Roll>,
    /// What was kept and what was dropped, and why.
    pub report: CutReport,
}

/// Where a phrase lies in its song.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of [`Laid::sections`].
    pub section: usize,
    /// Its first step, counted from the section's start.
    pub start: usize,
}

/// A song's phrases as cells, and where they lie: a [`Cut`] without the phrases' notes, which can be had from
/// the song.
#[derive(Clone, Debug, Default)]
pub struct Laid {
    /// The notes that are used, by track as in the song (a track that is left out is empty). Times are the
    /// song's.
    pub tracks: Vec<Vec<SongNote>>,
    /// The sections that are cut.
    pub sections: Vec<Section>,
    /// Where each kept phrase lies, in order.
    pub places: Vec<Place>,
    /// The cells of each kept phrase, as in [`Cut::rolls`].
    pub rolls: Vec<Roll>,
    /// What was kept and what was dropped, and why.
    pub report: CutReport,
}

/// Cuts a song into phrases, all its tracks together.
///
/// A phrase starts every [`CutOptions::hop_bars`] from where the bars are counted: the song's start, its
/// first signature ([`CutOptions::start`]), or the first bar of each 4/4 section ([`CutOptions::sections`]),
/// whose end no phrase crosses. Notes across a border are split into tied pieces exactly as the plugin's
/// capture does: a note belongs to the phrase of its nearest step, and is held where it ends after the line.
/// A piece that would have no length after the line is left out.
pub fn cut(song: &Song, options: &CutOptions) -> Cut {
    let tempo = song.tempo_map();
    let mut phrases: Vec<Phrase> = Vec::new();
    let begin = |section: &Section, place: &Place| {
        let position = nearest(section.start) + place.start as i64;
        Phrase::new(position, tempo.bpm(section.start + place.start as f64))
    };
    let Laid { rolls, report, .. } = laid(song, options, |section, places, pieces| {
        let first = phrases.len();
        phrases.extend(places.iter().map(|place| begin(section, place)));
        pieces(&mut |place, piece| {
            phrases[first + place].push(piece);
        });
    });
    phrases.iter_mut().for_each(Phrase::sort);
    Cut { phrases, rolls, report }
}

/// Cuts a song as [`cut`] does, without the notes of each phrase: a tenth of the memory.
pub fn lay(song: &Song, options: &CutOptions) -> Laid {
    laid(song, options, |_, _, _| {})
}

/// Hands out the pieces of notes that lie in a section's kept phrases, each with the phrase's number in the
/// section.
type Pieces<'a> = &'a dyn Fn(&mut dyn FnMut(usize, Note));

/// [`lay`]; `fill` gets each section with its kept phrases and their pieces.
fn laid(song: &Song, options: &CutOptions, mut fill: impl FnMut(&Section, &[Place], Pieces<'_>)) -> Laid {
    let mut laid = Laid { report: CutReport { songs: 1, ..CutReport::default() }, ..Laid::default() };
    let tracks = kept_tracks(song, options, &mut laid.report);
    let (sections, others) = Section::of(song, options);
    let sounding = tracks.iter().filter(|notes| !notes.is_empty()).count();
    if !accepts(song, options, sounding, sections.len(), &mut laid.report) {
        return laid;
    }
    laid.report.other_sections = others;
    for note in tracks.iter().flatten() {
        let starts_in = |section: &Section| section.note(note).is_some_and(|note| nearest(note.onset) >= 0);
        laid.report.notes += 1;
        laid.report.out_of_range += u64::from(note.channel != DRUM_CHANNEL && !whole(note).in_roll());
        laid.report.out_of_sections += u64::from(!sections.iter().any(starts_in));
    }
    for (index, section) in sections.iter().enumerate() {
        lay_section(index, section, &tracks, options, &mut laid, &mut fill);
    }
    laid.report.kept = laid.rolls.len() as u64;
    Laid { tracks, sections, ..laid }
}

/// Adds the phrases of one section.
fn lay_section(
    index: usize,
    section: &Section,
    tracks: &[Vec<SongNote>],
    options: &CutOptions,
    laid: &mut Laid,
    fill: &mut impl FnMut(&Section, &[Place], Pieces<'_>),
) {
    let tracks = section.tracks(tracks);
    let grid = SongGrid::new(&tracks, section.steps(), options);
    // Up to the last end, in whole beats.
    let end = tracks.iter().flatten().map(|note| note.end().max(note.onset + 1.0)).fold(0.0, f64::max);
    let extent = ((end - TOLERANCE).ceil() as usize).next_multiple_of(STEPS_PER_BEAT).min(section.steps());
    let hop = options.hop_bars.max(1) * STEPS_PER_BAR;
    let starts = starts(extent, hop, options, &mut laid.report);

    // Which kept phrase starts at the hop of an index.
    let mut kept = vec![None; starts];
    let first = laid.places.len();
    for (hops, kept) in kept.iter_mut().enumerate() {
        let roll = grid.roll(hops * hop);
        if dense_enough(&roll, options, &mut laid.report) {
            *kept = Some(laid.places.len() - first);
            laid.rolls.push(roll);
            laid.places.push(Place { section: index, start: hops * hop });
        }
    }
    let pieces = |each: &mut dyn FnMut(usize, Note)| {
        for note in tracks.iter().flatten() {
            let from = ((nearest(note.onset) - STEPS as i64).max(-1) + 1) as usize;
            let to = nearest(note.end()).max(nearest(note.onset)).max(0) as usize / hop;
            for index in from.div_ceil(hop)..=to.min(starts.saturating_sub(1)) {
                let Some(&Some(place)) = kept.get(index) else { continue };
                if let Some(piece) = piece(note, (index * hop) as i64) {
                    each(place, piece);
                }
            }
        }
    };
    let mut counts = vec![0usize; laid.places.len() - first];
    pieces(&mut |place, _| counts[place] += 1);
    laid.report.overflow += counts.iter().map(|count| count.saturating_sub(MAX_NOTES) as u64).sum::<u64>();
    fill(section, &laid.places[first..], &pieces);
}

/// The notes of the tracks that are used, track by track; none of a track that is not.
fn kept_tracks(song: &Song, options: &CutOptions, report: &mut CutReport) -> Vec<Vec<SongNote>> {
    let mut kept = |track: &Track| {
        if track.notes.is_empty() {
            return Vec::new();
        }
        if options.leaves_out(&track.name) {
            report.left_out_tracks += 1;
            return Vec::new();
        }
        let mut notes = track.notes.clone();
        if options.drop_drums {
            notes.retain(|note| note.channel != DRUM_CHANNEL);
            report.drum_notes += (track.notes.len() - notes.len()) as u64;
        }
        notes
    };
    song.tracks.iter().map(&mut kept).collect()
}

/// Whether the song passes the rules for whole songs; the first that it fails is counted.
fn accepts(
    song: &Song,
    options: &CutOptions,
    tracks: usize,
    sections: usize,
    report: &mut CutReport,
) -> bool {
    let first = song.signatures.first();
    let whole = !options.sections;
    let counter = if options.signature_at_start && first.is_some_and(|s| s.at > 0.0) {
        &mut report.late_signature
    } else if whole && options.single_signature && song.signatures.len() > 1 {
        &mut report.several_signatures
    } else if whole && options.four_four && !song.signatures.iter().all(four_four) {
        &mut report.other_signature
    } else if !options.unknown_signature && first.is_none() {
        &mut report.unknown_signature
    } else if sections == 0 {
        &mut report.other_signature
    } else if options.max_tracks.is_some_and(|most| tracks > most) {
        &mut report.too_many_tracks
    } else {
        return true;
    };
    *counter += 1;
    false
}

/// How many phrases start, after the rules on the section's end.
fn starts(extent: usize, hop: usize, options: &CutOptions, report: &mut CutReport) -> usize {
    let begun = extent.div_ceil(hop);
    let whole = if extent < STEPS { 0 } else { (extent - STEPS) / hop + 1 };
    let mut starts = if options.pad_tail { begun } else { whole };
    report.phrases += begun as u64;
    report.tail += (begun - starts) as u64;
    if options.multiple_of_four {
        report.multiple_of_four += (starts % 4) as u64;
        starts -= starts % 4;
    }
    starts
}

/// Whether a phrase passes the rules on its density; the first that it fails is counted.
fn dense_enough(roll: &Roll, options: &CutOptions, report: &mut CutReport) -> bool {
    let empty_bar = || roll.sounding.chunks(STEPS_PER_BAR).any(|bar| bar.iter().all(|&bits| bits == 0));
    let counter = if roll.cells() < options.min_cells {
        &mut report.few_cells
    } else if roll.onsets() < options.min_onsets {
        &mut report.few_onsets
    } else if options.no_empty_bar && empty_bar() {
        &mut report.empty_bar
    } else {
        return true;
    };
    *counter += 1;
    false
}

/// A song's note as a note, its onset counted from the same point.
fn whole(note: &SongNote) -> Note {
    Note::new(note.pitch, note.channel, note.velocity, note.onset, note.length)
}

/// The piece of a note that lies in the phrase that starts at step `start` of its section.
pub(crate) fn piece(note: &SongNote, start: i64) -> Option<Note> {
    let line = start as f64;
    let onset_step = nearest(note.onset) - start;
    let tied_in = onset_step < 0;
    if onset_step >= STEPS as i64 || tied_in && note.end() <= line {
        return None;
    }
    let onset = if tied_in { 0.0 } else { note.onset - line };
    // Not computed from the end where the whole note is here, so that it stays the same to the last bit.
    let length = if tied_in { note.end() - line } else { note.length };
    // A note let go on the line or just before it has its exact end, as live: only what sounds on is held.
    let tied_out = onset + length > STEPS as f64;
    let length = if tied_out { STEPS as f64 - onset } else { length };
    Some(Note { onset, length, tied_in, tied_out, ..whole(note) })
}

#[cfg(test)]
mod tests;
