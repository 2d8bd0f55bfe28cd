use nice_plug::midi::{Channel, Key};
use proptest::prelude::*;

use super::*;

fn voice(pitch: u8) -> Voice {
    Voice { pitch, channel: 0 }
}

fn key(pitch: u8) -> Address {
    Address { id: VoiceID::Wildcard, channel: Channel::Number(0), key: Key::Number(pitch) }
}

fn capture() -> Capture {
    let mut capture = Capture::new();
    capture.reset(64.0, 0.0, 120.0);
    capture
}

fn on(capture: &mut Capture, time: f64, pitch: u8) {
    assert!(capture.on(time, voice(pitch), VoiceID::Wildcard, 0.5));
}

fn closed(capture: &mut Capture) -> Phrase {
    let mut out = Box::new(Phrase::new(0, 0.0));
    capture.take(&mut out, 0.0, false);
    *out
}

#[test]
fn a_held_note_is_tied_over_the_line_and_ends_in_the_next_phrase() {
    let mut capture = capture();
    on(&mut capture, 70.25, 60);
    capture.close(128.0, 0.0, 120.0);
    let first = closed(&mut capture);
    assert_eq!((first.position, first.notes.len()), (64, 1));
    assert_eq!((first.notes[0].onset, first.notes[0].end(), first.notes[0].tied_out), (6.25, 64.0, true));
    assert!(capture.off(130.5, key(60)));
    capture.close(192.0, 0.0, 120.0);
    let second = closed(&mut capture);
    let piece = second.notes[0];
    assert_eq!(
        (second.position, piece.onset, piece.length, piece.tied_in, piece.tied_out),
        (128, 0.0, 2.5, true, false)
    );
}

#[test]
fn a_key_let_go_between_the_closing_and_the_line_ends_exactly_and_leaves_no_piece() {
    for (time, end) in [(127.75, 63.75), (128.0, 64.0), (128.01, 64.0)] {
        let mut capture = capture();
        on(&mut capture, 70.0, 60);
        on(&mut capture, 71.0, 62);
        capture.close(128.0, 0.0, 120.0);
        assert!(capture.off(time, key(60)));
        let first = closed(&mut capture);
        assert_eq!(
            (first.notes[0].end(), first.notes[0].tied_out, first.notes[1].tied_out),
            (end, false, true)
        );
        assert!(capture.off(129.0, key(62)));
        capture.close(192.0, 0.0, 120.0);
        let second = closed(&mut capture);
        assert_eq!((second.notes.len(), second.notes[0].pitch, second.notes[0].length), (1, 62, 1.0));
    }
}

#[test]
fn a_note_just_before_the_line_belongs_to_the_next_phrase() {
    let mut capture = capture();
    capture.close(128.0, 0.0, 120.0);
    on(&mut capture, 127.6, 60);
    assert!(closed(&mut capture).is_empty());
    capture.off(129.0, key(60));
    capture.close(192.0, 0.0, 120.0);
    let second = closed(&mut capture);
    assert!((second.notes[0].onset + 0.4).abs() < 1e-6 && second.notes[0].onset_step() == 0);
    assert!(!second.notes[0].tied_in && (second.notes[0].end() - 1.0).abs() < 1e-6);
}

#[test]
fn a_second_strike_ends_the_first_and_an_unknown_key_is_no_harm() {
    let mut capture = capture();
    on(&mut capture, 64.0, 60);
    on(&mut capture, 66.0, 60);
    assert!(!capture.off(67.0, key(61)));
    assert!(capture.off(67.0, key(60)));
    assert!(!capture.off(68.0, key(60)));
    capture.close(128.0, 0.0, 120.0);
    let notes = closed(&mut capture).notes;
    assert_eq!((notes[0].length, notes[1].onset, notes[1].length), (2.0, 2.0, 1.0));
}

#[test]
fn a_pedal_holds_what_comes_up_until_it_does_itself() {
    let mut capture = capture();
    on(&mut capture, 64.0, 60);
    capture.pedal(65.0, 0, true);
    on(&mut capture, 66.0, 62);
    assert!(capture.off(67.0, key(60)) && !capture.off(67.0, key(60)) && capture.off(68.0, key(62)));
    on(&mut capture, 69.0, 60); // struck again: the first one ends
    capture.pedal(70.0, 1, false); // another channel's
    capture.pedal(71.0, 0, false);
    assert!(capture.off(72.0, key(60)));
    capture.close(128.0, 0.0, 120.0);
    let spans: Vec<_> = closed(&mut capture).notes.iter().map(|n| (n.pitch, n.onset, n.end())).collect();
    assert_eq!(spans, [(60, 0.0, 5.0), (62, 2.0, 7.0), (60, 5.0, 8.0)]);
}

#[test]
fn wildcards_let_go_of_all_they_mean() {
    let mut capture = capture();
    for pitch in [60, 64, 67] {
        on(&mut capture, 64.0, pitch);
    }
    assert!(capture.off(65.0, Address { key: Key::Wildcard, ..key(0) }));
    capture.close(128.0, 0.0, 120.0);
    assert!(closed(&mut capture).notes.iter().all(|note| note.length == 1.0 && !note.tied_out));
}

#[test]
fn a_full_phrase_says_so_and_counts() {
    let mut capture = capture();
    for i in 0..MAX_NOTES + 3 {
        assert_eq!(capture.on(64.0 + i as f64 * 0.01, voice(60), VoiceID::Wildcard, 0.5), i < MAX_NOTES);
    }
    capture.close(128.0, 0.0, 120.0);
    assert_eq!(capture.closed().overflow, 3);
}

#[test]
fn a_sliding_window_holds_what_came_before_but_nothing_behind_a_wall() {
    let mut capture = Capture::new();
    capture.reset(0.0, 32.0, 120.0);
    on(&mut capture, 4.0, 60); // held all the time
    on(&mut capture, 8.0, 62);
    assert!(capture.off(12.0, key(62)));
    let mut out = Box::new(Phrase::new(0, 0.0));
    let mut windows = Vec::new();
    for (line, wall) in [(32.0, false), (64.0, true), (96.0, false)] {
        capture.close(line, 32.0, 120.0);
        capture.take(&mut out, 32.0, wall);
        let notes: Vec<_> = out.notes.iter().map(|n| (n.pitch, n.onset, n.length, n.tied_in)).collect();
        assert!(out.notes.iter().all(|note| note.tied_out == (note.pitch == 60)));
        windows.push((out.position, notes));
    }
    assert_eq!(windows[0], (-32, vec![(60, 36.0, 28.0, false), (62, 40.0, 4.0, false)]));
    assert_eq!(windows[1], (0, vec![(60, 4.0, 60.0, false), (62, 8.0, 4.0, false)]));
    // Behind the wall at 64 lies what sounds on in the held key.
    assert_eq!(windows[2], (32, vec![(60, 32.0, 32.0, true)]));
}

#[test]
fn a_line_that_is_known_late_divides_what_was_played() {
    let mut capture = capture();
    on(&mut capture, 90.0, 60);
    on(&mut capture, 95.7, 62);
    assert!(capture.off(97.0, key(60)) && capture.off(98.0, key(62)));
    capture.close(96.0, 0.0, 120.0);
    let first = closed(&mut capture);
    assert_eq!(first.notes.len(), 1);
    assert_eq!((first.notes[0].end(), first.notes[0].tied_out), (32.0, true));
    capture.close(128.0, 0.0, 120.0);
    let notes = closed(&mut capture).notes;
    let spans: Vec<_> = notes.iter().map(|note| (note.pitch, note.end(), note.tied_in)).collect();
    assert_eq!(spans, [(62, 2.0, false), (60, 1.0, true)]);
}

#[test]
fn the_past_makes_room_for_new_notes() {
    let mut capture = Capture::new();
    capture.reset(0.0, 48.0, 120.0);
    for phrase in 0..6 {
        for i in 0..MAX_NOTES {
            on(&mut capture, f64::from(phrase) * 16.0 + i as f64 * 0.01, 60 + (i % 2) as u8);
        }
        capture.close(f64::from(phrase + 1) * 16.0, 48.0, 120.0);
        let mut out = Box::new(Phrase::new(0, 0.0));
        capture.take(&mut out, 48.0, false);
        assert_eq!((out.notes.len(), out.overflow), (MAX_NOTES, 0));
        // The notes of the phrase itself, if need be at the cost of what came before.
        let new = out.notes.iter().filter(|note| note.onset >= 48.0).count();
        assert_eq!(new, MAX_NOTES);
    }
}

proptest! {
    /// Random keys over three phrases: what is captured has the same cells and ends as the song itself cut on
    /// the lines.
    #[test]
    fn nothing_played_is_lost(
        notes in prop::collection::vec((0.0..180.0f64, 0.01..80.0f64, 40u8..44), 0..30),
    ) {
        let mut events: Vec<(f64, bool, u8)> = Vec::new();
        for (start, length, pitch) in &notes {
            events.push((*start, true, *pitch));
            events.push((start + length, false, *pitch));
        }
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut capture = Capture::new();
        capture.reset(0.0, 0.0, 120.0);
        let (mut line, mut is_closed, mut pieces) = (64.0, false, Vec::new());
        for (time, is_on, pitch) in events.into_iter().chain([(320.0, false, 0)]) {
            while time >= line - if is_closed { 0.0 } else { CLOSING } {
                if is_closed {
                    pieces.extend(closed(&mut capture).notes.iter().map(|note| (line - 64.0, *note)));
                    line += 64.0;
                } else {
                    capture.close(line, 0.0, 120.0);
                }
                is_closed = !is_closed;
            }
            if is_on {
                on(&mut capture, time, pitch);
            } else {
                capture.off(time, key(pitch));
            }
        }
        let struck = pieces.iter().filter(|(_, note)| !note.tied_in).count();
        prop_assert_eq!(struck, notes.len());
        for (start, note) in &pieces {
            prop_assert!(note.onset >= -0.5 && nearest(note.onset) < 64 && note.length >= 0.0);
            if note.tied_out {
                let is_next = |(s, n): &&(f64, Note)| *s == start + 64.0 && n.tied_in
                    && n.pitch == note.pitch;
                prop_assert_eq!(pieces.iter().filter(is_next).count(), 1);
                prop_assert_eq!(note.end(), 64.0);
            }
        }
    }
}
