"""Answers the same statistical questions as benchscript, by SciPy: a JSON array of cases on stdin, of answers on stdout.

Usage: statistics.py < cases.json     needs: pip install scipy==1.16.3
"""

import json
import sys

import numpy
from scipy import stats


def welch(x, y):
    found = stats.ttest_ind(y, x, equal_var=False)
    interval = found.confidence_interval(0.95)
    return [found.statistic, found.df, found.pvalue, interval.low, interval.high]


def mann_whitney(x, y):
    ties = len(set(x + y)) < len(x) + len(y)
    method = "asymptotic" if ties or max(len(x), len(y)) >= 20 else "exact"
    found = stats.mannwhitneyu(x, y, method=method)
    return [found.statistic, found.pvalue]


def permutation(x, y):
    def difference(x, y, axis):
        return numpy.mean(y, axis=axis) - numpy.mean(x, axis=axis)

    return [stats.permutation_test((x, y), difference, n_resamples=numpy.inf, vectorized=True).pvalue]


def equivalence(x, y, margin):
    x, y = numpy.array(x), numpy.array(y)
    above = stats.ttest_ind(y + margin, x, equal_var=False, alternative="greater").pvalue
    below = stats.ttest_ind(y - margin, x, equal_var=False, alternative="less").pvalue
    return [max(above, below)]


def bootstrap(samples, replicates, percentile):
    """The intervals of replicates that were drawn elsewhere: SciPy adds none of its own."""

    def statistic(*samples):
        middles = [numpy.percentile(sample, percentile) for sample in samples]
        return middles[-1] - (middles[0] if len(middles) > 1 else 0)

    answers = []
    for method in ("percentile", "BCa"):
        drawn = stats.bootstrap(samples, statistic, n_resamples=1, vectorized=False, method="percentile")
        drawn.bootstrap_distribution = numpy.array(replicates)
        found = stats.bootstrap(
            samples, statistic, n_resamples=0, vectorized=False, method=method, bootstrap_result=drawn
        )
        answers += [found.confidence_interval.low, found.confidence_interval.high]
    return answers


def holm(p_values):
    """Written down from the definition: the k-th smallest of n times n - k + 1, never below one before it."""
    count, found = len(p_values), {}
    for k, at in enumerate(sorted(range(count), key=lambda at: p_values[at])):
        found[at] = min(1, max([p_values[at] * (count - k), *found.values()]))
    return [found[at] for at in range(count)]


def distributions(x, freedom, p):
    return [stats.norm.cdf(x), stats.norm.ppf(p), stats.t.cdf(x, freedom), stats.t.ppf(p, freedom)]


KINDS = {
    kind.__name__: kind
    for kind in (welch, mann_whitney, permutation, equivalence, bootstrap, holm, distributions)
}


def main():
    cases = json.load(sys.stdin)
    answers = [[float(value) for value in KINDS[case.pop("kind")](**case)] for case in cases]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
