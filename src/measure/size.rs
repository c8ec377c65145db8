//! A number of bytes, as people write it: `4096`, `"4 KiB"`, `"256MB"`, `"4k"`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// A number of bytes. KiB, MiB, GiB and TiB are powers of 1024, KB, MB, GB and TB powers of 1000; a single
/// letter (`4k`) means 1024, as fio and dd have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Size(pub u64);

/// Every unit by its lower-case name.
const UNITS: &[(&str, u64)] = &[
    ("b", 1),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("", 1),
    ("byte", 1),
    ("bytes", 1),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        if trimmed.starts_with('-') {
            return Err(format!("a size cannot be negative: `{text}`"));
        }
        let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_');
        let (number, unit) = trimmed.split_at(end.unwrap_or(trimmed.len()));
        let unit = unit.trim();
        let number: f64 = number
            .replace('_', "")
            .parse()
            .map_err(|_| format!("`{text}` is not a size: write `4096`, `4 KiB` or `256 MB`"))?;
        let (_, scale) = UNITS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name)).ok_or_else(|| {
            format!("unknown unit `{unit}` in size `{text}`: use B, KiB, MiB, GiB, TiB, KB, MB, GB or TB")
        })?;
        whole(number * *scale as f64)
            .ok_or_else(|| format!("`{text}` is not a whole number of bytes below 2^63"))
    }
}

/// The number without its fraction, which must be none. Beyond 2^53 a float holds whole numbers only.
fn whole(bytes: f64) -> Option<Size> {
    (bytes.fract() == 0.0 && (0.0..9.2e18).contains(&bytes)).then_some(Size(bytes as u64))
}

/// In the largest unit that leaves no fraction: `4 KiB`, `1 MB`, `513 B`.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BINARY: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        const DECIMAL: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
        let in_units_of = |base: u64| {
            let (mut count, mut power) = (self.0, 0);
            while power < 4 && count >= base && count.is_multiple_of(base) {
                count /= base;
                power += 1;
            }
            (count, power)
        };
        let (count, power) = in_units_of(1024);
        if power > 0 {
            return write!(f, "{count} {}", BINARY[power]);
        }
        let (count, power) = in_units_of(1000);
        write!(f, "{count} {}", DECIMAL[power])
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size: a number of bytes, or text such as `4 KiB` or `256 MB`")
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
                let size = u64::try_from(bytes);
                size.map(Size).map_err(|_| E::custom(format!("a size cannot be negative: `{bytes}`")))
            }

            fn visit_f64<E: de::Error>(self, bytes: f64) -> Result<Size, E> {
                if bytes < 0.0 {
                    return Err(E::custom(format!("a size cannot be negative: `{bytes}`")));
                }
                whole(bytes).ok_or_else(|| E::custom(format!("`{bytes}` is not a whole number of bytes")))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    fn parsed(text: &str) -> u64 {
        text.parse::<Size>().unwrap().0
    }

    #[test]
    fn units_are_binary_with_an_i_and_decimal_without() {
        assert_eq!(parsed("4096"), 4096);
        assert_eq!(parsed("4k"), 4096);
        assert_eq!(parsed(" 4 KiB "), 4096);
        assert_eq!(parsed("4KB"), 4000);
        assert_eq!(parsed("256MB"), 256_000_000);
        assert_eq!(parsed("1.5 GiB"), 3 << 29);
        assert_eq!(parsed("1_000 bytes"), 1000);
        assert_eq!(parsed("2TiB"), 2 << 40);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = |text: &str| text.parse::<Size>().unwrap_err();
        assert_eq!(error("-4k"), "a size cannot be negative: `-4k`");
        assert!(error("4 XB").starts_with("unknown unit `XB` in size `4 XB`"));
        assert_eq!(error("big"), "`big` is not a size: write `4096`, `4 KiB` or `256 MB`");
        assert!(error("1.5").contains("not a whole number of bytes"));
        assert!(error("99999999 TiB").contains("below 2^63"));
        assert!(error("").contains("is not a size"));
    }

    #[test]
    fn printed_in_the_largest_exact_unit() {
        for (bytes, text) in
            [(0, "0 B"), (513, "513 B"), (4096, "4 KiB"), (1 << 30, "1 GiB"), (256_000, "250 KiB")]
        {
            assert_eq!(Size(bytes).to_string(), text);
        }
        assert_eq!(Size(1_000_000_007_000).to_string(), "1000000007 KB");
        assert_eq!(Size(5_000).to_string(), "5 KB");
    }

    #[test]
    fn read_from_numbers_and_text() {
        let read = |json: &str| serde_json::from_str::<Size>(json).map_err(|error| error.to_string());
        assert_eq!(read("4096"), Ok(Size(4096)));
        assert_eq!(read("4096.0"), Ok(Size(4096)));
        assert_eq!(read("\"1 MiB\""), Ok(Size(1 << 20)));
        assert!(read("-1").unwrap_err().contains("cannot be negative: `-1`"));
        assert!(read("true").unwrap_err().contains("expected a size"));
        assert_eq!(serde_json::to_string(&Size(4096)).unwrap(), "4096");
    }
}
