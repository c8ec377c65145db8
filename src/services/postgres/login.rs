//! From a connection to a session: encryption asked for, login, proof of the password.

use std::future::poll_fn;

use super::{
    auth::{Scram, md5_proof},
    message::{SSL_REQUEST, counted, message, text},
    refusal::Refusal,
    settings::ClientOptions,
};
use crate::measure::{Failure, failure};
use crate::services::net::Stream;

/// The longest message that a login has, bytes.
const LONGEST: usize = 1 << 20;
/// Version 3.0 of the protocol.
const VERSION: u32 = 3 << 16;

/// A connection whose server waits for statements.
pub struct Login {
    pub stream: Stream,
    /// What came behind the last message of the login.
    pub rest: Vec<u8>,
}

/// Asks whether the server encrypts.
pub async fn offers_tls(stream: &mut Stream) -> Result<bool, Failure> {
    send(stream, &SSL_REQUEST).await?;
    let mut answer = [0];
    match receive(stream, &mut answer).await? {
        0 => Err(closed()),
        _ => match answer[0] {
            b'S' => Ok(true),
            b'N' => Ok(false),
            // A server from before encryption says `E`; whatever it is, it speaks on in the clear.
            other => Err(Failure::lost(
                failure::PROTOCOL,
                format!("`{}` as the answer whether it encrypts (is it PostgreSQL?)", other.escape_ascii()),
            )),
        },
    }
}

/// Logs in and waits until the server is ready.
pub async fn login(stream: Stream, options: &ClientOptions) -> Result<Login, Failure> {
    let mut talk = Talk { stream, inbox: Vec::new() };
    let mut hello = Vec::new();
    counted(&mut hello, |out| {
        out.extend_from_slice(&VERSION.to_be_bytes());
        let pairs = [
            ("user", options.user.as_str()),
            ("database", options.database()),
            ("application_name", "benchscript"),
            ("client_encoding", "UTF8"),
        ];
        pairs.into_iter().for_each(|(name, value)| {
            text(name, out);
            text(value, out);
        });
        out.push(0);
    });
    send(&mut talk.stream, &hello).await?;
    let mut scram: Option<Scram> = None;
    loop {
        let (kind, body) = talk.message().await?;
        match kind {
            b'R' => {
                let wanted = body.first_chunk().map(|code| u32::from_be_bytes(*code));
                let rest = body.get(4..).unwrap_or_default();
                let said = || String::from_utf8_lossy(rest).into_owned();
                let answer = match wanted {
                    Some(0) => continue,
                    Some(3) => terminated(password(options)?),
                    Some(5) => terminated(&md5_proof(&options.user, password(options)?, rest)),
                    Some(10) => {
                        let ways = said();
                        if !ways.split('\0').any(|way| way == "SCRAM-SHA-256") {
                            return Err(unknown(&format!("one of `{}`", ways.trim_end_matches('\0'))));
                        }
                        password(options)?;
                        let first = Scram::start().map_err(refused)?;
                        let say = first.client_first();
                        scram = Some(first);
                        let mut out = terminated("SCRAM-SHA-256");
                        out.extend_from_slice(&(say.len() as u32).to_be_bytes());
                        out.extend_from_slice(say.as_bytes());
                        out
                    }
                    Some(11) => {
                        let scram = scram.as_mut().ok_or_else(|| unknown("a challenge before its time"))?;
                        scram.client_final(&said(), password(options)?).map_err(refused)?.into_bytes()
                    }
                    Some(12) => {
                        let scram = scram.as_ref().ok_or_else(|| unknown("a proof before its time"))?;
                        scram.verify(&said()).map_err(refused)?;
                        continue;
                    }
                    Some(other) => return Err(unknown(&format!("number {other}"))),
                    None => return Err(unknown("nothing that can be read")),
                };
                let mut out = Vec::new();
                message(b'p', &mut out, |out| out.extend_from_slice(&answer));
                send(&mut talk.stream, &out).await?;
            }
            b'E' => {
                let refused = Refusal::read(&body).failure();
                return Err(Failure { session_lost: true, ..refused });
            }
            b'Z' => return Ok(Login { stream: talk.stream, rest: talk.inbox }),
            // Settings, the key to cancel with, notices.
            _ => {}
        }
    }
}

/// Whole messages out of a connection.
struct Talk {
    stream: Stream,
    inbox: Vec<u8>,
}

impl Talk {
    async fn message(&mut self) -> Result<(u8, Vec<u8>), Failure> {
        loop {
            if let Some((head, _)) = self.inbox.split_first_chunk::<5>() {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
                if !(4..=LONGEST).contains(&length) {
                    let shown = head.escape_ascii().to_string();
                    let detail = format!("a login that cannot be read: `{shown}` (is it PostgreSQL?)");
                    return Err(Failure::lost(failure::PROTOCOL, detail));
                }
                if self.inbox.len() > length {
                    let kind = head[0];
                    let body = self.inbox[5..=length].to_vec();
                    self.inbox.drain(..=length);
                    return Ok((kind, body));
                }
            }
            let mut buffer = [0; 4096];
            let count = receive(&mut self.stream, &mut buffer).await?;
            if count == 0 {
                return Err(closed());
            }
            self.inbox.extend_from_slice(&buffer[..count]);
        }
    }
}

async fn send(stream: &mut Stream, mut bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::from_io("sending the login", &error);
    while !bytes.is_empty() {
        let sent = poll_fn(|cx| stream.poll_write(cx, bytes)).await.map_err(failed)?;
        bytes = &bytes[sent..];
    }
    poll_fn(|cx| stream.poll_flush(cx)).await.map_err(failed)
}

async fn receive(stream: &mut Stream, buffer: &mut [u8]) -> Result<usize, Failure> {
    let count = poll_fn(|cx| stream.poll_read(cx, buffer).map_ok(|bytes| bytes.len())).await;
    count.map_err(|error| Failure::from_io("reading the answer to the login", &error))
}

fn terminated(answer: &str) -> Vec<u8> {
    let mut out = Vec::new();
    text(answer, &mut out);
    out
}

fn password(options: &ClientOptions) -> Result<&str, Failure> {
    options.password.as_deref().ok_or_else(|| {
        refused(format!(
            "the server wants a password for `{}` (give `password`, or write it in the URL)",
            options.user
        ))
    })
}

fn refused(detail: String) -> Failure {
    Failure::lost(failure::AUTH, detail)
}

fn unknown(what: &str) -> Failure {
    refused(format!(
        "the server wants a login of a kind that is not known here: {what} (there are trust, password, md5 and scram-sha-256)"
    ))
}

fn closed() -> Failure {
    Failure::lost(failure::CLOSED, "the server closed the connection during the login")
}
