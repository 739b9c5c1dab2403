"""The memory over the Model Context Protocol: `make_server` for any transport, `mount_mcp` for the HTTP application."""
