"""The nine tools of the reference memory server: what they say is what a plain graph would say, on real episodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client

from memstrata.core.access import Right
from memstrata.memory import Memory
from memstrata.surfaces.mcp.reach import Reach
from memstrata.surfaces.mcp.reference import reference_tools
from memstrata.surfaces.mcp.server import make_server
from memstrata.surfaces.rest.access import Caller
from memstrata.types import Scope

NINE = [
    "create_entities", "create_relations", "add_observations", "delete_entities", "delete_observations",
    "delete_relations", "read_graph", "search_nodes", "open_nodes",
]  # fmt: skip
REACH = Reach(caller=Caller(None), fixed=Scope(user_id="ann"))
Relation = tuple[str, str, str]
NAMES = st.sampled_from(["Ana", "小雨", "a (b)", "a", "b: c", "a b"])
TYPES = st.sampled_from(["person", "", "b)", "城市"])
WORDS = st.sampled_from(["likes tea", "LIKES TEA", "", "c", "喜欢茶", "x: y", " "])
RELATIONS = st.fixed_dictionaries({"from": NAMES, "to": NAMES, "relationType": st.sampled_from(["b", "b c", "knows"])})
ENTITIES = st.fixed_dictionaries({"name": NAMES, "entityType": TYPES, "observations": st.lists(WORDS, max_size=3)})


def many(shape: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(shape, max_size=3)


CALLS = st.one_of(
    st.tuples(st.just("create_entities"), st.fixed_dictionaries({"entities": many(ENTITIES)})),
    st.tuples(st.just("create_entities"), st.fixed_dictionaries({"entities": many(ENTITIES)})),
    st.tuples(st.just("create_relations"), st.fixed_dictionaries({"relations": many(RELATIONS)})),
    st.tuples(
        st.just("add_observations"),
        st.fixed_dictionaries(
            {"observations": many(st.fixed_dictionaries({"entityName": NAMES, "contents": many(WORDS)}))}
        ),
    ),
    st.tuples(st.just("delete_entities"), st.fixed_dictionaries({"entityNames": many(NAMES)})),
    st.tuples(
        st.just("delete_observations"),
        st.fixed_dictionaries(
            {"deletions": many(st.fixed_dictionaries({"entityName": NAMES, "observations": many(WORDS)}))}
        ),
    ),
    st.tuples(st.just("delete_relations"), st.fixed_dictionaries({"relations": many(RELATIONS)})),
    st.tuples(st.just("search_nodes"), st.fixed_dictionaries({"query": st.sampled_from(["tea", "茶", "A", ""])})),
    st.tuples(st.just("open_nodes"), st.fixed_dictionaries({"names": many(NAMES)})),
)


class PlainGraph:
    """The reference server's rules on plain lists."""

    def __init__(self) -> None:
        self.entities: dict[str, tuple[str, list[str]]] = {}
        self.relations: list[Relation] = []

    def call(self, name: str, given: dict[str, Any]) -> dict[str, Any] | str:
        """The structured answer, or the words of an error."""
        answer: dict[str, Any] | str = getattr(self, name)(**given)
        return answer

    def create_entities(self, entities: list[dict[str, Any]]) -> dict[str, Any]:
        new = []
        for each in entities:
            if each["name"] not in self.entities:
                kept = list(dict.fromkeys(each["observations"]))
                self.entities[each["name"]] = (each["entityType"], kept)
                new.append({**each, "observations": list(kept)})
        return {"entities": new}

    def create_relations(self, relations: list[dict[str, str]]) -> dict[str, Any] | str:
        for each in relations:
            for name in (each["from"], each["to"]):
                if name not in self.entities:
                    return f"Entity with name {name} not found"
        new = []
        for each in relations:
            triple = (each["from"], each["relationType"], each["to"])
            if triple not in self.relations:
                self.relations.append(triple)
                new.append(each)
        return {"relations": new}

    def add_observations(self, observations: list[dict[str, Any]]) -> dict[str, Any] | str:
        missing = [each["entityName"] for each in observations if each["entityName"] not in self.entities]
        if missing:
            return f"Entity with name {missing[0]} not found"
        results = []
        for each in observations:
            known = self.entities[each["entityName"]][1]
            added = [text for text in dict.fromkeys(each["contents"]) if text not in known]
            known.extend(added)
            results.append({"entityName": each["entityName"], "addedObservations": added})
        return {"results": results}

    def delete_entities(self, entityNames: list[str]) -> dict[str, Any]:  # noqa: N803 - the contract's spelling
        missing = [name for name in entityNames if name not in self.entities]
        for name in entityNames:
            self.entities.pop(name, None)
        self.relations = [each for each in self.relations if not {each[0], each[2]} & set(entityNames)]
        found = len(entityNames) - len(missing)
        partly = f"Deleted {found} of {len(entityNames)} entities. Not found: {', '.join(missing)}"
        return {"success": True, "message": partly if missing else "Entities deleted successfully"}

    def delete_observations(self, deletions: list[dict[str, Any]]) -> dict[str, Any]:
        count, missing = 0, []
        for each in deletions:
            if each["entityName"] not in self.entities:
                missing.append(each["entityName"])
                continue
            kind, known = self.entities[each["entityName"]]
            kept = [text for text in known if text not in each["observations"]]
            count += len(known) - len(kept)
            self.entities[each["entityName"]] = (kind, kept)
        asked = sum(len(each["observations"]) for each in deletions)
        if count == asked:
            return {"success": True, "message": "Observations deleted successfully"}
        more = f" Entities not found: {', '.join(missing)}" if missing else ""
        return {"success": True, "message": f"Deleted {count} of {asked} observations.{more}"}

    def delete_relations(self, relations: list[dict[str, str]]) -> dict[str, Any]:
        gone = {(each["from"], each["relationType"], each["to"]) for each in relations}
        kept = [each for each in self.relations if each not in gone]
        count, self.relations = len(self.relations) - len(kept), kept
        partly = f"Deleted {count} of {len(relations)} relations. The rest matched nothing."
        return {"success": True, "message": "Relations deleted successfully" if count == len(relations) else partly}

    def read_graph(self) -> dict[str, Any]:
        return self._shown(set(self.entities), every=True)

    def search_nodes(self, query: str) -> dict[str, Any]:
        words = query.lower()
        return self._shown(
            {
                name
                for name, (kind, observations) in self.entities.items()
                if any(words in text.lower() for text in (name, kind, *observations))
            }
        )

    def open_nodes(self, names: list[str]) -> dict[str, Any]:
        return self._shown({name for name in names if name in self.entities})

    def _shown(self, names: set[str], *, every: bool = False) -> dict[str, Any]:
        entities = [
            {"name": name, "entityType": kind, "observations": list(observations)}
            for name, (kind, observations) in self.entities.items()
            if name in names
        ]
        relations = [
            {"from": each[0], "to": each[2], "relationType": each[1]}
            for each in self.relations
            if every or {each[0], each[2]} & names
        ]
        return {"entities": entities, "relations": relations}


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory(":memory:", embedder="none", worker="none") as made:
        yield made


def called(memory: Memory, name: str, given: dict[str, Any]) -> dict[str, Any] | str:
    """A tool's structured answer, or the words of its error."""
    (tool,) = (each for each in reference_tools() if each.name == name)
    result = tool.call(memory, REACH, given)
    structured: dict[str, Any] = result.structured_content
    return result.content[0].text if result.is_error else structured  # type: ignore[union-attr]


@settings(max_examples=150, deadline=None)
@given(st.lists(CALLS, max_size=12))
def test_the_tools_say_what_a_plain_graph_says(calls: list[tuple[str, dict[str, Any]]]) -> None:
    plain = PlainGraph()
    with Memory(":memory:", embedder="none", worker="none") as memory:
        for name, arguments in calls:
            assert called(memory, name, arguments) == plain.call(name, arguments)
            assert called(memory, "read_graph", {}) == plain.read_graph()


def test_the_nine_names_are_there_with_the_hints_of_the_reference(memory: Memory) -> None:
    async def listed() -> list[Any]:
        async with Client(make_server(memory, scope=Scope(user_id="ann"), profile="reference")) as client:
            return list((await client.list_tools()).tools)

    tools = asyncio.run(listed())
    assert [tool.name for tool in tools] == NINE
    for tool in tools:
        deletes, reads = tool.name.startswith("delete"), tool.name.startswith(("read", "search", "open"))
        hints = tool.annotations
        assert (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint) == (
            reads,
            deletes,
            deletes or reads,
            False,
        )
    assert set(tools[0].input_schema["properties"]) == {"entities"}
    assert tools[6].input_schema["properties"] == {}


def test_what_the_graph_says_recall_finds_and_forget_erases(memory: Memory) -> None:
    entity = {"name": "Ana", "entityType": "person", "observations": ["allergic to walnuts"]}
    called(memory, "create_entities", {"entities": [entity]})
    hit = memory.search("walnuts", user_id="ann")[0]
    assert hit.text == "Ana: allergic to walnuts"
    assert hit.item.speaker == "assistant"
    memory.forget([hit.item.id], user_id="ann")
    graph = called(memory, "read_graph", {})
    assert graph == {"entities": [{**entity, "observations": []}], "relations": []}
    called(memory, "delete_entities", {"entityNames": ["Ana"]})
    assert memory.stats(user_id="ann").episodes == 0


def test_a_request_to_forget_reaches_into_the_graph_and_leaves_no_word(memory: Memory) -> None:
    said = ["collects thimbles", "likes tea"]
    called(memory, "create_entities", {"entities": [{"name": "Ana", "entityType": "person", "observations": said}]})
    assert memory.add("Please forget everything about thimbles.", user_id="ann").forget_requests[0].outcome == "done"
    assert "thimbles" not in json.dumps(called(memory, "read_graph", {}))
    kept = memory.episodes(user_id="ann", filters={"role": "assistant"}).episodes
    assert not any("thimbles" in json.dumps([each.text, dict(each.metadata)], default=list) for each in kept)


def test_a_secret_is_not_kept_in_a_graph(memory: Memory) -> None:
    secret = "sk-proj-" + "a1B2" * 12
    entity = {"name": "Ana", "entityType": "person", "observations": [f"her key is {secret} today"]}
    made = called(memory, "create_entities", {"entities": [entity]})
    assert secret not in json.dumps(made)
    assert made == {"entities": called(memory, "read_graph", {})["entities"]}  # type: ignore[index]
    refused = called(memory, "create_entities", {"entities": [{**entity, "name": secret}]})
    assert isinstance(refused, str)
    assert "secret" in refused
    assert memory.stats(user_id="ann").episodes == 2


def test_every_tool_asks_for_its_right(memory: Memory) -> None:
    rights: dict[str, Right] = {tool.name: tool.right for tool in reference_tools()}
    assert {name for name, right in rights.items() if right == "forget"} == {name for name in NINE if "delete" in name}
    assert {name for name, right in rights.items() if right == "read"} == set(NINE[6:])
