//! The fuzz target `pack`.

use model::{LoadedPack, Pack, Settings, read_card};
use phrase::{Note, Phrase};
use sha2::{Digest, Sha256};

/// Packs: as raw bytes, and as a card around which a file is made whose hash is right, so that what stands in
/// the card is reached.
pub fn pack(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let made = (kind & 1 == 1).then(|| around(rest)).flatten();
    let file = made.as_deref().unwrap_or(rest);
    let card = read_card("fuzz", file);
    let Ok(pack) = Pack::from_bytes("fuzz", file) else { return };
    assert!(card.is_ok(), "a pack has a card");
    let Ok(mut transfer) = LoadedPack::new(&pack) else { return };
    let mut phrase = Phrase::new(0, 120.0);
    phrase.push(Note::new(60, 0, 0.5, 0.0, 4.0));
    let mut answer = Phrase::new(0, 120.0);
    let _ = transfer.transfer(&phrase, &Settings::to(1), &mut answer);
}

/// A file without tensors that holds this text as its card, where it is JSON.
fn around(card: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(card).ok()?;
    serde_json::from_str::<serde_json::Value>(text).ok()?;
    let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    let envelope = format!(r#"{{"sha256":"{hash}","card":{text}}}"#);
    let header = serde_json::json!({"__metadata__": {"contrafact": envelope}}).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    Some(file)
}
