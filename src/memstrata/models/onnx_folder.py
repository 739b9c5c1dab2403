"""A folder of a sentence-embedding model, in the layout of sentence-transformers: which files, and how to use them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from memstrata.errors import EmbedderError

Pooling = Literal["mean", "cls", "lasttoken"]

MODEL_FILES = ("onnx/model.onnx", "model.onnx", "onnx/model_quantized.onnx", "model_quantized.onnx")
MAX_TOKENS = 512
"""Where a folder does not say; the length that nearly all encoders of this kind have."""
_POOLING_KEYS: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "lasttoken",
}
_MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """What is to be known before a model is loaded; `pooling` is None where the folder does not say."""

    model: Path
    tokenizer: Path
    pooling: Pooling | None
    query_prefix: str
    passage_prefix: str
    max_tokens: int
    pad_token: str | None
    lower_case: bool


def read_folder(path: Path) -> ModelFolder:
    """Look into a folder, or around a model file. Raises EmbedderError where it cannot be used as it is."""
    model = path if path.is_file() else _model_file(path)
    folder = next(
        (place for place in (model.parent, model.parent.parent) if (place / "tokenizer.json").is_file()), None
    )
    if folder is None:
        raise EmbedderError(f"no tokenizer.json beside {str(model)!r}; it comes with the model")
    _check_modules(_read_list(folder / "modules.json"), folder)
    tokenizer_config = _read_object(folder / "tokenizer_config.json")
    sentence = _read_object(folder / "sentence_bert_config.json")
    query_prefix, passage_prefix = _prefixes(_read_object(folder / "config_sentence_transformers.json"), folder)
    return ModelFolder(
        model=model,
        tokenizer=folder / "tokenizer.json",
        pooling=_pooling(_read_object(folder / "1_Pooling" / "config.json"), folder),
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
        max_tokens=_max_tokens(sentence.get("max_seq_length"), tokenizer_config.get("model_max_length")),
        pad_token=_pad_token(tokenizer_config.get("pad_token")),
        lower_case=sentence.get("do_lower_case") is True,
    )


def digest(folder: ModelFolder) -> str:
    """16 hexadecimal digits of the content: the model with its external data, and the tokenizer."""
    parts = sorted(folder.model.parent.glob(f"{folder.model.name}?*"))
    sums = []
    for file in (folder.model, *parts, folder.tokenizer):
        with file.open("rb") as opened:
            sums.append(hashlib.file_digest(opened, "sha256").digest())
    return hashlib.sha256(b"".join(sums)).hexdigest()[:16]


def _model_file(folder: Path) -> Path:
    for name in MODEL_FILES:
        if (folder / name).is_file():
            return folder / name
    found = sorted(str(file.relative_to(folder)) for file in folder.glob("**/*.onnx"))
    if len(found) == 1:
        return folder / found[0]
    hint = f"name one of {', '.join(found)}" if found else "export the model to ONNX, or choose another"
    raise EmbedderError(f"no {MODEL_FILES[0]} in {str(folder)!r}; {hint}")


def _check_modules(modules: list[Any], folder: Path) -> None:
    for module in modules:
        kind = str(module.get("type", "")).rpartition(".")[2] if isinstance(module, dict) else ""
        if kind not in _MODULES:
            raise EmbedderError(f"the model in {str(folder)!r} has a {kind!r} layer that its ONNX file does not hold")


def _pooling(config: Mapping[str, Any], folder: Path) -> Pooling | None:
    if not config:
        return None
    if config.get("include_prompt") is False:
        raise EmbedderError(f"the model in {str(folder)!r} leaves its prompt out of the pooling; choose another")
    asked = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    mode = config.get("pooling_mode") or (_POOLING_KEYS.get(asked[0]) if len(asked) == 1 else None)
    if mode not in get_args(Pooling):
        raise EmbedderError(f"the pooling of the model in {str(folder)!r} is none of {', '.join(get_args(Pooling))}")
    return cast(Pooling, mode)


def _prefixes(config: Mapping[str, Any], folder: Path) -> tuple[str, str]:
    prompts = config.get("prompts")
    prompts = prompts if isinstance(prompts, dict) else {}
    default = prompts.get(config.get("default_prompt_name"), "")
    query = prompts.get("query", default)
    passage = prompts.get("passage", prompts.get("document", default))
    if not isinstance(query, str) or not isinstance(passage, str):
        raise EmbedderError(f"the prompts in {str(folder / 'config_sentence_transformers.json')!r} are not text")
    return query, passage


def _max_tokens(*given: object) -> int:
    """The first that is a sensible number; tokenizer_config.json says 10**30 for "any"."""
    return next((number for number in given if isinstance(number, int) and 2 < number <= 1 << 17), MAX_TOKENS)


def _pad_token(given: object) -> str | None:
    token = given.get("content") if isinstance(given, dict) else given
    return token if isinstance(token, str) else None


def _read_object(file: Path) -> dict[str, Any]:
    """A JSON object, empty where there is no file."""
    value = _read(file)
    if value is not None and not isinstance(value, dict):
        raise EmbedderError(f"{str(file)!r} is not a JSON object; fetch the model again")
    return value or {}


def _read_list(file: Path) -> list[Any]:
    value = _read(file)
    if value is not None and not isinstance(value, list):
        raise EmbedderError(f"{str(file)!r} is not a JSON list; fetch the model again")
    return value or []


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EmbedderError(f"{str(file)!r} cannot be read ({error}); fetch the model again") from error
