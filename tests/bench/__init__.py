"""Benchmarks: ratios to a floor measured in the same run. ``make bench`` prints them.

Each ``bench_*.py`` has ``main()``, which returns rows of four texts: what was
measured, the figure, its floor, and the ratio with the bar it is held against, and
whether it passes (:mod:`tests.bench.bars`).
"""
