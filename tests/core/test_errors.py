from pathlib import Path

import pytest

from alpha_factory.core import errors


def test_unknown_lists_the_choices_and_the_closest():
    error = errors.unknown("preset", "lptop", ["paper", "laptop", "demo"])
    assert str(error) == (
        "Unknown preset 'lptop'. Did you mean 'laptop'? Choices: demo, laptop, paper."
    )
    assert error.exit_code == 2


def test_unknown_says_so_when_there_is_nothing_to_choose():
    assert str(errors.unknown("method", "x", [])).endswith("Choices: none is installed.")


@pytest.mark.parametrize("kind", [errors.InvalidGenome, errors.InvalidLevel])
def test_schema_error_names_field_rule_and_value(kind):
    error = kind("width", "between 5 and 13", 99)
    assert "width must be between 5 and 13; got 99." in str(error)
    assert isinstance(error, ValueError)
    assert error.exit_code == 1


def test_schema_error_shortens_a_long_value():
    assert len(str(errors.InvalidGenome("hex", "128 hex digits", "0" * 10_000))) < 200


def test_occupied_names_the_resume_command():
    assert "alpha-factory run --resume --out runs/a" in str(
        errors.RunConflict.occupied(Path("runs/a"))
    )


def test_corrupt_checkpoint_names_path_and_reason():
    error = errors.CorruptCheckpoint(Path("checkpoints/7"), "checksum differs")
    assert str(error) == "Checkpoint checkpoints/7 is unusable: checksum differs."


def test_divergence_says_where_and_what_is_left():
    error = errors.Diverged("10 updates were skipped", 120, Path("checkpoints/100"))
    assert "Learning stopped at update 120: 10 updates were skipped." in str(error)
    assert "checkpoints/100" in str(error)
    assert "No checkpoint" in str(errors.Diverged("the loss", 1, None))


def test_disk_full_says_that_the_last_checkpoint_is_intact():
    error = errors.DiskFull(Path("checkpoints/8"), Path("checkpoints/7"))
    assert "checkpoints/7, is intact" in str(error)
    assert "No checkpoint" in str(errors.DiskFull(Path("checkpoints/8"), None))
