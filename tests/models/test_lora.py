"""An adapter changes what a model says while it is attached, and nothing once it is not; a bad file is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata.core.training import AdapterShape  # noqa: E402
from memstrata.errors import ArtifactRefused, InvalidInput  # noqa: E402
from memstrata.models.local import adapter_file  # noqa: E402
from memstrata.models.local.adapter_file import CONFIG, TENSORS, load_adapter, save_adapter  # noqa: E402
from memstrata.models.local.lora import Adapter, Pair, attached, check_fits, fresh, merged  # noqa: E402
from memstrata.models.local.runtime import LocalRuntime, Sampling  # noqa: E402
from memstrata.models.local.tiny import save_tiny_model  # noqa: E402

TEXT = "Ann lives in Ghent. 她的妹妹叫小雨。"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> LocalRuntime:
    return LocalRuntime(save_tiny_model(tmp_path_factory.mktemp("tiny")))


def drawn(runtime: LocalRuntime, *, seed: int, shape: AdapterShape | None = None) -> Adapter:
    """An adapter that changes something: both factors at random."""
    chance = torch.Generator().manual_seed(seed)
    with runtime.using() as model:
        made = fresh(model.body, shape or AdapterShape(rank=4, alpha=8), seed=seed).frozen()
    pairs = {
        name: Pair(down=pair.down, up=torch.randn(pair.up.shape, generator=chance) * 0.05)
        for name, pair in made.pairs.items()
    }
    return Adapter(shape=made.shape, pairs=pairs)


def logits(runtime: LocalRuntime, *adapters: Adapter) -> Any:
    return runtime.logits(runtime.encode(TEXT), adapters=adapters)


def apart(one: Any, other: Any) -> float:
    return float((one - other).abs().max())


def test_a_fresh_adapter_changes_nothing_and_the_same_seed_makes_the_same(runtime: LocalRuntime) -> None:
    with runtime.using() as model:
        one, same, other = (fresh(model.body, AdapterShape(), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(logits(runtime, one), logits(runtime))
    assert all(map(torch.equal, one.parameters, same.parameters))
    assert not all(map(torch.equal, one.parameters, other.parameters))


def test_a_model_is_as_before_to_the_last_bit_once_an_adapter_is_detached(runtime: LocalRuntime) -> None:
    adapter, before = drawn(runtime, seed=1), logits(runtime)
    assert apart(logits(runtime, adapter), before) > 0.05
    list(runtime.generate(runtime.encode(TEXT), sampling=Sampling(max_tokens=3), adapters=[adapter]))
    with runtime.using() as model, pytest.raises(ZeroDivisionError), attached(model.body, [adapter]):
        raise ZeroDivisionError
    assert torch.equal(logits(runtime), before)


def test_what_is_attached_adds_to_each_named_layer_what_the_factors_say(runtime: LocalRuntime) -> None:
    adapter = drawn(runtime, seed=1, shape=AdapterShape(rank=2, alpha=6, targets=("up_proj",), first_layer=1))
    assert list(adapter.pairs) == ["layers.1.mlp.up_proj"]
    pair = adapter.pairs["layers.1.mlp.up_proj"]
    with runtime.using() as model:
        linear = model.body.get_submodule("layers.1.mlp.up_proj")
        x = torch.randn(1, 3, linear.in_features)
        plain = linear(x)
        with attached(model.body, [adapter]):
            changed = linear(x)
    assert apart(changed - plain, 3 * x @ pair.down.T @ pair.up.T) < 1e-5


def test_several_adapters_add_up_and_one_does_not_follow_another(runtime: LocalRuntime) -> None:
    one, other = drawn(runtime, seed=1), drawn(runtime, seed=2)
    alone = logits(runtime, one)
    both = logits(runtime, one, other)
    assert apart(both, logits(runtime, other, one)) < 1e-4
    assert apart(both, alone) > 0.05
    assert torch.equal(logits(runtime, one), alone)


def test_merged_into_a_copy_it_says_the_same_and_the_model_is_untouched(runtime: LocalRuntime) -> None:
    adapter, before = drawn(runtime, seed=1), logits(runtime)
    ids = torch.tensor([runtime.encode(TEXT)])
    with runtime.using() as model, torch.inference_mode():
        copy = merged(model.body, [adapter])
        states = copy(ids, use_cache=False).last_hidden_state[0]
        assert apart(model.head(states), logits(runtime, adapter)) < 1e-3
    assert torch.equal(logits(runtime), before)


def test_a_prefix_read_with_an_adapter_continues_as_reading_all_with_it(runtime: LocalRuntime) -> None:
    adapter, ids = drawn(runtime, seed=1), runtime.encode(TEXT)
    prefix = runtime.prefill(ids[:9], adapters=[adapter])
    whole = runtime.logits(ids, last=len(ids) - 9, adapters=[adapter])
    assert apart(runtime.logits(ids[9:], after=[prefix], adapters=[adapter]), whole) < 1e-4


@pytest.mark.parametrize("form", ["float32", "float16", "bfloat16"])
def test_a_folder_is_read_back_as_it_was_written(
    runtime: LocalRuntime, tmp_path: Path, form: adapter_file.Form
) -> None:
    adapter = drawn(runtime, seed=1)
    save_adapter(tmp_path, adapter, base=runtime.base, form=form)
    found = load_adapter(tmp_path, runtime)
    assert found.shape == adapter.shape
    limit = 0.0 if form == "float32" else 0.1
    assert apart(logits(runtime, found), logits(runtime, adapter)) <= limit
    again = adapter_file.from_bytes((tmp_path / TENSORS).read_bytes(), runtime)
    assert torch.equal(logits(runtime, again), logits(runtime, found))


def test_peft_reads_what_we_write_and_we_read_what_it_writes(runtime: LocalRuntime, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    adapter = drawn(runtime, seed=3)
    save_adapter(tmp_path, adapter, base=runtime.base)
    ids = torch.tensor([runtime.encode(TEXT)])
    base = AutoModelForCausalLM.from_pretrained(runtime._folder, attn_implementation="eager").eval()
    model = peft.PeftModel.from_pretrained(base, tmp_path)
    with torch.inference_mode():
        assert apart(model(ids).logits[0], logits(runtime, adapter)) < 1e-3
    model.save_pretrained(tmp_path / "theirs")
    assert torch.equal(logits(runtime, load_adapter(tmp_path / "theirs", runtime)), logits(runtime, adapter))


def spoilt(kind: str, folder: Path) -> None:
    """Make a good folder bad."""
    file, config = folder / TENSORS, folder / CONFIG
    data = file.read_bytes()
    known = json.loads(config.read_text())
    changes: dict[str, Callable[[], object]] = {
        "truncated": lambda: file.write_bytes(data[: len(data) // 2]),
        "empty": lambda: file.write_bytes(b""),
        "noise": lambda: file.write_bytes(b"\xff" * 999),
        "longer": lambda: file.write_bytes(data + b"x"),
        "header of exabytes": lambda: file.write_bytes((1 << 60).to_bytes(8, "little") + data[8:]),
        "a flipped name": lambda: file.write_bytes(data.replace(b"lora_A", b"lora_X", 1)),
        "no tensors": lambda: file.unlink(),
        "no configuration": lambda: config.unlink(),
        "no JSON": lambda: config.write_text("{"),
        "a list": lambda: config.write_text("[]"),
    }
    assert known["peft_type"] == "LORA"
    changes[kind]()


@pytest.mark.parametrize(
    "kind",
    ["truncated", "empty", "noise", "longer", "header of exabytes", "a flipped name", "no tensors", "no configuration",
     "no JSON", "a list"],
)  # fmt: skip
def test_a_broken_folder_is_refused(runtime: LocalRuntime, tmp_path: Path, kind: str) -> None:
    save_adapter(tmp_path, drawn(runtime, seed=1), base=runtime.base)
    load_adapter(tmp_path, runtime)
    spoilt(kind, tmp_path)
    with pytest.raises(ArtifactRefused):
        load_adapter(tmp_path, runtime)


def test_an_adapter_of_another_model_of_no_numbers_or_too_large_is_refused(
    runtime: LocalRuntime, tmp_path: Path
) -> None:
    adapter = drawn(runtime, seed=1)
    save_adapter(tmp_path, adapter, base="0123456789abcdef")
    with pytest.raises(ArtifactRefused, match="made for the model"):
        load_adapter(tmp_path, runtime)
    save_adapter(tmp_path, adapter, base=runtime.base)
    with pytest.raises(ArtifactRefused, match="bytes"):
        load_adapter(tmp_path, runtime, largest=1000)
    with pytest.raises(ArtifactRefused, match="bytes"):
        adapter_file.from_bytes((tmp_path / TENSORS).read_bytes(), runtime, largest=1000)
    for number in (float("nan"), float("inf")):
        name, pair = next(iter(adapter.pairs.items()))
        bad = Adapter(
            shape=adapter.shape,
            pairs={**adapter.pairs, name: Pair(down=pair.down, up=torch.full_like(pair.up, number))},
        )
        save_adapter(tmp_path, bad, base=runtime.base)
        with pytest.raises(ArtifactRefused, match="no number"):
            load_adapter(tmp_path, runtime)


def test_factors_that_do_not_fit_the_model_are_refused(runtime: LocalRuntime) -> None:
    shape = AdapterShape(rank=4, alpha=8)
    good = drawn(runtime, seed=1, shape=shape)
    name, pair = next(iter(good.pairs.items()))
    with runtime.using() as model:
        check_fits(good, model.body)
        for pairs in (
            {name: Pair(down=pair.down[:, :-1], up=pair.up)},
            {name: Pair(down=pair.down, up=pair.up[:-1])},
            {name: Pair(down=pair.down[:2], up=pair.up[:, :2])},
            {"layers.9.mlp.up_proj": pair},
            {"layers.0": pair},
        ):
            with pytest.raises(ArtifactRefused):
                check_fits(Adapter(shape=shape, pairs=pairs), model.body)
        with pytest.raises(ArtifactRefused):
            fresh(model.body, AdapterShape(first_layer=2), seed=0)


@pytest.mark.parametrize("change", [{"rank": 0}, {"rank": 999}, {"alpha": 0.0}, {"targets": ()}, {"first_layer": -1}])
def test_a_shape_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        AdapterShape(**change)


@pytest.mark.parametrize(
    "change",
    [{"use_dora": True}, {"use_rslora": True}, {"bias": "all"}, {"peft_type": "IA3"}, {"rank_pattern": {"a": 1}}],
)
def test_what_peft_can_do_besides_is_refused_and_not_ignored(
    runtime: LocalRuntime, tmp_path: Path, change: dict[str, Any]
) -> None:
    save_adapter(tmp_path, drawn(runtime, seed=1), base=runtime.base)
    from safetensors.torch import load_file, save_file

    save_file(load_file(tmp_path / TENSORS), tmp_path / TENSORS)  # as another tool writes it, without our own note
    load_adapter(tmp_path, runtime)
    config = json.loads((tmp_path / CONFIG).read_text()) | change
    (tmp_path / CONFIG).write_text(json.dumps(config))
    with pytest.raises(ArtifactRefused):
        load_adapter(tmp_path, runtime)
