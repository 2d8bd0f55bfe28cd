//! Telling a bounce by its pace, where the host does not say (some wrappers' process mode is stale).
//!
//! The *lead* is how much more audio was asked for than time has gone by, since the moment it was least. A
//! host on stage asks in bursts and runs ahead by what its buffers hold: a fraction of a second. A bounce
//! runs further and further ahead. Audio that was asked for ahead lies in the host's buffers, so whoever
//! waits no longer than the lead cannot make them run dry: that bounds every wait, should a live host look
//! like a bounce after all.
//!
//! Ahead by more than half a second and two blocks is a bounce: 8 bars played in a second are no performance.
//! Time counts for a quarter more than audio, so that a device whose clock runs fast builds up no lead. A
//! bounce's first half second is too short to be known.

use std::time::Duration;

/// A lead that bursts and buffers explain, in seconds; to it comes twice the block.
const USUAL: f64 = 0.5;
/// Time counts for this much more than audio, so that a device whose clock runs fast never builds up a lead.
const DRIFT: f64 = 1.25;
/// There is no use in a longer lead.
const MOST: f64 = 60.0;

/// How far the host runs ahead of the clock.
#[derive(Debug, Default)]
pub struct Pace {
    last: Option<Duration>,
    /// Seconds.
    lead: f64,
    /// The block's length, as far as it has come, and that of the one before, in seconds.
    block: f64,
    before: f64,
}

impl Pace {
    /// A block of so many seconds begins at `now` (time since any one moment). Where it is but a later part
    /// of the host's block, that one goes on: nobody has what is before it yet.
    pub fn block(&mut self, now: Duration, seconds: f64, goes_on: bool) {
        if goes_on {
            self.block += seconds;
            return;
        }
        let gone = self.last.map_or(f64::INFINITY, |last| now.saturating_sub(last).as_secs_f64());
        self.lead = (self.lead + self.block - DRIFT * gone).clamp(0.0, MOST);
        (self.last, self.before, self.block) = (Some(now), self.block, seconds);
    }

    /// How long it may be waited in this block without harm: zero on stage.
    pub fn patience(&self) -> Duration {
        Duration::from_secs_f64((self.lead - USUAL - 2.0 * self.block.max(self.before)).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest patience over a minute of blocks, block `i` beginning at `begins(i)` seconds.
    fn patience(block: f64, begins: impl Fn(u32) -> f64) -> Duration {
        let mut pace = Pace::default();
        let blocks = (0..(60.0 / block) as u32).map(|index| {
            pace.block(Duration::from_secs_f64(begins(index)), block, false);
            pace.patience()
        });
        blocks.max().unwrap()
    }

    #[test]
    fn a_live_host_is_never_waited_for_whatever_its_bursts_and_its_clock() {
        for block in [64.0 / 48_000.0, 1024.0 / 48_000.0, 16_384.0 / 8_000.0] {
            assert_eq!(patience(block, |i| f64::from(i) * block), Duration::ZERO);
            // A device that is a fifth faster than it says, as with 48 kHz taken for 44.1.
            assert_eq!(patience(block, |i| f64::from(i) * block / 1.2), Duration::ZERO);
            // Bursts of 200 ms, and at the start what fills the buffers.
            let burst = 0.2f64.max(block);
            let bursts = |i: u32| ((f64::from(i) * block / burst).floor() * burst - burst).max(0.0);
            assert_eq!(patience(block, bursts), Duration::ZERO);
            // It hangs for five seconds, goes on, and catches up 400 ms at once.
            let hang = |i: u32| {
                let time = f64::from(i) * block;
                if time < 20.0 { time } else { (time + 4.6).max(25.0) }
            };
            assert_eq!(patience(block, hang), Duration::ZERO);
        }
    }

    #[test]
    fn parts_of_a_block_are_no_lead() {
        let mut pace = Pace::default();
        let part = 16_384.0 / 44_100.0 / 64.0;
        for block in 0..40u32 {
            // Two at once, as often as two last.
            let now = Duration::from_secs_f64(f64::from(block / 2) * 128.0 * part);
            for index in 0..64 {
                pace.block(now, part, index > 0);
                assert_eq!(pace.patience(), Duration::ZERO, "block {block}, part {index}");
            }
        }
    }

    #[test]
    fn a_bounce_is_known_within_a_second_of_its_audio_and_the_wait_never_exceeds_the_lead() {
        let mut pace = Pace::default();
        let block = 512.0 / 48_000.0;
        for index in 0..1000u32 {
            let (audio, now) = (f64::from(index) * block, f64::from(index) * block / 20.0);
            pace.block(Duration::from_secs_f64(now), block, false);
            let patience = pace.patience().as_secs_f64();
            // A sixteenth of the lead counts as drift at this speed.
            assert!(patience == 0.0 || audio > 0.55, "{audio}");
            assert!(patience > 0.0 || audio < 0.57, "{audio}");
            assert!(patience <= (audio - now - 0.5).max(0.0));
        }
    }
}
