"""Surfaces: how people and programs reach a memory from outside Python. So far the command line."""
