"""Which stages run in which order."""
