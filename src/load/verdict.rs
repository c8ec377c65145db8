//! Whether a load's numbers are the service's or the generator's own limit, judged by the trial itself.

use crate::measure::{ThreadUse, Validity, Verdict};

/// A thread that is busier than this adds delays of its own.
const BUSY: f64 = 0.85;
/// A thread that waits for a core for more than this share of the time was starved.
const STARVED: f64 = 0.10;
/// The share of calls that may start more than 1 ms late although a session was free: as many as leave the p99 of
/// the start lag alone.
const LATE: f64 = 0.01;
/// The share that leaves the p99.9 alone.
const SOME_LATE: f64 = 0.001;
/// A script that takes less than this share of a thread is not worth a word.
const SCRIPT: f64 = 0.01;
/// Fewer late calls than this decide no percentile.
const ENOUGH: u64 = 10;

/// What the verdict is made of.
pub struct Evidence<'a> {
    /// Each thread's use of the seconds that lie in the measured window.
    pub threads: &'a [ThreadUse],
    /// Successful calls a second.
    pub throughput: f64,
    pub open_loop: bool,
    /// Calls that had to wait because all sessions were busy.
    pub waited: u64,
    /// The most sessions allowed.
    pub concurrency: u64,
    /// Sessions that could not be opened before the start.
    pub unopened: u64,
    pub late_seconds: u64,
}

/// Judges by the rules of docs/methodology: the strongest sign decides, every sign is named.
pub fn judge(evidence: &Evidence) -> Validity {
    let mut verdict = Verdict::Valid;
    let mut reasons = Vec::new();
    let mut sign = |strength: Verdict, reason: String| {
        verdict = verdict.max(strength);
        reasons.push(reason);
    };
    let threads = by_thread(evidence.threads);
    let busiest_thread = threads.iter().max_by(|a, b| a.busy().total_cmp(&b.busy()));
    let busiest = busiest_thread.map_or(0.0, Load::busy);
    let scripted = busiest_thread.map_or(0.0, Load::scripted);
    let starved = threads.iter().map(Load::starved).fold(0.0, f64::max);
    let free: u64 = evidence.threads.iter().map(|usage| usage.free_calls).sum();
    let late: u64 = evidence.threads.iter().map(|usage| usage.free_late).sum();
    let late_share = late as f64 / free.max(1) as f64;
    if busiest > BUSY {
        let percent = busiest * 100.0;
        let script = match scripted {
            share if share < SCRIPT => String::new(),
            share => format!(" ({:.0} % in the script)", share * 100.0),
        };
        sign(
            Verdict::GeneratorLimited,
            format!(
                "the busiest generator thread used {percent:.0} % of its core{script}: the service may carry more"
            ),
        );
    }
    let many = late >= ENOUGH;
    if evidence.open_loop && (late_share > LATE || (many && late_share > SOME_LATE)) {
        let strength = if many && late_share > LATE { Verdict::GeneratorLimited } else { Verdict::Suspect };
        let percent = late_share * 100.0;
        sign(
            strength,
            format!(
                "{late} calls ({percent:.1} %) started more than 1 ms late although sessions were free: the generator's own delay"
            ),
        );
    }
    if starved > STARVED {
        let percent = starved * 100.0;
        sign(
            Verdict::Suspect,
            format!(
                "a generator thread waited {percent:.0} % of the time for a core: the machine is crowded"
            ),
        );
    }
    if evidence.open_loop && evidence.waited > 0 {
        let (waited, most) = (evidence.waited, evidence.concurrency);
        sign(
            Verdict::Suspect,
            format!(
                "{waited} calls waited because all {most} sessions were busy; their wait is in the response time"
            ),
        );
    }
    if evidence.unopened > 0 {
        let unopened = evidence.unopened;
        sign(Verdict::Suspect, format!("{unopened} sessions could not be opened before the start"));
    }
    if evidence.late_seconds > 0 {
        let late = evidence.late_seconds;
        sign(
            Verdict::Suspect,
            format!("{late} seconds were reported more than 2 s late: a generator thread hung"),
        );
    }
    let ceiling_rate = (busiest > 0.0 && evidence.throughput > 0.0).then(|| evidence.throughput / busiest);
    Validity { verdict, reasons, ceiling_rate }
}

/// One thread over the whole window, in nanoseconds.
#[derive(Default)]
struct Load {
    wall: u64,
    cpu: u64,
    delay: u64,
    script: u64,
}

impl Load {
    fn busy(&self) -> f64 {
        self.cpu as f64 / self.wall.max(1) as f64
    }

    fn scripted(&self) -> f64 {
        self.script as f64 / self.wall.max(1) as f64
    }

    fn starved(&self) -> f64 {
        self.delay as f64 / self.wall.max(1) as f64
    }
}

fn by_thread(usages: &[ThreadUse]) -> Vec<Load> {
    let mut loads: Vec<Load> = Vec::new();
    for usage in usages {
        if loads.len() <= usage.thread {
            loads.resize_with(usage.thread + 1, Load::default);
        }
        let load = &mut loads[usage.thread];
        load.wall += usage.wall;
        load.cpu += usage.cpu;
        load.delay += usage.runnable_delay;
        load.script += usage.script;
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(threads: &[ThreadUse]) -> Evidence<'_> {
        Evidence {
            threads,
            throughput: 1_000.0,
            open_loop: true,
            waited: 0,
            concurrency: 10,
            unopened: 0,
            late_seconds: 0,
        }
    }

    fn second(cpu: u64, runnable_delay: u64, free_late: u64) -> ThreadUse {
        ThreadUse {
            thread: 0,
            wall: 1_000,
            cpu,
            runnable_delay,
            script: cpu / 2,
            free_calls: 1_000,
            free_late,
        }
    }

    #[test]
    fn a_calm_generator_is_valid() {
        let validity = judge(&evidence(&[second(200, 0, 1)]));
        assert_eq!((validity.verdict, validity.reasons.len()), (Verdict::Valid, 0));
        assert_eq!(validity.ceiling_rate, Some(5_000.0));
    }

    #[test]
    fn a_busy_thread_limits() {
        assert_eq!(judge(&evidence(&[second(900, 0, 0)])).verdict, Verdict::GeneratorLimited);
    }

    #[test]
    fn one_busy_second_among_calm_ones_does_not() {
        assert_eq!(judge(&evidence(&[second(900, 0, 0), second(100, 0, 0)])).verdict, Verdict::Valid);
    }

    #[test]
    fn late_starts_with_free_sessions_limit() {
        let verdict = |late: &[u64]| {
            let seconds: Vec<_> = late.iter().map(|late| second(100, 0, *late)).collect();
            judge(&evidence(&seconds)).verdict
        };
        assert_eq!(verdict(&[11]), Verdict::GeneratorLimited, "the p99 is the generator's");
        assert_eq!(verdict(&[11, 0]), Verdict::Suspect, "one bad second is in the p99.9 only");
        assert_eq!(verdict(&[2, 0]), Verdict::Valid, "two calls of two thousand decide nothing");
        let closed = judge(&Evidence { open_loop: false, ..evidence(&[second(100, 0, 500)]) });
        assert_eq!(closed.verdict, Verdict::Valid, "a closed loop has no schedule to be late for");
    }

    #[test]
    fn starvation_and_too_few_sessions_are_suspect() {
        assert_eq!(judge(&evidence(&[second(100, 200, 0)])).verdict, Verdict::Suspect);
        let few = judge(&Evidence { waited: 3, ..evidence(&[second(100, 0, 0)]) });
        assert_eq!(few.verdict, Verdict::Suspect);
        assert!(few.reasons[0].contains("all 10 sessions"), "{:?}", few.reasons);
    }
}
