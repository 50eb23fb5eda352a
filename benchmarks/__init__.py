"""Benchmarks: run all with ``make bench``; figures are ratios wherever a peer runs beside."""
