use proptest::prelude::*;

use super::*;

const RATE: f64 = 48_000.0;
const STEP: f64 = 6_000.0; // samples, at 48 kHz and 120 BPM

fn playing(beats: f64) -> Transport {
    Transport { playing: true, tempo: Some(120.0), beats: Some(beats), ..Transport::default() }
}

fn looping(beats: f64, cycle: (f64, f64)) -> Transport {
    Transport { cycle: Some(cycle), ..playing(beats) }
}

#[test]
fn time_comes_from_the_host_and_half_samples_round_up() {
    let mut clock = Clock::new(44_100.0);
    let (change, span) = clock.advance(&playing(-2.0), 4096);
    let span = span.unwrap();
    assert_eq!((change, span.at), (Change::Start, -8.0));
    // A step is 5512.5 samples at 44.1 kHz and 120 BPM.
    assert_eq!((span.sample(-8.0), span.sample(-7.0), span.sample(-9.0)), (0, 5513, 0));
    assert!((span.time(4096) + 8.0 - 4096.0 / 5512.5).abs() < 1e-12);
}

#[test]
fn stopping_and_starting_again_starts_anew() {
    let mut clock = Clock::new(RATE);
    clock.advance(&playing(0.0), 6000);
    let stopped = Transport { playing: false, ..playing(0.25) };
    assert_eq!(clock.advance(&stopped, 6000), (Change::Stop, None));
    assert_eq!(clock.advance(&stopped, 6000), (Change::None, None));
    // The host reports its resting position and then starts earlier.
    let (change, span) = clock.advance(&playing(-1.0), 6000);
    assert_eq!((change, span.unwrap().at), (Change::Start, -4.0));
}

#[test]
fn jumps_start_anew_and_small_slips_do_not() {
    let mut clock = Clock::new(RATE);
    clock.advance(&playing(0.0), 6000);
    assert_eq!(clock.advance(&playing(0.26), 6000).0, Change::None);
    assert_eq!(clock.advance(&playing(8.0), 6000).0, Change::Start);
    assert_eq!(clock.advance(&playing(7.0), 6000).0, Change::Start);
}

#[test]
fn a_whole_bar_loop_runs_on_whether_it_wraps_inside_a_block_or_at_its_start() {
    let cycle = (4.0, 12.0);
    let mut clock = Clock::new(RATE);
    clock.advance(&looping(11.9, cycle), 6000); // up to 12.15: wraps inside
    let (change, span) = clock.advance(&looping(4.15, cycle), 6000);
    let span = span.unwrap();
    assert_eq!((change, span.cut, span.wrapped), (Change::None, None, None));
    assert!((span.at - 12.15 * 4.0).abs() < 1e-9);
    let mut clock = Clock::new(RATE);
    clock.advance(&looping(11.9, cycle), 6000);
    let (change, span) = clock.advance(&looping(4.0, cycle), 6000); // the host dropped the rest
    assert_eq!((change, span.unwrap().at), (Change::None, 48.0));
}

#[test]
fn a_loop_of_broken_bars_says_where_it_cuts() {
    let cycle = (0.0, 6.0);
    let mut clock = Clock::new(RATE);
    let (_, span) = clock.advance(&looping(5.75, cycle), 6000);
    assert_eq!(span.unwrap().cut, Some(24.0));
    let (change, span) = clock.advance(&looping(0.0, cycle), 6000);
    let span = span.unwrap();
    assert_eq!((change, span.at, span.wrapped, span.cut), (Change::None, 24.0, Some(24.0), Some(48.0)));
}

#[test]
fn our_own_clock_starts_at_the_first_note_and_stops_for_the_host() {
    let mut clock = Clock::new(RATE);
    let rest = Transport { tempo: Some(60.0), ..Transport::default() };
    assert_eq!(clock.advance(&rest, 512), (Change::None, None));
    let span = clock.start(&rest, 100, 512);
    assert_eq!((span.from, span.to, span.at, span.sample(1.0)), (100, 512, 0.0, 100 + 12_000));
    let (change, span) = clock.advance(&rest, 512);
    assert_eq!(change, Change::None);
    assert!((span.unwrap().at - 412.0 / 12_000.0).abs() < 1e-12);
    assert_eq!(clock.advance(&playing(0.0), 512).0, Change::Start);
    assert!(!clock.is_free());
}

#[test]
fn nonsense_from_the_host_is_survived() {
    for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
        let mut clock = Clock::new(bad);
        let t = Transport {
            playing: true,
            tempo: Some(bad),
            beats: Some(bad),
            cycle: Some((bad, bad + 1.0)),
            bar: Some((bad, bad)),
        };
        for _ in 0..3 {
            if let (_, Some(span)) = clock.advance(&t, 512) {
                assert!(span.rate.is_finite() && span.rate > 0.0);
                assert!(span.sample(span.at + 1.0) > 0);
                assert!(span.bars.start.is_finite() && (1.0..=64.0).contains(&span.bars.length));
            }
        }
    }
}

#[test]
fn a_loop_is_broken_or_whole_by_the_bars_of_the_host() {
    // Six beats: two bars of 3/4.
    let waltz = |beats: f64| Transport { bar: Some((3.0, 3.0)), ..looping(beats, (0.0, 6.0)) };
    let mut clock = Clock::new(RATE);
    let (_, span) = clock.advance(&waltz(5.75), 6000);
    assert_eq!((span.unwrap().cut, span.unwrap().bars), (None, Bars { start: 12.0, length: 12.0 }));
    let (change, span) = clock.advance(&Transport { bar: Some((0.0, 3.0)), ..waltz(0.0) }, 6000);
    let span = span.unwrap();
    assert_eq!((change, span.at, span.wrapped), (Change::None, 24.0, None));
    assert_eq!(span.bars, Bars { start: 24.0, length: 12.0 });
}

#[test]
fn bars_that_cannot_be_are_counted_from_the_start_in_four_four() {
    for bar in [None, Some((100.0, 4.0)), Some((16.0, 0.0)), Some((16.0, 17.0)), Some((f64::NAN, 4.0))] {
        let bars = host_bars(&Transport { bar, ..playing(17.5) }, 70.0);
        assert_eq!(bars, Bars { start: 64.0, length: 16.0 }, "{bar:?}");
    }
    let bars = host_bars(&Transport { bar: Some((-3.0, 3.0)), ..playing(-1.0) }, -4.0);
    assert_eq!(bars, Bars { start: -12.0, length: 12.0 });
}

#[test]
fn a_tempo_ramp_in_big_blocks_is_no_jump() {
    // Blocks of two seconds, from 60 to 180 BPM; the tempo of a block's start is all that is told.
    let mut clock = Clock::new(8_000.0);
    let mut beats = 0.0;
    for block in 0..8 {
        let tempo = 60.0 + 15.0 * f64::from(block);
        let transport = Transport { tempo: Some(tempo), ..playing(beats) };
        let (change, _) = clock.advance(&transport, 16_384);
        assert_eq!(change, if block == 0 { Change::Start } else { Change::None });
        beats += (tempo + 7.5) / 60.0 * 2.048;
    }
}

proptest! {
    #[test]
    fn a_time_falls_on_one_sample_whatever_the_block_size(
        block in 1u32..5000, tempo in 20.0..400.0f64, rate in prop::sample::select(vec![44_100.0, 48_000.0,
            96_000.0]),
        line in 1u32..12,
    ) {
        // The sample of a musical time, found by walking in blocks of one size.
        let find = |block: u32| {
            let mut clock = Clock::new(rate);
            let mut start = 0u64;
            loop {
                let beats = start as f64 / rate / 60.0 * tempo;
                // CLAP carries positions as fixed point with 31 binary places.
                let beats = (beats * 2f64.powi(31)).round() / 2f64.powi(31);
                let t = Transport { tempo: Some(tempo), ..playing(beats) };
                let span = clock.advance(&t, block).1.unwrap();
                let sample = span.sample(f64::from(line));
                if sample < span.to {
                    return start + u64::from(sample);
                }
                start += u64::from(block);
            }
        };
        prop_assert_eq!(find(block), find(4096));
    }

    #[test]
    fn musical_time_never_goes_back_in_whole_bar_loops(
        bars in 1u32..5, start in -2i32..9, block in 64u32..9000, inside in any::<bool>(),
    ) {
        let (a, b) = (f64::from(start) * 4.0, f64::from(start) * 4.0 + f64::from(bars) * 4.0);
        let mut clock = Clock::new(RATE);
        let (mut host, mut before, mut total) = (a, None, 0.0);
        for _ in 0..400 {
            let (change, span) = clock.advance(&looping(host, (a, b)), block);
            let at = span.unwrap().at;
            if let Some(before) = before {
                prop_assert_eq!(change, Change::None);
                prop_assert!(at >= before, "{} after {}", at, before);
                let drift: f64 = at - (a * 4.0 + total);
                prop_assert!(!inside || drift.abs() < 1e-6);
            }
            before = Some(at - if inside { 0.0 } else { f64::from(block) / STEP });
            total += f64::from(block) / STEP;
            host += f64::from(block) / STEP / 4.0;
            if host >= b {
                host = if inside { host - (b - a) } else { a };
            }
        }
    }
}
