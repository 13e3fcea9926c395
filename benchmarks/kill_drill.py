"""Kill runs at random moments and see whether a rerun ends where an undisturbed run does.

    python benchmarks/kill_drill.py --points 20

One undisturbed run comes first. Each point is then a run in a root of its own that gets SIGKILL at a random moment and
is started again. Compared are the digests, counts and checksums that the manifests hold: of the data sets' files, of
the models' weights. Nothing is known here of how stages resume, only commands, folders and manifests.

Needs the extra `dev` (psutil). A Prefect server is used if PREFECT_API_URL names one; otherwise each run starts its own
and that is killed too.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import psutil
import typer
import yaml

from mirage_core import manifest
from mirage_core.manifest import Manifest

REPO = Path(__file__).parents[1]
SPEC = REPO / "datasets_spec/vsp-smoke.yaml"
RECIPE = REPO / "recipes/smoke.yaml"
DRILL = {
    # long enough that rewards differ, or GRPO would compare runs that learn nothing; GRPO crosses an epoch of 4 updates
    "stage2": {"num_updates": 40, "lr": 3e-3},
    "grpo": {"num_updates": 6},
}
"""What the recipe of the drill changes in the smoke recipe."""
SAVE_EVERY = 2
"""Updates between checkpoints."""
TELLS_HOW = {"counts.json", "metrics.jsonl"}
"""Files that tell how a result was reached: where it was resumed, seconds per step."""
NO_STAGES = {"logs"}
"""Folders below the root that hold no artifacts."""
START_LIMIT_S, RUN_LIMIT_S, ORPHAN_LIMIT_S = 180, 1200, 40


class Stages(StrEnum):
    """Which part of the road is disturbed."""

    ALL = "all"
    SYNTH = "synth"
    TRAIN = "train"


class World(NamedTuple):
    """One artifact root, and the command that fills it."""

    folder: Path
    command: list[str]

    @property
    def root(self) -> Path:
        return self.folder / "artifacts"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command in a process group of its own; its output is appended to `log`."""
        environment = os.environ | {
            "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(self.root),
            "PREFECT_HOME": str(self.folder / "prefect"),
        }
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                self.command, cwd=REPO, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def finish(self) -> None:
        """Run the command to its end."""
        process = self.start()
        if process.wait(RUN_LIMIT_S) != 0:
            sys.exit(f"the run failed; see {self.folder / 'log'}")

    def finished(self) -> dict[str, Manifest]:
        """Stage -> its manifest, oldest first."""
        paths = sorted(self.root.glob("[!.]*/[!.]*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
        return {path.parts[-3]: manifest.read(str(path.parent)) for path in paths}


class Kill(NamedTuple):
    """One kill of a run."""

    after_s: float
    """Since the first sign of work."""
    whom: str
    """`flow`: its process group, as a lost terminal would; `all`: its children too, as the end of a container does."""
    stage: str
    """The first one that was not finished."""


def main(
    points: Annotated[int, typer.Option(help="How many runs are killed.")] = 20,
    kills: Annotated[int, typer.Option(help="How often each of them is.")] = 1,
    stages: Annotated[Stages, typer.Option(help="`train` starts from the finished data set.")] = Stages.ALL,
    seed: Annotated[int | None, typer.Option(help="Of the moments; a random one is drawn and printed.")] = None,
    spec: Annotated[Path, typer.Option(help="Data set.")] = SPEC,
    recipe: Annotated[Path, typer.Option(help="Changed to save often.")] = RECIPE,
) -> None:
    """Run the drill; exit code 1 if any rerun ended elsewhere."""
    seed = random.randrange(10**6) if seed is None else seed
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="kill-drill-"))
    print(f"seed {seed}, folder {folder}", flush=True)
    undisturbed, given, span_s = prepare(folder, stages, spec, recipe)
    expected = undisturbed.finished()
    print(f"undisturbed: {', '.join(expected)}; {span_s:.0f} s\n", flush=True)
    print("| point | killed after (s) | whom | in stage | resumed at | equal |\n|---|---|---|---|---|---|", flush=True)
    num_different = 0
    for number in range(points):
        world = World(folder / f"point-{number}", undisturbed.command)
        copy(undisturbed, world, given)
        history = [disturb(world, list(expected), rng, span_s) for _ in range(kills)]
        world.finish()
        different = differences(expected, world.finished())
        num_different += bool(different)
        print(f"| {number} | {describe(history, world)} | {', '.join(different) or 'yes'} |", flush=True)
        if not different:
            shutil.rmtree(world.folder)
    print(f"\n{points - num_different} of {points} equal")
    raise typer.Exit(int(num_different > 0))


def prepare(folder: Path, stages: Stages, spec: Path, recipe: Path) -> tuple[World, set[str], float]:
    """Make the undisturbed run.

    Returns:
        Its world, the stages that every point is given, and how many seconds the others take.
    """
    settings = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    for name, part in settings.items():
        if isinstance(part, dict) and "num_updates" in part:
            part |= DRILL.get(name, {}) | {"save_every": SAVE_EVERY}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    synth = [sys.executable, "-m", "flows.synth_vsp", "--spec", str(spec.resolve())]
    train = [sys.executable, "-m", "flows.train_mirage", "--spec", str(spec.resolve())]
    train += ["--recipe", str(folder / "recipe.yaml")]
    world = World(folder / "undisturbed", synth if stages == Stages.SYNTH else train)
    world.folder.mkdir()
    if stages == Stages.TRAIN:
        world._replace(command=synth).finish()
    given = set(world.finished())
    process = world.start()
    wait_for_work(world, process, given)
    started_s = time.monotonic()
    if process.wait(RUN_LIMIT_S) != 0:
        sys.exit(f"the undisturbed run failed; see {world.folder / 'log'}")
    return world, given, time.monotonic() - started_s


def copy(source: World, target: World, stages: set[str]) -> None:
    """Give a point the finished stages that it is not to repeat, and a Prefect home, whose making takes long."""
    target.folder.mkdir()
    if (source.folder / "prefect").is_dir():
        shutil.copytree(source.folder / "prefect", target.folder / "prefect")
    for stage in stages:
        shutil.copytree(source.root / stage, target.root / stage)


def wait_for_work(world: World, process: subprocess.Popen[bytes], given: set[str]) -> None:
    """Wait for the first stage that is not there yet, or the end; start-up is not what is to be killed."""
    deadline_s = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline_s:
        if started(world) - given:
            return
        time.sleep(0.02)
    if process.poll() != 0:
        sys.exit(f"no stage was started; see {world.folder / 'log'}")


def started(world: World) -> set[str]:
    """Stages that have a folder."""
    if not world.root.is_dir():
        return set()
    return {path.name for path in world.root.iterdir() if path.is_dir()} - NO_STAGES


def disturb(world: World, order: list[str], rng: random.Random, span_s: float) -> Kill:
    """Start a run, kill it at a random moment and wait until nothing of it is left."""
    given = started(world)
    after_s, whom = rng.uniform(0, span_s), rng.choice(["flow", "all"])
    process = world.start()
    if not given - set(world.finished()):  # a second kill starts in the middle: its first sign is not a new folder
        wait_for_work(world, process, given)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        kill(process, whom == "all")
    done = world.finished()
    return Kill(after_s, whom, next((stage for stage in order if stage not in done), "none: it had ended"))


def kill(process: subprocess.Popen[bytes], everyone: bool) -> None:
    """SIGKILL to a run; children that outlive it longer than they may are an error of ours."""
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    for child in children if everyone else ():
        if child.is_running():
            child.kill()
    process.wait()
    _, orphans = psutil.wait_procs(children, ORPHAN_LIMIT_S)
    for orphan in orphans:
        orphan.kill()
    if orphans:
        sys.exit(f"the run left orphans: {[orphan.pid for orphan in orphans]}")


def differences(expected: dict[str, Manifest], found: dict[str, Manifest]) -> list[str]:
    """What is not as in the undisturbed run: stages, or files and counts of stages."""
    wrong = sorted(expected.keys() ^ found.keys())
    for stage in expected.keys() & found.keys():
        one, other = result(expected[stage]), result(found[stage])
        wrong += [f"{stage}/{name}" for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
    return wrong


def result(record: Manifest) -> dict[str, Any]:
    """What a rerun must reach too; where it was resumed is its own business."""
    counts = {name: count for name, count in record.counts.items() if name != "resumed_at"}
    files = {name: sha for name, sha in record.files.items() if name not in TELLS_HOW}
    return {"digest": record.digest, "counts": counts} | files


def describe(history: list[Kill], world: World) -> str:
    """Cells of a point's row."""
    resumed = {stage: record.counts.get("resumed_at") for stage, record in world.finished().items()}
    parts = [(f"{kill.after_s:.1f}", kill.whom, kill.stage, str(resumed.get(kill.stage) or "-")) for kill in history]
    return " | ".join(", ".join(column) for column in zip(*parts, strict=True))


if __name__ == "__main__":
    typer.run(main)
