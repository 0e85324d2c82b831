"""Text: a file as a stream of characters, cut where its rows end. What the rows say is decided by `delimited`."""
