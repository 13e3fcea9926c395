"""What the commands of data sets ask alike on the command line."""

from typing import Annotated

import typer

Teacher = Annotated[str | None, typer.Option(help="oracle, server or mixed, instead of whom the spec names")]
MaxRequests = Annotated[int | None, typer.Option(help="most HTTP requests to the server, of all runs")]
MaxTokens = Annotated[int | None, typer.Option(help="tokens after which no more is asked, of all runs")]
