//! `play --audio`: the sound is neither silent nor clipped, and both halves of it are in time with the MIDI.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use phrase::{DRUM_CHANNEL, STEPS_PER_BAR, Song};

const RATE: f64 = 44_100.0;
const BARS: usize = 4;

/// The plugin that cargo built with this test.
fn library() -> PathBuf {
    let name = format!("{}contrafact{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    std::env::current_exe().unwrap().parent().unwrap().join(name)
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/harvest-road.mid")
}

fn play(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("play")
        .arg(example())
        .args(["--to", "1", "-o"])
        .arg(folder.join("answer.mid"))
        .arg("--library")
        .arg(library())
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Both sides of a WAV of 16 bits, added.
fn read(path: &Path) -> Vec<f64> {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[8..16], b"WAVEfmt ");
    let words = bytes[44..].chunks_exact(2).map(|word| f64::from(i16::from_le_bytes([word[0], word[1]])));
    let words: Vec<_> = words.collect();
    words.chunks_exact(2).map(|sides| (sides[0] + sides[1]) / 65_536.0).collect()
}

fn loudness(samples: &[f64]) -> f64 {
    (samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len().max(1) as f64).sqrt()
}

/// The seconds of the onsets in the first bars that the plain instruments play, but for those that ring into
/// another, and for soft ones right after a loud one, which nobody hears strike.
fn onsets(song: &Song) -> Vec<f64> {
    let map = song.tempo_map();
    let end = (BARS * STEPS_PER_BAR) as f64;
    let notes = song.notes().filter(|note| note.channel != DRUM_CHANNEL && note.onset < end);
    let mut all: Vec<_> = notes.map(|note| (map.seconds(note.onset), note.velocity)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    all.dedup_by(|a, b| a.0 - b.0 < 0.05);
    let is_heard = |&(at, velocity): &(f64, f32)| {
        all.iter().all(|other| !(at - 0.5..at).contains(&other.0) || velocity > 0.6 * other.1)
    };
    all.iter().filter(|onset| is_heard(onset)).map(|onset| onset.0).collect()
}

/// How much a moment's loudness rises over the moment before, for each onset; 10 ms each.
fn rises(samples: &[f64], onsets: &[f64], from: f64) -> Vec<bool> {
    let part = |from: f64, to: f64| {
        let at = |seconds: f64| ((seconds.max(0.0) * RATE) as usize).min(samples.len());
        &samples[at(from)..at(to)]
    };
    // What changes fast: old notes hum on, new ones strike.
    let strike = |part: &[f64]| {
        let steps: Vec<_> = part.windows(3).map(|of| of[0] - 2.0 * of[1] + of[2]).collect();
        loudness(&steps)
    };
    let rose = |at: f64| strike(part(at, at + 0.012)) > 1.15 * strike(part(at - 0.014, at - 0.002));
    onsets.iter().map(|onset| rose(from + onset)).collect()
}

#[test]
fn both_halves_are_heard_in_time_with_the_midi() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("both.wav");
    let bars = BARS.to_string();
    let played =
        play(folder.path(), &["--plain", "--before", "--bars", &bars, "--audio", path.to_str().unwrap()]);
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let samples = read(&path);
    let peak = samples.iter().fold(0.0_f64, |peak, sample| peak.max(sample.abs()));
    assert!((0.3..0.95).contains(&peak), "the peak is {peak}");
    let (song, answer) =
        (Song::read(&example()).unwrap(), Song::read(&folder.path().join("answer.mid")).unwrap());
    // The answer begins after the song's last bar, what rings, and the pause.
    let cut = (BARS * STEPS_PER_BAR) as f64;
    let end = song
        .notes()
        .filter(|note| note.onset < cut)
        .map(|note| song.tempo_map().seconds(note.end().min(cut)))
        .fold(0.0, f64::max);
    let halves = [(0.0, &song), (((end + 1.5) * RATE).round() / RATE + 0.3, &answer)];
    for (from, song) in halves {
        let onsets = onsets(song);
        assert!(onsets.len() > 16);
        let whole = &samples[(from * RATE) as usize..((from + end) * RATE) as usize];
        assert!(loudness(whole) > 0.02, "silent");
        let in_time = rises(&samples, &onsets, from).into_iter().filter(|rose| *rose).count();
        // Against another clock, half a step late, far fewer do.
        let late = rises(&samples, &onsets, from + 0.06).into_iter().filter(|rose| *rose).count();
        // Which of the answer's notes ring over others is the pack's choice: fewer need be heard.
        let least = if from == 0.0 { 8 } else { 6 };
        assert!(10 * in_time >= least * onsets.len(), "{in_time} of {} onsets are heard", onsets.len());
        assert!(2 * late < in_time, "{late} of {} would be heard anywhere", onsets.len());
    }
}

#[test]
fn what_cannot_become_a_sound_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, part) in [
        (&["--audio", "answer.mp3"][..], ".wav or .ogg"),
        (&["--plain"], "--audio or --listen"),
        (&["--audio", "answer.wav", "--bars", "0"], "--bars"),
    ] {
        let output = play(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(part), "{said}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    std::fs::write(folder.path().join("none.sf2"), "no SoundFont").unwrap();
    let output = play(folder.path(), &["--audio", "answer.wav", "--font", "none.sf2"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("none.sf2"), "{said}");
    assert!(!folder.path().join("answer.wav").exists());
}
