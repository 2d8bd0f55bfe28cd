//! Threads and the library itself: a worker for all instances and a computing thread for all of a pack, gone
//! with the last, and then the library can go too.
//!
//! One test in a program of its own: it counts the process's threads.
#![cfg(target_os = "linux")]

mod common;

use std::fs;

use common::{BPM, LATER, RATE, events, library, packs_folder, sample, tune};
use host::{ClapHost, ClapLibrary, Transport, Vst3Host, drive};

/// The names of the process's threads but the idle one that nice-plug starts for any plugin's background
/// tasks.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let mut names: Vec<_> =
        names.map(|name| name.trim().to_owned()).filter(|name| name != "bg-worker").collect();
    names.sort();
    names
}

fn is_mapped() -> bool {
    fs::read_to_string("/proc/self/maps").unwrap().contains("libcontrafact.so")
}

fn bounce(plugin: &mut ClapHost) {
    plugin.set_offline(true).unwrap();
    plugin.set("Amount", 0.9).unwrap();
    plugin.start(RATE, 512).unwrap();
    let mut transport = Transport::new(RATE, 512, BPM);
    transport.play();
    let mut output = Vec::new();
    let until = sample(2.0 * LATER, RATE, BPM);
    drive(plugin, &mut transport, until, &events(&tune(), RATE, BPM), &mut output).unwrap();
    assert!(!output.is_empty());
}

/// Runs `use_it` on a thread that is gone afterwards: glibc keeps a library while a thread lives that has
/// thread-local values of it to destroy.
fn on_a_thread<T: Send>(use_it: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(use_it).join().unwrap())
}

#[test]
fn two_threads_serve_all_and_nothing_stays_behind() {
    packs_folder();
    let library_file = library();
    {
        let loaded = ClapLibrary::load(&library_file).unwrap();
        on_a_thread(|| {
            let before = threads();
            let mut plugins: Vec<_> = (0..8).map(|_| loaded.instance().unwrap()).collect();
            plugins.iter_mut().for_each(bounce);
            let during = threads();
            assert_eq!(during.len(), before.len() + 2, "{during:?} against {before:?}");
            assert!(
                ["contrafact", "contrafact-pack"].iter().all(|own| during.iter().any(|name| name == own))
            );
            plugins.drain(..7);
            assert_eq!(threads(), during, "the last instance keeps the threads");
            drop(plugins);
            assert_eq!(threads(), before);
        });
    }
    assert!(!is_mapped(), "the library is unloaded when its last instance is gone");
    for round in 0..20 {
        let loaded = ClapLibrary::load(&library_file).unwrap();
        assert!(is_mapped());
        on_a_thread(|| {
            let mut plugin = loaded.instance().unwrap();
            if round % 2 == 0 {
                bounce(&mut plugin);
            }
        });
        drop(loaded);
        assert!(!is_mapped(), "round {round}");
    }
    for round in 0..20 {
        let loaded = on_a_thread(|| {
            let mut plugin = Vst3Host::open(&library_file).unwrap();
            if round % 2 == 0 {
                plugin.start(RATE, 512).unwrap();
                // A thread names itself, some time after it was started.
                let named = || threads().iter().any(|name| name == "contrafact");
                let mut rounds = 0;
                while !named() {
                    assert!(rounds < 2000, "the worker runs: {:?}", threads());
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    rounds += 1;
                }
            }
            plugin.library()
        });
        assert!(is_mapped());
        drop(loaded);
        assert!(!is_mapped(), "VST3, round {round}");
    }
}
