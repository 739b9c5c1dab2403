"""What holds for all tests: no example of a property has a deadline, for a busy machine is no defect."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("memstrata", deadline=None)
settings.load_profile("memstrata")
