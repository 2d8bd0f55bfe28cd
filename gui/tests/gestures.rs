//! Gestures are whole whatever the user does, and the host's own changes are none.

mod common;

use std::collections::HashSet;

use common::full;
use egui::{Event, Modifiers, PointerButton, Pos2, RawInput, Rect, pos2};
use gui::{Control, Intent, Snapshot, View};

struct Desk {
    context: egui::Context,
    view: View,
    time: f64,
}

impl Desk {
    fn new() -> Self {
        Self { context: egui::Context::default(), view: View::default(), time: 0.0 }
    }

    fn frame(&mut self, snapshot: &Snapshot, events: Vec<Event>) -> Vec<Intent> {
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, View::SIZE.into()));
        // A second apart, so that no two clicks are a double click.
        self.time += 1.0;
        let input = RawInput { screen_rect, events, time: Some(self.time), ..RawInput::default() };
        let mut intents = Vec::new();
        let mut output =
            self.context.run_ui(input, |ui| self.view.show(ui, snapshot, &mut |intent| intents.push(intent)));
        output.textures_delta.clear();
        intents
    }

    fn press(&mut self, snapshot: &Snapshot, pos: Pos2, pressed: bool) -> Vec<Intent> {
        let modifiers = Modifiers::NONE;
        self.frame(
            snapshot,
            vec![Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers }],
        )
    }

    /// Drags from one place to another.
    fn drag(&mut self, snapshot: &Snapshot, from: Pos2, to: Pos2) -> Vec<Intent> {
        let mut all = self.frame(snapshot, vec![Event::PointerMoved(from)]);
        all.extend(self.press(snapshot, from, true));
        all.extend(self.frame(snapshot, vec![Event::PointerMoved(from.lerp(to, 0.5))]));
        all.extend(self.frame(snapshot, vec![Event::PointerMoved(to)]));
        all.extend(self.press(snapshot, to, false));
        all.extend(self.frame(snapshot, vec![]));
        all
    }
}

/// Fails where a gesture is not begun and ended once, with its values between; gives the controls that were
/// set.
fn whole(intents: &[Intent], least: &mut HashSet<Control>) {
    let mut open = HashSet::new();
    for intent in intents {
        match intent {
            Intent::Begin(control) => assert!(open.insert(*control), "{control:?} begins twice: {intents:?}"),
            Intent::Set(control, value) => {
                assert!(open.contains(control), "{control:?} is not held: {intents:?}");
                assert!((0.0..=9999.0).contains(value));
                least.insert(*control);
            }
            Intent::End(control) => assert!(open.remove(control), "{control:?} ends twice: {intents:?}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} never ends: {intents:?}");
}

#[test]
fn every_gesture_is_whole_wherever_the_user_drags() {
    let snapshot = full();
    let mut moved = HashSet::new();
    for y in (8..View::SIZE.1 as u32).step_by(19) {
        let mut desk = Desk::new();
        desk.frame(&snapshot, vec![]);
        for x in [100, 620, 820, 900, 1000] {
            let from = pos2(x as f32, y as f32);
            whole(&desk.drag(&snapshot, from, from - egui::vec2(30.0, 4.0)), &mut moved);
        }
    }
    for control in [Control::AMOUNT, Control::VARIATION, Control("swing"), Control::BLEND, Control::weight(1)]
    {
        assert!(moved.contains(&control), "{control:?} in {moved:?}");
    }
}

#[test]
fn nothing_is_sent_for_what_the_host_does() {
    let (mut desk, mut snapshot) = (Desk::new(), full());
    for thousandth in (0..=1000).step_by(7) {
        for (control, value) in &mut snapshot.values {
            match *control {
                Control::AMOUNT | Control::VARIATION => *value = thousandth as f32 / 1000.0,
                Control(id) if id.starts_with("weight_") => *value = thousandth as f32 / 1000.0,
                Control::BLEND => *value = (thousandth % 2) as f32,
                Control::SEED => *value = thousandth as f32,
                _ => {}
            }
        }
        assert_eq!(desk.frame(&snapshot, vec![]), []);
    }
}

#[test]
fn what_is_held_when_the_window_closes_is_let_go_once() {
    let snapshot = full();
    let begun = (200..600).step_by(6).find_map(|y| {
        let (mut desk, at) = (Desk::new(), pos2(860.0, y as f32));
        desk.frame(&snapshot, vec![Event::PointerMoved(at)]);
        let mut intents = desk.press(&snapshot, at, true);
        intents.extend(desk.frame(&snapshot, vec![Event::PointerMoved(at + egui::vec2(30.0, 0.0))]));
        intents.iter().any(|intent| matches!(intent, Intent::Begin(_))).then_some((desk, intents))
    });
    let (mut desk, mut intents) = begun.expect("something can be held");
    desk.view.close(&mut |intent| intents.push(intent));
    whole(&intents, &mut HashSet::new());
    let before = intents.len();
    desk.view.close(&mut |intent| intents.push(intent));
    assert_eq!(intents.len(), before);
}

/// The smallest window, and every kind of emptiness: nothing panics.
#[test]
fn every_state_can_be_drawn() {
    let bare = Snapshot { zoom: 100, ..Snapshot::default() };
    let problem = Some("Notes pass unchanged: ".to_string() + &"a long sentence about a pack ".repeat(9));
    let states = [
        bare.clone(),
        Snapshot { problem, ..full() },
        Snapshot { takes: Vec::new(), playing: None, head: None, played: None, beats: None, ..full() },
        Snapshot { look: gui::Look::Light, message: Some("Saved a file".into()), ..full() },
        Snapshot { fields: bare.fields, values: Vec::new(), ..full() },
    ];
    for state in states {
        for size in [View::LEAST, View::SIZE, (1900.0, 1200.0), (300.0, 200.0)] {
            let (context, mut view) = (egui::Context::default(), View::default());
            for frame in 0..3 {
                let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, size.into()));
                let input = RawInput { screen_rect, time: Some(f64::from(frame)), ..RawInput::default() };
                let mut output = context.run_ui(input, |ui| view.show(ui, &state, &mut |_| {}));
                output.textures_delta.clear();
            }
        }
    }
}
