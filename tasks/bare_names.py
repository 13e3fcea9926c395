"""Lets `prefect deployment run NAME` work without the `FLOW/` part; stock Prefect refuses such a name.

The project's only monkey-patch. Prefect has no setting for this, but its plugin hook (declared in pyproject.toml under
`prefect.plugins`) runs before every command, and every command asks one client method for the deployment. Anything but
exactly one match gets Prefect's own answer.
"""

from typing import TYPE_CHECKING, Any

from prefect.plugins import register_hook

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.plugins import HookContext

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"


@register_hook
def setup_environment(*, ctx: "HookContext") -> None:
    """Wrap the client's look-up by name, once, and only if Prefect still has it."""
    from prefect.client.orchestration import PrefectClient

    original = getattr(PrefectClient, "read_deployment_by_name", None)
    if original is None or getattr(original, "accepts_bare_names", False):
        return

    async def read_deployment_by_name(self: "PrefectClient", name: str) -> "DeploymentResponse":
        if "/" not in name and len(found := await _named(self, name)) == 1:
            return found[0]
        return await original(self, name)

    read_deployment_by_name.accepts_bare_names = True
    PrefectClient.read_deployment_by_name = read_deployment_by_name


async def _named(client: Any, name: str) -> list["DeploymentResponse"]:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

    return await client.read_deployments(
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[name])), limit=2
    )
