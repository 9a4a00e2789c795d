"""How the built-in weights were made: a small network learns to see as a large one does.

``material`` reads clips and photographs, ``views`` and ``procedural`` draw groups of related
pictures, ``teacher`` looks at them once, ``pool`` keeps what it saw, ``distill`` trains. The
command is ``python -m streamsel.embed.training``; it needs ``pip install "streamsel[training]"``.
"""
