import pytest

from mirage_core.benchmark.results import Answer, Sample, Scores, summarize
from mirage_core.puzzles import vsp, vsp_reasoning, vsp_tasks


def answer(reason, reason_vsp="hole", level=3, num_latents=4, needs_planning=False, samples=()):
    return Answer(
        id="item",
        level=level,
        output="...",
        reason=reason,
        reason_vsp=reason_vsp,
        num_latents=num_latents,
        needs_planning=needs_planning,
        samples=tuple(Sample(tail="", reason=reason) for reason in samples),
    )


ANSWERS = [
    answer("ok", "ok"),
    answer("ok", "not_at_goal", num_latents=0),
    answer("no_answer", "no_answer", level=5, num_latents=0),
    answer("no_moves", "bad_move", level=5, needs_planning=True),
    answer("not_at_goal", "ok", level=5, needs_planning=True),
    answer("ok", "ok", level=4, num_latents=8, needs_planning=True),
    answer("hole"),
    answer("hole"),
]


def test_answers_add_up():
    scores = summarize(ANSWERS, vsp.TASK, "mirage", "official", seconds=1.23456)
    assert (scores.model, scores.test_set, scores.task, scores.seconds) == ("mirage", "official", vsp.TASK, 1.23)
    assert (scores.overall.correct, scores.overall.n) == (3, 8)
    assert (scores.overall_vsp.correct, scores.overall_vsp.n) == (3, 8)
    assert {level: (a.correct, a.n) for level, a in scores.by_level.items()} == {3: (2, 4), 4: (1, 1), 5: (0, 3)}
    assert list(scores.by_level) == [3, 4, 5]
    assert (scores.where_walks_fail.correct, scores.where_walks_fail.n) == (1, 3)
    assert scores.emission_rate == 6 / 8 and scores.sampled is None
    assert scores.answers == tuple(ANSWERS) and scores.counted == ANSWERS


def test_wrong_and_invalid_are_kept_apart():
    scores = summarize(ANSWERS, vsp.TASK, "mirage", "official", seconds=1.0)
    assert scores.reasons == {"ok": 3, "hole": 2, "no_answer": 1, "no_moves": 1, "not_at_goal": 1}
    assert (scores.overall.share, scores.wrong, scores.invalid) == (3 / 8, pytest.approx(3 / 8), 2 / 8)


def test_levels_7_and_8_do_not_count_in_the_headline_of_mirages_tasks():
    large = [answer("no_answer", "no_answer", level=level, num_latents=0, needs_planning=True) for level in (7, 8, 8)]
    for task in (vsp.TASK, vsp_reasoning.TASK):
        alone, both = (summarize(told, task, "m", "t", 1.0) for told in (ANSWERS, ANSWERS + large))
        assert both.headline == (3, 4, 5) and both.counted == ANSWERS and len(both.answers) == 11
        assert both.by_level[8].n == 2
        same = {"overall", "overall_vsp", "where_walks_fail", "reasons", "invalid", "emission_rate"}
        assert both.model_dump(include=same) == alone.model_dump(include=same)
    assert summarize(ANSWERS + large, vsp_tasks.HOLE, "m", "t", 1.0).overall.n == 11


def test_samples_are_averaged_within_their_items():
    told = [answer("hole", samples=("ok", "ok", "hole", "ok")), answer("ok", samples=("no_answer",) * 4)]
    told.append(answer("ok", level=7, samples=("ok",) * 4))
    sampled = summarize(told, vsp.TASK, "m", "t", 1.0).sampled
    assert (sampled.n, sampled.num_samples, sampled.correct, sampled.share) == (2, 4, 3, 3 / 8)
    assert (sampled.low, sampled.high) == (0.0, 0.75)


def test_a_task_with_one_rule_and_no_walks_shows_neither():
    told = [answer(reason, reason_vsp=None, needs_planning=None) for reason in ("ok", "wrong_choice")]
    scores = summarize(told, vsp_reasoning.TASK, "m", "t", 1.0)
    assert scores.overall_vsp is None and scores.where_walks_fail is None and scores.overall.correct == 1


def test_scores_survive_their_file():
    with_samples = [answer("ok", samples=("ok", "hole"))]
    for answers in (ANSWERS, ANSWERS[:2], with_samples):  # the second has no board that needs planning
        scores = summarize(answers, vsp.TASK, "mirage", "official", seconds=1.0)
        assert Scores.model_validate_json(scores.model_dump_json()) == scores
