"""Fine-tunes the built-in network on the user's own footage, without labels.

Training starts from existing weights and learns which differences in the footage are irrelevant. A
second loss term limits the change of distances. Held-out footage decides whether it helped.
"""
