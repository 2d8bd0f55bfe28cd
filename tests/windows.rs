//! The editor on Windows: opened, resized and closed fifty times in each format, while another thread
//! processes and sets parameters. `cargo xtask cross windows --test` runs it under Wine and Xvfb.
#![cfg(windows)]

mod common;

use std::sync::atomic::{AtomicBool, Ordering::*};
use std::thread;
use std::time::{Duration, Instant};

use common::{AUTOMATED, RATE, automate, instance, library, packs_folder};
use gui::View;
use host::{Frame, Vst3Host};

const ROUNDS: usize = 50;
const SIZE: (u16, u16) = (View::SIZE.0 as u16, View::SIZE.1 as u16);
/// How long a window stays in milliseconds, for whoever wants to see it.
const LOOK: &str = "CONTRAFACT_LOOK";

/// A window, where there is a screen; where there is none the test says so, or in CI fails.
fn frame() -> Option<Frame> {
    let frame = Frame::new(SIZE.0, SIZE.1);
    if frame.is_none() {
        let what = "SKIPPED: no editor was opened, for there is no screen; start one (Xvfb)";
        assert!(std::env::var_os("CI").is_none(), "{what}");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("\n{what}\n").as_bytes());
    }
    frame
}

/// Serves messages until the window has an editor, or has none any more, and then for a while.
fn until(frame: &Frame, there: bool, mut pump: impl FnMut()) {
    let look = std::env::var(LOOK).ok().and_then(|look| look.parse().ok());
    // Longer than a frame takes to be drawn without a graphics card.
    let look = Duration::from_millis(if there { look.unwrap_or(150) } else { 20 });
    let since = Instant::now();
    let mut then = None;
    while then.is_none_or(|then: Instant| then.elapsed() < look) {
        if then.is_none() && frame.has_child() == there {
            then = Some(Instant::now());
        }
        assert!(since.elapsed() < Duration::from_secs(30), "the editor's window did not come or go");
        Frame::pump();
        pump();
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_clap_editor_comes_and_goes_while_parameters_move() {
    packs_folder();
    let Some(frame) = frame() else { return };
    let mut plugin = instance();
    plugin.set_offline(false).unwrap();
    let params: Vec<_> = plugin.params().iter().map(|param| param.id).collect();
    plugin.start(RATE, AUTOMATED).unwrap();
    for round in 0..ROUNDS {
        let mut audio = plugin.lend_audio().unwrap();
        let stop = AtomicBool::new(false);
        let audio = thread::scope(|scope| {
            let processing = scope.spawn(|| {
                automate(&mut audio, &params, &stop);
                audio
            });
            let mut editor = plugin.open_editor(frame.handle()).unwrap();
            until(&frame, true, || editor.host().pump());
            let (width, height) = (SIZE.0 + (round % 3) as u16 * 40, SIZE.1 + (round % 2) as u16 * 60);
            frame.resize(width, height);
            assert!(editor.resize(width.into(), height.into()), "round {round}");
            until(&frame, true, || editor.host().pump());
            drop(editor);
            until(&frame, false, || {});
            stop.store(true, Relaxed);
            processing.join().unwrap()
        });
        plugin.take_back(audio);
    }
}

#[test]
fn a_vst3_editor_comes_and_goes_while_parameters_move() {
    packs_folder();
    let Some(frame) = frame() else { return };
    let mut plugin = Vst3Host::open(&library()).unwrap();
    let params: Vec<_> = plugin.params().iter().map(|param| param.id).collect();
    let (controller, main) = (plugin.controller(), plugin.main_loop());
    plugin.start(RATE, AUTOMATED).unwrap();
    for round in 0..ROUNDS {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| automate(&mut plugin, &params[..6], &stop));
            let pump = || main.pump(Duration::from_millis(1));
            let editor = controller.open_editor(frame.handle()).unwrap();
            assert!(controller.open_editor(frame.handle()).is_err(), "one editor at a time");
            until(&frame, true, pump);
            let (width, height) = (SIZE.0 + (round % 3) as u16 * 40, SIZE.1 + (round % 2) as u16 * 60);
            frame.resize(width, height);
            assert!(editor.resize(width.into(), height.into()), "round {round}");
            until(&frame, true, pump);
            assert!(editor.size().is_some());
            drop(editor);
            until(&frame, false, pump);
            stop.store(true, Relaxed);
        });
    }
}
