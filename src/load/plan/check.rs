//! What a plan may not say: every option and combination that cannot be run is refused before anything starts.

use std::time::Duration;

use super::{Arrival, HIGHEST_RATE, MOST_USERS, Plan};
use crate::error::{Error, Result};
use crate::load::{arrival::Trace, stages::Unit};

/// The burstiest gamma: calls in lumps of thousands. Below it nearly all gaps round to nothing.
const LEAST_BURSTINESS: f64 = 0.001;

impl Plan {
    /// Refuses what cannot be run, naming the option. Reads the trace if there is one.
    pub fn check(mut self) -> Result<Self> {
        let positive = |name: &str, zero: bool| match zero {
            true => Err(Error::usage(format!("`{name}` must be more than 0"))),
            false => Ok(()),
        };
        positive("concurrency", self.concurrency == Some(0))?;
        positive("requests", self.requests == Some(0))?;
        positive("requests_each", self.requests_each == Some(0))?;
        positive("threads", self.threads == Some(0))?;
        positive("duration", self.duration.is_some_and(|span| span.0.is_zero()))?;
        positive("timeout", self.timeout.0.is_zero())?;
        self.check_stages()?;
        self.check_trace()?;
        self.check_each()?;
        if self.duration.is_none() && self.calls().is_none() && self.stages.is_none() && self.trace.is_none()
        {
            return Err(Error::usage("this load would never end")
                .hint("give `duration: \"30s\"` or `requests: 10_000`"));
        }
        if let Some(rate) = self.rate {
            if rate <= 0.0 || rate.is_nan() {
                return Err(Error::usage(format!("`rate` must be more than 0, not {rate}")));
            }
            if rate > HIGHEST_RATE {
                return Err(Error::usage(format!(
                    "`rate` may be at most {HIGHEST_RATE} calls a second, not {rate}"
                )));
            }
        }
        self.check_spacing()?;
        if let Some(think) = &self.think {
            if self.is_open() {
                return Err(Error::usage(
                    "`think` is the pause of a closed loop, but a schedule says when these calls are due",
                )
                .hint("leave `think` out, or give `concurrency` instead of a rate"));
            }
            think.check()?;
        }
        if self.steady && self.stages.is_some() {
            return Err(Error::usage(
                "`steady` looks for a steady part of the window, but `stages` change the load",
            )
            .hint("leave one of them out"));
        }
        if self.save_schedule && !self.is_open() {
            return Err(Error::usage(
                "`save_schedule` saves when calls are due, but a closed loop has no schedule",
            )
            .hint("add `rate: 500`, or leave `save_schedule` out"));
        }
        if self.concurrency > Some(MOST_USERS) {
            let error = format!("`concurrency` may be at most {MOST_USERS}, not {}", self.concurrency());
            return Err(Error::usage(error));
        }
        if self.threads > Some(self.concurrency()) {
            return Err(Error::usage(format!(
                "`threads` is more than `concurrency` ({}): some would have no virtual user",
                self.concurrency()
            )));
        }
        self.trace = self.trace.map(Trace::read).transpose()?;
        if let (Some(trace), Some(end)) = (&self.trace, self.duration()) {
            let window = self.warmup.0..self.warmup.0 + end;
            let times = self.times().map_or(&[][..], |times| &times.due);
            if !times.iter().any(|due| window.contains(&Duration::from_nanos(*due))) {
                return Err(Error::usage(format!(
                    "no call of the trace `{}` is due in the window",
                    trace.file.display()
                ))
                .hint("times count from the start of the load, warm-up included"));
            }
        }
        Ok(self)
    }

    fn check_stages(&self) -> Result<()> {
        let Some(stages) = &self.stages else { return Ok(()) };
        let both = |name: &str, instead: &str| {
            Err(Error::usage(format!("`stages` and `{name}` are both given")).hint(instead))
        };
        stages.check(self.warmup)?;
        if self.rate.is_some() {
            return both("rate", "give each stage its own `rate`");
        }
        if self.trace.is_some() {
            return both("trace", "a trace says when each call is due: leave one of them out");
        }
        if self.duration.is_some() {
            return both(
                "duration",
                "the stages together are the window: give each its own `duration` or `ramp`",
            );
        }
        if self.requests.is_some() {
            return both("requests", "the stages together are the window: leave `requests` out");
        }
        if self.concurrency.is_some() && stages.unit() == Unit::Concurrency {
            return both("concurrency", "give each stage its own `concurrency`");
        }
        Ok(())
    }

    /// Each user has its own calls: there is nothing that others could tell it.
    fn check_each(&self) -> Result<()> {
        let Some(each) = self.requests_each else { return Ok(()) };
        let both = |name: &str| Error::usage(format!("`requests_each` and `{name}` are both given"));
        if self.requests.is_some() {
            return Err(
                both("requests").hint("with `requests` the users share the calls: leave one of them out")
            );
        }
        if self.stages.is_some() {
            return Err(both("stages").hint("the stages together are the window: leave `requests_each` out"));
        }
        if self.is_open() {
            return Err(Error::usage(
                "`requests_each` is what each user of a closed loop has to do, but a schedule says when these calls are due",
            )
            .hint("use `requests`, or give `concurrency` instead of a rate"));
        }
        match each.checked_mul(u64::from(self.concurrency())) {
            Some(_) => Ok(()),
            None => Err(Error::usage(format!("`requests_each: {each}` is more than any load can make"))),
        }
    }

    fn check_trace(&self) -> Result<()> {
        let others = [
            ("rate", self.rate.is_some()),
            ("arrival", self.arrival.is_some()),
            ("burstiness", self.burstiness.is_some()),
        ];
        match others.into_iter().find(|(_, given)| *given && self.trace.is_some()) {
            Some((name, _)) => Err(Error::usage(format!("`trace` and `{name}` are both given"))
                .hint("a trace says when each call is due: leave one of them out")),
            None => Ok(()),
        }
    }

    fn check_spacing(&self) -> Result<()> {
        if self.arrival.is_some() && !self.is_open() {
            return Err(Error::usage("`arrival` spaces the calls of a `rate`, but none is given")
                .hint("add `rate: 500`, or leave `arrival` out for a closed loop"));
        }
        let is_gamma = self.arrival == Some(Arrival::Gamma);
        match self.burstiness {
            None if is_gamma => Err(Error::usage("`arrival: \"gamma\"` needs the option `burstiness`")
                .hint("1.0 is Poisson, 0.5 comes in bursts, 4.0 is more even")),
            Some(_) if !is_gamma => {
                Err(Error::usage("`burstiness` is the shape of gamma arrivals, but these are not")
                    .hint("add `arrival: \"gamma\"`, or leave `burstiness` out"))
            }
            Some(shape) if shape.is_nan() || shape < LEAST_BURSTINESS => {
                Err(Error::usage(format!("`burstiness` must be at least {LEAST_BURSTINESS}, not {shape}"))
                    .hint("1.0 is Poisson, 0.5 comes in bursts, 4.0 is more even"))
            }
            _ => Ok(()),
        }
    }
}
