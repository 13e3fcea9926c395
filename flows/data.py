"""The data set of a spec, whatever its family: what flows that train or examine start from."""

from pathlib import Path

from flows import synth_comt, synth_jigsaw, synth_sat, synth_vsp
from mirage_core.geometry_spec import GeometrySpec
from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.sat_spec import SatSpec
from mirage_core.spec import DatasetSpec, load_spec
from tasks.artifact import Artifact


def build_data(spec: Path) -> Artifact:
    """The data set of a spec's file, by the flow of its family."""
    match load_spec(spec):
        case DatasetSpec():
            return synth_vsp.synth_vsp(spec)
        case JigsawSpec():
            return synth_jigsaw.synth_jigsaw(spec)
        case GeometrySpec():
            return synth_comt.synth_comt(spec)
        case SatSpec():
            return synth_sat.synth_sat(spec)


def held_out_name(spec: Path) -> str:
    """How the rows of split `validation` are called in tables."""
    match load_spec(spec):
        case DatasetSpec():
            return "held-out boards"
        case JigsawSpec():
            return "held-out photographs"
        case GeometrySpec():
            return "held-out problems"
        case SatSpec():
            return "held-out rooms"
