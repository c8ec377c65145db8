//! How high a load is over time: pieces of constant or linearly changing level, calls a second or virtual users.

/// Nanoseconds of a second.
const SECOND: f64 = 1e9;

/// The level of a load from its start on. Where the level is a rate, the area below it counts the calls due.
#[derive(Debug, Clone)]
pub struct Profile {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    /// Nanoseconds from the start of the load; `u64::MAX` long if it never ends.
    start: u64,
    length: u64,
    from: f64,
    to: f64,
    /// The area below all pieces before this one.
    before: f64,
}

impl Profile {
    /// The same level for ever.
    pub fn constant(level: f64) -> Self {
        Self { pieces: vec![Piece { start: 0, length: u64::MAX, from: level, to: level, before: 0.0 }] }
    }

    /// Pieces of a length in nanoseconds, each going from a level to another; the level is 0 after the last.
    pub fn of(parts: impl IntoIterator<Item = (u64, f64, f64)>) -> Self {
        let (mut pieces, mut start, mut before) = (Vec::new(), 0u64, 0.0);
        for (length, from, to) in parts {
            let piece = Piece { start, length, from, to, before };
            start = start.saturating_add(length);
            before += piece.area();
            pieces.push(piece);
        }
        Self { pieces }
    }

    /// The highest level.
    pub fn peak(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.from.max(piece.to)).fold(0.0, f64::max)
    }

    /// When the area below the profile reaches `area`, in nanoseconds; none if it never does.
    pub fn reaches(&self, area: f64) -> Option<u64> {
        // The last one that begins at or below the area: a level of 0 adds nothing and is passed over.
        let after = self.pieces.partition_point(|piece| piece.before <= area);
        let piece = &self.pieces[after.checked_sub(1)?];
        (area < piece.before + piece.area()).then(|| piece.start + piece.reaches(area - piece.before))
    }

    /// The first moment not before `now` at which the level is above `level`, in nanoseconds; none if there is none.
    pub fn above(&self, level: f64, now: u64) -> Option<u64> {
        self.pieces.iter().find_map(|piece| {
            let at = now.max(piece.start) - piece.start;
            let crossed = piece.crosses(level, at)?;
            (crossed < piece.length).then(|| piece.start + crossed)
        })
    }
}

impl Piece {
    fn area(&self) -> f64 {
        if self.length == u64::MAX {
            return if self.from > 0.0 { f64::INFINITY } else { 0.0 };
        }
        (self.from + self.to) / 2.0 * self.length as f64 / SECOND
    }

    /// When the area from the start of this piece reaches `area`, in nanoseconds from its start.
    fn reaches(&self, area: f64) -> u64 {
        let at = if self.from == self.to {
            area * SECOND / self.from
        } else {
            // The root of from·t + slope·t²/2 = area, in the form that loses no digits where they cancel.
            let slope = (self.to - self.from) * SECOND / self.length as f64;
            let root = (self.from * self.from + 2.0 * slope * area).max(0.0).sqrt();
            if area > 0.0 { 2.0 * area / (self.from + root) * SECOND } else { 0.0 }
        };
        (at as u64).min(self.length)
    }

    /// The first moment from `at` on at which this piece's line is above `level`, in nanoseconds from its start.
    fn crosses(&self, level: f64, at: u64) -> Option<u64> {
        let rise = self.to - self.from;
        if self.from + rise * (at as f64 / self.length as f64) > level {
            return Some(at);
        }
        // It touches the level before it is above it.
        let touches = (level - self.from) / rise * self.length as f64;
        (rise > 0.0 && self.to > level).then(|| at.max(touches as u64 + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    /// How many of the calls 0, 1, 2, ... are due in [from, to).
    fn calls(profile: &Profile, from: u64, to: u64) -> usize {
        let dues = (0..).map_while(|turn| profile.reaches(f64::from(turn)));
        dues.filter(|due| (from..to).contains(due)).count()
    }

    #[test]
    fn a_ramp_has_as_many_calls_as_the_area_below_it() {
        let up = Profile::of([(10 * S, 0.0, 1_000.0)]);
        assert_eq!([calls(&up, 0, 5 * S), calls(&up, 5 * S, 10 * S)], [1_250, 3_750]);
        let down = Profile::of([(10 * S, 1_000.0, 0.0)]);
        assert_eq!([calls(&down, 0, 5 * S), calls(&down, 5 * S, 10 * S)], [3_750, 1_250]);
        let part = Profile::of([(4 * S, 500.0, 1_500.0)]);
        assert_eq!([calls(&part, 0, 2 * S), calls(&part, 2 * S, 4 * S)], [1_500, 2_500]);
    }

    #[test]
    fn each_piece_has_its_calls_to_the_last_one() {
        for rate in 1u32..400 {
            let rate = f64::from(rate);
            let stages = [(3 * S, rate, rate), (2 * S, 7.0, 7.0), (2 * S, 7.0, rate), (S, rate, rate)];
            let profile = Profile::of(stages);
            assert_eq!(calls(&profile, 0, 3 * S), 3 * rate as usize, "{rate}/s");
            assert_eq!(calls(&profile, 3 * S, 5 * S), 14);
            assert_eq!(calls(&profile, 5 * S, 7 * S), 7 + rate as usize);
            assert_eq!(calls(&profile, 7 * S, 8 * S), rate as usize);
            let dues: Vec<u64> = (0..).map_while(|turn| profile.reaches(f64::from(turn))).collect();
            assert!(dues.is_sorted());
        }
    }

    #[test]
    fn a_pause_is_passed_over() {
        let profile = Profile::of([(S, 0.0, 0.0), (S, 10.0, 10.0), (5 * S, 0.0, 0.0), (S, 10.0, 10.0)]);
        assert_eq!(profile.reaches(0.0), Some(S));
        assert_eq!(profile.reaches(9.0), Some(S + 9 * S / 10));
        assert_eq!(profile.reaches(10.0), Some(7 * S));
        assert_eq!(profile.reaches(20.0), None);
        assert_eq!(Profile::of([(S, 0.0, 0.0)]).reaches(0.0), None);
        assert_eq!(profile.peak(), 10.0);
    }

    #[test]
    fn levels_are_crossed_when_they_are() {
        let profile = Profile::of([(10 * S, 0.0, 10.0), (S, 2.0, 2.0), (S, 8.0, 0.0)]);
        assert_eq!(profile.above(0.0, 0), Some(1), "just after the start of the ramp");
        assert_eq!(profile.above(3.0, 0), Some(3 * S + 1));
        assert_eq!(profile.above(3.0, 5 * S), Some(5 * S), "already above");
        assert_eq!(profile.above(3.0, 10 * S), Some(11 * S), "above again after the low piece");
        assert_eq!(profile.above(4.0, 11 * S + S / 2), None, "falls through 4 half-way");
        assert_eq!(profile.above(3.0, 11 * S + S / 2), Some(11 * S + S / 2));
        assert_eq!(profile.above(10.0, 0), None);
        assert_eq!(Profile::constant(4.0).above(3.0, 77), Some(77));
        assert_eq!(Profile::constant(4.0).above(4.0, 0), None);
    }
}
