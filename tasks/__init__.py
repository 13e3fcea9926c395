"""How it survives: the stage contract, retries, progress, child processes, local services. Imports no flow."""

import logging

# Prefect forwards these loggers to the run's log (`extra_loggers`), but leaves them at WARNING.
for _name in ("mirage_core", "tasks"):
    logging.getLogger(_name).setLevel(logging.INFO)
