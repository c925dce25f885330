"""Frames a second of JaxUED's training on mazes, for `alpha-factory bench rounds --peer jaxued`.

Run by the Python that `make peer-jaxued` installs, not by this project's. It says who it is in a line of JSON,
then answers each line `{"result": "robust-plr" or "accel", "lanes": …, "steps": …, "rounds": …, "practised": …,
"epochs": …, "width": …}` with what one measurement took: `{"wall_s", "cpu_s", "work"}`, `work` being frames of all
rounds, learned from or not. The first answer for a result comes after compiling and a call that is not measured.

The maze, the wrapper that replays a level, its generator and editor, the buffer, the scores and the recurrent layer are
the package's. What trains with them is in no package but in a script of its repository, `examples/maze_plr.py` (commit
1591054), which logs to a service as it goes; here is the same round, written anew from it, with its network and the
defaults of its flags, and without what it logs, draws and evaluates:

- every round steps, scores and computes the losses of all epochs, as there, but only one of replay follows their
  gradients (robust PLR; `update_grad` there), and the compiler drops the backward passes of the others;
- the buffer checks for duplicates, as there by default;
- which rounds replay is given, not drawn, so that each measurement has `practised` of them; and the buffer is full from
  the start, of random mazes with random scores.
"""

import functools
import importlib.metadata
import json
import sys
import time

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.linen.initializers import orthogonal
from flax.training.train_state import TrainState
from jaxued.environments.maze import Maze, make_level_generator, make_level_mutator_minimax
from jaxued.level_sampler import LevelSampler
from jaxued.linen import ResetRNN
from jaxued.utils import compute_max_returns, max_mc
from jaxued.wrappers import AutoReplayWrapper

jax.tree_map = jax.tree.map  # which JAX has dropped and jaxued 0.0.1 calls

WALLS, EDITS, MOST_EDITS, CAPACITY = 25, 5, 100, 4_000
DISCOUNT, TRACE, CLIP, VALUE_WEIGHT, ENTROPY_WEIGHT = 0.995, 0.98, 0.2, 0.5, 1e-3
LEARNING_RATE, LARGEST_NORM = 1e-4, 0.5
NEW, REPLAY, EDIT = range(3)


class ActorCritic(nn.Module):
    """The script's network: a convolution and the heading, an LSTM that ends of episodes reset, two heads."""

    width: int
    actions: int

    @nn.compact
    def __call__(self, seen, is_first, memory):
        image = nn.Conv(16, (3, 3), padding="VALID")(seen.image)
        image = nn.relu(image.reshape(*image.shape[:-3], -1))
        heading = nn.Dense(5, kernel_init=orthogonal(2**0.5))(jax.nn.one_hot(seen.agent_dir, 4))
        told = jnp.concatenate([image, heading], axis=-1)
        memory, hidden = ResetRNN(nn.OptimizedLSTMCell(self.width))(
            (told, is_first), initial_carry=memory
        )
        policy = nn.relu(nn.Dense(32, kernel_init=orthogonal(2))(hidden))
        value = nn.relu(nn.Dense(32, kernel_init=orthogonal(2))(hidden))
        logits = nn.Dense(self.actions, kernel_init=orthogonal(0.01))(policy)
        return memory, logits, nn.Dense(1, kernel_init=orthogonal(1.0))(value)[..., 0]


def make_stretch(result, lanes, steps, rounds, practised, epochs, width):
    """A compiled `carry -> carry` of so many rounds and the carry to begin with."""
    world = AutoReplayWrapper(Maze(max_height=13, max_width=13, agent_view_size=5))
    settings = world.default_params
    draw_level = make_level_generator(13, 13, WALLS)
    edit_level = make_level_mutator_minimax(MOST_EDITS)
    buffer = LevelSampler(
        CAPACITY,
        replay_prob=0.8,
        staleness_coeff=0.3,
        minimum_fill_ratio=0.5,
        prioritization="rank",
        prioritization_params={"temperature": 0.3},
        duplicate_check=True,
    )
    network = ActorCritic(width, world.action_space(settings).n)
    blank = (jnp.zeros((lanes, width)), jnp.zeros((lanes, width)))
    ones = jax.tree_util.tree_map

    def roll(learner, levels, key):
        key_reset, key_steps = jax.random.split(key)
        seen, state = jax.vmap(world.reset_to_level, (0, 0, None))(
            jax.random.split(key_reset, lanes), levels, settings
        )

        def think(memory, seen, is_first):
            row = ones(lambda leaf: leaf[None], seen)
            memory, logits, value = learner.apply_fn(learner.params, row, is_first[None], memory)
            return memory, jax.nn.log_softmax(logits[0]), value[0]

        def step(carry, key):
            memory, seen, state, is_first = carry
            key_action, key_world = jax.random.split(key)
            memory, chances, value = think(memory, seen, is_first)
            action = jax.random.categorical(key_action, chances)
            later, state, reward, is_over, _ = jax.vmap(world.step, (0, 0, 0, None))(
                jax.random.split(key_world, lanes), state, action, settings
            )
            row = seen, action, reward, is_over, pick(chances, action), value
            return (memory, later, state, is_over), row

        begin = blank, seen, state, jnp.zeros(lanes, bool)
        (memory, seen, _, is_first), rows = jax.lax.scan(
            step, begin, jax.random.split(key_steps, steps)
        )
        return rows, think(memory, seen, is_first)[2]

    def learn(learner, rows, advantage, target, key, is_followed):
        seen, action, _, is_over, chance, value = rows
        is_first = jnp.roll(is_over, 1, axis=0).at[0].set(False)
        batch = seen, is_first, action, chance, value, advantage, target

        def find_loss(params, batch):
            seen, is_first, action, chance, value, advantage, target = batch
            _, logits, now = learner.apply_fn(params, seen, is_first, blank)
            chances = jax.nn.log_softmax(logits)
            entropy = -jnp.mean(jnp.sum(jnp.exp(chances) * chances, axis=-1))
            ratio = jnp.exp(pick(chances, action) - chance)
            gain = (advantage - advantage.mean()) / (advantage.std() + 1e-5)
            surrogate = jnp.minimum(ratio * gain, jnp.clip(ratio, 1 - CLIP, 1 + CLIP) * gain)
            near = value + jnp.clip(now - value, -CLIP, CLIP)
            wrong = 0.5 * jnp.mean(jnp.maximum((now - target) ** 2, (near - target) ** 2))
            loss = VALUE_WEIGHT * wrong - surrogate.mean() - ENTROPY_WEIGHT * entropy
            return loss, (wrong, entropy)

        def epoch(learner, key):
            order = jax.random.permutation(key, lanes)
            mixed = ones(lambda leaf: jnp.take(leaf, order, axis=1), batch)
            losses, slope = jax.value_and_grad(find_loss, has_aux=True)(learner.params, mixed)
            return (learner.apply_gradients(grads=slope) if is_followed else learner), losses

        return jax.lax.scan(epoch, learner, jax.random.split(key, epochs))

    def play(kind, learner, stored, parents, key):
        key_levels, key_roll, key_learn = jax.random.split(key, 3)
        if kind == REPLAY:
            stored, (slots, levels) = buffer.sample_replay_levels(stored, key_levels, lanes)
        elif kind == EDIT:
            levels = jax.vmap(edit_level, (0, 0, None))(
                jax.random.split(key_levels, lanes), parents, EDITS
            )
        else:
            levels = jax.vmap(draw_level)(jax.random.split(key_levels, lanes))
        rows, last = roll(learner, levels, key_roll)
        _, _, reward, is_over, _, value = rows
        advantage = estimate_advantage(value, reward, is_over, last)
        best = compute_max_returns(is_over, reward)
        if kind == REPLAY:
            best = jnp.maximum(buffer.get_levels_extra(stored, slots)["max_return"], best)
        score, extra = max_mc(is_over, value, best), {"max_return": best}
        if kind == REPLAY:
            stored = buffer.update_batch(stored, slots, score, extra)
        else:
            stored, _ = buffer.insert_batch(stored, levels, score, extra)
        learner, losses = learn(
            learner, rows, advantage, advantage + value, key_learn, kind == REPLAY
        )
        parents = levels if kind == REPLAY else parents
        return learner, stored, parents, ones(jnp.mean, losses)

    kinds = [functools.partial(play, kind) for kind in (NEW, REPLAY, EDIT)]

    def stretch(carry):
        learner, stored, parents, key = carry

        def turn(carry, told):
            kind, key = told
            *carry, losses = jax.lax.switch(kind, kinds, *carry, key)
            return tuple(carry), losses

        key, *keys = jax.random.split(key, 1 + rounds)
        told = jnp.array(choose_kinds(result, rounds, practised)), jnp.stack(keys)
        (learner, stored, parents), losses = jax.lax.scan(turn, (learner, stored, parents), told)
        return (learner, stored, parents, key), losses

    @jax.jit
    def begin(key):
        key_levels, key_scores, key_network, key = jax.random.split(key, 4)
        levels = jax.vmap(draw_level)(jax.random.split(key_levels, CAPACITY))
        few = ones(lambda leaf: leaf[:lanes], levels)
        seen, _ = jax.vmap(world.reset_to_level, (None, 0, None))(key, few, settings)
        row = ones(lambda leaf: leaf[None], seen)
        rule = optax.chain(
            optax.clip_by_global_norm(LARGEST_NORM), optax.adam(LEARNING_RATE, eps=1e-5)
        )
        learner = TrainState.create(
            apply_fn=network.apply,
            params=network.init(key_network, row, jnp.zeros((1, lanes), bool), blank),
            tx=rule,
        )
        first = ones(lambda leaf: leaf[0], levels)
        stored = buffer.initialize(first, {"max_return": jnp.float32(0.0)})
        stored = stored | {
            "levels": levels,
            "scores": jax.random.uniform(key_scores, (CAPACITY,)),
            "size": jnp.full_like(stored["size"], CAPACITY),
        }
        return learner, stored, few, key

    carry = begin(jax.random.PRNGKey(0))
    return jax.jit(stretch, donate_argnums=0).lower(carry).compile(), carry


def choose_kinds(result, rounds, practised):
    """The kind of each round; ACCEL edits after each replay."""
    replays = [REPLAY, EDIT] if result == "accel" else [REPLAY]
    kinds = replays * practised
    assert len(kinds) <= rounds, "so many rounds of practice don't fit"
    return kinds + [NEW] * (rounds - len(kinds))


def pick(chances, action):
    """The log chance of each action taken."""
    return jnp.take_along_axis(chances, action[..., None], axis=-1)[..., 0]


def estimate_advantage(value, reward, is_over, last):
    """Generalised advantages, [steps, lanes]."""

    def step(carry, row):
        advantage, later = carry
        value, reward, is_over = row
        goes_on = DISCOUNT * (1 - is_over)
        advantage = reward + goes_on * later - value + goes_on * TRACE * advantage
        return (advantage, value), advantage

    begin = jnp.zeros_like(last), last
    return jax.lax.scan(step, begin, (value, reward, is_over), reverse=True, unroll=16)[1]


def main():
    version = importlib.metadata.version("jaxued")
    print(json.dumps({"name": "jaxued", "version": version, "jax": jax.__version__}), flush=True)
    stretches = {}
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked["result"]
        if name not in stretches:
            stretch, carry = make_stretch(**asked)
            stretches[name] = stretch, jax.block_until_ready(stretch(carry))[0]
        stretch, carry = stretches[name]
        wall, cpu = time.perf_counter(), time.process_time()
        carry, _ = jax.block_until_ready(stretch(carry))
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
        stretches[name] = stretch, carry
        work = asked["rounds"] * asked["lanes"] * asked["steps"]
        print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "work": work}), flush=True)


if __name__ == "__main__":
    main()
