//! Answers as scripts see them.

use super::xml::{self, Seen};

/// What a call was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Reply {
    pub status: u16,
    /// Bytes of the object: of what came of it, or of what was sent.
    pub size: u64,
    /// As the server wrote it, without quotes.
    pub etag: String,
    /// Those of the object, unless there were too many to keep.
    pub body: Option<Vec<u8>>,
    /// What a list found.
    pub objects: Vec<Listed>,
    /// There is more behind what a list found.
    pub is_truncated: bool,
}

/// One object in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub size: u64,
}

/// One page of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub objects: Vec<Listed>,
    pub is_truncated: bool,
    /// Asks for the page behind it.
    pub next: Option<String>,
}

impl Page {
    /// Reads a `ListBucketResult`; `None` if it is none.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let mut page = Self::default();
        let mut object = Listed::default();
        let mut is_list = false;
        let mut sizes_are_numbers = true;
        xml::read(std::str::from_utf8(body).ok()?, |seen| match seen {
            Seen::Leaf { parent: "Contents", name: "Key", text } => object.key = text.into_owned(),
            Seen::Leaf { parent: "Contents", name: "Size", text } => match text.trim().parse() {
                Ok(size) => object.size = size,
                Err(_) => sizes_are_numbers = false,
            },
            Seen::End { name: "Contents" } => page.objects.push(std::mem::take(&mut object)),
            Seen::Leaf { parent: "ListBucketResult", name, text } => {
                is_list = true;
                match name {
                    "IsTruncated" => page.is_truncated = text.trim() == "true",
                    "NextContinuationToken" => page.next = Some(text.into_owned()),
                    _ => {}
                }
            }
            Seen::End { name: "ListBucketResult" }
            | Seen::Leaf { parent: "", name: "ListBucketResult", .. } => {
                is_list = true;
            }
            Seen::Leaf { .. } | Seen::End { .. } => {}
        })?;
        (is_list && sizes_are_numbers).then_some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read() {
        let body = b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>\
            <Contents><Key>a/b c</Key><Size>10</Size><Owner><ID>x</ID></Owner></Contents>\
            <Contents><Size>0</Size><Key>d</Key></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>\
            </ListBucketResult>";
        let page = Page::parse(body).unwrap();
        let keys: Vec<_> = page.objects.iter().map(|object| (object.key.as_str(), object.size)).collect();
        assert_eq!(keys, [("a/b c", 10), ("d", 0)]);
        assert_eq!((page.is_truncated, page.next.as_deref()), (true, Some("t&1")));
        for wrong in ["", "<Error><Code>x</Code></Error>", "<ListBucketResult>", "{}"] {
            assert_eq!(Page::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
