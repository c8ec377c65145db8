//! Numbers as people read them: few digits, thousands separators, never more precision than was measured.

/// Four significant digits, whole numbers from 1,000 on; `–` for what is no number.
pub fn figures(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        _ if size >= 1e15 => format!("{value:.3e}"),
        _ if size >= 999.95 => grouped(&format!("{value:.0}")),
        _ if size >= 99.995 => format!("{value:.1}"),
        _ if size >= 9.9995 => format!("{value:.2}"),
        _ if size >= 0.1 => format!("{value:.3}"),
        _ if size >= 1e-5 => format!("{value:.*}", (2.0 - size.log10().floor()) as usize),
        _ => format!("{value:.2e}"),
    }
}

/// As [`figures`], with a letter for millions and more: fits where there is little room.
pub fn short(value: f64) -> String {
    let (divisor, letter) = letter(value);
    if divisor > 1.0 { format!("{}{letter}", figures(value / divisor)) } else { figures(value) }
}

/// The power of thousand that is written as a letter, from a million on.
pub fn letter(value: f64) -> (f64, &'static str) {
    match value.abs() {
        size if size >= 1e12 => (1e12, "T"),
        size if size >= 1e9 => (1e9, "G"),
        size if size >= 1e6 => (1e6, "M"),
        _ => (1.0, ""),
    }
}

/// A count with thousands separators.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A share (0 to 1) in percent. Never rounds a few failures to none, nor some successes to none.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0".to_owned(),
        share if share < 0.001 => "<0.001".to_owned(),
        share if share < 10.0 => trimmed(&format!("{share:.3}")),
        share if (99.9..100.0).contains(&share) => ">99.9".to_owned(),
        share => trimmed(&format!("{share:.1}")),
    }
}

/// A length of time in seconds, in the units a person would use.
pub fn seconds(value: f64) -> String {
    match value {
        _ if !value.is_finite() => "–".to_owned(),
        _ if value < 60.0 => format!("{} s", trimmed(&format!("{value:.1}"))),
        _ => {
            let whole = value.round() as u64;
            let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
            if hours > 0 { format!("{hours} h {minutes} min") } else { format!("{minutes} min {seconds} s") }
        }
    }
}

/// `1234567` to `1,234,567`; keeps a sign and a fraction.
pub fn grouped(digits: &str) -> String {
    let (sign, rest) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(whole, rest)| (whole, Some(rest)));
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    fraction.map_or(out.clone(), |fraction| format!("{out}.{fraction}"))
}

/// A decimal number without the zeros at its end.
pub fn trimmed(digits: &str) -> String {
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    }
}

/// Text from outside, fit for one line: control characters become spaces, and what is longer than `most` ends in `…`.
pub fn line(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if clean.chars().count() <= most {
        return clean;
    }
    clean.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_four_digits() {
        let cases = [
            (0.0, "0"),
            (12_345.6, "12,346"),
            (999.99, "1,000"),
            (999.9, "999.9"),
            (99.999, "100.0"),
            (41.2, "41.20"),
            (4.123_45, "4.123"),
            (0.412, "0.412"),
            (0.001_234, "0.00123"),
            (1e9, "1,000,000,000"),
            (1.5e-7, "1.50e-7"),
            (f64::NAN, "–"),
        ];
        for (value, text) in cases {
            assert_eq!(figures(value), text);
        }
    }

    #[test]
    fn percent_never_hides_a_failure() {
        let cases =
            [(0.0, "0"), (1e-7, "<0.001"), (0.000_12, "0.012"), (0.5, "50"), (0.9999, ">99.9"), (1.0, "100")];
        for (share, text) in cases {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn times_and_groups() {
        assert_eq!(short(1.234_56e9), "1.235G");
        assert_eq!(short(12_345.0), "12,345");
        assert_eq!(seconds(12.34), "12.3 s");
        assert_eq!(seconds(83.0), "1 min 23 s");
        assert_eq!(seconds(7500.0), "2 h 5 min");
        assert_eq!(grouped("-1234567.5"), "-1,234,567.5");
        assert_eq!(trimmed("100"), "100");
        assert_eq!(line("a\n\u{1b}[31mb", 20), "a [31mb");
        assert_eq!(line("abcdef", 4), "abc…");
    }
}
