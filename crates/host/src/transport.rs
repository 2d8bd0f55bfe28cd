//! Where the song is: a transport that is moved by samples, as a DAW moves its own.
//!
//! Song positions are computed from the last *anchor* (a start, a jump, a tempo change or a loop's wrap),
//! never by adding up blocks: the position at a sample does not depend on the block size. Anchors may lie
//! between samples; what comes after one starts at the next whole sample, at a position a fraction of a
//! sample past it.

/// A tempo from a beat on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tempo {
    /// Quarter notes from the song's start.
    pub beat: f64,
    /// Quarter notes a minute.
    pub bpm: f64,
}

/// A time signature from a beat on; a bar starts there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signature {
    /// Quarter notes from the song's start.
    pub beat: f64,
    /// Beats a bar.
    pub numerator: u16,
    /// The beat's note value.
    pub denominator: u16,
}

impl Signature {
    /// Quarter notes a bar.
    pub fn bar_beats(&self) -> f64 {
        f64::from(self.numerator.max(1)) * 4.0 / f64::from(self.denominator.max(1))
    }
}

/// One block, as the host tells the plugin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// Samples since the instance was started.
    pub steady: u64,
    /// Samples in this block, at least 1.
    pub frames: u32,
    /// Samples a second.
    pub sample_rate: f64,
    /// The transport rolls.
    pub playing: bool,
    /// Quarter notes a minute.
    pub tempo: f64,
    /// The song position of the block's first sample, in quarter notes.
    pub beats: f64,
    /// The time signature there.
    pub signature: Signature,
    /// Where the bar that holds the position started, in quarter notes.
    pub bar_start: f64,
    /// That bar's number, the first being 0.
    pub bar: i32,
    /// The loop's start and end in quarter notes, while it is on.
    pub cycle: Option<(f64, f64)>,
}

/// The moving transport.
#[derive(Clone, Debug)]
pub struct Transport {
    sample_rate: f64,
    block: u32,
    tempos: Vec<Tempo>,
    signatures: Vec<Signature>,
    cycle: Option<(f64, f64)>,
    playing: bool,
    steady: u64,
    /// The sample (with its fraction) at which the song was at `beats`.
    anchor: f64,
    beats: f64,
}

/// How near a boundary (in samples) counts as on it: far above rounding noise, far below a sample.
const ON_BOUNDARY: f64 = 1e-6;

impl Transport {
    /// A stopped transport at beat 0, 4/4, one tempo; blocks of `block` samples (at least 1).
    pub fn new(sample_rate: f64, block: u32, bpm: f64) -> Self {
        Transport {
            sample_rate,
            block: block.max(1),
            tempos: vec![Tempo { beat: 0.0, bpm }],
            signatures: vec![Signature { beat: 0.0, numerator: 4, denominator: 4 }],
            cycle: None,
            playing: false,
            steady: 0,
            anchor: 0.0,
            beats: 0.0,
        }
    }

    /// The same with a tempo map and signatures in ascending beats; empty lists keep 120 BPM and 4/4.
    pub fn with_map(sample_rate: f64, block: u32, tempos: Vec<Tempo>, signatures: Vec<Signature>) -> Self {
        let mut transport = Transport::new(sample_rate, block, 120.0);
        if !tempos.is_empty() {
            transport.tempos = tempos;
        }
        if !signatures.is_empty() {
            transport.signatures = signatures;
        }
        transport
    }

    /// Samples since the instance was started.
    pub fn steady(&self) -> u64 {
        self.steady
    }

    /// Rolls from the next block on.
    pub fn play(&mut self) {
        self.rebase();
        self.playing = true;
    }

    /// Stands still from the next block on.
    pub fn stop(&mut self) {
        self.rebase();
        self.playing = false;
    }

    /// Goes to a song position (quarter notes), rolling or not.
    pub fn jump(&mut self, beats: f64) {
        self.anchor = self.steady as f64;
        self.beats = beats;
    }

    /// Turns the loop on (start and end in quarter notes) or off.
    pub fn set_cycle(&mut self, cycle: Option<(f64, f64)>) {
        self.cycle = cycle.filter(|(start, end)| end > start);
    }

    /// Changes the largest block.
    pub fn set_block(&mut self, block: u32) {
        self.block = block.max(1);
    }

    /// The song position of the next block's first sample, in quarter notes.
    pub fn position(&self) -> f64 {
        if self.playing {
            self.beats + (self.steady as f64 - self.anchor) / self.samples_a_beat()
        } else {
            self.beats
        }
    }

    /// The next block: at most the block size, at most up to sample `until`, and never across a tempo change
    /// or a wrap.
    ///
    /// `None` when `until` is reached.
    pub fn advance(&mut self, until: u64) -> Option<Block> {
        let mut frames = self.block.min(u32::try_from(until.checked_sub(self.steady)?).unwrap_or(u32::MAX));
        if frames == 0 {
            return None;
        }
        if self.playing {
            while let Some((beat, goes_to)) = self.boundary() {
                let exact = self.anchor + (beat - self.beats) * self.samples_a_beat();
                let sample = (exact - ON_BOUNDARY).ceil().max(0.0) as u64;
                if sample > self.steady {
                    frames = frames.min(u32::try_from(sample - self.steady).unwrap_or(u32::MAX));
                    break;
                }
                self.anchor = exact;
                self.beats = goes_to;
            }
        }
        let beats = self.position();
        let (signature, bar_start, bar) = self.bar(beats);
        let block = Block {
            steady: self.steady,
            frames,
            sample_rate: self.sample_rate,
            playing: self.playing,
            tempo: self.bpm(self.beats),
            beats,
            signature,
            bar_start,
            bar,
            cycle: self.cycle,
        };
        self.steady += u64::from(frames);
        Some(block)
    }

    /// The next beat after the anchor at which something changes, and the position that the song goes on from
    /// there.
    fn boundary(&self) -> Option<(f64, f64)> {
        let tempo = self.tempos.iter().map(|tempo| tempo.beat).find(|beat| *beat > self.beats);
        let wrap = self.cycle.filter(|(_, end)| *end > self.beats);
        match (tempo, wrap) {
            (Some(beat), Some((start, end))) if end <= beat => Some((end, start)),
            (Some(beat), _) => Some((beat, beat)),
            (None, Some((start, end))) => Some((end, start)),
            (None, None) => None,
        }
    }

    fn rebase(&mut self) {
        self.beats = self.position();
        self.anchor = self.steady as f64;
    }

    fn bpm(&self, beats: f64) -> f64 {
        let at = self.tempos.iter().rev().find(|tempo| tempo.beat <= beats);
        at.unwrap_or(&self.tempos[0]).bpm
    }

    fn samples_a_beat(&self) -> f64 {
        60.0 * self.sample_rate / self.bpm(self.beats)
    }

    fn bar(&self, beats: f64) -> (Signature, f64, i32) {
        let mut bar = 0;
        let mut signature = self.signatures[0];
        for next in &self.signatures[1..] {
            if next.beat > beats {
                break;
            }
            bar += ((next.beat - signature.beat) / signature.bar_beats()).ceil() as i32;
            signature = *next;
        }
        let whole = ((beats - signature.beat) / signature.bar_beats() + 1e-9).floor();
        (signature, signature.beat + whole * signature.bar_beats(), bar + whole as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(mut transport: Transport, until: u64) -> Vec<(u64, f64)> {
        transport.play();
        std::iter::from_fn(|| transport.advance(until)).map(|block| (block.steady, block.beats)).collect()
    }

    #[test]
    fn positions_do_not_depend_on_the_block_size() {
        let map = vec![
            Tempo { beat: 0.0, bpm: 117.3 },
            Tempo { beat: 2.7, bpm: 61.0 },
            Tempo { beat: 3.1, bpm: 190.0 },
        ];
        let all = positions(Transport::with_map(44_100.0, 1, map.clone(), vec![]), 120_000);
        for block in [7, 64, 441, 4096] {
            for (steady, beats) in
                positions(Transport::with_map(44_100.0, block, map.clone(), vec![]), 120_000)
            {
                assert_eq!(all[steady as usize].1, beats, "block size {block}, sample {steady}");
            }
        }
    }

    #[test]
    fn a_tempo_change_splits_the_block_and_holds_the_beat() {
        let map = vec![Tempo { beat: 0.0, bpm: 120.0 }, Tempo { beat: 1.0, bpm: 60.0 }];
        let blocks = positions(Transport::with_map(48_000.0, 20_000, map, vec![]), 72_000);
        assert_eq!(
            blocks,
            vec![
                (0, 0.0),
                (20_000, 20_000.0 / 24_000.0),
                (24_000, 1.0),
                (44_000, 1.0 + 20_000.0 / 48_000.0),
                (64_000, 1.0 + 40_000.0 / 48_000.0)
            ]
        );
    }

    #[test]
    fn a_loop_of_no_whole_samples_does_not_drift() {
        let mut transport = Transport::new(44_100.0, 512, 121.7);
        transport.set_cycle(Some((4.0, 8.0)));
        transport.jump(4.0);
        transport.play();
        let a_pass = 4.0 * 60.0 * 44_100.0 / 121.7;
        let mut passes = 0;
        let mut before = 4.0;
        while let Some(block) = transport.advance((a_pass * 50.0) as u64) {
            assert!((4.0..8.0).contains(&block.beats), "at {}", block.beats);
            if block.beats < before {
                passes += 1;
                assert_eq!(block.steady, (f64::from(passes) * a_pass - ON_BOUNDARY).ceil() as u64);
            }
            before = block.beats;
        }
        assert_eq!(passes, 49);
    }

    #[test]
    fn stop_holds_the_position_and_jump_moves_it() {
        let mut transport = Transport::new(48_000.0, 24_000, 120.0);
        transport.play();
        transport.advance(24_000);
        transport.stop();
        assert_eq!(transport.advance(48_000).map(|block| (block.beats, block.playing)), Some((1.0, false)));
        transport.play();
        assert_eq!(transport.advance(72_000).map(|block| block.beats), Some(1.0));
        transport.jump(16.0);
        assert_eq!(transport.advance(96_000).map(|block| (block.beats, block.bar)), Some((16.0, 4)));
        assert_eq!(transport.advance(96_000), None);
    }

    #[test]
    fn bars_follow_the_signatures() {
        let signatures = vec![
            Signature { beat: 0.0, numerator: 3, denominator: 4 },
            Signature { beat: 6.0, numerator: 6, denominator: 8 },
        ];
        let transport = Transport::with_map(48_000.0, 64, vec![], signatures);
        assert_eq!(transport.bar(5.5).1, 3.0);
        assert_eq!(transport.bar(10.0), (Signature { beat: 6.0, numerator: 6, denominator: 8 }, 9.0, 3));
        assert_eq!(transport.bar(-1.0).2, -1);
    }
}
