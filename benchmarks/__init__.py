"""Benchmarks: each module measures one thing, paired with the bare engine in the same run."""
