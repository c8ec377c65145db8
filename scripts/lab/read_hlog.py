"""Prints the percentiles of a latency.hlog, by tag, as JSON: read with HdrHistogram's own Python implementation.

Usage: read_hlog.py latency.hlog     needs: pip install hdrhistogram==0.10.8
"""

import json
import math
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


def percentile(histogram, share):
    """The smallest value that at least this share of the values does not exceed.

    The library's own function rounds the rank to the nearest one instead of up.
    """
    wanted = math.ceil(histogram.get_total_count() * share / 100 - 1e-9)
    seen = 0
    for step in histogram.get_recorded_iterator():
        seen += step.count_added_in_this_iter_step
        if seen >= wanted:
            return histogram.get_highest_equivalent_value(step.value_iterated_to)


def main():
    summary = {
        tag: {
            "count": total.get_total_count(),
            "max_ms": total.get_max_value() / 1e6,
            **{f"p{p:g}".replace(".", ""): percentile(total, p) / 1e6 for p in (50, 90, 95, 99, 99.9)},
        }
        for tag, total in totals(sys.argv[1]).items()
    }
    json.dump(summary, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
