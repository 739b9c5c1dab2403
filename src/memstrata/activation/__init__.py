"""Activation memory: what a local model has read, kept as keys and values and attached again instead of read anew."""
