"""A causal language model on this machine, and how surprising it finds the turns of a session.

Any model of the Llama family that transformers loads (Llama, Mistral, Qwen, SmolLM, ...). One thread of torch by
default: of two on a busy machine each waits for the other, and reading is five times slower.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from memstrata.core.surprise import Session, Surprise, Turn
from memstrata.errors import InvalidInput, ModelError
from memstrata.models.local.weights import (
    LOADING,
    SMALLEST_WINDOW,
    content_digest,
    longest,
    model_config,
    model_folder,
    need,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from memstrata.models.local.causal import CausalModel  # it brings torch along

Dtype = Literal["bfloat16", "float32"]
WINDOW = 2048
"""Tokens that are read together at most; a session of people chatting has about 800."""
CHARACTERS_PER_TOKEN = 16
"""A text is cut to this many characters for each token that may be read of it, before it is made tokens."""
RECIPE = "surprise/1"
"""Changes with anything below: surprises reckoned otherwise do not compare."""


class LocalTransformer:
    """Weighs with `model`: "smollm2", a folder as `save_pretrained` writes it, or a hub `owner/name[@revision]`.

    `dtype`: of the weights in memory. bfloat16 is twice as fast where the processor multiplies it (AVX512-BF16, AMX)
    and slower elsewhere. `window`: how many tokens are read together; where a session has more, the turns before are
    left out down to half a window, and of a single turn no more than half a window is read. `threads` are torch's.
    Raises ModelError or ModelUnavailable where the model cannot be had; it is loaded on first use.
    Safe to call from several threads, which take turns.
    """

    def __init__(self, model: str | Path, *, dtype: Dtype = "bfloat16", window: int = WINDOW, threads: int = 1) -> None:
        if dtype not in get_args(Dtype):
            raise InvalidInput(f"dtype is one of {', '.join(get_args(Dtype))}, not {dtype!r}")
        if window < SMALLEST_WINDOW or threads < 1:
            raise InvalidInput(f"window is at least {SMALLEST_WINDOW} and threads at least 1")
        need("torch", "transformers", "tokenizers", "safetensors")
        self._folder = model_folder(model)
        self._dtype: Dtype = dtype
        self._window = min(window, longest(self._folder))
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: tuple[Tokenizer, CausalModel] | None = None

    @cached_property
    def fingerprint(self) -> str:
        """The content of the model's files, the numbers' type and the reckoning; reads the files once."""
        return f"{RECIPE}/{content_digest(self._folder)}/{self._dtype}/{self._window}"

    def surprise(self, sessions: Sequence[Session]) -> list[list[Surprise]]:
        """See `LocalModel.surprise`."""
        with self._lock:
            tokenizer, model = self._load()
            return [self._weigh(tokenizer, model, session) for session in sessions]

    def _weigh(self, tokenizer: Tokenizer, model: CausalModel, session: Session) -> list[Surprise]:
        room = self._window - 1
        turns = [_tokens(tokenizer, turn, most=room // 2) for turn in session.turns]
        starts = window_starts([len(name) + len(words) for name, words in turns], room=room)
        found = []
        weighed = range(session.start, len(turns))
        for start, group in groupby(weighed, key=starts.__getitem__):
            places = list(group)
            ids = [_first_token(self._folder)]
            spans = {}
            for place in range(start, places[-1] + 1):
                name, words = turns[place]
                spans[place] = (len(ids) + len(name), len(ids) + len(name) + len(words))
                ids += name + words
            first = spans[places[0]][0]
            losses = model.losses(ids, start=first)
            for low, high in (spans[place] for place in places):
                found.append(Surprise(nats=sum(losses[low - first : high - first]), tokens=high - low))
        return found

    def _load(self) -> tuple[Tokenizer, CausalModel]:
        if self._loaded is None:
            with LOADING:
                self._loaded = self._load_now()
        return self._loaded

    def _load_now(self) -> tuple[Tokenizer, CausalModel]:
        from tokenizers import Tokenizer

        from memstrata.models.local.causal import CausalModel

        file = self._folder / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # tokenizers raises nothing narrower
            raise ModelError(f"{str(file)!r} cannot be read: {error}; fetch the model again") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer, CausalModel(self._folder, dtype=self._dtype, threads=self._threads)


def window_starts(lengths: Sequence[int], *, room: int) -> list[int]:
    """For each turn, the first one that is read with it: all from there on have at most `room` tokens.

    The start stays until the room is used up and then moves on to the last turns that fill half of it, so that a
    session costs at most two forwards of its tokens and no turn lacks the half window before it. A turn has at most
    half of `room`.
    """
    starts: list[int] = []
    start = held = 0
    for length in lengths:
        if held + length > room:
            while held > room // 2:
                held -= lengths[start]
                start += 1
        held += length
        starts.append(start)
    return starts


def _tokens(tokenizer: Tokenizer, turn: Turn, *, most: int) -> tuple[list[int], list[int]]:
    """The tokens of a turn: who speaks, and what is said, together at most `most`; nothing said is no token."""
    name: list[int] = tokenizer.encode(f"{turn.speaker}:", add_special_tokens=False).ids[: most // 2]
    said = turn.text[: most * CHARACTERS_PER_TOKEN].strip()
    if not said:
        return name, []
    words: list[int] = tokenizer.encode(f" {said}\n", add_special_tokens=False).ids
    return name, words[: most - len(name)]


def _first_token(folder: Path) -> int:
    """What a text begins with: the model's own sign, or that of an end where it has none for a beginning."""
    config = model_config(folder)
    for key in ("bos_token_id", "eos_token_id"):
        found = config.get(key)
        found = found[0] if isinstance(found, list) and found else found
        if isinstance(found, int):
            return found
    return 0
