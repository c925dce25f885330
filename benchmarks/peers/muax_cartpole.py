"""Frames a second of muax in training on CartPole, for `alpha-factory bench cartpole --peer muax`.

Run by the Python that `make peer-muax` installs, not by this project's. It says who it is in a line of JSON, then
answers each line `{"result": …, "simulations": …, "steps": …, "updates": …, "batch": …}` with what one measurement
took: `{"wall_s", "cpu_s", "work"}`, `work` being env steps.

Measured is `muax.fit` itself, with the networks and settings of the script in muax's README: it is held at the end
of an episode, when the updates after it are done, and goes on when it is asked again. A measurement is so many whole
episodes that they have `steps` steps or more, in which nothing was compiled: its batches come in a dozen sizes, since
an episode of exactly 10 steps gives no sequence, and it compiles for each size when it first comes.

Left out, since they are no frames of training: the episodes that `fit` plays to test itself, and copies of the
weights on disk. It is kept in the first half of its training, where it draws actions at temperature 1; more than that
would compile the search again. `"updates": 0` measures it before its first update, while it fills its replay buffer:
acting alone.
"""

import importlib.metadata
import json
import logging
import queue
import sys
import tempfile
import threading
import time
from contextlib import redirect_stdout

import gymnasium
import jax
import muax
from muax import nn

COMPILED = "/jax/core/compile/backend_compile_duration"
NEVER = 10**9
ACTIONS = 2
EMBEDDING = 8
SUPPORT = 10
DISCOUNT = 0.99
N_STEP = 10


class Training:
    """`muax.fit` in a thread of its own that works only while it is asked for a measurement."""

    def __init__(self, folder, simulations, steps, updates, batch):
        self.folder, self.shape = folder, (simulations, steps, updates, batch)
        self.asked, self.answers = queue.SimpleQueue(), queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def measure(self):
        """Go on for so many steps; what that took."""
        self.asked.put(None)
        answer = self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _work(self):
        try:
            self._fit()
        except Exception as error:
            self.answers.put(error)

    def _fit(self):
        simulations, steps, updates, batch = self.shape
        bins = 2 * SUPPORT + 1
        model = muax.MuZero(
            nn._init_representation_func(nn.Representation, EMBEDDING),
            nn._init_prediction_func(nn.Prediction, ACTIONS, bins),
            nn._init_dynamic_func(nn.Dynamic, EMBEDDING, ACTIONS, bins),
            policy="muzero",
            discount=DISCOUNT,
            optimizer=muax.model.optimizer(
                init_value=0.02,
                peak_value=0.02,
                end_value=0.002,
                warmup_steps=5000,
                transition_steps=5000,
            ),
            support_size=SUPPORT,
        )
        settings = {} if updates else {"buffer_warm_up": NEVER}
        muax.fit(
            model,
            env=Held(gymnasium.make("CartPole-v1"), steps, bool(updates), self),
            test_env=gymnasium.make("CartPole-v1"),
            tracer=muax.PNStep(N_STEP, DISCOUNT, 0.5),
            buffer=muax.TrajectoryReplayBuffer(500),
            num_simulations=simulations,
            num_update_per_episode=updates,
            num_trajectory=batch,
            sample_per_trajectory=1,
            k_steps=10,
            max_episodes=NEVER,
            max_training_steps=NEVER,
            test_interval=NEVER,
            num_test_episodes=1,
            save_every_n_epochs=NEVER,
            tensorboard_dir=self.folder,
            model_save_path=self.folder,
            random_seed=0,
            **settings,
        )


class Held(gymnasium.Wrapper):
    """An environment that counts its steps, and waits where an episode begins once there are enough."""

    def __init__(self, env, steps, is_training, training):
        super().__init__(env)
        self._enough, self._is_training, self._training = steps, is_training, training
        self._steps, self._began = 0, None  # None before the first episode that counts
        self._has_compiled = False
        jax.monitoring.register_event_duration_secs_listener(self._note)

    def reset(self, *, seed=None, options=None):
        # `fit` gives a seed to the episodes that it learns after, and none while it fills its buffer.
        is_counted = seed is not None or not self._is_training
        if is_counted and self._began is None:
            self._wait()
        elif is_counted and self._steps >= self._enough:
            wall, cpu = self._began
            cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
            if self._has_compiled:
                self._start()
            else:
                took = {"wall_s": wall_s, "cpu_s": cpu_s, "work": self._steps}
                self._training.answers.put(took)
                self._wait()
        return self.env.reset(seed=seed, options=options)

    def step(self, action):
        self._steps += 1
        return self.env.step(action)

    def _wait(self):
        self._training.asked.get()
        self._start()

    def _start(self):
        self._steps, self._has_compiled = 0, False
        self._began = time.perf_counter(), time.process_time()

    def _note(self, event, seconds, **_):
        if event == COMPILED:
            self._has_compiled = True


def main():
    logging.disable()
    version = importlib.metadata.version("muax")
    answers = sys.stdout
    print(json.dumps({"name": "muax", "version": version, "jax": jax.__version__}), flush=True)
    trainings = {}
    # What muax prints on its way goes to stderr, what it writes to a folder that is thrown away.
    with redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            asked = json.loads(line)
            shape = asked["simulations"], asked["steps"], asked["updates"], asked["batch"]
            if shape not in trainings:
                trainings[shape] = Training(folder, *shape)
            print(json.dumps(trainings[shape].measure()), file=answers, flush=True)


if __name__ == "__main__":
    main()
