"""A model to its scores: `python -m flows.benchmark --model FOLDER --test VSP_FOLDER_OR_JSONL`.

The path of the test decides its task: see `import_test`.
"""

from collections.abc import Sequence
from pathlib import Path

import typer
from prefect import flow

from flows.data import build_data, held_out_name
from mirage_core.benchmark.official import title_of_test
from mirage_core.model.base import resolve_base
from mirage_core.recipe import load_recipe
from tasks import evaluation, synthesis
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.evaluation import TestSet
from tasks.local import run_flow


def official_sets(tests: Sequence[Path]) -> list[TestSet]:
    """The official tests that are given; to be asked first, so that a wrong path is noticed before any work."""
    sets = []
    for test in tests:
        official = with_card(synthesis.official_test(synthesis.find_test(test)))
        sets.append(TestSet(name=title_of_test(test), rows=official, split="test"))
    return sets


def test_sets(spec: Path, tests: Sequence[Path]) -> list[TestSet]:
    """The official tests that are given, and the held-out rows of the spec's data set."""
    return [*official_sets(tests), TestSet(name=held_out_name(spec), rows=build_data(spec), split="validation")]


@flow(name="benchmark")
def benchmark(model: str, recipe: Path, spec: Path, tests: tuple[Path, ...] = ()) -> list[Artifact]:
    """Score one model beside the trivial policies, on held-out boards of the spec and official tests if given."""
    settings = load_recipe(recipe).benchmark
    chosen = resolve_base(model)
    chosen_tests = test_sets(spec, tests)
    return [
        with_card(evaluation.benchmark(chosen, model, chosen_tests, settings)),
        with_card(evaluation.baselines(chosen_tests, settings)),
    ]


def main(
    model: str = "tiny",
    recipe: Path = Path("recipes/tiny.yaml"),
    spec: Path = Path("datasets_spec/vsp-tiny.yaml"),
    test: list[Path] | None = None,
) -> None:
    """Score one model."""
    for artifact in run_flow(benchmark, model=model, recipe=recipe, spec=spec, tests=tuple(test or ())):
        print(artifact.uri)


if __name__ == "__main__":
    typer.run(main)
