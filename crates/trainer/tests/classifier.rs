//! The classifier: it learns what can be learned, keeps it in a file, and noise confuses it.

use candle_core::{Device, Tensor};
use phrase::{PITCHES, Roll, STEPS};
use trainer::classifier::PackClassifierOptions;
use trainer::classifier::accuracy::logits;
use trainer::classifier::noise::{NoiseTable, SIGMAS};
use trainer::classifier::{Build, ClassifierFile, ClassifierOptions, ClassifierRun, Keep, Order, train};
use trainer::core::Losses;
use trainer::dataset::{Dataset, GenreInfo, Info, Item, Split};
use trainer::run::{Checkpoint, Trainee};

/// Three genres that differ plainly: short notes high up, long ones low down, chords in the middle.
fn dataset() -> Dataset {
    let cell = |genre: usize, song: usize, step: usize, row: usize| match genre {
        0 => step % 4 == song % 4 && (row * 7 + step + song).is_multiple_of(13) && row > PITCHES / 2,
        1 => (row * 5 + step / 16 + song).is_multiple_of(11) && row < PITCHES / 2,
        _ => (30..54).contains(&row) && step % 8 < 3 && (row + song + step / 16).is_multiple_of(4),
    };
    let roll = |genre, song| Roll::from_cells(|step, row| cell(genre, song, step, row));
    let item = |genre, song| Item::of(roll(genre, song), song as u32);
    let splits = |genre| [12, 6, 6].map(|count| (0..count).map(|song| item(genre, song)).collect::<Vec<_>>());
    let info = |name: &&str| GenreInfo { name: name.to_string(), ..GenreInfo::default() };
    let info =
        Info { genres: ["high", "low", "chords"].iter().map(info).collect(), options: serde_json::json!({}) };
    Dataset::of_rolls(info, (0..3).map(splits).collect())
}

fn options(steps: u64) -> ClassifierOptions {
    let listener =
        PackClassifierOptions { classifier_steps: steps, classifier_batch: 6, classifier_width: 4 };
    let clean = ClassifierOptions { drop_notes: 0.0, stray_notes: 0, play: 0.0, ..listener.complete(2, 3) };
    ClassifierOptions { rate: 3e-3, average: 0.05, check_every: 10, calibrate: false, ..clean }
}

/// What a calibrated classifier hears is what the same one hears uncalibrated; it is only more or less sure.
#[test]
fn calibrating_changes_how_sure_it_is_and_nothing_else() {
    let data = dataset();
    let options = ClassifierOptions { play: 0.5, drop_notes: 0.1, stray_notes: 2, ..options(60) };
    let heard = |calibrate: bool| {
        let options = ClassifierOptions { calibrate, ..options.clone() };
        let file = train(&data, &options, |_, _| {}).unwrap();
        logits(&file.classifier().unwrap(), data.split(0, Split::Test), None).unwrap()
    };
    let (plain, sure) = (heard(false), heard(true));
    let factor = sure[0][0] / plain[0][0];
    assert!(factor > 0.1 && (factor - 1.0).abs() > 1e-3, "{factor}");
    for (plain, sure) in plain.iter().flatten().zip(sure.iter().flatten()) {
        assert!((sure - factor * plain).abs() < 1e-3 * plain.abs().max(1.0), "{sure} {plain} {factor}");
    }
}

#[test]
fn it_learns_keeps_and_is_read_again() {
    let data = dataset();
    let mut losses = Vec::new();
    let file = train(&data, &options(60), |_, loss| losses.push(loss)).unwrap();
    assert!(losses[50..].iter().sum::<f32>() < 0.5 * losses[..10].iter().sum::<f32>(), "{losses:?}");
    assert!(file.accuracy.iter().all(|&share| share > 0.9), "{:?}", file.accuracy);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("judge.safetensors");
    file.write(&path).unwrap();
    let back = ClassifierFile::read(&path).unwrap();
    assert_eq!((&back.genres, back.config, &back.accuracy), (&file.genres, file.config, &file.accuracy));
    let mut cells = vec![0.0; STEPS * PITCHES];
    data.items[1][2][0].roll.to_f32(&mut cells);
    let roll = Tensor::from_vec(cells, (1, STEPS, PITCHES), &Device::Cpu).unwrap();
    let logits = |file: &ClassifierFile| {
        file.classifier().unwrap().forward(&roll).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_eq!(logits(&back), logits(&file));

    let table = NoiseTable::measure(&back, &data, Split::Test, &[0.0, 0.1, 50.0], 1).unwrap();
    assert_eq!(table.rows.iter().map(|row| row.genres.len()).collect::<Vec<_>>(), [2, 2, 2, 3]);
    let all = table.rows[3].means();
    assert!(all[0] > 0.9 && all[2] < 0.7, "noise of 50 leaves nothing to hear: {all:?}");
    assert_eq!(table, NoiseTable::measure(&back, &data, Split::Test, &[0.0, 0.1, 50.0], 1).unwrap());
    assert!(table.csv().contains("high/low/chords,50,mean,"), "{}", table.csv());
    assert_eq!(SIGMAS, [0.0, 0.01, 0.1, 0.2, 0.3, 0.5]);

    // Genres are found by name, whatever the dataset's order.
    let turned = data.select(&["chords", "high", "low"]).unwrap();
    let again = NoiseTable::measure(&back, &turned, Split::Test, &[0.0], 1).unwrap();
    assert_eq!(again.rows[3].means()[0], all[0]);
    let error = format!("{:#}", back.judged(&data.pair("high", "low").unwrap()).unwrap_err());
    assert!(error.contains("no genre chords; it has high, low"), "{error}");
}

#[test]
fn the_best_weights_need_validation_phrases_and_are_no_worse_on_them() {
    let mut data = dataset();
    let mean = |file: &ClassifierFile| file.accuracy.iter().sum::<f64>();
    let latest = train(&data, &options(20), |_, _| {}).unwrap();
    let best = train(&data, &ClassifierOptions { keep: Keep::Best, ..options(20) }, |_, _| {}).unwrap();
    assert!(mean(&best) >= mean(&latest));
    data.items[0][Split::Valid as usize].clear();
    let error = train(&data, &ClassifierOptions { keep: Keep::Best, ..options(1) }, |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("--keep latest"), "{error}");
}

#[test]
fn a_pair_has_its_own_order_and_says_which_genres_there_are() {
    let data = dataset();
    let pair = data.pair("chords", "high").unwrap();
    assert_eq!((pair.genres(), &pair.items[0]), (vec!["chords".into(), "high".into()], &data.items[2]));
    for (a, b, words) in
        [("high", "high", "twice"), ("high", "bop", "no genre bop; it has high, low, chords")]
    {
        let error = data.pair(a, b).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn datasets_are_joined_by_the_names_of_their_genres() {
    let data = dataset();
    let turned = data.select(&["chords", "low", "high"]).unwrap();
    let joined = data.clone().with(&turned).unwrap();
    for genre in 0..3 {
        for split in Split::ALL {
            let (own, both) = (data.split(genre, split), joined.split(genre, split));
            assert_eq!((both.len(), &both[..own.len()]), (2 * own.len(), own));
            // The same phrases, as other songs.
            for (before, after) in own.iter().zip(&both[own.len()..]) {
                assert_eq!((after.roll, after.song), (before.roll, before.song + 12));
            }
        }
    }
    assert!(data.with(&turned.pair("chords", "high").unwrap()).is_err());
}

#[test]
fn balancing_draws_without_repeating_and_keeps_the_order() {
    let mut data = dataset();
    data.items[1][0].truncate(5);
    data.items[2][1].clear();
    let balanced = data.balanced();
    for splits in &balanced.items {
        let songs: Vec<_> = splits[0].iter().map(|item| item.song).collect();
        assert!(songs.len() == 5 && songs.is_sorted_by(|a, b| a < b), "{songs:?}");
    }
    assert_eq!(balanced.items[0][1].len(), 6, "a split that a genre lacks stays");
    assert_eq!(balanced.items, data.balanced().items);
    assert_ne!(balanced.items, data.balanced_by(2).items);
}

#[test]
fn one_genre_cannot_be_told_apart() {
    let one = dataset().select(&["high"]).unwrap();
    let error = train(&one, &options(1), |_, _| {}).unwrap_err().to_string();
    assert!(error.contains("one genre only (high)"), "{error}");
    let mut empty = dataset();
    empty.items[2][0].clear();
    let error = train(&empty, &options(1), |_, _| {}).unwrap_err().to_string();
    assert!(error.contains("no training phrase of chords"), "{error}");
}

#[test]
fn files_that_are_something_else_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    dataset().write(&at("data.safetensors")).unwrap();
    train(&dataset(), &options(1), |_, _| {}).unwrap().write(&at("judge.safetensors")).unwrap();
    let whole = std::fs::read(at("data.safetensors")).unwrap();
    std::fs::write(at("cut.safetensors"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(at("text.safetensors"), "no tensors").unwrap();
    let newer = String::from_utf8_lossy(&whole[8..4000.min(whole.len())])
        .find("dataset-version\":\"2\"")
        .map(|at| 8 + at + "dataset-version\":\"".len());
    let mut bytes = whole.clone();
    bytes[newer.unwrap()] = b'9';
    std::fs::write(at("newer.safetensors"), &bytes).unwrap();
    for (name, words) in [
        ("judge.safetensors", "it is a classifier"),
        ("cut.safetensors", "cut, damaged"),
        ("text.safetensors", "cut, damaged"),
        ("newer.safetensors", "made by a newer trainer"),
        ("missing.safetensors", "could not be read"),
    ] {
        let error = format!("{:#}", Dataset::read(&at(name)).unwrap_err());
        assert!(error.contains(words) && error.contains(name), "{error}");
    }
    assert_eq!(Dataset::read(&at("data.safetensors")).unwrap().items, dataset().items);
    for (name, words) in [("data.safetensors", "another kind"), ("cut.safetensors", "cut, damaged")] {
        let error = format!("{:#}", ClassifierFile::read(&at(name)).unwrap_err());
        assert!(error.contains(words) && error.contains(name), "{error}");
    }
    let mut judge = std::fs::read(at("judge.safetensors")).unwrap();
    let last = judge.len() - 4;
    judge[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(at("nan.safetensors"), &judge).unwrap();
    let error = format!("{:#}", ClassifierFile::read(&at("nan.safetensors")).unwrap_err());
    assert!(error.contains("not finite"), "{error}");
}

#[test]
fn a_judge_of_another_build_learns_too_and_hears_repeated_notes() {
    // One genre holds its notes, the other repeats them: the same cells sound.
    let held = |song: usize| Roll::from_cells(|step, row| row % 17 == 5 && (step + song) % 16 < 14);
    let repeated = |song: usize| {
        let roll = held(song);
        Roll {
            onset: std::array::from_fn(|step| roll.sounding[step] & 0u128.wrapping_sub((step % 2) as u128)),
            ..roll
        }
    };
    let mut data = dataset().pair("high", "low").unwrap();
    for splits in [0, 1, 2] {
        for song in 0..data.items[0][splits].len() {
            data.items[0][splits][song].roll = held(song);
            data.items[1][splits][song].roll = repeated(song);
        }
    }
    let options =
        ClassifierOptions { build: Build::Beats, width: 8, drop_notes: 0.1, stray_notes: 2, ..options(80) };
    let file = train(&data, &options, |_, _| {}).unwrap();
    assert!(file.accuracy.iter().all(|&share| share > 0.9), "{:?}", file.accuracy);
    assert!(file.config.papers().is_none());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("judge.safetensors");
    file.write(&path).unwrap();
    let back = ClassifierFile::read(&path).unwrap();
    assert_eq!(back.config, file.config);
    let items = data.split(0, Split::Test);
    let heard = |file: &ClassifierFile| logits(&file.classifier().unwrap(), items, None).unwrap();
    assert_eq!(heard(&back), heard(&file));
    // Each phrase is heard by itself, whatever the batch, but for rounding: products of other sizes are
    // summed in another order on some systems.
    let alone = logits(&back.classifier().unwrap(), &items[2..3], None).unwrap();
    for (alone, among) in alone[0].iter().zip(&heard(&file)[2]) {
        assert!((alone - among).abs() < 1e-5, "{alone} {among}");
    }
}

/// A run that is saved and gone on with gives the same classifier as one that was not, in any order of
/// phrases.
#[test]
fn a_run_that_goes_on_gives_the_same_classifier() {
    let data = dataset();
    for (order, keep) in [(Order::Drawn, Keep::Best), (Order::Epochs, Keep::Latest)] {
        let options = ClassifierOptions { order, keep, check_every: 4, ..options(14) };
        let straight = train(&data, &options, |_, _| {}).unwrap();
        let mut run = ClassifierRun::new(options, data.genres()).unwrap();
        let losses: Vec<Losses> = (0..9).map(|_| run.train(&data, 1).unwrap()).collect();
        // 36 phrases are six batches: the accuracy is of before the first step until the first epoch's end.
        let accuracy: Vec<f32> = losses.iter().map(|losses| losses.get("accuracy").unwrap()).collect();
        assert!(accuracy[..5].iter().all(|heard| *heard == accuracy[0]), "{accuracy:?}");
        assert!(accuracy[5..].iter().all(|heard| *heard == accuracy[5]) && accuracy[5] > accuracy[0]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        run.checkpoint().unwrap().write(&path).unwrap();
        let read = Checkpoint::read(&path, "classifier").unwrap();
        let mut run = ClassifierRun::resume(&read).unwrap();
        assert_eq!((run.step(), run.steps()), (9, 14));
        (9..14).for_each(|_| drop(run.train(&data, 1).unwrap()));
        let file = run.classifier(&data).unwrap().unwrap();
        assert_eq!(file.accuracy, straight.accuracy);
        for (name, tensor) in file.weights.iter() {
            let [a, b] = [tensor, &straight.weights.get(name, tensor.dims()).unwrap()]
                .map(|tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap());
            assert_eq!(a, b, "{name}");
        }
    }
}

#[test]
fn an_epoch_hears_every_phrase_once() {
    let data = dataset();
    // A classifier of the papers' order learns from each phrase: without one genre's it would not know it.
    let options = ClassifierOptions { order: Order::Epochs, transpose: 0, ..options(60) };
    let file = train(&data, &options, |_, _| {}).unwrap();
    assert!(file.accuracy.iter().all(|&share| share > 0.9), "{:?}", file.accuracy);
    let drawn = train(&data, &ClassifierOptions { order: Order::Drawn, ..options }, |_, _| {}).unwrap();
    assert!(file.weights.iter().any(|(name, tensor)| {
        let other = drawn.weights.get(name, tensor.dims()).unwrap();
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            != other.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    }));
}

fn classify(folder: &std::path::Path, flags: &str) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.current_dir(folder).args([
        "classify",
        "data.safetensors",
        "-o",
        "judge.safetensors",
        "--width=2",
    ]);
    command.args(flags.split_whitespace()).stderr(std::process::Stdio::piped());
    command
}

/// The command as people use it: a log with an accuracy, a checkpoint, more steps, and once more from the
/// start.
#[test]
fn the_command_keeps_a_run_beside_its_output_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    dataset().write(&at("data.safetensors")).unwrap();
    let run = |flags: &str| {
        let done = classify(folder.path(), flags).output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    assert_eq!(run("--steps 6 --batch 6").0, Some(0));
    let metrics = std::fs::read_to_string(at("judge.run/metrics.csv")).unwrap();
    assert!(metrics.starts_with("step,loss,accuracy\n") && metrics.lines().count() == 7, "{metrics}");
    let first = std::fs::read(at("judge.safetensors")).unwrap();
    // Of a run that is done nothing is lost: it may be done again, to the same.
    assert_eq!(run("--steps 6 --batch 6").0, Some(0));
    assert_eq!(std::fs::read(at("judge.safetensors")).unwrap(), first);
    assert_eq!(run("--resume --steps 12").0, Some(0));
    let metrics = std::fs::read_to_string(at("judge.run/metrics.csv")).unwrap();
    assert_eq!(metrics.lines().count(), 13);
    assert_ne!(std::fs::read(at("judge.safetensors")).unwrap(), first);
    let judge = ClassifierFile::read(&at("judge.safetensors")).unwrap();
    assert_eq!(judge.genres, ["high", "low", "chords"]);
}

/// Ctrl-C saves, and the same command with --resume goes on.
#[cfg(unix)]
#[test]
fn ctrl_c_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    dataset().write(&at("data.safetensors")).unwrap();
    let mut child = classify(folder.path(), "--steps 1000000 --batch 4 --every 100000").spawn().unwrap();
    // Each step is a line: by then it has taken some.
    while std::fs::metadata(at("judge.run/metrics.csv")).map_or(0, |file| file.len()) < 200 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(child.try_wait().unwrap().is_none(), "it ended");
    }
    // SAFETY: only sends a signal; the child has not been waited for, so that its number is still its own.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!at("judge.safetensors").exists());
    let step = Checkpoint::peek(&at("judge.run/checkpoint.safetensors")).unwrap().header["step"].clone();
    let step = step.as_u64().unwrap();
    assert!(step > 1);
    let refused = classify(folder.path(), "--steps 8").output().unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("--resume"), "{words}");
    let more = format!("--resume --steps {}", step + 2);
    assert!(classify(folder.path(), &more).status().unwrap().success());
    assert!(at("judge.safetensors").exists());
}
