//! The shell between a VST3 host and a plugin that notes what it is asked.

mod fake;

use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::Duration;

use fake::{BYPASS, GAIN, STEPS, Seen, Tell, lock, open};
use host::{Block, Event, EventKind, Instance, Transport, Vst3Edit, Vst3Host};
use vst3_shell::Mode;

const RATE: f64 = 48_000.0;

fn started() -> (Vst3Host, std::sync::Arc<fake::Fake>) {
    let (mut host, fake) = open();
    host.start(RATE, 256).unwrap();
    (host, fake)
}

fn block() -> Block {
    let mut transport = Transport::new(RATE, 64, 120.0);
    transport.play();
    transport.advance(u64::MAX).unwrap()
}

fn run(host: &mut Vst3Host, input: &[Event]) -> Vec<Event> {
    let mut output = Vec::new();
    host.process(&block(), input, &mut output).unwrap();
    output
}

#[test]
fn events_arrive_in_order_and_come_back_as_they_were() {
    let (mut host, fake) = started();
    let expression =
        |time, value| Event { time, kind: EventKind::Expression { channel: 2, key: 61, id: 1, value } };
    let input = [
        Event::on(3, 2, 61, 0.5),
        expression(4, 0.25),
        Event::midi(5, [0xB2, 1, 99]),
        Event::midi(6, [0xE2, 5, 70]),
        Event::midi(7, [0xD2, 88, 0]),
        Event::midi(8, [0xA2, 61, 44]),
        Event::off(63, 2, 61),
    ];
    let output = run(&mut host, &input);
    assert_eq!(output, input);
    let seen = fake.take_seen();
    assert_eq!(seen[0], Seen::On(3, 2, 61, 1));
    assert_eq!(seen[1], Seen::Expression(4, 2, 61, 1, 0.25));
    assert_eq!(
        seen[2..5],
        [Seen::Midi(5, [0xB2, 1, 99]), Seen::Midi(6, [0xE2, 5, 70]), Seen::Midi(7, [0xD2, 88, 0])]
    );
    assert!(matches!(seen[5], Seen::Expression(8, 2, 61, 6, value) if (value * 127.0).round() == 44.0));
    assert_eq!(seen[6], Seen::Off(63, 2, 61, 1));
}

#[test]
fn every_point_of_an_automation_reaches_the_plugin_at_its_sample() {
    let (mut host, fake) = started();
    let points = [(0, 0.0), (10, 0.5), (33, 0.75), (63, 1.0)];
    let mut input: Vec<_> = points.iter().map(|&(at, value)| Event::param(at, GAIN, value)).collect();
    input.push(Event::param(20, STEPS, 0.5));
    input.push(Event::on(10, 0, 60, 1.0));
    run(&mut host, &input);
    let seen = fake.take_seen();
    let expected = [
        Seen::Param(0, GAIN, 0.0),
        Seen::Param(10, GAIN, 1.0),
        Seen::On(10, 0, 60, 1),
        Seen::Param(20, STEPS, 2.0),
        Seen::Param(33, GAIN, 1.5),
        Seen::Param(63, GAIN, 2.0),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn the_mode_is_that_of_each_block_and_of_the_setup() {
    let (mut host, fake) = open();
    host.set_offline(true);
    host.start(RATE, 256).unwrap();
    assert_eq!(fake.render.load(Acquire), 1, "known before the plugin is activated");
    run(&mut host, &[]);
    host.set_offline(false);
    run(&mut host, &[]);
    let modes: Vec<_> = lock(&fake.blocks).iter().map(|block| block.0).collect();
    assert_eq!(modes, [Some(Mode::Offline), Some(Mode::Realtime)]);
    assert_eq!(vst3_shell::mode(), None);
    host.deactivate();
    host.start(RATE, 256).unwrap();
    assert_eq!(fake.render.load(Acquire), 0);
}

#[test]
fn the_transport_comes_over() {
    let (mut host, fake) = started();
    let mut transport = Transport::new(RATE, 64, 120.0);
    transport.play();
    let mut output = Vec::new();
    for _ in 0..2 {
        host.process(&transport.advance(u64::MAX).unwrap(), &[], &mut output).unwrap();
    }
    let blocks = lock(&fake.blocks);
    let flags = clap_sys::events::CLAP_TRANSPORT_IS_PLAYING | clap_sys::events::CLAP_TRANSPORT_HAS_TEMPO;
    assert_eq!(blocks[1].1 & flags, flags);
    let beats = blocks[1].2 as f64 / clap_sys::fixedpoint::CLAP_BEATTIME_FACTOR as f64;
    assert!((beats - 64.0 / 24_000.0).abs() < 1e-9);
}

#[test]
fn edits_reach_the_host_with_their_gestures_on_the_main_thread() {
    let (mut host, fake) = started();
    let main = host.main_loop();
    lock(&fake.tell).extend([Tell::Begin(GAIN), Tell::Set(GAIN, 1.0)]);
    run(&mut host, &[]);
    assert!(host.edits().is_empty(), "not from the audio thread");
    main.pump(Duration::ZERO);
    assert_eq!(host.edits(), [Vst3Edit::Begin(GAIN), Vst3Edit::Set(GAIN, 0.5)]);

    // What the host echoes meanwhile is older than the hand on the control.
    fake.take_seen();
    run(&mut host, &[Event::param(0, GAIN, 0.1), Event::param(0, STEPS, 1.0)]);
    assert_eq!(fake.take_seen(), [Seen::Param(0, STEPS, 4.0)]);
    lock(&fake.tell).push(Tell::End(GAIN));
    run(&mut host, &[]);
    run(&mut host, &[Event::param(0, GAIN, 0.1)]);
    assert_eq!(fake.take_seen(), [Seen::Param(0, GAIN, 0.2)]);
    main.pump(Duration::ZERO);
    assert_eq!(host.edits(), [Vst3Edit::End(GAIN)]);

    // At rest the plugin's wish to be asked is enough.
    host.deactivate();
    lock(&fake.tell).push(Tell::Set(STEPS, 1.0));
    thread::scope(|scope| scope.spawn(|| fake.request_flush()).join().unwrap());
    main.pump(Duration::from_secs(10));
    assert_eq!(host.edits(), [Vst3Edit::Set(STEPS, 0.25)]);
}

#[test]
fn values_are_shown_at_once_and_late_echoes_do_not_undo_automation() {
    let (mut host, fake) = open();
    let controller = host.controller();
    assert!(controller.set(STEPS, 0.75));
    assert_eq!((controller.value(STEPS), fake.value(STEPS)), (0.75, 3.0), "inactive: at once");
    host.start(RATE, 256).unwrap();
    run(&mut host, &[Event::param(0, STEPS, 1.0), Event::param(0, BYPASS, 1.0)]);
    assert_eq!((controller.value(STEPS), controller.value(BYPASS)), (1.0, 1.0), "with the block");
    controller.set(STEPS, 0.5);
    assert_eq!((controller.value(STEPS), fake.value(STEPS)), (0.5, 4.0), "for the views only");
    run(&mut host, &[]);
    assert_eq!((controller.value(STEPS), fake.value(STEPS)), (0.5, 4.0));
    run(&mut host, &[Event::param(9, STEPS, 0.25)]);
    assert_eq!((controller.value(STEPS), fake.value(STEPS)), (0.25, 1.0), "the block decides");
    // What never came with a block comes when blocks have ended.
    controller.set(STEPS, 0.0);
    host.deactivate();
    assert_eq!((controller.value(STEPS), fake.value(STEPS)), (0.0, 0.0));
}

#[test]
fn the_main_thread_is_called_from_any_other() {
    let (host, fake) = open();
    let main = host.main_loop();
    thread::scope(|scope| scope.spawn(|| (0..10).for_each(|_| fake.request_callback())).join().unwrap());
    assert!(lock(&fake.main).is_empty());
    main.pump(Duration::from_secs(10));
    assert_eq!(*lock(&fake.main), [thread::current().id()], "ten wishes, one call");
    fake.rescan();
    main.pump(Duration::from_secs(10));
    assert_eq!(host.edits(), [Vst3Edit::Changed(4)], "the values have changed");
    // Only Linux's loop watches something of the plugin's.
    let watched = usize::from(cfg!(target_os = "linux"));
    assert_eq!(main.watched(), watched);
    drop(host);
    assert_eq!(main.watched(), 0);
}

#[test]
fn states_are_kept_without_a_length_and_read_with_one_or_without() {
    let (mut host, fake) = open();
    assert_eq!(host.save().unwrap(), b"{\"a\":1}");
    host.load(b"{\"b\":22}").unwrap();
    assert_eq!(*lock(&fake.state), b"{\"b\":22}");
    host.load(b"\x07\0\0\0\0\0\0\0{\"c\":3}").unwrap();
    assert_eq!(host.save().unwrap(), b"{\"c\":3}");
    for junk in [&b""[..], b"junk", b"\x09\0\0\0\0\0\0\0{}"] {
        assert!(host.load(junk).is_err());
    }
    assert_eq!(host.save().unwrap(), b"{\"c\":3}");
}

#[test]
fn a_call_without_samples_brings_parameters_and_keeps_notes_for_the_next() {
    let (mut host, fake) = started();
    let empty = Block { frames: 0, ..block() };
    let mut output = Vec::new();
    host.process(&empty, &[Event::on(0, 0, 60, 1.0), Event::param(0, GAIN, 0.5)], &mut output).unwrap();
    assert_eq!(fake.take_seen(), [Seen::Param(0, GAIN, 1.0)]);
    assert!(output.is_empty());
    assert_eq!(run(&mut host, &[]).len(), 1);
}

#[test]
fn parameters_are_described_as_the_plugin_has_them() {
    let (host, _) = open();
    let shown: Vec<_> = host.params().iter().filter(|param| !param.hidden).cloned().collect();
    let told: Vec<_> =
        shown.iter().map(|param| (param.id, param.name.as_str(), param.steps, param.bypass)).collect();
    assert_eq!(told, [(GAIN, "Gain", 0, false), (STEPS, "Steps", 4, false), (BYPASS, "Bypass", 1, true)]);
    assert_eq!(host.params().len(), 3 + 272, "seventeen controllers of sixteen channels");
    assert_eq!(host.value_text("Gain", 0.5).unwrap(), "1.0 dB");
    assert_eq!((host.audio_buses(), host.event_buses()), ((0, 1), (1, 1)));
}
