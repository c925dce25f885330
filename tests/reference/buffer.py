"""The level buffer as it is told: a list of levels, played one after the other; an index is a slot."""

import math

CLOSE = 1e-5  # weights that differ by less are equal


class Kept(dict):
    """What is known of a level, with every best return that was ever reported of it."""

    def __missing__(self, name):
        assert name == "max_return"
        return max(self["returns"])


class Buffer:
    """Levels are anything that can be compared."""

    def __init__(self, slots, prioritisation, temperature, staleness):
        self.slots, self.prioritisation = slots, prioritisation
        self.temperature, self.staleness = temperature, staleness
        self.kept, self.clock = [], 0

    def weights(self):
        """Of the slots taken, in order."""
        if not self.kept:
            return []
        power = 1 / self.temperature
        scores = [one["score"] for one in self.kept]
        if self.prioritisation == "rank":
            falling = sorted(scores, reverse=True)
            by_score = []
            for score in scores:
                places = [place for place, other in enumerate(falling, 1) if other == score]
                by_score.append((len(places) / sum(places)) ** power)
        else:
            by_score = [max(score, 0) ** power for score in scores]
        by_age = [self.clock - one["seen_at"] for one in self.kept]
        return [
            (1 - self.staleness) * score + self.staleness * age
            for score, age in zip(_to_shares(by_score), _to_shares(by_age), strict=True)
        ]

    def insert(self, offers):
        """Offers are level, score, max_return, is_solved; the slot of each level afterwards, or -1."""
        self.clock += 1
        for level, score, max_return, is_solved in offers:
            if not math.isfinite(score):
                continue
            new = Kept(level=level, score=score, seen_at=self.clock)
            new |= {"returns": [max_return], "is_solved": is_solved}
            held = [one["level"] for one in self.kept]
            if level in held:
                old = self.kept[held.index(level)]
                new["returns"] += old["returns"]
                new["is_solved"] = old["is_solved"] or is_solved
                old.update(new)
            elif len(self.kept) < self.slots:
                self.kept.append(new)
            else:
                weakest = self.find_weakest()
                if score > self.kept[weakest]["score"]:
                    self.kept[weakest] = new
        held = [one["level"] for one in self.kept]
        return [held.index(level) if level in held else -1 for level, *_ in offers]

    def find_weakest(self):
        weights = self.weights()
        lowest = [
            (one["score"], one["seen_at"], slot)
            for slot, (one, weight) in enumerate(zip(self.kept, weights, strict=True))
            if weight <= min(weights) * (1 + CLOSE)
        ]
        return min(lowest)[-1]

    def update(self, found):
        """Slot, score, max_return, is_solved of each."""
        for slot, score, max_return, is_solved in found:
            if 0 <= slot < len(self.kept) and math.isfinite(score):
                one = self.kept[slot]
                one["score"] = score
                one["returns"].append(max_return)
                one["is_solved"] = one["is_solved"] or is_solved

    def visit(self, slots):
        """These slots were sampled."""
        self.clock += 1
        for slot in slots:
            self.kept[slot]["seen_at"] = self.clock


def _to_shares(values):
    total = sum(values)
    return [value / total if total else 1 / len(values) for value in values]
