"""What programs need of the memory: exact where it is kept, told where it does not suffice."""

import functools
import sys
import types

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from alpha_factory.core.errors import OutOfMemory
from alpha_factory.runs import camera, evaluation, films
from alpha_factory.runs.build import make_untrained
from alpha_factory.runs.evaluation import Examiner, load_model
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.judging import visit
from alpha_factory.runs.machine.memory import estimate_play, estimate_practice, estimate_run
from alpha_factory.runs.machine.shortage import (
    Estimate,
    explain_shortage,
    measure_need,
    measure_work,
)
from alpha_factory.runs.settings.text import change
from alpha_factory.runs.suites import held_out_levels, load_suite
from alpha_factory.runs.tasks.catalogue import find_task
from alpha_factory.runs.tasks.study import begin
from alpha_factory.search.tree import Rule, Step, grow
from alpha_factory.worlds import make_grid
from runs.shortage import SHORT, fall_short
from runs.tiny import MUTATOR, TINY, make_programs

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

GIB = 2**30
HUGE = "learning.replay_slots=1099511627776"  # some petabytes


estimate_once = functools.cache(estimate_run)


@pytest.fixture(scope="module")
def state():
    return make_programs(TINY).begin()


def size(tree):
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array))


def tell(estimate):
    with pytest.raises(OutOfMemory) as short, explain_shortage("train", lambda: estimate):
        raise SHORT
    return str(short.value)


def test_what_a_run_keeps_is_estimated_to_the_byte(state):
    parts = estimate_once(TINY, students=1).parts
    student = state.student
    assert parts["replay"] * GIB == pytest.approx(size(student.ring))
    assert parts["model and optimiser"] * GIB == pytest.approx(size(student.learner))
    assert parts["worlds"] * GIB == pytest.approx(size((student.actors, state.pool)))
    assert parts["agents of the past"] * GIB == pytest.approx(size(state.roster))
    assert parts["search"] > 0
    assert parts["update"] > 0


def test_what_a_task_keeps_is_estimated_to_the_byte_without_a_pool():
    task = find_task("cartpole")
    config = change(task.config, ["network.latent=8", "learning.worlds=4"])
    key = jax.random.key(0)
    practice, levels, student = begin(task, config, key_levels=key, key_start=key)
    estimate = estimate_practice(config, practice, levels)
    assert estimate.parts["replay"] * GIB == pytest.approx(size(student.ring))
    assert estimate.parts["model and optimiser"] * GIB == pytest.approx(size(student.learner))
    assert estimate.parts["worlds"] * GIB == pytest.approx(size((student.actors, levels)))
    assert "curriculum" not in " ".join(estimate.remedies.values())


def test_run_counts_its_student_twice_since_a_specialist_has_another():
    once, twice = estimate_once(TINY, students=1), estimate_once(TINY)
    for name in ("replay", "model and optimiser", "worlds"):
        assert twice.parts[name] == pytest.approx(2 * once.parts[name])
    for name in ("search", "update"):
        assert twice.parts[name] == once.parts[name]
    assert "counted 2 times: a specialist has its own." in tell(twice)
    assert "times" not in tell(once)


def grow_trees(roots, actions):
    """The search's own trees, by their shapes."""
    rule = Rule(
        lambda logits: logits,
        lambda edges, simulation: jnp.zeros(roots, jnp.int32),
        lambda edges: jnp.zeros(roots, jnp.int32),
    )

    def imagine(latent, action):
        logits, number = jnp.zeros((roots, actions)), jnp.zeros(roots)
        return Step(number, number, logits, number), latent

    def search():
        logits, value = jnp.zeros((roots, actions)), jnp.zeros(roots)
        latent = jnp.zeros((roots, TINY.network.latent))
        return grow(rule, imagine, logits, value, latent, simulations=TINY.search.simulations)

    trees = eqx.filter_eval_shape(search)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(trees))


def test_search_counts_the_trees_of_acting_and_of_reanalysis():
    learning, actions = TINY.learning, make_grid().actions
    config = change(TINY, ["learning.reanalyse=0.5"])
    rows = learning.unroll + learning.horizon + 1
    again = grow_trees(learning.batch // 2 * rows, actions)
    acting = grow_trees(learning.worlds, actions)
    assert estimate_once(TINY).parts["search"] * GIB == pytest.approx(acting)
    estimate = estimate_run(config)
    assert estimate.parts["search"] * GIB == pytest.approx(acting + again)
    assert estimate.remedies["search"].startswith("lower learning.reanalyse, search.simulations")
    assert estimate.remedies["update"].startswith("lower learning.batch or learning.reanalyse")


def test_values_that_are_refreshed_count_where_they_take_more_than_the_gradient():
    learning = TINY.learning
    bits = 4 * learning.batch * (learning.unroll + learning.horizon + 1) * 1024
    stale, fresh = (
        estimate_run(change(TINY, [f"learning.refresh={on}"])) for on in ("false", "true")
    )
    assert stale.parts["update"] * GIB < bits < fresh.parts["update"] * GIB < 2 * bits
    assert stale.remedies["update"].endswith("or set learning.remake")
    assert fresh.remedies["update"].endswith("or leave out learning.refresh")


def test_work_that_the_compiler_tells_is_split_between_search_and_update():
    parts = estimate_run(change(TINY, ["learning.reanalyse=1.0"]), work=10**9).parts
    assert (parts["search"] + parts["update"]) * GIB == pytest.approx(10**9)


def test_on_many_devices_the_numbers_are_of_one_of_them(state):
    student = state.student
    one, four = estimate_once(TINY, students=1), estimate_once(TINY, students=1, devices=4)
    # What every device has of the ring: counts by world, and a few numbers.
    whole = student.ring.startable.nbytes + 3 * 4
    lanes = size(student.ring) - whole
    assert four.parts["replay"] * GIB == pytest.approx(whole + lanes / 4)
    assert four.parts["model and optimiser"] == one.parts["model and optimiser"]
    actors = size(student.actors)
    assert four.parts["worlds"] * GIB == pytest.approx(one.parts["worlds"] * GIB - 0.75 * actors)
    assert four.parts["search"] == pytest.approx(one.parts["search"] / 4)
    assert "The numbers are of each of 4 devices." in tell(four)
    assert "devices" not in tell(one)


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
    assert remedy in tell(estimate_run(change(TINY, [setting])))


def test_shortage_in_the_update_names_the_batch():
    told = tell(estimate_once(TINY, students=1, work=10**12))
    assert "'train'. Estimated GiB: replay 0.00" in told
    assert "The greatest part is update: lower learning.batch, or set learning.remake." in told


def test_other_errors_of_the_device_are_left_as_they_are():
    with (
        pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"),
        explain_shortage("train", lambda: pytest.fail("nothing is short")),
    ):
        raise jax.errors.JaxRuntimeError("INTERNAL: a bug")


def test_run_that_does_not_fit_says_so_instead_of_a_traceback_of_the_compiler():
    with pytest.raises(OutOfMemory, match=r"too small for 'begin'.*lower learning\.replay_slots"):
        Programs(change(TINY, [HUGE]), MUTATOR, held_out_levels()).begin()


def test_evaluation_that_does_not_fit_names_its_search(monkeypatch):
    examiner = Examiner(change(TINY, ["search.simulations=10000000"]))
    monkeypatch.setattr(evaluation.Scorer, "score", fall_short)
    with pytest.raises(
        OutOfMemory, match=r"'evaluate on generated-v1'.*search: lower search\.simulations in a new"
    ):
        examiner.examine(make_untrained(TINY), load_suite("generated-v1"), episodes=1, seed=0)


def test_play_of_anyones_policy_that_does_not_fit_says_so(monkeypatch):
    def act(params, obs, *, key):
        del key
        return jnp.zeros(obs.shape[0], jnp.uint8) + params[0].astype(jnp.uint8)

    friend = types.ModuleType("of_a_friend")
    friend.make = lambda: (act, jnp.zeros(2**23))
    monkeypatch.setitem(sys.modules, "of_a_friend", friend)
    monkeypatch.setattr(visit, "play_suite", fall_short)
    told = r"for 'evaluate on generated-v1'.* model 0\.03, .*keep less in the policy's params"
    with pytest.raises(OutOfMemory, match=told):
        evaluation.evaluate_policy("of_a_friend:make", "generated-v1", episodes=1)


def test_film_that_does_not_fit_says_so(monkeypatch, state, tmp_path):
    monkeypatch.setattr(camera, "film", fall_short)
    suites = {name: load_suite(name) for name in ("generated-v1", "public-mazes-v1")}
    with pytest.raises(OutOfMemory, match=r"too small for 'film'"):
        films.shoot_films(tmp_path / "media", TINY, state, suites)
    assert not (tmp_path / "media").exists()


def test_checkpoint_that_does_not_fit_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(evaluation.checkpoint, "load_latest", fall_short)
    with pytest.raises(OutOfMemory, match=r"too small for 'load'"):
        load_model(tmp_path, TINY, lambda message: None)


def test_playing_counts_what_else_is_on_the_device():
    model, levels = make_untrained(TINY), held_out_levels()

    def estimate() -> Estimate:
        return estimate_play(TINY, model, make_grid(), levels, lanes=4)

    before = estimate().parts
    kept = jnp.zeros(2**24)  # 64 MiB
    after = estimate().parts
    grown = {name: (after[name] - before[name]) * GIB for name in before}
    assert grown.pop("held besides") == pytest.approx(kept.nbytes, rel=0.02)
    assert set(grown.values()) == {0.0}
    assert before["model"] * GIB == pytest.approx(size(model))
    assert before["search"] * GIB == pytest.approx(grow_trees(4, make_grid().actions))


def test_need_counts_what_is_returned_in_place_once():
    taken, result = jnp.zeros(1024), jnp.zeros(256)

    def compile_with(**options):
        jitted = jax.jit(lambda x, y: (x + 1.0, y * 2.0), **options)
        return jitted.lower(taken, result).compile()

    apart, in_place = compile_with(), compile_with(donate_argnums=0)
    # The addresses of what is returned take some bytes, too.
    assert measure_need(apart) - measure_work(apart) == pytest.approx(2 * (4096 + 1024), abs=64)
    assert measure_need(in_place) - measure_work(in_place) == pytest.approx(4096 + 2048, abs=64)


def test_programs_tell_what_they_need(state):
    programs = make_programs(TINY)
    assert size(state) < programs.need("begin") < 2 * size(state)
