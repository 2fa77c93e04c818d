"""Times on a machine that others use too: whatever they do adds to a time and takes nothing off it."""

import time


def least(measure, goal, tries, key=lambda value: value):
    """The least of up to `tries` measurements by `key`, one every few seconds; the first that meets `goal` ends it."""
    found = []
    for _ in range(tries):
        found.append(measure())
        if key(found[-1]) <= goal:
            break
        time.sleep(3)
    return min(found, key=key)
