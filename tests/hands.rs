//! The editor under a user's hands: what they do reaches the host, and what they save is what was heard.
//!
//! They find things by their names, as the window lays them out. A program of its own, for the X server and
//! the user's folders are the environment's.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::{BLOCK, BPM, RATE, events, heard, instance, packs_folder, sample};
use contrafact::testing::fields;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use gui::{Pack, Snapshot, View};
use host::{ClapEditor, Display, Dragged, DropTarget, Event, Sounded, Transport, drive};
use phrase::Song;

const SIZE: (u16, u16) = (View::SIZE.0 as u16, View::SIZE.1 as u16);
const PATIENCE: Duration = Duration::from_secs(20);

/// The window drawn in this program too, with what its layout depends on, to look up where things are.
struct Places(Harness<'static>);

impl Places {
    fn new() -> Self {
        let genres = model::read_card("the default pack", model::default_pack()).unwrap().genres;
        let snapshot = Snapshot {
            fields: Arc::new(fields()),
            pack: Pack { genres, ..Pack::default() },
            steps: (true, true),
            zoom: 100,
            ..Snapshot::default()
        };
        let mut view = View::default();
        let show = move |ui: &mut egui::Ui| view.show(ui, &snapshot, &mut |_| {});
        let mut harness = Harness::builder().with_size(View::SIZE).build_ui(show);
        harness.run_steps(4);
        Self(harness)
    }

    /// What has that name.
    fn rect(&self, name: &str) -> egui::Rect {
        self.0.get_by_label(name).rect()
    }

    /// The middle of it, on the screen.
    fn of(&self, name: &str) -> (i16, i16) {
        pixel(self.rect(name).center())
    }
}

fn pixel(at: egui::Pos2) -> (i16, i16) {
    (at.x.round() as i16, at.y.round() as i16)
}

/// The plugin with its editor open, played by this thread.
struct Hands<'a, 'b> {
    display: &'a Display,
    editor: &'a mut ClapEditor<'b>,
    transport: Transport,
    input: Vec<Event>,
    output: Vec<Event>,
}

impl Hands<'_, '_> {
    /// Runs until a step, counted from the start of all.
    fn run(&mut self, step: f64) {
        let until = sample(step, RATE, BPM);
        drive(self.editor.host(), &mut self.transport, until, &self.input, &mut self.output).unwrap();
    }

    fn value(&mut self, name: &str) -> f64 {
        self.editor.host().value(name).unwrap()
    }

    /// Does something until it is seen to be done, with blocks of no music between (the transport stands); in
    /// time, or the test fails.
    fn until(&mut self, what: &str, mut act: impl FnMut(&Display), mut done: impl FnMut(&mut Self) -> bool) {
        let since = Instant::now();
        self.transport.stop();
        loop {
            act(self.display);
            // Again only where it must have been lost: a busy machine answers late, and who clicks on Undo
            // twice has undone two things.
            for _ in 0..300 {
                // The host hears of a change in its next block.
                let until = self.transport.steady() + u64::from(BLOCK);
                drive(self.editor.host(), &mut self.transport, until, &[], &mut self.output).unwrap();
                if done(self) {
                    self.transport.play();
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
            assert!(since.elapsed() < PATIENCE, "{what}: nothing came of it");
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()));
    entries.map(|paths| paths.collect()).unwrap_or_default()
}

/// Notes from step `from` to step `to`, as pitch, onset and end in steps after `from`.
fn within(notes: &[Sounded], from: f64, to: f64) -> Vec<(u8, f64, f64)> {
    let step = |at: u64| at as f64 / sample(1.0, RATE, BPM) as f64;
    let inside = notes.iter().filter(|note| (from..to).contains(&(step(note.start) + 1e-3)));
    let mut all: Vec<_> =
        inside.map(|note| (note.key, step(note.start) - from, step(note.end) - from)).collect();
    all.sort_by(|a, b| (a.1, a.0).partial_cmp(&(b.1, b.0)).unwrap());
    all
}

/// The same notes, but for the ticks of a file and the samples of a host.
fn assert_same(a: &[(u8, f64, f64)], b: &[(u8, f64, f64)]) {
    let near = |a: &(u8, f64, f64), b: &(u8, f64, f64)| {
        a.0 == b.0 && (a.1 - b.1).abs() < 0.02 && (a.2 - b.2).abs() < 0.02
    };
    assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b)), "{a:?}\n{b:?}");
}

/// Two phrases of melody, different ones, over a bass.
fn melody() -> Vec<(u8, f64, f64)> {
    let line = |step: u32| {
        let at = f64::from(step * 4);
        let pitch = 60 + (step * 5 % 12) as u8;
        [(pitch, at, 3.0), (pitch - 24 + (step / 16) as u8, at + 2.0, 1.5)]
    };
    (0..32).flat_map(line).collect()
}

#[test]
fn hands_reach_the_host_and_files_hold_what_was_heard() {
    packs_folder();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("midi");
    fs::create_dir_all(home.path().join("contrafact")).unwrap();
    let preferences = serde_json::json!({ "midi": folder, "zoom": 100, "welcomed": true });
    fs::write(home.path().join("contrafact/editor.json"), preferences.to_string()).unwrap();
    // SAFETY: no other thread runs, and the plugin, which reads it, is not loaded.
    unsafe { std::env::set_var("XDG_CONFIG_HOME", home.path()) };
    let Some(display) = common::display(1280, 1024) else { return };
    let places = Places::new();
    let mut plugin = instance();
    plugin.set("Amount", 1.0).unwrap();
    plugin.start(RATE, BLOCK).unwrap();
    let window = display.window(SIZE.0, SIZE.1);
    let mut editor = plugin.open_editor(window).unwrap();
    let (transport, input) = (Transport::new(RATE, BLOCK, BPM), events(&melody(), RATE, BPM));
    let mut hands = Hands { display: &display, editor: &mut editor, transport, input, output: Vec::new() };

    let genres = model::read_card("the default pack", model::default_pack()).unwrap().genres;
    let second = places.of(&format!("Target: {}", genres[1]));
    let pad = places.rect("Target");
    let (middle, higher) = (pixel(pad.center()), pixel(pad.lerp_inside(egui::vec2(0.5, 0.4))));
    hands.until(
        "a click on the pad's second corner",
        |display| display.click(second.0, second.1),
        |hands| (hands.value("Target") - 1.0 / 7.0).abs() < 1e-6 && hands.value("Blend") == 0.0,
    );
    hands.until(
        "a drag on the pad",
        |display| display.drag(middle, higher),
        |hands| hands.value("Blend") == 1.0 && hands.value("Blend weight 1") > 0.1,
    );
    hands.until(
        "a click on the pad's second corner",
        |display| display.click(second.0, second.1),
        |hands| hands.value("Blend") == 0.0,
    );
    let (amount, tenth) = (places.of("Amount"), (places.rect("Amount").width() / 10.0) as i16);
    hands.until(
        "a drag on Amount",
        |display| display.drag(amount, (amount.0 - tenth, amount.1)),
        |hands| hands.value("Amount") < 0.95,
    );
    let dragged = hands.value("Amount");
    assert!(dragged > 0.5, "one drag, a tenth: {dragged}");
    hands.editor.host().set("Amount", 1.0).unwrap();

    // Three phrases from a fresh start: both are answered, and the second answer has just been played.
    let start = {
        let steady = hands.transport.steady() as f64 / sample(1.0, RATE, BPM) as f64;
        let start = (steady / 64.0).ceil() * 64.0 + 64.0;
        hands.run(start);
        start
    };
    hands.transport.jump(0.0);
    hands.transport.play();
    hands.input = events(
        &melody()
            .into_iter()
            .map(|(pitch, onset, length)| (pitch, onset + start, length))
            .collect::<Vec<_>>(),
        RATE,
        BPM,
    );
    hands.run(start + 192.0);
    // What sounds to the line ends with it.
    hands.transport.stop();
    hands.run(start + 193.0);
    let notes = heard(&hands.output);
    let (first, second) =
        (within(&notes, start + 64.0, start + 128.0), within(&notes, start + 128.0, start + 192.0));
    assert!(first.len() > 8 && second.len() > 8 && first != second, "{first:?} {second:?}");

    let (save_button, undo, redo) = (places.of("Save as MIDI"), places.of("Undo"), places.of("Redo"));
    let save = |hands: &mut Hands, known: usize| {
        let mut pressed = 0;
        hands.until(
            "a click on Save",
            |display| {
                pressed += 1;
                display.click(save_button.0, save_button.1);
            },
            |_| files(&folder).len() > known,
        );
        let newest =
            files(&folder).into_iter().max_by_key(|path| path.metadata().unwrap().modified().unwrap());
        written(&Song::read(&newest.unwrap()).unwrap())
    };
    assert_same(&save(&mut hands, 0), &second);
    assert_same(&dragged_out(&mut hands, places.of("Answer")), &second);

    hands.until(
        "a click on Undo",
        |display| display.click(undo.0, undo.1),
        |hands| hands.value("Freeze") == 1.0,
    );
    let from = hands.transport.steady() as f64 / sample(1.0, RATE, BPM) as f64;
    hands.transport.jump(0.0);
    hands.input.clear();
    let line = hands.transport.steady();
    hands.transport.play();
    hands.run(from + 200.0);
    let at = line as f64 / sample(1.0, RATE, BPM) as f64;
    let notes = heard_so_far(&hands.output);
    assert_same(&within(&notes, at + 64.0, at + 128.0), &first);
    let known = files(&folder).len();
    assert_same(&save(&mut hands, known), &first);

    hands.until(
        "a click on Redo",
        |display| display.click(redo.0, redo.1),
        |hands| {
            // To the second answer first, then to what is live.
            hands.value("Freeze") == 0.0
        },
    );
    drop(editor);
    display.destroy(window);
    assert_eq!(played(Some(&display)), played(None), "the notes know nothing of the editor");
}

/// The notes of the file that comes out when the answer is dragged from a place onto a host's track, beside
/// the window.
fn dragged_out(hands: &mut Hands, from: (i16, i16)) -> Vec<(u8, f64, f64)> {
    let track = DropTarget::new((1100, 800), (120, 120), true);
    let mut list = None;
    hands.until(
        "a drag of the answer",
        |display| {
            display.point(from.0, from.1);
            display.button(true);
            for step in 1..=8 {
                let way = |a: i16, b: i16| a + (b - a) * step / 8;
                display.point(way(from.0, 1160), way(from.1, 860));
            }
            // The window draws slowly here, and the drag begins with a frame of it.
            let _ = track.next(Duration::from_secs(2));
            display.button(false);
        },
        |_| {
            if let Some(Dragged::Dropped(of)) = track.next(Duration::ZERO) {
                list = Some(of);
            }
            list.is_some()
        },
    );
    let list = list.unwrap();
    let path = list.trim_end().strip_prefix("file://").unwrap().replace("%20", " ");
    let name = Path::new(&path).file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("Bar ") && name.contains(" to "), "{name}");
    println!("dragged: {list:?}");
    written(&Song::read(Path::new(&path)).unwrap())
}

/// The notes of a file: pitch, onset and end in steps.
fn written(song: &Song) -> Vec<(u8, f64, f64)> {
    let mut notes: Vec<_> = song.notes().map(|note| (note.pitch, note.onset, note.end())).collect();
    notes.sort_by(|a, b| (a.1, a.0).partial_cmp(&(b.1, b.0)).unwrap());
    notes
}

/// What comes out while the editor is opened and closed fifty times on `display`, or without one.
fn played(display: Option<&Display>) -> Vec<Event> {
    let mut plugin = instance();
    plugin.set("Target", 1.0 / 7.0).unwrap();
    plugin.start(RATE, BLOCK).unwrap();
    let (mut transport, input) = (Transport::new(RATE, BLOCK, BPM), events(&melody(), RATE, BPM));
    transport.play();
    let mut output = Vec::new();
    for round in 1..=50 {
        let until = sample(4.0 * f64::from(round), RATE, BPM);
        let Some(display) = display else {
            drive(&mut plugin, &mut transport, until, &input, &mut output).unwrap();
            continue;
        };
        let window = display.window(SIZE.0, SIZE.1);
        let mut editor = plugin.open_editor(window).unwrap();
        drive(editor.host(), &mut transport, until, &input, &mut output).unwrap();
        let since = Instant::now();
        while display.children(window) == 0 {
            assert!(since.elapsed() < PATIENCE, "the editor does not come");
            editor.host().pump();
            thread::sleep(Duration::from_millis(1));
        }
        drop(editor);
        display.destroy(window);
    }
    // It waits for its windows' threads.
    drop(plugin);
    if display.is_some() {
        let loaded = fs::read_to_string("/proc/self/maps").unwrap();
        assert!(loaded.contains("/libEGL.so") || loaded.contains("/libGLX.so"), "the driver was unloaded");
    }
    output
}

/// The notes so far, of which some may still sound.
fn heard_so_far(events: &[Event]) -> Vec<Sounded> {
    host::pair(events).notes
}
