"""The contract of a local model: subclass it and give a `model` fixture.

class TestMine(LocalModelContract):
    @pytest.fixture
    def model(self) -> LocalModel:
        return MyModel()
"""

from __future__ import annotations

import pytest

from memstrata.core.surprise import Session, Turn
from memstrata.ports import LocalModel

TALK = (
    Turn(speaker="Ann", text="We moved to Ghent in May."),
    Turn(speaker="Ben", text="Nice! And the dog?"),
    Turn(speaker="安", text="我们的狗叫雷克斯。"),
    Turn(speaker="Ann", text=" "),
    Turn(speaker="Ben", text="word " * 3000),
)


class LocalModelContract:
    """What recall relies on."""

    def test_the_fingerprint_stays(self, model: LocalModel) -> None:
        assert model.fingerprint
        assert model.fingerprint == model.fingerprint

    def test_every_turn_is_weighed_and_only_silence_is_no_surprise(self, model: LocalModel) -> None:
        (found,) = model.surprise([Session(turns=TALK)])
        assert len(found) == len(TALK)
        for turn, surprise in zip(TALK, found, strict=True):
            assert (surprise.nats > 0) == (surprise.tokens > 0) == bool(turn.text.strip())

    def test_what_comes_before_the_start_is_read_and_not_weighed(self, model: LocalModel) -> None:
        (whole,) = model.surprise([Session(turns=TALK)])
        for start in range(len(TALK) + 1):
            (part,) = model.surprise([Session(turns=TALK, start=start)])
            assert [each.tokens for each in part] == [each.tokens for each in whole[start:]]
            assert [each.nats for each in part] == pytest.approx([each.nats for each in whole[start:]], rel=1e-2)

    def test_what_comes_after_changes_nothing(self, model: LocalModel) -> None:
        (whole,) = model.surprise([Session(turns=TALK)])
        (part,) = model.surprise([Session(turns=TALK[:3])])
        assert [each.nats for each in part] == pytest.approx([each.nats for each in whole[:3]], rel=1e-2)

    def test_sessions_do_not_see_each_other(self, model: LocalModel) -> None:
        one, other = Session(turns=TALK[:2]), Session(turns=TALK[2:3])
        together = model.surprise([one, other, one])
        assert together == [*model.surprise([one]), *model.surprise([other]), *model.surprise([one])]
        assert model.surprise([]) == []
        assert model.surprise([Session(turns=())]) == [[]]
