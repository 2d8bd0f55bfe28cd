//! What the tests through the built plugin share: the library, instances in a host, and music to play.
//!
//! Each test file uses some of it, hence the allowance.
#![allow(dead_code)]

pub mod packs;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host::{ClapHost, Event, EventKind, Instance, Sounded, Transport, drive, pair};
use phrase::nearest;

/// Samples a second, where a test does not care. At 120 BPM a step is 6000 samples and a phrase 384,000.
pub const RATE: f64 = 48_000.0;
/// Quarter notes a minute, likewise.
pub const BPM: f64 = 120.0;
/// Samples a block, likewise.
pub const BLOCK: u32 = 512;
/// Steps between a note and its answer.
pub const LATER: f64 = 64.0;

/// The built plugin: beside the test's own program, where cargo refreshes it. Elsewhere an old build might
/// lie.
pub fn library() -> PathBuf {
    let program = std::env::current_exe().expect("a test knows its program");
    let name = format!("{}contrafact{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = program.parent().expect("a program lies in a folder").join(name);
    assert!(library.is_file(), "{} is missing: cargo test builds it", library.display());
    library
}

/// The packs folder of this test program, empty at first. The plugin is told of it before it is first loaded.
pub fn packs_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let program = std::env::current_exe().expect("a test knows its program");
        let name = program.file_stem().expect("a program has a name").to_string_lossy().into_owned();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-packs"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("target/tmp can be written to");
        // SAFETY: the only reader is the plugin, which is not loaded before this returns, and nothing else is
        // set.
        unsafe { std::env::set_var("CONTRAFACT_PACKS", &folder) };
        folder
    })
}

/// A fresh inactive instance that renders offline: it waits for its answers, so that tests need no patience.
pub fn instance() -> ClapHost {
    packs_folder();
    let mut plugin = ClapHost::open(&library()).expect("the plugin loads");
    plugin.set_offline(true).expect("the plugin renders offline");
    plugin
}

/// A screen for editors, of so many pixels; the test is skipped where it is `None`, which is said so that
/// nobody misses it. Where the environment has `CI` nothing is skipped: the test fails.
#[cfg(target_os = "linux")]
pub fn display(width: u32, height: u32) -> Option<host::Display> {
    let display = host::Display::start(width, height);
    if display.is_none() {
        let what = "SKIPPED: no editor was opened, for there is no Xvfb; install it";
        assert!(std::env::var_os("CI").is_none(), "{what}");
        // Not by the macro, whose words are only seen when a test fails.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("\n{what}\n").as_bytes());
    }
    display
}

/// An instance and the transport that it follows.
pub struct Deck {
    pub plugin: ClapHost,
    pub transport: Transport,
    pub rate: f64,
    pub bpm: f64,
    pub output: Vec<Event>,
}

impl Deck {
    /// A started instance at the usual rate and tempo, at `amount` (0..=1) towards the pack's last genre,
    /// rolling.
    pub fn new(amount: f64) -> Self {
        Deck::with(amount, RATE, BPM, BLOCK)
    }

    /// The same at another rate, tempo and block size.
    pub fn with(amount: f64, rate: f64, bpm: f64, block: u32) -> Self {
        let mut plugin = instance();
        plugin.set("Amount", amount).unwrap();
        plugin.set("Target", SLOT as f64 / 7.0).unwrap();
        Deck::of(plugin, rate, bpm, block)
    }

    /// An instance of the test's own, started.
    pub fn of(mut plugin: ClapHost, rate: f64, bpm: f64, block: u32) -> Self {
        plugin.start(rate, block.max(1)).unwrap();
        let mut transport = Transport::new(rate, block, bpm);
        transport.play();
        Deck { plugin, transport, rate, bpm, output: Vec::new() }
    }

    /// The sample of a step, counted from the start of all.
    pub fn sample(&self, step: f64) -> u64 {
        sample(step, self.rate, self.bpm)
    }

    /// Runs until a step (counted from the start of all, whatever the transport does) with `input` events.
    pub fn run(&mut self, until: f64, input: &[Event]) {
        let until = self.sample(until);
        drive(&mut self.plugin, &mut self.transport, until, input, &mut self.output).unwrap();
    }

    /// The events of notes: pitch, onset, length in steps.
    pub fn events(&self, notes: &[(u8, f64, f64)]) -> Vec<Event> {
        events(notes, self.rate, self.bpm)
    }

    /// The notes that came out; fails when one hangs or ends without having begun.
    pub fn heard(&self) -> Vec<Sounded> {
        heard(&self.output)
    }
}

/// The notes of events; fails when one hangs or ends without having begun.
pub fn heard(events: &[Event]) -> Vec<Sounded> {
    let paired = pair(events);
    assert_eq!((paired.hanging, paired.stray), (0, 0), "hanging and stray notes in {events:#?}");
    paired.notes
}

/// The 0-based slot of the default pack that tests ask for: classic. Not the one that the plugin starts with,
/// nor the one that the tests' music is heard as, which would be left as it is.
pub const SLOT: usize = 1;

/// The sample of a step.
pub fn sample(step: f64, rate: f64, bpm: f64) -> u64 {
    nearest(step * 15.0 / bpm * rate).max(0) as u64
}

/// The events of notes (pitch, onset, length in steps) on channel 0 at velocity 0.75, ends before starts.
pub fn events(notes: &[(u8, f64, f64)], rate: f64, bpm: f64) -> Vec<Event> {
    let mut events = Vec::new();
    for &(pitch, onset, length) in notes {
        let end = sample(onset + length, rate, bpm).max(sample(onset, rate, bpm) + 1);
        events.push(Event::on(sample(onset, rate, bpm), 0, pitch, 0.75));
        events.push(Event::off(end, 0, pitch));
    }
    sorted(events)
}

/// Events in order of time, at one sample ends before starts.
pub fn sorted(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| (event.time, !matches!(event.kind, EventKind::NoteOff { .. })));
    events
}

/// Notes as pitch, start and end in samples, in order.
pub fn spans(notes: &[Sounded]) -> Vec<(u8, u64, u64)> {
    let mut spans: Vec<_> = notes.iter().map(|note| (note.key, note.start, note.end)).collect();
    spans.sort_unstable();
    spans
}

/// What [`spans`] should be: the same notes `later` steps later.
pub fn expected(notes: &[(u8, f64, f64)], later: f64) -> Vec<(u8, u64, u64)> {
    let at = |step: f64| sample(step + later, RATE, BPM);
    let mut spans: Vec<_> =
        notes.iter().map(|&(pitch, onset, length)| (pitch, at(onset), at(onset + length))).collect();
    spans.sort_unstable();
    spans
}

/// Two phrases of a tune with chords: micro-timing, repeated and overlapping notes, a note across the border.
pub fn tune() -> Vec<(u8, f64, f64)> {
    let mut notes = vec![
        (43, 56.0, 16.0),
        (72, 0.25, 3.5),
        (72, 4.0, 2.0),
        (72, 6.0, 1.5),
        (74, 8.1, 3.0),
        (76, 11.75, 4.5),
    ];
    for bar in 0..8 {
        let (at, root) = (16.0 * f64::from(bar), [60, 57, 65, 67][bar as usize % 4]);
        for (index, interval) in [0, 4, 7].into_iter().enumerate() {
            notes.push((root - 12 + interval, at + 0.05 * index as f64, 14.0));
        }
        for eighth in 1..8 {
            notes.push((root + [0, 2, 4, 7, 9, 12, 11, 7][eighth], at + 2.0 * eighth as f64, 1.5));
        }
    }
    notes.retain(|&(_, onset, length)| onset + length <= 128.0);
    notes
}

/// Samples a block of [`automate`].
pub const AUTOMATED: u32 = 64;

/// Processes blocks that set parameters until told to stop.
pub fn automate(plugin: &mut dyn Instance, params: &[u32], stop: &AtomicBool) {
    let mut transport = Transport::new(RATE, AUTOMATED, BPM);
    transport.play();
    let mut output = Vec::new();
    for step in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let block = transport.advance(u64::MAX).unwrap();
        let value = f64::from(step % 97) / 96.0;
        let input: Vec<_> = params.iter().map(|&id| Event::param(block.steady, id, value)).collect();
        output.clear();
        plugin.process(&block, &input, &mut output).unwrap();
        // About the pace of the clock: a flood would only fill the plugin's queue of repaints.
        std::thread::sleep(Duration::from_millis(1));
    }
}
