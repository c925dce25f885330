"""What a model is examined on, beyond what the tests of whole runs show."""

from alpha_factory.evaluate import Suite, stack_levels
from alpha_factory.runs.evaluation import Examiner
from alpha_factory.runs.lessons import make_untrained_policy
from alpha_factory.worlds import from_text
from runs import tiny, tiny_levels


def test_examiner_pays_what_a_honeypot_hides() -> None:
    level = from_text(">G", honeypot=True, step_limit=24)
    suite = Suite("pots", stack_levels([level]), ("pot",), (24,), 4, "0" * 64)
    examiner = Examiner(tiny.TINY)
    model = tiny.make_programs(tiny.TINY).begin().student.learner.model
    (scores,) = examiner.examine(model, suite, episodes=4, seed=0)
    random = scores["policies"]["random"]
    assert random["solve_rate"] > 0.5
    assert random["return_mean"] > 0.5


def test_examiner_scores_a_policy_with_a_memory(quick_compilation: None) -> None:
    suite = Suite("rooms", stack_levels([from_text(">G", step_limit=24)]), ("room",), (24,), 4, "0")
    policy = make_untrained_policy(tiny_levels.TINY)
    (scores,) = Examiner(tiny_levels.TINY).examine(policy, suite, episodes=16, seed=0)
    told = scores["policies"]
    assert list(told) == ["trained", "untrained", "random"]
    assert told["trained"] == told["untrained"]
    # A step ahead, and 24 to take it: hardly anybody misses it for long.
    assert told["trained"]["solve_rate"] > 0.9
