//! The tests' own ground: the plugin under test aborts when its audio thread allocates.

mod common;

/// The check lives in nice-plug (`assert_process_allocs`) and acts in builds with debug assertions, as the tests' own is.
#[test]
fn the_library_under_test_watches_its_audio_thread_for_allocations() {
    let library = std::fs::read(common::library()).unwrap();
    let symbol = b"nice_assert_no_alloc";
    let found = library.windows(symbol.len()).any(|window| window == symbol);
    assert!(found, "the plugin was built without the check; run the tests without --release");
}
