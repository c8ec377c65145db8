//! What happens to request number `n`: pure functions of the settings and `n`, so that tests can tell beforehand.

use super::{ServiceTime, Settings};

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Served,
    /// With `error_status`.
    Failed,
    /// The connection is closed half-way through the answer.
    Dropped,
}

/// How long the server works on request `n`, in nanoseconds.
pub fn service_time(settings: &Settings, n: u64) -> u64 {
    match settings.service_time {
        ServiceTime::None => 0,
        ServiceTime::Constant(span) => span.nanos(),
        ServiceTime::Exponential { mean } => {
            // `1 - share` lies in (0, 1], where the logarithm is finite.
            let share = share(settings.seed, Stream::Service, n);
            (-(1.0 - share).ln() * mean.nanos() as f64).round() as u64
        }
        ServiceTime::Bimodal { fast, slow, slow_share } => {
            let is_slow = share(settings.seed, Stream::Service, n) < slow_share;
            if is_slow { slow.nanos() } else { fast.nanos() }
        }
    }
}

pub fn fate(settings: &Settings, n: u64) -> Fate {
    if settings.drop_every.is_some_and(|every| n % every == every - 1) {
        Fate::Dropped
    } else if settings.error_rate > 0.0 && share(settings.seed, Stream::Error, n) < settings.error_rate {
        Fate::Failed
    } else {
        Fate::Served
    }
}

/// Keeps the draws of one request independent of each other.
#[derive(Clone, Copy)]
enum Stream {
    Service = 1,
    Error = 2,
}

/// Evenly distributed in [0, 1).
fn share(seed: u64, stream: Stream, n: u64) -> f64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let start = mix(seed.wrapping_add((stream as u64).wrapping_mul(GOLDEN)));
    let bits = mix(start.wrapping_add(n.wrapping_add(1).wrapping_mul(GOLDEN)));
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// The finalizer of splitmix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u64 = 100_000;

    fn settings(service_time: &str, seed: u64) -> Settings {
        Settings { service_time: service_time.parse().unwrap(), seed, ..Settings::default() }
    }

    fn mean(settings: &Settings) -> f64 {
        (0..COUNT).map(|n| service_time(settings, n) as f64).sum::<f64>() / COUNT as f64
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_does_not() {
        let draws =
            |seed| (0..100).map(|n| service_time(&settings("exponential:2ms", seed), n)).collect::<Vec<_>>();
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        // Pinned: stored runs must stay comparable with new ones.
        assert_eq!(draws(0)[..3], [2_113_685, 2_416_043, 979_186]);
    }

    #[test]
    fn distributions_have_their_means() {
        assert_eq!(mean(&settings("none", 1)), 0.0);
        assert_eq!(mean(&settings("2ms", 1)), 2e6);
        // Five standard errors: 2 ms / sqrt(100,000) each.
        assert!((mean(&settings("exponential:2ms", 1)) - 2e6).abs() < 5.0 * 2e6 / 316.0);
        // Mean 0.9 x 1 + 0.1 x 20 = 2.9 ms, deviation 19 x 0.3 = 5.7 ms.
        assert!((mean(&settings("bimodal:1ms,20ms,0.1", 1)) - 2.9e6).abs() < 5.0 * 5.7e6 / 316.0);
    }

    #[test]
    fn an_exponential_has_its_tail_and_no_memory() {
        let settings = settings("exponential:1ms", 3);
        let draws: Vec<f64> = (0..COUNT).map(|n| service_time(&settings, n) as f64 / 1e6).collect();
        let beyond = |limit: f64| draws.iter().filter(|&&draw| draw > limit).count() as f64 / COUNT as f64;
        assert!((beyond(1.0) - (-1f64).exp()).abs() < 0.008);
        assert!((beyond(3.0) - (-3f64).exp()).abs() < 0.004);
        let neighbours = draws.windows(2).map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0)).sum::<f64>();
        assert!((neighbours / COUNT as f64).abs() < 0.016, "neighbours are correlated");
    }

    #[test]
    fn errors_have_their_share_and_drops_their_turns() {
        let settings = Settings { error_rate: 0.1, drop_every: Some(10), ..settings("none", 1) };
        let fates: Vec<Fate> = (0..COUNT).map(|n| fate(&settings, n)).collect();
        let dropped: Vec<usize> = (0..COUNT as usize).filter(|&n| fates[n] == Fate::Dropped).collect();
        assert_eq!(dropped, (9..COUNT as usize).step_by(10).collect::<Vec<_>>());
        let failed = fates.iter().filter(|fate| **fate == Fate::Failed).count() as f64;
        assert!((failed - 9_000.0).abs() < 5.0 * 90.0, "{failed}");
        let all = Settings { error_rate: 1.0, ..Settings::default() };
        assert!((0..1000).all(|n| fate(&all, n) == Fate::Failed));
    }
}
