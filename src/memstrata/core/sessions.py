"""When a new session begins: stretches of a run that follow each other without a long pause.

Six hours without a word end a session (people who chat with an assistant pause for minutes within a task and for a
night between tasks), and so do 200 episodes, so that the cost of everything computed over a session is bounded.
"""

from __future__ import annotations

SESSION_PAUSE = 6 * 3600 * 1_000_000
SESSION_EPISODES = 200


def continues_session(*, last: int, episodes: int, timestamp: int) -> bool:
    """Whether an episode at `timestamp` belongs to a session of `episodes` whose last was at `last` (microseconds)."""
    return episodes < SESSION_EPISODES and abs(timestamp - last) <= SESSION_PAUSE
