"""Export: a fitted line told to other systems, which predict or print what bestline does.

One form a file: `model_file` (.bestline), `sql`, `onnx_graph`, `facts` (JSON), `torch_module`, `script` (plain code),
`report` (a page). `terms` is the line as all of them need it: what each column of the design is made of. They read a
`FittedLine` and nothing else.
"""
