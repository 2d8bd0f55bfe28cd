//! Every kind of control by mouse and by keyboard, found by its name as a screen reader finds it.

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::full;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use gui::{Control, Intent, Snapshot, View};

/// A window, and what it has sent.
struct Desk {
    harness: Harness<'static>,
    sent: Rc<RefCell<Vec<Intent>>>,
}

impl Desk {
    fn new(snapshot: Snapshot) -> Self {
        let sent = Rc::new(RefCell::new(Vec::new()));
        let (to, mut view) = (sent.clone(), View::default());
        let show = move |ui: &mut egui::Ui| {
            view.show(ui, &snapshot, &mut |intent| to.borrow_mut().push(intent));
        };
        let mut harness = Harness::builder().with_size(View::SIZE).with_step_dt(1.0 / 240.0).build_ui(show);
        harness.run_steps(8);
        Self { harness, sent }
    }

    fn sent(&mut self) -> Vec<Intent> {
        self.harness.run_steps(3);
        self.sent.take()
    }

    fn middle(&self, name: &str) -> Pos2 {
        self.harness.get_by_label(name).rect().center()
    }

    fn click(&mut self, name: &str) -> Vec<Intent> {
        let at = self.middle(name);
        self.drag(at, at, Modifiers::NONE)
    }

    fn drag(&mut self, from: Pos2, to: Pos2, modifiers: Modifiers) -> Vec<Intent> {
        let button =
            |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
        let moves = [Event::PointerMoved(from), button(from, true), Event::PointerMoved(from.lerp(to, 0.5))];
        let ends = [Event::PointerMoved(to), button(to, false)];
        for event in moves.into_iter().chain(ends) {
            self.harness.event_modifiers(event, modifiers);
            self.harness.step();
        }
        self.sent()
    }

    fn key(&mut self, name: &str, key: Key) -> Vec<Intent> {
        self.harness.get_by_label(name).focus();
        self.harness.run_steps(2);
        self.harness.key_press(key);
        self.sent()
    }
}

fn whole(control: Control, value: f32) -> Vec<Intent> {
    vec![Intent::Begin(control), Intent::Set(control, value), Intent::End(control)]
}

/// The last value that a control was set to.
fn last(intents: &[Intent], control: Control) -> Option<f32> {
    intents.iter().rev().find_map(|intent| match intent {
        Intent::Set(of, value) if *of == control => Some(*value),
        _ => None,
    })
}

#[test]
fn switches_choices_and_buttons_are_gestures_of_their_own() {
    let mut desk = Desk::new(full());
    for (name, control) in [
        ("Freeze", Control::FREEZE),
        ("Bypass", Control::BYPASS),
        ("Keep melody", Control("melody")),
        ("Lock draw", Control::LOCK),
    ] {
        assert_eq!(desk.click(name), whole(control, 1.0));
    }
    assert_eq!(desk.click("Hear: choice 2"), whole(Control("thru"), 2.0));
    assert_eq!(desk.click("Hear: choice 0"), [], "it is chosen already");
    let pressed = [whole(Control::PANIC, 1.0), whole(Control::PANIC, 0.0)].concat();
    assert_eq!(desk.click("Panic"), pressed);
    assert_eq!(desk.click("Dice"), [Intent::Dice]);
}

#[test]
fn a_fader_is_dragged_finely_with_shift_and_reset_by_a_double_click() {
    let mut desk = Desk::new(full());
    let at = desk.middle("Amount");
    let (far, fine) = (at - vec2(52.0, 0.0), Modifiers::SHIFT);
    let coarse = last(&desk.drag(at, far, Modifiers::NONE), Control::AMOUNT).unwrap();
    assert!((0.65..0.75).contains(&coarse), "a fifth of its width is a fifth of its range: {coarse}");
    let fine = last(&desk.drag(at, far, fine), Control::AMOUNT).unwrap();
    assert!((0.87..0.89).contains(&fine), "with Shift a tenth of that: {fine}");
    let mut desk = Desk::new(full());
    desk.click("Amount");
    assert!(desk.click("Amount").contains(&Intent::Reset(Control::AMOUNT)));
}

#[test]
fn the_keyboard_moves_what_has_the_focus() {
    let mut desk = Desk::new(full());
    let moved = desk.key("Amount", Key::ArrowRight);
    assert!((last(&moved, Control::AMOUNT).unwrap() - 0.91).abs() < 1e-4, "{moved:?}");
    assert_eq!(desk.key("Freeze", Key::Enter), whole(Control::FREEZE, 1.0));
    assert_eq!(desk.key("Keep melody", Key::Space), whole(Control("melody"), 1.0));
    let moved = desk.key("Target", Key::ArrowDown);
    assert_eq!(last(&moved, Control::BLEND), Some(1.0), "out of the corner into a blend");
}

#[test]
fn the_pad_goes_to_a_genre_in_a_corner_and_blends_between() {
    let mut desk = Desk::new(full());
    let rect = desk.harness.get_by_label("Target").rect();
    let near = |x: f32, y: f32| rect.lerp_inside(vec2(x, y));
    let middle = desk.drag(near(0.5, 0.3), near(0.5, 0.6), Modifiers::NONE);
    assert_eq!(last(&middle, Control::BLEND), Some(1.0));
    let weights: Vec<_> = (0..3).map(|slot| last(&middle, Control::weight(slot)).unwrap_or(0.0)).collect();
    assert!(
        (weights.iter().sum::<f32>() - 1.0).abs() < 0.01 && weights.iter().all(|&w| w > 0.1),
        "{weights:?}"
    );
    let second = desk.middle("Target: jazz");
    let corner = desk.drag(near(0.5, 0.5), second, Modifiers::NONE);
    assert_eq!(last(&corner, Control::TARGET), Some(2.0), "{corner:?}");
}

#[test]
fn phrases_are_looked_at_played_again_and_saved() {
    let mut desk = Desk::new(full());
    assert_eq!(desk.click("Undo"), [Intent::Undo]);
    assert_eq!(desk.click("Redo"), [Intent::Redo]);
    assert_eq!(desk.click("Save as MIDI"), [Intent::Save(vec![64])], "what plays");
    assert_eq!(desk.click("Save last"), [Intent::SaveLast(4)]);
    assert_eq!(desk.click("Phrase 63"), []);
    assert_eq!(desk.click("Save as MIDI"), [Intent::Save(vec![63])], "what is looked at");
    assert_eq!(desk.click("Play 63 again"), [Intent::Play(63)]);
    let mut live = Desk::new(Snapshot { steps: (false, false), ..full() });
    assert_eq!((live.click("Undo"), live.click("Redo")), (vec![], vec![]));
    assert_eq!(desk.click("Show folder"), [Intent::ShowFolder]);
    assert_eq!(desk.click("Light"), [Intent::Look(gui::Look::Light)]);
}

#[test]
fn the_answer_and_cards_are_dragged_out_alone_or_together() {
    let mut desk = Desk::new(full());
    let away = vec2(-300.0, -200.0);
    let drag = |desk: &mut Desk, name: &str| {
        let at = desk.middle(name);
        desk.drag(at, at + away, Modifiers::NONE)
    };
    assert_eq!(drag(&mut desk, "Answer"), [Intent::Drag(vec![64])], "once, and what plays");
    assert_eq!(drag(&mut desk, "Phrase 62"), [Intent::Drag(vec![62])]);
    assert_eq!(desk.click("Phrase 61"), []);
    let at = desk.middle("Phrase 63");
    assert_eq!(desk.drag(at, at, Modifiers::SHIFT), []);
    assert_eq!(drag(&mut desk, "Phrase 62"), [Intent::Drag(vec![61, 62, 63])], "all that is selected");
    assert_eq!(desk.click("Save as MIDI"), [Intent::Save(vec![61, 62, 63])]);
    assert_eq!(drag(&mut desk, "Phrase 64"), [Intent::Drag(vec![64])], "another is dragged alone");
    assert_eq!(desk.click("Phrase 62"), []);
    assert_eq!(desk.click("Save as MIDI"), [Intent::Save(vec![62])], "a plain click selects one");
    let mut empty = Desk::new(Snapshot { takes: Vec::new(), ..full() });
    assert_eq!(drag(&mut empty, "Answer"), [], "what a project brought has no file");
}

#[test]
fn somebody_new_is_welcomed_until_they_say_so() {
    assert!(Desk::new(full()).harness.query_by_label("Got it").is_none());
    let mut desk = Desk::new(Snapshot { welcome: true, problem: Some("A problem.".into()), ..full() });
    assert_eq!(desk.click("Got it"), [Intent::Welcomed]);
    assert_eq!(desk.click("Undo"), [Intent::Undo], "all else is still there");
    let least = (View::LEAST.0, View::LEAST.1);
    desk.harness.set_size(least.into());
    desk.harness.run_steps(4);
    let words = desk.harness.get_by_label_contains("makes no sound").rect();
    assert!(words.height() < 56.0, "{words:?} is higher than its band");
}

#[test]
fn without_variation_there_is_nothing_to_throw() {
    let mut calm = full();
    calm.values.iter_mut().filter(|(control, _)| *control == Control::VARIATION).for_each(|(_, v)| *v = 0.0);
    assert_eq!(Desk::new(calm).click("Dice"), []);
}

#[test]
fn a_classifier_that_wavers_is_said_to_be_unsure() {
    let says = |before: [f32; 3]| {
        let mut snapshot = full();
        let take = gui::Take { before: before.to_vec(), ..(**snapshot.takes.last().unwrap()).clone() };
        snapshot.playing = Some(std::sync::Arc::new(take));
        Desk::new(snapshot).harness.query_by_label("unsure").is_some()
    };
    assert!(!says([0.7, 0.2, 0.1]));
    assert!(says([0.45, 0.3, 0.25]) && says([0.55, 0.43, 0.02]));
}

#[test]
fn corners_take_the_selected_phrase_and_a_drag_of_the_point_becomes_a_trail() {
    let mut snapshot = full();
    let on = snapshot.values.iter_mut().find(|(control, _)| *control == Control::MORPH).unwrap();
    on.1 = 1.0;
    let mut desk = Desk::new(snapshot);
    desk.click("Fill");
    assert_eq!(desk.click("Corner below left"), [], "no phrase is selected");
    desk.click("Phrase 63");
    assert_eq!(desk.click("Corner below left"), [Intent::Corner(2, Some(63))]);
    assert_eq!(desk.click("The model"), [Intent::Model(Some(63))]);
    let at = desk.middle("Morph point");
    let moved = desk.drag(at, at + vec2(30.0, 30.0), Modifiers::NONE);
    assert!(last(&moved, Control::MORPH_X).unwrap() > 0.6 && last(&moved, Control::MORPH_Y).unwrap() > 0.6);
    assert!(!moved.iter().any(|intent| matches!(intent, Intent::Trail(_))), "{moved:?}");
    desk.click("Trail");
    let moved = desk.drag(at, at + vec2(60.0, 20.0), Modifiers::NONE);
    let trails: Vec<_> = moved.iter().filter(|intent| matches!(intent, Intent::Trail(_))).collect();
    assert!(matches!(trails[..], [Intent::Trail(points)] if points.len() == 8), "{moved:?}");
    let key = desk.key("Morph point", Key::ArrowLeft);
    assert!((last(&key, Control::MORPH_X).unwrap() - 0.45).abs() < 1e-4, "{key:?}");
}
