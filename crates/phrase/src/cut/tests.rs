use proptest::prelude::*;

use super::*;
use crate::{Grid, Signature, TempoChange, Track, join_notes, tie};

fn song(notes: &[SongNote]) -> Song {
    let mut song = Song::new(100.0);
    song.tracks.push(Track { name: "Piano".to_owned(), notes: notes.to_vec(), ..Track::default() });
    song
}

fn note(pitch: u8, onset: f64, length: f64) -> SongNote {
    SongNote { pitch, channel: 0, velocity: 0.5, onset, length }
}

/// A note on every step from the start.
fn scale(steps: usize) -> Vec<SongNote> {
    (0..steps).map(|step| note(60 + (step % 12) as u8, step as f64, 1.0)).collect()
}

fn kept(notes: &[SongNote], options: &CutOptions) -> Vec<i64> {
    cut(&song(notes), options).phrases.iter().map(|phrase| phrase.position).collect()
}

#[test]
fn a_song_falls_into_phrases_on_the_bar_grid() {
    let cut = cut(&song(&scale(150)), &CutOptions::whole());
    assert_eq!(
        cut.phrases.iter().map(|p| (p.position, p.notes.len())).collect::<Vec<_>>(),
        [(0, 64), (64, 64), (128, 22)]
    );
    assert_eq!(cut.phrases[1].notes[3], Note::new(67, 0, 0.5, 3.0, 1.0));
    assert_eq!((cut.report.phrases, cut.report.kept, cut.report.notes, cut.report.songs), (3, 3, 150, 1));
}

#[test]
fn a_phrase_knows_its_tempo() {
    let mut song = song(&scale(128));
    song.tempos.push(TempoChange { at: 64.0, bpm: 60.0 });
    let tempos: Vec<_> = cut(&song, &CutOptions::whole()).phrases.iter().map(|p| p.tempo).collect();
    assert_eq!(tempos, [100.0, 60.0]);
}

#[test]
fn a_note_just_before_the_line_opens_the_next_phrase() {
    let cut = cut(&song(&[note(60, 0.0, 1.0), note(62, 63.6, 2.0)]), &CutOptions::whole());
    assert_eq!(cut.phrases[0].notes.len(), 1);
    let early = cut.phrases[1].notes[0];
    assert!((early.onset + 0.4).abs() < 1e-9 && !early.tied_in && early.length == 2.0);
}

#[test]
fn a_pad_over_three_phrases_is_three_pieces() {
    let cut = cut(&song(&[note(60, 60.25, 100.0)]), &CutOptions::whole());
    let pieces: Vec<_> = cut.phrases.iter().map(|p| p.notes[0]).collect();
    assert!(cut.phrases.iter().all(|p| p.notes.len() == 1));
    let piece = Note::new(60, 0, 0.5, 0.0, 0.0);
    assert_eq!(
        pieces,
        [
            Note { onset: 60.25, length: 3.75, tied_out: true, ..piece },
            Note { length: 64.0, tied_in: true, tied_out: true, ..piece },
            Note { length: 32.25, tied_in: true, ..piece },
        ]
    );
}

#[test]
fn what_ends_on_the_line_leaves_no_piece_behind_it() {
    let cut =
        cut(&song(&[note(60, 60.0, 4.0), note(62, 60.0, 4.25), note(64, 100.0, 1.0)]), &CutOptions::whole());
    let held: Vec<_> = cut.phrases[0].notes.iter().map(|note| (note.end(), note.tied_out)).collect();
    assert_eq!(held, [(64.0, false), (64.0, true)]);
    let tail = cut.phrases[1].notes[0];
    assert_eq!((tail.pitch, tail.length, tail.tied_in, tail.cells()), (62, 0.25, true, None));
    assert_eq!(cut.phrases[1].notes.len(), 2);
}

#[test]
fn windows_overlap() {
    let options = CutOptions { hop_bars: 1, ..CutOptions::training() };
    assert_eq!(kept(&scale(96), &options), [0, 16, 32]);
    let overlapping = cut(&song(&scale(96)), &options);
    assert!(overlapping.phrases.iter().all(|p| p.notes.len() == 64));
    assert_eq!(overlapping.report.empty_bar, 3);
}

/// Turns a rule on, breaks it in a song, and reads its counter.
type SongRule = (fn(&mut CutOptions), fn(&mut Song), fn(&CutReport) -> u64);

#[test]
fn every_rule_for_songs_refuses_and_is_counted() {
    let rules: [SongRule; 5] = [
        (|o| o.signature_at_start = true, |s| s.signatures[0].at = 1.0, |r| r.late_signature),
        (
            |o| o.single_signature = true,
            |s| s.signatures.push(Signature { at: 8.0, ..s.signatures[0] }),
            |r| r.several_signatures,
        ),
        (|o| o.four_four = true, |s| s.signatures[0].numerator = 3, |r| r.other_signature),
        (|o| o.unknown_signature = false, |s| s.signatures.clear(), |r| r.unknown_signature),
        (|o| o.max_tracks = Some(1), |s| s.tracks.push(s.tracks[0].clone()), |r| r.too_many_tracks),
    ];
    for (rule, fault, counter) in rules {
        let mut strict = CutOptions::whole();
        rule(&mut strict);
        let good = song(&scale(64));
        let mut bad = good.clone();
        fault(&mut bad);
        for (song, options, refused) in
            [(&good, &strict, 0), (&bad, &strict, 1), (&bad, &CutOptions::whole(), 0)]
        {
            let report = cut(song, options).report;
            assert_eq!((counter(&report), report.refused()), (refused, refused), "{options:?}");
            assert_eq!(report.kept, 1 - refused);
        }
    }
}

/// A song with a note on every step and these signatures.
fn metered(steps: usize, signatures: &[(f64, u8, u16)]) -> Song {
    let signature = |&(at, numerator, denominator)| Signature { at, numerator, denominator };
    Song { signatures: signatures.iter().map(signature).collect(), ..song(&scale(steps)) }
}

#[test]
fn the_sections_in_four_four_are_cut_from_their_own_first_bar() {
    let options = CutOptions { sections: true, pad_tail: false, ..CutOptions::whole() };
    let positions = |song: &Song| cut(song, &options).phrases.iter().map(|p| p.position).collect::<Vec<_>>();
    // 5 bars of 4/4, 2 of 3/4, then 4/4 again, said twice.
    let mixed = metered(300, &[(0.0, 4, 4), (80.0, 3, 4), (104.0, 4, 4), (136.0, 4, 4)]);
    assert_eq!(positions(&mixed), [0, 104, 168, 232]);
    let report = cut(&mixed, &options).report;
    assert_eq!((report.other_sections, report.out_of_sections, report.refused()), (1, 24, 0));
    assert_eq!((report.phrases, report.tail, report.kept), (6, 2, 4), "of both sections");
    // Said again off a bar line, the bars start anew.
    assert_eq!(positions(&metered(140, &[(0.0, 4, 4), (70.0, 4, 4)])), [0, 70]);
    // Without signature before 3/4: 4/4 by the standard, if that is accepted.
    let late = metered(140, &[(64.0, 3, 4)]);
    assert_eq!(positions(&late), [0]);
    let strict = CutOptions { unknown_signature: false, ..options.clone() };
    assert_eq!(cut(&late, &strict).report.other_signature, 1);
    assert_eq!(cut(&metered(140, &[(0.0, 3, 4)]), &CutOptions::training()).report.other_signature, 1);
    // Of two signatures at one time the last counts.
    assert_eq!(positions(&metered(64, &[(0.0, 3, 4), (0.0, 4, 4)])), [0]);
}

#[test]
fn laying_is_cutting_without_the_notes() {
    let mixed = metered(300, &[(0.0, 4, 4), (80.0, 3, 4), (104.0, 4, 4)]);
    for options in
        [CutOptions::training(), CutOptions::papers(), CutOptions { hop_bars: 1, ..CutOptions::whole() }]
    {
        let (cut, laid) = (cut(&mixed, &options), lay(&mixed, &options));
        assert_eq!((&laid.rolls, laid.report), (&cut.rolls, cut.report));
        // The places say where to find each phrase's cells again.
        for ((roll, phrase), place) in laid.rolls.iter().zip(&cut.phrases).zip(&laid.places) {
            let section = laid.sections[place.section];
            let grid = SongGrid::new(&section.tracks(&laid.tracks), section.steps(), &options);
            assert_eq!(grid.roll(place.start), *roll);
            assert_eq!(phrase.position, section.start as i64 + place.start as i64);
        }
    }
}

#[test]
fn nothing_sounds_after_a_section() {
    let mut song = metered(0, &[(0.0, 4, 4), (32.0, 3, 4), (56.5, 4, 4)]);
    song.tracks[0].notes = vec![note(60, 0.0, 60.0), note(62, 31.6, 1.0), note(64, 56.25, 2.0)];
    let options = CutOptions { sections: true, inclusive_ends: true, ..CutOptions::whole() };
    let cut = cut(&song, &options);
    let column = |phrase: usize, row| Roll::column(&cut.rolls[phrase].sounding, row);
    assert_eq!(column(0, 36), (1 << 32) - 1, "cut at the section's end, inclusive or not");
    assert_eq!(column(0, 38), 0, "just before the line it belongs to what follows");
    assert_eq!(
        (column(1, 36), cut.rolls[1].onset[0]),
        (0b11111, 1 << 40),
        "held into the section, not struck there"
    );
    assert_eq!(cut.phrases.iter().map(|p| p.position).collect::<Vec<_>>(), [0, 57]);
    assert!((cut.phrases[0].notes[0].end() - 32.0).abs() < 1e-9);
    let late = cut.phrases[1].notes.iter().find(|note| note.pitch == 64).unwrap();
    assert!((late.onset + 0.25).abs() < 1e-9, "micro-timing is counted from the section's own start");
}

#[test]
fn bars_are_counted_from_the_first_signature_where_that_is_the_rule() {
    let song = metered(140, &[(6.0, 4, 4)]);
    let from = |start| cut(&song, &CutOptions { start, ..CutOptions::whole() });
    assert_eq!(from(Start::Song).phrases.iter().map(|p| p.position).collect::<Vec<_>>(), [0, 64, 128]);
    let late = from(Start::Signature);
    assert_eq!(late.phrases.iter().map(|p| p.position).collect::<Vec<_>>(), [6, 70, 134]);
    assert_eq!((late.report.out_of_sections, late.phrases[0].notes[0].pitch), (6, 66));
}

#[test]
fn every_rule_for_phrases_drops_and_is_counted() {
    let whole = CutOptions::whole();
    let thin: Vec<_> = (0..7).map(|i| note(60, f64::from(i) * 9.0, 2.0)).collect();
    let rules = [
        (CutOptions { min_cells: 15, ..whole.clone() }, thin.clone(), 14u32),
        (CutOptions { min_onsets: 8, ..whole.clone() }, thin.clone(), 7),
        (CutOptions { no_empty_bar: true, ..whole.clone() }, scale(48), 0),
        (CutOptions { pad_tail: false, ..whole.clone() }, scale(60), 0),
        (CutOptions { multiple_of_four: true, ..whole.clone() }, scale(3 * 64), 0),
    ];
    for (index, (options, notes, _)) in rules.iter().enumerate() {
        let report = cut(&song(notes), options).report;
        let dropped =
            [report.few_cells, report.few_onsets, report.empty_bar, report.tail, report.multiple_of_four];
        let expected = if index == 4 { 3 } else { 1 };
        assert_eq!((dropped[index], dropped.iter().sum::<u64>()), (expected, expected), "{options:?}");
        assert_eq!(report.kept, 0);
        assert_eq!(cut(&song(notes), &whole).report.kept, expected);
    }
    // What is just enough stays.
    assert_eq!(kept(&thin, &CutOptions { min_cells: 14, min_onsets: 7, ..whole.clone() }), [0]);
    assert_eq!(kept(&scale(61), &CutOptions { pad_tail: false, ..whole }), [0]);
}

#[test]
fn tracks_and_drums_are_left_out_and_counted() {
    let mut song = song(&scale(64));
    song.tracks.push(Track { name: "COMP synthetic".to_owned(), ..song.tracks[0].clone() });
    let drum = SongNote { channel: DRUM_CHANNEL, ..note(36, 0.0, 1.0) };
    song.tracks.push(Track { notes: vec![drum, note(12, 1.0, 1.0)], ..Track::default() });
    let options = CutOptions { leave_out: vec!["comp".to_owned()], ..CutOptions::training() };
    let cut = cut(&song, &options);
    assert_eq!((cut.report.left_out_tracks, cut.report.drum_notes, cut.report.out_of_range), (1, 1, 1));
    assert_eq!(cut.phrases[0].notes.len(), 65);
    assert_eq!(cut.rolls[0].onsets(), 64);
}

#[test]
fn the_papers_grid_floors_and_includes_the_end() {
    let options = CutOptions { grid: Grid::Floor, inclusive_ends: true, ..CutOptions::whole() };
    let roll = cut(&song(&[note(60, 1.9, 2.0), note(70, 1.0, 0.5)]), &options).rolls[0];
    let steps = |row| (0..STEPS).filter(|&step| roll.get(step, row)).collect::<Vec<_>>();
    assert_eq!((steps(36), steps(46)), (vec![1, 2, 3], vec![1]));
}

#[test]
fn repeated_notes_keep_a_gap_within_a_track_only() {
    let options = CutOptions { rearticulate: true, ..CutOptions::whole() };
    let repeated = [note(60, 0.0, 2.0), note(60, 2.0, 2.0)];
    let roll = cut(&song(&repeated), &options).rolls[0];
    assert_eq!(Roll::column(&roll.sounding, 36), 0b1101);
    let mut two = song(&repeated[..1]);
    two.tracks.extend(song(&repeated[1..]).tracks);
    assert_eq!(Roll::column(&cut(&two, &options).rolls[0].sounding, 36), 0b1111);
    // An end is pulled in where the pitch sounds on after it.
    let before = [note(60, 4.0, 2.0), note(60, 1.0, 3.0)];
    assert_eq!(Roll::column(&cut(&song(&before), &options).rolls[0].sounding, 36), 0b11_0110);
}

#[test]
fn the_longest_song_cuts_into_a_bounded_number_of_phrases() {
    let long = crate::MAX_STEPS - 1.0;
    let cut = cut(&song(&[note(60, 0.0, long)]), &CutOptions::training());
    assert_eq!((cut.report.phrases, cut.phrases.len()), (4096, 0));
}

#[test]
fn reports_add_up() {
    let one = cut(&song(&scale(64)), &CutOptions::training()).report;
    let mut both = one;
    both += one;
    assert_eq!((both.songs, both.notes, both.phrases, both.kept), (2, 128, 2, 2));
    let sum = |r: &CutReport| r.tail + r.multiple_of_four + r.few_cells + r.few_onsets + r.empty_bar + r.kept;
    assert_eq!(sum(&both), both.phrases);
}

fn songs() -> impl Strategy<Value = Song> {
    let note = (20..112u8, prop::sample::select(vec![0, 1, DRUM_CHANNEL]), 0u32..4800, 1u32..2400).prop_map(
        |(pitch, channel, onset, length)| SongNote {
            pitch,
            channel,
            velocity: 0.5,
            onset: f64::from(onset) / 15.0,
            length: f64::from(length) / 15.0,
        },
    );
    prop::collection::vec(note, 0..120).prop_map(|notes| {
        let mut song = song(&notes);
        song.tracks[0].sort();
        song
    })
}

proptest! {
    #[test]
    fn the_rolls_are_those_of_the_phrases(song in songs(), hop_bars in 1usize..6) {
        let cut = cut(&song, &CutOptions { hop_bars, ..CutOptions::whole() });
        for (phrase, roll) in cut.phrases.iter().zip(&cut.rolls) {
            prop_assert_eq!(phrase.roll().sounding, roll.sounding);
            prop_assert_eq!(phrase.roll().onset, roll.onset);
        }
    }

    #[test]
    fn phrases_never_cross_a_change_of_meter(
        song in songs(),
        meters in prop::collection::vec((1u32..200, prop::bool::ANY), 0..6),
        hop_bars in 1usize..5,
        pad_tail in prop::bool::ANY,
    ) {
        let mut song = song;
        song.signatures.clear();
        let mut at = 0.0;
        for (steps, four) in meters {
            let (numerator, denominator) = if four { (4, 4) } else { (3, 4) };
            song.signatures.push(Signature { at, numerator, denominator });
            at += f64::from(steps);
        }
        let options = CutOptions { sections: true, hop_bars, pad_tail, ..CutOptions::whole() };
        let cut = cut(&song, &options);
        for (phrase, roll) in cut.phrases.iter().zip(&cut.rolls) {
            prop_assert_eq!(phrase.roll(), *roll);
            let start = phrase.position as f64;
            let meter = song.signatures.iter().rev().find(|s| s.at <= start);
            prop_assert!(meter.is_none_or(section::four_four), "a phrase lies in 4/4");
            let from = song.signatures.iter().rposition(|s| s.at <= start
                && s.at.rem_euclid(16.0) == start.rem_euclid(16.0));
            prop_assert!(from.is_some() || song.signatures.is_empty(), "on a bar line of a signature");
            // What is not 4/4, or not on the same bars, neither lies in the phrase nor sounds in it.
            let change = song.signatures.iter().find(|s| {
                s.at > start && !(section::four_four(s) && (s.at - start).rem_euclid(16.0) == 0.0)
            });
            let room = change.map_or(STEPS as f64, |s| s.at - start);
            prop_assert!(pad_tail || room >= STEPS as f64);
            let silent = roll.sounding.iter().skip(room as usize).all(|&bits| bits == 0);
            prop_assert!(silent && phrase.notes.iter().all(|n| n.end() <= room + 1e-9));
        }
    }

    #[test]
    fn every_note_starts_in_one_phrase(song in songs()) {
        let cut = cut(&song, &CutOptions::whole());
        let starts = cut.phrases.iter().flat_map(|p| &p.notes).filter(|note| !note.tied_in).count();
        prop_assert_eq!(starts, song.notes().count());
        for phrase in &cut.phrases {
            for note in &phrase.notes {
                prop_assert!((-0.502..63.5).contains(&note.onset) && note.end() <= 64.0);
            }
        }
    }

    #[test]
    fn held_notes_and_pieces_answer_one_another(song in songs()) {
        let cut = cut(&song, &CutOptions::whole());
        for pair in cut.phrases.windows(2) {
            for note in pair[0].notes.iter().filter(|note| note.tied_out) {
                let goes_on = song.notes().any(|n| {
                    (n.pitch, n.channel) == (note.pitch, note.channel)
                        && n.onset < pair[1].position as f64 - 0.5
                        && n.end() > pair[1].position as f64
                });
                prop_assert_eq!(tie(note, &pair[1], 0).is_some(), goes_on);
            }
        }
    }

    #[test]
    fn cut_and_joined_is_the_song(song in songs()) {
        // A key that is struck twice at once has no telling which end is whose.
        let mut notes: Vec<_> = song.notes().copied().collect();
        notes.dedup_by_key(|n| (n.pitch, n.channel));
        let mut seen = std::collections::HashSet::new();
        notes.retain(|n| seen.insert((n.pitch, n.channel)));
        let cut = cut(&Song { tracks: vec![Track { notes: notes.clone(), ..Track::default() }], ..song },
            &CutOptions::whole());
        let joined = join_notes(&cut.phrases, 0);
        prop_assert_eq!(joined.len(), notes.len());
        for (a, b) in notes.iter().zip(&joined) {
            prop_assert_eq!((a.pitch, a.channel, a.onset), (b.pitch, b.channel, b.onset));
            prop_assert!((b.end() - a.end()).abs() < 1e-9, "{:?} {:?}", a, b);
        }
    }
}
