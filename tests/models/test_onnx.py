"""The ONNX embedder, on a model of a few words made here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
tokenizers = pytest.importorskip("tokenizers")

from memstrata.errors import EmbedderError, EmbedderUnavailable, InvalidInput  # noqa: E402
from memstrata.models.onnx import OnnxEmbedder, pool  # noqa: E402
from memstrata.ports import Embedder  # noqa: E402
from memstrata.testing.embedder_contract import EmbedderContract  # noqa: E402

WORDS = ["[PAD]", "[UNK]", "query", "passage", "i", "moved", "to", "ghent", "max", "is", "our", "dog", "tea"]
DIMENSIONS = 8


def write_model(
    folder: Path,
    *,
    seed: int = 0,
    file: str = "onnx/model.onnx",
    inputs: tuple[str, ...] = ("input_ids", "attention_mask"),
    pooled: bool = False,
) -> None:
    """An embedding table and a matrix; inputs beside the ids are asked for and not used."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    table = rng.standard_normal((len(WORDS), DIMENSIONS)).astype(np.float32)
    matrix = rng.standard_normal((DIMENSIONS, DIMENSIONS)).astype(np.float32)
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["rows"])]
    nodes.append(helper.make_node("MatMul", ["rows", "matrix"], ["last_hidden_state"]))
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["b", "t", DIMENSIONS])]
    if pooled:
        nodes.append(helper.make_node("ReduceMax", ["last_hidden_state", "axes"], ["sentence_embedding"], keepdims=0))
        outputs.append(helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["b", DIMENSIONS]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"]) for name in inputs],
        outputs,
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(matrix, "matrix"),
            numpy_helper.from_array(np.array([1]), "axes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / file))


def write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), "utf-8")


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_padding(length=64)
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model in the layout of sentence-transformers."""
    folder = tmp_path / "tiny"
    write_model(folder)
    write_tokenizer(folder)
    kinds = ("Transformer", "Pooling", "Normalize")
    write_json(folder / "modules.json", [{"type": f"sentence_transformers.models.{kind}"} for kind in kinds])
    write_json(
        folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    )
    prompts = {"query": "query: ", "document": "passage: "}
    write_json(folder / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": None})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 16, "do_lower_case": False})
    write_json(folder / "tokenizer_config.json", {"model_max_length": 10**30, "pad_token": {"content": "[PAD]"}})
    return folder


class TestOnnxEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, folder: Path) -> Embedder:
        return OnnxEmbedder(folder)


def expected(ids: list[int], *, seed: int = 0) -> Any:
    """Hidden states of token ids, as the model of `seed` gives them."""
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((len(WORDS), DIMENSIONS)).astype(np.float32)
    return table[ids] @ rng.standard_normal((DIMENSIONS, DIMENSIONS)).astype(np.float32)


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken"])
def test_each_pooling_leaves_padding_out(folder: Path, pooling: Any) -> None:
    embedder = OnnxEmbedder(folder, query_prefix="", pooling=pooling)
    short = embedder.embed_queries(["max tea", "i moved to ghent max is our dog"])[0]
    hidden = expected([8, 12])
    wanted = {"mean": hidden.mean(axis=0), "cls": hidden[0], "lasttoken": hidden[-1]}[pooling]
    np.testing.assert_allclose(short, unit(wanted), atol=1e-5)


def test_prefixes_are_the_folders_own(folder: Path) -> None:
    embedder = OnnxEmbedder(folder)
    query, passage = embedder.embed_queries(["dog"])[0], embedder.embed_passages(["dog"])[0]
    np.testing.assert_allclose(query, unit(expected([2, 1, 11]).mean(axis=0)), atol=1e-5)
    np.testing.assert_allclose(passage, unit(expected([3, 1, 11]).mean(axis=0)), atol=1e-5)


def test_an_e5_model_that_names_no_prefixes_gets_its_own(folder: Path) -> None:
    (folder / "config_sentence_transformers.json").unlink()
    shutil.copytree(folder, folder.parent / "multilingual-e5-small")
    with_names = OnnxEmbedder(folder.parent / "multilingual-e5-small")
    given = OnnxEmbedder(folder, query_prefix="query: ", passage_prefix="passage: ")
    assert with_names.fingerprint == given.fingerprint
    assert OnnxEmbedder(folder).fingerprint != given.fingerprint


def test_pooling_is_the_folders_own(folder: Path) -> None:
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode": "cls", "word_embedding_dimension": 8})
    vector = OnnxEmbedder(folder, query_prefix="").embed_queries(["max tea"])[0]
    np.testing.assert_allclose(vector, unit(expected([8, 12])[0]), atol=1e-5)


def test_a_vector_pooled_by_the_model_is_taken_as_it_is(folder: Path) -> None:
    write_model(folder, pooled=True)
    vector = OnnxEmbedder(folder, query_prefix="").embed_queries(["max tea"])[0]
    np.testing.assert_allclose(vector, unit(expected([8, 12]).max(axis=0)), atol=1e-5)


def test_texts_are_cut_to_the_models_tokens(folder: Path) -> None:
    embedder = OnnxEmbedder(folder, query_prefix="")
    one, other = embedder.embed_queries(["dog " * 16 + "tea", "dog " * 16])
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_model_may_ask_for_types_and_positions(folder: Path) -> None:
    inputs = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
    before = OnnxEmbedder(folder).embed_queries(["dog"])
    write_model(folder, inputs=inputs)
    np.testing.assert_allclose(OnnxEmbedder(folder).embed_queries(["dog"]), before, atol=1e-6)


@pytest.mark.parametrize("file", ["model.onnx", "onnx/model_quantized.onnx", "onnx/other.onnx"])
def test_the_model_file_is_found(folder: Path, file: str) -> None:
    (folder / "onnx" / "model.onnx").unlink()
    write_model(folder, file=file)
    assert OnnxEmbedder(folder).dimensions == DIMENSIONS
    assert OnnxEmbedder(str(folder / file)).dimensions == DIMENSIONS


def test_the_fingerprint_follows_content_and_recipe_not_the_place(folder: Path) -> None:
    first = OnnxEmbedder(folder).fingerprint
    moved = folder.rename(folder.parent / "moved")
    assert OnnxEmbedder(moved).fingerprint == first
    others = {OnnxEmbedder(moved, pooling="cls").fingerprint, OnnxEmbedder(moved, query_prefix="q ").fingerprint}
    write_model(moved, seed=1)
    others.add(OnnxEmbedder(moved).fingerprint)
    (moved / "onnx" / "model.onnx_data").write_bytes(b"weights")
    others.add(OnnxEmbedder(moved).fingerprint)
    assert len(others | {first}) == 5


def test_a_folder_that_cannot_be_used_is_refused_with_the_reason(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="no folder"):
        OnnxEmbedder(tmp_path / "nowhere" / "at" / "all")
    write_json(folder / "modules.json", [{"type": "sentence_transformers.models.Dense"}])
    with pytest.raises(EmbedderError, match="Dense"):
        OnnxEmbedder(folder)
    (folder / "modules.json").write_text("{", "utf-8")
    with pytest.raises(EmbedderError, match="cannot be read"):
        OnnxEmbedder(folder)
    (folder / "modules.json").unlink()
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": True})
    with pytest.raises(EmbedderError, match="pooling"):
        OnnxEmbedder(folder)
    (folder / "1_Pooling" / "config.json").unlink()
    (folder / "onnx" / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(EmbedderError, match="does not load"):
        OnnxEmbedder(folder).embed_queries(["dog"])
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EmbedderError, match=r"tokenizer\.json"):
        OnnxEmbedder(folder)
    (folder / "onnx" / "model.onnx").unlink()
    with pytest.raises(EmbedderError, match="export"):
        OnnxEmbedder(folder)


def test_a_model_with_unknown_inputs_is_refused(folder: Path) -> None:
    write_model(folder, inputs=("input_ids", "past_key_values"))
    with pytest.raises(EmbedderError, match="past_key_values"):
        OnnxEmbedder(folder).embed_queries(["dog"])


def test_an_unknown_pooling_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="mean, cls, lasttoken"):
        OnnxEmbedder(folder, pooling="max")  # type: ignore[arg-type]


def test_a_missing_package_is_named_with_its_cure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstrata.models.onnx.find_spec", lambda name: None if name == "tokenizers" else object())
    with pytest.raises(EmbedderError, match=r"tokenizers: pip install 'memstrata\[onnx\]'"):
        OnnxEmbedder(folder)


def test_a_hub_model_is_fetched_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str | None, bool]] = []

    def snapshot_download(
        repo_id: str, *, revision: str | None, allow_patterns: list[str], local_files_only: bool
    ) -> str:
        calls.append((repo_id, revision, local_files_only))
        if local_files_only and len(calls) == 1:
            raise FileNotFoundError("not in the cache")
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    first = OnnxEmbedder("someone/tiny@v1")
    again = OnnxEmbedder("someone/tiny@v1")
    assert calls == [("someone/tiny", "v1", True), ("someone/tiny", "v1", False), ("someone/tiny", "v1", True)]
    assert first.fingerprint == again.fingerprint == OnnxEmbedder(folder).fingerprint


def test_a_hub_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(*args: object, **options: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(EmbedderUnavailable, match="someone/tiny"):
        OnnxEmbedder("someone/tiny")


def test_pooling_takes_one_vector_a_text() -> None:
    hidden = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    mask = np.array([[1, 1, 0]])
    assert pool(hidden, mask, pooling="mean").tolist() == [[2, 3, 4, 5]]
    assert pool(hidden, mask, pooling="cls").tolist() == [[0, 1, 2, 3]]
    assert pool(hidden, mask, pooling="lasttoken").tolist() == [[4, 5, 6, 7]]
