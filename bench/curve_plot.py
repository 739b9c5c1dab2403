"""The trade-off curve of adapters as an SVG: what a recipe teaches against what it leaves of the model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path

from bench.report import RESULTS

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 940, 560, 70, 60, 300, 60
HARMED = 1.05
"""Neutral perplexity, of the model's own, from which on a recipe counts as harmful."""
_INK, _GREY, _GOOD, _BAD = "#222", "#999", "#1a7f37", "#c0392b"


def plot(rows: Mapping[str, Mapping[str, float]], *, to: Path | None = None) -> Path:
    """Write the plot: across, the share of held-out wordings that is answered exactly; up, the general questions that
    are answered with the adapter attached to them; a dot is larger the more CPU seconds it took, and red where the
    neutral text's perplexity rose. Dots that would cover each other stand side by side."""
    path = to or RESULTS / "adapters_curve.svg"
    trained = {name: row for name, row in rows.items() if "cpu_seconds" in row}
    base = next(row for name, row in rows.items() if name not in trained)
    top = 5 * math.ceil(max(row["general"] for row in rows.values()) / 5 + 0.2)

    def x(exact: float) -> float:
        return LEFT + 20 + (WIDTH - LEFT - RIGHT - 60) * exact

    def y(right: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * right / max(1, top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 26, "Five facts in one adapter, attached to everything", size=16),
        _text(LEFT, 46, f"red: neutral perplexity above {HARMED} of the model's own; size: CPU seconds", size=12),
        _text(LEFT + 140, HEIGHT - 16, "held-out wordings answered exactly, as a share"),
        f'<g transform="translate(20 {HEIGHT - 170}) rotate(-90)">',
        _text(0, 0, "general questions answered, of 40"),
        "</g>",
    ]
    for right in range(0, top + 1, 5):
        parts += [_line(LEFT, y(right), WIDTH - RIGHT, y(right), "#eee"), _text(LEFT - 26, y(right) + 4, str(right))]
    for exact in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(_line(x(exact), TOP, x(exact), HEIGHT - BOTTOM, "#eee"))
        parts.append(_text(x(exact) - 8, HEIGHT - BOTTOM + 18, f"{exact:.1f}"))
    parts.append(_line(LEFT, y(base["general"]), WIDTH - RIGHT, y(base["general"]), _GREY))
    parts.append(_text(LEFT + 6, y(base["general"]) - 5, "the model alone", fill=_GREY))
    placed: dict[tuple[float, float], int] = {}
    for number, (name, row) in enumerate(trained.items(), start=1):
        fill = _BAD if row["neutral_ratio"] > HARMED else _GOOD
        spot = (row["exact"], row["general"])
        across, up = x(row["exact"]) + 17 * placed.get(spot, 0), y(row["general"])
        placed[spot] = placed.get(spot, 0) + 1
        size = 3 + math.sqrt(row["cpu_seconds"]) / 2
        parts.append(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="{size:.1f}" fill="{fill}" fill-opacity="0.5"/>')
        parts.append(_text(across - 3.5 * len(str(number)), up + 4, str(number), size=11))
        legend = f"{number}  {name} ({row['neutral_ratio']:.2f})"
        parts.append(_text(WIDTH - RIGHT + 16, TOP + 22 * number, legend, size=12, fill=fill))
    parts.append(_text(WIDTH - RIGHT + 16, TOP, "recipe (neutral perplexity, of the model's own)", size=12))
    parts.append("</svg>")
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return path


def _text(x: float, y: float, words: str, *, size: int = 13, fill: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'
