"""What a model is examined on, beyond what the tests of whole runs show."""

from alpha_factory.evaluate import Suite, stack_levels
from alpha_factory.runs.evaluation import Examiner
from alpha_factory.worlds import from_text
from runs import tiny


def test_examiner_pays_what_a_honeypot_hides() -> None:
    level = from_text(">G", honeypot=True, step_limit=24)
    suite = Suite("pots", stack_levels([level]), ("pot",), (24,), 4, "0" * 64)
    examiner = Examiner(tiny.TINY)
    model = tiny.make_programs(tiny.TINY).begin().student.learner.model
    (scores,) = examiner.examine(model, suite, episodes=4, seed=0)
    random = scores["policies"]["random"]
    assert random["solve_rate"] > 0.5
    assert random["return_mean"] > 0.5
