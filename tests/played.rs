//! Answers as people would play them, through the built plugin: swing, feel, dynamics, and the parts of a
//! band.

mod common;

use std::collections::HashSet;

use common::packs::{choose, swinging, whole_pack};
use common::{BPM, Deck, LATER, RATE, events, heard, instance, packs_folder, sample, sorted, spans, tune};
use host::{ClapHost, Event, EventKind, Sounded};
use phrase::Swing;

/// An instance with the default pack, whose genres swing by these ratios.
fn swung(name: &str, ratios: [f32; 3], offset: f32) -> ClapHost {
    let file = packs_folder().join(format!("{}.safetensors", name.to_lowercase()));
    swinging(name, &ratios, offset).write(&file).unwrap();
    let mut plugin = instance();
    choose(&mut plugin, name, &model::Pack::read(&file).unwrap().card.hash);
    plugin
}

/// A tune of eighths over long chords, its second eighths at a ratio of the beat: two phrases.
fn music(ratio: f64) -> Vec<(u8, f64, f64)> {
    let swing = Swing::at(ratio);
    let eighths = (0..64).map(|i| {
        let onset = swing.swing_played(2.0 * f64::from(i));
        (72 + [0, 2, 4, 5, 7, 5, 4, 2][i as usize % 8], onset, 0.9)
    });
    let bars = (0..8).flat_map(|bar| [48, 55, 64].map(|pitch| (pitch, 16.0 * f64::from(bar), 15.0)));
    eighths.chain(bars).collect()
}

fn play(plugin: ClapHost, notes: &[(u8, f64, f64)]) -> Vec<Sounded> {
    let mut deck = Deck::of(plugin, RATE, BPM, 512);
    deck.run(196.0, &events(notes, RATE, BPM));
    deck.heard()
}

#[test]
fn a_swung_phrase_at_amount_0_comes_back_sample_for_sample() {
    for ratio in [0.5, 0.57, 0.64, 0.70] {
        let mut plugin = swung("Still", [0.62, 0.5, 0.5], 0.2);
        for (name, value) in [("Amount", 0.0), ("Target", 1.0 / 7.0), ("Feel", 1.0)] {
            plugin.set(name, value).unwrap();
        }
        let notes = music(ratio);
        assert_eq!(spans(&play(plugin, &notes)), common::expected(&notes, LATER), "{ratio}");
    }
}

/// Where in the beat, in shares of it, answers to `notes` lie between the beats: those that were played on
/// another time than any of the input's, and the others.
fn off_beats(answers: &[Sounded], notes: &[(u8, f64, f64)]) -> [Vec<f64>; 2] {
    let own: HashSet<(u8, u64)> =
        notes.iter().map(|&(pitch, onset, _)| (pitch, sample(onset + LATER, RATE, BPM))).collect();
    let beat = RATE * 60.0 / BPM;
    let mut places = [Vec::new(), Vec::new()];
    for note in answers {
        let place = (note.start as f64 / beat).fract();
        if (0.4..0.72).contains(&place) {
            places[usize::from(own.contains(&(note.key, note.start)))].push(place);
        }
    }
    places
}

#[test]
fn a_band_swings_as_the_genre_does_and_takes_you_along() {
    let notes = music(0.5);
    let answer = |choice: f64, amount: f64| {
        let mut all = [Vec::new(), Vec::new()];
        for target in [0.0, 1.0 / 7.0] {
            let mut plugin = swung("Swinging", [0.62, 0.62, 0.62], 0.0);
            let told = [("Amount", amount), ("Target", target), ("Source", 3.0 / 8.0), ("Groove", choice)];
            told.into_iter().for_each(|(name, value)| plugin.set(name, value).unwrap());
            let answered = off_beats(&play(plugin, &notes), &notes);
            all.iter_mut().zip(answered).for_each(|(all, places)| all.extend(places));
        }
        all
    };
    let near = |places: &[f64], ratio: f64| places.iter().all(|place| (place - ratio).abs() < 2e-3);
    let [new, own] = answer(0.0, 1.0);
    assert!(new.len() > 20 && near(&new, 0.62) && own.is_empty(), "{new:?} {own:?}");
    // Half of the way there: with an amount of 25 %.
    let [new, _] = answer(0.0, 0.25);
    let (yours, band): (Vec<f64>, Vec<f64>) = new.into_iter().partition(|place| *place < 0.59);
    assert!(yours.len() > 20 && !band.is_empty(), "{yours:?} {band:?}");
    assert!(near(&yours, 0.56) && near(&band, 0.62), "{yours:?} {band:?}");
    // As heard, and straight: all straight here.
    for choice in [0.5, 1.0] {
        let [new, own] = answer(choice, 1.0);
        assert!(near(&new, 0.5) && near(&own, 0.5), "{new:?} {own:?}");
    }
}

#[test]
fn what_swings_comes_back_straight_from_a_genre_that_does_not() {
    let notes = music(0.64);
    let mut plugin = swung("Straight", [0.62, 0.5, 0.5], 0.0);
    for (name, value) in [("Amount", 0.75), ("Target", 1.0 / 7.0), ("Source", 1.0 / 8.0)] {
        plugin.set(name, value).unwrap();
    }
    let answers = play(plugin, &notes);
    let [new, own] = off_beats(&answers, &notes);
    assert!(own.is_empty(), "{own:?}");
    assert!(new.len() > 20 && new.iter().all(|place| (place - 0.5).abs() < 0.02), "{new:?}");
}

/// The notes of two phrases' answers, with some parameters.
fn with(set: &[(&str, f64)]) -> Vec<Sounded> {
    let mut plugin = instance();
    plugin.set("Amount", 0.0).unwrap();
    set.iter().for_each(|(name, value)| plugin.set(name, *value).unwrap());
    play(plugin, &tune())
}

#[test]
fn each_part_can_be_left_out_and_has_a_channel_where_they_are_split() {
    let key = |note: &Sounded| (note.key, note.start, note.end);
    let set = |notes: &[Sounded]| notes.iter().map(key).collect::<HashSet<_>>();
    let all = with(&[]);
    assert!(all.iter().all(|note| note.channel == 0));
    let split = with(&[("Split", 1.0), ("Channel", 9.0 / 16.0)]);
    assert_eq!(set(&split), set(&all), "the same notes");
    let mut left = HashSet::new();
    for (channel, name) in ["Tune", "Chords", "Bass"].into_iter().enumerate() {
        let part: Vec<Sounded> =
            split.iter().filter(|note| usize::from(note.channel) == channel).copied().collect();
        assert!(part.len() >= 8, "{name} has {} notes", part.len());
        let others: Vec<_> =
            ["Tune", "Chords", "Bass"].iter().map(|of| (*of, f64::from(u8::from(*of == name)))).collect();
        assert_eq!(set(&with(&others)), set(&part), "{name} alone");
        left.extend(set(&part));
    }
    assert_eq!(left, set(&all));
    assert!(with(&[("Tune", 0.0), ("Chords", 0.0), ("Bass", 0.0)]).is_empty());
}

#[test]
fn every_note_ends_on_its_own_channel_whatever_is_switched_when() {
    let mut all = 0;
    for rotate in 0..4u64 {
        let mut deck = Deck::new(0.75);
        let id = |name: &str, deck: &Deck| {
            deck.plugin.params().iter().find(|param| param.name == name).unwrap().id
        };
        let ids = ["Split", "Tune", "Chords", "Bass", "Channel"].map(|name| id(name, &deck));
        let mut input = events(&tune(), RATE, BPM);
        // Something is switched every five steps, at any sample.
        for index in 0..38u64 {
            let time = sample(5.0 * index as f64 + 0.37, RATE, BPM);
            let which = ids[((index + rotate) % 5) as usize];
            let normalised = f64::from(u8::from((index + rotate) % 3 == 0));
            input.push(Event { time, kind: EventKind::Param { id: which, normalised } });
        }
        deck.run(200.0, &sorted(input));
        all += heard(&deck.output).len();
    }
    assert!(all > 40, "{all} notes");
}

#[test]
fn the_pedal_holds_every_part_where_they_are_split_and_is_lifted_where_they_are_not_any_more() {
    let mut deck = Deck::new(0.0);
    deck.plugin.set("Split", 1.0).unwrap();
    let pedal = |step: f64, value: u8| Event {
        time: sample(step, RATE, BPM),
        kind: EventKind::Midi([0xB0, 64, value]),
    };
    let mut input = events(&tune(), RATE, BPM);
    input.push(pedal(10.0, 127));
    deck.run(90.0, &sorted(input));
    let pedals = |deck: &Deck| -> Vec<(u8, u8)> {
        let of = |event: &Event| match event.kind {
            EventKind::Midi([status, 64, value]) if status & 0xF0 == 0xB0 => Some((status & 0xF, value)),
            _ => None,
        };
        deck.output.iter().filter_map(of).collect()
    };
    assert_eq!(pedals(&deck), [(0, 127), (1, 127), (2, 127)]);
    deck.plugin.set("Split", 0.0).unwrap();
    deck.run(92.0, &[]);
    assert_eq!(pedals(&deck)[3..], [(0, 0), (1, 0), (2, 0)]);
}

#[test]
fn dynamics_change_how_hard_notes_are_struck_and_nothing_else() {
    let file = packs_folder().join("touching.safetensors");
    whole_pack("Touching", &["x", "y", "z"], 3).write(&file).unwrap();
    let hash = model::Pack::read(&file).unwrap().card.hash;
    let answer = |dynamics: f64| {
        let mut plugin = instance();
        choose(&mut plugin, "Touching", &hash);
        for (name, value) in [("Amount", 0.0), ("Dynamics", dynamics), ("Target", 1.0 / 7.0)] {
            plugin.set(name, value).unwrap();
        }
        play(plugin, &tune())
    };
    let (none, half, all) = (answer(0.0), answer(0.5), answer(1.0));
    assert_eq!(spans(&none), common::expected(&tune(), LATER), "your notes");
    assert_eq!((spans(&half), spans(&all)), (spans(&none), spans(&none)));
    let velocities = |notes: &[Sounded]| {
        let mut all: Vec<_> = notes.iter().map(|note| ((note.key, note.start), note.velocity)).collect();
        all.sort_by_key(|note| note.0);
        all.into_iter().map(|note| note.1).collect::<Vec<f32>>()
    };
    let (none, half, all) = (velocities(&none), velocities(&half), velocities(&all));
    assert!(none.iter().all(|velocity| (velocity - 0.75).abs() < 0.01), "{none:?}");
    let different = all.iter().filter(|velocity| (*velocity - 0.75).abs() > 0.02).count();
    assert!(different * 2 > all.len(), "{all:?}");
    for ((none, half), all) in none.iter().zip(&half).zip(&all) {
        assert!((half - (none + all) / 2.0).abs() < 0.02, "{none} {half} {all}");
    }
}
