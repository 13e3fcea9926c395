"""The section "Do the latents do any work?"."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirage_core.benchmark.latent_results import NEGLIGIBLE, OWN, LatentScores, LatentStatistics, verdict
from mirage_core.report.curves import map_svg


def latent_sections(scores: Sequence[Path]) -> list[dict[str, Any]]:
    """What the page shows of the latent tests below folders of scores, test set by test set."""
    tested = [
        LatentScores.model_validate_json(path.read_text(encoding="utf-8"))
        for folder in scores
        for path in sorted(folder.glob("latents-*.json"))
    ]
    test_sets = list(dict.fromkeys(one.test_set for one in tested))
    return [_section(name, [one for one in tested if one.test_set == name]) for name in test_sets]


def _section(test_set: str, models: list[LatentScores]) -> dict[str, Any]:
    names = list(dict.fromkeys(one.name for model in models for one in model.replaced))
    return {
        "name": test_set,
        "models": [_model(model) for model in models],
        "replacements": [name for name in names if name != OWN],
        "has_walks": any(one.where_walks_fail for model in models for one in model.replaced),
        "has_targets": any(model.statistics and model.statistics.retrieval for model in models),
        "negligible": NEGLIGIBLE,
    }


def _model(scores: LatentScores) -> dict[str, Any]:
    return {
        "name": scores.model,
        "n": scores.n,
        "num_with_latents": scores.num_with_latents,
        "verdict": verdict(scores),
        "replaced": scores.replaced,
        "statistics": scores.statistics,
        "remarks": _remarks(scores.statistics) if scores.statistics else [],
        "map": map_svg(scores.model, scores.statistics.map) if scores.statistics else "",
    }


def _remarks(of: LatentStatistics) -> list[str]:
    """What the statistics say, a sentence each."""
    per_place = ", ".join(f"{cosine:.3f}" for cosine in of.collapse.per_place)
    alike = f"Two items' latents have a mean cosine of {of.collapse.overall:.3f} (by place {per_place})"
    if of.collapse_of_targets:
        alike += f"; the vectors made of their true helper images {of.collapse_of_targets.overall:.3f}"
    remarks = [f"{alike}. At 1 they are all the same."]
    if of.retrieval and of.retrieval_centred:
        raw, centred = of.retrieval, of.retrieval_centred
        remarks.append(
            f"The own helper image is the nearest of {of.num_items} for {100 * raw.recall_at_1:.1f} % of items (mean "
            f"reciprocal rank {raw.mrr:.3f}), without what all items share for {100 * centred.recall_at_1:.1f} % "
            f"({centred.mrr:.3f}); by chance {100 * raw.chance_recall_at_1:.1f} % ({raw.chance_mrr:.3f})."
        )
    near = of.neighbours
    remarks.append(
        f"The nearest embedding is a vision feature, not a text token, for {100 * near.visual_share:.1f} % of latents "
        f"({near.num_each} of each)."
    )
    norms = "; ".join(f"{kind} {mean:.2f} ± {deviation:.2f}" for kind, (mean, deviation) in of.norms.items())
    return [*remarks, f"Lengths, mean ± standard deviation: {norms}."]
