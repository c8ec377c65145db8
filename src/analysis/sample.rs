//! Metrics made by hand, for tests.

use std::collections::BTreeMap;

use serde_json::Map;

use crate::measure::{Quantiles, Summary, Validity};
use crate::results::schema::{Metrics, SCHEMA, Throughput};

/// Of a load of 10 s with this throughput and 99th percentile, without failures.
pub fn metrics(throughput: f64, p99_ms: f64) -> Metrics {
    let latency_ms = Quantiles {
        count: 10_000,
        avg: p99_ms * 0.3,
        stddev: p99_ms * 0.1,
        min: p99_ms * 0.05,
        max: p99_ms * 2.0,
        p50: p99_ms * 0.25,
        p90: p99_ms * 0.6,
        p95: p99_ms * 0.8,
        p99: p99_ms,
        p999: p99_ms * 1.5,
        low_confidence: Vec::new(),
    };
    let total = Summary {
        name: "GET /".to_owned(),
        requests: 10_000,
        successes: 10_000,
        duration_s: 10.0,
        throughput,
        latency_ms: latency_ms.clone(),
        ..Summary::default()
    };
    Metrics {
        slo: Vec::new(),
        schema: SCHEMA,
        trial_id: "001-00000000-r1".to_owned(),
        timestamp: "2026-01-31T12:00:00Z".to_owned(),
        component: "load".to_owned(),
        service: "http".to_owned(),
        config: Map::new(),
        throughput: Throughput { value: throughput, unit: "requests/s".to_owned() },
        latency_ms,
        service_time_ms: Quantiles::default(),
        start_lag_ms: Quantiles::default(),
        errors: total.errors.clone(),
        validity: Validity::default(),
        total,
        operations: BTreeMap::new(),
        extras: Map::new(),
        resource: None,
        server: Map::new(),
        steady: None,
        notes: Vec::new(),
    }
}
