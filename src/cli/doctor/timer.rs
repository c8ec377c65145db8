//! How late the kernel wakes a thread that waits for a moment: the floor of every open loop.

use std::time::Duration;

use super::Finding;
use crate::error::{Error, Result};
use crate::measure::{Alarm, Moment, clock};

/// Wake-ups that are timed, and the time between them: 100 ms in all.
const WAKES: usize = 200;
const APART: Duration = Duration::from_micros(500);

/// Later than this at the 99th percentile, an open loop's calls start late enough for a note in its verdict.
const LATE_US: f64 = 1000.0;

pub fn look() -> Finding {
    const CHECK: &str = "timer";
    match lags_us() {
        Err(error) => Finding::bad(
            CHECK,
            error.to_string(),
            "open loops cannot run here; say which kernel this is in a report of the fault: `uname -a`",
        ),
        Ok(mut lags) => {
            lags.sort_by(f64::total_cmp);
            let (p50, p99) = (lags[lags.len() / 2], lags[lags.len() * 99 / 100]);
            let found = format!("wakes {p50:.0} µs late (p50), {p99:.0} µs (p99)");
            if p99 <= LATE_US {
                return Finding::ok(CHECK, found);
            }
            Finding::warn(
                CHECK,
                found,
                "calls of an open loop will start late; free a core for the generator (`top` shows who runs), and keep \
                 cores from deep sleep (`sudo cpupower idle-set -D 10`)",
            )
        }
    }
}

fn lags_us() -> Result<Vec<f64>> {
    let failed = |error: std::io::Error| Error::io("the kernel gives no exact timer").because(&error);
    let measure = move || {
        clock::exact_timers();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        runtime.block_on(async {
            let alarm = Alarm::new().map_err(failed)?;
            let mut lags = Vec::with_capacity(WAKES);
            for _ in 0..WAKES {
                let due = Moment::now().plus_duration(APART);
                alarm.until(due).await.map_err(failed)?;
                lags.push(Moment::now().since(due) as f64 / 1000.0);
            }
            Ok(lags)
        })
    };
    // As the generator's threads do: exact timers are a property of a thread.
    let thread = std::thread::spawn(measure);
    thread.join().map_err(|_| Error::io("the thread that watches the timer broke down"))?
}
