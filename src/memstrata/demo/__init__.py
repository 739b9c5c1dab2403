"""What `memstrata demo` shows: two invented people's year with an assistant, and questions about it."""
