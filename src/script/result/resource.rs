//! What a load used of the machine: `result.resource` and its parts.

use std::sync::Arc;

use rhai::{Array, Map, plugin::*};

use super::{LoadResult, Number, unmeasured};
use crate::error::{Error, ErrorKind, nearest};
use crate::load::cores_allowed;
use crate::probes;
use crate::report;
use crate::results::{Outcome, ResourceUse, Spread, Used};
use crate::script::{ScriptResult, effect, raise};

/// What a load used.
#[derive(Clone)]
pub struct Resource(Option<Arc<Outcome>>);

/// What the machine, or some processes, used.
#[derive(Clone)]
pub struct Uses {
    outcome: Option<Arc<Outcome>>,
    of: Of,
}

#[derive(Clone, PartialEq)]
enum Of {
    Machine,
    Generator,
    Services,
    Service(String),
}

impl Of {
    fn of<'a>(&self, all: &'a ResourceUse) -> Option<&'a Used> {
        match self {
            Self::Machine => Some(&all.machine),
            Self::Generator => Some(&all.generator),
            Self::Services => Some(&all.service),
            Self::Service(name) => all.services.get(name),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Machine => "the machine".to_owned(),
            Self::Generator => "the generator".to_owned(),
            Self::Services => "the service".to_owned(),
            Self::Service(name) => format!("`{name}`"),
        }
    }

    fn quantities(&self) -> &'static [&'static str] {
        if *self == Self::Machine { probes::OF_MACHINES } else { probes::OF_PROCESSES }
    }
}

impl Uses {
    fn used(&self) -> Option<&Used> {
        self.of.of(self.outcome.as_ref()?.metrics.resource.as_ref()?)
    }

    /// A figure of a quantity over the measured window.
    pub(super) fn figure(
        &self,
        ctx: &NativeCallContext,
        quantity: &str,
        figure: impl Fn(&Spread) -> f64,
    ) -> ScriptResult<f64> {
        let (of, known) = (self.of.shown(), self.of.quantities());
        if !known.contains(&quantity) {
            let error = Error::usage(format!("{of} has no `{quantity}`"));
            let error = match nearest(quantity, known) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("it has: {}", known.join(", "))),
            };
            return Err(raise(ctx)(error));
        }
        let Some(outcome) = &self.outcome else { return Ok(unmeasured(ctx)) };
        match self.used().and_then(|used| used.get(quantity)) {
            Some(spread) => Ok(figure(spread)),
            None => Err(raise(ctx)(unknown(&format!("`{quantity}` of {of}"), &self.of, outcome))),
        }
    }

    pub(super) fn shown(&self) -> String {
        match (&self.outcome, self.used()) {
            (None, _) => format!("{}: not measured in a plan", self.of.shown()),
            (_, Some(used)) if !used.is_empty() => report::text::used(used),
            _ => format!("{}: nothing is known", self.of.shown()),
        }
    }
}

fn unknown(what: &str, of: &Of, outcome: &Outcome) -> Error {
    let error = Error::new(ErrorKind::Unavailable, format!("{what} is not known"));
    if *of == Of::Services && outcome.resources.column("service.cpu_util").is_none() {
        return error
            .hint("only of what the script started: `service::start`, `redis::start`, `target::http`");
    }
    match outcome.metrics.resource {
        None => error.hint("the load was too short: it takes 0.1 s at least"),
        Some(_) => error.hint("the notes of the trial say what this machine does not tell"),
    }
}

/// What a load used.
#[export_module]
pub mod resource_face {
    /// What was used during the load: `machine`, `service`, `services`, `generator`, `series`; and `cpu_util` and `ram_mb` of what
    /// was under test. Means over the measured window, of the whole load.
    ///
    /// ```rhai
    /// fn calls_per_core(result) { result.throughput / (result.resource.cpu_util * result.resource.cores) }
    /// ```
    #[rhai_fn(get = "resource", pure)]
    pub fn resource(result: &mut LoadResult) -> Resource {
        Resource(result.outcome().cloned())
    }

    /// The share of the allowed cores that the service used, 0 to 1; where its processes are not known, the machine without
    /// benchscript itself.
    ///
    /// ```rhai
    /// fn saturated(result) { result.resource.cpu_util > 0.9 }
    /// ```
    #[rhai_fn(get = "cpu_util", return_raw, pure)]
    pub fn cpu_util(ctx: NativeCallContext, resource: &mut Resource) -> ScriptResult<f64> {
        resource.flat(&ctx, "cpu_util", |all| all.cpu_util)
    }

    /// Memory of the service in MB, as `service.rss_mb`; where its processes are not known, what is used on the machine without
    /// benchscript itself.
    ///
    /// ```rhai
    /// fn fits(result) { result.resource.ram_mb < 4_000.0 }
    /// ```
    #[rhai_fn(get = "ram_mb", return_raw, pure)]
    pub fn ram_mb(ctx: NativeCallContext, resource: &mut Resource) -> ScriptResult<f64> {
        resource.flat(&ctx, "ram_mb", |all| all.ram_mb)
    }

    /// How many cores a `cpu_util` of 1 is: those that benchscript, and what it starts, may run on.
    ///
    /// ```rhai
    /// fn cores_used(result) { result.resource.service.cpu_util * result.resource.cores }
    /// ```
    #[rhai_fn(get = "cores", pure)]
    pub fn cores(ctx: NativeCallContext, resource: &mut Resource) -> Number {
        let known = resource.0.as_ref().map(|outcome| outcome.metrics.resource.as_ref());
        let cores = |known: Option<&ResourceUse>| known.map_or_else(cores_allowed, |all| all.cores) as i64;
        known.map_or_else(|| unmeasured(&ctx).into(), |known| cores(known).into())
    }

    /// The machine that benchscript runs on: CPU by mode, memory, disks, network, pressure.
    ///
    /// ```rhai
    /// fn disk_bound(result) { result.resource.machine.iowait > 0.2 }
    /// ```
    #[rhai_fn(get = "machine", pure)]
    pub fn machine(resource: &mut Resource) -> Uses {
        resource.part(Of::Machine)
    }

    /// The processes of everything that the script had started, with all of their children: services and built-in targets, together.
    ///
    /// ```rhai
    /// fn memory_mb(result) { result.resource.service.rss_mb }
    /// ```
    #[rhai_fn(get = "service", pure)]
    pub fn service(resource: &mut Resource) -> Uses {
        resource.part(Of::Services)
    }

    /// Each service by its name, where several ran; of one there is only `service`.
    ///
    /// ```rhai
    /// fn of_cache(result) { result.resource.services.redis.cpu_util }
    /// ```
    #[rhai_fn(get = "services", return_raw, pure)]
    pub fn services(ctx: NativeCallContext, resource: &mut Resource) -> ScriptResult<Map> {
        effect(&ctx, "what each service used")?;
        let all = resource.0.as_ref().and_then(|outcome| outcome.metrics.resource.as_ref());
        let names = all.into_iter().flat_map(|all| all.services.keys());
        Ok(names
            .map(|name| (name.as_str().into(), Dynamic::from(resource.part(Of::Service(name.clone())))))
            .collect())
    }

    /// benchscript itself, with its probes.
    ///
    /// ```rhai
    /// fn cost(result) { result.resource.generator.cpu_util / result.resource.machine.cpu_util }
    /// ```
    #[rhai_fn(get = "generator", pure)]
    pub fn generator(resource: &mut Resource) -> Uses {
        resource.part(Of::Generator)
    }

    /// The whole load second by second: an array of maps with the columns of `resources.csv`, `()` where one is not known.
    ///
    /// ```rhai
    /// fn memory_over_time(result) { result.resource.series.map(|point| point["service.rss_mb"]) }
    /// ```
    #[rhai_fn(get = "series", pure)]
    pub fn resource_series(resource: &mut Resource) -> Array {
        let Some(outcome) = &resource.0 else { return Array::new() };
        let value = |value: &Option<f64>| value.map_or(Dynamic::UNIT, Dynamic::from_float);
        let rows = outcome.resources.rows.iter().map(|row| {
            let columns = outcome.resources.columns.iter().zip(&row.values);
            let mut map: Map =
                columns.map(|(column, known)| (column.as_str().into(), value(known))).collect();
            map.insert("second".into(), (row.second as i64).into());
            map.insert("until_s".into(), row.until_s.into());
            Dynamic::from_map(map)
        });
        rows.collect()
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn resource_to_string(resource: &mut Resource) -> String {
        match &resource.0 {
            Some(outcome) => report::text::resources(&outcome.metrics),
            None => "not measured in a plan".to_owned(),
        }
    }
}

impl Resource {
    fn part(&self, of: Of) -> Uses {
        Uses { outcome: self.0.clone(), of }
    }

    fn flat(
        &self,
        ctx: &NativeCallContext,
        name: &str,
        value: impl Fn(&ResourceUse) -> Option<Spread>,
    ) -> ScriptResult<f64> {
        let Some(outcome) = &self.0 else { return Ok(unmeasured(ctx)) };
        let found = outcome.metrics.resource.as_ref().and_then(value);
        found.map(|spread| spread.avg).ok_or_else(|| {
            raise(ctx)(unknown(&format!("`{name}` of what was under test"), &Of::Machine, outcome))
        })
    }
}
