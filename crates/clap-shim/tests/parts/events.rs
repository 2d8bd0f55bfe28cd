//! What a part is given, and what comes of it.

use clap_sys::process::{
    CLAP_PROCESS_CONTINUE, CLAP_PROCESS_CONTINUE_IF_NOT_QUIET, CLAP_PROCESS_ERROR, CLAP_PROCESS_SLEEP,
    CLAP_PROCESS_TAIL,
};

use crate::rig::{Call, Does, FOREIGN, LONGEST, NOTE, Rig, SYSEX, Short, TRANSPORT, VALUE, event};

fn events(calls: &[Call]) -> Vec<&[Short]> {
    calls.iter().map(|call| &call.events[..]).collect()
}

fn frames(calls: &[Call]) -> Vec<u32> {
    calls.iter().map(|call| call.frames).collect()
}

#[test]
fn parts_begin_where_parameters_change_and_have_what_is_theirs() {
    let mut rig = Rig::new(64);
    rig.steady = 1_000;
    let calls = rig.run(&[
        (0, VALUE, 1),
        (5, NOTE, 2),
        (9, NOTE, 3),
        (10, NOTE, 4),
        (10, VALUE, 5),
        (10, VALUE, 6),
        (39, SYSEX, 7),
        (40, VALUE, 8),
        (63, NOTE, 9),
    ]);
    let expected: [&[Short]; 3] = [
        &[(0, VALUE, 1), (5, NOTE, 2), (9, NOTE, 3)],
        &[(0, NOTE, 4), (0, VALUE, 5), (0, VALUE, 6), (29, SYSEX, 7)],
        &[(0, VALUE, 8), (23, NOTE, 9)],
    ];
    assert_eq!(events(&calls), expected);
    assert_eq!(frames(&calls), [10, 30, 24]);
    assert_eq!(calls.iter().map(|call| call.steady).collect::<Vec<_>>(), [1_000, 1_010, 1_040]);
    // Of each input: two channels of 32 bits and one of 64.
    assert_eq!(calls[1].first, [10.0, 5.0, 10.25]);
    assert_eq!(calls[2].first, [40.0, 20.0, 40.25]);
    let numbers: Vec<f32> = [(10, 1.0), (30, 2.0), (24, 3.0)]
        .into_iter()
        .flat_map(|(count, number)| std::iter::repeat_n(number, count))
        .collect();
    assert_eq!(rig.audio, numbers);
    assert_eq!(rig.constant, 0, "constant parts are no constant block");
    assert_eq!(rig.least(), 1, "parts may be as short");
    rig.steady = -1;
    assert!(rig.run(&[(10, VALUE, 0)]).iter().all(|call| call.steady == -1));
}

#[test]
fn a_block_without_changes_is_the_hosts_own() {
    let mut rig = Rig::new(LONGEST);
    // SAFETY: the event is one of the transport.
    rig.transport = Some(unsafe { event((0, TRANSPORT, 0)).transport });
    // At its start, before the least length of a part, and beyond its end.
    let none = [(0, VALUE, 1), (0, TRANSPORT, 0), (9, NOTE, 2), (99, VALUE, 3), (LONGEST, VALUE, 4)];
    let calls = rig.run(&none);
    assert_eq!((frames(&calls), calls[0].list_at), (vec![LONGEST], rig.list_at));
    assert_eq!((calls[0].transport_at, rig.constant), (rig.transport_at, 3));
    assert_eq!(calls[0].events.len(), none.len());
    assert_eq!(frames(&rig.run(&[(100, VALUE, 1)])), [100, LONGEST - 100], "but from there on");
}

#[test]
fn changes_that_come_too_densely_count_from_the_start_of_their_part() {
    let mut rig = Rig::new(LONGEST);
    let input: Vec<Short> = (0..LONGEST / 3).map(|index| (index * 3, VALUE, index)).collect();
    let calls = rig.run(&input);
    assert!((60..=64).contains(&calls.len()), "{}", calls.len());
    let mut start = 0;
    let mut seen = Vec::new();
    for call in &calls {
        assert!(call.frames >= 100 || start + call.frames == LONGEST);
        // Early by less than 1/64 of the block: values count from their part's start.
        assert!(call.events.iter().all(|event| event.0 < 103));
        seen.extend(call.events.iter().map(|&(time, kind, number)| (start + time, kind, number)));
        start += call.frames;
    }
    assert_eq!((start, seen), (LONGEST, input));
    rig.frames = 5;
    let calls = rig.run(&(0..5).map(|time| (time, VALUE, time)).collect::<Vec<_>>());
    assert_eq!(frames(&calls), [1; 5]);
}

#[test]
fn what_is_beyond_the_block_or_out_of_order_is_not_lost() {
    let mut rig = Rig::new(64);
    let calls = rig.run(&[(40, VALUE, 1), (90, NOTE, 2), (3, NOTE, 3), (u32::MAX, VALUE, 4), (40, NOTE, 5)]);
    let expected: [&[Short]; 2] =
        [&[(3, NOTE, 3)], &[(0, VALUE, 1), (0, NOTE, 5), (23, NOTE, 2), (23, VALUE, 4)]];
    assert_eq!((events(&calls), frames(&calls)), (expected.to_vec(), vec![40, 24]));
}

#[test]
fn events_of_others_that_are_too_long_to_copy_come_where_their_time_stays() {
    let mut rig = Rig::new(64);
    let calls = rig.run(&[(3, FOREIGN, 0), (20, VALUE, 1), (30, FOREIGN, 0), (31, NOTE, 2)]);
    let expected: [&[Short]; 2] = [&[(3, FOREIGN, 0)], &[(0, VALUE, 1), (11, NOTE, 2)]];
    assert_eq!((events(&calls), calls[1].nulls), (expected.to_vec(), 1));
}

#[test]
fn more_than_there_is_room_for_is_not_split() {
    let mut rig = Rig::new(64);
    let mut input = vec![(20, VALUE, 1); 16_384];
    assert_eq!(frames(&rig.run(&input)), [20, 44]);
    input.extend([(21, TRANSPORT, 0), (22, NOTE, 2)]);
    let calls = rig.run(&input);
    assert_eq!(frames(&calls), [64]);
    // The framework must not split it either.
    assert_eq!((calls[0].nulls, calls[0].events.last()), (1, Some(&(22, NOTE, 2))));
    let few = [(20, VALUE, 1), (21, TRANSPORT, 0)];
    rig.more_channels = 125;
    let calls = rig.run(&few);
    assert_eq!((frames(&calls), &calls[2].first[..]), (vec![20, 1, 43], &[21.0, 10.5, 21.25][..]));
    rig.more_channels = 126;
    let calls = rig.run(&few);
    assert_eq!((frames(&calls), events(&calls)), (vec![64], vec![&few[..1]]));
}

#[test]
fn what_parts_send_leaves_at_its_time_in_the_block_and_in_order() {
    let mut rig = Rig::new(64);
    let sends = |sends: &[Short]| Does { sends: sends.to_vec(), ..Does::default() };
    rig.does(&[
        sends(&[(19, VALUE, 1), (3, NOTE, 2), (25, VALUE, 3)]),
        sends(&[(5, VALUE, 4), (0, NOTE, 5), (43, NOTE, 6)]),
    ]);
    assert_eq!(rig.run(&[(20, VALUE, 0)]).len(), 2);
    let expected =
        [(3, NOTE, 2), (19, VALUE, 1), (20, NOTE, 5), (25, VALUE, 3), (25, VALUE, 4), (63, NOTE, 6)];
    assert_eq!(rig.heard, expected);
    rig.run(&[]);
    assert_eq!(rig.heard, []);
}

#[test]
fn the_strongest_status_counts_and_a_failure_ends_the_block() {
    let mut rig = Rig::new(64);
    let quiet = CLAP_PROCESS_CONTINUE_IF_NOT_QUIET;
    let mut status = |statuses: &[i32]| {
        let does = |&status| Does { status: Some(status), sends: vec![(1, VALUE, 1)], ..Does::default() };
        rig.does(&statuses.iter().map(does).collect::<Vec<_>>());
        let (status, calls) = rig.run_events(&[(10, VALUE, 0), (20, VALUE, 0)].map(event));
        assert_eq!(rig.heard.len(), calls.len(), "what was sent is sent all the same");
        (status, calls.len())
    };
    assert_eq!(status(&[CLAP_PROCESS_SLEEP, CLAP_PROCESS_CONTINUE, quiet]), (CLAP_PROCESS_CONTINUE, 3));
    assert_eq!(status(&[quiet, CLAP_PROCESS_SLEEP, CLAP_PROCESS_TAIL]), (quiet, 3));
    assert_eq!(status(&[CLAP_PROCESS_SLEEP, CLAP_PROCESS_TAIL, CLAP_PROCESS_SLEEP]), (CLAP_PROCESS_TAIL, 3));
    assert_eq!(status(&[quiet, CLAP_PROCESS_ERROR]), (CLAP_PROCESS_ERROR, 2));
}
