//! A window full of everything, for the tests and the example.

use std::sync::Arc;

use gui::{Control, Field, Kind, Live, Models, Pack, Page, Snapshot, Stage, Take};
use phrase::Note;

/// Controls of every kind, as the plugin describes them.
fn fields() -> Vec<Field> {
    let list = |count: usize| Kind::Choice((0..count).map(|index| format!("choice {index}")).collect());
    let all = [
        (Control::TARGET, "Target", Kind::Number(8, None), Page::Pad),
        (Control::SOURCE, "Source", Kind::Number(8, None), Page::Panel),
        (Control::BLEND, "Blend", Kind::Switch, Page::Pad),
        (Control::AMOUNT, "Amount", Kind::Percent, Page::Panel),
        (Control::VARIATION, "Variation", Kind::Percent, Page::Panel),
        (Control::SEED, "Seed", Kind::Number(9999, None), Page::Panel),
        (Control::LOCK, "Lock draw", Kind::Switch, Page::Panel),
        (Control("latency"), "Latency", list(3), Page::Play),
        (Control("margin"), "Margin", list(3), Page::Time),
        (Control("fallback"), "When late", list(3), Page::Time),
        (Control("processor"), "Processor", list(3), Page::Time),
        (Control("shift"), "Shift", list(16), Page::Time),
        (Control("realign"), "Realign now", Kind::Button, Page::Time),
        (Control("thru"), "Hear", list(3), Page::Play),
        (Control::FREEZE, "Freeze", Kind::Switch, Page::Header),
        (Control("melody"), "Keep melody", Kind::Switch, Page::Play),
        (Control("key"), "Key lock", list(26), Page::Play),
        (Control("lowest"), "Lowest new note", Kind::Pitch, Page::Notes),
        (Control("highest"), "Highest new note", Kind::Pitch, Page::Notes),
        (Control("voices"), "Voices", Kind::Number(16, Some("any")), Page::Notes),
        (Control("density"), "Notes a beat", Kind::Number(16, Some("any")), Page::Notes),
        (Control("swing"), "Swing", Kind::Percent, Page::Play),
        (Control("humanise"), "Humanise", Kind::Percent, Page::Notes),
        (Control("velocity"), "Velocity", Kind::Number(127, Some("as played")), Page::Notes),
        (Control("channel"), "Channel", Kind::Number(16, Some("as played")), Page::Notes),
        (Control("longest"), "Longest note in 16ths", Kind::Number(64, Some("any")), Page::Notes),
        (Control("pedal"), "Pedal as length", Kind::Switch, Page::Notes),
        (Control::PANIC, "Panic", Kind::Button, Page::Header),
        (Control::BYPASS, "Bypass", Kind::Switch, Page::Header),
        (Control("silent"), "When silent", list(4), Page::Fill),
        (Control("silent_bars"), "For at most", list(7), Page::Fill),
        (Control("distance"), "Distance", Kind::Percent, Page::Fill),
        (Control("texture"), "Texture of the model", Kind::Switch, Page::Fill),
        (Control::MORPH, "Morph", Kind::Switch, Page::Fill),
        (Control::MORPH_X, "Morph X", Kind::Percent, Page::Morph),
        (Control::MORPH_Y, "Morph Y", Kind::Percent, Page::Morph),
    ];
    all.map(|(control, name, kind, page)| Field { control, name, hint: "A sentence about it.", kind, page })
        .to_vec()
}

/// Some music; `seed` makes it another.
fn notes(seed: u64) -> Vec<Note> {
    let note = |index: u64| {
        let chance = phrase::mix(seed << 16 | index);
        let pitch = 40 + (chance % 40) as u8;
        Note::new(
            pitch,
            0,
            (chance >> 8 & 127) as f32 / 127.0,
            index as f64 * 64.0 / 90.0,
            1.0 + (chance >> 20 & 3) as f64,
        )
    };
    (0..90).map(note).collect()
}

/// Take number `id`.
fn take(id: u64) -> Take {
    let input = notes(id);
    let mut played = input.clone();
    played.truncate(60);
    played.extend(notes(id + 1000).into_iter().take(30));
    let mut take = Take {
        id,
        saliency: input.iter().map(|note| note.velocity).collect(),
        input,
        played,
        length: 64.0,
        answered: true,
        title: "classical > jazz".into(),
        settings: "amount 90 %, key C minor".into(),
        before: vec![0.7, 0.2, 0.1],
        after: vec![0.1, 0.8, 0.1],
        change: (0.4, 0.3),
        ..Take::default()
    };
    take.compare();
    take
}

/// In the middle of a performance, all 64 phrases remembered, everything known.
pub fn full() -> Snapshot {
    let takes: Vec<_> = (1..=64).map(|id| Arc::new(take(id))).collect();
    let fields = fields();
    let zero = |control: Control| match control {
        Control::TARGET => 1.0,
        Control::AMOUNT => 0.9,
        Control::VARIATION | Control("swing") | Control::MORPH_X | Control::MORPH_Y => 0.5,
        Control("highest") => 127.0,
        _ => 0.0,
    };
    let weights = (0..8).map(Control::weight);
    let values = fields.iter().map(|field| field.control).chain(weights).map(|c| (c, zero(c))).collect();
    Snapshot {
        fields: Arc::new(fields),
        values,
        pack: Pack {
            name: "A pack of some name".into(),
            card: vec![("Version".into(), "1".into())],
            names: vec!["A pack of some name".into(), "Another".into()],
            chosen: Some(0),
            folder: Some("/home/somebody/.local/share/contrafact/packs".into()),
            genres: ["classical", "jazz", "pop"].map(String::from).to_vec(),
            lacks: vec!["This pack has no writer: where you are silent, it rests.".into()],
        },
        stage: Stage::Running,
        state: "Your phrase is answered in 3 beats".into(),
        beats: Some(2.4),
        notices: vec!["2 answers late".into()],
        device: "CPU".into(),
        took: Some(3.2),
        deadline: 62.5,
        key: Some("C minor".into()),
        live: Arc::new(Live { notes: notes(7777), first: 0.0, line: 64.0 }),
        head: Some(54.4),
        played: Some(54.4),
        playing: takes.last().cloned(),
        models: Arc::new(Models {
            corners: [Some(notes(1)), Some(notes(2)), None, None],
            manner: Some(notes(3)),
        }),
        takes,
        steps: (true, true),
        folder: "/home/somebody/Documents/Contrafact".into(),
        zoom: 100,
        ..Snapshot::default()
    }
}
