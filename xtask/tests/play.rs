//! `play` gives the bytes of a bounce: the file of the command is that of a host of the test's own, at every
//! latency.

use std::path::{Path, PathBuf};
use std::process::Command;

use host::{ClapHost, RenderOptions, render_song};
use phrase::Song;

/// The plugin that cargo built with this test.
fn library() -> PathBuf {
    let name = format!("{}contrafact{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let program = std::env::current_exe().unwrap();
    let library = program.parent().unwrap().join(name);
    assert!(library.is_file(), "{} is missing: cargo test builds it", library.display());
    library
}

#[test]
fn the_file_is_that_of_a_bounce_at_every_latency() {
    let song = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/harvest-road.mid");
    let folder = tempfile::tempdir().unwrap();
    let genres = model::read_card("the default pack", model::default_pack()).unwrap().genres;
    for (bars, latency) in [(4, 0.0), (2, 0.5), (1, 1.0)] {
        let answer = folder.path().join("answer.mid");
        let played = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["play", song.to_str().unwrap(), "--to", &genres[1], "--amount", "75", "--variation", "40"])
            .args(["--seed", "7", "--latency", &bars.to_string(), "--library", library().to_str().unwrap()])
            .args(["-o", answer.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));

        // Another block size, and known as a bounce by its pace alone.
        let mut plugin = ClapHost::open(&library()).unwrap();
        let values = [
            ("Target", 1.0 / 7.0),
            ("Amount", 0.75),
            ("Variation", 0.4),
            ("Seed", 7.0 / 9999.0),
            ("Latency", latency),
        ];
        values.into_iter().for_each(|(name, value)| plugin.set(name, value).unwrap());
        plugin.set_offline(bars != 2).unwrap();
        let options = RenderOptions { block: 333, delay: 4.0 * f64::from(bars), ..RenderOptions::default() };
        plugin.start(options.sample_rate, options.block).unwrap();
        let bounced = render_song(&mut plugin, &Song::read(&song).unwrap(), &options).unwrap();
        assert_eq!(std::fs::read(&answer).unwrap(), bounced.song.to_bytes().unwrap(), "{bars} bars");
    }
}

#[test]
fn the_band_and_its_touch_are_options_too() {
    let song = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/harvest-road.mid");
    let folder = tempfile::tempdir().unwrap();
    let answer = folder.path().join("answer.mid");
    let genre = &model::read_card("the default pack", model::default_pack()).unwrap().genres[0];
    let library = library();
    for (options, values) in [
        (
            &["--swing", "60", "--dynamics", "50", "--parts", "chords,bass", "--split"][..],
            &[("Swing", 0.6), ("Dynamics", 0.5), ("Tune", 0.0), ("Split", 1.0)][..],
        ),
        (&["--swing", "heard", "--feel", "25"], &[("Groove", 0.5), ("Feel", 0.25)]),
    ] {
        let played = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["play", song.to_str().unwrap(), "--to", genre, "--library", library.to_str().unwrap()])
            .args(["-o", answer.to_str().unwrap()])
            .args(options)
            .output()
            .unwrap();
        assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
        let mut plugin = ClapHost::open(&library).unwrap();
        values.iter().for_each(|(name, value)| plugin.set(name, *value).unwrap());
        plugin.set_offline(true).unwrap();
        let options = RenderOptions { block: 512, ..RenderOptions::default() };
        plugin.start(options.sample_rate, options.block).unwrap();
        let bounced = render_song(&mut plugin, &Song::read(&song).unwrap(), &options).unwrap();
        assert_eq!(std::fs::read(&answer).unwrap(), bounced.song.to_bytes().unwrap(), "{values:?}");
    }
}
