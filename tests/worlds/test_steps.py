"""Steps worked out by hand: every kind of tile, opponents, physics, rewards, chance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from alpha_factory.worlds import from_text, make_grid
from reference.engine import WORLD, draw_cells, run
from reference.grid import Episode, read_level, solve
from reference.level import SIDE

KEY = jax.random.key(0)
FORWARD = 2


def show(level, actions):
    """Columns or rows and columns of the agent, one a step, as far as the actions go."""
    states, _, outcomes = run(level, actions)
    places = states.position[: len(actions) + 1].tolist()
    return [tuple(place) for place in places], states, outcomes


def small(text, **settings):
    return from_text(text, side=SIDE, **settings)


def columns(level, actions):
    return [column for _, column in show(level, actions)[0]]


def test_door_opens_only_with_the_key_and_stays_open():
    # Bump into the door, turn about, fetch the key, turn about, go through.
    actions = [2, 2, 0, 0, 2, 1, 1, 2, 2, 2]
    places, states, outcomes = show(small("K>DG"), actions)
    assert [column for _, column in places] == [1, 1, 1, 1, 1, 0, 0, 0, 1, 2, 3]
    assert int(jnp.argmax(outcomes.is_solved)) == len(actions) - 1
    assert draw_cells(states.tile[-1])[0].startswith("..'G")


def test_button_opens_all_gates_and_closes_them_again():
    level = small(">!|.\n..|G")
    _, states, _ = show(level, [2, 0, 0, 2, 0, 0, 2])
    assert states.is_open[:8].tolist() == [False, *[True] * 6, False]
    assert columns(level, [2, 2, 2]) == [0, 1, 2, 3]
    # Onto the button, back, onto it again: closed.
    assert columns(level, [2, 0, 0, 2, 0, 0, 2, 2])[-3:] == [0, 1, 1]


def test_box_is_pushed_buries_a_button_and_fills_lava():
    assert columns(small(">B..G"), [2, 2, 2]) == [0, 1, 2, 2]
    _, states, _ = show(small(">B!.G"), [2])
    assert draw_cells(states.tile[1])[0].startswith("..B.G")
    assert bool(states.is_open[1])
    _, states, outcomes = show(small(">B~.G"), [2, 2])
    assert draw_cells(states.tile[1])[0].startswith("....G")
    assert not outcomes.is_terminated.any()


def test_box_does_not_move_onto_what_is_no_floor():
    for beyond in "#DTB_O$?)K]":
        other = "O" if beyond == "O" else "."
        assert columns(small(f">B{beyond}.G{other}"), [2]) == [0, 0], beyond


def test_slide_on_ice_goes_on_to_the_other_side():
    # Pushed off once; turning doesn't help.
    assert columns(small(">___.G"), [2, 0, 0, 0, 0]) == [0, 1, 2, 3, 4, 4]


def test_conveyor_carries_and_doubles_no_speed():
    assert columns(small("..>]]]G", step_limit=9), [2, 0, 0, 0])[1:] == [3, 4, 5, 6]
    assert columns(small("..>]]]G", step_limit=9), [2, 2, 2, 2])[1:] == [3, 4, 5, 6]


def test_one_way_tile_is_entered_in_its_heading_alone():
    assert columns(small(">)G"), [2, 2]) == [0, 1, 2]
    assert columns(small(">(G"), [2, 2]) == [0, 0, 0]
    assert columns(small(">uG"), [2, 2]) == [0, 0, 0]


def test_teleporter_leads_to_the_other_and_back():
    level = small(">O.O.G")
    assert columns(level, [2, 2, 0, 0, 2]) == [0, 3, 4, 4, 4, 1]


def test_decoy_ends_the_episode_unsolved():
    _, _, outcomes = show(small(">?G", decoy=0.25), [2])
    assert bool(outcomes.is_terminated[0])
    assert not bool(outcomes.is_solved[0])
    assert float(outcomes.reward[0]) == 0.25


def test_lava_ends_the_episode_at_a_price():
    _, _, outcomes = show(small(">~G", penalty=0.5), [2])
    assert bool(outcomes.is_terminated[0])
    assert float(outcomes.reward[0]) == -0.5


def test_chaser_in_the_agents_own_cell_stays():
    text, peace = "...\n.>C\n..G", "always: opponents do no harm"
    _, states, _ = show(small(text, chaser_pace=1, rules=(peace,)), [0] * 4)
    assert states.opponent[1:5, 0].tolist() == [[1, 1]] * 4


def test_chaser_comes_nearer_at_its_pace_and_ends_the_episode():
    level = small(">....C\n.....G", penalty=0.5, chaser_pace=2)
    _, states, outcomes = show(level, [0] * 8)
    assert states.opponent[:10, 0, 1].tolist() == [5, 4, 4, 3, 3, 2, 2, 1, 1, 0]
    assert int(jnp.argmax(outcomes.is_terminated)) == 8
    assert float(outcomes.reward.sum()) == -0.5


def test_patrol_walks_up_and_down():
    _, states, _ = show(small("H..#\n>..G"), [0] * 8)
    # Turning about takes a step.
    assert states.opponent[:9, 0, 1].tolist() == [0, 1, 2, 2, 1, 0, 0, 1, 2]


def test_coins_hints_and_the_goal_share_the_reward():
    level = small(">$K!G", coin=0.25, hint=0.125)
    _, _, outcomes = show(level, [2, 2, 2, 2])
    assert outcomes.reward[:4].tolist() == [0.25, 0.125, 0.125, 0.5]


@pytest.mark.parametrize("pays_hidden", [False, True])
def test_honeypot_pays_only_in_evaluation(pays_hidden):
    world = make_grid(pays_hidden=pays_hidden)
    level = small(">G", dense=0.25, honeypot=True)
    step = jax.jit(world.step)
    _, outcome = step(level, world.reset(level, key=KEY), jnp.int32(FORWARD), key=KEY)
    slow = Episode(read_level(level), pays_hidden=pays_hidden)
    assert slow.step(FORWARD)[0] == float(outcome.reward) == (1.0 if pays_hidden else 0.25)
    assert bool(outcome.is_solved)


def test_gravity_pulls_down_until_a_wall_stops():
    places, *_ = show(small(">...\n....\n....\n...G", gravity=(8, 0)), [0] * 5)
    # 8 a step, of which neutral friction keeps nothing: half a cell a step.
    assert [row for row, _ in places] == [0, 1, 1, 2, 2, 3]


def test_wind_blows_in_every_other_four_steps():
    assert columns(small(">........G", wind=(0, 16)), [0] * 10) == [0, 0, 0, 0, 0, 1, 2, 3, 4, 4, 4]


def test_wall_gives_back_what_restitution_says():
    _, states, _ = show(small(">.#G", restitution=128), [2, 2, 0])
    # Into the wall at 16, back at 8, which neutral friction takes away at the next step.
    assert states.velocity[:4, 1].tolist() == [0, 16, -8, 0]
    assert states.position[:4, 1].tolist() == [0, 1, 1, 1]


def test_goal_counts_as_solved_even_in_the_last_step():
    _, _, outcomes = run(small(">.G", step_limit=2), [2, 2])
    assert outcomes.is_solved[:2].tolist() == [False, True]
    assert bool(outcomes.is_terminated[1])
    assert not outcomes.is_truncated.any()


def test_step_limit_truncates_without_terminating():
    _, _, outcomes = run(small(">..G", step_limit=2), [2, 2, 2])
    assert outcomes.is_truncated[:3].tolist() == [False, True, True]
    assert not outcomes.is_terminated.any()
    assert not outcomes.is_solved.any()


def test_rule_in_turns_swaps_left_and_right():
    level = small("....\n.>..\n...G", rules=("in turns of 2 steps: left and right swap",))
    states, _, _ = run(level, [0, 0, 0, 0, 1, 1, 1, 1])
    # right -> up -> left, then left turns act as right ones and back again; the same to the right.
    assert states.heading[:9].tolist() == [0, 3, 2, 3, 0, 1, 2, 1, 0]


def test_tide_takes_boxes_with_its_rows():
    """What lies in rows under the tide can't be entered, and so not be pushed."""
    text, tide = "G.\n>.\n.B\n..\n..", "always: the tide takes {} rows"
    actions = [2, 1, 2]
    for rows, row in ((2, 2), (3, 1)):
        places, *_ = show(small(text, rules=(tide.format(rows),)), actions)
        assert places[-1] == (row, 1)


def test_walking_away_from_the_goal_costs_at_most_one():
    _, _, outcomes = run(small("G>.........", dense=0.5), [2] * 9)
    assert -1 <= float(outcomes.reward.sum()) <= 0


def test_pocket_behind_traps_costs_no_more_than_the_way_on_it():
    """Cells that only a trap leads to are infinitely far from the goal, and no reason for a fine."""
    _, _, outcomes = run(small("G>TT.......", dense=0.5, trap_odds=0.0), [2] * 9)
    assert -1 <= float(outcomes.reward.sum()) <= 0


def test_dense_reward_of_a_solved_episode_adds_up_to_dense():
    level = small(".>..\n.##.\nG...", dense=0.5, step_limit=60)
    plan = solve(read_level(level))
    _, _, outcomes = run(level, plan)
    rewards = np.asarray(outcomes.reward, float)
    assert rewards.sum() == pytest.approx(1.0, abs=1e-6)
    # Three cells of the way, the last of which ends it.
    assert rewards[: len(plan) - 1].sum() == pytest.approx(0.5 * 2 / 3, abs=1e-6)


SAMPLE = 2000


@jax.jit
def step_forward_often(level, key):
    state = WORLD.reset(level, key=key)
    forward = jnp.int32(2)
    return jax.vmap(lambda one: WORLD.step(level, state, forward, key=one))(
        jax.random.split(key, SAMPLE)
    )


@pytest.mark.parametrize("slip", [0.0, 0.25, 1.0])
def test_forward_step_slips_as_often_as_the_level_says(slip):
    state, outcome = step_forward_often(small(">.G", slip=slip), KEY)
    stayed = int(jnp.sum(state.position[:, 1] == 0))
    assert stats.binomtest(stayed, SAMPLE, slip).pvalue > 1e-3
    assert not outcome.is_terminated.any()


@pytest.mark.parametrize("odds", [0.0, 0.3, 1.0])
def test_trap_fires_as_often_as_the_level_says(odds):
    level = small(">T.\n..G", trap_odds=odds, penalty=0.5)
    state, outcome = step_forward_often(level, KEY)
    assert stats.binomtest(int(outcome.is_terminated.sum()), SAMPLE, odds).pvalue > 1e-3
    assert jnp.all(state.position == jnp.array([[0, 1]]))
    assert jnp.allclose(outcome.reward, jnp.where(outcome.is_terminated, -0.5, 0.0))
    assert not outcome.is_solved.any()


def test_step_leaves_to_chance_what_advance_is_told():
    level = small(">T.\n..G", trap_odds=0.5, slip=0.5)
    state, outcome = step_forward_often(level, KEY)
    moved, fired = state.position[:, 1] == 1, outcome.is_terminated
    for share, odds in ((moved, 0.5), (fired, 0.25)):
        assert stats.binomtest(int(share.sum()), SAMPLE, odds).pvalue > 1e-3


@pytest.mark.parametrize(("controls", "actions"), [("turn", 3), ("compass", 4)])
def test_world_says_its_own_sizes(controls, actions):
    world = make_grid(controls=controls)
    level = small(">.G")
    obs = jax.eval_shape(lambda: world.observe(level, world.reset(level, key=KEY)))
    assert obs.shape == (world.features,) == (1024,)
    assert world.actions == actions
