"""Api: the doors that `import bestline` opens."""
