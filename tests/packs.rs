//! Packs in the host: their genres name the slots, and what cannot be used leaves the music as it was.

mod common;

use common::packs::{choose, pack};
use common::{BLOCK, BPM, Deck, LATER, RATE, expected, instance, packs_folder, spans, tune};
use host::ClapHost;

fn slots(plugin: &mut ClapHost) -> Vec<String> {
    (0..8).map(|slot| plugin.value_text("Target", f64::from(slot) / 7.0).unwrap()).collect()
}

/// Plays [`tune`] at full amount to `slot` and returns the notes.
fn play(mut plugin: ClapHost, slot: u8) -> Vec<(u8, u64, u64)> {
    plugin.set("Amount", 1.0).unwrap();
    plugin.set("Target", f64::from(slot) / 7.0).unwrap();
    let mut deck = Deck::of(plugin, RATE, BPM, BLOCK);
    let input = deck.events(&tune());
    deck.run(4.0 * LATER, &input);
    spans(&deck.heard())
}

#[test]
fn the_default_pack_names_its_slots() {
    let genres = model::read_card("the default pack", model::default_pack()).unwrap().genres;
    let mut plugin = instance();
    for (slot, text) in slots(&mut plugin).into_iter().enumerate() {
        let name = genres.get(slot).map_or("empty", String::as_str);
        assert_eq!(text, format!("{}: {name}", slot + 1));
    }
    assert_eq!(plugin.value_text("Source", 0.0).unwrap(), "auto");
}

#[test]
fn packs_with_two_and_with_five_genres_load_and_are_named_right() {
    for (name, genres) in [("Two", &["ragtime", "tango"][..]), ("Five", &["a", "b", "c", "d", "Ä e"][..])] {
        let path = packs_folder().join(format!("{name}.safetensors"));
        pack(name, genres, 5).write(&path).unwrap();
        let card = model::Pack::read(&path).unwrap().card;
        let mut plugin = instance();
        choose(&mut plugin, name, &card.hash);
        let named: Vec<_> = (0..8)
            .map(|slot| format!("{}: {}", slot + 1, genres.get(slot).copied().unwrap_or("empty")))
            .collect();
        assert_eq!(slots(&mut plugin), named);
        let last = genres.len() as u8 - 1;
        assert_ne!(play(plugin, last), expected(&tune(), LATER), "{name}: the network plays");

        let mut plugin = instance();
        choose(&mut plugin, name, &card.hash);
        assert_eq!(play(plugin, last + 1), expected(&tune(), LATER), "{name}: an empty slot changes nothing");
    }
}

#[test]
fn a_missing_pack_leaves_the_music_dry_and_the_slots_without_names() {
    let mut plugin = instance();
    choose(&mut plugin, "Nowhere to be found", "00");
    assert_eq!(slots(&mut plugin)[..2], ["1", "2"]);
    assert_eq!(play(plugin, 1), expected(&tune(), LATER));
}

#[test]
fn damaged_packs_leave_the_music_dry() {
    let whole = pack("Damaged", &["x", "y"], 3).to_bytes().unwrap();
    let hash = model::read_card("whole", &whole).unwrap().hash;
    let mut turned = whole.clone();
    let middle = turned.len() - 100;
    turned[middle] ^= 0x55;
    for (name, bytes) in
        [("cut", &whole[..whole.len() - 50]), ("turned", &turned), ("empty", &[]), ("noise", &[0xA5; 999])]
    {
        let path = packs_folder().join("damaged.safetensors");
        std::fs::write(&path, bytes).unwrap();
        let mut plugin = instance();
        choose(&mut plugin, "Damaged", &hash);
        assert_eq!(play(plugin, 1), expected(&tune(), LATER), "{name}");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn another_pack_of_the_same_name_is_not_taken() {
    let path = packs_folder().join("same.safetensors");
    pack("Same name", &["x", "y"], 4).write(&path).unwrap();
    let mut plugin = instance();
    choose(&mut plugin, "Same name", "0123456789abcdef");
    assert_eq!(play(plugin, 1), expected(&tune(), LATER));
}
