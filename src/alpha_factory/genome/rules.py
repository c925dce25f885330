"""What the four rule slots of a genome can say: which templates exist and when they are in force."""

import jax.numpy as jnp
from jaxtyping import Array, Int

from alpha_factory.genome.codec import Genes

# A slot's code picks TEMPLATES[code % 32] where that exists and no rule otherwise, so that a
# random genome carries few rules and every further template takes codes that mean nothing now.
TEMPLATES = ("mirror", "fog")
CODES = 32
SLOTS = 4


def rule_period(genes: Genes, template: str) -> Int[Array, ""]:
    """Steps for which a rule rests and is then in force, in turns; 0 if no slot holds it.

    The lowest slot decides where several hold the same template.
    """
    code = TEMPLATES.index(template)
    period = jnp.int32(0)
    for slot in reversed(range(SLOTS)):
        is_held = genes[f"rule_{slot}"] % CODES == code
        period = jnp.where(is_held, 4 + genes[f"rule_{slot}_period"] // 8, period)
    return period
