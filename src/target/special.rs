//! The paths that tests and scripts ask for something with. They leave no trace in the truth.

use super::{
    connection::Connection,
    http::{self, Body, Head, Refusal},
    reply::{JSON, Reply, TEXT},
    route::{Route, Special},
    wire::Stop,
};
use crate::measure::Moment;

const LINES: &str = "application/x-ndjson";
static FILLING: [u8; 64 << 10] = [b'x'; 64 << 10];

impl Connection {
    pub(super) async fn special(&mut self, head: &Head, special: Special) -> Result<(), Stop> {
        let shared = self.lane.shared.clone();
        let reply = match special {
            Special::Stats => self.json(head, &shared.truth()),
            Special::Log => {
                let mut lines = Vec::new();
                for entry in shared.log() {
                    write_json(&mut lines, &entry);
                    lines.push(b'\n');
                }
                Reply::new(200, LINES, &lines, self.chunks(head))
            }
            Special::Reset => {
                shared.reset();
                Reply::new(204, TEXT, b"", false)
            }
            Special::Status(status) => {
                Reply::new(status, TEXT, format!("{status}\n").as_bytes(), self.chunks(head))
            }
            Special::Redirect(left) if left > 0 => Reply::redirect(&format!("/redirect/{}", left - 1)),
            Special::Delay(span) => {
                self.flush().await?;
                let lane = self.lane.clone();
                lane.timetable.until(Moment::now().plus_duration(span.0)).await;
                Reply::new(200, TEXT, format!("{span}\n").as_bytes(), self.chunks(head))
            }
            Special::Bytes(count) => return self.bytes(head, count).await,
            Special::Redirect(_) => Reply::new(200, TEXT, b"here\n", self.chunks(head)),
        };
        self.send(head, &reply).await
    }

    /// The answer of `/echo` to a request, of which `kept` is the head.
    pub(super) fn echo(&self, head: &Head, kept: &[u8], body: &[u8], json: bool) -> Reply {
        if json {
            self.json(head, &http::describe(kept, body))
        } else {
            Reply::new(200, TEXT, body, self.chunks(head))
        }
    }

    pub(super) async fn refuse(&mut self, refusal: Refusal) -> Result<(), Stop> {
        let nothing = Head {
            bytes: 0,
            route: Route::Ordinary,
            turn: None,
            body: Body::Length(0),
            expects_continue: false,
            keep_alive: false,
            is_head: false,
            is_old: false,
        };
        let reply = Reply::new(refusal.status, TEXT, format!("{}\n", refusal.why).as_bytes(), false);
        self.send(&nothing, &reply).await?;
        self.flush().await
    }

    /// Never holds more than a block of it.
    async fn bytes(&mut self, head: &Head, count: u64) -> Result<(), Stop> {
        self.send(head, &Reply::opening(200, TEXT, Some(count), "")).await?;
        let mut left = if head.is_head { 0 } else { count };
        while left > 0 {
            let block = FILLING.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.wire.write(&FILLING[..block]).await?;
            left -= block as u64;
        }
        Ok(())
    }

    fn json(&self, head: &Head, value: &impl serde::Serialize) -> Reply {
        let mut body = Vec::new();
        write_json(&mut body, value);
        Reply::new(200, JSON, &body, self.chunks(head))
    }

    fn chunks(&self, head: &Head) -> bool {
        self.lane.shared.settings.chunked && !head.is_old
    }
}

fn write_json(to: &mut Vec<u8>, value: &impl serde::Serialize) {
    serde_json::to_writer(to, value).expect("plain fields, and memory takes everything");
}
