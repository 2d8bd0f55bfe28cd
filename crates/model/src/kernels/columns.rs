//! Sums over the columns of a row-major matrix, that is over the channels of an image.
//!
//! A loop over one row vectorises only where there are channels enough, so few channels are taken several
//! rows at a time: per-channel values are repeated to a *tile* of at least 64 values, sums are gathered per
//! tile position and folded to channels in the end.

/// Tiles summed in one go before they are added to the total: keeps the rounding errors of long sums small.
const BLOCK: usize = 32;

/// How long a tile for this many channels is: a multiple of `channels`.
fn tile_len(channels: usize) -> usize {
    channels * 64_usize.div_ceil(channels)
}

/// Per-channel values, repeated to the length of a tile.
pub(super) fn tile(channel_values: &[f32]) -> Vec<f32> {
    channel_values.iter().copied().cycle().take(tile_len(channel_values.len())).collect()
}

/// Sums per tile position, in two levels.
pub(super) struct Sums {
    /// What the caller adds to, [`Sums::block_len`] values between two calls of [`Sums::flush`].
    pub(super) block: Vec<f32>,
    total: Vec<f32>,
}

impl Sums {
    pub(super) fn new(channels: usize) -> Self {
        let tile = tile_len(channels);
        Self { block: vec![0.0; tile], total: vec![0.0; tile] }
    }

    pub(super) fn tile_len(&self) -> usize {
        self.total.len()
    }

    pub(super) fn block_len(&self) -> usize {
        BLOCK * self.total.len()
    }

    #[inline(always)]
    pub(super) fn flush(&mut self) {
        for (total, block) in self.total.iter_mut().zip(&mut self.block) {
            *total += std::mem::take(block);
        }
    }

    /// The sums per channel, times `factor`.
    pub(super) fn fold(&self, channels: usize, factor: f32) -> Vec<f32> {
        let mut sums = vec![0.0; channels];
        for row in self.total.chunks_exact(channels) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
        for sum in &mut sums {
            *sum *= factor;
        }
        sums
    }
}
