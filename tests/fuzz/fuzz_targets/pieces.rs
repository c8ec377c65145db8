//! How an input is cut up: what a reader makes of it must not depend on that.

/// A number that follows from the bytes, so that every input stands for itself.
pub fn seed(bytes: &[u8]) -> u64 {
    bytes.iter().fold(14_695_981_039_346_656_037, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211)
    })
}

/// Pieces of lengths that follow from `state`.
pub fn split(bytes: &[u8], mut state: u64) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Often a few bytes, sometimes many, now and then none.
        let most = 1 << (state >> 60);
        let (piece, later) = rest.split_at(((state >> 33) as usize % (most + 1)).min(rest.len()));
        pieces.push(piece);
        rest = later;
    }
    pieces
}
