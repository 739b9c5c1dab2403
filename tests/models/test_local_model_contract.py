"""Every local model keeps the contract."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from memstrata.models.local.transformer import LocalTransformer
from memstrata.ports import LocalModel
from memstrata.testing.local_model_contract import LocalModelContract
from memstrata.testing.local_models import WordSurprise

NEEDED = ("torch", "transformers", "tokenizers", "safetensors")


class TestWordSurprise(LocalModelContract):
    @pytest.fixture
    def model(self) -> LocalModel:
        return WordSurprise()


@pytest.mark.skipif(any(find_spec(name) is None for name in NEEDED), reason="needs the extra `local`")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
class TestLocalTransformer(LocalModelContract):
    @pytest.fixture
    def model(self, dtype: str, tmp_path: Path) -> LocalModel:
        from memstrata.models.local.tiny import save_tiny_model

        return LocalTransformer(save_tiny_model(tmp_path), dtype=dtype)  # type: ignore[arg-type]
