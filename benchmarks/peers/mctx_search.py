"""Simulations a second of mctx, for `alpha-factory bench search --peer mctx`.

Run by this project's own Python, since mctx works with its JAX: it says who it is in a line of JSON, then answers
each line `{"result": "puct-null", "batch": …, "simulations": …, "searches": …}` with what one measurement took:
`{"wall_s", "cpu_s", "work"}`, `work` being simulations. The first answer for a result and a shape comes after
compiling and a call that is not measured.

Networks and latents are those that our own search is measured with. Both search without noise of their own on the
root's policy but for Gumbel's, both draw the action, and both tell the value of the root.
"""

import importlib.metadata
import json
import sys
import time
from functools import partial

import jax
import mctx

from alpha_factory.runs.bench.search import NETWORKS, move_on

SEARCHES = {
    "puct": partial(mctx.muzero_policy, dirichlet_fraction=0.0),
    "gumbel": mctx.gumbel_muzero_policy,
}


def make_rounds(result, batch, simulations, searches):
    """A compiled `(network, carry) -> carry`, the network and the carry to begin with."""
    kind, _, rest = result.partition("-")
    network = NETWORKS[f"-{rest}" if rest else ""]()
    key = jax.random.key(0)

    def imagine(network, key, action, latent):
        del key
        step, latent = network.imagine(latent, action)
        told = {"reward": step.reward, "discount": step.discount, "value": step.value}
        return mctx.RecurrentFnOutput(prior_logits=step.logits, **told), latent

    def search(network, carry):
        latent, key = carry
        key_search, key_later = jax.random.split(key)
        logits, value = network.predict(latent)
        root = mctx.RootFnOutput(prior_logits=logits, value=value, embedding=latent)
        found = SEARCHES[kind](network, key_search, root, imagine, simulations)
        told = found.search_tree.summary().value + found.action.astype(latent.dtype)
        return move_on(latent, told), key_later

    def rounds(network, carry):
        return jax.lax.fori_loop(0, searches, lambda _, carry: search(network, carry), carry)

    carry = network.start(batch, key=key), key
    return jax.jit(rounds, donate_argnums=1).lower(network, carry).compile(), network, carry


def main():
    version = importlib.metadata.version("mctx")
    print(json.dumps({"name": "mctx", "version": version, "jax": jax.__version__}), flush=True)
    compiled = {}
    for line in sys.stdin:
        asked = json.loads(line)
        named = asked["result"], asked["batch"], asked["simulations"], asked["searches"]
        if named not in compiled:
            rounds, network, carry = make_rounds(*named)
            compiled[named] = rounds, network, jax.block_until_ready(rounds(network, carry))
        rounds, network, carry = compiled[named]
        wall, cpu = time.perf_counter(), time.process_time()
        carry = jax.block_until_ready(rounds(network, carry))
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
        compiled[named] = rounds, network, carry
        work = asked["batch"] * asked["simulations"] * asked["searches"]
        print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "work": work}), flush=True)


if __name__ == "__main__":
    main()
