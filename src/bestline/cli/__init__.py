"""The command line: every command, and all that is written to a terminal."""

from bestline.cli.app import main as main
