"""`mirage_core.jobs` under accelerate's FSDP2, which it offers to GPU processes only: it is told that ours are some.

Started by test_distributed.py, not a test itself. Tensors stay on the CPU and travel by gloo; all else is accelerate's.
"""

from typing import Any

from accelerate import PartialState
from accelerate.utils import DistributedType

from mirage_core.jobs import app

original = PartialState.__init__


def told(self: PartialState, *args: Any, **kwargs: Any) -> None:
    original(self, *args, **kwargs)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.MULTI_GPU


if __name__ == "__main__":
    PartialState.__init__ = told
    app()
