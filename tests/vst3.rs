//! The VST3 in the same library: loaded, played, and equal to the CLAP.

mod common;

use common::{BLOCK, BPM, Deck, LATER, RATE, expected, last_slot, library, packs_folder, spans, tune};
use host::{Event, Transport, Vst3Host, drive};

fn play(amount: f64) -> Vec<Event> {
    packs_folder();
    let mut plugin = Vst3Host::open(&library()).unwrap();
    plugin.set("Amount", amount).unwrap();
    plugin.set("Target", last_slot() as f64 / 7.0).unwrap();
    plugin.set_offline(true);
    plugin.start(RATE, BLOCK).unwrap();
    let mut transport = Transport::new(RATE, BLOCK, BPM);
    transport.play();
    let mut output = Vec::new();
    let input = common::events(&tune(), RATE, BPM);
    let until = common::sample(4.0 * LATER, RATE, BPM);
    drive(&mut plugin, &mut transport, until, &input, &mut output).unwrap();
    output
}

#[test]
fn the_vst3_returns_the_input_at_amount_0() {
    assert_eq!(spans(&common::heard(&play(0.0))), expected(&tune(), LATER));
}

#[test]
fn the_vst3_and_the_clap_play_the_same() {
    let mut deck = Deck::new(0.9);
    let input = deck.events(&tune());
    deck.run(4.0 * LATER, &input);
    assert!(deck.output.len() > 20);
    assert_eq!(play(0.9), deck.output);
}

#[test]
fn the_vst3_has_a_note_bus_each_way_the_same_parameters_and_a_state() {
    packs_folder();
    let mut plugin = Vst3Host::open(&library()).unwrap();
    assert_eq!(plugin.event_buses(), (1, 1));
    let clap = common::instance();
    for (own, other) in plugin.params().iter().zip(clap.params()) {
        assert_eq!((own.id, &own.name), (other.id, &other.name));
    }
    let genres = model::read_card("the default pack", model::default_pack()).unwrap().genres;
    assert_eq!(plugin.value_text("Target", 0.0).unwrap(), format!("1: {}", genres[0]));
    let state = plugin.save().unwrap();
    plugin.load(&state).unwrap();
    assert_eq!(plugin.save().unwrap(), state);
}
