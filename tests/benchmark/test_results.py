from mirage_core.benchmark.results import Answer, Scores, summarize


def answer(reason, reason_vsp="hole", level=3, num_latents=4, needs_planning=False):
    return Answer(
        id="item",
        level=level,
        output="...",
        reason=reason,
        reason_vsp=reason_vsp,
        num_latents=num_latents,
        needs_planning=needs_planning,
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
    scores = summarize(ANSWERS, "mirage", "official", seconds=1.23456)
    assert (scores.model, scores.test_set, scores.seconds) == ("mirage", "official", 1.23)
    assert (scores.overall.correct, scores.overall.n) == (3, 8)
    assert (scores.overall_vsp.correct, scores.overall_vsp.n) == (3, 8)
    assert {level: (a.correct, a.n) for level, a in scores.by_level.items()} == {3: (2, 4), 4: (1, 1), 5: (0, 3)}
    assert list(scores.by_level) == [3, 4, 5]
    assert (scores.where_walks_fail.correct, scores.where_walks_fail.n) == (1, 3)
    assert (scores.emission_rate, scores.no_answer_rate) == (6 / 8, 2 / 8)
    assert scores.answers == tuple(ANSWERS)


def test_scores_survive_their_file():
    for answers in (ANSWERS, ANSWERS[:2]):  # the second has no board that needs planning
        scores = summarize(answers, "mirage", "official", seconds=1.0)
        assert Scores.model_validate_json(scores.model_dump_json()) == scores
