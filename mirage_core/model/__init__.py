"""The latent model on stock transformers: its tokens, processor, recurrence and generation."""
