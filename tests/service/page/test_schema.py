"""Schemathesis asks the API whatever its description allows, and what it forbids."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from alpha_factory.service.page.app import API, make_app
from alpha_factory.service.page.guard import make_policy
from alpha_factory.service.page.workshop import WorkshopClient
from made_runs import WORKSHOP_COMMAND, beat, make_run
from page_client import serving

EXAMPLES = 12


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    beat(make_run(folder / "a"))
    workshop = WorkshopClient(WORKSHOP_COMMAND)
    with serving(make_app(folder, make_policy("127.0.0.1", None), workshop=workshop)) as place:
        schema = schemathesis.openapi.from_url(f"http://{place}{API}/openapi.json")
        refusals = schema.config.checks.negative_data_rejection
        refusals.expected_statuses = [*refusals.expected_statuses, "413"]  # too large to be read
        yield schema


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_api_answers_as_its_description_says(schema, mode):
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 25
    for operation in operations:
        if operation.method == "get" and mode == GenerationMode.NEGATIVE and not operation.query:
            continue

        @settings(
            max_examples=EXAMPLES,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            if "run" in case.path_parameters and mode == GenerationMode.POSITIVE:
                case.path_parameters["run"] = "a"  # else nearly every answer were "there is none"
            # Rules over several fields, and what a level is, are beyond JSON Schema.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        ask()
