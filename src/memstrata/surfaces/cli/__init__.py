"""The command line: `memstrata`."""
