"""Fine-tunes the built-in network on the user's own footage, without labels.

Starts from weights that are there, learns from the footage which differences do not matter, and is
held to the distances that it started with. What it was not trained on decides whether it helped.
"""
