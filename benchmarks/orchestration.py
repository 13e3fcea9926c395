"""What the flow costs beside the work that it orders: `python benchmarks/orchestration.py --help`.

The same rows twice, in fresh processes and by turns: by calls of `mirage_core`, and by the flow `synth-vsp`, which adds
the stages' child processes, checksums and manifests, cards, and the talk with a Prefect server. Both wall and CPU
seconds are told: on a machine that does other work only the latter mean something.
"""

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from mirage_core.puzzles import vsp
from mirage_core.spec import DatasetSpec, load_spec
from mirage_core.synthesis.card import write_card
from mirage_core.synthesis.dataset import build_dataset
from mirage_core.synthesis.helper_images import draw_rows
from mirage_core.synthesis.puzzles import sample_puzzles
from mirage_core.synthesis.reasoning import explain_puzzles


class Taken(NamedTuple):
    """Seconds of one run."""

    wall_s: float
    cpu_s: float
    """Of the process and all its children; not of the Prefect server."""
    own_cpu_s: float
    """Of the process alone: of a flow's it is all but the stages' work, which children do."""


def main(
    rows: Annotated[int, typer.Option(help="training rows, one thought each")] = 20_000,
    repeats: Annotated[int, typer.Option(help="runs of each; medians are told")] = 3,
) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "PREFECT_HOME": f"{folder}/prefect",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
        }
        spec = Path(folder) / "spec.yaml"
        spec.write_text(
            f"task: {vsp.TASK}\nseed: 1\nlevel_shares: {{4: 2, 5: 3, 6: 4}}\nnum_puzzles: {{train: {rows}}}\n",
            encoding="utf-8",
        )
        from prefect.settings import PREFECT_API_URL
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=120):
            os.environ["PREFECT_API_URL"] = str(PREFECT_API_URL.value())
            compare(spec, Path(folder), repeats)
            num_runs = largest_number_of_task_runs()
    print(f"largest number of task runs of a flow run: {num_runs}")


def compare(spec: Path, folder: Path, repeats: int) -> None:
    """Both by turns, each in a fresh process and folder."""
    taken: dict[str, list[Taken]] = {"direct": [], "flow": []}
    for turn in range(repeats):
        for name, work in (("direct", by_calls), ("flow", by_flow)):
            out = folder / f"{name}-{turn}"
            os.environ["PREFECT_RESULTS_LOCAL_STORAGE_PATH"] = str(out)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                run = pool.submit(work, spec, out).result()
            taken[name].append(run)
            load = os.getloadavg()[0]
            used = f"{run.wall_s:.2f} s wall, {run.cpu_s:.2f} s CPU, {run.own_cpu_s:.2f} of it its own"
            print(f"{name}: {used} (load {load:.1f})", flush=True)
    for field in ("wall_s", "cpu_s"):
        direct, flow = (statistics.median(getattr(run, field) for run in taken[name]) for name in ("direct", "flow"))
        print(f"{field}: direct {direct:.2f}, flow {flow:.2f}: orchestration adds {100 * (flow / direct - 1):.1f} %")
    own_s = statistics.median(run.own_cpu_s for run in taken["flow"])
    share = f"{own_s:.2f} s, {100 * own_s / direct:.1f} % of the direct run's"
    print(f"of the flow's CPU {share}, are Prefect, cards and manifests")
    print("the rest of what is added are the starts of the stages' processes")


def by_calls(spec: Path, root: Path) -> Taken:
    """The four steps in this process, which starts one worker per core."""
    settings = load_spec(spec)
    out = [root / name for name in ("puzzles", "pictures", "thoughts", "data")]
    scratch = [root / f"scratch-{folder.name}" for folder in out]
    for folder in out + scratch:
        folder.mkdir(parents=True)

    def work() -> None:
        drawn = sample_puzzles(settings.puzzles, out[0], scratch[0])
        draw_rows(out[0], out[1], scratch[1], None, settings.helper_image, settings.seed, settings.helper_as_input)
        explain_puzzles(out[0], settings.seed, settings.thoughts_per_puzzle, out[2], scratch[2])
        counts = build_dataset(out[1], out[2], settings.teacher, out[3], scratch[3])
        write_card(out[3], settings.model_dump(), drawn["rejected"], counts["rejected"])
        check(settings, counts["kept"])

    return timed(work)


def by_flow(spec: Path, root: Path) -> Taken:
    """As a worker runs it: the flow in this process, every stage in a child of it."""
    from flows.synth_vsp import synth_vsp
    from mirage_core import manifest

    def work() -> None:
        check(load_spec(spec), manifest.read(synth_vsp(spec).uri).counts["kept"])

    return timed(work)


def check(settings: DatasetSpec, kept: object) -> None:
    """All rows were made."""
    assert kept == settings.num_puzzles["train"], kept


def timed(work: Callable[[], None]) -> Taken:
    """Run it once; imports are done before."""

    def cpu_s(who: int) -> float:
        used = resource.getrusage(who)
        return used.ru_utime + used.ru_stime

    def now() -> tuple[float, float, float]:
        own_s = cpu_s(resource.RUSAGE_SELF)
        return time.perf_counter(), own_s + cpu_s(resource.RUSAGE_CHILDREN), own_s

    before = now()
    work()
    return Taken(*(after - started for after, started in zip(now(), before, strict=True)))


def largest_number_of_task_runs() -> int:
    """Over all flow runs of the server."""
    from collections import Counter

    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return max(Counter(run.flow_run_id for run in client.read_task_runs()).values())


if __name__ == "__main__":
    typer.run(main)
