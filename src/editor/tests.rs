//! The window with the plugin's own parameters: each is found by its name, as a screen reader finds it.

use std::collections::HashMap;
use std::sync::Arc;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use gui::{Page, Snapshot, View};

use super::fields::{Controls, fields};
use crate::link::Shared;
use crate::packs::Selection;
use crate::params::{PluginParams, ROWS, Row};

fn window() -> Harness<'static> {
    let shared = Arc::new(Shared::default());
    let selection = Arc::new(Selection::new(shared.clone(), Err("none".into())));
    let params = Arc::new(PluginParams::new(selection, &shared));
    let genres = ["jazz", "classic", "pop"].map(String::from).to_vec();
    let snapshot = Snapshot {
        fields: Arc::new(fields()),
        values: Controls::of(&params).values(),
        pack: gui::Pack { genres, ..gui::Pack::default() },
        zoom: 100,
        ..Snapshot::default()
    };
    let mut view = View::default();
    let mut harness = Harness::builder()
        .with_size(View::SIZE)
        .build_ui(move |ui: &mut egui::Ui| view.show(ui, &snapshot, &mut |_| {}));
    harness.run_steps(4);
    harness
}

/// All names in the window.
fn names(harness: &Harness) -> Vec<String> {
    harness.root().children_recursive().filter_map(|node| node.accesskit_node().label()).collect()
}

/// Whether a row's control is among these names: by its own, or, a few side by side, each with its choice.
fn is_there(row: &Row, names: &[String]) -> bool {
    let choice = format!("{}: ", row.name);
    names.iter().any(|name| name == row.name || name.starts_with(&choice))
}

#[test]
fn each_parameter_is_found_in_the_window_by_the_name_that_the_host_has() {
    let mut harness = window();
    let mut found = HashMap::new();
    for page in [Page::Play, Page::Notes, Page::Band, Page::Time] {
        harness.get_by_label(page.name()).click();
        harness.run_steps(4);
        found.insert(page, names(&harness));
    }
    for row in ROWS {
        for (page, names) in &found {
            let expected = match row.page {
                Page::Header | Page::Panel => true,
                // The pad moves the target, the blend and its weights, and has one name.
                Page::Pad => row.name == "Target",
                of => of == *page,
            };
            assert_eq!(is_there(row, names), expected, "{} on {page:?}: {names:?}", row.name);
        }
    }
    assert!(fields().iter().all(|field| ROWS.iter().any(|row| row.name == field.name)));
}
