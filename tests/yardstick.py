"""How slow this machine is now: a bound in seconds means little on cores that somebody else is using.

A fixed loop runs on two cores at once. On the quiet two-core machine on which the goals were set it takes QUIET seconds;
where it takes longer, a test's bound grows in the same measure, and never shrinks. `make bench` prints the same number
and judges by the goals themselves.
"""

import subprocess
import sys

LOOP = "import time; t = time.perf_counter(); x = 0\nfor i in range(5_000_000): x += i * i % 7\nprint(time.perf_counter() - t)"
QUIET = 0.61  # seconds


def slowness() -> float:
    """How many times longer than QUIET the loop takes now, 1 or more."""
    both = [subprocess.Popen([sys.executable, "-c", LOOP], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return max(1.0, *(float(process.communicate()[0]) / QUIET for process in both))


def best_share(limit: float, measure, tries: int) -> float:
    """The smallest share of `limit` that `measure()` took in up to `tries` tries; the first one within it ends them.

    The limit of a try is `limit` times the mean slowness before and after it.
    """
    shares, before = [], slowness()
    for _ in range(tries):
        took, after = measure(), slowness()
        shares.append(took / (limit * (before + after) / 2))
        before = after
        if shares[-1] <= 1:
            break
    return min(shares)
