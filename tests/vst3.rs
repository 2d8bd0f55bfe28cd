//! The VST3 in the same library: loaded, played, and equal to the CLAP.

mod common;

use common::{BLOCK, BPM, Deck, LATER, RATE, SLOT, expected, library, packs_folder, spans, tune};
use host::{Event, EventKind, Instance, Transport, Vst3Host, drive};

/// The restart flag by which a plugin says that its values have changed.
const VALUES_CHANGED: i32 = 4;

fn open() -> Vst3Host {
    packs_folder();
    Vst3Host::open(&library()).unwrap()
}

/// Plays events, offline from the setup on or only from the first block on.
fn play_events(input: &[Event], amount: f64, offline_from_setup: bool) -> Vec<Event> {
    let mut plugin = open();
    plugin.set("Amount", amount).unwrap();
    plugin.set("Target", SLOT as f64 / 7.0).unwrap();
    plugin.set_offline(offline_from_setup);
    plugin.start(RATE, BLOCK).unwrap();
    plugin.set_offline(true);
    let mut transport = Transport::new(RATE, BLOCK, BPM);
    transport.play();
    let mut output = Vec::new();
    let until = common::sample(4.0 * LATER, RATE, BPM);
    drive(&mut plugin, &mut transport, until, input, &mut output).unwrap();
    output
}

fn play(amount: f64) -> Vec<Event> {
    play_events(&common::events(&tune(), RATE, BPM), amount, true)
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
fn a_bounce_is_known_by_its_blocks_where_the_setup_did_not_tell() {
    let input = common::events(&tune(), RATE, BPM);
    assert_eq!(play_events(&input, 0.9, false), play(0.9));
}

#[test]
fn controllers_bend_pressure_and_expressions_pass_as_in_the_clap() {
    let at = |step: f64| common::sample(step, RATE, BPM);
    let mut input = common::events(&[(60, 0.0, 8.0), (64, 2.0, 8.0)], RATE, BPM);
    let messages = [
        (1.0, [0xB0, 1, 64]),
        (1.5, [0xB0, 64, 127]),
        (3.0, [0xE0, 3, 80]),
        (3.5, [0xD0, 33, 0]),
        (4.0, [0xB0, 74, 5]),
        (4.5, [0xE9, 0, 0]),
        (6.0, [0xB0, 64, 0]),
        (7.0, [0xB0, 123, 0]),
    ];
    input.extend(messages.map(|(step, data)| Event::midi(at(step), data)));
    let (channel, pan) = (0, 1);
    let panned = EventKind::Expression { channel, key: 64, id: pan, value: 0.25 };
    input.push(Event { time: at(5.0), kind: panned });
    let input = common::sorted(input);
    let mut deck = Deck::new(0.0);
    deck.run(4.0 * LATER, &input);
    let passed = |of: &Event| matches!(of.kind, EventKind::Midi(_) | EventKind::Expression { .. });
    assert!(deck.output.iter().filter(|event| passed(event)).count() >= messages.len());
    assert_eq!(play_events(&input, 0.0, true), deck.output);
}

#[test]
fn the_vst3_has_a_note_bus_each_way_one_stereo_output_and_the_same_parameters() {
    let plugin = open();
    assert_eq!((plugin.audio_buses(), plugin.event_buses()), ((0, 1), (1, 1)));
    let mut clap = common::instance();
    let shown: Vec<_> = plugin.params().iter().filter(|param| !param.hidden).cloned().collect();
    assert_eq!(shown.len(), clap.params().len());
    for (own, other) in shown.iter().zip(clap.params().to_vec()) {
        assert_eq!((own.id, &own.name, own.bypass), (other.id, &other.name, other.bypass));
        let steps = if other.stepped { other.max - other.min } else { 0.0 };
        assert_eq!(f64::from(own.steps), steps, "{}", own.name);
        for value in [0.0, 3.0 / steps.max(3.0), 1.0] {
            let texts = (plugin.value_text(&own.name, value), clap.value_text(&own.name, value));
            assert_eq!(texts.0.unwrap(), texts.1.unwrap());
        }
    }
    assert_eq!(plugin.params().len() - shown.len(), 272, "not two thousand");
    let genres = model::read_card("the default pack", model::default_pack()).unwrap().genres;
    assert_eq!(plugin.value_text("Target", 0.0).unwrap(), format!("1: {}", genres[0]));
}

#[test]
fn bypass_and_parameters_show_at_once_what_a_block_brought() {
    let mut plugin = open();
    plugin.start(RATE, BLOCK).unwrap();
    let controller = plugin.controller();
    let (bypass, amount) = (plugin.param("Bypass").unwrap(), plugin.param("Amount").unwrap());
    let mut transport = Transport::new(RATE, BLOCK, BPM);
    let mut output = Vec::new();
    for value in [1.0, 0.0, 1.0] {
        let block = transport.advance(u64::MAX).unwrap();
        let input =
            [Event::param(block.steady, amount, value / 4.0), Event::param(block.steady, bypass, value)];
        plugin.process(&block, &input, &mut output).unwrap();
        assert_eq!((controller.value(bypass), controller.value(amount)), (value, value / 4.0));
    }
    // Bypass passes notes at once.
    let block = transport.advance(u64::MAX).unwrap();
    let note = Event::on(block.steady + 7, 0, 60, 0.5);
    plugin.process(&block, &[note], &mut output).unwrap();
    assert!(output.contains(&note));
}

#[test]
fn states_go_from_format_to_format_and_nonsense_is_refused() {
    let mut plugin = open();
    let names = ["Target", "Source", "Amount", "Variation", "Seed", "Bypass"];
    for (name, value) in names.into_iter().zip([1.0, 0.5, 0.25, 0.75, 0.5, 1.0]) {
        plugin.set(name, value).unwrap();
    }
    let state = plugin.save().unwrap();
    assert_eq!(state[0], b'{', "as nice-plug's own VST3 wrote it");
    let mut other = open();
    assert_ne!(other.save().unwrap(), state);
    other.load(&state).unwrap();
    assert_eq!(other.save().unwrap(), state);
    other.main_loop().pump(std::time::Duration::from_secs(10));
    assert!(other.edits().contains(&host::Vst3Edit::Changed(VALUES_CHANGED)));

    let mut clap = common::instance();
    let of_clap = [&(state.len() as u64).to_le_bytes()[..], &state[..]].concat();
    clap.load(&of_clap).unwrap();
    assert_eq!(clap.save().unwrap(), of_clap);
    let mut third = open();
    third.load(&of_clap).unwrap();
    assert_eq!(third.save().unwrap(), state);

    let noise: Vec<u8> = (0..1_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for junk in [&b""[..], b"{", b"junk", &state[..state.len() - 1], &noise] {
        assert!(other.load(junk).is_err());
    }
    assert_eq!(other.save().unwrap(), state);
}
