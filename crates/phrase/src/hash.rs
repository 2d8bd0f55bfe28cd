//! A hash for chance that depends on nothing but its coordinates.

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the result depends on every bit of
/// `x`. Call it once a coordinate. Real-time safe.
pub fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_about_half_their_bits() {
        let shared: u32 = (1..1000u64).map(|x| (!(mix(x) ^ mix(x + 1))).count_ones()).sum();
        assert!((31_000..33_000).contains(&shared), "{shared}");
    }
}
