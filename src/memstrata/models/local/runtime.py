"""A causal model on this machine that reads, is read into, and answers: tokens in, keys and values or words out.

What it has read of a text is a `KeyValues`, which can be kept and attached again before anything that follows. At one
thread, and with the same shapes, an attached prefix gives the same bits as reading it anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args
from weakref import WeakValueDictionary

from memstrata.errors import ArtifactRefused, InvalidInput, ModelError
from memstrata.models.local.weights import LOADING, content_digest, longest, model_folder, need
from memstrata.types import Json

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

    from memstrata.models.local.causal import CausalModel  # it brings torch along
    from memstrata.models.local.keyvalues import KeyValues, View
    from memstrata.models.local.lora import Adapter

Dtype = Literal["bfloat16", "float32"]
Device = Literal["auto", "cpu", "cuda"]
RECIPE = "kv/1"
"""Changes with anything that decides keys and values: other ones do not fit."""
CHUNK = 512
"""Tokens that are read at a time."""
_HALF_A_CHARACTER = "\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen. `temperature` 0: the likeliest. `top_p`, `top_k`: among how many of the likeliest
    (1 and 0: all). `stop`: words before which the answer ends. `seed` makes the choice repeatable."""

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass(slots=True)
class Tally:
    """How many tokens an answer has so far, and why it ended: the model was done, or it had as many as it may."""

    tokens: int = 0
    ended: Literal["stop", "length"] = "stop"


class LocalRuntime:
    """Runs `model`: "smollm2", a folder as `save_pretrained` writes it, or a hub `owner/name[@revision]`.

    `dtype`: of weights, keys and values; float32 is exact, bfloat16 twice as fast where the processor multiplies it.
    `device`: "auto" is the graphics processor where torch sees one.
    Any model of the Llama family with rotary positions. Raises ModelError or ModelUnavailable where it cannot be had;
    it is loaded on first use. Safe to call from several threads, which take turns.
    """

    def __init__(
        self, model: str | Path, *, dtype: Dtype = "float32", threads: int = 1, device: Device = "cpu"
    ) -> None:
        if dtype not in get_args(Dtype) or device not in get_args(Device) or threads < 1:
            raise InvalidInput(
                f"dtype is one of {', '.join(get_args(Dtype))}, device one of {', '.join(get_args(Device))} and "
                "threads at least 1"
            )
        need("torch", "transformers", "tokenizers", "safetensors")
        self.name = str(model)
        self._folder = model_folder(model)
        self._dtype: Dtype = dtype
        self._threads = threads
        self._device: Device = device
        self._lock = threading.RLock()

    @cached_property
    def window(self) -> int:
        """The tokens that the model was made to read together."""
        return longest(self._folder)

    @cached_property
    def fingerprint(self) -> str:
        """Names weights, tokenizer, numbers and reckoning: keys and values of another one are of no use."""
        return f"{RECIPE}/{content_digest(self._folder)}/{self._dtype}"

    @cached_property
    def base(self) -> str:
        """Names weights and tokenizer alone: what an adapter is made for, whatever numbers it is run in."""
        return content_digest(self._folder)

    @contextmanager
    def using(self) -> Iterator[CausalModel]:
        """The model's tensors, for as long as nobody else may use them."""
        with self._lock:
            yield self._model

    def encode(self, text: str) -> list[int]:
        """The tokens of a text; signs of the chat template among them are tokens of their own."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, without signs of the chat template."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def rendered(self, messages: Sequence[Mapping[str, Json]], *, answering: bool = True) -> str:
        """A conversation as the model was taught it, by its chat template.

        Raises ModelError where it has none, and where the template does not take such a conversation.
        """
        if not self._tokenizer.chat_template:
            raise ModelError(f"the model in {str(self._folder)!r} has no chat template; choose an instruct model")
        told = [dict(each) for each in messages]
        try:
            return str(self._tokenizer.apply_chat_template(told, tokenize=False, add_generation_prompt=answering))
        except Exception as error:  # a template is a program: it raises what it likes
            raise ModelError(f"the chat template of {self.name!r} refuses this conversation: {error}") from error

    def prefill(
        self,
        ids: Sequence[int],
        *,
        after: Sequence[KeyValues] = (),
        start: int | None = None,
        adapters: Sequence[Adapter] = (),
    ) -> KeyValues:
        """Keys and values of tokens that are read after others, from position `start` on; else right behind these.

        What was read with adapters is of use with the same ones only.
        """
        with self._lock:
            view = self._model.view(after, room=len(ids))
            held, place = view.tokens, _behind(after) if start is None else start
            for _ in self._states(ids, place, view, adapters):
                pass
            return view.taken(held, start=place)

    def logits(
        self,
        ids: Sequence[int],
        *,
        after: Sequence[KeyValues] = (),
        start: int | None = None,
        last: int | None = None,
        adapters: Sequence[Adapter] = (),
    ) -> Tensor:
        """How likely each next token is, (tokens, vocabulary) float32, of all tokens read or of the `last` ones."""
        import torch

        with self._lock:
            view = self._model.view(after, room=len(ids))
            place = _behind(after) if start is None else start
            states = torch.cat(list(self._states(ids, place, view, adapters)))
            return self._model.logits(states if last is None else states[-last:])

    def moved(self, part: KeyValues, start: int) -> KeyValues:
        """The same text as if it began at another position."""
        from memstrata.models.local.keyvalues import moved

        with self._lock:
            return moved(part, start, self._model.inverse_frequencies)

    def load(self, path: Path) -> KeyValues:
        """What `kv_file.save` wrote, if it is of this model's shape and all its numbers are numbers.

        Raises ArtifactRefused otherwise.
        """
        import torch

        from memstrata.models.local.kv_file import load

        part = load(path)
        shape, wanted = tuple(part.keys.shape), self._model.kv_shape
        if (*shape[:2], shape[3]) != wanted:
            raise ArtifactRefused(
                f"{path.name} has keys of shape {shape}; (layers, heads, dim) of this model: {wanted}"
            )
        if not (torch.isfinite(part.keys).all() and torch.isfinite(part.values).all()):
            raise ArtifactRefused(f"{path.name} holds numbers that are none")
        return part

    def attention_to(self, ids: Sequence[int], *, part: KeyValues, after: Sequence[KeyValues] = ()) -> Tensor:
        """The attention that tokens, read after `after` and then `part`, pay to each of `part`'s: (layers, kv heads,
        tokens), summed over the tokens that are read."""
        import torch

        from memstrata.models.local.attention import Probe

        with self._lock:
            masters = (*after, part)
            before = sum(master.tokens for master in after)
            view = self._model.view(masters, room=len(ids))
            probe = Probe(before + part.tokens)
            self._model.read(ids, start=_behind(masters), view=view, probe=probe)
            return torch.stack(probe.mass)[:, :, before:]

    def attention_within(self, ids: Sequence[int], *, after: Sequence[KeyValues] = ()) -> Tensor:
        """The attention that a text, read after others, pays to its own tokens, without mask and positions: (layers, kv
        heads, tokens), summed over its tokens. The rule by which Memory³ chooses what to keep."""
        import torch

        from memstrata.models.local.attention import OwnProbe

        with self._lock:
            view, start = self._model.view(after, room=len(ids)), _behind(after)
            probe = OwnProbe(len(ids), start=start, inverse_frequencies=self._model.inverse_frequencies)
            self._model.read(ids, start=start, view=view, probe=probe)
            return torch.stack(probe.mass)

    def generate(
        self,
        ids: Sequence[int],
        *,
        after: Sequence[KeyValues] = (),
        sampling: Sampling | None = None,
        tally: Tally | None = None,
        adapters: Sequence[Adapter] = (),
    ) -> Iterator[str]:
        """The answer to a prompt, in pieces of whole characters, up to the end sign, a stop word or the limit.

        `tally` counts along.
        The lock is held from one piece to the next, not over them: what the caller does with a piece holds nobody up.
        """
        how, counted = sampling or Sampling(), Tally() if tally is None else tally
        with self._lock:
            model = self._model
            view = model.view(after, room=len(ids) + how.max_tokens)
            place = _behind(after)
            *_, states = self._states(ids, place, view, adapters)
            place += len(ids)
            chooser = _Chooser(how)
            chosen = chooser.next(model.logits(states[-1:])[0])
        answer: list[int] = []
        told = 0
        ends = self.ends
        while len(answer) < how.max_tokens and chosen not in ends:
            answer.append(chosen)
            counted.tokens += 1
            text, whole = self.decode(answer), len(answer) == how.max_tokens
            found = [at for word in how.stop if (at := text.find(word)) >= 0]
            if found:
                yield text[told : min(found)]
                return
            safe = len(text) if whole else _safe(text, how.stop)
            if safe > told:
                yield text[told:safe]
                told = safe
            with self._lock:
                states = model.read([chosen], start=place, view=view, adapters=adapters)
                chosen = chooser.next(model.logits(states[-1:])[0])
            place += 1
        counted.ended = "stop" if chosen in ends else "length"
        rest = self.decode(answer)[told:]
        if rest:
            yield rest

    def _states(self, ids: Sequence[int], start: int, view: View, adapters: Sequence[Adapter] = ()) -> Iterator[Tensor]:
        """Read a text that stands from `start` on, some hundred tokens at a time."""
        for first in range(0, len(ids), CHUNK):
            yield self._model.read(ids[first : first + CHUNK], start=start + first, view=view, adapters=adapters)

    @cached_property
    def _model(self) -> CausalModel:
        with LOADING:
            from memstrata.models.local.causal import CausalModel

            return CausalModel(self._folder, dtype=self._dtype, threads=self._threads, device=self._device)

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerFast:
        with LOADING:
            from transformers import AutoTokenizer, PreTrainedTokenizerFast

            try:
                if (self._folder / "tokenizer_config.json").is_file():
                    made = AutoTokenizer.from_pretrained(self._folder, local_files_only=True, trust_remote_code=False)
                else:
                    made = PreTrainedTokenizerFast(tokenizer_file=str(self._folder / "tokenizer.json"))
            except Exception as error:  # tokenizers raises nothing narrower
                raise ModelError(f"the tokenizer in {str(self._folder)!r} cannot be read: {error}") from error
            return made

    @cached_property
    def ends(self) -> frozenset[int]:
        """The tokens that end an answer."""
        return self._model.ends


_SHARED: WeakValueDictionary[str, LocalRuntime] = WeakValueDictionary()
_SHARING = threading.Lock()


def shared_runtime(model: str | Path) -> LocalRuntime:
    """The process's runtime of a model in float32: its weights are in memory once, whoever asks for them.

    Raises as `LocalRuntime` does.
    """
    with _SHARING:
        name = str(model_folder(model).resolve())
        found = _SHARED.get(name)
        if found is None:
            found = _SHARED[name] = LocalRuntime(model)
        return found


class _Chooser:
    """Chooses the next token; the seed decides all choices of one answer."""

    def __init__(self, sampling: Sampling) -> None:
        import torch

        self._sampling = sampling
        self._random = torch.Generator().manual_seed(sampling.seed)

    def next(self, logits: Tensor) -> int:
        """One of the vocabulary, (vocabulary,)."""
        import torch

        how, logits = self._sampling, logits.cpu()  # where the random numbers are
        if how.temperature <= 0:
            return int(logits.argmax())
        chances, order = (logits / how.temperature).softmax(-1).sort(descending=True)
        before = chances.cumsum(-1) - chances
        allowed = before < how.top_p
        if how.top_k:
            allowed[how.top_k :] = False
        place = torch.multinomial(chances * allowed, 1, generator=self._random)
        return int(order[place])


def _behind(after: Sequence[KeyValues]) -> int:
    """The position behind the last token of these."""
    return max((part.end for part in after), default=0)


def _safe(text: str, stop: Sequence[str]) -> int:
    """How much of an answer can be told already: no half character, nothing that may become a stop word."""
    end = len(text.rstrip(_HALF_A_CHARACTER))
    for word in stop:
        for length in range(min(len(word) - 1, end), 0, -1):
            if text[:end].endswith(word[:length]):
                end -= length
                break
    return end
