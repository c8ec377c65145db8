//! Which paths mean something: the rest of them all get the ordinary answer.

use super::http::Refusal;
use crate::measure::Span;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Route {
    Ordinary,
    /// Served as an ordinary request; the answer is the request's body or, with `?json`, the whole request.
    Echo {
        json: bool,
    },
    Special(Special),
}

/// Answered apart from the model of service, without a trace in the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Special {
    /// The truth so far.
    Stats,
    /// One JSON line a request.
    Log,
    /// Forgets what was recorded.
    Reset,
    Status(u16),
    /// That many redirections until an answer comes.
    Redirect(u64),
    Delay(Span),
    Bytes(u64),
}

impl Route {
    /// The route of a request target, and the number that `?n=` gives the request.
    pub fn of(method: &str, target: &str) -> Result<(Self, Option<u64>), Refusal> {
        let (path, query) = path_and_query(target);
        let n = query.split('&').find_map(|pair| pair.strip_prefix("n=")?.parse().ok());
        let (name, value) = path.trim_start_matches('/').split_once('/').unwrap_or((&path[1..], ""));
        let wrong = |what: &str| Refusal::new(400, format!("`{value}` is not {what}"));
        let special = match name {
            "stats" => Special::Stats,
            "log" => Special::Log,
            "reset" if method == "POST" => Special::Reset,
            "reset" => return Err(Refusal::new(405, "write POST /reset")),
            "status" => {
                let status = value.parse().ok().filter(|status| (200..=599).contains(status));
                Special::Status(status.ok_or_else(|| wrong("a status from 200 to 599"))?)
            }
            "redirect" => Special::Redirect(value.parse().map_err(|_| wrong("a number of redirections"))?),
            "delay" => Special::Delay(value.parse().map_err(|error| Refusal::new(400, format!("{error}")))?),
            "bytes" => Special::Bytes(value.parse().map_err(|_| wrong("a number of bytes"))?),
            "echo" => return Ok((Self::Echo { json: query.split('&').any(|pair| pair == "json") }, n)),
            _ => return Ok((Self::Ordinary, n)),
        };
        Ok((Self::Special(special), n))
    }
}

/// Also of an absolute target (`http://host/path`), which proxies send, and of `*`.
fn path_and_query(target: &str) -> (&str, &str) {
    let local = if target.starts_with('/') {
        target
    } else {
        target.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or("/")
    };
    local.split_once('?').unwrap_or((local, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_paths_are_told_from_ordinary_ones() {
        let route = |target| Route::of("GET", target).map_err(|refusal| refusal.status);
        for ordinary in ["/", "/a/b/c", "*", "/statuses/1", "//", "http://127.0.0.1:80", "/?x=1&nn=3"] {
            assert_eq!(route(ordinary), Ok((Route::Ordinary, None)), "{ordinary}");
        }
        assert_eq!(route("/any?a=b&n=123"), Ok((Route::Ordinary, Some(123))));
        assert_eq!(route("/echo?json&n=1"), Ok((Route::Echo { json: true }, Some(1))));
        let special = |target| match route(target)?.0 {
            Route::Special(special) => Ok(special),
            other => panic!("{target} is {other:?}"),
        };
        assert_eq!(special("http://127.0.0.1/stats"), Ok(Special::Stats));
        assert_eq!(special("/status/404"), Ok(Special::Status(404)));
        assert_eq!(special("/delay/250ms"), Ok(Special::Delay("250ms".parse().unwrap())));
        assert_eq!(special("/bytes/5"), Ok(Special::Bytes(5)));
        assert_eq!(special("/redirect/2"), Ok(Special::Redirect(2)));
        for wrong in ["/status/99", "/status/", "/delay/long", "/bytes/-1", "/redirect/x"] {
            assert_eq!(special(wrong), Err(400), "{wrong}");
        }
        assert_eq!(special("/reset"), Err(405));
        assert_eq!(Route::of("POST", "/reset").map(|(route, _)| route), Ok(Route::Special(Special::Reset)));
    }
}
