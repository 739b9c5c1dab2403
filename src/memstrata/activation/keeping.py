"""Artifacts of one model: made from a recipe, kept with a manifest, checked when they are read, loaded once.

The bytes of an artifact are a folder: `kv.safetensors`, and `manifest.json`, which says what they are: the exact
tokens, the model's fingerprint, the form of the numbers, the ids of the sources, and size and SHA-256 of the other
file. The store's row holds the SHA-256 of the manifest, so that nothing which was changed, cut or put there by
somebody else is ever attached.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Generic

from memstrata.activation.explicit import read_passage, read_sink, sparse
from memstrata.core.artifacts import artifact_id
from memstrata.errors import ArtifactRefused, StoreError
from memstrata.ports import AttachingModel, P, Store
from memstrata.types import Artifact, ArtifactKind, Json, KvForm, Scope

FORMAT = "memstrata-prefix/1"
TENSORS, MANIFEST = "kv.safetensors", "manifest.json"
MOST_MANIFEST_BYTES = 16 << 20
LOADED_BYTES = 512 << 20
"""Of artifacts that a process holds in memory; what is in use is held beyond it."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is read: these tokens, behind those of a sink that are not kept, of these sources.

    `series`: what it is a version of. `sink`: for a passage, what it is read behind; () for a prefix. `keep`: of a
    passage, at most so many tokens for each layer and key head, those that `probe` attends to most; None for all.
    """

    kind: ArtifactKind
    series: str
    ids: tuple[int, ...]
    sources: tuple[str, ...]
    sink: tuple[int, ...] = ()
    keep: int | None = None
    probe: tuple[int, ...] = ()


class Keeper(Generic[P]):
    """Makes and reads the artifacts of a store's memories for one model. Safe to call from several threads."""

    def __init__(self, store: Store, model: AttachingModel[P], *, clock: Callable[[], datetime]) -> None:
        self.store, self.model, self.clock = store, model, clock
        self._lock = threading.RLock()
        self._loaded: OrderedDict[tuple[Scope, str], tuple[P, Artifact]] = OrderedDict()
        self._manifests: dict[tuple[Scope, str], tuple[int, ...]] = {}
        self._used: Counter[str] = Counter()

    def make(
        self, scope: Scope, recipe: Recipe, *, form: KvForm, again: Callable[[], Recipe | None]
    ) -> Artifact | None:
        """Read what a recipe says and keep it; one that is there already is returned as it is.

        `again` makes the recipe anew from the sources, once a change of them can no longer go unseen. None where a
        source is gone or says something else by then.
        """
        artifact = self._described(recipe, form)
        there = self._ready(scope, artifact)
        if there is not None:
            return there
        if not self.store.begin_artifact(scope, artifact):
            return None
        try:
            if again() != recipe:
                self.store.drop_artifacts(scope, [artifact.id])
                return None
            started = time.process_time()
            part = self._read(recipe)
            seconds = time.process_time() - started
            manifest = self._manifest(artifact, recipe, form)
            digests: list[str] = []
            size = self.store.blobs.put(
                self.store.blob_name(scope, artifact.id),
                lambda place: self._write(place, part, form, manifest, digests),
            )
        except BaseException:
            self.store.drop_artifacts(scope, [artifact.id])
            raise
        made = replace(
            artifact,
            status="ready",
            tokens=len(recipe.ids),
            size=size,
            digest=digests[0],
            metrics={"cpu_seconds": round(seconds, 4)},
        )
        if not self.store.finish_artifact(scope, made):
            return None
        outdated = self.store.artifacts(scope, kinds=[recipe.kind], statuses=["kept"], series=[recipe.series])
        self.store.drop_artifacts(scope, [each.id for each in outdated])
        return self._ready(scope, artifact)

    def _read(self, recipe: Recipe) -> P:
        """Keys and values of what a recipe names."""
        if not recipe.sink:
            return self.model.prefill(recipe.ids)
        sink = read_sink(self.model, recipe.sink)
        part = read_passage(self.model, sink, recipe.ids)
        return part if recipe.keep is None else sparse(self.model, sink, part, probe=recipe.probe, count=recipe.keep)

    def ready(self, scope: Scope, kind: ArtifactKind, series: Sequence[str] | None = None) -> list[Artifact]:
        """What may be attached to this model; of what may no longer, nothing is held in memory from here on."""
        found = self.store.artifacts(scope, kinds=[kind], statuses=["ready"], series=series)
        names, home = {each.id for each in found}, scope.partition
        with self._lock:
            for key, (_, held) in list(self._loaded.items()):
                asked = held.kind == kind and (series is None or held.series in series)
                if key[0] == home and asked and key[1] not in names:
                    del self._loaded[key]
                    self._manifests.pop(key, None)
        return [each for each in found if each.model == self.model.fingerprint]

    def ids(self, scope: Scope, artifact: Artifact) -> tuple[int, ...]:
        """The tokens of one, from its manifest. Raises ArtifactRefused or NotFound."""
        key = (scope.partition, artifact.id)
        with self._lock:
            if key not in self._manifests:
                with self.store.blobs.reading(self.store.blob_name(scope, artifact.id)) as place:
                    self._manifests[key] = _tokens(_manifest(place, artifact, self.model.fingerprint))
            return self._manifests[key]

    def part(self, scope: Scope, artifact: Artifact) -> P:
        """Keys and values of one, checked when they are first read here. Raises ArtifactRefused or NotFound."""
        key = (scope.partition, artifact.id)
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key][0]
        with self.store.blobs.reading(self.store.blob_name(scope, artifact.id)) as place:
            manifest = _manifest(place, artifact, self.model.fingerprint)
            _check(place / TENSORS, manifest)
            part = self.model.load(place / TENSORS)
        if part.tokens != _kept(manifest):
            raise ArtifactRefused(f"artifact {artifact.id!r} holds {part.tokens} tokens and not those of its manifest")
        with self._lock:
            self._loaded[key] = part, artifact
            self._let_go()
        return part

    @contextmanager
    def using(self, scope: Scope, artifacts: Sequence[Artifact]) -> Iterator[None]:
        """Hold artifacts from being evicted while they are attached, and count the use."""
        names = [each.id for each in artifacts]
        with self._lock:
            self._used.update(names)
        try:
            yield
        finally:
            with self._lock:
                self._used.subtract(names)
        if names:
            try:
                self.store.note_use(scope, names, at=self.clock())
            except StoreError:  # the answer is out; a use that is not counted only makes an eviction less wise
                _log.warning("uses of %d artifacts could not be counted", len(names), exc_info=True)

    @property
    def in_use(self) -> frozenset[str]:
        """The artifacts that are attached at this moment."""
        with self._lock:
            return frozenset(id_ for id_, count in self._used.items() if count > 0)

    def refuse(self, scope: Scope, artifact: Artifact) -> None:
        """Drop one that is not what it should be, so that it is not tried again."""
        self.store.drop_artifacts(scope, [artifact.id])
        with self._lock:
            self._loaded.pop((scope.partition, artifact.id), None)
            self._manifests.pop((scope.partition, artifact.id), None)

    def _described(self, recipe: Recipe, form: KvForm) -> Artifact:
        told: dict[str, Json] = {
            "format": FORMAT,
            "form": form,
            "tokens": len(recipe.ids),
            "ids": _digest(json.dumps(recipe.ids)),
            "behind": _digest(json.dumps(recipe.sink)) if recipe.sink else "",
            "keep": recipe.keep,
            "probe": _digest(json.dumps(recipe.probe)) if recipe.keep else "",
        }
        model = self.model.fingerprint
        name = artifact_id(recipe.kind, model=model, series=recipe.series, recipe=told, sources=recipe.sources)
        return Artifact(
            id=name,
            kind=recipe.kind,
            series=recipe.series,
            status="making",
            model=model,
            sources=recipe.sources,
            recipe=told,
            made_at=self.clock(),
        )

    def _ready(self, scope: Scope, artifact: Artifact) -> Artifact | None:
        found = self.store.artifacts(scope, kinds=[artifact.kind], statuses=["ready", "kept"], series=[artifact.series])
        there = next((each for each in found if each.id == artifact.id), None)
        if there is not None and there.status == "kept":
            self.store.publish_artifact(scope, there.id)
            return replace(there, status="ready")
        return there

    def _manifest(self, artifact: Artifact, recipe: Recipe, form: KvForm) -> dict[str, Json]:
        return {
            "format": FORMAT,
            "artifact": artifact.id,
            "kind": artifact.kind,
            "series": artifact.series,
            "model": artifact.model,
            "form": form,
            "sources": list(recipe.sources),
            "behind": list(recipe.sink),
            "tokens": list(recipe.ids),
            "keep": recipe.keep,
        }

    def _write(self, place: Path, part: P, form: KvForm, manifest: dict[str, Json], digests: list[str]) -> None:
        place.mkdir()
        self.model.save(place / TENSORS, part, form=form)
        manifest["size"], manifest["sha256"] = (place / TENSORS).stat().st_size, _file_digest(place / TENSORS)
        content = json.dumps(manifest, sort_keys=True).encode()
        (place / MANIFEST).write_bytes(content)
        digests.append(hashlib.sha256(content).hexdigest())

    def _let_go(self) -> None:
        while sum(held.size for _, held in self._loaded.values()) > LOADED_BYTES and len(self._loaded) > 1:
            self._loaded.popitem(last=False)


def _manifest(place: Path, artifact: Artifact, model: str) -> Mapping[str, Json]:
    """The manifest of an artifact, if it is the one that was written and for this model."""
    file = place / MANIFEST
    try:
        if file.stat().st_size > MOST_MANIFEST_BYTES:
            raise ArtifactRefused(f"the manifest of artifact {artifact.id!r} is larger than any that is written here")
        content = file.read_bytes()
    except OSError as error:
        raise ArtifactRefused(f"the manifest of artifact {artifact.id!r} cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != artifact.digest:
        raise ArtifactRefused(f"the manifest of artifact {artifact.id!r} is not the one that was written")
    found: Mapping[str, Json] = json.loads(content)
    if found["model"] != model:
        raise ArtifactRefused(f"artifact {artifact.id!r} is of the model {found['model']!r}, not of {model!r}")
    return found


def _check(file: Path, manifest: Mapping[str, Json]) -> None:
    """Raises ArtifactRefused for a file that is not the one that was written; its size is looked at first."""
    try:
        if file.stat().st_size != manifest["size"]:
            raise ArtifactRefused(f"artifact {manifest['artifact']!r} has another size than was written")
        if _file_digest(file) != manifest["sha256"]:
            raise ArtifactRefused(f"artifact {manifest['artifact']!r} holds other bytes than were written")
    except OSError as error:
        raise ArtifactRefused(f"artifact {manifest['artifact']!r} cannot be read ({error.strerror})") from error


def _tokens(manifest: Mapping[str, Json]) -> tuple[int, ...]:
    found = manifest["tokens"]
    assert isinstance(found, list), "its digest is that of one which we wrote"
    return tuple(each for each in found if isinstance(each, int))


def _kept(manifest: Mapping[str, Json]) -> int:
    """How many tokens for each layer and key head there are."""
    keep, tokens = manifest["keep"], len(_tokens(manifest))
    return min(keep, tokens) if isinstance(keep, int) else tokens


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _file_digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
