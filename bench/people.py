"""Sixty invented facts about twelve invented people, drawn by a seed, and what else the adapters' benchmark asks.

Nobody of them exists. A second scope of four people shares no value with the first.
"""

from __future__ import annotations

import random
from itertools import chain

_FIRST = (
    "Mara", "Tomas", "Ilse", "Bram", "Yuna", "Cedric", "Odette", "Kofi", "Greta", "Lorcan", "Zadie", "Emil", "Petra",
    "Anselm", "Noor", "Wilf",
)  # fmt: skip
_LAST = (
    "Okell", "Wren", "Vantongeren", "Halloran", "Sato", "Dubray", "Quist", "Mensah", "Tiller", "Byrne", "Pemberton",
    "Kask", "Rusnak", "Fjord", "Haddad", "Copley",
)  # fmt: skip
_VALUES: dict[str, tuple[str, ...]] = {
    "{name}'s dog is called {value}.": (
        "Biscuit", "Pepper", "Rusty", "Clover", "Mango", "Ziggy", "Hazel", "Bandit", "Juno", "Waffles", "Shadow",
        "Olive", "Domino", "Ginger", "Rocket", "Maple",
    ),
    "{name} lives in {value}.": (
        "Ghent", "Lisbon", "Oslo", "Cardiff", "Osaka", "Denver", "Krakow", "Nairobi", "Bergen", "Quito", "Perth",
        "Tallinn", "Zagreb", "Turin", "Leeds", "Porto",
    ),
    "{name} works as a {value}.": (
        "glassblower", "beekeeper", "librarian", "welder", "florist", "surveyor", "baker", "pilot", "tailor",
        "locksmith", "geologist", "plumber", "barber", "translator", "carpenter", "chemist",
    ),
    "{name}'s hobby is {value}.": (
        "falconry", "origami", "archery", "pottery", "chess", "knitting", "fencing", "sailing", "juggling", "rowing",
        "calligraphy", "astronomy", "bowling", "gardening", "surfing", "painting",
    ),
    "{name}'s favourite colour is {value}.": (
        "teal", "crimson", "lavender", "amber", "indigo", "ivory", "scarlet", "olive green", "turquoise", "magenta",
        "beige", "coral", "maroon", "silver", "violet", "black",
    ),
}  # fmt: skip
PEOPLE = 12
STRANGERS = 4


def statements(seed: int) -> tuple[list[str], list[str]]:
    """The statements of the first scope (60) and of the second (20)."""
    chance = random.Random(f"people/{seed}")
    first, last = chance.sample(_FIRST, len(_FIRST)), chance.sample(_LAST, len(_LAST))
    names = [f"{one} {other}" for one, other in zip(first, last, strict=True)]
    drawn = {form: chance.sample(values, len(values)) for form, values in _VALUES.items()}
    told = [
        [form.format(name=name, value=drawn[form][number]) for form in _VALUES] for number, name in enumerate(names)
    ]
    return list(chain.from_iterable(told[:PEOPLE])), list(chain.from_iterable(told[PEOPLE:]))
