"""Governance: who may see it, what is it based on, can it be trusted, is it really gone?"""
