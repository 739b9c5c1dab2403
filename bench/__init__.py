"""Benchmarks: `python -m bench NAME ARGUMENTS`. Each prints a table and writes its figures as JSON."""
