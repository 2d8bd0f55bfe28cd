//! Writers from training to a pack: what they are measured by, and how they come into other packs.

mod common;

use std::path::Path;

use clap::FromArgMatches;
use common::well_formed;
use model::{Ask, Pack, Role};
use phrase::{Roll, STEPS};
use trainer::classifier::PackClassifierOptions;
use trainer::dataset::{Dataset, GenreInfo, Info, Item, Split};
use trainer::evaluate::report::{Told, page};
use trainer::evaluate::writer::measure;
use trainer::families::writers::{WriterOptions, plan};
use trainer::families::{FAMILIES, Family};
use trainer::hands::add::merge;
use trainer::run::{Naming, RunOptions, drive, export, start};

/// Songs of eight bars: a scale up and down in each genre's octave, with a bass.
fn data(genres: &[&str]) -> Dataset {
    let roll = |genre: usize, song: usize, half: usize| {
        Roll::from_cells(|step, row| {
            let degree = [0, 2, 4, 5, 7, 9, 11][(step / 2 * (1 + song % 3) + half) % 7];
            row == 24 + 12 * genre + degree && step % 2 == 0
                || row == 12 + [0, 5, 7][step / 16 % 3] && step % 8 < 7
        })
    };
    let songs = |genre: usize, count: usize| {
        let item = |song: usize, half: usize| {
            Item::of(roll(genre, song, half), song as u32).at_step((half * STEPS) as u32)
        };
        (0..count).flat_map(|song| [item(song, 0), item(song, 1)]).collect::<Vec<_>>()
    };
    let info = Info {
        genres: genres
            .iter()
            .map(|name| GenreInfo { name: (*name).into(), ..GenreInfo::default() })
            .collect(),
        options: serde_json::json!({}),
    };
    let items = (0..genres.len()).map(|genre| [8, 3, 3].map(|count| songs(genre, count)));
    Dataset::of_rolls(info, items.collect())
}

fn options(arguments: &[&str]) -> WriterOptions {
    let family: &Family = FAMILIES.iter().find(|family| family.command == "train-writer").unwrap();
    let matches = family.options_command().try_get_matches_from(arguments).unwrap();
    WriterOptions::from_arg_matches(&matches).unwrap()
}

/// A small run's pack.
fn trained(data: &Dataset, arguments: &[&str], folder: &Path) -> Pack {
    let small = ["--batch=4", "--units=12", "--width=8", "--validate=10"];
    let run = RunOptions { samples: 0, threads: 1, anew: true, ..RunOptions::in_folder(folder) };
    let plan = plan(options(&[&small[..], arguments].concat()), data).unwrap();
    let mut trainee = start(data, plan, &run).unwrap();
    assert!(drive(&mut *trainee, data, &run, &false.into()).unwrap());
    let classifier = PackClassifierOptions { classifier_steps: 1, classifier_batch: 2, classifier_width: 4 };
    let pack = export(data, &Naming::plain("Writer"), &run, &classifier).unwrap();
    Pack::from_bytes("Writer", &pack.to_bytes().unwrap()).unwrap()
}

fn write(pack: &Pack, shares: &[f32]) -> Roll {
    let before = data(&["x", "y"]).items[0][0][0].roll;
    let family = pack.card.parts.writer.as_ref().unwrap();
    let mut writer = family.sizes().build(&pack.weights.part(Role::Writer), shares.len()).unwrap();
    let mut out = Roll::EMPTY;
    let ask = Ask { shares, key: None, density: 2.0, position: 0, seed: 1, near: &[] };
    writer.write(&before, STEPS, &ask, &mut out).unwrap();
    out
}

#[test]
fn what_is_learned_beats_counting_on_music_that_is_all_rule() {
    let data = data(&["x", "y"]);
    let folder = tempfile::tempdir().unwrap();
    let pack = trained(&data, &["--steps=150", "--rate=0.02", "--drop=0"], folder.path());
    let measured = measure(&pack, Some(&pack), &data, Split::Test, 0).unwrap().unwrap();
    assert_eq!(measured.columns.len(), 4);
    let all = &measured.tables[0];
    assert_eq!((all.genre.as_str(), all.counts), ("all", [6, 6]));
    let of = |measure: &str, column: usize| {
        let row = all.rows.iter().find(|row| row.measure == measure).unwrap();
        row.figures[column].map(|figure| figure.value)
    };
    for measure in ["perplexity, symbol", "density ratio", "BLEU-4", "MSE of the top pitch"] {
        assert_eq!(of(measure, 0), of(measure, 1), "{measure}: beside itself it is the same");
        assert!(of(measure, 0).unwrap().is_finite() && of(measure, 2).unwrap().is_finite(), "{measure}");
    }
    let symbols = pack.card.parts.writer.as_ref().unwrap().sizes().summary();
    assert!(of("perplexity, symbol", 0).unwrap() < 20.0, "{symbols}: {:?}", of("perplexity, symbol", 0));
    assert_eq!(of("perplexity, symbol", 3), None, "real music has no opinion");
    assert_eq!(of("MSE of the top pitch", 3), Some(0.0));
    let text = measured.table();
    assert!(text.contains("Markov, order 3") && text.contains("top-1 symbol"), "{text}");
    assert!(measured.metrics().keys().any(|name| name.starts_with("writer_perplexity")));
    let page = page("Pack & 1", &Told { writer: Some(&measured), ..Told::default() }, None);
    well_formed(&page);
    assert_eq!(page.matches("written then").count(), 4, "two songs of each genre are drawn");
    // Songs without eight bars say nothing.
    let mut short = data.clone();
    short.items.iter_mut().for_each(|splits| splits[2].retain(|item| item.at.start == 0));
    let error = measure(&pack, None, &short, Split::Test, 0).unwrap_err().to_string();
    assert!(error.contains("eight bars") && error.contains("--split"), "{error}");
}

#[test]
fn writers_come_into_other_packs_in_their_order_of_genres() {
    let folder = tempfile::tempdir().unwrap();
    let pack = trained(&data(&["x", "y"]), &["--steps=4"], folder.path());
    let other = trained(&data(&["y", "x"]), &["--steps=1"], folder.path());
    let mut merged = other.clone();
    assert_eq!(merge(&mut merged, &pack).unwrap(), [Role::Writer]);
    let merged = Pack::from_bytes("merged", &merged.to_bytes().unwrap()).unwrap();
    for shares in [[1.0, 0.0], [0.0, 1.0], [0.25, 0.75]] {
        let turned = [shares[1], shares[0]];
        assert_eq!(write(&merged, &turned), write(&pack, &shares));
    }
    let mut third = trained(&data(&["x", "y", "z"]), &["--steps=1"], folder.path());
    let error = merge(&mut third, &pack).unwrap_err().to_string();
    assert!(error.contains("does not know the genre z"), "{error}");
}

#[test]
fn the_seeds_train_with_their_errors_too() {
    let data = data(&["x", "y"]);
    let folder = tempfile::tempdir().unwrap();
    for more in [
        &["--preset=seed"][..],
        &["--preset=seed", "--target=inside", "--concat=time", "--only-key=C major"],
        &["--kind=seqgan", "--preset=seed", "--pretrain=1", "--negatives=4", "--roll-outs=0", "--thinner=90"],
        &[
            "--kind=seqgan",
            "--pretrain=1",
            "--critic-pretrain=1",
            "--negatives=4",
            "--roll-outs=1",
            "--thinner=90",
            "--baseline",
            "--output=sigmoid",
        ],
    ] {
        let pack = trained(&data, &[&["--steps=3"][..], more].concat(), folder.path());
        assert!(write(&pack, &[1.0, 0.0]).onsets() > 0, "{more:?}");
        let measured = measure(&pack, None, &data, Split::Test, 2).unwrap().unwrap();
        assert!(measured.tables[0].rows[0].figures[0].is_some(), "{more:?}");
    }
    let wrong = options(&["--target=inside"]).complete().unwrap_err().to_string();
    assert!(wrong.contains("--preset seed"), "{wrong}");
    let error = plan(options(&["--only-key=F# major"]), &data).err().unwrap().to_string();
    assert!(error.contains("no symbol to learn"), "{error}");
}
