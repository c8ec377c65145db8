//! Signature version 4 of requests: who sends them, and that nothing was changed on the way.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::{digest, hmac};

use super::credentials::Credentials;

/// A body that is not part of the signature.
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// The hash of an empty body.
pub const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const SECONDS_OF_A_DAY: u64 = 86_400;

/// Who signs, and for which region.
pub struct Signer {
    access_key: String,
    /// `AWS4` and the secret key.
    secret: Vec<u8>,
    session_token: Option<String>,
    region: String,
}

/// What is signed of a request.
pub struct Signed<'a> {
    pub method: &'a str,
    /// As it is sent: percent-encoded.
    pub path: &'a [u8],
    /// Names in their order, percent-encoded, each with a `=`.
    pub query: &'a [u8],
    pub host: &'a str,
    /// The hash of the body in hexadecimal digits, or [`UNSIGNED`].
    pub payload: &'a str,
}

/// What signatures of one second and one day share. Each session keeps its own.
#[derive(Default)]
pub struct Stamp {
    second: u64,
    /// `20260131T235959Z`.
    text: String,
    /// The day of the key, counted from 1970.
    day: u64,
    key: Option<hmac::Key>,
}

impl Signer {
    pub fn new(credentials: Credentials, region: &str) -> Self {
        let Credentials { access_key, secret_key, session_token } = credentials;
        let secret = format!("AWS4{secret_key}").into_bytes();
        Self { access_key, secret, session_token, region: region.to_owned() }
    }

    /// The signature of a request that is sent now; the stamp becomes that of now.
    pub fn sign(&self, signed: &Signed<'_>, stamp: &mut Stamp) -> hmac::Tag {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.sign_at(now, signed, stamp)
    }

    fn sign_at(&self, now: u64, signed: &Signed<'_>, stamp: &mut Stamp) -> hmac::Tag {
        let (key, date) = stamp.at(now, self);
        let mut canonical = digest::Context::new(&digest::SHA256);
        for piece in [signed.method.as_bytes(), b"\n", signed.path, b"\n", signed.query, b"\nhost:"] {
            canonical.update(piece);
        }
        canonical.update(signed.host.as_bytes());
        canonical.update(b"\nx-amz-content-sha256:");
        canonical.update(signed.payload.as_bytes());
        canonical.update(b"\nx-amz-date:");
        canonical.update(date.as_bytes());
        if let Some(token) = &self.session_token {
            canonical.update(b"\nx-amz-security-token:");
            canonical.update(token.as_bytes());
        }
        for piece in [b"\n\n", self.names(), b"\n", signed.payload.as_bytes()] {
            canonical.update(piece);
        }
        let mut signature = hmac::Context::with_key(key);
        signature.update(b"AWS4-HMAC-SHA256\n");
        signature.update(date.as_bytes());
        signature.update(b"\n");
        self.scope(date, |piece| signature.update(piece));
        signature.update(b"\n");
        signature.update(&hex(canonical.finish().as_ref()));
        signature.sign()
    }

    /// Appends the header lines that carry a signature.
    pub fn write(&self, signature: &hmac::Tag, payload: &str, stamp: &Stamp, out: &mut Vec<u8>) {
        out.extend_from_slice(b"x-amz-date: ");
        out.extend_from_slice(stamp.text.as_bytes());
        out.extend_from_slice(b"\r\nx-amz-content-sha256: ");
        out.extend_from_slice(payload.as_bytes());
        if let Some(token) = &self.session_token {
            out.extend_from_slice(b"\r\nx-amz-security-token: ");
            out.extend_from_slice(token.as_bytes());
        }
        out.extend_from_slice(b"\r\nauthorization: AWS4-HMAC-SHA256 Credential=");
        out.extend_from_slice(self.access_key.as_bytes());
        out.push(b'/');
        self.scope(&stamp.text, |piece| out.extend_from_slice(piece));
        out.extend_from_slice(b", SignedHeaders=");
        out.extend_from_slice(self.names());
        out.extend_from_slice(b", Signature=");
        out.extend_from_slice(&hex(signature.as_ref()));
        out.extend_from_slice(b"\r\n");
    }

    /// Of the headers that are signed, in their order.
    fn names(&self) -> &'static [u8] {
        match self.session_token {
            None => b"host;x-amz-content-sha256;x-amz-date",
            Some(_) => b"host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
        }
    }

    /// Day, region and service.
    fn scope(&self, date: &str, mut see: impl FnMut(&[u8])) {
        for piece in [&date.as_bytes()[..8], b"/", self.region.as_bytes(), b"/s3/aws4_request"] {
            see(piece);
        }
    }

    fn key_of(&self, day: &[u8]) -> hmac::Key {
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        for part in [day, self.region.as_bytes(), b"s3", b"aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part).as_ref());
        }
        key
    }
}

impl Stamp {
    /// The key of the day and the text of the second.
    fn at(&mut self, now: u64, signer: &Signer) -> (&hmac::Key, &str) {
        if self.text.is_empty() || self.second != now {
            self.second = now;
            let time = i64::try_from(now).ok().and_then(|now| jiff::Timestamp::from_second(now).ok());
            self.text = time.unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
        }
        let day = now / SECONDS_OF_A_DAY;
        if self.day != day {
            (self.key, self.day) = (None, day);
        }
        let text = &self.text;
        (self.key.get_or_insert_with(|| signer.key_of(&text.as_bytes()[..8])), text)
    }
}

/// The hash of a body, as it goes into a signature.
pub struct PayloadHash(digest::Context);

impl PayloadHash {
    pub fn start() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub fn add(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    pub fn finish(self) -> String {
        String::from_utf8_lossy(&hex(self.0.finish().as_ref())).into_owned()
    }
}

/// A hash of 256 bits in digits.
fn hex(hash: &[u8]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'0'; 64];
    for (byte, place) in hash.iter().zip(text.chunks_exact_mut(2)) {
        place.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Amazon's documentation of Signature Version 4 for S3.
    fn signer(session_token: Option<&str>) -> Signer {
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: session_token.map(str::to_owned),
        };
        Signer::new(credentials, "us-east-1")
    }

    fn signed(signer: &Signer, query: &str, now: u64, stamp: &mut Stamp) -> String {
        let mut out = Vec::new();
        let signed = Signed {
            method: "GET",
            path: b"/",
            query: query.as_bytes(),
            host: "examplebucket.s3.amazonaws.com",
            payload: EMPTY,
        };
        let signature = signer.sign_at(now, &signed, stamp);
        signer.write(&signature, signed.payload, stamp, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_published_examples_come_out() {
        let (signer, mut stamp) = (signer(None), Stamp::default());
        for (query, signature) in [
            ("lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            ("max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
        ] {
            let lines = signed(&signer, query, 1_369_353_600, &mut stamp);
            assert!(lines.contains("x-amz-date: 20130524T000000Z\r\n"), "{lines}");
            assert!(lines.contains("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"));
            assert!(lines.ends_with(&format!("Signature={signature}\r\n")), "{lines}");
        }
    }

    /// Computed with botocore, which is what Amazon's own tools sign with.
    #[test]
    fn the_token_of_a_session_is_signed() {
        let (signer, mut stamp) = (signer(Some("IQoJb3JpZ2luX2VjE/+==")), Stamp::default());
        for (query, signature) in [
            ("lifecycle=", "ce6c7d28e872ce82e267848ffea204cb2cc65020cfbbe43230afec91318c09f9"),
            ("max-keys=2&prefix=J", "cbd050140e9a7d564ecb1c2e6c678065c73b052fcb5c9746166520126ee1495c"),
        ] {
            let lines = signed(&signer, query, 1_369_353_600, &mut stamp);
            assert!(lines.contains("x-amz-security-token: IQoJb3JpZ2luX2VjE/+==\r\n"), "{lines}");
            assert!(lines.contains(";x-amz-security-token, "), "{lines}");
            assert!(lines.ends_with(&format!("Signature={signature}\r\n")), "{lines}");
        }
    }

    #[test]
    fn a_stamp_that_was_used_signs_as_a_new_one() {
        let signer = signer(Some("token"));
        let mut used = Stamp::default();
        for now in [1_369_353_599, 1_369_353_600, 1_369_353_600, 1_369_440_000, 1_369_353_600] {
            let fresh = signed(&signer, "", now, &mut Stamp::default());
            assert_eq!(signed(&signer, "", now, &mut used), fresh);
            assert!(fresh.contains("x-amz-security-token: token\r\n"));
        }
    }

    #[test]
    fn the_hash_of_nothing_is_known() {
        assert_eq!(PayloadHash::start().finish(), EMPTY);
    }
}
