"""Promoted memories are attached, exactly; what changed, was forgotten or tampered with never is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata import Memory
from memstrata.activation import keeping
from memstrata.activation.promoting import passage_text, sink_ids
from memstrata.chat import Answer, Chat
from memstrata.errors import InvalidInput, ModelError, StoreBusy
from memstrata.models.local.conversing import LocalChatModel
from memstrata.models.local.runtime import LocalRuntime, Sampling
from memstrata.models.local.tiny import save_tiny_model
from memstrata.types import Artifact, Scope

ANN = Scope(user_id="ann")
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
SAID = ("I live in Ghent.", "Please always answer in French.", "I'm allergic to peanuts.")
SYSTEM = "You are the assistant of a small shop for tea and coffee."


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [save_tiny_model(tmp_path_factory.mktemp(f"tiny{seed}"), seed=seed) for seed in (0, 1)]


@pytest.fixture(scope="module")
def model(folders: list[Path]) -> LocalChatModel:
    return LocalChatModel(LocalRuntime(folders[0]), sampling=Sampling(max_tokens=8))


@pytest.fixture(params=["memory", "sqlite"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memory]:
    url = ":memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/m.db"
    with Memory(url, embedder="none", worker="none", clock=lambda: NOON) as memory:
        memory.add(list(SAID), user_id="ann", wait=True)
        yield memory


def ask(memory: Memory, model: LocalChatModel, question: str = "Where do I live?", **more: Any) -> Answer:
    chat = Chat(memory, model, passages=bool(more.pop("passages", False)))
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    return chat(messages, user_id=more.pop("user_id", "ann"), mode="read-only", **more)


def promote(memory: Memory, model: LocalChatModel, **more: Any) -> Artifact:
    (made,) = memory.promote(user_id="ann", model=model, system=SYSTEM, **more)
    return made


def tiers(answer: Answer) -> dict[str, str]:
    texts = {hit.item.id: hit.text for hit in answer.hits}
    return {texts[each.id]: each.tier for each in answer.served}


def test_a_promoted_beginning_is_attached_and_the_answer_is_the_same(memory: Memory, model: LocalChatModel) -> None:
    before = ask(memory, model)
    assert before.reading is not None
    assert before.reading.attached == 0
    assert set(tiers(before).values()) == {"text"}
    made = promote(memory, model, form="float32")
    assert (made.kind, made.status, made.tier, made.series[:7]) == ("prefix", "ready", "activation", "prefix/")
    assert made.size > made.tokens * 2 * 2 * 2 * 8 * 4
    for number in (1, 2, 3):
        answer = ask(memory, model)
        assert answer.text == before.text
        assert answer.reading is not None
        assert answer.reading.attached == made.tokens
        assert answer.reading.read + made.tokens == before.reading.read
        assert tiers(answer)["I live in Ghent."] == "activation"
        assert memory.artifacts(user_id="ann")[0].uses == number
    other = ask(memory, model, question="什么茶?")
    assert other.reading is not None
    assert other.reading.attached == made.tokens
    assert memory.promote(user_id="ann", model=model, system=SYSTEM, form="float32")[0].id == made.id


@pytest.mark.parametrize("recalled", [True, False])
def test_without_a_system_text_what_stands_is_attached_all_the_same(
    memory: Memory, model: LocalChatModel, recalled: bool
) -> None:
    (made,) = memory.promote(user_id="ann", model=model)
    if recalled:
        memory.add("The boiler man comes on 3 March.", user_id="ann", run_id="past", wait=True)
    answer = Chat(memory, model)("When does the boiler man come?", user_id="ann", mode="read-only")
    assert any("boiler" in hit.text for hit in answer.hits) == recalled
    assert answer.reading is not None
    assert answer.reading.attached == made.tokens > 100


def test_each_chat_answers_with_its_own_model_whoever_promoted(memory: Memory, model: LocalChatModel) -> None:
    made = promote(memory, model)
    longer = LocalChatModel(model.runtime, sampling=Sampling(max_tokens=40))
    answer = ask(memory, longer)
    assert answer.reading is not None
    assert answer.reading.attached == made.tokens
    assert len(answer.text) > len(ask(memory, model).text)


@pytest.mark.parametrize("mode", ["incognito", "write-only"])
def test_a_chat_that_reads_nothing_attaches_nothing_and_counts_no_use(
    memory: Memory, model: LocalChatModel, mode: Any
) -> None:
    promote(memory, model)
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Hello"}]
    answer = Chat(memory, model)(messages, user_id="ann", mode=mode)
    assert (answer.reading, answer.served) == (None, ())
    assert memory.artifacts(user_id="ann")[0].uses == 0


@pytest.mark.parametrize("broken", ["artifacts", "note_use"])
def test_where_the_store_fails_the_answer_comes_all_the_same(
    memory: Memory, model: LocalChatModel, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    plain = ask(memory, model)
    promote(memory, model, form="float32")

    def fails(*args: Any, **kwargs: Any) -> Any:
        raise StoreBusy("held by another process")

    monkeypatch.setattr(memory._parts.store, broken, fails)
    answer = ask(memory, model)
    assert answer.text == plain.text
    assert answer.reading is not None
    assert (answer.reading.attached == 0) == (broken == "artifacts")
    assert any("store_busy" in note for note in answer.degraded) == (broken == "artifacts")


def test_its_manifest_says_what_it_is_and_holds_no_words(memory: Memory, model: LocalChatModel) -> None:
    made = promote(memory, model)
    facts = {fact.id for fact in memory.facts(user_id="ann", limit=9)}
    episodes = {each.id for each in memory.episodes(user_id="ann").episodes}
    assert set(made.sources) <= facts | episodes
    assert len(set(made.sources) & facts) == len(set(made.sources) & episodes) == 3
    store = memory._parts.store
    with store.blobs.reading(store.blob_name(ANN, made.id)) as place:
        manifest = json.loads((place / keeping.MANIFEST).read_text())
        assert {each.name for each in place.iterdir()} == {keeping.TENSORS, keeping.MANIFEST}
    assert manifest["model"] == model.fingerprint == made.model
    assert manifest["sources"] == list(made.sources)
    assert len(manifest["tokens"]) == made.tokens
    assert "Ghent" not in json.dumps(manifest) + repr(made)


@pytest.mark.parametrize("how", ["forget", "correct", "retire", "mute", "demote"])
def test_what_changed_is_never_attached_again_and_its_bytes_are_gone(
    memory: Memory, model: LocalChatModel, how: str
) -> None:
    promote(memory, model)
    (fact,) = (fact for fact in memory.facts(user_id="ann", limit=9) if "Ghent" in fact.text)
    store = memory._parts.store
    assert len(store.blobs.names()) == 1
    if how == "forget":
        assert memory.forget([fact.sources[0].episode_id], user_id="ann").scrubbed
    elif how == "correct":
        memory.correct(fact.id, "I live in Bruges.", user_id="ann")
    elif how == "retire":
        memory.retire(fact.id, user_id="ann")
    elif how == "mute":
        memory.mute(fact.id, user_id="ann")
    else:
        assert len(memory.demote(fact.id, user_id="ann")) == 1
    assert store.blobs.names() == []
    statuses = [each.status for each in memory.artifacts(user_id="ann")]
    assert statuses == ([] if how in ("forget", "demote") else ["stale"])
    answer = ask(memory, model)
    assert answer.reading is not None
    assert answer.reading.attached == 0
    again = promote(memory, model)
    answer = ask(memory, model)
    assert answer.reading is not None
    assert answer.reading.attached == again.tokens


@pytest.mark.parametrize("passage", [True, False])
def test_no_byte_of_a_forgotten_artifact_is_in_any_file(tmp_path: Path, model: LocalChatModel, passage: bool) -> None:
    with Memory(f"sqlite:///{tmp_path}/m.db", embedder="none", worker="none") as memory:
        (id_,) = memory.add("I live in Ghent.", user_id="ann", wait=True).episode_ids
        (made,) = memory.promote([id_] if passage else None, user_id="ann", model=model)
        store = memory._parts.store
        with store.blobs.reading(store.blob_name(ANN, made.id)) as place:
            data = (place / keeping.TENSORS).read_bytes()
            manifest = (place / keeping.MANIFEST).read_bytes()
        pieces = [data[at : at + 48] for at in range(len(data) // 3, len(data) - 48, len(data) // 9)]
        pieces += [manifest[-200:], made.digest.encode()]

        def held() -> list[bytes]:
            files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
            return [piece for piece in pieces if any(piece in file for file in files)]

        assert held() == pieces
        assert memory.forget([id_], user_id="ann").scrubbed
        assert held() == []


def test_a_new_fact_leaves_what_comes_before_it_attached(memory: Memory, model: LocalChatModel) -> None:
    made = promote(memory, model)
    memory.add("My name is Ann Peeters.", user_id="ann", wait=True)
    answer = ask(memory, model)
    assert answer.reading is not None
    assert 0 < answer.reading.attached < made.tokens
    assert set(tiers(answer).values()) == {"text"}  # not all of it is attached, so none is said to be
    newer = promote(memory, model)
    assert [each.id for each in memory.artifacts(user_id="ann")] == [newer.id]
    assert len(memory._parts.store.blobs.names()) == 1


def test_users_and_models_never_share_an_artifact(memory: Memory, folders: list[Path], model: LocalChatModel) -> None:
    memory.add(list(SAID), user_id="ben", wait=True)
    promote(memory, model)
    answer = ask(memory, model, user_id="ben")
    other = LocalChatModel(LocalRuntime(folders[1]), sampling=Sampling(max_tokens=8))
    assert answer.reading is not None
    assert answer.reading.attached == 0
    answer = ask(memory, other)
    assert answer.reading is not None
    assert answer.reading.attached == 0
    theirs = promote(memory, other)
    assert theirs.model != model.fingerprint
    answer = ask(memory, other)
    assert answer.reading is not None
    assert answer.reading.attached == theirs.tokens
    assert memory.demote(user_id="ben") == []


def test_interleaved_users_get_their_own_answers(memory: Memory, model: LocalChatModel) -> None:
    memory.add(["I live in Rome.", "I'm a vegan."], user_id="ben", wait=True)
    plain = {user: ask(memory, model, user_id=user).text for user in ("ann", "ben")}
    for user in ("ann", "ben"):
        memory.promote(user_id=user, model=model, system=SYSTEM, form="float32")
    for user in ("ann", "ben", "ben", "ann"):
        answer = ask(memory, model, user_id=user)
        assert answer.text == plain[user]
        assert answer.reading is not None
        assert answer.reading.attached > 0


def _truncate(place: Path) -> None:
    file = place / keeping.TENSORS
    file.write_bytes(file.read_bytes()[:-100])


def _tamper(place: Path) -> None:
    data = bytearray((place / keeping.TENSORS).read_bytes())
    data[-1] ^= 1
    (place / keeping.TENSORS).write_bytes(data)


def _swap(place: Path) -> None:
    (place / keeping.TENSORS).unlink()


def _other_manifest(place: Path) -> None:
    manifest = json.loads((place / keeping.MANIFEST).read_text())
    manifest["sources"] = []
    (place / keeping.MANIFEST).write_text(json.dumps(manifest))


def _no_manifest(place: Path) -> None:
    (place / keeping.MANIFEST).unlink()


def _oversized(place: Path) -> None:
    with (place / keeping.TENSORS).open("ab") as file:
        file.truncate((place / keeping.TENSORS).stat().st_size + (1 << 20))


def _huge_manifest(place: Path) -> None:
    with (place / keeping.MANIFEST).open("ab") as file:
        file.truncate(keeping.MOST_MANIFEST_BYTES + 1)


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (_truncate, "another size"),
        (_tamper, "other bytes"),
        (_swap, "cannot be read"),
        (_other_manifest, "not the one that was written"),
        (_no_manifest, "cannot be read"),
        (_oversized, "another size"),
        (_huge_manifest, "larger than any"),
    ],
)
def test_a_file_that_is_not_what_was_written_is_refused_and_read_as_text(
    memory: Memory, model: LocalChatModel, break_it: Callable[[Path], None], says: str
) -> None:
    plain = ask(memory, model)
    made = promote(memory, model)
    store = memory._parts.store
    with store.blobs.reading(store.blob_name(ANN, made.id)) as place:
        break_it(place)
    answer = ask(memory, model)
    assert answer.text == plain.text
    assert answer.reading is not None
    assert answer.reading.attached == 0
    assert any(says in note and "read as text" in note for note in answer.degraded), answer.degraded
    assert memory.artifacts(user_id="ann") == []
    assert says not in repr(ask(memory, model).degraded)


def test_an_artifact_of_other_numbers_of_layers_or_none_at_all_is_refused(
    memory: Memory, model: LocalChatModel, tmp_path: Path
) -> None:
    import torch

    from memstrata.errors import ArtifactRefused
    from memstrata.models.local import kv_file
    from memstrata.models.local.keyvalues import KeyValues

    part = model.prefill(model.encode("tea"))
    shallow = KeyValues(keys=part.keys[:1], values=part.values[:1], start=0, end=part.end)
    kv_file.save(tmp_path / "shallow", shallow, form="float16")
    with pytest.raises(ArtifactRefused, match="of this model"):
        model.load(tmp_path / "shallow")
    keys = part.keys.clone()
    keys[0, 0, 0, 0] = torch.nan
    kv_file.save(tmp_path / "nan", KeyValues(keys=keys, values=part.values, start=0, end=part.end), form="float32")
    with pytest.raises(ArtifactRefused, match="numbers that are none"):
        model.load(tmp_path / "nan")


def test_passages_that_recall_picks_are_attached_the_best_last(memory: Memory, model: LocalChatModel) -> None:
    memory.add(["The boiler man comes on 3 March.", "The boiler was 900 euros."], user_id="ann", wait=True)
    episodes = [each.id for each in memory.episodes(user_id="ann").episodes if "boiler" in each.text]
    made = memory.promote([*episodes, "ep_unknown"], user_id="ann", model=model)
    assert [each.kind for each in made] == ["passage"] * 2
    assert {each.sources for each in made} == {(id_,) for id_ in episodes}
    answer = ask(memory, model, question="When does the boiler man come?", passages=True)
    attached = [each.artifact for each in answer.served if each.tier == "activation"]
    assert attached
    assert set(attached) <= {each.id for each in made}
    assert answer.reading is not None
    assert answer.reading.attached == sum(each.tokens for each in made if each.id in attached)
    plain = ask(memory, model, question="When does the boiler man come?")
    assert plain.reading is not None
    assert plain.reading.attached == 0
    memory.forget(episodes, user_id="ann")
    assert memory._parts.store.blobs.names() == []


def test_one_passage_alone_is_attached_as_if_it_had_been_read_there(model: LocalChatModel) -> None:
    with Memory(":memory:", embedder="none", worker="none", clock=lambda: NOON) as memory:
        memory.add("The boiler man comes on 3 March.", user_id="ann", wait=True)
        (episode,) = memory.episodes(user_id="ann").episodes
        memory.promote(episode.id, user_id="ann", model=model, form="float32")
        attacher = memory.attacher(model)
        ready = attacher.ready_passages(ANN, [episode.id])
        sink = sink_ids(model)
        tail = model.encode("When?")
        attachment = attacher.attach_passages(ANN, sink, ready, tail)
        words = "".join(piece.text for piece in model.answer(attachment.tail, after=attachment.parts))
        whole = [*sink, *model.encode(passage_text(episode)), *tail]
        assert words == "".join(piece.text for piece in model.answer(whole))


def test_a_sparse_passage_is_smaller_and_is_attached(memory: Memory, model: LocalChatModel) -> None:
    said = "The boiler man comes on 3 March at nine."
    (id_,) = memory.add(said, user_id="ann", wait=True).episode_ids
    (whole,) = memory.promote(id_, user_id="ann", model=model)
    (few,) = memory.promote(id_, user_id="ann", model=model, keep=8)
    assert few.id != whole.id
    assert (few.tokens, few.series) == (whole.tokens, whole.series)
    assert few.size < whole.size / 2
    assert [each.id for each in memory.artifacts(user_id="ann")] == [few.id]
    answer = ask(memory, model, question="When does the boiler man come?", passages=True)
    assert answer.reading is not None
    assert answer.reading.attached == few.tokens
    assert few.id in {each.artifact for each in answer.served}
    (same,) = memory.promote(id_, user_id="ann", model=model, keep=10_000)
    part = memory.attacher(model).keeper.part(ANN, same)
    assert part.tokens == same.tokens
    with pytest.raises(InvalidInput):
        memory.promote(id_, user_id="ann", model=model, keep=0)


def test_what_saves_least_gives_way_to_the_budget(memory: Memory, model: LocalChatModel) -> None:
    memory.add("I live in Rome.", user_id="ben", wait=True)
    (used,) = memory.promote(user_id="ben", model=model, system=SYSTEM)
    ask(memory, model, user_id="ben")
    assert memory.promote(user_id="ann", model=model, system=SYSTEM, budget_bytes=used.size + 10) == []
    assert memory.artifacts(user_id="ann") == []
    assert [each.id for each in memory.artifacts(user_id="ben")] == [used.id]
    assert memory.promote(user_id="ann", model=model, budget_bytes=10) == []
    assert memory._parts.store.blobs.names() == []


def test_one_in_use_is_not_evicted(memory: Memory, model: LocalChatModel) -> None:
    made = promote(memory, model)
    keeper = memory.attacher(model).keeper
    with keeper.using(ANN, [made]):
        memory.add("I live in Rome.", user_id="ben", wait=True)
        assert memory.promote(user_id="ben", model=model, system=SYSTEM, budget_bytes=10) == []
        assert [each.id for each in memory.artifacts(user_id="ann")] == [made.id]
    assert keeper.in_use == frozenset()


def test_what_is_forgotten_while_it_is_read_is_not_kept(
    memory: Memory, model: LocalChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = model.prefill

    def forget_meanwhile(*args: Any, **kwargs: Any) -> Any:
        memory.forget(user_id="ann")
        return real(*args, **kwargs)

    monkeypatch.setattr(model, "prefill", forget_meanwhile)
    assert memory.promote(user_id="ann", model=model, system=SYSTEM) == []
    monkeypatch.undo()
    assert memory.artifacts(user_id="ann") == []
    assert memory._parts.store.blobs.names() == []


def test_a_model_that_fails_leaves_nothing_behind(
    memory: Memory, model: LocalChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ModelError("out of memory")

    monkeypatch.setattr(model, "prefill", broken)
    with pytest.raises(ModelError):
        memory.promote(user_id="ann", model=model)
    assert memory.artifacts(user_id="ann") == []
    assert memory._parts.store.blobs.names() == []


def test_wrong_arguments_are_named(memory: Memory, model: LocalChatModel) -> None:
    with pytest.raises(InvalidInput, match="name the model"):
        memory.promote(user_id="ann")
    with pytest.raises(InvalidInput, match="float16"):
        memory.promote(user_id="ann", model=model, form="float8")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="tier"):
        memory.promote(user_id="ann", model=model, tier="text")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="not on this machine"):
        memory.promote(user_id="ann", model="openai:m@http://127.0.0.1:9")
    with pytest.raises(InvalidInput, match="nothing stands"):
        memory.promote(user_id="nobody", model=model)
    assert memory.promote("ep_none", user_id="nobody", model=model) == []
    assert memory.demote(user_id="nobody") == []
    assert memory.artifacts(user_id="nobody") == []


def test_another_process_attaches_what_this_one_kept(tmp_path: Path, model: LocalChatModel) -> None:
    url = f"sqlite:///{tmp_path}/m.db"
    with Memory(url, embedder="none", worker="none") as one, Memory(url, embedder="none", worker="none") as other:
        one.add(list(SAID), user_id="ann", wait=True)
        plain = ask(other, model)
        made = promote(one, model, form="float32")
        answer = ask(other, model)
        assert answer.text == plain.text
        assert answer.reading is not None
        assert answer.reading.attached == made.tokens
        one.forget(user_id="ann")
        assert ask(other, model).reading is not None
        assert ask(other, model).hits == ()
