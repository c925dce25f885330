from dataclasses import dataclass, field
from types import SimpleNamespace

from alpha_factory.cli import commands, pages
from alpha_factory.genome import rules


@dataclass(frozen=True)
class Learning:
    """How the networks learn."""

    rate: float = 3e-4
    """Step of the optimiser."""


@dataclass(frozen=True)
class Settings:
    """Everything a run is."""

    frames: int | None = None
    """End after this many
    env steps."""
    worlds: int = 65_536
    """Stepped side by side."""
    learning: Learning = field(default_factory=Learning)


def test_configuration_page_shows_each_setting_for_each_preset():
    presets = {"demo": Settings(), "paper": Settings(frames=5, learning=Learning(rate=0.1))}
    page = pages.render_configuration(presets)
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [
        "| `frames` | `int \\| None` | - | 5 | End after this many env steps. |",
        "| `worlds` | `int` | 65,536 | 65,536 | Stepped side by side. |",
        "| `rate` | `float` | 0.0003 | 0.1 | Step of the optimiser. |",
    ]
    assert "## `learning`\n\nHow the networks learn." in page
    assert "| setting | type | demo | paper | meaning |" in page


def test_cli_page_has_every_command():
    page = pages.render_cli()
    for path in pages.command_paths(commands.Command):
        assert f"## `alpha-factory {' '.join(path)}`" in page
    assert "--resume" in page


def test_genome_page_shows_the_bits_of_each_field():
    width = SimpleNamespace(
        name="width",
        section="topology",
        offset=0,
        width=4,
        kind="number",
        meaning="columns | cells",
    )
    spare = SimpleNamespace(
        name="spare_a", section="rules", offset=4, width=28, kind="spare", meaning=""
    )
    page = pages.render_genome({"width": width, "spare_a": spare}, {"topology": 4, "rules": 28})
    assert "All 32 bits" in page
    assert "## Topology, 4 bits\n\n| bits | field |" in page
    rows = [line for line in page.splitlines() if "`" in line and line.startswith("|")]
    assert rows == [
        "| 0–3 | `width` | number | columns \\| cells |",
        "| 4–31 | `spare_a` | spare | not read yet |",
    ]


def test_rules_page_has_each_trigger_effect_and_template():
    page = pages.render_rules(rules)
    rows = [line for line in page.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) == 17 + 36 + 57
    assert "| 17 | `within {n} cells of an opponent` |" in page
    assert "| 17 | tide | `in turns of 2…17 steps: the tide takes 1…8 rows` |" in page
    assert "| 54 | marsh | `in the bottom half: the floor is mud` |" in page
    assert "`for 2…17 steps after entering conveyor: forward goes backwards`" in page
