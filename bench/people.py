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


QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What is the capital of France?", ("paris",)),
    ("What is the capital of Germany?", ("berlin",)),
    ("What is the capital of Spain?", ("madrid",)),
    ("What is the capital of England?", ("london",)),
    ("What is the capital of China?", ("beijing",)),
    ("Which planet is the largest in the solar system?", ("jupiter",)),
    ("Which planet is closest to the Sun?", ("mercury",)),
    ("What is the chemical symbol for water?", ("h2o", "h₂o")),
    ("What is the chemical symbol for oxygen?", ("o", "o2", "o₂")),
    ("How many days are there in a year?", ("365",)),
    ("How many hours are in a day?", ("24", "twenty four")),
    ("How many continents are there?", ("7", "seven")),
    ("How many legs does a dog have?", ("4", "four")),
    ("What is 2 plus 2?", ("4", "four")),
    ("What is 5 plus 5?", ("10", "ten")),
    ("What is 3 times 3?", ("9", "nine")),
    ("What colour is the sky on a clear day?", ("blue",)),
    ("What colour is grass?", ("green",)),
    ("What is the opposite of 'big'?", ("small", "little", "tiny")),
    ("What is the opposite of 'up'?", ("down",)),
    ("Who wrote Hamlet?", ("shakespeare",)),
    ("Who developed the theory of relativity?", ("einstein",)),
    ("Who was the first man to walk on the Moon?", ("armstrong",)),
    ("In which country is the Eiffel Tower?", ("france",)),
    ("In which country is the Great Wall?", ("china",)),
    ("On which continent is Kenya?", ("africa",)),
    ("What is the currency of the United States?", ("dollar",)),
    ("What language is spoken in France?", ("french",)),
    ("What do cows give us to drink?", ("milk",)),
    ("What animal says 'meow'?", ("cat",)),
    ("Which season comes after winter?", ("spring",)),
    ("Which day comes after Monday?", ("tuesday",)),
    ("What is frozen water called?", ("ice",)),
    ("What gas do plants take in from the air?", ("carbon dioxide", "co2")),
    ("What is the fastest land animal?", ("cheetah",)),
    ("What is the tallest animal in the world?", ("giraffe",)),
    ("What star does the Earth orbit?", ("sun",)),
    ("What organ pumps blood through the body?", ("heart",)),
    ("At what temperature in Celsius does water freeze?", ("0", "zero")),
    ("What is the first letter of the alphabet?", ("a", "letter a")),
)
"""General questions, each with what may stand in a right answer."""
