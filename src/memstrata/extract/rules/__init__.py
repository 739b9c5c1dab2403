"""Extraction by rules: English and Chinese, without any model."""
