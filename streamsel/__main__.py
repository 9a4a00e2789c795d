"""Entry point of ``python -m streamsel``: runs the ``streamsel`` command."""

from streamsel.cli.main import main

if __name__ == "__main__":
    main()
