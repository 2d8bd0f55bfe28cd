//! MIDI files: real ones of our own making, broken ones, and any bytes at all.

use std::fs;
use std::path::{Path, PathBuf};

use phrase::{
    CutOptions, DRUM_CHANNEL, MAX_FILE_BYTES, MidiError, OtherEvent, OtherKind, Signature, Song, SongNote,
    TempoChange, Track, cut,
};
use proptest::prelude::*;

/// A file of tracks, given as bytes without their end.
fn file(format: u16, division: u16, tracks: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"MThd\0\0\0\x06".to_vec();
    for word in [format, tracks.len() as u16, division] {
        bytes.extend(word.to_be_bytes());
    }
    for track in tracks {
        let end = b"\0\xff\x2f\0";
        bytes.extend(b"MTrk");
        bytes.extend((track.len() as u32 + 4).to_be_bytes());
        bytes.extend(*track);
        bytes.extend(end);
    }
    bytes
}

fn read(bytes: &[u8]) -> Result<Song, MidiError> {
    Song::from_bytes("song.mid", bytes)
}

/// The notes of a format 0 file with 4 ticks a quarter, so that ticks are steps: pitch, onset, length.
fn notes(track: &[u8]) -> Vec<(u8, f64, f64)> {
    let song = read(&file(0, 4, &[track])).unwrap();
    song.notes().map(|n| (n.pitch, n.onset, n.length)).collect()
}

#[test]
fn format_0_with_running_status_and_velocity_0() {
    let song = read(&file(0, 4, &[&[0, 0x93, 60, 127, 4, 60, 0, 0, 62, 64, 4, 62, 0]])).unwrap();
    let note = |pitch, velocity, onset| SongNote { pitch, channel: 3, velocity, onset, length: 4.0 };
    assert_eq!(song.tracks[0].notes, [note(60, 1.0, 0.0), note(62, 64.0 / 127.0, 4.0)]);
    assert_eq!((song.ppq, song.end), (4, 8.0));
}

#[test]
fn format_1_keeps_its_tracks_tempos_signatures_and_settings() {
    let conductor = b"\0\xff\x03\x04Song\0\xff\x58\x04\x03\x03\x18\x08\0\xff\x51\x03\x07\xa1\x20\x08\
        \xff\x51\x03\x0f\x42\x40";
    let bass = b"\0\xff\x03\x04Ba\xdf1\0\xc1\x20\0\xb1\x07\x64\x04\xe1\0\x40\0\x91\x24\x40\x04\x81\x24\x40";
    let drums = b"\0\x99\x24\x40\x01\x89\x24\x40";
    let song = read(&file(1, 8, &[conductor, bass, drums])).unwrap();
    assert_eq!(song.tempos, [TempoChange { at: 0.0, bpm: 120.0 }, TempoChange { at: 4.0, bpm: 60.0 }]);
    assert_eq!(song.signatures, [Signature { at: 0.0, numerator: 3, denominator: 8 }]);
    assert_eq!(song.tracks.iter().map(|t| &*t.name).collect::<Vec<_>>(), ["Song", "Ba\u{df}1", ""]);
    assert_eq!(song.tracks[1].program(1), Some(32));
    let at = |at, kind| OtherEvent { at, kind };
    assert_eq!(
        song.tracks[1].others[1..],
        [
            at(0.0, OtherKind::Controller { channel: 1, controller: 7, value: 100 }),
            at(2.0, OtherKind::Bend { channel: 1, value: 8192 }),
        ]
    );
    assert_eq!(song.tracks[1].notes[0].onset, 2.0);
    assert!(song.tracks[2].is_drums() && !song.tracks[1].is_drums());
    assert_eq!(song.tracks[2].notes[0].channel, DRUM_CHANNEL);
    assert_eq!(song.tempo_map().seconds(8.0), 0.5 + 1.0);
}

#[test]
fn a_key_struck_again_before_its_end_is_paired_first_in_first_out() {
    let track = [0, 0x90, 60, 64, 2, 60, 64, 2, 60, 0, 2, 60, 0];
    assert_eq!(notes(&track), [(60, 0.0, 4.0), (60, 2.0, 4.0)]);
}

#[test]
fn unended_notes_end_with_their_track_and_stray_ends_do_nothing() {
    let track = [0, 0x80, 61, 64, 0, 0x90, 60, 64, 6, 0xb0, 1, 2];
    assert_eq!(notes(&track), [(60, 0.0, 6.0)]);
}

#[test]
fn a_track_without_its_end_is_read_to_where_it_stops() {
    let mut bytes = file(0, 4, &[&[0, 0x90, 60, 64, 3, 60, 0]]);
    bytes.truncate(bytes.len() - 4);
    bytes[21] -= 4;
    assert_eq!(read(&bytes).unwrap().tracks[0].notes[0].length, 3.0);
}

#[test]
fn a_tempo_of_zero_and_rubbish_after_the_music_are_passed_over() {
    let mut bytes = file(0, 4, &[b"\0\xff\x51\x03\0\0\0\0\x90\x3c\x40\x04\x3c\0"]);
    bytes.extend([0; 11]);
    let song = read(&bytes).unwrap();
    assert_eq!((song.tempos.len(), song.tracks[0].notes.len()), (0, 1));
}

#[test]
fn every_fault_is_refused_in_one_sentence_with_the_files_name() {
    let note = [0, 0x90, 60, 64, 4, 60, 0];
    let good = file(0, 4, &[&note]);
    let mut no_length = good.clone();
    no_length[7] = 2;
    let far: Vec<u8> = [0xff, 0xff, 0xff, 0x7f, 0x90, 60, 64].to_vec();
    let cases: [(Vec<u8>, &str); 13] = [
        (vec![], "empty"),
        (b"RIFF not MIDI".to_vec(), "not a MIDI file"),
        (good[..10].to_vec(), "cut off"),
        (good[..good.len() - 6].to_vec(), "cut off"),
        (file(1, 4, &[&note, &note])[..34].to_vec(), "cut off"),
        (no_length, "header"),
        (file(0, 4, &[]), "no track"),
        (file(2, 4, &[&note]), "format 2"),
        (file(0, 0xe728, &[&note]), "SMPTE"),
        (file(0, 0, &[&note]), "0 ticks"),
        (file(0, 4, &[&[0, 60, 64]]), "track 1 has an event"),
        (file(0, 4, &[&[0, 0xff, 1, 99, 65]]), "track 1 has an event"),
        (file(0, 1, &[&far]), "lasts longer"),
    ];
    for (bytes, fault) in cases {
        let message = read(&bytes).unwrap_err().to_string();
        assert!(message.starts_with("song.mid") && message.contains(fault), "{fault}: {message}");
        assert!(message.contains("; ") && !message.contains('\n') && !message.ends_with('.'), "{message}");
    }
}

#[test]
fn an_endless_flood_of_notes_is_refused() {
    let track = [0x90, 60, 64, 0].repeat(1 << 20);
    let flood = [&[0][..], &track, &[0x90, 60, 64]].concat();
    assert!(matches!(read(&file(0, 4, &[&flood])), Err(MidiError::TooManyNotes { .. })));
}

/// A folder of this test's own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_that_are_missing_or_too_big_are_refused() {
    let folder = Folder::new("refused");
    let missing = Song::read(&folder.0.join("none.mid")).unwrap_err();
    assert!(matches!(&missing, MidiError::Read { .. }) && missing.to_string().contains("none.mid"));
    let big = folder.0.join("big.mid");
    fs::File::create(&big).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
    assert!(matches!(Song::read(&big), Err(MidiError::TooBig { .. })));
}

#[test]
fn writing_replaces_whole_or_not_at_all() {
    let folder = Folder::new("written");
    let path = folder.0.join("song.mid");
    let mut song = Song::new(100.0);
    song.tracks.push(Track::default());
    fs::write(&path, "old").unwrap();
    song.write(&path).unwrap();
    assert_eq!(Song::read(&path).unwrap(), song);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);

    // A folder in the way cannot be replaced: it stays, and nothing is left beside it.
    let taken = folder.0.join("taken.mid");
    fs::create_dir_all(taken.join("inside")).unwrap();
    let error = song.write(&taken).unwrap_err();
    assert!(matches!(&error, MidiError::Write { .. }) && error.to_string().contains("taken.mid"));
    assert!(taken.join("inside").exists());
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2);
    assert!(song.write(&folder.0.join("nowhere/song.mid")).is_err());
}

#[test]
fn a_song_without_tracks_is_written_with_one() {
    let bytes = Song::new(120.0).to_bytes().unwrap();
    assert_eq!(read(&bytes).unwrap().tracks, [Track::default()]);
}

#[test]
fn absurd_songs_are_written_without_a_panic() {
    let mut song = Song { ppq: 0, end: f64::NAN, ..Song::new(f64::NAN) };
    song.tempos.extend([0.0, -1.0, f64::INFINITY].map(|bpm| TempoChange { at: -1.0, bpm }));
    song.signatures.push(Signature { at: f64::INFINITY, numerator: 0, denominator: 0 });
    let note = SongNote { pitch: 255, channel: 255, velocity: f32::NAN, onset: f64::NAN, length: -9.0 };
    song.tracks.push(Track { notes: vec![note, SongNote { onset: 1e300, ..note }], ..Track::default() });
    assert!(song.to_bytes().unwrap().starts_with(b"MThd"));
}

fn others() -> impl Strategy<Value = OtherKind> {
    let (channel, value) = (0..16u8, 0..128u8);
    prop_oneof![
        (channel.clone(), value.clone())
            .prop_map(|(channel, program)| OtherKind::Program { channel, program }),
        (channel.clone(), value.clone(), value.clone())
            .prop_map(|(channel, controller, value)| OtherKind::Controller { channel, controller, value }),
        (channel.clone(), 0..0x4000u16).prop_map(|(channel, value)| OtherKind::Bend { channel, value }),
        (channel.clone(), value.clone())
            .prop_map(|(channel, value)| OtherKind::ChannelPressure { channel, value }),
        (channel, value.clone(), value).prop_map(|(channel, pitch, value)| OtherKind::KeyPressure {
            channel,
            pitch,
            value
        }),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(OtherKind::SysEx),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(OtherKind::Escape),
        (1..8u8, prop::collection::vec(any::<u8>(), 0..200))
            .prop_filter("names are kept as names", |(kind, _)| *kind != 3)
            .prop_map(|(kind, data)| OtherKind::Meta { kind, data }),
    ]
}

/// A song that a MIDI file can hold to the last bit.
fn songs() -> impl Strategy<Value = Song> {
    let step = |tick: u32, ppq: u16| f64::from(tick) * 4.0 / f64::from(ppq);
    let notes = prop::collection::vec((0..16u8, 1..128u8, 0u32..9000, 0u32..3000), 0..40);
    let track = ("[a-z\u{e9}]{0,9}", notes, prop::collection::vec((0u32..9000, others()), 0..12));
    let tempos = prop::collection::vec((0u32..9000, 1u32..0xff_ffff), 0..5);
    let signatures = prop::collection::vec((0u32..9000, 1..20u8, 0..6u32), 0..4);
    (
        prop::sample::select(vec![24u16, 96, 480, 960, 3]),
        prop::collection::vec(track, 1..5),
        tempos,
        signatures,
    )
        .prop_map(move |(ppq, tracks, tempos, signatures)| {
            let mut song = Song::new(120.0);
            song.ppq = ppq;
            song.end = step(12_000, ppq);
            song.tempos = tempos
                .into_iter()
                .map(|(at, micros)| TempoChange { at: step(at, ppq), bpm: 60e6 / f64::from(micros) })
                .collect();
            song.tempos.sort_by(|a, b| a.at.total_cmp(&b.at));
            song.signatures = signatures
                .into_iter()
                .map(|(at, numerator, power)| Signature {
                    at: step(at, ppq),
                    numerator,
                    denominator: 1 << power,
                })
                .collect();
            song.signatures.sort_by(|a, b| a.at.total_cmp(&b.at));
            for (name, notes, others) in tracks {
                let mut others: Vec<_> =
                    others.into_iter().map(|(at, kind)| OtherEvent { at: step(at, ppq), kind }).collect();
                others.sort_by(|a, b| a.at.total_cmp(&b.at));
                let mut track = Track { name, others, ..Track::default() };
                // One key a note: which end is whose is not in a file.
                for (index, (channel, velocity, on, length)) in notes.into_iter().enumerate() {
                    let onset = step(on, ppq);
                    track.notes.push(SongNote {
                        pitch: index as u8 * 3,
                        channel,
                        velocity: f32::from(velocity) / 127.0,
                        onset,
                        length: step(on + length, ppq) - onset,
                    });
                }
                track.sort();
                song.tracks.push(track);
            }
            song
        })
}

proptest! {
    #[test]
    fn songs_there_and_back(song in songs()) {
        prop_assert_eq!(&read(&song.to_bytes().unwrap()).unwrap(), &song);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = read(&[b"MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk\0\0\0\xff".as_slice(), &bytes].concat());
        if let Ok(song) = read(&file(1, 96, &[&bytes])) {
            prop_assert!(cut(&song, &CutOptions::papers()).phrases.len() <= 4096);
        }
    }

    #[test]
    fn damaged_files_are_read_or_refused_and_never_change_in_writing(
        song in songs(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut_at in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = song.to_bytes().unwrap();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(at) = cut_at {
            bytes.truncate(at.index(bytes.len()));
        }
        match read(&bytes) {
            Err(error) => prop_assert!(error.to_string().starts_with("song.mid")),
            Ok(song) => {
                let report = cut(&song, &CutOptions::training()).report;
                prop_assert!(report.songs == 1 && report.kept <= report.phrases);
                let again = read(&song.to_bytes().unwrap()).unwrap();
                prop_assert_eq!(again.notes().count(), song.notes().count());
                prop_assert_eq!(again.signatures, song.signatures);
            }
        }
    }
}
