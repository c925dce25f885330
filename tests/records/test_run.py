import pytest
from pydantic import ValidationError

from alpha_factory.records import MetricRow, RunSummary

_ROW = {
    "frames": 100,
    "updates": 10,
    "wall_s": 1.5,
    "compile_s": 0.5,
    "worlds_accepted": 2,
    "worlds_rejected": 3,
    "solve_rate": 0.5,
}


def test_run_summary_is_the_last_row_and_the_run():
    row = MetricRow(**_ROW, values={"loss": 0.1})
    summary = RunSummary(**row.model_dump(), run="runs/a").model_dump()
    assert summary == row.model_dump() | {"run": "runs/a", "report": None}


@pytest.mark.parametrize("wrong", [{"frames": -1}, {"solve_rate": 2}, {"speed": 1}])
def test_metric_row_names_the_field_that_breaks_its_rule(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        MetricRow(**_ROW | wrong)
