//! Evaluation from a pack and a dataset to figures and files.

mod common;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candle_core::{Device, Tensor};
use common::well_formed;
use model::resnet::GeneratorConfig;
use model::{Card, ClassifierConfig, Pack, Parts, Weights};
use phrase::{Roll, STEPS_PER_BAR, Song};
use trainer::classifier::{BuiltConfig, ClassifierFile};
use trainer::dataset::{Dataset, GenreInfo, Info, Item, Split};
use trainer::evaluate::check::{Checked, check};
use trainer::evaluate::judge::Judge;
use trainer::evaluate::report::Told;
use trainer::evaluate::targets::Bound;
use trainer::evaluate::{EvaluateOptions, Evaluation, Layout, OutputOptions, TargetOptions, evaluate};
use trainer::random;

/// Two genres that differ in rhythm and register, but not plainly in any one cell.
fn dataset(genres: [&str; 2]) -> Dataset {
    let roll = |genre: usize, i: usize| {
        Roll::from_cells(move |step: usize, row: usize| {
            let on = if genre == 0 { step % 4 < 2 } else { (step + 1) % 8 < 5 };
            let pitch = 20 + (i * 7 + step / 4 * 5 + genre) % 24;
            on && (row == pitch || row == pitch + 7 && step % 16 < 8)
        })
    };
    let item = |genre, i: usize| Item::of(roll(genre, i), (i / 3) as u32);
    let splits =
        |genre: usize| [24, 3, 9].map(|count| (0..count).map(|i| item(genre, i + genre)).collect::<Vec<_>>());
    let info = |name: &str| GenreInfo { name: name.into(), ..GenreInfo::default() };
    let info = Info { genres: genres.map(info).to_vec(), options: serde_json::json!({ "hop_bars": 4 }) };
    Dataset::of_rolls(info, vec![splits(0), splits(1)])
}

/// A pack with random weights.
fn pack() -> Pack {
    pack_for(&["long", "short"])
}

fn pack_for(genres: &[&str]) -> Pack {
    let count = genres.len();
    let generator = GeneratorConfig { genres: count, channels: 8, blocks: 1, planes: 4, attention: false };
    let classifier = ClassifierConfig { genres: count, width: 4 };
    let genres = genres.iter().map(|name| name.to_string()).collect();
    let card = Card::new("Random & <odd>", genres, Parts::new(generator, classifier));
    let mut weights = Weights::new();
    for (i, parameter) in card.parts.parameters().into_iter().enumerate() {
        let values = random::normal(&mut random::stream(7, i as u64), parameter.len());
        let values: Vec<f32> = values.into_iter().map(|x| 0.2 * x).collect();
        weights.insert(parameter.name, Tensor::from_vec(values, parameter.shape, &Device::Cpu).unwrap());
    }
    Pack::new(card, &weights)
}

fn options(amount: u32, threads: usize) -> EvaluateOptions {
    EvaluateOptions { amount, threads, ..EvaluateOptions::default() }
}

/// The evaluation at full amount, shared by the tests.
fn whole() -> &'static Evaluation {
    static WHOLE: OnceLock<Evaluation> = OnceLock::new();
    WHOLE.get_or_init(|| evaluate(&pack(), &dataset(["short", "long"]), &options(100, 2)).unwrap())
}

fn json(evaluation: &Evaluation) -> serde_json::Value {
    serde_json::to_value(evaluation).unwrap()
}

#[test]
fn figures_do_not_depend_on_threads_nor_on_the_order_of_the_datasets_genres() {
    // Text, because what is not a number is not equal to itself.
    let alone = evaluate(&pack(), &dataset(["short", "long"]), &options(100, 1)).unwrap();
    assert_eq!(json(&alone).to_string(), json(whole()).to_string());
    assert_eq!(whole().genres, ["long", "short"]);
    assert!(whole().directions.iter().all(|d| d.effect.total.mean > 0.1), "the pack changes something");
    assert_eq!(whole().originals[1].phrases, 9);
}

#[test]
fn amount_0_changes_nothing_and_convinces_no_judge() {
    let e = evaluate(&pack(), &dataset(["short", "long"]), &options(0, 2)).unwrap();
    for d in &e.directions {
        assert_eq!((d.effect.total.mean, d.effect.total.sd, d.effect.notes_ratio.mean), (0.0, 0.0, 1.0));
        assert_eq!((d.effect.melody_kept.mean, d.effect.density_ratio.mean), (1.0, 1.0));
        assert!((d.effect.harmony_kept.mean - 1.0).abs() < 1e-6);
        assert!(d.verdicts.iter().all(|v| v.strength == 0.0));
        assert!(d.distances.iter().all(|far| far.source == far.transfer));
        assert!(d.phrases.iter().all(|p| p.rolls[0] == p.rolls[1] && p.rolls[1] == p.rolls[2]));
    }
    assert_eq!(e.total(0, 1, 0), 0.0);
}

#[test]
fn the_feature_judge_hears_what_differs_and_is_the_same_each_time() {
    let data = dataset(["short", "long"]);
    let genres = data.genres();
    let judge = || Judge::features(&data, &genres).unwrap().model(&genres).unwrap().regression;
    assert_eq!(judge(), judge());
    let place = whole().judges.iter().position(|name| name == "features").unwrap();
    for genre in &whole().originals {
        assert!(genre.accuracy[place].iter().all(|share| *share > 0.9), "{:?}", genre.accuracy);
    }
    for d in &whole().directions {
        assert!(d.verdicts[place].ceiling > 0.8 && d.verdicts[place].ceiling <= 1.0);
    }
}

#[test]
fn without_training_songs_the_feature_judge_is_left_out_with_a_word() {
    let mut data = dataset(["short", "long"]);
    data.items[0][Split::Train as usize].clear();
    let e = evaluate(&pack(), &data, &options(100, 1)).unwrap();
    assert_eq!(e.judges, ["own classifier"]);
    assert!(e.remarks[0].contains("no feature judge") && e.remarks[0].contains("short"), "{:?}", e.remarks);
    assert!(e.table().contains("no feature judge"));
}

/// A classifier of random weights for these genres.
fn classifier(genres: &[&str], path: &Path) {
    let config = ClassifierConfig { genres: genres.len(), width: 2 };
    let mut weights = Weights::new();
    for (i, parameter) in config.parameters().into_iter().enumerate() {
        let values = random::normal(&mut random::stream(3, i as u64), parameter.len());
        weights.insert(parameter.name, Tensor::from_vec(values, parameter.shape, &Device::Cpu).unwrap());
    }
    let genres: Vec<String> = genres.iter().map(|name| name.to_string()).collect();
    let accuracy = vec![0.5; genres.len()];
    ClassifierFile { genres, config: BuiltConfig::Papers(config), weights, accuracy }.write(path).unwrap();
}

#[test]
fn other_judges_are_asked_by_the_names_of_their_genres() {
    let folder = tempfile::tempdir().unwrap();
    let (file, packed) = (folder.path().join("ear.safetensors"), folder.path().join("own.safetensors"));
    classifier(&["short", "folk", "long"], &file);
    pack().write(&packed).unwrap();
    let halved = Pack::read(&packed).unwrap();
    let e = evaluate(
        &halved,
        &dataset(["short", "long"]),
        &EvaluateOptions { judges: vec![file, packed], no_features: true, ..options(100, 2) },
    )
    .unwrap();
    assert_eq!(e.judges, ["own classifier", "ear", "own"]);
    for d in &e.directions {
        // The same network by another way.
        assert_eq!(d.verdicts[0].heard, d.verdicts[2].heard);
        assert!(d.phrases.iter().all(|p| (0.0..=1.0).contains(&p.probability[1][0])));
    }
    assert_ne!(e.directions[0].verdicts[0].probability, e.directions[0].verdicts[1].probability);
}

/// The papers train a classifier a pair: it scores in that pair's directions, whatever else the pack has.
#[test]
fn a_classifier_of_a_pair_scores_in_its_own_direction_as_the_papers_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scorer.safetensors");
    classifier(&["short", "long"], &file);
    let mut data = dataset(["short", "long"]);
    // A third genre, for a pack of three.
    data.info.genres.push(GenreInfo { name: "folk".into(), ..GenreInfo::default() });
    data = Dataset::of_rolls(data.info, [&data.items[..], &data.items[..1]].concat());
    let options = EvaluateOptions {
        classifier: Some(file.clone()),
        directions: vec![["short".to_string(), "long".to_string()]],
        no_features: true,
        ..options(100, 2)
    };
    let pack = pack_for(&["long", "folk", "short"]);
    let e = evaluate(&pack, &data, &options).unwrap();
    assert_eq!(e.judges, ["scorer", "own classifier"]);
    assert_eq!((e.directions.len(), e.directions[0].pair, e.pairs()), (1, (2, 0), vec![(0, 2)]));
    assert_eq!(e.total(0, 2, 0), e.directions[0].verdicts[0].strength);
    let scorer = Judge::read(&file, &["short".to_string(), "long".to_string()], "--judge").unwrap();
    let transfer = model::LoadedPack::new(&pack).unwrap();
    let answer = &e.directions[0].phrases[3];
    for (roll, p) in answer.rolls.iter().zip(answer.probability[0]) {
        assert!((scorer.hear(&transfer, roll).unwrap()[0] - p).abs() < 1e-9);
    }
    let all = EvaluateOptions { directions: Vec::new(), ..options.clone() };
    let error = format!("{:#}", evaluate(&pack, &data, &all).unwrap_err());
    assert!(error.contains("scorer.safetensors") && error.contains("folk"), "{error}");
    let other =
        EvaluateOptions { directions: vec![["short".to_string(), "bop".to_string()]], ..options.clone() };
    let error = format!("{:#}", evaluate(&pack, &data, &other).unwrap_err());
    assert!(error.contains("--direction") && error.contains("bop"), "{error}");

    // The papers' folders and names, and their ranking of what their classifier hears.
    let output = OutputOptions {
        files: Some(folder.path().to_path_buf()),
        layout: Layout::Papers,
        ..OutputOptions::default()
    };
    output.write("pack", &told(&e), &data).unwrap();
    let way = folder.path().join("LS_L2LS_S_Random____odd_/BtoA");
    assert!(!way.with_file_name("AtoB").exists());
    let ranking = std::fs::read_to_string(way.join("mid_attach_prob/Rankings_BtoA.txt")).unwrap();
    let mut lines = ranking.lines();
    assert_eq!(lines.next(), Some("Id  Content_diff  P_O - P_T  Prob_Origin  Prob_Transfer  Prob_Cycle"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 9);
    let row = rows.iter().find(|row| row[0] == "4").unwrap();
    assert_eq!(row[3], format!("{:.6}", answer.probability[0][0]));
    let name = format!("4_transfer_{}.mid", answer.probability[0][1] as f32);
    assert_eq!(
        std::fs::read(way.join("mid_attach_prob").join(name)).unwrap(),
        std::fs::read(way.join("mid/4_transfer.mid")).unwrap()
    );
    let array = trainer::npy::read_phrases(&way.join("npy/cycle/4_cycle.npy")).unwrap();
    assert_eq!((array.len(), array[0].sounding), (1, answer.rolls[2].sounding));
}

#[test]
fn a_judge_or_a_dataset_that_does_not_fit_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |data: &Dataset, judges: Vec<PathBuf>| {
        format!("{:#}", evaluate(&pack(), data, &EvaluateOptions { judges, ..options(100, 1) }).unwrap_err())
    };
    let data = dataset(["short", "long"]);
    let ear = folder.path().join("ear.safetensors");
    classifier(&["short", "folk"], &ear);
    let error = refused(&data, vec![ear.clone()]);
    assert!(error.contains("ear.safetensors") && error.contains("long") && error.contains("folk"), "{error}");
    let whole = std::fs::read(&ear).unwrap();
    for bytes in [&b"nothing"[..], &whole[..whole.len() / 2]] {
        std::fs::write(&ear, bytes).unwrap();
        let error = refused(&data, vec![ear.clone()]);
        assert!(error.contains("ear.safetensors") && error.contains("--judge"), "{error}");
    }
    let error = refused(&data, vec![folder.path().join("absent")]);
    assert!(error.contains("absent"), "{error}");
    let error = refused(&dataset(["short", "folk"]), Vec::new());
    assert!(error.contains("dataset") && error.contains("long"), "{error}");
    let mut empty = dataset(["short", "long"]);
    empty.items[1][Split::Test as usize].clear();
    let error = refused(&empty, Vec::new());
    assert!(error.contains("test") && error.contains("long") && error.contains("--split"), "{error}");
}

#[test]
fn json_has_every_figure() {
    let all = json(whole());
    for name in
        ["pack", "split", "amount", "genres", "judges", "histograms", "originals", "directions", "features"]
    {
        assert!(!all[name].is_null(), "{name}");
    }
    let d = &all["directions"][0];
    for name in [
        "added",
        "removed",
        "total",
        "density_ratio",
        "notes_ratio",
        "melody_kept",
        "harmony_kept",
        "out_of_range",
    ] {
        assert!(d["effect"][name]["mean"].is_f64() && d["effect"][name]["sd"].is_f64(), "{name}");
    }
    for name in ["notes", "density", "polyphony", "most_at_once", "out_of_key", "one_step", "stutters"] {
        assert!(d["music"][name]["mean"].is_f64(), "{name}");
        assert!(all["originals"][0]["music"][name]["mean"].is_f64(), "{name}");
    }
    let verdict = &d["verdicts"][1];
    assert!(verdict["strength"].is_f64() && verdict["ceiling"].is_f64() && verdict["heard"][2].is_f64());
    assert_eq!(d["phrases"].as_array().unwrap().len(), 9);
    assert_eq!(d["phrases"][2]["id"], 3);
    assert_eq!(d["distances"].as_array().unwrap().len(), all["histograms"].as_array().unwrap().len());
    let model = &all["features"];
    assert_eq!(
        model["regression"]["weights"][0].as_array().unwrap().len(),
        model["features"].as_array().unwrap().len() + 1
    );
}

#[test]
fn the_files_are_the_papers_and_songs_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let output = OutputOptions { files: Some(folder.path().join("files")), ..OutputOptions::default() };
    output.write("Random & <odd> 1", &told(whole()), &dataset(["short", "long"])).unwrap();
    let files = folder.path().join("files");
    let ranking = std::fs::read_to_string(files.join("Rankings_long2short.txt")).unwrap();
    let rows: Vec<Vec<f64>> = ranking
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().map(|x| x.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.len(), 9);
    assert!(rows.is_sorted_by(|a, b| a[2] >= b[2]));
    for row in &rows {
        assert!((row[2] - (row[3] - row[4]).abs()).abs() < 2e-6, "{row:?}");
    }
    let direction = &whole().directions[0];
    let first = &direction.phrases[0];
    let p = first.probability[0];
    let name = format!("1_transfer_{:.6}.mid", p[1]);
    let song = Song::read(&files.join("long2short/midi").join(&name)).unwrap();
    assert_eq!(song.tempos[0].bpm.round(), 80.0);
    assert_eq!(song.notes().count(), first.rolls[1].notes().count());
    assert!(song.notes().all(|note| (note.velocity * 127.0).round() == 100.0));
    let array = trainer::npy::read_phrases(&files.join("long2short/npy/1_cycle.npy")).unwrap();
    assert_eq!(array[0].sounding, first.rolls[2].sounding);
    // Genre "long" stands second in the dataset: its test phrases are 1 to 9, three a song from the third on.
    let song = Song::read(&files.join("long2short/songs/1_origin.mid")).unwrap();
    let phrases = direction.phrases.iter().filter(|p| p.song == 1);
    let last = song.notes().map(|note| note.end()).fold(0.0, f64::max);
    assert_eq!(phrases.count(), 3);
    assert!(last > 128.0 && last <= 192.0, "{last}");
}

/// What a page tells of a pack that has a transfer only.
fn told(evaluation: &Evaluation) -> Told<'_> {
    Told { transfer: Some(evaluation), ..Told::default() }
}

#[test]
fn the_report_is_one_well_formed_page() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let output = OutputOptions {
        report: Some(folder.path().join("new/report.html")),
        run: Some(run.clone()),
        ..OutputOptions::default()
    };
    let error = format!(
        "{:#}",
        output.write("Random & <odd> 1", &told(whole()), &dataset(["short", "long"])).unwrap_err()
    );
    assert!(error.contains("losses.svg"), "{error}");
    std::fs::write(run.join("losses.svg"), "<?xml version=\"1.0\"?><svg><g id=\"curve\"></g></svg>").unwrap();
    output.write("Random & <odd> 1", &told(whole()), &dataset(["short", "long"])).unwrap();
    let page = std::fs::read_to_string(folder.path().join("new/report.html")).unwrap();
    well_formed(&page);
    assert!(page.contains("Random &amp; &lt;odd&gt;") && page.contains("id=\"curve\""));
    for part in [
        "By own classifier",
        "By features",
        "Best: phrase",
        "Worst: phrase",
        "long -&gt; short",
        "dominant 7",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("http://")
            || page.matches("http://").count() == page.matches("http://www.w3.org").count()
    );
}

/// Windows from every bar of songs on, as `prepare --hop-bars 1` makes them: six a song.
fn windows() -> Dataset {
    let mut data = dataset(["short", "long"]);
    for (genre, splits) in data.items.iter_mut().enumerate() {
        for (split, items) in splits.iter_mut().enumerate() {
            let cell = |song: usize, step: usize, row: usize| {
                let on = if genre == 0 { step % 4 < 2 } else { (step + 1) % 8 < 5 };
                on && row == 20 + (song * 7 + step / 4 * 5 + split) % 24
            };
            let window = |i: usize| {
                let (song, bar) = (i / 6, i % 6);
                let roll = Roll::from_cells(|step, row| cell(song, bar * STEPS_PER_BAR + step, row));
                Item::of(roll, song as u32)
            };
            *items = (0..12).map(window).collect();
        }
    }
    data
}

#[test]
fn a_short_latency_plays_the_newest_bars_of_sliding_windows() {
    let at = |latency: usize, amount: u32| {
        let options = EvaluateOptions {
            latency,
            auto: true,
            amounts: vec![0],
            no_features: true,
            ..options(amount, 2)
        };
        evaluate(&pack(), &windows(), &options).unwrap()
    };
    let (four, two, one) = (at(4, 100), at(2, 100), at(1, 100));
    // The first windows of a song have none before them.
    let counts = [&four, &two, &one].map(|e| e.originals[0].phrases);
    assert_eq!(counts, [12, 8, 6]);
    for e in [&two, &one] {
        assert!(
            !e.cycles && e.directions.iter().all(|d| d.amounts[0].same == 1.0 && d.amounts[0].change == 0.0)
        );
        for (d, whole) in e.directions.iter().zip(&four.directions) {
            let hop = e.latency * STEPS_PER_BAR;
            for p in &d.phrases {
                // The last part is that of the phrase's own window; what comes before was answered earlier.
                let own = whole.phrases.iter().find(|other| other.id == p.id).unwrap();
                assert_eq!(p.rolls[1].sounding[64 - hop..], own.rolls[1].sounding[64 - hop..]);
                assert_eq!(p.rolls[2], p.rolls[0]);
            }
            assert!(d.phrases.iter().any(|p| {
                whole.phrases.iter().any(|own| own.id == p.id && own.rolls[1].sounding != p.rolls[1].sounding)
            }));
            assert!(d.verdicts.iter().all(|v| (v.strength - (v.heard[0] - v.heard[1])).abs() < 1e-12));
        }
    }
    let short = EvaluateOptions { latency: 1, ..options(100, 1) };
    let error = evaluate(&pack(), &dataset(["short", "long"]), &short).unwrap_err().to_string();
    assert!(error.contains("--hop-bars 1"), "{error}");
}

fn checked() -> Checked {
    let folder = tempfile::tempdir().unwrap();
    let [other, slides] = ["other", "slides"].map(|name| folder.path().join(name));
    dataset(["short", "long"]).write(&other).unwrap();
    windows().write(&slides).unwrap();
    let beside = TargetOptions {
        targets: true,
        beside: vec![format!("same={}", other.display())],
        windows: Some(slides),
    };
    let data = dataset(["short", "long"]);
    check(&pack(), 11_000_000, &data, &options(90, 2), &beside).unwrap().0
}

#[test]
fn targets_name_what_is_asked_and_the_worst_of_what_is_got() {
    let checked = checked();
    assert_eq!(checked.beside, ["told", "same", "2 bars", "1 bar"]);
    for row in &checked.rows {
        let met = row.figure.values.iter().all(|(_, value)| row.figure.bound.met(*value));
        assert_eq!(row.met, row.figure.asked.then_some(met), "{row:?}");
        assert!(
            row.figure
                .values
                .iter()
                .any(|(name, value)| *name == row.worst && value.to_bits() == row.got.to_bits())
        );
        assert_eq!(row.beside.len(), if row.amount == Some(90) { 4 } else { 0 });
        if row.amount == Some(90) {
            // The same music gives the same figures.
            assert_eq!(row.beside[1].to_bits(), row.got.to_bits(), "{row:?}");
        }
    }
    let row = |name: &str, amount: Option<u32>| {
        let found = checked.rows.iter().find(|row| row.figure.name.contains(name) && row.amount == amount);
        found.unwrap_or_else(|| panic!("no {name} at {amount:?}"))
    };
    assert_eq!(row("as they were at amount 0", None).met, Some(true));
    assert_eq!(row("growth of change", None).met, Some(true), "the amount is monotonic by its making");
    assert_eq!(row("file, MB", None).met, Some(false));
    assert_eq!(row("melody kept", Some(90)).met, None);
    assert!(row("melody kept", Some(100)).met.is_some());
    assert!(row("by features", Some(90)).figure.bound == Bound::AtLeast(0.75));
    assert!(!row("by own classifier", Some(100)).figure.asked);
    assert_eq!(row("histogram distance", Some(100)).figure.values.len(), 24);
    let (met, asked) = checked.score();
    assert!(met < asked && asked == checked.rows.iter().filter(|row| row.met.is_some()).count());
    let text = checked.to_string();
    for part in
        ["figures are what is asked", "NO", "Amount 90 %", "2a - 1", "S_tot by features", "note length"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let json = serde_json::to_value(&checked).unwrap();
    assert!(json["rows"][0]["name"].is_string() && json["targets"]["change"].is_f64());

    let little = check(&pack(), 1, &dataset(["short", "long"]), &options(40, 1), &TargetOptions::default());
    assert!(little.unwrap_err().to_string().contains("50 %"));
}

#[test]
fn pictures_are_drawn_of_every_direction() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    let output = OutputOptions { pictures: Some(pictures.clone()), ..OutputOptions::default() };
    output.write("Random & <odd> 1", &told(whole()), &dataset(["short", "long"])).unwrap();
    for direction in ["short2long", "long2short"] {
        for kind in ["best", "median", "worst"] {
            let png = std::fs::read(pictures.join(format!("{direction}-{kind}.png"))).unwrap();
            assert_eq!(&png[1..4], b"PNG");
        }
    }
}
