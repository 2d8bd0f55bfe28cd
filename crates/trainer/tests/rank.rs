//! A blind ranking from packs to figures, through the program.

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use candle_core::Device;
use common::music;
use phrase::Song;
use trainer::families::papers::pairwise::options::Preset;
use trainer::families::papers::pairwise::{PairOptions, PairRun};
use trainer::rank::Key;
use trainer::run::{Naming, blank};

fn trainer(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).args(line.split_whitespace()).output().unwrap()
}

#[test]
fn a_blind_ranking_hides_the_packs_and_finds_them_again() {
    let data = music(&["high", "low"]);
    let folder = tempfile::tempdir().unwrap();
    data.write(&folder.path().join("data")).unwrap();
    // Three untrained packs that answer differently.
    for seed in 1..=3 {
        let pair = ["high".to_string(), "low".to_string()];
        let options =
            PairOptions { width: 8, blocks: 1, seed, ..PairOptions::preset(Preset::Papers, pair, 20) };
        let run = PairRun::new(options, &Device::Cpu).unwrap();
        let pack = blank(&run, &data, &Naming::plain("made")).unwrap();
        pack.write(&folder.path().join(format!("{seed}.pack"))).unwrap();
    }
    assert!(trainer(folder.path(), "classify data -o judge --width 2 --steps 20 --batch 6").status.success());
    let make = "rank make data 1.pack 2.pack 3.pack -o blind --snippets 4 --classifier judge";
    let made = trainer(folder.path(), make);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // Nothing that is said or that the form holds tells whose an answer is.
    let blind = folder.path().join("blind");
    let form = std::fs::read_to_string(blind.join("form.csv")).unwrap();
    assert!(!form.contains("pack") && !String::from_utf8_lossy(&made.stdout).contains(".pack"));
    let key: Key = serde_json::from_slice(&std::fs::read(blind.join("key.json")).unwrap()).unwrap();
    assert_eq!((key.packs.len(), key.answers.len(), form.lines().count()), (3, 12, 13));
    let orders: BTreeSet<Vec<usize>> =
        key.answers.chunks(3).map(|answers| answers.iter().map(|answer| answer.pack).collect()).collect();
    assert!(orders.len() > 1, "an order of its own for each snippet");
    for answer in &key.answers {
        assert!(Song::read(&blind.join(&answer.file)).is_ok());
        assert!(Song::read(&blind.join(format!("{:02}-origin.mid", answer.snippet))).is_ok());
    }
    let again = trainer(folder.path(), make);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("not empty"));

    // A listener who always finds the second pack the best, the third the worst.
    let mut filled = "snippet,file,retention,quality\n".to_string();
    for answer in &key.answers {
        let rank = [2, 1, 3][answer.pack];
        filled += &format!("{},{},{rank},{}\n", answer.snippet, answer.file, 4 - rank);
    }
    std::fs::write(folder.path().join("mine.csv"), filled).unwrap();
    let read = trainer(folder.path(), "rank read blind mine.csv --json ranked.json");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(text.contains("2.pack") && text.contains("1.00, 1.00") && text.contains("Pearson's r"), "{text}");
    let json = std::fs::read(folder.path().join("ranked.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["packs"][2]["rank"], serde_json::json!([3.0, 1.0]));
    assert_eq!(json["packs"][1]["score"], serde_json::json!([1.0, 0.0]));
}
