"""The API's description: an example of every answer, and each as its schema says."""

import csv
import io

import pytest
from pydantic import BaseModel

from alpha_factory import records
from alpha_factory.service.page.app import API, make_api
from alpha_factory.service.page.guard import make_policy
from alpha_factory.service.page.shapes import acts, making, runs, server, worlds

BINARY = ("image/gif",)
MODELS = {
    name: shape
    for module in (records, acts, making, runs, server, worlds)
    for name, shape in vars(module).items()
    if isinstance(shape, type) and issubclass(shape, BaseModel)
}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_api(tmp_path_factory.mktemp("runs"), make_policy("127.0.0.1", None))


def answers(app):
    """Operation, status, media type and content of every success."""
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    if status.startswith("2"):
                        yield method, path, int(status), kind, content


def test_every_answer_but_films_has_an_example(app):
    found = list(answers(app))
    assert len(found) > 35
    bare = [
        (method, path, kind)
        for method, path, _, kind, content in found
        if "example" not in content and kind not in BINARY
    ]
    assert bare == []


def test_examples_are_what_their_schemas_say_and_nothing_more(app):
    checked = 0
    for method, path, _, kind, content in answers(app):
        if kind == "application/json":
            model, example = (
                MODELS[content["schema"]["$ref"].rpartition("/")[2]],
                content["example"],
            )
            told = model.model_validate(example).model_dump(mode="json", by_alias=True)
            assert told == example, (method, path)
            checked += 1
    assert checked > 25


def test_examples_of_tables_are_tables(app):
    tables = [content["example"] for _, _, _, kind, content in answers(app) if kind == "text/csv"]
    assert len(tables) == 7
    for table in tables:
        head, *rows = csv.reader(io.StringIO(table))
        assert rows
        assert {len(row) for row in rows} == {len(head)}


def test_description_is_the_same_whenever_it_is_asked_for(app):
    assert app.openapi() == app.openapi()
    assert f"{API}/runs" in app.openapi()["paths"]
