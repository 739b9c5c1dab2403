"""The nine tools of the reference memory server, with its inputs and outputs, on a graph kept as episodes.

What they write, recall finds; what they delete is erased for good. Two calls that write take turns in this process;
what another process wrote in between is read again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import Field

from memstrata.core.access import Right
from memstrata.errors import Conflict
from memstrata.surfaces.mcp.graph import RUN, Entity, Graph, Parts, add, erase, settled
from memstrata.surfaces.mcp.graph import read_graph as kept_graph
from memstrata.surfaces.mcp.here import Here, Refused
from memstrata.surfaces.mcp.tools import Answer, Arguments, Structured, Tool

MOST_OF_A_QUERY = 2048
_SAYS = {
    "create_entities": "Create multiple new entities in the knowledge graph",
    "create_relations": "Create multiple new relations between entities in the knowledge graph. Relations should be in"
    " active voice",
    "add_observations": "Add new observations to existing entities in the knowledge graph",
    "delete_entities": "Delete multiple entities and their associated relations from the knowledge graph",
    "delete_observations": "Delete specific observations from entities in the knowledge graph",
    "delete_relations": "Delete multiple relations from the knowledge graph",
    "read_graph": "Read the entire knowledge graph",
    "search_nodes": "Search for nodes in the knowledge graph based on a query",
    "open_nodes": "Open specific nodes in the knowledge graph by their names",
}
_TRIES = 5
A = TypeVar("A", bound=Arguments)


class EntityShape(Structured):
    """An entity."""

    name: str = Field(min_length=1, description="The name of the entity")
    entityType: str = Field(description="The type of the entity")  # noqa: N815 - the contract's spelling
    observations: list[str] = Field(description="An array of observation contents associated with the entity")


class RelationShape(Structured):
    """A relation."""

    source: str = Field(alias="from", min_length=1, description="The name of the entity where the relation starts")
    target: str = Field(alias="to", min_length=1, description="The name of the entity where the relation ends")
    relationType: str = Field(min_length=1, description="The type of the relation")  # noqa: N815


class Contents(Structured):
    """Observations to add."""

    entityName: str = Field(description="The name of the entity to add the observations to")  # noqa: N815
    contents: list[str] = Field(description="An array of observation contents to add")


class Added(Structured):
    """Observations that were added."""

    entityName: str  # noqa: N815
    addedObservations: list[str]  # noqa: N815


class Deletion(Structured):
    """Observations to delete."""

    entityName: str = Field(description="The name of the entity containing the observations")  # noqa: N815
    observations: list[str] = Field(description="An array of observations to delete")


class EntitiesIn(Arguments):
    """Entities."""

    entities: list[EntityShape]


class RelationsIn(Arguments):
    """Relations."""

    relations: list[RelationShape]


class ObservationsIn(Arguments):
    """Observations."""

    observations: list[Contents]


class NamesToDelete(Arguments):
    """Names."""

    entityNames: list[str] = Field(description="An array of entity names to delete")  # noqa: N815


class DeletionsIn(Arguments):
    """Deletions."""

    deletions: list[Deletion]


class Nothing(Arguments):
    """Nothing."""


class QueryIn(Arguments):
    """A query."""

    query: str = Field(
        max_length=MOST_OF_A_QUERY,
        description="The search query to match against entity names, types, and observation content",
    )


class NamesToOpen(Arguments):
    """Names."""

    names: list[str] = Field(description="An array of entity names to retrieve")


class EntitiesOut(Structured):
    """Entities that are new."""

    entities: list[EntityShape]


class RelationsOut(Structured):
    """Relations that are new."""

    relations: list[RelationShape]


class AddedOut(Structured):
    """Observations that are new."""

    results: list[Added]


class Done(Structured):
    """That it was done."""

    success: bool
    message: str


class GraphOut(Structured):
    """Entities and relations."""

    entities: list[EntityShape]
    relations: list[RelationShape]


def create_entities(here: Here, taken: EntitiesIn) -> Answer:
    """Keep entities whose names are new."""
    home, graph = here.within(RUN), kept_graph(here.within(RUN))
    new: dict[str, EntityShape] = {}
    for each in taken.entities:
        name, kind = settled("entity", (each.name, each.entityType))
        if name not in graph.entities and name not in new:
            kept = [settled("observation", (name, text))[1] for text in each.observations]
            new[name] = EntityShape(name=name, entityType=kind, observations=list(dict.fromkeys(kept)))
    add(home, "entity", [(each.name, each.entityType) for each in new.values()])
    add(home, "observation", [(each.name, text) for each in new.values() for text in each.observations])
    shown = [_plain(each) for each in new.values()]
    return Answer(text=_json(shown), structured=EntitiesOut(entities=list(new.values())))


def create_relations(here: Here, taken: RelationsIn) -> Answer:
    """Keep relations that are new."""
    home, graph = here.within(RUN), kept_graph(here.within(RUN))
    for each in taken.relations:
        for name in (each.source, each.target):
            _entity(graph, name)
    asked = dict.fromkeys(_triple(settled("relation", _parts(each))) for each in taken.relations)
    new = [triple for triple in asked if triple not in graph.relations]
    add(home, "relation", new)
    shapes = [_relation(triple) for triple in new]
    return Answer(text=_json([_plain(each) for each in shapes]), structured=RelationsOut(relations=shapes))


def add_observations(here: Here, taken: ObservationsIn) -> Answer:
    """Keep observations that are new."""
    home, graph = here.within(RUN), kept_graph(here.within(RUN))
    results, new = [], []
    for each in taken.observations:
        known = _entity(graph, each.entityName).observations
        kept = dict.fromkeys(settled("observation", (each.entityName, text))[1] for text in each.contents)
        added = [text for text in kept if text not in known]
        known.update(dict.fromkeys(added, ""))
        new += [(each.entityName, text) for text in added]
        results.append(Added(entityName=each.entityName, addedObservations=added))
    add(home, "observation", new)
    return Answer(text=_json([_plain(each) for each in results]), structured=AddedOut(results=results))


def delete_entities(here: Here, taken: NamesToDelete) -> Answer:
    """Erase entities with what is observed of them and their relations."""
    home, graph = here.within(RUN), kept_graph(here.within(RUN))
    names = set(taken.entityNames)
    found = [graph.entities[name] for name in graph.entities if name in names]
    ids = [id_ for each in found for id_ in (*each.episode_ids, *each.observations.values())]
    ids += [id_ for (source, _, target), id_ in graph.relations.items() if names & {source, target}]
    erase(home, ids)
    missing = [name for name in taken.entityNames if name not in graph.entities]
    if not missing:
        return _done("Entities deleted successfully")
    count, asked = len(taken.entityNames) - len(missing), len(taken.entityNames)
    return _done(f"Deleted {count} of {asked} entities. Not found: {', '.join(missing)}")


def delete_observations(here: Here, taken: DeletionsIn) -> Answer:
    """Erase observations."""
    home, graph = here.within(RUN), kept_graph(here.within(RUN))
    ids: list[str] = []
    missing = []
    for each in taken.deletions:
        entity = graph.entities.get(each.entityName)
        if entity is None:
            missing.append(each.entityName)
            continue
        for text in dict.fromkeys(each.observations):
            known = entity.observations.pop(settled("observation", (each.entityName, text))[1], None)
            ids += [] if known is None else [known]
    erase(home, ids)
    asked = sum(len(each.observations) for each in taken.deletions)
    if len(ids) == asked:
        return _done("Observations deleted successfully")
    not_found = f" Entities not found: {', '.join(missing)}" if missing else ""
    return _done(f"Deleted {len(ids)} of {asked} observations.{not_found}")


def delete_relations(here: Here, taken: RelationsIn) -> Answer:
    """Erase relations."""
    home, graph = here.within(RUN), kept_graph(here.within(RUN))
    asked = {_triple(_parts(each)) for each in taken.relations}
    ids = [id_ for triple, id_ in graph.relations.items() if triple in asked]
    erase(home, ids)
    if len(ids) == len(taken.relations):
        return _done("Relations deleted successfully")
    return _done(f"Deleted {len(ids)} of {len(taken.relations)} relations. The rest matched nothing.")


def read_graph(here: Here, _: Nothing) -> Answer:
    """All of it."""
    graph = kept_graph(here.within(RUN))
    return _graph(graph, list(graph.entities.values()), list(graph.relations))


def search_nodes(here: Here, taken: QueryIn) -> Answer:
    """Entities whose name, type or an observation holds the query, whatever the case."""
    words = taken.query.lower()
    graph = kept_graph(here.within(RUN))
    found = [each for each in graph.entities.values() if _holds(each, words)]
    return _around(graph, found)


def open_nodes(here: Here, taken: NamesToOpen) -> Answer:
    """Entities by name."""
    graph, names = kept_graph(here.within(RUN)), set(taken.names)
    return _around(graph, [each for each in graph.entities.values() if each.name in names])


def reference_tools() -> tuple[Tool[Any], ...]:
    """The nine."""
    lock = threading.Lock()

    def tool(run: Callable[[Here, A], Answer], right: Right, takes: type[A], gives: type[Structured]) -> Tool[A]:
        name = run.__name__
        return Tool(
            name=name,
            title=name.replace("_", " ").title(),
            description=_SAYS[name],
            takes=takes,
            gives=gives,
            right=right,
            run=run if right == "read" else _in_turn(lock, run),
            destructive=right == "forget",
            idempotent=right == "forget",
            names=("user_id",),
        )

    return (
        tool(create_entities, "write", EntitiesIn, EntitiesOut),
        tool(create_relations, "write", RelationsIn, RelationsOut),
        tool(add_observations, "write", ObservationsIn, AddedOut),
        tool(delete_entities, "forget", NamesToDelete, Done),
        tool(delete_observations, "forget", DeletionsIn, Done),
        tool(delete_relations, "forget", RelationsIn, Done),
        tool(read_graph, "read", Nothing, GraphOut),
        tool(search_nodes, "read", QueryIn, GraphOut),
        tool(open_nodes, "read", NamesToOpen, GraphOut),
    )


def _in_turn(lock: threading.Lock, run: Callable[[Here, A], Answer]) -> Callable[[Here, A], Answer]:
    """One writer at a time; decided again where one of another process kept the same name otherwise."""

    def in_turn(here: Here, taken: A) -> Answer:
        with lock:
            for _ in range(_TRIES - 1):
                try:
                    return run(here, taken)
                except Conflict:
                    continue
            return run(here, taken)

    return in_turn


def _holds(entity: Entity, words: str) -> bool:
    return any(words in text.lower() for text in (entity.name, entity.type, *entity.observations))


def _around(graph: Graph, found: Sequence[Entity]) -> Answer:
    names = {each.name for each in found}
    return _graph(graph, found, [triple for triple in graph.relations if names & {triple[0], triple[2]}])


def _graph(graph: Graph, entities: Sequence[Entity], relations: Sequence[tuple[str, str, str]]) -> Answer:
    shapes = [EntityShape(name=e.name, entityType=e.type, observations=list(e.observations)) for e in entities]
    out = GraphOut(entities=shapes, relations=[_relation(each) for each in relations])
    return Answer(text=_json(_plain(out)), structured=out)


def _entity(graph: Graph, name: str) -> Entity:
    if name not in graph.entities:
        raise Refused(f"Entity with name {name} not found", code="not_found")
    return graph.entities[name]


def _parts(relation: RelationShape) -> Parts:
    return (relation.source, relation.relationType, relation.target)


def _triple(parts: Parts) -> tuple[str, str, str]:
    return (parts[0], parts[1], parts[2])


def _relation(triple: tuple[str, str, str]) -> RelationShape:
    return RelationShape.model_validate({"from": triple[0], "to": triple[2], "relationType": triple[1]})


def _done(message: str) -> Answer:
    return Answer(text=message, structured=Done(success=True, message=message))


def _plain(shape: Structured) -> dict[str, Any]:
    return shape.model_dump(mode="json", by_alias=True)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
