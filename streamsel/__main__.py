"""``python -m streamsel`` is the ``streamsel`` command."""

from streamsel.cli.main import main

if __name__ == "__main__":
    main()
