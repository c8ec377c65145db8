// The journey of journey.rhai.
import http from "k6/http";
import { check } from "k6";

export default function () {
  const answer = http.get(__ENV.SERVICE_URL);
  check(answer, { "status 200": (a) => a.status === 200 });
}

export function handleSummary(data) {
  const checks = data.metrics.checks.values;
  return { stdout: JSON.stringify({ successes: checks.passes, failures: checks.fails }) };
}
