//! A tolerant reader of the little XML that S3 answers with: elements and their text, nothing else.

use std::borrow::Cow;

/// What is seen of a document, in its order. Names are without their namespace.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// An element without others in it.
    Leaf { parent: &'a str, name: &'a str, text: Cow<'a, str> },
    /// The end of one that has others in it.
    End { name: &'a str },
}

/// Elements in elements that are still read.
const DEEPEST: usize = 64;

/// Shows the elements of a document. `None` if it is none, or ends too early.
pub fn read<'a>(mut rest: &'a str, mut see: impl FnMut(Seen<'a>)) -> Option<()> {
    // Names of the elements that are open, and whether others are in them.
    let mut open: Vec<(&str, bool)> = Vec::new();
    let mut text: Cow<'_, str> = Cow::Borrowed("");
    loop {
        let Some(at) = rest.find('<') else {
            return (open.is_empty() && text_only(rest)).then_some(());
        };
        let (before, tag) = rest.split_at(at);
        if open.is_empty() && !text_only(before) {
            return None;
        }
        add(&mut text, unescaped(before));
        if let Some(end) = skipped(tag) {
            rest = &tag[end?..];
        } else if let Some(data) = tag.strip_prefix("<![CDATA[") {
            let end = data.find("]]>")?;
            add(&mut text, Cow::Borrowed(&data[..end]));
            rest = &data[end + 3..];
        } else {
            let end = tag.find('>')?;
            let inner = &tag[1..end];
            rest = &tag[end + 1..];
            let closes = inner.strip_prefix('/');
            let name = local(closes.or(inner.strip_suffix('/')).unwrap_or(inner));
            if closes.is_none() {
                if let Some((_, has_others)) = open.last_mut() {
                    *has_others = true;
                }
                if name.is_empty() || open.len() == DEEPEST {
                    return None;
                }
                open.push((name, false));
                text = Cow::Borrowed("");
            }
            if closes.is_some() || inner.ends_with('/') {
                let (opened, has_others) = open.pop()?;
                if opened != name {
                    return None;
                }
                let text = std::mem::take(&mut text);
                see(match (has_others, open.last()) {
                    (false, parent) => Seen::Leaf { parent: parent.map_or("", |(name, _)| name), name, text },
                    (true, _) => Seen::End { name },
                });
            }
        }
    }
}

/// The text of the first leaf of this name.
pub fn text_of(document: &str, wanted: &str) -> Option<String> {
    let mut found = None;
    // A document that is cut off may still say it.
    let _ = read(document, |seen| match seen {
        Seen::Leaf { name, text, .. } if name == wanted && found.is_none() => found = Some(text.into_owned()),
        _ => {}
    });
    found
}

/// `text` as it stands in a document.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Where a declaration, a comment or a document type ends; the inner option is empty if it does not.
fn skipped(tag: &str) -> Option<Option<usize>> {
    let until = |end: &str| Some(tag.find(end).map(|at| at + end.len()));
    match tag.as_bytes() {
        [b'<', b'?', ..] => until("?>"),
        [b'<', b'!', b'-', b'-', ..] => until("-->"),
        [b'<', b'!', b'[', ..] => None,
        [b'<', b'!', ..] => until(">"),
        _ => None,
    }
}

/// A name without its attributes and namespace.
fn local(tag: &str) -> &str {
    let name = tag.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}

fn text_only(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim().is_empty()
}

fn add<'a>(text: &mut Cow<'a, str>, more: Cow<'a, str>) {
    if text.is_empty() {
        *text = more;
    } else if !more.is_empty() {
        text.to_mut().push_str(&more);
    }
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let entity = rest[at + 1..].split(';').next().unwrap_or_default();
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let letter = match entity {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match entity.strip_prefix('#') {
                Some(digits) => match digits.strip_prefix(['x', 'X']) {
                    Some(digits) => number(digits, 16),
                    None => number(digits, 10),
                },
                None => None,
            },
        };
        let known = letter.filter(|_| rest[at + 1 + entity.len()..].starts_with(';'));
        plain.push(known.unwrap_or('&'));
        rest = &rest[at + 1 + known.map_or(0, |_| entity.len() + 1)..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(document: &str) -> Option<Vec<String>> {
        let mut all = Vec::new();
        read(document, |seen| {
            all.push(match seen {
                Seen::Leaf { parent, name, text } => format!("{parent}/{name}={text}"),
                Seen::End { name } => format!("end {name}"),
            });
        })?;
        Some(all)
    }

    #[test]
    fn documents_are_read_however_they_are_written() {
        let list = "\u{feff}<?xml version=\"1.0\"?>\n<!DOCTYPE x>\n<s3:ListBucketResult xmlns:s3=\"http://s3\">\n <!-- <no/> -->\
                    <Contents a='b'><Key>a&amp;b&#x20;&#99;</Key><Size>5</Size><Owner/></Contents>\
                    <s3:IsTruncated >false</s3:IsTruncated></s3:ListBucketResult>\n";
        assert_eq!(
            seen(list).unwrap(),
            [
                "Contents/Key=a&b c",
                "Contents/Size=5",
                "Contents/Owner=",
                "end Contents",
                "ListBucketResult/IsTruncated=false",
                "end ListBucketResult",
            ]
        );
        assert_eq!(seen("<a>x<![CDATA[<&>]]>y</a>").unwrap(), ["/a=x<&>y"]);
        assert_eq!(
            seen("<a>1 &lt; 2 & &unknown; &#; &#xD800;</a>").unwrap(),
            ["/a=1 < 2 & &unknown; &#; &#xD800;"]
        );
        assert_eq!(seen(""), Some(vec![]));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in [
            "no",
            "<a>",
            "<a></b>",
            "</a>",
            "<a",
            "<!-- ",
            "<a><![CDATA[x</a>",
            "< >x</ >",
            "<a></a>x",
            "<?x",
        ] {
            assert_eq!(seen(text), None, "{text}");
        }
        let deep = "<a>".repeat(10_000);
        assert_eq!(seen(&deep), None);
    }

    #[test]
    fn the_first_text_of_a_name_is_found() {
        let error = "<Error><Code>NoSuchKey</Code><Message>it is &quot;gone&quot;</Message>";
        assert_eq!(text_of(error, "Code").as_deref(), Some("NoSuchKey"));
        assert_eq!(text_of(error, "Message").as_deref(), Some("it is \"gone\""));
        assert_eq!(text_of("<html>", "Code"), None);
        assert_eq!(text_of(&format!("<a>{}</a>", escaped("<&\">")), "a").as_deref(), Some("<&\">"));
    }
}
