"""Update: what a new claim does to what was believed before: the same, more exact, newer, a correction, a dispute."""
