#!/usr/bin/env python3
"""Scores models of statsforecast on the files that the example `accuracy` reads, in the same way.

usage: peers.py FOLDER [--only SET] [--most N]     (python3 -m pip install statsforecast)
Prints the OWA, the coverage of the 80 and the 95 % interval and the series a second of DynamicOptimizedTheta, AutoETS and
SeasonalNaive; with --most, on so many evenly spaced series of each set.
"""
import argparse
import gzip
import pathlib
import time

import numpy as np
from statsforecast.models import AutoETS, DynamicOptimizedTheta, SeasonalNaive

SEASONS = {"yearly": 1, "quarterly": 4, "monthly": 12, "weekly": 1, "daily": 7, "hourly": 24}


def series(path):
    with gzip.open(path, "rt") as lines:
        for line in lines:
            name, *cells = line.strip().split(",")
            yield name, np.array([float(cell) for cell in cells if cell])


def indices(y, m):
    weights = np.r_[0.5, np.ones(m - 1), 0.5] / m if m % 2 == 0 else np.ones(m) / m
    trend = np.convolve(y, weights, "valid")
    first = (len(weights) - 1) // 2
    ratio = np.full(len(y), np.nan)
    ratio[first : first + len(trend)] = y[first : first + len(trend)] / trend
    means = np.array([np.nanmean(ratio[position::m]) for position in range(m)])
    return means / means.mean()


def naive2(y, m, horizon):
    if m > 1 and len(y) >= 3 * m and (y > 0).all():
        centred = y - y.mean()
        energy = (centred**2).sum()
        acf = [(centred[k:] * centred[:-k]).sum() / energy for k in range(1, m + 1)] if energy > 0 else [0.0]
        if abs(acf[-1]) > 1.645 * np.sqrt((1 + 2 * np.sum(np.square(acf[:-1]))) / len(y)):
            season = indices(y, m)
            if (season > 0).all():
                return y[-1] / season[(len(y) - 1) % m] * season[(len(y) + np.arange(horizon)) % m]
    return np.full(horizon, y[-1])


def smape(actual, forecast):
    size = np.abs(actual) + np.abs(forecast)
    return 200 * np.mean(np.where(size > 0, np.abs(actual - forecast) / np.where(size > 0, size, 1), 0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--most", type=int, default=10**9)
    arguments = parser.parse_args()
    for path in sorted(arguments.folder.glob("*.train.csv.gz")):
        name = path.name.removesuffix(".train.csv.gz")
        if arguments.only not in name:
            continue
        m = SEASONS.get(name.split("_")[-1], 1)
        train, test = dict(series(path)), dict(series(path.with_name(f"{name}.test.csv.gz")))
        chosen = list(test)[:: max(1, len(test) // arguments.most)]
        for model in (DynamicOptimizedTheta, AutoETS, SeasonalNaive):
            errors, within, seconds = [], [], 0.0
            for series_id in chosen:
                y, actual = train[series_id], test[series_id]
                lag = m if len(y) > m else 1
                scale = np.mean(np.abs(y[lag:] - y[:-lag]))
                base = naive2(y, m, len(actual))
                start = time.process_time()
                made = model(season_length=m).forecast(y=y, h=len(actual), level=[80, 95])
                seconds += time.process_time() - start
                mae, of_base = np.mean(np.abs(actual - made["mean"])), np.mean(np.abs(actual - base))
                scaled = (mae / scale, of_base / scale) if scale > 0 else (np.nan, np.nan)
                errors.append((smape(actual, made["mean"]), smape(actual, base), *scaled))
                inside = [(actual >= made[f"lo-{level}"]) & (actual <= made[f"hi-{level}"]) for level in (80, 95)]
                within.append([np.mean(part) for part in inside])
            own_smape, base_smape, own_mase, base_mase = np.nanmean(errors, axis=0)
            owa = (own_smape / base_smape + own_mase / base_mase) / 2
            low, high = np.mean(within, axis=0)
            rate = len(chosen) / seconds
            print(f"{name:18} {model.__name__:22} {len(chosen):5} {owa:.4f} {low:.3f} {high:.3f} {rate:9.1f}", flush=True)


if __name__ == "__main__":
    main()
