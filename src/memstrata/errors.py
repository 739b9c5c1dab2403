"""The error tree: everything that Memstrata raises on purpose derives from `MemstrataError`."""

from __future__ import annotations


class MemstrataError(Exception):
    """Base of all errors raised on purpose; the message says what to do next."""

    code = "error"


class InvalidInput(MemstrataError, ValueError):
    """An argument cannot be accepted; nothing of the call was stored."""

    code = "invalid_input"


class MissingScope(InvalidInput):
    """A call named no scope; a missing scope never means "all"."""

    code = "missing_scope"


class Conflict(MemstrataError):
    """A message id is known already with other content; nothing of the call was stored."""

    code = "conflict"


class Stale(MemstrataError):
    """The fact is no longer as the caller saw it; read it again and decide anew. Nothing was changed."""

    code = "stale"


class LogMoved(MemstrataError):
    """Another change of facts came between deciding and writing; decide again."""

    code = "log_moved"


class NotFound(MemstrataError, LookupError):
    """No such item in this scope."""

    code = "not_found"


class Closed(MemstrataError):
    """The memory was closed before the call."""

    code = "closed"


class StoreError(MemstrataError):
    """The store could not read or write; what was acknowledged before is kept."""

    code = "store"


class StoreFull(StoreError):
    """There is no room left on the disk; the write was rolled back."""

    code = "store_full"


class StoreReadOnly(StoreError):
    """The file or its folder cannot be written."""

    code = "store_read_only"


class StoreCorrupt(StoreError):
    """The file is not a Memstrata store or is damaged."""

    code = "store_corrupt"


class StoreTooNew(StoreError):
    """The file was written by a newer version of Memstrata."""

    code = "store_too_new"


class StoreBusy(StoreError):
    """Another process held the file for longer than we wait."""

    code = "store_busy"


class EmbedderError(MemstrataError):
    """An embedder could not be loaded or did not answer properly."""

    code = "embedder"


class EmbedderUnavailable(EmbedderError):
    """The embedder is not installed, or its service does not answer just now; trying again may help."""

    code = "embedder_unavailable"


class ModelError(MemstrataError):
    """A language model did not answer properly."""

    code = "model"


class ModelUnavailable(ModelError):
    """The model's service does not answer just now; trying again may help."""

    code = "model_unavailable"


class ArtifactRefused(ModelError):
    """A derived file of a model (keys and values, an adapter) is not what it should be and is not used."""

    code = "artifact_refused"


class TrainingStopped(ModelError):
    """A training was cancelled or reached its limit; what it had learned is kept, and it can be resumed."""

    code = "training_stopped"


class BudgetExceeded(ModelError):
    """The day's budget of calls, tokens or money for this scope is used up."""

    code = "budget_exceeded"


class AccessError(MemstrataError):
    """A server did not let a call through; nothing of it was done."""

    code = "access"


class Unauthorized(AccessError):
    """The server asks for a key, and none or no valid one was given."""

    code = "unauthorized"


class Forbidden(AccessError):
    """The key may not do this."""

    code = "forbidden"


class RateLimited(AccessError):
    """Too many calls in a short time; try again later."""

    code = "rate_limited"


class TooLarge(AccessError):
    """The request holds more bytes than the server takes."""

    code = "too_large"


class Unreachable(MemstrataError):
    """The server does not answer, or something else than Memstrata answers at its address."""

    code = "unreachable"
