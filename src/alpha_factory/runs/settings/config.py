"""Every setting of a run. A config is complete: with the commit it is the run."""

import dataclasses
from dataclasses import dataclass, field

POET = "poet"
"""The curriculum that is no selector of levels: worlds of its own, in a pool."""
MUZERO, PPO = "muzero", "ppo"
"""What can learn."""
EMBEDDING, PATA_EC = "embedding", "pata-ec"
"""What can tell new worlds from known ones."""
LEARNABILITY = "learnability"
"""The score that needs whole episodes, many of them."""
RANDOM, FIXED = "random", "fixed"
"""How a pool grows where POET's rules are left out: what they are compared with."""


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the learned model."""

    encoder: str = "mlp"
    """What reads an observation: mlp or transformer."""
    widths: tuple[int, ...] = (256,)
    """Hidden layers of the mlp or, behind a transformer, of the trunk."""
    latent: int = 128
    """Features of the latent state."""
    head: int = 128
    """Hidden units of the value, policy and reward heads."""
    embed: int = 128
    """Width of the transformer."""
    layers: int = 4
    """Blocks of the transformer."""
    attention_heads: int = 4
    """Attention heads in each block."""
    token: int = 32
    """Features of the observation in each of the transformer's tokens."""
    channels: int = 32
    """Of each convolution, where pictures are observed."""
    bins: int | None = None
    """Bins of categorical values and rewards over search.value_range; None for squared errors."""
    value_scale: float | None = None
    """sigma_v at the start: a learned number that divides the value; None for none."""
    dtype: str = "float32"
    """float32, or bfloat16 for forward passes on an accelerator (on a CPU it is slower)."""


@dataclass(frozen=True)
class SearchConfig:
    """How the agent plans."""

    kind: str = "gumbel"
    """gumbel or puct."""
    simulations: int = 8
    """Expansions of the tree for each action."""
    depth: int | None = None
    """Imagined steps from the root at most; None for no cap."""
    value_range: tuple[float, float] | None = (-1.0, 1.0)
    """Least and greatest value that the reward allows; None takes the tree's own, as MuZero did."""
    c_scale: float = 0.32
    """Weight of a value as a share of that range, times 50 plus visits, against a logit (gumbel)."""
    logit_noise: float = 0.1
    """Standard deviation of the exploration noise on the prior's logits."""


@dataclass(frozen=True)
class LearningConfig:
    """How experience becomes a better model."""

    worlds: int = 128
    """Worlds stepped side by side."""
    steps: int = 16
    """Steps in each world between updates."""
    updates: int = 4
    """Gradient steps after each such stretch."""
    batch: int = 256
    """Unrolled sequences in a gradient step."""
    unroll: int = 5
    """K: steps that the model is unrolled in training."""
    horizon: int = 5
    """n: rewards summed before the bootstrap."""
    discount: float = 0.97
    """Of reward, per step."""
    learning_rate: float = 1e-3
    """Of AdamW, at the start of the cosine."""
    decay_updates: int = 20_000
    """T_max: updates over which the learning rate falls."""
    final_share: float = 0.1
    """Share of the learning rate that is left after that."""
    weight_decay: float = 1e-4
    """lambda_c, decoupled."""
    clip: float = 5.0
    """Greatest norm of a gradient."""
    reward_weight: float = 1.0
    """lambda_r: weight of the reward term."""
    target_period: int = 50
    """Updates between two copies of the model to the one that acts and bootstraps."""
    replay_slots: int = 1024
    """Steps kept of each world, a multiple of learning.steps."""
    alpha: float = 0.6
    """Exponent of replay priorities."""
    beta: float = 0.4
    """Exponent of the importance weights that correct for them."""
    balance: bool = False
    """Draw a batch from the square root of the number of worlds, each with the same chance."""
    refresh: bool = False
    """Bootstrap with what the present target network says of a row (a forward pass), not its search of back then."""
    reanalyse: float = 0.0
    """Share of a batch whose targets are searched again with the present target network: 0, or a sequence or more."""
    centralise: bool = False
    """Gradient centralisation: each row of a weight's gradient less its mean."""
    remake: bool = False
    """Make forward passes again for the gradient instead of keeping them: less memory, more work."""
    ewc_weight: float = 0.0
    """lambda_ewc: how strongly worlds that left hold the weights; 0 for not at all."""
    ewc_decay: float = 0.9
    """Share of the earlier Fisher information that is kept when further worlds leave."""
    ewc_sequences: int = 256
    """Sequences on which that of leaving worlds is estimated, a multiple of 16."""

    def measure_replay(self, *, updates: int, frames: int | float) -> float | None:
        """The replay ratio: unrolled sequences learned from for each frame; None before the first frame."""
        return updates * self.batch / frames if frames else None


@dataclass(frozen=True)
class CurriculumConfig:
    """How worlds come and go."""

    name: str = POET
    """poet, or the method that chooses levels: a name in the extension slot Selector."""
    mutator: str = "poet"
    """How a child is made from its parent: a name in the extension slot Mutator."""
    slots: int = 256
    """Worlds that can live at a time."""
    chunks: int = 4
    """Stretches of training between two cycles of the curriculum."""
    iterations: int = 8
    """Rounds of acting and updating in a stretch; a run can be interrupted between stretches. PPO's have levels.lanes
    times levels.steps rows, and a stretch as many rows in all."""
    parents: int = 32
    """Living worlds that get children in a cycle."""
    children: int = 4
    """k: children of each parent."""
    mutations: int = 8
    """Operators applied to make a child: 1 to this many, the number drawn uniformly (paper: 1)."""
    episodes: int = 4
    """Episodes by which a child is judged."""
    block: int = 128
    """Episodes played side by side when worlds are judged, and dealt to workers together."""
    lowest: float = 0.05
    """R_min: more than this share of its episodes must be solved for a child to live."""
    highest: float = 0.9
    """R_max: less must be; a living world that is solved this often counts as mastered."""
    growth: str = POET
    """Which solvable children enter: poet (those in the criterion, the newest first), random (any, drawn evenly) or
    fixed (as pace says)."""
    pace: float = 0.4
    """Of a fixed growth: steps by which the shortest plan of those that enter grows in a cycle."""
    lifetime: int = 32
    """Cycles after which a world that is not mastered may make room too, the oldest first."""
    accepted: int = 16
    """Children accepted in a cycle at most."""
    novelty: str = EMBEDDING
    """What ranks children: embedding (the paper's quality diversity) or pata-ec (Enhanced POET's distance)."""
    novelty_weight: float = 0.55
    """lambda_nov: share of Hamming novelty in the quality-diversity score."""
    frontier_rate: float = 0.1
    """Share of the mean embedding that a cycle's accepted worlds replace."""
    embedding_updates: int = 8
    """Gradient steps of the embedding's autoencoder in a cycle."""
    remembered: int = 1024
    """Accepted worlds that novelty is measured against: the last so many, living or not."""
    agents: int = 4
    """Agents of the run's past that are kept, to say which worlds are new to all of them."""
    nearest: int = 5
    """k: known worlds whose mean distance is a child's novelty (pata-ec)."""
    specialist_cycles: int = 6
    """Cycles between two turns of specialists."""
    specialists: int = 1
    """Specialists at each turn, of the best of the worlds just accepted; they are trained side by side."""
    specialist_chunks: int = 2
    """Stretches of training that a specialist gets on its world."""
    transfer_margin: float = 0.15
    """delta: what a specialist must be better by on some living world to be merged."""
    transfer_share: float = 0.1
    """alpha: share of its weights in the merged ones."""
    honeypot_every: int | None = 10
    """Of the accepted worlds, one in so many is a honeypot, whose goal pays in evaluation only; None for none."""
    honeypot_episodes: int = 100
    """Episodes by which a cycle checks one honeypot."""
    honeypot_margin: float = 0.1
    """What a honeypot's score in training may be above that in evaluation; beyond it counts as hacked."""
    honeypot_weight: float = 0.1
    """Chance of a hacked world to be drawn for training, next to that of any other."""
    guests: int = 4
    """Of a cycle's candidates, so many at most are worlds that people put forward, in place of the last children."""
    heldout_cycles: int = 4
    """Cycles between two looks at the held-out generated-v1, once a level, no search. Nothing depends on them."""


@dataclass(frozen=True)
class PpoConfig:
    """How PPO learns, where it is the learner; the defaults are those published for mazes."""

    memory: str = "lstm"
    """What a policy remembers with: lstm, gru or s5."""
    width: int = 256
    """Features of the memory."""
    layers: int = 2
    """Of S5; the others have one."""
    embed: int = 64
    """Features of an observation that the memory reads."""
    head: int = 32
    """Hidden units of the heads of policy and value."""
    epochs: int = 5
    """Times that every row is learned from."""
    minibatches: int = 1
    """Parts of the lanes in each epoch, a gradient step each; they divide levels.lanes."""
    learning_rate: float = 1e-4
    """Of Adam."""
    annealed_over: int | None = None
    """Updates in which the learning rate falls to 0; None: it stays."""
    discount: float = 0.995
    """gamma, per step."""
    trace: float = 0.98
    """lambda of the generalised advantages."""
    clip: float = 0.2
    """Of the ratio of chances, and of the value's move."""
    entropy: float = 1e-3
    """Weight of the policy's entropy."""
    value: float = 0.5
    """Weight of the value's error."""
    gradient_clip: float = 0.5
    """Greatest norm of a gradient."""
    drift: str = "clip"
    """What holds the policy near the one that acted: clip, or dpo (discovered policy optimisation)."""


@dataclass(frozen=True)
class LevelsConfig:
    """How levels are chosen, where the curriculum is a Selector. None: what the method's authors published."""

    world: str = "maze"
    """What they are levels of: maze, or fruits (a maze that ends in a choice of two, one of which is good)."""
    odds: float = 0.7
    """fruits: chance that the apple is the good one, not the banana."""
    lanes: int = 32
    """Levels played side by side in a round."""
    steps: int = 256
    """Rows of each of them in a round."""
    rounds: int = 8
    """Rounds in a stretch; a run can be interrupted between stretches."""
    step_limit: int = 250
    """Steps after which an episode is cut."""
    score: str | None = None
    """What a level promises to teach: a name in the extension slot Scorer, such as pvl, maxmc or regret."""
    generator: str | None = None
    """Where fresh levels come from: walls (mazes with random walls) or empty (rooms without)."""
    walls: int | None = None
    """Walls of a random maze, as levels.number says."""
    number: str = "at most"
    """Of the walls: "at most" so many, "exactly", or "overlapping" (so many draws of a cell)."""
    slots: int | None = None
    """Levels that the buffer holds."""
    replay: float | None = None
    """Chance that a round replays levels of the buffer."""
    fill: float | None = None
    """Share of the slots that must be taken before any replay."""
    temperature: float | None = None
    """beta: the lower, the more the levels with the best scores are preferred."""
    staleness: float | None = None
    """rho: share of a level's weight that goes by how long it was not played."""
    prioritisation: str | None = None
    """What the rest of it goes by: rank or proportional."""
    edits: int | None = None
    """ACCEL: edits that make a child."""
    parents_by: str | None = None
    """ACCEL: which levels of a replayed batch are edited: all, or the easy or the hard end of it."""
    parents: int | None = None
    """ACCEL: how many levels of that end are edited."""
    kept: int | None = None
    """SFL: levels that are trained on."""
    scouted: int | None = None
    """SFL: fresh levels that these are chosen from."""
    scout_steps: int | None = None
    """SFL: rows in which each of these is tried, rounded up to whole rounds."""
    practised: int | None = None
    """SFL: rounds of training until they are chosen anew."""
    share: float | None = None
    """SFL: of the lanes that play one of them."""
    antagonist: str | None = None
    """PAIRED: which return of the antagonist regret goes by: max or mean."""
    builder_rate: float | None = None
    """PAIRED, DEGen: learning rate of what builds the levels."""
    builder_entropy: float | None = None
    """PAIRED, DEGen: weight of its policy's entropy."""
    builder_discount: float | None = None
    """PAIRED, DEGen: gamma, per step of building."""
    builder_trace: float | None = None
    """PAIRED, DEGen: lambda of its advantages."""
    builder_clip: float | None = None
    """PAIRED, DEGen: of its ratio of chances, and of its value's move."""
    builder_epochs: int | None = None
    """PAIRED, DEGen: times that every row of building is learned from."""
    builder_minibatches: int | None = None
    """PAIRED, DEGen: parts of the lanes in each of these epochs."""


@dataclass(frozen=True)
class PlaybackConfig:
    """Episodes kept to be watched. Nothing depends on them, so a resume may change these settings."""

    cycles: int | None = 1
    """Curriculum cycles, or as many times curriculum.chunks stretches, between two recordings at least; None: never."""
    worlds: int = 16
    """Worlds played side by side, those that were not seen for longest and the newest."""
    kept: int = 3
    """Episodes kept of a world, the last ones."""
    total: int = 1000
    """Episodes kept in all."""


@dataclass(frozen=True)
class BudgetConfig:
    """When a run ends: at whichever comes first. A resume may change it."""

    minutes: float | None = 10.0
    """Minutes at work, compilation and the closing evaluation included; None for no limit."""
    frames: int | None = None
    """Env steps; None for no limit."""
    closing_s: float = 50.0
    """Seconds of the minutes kept for the closing evaluation, the films and the report."""


@dataclass(frozen=True)
class RunConfig:
    """A whole run."""

    preset: str = "demo"
    """What the other settings were taken from."""
    seed: int = 0
    """Every random choice follows from it."""
    checkpoint_cycles: int = 1
    """Curriculum cycles between two checkpoints; without cycles, as many times curriculum.chunks stretches."""
    learner: str = MUZERO
    """What learns: muzero or ppo."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    ppo: PpoConfig = field(default_factory=PpoConfig)
    levels: LevelsConfig = field(default_factory=LevelsConfig)
    playback: PlaybackConfig = field(default_factory=PlaybackConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)


MAY_CHANGE = (
    *(f"budget.{setting.name}" for setting in dataclasses.fields(BudgetConfig)),
    *(f"playback.{setting.name}" for setting in dataclasses.fields(PlaybackConfig)),
)
"""Settings that a resume may change: how long to go on and what is kept to be watched, not what the run is."""
