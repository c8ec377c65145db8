//! What a server refuses: which class of failure each of its codes is.

use super::xml;
use crate::measure::{Failure, failure};
use crate::services::net::excerpt;

/// How much of an answer that is no XML is shown, bytes.
const EXCERPT_LIMIT: usize = 160;

/// The failure that an answer is which was not expected; `body` is how it begins.
pub fn of(status: u16, body: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(body);
    let code = xml::text_of(&text, "Code");
    let said = match (&code, xml::text_of(&text, "Message")) {
        (Some(code), Some(message)) => format!(": {code}: {}", excerpt(message.as_bytes(), EXCERPT_LIMIT)),
        (Some(code), None) => format!(": {code}"),
        (None, _) if body.is_empty() => String::new(),
        (None, _) => format!(": `{}`", excerpt(body, EXCERPT_LIMIT)),
    };
    let class = code.as_deref().and_then(class).unwrap_or_else(|| failure::status_class(status));
    Failure { status, ..Failure::kept(class, format!("the server says {status}{said}")) }
}

/// Those that have a class of their own.
fn class(code: &str) -> Option<&'static str> {
    Some(match code {
        "NoSuchKey" => failure::NO_SUCH_KEY,
        "NoSuchBucket" => failure::NO_SUCH_BUCKET,
        "AccessDenied" | "AllAccessDisabled" => failure::ACCESS_DENIED,
        "InvalidAccessKeyId" => failure::WRONG_ACCESS_KEY,
        "SignatureDoesNotMatch" | "AuthorizationHeaderMalformed" | "RequestTimeTooSkewed" => {
            failure::WRONG_SIGNATURE
        }
        "SlowDown" | "ServiceUnavailable" | "Busy" | "TooManyRequests" => failure::SLOW_DOWN,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_make_classes_and_messages_are_shown() {
        let body = b"<Error><Code>NoSuchKey</Code><Message>The key is gone</Message></Error>";
        let failed = of(404, body);
        assert_eq!((failed.class, failed.status, failed.session_lost), ("no_such_key", 404, false));
        assert_eq!(failed.detail, "the server says 404: NoSuchKey: The key is gone");
        assert_eq!(of(500, b"<Error><Code>InternalError</Code></Error>").class, "status_5xx");
        assert_eq!(of(502, b"<html>Bad gateway").detail, "the server says 502: `<html>Bad gateway`");
        assert_eq!(of(404, b"").detail, "the server says 404");
    }
}
