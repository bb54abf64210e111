"""A page without a browser: the requests that dash's renderer would send, with the values that a user sets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

PORT = 8050
ORIGIN = f"http://127.0.0.1:{PORT}"
Id = str | dict[str, Any]


class Page:
    """A page that was loaded; :meth:`set` changes a component, :meth:`send` runs the callback with a given output."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()
        self._components = {_key(each["id"]): each for each in components(self.get("/_dash-layout").get_json())}
        self._callbacks = self.get("/_dash-dependencies").get_json()

    def get(self, path: str, **headers: str) -> TestResponse:
        return self._client.get(path, base_url=ORIGIN, headers=headers, buffered=True)  # closes files

    def set(self, id_: Id, value: Any, prop: str = "value") -> None:
        self._components[_key(id_)][prop] = value

    def value(self, id_: Id, prop: str = "value") -> Any:
        return self._components[_key(id_)].get(prop)

    def send(self, output: str, changed: str | None = None, **headers: str) -> TestResponse:
        """Send the request of the callback that has ``output``, such as ``status.children``."""
        (callback,) = (each for each in self._callbacks if output in each["output"] and not each["clientside_function"])
        request = {
            "output": callback["output"],
            "outputs": [
                dict(zip(("id", "property"), part.rsplit(".", 1), strict=True)) for part in _parts(callback["output"])
            ],
            "inputs": [self._values(each) for each in callback["inputs"]],
            "state": [self._values(each) for each in callback["state"]],
            "changedPropIds": [] if changed is None else [changed],
        }
        if len(request["outputs"]) == 1 and not callback["output"].startswith(".."):
            request["outputs"] = request["outputs"][0]
        return self._client.post(
            "/_dash-update-component", json=request, base_url=ORIGIN, headers={"Origin": ORIGIN, **headers}
        )

    def answer(self, changed: str | None = None) -> dict[str, Any]:
        """Return what the answer's callback sets: component → its new property."""
        response = self.send("status.children", changed)
        assert response.status_code == 200, response.text
        return {id_: next(iter(props.values())) for id_, props in response.get_json()["response"].items()}

    def _values(self, dependency: Mapping[str, str]) -> Any:
        id_, prop = dependency["id"], dependency["property"]
        if not id_.startswith("{"):
            return {"id": id_, "property": prop, "value": self._components[id_].get(prop)}
        kind = json.loads(id_)["type"]
        matching = [
            each for each in self._components.values() if isinstance(each["id"], dict) and each["id"]["type"] == kind
        ]
        return [{"id": each["id"], "property": prop, "value": each.get(prop)} for each in matching]


def components(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield the properties of all components of a layout that have an identifier."""
    if isinstance(tree, list):
        for each in tree:
            yield from components(each)
    elif isinstance(tree, dict):
        if "id" in tree.get("props", {}):
            yield tree["props"]
        for each in tree.values():
            yield from components(each)


def texts(tree: Any) -> str:
    """Return all texts of components, in their order."""
    if isinstance(tree, list):
        return "".join(map(texts, tree))
    if isinstance(tree, dict):
        return texts(tree.get("props", {}).get("children", ""))
    return "" if tree is None else str(tree)


def _key(id_: Id) -> str:
    return id_ if isinstance(id_, str) else json.dumps(id_, sort_keys=True)


def _parts(output: str) -> list[str]:
    return output.strip(".").split("...") if output.startswith("..") else [output]
