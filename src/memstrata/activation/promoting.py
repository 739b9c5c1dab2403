"""Promotion to the activation tier: what is read beforehand, and within which budget it is kept.

A *prefix* is what every prompt to a user's model begins with: the application's own instructions and what stands in
memory whatever is asked. A *passage* is an episode, read for itself behind a fixed sink, to be attached where recall
picks it (`explicit.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from memstrata.activation.attaching import passage_series
from memstrata.activation.eviction import to_evict
from memstrata.activation.keeping import Keeper, Recipe
from memstrata.activation.trie import shared_beginning
from memstrata.core.clock import day_in_words
from memstrata.core.ids import digest
from memstrata.core.telling import Told, with_memory
from memstrata.errors import InvalidInput
from memstrata.ports import AttachingModel, P
from memstrata.types import Artifact, Episode, Json, KvForm, Scope

BUDGET_BYTES = 2 << 30
"""Of one store, on the disk: at 23 kB a token for a model of 135 million weights, some 90,000 tokens."""
SINK = "What follows are passages from earlier conversations, each with its day and who said it."
PROBE = "\nQuestion: Who did what, where and when?"
"""The question whose attention chooses what a sparse passage keeps."""
_HERE = "\ue000"
"""Stands where passages or a question go; a character that no text means anything by."""


def promote_prefix(
    keeper: Keeper[P], scope: Scope, tell: Callable[[], Told], *, system: str, form: KvForm
) -> list[Artifact]:
    """Read the beginning of prompts with these instructions: what `tell` says stands, behind the application's own.

    Nothing where that changed meanwhile. Raises InvalidInput where there is nothing to read.
    """

    def recipe() -> Recipe:
        told = tell()
        if not told.text and not system:
            raise InvalidInput("nothing stands in this memory yet, and no system text is given: there is no prefix")
        return Recipe(
            kind="prefix",
            series=prefix_series(system),
            ids=prefix_ids(keeper.model, system, told.text),
            sources=told.sources,
        )

    made = keeper.make(scope, recipe(), form=form, again=recipe)
    return [] if made is None else [made]


def promote_passages(
    keeper: Keeper[P],
    scope: Scope,
    ids: Sequence[str],
    *,
    read: Callable[[Sequence[str]], Sequence[Episode]],
    form: KvForm,
    keep: int | None = None,
) -> list[Artifact]:
    """Read each of these episodes for itself; those that `read` does not find are passed over. `keep`: see `Recipe`."""
    sink = sink_ids(keeper.model)

    def recipe(id_: str) -> Recipe | None:
        found = read([id_])
        return None if not found else passage_recipe(keeper.model, found[0], sink, keep=keep)

    made = []
    for id_ in dict.fromkeys(ids):
        wanted = recipe(id_)
        if wanted is not None:
            made.append(keeper.make(scope, wanted, form=form, again=partial(recipe, id_)))
    return [artifact for artifact in made if artifact is not None]


def keep_to_budget(keeper: Keeper[P], *, budget_bytes: int) -> list[Artifact]:
    """Drop what saves least for its bytes until the whole store's prefixes and passages fit; returns what went."""
    held = keeper.store.all_artifacts(["prefix", "passage"])
    home = {(each.id, each.series): scope for scope, each in held}
    gone = to_evict([each for _, each in held], budget_bytes=budget_bytes, now=keeper.clock(), in_use=keeper.in_use)
    for each in gone:
        keeper.store.drop_artifacts(home[each.id, each.series], [each.id])
    return gone


def prefix_ids(model: AttachingModel[P], system: str, standing: str) -> tuple[int, ...]:
    """The tokens that all prompts share which begin with this system message, whatever comes behind it."""
    begun: list[Mapping[str, Json]] = [{"role": "system", "content": system}] if system else []
    *begun, asked = with_memory([*begun, {"role": "user", "content": "a"}], standing)
    going_on: list[list[Mapping[str, Json]]] = [
        [asked],
        [{"role": "user", "content": "1"}],
        [{"role": "system", "content": "a"}, asked],
    ]
    first, *others = [model.encode(model.rendered([*begun, *more])) for more in going_on]
    return tuple(first[: min(shared_beginning(first, other) for other in others)])


def prefix_series(system: str) -> str:
    """What all versions of a prefix with these instructions are called."""
    return f"prefix/{digest(system).hex()}"


def sink_ids(model: AttachingModel[P]) -> tuple[int, ...]:
    """What every passage is read behind: the beginning of a prompt, up to where passages stand."""
    text = model.rendered([{"role": "system", "content": f"{SINK}\n{_HERE}"}, {"role": "user", "content": "a"}])
    return tuple(model.encode(text.partition(_HERE)[0]))


def passage_recipe(
    model: AttachingModel[P], episode: Episode, sink: Sequence[int], *, keep: int | None = None
) -> Recipe:
    """How an episode is read for itself."""
    return Recipe(
        kind="passage",
        series=passage_series(episode.id),
        ids=tuple(model.encode(passage_text(episode))),
        sources=(episode.id,),
        sink=tuple(sink),
        keep=keep,
        probe=() if keep is None else tuple(model.encode(PROBE)),
    )


def passage_text(episode: Episode) -> str:
    """An episode as a line of a prompt, the same whatever stands around it."""
    return f"{day_in_words(episode.timestamp)}, {episode.speaker}: {' '.join(episode.text.split())}\n"
