"""From a spec to verified rows: puzzles, helper images, reasoning, data set; one file per step."""
