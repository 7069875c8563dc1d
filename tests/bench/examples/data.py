"""What several libraries need of the data of an example, in the form in which they need it."""

import numpy as np

from examples import disease_map, missing_data, recapture, weekly_counts


def gaps():
    """Of the covariate and of the outcome: (values with gaps, where they are missing)."""
    x, y, *_ = missing_data.data()
    return (x, np.flatnonzero(np.isnan(x))), (y, np.flatnonzero(np.isnan(y)))


def borders():
    """The pairs of districts with a common border, as two arrays."""
    return np.nonzero(np.triu(disease_map.neighbours()))


def histories():
    """(interval of each survival that is known, whether the bird was seen after it, the last year
    in which each bird was seen)."""
    first, seen = recapture.data()
    years = np.arange(recapture.YEARS)[:, None]
    last = np.max(years * seen, axis=0)
    year, bird = np.nonzero((years > first) & (years <= last))
    return year - 1, seen[year, bird].astype(int), last


def waves():
    """The basis of the season of the weekly counts: three sines and three cosines."""
    angles = 2 * np.pi * np.outer(weekly_counts.WEEKS, np.arange(1, 4)) / 52.18
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def box():
    """(weeks from the middle of all, half of the width of the box of the basis functions)."""
    weeks = weekly_counts.WEEKS - weekly_counts.WEEKS.mean()
    return weeks, 1.5 * weeks.max()
