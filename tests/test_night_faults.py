"""A night whose flow, worker, trainer or server is killed: after the recovery that docs/operations.md tells it ends as
an undisturbed one does. The real services, in a copy of the repository.
"""

import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import psutil
import pytest
import yaml
from prefect import Flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events import Event, ResourceSpecification
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Cancelling, Running

from mirage_core import manifest
from mirage_core.manifest import Parent
from mirage_core.training.run import newest_checkpoint
from tasks.jobs import LEASE_S, TRAINING_SLOTS
from tasks.server_setup import CRASH_DEAD_RUNS, NOTIFICATION_BLOCK, dead_run_automation, set_up_server
from tasks.stage_runs import stages_of

pytestmark = [pytest.mark.prefect, pytest.mark.server, pytest.mark.train]

SPEC = {
    "task": "vsp_spatial_planning", "seed": 5, "level_shares": {3: 1, 4: 1},
    "num_puzzles": {"train": 16, "rl": 8, "validation": 8},
}  # fmt: skip
ONE_UPDATE = {"num_updates": 1, "batch_size": 8, "lr": 1e-3, "warmup_updates": 0}
RECIPE = {
    "stage1": ONE_UPDATE, "direct": ONE_UPDATE,
    "stage2": {**ONE_UPDATE, "num_updates": 160, "lr": 3e-3},  # until rewards differ, or GRPO would learn nothing
    "grpo": {**ONE_UPDATE, "num_updates": 12, "num_generations": 4, "save_every": 2},
    "benchmark": {"max_new_tokens": 24, "batch_size": 8},
}  # fmt: skip
STRUCK = "grpo"
"""The stage in whose middle the fault strikes."""
TELLS_HOW = {"counts.json", "metrics.jsonl"}
"""Files that tell how a result was reached: where it was resumed, seconds."""
PAGES = {"report"}
"""Stages whose output tells it, too; theirs is what the others made."""
NIGHT_LIMIT_S, STRIKE_LIMIT_S, ORPHAN_LIMIT_S, CANCEL_LIMIT_S = 600, 300, 30, 15
OPEN = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)


class World(NamedTuple):
    """Services that run, and a finished night that nothing disturbed."""

    run: Callable[..., str]
    repo: Path
    files: Path
    client: SyncPrefectClient

    @property
    def root(self) -> Path:
        return self.repo / "artifacts"

    @property
    def undisturbed(self) -> Path:
        return self.files / "undisturbed"

    def start_night(self, name: str) -> FlowRun:
        """A night of the deployment."""
        parameters = [f'{part}="{self.files / part}.yaml"' for part in ("spec", "recipe")]
        options = [word for parameter in parameters for word in ("-p", parameter)]
        self.run("prefect", "deployment", "run", "nightly", *options, "--flow-run-name", name)
        (run,) = self.client.read_flow_runs(flow_run_filter=FlowRunFilter(name={"any_": [name]}))
        return run

    def start_night_up_to_the_middle(self, name: str) -> tuple[FlowRun, dict[Path, os.stat_result]]:
        """A night that is in the middle of the stage that is struck, and the folders of the stages it has finished."""
        root = self.root
        shutil.rmtree(root, ignore_errors=True)  # of the test before
        give(self.undisturbed, root)
        run = self.start_night(name)
        deadline_s = time.monotonic() + STRIKE_LIMIT_S
        while not list(root.glob(f"{STRUCK}/.scratch-*/checkpoint-*/trainer_state.json")):
            assert time.monotonic() < deadline_s, "the stage did not start"
            time.sleep(0.02)
        done = {place: place.stat() for place in places(root)}
        assert STRUCK not in {place.parent.name for place in done} and len(done) > 10
        return run, done

    def wait(self, run_id: UUID, after: str = "") -> str:
        """Wait for the end of a flow run; returns its state, which is another than `after`."""
        deadline_s = time.monotonic() + NIGHT_LIMIT_S
        while not (state := self.client.read_flow_run(run_id).state).is_final() or state.name == after:
            assert time.monotonic() < deadline_s, state
            time.sleep(0.3)
        return state.name

    def process_id(self, program: str) -> int:
        return int((self.repo / ".mirage" / f"{program}.pid").read_text())


@pytest.fixture(scope="module")
def world(copy_repo, tmp_path_factory) -> Iterator[World]:
    place = tmp_path_factory.mktemp("nights")
    copy = copy_repo(place, PREFECT_WORKER_QUERY_SECONDS="1", OMP_NUM_THREADS="1")
    for name, content in (("spec", SPEC), ("recipe", RECIPE)):
        (place / f"{name}.yaml").write_text(yaml.safe_dump(content))
    copy.run("tasks.services", "up")
    with (
        temporary_settings(updates={PREFECT_API_URL: copy.environment["PREFECT_API_URL"]}),
        get_client(sync_client=True) as client,
    ):
        made = World(copy.run, copy.folder, place, client)
        assert made.wait(made.start_night("undisturbed").id) == "Completed"
        learned = manifest.read(str(next(made.root.glob(f"{STRUCK}/[!.]*")))).counts
        assert learned["last_reward"] > 0, "else a night that learned nothing would be compared"
        made.root.rename(made.undisturbed)
        yield made


def places(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.glob("[!.]*/[!.]*/manifest.json"))


def result(root: Path) -> dict[str, dict[str, Any]]:
    """What a night made: artifact -> its counts and the checksums of its files."""
    found = {}
    for place in places(root):
        record = manifest.read(str(place))
        counts = {name: count for name, count in record.counts.items() if name != "resumed_at"}
        files = {name: sha for name, sha in record.files.items() if name not in TELLS_HOW}
        for name in files:
            if name.startswith("scores-"):
                files[name] = {**json.loads((place / name).read_text()), "seconds": None}
        made = {} if record.stage in PAGES else {"counts": counts, "files": files}
        found[f"{record.stage}/{record.digest}"] = made
    return found


def give(source: Path, target: Path) -> None:
    """Copy what does not stand on the stage that the fault strikes: it need not be done in every drill."""
    left_out: set[Parent] = set()
    for place in sorted(places(source), key=lambda place: (place / "manifest.json").stat().st_mtime_ns):
        record = manifest.read(str(place))
        if record.stage == STRUCK or left_out.intersection(manifest.parents(record)):
            left_out.add(Parent(record.stage, record.digest))
        else:
            shutil.copytree(place, target / place.relative_to(source))


def processes_of(run_id: UUID) -> list[psutil.Process]:
    """Of a flow run: first itself, then what it started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PREFECT__FLOW_RUN_ID") == str(run_id):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return sorted(found, key=lambda process: process.create_time())


def kill_flow(world: World, run: FlowRun) -> list[psutil.Process]:
    flow, *children = processes_of(run.id)
    assert "tasks.flow_run" in flow.cmdline()
    flow.kill()
    return children


def recover_flow(world: World, run: FlowRun) -> None:
    assert world.wait(run.id) == "Crashed", "the worker saw it"
    log, deadline_s = world.repo / ".mirage/worker.log", time.monotonic() + STRIKE_LIMIT_S
    while not re.search(r"flow_runs\.worker - Check whether the flow run exceeded", log.read_text()):
        assert time.monotonic() < deadline_s, "the worker's second word"
        time.sleep(0.3)
    world.run("prefect", "flow-run", "retry", run.name)


def kill_worker(world: World, run: FlowRun) -> list[psutil.Process]:
    processes = processes_of(run.id)
    os.kill(world.process_id("worker"), signal.SIGKILL)
    return processes


def recover_worker(world: World, run: FlowRun) -> None:
    world.run("tasks.services", "up")
    world.run("prefect", "flow-run", "retry", run.name)


def kill_trainer(world: World, run: FlowRun) -> list[psutil.Process]:
    trainer = next(one for one in processes_of(run.id) if "mirage_core.jobs" in one.cmdline())
    trainer.kill()
    return [trainer]


def recover_trainer(world: World, run: FlowRun) -> None:
    """Nothing is to be done: the stage tries once more."""


def kill_server(world: World, run: FlowRun) -> list[psutil.Process]:
    os.kill(world.process_id("server"), signal.SIGKILL)
    return []


def recover_server(world: World, run: FlowRun) -> None:
    """The run waits for the server and goes on."""
    world.run("tasks.services", "up")


@pytest.mark.parametrize(
    ("strike", "recover"),
    [
        (kill_flow, recover_flow),
        pytest.param(kill_worker, recover_worker, marks=pytest.mark.drill),
        (kill_trainer, recover_trainer),
        pytest.param(kill_server, recover_server, marks=pytest.mark.drill),
    ],
    ids=["flow", "worker", "trainer", "server"],
)
def test_a_night_struck_in_the_middle_ends_as_an_undisturbed_one(world, request, strike, recover):
    run, done = world.start_night_up_to_the_middle(request.node.callspec.id)

    killed = strike(world, run)
    _, orphans = psutil.wait_procs(killed, ORPHAN_LIMIT_S)
    assert not orphans, f"outlived what started them: {orphans}"
    recover(world, run)

    assert world.wait(run.id) == "Completed"
    assert_as_undisturbed(world, done)
    assert_nothing_runs(world)


def test_a_night_cancelled_as_in_the_ui_saves_its_training_and_the_retry_of_the_ui_goes_on_there(world):
    run, done = world.start_night_up_to_the_middle("cancelled")

    processes = processes_of(run.id)
    world.client.set_flow_run_state(run.id, Cancelling())
    _, left = psutil.wait_procs(processes, CANCEL_LIMIT_S)
    assert not left, f"not cancelled within {CANCEL_LIMIT_S} s: {left}"
    assert world.wait(run.id) == "Cancelled"
    (scratch,) = world.root.glob(f"{STRUCK}/.scratch-*")
    last_step = json.loads((scratch / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    assert newest_checkpoint(scratch, last_step + 1) == scratch / f"checkpoint-{last_step}"

    world.client.set_flow_run_state(run.id, AwaitingRetry(scheduled_time=datetime.now(UTC)))
    assert world.wait(run.id, after="Cancelled") == "Completed"
    assert_as_undisturbed(world, done)
    assert manifest.read(str(next(world.root.glob(f"{STRUCK}/[!.]*")))).counts["resumed_at"] == last_step
    made = [one for one in stages_of(world.client.read_flow_run(run.id)) if one.artifact]
    done_before = {(place.parent.name, place.name) for place in done}
    assert all(one.state == "Cached" for one in made if (one.artifact.stage, one.artifact.digest) in done_before)
    assert [one.state for one in made if one.stage == STRUCK] == ["Completed"]
    assert_nothing_runs(world)


@pytest.fixture
def told() -> Iterator[tuple[str, list[bytes]]]:
    """Address of a webhook, and what was posted to it."""
    posted = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", posted
        server.shutdown()


@pytest.mark.drill
def test_a_run_whose_heartbeat_stops_is_called_crashed_and_the_users_block_tells_it(world, told):
    """The automations that `up` makes, with seconds instead of minutes; the run is one that nothing works on."""
    assert len(world.client.read_automations_by_name(CRASH_DEAD_RUNS)) == 1
    url, posted = told
    message = {"text": "{{subject}}: {{body}}"}
    CustomWebhookNotificationBlock(name="hook", url=url, json_data=message).save(NOTIFICATION_BLOCK)
    set_up_server()
    run = world.client.create_flow_run(Flow(lambda: None, name="silent"), state=Running())
    watch = dead_run_automation(within_s=10)
    watch.trigger.match = ResourceSpecification({"prefect.resource.id": f"prefect.flow-run.{run.id}"})
    world.client.create_automation(watch)
    beat = Event(event="prefect.flow-run.heartbeat", resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"})
    # not by `emit_event`: in a process that has spoken to another server before, it still speaks to that
    address = str(world.client.api_url).rstrip("/")
    httpx.post(f"{address}/events", json=[beat.model_dump(mode="json")]).raise_for_status()
    assert world.wait(run.id) == "Crashed"
    deadline_s = time.monotonic() + 60
    while not any(run.name.encode() in text and b"no heartbeat for 10 s" in text for text in posted):
        assert time.monotonic() < deadline_s, posted
        time.sleep(0.5)


@pytest.mark.drill
def test_no_slot_stays_taken(world):
    """What the killed held is free again when its lease has run out."""
    deadline_s = time.monotonic() + 2 * LEASE_S + 30
    while True:
        limits = world.client.read_global_concurrency_limits(limit=100, offset=0)
        held = {limit.name: limit.active_slots for limit in limits}
        assert TRAINING_SLOTS in held and len(held) > 1, "that of the deployment, too"
        if not any(held.values()):
            return
        assert time.monotonic() < deadline_s, held
        time.sleep(1)


def assert_as_undisturbed(world: World, done: dict[Path, os.stat_result]) -> None:
    """Data, models and scores are equal, and what was done was not done again."""
    assert result(world.root) == result(world.undisturbed)
    for place, before in done.items():
        after = place.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), f"{place} ran again"


def assert_nothing_runs(world: World) -> None:
    deadline_s = time.monotonic() + 20  # task runs are recorded with some delay
    while True:
        runs = (*world.client.read_flow_runs(), *world.client.read_task_runs())
        if not (left := [run.name for run in runs if run.state_type in OPEN]):
            return
        assert time.monotonic() < deadline_s, left
        time.sleep(0.5)
