"""Distillation: how the built-in weights are trained from large teacher networks.

``material`` reads clips and photographs, ``views`` and ``procedural`` draw groups of related
pictures, ``teacher`` looks at them once, ``pool`` keeps what it saw, ``distill`` trains, ``make``
does it all. The command is ``streamsel train --teacher``; it needs
``pip install "streamsel[training]"``.
"""
