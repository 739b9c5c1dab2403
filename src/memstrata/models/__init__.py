"""Models behind Protocols. So far embedders: built in, ONNX, and OpenAI-compatible services."""
