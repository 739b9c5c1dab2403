"""What a model has read is kept, attached, moved and refused, as exactly as reading anew."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata.errors import ArtifactRefused  # noqa: E402
from memstrata.models.local import kv_file  # noqa: E402
from memstrata.models.local.keyvalues import KeyValues  # noqa: E402
from memstrata.models.local.runtime import LocalRuntime, Sampling  # noqa: E402
from memstrata.models.local.tiny import save_tiny_model  # noqa: E402
from memstrata.types import KvForm  # noqa: E402

MEMORY = "Ann lives in Ghent. Her sister is called 小雨. "
QUESTIONS = ("Where does Ann live?", "妹妹叫什么?")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> LocalRuntime:
    return LocalRuntime(save_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def prefix(runtime: LocalRuntime) -> KeyValues:
    return runtime.prefill(runtime.encode(MEMORY))


def apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def whole(runtime: LocalRuntime, question: str) -> Tensor:
    """The logits of a question after the memory, all read at once."""
    ids = runtime.encode(question)
    return runtime.logits(runtime.encode(MEMORY) + ids, last=len(ids))


def test_the_attention_is_that_of_the_library(runtime: LocalRuntime) -> None:
    from transformers import AutoModelForCausalLM

    library = AutoModelForCausalLM.from_pretrained(runtime._folder, attn_implementation="eager").eval()
    ids = runtime.encode(MEMORY)
    with torch.inference_mode():
        theirs = library(torch.tensor([ids]), use_cache=False).logits[0]
    assert apart(runtime.logits(ids), theirs) < 1e-4


def test_an_attached_prefix_gives_what_reading_all_gives_however_often_and_for_whom(
    runtime: LocalRuntime, prefix: KeyValues, tmp_path: Path
) -> None:
    before = (prefix.keys.clone(), prefix.values.clone())
    kv_file.save(tmp_path / "kv", prefix, form="float32")
    loaded = kv_file.load(tmp_path / "kv")
    other = runtime.prefill(runtime.encode("Bob lives in Rome and has no sister at all. "))
    for question in QUESTIONS * 2:
        ids = runtime.encode(question)
        for master in (prefix, loaded):
            assert apart(runtime.logits(ids, after=[master]), whole(runtime, question)) < 1e-4
        assert apart(runtime.logits(ids, after=[other]), whole(runtime, question)) > 1e-2
    assert torch.equal(prefix.keys, before[0])
    assert torch.equal(prefix.values, before[1])


def test_a_text_may_be_read_in_any_portions(runtime: LocalRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = runtime.encode(MEMORY)
    at_once = runtime.prefill(ids)
    monkeypatch.setattr("memstrata.models.local.runtime.CHUNK", 7)
    in_portions = runtime.prefill(ids)
    first = runtime.prefill(ids[:11])
    second = runtime.prefill(ids[11:], after=[first])
    assert (second.start, second.end) == (11, len(ids))
    for made, those in (
        (in_portions, at_once.keys),
        (first, at_once.keys[:, :, :11]),
        (second, at_once.keys[:, :, 11:]),
    ):
        assert apart(made.keys, those) < 1e-4
    assert apart(second.values, at_once.values[:, :, 11:]) < 1e-4
    assert torch.equal(at_once.first(11).keys, at_once.keys[:, :, :11])


def test_what_is_moved_is_as_if_read_there(runtime: LocalRuntime, prefix: KeyValues) -> None:
    ids = runtime.encode(MEMORY)
    moved, read = runtime.moved(prefix, 100), runtime.prefill(ids, start=100)
    assert apart(moved.keys, read.keys) < 1e-3
    assert apart(moved.values, read.values) < 1e-4
    assert (moved.start, moved.end) == (read.start, read.end) == (100, 100 + len(ids))
    assert apart(prefix.keys, read.keys) > 0.1


def test_of_a_sparse_text_each_token_stays_where_it_stood(runtime: LocalRuntime, prefix: KeyValues) -> None:
    attention = runtime.attention_to(runtime.encode(QUESTIONS[0]), part=prefix)
    assert attention.shape == (2, 2, prefix.tokens)
    few = prefix.strongest(attention, 10)
    assert (few.tokens, few.start, few.end) == (10, prefix.start, prefix.end)
    places = [
        place for place in range(prefix.tokens) if float(attention[1, 0, place]) in attention[1, 0].topk(10).values
    ]
    assert torch.equal(few.keys[1, 0], prefix.keys[1, 0, places])
    everything = prefix.strongest(attention, prefix.tokens)
    assert torch.equal(everything.values, prefix.values)


def test_attention_to_a_part_sums_to_what_softmax_gives_it(runtime: LocalRuntime, prefix: KeyValues) -> None:
    ids = runtime.encode(QUESTIONS[0])
    alone = runtime.attention_to(ids, part=prefix)
    sink = runtime.prefill(runtime.encode("Notes: "))
    assert float(alone.sum(-1).max()) <= len(ids) * 2 + 1e-3  # two query heads a key head, each pays 1 a token
    behind = runtime.attention_to(ids, part=runtime.moved(prefix, sink.end), after=[sink])
    assert behind.shape == alone.shape
    assert float(behind.sum()) < float(alone.sum())


@pytest.mark.parametrize(("form", "most"), [("float16", 0.01), ("bfloat16", 0.1), ("int8", 0.1)])
def test_smaller_forms_stay_near(prefix: KeyValues, tmp_path: Path, form: KvForm, most: float) -> None:
    kv_file.save(tmp_path / "kv", prefix, form=form)
    loaded = kv_file.load(tmp_path / "kv")
    scale = float(prefix.keys.abs().max())
    assert apart(loaded.keys.float(), prefix.keys) < most * scale
    assert apart(loaded.values.float(), prefix.values) < most * float(prefix.values.abs().max())
    exact = tmp_path / "exact"
    kv_file.save(exact, prefix, form="float32")
    assert (tmp_path / "kv").stat().st_size < exact.stat().st_size * 0.7


def test_a_file_that_is_not_what_it_should_be_is_refused(prefix: KeyValues, tmp_path: Path) -> None:
    good = tmp_path / "good"
    kv_file.save(good, prefix, form="float16")
    data = good.read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    header["__metadata__"]["format"] = "other/1"
    foreign = json.dumps(header).encode()
    broken = {
        "truncated": data[: len(data) // 2],
        "empty": b"",
        "noise": b"\xff" * 1000,
        "longer": data + b"x" * 10,
        "foreign": struct.pack("<Q", len(foreign)) + foreign + data[8 + struct.unpack("<Q", data[:8])[0] :],
        "a header of exabytes": struct.pack("<Q", 1 << 60) + data[8:],
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArtifactRefused, match=name):
            kv_file.load(tmp_path / name)
    with pytest.raises(ArtifactRefused):
        kv_file.load(tmp_path / "missing")
    torch.save({"keys": prefix.keys}, tmp_path / "pickled")
    with pytest.raises(ArtifactRefused):
        kv_file.load(tmp_path / "pickled")


def test_an_answer_after_a_prefix_is_the_answer_to_the_whole_prompt(runtime: LocalRuntime, prefix: KeyValues) -> None:
    ids = runtime.encode(QUESTIONS[0])
    for how in (Sampling(max_tokens=20), Sampling(max_tokens=20, temperature=0.8, top_p=0.9, top_k=40, seed=3)):
        attached = "".join(runtime.generate(ids, after=[prefix], sampling=how))
        assert attached == "".join(runtime.generate(runtime.encode(MEMORY) + ids, sampling=how))
        assert attached


def test_an_answer_streams_whole_characters_and_ends_before_its_stop_word(runtime: LocalRuntime) -> None:
    ids = runtime.encode("花生")
    how = Sampling(max_tokens=60, temperature=1.5, seed=1)
    pieces = list(runtime.generate(ids, sampling=how))
    text = "".join(pieces)
    assert len(pieces) > 5
    assert all("\ufffd" not in piece for piece in pieces[:-1] if "\ufffd" not in text)
    stop = text[10:13]
    cut = Sampling(max_tokens=60, temperature=1.5, seed=1, stop=("never said", stop))
    assert "".join(runtime.generate(ids, sampling=cut)) == text[: text.index(stop)]


def test_the_fingerprint_names_weights_and_numbers(runtime: LocalRuntime, tmp_path: Path) -> None:
    assert LocalRuntime(runtime._folder).fingerprint == runtime.fingerprint
    assert LocalRuntime(runtime._folder, dtype="bfloat16").fingerprint != runtime.fingerprint
    assert LocalRuntime(save_tiny_model(tmp_path, seed=1)).fingerprint != runtime.fingerprint
