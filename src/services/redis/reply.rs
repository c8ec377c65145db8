//! Answers as scripts see them.

/// What a call was answered, a value a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisReply {
    pub values: Vec<Reply>,
}

/// One answer of RESP 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Nil,
    /// A simple or a bulk string.
    Text(Vec<u8>),
    Number(i64),
    /// A refusal inside an array, as `EXEC` has them.
    Refused(Vec<u8>),
    Array(Vec<Self>),
}

/// Arrays in arrays that are still read.
const DEEPEST: usize = 64;

impl Reply {
    /// Reads one answer that is complete and correct, and what lies behind it. `None` if it is nested too deeply.
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        Self::nested(bytes, 0)
    }

    fn nested(bytes: &[u8], depth: usize) -> Option<(Self, &[u8])> {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, rest) = (&bytes[..end], &bytes[end + 2..]);
        let (kind, text) = line.split_first()?;
        let number = || std::str::from_utf8(text).ok()?.parse::<i64>().ok();
        let value = match kind {
            b'+' => Self::Text(text.to_owned()),
            b'-' => Self::Refused(text.to_owned()),
            b':' => Self::Number(number()?),
            b'$' => match usize::try_from(number()?) {
                Ok(len) => return Some((Self::Text(rest.get(..len)?.to_owned()), rest.get(len + 2..)?)),
                Err(_) => Self::Nil,
            },
            _ if depth == DEEPEST => return None,
            _ => match u64::try_from(number()?) {
                Ok(count) => {
                    let mut rest = rest;
                    let mut values = Vec::new();
                    for _ in 0..count {
                        let (value, behind) = Self::nested(rest, depth + 1)?;
                        values.push(value);
                        rest = behind;
                    }
                    return Some((Self::Array(values), rest));
                }
                Err(_) => Self::Nil,
            },
        };
        Some((value, rest))
    }
}
