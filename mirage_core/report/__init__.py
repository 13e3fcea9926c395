"""One self-contained HTML page from manifests and scores."""
