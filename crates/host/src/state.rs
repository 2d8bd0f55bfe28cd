//! States of plugins that are made with nice-plug: JSON, which the CLAP wrapper puts a length before.

use serde_json::Value;

use crate::HostError;

/// A copy of a saved `state` with another value in one of its persistent fields, as if the plugin had saved
/// it so.
///
/// # Errors
///
/// The state is not of that kind.
pub fn with_field(state: &[u8], field: &str, value: &Value) -> Result<Vec<u8>, HostError> {
    let fault = |_| HostError::refused("save a state that can be read");
    let counted = state
        .split_first_chunk::<8>()
        .filter(|(length, rest)| u64::from_le_bytes(**length) == rest.len() as u64);
    let text = counted.map_or(state, |(_, rest)| rest);
    let mut json: Value = serde_json::from_slice(text).map_err(fault)?;
    // nice-plug keeps each field as JSON inside a string.
    json["fields"][field] = Value::String(value.to_string());
    let text = serde_json::to_vec(&json).map_err(fault)?;
    let mut changed = Vec::new();
    if counted.is_some() {
        changed.extend((text.len() as u64).to_le_bytes());
    }
    changed.extend(text);
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_changed_in_both_formats_and_nonsense_is_refused() {
        let text = br#"{"version":"0","params":{},"fields":{"pack":"1"}}"#;
        let changed = with_field(text, "pack", &json!({"name": "x"})).unwrap();
        assert_eq!(changed, br#"{"fields":{"pack":"{\"name\":\"x\"}"},"params":{},"version":"0"}"#);
        let mut clap = (text.len() as u64).to_le_bytes().to_vec();
        clap.extend(text);
        let in_clap = with_field(&clap, "pack", &json!({"name": "x"})).unwrap();
        assert_eq!((in_clap[0] as usize, &in_clap[8..]), (changed.len(), &changed[..]));
        assert!(with_field(&clap[..30], "pack", &json!(1)).is_err());
    }
}
