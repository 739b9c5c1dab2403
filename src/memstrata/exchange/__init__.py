"""Formats in and formats out: files of other products that are remembered, and memories that are handed over."""
