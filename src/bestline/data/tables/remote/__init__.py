"""Remote: files behind an address, read with a patience that ends.

`systems` opens what stores a file, by pyarrow or fsspec; `web` reads from web servers. A failure is a `RemoteError`.
"""
