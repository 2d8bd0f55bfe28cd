//! The table, checked against everything that follows from it.

use std::collections::HashSet;

use model::Settings;
use nice_plug::params::InternalParamMut;

use super::*;

fn params() -> (PluginParams, Arc<Shared>) {
    let shared = Arc::new(Shared::default());
    let selection = Arc::new(Selection::new(shared.clone(), Err("none".into())));
    (PluginParams::new(selection, &shared), shared)
}

#[test]
fn ids_and_names_are_there_once_and_short_enough_for_hosts() {
    let (params, _) = params();
    let each: Vec<_> = ROWS.iter().flat_map(Row::each).collect();
    assert_eq!(each.len(), params.param_map().len());
    for (index, (id, name, control)) in each.iter().enumerate() {
        assert_eq!(id, control.0);
        assert!(each[..index].iter().all(|other| other.0 != *id && other.1 != *name), "{id} {name}");
        assert!(name.len() <= 24, "{name}");
    }
    for row in ROWS {
        assert!(row.hint.ends_with('.') && row.hint.len() <= 130, "{}: {}", row.id, row.hint.len());
        let same = |other: &&Row| (other.page, other.rank) == (row.page, row.rank);
        assert_eq!(ROWS.iter().filter(same).count(), 1, "{} has its place for itself", row.id);
    }
}

#[test]
fn the_host_has_what_the_rows_say() {
    let (params, _) = params();
    for (row, pointers) in params.pointers() {
        for ((_, name, _), pointer) in row.each().into_iter().zip(pointers) {
            // SAFETY: the pointers are of `params`, which lives.
            let (host, flags) = unsafe { (pointer.name().to_string(), pointer.flags()) };
            assert_eq!(host, name);
            assert_eq!(!flags.contains(ParamFlags::NON_AUTOMATABLE), row.automatable, "{name}");
            assert_eq!(flags.contains(ParamFlags::BYPASS), row.id == "bypass");
        }
    }
}

#[test]
fn what_window_and_undo_name_is_in_the_table() {
    let known: HashSet<_> = ROWS.iter().flat_map(Row::each).map(|(_, _, control)| control).collect();
    for control in Control::PLACED.into_iter().chain(asked()) {
        assert!(known.contains(&control), "{control:?}");
    }
    assert_eq!(asked().into_iter().collect::<HashSet<_>>().len(), asked().len());
}

/// Whatever changes an answer is put back by undo.
#[test]
fn what_is_asked_of_the_network_can_be_asked_again() {
    for (control, ..) in params().0.controls() {
        let (params, _) = params();
        // SAFETY: it is set as the wrapper sets it; nobody else knows these parameters.
        unsafe {
            params.blend._internal_set_plain_value(control.0.starts_with("weight_"));
            params.morph._internal_set_plain_value(control.0.starts_with("morph_"));
        }
        let asked_for = |params: &PluginParams| (params.settings(), params.options().manner);
        let before = asked_for(&params);
        let pointer = params.controls().into_iter().find(|(of, ..)| *of == control).unwrap().1;
        // SAFETY: as above.
        unsafe {
            let now = pointer.unmodulated_normalized_value();
            pointer._internal_set_normalized_value(if now > 0.5 { 0.0 } else { 1.0 });
        }
        let after = asked_for(&params);
        assert_eq!(before != after, asked().contains(&control), "{control:?}");
        let back = values(&after.0, &after.1);
        if before != after {
            let value = back.iter().find(|(of, _)| *of == control).unwrap().1;
            // SAFETY: as above.
            let steps = unsafe { pointer.step_count() }.unwrap_or(1) as f32;
            let least = params.controls().into_iter().find(|(of, ..)| *of == control).unwrap().2;
            // SAFETY: as above.
            let normalised = unsafe { pointer.unmodulated_normalized_value() };
            assert_eq!(value, normalised * steps + least, "{control:?}");
        }
    }
}

#[test]
fn the_defaults_ask_for_the_first_slot_with_the_source_heard() {
    let settings = params().0.settings();
    assert_eq!(settings, Settings { amount: 0.75, ..Settings::to(0) });
}

#[test]
fn what_is_no_number_is_asked_for_as_0() {
    let (params, _) = params();
    // SAFETY: it is set as the wrapper sets it; nobody else knows these parameters.
    unsafe {
        params.amount._internal_set_plain_value(f32::NAN);
        params.harmony._internal_set_plain_value(f32::NAN);
    }
    let settings = params.settings();
    assert_eq!((settings.amount, settings.harmony), (0.0, 0.0));
    assert_eq!(settings, params.settings(), "equal to itself");
}

#[test]
fn a_button_is_counted_when_it_is_pressed_only() {
    let (params, shared) = params();
    for pressed in [true, false, true] {
        // SAFETY: it is set as the wrapper sets it; nobody else knows this parameter.
        unsafe { params.realign._internal_set_plain_value(pressed) };
    }
    assert_eq!(shared.realigned(), 2);
}

#[test]
fn numbers_have_names_and_are_read_back() {
    let (params, _) = params();
    let voices = &params.voices;
    assert_eq!(
        (voices.string_to_normalized_value("any"), voices.string_to_normalized_value("8")),
        (Some(0.0), Some(0.5))
    );
}

/// README's table, as it follows from the rows.
fn readme() -> String {
    let mut text = String::from("| parameter | in the window | what it does |\n|---|---|---|\n");
    for row in ROWS {
        let name = match row.each().len() {
            1 => row.name.to_string(),
            count => format!("{} 1..{count}", row.name),
        };
        let lane = if row.automatable { "" } else { " Not for automation." };
        text += &format!("| {name} | {} | {}{lane} |\n", row.page.name(), row.hint);
    }
    text
}

#[test]
fn readme_has_the_table() {
    let read = include_str!("../../README.md");
    assert!(read.contains(&readme()), "README's table should be:\n\n{}", readme());
}
