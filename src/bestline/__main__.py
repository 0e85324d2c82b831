"""`python -m bestline` is `bestline`."""

from bestline.cli import main

main()
