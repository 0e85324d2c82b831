"""The command line: every command, and all that is written to a terminal.

`app` lists the commands, one file each or a few that belong together; `options` are those that several commands have. A
command calls the public names of `bestline`; what else it needs comes through `bestline.api`, so that `--help` loads no torch.
Only `terminal` writes.
"""

from bestline.cli.app import main as main
