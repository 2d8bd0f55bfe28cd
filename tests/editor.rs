//! The editor opened, resized and closed while other threads process and set parameters, and the library
//! unloaded after.
//!
//! One test in a program of its own: it counts the process's threads and descriptors, and the X server is the
//! environment's.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::thread;
use std::time::{Duration, Instant};

use common::{RATE, automate as process, library, packs_folder};
use host::{ClapLibrary, Display, Vst3Host, Vst3Loop};

const ROUNDS: usize = 50;
const BLOCK: u32 = 64;

/// Serves the main thread until the window holds so many others; in time, or the test fails.
fn until_children(display: &Display, window: u32, count: usize, mut pump: impl FnMut()) {
    let since = Instant::now();
    while display.children(window) != count {
        assert!(since.elapsed() < Duration::from_secs(20), "the editor's window did not come or go");
        pump();
    }
}

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// Threads and open descriptors of this process.
fn held() -> (usize, usize) {
    (count("/proc/self/task"), count("/proc/self/fd"))
}

fn clap_round(display: &Display, round: usize) {
    let loaded = ClapLibrary::load(&library()).unwrap();
    let mut plugin = loaded.instance().unwrap();
    let params: Vec<_> = plugin.params().iter().map(|param| param.id).collect();
    plugin.start(RATE, BLOCK).unwrap();
    let mut audio = plugin.lend_audio().unwrap();
    let (stop, window) = (AtomicBool::new(false), display.window(800, 600));
    let audio = thread::scope(|scope| {
        let processing = scope.spawn(|| {
            process(&mut audio, &params, &stop);
            audio
        });
        for size in [(640, 480), (800, 600)].into_iter().take(1 + round % 2) {
            let mut editor = plugin.open_editor(window).unwrap();
            until_children(display, window, 1, || editor.host().pump());
            editor.resize(size.0, size.1);
            for _ in 0..5 {
                editor.host().pump();
                thread::sleep(Duration::from_millis(2));
            }
            drop(editor);
            until_children(display, window, 0, || thread::sleep(Duration::from_millis(1)));
        }
        stop.store(true, Relaxed);
        processing.join().unwrap()
    });
    plugin.take_back(audio);
    display.destroy(window);
}

fn vst3_round(display: &Display, round: usize) {
    let open = if round.is_multiple_of(3) { Vst3Host::open_without_loop } else { Vst3Host::open };
    let mut plugin = open(&library()).unwrap();
    let params: Vec<_> = plugin.params().iter().map(|param| param.id).collect();
    let (controller, main) = (plugin.controller(), plugin.main_loop());
    plugin.start(RATE, BLOCK).unwrap();
    let (stop, window) = (AtomicBool::new(false), display.window(800, 600));
    let pump = |main: &Vst3Loop| main.pump(Duration::from_millis(1));
    thread::scope(|scope| {
        scope.spawn(|| process(&mut plugin, &params[..6], &stop));
        let setter = controller.clone();
        scope.spawn(|| {
            let setter = setter;
            for step in 0_u32.. {
                if stop.load(Relaxed) {
                    break;
                }
                for &id in &params[..8] {
                    assert!(setter.set(id, f64::from(step % 31) / 30.0));
                    assert!((0.0..=1.0).contains(&setter.value(id)));
                }
                thread::sleep(Duration::from_micros(100));
            }
        });
        for size in [(640, 480), (800, 600)].into_iter().take(1 + round % 2) {
            let editor = controller.open_editor(window).unwrap();
            assert_eq!(main.watched(), 1, "the plugin is in the main loop");
            assert!(controller.open_editor(window).is_err(), "one editor at a time");
            until_children(display, window, 1, || pump(&main));
            assert!(editor.size().is_some());
            assert!(editor.resize(size.0, size.1));
            (0..5).for_each(|_| main.pump(Duration::from_millis(2)));
            drop(editor);
            until_children(display, window, 0, || pump(&main));
        }
        stop.store(true, Relaxed);
    });
    drop((controller, plugin));
    assert_eq!(main.watched(), 0, "the plugin has left the main loop");
    display.destroy(window);
}

#[test]
fn editors_come_and_go_while_parameters_move() {
    packs_folder();
    let Some(display) = common::display(1280, 1024) else { return };
    for (name, round) in [("CLAP", clap_round as fn(&Display, usize)), ("VST3", vst3_round)] {
        // What the graphics driver keeps for good is there after some rounds.
        (0..5).for_each(|at| round(&display, at));
        let before = held();
        (5..ROUNDS).for_each(|at| round(&display, at));
        // Threads of closed windows take a while to go.
        let since = Instant::now();
        loop {
            let now = held();
            if now.0 <= before.0 && now.1 <= before.1 {
                break;
            }
            let waited = since.elapsed() > Duration::from_secs(20);
            assert!(!waited, "{name}: {before:?} threads and descriptors became {now:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}
