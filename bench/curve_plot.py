"""The trade-off curve of adapters as an SVG: what a recipe recalls against what it leaves of the model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path

from bench.report import RESULTS

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 900, 520, 70, 40, 260, 60
_INK, _GREY, _GOOD, _BAD = "#222", "#999", "#1a7f37", "#c0392b"


def plot(rows: Mapping[str, Mapping[str, float]], *, to: Path | None = None) -> Path:
    """Write the plot: across, the perplexity of a neutral text with the adapter attached to it, over the model's own
    (logarithmic); up, the rank accuracy of held-out wordings; a dot is larger the more CPU seconds it took; red where
    fewer general questions are answered than by the model alone less one."""
    path = to or RESULTS / "adapters_curve.svg"
    trained = {name: row for name, row in rows.items() if "cpu_seconds" in row}
    base = next(row for name, row in rows.items() if name not in trained)
    top = max(2.0, *(row["neutral_ratio"] for row in trained.values()))
    low = min(0.9, *(row["neutral_ratio"] for row in trained.values()))

    def x(ratio: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(ratio / low) / math.log(top / low)

    def y(rank: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * rank

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 22, "Five facts in one adapter, attached to everything: recall against damage", size=15),
        _text(LEFT + 120, HEIGHT - 14, "neutral perplexity, of the model's own (log)"),
        f'<g transform="translate(18 {HEIGHT - 130}) rotate(-90)">',
        _text(0, 0, "rank accuracy of held-out wordings"),
        "</g>",
    ]
    for rank in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(_line(LEFT, y(rank), WIDTH - RIGHT, y(rank), "#eee"))
        parts.append(_text(LEFT - 34, y(rank) + 4, f"{rank:.1f}"))
    for ratio in (each for each in (0.9, 1.0, 1.05, 1.2, 1.5, 2, 3, 5, 10, 30, 100) if low <= each <= top):
        parts.append(_line(x(ratio), TOP, x(ratio), HEIGHT - BOTTOM, "#ddd" if ratio != 1.05 else _BAD))
        parts.append(_text(x(ratio) - 10, HEIGHT - BOTTOM + 18, f"{ratio:g}"))
    parts.append(_line(LEFT, y(base["rank"]), WIDTH - RIGHT, y(base["rank"]), _GREY))
    parts.append(_text(WIDTH - RIGHT - 110, y(base["rank"]) - 5, "the model alone", fill=_GREY))
    for number, (name, row) in enumerate(trained.items(), start=1):
        fill = _GOOD if row["general"] >= base["general"] - 1 else _BAD
        across, up = x(row["neutral_ratio"]), y(row["rank"])
        size = 3 + math.sqrt(row["cpu_seconds"]) / 2
        parts.append(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="{size:.1f}" fill="{fill}" fill-opacity="0.55"/>')
        parts.append(_text(across - 4, up + 4, str(number), size=10))
        legend = f"{number}  {name} ({row['general']:.0f}/{base['general']:.0f})"
        parts.append(_text(WIDTH - RIGHT + 16, TOP + 20 * number, legend, size=12, fill=fill))
    parts.append(_text(WIDTH - RIGHT + 16, TOP, "recipe (general answers/alone)", size=12))
    parts.append("</svg>")
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return path


def _text(x: float, y: float, words: str, *, size: int = 13, fill: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'
