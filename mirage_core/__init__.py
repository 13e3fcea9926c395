"""What is true: puzzles, rows, the latent model, training, scoring. Knows nothing of Prefect."""
