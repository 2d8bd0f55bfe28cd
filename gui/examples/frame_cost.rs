//! What a frame of the editor costs the processor before anything is rasterised: layout, shapes and triangles
//! of a full window that changes with every frame. Prints microseconds, and the share of a core at 60 frames
//! a second.

#[path = "../tests/common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Context, Pos2, RawInput, Rect};
use gui::{Snapshot, View};

const FRAMES: u32 = 600;

/// The processor's time that this thread has had, where the system tells it (Linux), so that other programs
/// do not count; else the time of the clock.
fn clock(begun: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| begun.elapsed(), Duration::from_nanos)
}

/// Microseconds a frame.
fn measure(mut snapshot: Snapshot, change: impl Fn(&mut Snapshot, u32)) -> f64 {
    let (context, mut view) = (Context::default(), View::default());
    let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, View::SIZE.into()));
    let begun = Instant::now();
    let mut warm = Duration::ZERO;
    let mut triangles = 0;
    for frame in 0..FRAMES + 60 {
        if frame == 60 {
            // Fonts and first layouts are done.
            warm = clock(begun);
        }
        change(&mut snapshot, frame);
        let input = RawInput { screen_rect, time: Some(f64::from(frame) / 60.0), ..RawInput::default() };
        let mut output = context.run_ui(input, |ui| view.show(ui, &snapshot, &mut |_| {}));
        output.textures_delta.clear();
        triangles += context.tessellate(output.shapes, output.pixels_per_point).len();
        std::hint::black_box(triangles);
    }
    (clock(begun) - warm).as_secs_f64() * 1e6 / f64::from(FRAMES)
}

fn main() {
    let moving = |snapshot: &mut Snapshot, frame: u32| {
        let step = frame as f32 * 0.133 % 64.0;
        (snapshot.head, snapshot.played) = (Some(step), Some(step));
        snapshot.beats = Some(16.0 - step / 4.0);
    };
    let changing = |snapshot: &mut Snapshot, frame: u32| {
        moving(snapshot, frame);
        // Another answer every second: the one before fades.
        let index = (frame / 60) as usize % snapshot.takes.len();
        snapshot.playing = Some(Arc::clone(&snapshot.takes[index]));
    };
    let print = |name: &str, micros: f64| {
        println!(
            "{name:<42} {micros:>7.0} us a frame  {:>5.2} % of a core at 60 a second",
            micros * 60.0 / 1e4
        );
    };
    print("playing, 64 phrases remembered", measure(common::full(), moving));
    print("playing, an answer fading half of the time", measure(common::full(), changing));
    print(
        "nothing played yet",
        measure(Snapshot { takes: Vec::new(), playing: None, ..common::full() }, moving),
    );
}
