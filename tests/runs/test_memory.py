"""What a run takes of the memory: exact where it is kept, told where it does not suffice."""

import jax
import pytest

from alpha_factory.core.errors import OutOfMemory
from alpha_factory.runs.memory import estimate_memory, tell_shortage
from alpha_factory.runs.programs import Programs
from alpha_factory.runs.settings import change
from alpha_factory.runs.state import begin_state
from alpha_factory.runs.suites import held_out_levels
from runs.tiny import MUTATOR, TINY

GIB = 2**30


def test_what_a_run_keeps_is_estimated_to_the_byte():
    state = begin_state(TINY)
    parts = estimate_memory(TINY, None)

    def size(tree):
        return sum(leaf.nbytes for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array))

    assert parts["replay"] * GIB == pytest.approx(size(state.student.ring))
    assert parts["model and optimiser"] * GIB == pytest.approx(size(state.student.learner))
    assert parts["search"] > 0
    assert parts["update"] > 0


def test_work_that_the_compiler_tells_is_split_between_search_and_update():
    parts = estimate_memory(TINY, 10**9)
    assert (parts["search"] + parts["update"]) * GIB == pytest.approx(10**9)


@pytest.mark.parametrize(
    ("setting", "remedy"),
    [
        ("learning.replay_slots=1048576", "replay: lower learning.replay_slots or learning.worlds"),
        ("search.simulations=1000000", "search: lower search.simulations or learning.worlds"),
        ("network.latent=16384", "model and optimiser: lower network.latent"),
        ("curriculum.slots=1048576", "worlds: lower learning.worlds or curriculum.slots"),
    ],
)
def test_shortage_names_the_setting_to_lower(setting, remedy):
    config = change(TINY, [setting])
    assert remedy in str(tell_shortage("train", config, None)).replace("\n", " ")


def test_shortage_in_the_update_names_the_batch():
    told = str(tell_shortage("train", TINY, 10**12))
    assert "'train'. Estimated GiB: replay 0.00" in told
    assert "The greatest part is update: lower learning.batch, or set learning.remake." in told


def test_run_that_does_not_fit_says_so_instead_of_a_traceback_of_the_compiler():
    config = change(TINY, ["learning.replay_slots=1099511627776"])  # some petabytes
    with pytest.raises(OutOfMemory, match=r"too small for 'begin'.*lower learning\.replay_slots"):
        Programs(config, MUTATOR, held_out_levels()).begin()
