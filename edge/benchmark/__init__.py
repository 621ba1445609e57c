"""The benchmark: where every millisecond goes, what it takes from the machine, and others beside it."""
