"""Helper images imagined by an image-to-video model, and how close they come to the true view.

Needs the extra `video` (diffusers); everything else of the program runs without.
"""
