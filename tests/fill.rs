//! Where nobody plays, through the built plugin: music goes on, gives way, ends in time; a bounce is a
//! performance; and the morph's corners play. Mostly with variations at no distance, which need no network to
//! be known note by note; then with the default pack's writer and space.

mod common;

use common::{BLOCK, BPM, Deck, RATE, SLOT, events, heard, instance, spans};
use host::{RenderOptions, render_song};
use phrase::Song;
use serde_json::json;

/// Four bars on the grid, the last note until the line.
const PHRASE: [(u8, f64, f64); 6] =
    [(60, 0.0, 4.0), (64, 8.0, 8.0), (67, 16.0, 16.0), (72, 32.0, 4.0), (48, 40.0, 20.0), (71, 60.0, 4.0)];

/// Amount 0: what is played comes back as it was, and what follows is of the pack's own.
fn deck(values: &[(&str, f64)]) -> Deck {
    let mut plugin = instance();
    let all = [("Amount", 0.0), ("Target", SLOT as f64 / 7.0), ("Feel", 0.0), ("Groove", 1.0)];
    for (name, value) in all.iter().chain(values) {
        plugin.set(name, *value).unwrap();
    }
    Deck::of(plugin, RATE, BPM, BLOCK)
}

const VARY: [(&str, f64); 2] = [("When silent", 1.0), ("Distance", 0.0)];

/// The notes that start in a phrase, counted from its first step: pitch, onset.
fn phrase(deck: &Deck, number: u64) -> Vec<(u8, u64)> {
    let step = |sample: u64| (sample as f64 * BPM / 15.0 / RATE).round() as u64;
    let all = spans(&heard(&deck.output));
    let mut notes: Vec<_> = all.iter().map(|note| (note.0, step(note.1))).collect();
    notes.retain(|note| note.1 / 64 == number);
    notes.iter_mut().for_each(|note| note.1 %= 64);
    notes.sort_by_key(|note| (note.1, note.0));
    notes
}

fn own() -> Vec<(u8, u64)> {
    PHRASE.iter().map(|note| (note.0, note.1 as u64)).collect()
}

#[test]
fn the_last_phrase_is_varied_for_so_many_bars_and_then_it_rests() {
    let mut deck = deck(&[VARY[0], VARY[1], ("For at most", 3.0 / 6.0)]);
    deck.run(64.0 * 6.0, &events(&PHRASE, RATE, BPM));
    assert_eq!(phrase(&deck, 0), [], "nothing is answered yet");
    for number in 1..=3 {
        assert_eq!(phrase(&deck, number), own(), "phrase {number}: the answer, then 8 bars");
    }
    assert_eq!((phrase(&deck, 4), phrase(&deck, 5)), (vec![], vec![]), "and no more");
}

#[test]
fn without_it_nothing_follows() {
    let mut deck = deck(&[]);
    deck.run(64.0 * 4.0, &events(&PHRASE, RATE, BPM));
    assert_eq!((phrase(&deck, 1), phrase(&deck, 2)), (own(), vec![]));
}

#[test]
fn who_returns_is_answered_on_the_next_line() {
    let mut deck = deck(&VARY);
    let again = [(55, 128.0 + 4.0, 8.0), (62, 128.0 + 20.0, 40.0)];
    deck.run(64.0 * 5.0, &events(&[&PHRASE[..], &again].concat(), RATE, BPM));
    assert_eq!((phrase(&deck, 1), phrase(&deck, 2)), (own(), own()));
    let new = vec![(55, 4), (62, 20)];
    assert_eq!((phrase(&deck, 3), phrase(&deck, 4)), (new.clone(), new), "and then that is varied");
}

#[test]
fn a_stop_and_a_jump_end_it() {
    for jumps in [false, true] {
        let mut deck = deck(&VARY);
        deck.run(64.0 * 2.5, &events(&PHRASE, RATE, BPM));
        let sounding = deck.output.len();
        assert!(sounding > 2 * PHRASE.len());
        match jumps {
            true => deck.transport.jump(1_000.0),
            false => deck.transport.stop(),
        }
        deck.run(64.0 * 3.0, &[]);
        deck.transport.play();
        let before = heard(&deck.output).len();
        deck.run(64.0 * 6.0, &[]);
        assert_eq!(heard(&deck.output).len(), before, "it was forgotten");
    }
}

#[test]
fn at_a_latency_of_a_bar_the_phrase_goes_through_bar_by_bar() {
    let mut deck = deck(&[VARY[0], VARY[1], ("Latency", 1.0)]);
    deck.run(64.0 * 4.0, &events(&PHRASE, RATE, BPM));
    let later = |number: u64| {
        let step = |sample: u64| (sample as f64 * BPM / 15.0 / RATE).round() as u64;
        let all = spans(&heard(&deck.output));
        let mut notes: Vec<_> = all.iter().map(|note| (note.0, step(note.1))).collect();
        notes.retain(|note| note.1 >= 16 && (note.1 - 16) / 64 == number);
        notes.iter_mut().for_each(|note| note.1 = (note.1 - 16) % 64);
        notes.sort_by_key(|note| (note.1, note.0));
        notes
    };
    assert_eq!(later(0), own());
    assert_eq!(later(1), own(), "once more");
}

#[test]
fn a_bounce_is_the_same_again_in_other_blocks_and_in_real_time() {
    let mut song = Song::new(BPM);
    let note = |&(pitch, onset, length): &(u8, f64, f64)| phrase::SongNote {
        pitch,
        channel: 0,
        velocity: 0.6,
        onset,
        length,
    };
    song.tracks.push(phrase::Track { notes: PHRASE.iter().map(note).collect(), ..Default::default() });
    let bounce = |block: u32, offline: bool| {
        let mut plugin = instance();
        plugin.set_offline(offline).unwrap();
        for (name, value) in VARY.iter().chain(&[("Target", SLOT as f64 / 7.0), ("Distance", 0.6)]) {
            plugin.set(name, *value).unwrap();
        }
        plugin.start(RATE, block).unwrap();
        let options = RenderOptions { block, then: 12, ..RenderOptions::default() };
        let rendered = render_song(&mut plugin, &song, &options).unwrap();
        assert_eq!((rendered.hanging, rendered.stray), (0, 0));
        rendered.song
    };
    let first = bounce(512, true);
    assert!(first.notes().any(|note| note.onset >= 64.0), "it went on");
    for (block, offline) in [(512, true), (1024, true), (512, false)] {
        assert_eq!(
            bounce(block, offline).to_bytes().unwrap(),
            first.to_bytes().unwrap(),
            "{block} {offline}"
        );
    }
}

#[test]
fn in_a_loop_each_pass_is_the_last_one_again() {
    let mut deck = deck(&VARY);
    deck.transport.set_cycle(Some((0.0, 16.0)));
    let input: Vec<_> = PHRASE.to_vec();
    deck.run(64.0 * 8.0, &events(&input, RATE, BPM));
    assert_eq!((phrase(&deck, 1), phrase(&deck, 2)), (own(), own()));
}

#[test]
fn what_goes_on_can_be_frozen_and_saved() {
    let mut deck = deck(&VARY);
    deck.run(64.0 * 2.5, &events(&PHRASE, RATE, BPM));
    let freeze = deck.plugin.params().iter().find(|param| param.name == "Freeze").unwrap().id;
    let now = deck.transport.steady();
    deck.run(64.0 * 8.0, &[host::Event::param(now, freeze, 1.0)]);
    let state = deck.plugin.save().unwrap();
    deck.transport.stop();
    deck.run(64.0 * 8.5, &[]);
    for number in 3..8 {
        assert_eq!(phrase(&deck, number), own(), "phrase {number}");
    }
    let mut plugin = instance();
    plugin.load(&state).unwrap();
    let mut again = Deck::of(plugin, RATE, BPM, BLOCK);
    again.run(64.0 * 2.0, &[]);
    again.transport.stop();
    again.run(64.0 * 2.5, &[]);
    assert_eq!(phrase(&again, 1), own());
}

/// A corner as the state has it: the same phrase as a frozen one.
fn corner() -> serde_json::Value {
    let grain = f64::from(1u32 << 24);
    let note = |&(pitch, onset, length): &(u8, f64, f64)| {
        json!([pitch, 0, 0.5_f32.to_bits(), (onset * grain) as i64, (length * grain) as i64, 0])
    };
    json!({"first": 0, "length": (64.0 * grain) as i64, "notes": PHRASE.iter().map(note).collect::<Vec<_>>()})
}

#[test]
fn a_morphs_corner_plays_whatever_is_played_and_when_nothing_is() {
    let mut plugin = instance();
    for (name, value) in [("Morph", 1.0), ("Morph X", 0.0), ("Morph Y", 0.0), ("Feel", 0.0), ("Groove", 1.0)]
    {
        plugin.set(name, value).unwrap();
    }
    let state = plugin.save().unwrap();
    let models = json!({"corners": [corner(), null, null, null], "manner": null});
    plugin.load(&host::with_field(&state, "models", &models).unwrap()).unwrap();
    let mut deck = Deck::of(plugin, RATE, BPM, BLOCK);
    deck.run(64.0 * 4.0, &events(&[(50, 70.0, 20.0)], RATE, BPM));
    let state = deck.plugin.save().unwrap();
    let mut other = instance();
    other.load(&state).unwrap();
    assert_eq!(other.save().unwrap(), state, "the corners are saved");
    deck.transport.stop();
    deck.run(64.0 * 5.0, &[]);
    for number in 1..4 {
        assert_eq!(phrase(&deck, number), own(), "phrase {number}");
    }
}

/// A cadence in C for four bars, chords over a bass.
fn cadence() -> Vec<(u8, f64, f64)> {
    let mut notes = Vec::new();
    for (half, chord) in [[48, 64, 67, 72], [53, 65, 69, 72], [55, 65, 67, 71], [48, 64, 67, 72]]
        .into_iter()
        .chain([[45, 64, 69, 72], [50, 65, 69, 74], [55, 65, 67, 71], [48, 64, 67, 72]])
        .enumerate()
    {
        for pitch in chord {
            notes.push((pitch, 8.0 * half as f64, 4.0));
            notes.push((pitch, 8.0 * half as f64 + 4.0, 3.0));
        }
    }
    notes
}

#[test]
fn the_default_pack_goes_on_in_the_key_and_about_as_dense() {
    let mut deck = deck(&[("When silent", 1.0 / 3.0), ("For at most", 4.0 / 6.0)]);
    let notes = cadence();
    deck.run(64.0 * 8.0, &events(&notes, RATE, BPM));
    deck.transport.stop();
    deck.run(64.0 * 8.5, &[]);
    let written: Vec<_> = (2..6).map(|number| phrase(&deck, number)).collect();
    for (number, phrase) in written.iter().enumerate() {
        let ratio = phrase.len() as f64 / notes.len() as f64;
        assert!((0.3..3.0).contains(&ratio), "phrase {number}: {ratio}");
    }
    let all: Vec<_> = written.concat();
    let outside = all.iter().filter(|note| ![0, 2, 4, 5, 7, 9, 11].contains(&(note.0 % 12))).count();
    assert!(outside * 4 < all.len(), "{outside} of {} notes are out of C major", all.len());
    assert_ne!(written[0], written[1], "it goes on, and does not go round");
    assert_eq!((phrase(&deck, 6), phrase(&deck, 7)), (vec![], vec![]), "16 bars and no more");
}

#[test]
fn fill_writes_into_empty_bars_only() {
    let mut deck = deck(&[("When silent", 2.0 / 3.0)]);
    let notes: Vec<_> = cadence().into_iter().filter(|note| !(16.0..48.0).contains(&note.1)).collect();
    deck.run(64.0 * 4.0, &events(&notes, RATE, BPM));
    deck.transport.stop();
    deck.run(64.0 * 4.5, &[]);
    let answer = phrase(&deck, 1);
    let played: Vec<_> = notes.iter().map(|note| (note.0, note.1 as u64)).collect();
    let inside = |note: &&(u8, u64)| (16..48).contains(&note.1);
    assert!(answer.iter().filter(inside).count() > 8, "two bars are filled: {answer:?}");
    let mut kept: Vec<_> = answer.iter().filter(|note| !inside(note)).copied().collect();
    let mut expected = played.clone();
    kept.sort_unstable();
    expected.sort_unstable();
    assert_eq!(kept, expected, "what was played is as it was");
    assert_eq!(phrase(&deck, 2), [], "a phrase in which nobody plays stays empty");
}

#[test]
fn between_two_corners_lies_other_music() {
    let corners = |x: f64| {
        let mut plugin = instance();
        for (name, value) in
            [("Morph", 1.0), ("Morph X", x), ("Morph Y", 0.0), ("Feel", 0.0), ("Groove", 1.0)]
        {
            plugin.set(name, value).unwrap();
        }
        let grain = f64::from(1u32 << 24);
        let note = |&(pitch, onset, length): &(u8, f64, f64)| {
            json!([pitch, 0, 0.5_f32.to_bits(), (onset * grain) as i64, (length * grain) as i64, 0])
        };
        let notes: Vec<_> = cadence().iter().map(note).collect();
        let other = json!({"first": 0, "length": (64.0 * grain) as i64, "notes": notes});
        let models = json!({"corners": [corner(), other, null, null], "manner": null});
        let state = plugin.save().unwrap();
        plugin.load(&host::with_field(&state, "models", &models).unwrap()).unwrap();
        let mut deck = Deck::of(plugin, RATE, BPM, BLOCK);
        deck.run(64.0 * 3.0, &[]);
        deck.transport.stop();
        deck.run(64.0 * 3.5, &[]);
        assert_eq!(phrase(&deck, 1), phrase(&deck, 2), "without variation a point is one phrase");
        phrase(&deck, 1)
    };
    let [near, middle, far] = [0.0, 0.5, 1.0].map(corners);
    assert_eq!(near, own());
    assert_eq!(far.len(), cadence().len());
    assert!(middle != near && middle != far && middle.len() > 4, "{middle:?}");
}
