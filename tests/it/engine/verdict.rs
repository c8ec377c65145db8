//! Whose limit a number is: the service's, or the generator's own.

use benchscript::measure::Verdict;
use serde_json::json;

use super::fake::{Call, Fake, Ran, run};

/// Signs that other programs on this machine gave, not the load: they make no difference to what is tested here.
fn own_reasons(ran: &Ran) -> Vec<&str> {
    let reasons = ran.measured.validity.reasons.iter().map(String::as_str);
    reasons.filter(|reason| !reason.contains("the machine is crowded")).collect()
}

#[test]
fn an_idle_generator_is_valid() {
    let ran = run(Fake::new(|_| Call::After(20)), json!({ "concurrency": 4, "duration": "1s" }));
    assert_eq!(own_reasons(&ran), [""; 0]);
    assert_ne!(ran.measured.validity.verdict, Verdict::GeneratorLimited);
    let ceiling = ran.measured.validity.ceiling_rate.unwrap();
    assert!(ceiling > 10.0 * ran.summary().throughput, "{ceiling}");
}

#[test]
fn running_out_of_sessions_is_suspect() {
    let plan = json!({ "rate": 50, "concurrency": 2, "duration": "1s" });
    let ran = run(Fake::new(|_| Call::After(60)), plan);
    assert!(own_reasons(&ran).iter().any(|reason| reason.contains("all 2 sessions were busy")));
    assert!(ran.measured.validity.verdict >= Verdict::Suspect);
    let warmup = json!({ "rate": 50, "concurrency": 2, "warmup": "1s", "duration": "500ms" });
    let ran = run(Fake::new(|turn| if turn < 10 { Call::After(60) } else { Call::Answers }), warmup);
    assert!(!own_reasons(&ran).iter().any(|reason| reason.contains("sessions were busy")), "only in warm-up");
}

#[test]
fn a_busy_thread_limits() {
    // Starved of its core by other tests it cannot be 85 % busy: then that is the sign.
    let ran = run(Fake::new(|_| Call::Spins(2)), json!({ "concurrency": 2, "duration": "1s", "threads": 1 }));
    let validity = &ran.measured.validity;
    let starved = validity.reasons.iter().any(|reason| reason.contains("the machine is crowded"));
    assert!(validity.verdict == Verdict::GeneratorLimited || starved, "{validity:?}");
    let ceiling = validity.ceiling_rate.unwrap();
    assert!(ceiling < 1.5 * 500.0, "a thread that spins 2 ms a call makes no more than 500/s: {ceiling}");
}

#[test]
fn late_starts_with_sessions_free_limit() {
    // Every tenth call holds up the only thread, and with it calls that have sessions.
    let hang = |turn| if turn % 10 == 0 { Call::Blocks(40) } else { Call::Answers };
    let ran = run(Fake::new(hang), json!({ "rate": 100, "duration": "1s", "threads": 1 }));
    assert_eq!(ran.measured.validity.verdict, Verdict::GeneratorLimited, "{:?}", ran.measured.validity);
    assert!(own_reasons(&ran).iter().any(|reason| reason.contains("although sessions were free")));
}
