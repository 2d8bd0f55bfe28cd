//! The transport of each part.

use clap_sys::events::{
    CLAP_TRANSPORT_HAS_BEATS_TIMELINE, CLAP_TRANSPORT_HAS_SECONDS_TIMELINE, CLAP_TRANSPORT_HAS_TEMPO,
    CLAP_TRANSPORT_IS_LOOP_ACTIVE, CLAP_TRANSPORT_IS_PLAYING, clap_event_transport,
};

use crate::rig::{Call, Event, NOTE, RATE, Rig, Short, TRANSPORT, VALUE, event};

const ALL: u32 = CLAP_TRANSPORT_HAS_TEMPO
    | CLAP_TRANSPORT_HAS_BEATS_TIMELINE
    | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE
    | CLAP_TRANSPORT_IS_PLAYING;
const FACTOR: f64 = (1u64 << 31) as f64;

/// A beat in 100 samples.
fn at(time: u32, beats: f64) -> clap_event_transport {
    // SAFETY: the event is one of the transport.
    let zeros = unsafe { event((time, TRANSPORT, 0)).transport };
    let fixed = |value: f64| (value * FACTOR) as i64;
    assert_eq!(RATE, 200.0);
    clap_event_transport {
        flags: ALL,
        tempo: 120.0,
        song_pos_beats: fixed(beats),
        song_pos_seconds: fixed(beats / 2.0),
        loop_start_beats: fixed(2.0),
        loop_end_beats: fixed(4.0),
        loop_start_seconds: fixed(1.0),
        loop_end_seconds: fixed(2.0),
        bar_start: fixed(4.0),
        bar_number: 1,
        ..zeros
    }
}

/// The frames, the beats and the tempo of each call; seconds are half the beats.
fn positions(calls: &[Call]) -> Vec<(u32, f64, f64)> {
    let position = |call: &Call| {
        let transport = call.transport.unwrap();
        let number = |value: i64| (value as f64 / FACTOR * 1e6).round() / 1e6;
        let (beats, seconds) = (number(transport.song_pos_beats), number(transport.song_pos_seconds));
        assert!(transport.tempo_inc != 0.0 || (beats - 2.0 * seconds).abs() < 1e-5);
        assert_eq!(transport.header.time, 0);
        (call.frames, beats, transport.tempo)
    };
    calls.iter().map(position).collect()
}

fn run(rig: &mut Rig, input: &[Event]) -> Vec<(u32, f64, f64)> {
    let calls = rig.run_events(input).1;
    assert!(calls.iter().flat_map(|call| &call.events).all(|event| event.1 != TRANSPORT));
    positions(&calls)
}

const CHANGES: [Short; 2] = [(25, VALUE, 0), (75, VALUE, 0)];

#[test]
fn positions_run_from_part_to_part() {
    let mut rig = Rig::new(100);
    rig.transport = Some(at(0, 8.0));
    let changes = CHANGES.map(event);
    assert_eq!(run(&mut rig, &changes), [(25, 8.0, 120.0), (50, 8.25, 120.0), (25, 8.75, 120.0)]);
    let ramp = clap_event_transport { tempo_inc: 0.5, ..at(0, 8.0) };
    rig.transport = Some(ramp);
    let beats = |samples: u32| {
        let sum: f64 = (0..samples).map(|sample| 120.0 + 0.5 * f64::from(sample)).sum();
        ((8.0 + sum / 60.0 / RATE) * 1e6).round() / 1e6
    };
    assert_eq!(run(&mut rig, &changes), [(25, 8.0, 120.0), (50, beats(25), 132.5), (25, beats(75), 157.5)]);
    let calls = rig.run(&CHANGES);
    assert!(calls.iter().all(|call| call.transport.unwrap().bar_start == ramp.bar_start));
    // Stopped, and unknown.
    rig.transport = Some(clap_event_transport { flags: ALL & !CLAP_TRANSPORT_IS_PLAYING, ..ramp });
    assert!(run(&mut rig, &changes).iter().all(|part| (part.1, part.2) == (8.0, 120.0)));
    rig.transport = None;
    assert!(rig.run(&CHANGES).iter().all(|call| call.transport.is_none()));
}

#[test]
fn a_loop_begins_anew_within_the_block() {
    let mut rig = Rig::new(100);
    let flags = ALL | CLAP_TRANSPORT_IS_LOOP_ACTIVE;
    rig.transport = Some(clap_event_transport { flags, ..at(0, 3.5) });
    let changes = CHANGES.map(event);
    assert_eq!(run(&mut rig, &changes), [(25, 3.5, 120.0), (50, 3.75, 120.0), (25, 2.25, 120.0)]);
    rig.transport = Some(clap_event_transport { flags, ..at(0, 4.0) });
    assert_eq!(run(&mut rig, &changes)[2].1, 4.75, "not for who is outside");
}

#[test]
fn a_transport_within_the_block_counts_from_its_time() {
    let mut rig = Rig::new(100);
    rig.transport = Some(at(0, 8.0));
    let told = |time, beats, tempo| Event { transport: clap_event_transport { tempo, ..at(time, beats) } };
    let [first, second] = CHANGES.map(event);
    let input = [first, told(50, 20.0, 240.0), event((60, NOTE, 1)), second];
    let expected = [(25, 8.0, 120.0), (25, 8.25, 120.0), (25, 20.0, 240.0), (25, 20.5, 240.0)];
    let calls = rig.run_events(&input).1;
    assert_eq!(calls[2].events, [(10, NOTE, 1)]);
    // At twice the tempo the seconds are not half the beats.
    let beats = |calls: &[Call]| -> Vec<_> {
        let tell = |call: &Call| {
            let transport = call.transport.unwrap();
            (call.frames, transport.song_pos_beats as f64 / FACTOR, transport.tempo)
        };
        calls.iter().map(tell).collect()
    };
    assert_eq!(beats(&calls), expected);
    // From nothing, and to what is beyond the block.
    rig.transport = None;
    let calls = rig.run_events(&[told(50, 20.0, 120.0), told(100, 40.0, 120.0)]).1;
    assert!(calls[0].transport.is_none());
    assert_eq!(positions(&calls[1..]), [(50, 20.0, 120.0)]);
    rig.transport = Some(at(0, 8.0));
    assert_eq!(run(&mut rig, &[told(100, 40.0, 120.0)]), [(100, 8.0, 120.0)]);
    // At the start the list says it before the block does.
    assert_eq!(run(&mut rig, &[told(0, 30.0, 120.0), first])[1], (75, 30.25, 120.0));
}

#[test]
fn a_transport_too_soon_for_a_part_of_its_own_runs_back_to_the_start_of_its_part() {
    let mut rig = Rig::new(640);
    rig.transport = Some(at(0, 8.0));
    let told = Event { transport: at(55, 20.0) };
    let input = [event((50, VALUE, 0)), told, event((155, VALUE, 0))];
    assert_eq!(run(&mut rig, &input), [(50, 8.0, 120.0), (105, 19.95, 120.0), (485, 21.0, 120.0)]);
}
