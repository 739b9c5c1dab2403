"""Scheduling: which work runs when. So far: background jobs with leases and retries; embedding is the first kind."""
