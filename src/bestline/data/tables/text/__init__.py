"""Text: a file as a stream of characters, cut where its rows end.

`stream` reads, unpacks, decodes and cuts; `row_ends` finds where rows end. What the rows say is decided where files are opened.
"""
