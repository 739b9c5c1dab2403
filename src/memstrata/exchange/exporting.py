"""Writing a memory to a file or a stream, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

from memstrata.core.facts.log import fold
from memstrata.core.records import KeptEpisode, KeptLog
from memstrata.errors import InvalidInput
from memstrata.exchange.archive import Place
from memstrata.exchange.bundle import write_bundle
from memstrata.exchange.json_export import write_json
from memstrata.exchange.markdown import write_markdown
from memstrata.exchange.pam import write_pam
from memstrata.ports import Store
from memstrata.types import EXPORT_FORMATS, ExportFormat, ExportReceipt, Scope

_HELD = 1 << 23
"""Bytes that are held in memory before a file is made."""


def export_to(
    place: Place, store: Store, scope: Scope, form: ExportFormat, *, at: datetime, profile: Callable[[], str]
) -> ExportReceipt:
    """Write a scope. `profile` makes the page about its user. Raises InvalidInput where the place cannot be written."""
    if form not in EXPORT_FORMATS:
        raise InvalidInput(f"format is one of {', '.join(EXPORT_FORMATS)}, not {form!r}")
    count = 0

    def copy(take: Callable[[KeptEpisode], None]) -> KeptLog:
        def counted(kept: KeptEpisode) -> None:
            nonlocal count
            count += 1
            take(kept)

        return store.export(scope, counted)

    with written_whole(place) as out:
        if form == "bundle":
            log = write_bundle(out, copy, scope, at=at)
        elif form == "json":
            log = write_json(out, copy, scope, at=at)
        elif form == "pam":
            log = write_pam(out, copy, scope, at=at)
        else:
            log = write_markdown(
                out, copy, scope, at=at, profile=profile(), by_ids=lambda ids: store.by_ids(scope, ids)
            )
        size, sha256 = _measured(out)
    return ExportReceipt(
        format=form,
        episodes=count,
        facts=len(fold(log.changes)),
        changes=len(log.changes),
        size=size,
        sha256=sha256,
    )


@contextmanager
def written_whole(place: Place) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place only once it is complete; readable by its owner alone."""
    if not isinstance(place, str | os.PathLike):
        with tempfile.SpooledTemporaryFile(max_size=_HELD) as spool:
            yield cast(BinaryIO, spool)
            spool.seek(0)
            shutil.copyfileobj(spool, place)
        return
    path = Path(place)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                yield cast(BinaryIO, file)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise InvalidInput(f"cannot write {str(path)!r}: {error.strerror or error}") from None


def _measured(out: BinaryIO) -> tuple[int, str]:
    size = out.tell()
    out.seek(0)
    sha256 = hashlib.sha256()
    while data := out.read(1 << 20):
        sha256.update(data)
    out.seek(size)
    return size, sha256.hexdigest()
