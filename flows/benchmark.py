"""A model to its scores: `python -m flows.benchmark --model FOLDER --test VSP_FOLDER_OR_JSONL`.

The path of the test decides its task: see `import_test`.
"""

from pathlib import Path

import typer
from prefect import flow

from flows.synth_vsp import synth_vsp
from mirage_core.benchmark.official import title_of_test
from mirage_core.model.base import resolve_base
from mirage_core.recipe import load_recipe
from tasks import evaluation, synthesis
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.evaluation import TestSet
from tasks.local import run_flow


def test_sets(spec: Path, test: Path | None) -> list[TestSet]:
    """The official test, where one is given, and the held-out rows of the spec's data set."""
    sets = []
    if test is not None:  # first, so that a wrong path is noticed before any work
        official = with_card(synthesis.official_test(synthesis.find_test(test)))
        sets.append(TestSet(name=title_of_test(test), rows=official, split="test"))
    return [*sets, TestSet(name="held-out boards", rows=synth_vsp(spec), split="validation")]


@flow(name="benchmark")
def benchmark(model: str, recipe: Path, spec: Path, test: Path | None = None) -> list[Artifact]:
    """Score one model beside the trivial policies, on held-out boards of the spec and the official test if given."""
    settings = load_recipe(recipe).benchmark
    chosen = resolve_base(model)
    tests = test_sets(spec, test)
    return [
        with_card(evaluation.benchmark(chosen, model, tests, settings)),
        with_card(evaluation.baselines(tests, settings)),
    ]


def main(
    model: str = "tiny",
    recipe: Path = Path("recipes/tiny.yaml"),
    spec: Path = Path("datasets_spec/vsp-tiny.yaml"),
    test: Path | None = None,
) -> None:
    """Score one model."""
    for artifact in run_flow(benchmark, model=model, recipe=recipe, spec=spec, test=test):
        print(artifact.uri)


if __name__ == "__main__":
    typer.run(main)
