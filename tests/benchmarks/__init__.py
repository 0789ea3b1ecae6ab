"""Benchmarks: commands that print ratios of CPU time in one run. They never run inside the test suite."""
