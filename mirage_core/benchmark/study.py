"""Arms of a study, each trained with several seeds: their accuracies and differences, over seeds and items.

Shapes: S training seeds, N items, P different columns, R resamples.

An accuracy varies with the training seed and with the items, and every model of an arm answers the same items: rows and
columns of one table. The bootstrap resamples both, independently of one another. Source: A. B. Owen, The pigeonhole
bootstrap, Ann. Appl. Stat. 1 (2007), 386-411.

What 3 seeds can show: that a difference stands out from what the training seed does, when every seed shows it and by
more than the seeds lie apart. What they can't: how far a fourth may fall from them. As far as seeds go the interval
ends at the worst and the best of the three, and holds the median over all seeds in 75 % of studies (1 - 2 / 2^3), not
in 95 %: it is too narrow where seeds vary more than items do. Of six seeds the extremes would hold it in 97 %. With
one seed it is the bootstrap over items, which says nothing of other seeds.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mirage_core.benchmark.interval import NUM_RESAMPLES, SEED, wilson
from mirage_core.benchmark.paired import bounds_of_one_voice
from mirage_core.benchmark.results import Answer, Scores
from mirage_core.errors import InputError
from mirage_core.settings import Settings


class Estimate(Settings):
    """A mean over training seeds and items."""

    n: int
    """Items."""
    mean: float
    """In [0, 1]; of a difference in [-1, 1]."""
    low: float
    """Lower end of the 95 % interval over seeds and items."""
    high: float
    """Upper end."""
    by_seed: tuple[float, ...]
    """The same of each seed, in their order."""


class ArmScores(Settings):
    """An arm on one test set, greedy answers, Mirage's rule where there are two."""

    arm: str
    """Its name in tables."""
    overall: Estimate
    """Items of the headline."""
    where_walks_fail: Estimate | None
    """Those that both hole-blind walks fail on; None where there are none."""
    by_level: dict[int, Estimate]
    """All levels."""
    emission_rate: float
    """Share of outputs with at least one latent, mean over seeds."""


class ArmDifference(Settings):
    """An arm's accuracy minus a reference's: same items, seed by seed."""

    arm: str
    """One."""
    reference: str
    """The other."""
    overall: Estimate
    """Items of the headline."""
    where_walks_fail: Estimate | None
    """Those that both hole-blind walks fail on; None where there are none."""


class LatentTest(Settings):
    """An arm with something else in the place of its latents."""

    arm: str
    """Its name in tables."""
    replacement: str
    """What stands there; "own" for the arm's own latents."""
    overall: Estimate
    """Accuracy."""
    fall: Estimate
    """Accuracy with own latents minus this one: same items, seed by seed. Near 0 the latents do nothing."""
    where_walks_fail: Estimate | None
    """As `overall`, boards that both hole-blind walks fail on; None where there are none."""
    fall_where_walks_fail: Estimate | None
    """As `fall`, on these boards."""


def two_level_bootstrap(values_SN: np.ndarray) -> tuple[float, float] | None:
    """95 % percentile interval of the mean, training seeds and items resampled; None where all values are the same.

    Items with the same values at all seeds are alike, so drawing N of them is one multinomial draw over the P different
    columns; drawing S seeds is one over the rows. With one seed it is `interval.bootstrap`, number by number.
    """
    columns_SP, counts = np.unique(values_SN, axis=1, return_counts=True)
    if np.all(columns_SP == columns_SP.flat[0]):
        return None
    num_seeds, num_items = values_SN.shape
    rng = np.random.default_rng(SEED)
    items_RP = rng.multinomial(num_items, counts / num_items, size=NUM_RESAMPLES)
    seeds_RS = rng.multinomial(num_seeds, np.full(num_seeds, 1 / num_seeds), size=NUM_RESAMPLES)
    means_R = (seeds_RS * (items_RP @ columns_SP.T)).sum(1) / values_SN.size
    low, high = np.quantile(means_R, [0.025, 0.975])
    return float(low), float(high)


def share_right(right_SN: np.ndarray) -> Estimate | None:
    """Accuracy of an arm, 1 where an answer is right; Wilson where all agree; None where there are no items."""
    mean = float(right_SN.mean()) if right_SN.size else 0.0
    return _estimate(right_SN, mean, wilson(right_SN.shape[1], mean)) if right_SN.size else None


def difference(a_SN: np.ndarray, b_SN: np.ndarray) -> Estimate | None:
    """Accuracy of `a` minus that of `b`, seeds and items paired; an arm without a training seed has one row."""
    gains_SN = np.asarray(a_SN, float) - b_SN
    mean = float(gains_SN.mean()) if gains_SN.size else 0.0
    return _estimate(gains_SN, mean, bounds_of_one_voice(mean, gains_SN.shape[1])) if gains_SN.size else None


def _estimate(values_SN: np.ndarray, mean: float, where_all_agree: tuple[float, float]) -> Estimate:
    low, high = two_level_bootstrap(values_SN) or where_all_agree
    by_seed = tuple(values_SN.mean(1).tolist())
    return Estimate(n=values_SN.shape[1], mean=mean, low=min(low, mean), high=max(high, mean), by_seed=by_seed)


class ArmAnswers:
    """Every answer of an arm to one test set, one row per seed."""

    def __init__(self, arm: str, runs: Sequence[Scores]) -> None:
        """Line the runs up.

        Raises:
            InputError: They did not answer the same items.
        """
        self.arm, self.runs = arm, runs
        first = runs[0].answers
        self.ids = [answer.id for answer in first]
        if any([answer.id for answer in run.answers] != self.ids for run in runs):
            raise InputError(f"{arm} on {runs[0].test_set}: its seeds answered different items")
        self.right_SN = np.array([[answer.reason == "ok" for answer in run.answers] for run in runs], float)
        self.levels_N = np.array([answer.level for answer in first])
        self.counted_N = np.isin(self.levels_N, runs[0].headline)
        self.hard_N = self.counted_N & np.array([bool(answer.needs_planning) for answer in first])

    def scores(self) -> ArmScores:
        """Accuracies with their intervals."""
        levels = {
            int(level): share_right(self.right_SN[:, self.levels_N == level]) for level in np.unique(self.levels_N)
        }
        overall = share_right(self.right_SN[:, self.counted_N])
        assert overall is not None, "a headline counts levels that are there"
        return ArmScores(
            arm=self.arm,
            overall=overall,
            where_walks_fail=share_right(self.right_SN[:, self.hard_N]),
            by_level={level: share for level, share in levels.items() if share is not None},
            emission_rate=float(np.mean([run.emission_rate for run in self.runs])),
        )

    def minus(self, reference: "ArmAnswers") -> ArmDifference:
        """How much more it answers rightly than a reference.

        Raises:
            InputError: The items differ, or the numbers of seeds where both have several.
        """
        num_runs = {len(self.runs), len(reference.runs)} - {1}
        if self.ids != reference.ids or len(num_runs) > 1:
            raise InputError(f"{self.arm} and {reference.arm} on {self.runs[0].test_set}: not the same items and seeds")
        overall = difference(*(arm.right_SN[:, arm.counted_N] for arm in (self, reference)))
        assert overall is not None
        return ArmDifference(
            arm=self.arm,
            reference=reference.arm,
            overall=overall,
            where_walks_fail=difference(*(arm.right_SN[:, arm.hard_N] for arm in (self, reference))),
        )


OWN = "own"
"""Name of an arm's own latents among what stands in their place."""


def latent_tests(arm: str, runs: Sequence[Mapping[str, Sequence[Answer]]]) -> list[LatentTest]:
    """What an arm answers with its latents replaced, and how much that costs.

    Args:
        arm: Its name in tables.
        runs: Per training seed, of those that make latents: replacement -> answers to the same items, `OWN` among them.

    Returns:
        One per replacement that every seed has, in the first seed's order.

    Raises:
        InputError: The items differ.
    """
    names = [name for name in runs[0] if all(name in run for run in runs)] if runs else []
    ids = {tuple(answer.id for answer in run[name]) for run in runs for name in names}
    if len(ids) > 1:
        raise InputError(f"{arm}: latents were replaced on different items")

    def right_SN(name: str, hard_only: bool) -> np.ndarray:
        chosen = [[one for one in run[name] if one.needs_planning or not hard_only] for run in runs]
        return np.array([[answer.reason == "ok" for answer in told] for told in chosen], float)

    tests = []
    for name in names:
        (overall, fall), hard = (
            (share_right(right_SN(name, only)), difference(right_SN(OWN, only), right_SN(name, only)))
            for only in (False, True)
        )
        assert overall is not None and fall is not None, "there are items"
        tests.append(
            LatentTest(
                arm=arm,
                replacement=name,
                overall=overall,
                fall=fall,
                where_walks_fail=hard[0],
                fall_where_walks_fail=hard[1],
            )
        )
    return tests
