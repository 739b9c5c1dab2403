"""Facts as pure values: the log that they are folded from, its JSON form, and which of them a read may see."""
