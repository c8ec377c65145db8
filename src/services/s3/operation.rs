//! One kind of request, compiled once.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    client::{Payload, S3Client, Style},
    objects::{Drawn, Objects, Sizes},
    range::Range,
};
use crate::error::{Error, Result};
use crate::load::{
    Client, Operation,
    payload::{Count, Distribution, KeySpace, Keys},
};
use crate::measure::Summary;
use crate::services::command::short_name;

/// The most parts of one object.
const MOST_PARTS: u64 = 10_000;
/// The most keys of one page of a list.
const LARGEST_PAGE: u32 = 1_000;

/// Something to do with objects of one bucket.
pub struct S3Operation {
    name: String,
    client: Arc<dyn Client>,
    pub(super) work: Arc<Work>,
    described: Value,
}

/// What is done with which objects.
pub(super) struct Work {
    pub kind: Kind,
    /// None where it is about the bucket.
    pub objects: Option<Drawn>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Put,
    Get {
        /// The header line that asks for a part.
        range: Option<String>,
        /// Whether the bytes are compared with those that were written; and the size too, where it is known.
        checks: Option<Sized>,
    },
    Head,
    Delete,
    Multipart {
        part_size: u64,
    },
    List(ListOptions),
    /// Writes so many keys, one after the other.
    Fill(u64),
    CreateBucket,
    DeleteBucket,
}

/// Whether the size of an object is known before it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sized {
    Known,
    Unknown,
}

/// What a list is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOptions {
    pub prefix: String,
    /// Of one page.
    pub max_keys: u32,
    /// Ask for page after page until there is no more, instead of for one.
    pub all: bool,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self { prefix: String::new(), max_keys: LARGEST_PAGE, all: false }
    }
}

impl S3Client {
    /// Writes an object in one request.
    pub fn put(self: &Arc<Self>, objects: &Objects, name: Option<String>) -> Result<S3Operation> {
        self.of_objects("put", objects, name, Kind::Put)
    }

    /// Reads an object or a part of it; `checks` says whether its bytes are compared with those that `put` writes.
    /// Sizes are compared as well if `objects` was told them: `knows_sizes`.
    pub fn get(
        self: &Arc<Self>,
        objects: &Objects,
        range: Option<Range>,
        checks: bool,
        knows_sizes: bool,
        name: Option<String>,
    ) -> Result<S3Operation> {
        let checks = checks.then_some(if knows_sizes { Sized::Known } else { Sized::Unknown });
        let line = range.map(|range| format!("range: bytes={range}\r\n"));
        let mut get = self.of_objects("get", objects, name, Kind::Get { range: line, checks })?;
        if let Some(range) = range {
            get.tell("range", json!(range.to_string()));
        }
        get.tell("checksum", json!(checks.is_some()));
        Ok(get)
    }

    /// Asks for size and ETag of an object.
    pub fn head(self: &Arc<Self>, objects: &Objects, name: Option<String>) -> Result<S3Operation> {
        self.of_objects("head", objects, name, Kind::Head)
    }

    /// Removes an object. One that is not there is a success.
    pub fn delete(self: &Arc<Self>, objects: &Objects, name: Option<String>) -> Result<S3Operation> {
        self.of_objects("delete", objects, name, Kind::Delete)
    }

    /// Writes an object in parts of `part_size` bytes, one after the other.
    pub fn multipart(
        self: &Arc<Self>,
        objects: &Objects,
        part_size: u64,
        name: Option<String>,
    ) -> Result<S3Operation> {
        if part_size == 0 {
            return Err(Error::usage("`part_size_bytes` must be at least 1")
                .hint("most servers want 5 MiB or more of all parts but the last"));
        }
        let parts = objects.sizes.fixed().map_or(1, |size| size.div_ceil(part_size));
        if parts > MOST_PARTS {
            return Err(Error::usage(format!("an object in {parts} parts"))
                .hint(format!("an object has at most {MOST_PARTS} parts: give a larger `part_size_bytes`")));
        }
        let mut multipart = self.of_objects("multipart", objects, name, Kind::Multipart { part_size })?;
        multipart.tell("part_size_bytes", json!(part_size));
        Ok(multipart)
    }

    /// Writes every object of a key space once, in one call: preparation, not a load.
    pub fn fill(self: &Arc<Self>, objects: &Objects, name: Option<String>) -> Result<S3Operation> {
        let Keys::Space(space) = &objects.keys else {
            return Err(Error::usage("`fill` writes a key space").hint("for one object there is `put`"));
        };
        let Count::Fixed(count) = space.keys else {
            return Err(Error::usage("`fill` writes every key once, so `keys` must be a number")
                .hint("give as many as the generator draws from"));
        };
        let space = KeySpace { distribution: Distribution::Sequential, ..space.clone() };
        let objects = Objects { keys: Keys::Space(space), ..objects.clone() };
        self.of_objects("fill", &objects, name, Kind::Fill(count))
    }

    /// Asks for the keys that begin with a prefix: one page of them, or all.
    pub fn list(self: &Arc<Self>, options: ListOptions, name: Option<String>) -> Result<S3Operation> {
        if !(1..=LARGEST_PAGE).contains(&options.max_keys) {
            return Err(Error::usage(format!(
                "`max_keys` must be from 1 to {LARGEST_PAGE}, not {}",
                options.max_keys
            ))
            .hint("it is the number of keys of one page; `all: true` asks for all pages"));
        }
        let name = name.unwrap_or_else(|| match options.prefix.as_str() {
            "" => "list".to_owned(),
            prefix => short_name(&format!("list {prefix}")),
        });
        let told = json!({ "prefix": options.prefix, "max_keys": options.max_keys, "all": options.all });
        let told = told.as_object().cloned().unwrap_or_default();
        Ok(self.made(name, told, Work { kind: Kind::List(options), objects: None }))
    }

    /// Makes the bucket; one that is there already is a success.
    pub fn create_bucket(self: &Arc<Self>) -> S3Operation {
        self.of_bucket("create_bucket", Kind::CreateBucket)
    }

    /// Removes the bucket, which must be empty.
    pub fn delete_bucket(self: &Arc<Self>) -> S3Operation {
        self.of_bucket("delete_bucket", Kind::DeleteBucket)
    }

    fn of_bucket(self: &Arc<Self>, verb: &str, kind: Kind) -> S3Operation {
        self.made(verb.to_owned(), Map::new(), Work { kind, objects: None })
    }

    fn of_objects(
        self: &Arc<Self>,
        verb: &str,
        objects: &Objects,
        name: Option<String>,
        kind: Kind,
    ) -> Result<S3Operation> {
        let name = name.unwrap_or_else(|| match &objects.keys {
            Keys::Space(_) => verb.to_owned(),
            Keys::Text(text) => short_name(&format!("{verb} {text}")),
        });
        let writes = matches!(kind, Kind::Put | Kind::Multipart { .. } | Kind::Fill(_));
        let told = objects.describe(writes);
        let drawn = objects.drawn(&name)?;
        Ok(self.made(name, told, Work { kind, objects: Some(drawn) }))
    }

    fn made(self: &Arc<Self>, name: String, mut told: Map<String, Value>, work: Work) -> S3Operation {
        let store = &self.store;
        let payload = if store.signs_payload { Payload::Signed } else { Payload::Unsigned };
        let style = if store.bucket_path.is_empty() { Style::Virtual } else { Style::Path };
        told.insert("bucket".to_owned(), json!(store.bucket));
        told.insert("payload".to_owned(), json!(format!("{payload:?}").to_lowercase()));
        told.insert("style".to_owned(), json!(format!("{style:?}").to_lowercase()));
        told.insert("connections".to_owned(), json!("one a virtual user"));
        S3Operation { name, client: self.clone(), work: Arc::new(work), described: Value::Object(told) }
    }
}

impl S3Operation {
    fn tell(&mut self, key: &str, value: Value) {
        self.described[key] = value;
    }
}

impl Operation for S3Operation {
    fn name(&self) -> &str {
        &self.name
    }

    fn service(&self) -> &'static str {
        "s3"
    }

    fn component(&self) -> &'static str {
        "storage"
    }

    fn client(&self) -> &Arc<dyn Client> {
        &self.client
    }

    fn describe(&self) -> Value {
        self.described.clone()
    }

    /// Each kind has names of its own, so that those of a mix stay apart.
    fn extras(&self, row: &Summary) -> Vec<(&'static str, f64)> {
        let (calls, bytes, first_byte) = match &self.work.kind {
            Kind::Put => ("put_ops_per_second", Some("put_bytes_per_second"), Some("put_ttfb_s")),
            Kind::Get { .. } => ("get_ops_per_second", Some("get_bytes_per_second"), Some("ttfb_s")),
            Kind::Multipart { .. } => ("multipart_ops_per_second", Some("multipart_bytes_per_second"), None),
            Kind::Head => ("head_ops_per_second", None, Some("head_ttfb_s")),
            Kind::Delete => ("delete_ops_per_second", None, Some("delete_ttfb_s")),
            Kind::List(_) => ("list_ops_per_second", None, Some("list_ttfb_s")),
            Kind::Fill(_) | Kind::CreateBucket | Kind::DeleteBucket => return Vec::new(),
        };
        let mut extras = vec![(calls, row.throughput)];
        extras.extend(bytes.map(|name| (name, row.bytes_per_second)));
        extras.extend(first_byte.zip(row.first_byte_s));
        extras
    }
}

/// Whether a put of these may take long.
impl Objects {
    pub fn may_be_large(&self) -> bool {
        !matches!(self.sizes, Sizes::Fixed(size) if size <= 16 << 20)
    }
}
