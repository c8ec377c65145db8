"""Prints the percentiles of a latency.hlog, by tag, as JSON: read with HdrHistogram's own Python implementation.

Usage: read_hlog.py latency.hlog     needs: pip install hdrhistogram==0.10.8
"""

import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

HOUR_NS = 3_600_000_000_000


def totals(path):
    """All interval histograms added up, by tag."""
    found = {}
    reader = HistogramLogReader(path, HdrHistogram(1, HOUR_NS, 3))
    while (interval := reader.get_next_interval_histogram()) is not None:
        found.setdefault(interval.get_tag(), HdrHistogram(1, HOUR_NS, 3)).add(interval)
    return found


def main():
    summary = {
        tag: {
            "count": total.get_total_count(),
            "max_ms": total.get_max_value() / 1e6,
            **{f"p{p:g}".replace(".", ""): total.get_value_at_percentile(p) / 1e6 for p in (50, 90, 95, 99, 99.9)},
        }
        for tag, total in totals(sys.argv[1]).items()
    }
    json.dump(summary, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
