//! A pack of the papers' full-size networks, with attention, plays on the calling thread alone, and so do the
//! classifier and its saliency. The only test of its binary: it counts the process's threads.
#![cfg(target_os = "linux")]

mod common;

use common::{pack_of, phrase};
use model::papers::GeneratorConfig;
use model::papers::PairConfig;
use model::{ClassifierConfig, LoadedPack, Pack, Parts, SLOTS, Settings, saliency};
use phrase::Phrase;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("Linux lists a process's threads").count()
}

#[test]
fn full_size_packs_start_no_threads() {
    let network = PairConfig::Papers(GeneratorConfig::published(true));
    let classifier = ClassifierConfig { genres: 2, width: 64 };
    let bytes = pack_of(Parts::new(network, classifier), &["jazz", "pop"], 1).to_bytes().unwrap();
    let before = threads();
    let pack = Pack::from_bytes("full size", &bytes).unwrap();
    let mut transfer = LoadedPack::new(&pack).unwrap();
    let input = phrase(1);
    let mut out = Phrase::new(0, 120.0);
    let target = std::array::from_fn::<_, SLOTS, _>(|slot| if slot < 2 { 0.5 } else { 0.0 });
    for settings in [Settings::to(0), Settings::to(1), Settings { target, ..Settings::to(0) }] {
        transfer.transfer(&input, &settings, &mut out).unwrap();
    }
    saliency(transfer.classifier().unwrap(), &input.roll(), 1).unwrap();
    assert_eq!(threads(), before);
}
