"""Distillation: how the built-in weights are trained from large teacher networks.

``material`` reads clips and photographs, ``views`` and ``procedural`` draw groups of related
pictures, ``teacher`` runs the teacher networks, ``pool`` stores their vectors, ``distill`` trains,
``make`` runs all steps. The command is ``streamsel train --teacher``; it needs
``pip install "streamsel[training]"``.
"""
