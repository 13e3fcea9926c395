"""Photographs: read within bounded memory, from a folder, the hub or installed packages, each for one split only."""
