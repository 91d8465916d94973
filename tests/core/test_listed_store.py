"""A store that is listed once: the same answers with few requests, and never an old content under a new version."""

from __future__ import annotations

import pytest

from grid.core.listed_store import ListedStore, list_once
from grid.core.record import RECORD
from grid.core.store import Store
from tests.support.s3_server import S3Server

CELLS = 10


@pytest.fixture
def store(s3: S3Server) -> Store:
    made = s3.store()
    for number in range(CELLS):
        made.write_json(f"cells/{number}/{RECORD}", {"number": number})
        made.write_json(f"cells/{number}/history.json", {"epochs": number})
    made.write_json("cells/running/history.json", {"epochs": 1})
    made.write_json("cellsbeside/other.json", {})
    return made


@pytest.fixture
def requests(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the requests that are made."""
    import s3fs

    made: list[str] = []
    call = s3fs.S3FileSystem._call_s3

    async def counted(self: object, method: str, *arguments: object, **named: object) -> object:
        made.append(method)
        return await call(self, method, *arguments, **named)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    return made


def listed(store: Store) -> Store:
    return list_once(store, "cells", lambda path: path.endswith(".json"))


def test_answers_are_those_of_the_store(store: Store) -> None:
    view = listed(store)
    assert isinstance(view, ListedStore)
    for path in (
        "cells/0",
        f"cells/0/{RECORD}",
        "cells/0/never",
        "cells/1x",
        "cells/never/a",
        "cellsbeside/other.json",
    ):
        assert view.exists(path) == store.exists(path)
    for path in (f"cells/3/{RECORD}", "cells/running/history.json", "cellsbeside/other.json"):
        assert view.read_json(path) == store.read_json(path)
    with pytest.raises(FileNotFoundError):
        view.read_json("cells/never.json")


def test_one_listing_and_one_request_for_each_file_that_is_new(store: Store, requests: list[str]) -> None:
    for again in range(2):
        view = listed(store)
        assert [view.read_json(f"cells/{number}/{RECORD}")["number"] for number in range(CELLS)] == list(range(CELLS))
        assert (requests.count("list_objects_v2"), requests.count("get_object")) == ((1, 1) if again else (1, 21))
        assert len(requests) == requests.count("list_objects_v2") + requests.count("get_object")
        requests.clear()


def test_a_step_that_was_made_again_is_read_again(store: Store) -> None:
    listed(store)
    store.write_json(f"cells/3/{RECORD}", {"number": "another"})
    assert listed(store).read_json(f"cells/3/{RECORD}") == {"number": "another"}


def test_a_local_store_is_left_as_it_is(tmp_path: object) -> None:
    local = Store.open(str(tmp_path))
    assert list_once(local, "cells", lambda path: True) is local
