"""Export: a fitted line as something that other systems run: one SQL query, an ONNX graph, a JSON document."""
