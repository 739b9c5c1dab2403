"""Any sentence-embedding model in ONNX, from a folder or from the Hugging Face hub, on one CPU thread.

Not for models whose file lacks a layer (Dense) or that pool in another way than mean, cls or lasttoken: those are
refused, since their vectors would be wrong.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import Floats
from memstrata.errors import EmbedderError, EmbedderUnavailable, InvalidInput
from memstrata.models.onnx_folder import Pooling, digest, read_folder
from memstrata.models.vectors import readable, unit_vectors

BATCH = 32
"""Texts a call of the model, of about the same length, since all are padded to the longest."""
CHARACTERS_PER_TOKEN = 16
"""A text is cut to this many characters for each token that the model reads; words are far shorter."""
_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
_HUB_ID = re.compile(r"(?P<id>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>[\w./-]+))?")
_WANTED = ("*.json", "1_Pooling/*.json", "model.onnx*", "onnx/model.onnx*")
_E5 = re.compile(r"(^|[/\\_-])e5-(small|base|large)", re.IGNORECASE)


class OnnxEmbedder:
    """Embeds with `model`: a folder in the layout of sentence-transformers, a file in one, or a hub `id[@revision]`.

    Prefixes and pooling are the folder's own unless given; e5 models, whose folders name no prefixes, get theirs.
    Raises EmbedderError where the packages are missing or the folder cannot be used; the model itself is loaded on
    first use.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        pooling: Pooling | None = None,
    ) -> None:
        _need("onnxruntime", "tokenizers")
        if pooling is not None and pooling not in get_args(Pooling):
            raise InvalidInput(f"pooling is one of {', '.join(get_args(Pooling))}, not {pooling!r}")
        self._folder = read_folder(_locate(str(model)))
        is_e5 = _E5.search(str(model)) and "instruct" not in str(model)
        self._query_prefix = _first(query_prefix, self._folder.query_prefix or ("query: " if is_e5 else ""))
        self._passage_prefix = _first(passage_prefix, self._folder.passage_prefix or ("passage: " if is_e5 else ""))
        self._pooling: Pooling = pooling or self._folder.pooling or "mean"
        self._loading = threading.Lock()
        self._loaded: _Model | None = None

    @cached_property
    def fingerprint(self) -> str:
        """The content of the model's files, the pooling and the prefixes; reads the files once."""
        recipe = f"{self._pooling}\0{self._query_prefix}\0{self._passage_prefix}\0{self._folder.max_tokens}"
        return f"onnx/{digest(self._folder)}/{self._pooling}/{hashlib.sha256(recipe.encode()).hexdigest()[:8]}"

    @cached_property
    def dimensions(self) -> int:
        """As the model gives them; loads it."""
        return int(self._model().embed([self._query_prefix + "a"]).shape[1])

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_passages`."""
        return self._embed(texts, self._passage_prefix)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        return self._embed(texts, self._query_prefix)

    def _embed(self, texts: Sequence[str], prefix: str) -> Floats:
        longest = self._folder.max_tokens * CHARACTERS_PER_TOKEN
        prepared = [prefix + readable(text, longest=longest) for text in texts]
        if self._folder.lower_case:
            prepared = [text.lower() for text in prepared]
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        order = sorted(range(len(prepared)), key=lambda place: len(prepared[place]))
        for places in (order[start : start + BATCH] for start in range(0, len(order), BATCH)):
            vectors[places] = self._model().embed([prepared[place] for place in places])
        return vectors

    def _model(self) -> _Model:
        with self._loading:  # only loading: sessions and tokenizers may be used by several threads
            if self._loaded is None:
                self._loaded = _Model(
                    self._folder.model,
                    self._folder.tokenizer,
                    pooling=self._pooling,
                    max_tokens=self._folder.max_tokens,
                    pad_token=self._folder.pad_token,
                )
            return self._loaded


class _Model:
    """A loaded session and its tokenizer."""

    def __init__(
        self, model: Path, tokenizer: Path, *, pooling: Pooling, max_tokens: int, pad_token: str | None
    ) -> None:
        import onnxruntime
        import tokenizers

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer))
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise EmbedderError(f"{str(model)!r} does not load ({error}); fetch the model again") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._pad = (self._tokenizer.token_to_id(pad_token) if pad_token else None) or 0
        self._pooling = pooling
        self._source = repr(str(model))
        self._inputs = [each.name for each in self._session.get_inputs()]
        if unknown := [name for name in self._inputs if name not in _INPUTS]:
            raise EmbedderError(f"{self._source} asks for {', '.join(unknown)}; export it for feature extraction")
        outputs = {each.name: len(each.shape or ()) for each in self._session.get_outputs()}
        self._output = next((name for name in ("sentence_embedding", "last_hidden_state") if name in outputs), None)
        self._output = self._output or next((name for name, axes in outputs.items() if axes == 3), next(iter(outputs)))

    def embed(self, texts: Sequence[str]) -> Floats:
        """Vectors of unit length of a batch."""
        ids = [encoding.ids or [self._pad] for encoding in self._tokenizer.encode_batch(list(texts))]
        feed = dict(zip(_INPUTS, _arrays(ids, self._pad), strict=True))
        try:
            (output,) = self._session.run([self._output], {name: feed[name] for name in self._inputs})
        except Exception as error:
            raise EmbedderError(f"{self._source} does not run; its tokenizer may be another model's") from error
        output = np.asarray(output, dtype=np.float32)
        if output.ndim == 3:
            output = pool(output, feed["attention_mask"], pooling=self._pooling)
        if len(output) != len(texts):
            raise EmbedderError(f"{self._source} answers {len(output)} vectors for {len(texts)} texts")
        return unit_vectors(output, source=self._source)


def pool(hidden: Floats, mask: NDArray[np.int64], *, pooling: Pooling) -> Floats:
    """One vector a text (texts, dimensions) of one a token (texts, tokens, dimensions); padding is at the right."""
    lengths = mask.sum(axis=1)
    if pooling == "mean":
        sums: Floats = np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))
        means: Floats = sums / lengths[:, None].astype(np.float32)
        return means
    places = lengths - 1 if pooling == "lasttoken" else np.zeros_like(lengths)
    picked: Floats = hidden[np.arange(len(hidden)), places]
    return picked


def _arrays(ids: Sequence[Sequence[int]], pad: int) -> Iterator[NDArray[np.int64]]:
    """Token ids, mask, types and positions (texts, tokens), padded at the right."""
    shape = (len(ids), max(map(len, ids)))
    tokens, mask = np.full(shape, pad, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for row, line in enumerate(ids):
        tokens[row, : len(line)] = line
        mask[row, : len(line)] = 1
    yield tokens
    yield mask
    yield np.zeros(shape, dtype=np.int64)
    yield np.broadcast_to(np.arange(shape[1], dtype=np.int64), shape).copy()


def _locate(model: str) -> Path:
    """A path that exists, or the folder that the hub's files lie in, without a request where they are there."""
    path = Path(model).expanduser()
    if path.exists():
        return path
    match = _HUB_ID.fullmatch(model)
    if match is None:
        raise EmbedderError(f"no folder {model!r}; give one with an ONNX model, or a hub id")
    _need("huggingface_hub")
    try:
        folder = _snapshot(match, local_files_only=True)
        read_folder(folder)
    except (EmbedderError, OSError, ValueError):
        folder = _fetch(match)
    return folder


def _fetch(match: re.Match[str]) -> Path:
    import httpx
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return _snapshot(match, local_files_only=False)
    except (HFValidationError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise EmbedderError(f"no folder and no public model on the hub {match.string!r}") from error
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise EmbedderUnavailable(f"{match.string!r} cannot be fetched from the hub just now") from error


def _snapshot(match: re.Match[str], *, local_files_only: bool) -> Path:
    import huggingface_hub

    folder: Any = huggingface_hub.snapshot_download(
        match["id"], revision=match["revision"], allow_patterns=list(_WANTED), local_files_only=local_files_only
    )
    return Path(folder)


def _need(*packages: str) -> None:
    if missing := [name for name in packages if find_spec(name) is None]:
        raise EmbedderError(f"an ONNX embedder needs {', '.join(missing)}: pip install 'memstrata[onnx]'")


def _first(given: str | None, otherwise: str) -> str:
    return otherwise if given is None else given
