//! A bounce of a whole song: the same bytes each time, and those of the model applied to the same phrases.

mod common;

use std::path::Path;

use host::{RenderOptions, Rendered, render_song};
use model::{Answer, Context, LoadedPack, Pack, Past, Settings};
use phrase::{DRUM_CHANNEL, Phrase, STEPS, Song, SongNote, first_step, join_notes, windows};

fn song() -> Song {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/harvest-road.mid");
    Song::read(&path).expect("the example is a song")
}

fn bounce(song: &Song, amount: f64, block: u32) -> Rendered {
    bounce_at(song, amount, block, 4, true)
}

/// A bounce at a latency of so many bars; one that only its pace tells from a performance is not `told`.
fn bounce_at(song: &Song, amount: f64, block: u32, bars: u8, told: bool) -> Rendered {
    let options = RenderOptions { block, delay: 4.0 * f64::from(bars), ..RenderOptions::default() };
    let mut plugin = common::instance();
    plugin.set_offline(told).unwrap();
    plugin.set("Latency", [1.0, 1.0, 0.5, 0.0, 0.0][usize::from(bars)]).unwrap();
    plugin.set("Amount", amount).unwrap();
    plugin.set("Target", common::SLOT as f64 / 7.0).unwrap();
    plugin.start(options.sample_rate, block).unwrap();
    render_song(&mut plugin, song, &options).unwrap()
}

/// A note in ticks: start, end, pitch, channel, the velocity's bits.
type Tick = (i64, i64, u8, u8, u32);

/// Notes in ticks, in order.
fn ticks<'a>(notes: impl Iterator<Item = &'a SongNote>) -> Vec<Tick> {
    let tick = |step: f64| (step * 120.0).round() as i64;
    let mut ticks: Vec<_> = notes
        .filter(|note| note.channel != DRUM_CHANNEL)
        .map(|note| (tick(note.onset), tick(note.end()), note.pitch, note.channel, note.velocity.to_bits()))
        .collect();
    ticks.sort_unstable();
    ticks
}

#[test]
fn a_bounce_is_the_same_to_the_byte_at_any_block_size() {
    let song = song();
    for bars in [4, 2, 1] {
        let first = bounce_at(&song, 0.8, 512, bars, true);
        assert_eq!((first.hanging, first.stray), (0, 0));
        assert_ne!(ticks(first.song.notes()), ticks(song.notes()), "the network changed something");
        for block in [512, 4096, 333] {
            let again = bounce_at(&song, 0.8, block, bars, true);
            let (again, first) = (again.song.to_bytes().unwrap(), first.song.to_bytes().unwrap());
            assert_eq!(again, first, "blocks of {block}, {bars} bars");
        }
    }
}

#[test]
fn a_bounce_that_the_host_does_not_tell_of_is_known_by_its_pace() {
    let song = song();
    for bars in [4, 1] {
        let told = bounce_at(&song, 0.8, 512, bars, true);
        let untold = bounce_at(&song, 0.8, 512, bars, false);
        assert_eq!(untold.song.to_bytes().unwrap(), told.song.to_bytes().unwrap(), "{bars} bars");
    }
}

#[test]
fn a_bounce_is_what_the_model_makes_of_the_phrases() {
    let song = song();
    let pack = Pack::from_bytes("the default pack", model::default_pack()).unwrap();
    let mut transfer = LoadedPack::new(&pack).unwrap();
    let mut notes: Vec<_> = song.notes().copied().collect();
    notes.retain(|note| note.channel != DRUM_CHANNEL);
    for (amount, bars) in [(0.5, 4), (0.8, 4), (1.0, 4), (0.8, 2), (0.8, 1), (1.0, 1)] {
        let hop = STEPS / 4 * usize::from(bars);
        let first = first_step(hop as f64);
        let settings = Settings { amount, first: first as u8, ..Settings::to(common::SLOT) };
        // Each goes on from the one before it.
        let mut past = Past::default();
        let answers: Vec<_> = windows(&notes, &song.tempo_map(), hop)
            .iter()
            .map(|phrase| {
                let mut answer = Phrase::new(phrase.position, phrase.tempo);
                let (mut said, before) =
                    (Answer::default(), Context { before: past.before(), ..Context::default() });
                transfer.recast(phrase, &before, &settings, &mut said).unwrap();
                past.go_on(&said.cells, first);
                said.realise(phrase, first, &mut answer);
                answer
            })
            .collect();
        let expected = join_notes(&answers, first);
        let rendered = bounce_at(&song, amount.into(), 512, bars, true);
        let (got, want) = (ticks(rendered.song.notes()), ticks(expected.iter()));
        // New notes leave their lines as the input's do on average; times that were rounded to samples may
        // round that to the next tick.
        let near = |a: &Tick, b: &Tick| {
            (a.0 - b.0).abs() <= 1 && (a.1 - b.1).abs() <= 1 && (a.2, a.3, a.4) == (b.2, b.3, b.4)
        };
        let only = |a: &[Tick], b: &[Tick]| {
            a.iter().filter(|note| !b.iter().any(|other| near(note, other))).copied().collect::<Vec<_>>()
        };
        assert_eq!((only(&got, &want), only(&want, &got)), (vec![], vec![]), "amount {amount}, {bars} bars");
        assert_eq!(got.len(), want.len());
    }
}

#[test]
fn at_amount_0_a_bounce_is_the_song() {
    let song = song();
    let bounced = bounce(&song, 0.0, 512);
    // But for notes just before a bar line of the phrase grid, which wait for it, and the rounding of times
    // to samples.
    let tick = |step: f64| (step * 120.0).round() as i64;
    let mut expected: Vec<_> = song.notes().copied().collect();
    for note in &mut expected {
        let line = (note.onset / 64.0).ceil() * 64.0;
        if line - note.onset <= 0.5 && line > note.onset {
            note.length -= line - note.onset;
            note.onset = line;
        }
    }
    assert_eq!(ticks(bounced.song.notes()), ticks(expected.iter()));
    let drums = |song: &Song| {
        song.notes().filter(|note| note.channel == DRUM_CHANNEL).map(|n| tick(n.onset)).collect()
    };
    let (a, b): (Vec<_>, Vec<_>) = (drums(&bounced.song), drums(&song));
    assert_eq!(a, b, "drums are copied");
    assert_eq!((&bounced.song.tempos, &bounced.song.signatures), (&song.tempos, &song.signatures));
    for (track, own) in bounced.song.tracks.iter().zip(&song.tracks) {
        assert_eq!((&track.name, &track.others), (&own.name, &own.others));
    }
}

#[test]
fn variation_follows_its_seed() {
    let song = song();
    let with = |seed: f64| {
        let mut plugin = common::instance();
        for (name, value) in [("Amount", 1.0), ("Variation", 0.5), ("Seed", seed / 9999.0)] {
            plugin.set(name, value).unwrap();
        }
        plugin.set("Target", common::SLOT as f64 / 7.0).unwrap();
        plugin.start(48_000.0, 512).unwrap();
        ticks(render_song(&mut plugin, &song, &RenderOptions::default()).unwrap().song.notes())
    };
    assert_eq!(with(7.0), with(7.0));
    assert_ne!(with(7.0), with(8.0));
}
