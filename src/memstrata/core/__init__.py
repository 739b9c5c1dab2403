"""Pure functions and the value objects they work on: no I/O, no clock, no randomness of its own, no tensors."""
