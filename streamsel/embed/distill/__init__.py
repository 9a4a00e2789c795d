"""How the built-in weights were made: a small network learns to see as large ones do.

``material`` reads clips and photographs, ``views`` and ``procedural`` draw groups of related
pictures, ``teacher`` looks at them once, ``pool`` keeps what it saw, ``distill`` trains, ``make``
does it all. The command is ``streamsel train --teacher``; it needs
``pip install "streamsel[training]"``.
"""
